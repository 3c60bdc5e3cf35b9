"""InfoNCE over image-text pairs, the loss of CLIP.

Radford et al., "Learning Transferable Visual Models From Natural Language Supervision",
ICML 2021, https://arxiv.org/abs/2103.00020, Figure 3.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from modx_lightning.losses.rows import CosineRows, cosine_rows


def contrastive_loss(image: Tensor, text: Tensor, logit_scale: Tensor) -> Tensor:
    """Ask each image for its text, and each text for its image, among those of all ranks.

    Args:
        image: Unit-norm embeddings of this rank's images, ``(B, D)``.
        text: Unit-norm embeddings of this rank's texts, ``(B, D)``, in the same order.
        logit_scale: Scalar factor from cosine to logit, already exponentiated.

    Returns:
        Scalar cross-entropy in nats, the mean of the two directions, averaged over the ``B``
        rows of this rank. Float32, whatever the input precision.

    Raises:
        ValueError: If the shapes do not fit together.

    Example:
        >>> pairs = torch.eye(4)
        >>> round(contrastive_loss(pairs, pairs, torch.tensor(0.0)).item(), 4)  # ln 4
        1.3863
    """
    return info_nce(cosine_rows(image, text), logit_scale)


def info_nce(rows: CosineRows, logit_scale: Tensor) -> Tensor:
    """Return `contrastive_loss` of rows that are already there, so that they can be shared."""
    with torch.autocast(rows.targets.device.type, enabled=False):
        image_to_text = F.cross_entropy(logit_scale * rows.image_to_text, rows.targets)
        text_to_image = F.cross_entropy(logit_scale * rows.text_to_image, rows.targets)
        return (image_to_text + text_to_image) / 2
