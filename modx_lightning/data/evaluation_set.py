"""A set that models are scored on: every picture once, with all its captions."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import Dataset

from modx_lightning.batch import Skip
from modx_lightning.data import skips
from modx_lightning.data.dataset import Transform
from modx_lightning.data.loading import BatchLoader, worker_count
from modx_lightning.data.pictures import PictureError, decode_picture
from modx_lightning.data.samples import Samples

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class EvaluationBatch:
    """Some pictures of a set with all their captions."""

    index: Tensor  # (B,) int64, sample numbers of the whole set
    image: Tensor  # (B, 3, H, W) uint8
    captions: list[list[str]]  # B lists, each of at least one
    skipped: tuple[Skip, ...] = ()  # samples left out since the last batch
    keys: tuple[str, ...] = ()  # B


class EvaluationSet:
    """Pictures and captions to score a model on.

    Args:
        name: Column of the score matrix.
        samples: The samples of the set.
        learned_in: Row of the score matrix from which on the model has been trained on this
            domain: 0 for the domain it starts from, ``i`` for phase ``i``, None for never.
    """

    def __init__(self, name: str, samples: Samples, learned_in: int | None = None) -> None:
        self.name, self.learned_in = name, learned_in
        self.samples = samples

    def __len__(self) -> int:
        return len(self.samples)

    def loader(
        self,
        transform: Transform,
        batch_size: int,
        rank: int = 0,
        world_size: int = 1,
        workers: int | str = 0,
    ) -> "EvaluationLoader":
        """Load the samples ``rank``, ``rank + world_size``, …: none twice, none as padding."""
        if batch_size < 1:
            raise ValueError(f"expected a batch size of at least 1, got {batch_size}")
        count = worker_count(workers, len(self) // world_size, world_size)
        return EvaluationLoader(
            self.samples, transform, range(rank, len(self), world_size), batch_size, count
        )


class _Item(NamedTuple):
    number: int
    image: Tensor | None  # None: damaged
    captions: list[str]
    key: str


class _Pictures(Dataset[_Item]):
    def __init__(self, samples: Samples, transform: Transform) -> None:
        self._samples, self._transform = samples, transform

    def __getitem__(self, number: int) -> _Item:
        sample = self._samples[number]
        try:
            picture = decode_picture(sample.picture, self._samples.max_pixels)
        except PictureError:
            return _Item(number, None, sample.captions, sample.key)
        return _Item(number, self._transform(picture), sample.captions, sample.key)


class EvaluationLoader:
    """Batches of some samples of a set; damaged pictures are left out, counted and logged.

    Args:
        samples: All samples of the set.
        transform: Turns an RGB picture into a uint8 tensor ``(3, H, W)``.
        numbers: The samples to load.
        batch_size: Samples in a batch; the last one, and one with damaged pictures, are smaller.
        workers: Worker processes.
    """

    def __init__(
        self,
        samples: Samples,
        transform: Transform,
        numbers: Sequence[int],
        batch_size: int,
        workers: int,
    ) -> None:
        self._samples = samples
        batches = [list(numbers[i : i + batch_size]) for i in range(0, len(numbers), batch_size)]
        self._loader = BatchLoader(_Pictures(samples, transform), batches, list[_Item], workers)
        self.skipped: list[Skip] = []  # all of the last iteration

    def __len__(self) -> int:
        """Return the number of batches if no picture is damaged."""
        return len(self._loader)

    def __iter__(self) -> Iterator[EvaluationBatch]:
        self.skipped = []
        told = 0  # skips that an earlier batch has carried
        for items in self._loader:
            good = [item for item in items if item.image is not None]
            self.skipped += [self._skip(item) for item in items if item.image is None]
            if good:
                yield _batch(good, tuple(self.skipped[told:]))
                told = len(self.skipped)
        skips.log_skips(log, self.skipped)

    def _skip(self, item: _Item) -> Skip:
        shard = self._samples.shard_name(item.number)
        return Skip(shard, item.key, skips.PICTURE_UNREADABLE)


def _batch(items: list[_Item], skipped: tuple[Skip, ...]) -> EvaluationBatch:
    return EvaluationBatch(
        torch.tensor([item.number for item in items], dtype=torch.int64),
        torch.stack([item.image for item in items if item.image is not None]),
        [item.captions for item in items],
        skipped,
        tuple(item.key for item in items),
    )
