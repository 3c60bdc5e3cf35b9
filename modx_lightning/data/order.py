"""The order of samples: a pure function of (seed, phase, epoch).

Ranks, workers and restarts only choose which part of the one global order they read, so they
cannot change it. See docs/decisions/0004-data-order-is-a-pure-function.md.
"""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from modx_lightning.data.seeding import bits, permutation


class Draw(NamedTuple):
    """One showing of a sample."""

    number: int  # of the sample
    epoch: int
    copy: int = 0  # 0, 1, … for a sample that is shown more than once in an epoch


class Part(NamedTuple):
    """A run of sample numbers of which each epoch shows a given number."""

    size: int  # samples
    draws: int  # showings in each epoch; may exceed ``size``


def mixture(own: Sequence[tuple[int, float]], pools: Sequence[int], replay: float) -> list[Part]:
    """Work out how many samples of each domain an epoch shows.

    Args:
        own: Size and weight of each domain that the phase is made of.
        pools: Sizes of the earlier domains that replay draws from.
        replay: Share of replayed samples in an epoch, in [0, 1).

    Returns:
        ``own`` with ``round(weight * size)`` draws each, then ``pools`` with equal draws that
        sum up to ``round(n * replay / (1 - replay))``, where ``n`` counts the draws of ``own``.
    """
    parts = [Part(size, round(weight * size)) for size, weight in own]
    if not pools:
        return parts
    replayed = round(sum(part.draws for part in parts) * replay / (1 - replay))
    even, rest = divmod(replayed, len(pools))
    return parts + [Part(size, even + (i < rest)) for i, size in enumerate(pools)]


class EpochOrder:
    """The showings of each epoch of one phase, in order.

    A part is shown in full ``draws // size`` times; a seeded choice, another one in each epoch,
    fills up the rest. Then all are shuffled. With more shards than ``window_shards`` the shards
    are shuffled first and samples only inside windows of that many shards, so that readers stay
    in few files at a time.

    Args:
        parts: What an epoch is made of; sample numbers run through all of them.
        shard_starts: Number of the first sample of each shard, then the number of all samples.
        seed: Seed of the run.
        phase: Name of the phase.
        window_shards: Shards that are shuffled together.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        shard_starts: NDArray[np.int64],
        seed: int,
        phase: str,
        window_shards: int = 64,
    ) -> None:
        if window_shards < 1:
            raise ValueError(f"expected window_shards of at least 1, got {window_shards}")
        if sum(part.size for part in parts) != shard_starts[-1]:
            raise ValueError(
                f"expected parts of {shard_starts[-1]} samples, got {[p.size for p in parts]}"
            )
        self._parts, self._shard_starts = list(parts), shard_starts
        self._words = (seed, phase)
        self._window_shards = window_shards

    def __len__(self) -> int:
        return sum(part.draws for part in self._parts)

    def __call__(self, epoch: int) -> NDArray[np.int64]:
        """Return sample numbers and copies of an epoch, ``(len(self), 2)``."""
        words = (*self._words, epoch)
        starts = np.cumsum([0, *(part.size for part in self._parts)])
        chosen = [
            _choose(part, int(start), i, words)
            for i, (part, start) in enumerate(zip(self._parts, starts[:-1], strict=True))
        ]
        draws = np.concatenate(chosen)
        shards = len(self._shard_starts) - 1
        shard = np.searchsorted(self._shard_starts, draws[:, 0], side="right") - 1
        place = np.argsort(permutation(shards, *words, "shards"))
        window = place[shard] // self._window_shards
        return draws[np.lexsort((bits(len(draws), *words, "samples"), window))]

    def digest(self, epoch: int = 0) -> str:
        """Return a SHA-256 of an epoch's order."""
        return hashlib.sha256(self(epoch).astype("<i8").tobytes()).hexdigest()


def _choose(part: Part, start: int, number: int, words: tuple[str | int, ...]) -> NDArray[np.int64]:
    """Choose the showings of one part, not yet shuffled."""
    full, rest = divmod(part.draws, part.size)
    some = permutation(part.size, *words, "part", number)[:rest] if rest else []
    index = np.concatenate([*([np.arange(part.size)] * full), some])
    copy = np.repeat(np.arange(full + 1), [*([part.size] * full), rest])
    return np.stack([start + index, copy], axis=1).astype(np.int64)
