"""The contract of a continual-learning method, and the baseline that adds nothing."""

from collections.abc import Iterable
from typing import Any

from torch import Tensor, nn

from modx_lightning.batch import Batch, Embeddings
from modx_lightning.losses.contrastive import contrastive_loss
from modx_lightning.methods.phase import Phase
from modx_lightning.models.clip import CLIP


class ContinualMethod(nn.Module):
    """What a method may add to plain contrastive training. This class is fine-tuning.

    A method is a module, so its teacher, Fisher matrix or memory moves to the device, and what
    it registers goes into the checkpoint, with the model. Register buffers in the constructor,
    so that a run that is continued finds a place for what it saved.
    """

    def __init__(self) -> None:
        super().__init__()
        self._start_sha256 = ""

    def on_phase_start(self, model: CLIP, phase: Phase) -> None:
        """Prepare for a phase; called before the Trainer, and before a checkpoint is loaded."""
        self._start_sha256 = phase.teacher_sha256

    def compute_loss(self, model: CLIP, batch: Batch, out: Embeddings) -> dict[str, Tensor]:
        """Return named scalar loss terms, already weighted; the caller adds them up.

        Every term is what `modx_lightning.distributed` asks for: the mean over this rank's
        rows, scored against the columns of all ranks.

        Args:
            model: The model in training.
            batch: This rank's pairs.
            out: ``model(batch.image, batch.text)``.
        """
        return {"contrastive": contrastive_loss(out.image, out.text, out.logit_scale)}

    def on_phase_end(self, model: CLIP, phase: Phase, batches: Iterable[Batch]) -> None:
        """Learn from a finished phase; ``batches`` are its training data once more."""

    def get_extra_state(self) -> dict[str, str]:
        """Name the model this phase started from, for the checkpoint: a hash, not weights."""
        return {"teacher_sha256": self._start_sha256}

    def set_extra_state(self, state: Any) -> None:
        """Check that a checkpoint belongs to the phase that was started.

        Raises:
            ValueError: If it continues from another model.
        """
        saved: str = state["teacher_sha256"]
        if self._start_sha256 and saved != self._start_sha256:
            raise ValueError(
                "checkpoint of another model: this phase starts from the weights with SHA-256 "
                f"{self._start_sha256}, the checkpoint continues from {saved}. Remove the "
                "checkpoint, or start the run over (resume=never)"
            )
        self._start_sha256 = saved
