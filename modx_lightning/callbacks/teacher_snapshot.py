"""Save the model of a phase when its training has ended: the next phase's teacher."""

from pathlib import Path
from typing import cast

from lightning.pytorch import Callback, LightningModule, Trainer

from modx_lightning.models.clip import CLIP
from modx_lightning.models.local_dir import save_local_dir


class TeacherSnapshot(Callback):
    """Write the student as an open_clip ``local-dir:`` folder when a phase's fit has ended.

    Lightning calls ``on_fit_end`` after every ``on_train_end``, the module's too, so the method's
    own last moment is behind it. Not called when training stops by an error.

    Args:
        folder: The phase folder; it appears whole or not at all.

    Attributes:
        sha256: Hash of the saved weights, on every rank; None until they are saved.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        self.sha256: str | None = None

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        digest = ""
        if trainer.is_global_zero:
            digest = save_local_dir(cast(CLIP, pl_module.model), self.folder)
        # Also the barrier behind which every rank may read the folder.
        self.sha256 = trainer.strategy.broadcast(digest)
