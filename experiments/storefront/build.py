"""Builds the embedded storefront data: a general domain and five product departments.

    python experiments/storefront/build.py --source DIR --out modx_lightning/assets/storefront

See README.md beside this file for what DIR must hold.
"""

import argparse
import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from captions import caption
from card import write_card
from departments import DOMAINS, SOURCES, Lists, department
from duplicates import groups, near_pairs, same_as_earlier
from pack import write_lines, write_shards
from pictures import Picture, shrink
from sources import Sample, read_creators, read_domain, read_packages
from split import SPLITS, split
from wording import fold, subject

LISTS = Path(__file__).parent / "lists"
SEED = 0
COMMAND = (
    "python experiments/storefront/build.py --source DIR --out modx_lightning/assets/storefront"
)


@dataclass
class Pair:
    """One pair on its way into a shard."""

    sample: Sample
    domain: str
    caption: str
    picture: Picture
    side: str = "train"
    key: str = ""


def main() -> None:
    """Read source pairs, choose, clean and split them, and write the storefront."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--source", type=Path, required=True, help="folder of source domains")
    parser.add_argument("--out", type=Path, required=True, help="folder to write, replaced")
    arguments = parser.parse_args()
    packages = read_packages(arguments.source)
    pairs = drop_same(choose(arguments.source, packages))
    assign_sides(pairs)
    assign_keys(pairs)
    fresh = arguments.out.with_name(f"{arguments.out.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    index = write(fresh, pairs, packages)
    shutil.rmtree(arguments.out, ignore_errors=True)
    fresh.rename(arguments.out)
    for name, domain in index["domains"].items():
        print(name, {side: domain["splits"][side]["pairs"] for side in SPLITS})
    print(index["totals"])


def choose(source: Path, packages: dict[str, dict[str, str]]) -> list[Pair]:
    """Return every pair that has a place in the shop, by domain, then by source key."""
    lists = Lists.read(LISTS)
    creators = read_creators(LISTS / "creators.csv")
    licences = {name: package["licence"] for name, package in packages.items()}
    pairs = [
        Pair(sample, place, caption(sample, lists.foreign), shrink(sample.picture))
        for folder in SOURCES
        for sample in read_domain(source / folder, licences, creators)
        if (place := department(sample, lists)) is not None
    ]
    return sorted(pairs, key=lambda pair: (DOMAINS.index(pair.domain), pair.sample.source))


def drop_same(pairs: Sequence[Pair]) -> list[Pair]:
    """Drop pairs of a domain whose picture nobody could tell from an earlier one."""
    kept: list[Pair] = []
    for name in DOMAINS:
        own = [pair for pair in pairs if pair.domain == name]
        same = same_as_earlier([pair.picture for pair in own])
        kept += [pair for number, pair in enumerate(own) if number not in same]
    return kept


def assign_sides(pairs: Sequence[Pair]) -> None:
    """Choose train, validation or test for every pair, domain by domain."""
    for name in DOMAINS:
        own = [pair for pair in pairs if pair.domain == name]
        ties = near_pairs([pair.picture for pair in own])
        first: dict[str, int] = {}
        for number, pair in enumerate(own):
            ties.append((first.setdefault(subject(pair.caption), number), number))
        sides = split([pair.sample.source for pair in own], groups(len(own), ties), SEED)
        for pair, side in zip(own, sides, strict=True):
            pair.side = side


def assign_keys(pairs: Sequence[Pair]) -> None:
    """Number the pairs of each domain in a seeded order, so neighbours in a shard differ."""
    for name in DOMAINS:
        own = [pair for pair in pairs if pair.domain == name]
        own.sort(key=lambda p: hashlib.sha256(f"key:{SEED}:{p.sample.source}".encode()).digest())
        for number, pair in enumerate(own):
            pair.key = f"{name}-{number:06d}"


def write(out: Path, pairs: Sequence[Pair], packages: dict[str, dict[str, str]]) -> dict[str, Any]:
    """Write shards, provenance, index and card; return the index."""
    ordered = sorted(pairs, key=lambda pair: pair.key)
    domains: dict[str, Any] = {}
    for name in DOMAINS:
        own = [pair for pair in ordered if pair.domain == name]
        splits = {side: _write_split(out, name, side, own) for side in SPLITS}
        licences = Counter(pair.sample.licence for pair in own)
        domains[name] = {
            "pairs": len(own),
            "packages": dict(sorted(Counter(p.sample.package for p in own).items())),
            "licences": dict(sorted(licences.items())),
            "splits": splits,
        }
    write_lines(out / "provenance.jsonl.gz", [_provenance(pair) for pair in ordered])
    shards = [s for d in domains.values() for one in d["splits"].values() for s in one["shards"]]
    index = {
        "name": "storefront",
        "command": COMMAND,
        "seed": SEED,
        "picture": {"width": 64, "height": 64, "format": "WebP", "mode": "RGB"},
        "packages": {n: packages[n] for n in sorted({p.sample.package for p in pairs})},
        "domains": domains,
        "totals": {
            "pairs": len(pairs),
            "shards": len(shards),
            "bytes": sum(s["bytes"] for s in shards),
        },
    }
    (out / "index.json").write_text(json.dumps(index, indent=1) + "\n", encoding="utf8")
    write_card(out / "DATA_CARD.md", index)
    return index


def _write_split(out: Path, name: str, side: str, pairs: Sequence[Pair]) -> dict[str, Any]:
    own = [pair for pair in pairs if pair.side == side]
    samples = [(pair.key, pair.picture.webp, pair.caption) for pair in own]
    return {
        "pairs": len(own),
        "unique_captions": len({fold(pair.caption) for pair in own}),
        "shards": write_shards(out / name, side, samples),
    }


def _provenance(pair: Pair) -> str:
    row = {
        "key": pair.key,
        "package": pair.sample.package,
        "licence": pair.sample.licence,
        "creator": pair.sample.creator,
        "title": pair.sample.title,
    }
    row = {field: value for field, value in row.items() if value}
    return json.dumps(row, ensure_ascii=False)


if __name__ == "__main__":
    main()
