"""last.ckpt: where a phase in training can be taken up again."""

from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from modx_lightning.callbacks.interval import Interval
from modx_lightning.durable import flush_to_disk
from modx_lightning.reporting.run_logger import RunLogger


class PhaseCheckpoint(Callback):
    """Keep ``last.ckpt``, an ordinary Lightning checkpoint, while a phase is in training.

    Written every so many optimizer steps, and on SIGTERM when there is one rank, always between
    two steps. A crash at any moment leaves the old file or the new one. Removed when the fit has
    ended: list it after the callback that saves the model. When training begins, loggers of the
    run forget what an earlier process had logged beyond this point.

    Args:
        folder: The phase folder.
        every_n_epochs: Epochs between two checkpoints, counted in optimizer steps.
        every_n_steps: Optimizer steps between two checkpoints; wins over ``every_n_epochs``.

    Raises:
        ValueError: If the interval is below 1.
    """

    def __init__(
        self, folder: Path | str, every_n_epochs: int = 1, every_n_steps: int | None = None
    ) -> None:
        self.path = Path(folder) / "last.ckpt"
        self._interval = Interval(every_n_epochs, every_n_steps)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._interval.start(trainer)
        for logger in trainer.loggers:
            if isinstance(logger, RunLogger):  # what a killed process logged beyond is logged again
                logger.truncate_after(logger.offset + trainer.global_step)

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        # Ranks get the signal at different steps, and saving takes all of them.
        asked = trainer.received_sigterm and trainer.world_size == 1
        due = self._interval.stepped(trainer) and (self._interval.due(trainer) or asked)
        # Not after the last step: Lightning calls no `on_train_end` in a fit taken up there.
        if due and trainer.global_step < trainer.estimated_stepping_batches:
            self._save(trainer)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.is_global_zero:
            self.path.unlink(missing_ok=True)

    def _save(self, trainer: Trainer) -> None:
        temporary = self.path.with_name("last.ckpt.tmp")
        trainer.save_checkpoint(temporary, weights_only=False)  # optimizer and loops, too
        if trainer.is_global_zero:
            flush_to_disk(temporary)
            temporary.replace(self.path)
            flush_to_disk(self.path.parent)
