"""Randomness as a function: the same words give the same numbers, on any machine and version.

NumPy promises stable streams for its bit generators only, not for ``Generator.permutation``, so
orders are made by sorting raw Philox bits.
"""

import hashlib

import numpy as np
from numpy.typing import NDArray


def permutation(size: int, *words: str | int) -> NDArray[np.int64]:
    """Return a permutation of ``range(size)`` that depends on ``words`` alone."""
    return np.argsort(bits(size, *words), kind="stable")


def bits(size: int, *words: str | int) -> NDArray[np.uint64]:
    """Return ``size`` random 64-bit numbers that depend on ``words`` alone."""
    return np.random.Philox(key=_digest(*words)).random_raw(size)


def uniforms(size: int, *words: str | int) -> NDArray[np.float64]:
    """Return ``size`` numbers in [0, 1) that depend on ``words`` alone."""
    return (bits(size, *words) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def choice(options: int, *words: str | int) -> int:
    """Return a number in ``range(options)`` that depends on ``words`` alone."""
    return _digest(*words) % options


def _digest(*words: str | int) -> int:
    """Hash words to 128 bits; the separator keeps ("ab", "c") apart from ("a", "bc")."""
    text = "\x1f".join(str(word) for word in words)
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "backslashreplace")).digest()[:16])
