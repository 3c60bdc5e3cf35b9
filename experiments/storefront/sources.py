"""Reads the source pairs: one folder a domain, WebDataset shards beside a JSON-lines table."""

import csv
import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Sample:
    """One picture with its text and where both are from.

    Args:
        source: Key in the source folder, unique over all its domains.
        domain: Source domain, for example ``clipart``.
        group: Category the publisher gave, may be empty.
        title: Name of the thing shown.
        caption: Title with description or keywords.
        package: Published package that holds the picture.
        licence: Licence of this picture.
        creator: Who made it, where the package names somebody.
        picture: Encoded picture as it lies in the source shard.
    """

    source: str
    domain: str
    group: str
    title: str
    caption: str
    package: str
    licence: str
    creator: str
    picture: bytes


def read_domain(
    folder: Path, licences: dict[str, str], creators: dict[str, str]
) -> Iterator[Sample]:
    """Yield every pair of one source domain, both of its splits, in file order.

    Args:
        folder: Domain folder with ``train.jsonl``, ``test.jsonl`` and their shards.
        licences: Licence of each package, used where a pair names none of its own.
        creators: Creator of each source key, as far as known.
    """
    for split in ("train", "test"):
        pictures = _pictures(sorted(folder.glob(f"{split}-*.tar")))
        for line in (folder / f"{split}.jsonl").read_text(encoding="utf8").splitlines():
            row = json.loads(line)
            yield Sample(
                source=row["key"],
                domain=folder.name,
                group=row["group"],
                title=row["title"],
                caption=row["caption"],
                package=row["package"],
                licence=row.get("licence") or licences[row["package"]].removesuffix(" / CC0"),
                creator=creators.get(row["key"], ""),
                picture=pictures[row["key"]],
            )


def read_packages(root: Path) -> dict[str, dict[str, str]]:
    """Return name → {licence, registry, version} of every package the source lists."""
    index = json.loads((root / "index.json").read_text(encoding="utf8"))
    packages: dict[str, dict[str, str]] = {}
    for domain in index["domains"].values():
        for package in domain["packages"]:
            keep = {field: package[field] for field in ("licence", "registry", "version")}
            packages[package["name"]] = keep
    return packages


def read_creators(path: Path) -> dict[str, str]:
    """Return source key → creator (with the collection it was published in)."""
    with path.open(encoding="utf8", newline="") as table:
        return {
            row["source"]: f"{row['creator']} ({row['collection']})".removesuffix(" ()")
            for row in csv.DictReader(table)
        }


def _pictures(shards: list[Path]) -> dict[str, bytes]:
    pictures: dict[str, bytes] = {}
    for shard in shards:
        with tarfile.open(shard) as archive:
            for member in archive:
                key, _, extension = member.name.rpartition(".")
                content = archive.extractfile(member)
                if extension != "txt" and content is not None:
                    pictures[key] = content.read()
    return pictures
