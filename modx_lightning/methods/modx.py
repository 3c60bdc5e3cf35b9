"""Mod-X: keep the off-diagonal similarities of the last phase's model.

Ni et al., "Continual Vision-Language Representation Learning with Off-Diagonal
Information", ICML 2023, https://arxiv.org/abs/2305.07437.
"""

from typing import Literal

from torch import Tensor

from modx_lightning.batch import Batch, Embeddings
from modx_lightning.losses.contrastive import info_nce
from modx_lightning.losses.off_diagonal import off_diagonal_distillation
from modx_lightning.losses.rows import cosine_rows
from modx_lightning.methods.teacher import TeacherMethod
from modx_lightning.models.clip import CLIP


class ModX(TeacherMethod):
    """InfoNCE plus the divergence of the similarity rows from the teacher's.

    The divergence of a row over ``N`` candidates is, to second order, half the variance of the
    change in logits among the candidates, weighted by the teacher's softmax. A variance has a
    limit as ``N`` grows, which a flat softmax reaches at once and a sharp one at some hundreds
    of candidates; and like InfoNCE it is averaged over rows. So ``weight`` means the same for
    every number of ranks, and nearly so for every global batch size. (The authors' sum grows
    with ``N``.) Raw cosines change by hundredths, which makes a divergence of about 1e-4:
    weights of thousands are usual. With logits it is of the order of InfoNCE.

    Args:
        weight: Of the divergence, relative to InfoNCE.
        similarity: What the softmax sees. "cosine": raw cosines, as in the paper;
            "logit_scale": cosines times each model's own scale, the student's with gradient,
            so that the sharpness of its rows is taught as well; a number: cosines divided by
            that temperature.
        screening: Drop the rows the teacher gets wrong ("cognition align" in the paper).
        diagonal: Keep the own pair in the softmax, as the authors' code does.

    Raises:
        ValueError: If ``weight`` is negative or ``similarity`` is none of the above.
    """

    def __init__(
        self,
        *,
        weight: float,
        similarity: Literal["cosine", "logit_scale"] | float,
        screening: bool,
        diagonal: bool,
    ) -> None:
        super().__init__()
        if weight < 0:
            raise ValueError(f"weight must be at least 0, got {weight}")
        is_name = isinstance(similarity, str)
        if similarity not in ("cosine", "logit_scale") if is_name else similarity <= 0:
            raise ValueError(
                'similarity must be "cosine", "logit_scale" or a temperature above 0, '
                f"got {similarity!r}"
            )
        self.weight, self.similarity = weight, similarity
        self.screening, self.diagonal = screening, diagonal

    def compute_loss(self, model: CLIP, batch: Batch, out: Embeddings) -> dict[str, Tensor]:
        old = self.teach(batch)
        rows, old_rows = cosine_rows(out.image, out.text), cosine_rows(old.image, old.text)
        factor, old_factor = self._factor(out), self._factor(old)
        image_to_text, text_to_image = (
            off_diagonal_distillation(
                factor * student,
                old_factor * teacher,
                rows.targets,
                screening=self.screening,
                diagonal=self.diagonal,
            )
            for student, teacher in (
                (rows.image_to_text, old_rows.image_to_text),
                (rows.text_to_image, old_rows.text_to_image),
            )
        )
        return {
            "contrastive": info_nce(rows, out.logit_scale),
            "off_diagonal": self.weight * (image_to_text + text_to_image) / 2,
        }

    def _factor(self, embeddings: Embeddings) -> Tensor | float:
        """From cosines to what the softmax sees."""
        if self.similarity == "logit_scale":
            return embeddings.logit_scale
        return 1.0 if self.similarity == "cosine" else 1.0 / float(self.similarity)
