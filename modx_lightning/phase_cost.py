"""What training one phase has cost."""

from collections.abc import Mapping
from dataclasses import dataclass

from modx_lightning.reporting.results import SkipCount


@dataclass(frozen=True)
class PhaseCost:
    """Steps, time and samples of one phase.

    Args:
        steps: Optimizer steps.
        seconds: Seconds of training and of waiting for data, without evaluation.
        samples: Samples trained on, over all ranks.
        skipped: Training samples that could not be used.
    """

    steps: int
    seconds: float
    samples: int
    skipped: tuple[SkipCount, ...]

    def added_to(self, timing: Mapping[str, float | None]) -> dict[str, float | None]:
        """Return the run's ``timing`` with this phase in it."""
        seconds = (timing.get("train_seconds") or 0.0) + self.seconds
        samples = int(timing.get("samples") or 0) + self.samples
        rate = samples / seconds if seconds > 0 else None
        return {"train_seconds": seconds, "samples": samples, "samples_per_second": rate}
