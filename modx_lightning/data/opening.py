"""Open the shards of one split and refuse a split with too many unusable samples."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from modx_lightning.data import skips
from modx_lightning.data.index_cache import load_index
from modx_lightning.data.samples import Samples
from modx_lightning.data.shard_cache import default_cache_dir, plain_tar
from modx_lightning.data.shard_index import ShardIndex
from modx_lightning.data.shards import ShardError, expand

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ReadSettings:
    """How shards are opened.

    Args:
        cache_dir: Folder of plain copies and indexes.
        max_bad_fraction: Share of unusable samples in one split above which nothing starts.
        max_pixels: Largest width times height of a picture.
    """

    cache_dir: Path = field(default_factory=default_cache_dir)
    max_bad_fraction: float = 0.01
    max_pixels: int = 50_000_000


def open_samples(
    split: str, patterns: str | Sequence[str], root: str | Path, settings: ReadSettings
) -> Samples:
    """Find, copy if need be, index and check the shards of one split.

    Unusable samples are logged once per shard and reason. One unusable sample is always let
    pass, so that a small split does not fail at the first.

    Args:
        split: Name of the split, such as ``"furniture/train"``.
        patterns: See ``shards.expand``.
        root: What relative patterns start from.
        settings: How to open shards.

    Raises:
        FileNotFoundError: If a pattern matches nothing.
        ShardError: If a shard is empty, no tar or cannot be copied, or more than
            ``max_bad_fraction`` of the samples (and more than one) are unusable.
    """
    names = expand(patterns, root)
    indexes: list[ShardIndex] = []
    for name in names:
        path = plain_tar(name, settings.cache_dir)
        index = load_index(path, _stem(name), settings.max_pixels, settings.cache_dir)
        if not index.keys:
            raise ShardError(_no_samples(name, index))
        indexes.append(index)
    samples = Samples(indexes, _labels(split, names), settings.max_pixels)
    skips.log_skips(log, samples.skips)
    _check_bad_fraction(split, samples, settings.max_bad_fraction)
    return samples


def _check_bad_fraction(split: str, samples: Samples, allowed: float) -> None:
    lost = [skip for skip in samples.skips if skip.reason not in skips.HARMLESS]
    fraction = len(lost) / (len(lost) + len(samples))
    if len(lost) <= 1 or fraction <= allowed:
        return
    table = "\n".join(f"  {n:>8,}  {reason}" for reason, n in skips.count_reasons(lost).items())
    raise ShardError(
        f"{len(lost):,} of {len(lost) + len(samples):,} samples of {split} ({fraction:.1%}) cannot "
        f"be used, more than max_bad_fraction={allowed:g} allows:\n{table}\n"
        f"  first: {lost[0].key!r} in {lost[0].shard}\n"
        "Repair the shards, or raise stream.max_bad_fraction to go on without these samples."
    )


def _no_samples(name: str, index: ShardIndex) -> str:
    reasons = skips.count_reasons(index.skips)
    found = ", ".join(f"{count:,} of: {reason}" for reason, count in reasons.items())
    return (
        f"shard {name} holds no usable sample ({found or 'it is empty'}); expected members such as "
        "0001.jpg (jpeg, png, webp) beside 0001.txt or 0001.json"
    )


def _labels(split: str, names: Sequence[str]) -> list[str]:
    """Name shards by split and file, not by folder: moved or packed data keep their keys."""
    seen: dict[str, int] = {}
    labels: list[str] = []
    for name in names:
        stem = _stem(name)
        seen[stem] = seen.get(stem, 0) + 1
        labels.append(f"{split}/{stem}" + (f"~{seen[stem]}" if seen[stem] > 1 else ""))
    return labels


def _stem(name: str) -> str:
    """File name of a path, URL or command, up to its first dot."""
    return name.rstrip("/ -").rsplit("/", 1)[-1].split(".")[0] or "shard"
