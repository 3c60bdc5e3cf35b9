"""Divide one data set evenly into the phases of a stream."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TypeVar

from modx_lightning.data.seeding import permutation

T = TypeVar("T")


def contiguous_parts(items: Sequence[T], parts: int) -> list[list[T]]:
    """Cut into ``parts`` runs in the given order, as Mod-X's released code does.

    Sizes differ by one at most. Part ``k`` holds items ``n*k // parts`` to ``n*(k+1) // parts``.

    Raises:
        ValueError: If there are fewer items than parts.
    """
    if not 1 <= parts <= len(items):
        raise ValueError(f"expected 1 to {len(items)} parts of {len(items)} items, got {parts}")
    edges = [len(items) * k // parts for k in range(parts + 1)]
    return [list(items[a:b]) for a, b in pairwise(edges)]


def random_parts(items: Sequence[T], parts: int, seed: int) -> list[list[T]]:
    """Cut a seeded shuffle into ``parts`` runs, as the Mod-X paper words it.

    Raises:
        ValueError: If there are fewer items than parts.
    """
    order = permutation(len(items), seed, "parts").tolist()
    return contiguous_parts([items[i] for i in order], parts)
