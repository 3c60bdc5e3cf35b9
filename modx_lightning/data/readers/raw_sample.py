"""What every reader yields."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple


class RawSample(NamedTuple):
    """One picture of a raw data set, not yet read, with its captions."""

    key: str  # wanted key; the shard writer makes it fit and unique
    captions: list[str]
    read: Callable[[], bytes]  # returns the compressed picture; raises OSError or ValueError


def file_sample(key: str, captions: list[str], path: Path) -> RawSample:
    """Make a sample of a picture file."""
    return RawSample(key, captions, path.read_bytes)


class MalformedSourceError(ValueError):
    """A raw data file is not in the format its reader expects."""
