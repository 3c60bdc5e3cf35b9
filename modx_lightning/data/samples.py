"""Random access to the samples of several shards."""

import os
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from modx_lightning.batch import Skip
from modx_lightning.data.captions import parse_captions
from modx_lightning.data.shard_index import CAPTION_SUFFIXES, ShardIndex
from modx_lightning.data.shards import ShardError

_MAX_OPEN_FILES = 64  # far below the usual limit of 1,024 descriptors in a process


class Sample(NamedTuple):
    """One sample as it lies in its shard."""

    key: str  # "<split>/<shard>/<key in the shard>"
    picture: bytes  # compressed
    captions: list[str]  # at least one


class Samples:
    """The usable samples of some shards, by number; picklable, for any number of processes.

    Args:
        indexes: One for each shard.
        labels: What comes before a sample's own key, one for each shard.
        max_pixels: Largest width times height of a picture that is decoded.
    """

    def __init__(
        self, indexes: Sequence[ShardIndex], labels: Sequence[str], max_pixels: int
    ) -> None:
        self.max_pixels = max_pixels
        self.skips: list[Skip] = [skip for index in indexes for skip in index.skips]
        self._indexes, self._labels = list(indexes), list(labels)
        sizes = [len(index.keys) for index in indexes]
        self.shard_starts: NDArray[np.int64] = np.cumsum([0, *sizes], dtype=np.int64)
        self._open: OrderedDict[int, int] = OrderedDict()  # shard → descriptor, oldest use first

    def __len__(self) -> int:
        return int(self.shard_starts[-1])

    def __add__(self, other: "Samples") -> "Samples":
        return Samples(
            self._indexes + other._indexes, self._labels + other._labels, self.max_pixels
        )

    def key(self, number: int) -> str:
        """Return the key of a sample, unique in a stream."""
        shard, row = self._locate(number)
        return f"{self._labels[shard]}/{self._indexes[shard].keys[row]}"

    def shard_name(self, number: int) -> str:
        """Return the label of the shard that holds a sample."""
        return self._labels[self._locate(number)[0]]

    def __getitem__(self, number: int) -> Sample:
        shard, row = self._locate(number)
        index = self._indexes[shard]
        return Sample(
            f"{self._labels[shard]}/{index.keys[row]}",
            self._read(shard, *index.image[row]),
            self._captions(shard, row),
        )

    def captions(self, number: int) -> list[str]:
        """Return all captions of a sample."""
        return self._captions(*self._locate(number))

    def _captions(self, shard: int, row: int) -> list[str]:
        offset, size, kind = self._indexes[shard].caption[row]
        return parse_captions(self._read(shard, offset, size), CAPTION_SUFFIXES[kind])

    def _locate(self, number: int) -> tuple[int, int]:
        if not 0 <= number < len(self):
            raise IndexError(f"expected a sample number below {len(self)}, got {number}")
        shard = int(np.searchsorted(self.shard_starts, number, side="right")) - 1
        return shard, int(number - self.shard_starts[shard])

    def _read(self, shard: int, offset: int, size: int) -> bytes:
        index = self._indexes[shard]
        descriptor = self._descriptor(shard)
        status = os.fstat(descriptor)
        data = os.pread(descriptor, int(size), int(offset))
        if len(data) < size or (status.st_size, status.st_mtime_ns) != (index.size, index.mtime_ns):
            raise ShardError(
                f"shard {index.path} was changed while it was in use (it had {index.size:,} bytes, "
                f"now {status.st_size:,}); start again"
            )
        return data

    def _descriptor(self, shard: int) -> int:
        if shard in self._open:
            self._open.move_to_end(shard)
            return self._open[shard]
        if len(self._open) >= _MAX_OPEN_FILES:
            os.close(self._open.popitem(last=False)[1])
        try:
            self._open[shard] = os.open(self._indexes[shard].path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise ShardError(
                f"shard {self._indexes[shard].path} was removed while it was in use; start again"
            ) from error
        return self._open[shard]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_open": OrderedDict()}  # another process opens its own

    def __del__(self) -> None:
        for descriptor in getattr(self, "_open", {}).values():
            os.close(descriptor)
