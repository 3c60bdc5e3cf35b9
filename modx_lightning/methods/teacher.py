"""What all methods share that learn from the model of the last phase."""

from collections.abc import Iterable

from modx_lightning.batch import Batch, Embeddings
from modx_lightning.methods.base import ContinualMethod
from modx_lightning.methods.phase import Phase
from modx_lightning.models.clip import CLIP
from modx_lightning.models.frozen import FrozenCopy
from modx_lightning.models.load import precision_of


class TeacherMethod(ContinualMethod):
    """A method with a teacher: the saved model that the phase starts from, by its hash."""

    def __init__(self) -> None:
        super().__init__()
        self.teacher: FrozenCopy | None = None

    def on_phase_start(self, model: CLIP, phase: Phase) -> None:
        super().on_phase_start(model, phase)
        self.teacher = FrozenCopy.from_folder(
            phase.teacher_folder, phase.teacher_sha256, precision=precision_of(model)
        )

    def on_phase_end(self, model: CLIP, phase: Phase, batches: Iterable[Batch]) -> None:
        self.teacher = None  # its memory is free for the evaluation

    def teach(self, batch: Batch) -> Embeddings:
        """Return the teacher's embeddings of ``batch``, without gradient.

        Raises:
            RuntimeError: If no phase has been started.
        """
        if self.teacher is None:
            raise RuntimeError(f"{type(self).__name__} has no teacher: call on_phase_start first")
        embeddings: Embeddings = self.teacher(batch.image, batch.text)
        return embeddings
