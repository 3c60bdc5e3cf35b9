"""Splits a domain by picture into train, validation and test; tied pairs stay on one side."""

import hashlib
from collections.abc import Sequence

SPLITS = ("train", "validation", "test")
TEST_SHARE = 0.25
VALIDATION_SHARE = 0.07
MIN_TEST = 104
# A tied group larger than this would fill a test set with one thing: it goes to train.
MAX_HELD_OUT_GROUP = 6


def split(keys: Sequence[str], tied: Sequence[Sequence[int]], seed: int) -> list[str]:
    """Return the split of each key.

    Groups are taken in an order that only the seed and their first key decide, so one pair
    more or less in the source moves few others.

    Args:
        keys: Source key of each pair of one domain.
        tied: Partition of the indices into groups that must not be separated.
        seed: Any integer.
    """
    test_wanted = max(round(TEST_SHARE * len(keys)), min(MIN_TEST, len(keys) // 2))
    validation_wanted = round(VALIDATION_SHARE * len(keys))
    sides = ["train"] * len(keys)
    wanted = {"test": test_wanted, "validation": validation_wanted}
    for group in sorted(tied, key=lambda g: _draw(seed, min(keys[i] for i in g))):
        if len(group) > MAX_HELD_OUT_GROUP:
            continue
        side = next((name for name, left in wanted.items() if left >= len(group)), None)
        if side is None:
            continue
        wanted[side] -= len(group)
        for index in group:
            sides[index] = side
    return sides


def _draw(seed: int, key: str) -> str:
    return hashlib.sha256(f"{seed}:{key}".encode()).hexdigest()
