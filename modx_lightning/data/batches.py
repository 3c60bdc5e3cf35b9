"""The part of a phase's order that one rank reads, in batches."""

from collections.abc import Iterator

import torch.distributed as dist
from torch.utils.data import Sampler

from modx_lightning.data.order import Draw, EpochOrder


class EpochBatches(Sampler[list[Draw]]):
    """The batches of one rank: slices of the global batches, which slice the epoch's order.

    The last, incomplete global batch of an epoch is dropped. All ranks have equally many batches.

    Args:
        order: Order of the phase, the same on all ranks.
        batch_size: Samples in a batch over all ranks together.
        rank: This rank.
        world_size: Number of ranks.

    Raises:
        ValueError: If ``batch_size`` cannot be divided among the ranks or no batch is full.
    """

    def __init__(
        self,
        order: EpochOrder,
        batch_size: int,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        if batch_size < 1 or batch_size % world_size:
            raise ValueError(
                f"expected a batch size (all ranks together) that {world_size} rank(s) can share "
                f"evenly, got {batch_size}"
            )
        self._steps = steps_per_epoch(len(order), batch_size)
        self._order, self._batch_size = order, batch_size
        share = batch_size // world_size
        self._slice = slice(rank * share, (rank + 1) * share)
        self._epoch, self._start_step = 0, 0

    @property
    def sampler(self) -> "EpochBatches":
        """Where Lightning looks for ``set_epoch``."""
        return self

    @property
    def epoch(self) -> int:
        """The epoch that the next iterations read."""
        return self._epoch

    @property
    def start_step(self) -> int:
        """The batch that the next iterations begin at."""
        return self._start_step

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch that the next iterations read, from its first batch on."""
        if epoch != self._epoch:
            self._epoch, self._start_step = epoch, 0

    def start_at(self, epoch: int, step: int) -> None:
        """Let iterations begin inside an epoch, at batch ``step``, until the epoch changes.

        The length stays that of a whole epoch: Lightning counts the batches of before.

        Raises:
            ValueError: If the epoch does not have that many batches.
        """
        if not 0 <= step <= self._steps:
            raise ValueError(f"expected a step from 0 to {self._steps}, got {step}")
        self._epoch, self._start_step = epoch, step

    def __len__(self) -> int:
        return self._steps

    def __iter__(self) -> Iterator[list[Draw]]:
        # Decided now, not at the first batch: Lightning calls set_epoch once more in between.
        return self._read(self._epoch, self._start_step)

    def _read(self, epoch: int, first: int) -> Iterator[list[Draw]]:
        draws = self._order(epoch)
        for step in range(first, self._steps):
            batch = draws[step * self._batch_size : (step + 1) * self._batch_size][self._slice]
            yield [Draw(number, epoch, copy) for number, copy in batch.tolist()]


def steps_per_epoch(draws: int, batch_size: int) -> int:
    """Return the number of full global batches in an epoch.

    Raises:
        ValueError: If there is none.
    """
    if draws < batch_size:
        raise ValueError(
            f"an epoch of {draws:,} sample(s) does not fill one global batch of {batch_size:,}; "
            "set data.batch_size to at most that, or give the phase more data"
        )
    return draws // batch_size


def check_ranks_agree(phase: str, steps: int, digest: str) -> None:
    """Compare the plan of a phase over all ranks, if there are several.

    Ranks with different plans would wait for each other for ever, or train on samples twice.

    Args:
        phase: Name of the phase.
        steps: Batches in an epoch.
        digest: ``EpochOrder.digest`` of the first epoch.

    Raises:
        RuntimeError: If the ranks differ.
    """
    if not dist.is_initialized():
        return
    plans: list[tuple[int, str] | None] = [None] * dist.get_world_size()
    dist.all_gather_object(plans, (steps, digest))
    if len(set(plans)) > 1:
        raise RuntimeError(
            f"the ranks see different data in phase {phase!r}: (batches, order) by rank is "
            f"{[(p[0], p[1][:8]) for p in plans if p]}. Give every node the same shards."
        )
