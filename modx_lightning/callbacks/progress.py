"""One line that tells how far a phase is."""

from time import monotonic
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from rich import get_console
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Column

_LIVE_EVERY_S = 0.2


class PhaseProgress(Callback):
    """Show phase, epoch, step, loss, last R@5, samples a second and time left.

    On a terminal this is one live line with a bar; elsewhere a plain line every so many seconds.
    Either way one plain line stays when the phase has ended. Only rank 0 shows anything.

    Args:
        row: Which phase this is, from 1.
        phases_total: How many phases the run has.
        phase_name: Name of the phase.
        steps_per_epoch: Optimizer steps of one pass over the data.
        every_n_seconds: Seconds between two plain lines.
        console: Where to write; by default rich's shared one.
    """

    def __init__(
        self,
        row: int,
        phases_total: int,
        phase_name: str,
        steps_per_epoch: int,
        *,
        every_n_seconds: float = 10.0,
        console: Console | None = None,
    ) -> None:
        self.title = f"phase {row}/{phases_total} {phase_name}"
        self.steps_per_epoch = max(1, steps_per_epoch)
        self.every_n_seconds = every_n_seconds
        self.console = console or get_console()
        self._live: Progress | None = None
        self._began = self._shown = 0.0
        self._first_step = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._began = self._shown = monotonic()
        self._first_step = trainer.global_step
        if trainer.is_global_zero and self.console.is_terminal:
            text = TextColumn("{task.description}")
            bar = BarColumn(bar_width=None, table_column=Column(ratio=1))
            self._live = Progress(
                text, bar, console=self.console, transient=True, auto_refresh=False, expand=True
            )
            self._live.add_task(self.title, total=trainer.estimated_stepping_batches)
            self._live.start()

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        pause = _LIVE_EVERY_S if self._live else self.every_n_seconds
        if not trainer.is_global_zero or monotonic() - self._shown < pause:
            return
        self._shown = monotonic()
        if self._live:
            task = self._live.task_ids[0]
            line = self._line(trainer)
            self._live.update(task, completed=trainer.global_step, description=line, refresh=True)
        else:
            self._print(self._line(trainer))

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._stop()
        if trainer.is_global_zero:
            self._print(self._line(trainer))

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        self._stop()

    def _stop(self) -> None:
        if self._live:
            self._live.stop()
            self._live = None

    def _print(self, line: str) -> None:
        self.console.print(line, soft_wrap=True, highlight=False, markup=False)

    def _line(self, trainer: Trainer) -> str:
        step, total = trainer.global_step, int(trainer.estimated_stepping_batches)
        epochs = -(-total // self.steps_per_epoch)
        epoch = min(epochs, (step - 1) // self.steps_per_epoch + 1)
        seen = {name: float(value) for name, value in trainer.logged_metrics.items()}
        recall = next(
            (seen[n] for n in seen if n.startswith("val/") and n.endswith("mean_R@5")), None
        )
        parts = [
            self.title,
            f"epoch {epoch}/{epochs}",
            f"step {step}/{total}",
            f"loss {seen['train/loss']:.3f}" if "train/loss" in seen else "",
            f"R@5 {recall:.1f}" if recall is not None else "",
            _rate(seen.get("speed/samples_per_second")),
            self._time(step, total),
        ]
        return " · ".join(part for part in parts if part)

    def _time(self, step: int, total: int) -> str:
        elapsed = monotonic() - self._began
        if step >= total:
            return f"{_clock(elapsed)} in all"
        return f"{_clock(elapsed / max(1, step - self._first_step) * (total - step))} left"


def _rate(samples_per_second: float | None) -> str:
    return f"{samples_per_second:.0f} samples/s" if samples_per_second is not None else ""


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
