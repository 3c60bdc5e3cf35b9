"""Write samples as WebDataset shards, all or none."""

import hashlib
import io
import re
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from modx_lightning.batch import Skip
from modx_lightning.data import skips
from modx_lightning.data.captions import CaptionError, parse_captions
from modx_lightning.data.picture_file import picture_file
from modx_lightning.data.pictures import PictureError, PictureTooLargeError
from modx_lightning.data.readers.raw_sample import RawSample

_UNFIT = re.compile(r"[^A-Za-z0-9_-]+")


@dataclass
class ShardInfo:
    """One finished shard.

    Args:
        file: Its name.
        samples: Samples in it.
        bytes: Its size.
        sha256: Of the whole file.
    """

    file: str
    samples: int
    bytes: int
    sha256: str


@dataclass
class WrittenSplit:
    """What one call wrote.

    Args:
        name: Shards are called ``<name>-00000.tar`` and so on.
        captions: Captions of all samples together.
        shards: The shards.
        skips: Samples that could not be used.
    """

    name: str
    captions: int = 0
    shards: list[ShardInfo] = field(default_factory=list[ShardInfo])
    skips: list[Skip] = field(default_factory=list[Skip])

    @property
    def samples(self) -> int:
        """Samples in all shards."""
        return sum(shard.samples for shard in self.shards)


def write_shards(
    samples: Iterable[RawSample],
    folder: Path,
    name: str,
    samples_per_shard: int = 5_000,
    max_side: int | None = None,
) -> WrittenSplit:
    """Write samples to ``<folder>/<name>-NNNNN.tar`` in the given order.

    Shards grow in a temporary folder and move to their place together at the end. The same
    samples give the same bytes.

    Args:
        samples: What a reader yields.
        folder: Where the shards go; made if it does not exist.
        name: Name of the split; older shards of it are replaced.
        samples_per_shard: Samples in a shard; the last one may have fewer.
        max_side: Pixels of the longer side above which pictures are scaled down.

    Raises:
        ValueError: If not one sample can be used, or a number is below 1.
    """
    if samples_per_shard < 1 or (max_side is not None and max_side < 1):
        raise ValueError(
            "expected samples_per_shard and max_side of at least 1, got "
            f"{samples_per_shard} and {max_side}"
        )
    folder.mkdir(parents=True, exist_ok=True)
    written = WrittenSplit(name)
    usable = _usable(samples, written, max_side)
    with tempfile.TemporaryDirectory(dir=folder, prefix=f".{name}-") as temporary:
        files = list(_write_all(usable, Path(temporary), written, samples_per_shard))
        if not files:
            reasons = skips.count_reasons(written.skips) or "there are none"
            raise ValueError(f"not one sample of {name!r} can be used: {reasons}")
        for old in existing_shards(folder, name):
            old.unlink()
        for file in files:
            file.rename(folder / file.name)
    return written


def existing_shards(folder: Path, name: str) -> list[Path]:
    """Return the shards of a split that are already in a folder."""
    return sorted(folder.glob(f"{name}-[0-9][0-9][0-9][0-9][0-9].tar"))


def _write_all(
    members: Iterator[list[tuple[str, bytes]]],
    folder: Path,
    written: WrittenSplit,
    samples_per_shard: int,
) -> Iterator[Path]:
    pending = next(members, None)
    while pending is not None:
        path = folder / f"{written.name}-{len(written.shards):05d}.tar"
        count = 0
        with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
            while pending is not None and count < samples_per_shard:
                for file, data in pending:
                    _add(tar, file, data)
                count += 1
                pending = next(members, None)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        written.shards.append(ShardInfo(path.name, count, path.stat().st_size, digest))
        yield path


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)  # no time, no owner: equal samples give equal shards
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


def _usable(
    samples: Iterable[RawSample], written: WrittenSplit, max_side: int | None
) -> Iterator[list[tuple[str, bytes]]]:
    """Yield the members of each sample that can be used; count the others."""
    taken: set[str] = set()
    for sample in samples:
        key = _fitting_key(sample.key, taken)
        try:
            text = "\n".join(" ".join(caption.split()) for caption in sample.captions).encode()
            captions = parse_captions(text, "txt")
            picture, suffix = picture_file(sample.read(), max_side)
        except CaptionError as error:
            written.skips.append(Skip(written.name, sample.key, str(error)))
        except PictureTooLargeError:
            written.skips.append(Skip(written.name, sample.key, skips.PICTURE_TOO_LARGE))
        except (PictureError, ValueError):
            written.skips.append(Skip(written.name, sample.key, skips.PICTURE_UNREADABLE))
        except FileNotFoundError:
            written.skips.append(Skip(written.name, sample.key, skips.PICTURE_MISSING))
        else:
            written.captions += len(captions)
            yield [(f"{key}.{suffix}", picture), (f"{key}.txt", text)]


def _fitting_key(wanted: str, taken: set[str]) -> str:
    """Turn any name into a key: a dot would end it and a slash would make it a path."""
    stem = _UNFIT.sub("_", wanted).strip("_") or "sample"
    key, again = stem, 1
    while key in taken:
        again += 1
        key = f"{stem}-{again}"
    taken.add(key)
    return key
