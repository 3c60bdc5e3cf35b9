"""Finds pictures that are the same or nearly so, and ties together what must share a split."""

from collections.abc import Iterable, Sequence

import numpy as np
from pictures import Picture

# Chosen by eye on pairs sorted by distance: up to here one thing drawn twice, or variants of it.
NEAR = ((64, 0.02), (6, 0.05), (3, 0.06))
# Up to here nobody can tell the two apart at the packed size.
SAME_DISTANCE = 0.012


def near_pairs(pictures: Sequence[Picture]) -> list[tuple[int, int]]:
    """Return ``(i, j)`` of all near duplicates, ``i < j``.

    Near means: for one of the limits in ``NEAR``, at most so many of the 64 hash bits differ
    and the root mean square distance of the coarse pixels (in [0, 1]) is at most so large.
    """
    hashes = np.array([p.difference_hash for p in pictures], np.uint64)
    pixels = np.stack([p.pixels.ravel() for p in pictures])
    widest = max(bits for bits, _ in NEAR)
    found: list[tuple[int, int]] = []
    for i in range(len(pictures) - 1):
        bits = np.bitwise_count(hashes[i + 1 :] ^ hashes[i])
        close = np.flatnonzero(bits <= widest)
        distances = np.sqrt(np.mean((pixels[close + i + 1] - pixels[i]) ** 2, axis=1))
        for j, distance in zip(close, distances, strict=True):
            if any(bits[j] <= limit and distance <= reach for limit, reach in NEAR):
                found.append((i, int(j) + i + 1))
    return found


def same_as_earlier(pictures: Sequence[Picture]) -> set[int]:
    """Return the indices of pictures that cannot be told from an earlier one."""
    return {
        j
        for i, j in near_pairs(pictures)
        if np.sqrt(np.mean(((pictures[i].fine / 255.0) - (pictures[j].fine / 255.0)) ** 2))
        <= SAME_DISTANCE
    }


def groups(count: int, ties: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Return the connected components of ``count`` items under ``ties``, each in order."""
    parent = list(range(count))

    def root(item: int) -> int:
        while parent[item] != item:
            parent[item] = parent[parent[item]]
            item = parent[item]
        return item

    for a, b in ties:
        low, high = sorted((root(a), root(b)))
        parent[high] = low
    members: dict[int, list[int]] = {}
    for item in range(count):
        members.setdefault(root(item), []).append(item)
    return list(members.values())
