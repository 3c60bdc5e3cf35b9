"""A training loader that a checkpoint can remember the place of."""

from collections.abc import Callable, Iterator
from typing import Any

from torch.utils.data import Dataset

from modx_lightning.data.batches import EpochBatches
from modx_lightning.data.loading import BatchLoader


class TrainLoader(BatchLoader):
    """Batches of one phase; continues inside an epoch after a restart.

    Lightning finds ``state_dict`` and ``load_state_dict`` and keeps the place in its checkpoints.

    Args:
        dataset: The pairs of the phase.
        batches: The batches of this rank.
        collate: Makes a batch of pairs.
        workers: Worker processes; 0 reads in this process.
    """

    def __init__(
        self,
        dataset: Dataset[Any],
        batches: EpochBatches,
        collate: Callable[[Any], Any],
        workers: int,
    ) -> None:
        super().__init__(dataset, batches, collate, workers)
        self._batches = batches
        self._epoch, self._step = batches.epoch, 0

    def __iter__(self) -> Iterator[Any]:
        self._epoch, self._step = self._batches.epoch, self._batches.start_step
        return self._counting(super().__iter__())

    def _counting(self, batches: Iterator[Any]) -> Iterator[Any]:
        for batch in batches:
            # Counted before it is handed out: a checkpoint is taken after it has been used.
            self._step += 1
            yield batch

    def state_dict(self) -> dict[str, int]:
        """Return the epoch and the number of batches that were read from it."""
        return {"epoch": self._epoch, "step": self._step}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Let the next iteration begin where the state was taken."""
        finished = state["step"] >= len(self._batches)
        epoch, step = (state["epoch"] + 1, 0) if finished else (state["epoch"], state["step"])
        self._batches.start_at(epoch, step)
