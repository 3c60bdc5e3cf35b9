"""Mod-X exactly as its authors released it.

Ni et al., "Continual Vision-Language Representation Learning with Off-Diagonal
Information", ICML 2023, https://arxiv.org/abs/2305.07437; code: github.com/ZixuanNi/Mod-X,
ModX_Training/continue_train_model.py.
"""

import torch
from torch import Tensor

from modx_lightning.batch import Batch, Embeddings
from modx_lightning.losses.contrastive import info_nce
from modx_lightning.losses.off_diagonal import row_divergence
from modx_lightning.losses.rows import cosine_rows
from modx_lightning.methods.teacher import TeacherMethod
from modx_lightning.models.clip import CLIP


class ModXRelease(TeacherMethod):
    """InfoNCE plus ``alpha`` times the SUM of the rows' divergences on raw cosines.

    Softmax at temperature 1 over whole rows, diagonal included. Where the teacher's best
    candidate is not the own pair, the authors overwrite its row with the student's; such a row
    has neither divergence nor gradient, so it is left out here. The sum grows with the global
    batch: ``alpha`` belongs to the authors' 280 pairs. Kept for comparison; see `ModX`.

    Args:
        alpha: Weight of the sum; 20 in the released COCO to Flickr30K script.

    Raises:
        ValueError: If ``alpha`` is negative.
    """

    def __init__(self, *, alpha: float) -> None:
        super().__init__()
        if alpha < 0:
            raise ValueError(f"alpha must be at least 0, got {alpha}")
        self.alpha = alpha

    def compute_loss(self, model: CLIP, batch: Batch, out: Embeddings) -> dict[str, Tensor]:
        old = self.teach(batch)
        rows, old_rows = cosine_rows(out.image, out.text), cosine_rows(old.image, old.text)
        image_to_text = _screened_mean(rows.image_to_text, old_rows.image_to_text, rows.targets)
        text_to_image = _screened_mean(rows.text_to_image, old_rows.text_to_image, rows.targets)
        # N times the mean over rows: DDP's mean over the ranks is then the sum over all rows.
        candidates = rows.image_to_text.shape[1]
        return {
            "contrastive": info_nce(rows, out.logit_scale),
            "off_diagonal": self.alpha * candidates * (image_to_text + text_to_image) / 2,
        }


def _screened_mean(student: Tensor, teacher: Tensor, targets: Tensor) -> Tensor:
    """Mean over this rank's rows of the divergence; rows the teacher gets wrong count zero."""
    known = teacher.argmax(dim=-1) == targets
    return torch.where(known, row_divergence(student, teacher), 0.0).mean()
