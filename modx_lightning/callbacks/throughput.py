"""How many samples a second a phase trains on, and how long it waits for them."""

import logging
from time import perf_counter
from typing import Any, ClassVar

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.profilers import Profiler

from modx_lightning.batch import Batch
from modx_lightning.callbacks.log_now import log_now

log = logging.getLogger(__name__)

_ADVICE = (
    "%.0f %% of the step time goes into waiting for data. More data.workers decode more pictures "
    "at once; stream.cache_dir on a fast local disk reads them sooner."
)


class Throughput(Callback):
    """Log samples a second and the share of the step time spent waiting for data.

    Logs ``speed/samples_per_second`` (over all ranks) and ``speed/data_wait_share`` (0 to 1,
    of this rank) every ``every_n_steps`` steps. Both leave out what other callbacks do
    between two steps, such as evaluating and saving. Tells once how to wait less.

    Args:
        every_n_steps: Optimizer steps between two values.
        advise_above: Share of waiting above which advice is given.

    Raises:
        ValueError: If ``every_n_steps`` is below 1.
    """

    _advised: ClassVar[bool] = False  # one advice for all phases of all runs in this process

    def __init__(self, every_n_steps: int = 10, advise_above: float = 0.2) -> None:
        if every_n_steps < 1:
            raise ValueError(f"every_n_steps must be at least 1, got {every_n_steps}")
        self.every_n_steps = every_n_steps
        self.advise_above = advise_above
        self.samples = 0
        self.seconds = 0.0  # of training and waiting
        self.wait_seconds = 0.0
        self._fetch = _FetchTimer()
        self._step_began = 0.0
        self._window = (0, 0.0, 0.0)  # samples, seconds, wait_seconds when it began

    @property
    def totals(self) -> dict[str, float]:
        """Seconds, samples, samples a second and share of waiting, of the phase so far."""
        return {
            "train_seconds": self.seconds,
            "samples": self.samples,
            **_rates(self.samples, self.seconds, self.wait_seconds),
        }

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        # Lightning sets this attribute without declaring it.
        self._fetch.inner = trainer.profiler  # pyright: ignore[reportAttributeAccessIssue]
        trainer.profiler = self._fetch  # pyright: ignore[reportAttributeAccessIssue]

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        trainer.profiler = self._fetch.inner  # pyright: ignore[reportAttributeAccessIssue]

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Batch, batch_idx: int
    ) -> None:
        self._step_began = perf_counter()

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Batch,
        batch_idx: int,
    ) -> None:
        waited = self._fetch.take()
        self.samples += len(batch.keys) * trainer.world_size
        self.seconds += perf_counter() - self._step_began + waited
        self.wait_seconds += waited
        if trainer.global_step % self.every_n_steps == 0:
            self._log_window(trainer)

    def _log_window(self, trainer: Trainer) -> None:
        now = (self.samples, self.seconds, self.wait_seconds)
        first = self._window[0] == 0  # its wait is the start of the workers
        rates = _rates(*(a - b for a, b in zip(now, self._window, strict=True)))
        self._window = now
        log_now(trainer, {f"speed/{name}": value for name, value in rates.items()})
        if not first and rates["data_wait_share"] > self.advise_above and not Throughput._advised:
            Throughput._advised = True
            log.warning(_ADVICE, 100 * rates["data_wait_share"])

    def state_dict(self) -> dict[str, float]:
        return {
            "samples": self.samples,
            "seconds": self.seconds,
            "wait_seconds": self.wait_seconds,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.samples = int(state_dict["samples"])
        self.seconds = state_dict["seconds"]
        self.wait_seconds = state_dict["wait_seconds"]
        self._window = (self.samples, self.seconds, self.wait_seconds)


def _rates(samples: float, seconds: float, wait_seconds: float) -> dict[str, float]:
    seconds = max(seconds, 1e-9)
    return {"samples_per_second": samples / seconds, "data_wait_share": wait_seconds / seconds}


class _FetchTimer(Profiler):
    """Time each fetch of a training batch; leave everything to the Trainer's own profiler.

    Between the end of a step and the start of the next, Lightning fetches a batch and every
    other callback does its work; only its profiling calls tell the two apart.
    """

    def __init__(self) -> None:
        super().__init__()
        self.inner: Profiler
        self._waited = 0.0
        self._began = 0.0

    def take(self) -> float:
        """Return the seconds waited since the last call."""
        waited, self._waited = self._waited, 0.0
        return waited

    def start(self, action_name: str) -> None:
        self.inner.start(action_name)
        if action_name.endswith("train_dataloader_next"):
            self._began = perf_counter()

    def stop(self, action_name: str) -> None:
        if action_name.endswith("train_dataloader_next"):
            self._waited += perf_counter() - self._began
        self.inner.stop(action_name)

    def summary(self) -> str:
        return self.inner.summary()

    def describe(self) -> None:
        self.inner.describe()
