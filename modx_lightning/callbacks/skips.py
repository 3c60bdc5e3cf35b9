"""Count the training samples that could not be used."""

import logging
from collections import Counter
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from modx_lightning.batch import Batch
from modx_lightning.distributed import gather_objects

log = logging.getLogger(__name__)

_FIRST_VERDICT = 1000  # samples; below, a handful of bad ones is no fraction yet
_VERDICT_EVERY = 50  # batches between two verdicts of several ranks


class TooManyBadSamplesError(RuntimeError):
    """More of the training data is unusable than was allowed."""


class SkipCounter(Callback):
    """Count skipped samples by shard and reason, and stop when they are too many.

    The first of each kind is logged when it comes, all of them with their number at the end of
    the phase. The fraction is taken of at least 1000 samples, all epochs and ranks together.

    Args:
        max_bad_fraction: Largest part of the samples drawn that may be unusable, 0 to 1.

    Raises:
        ValueError: If ``max_bad_fraction`` is not within 0 and 1.
    """

    def __init__(self, max_bad_fraction: float = 0.01) -> None:
        if not 0 <= max_bad_fraction <= 1:
            raise ValueError(f"max_bad_fraction must be within 0 and 1, got {max_bad_fraction}")
        self.max_bad_fraction = max_bad_fraction
        self.counts: Counter[tuple[str, str]] = Counter()  # (shard, reason), of this rank
        self.samples = 0  # good ones, of this rank

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Batch,
        batch_idx: int,
    ) -> None:
        self.samples += len(batch.keys)
        for skip in batch.skipped:
            kind = (skip.shard, skip.reason)
            if not self.counts[kind]:
                log.warning("%s: skipping %s (%s); counting", skip.shard, skip.key, skip.reason)
            self.counts[kind] += 1
        if trainer.world_size == 1 or (batch_idx + 1) % _VERDICT_EVERY == 0:
            self._judge()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        for (shard, reason), count in sorted(self.total().items()):
            if trainer.is_global_zero:
                log.warning("%s: %d skipped in this phase (%s)", shard, count, reason)

    def total(self) -> Counter[tuple[str, str]]:
        """Add up the counts of all ranks; every rank must call this together."""
        return sum(gather_objects(self.counts), Counter[tuple[str, str]]())

    def _judge(self) -> None:
        # All ranks judge the same numbers, so that they stop together.
        everywhere = gather_objects((self.counts.total(), self.samples))
        bad, good = (sum(numbers) for numbers in zip(*everywhere, strict=True))
        if bad <= self.max_bad_fraction * max(bad + good, _FIRST_VERDICT):
            return
        (shard, reason), count = self.counts.most_common(1)[0] if self.counts else (("?", "?"), 0)
        raise TooManyBadSamplesError(
            f"{bad} of {bad + good} training samples could not be used, more than "
            f"callbacks.skips.max_bad_fraction={self.max_bad_fraction} allows. Most often in "
            f"{shard}: {reason} ({count} times). Mend the shard, or allow more"
        )

    def state_dict(self) -> dict[str, Any]:
        counts = [[shard, reason, count] for (shard, reason), count in self.counts.items()]
        return {"counts": counts, "samples": self.samples}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.counts = Counter({(s, reason): n for s, reason, n in state_dict["counts"]})
        self.samples = state_dict["samples"]
