"""Cosines of this rank's queries against the candidates of all ranks."""

from typing import NamedTuple

import torch
from torch import Tensor

from modx_lightning.distributed import gather_with_gradient, row_offset, world_size


class CosineRows(NamedTuple):
    """Two score matrices of one batch: a row scores one query against every candidate."""

    image_to_text: Tensor  # (B, N) cosines of this rank's images with all ranks' texts
    text_to_image: Tensor  # (B, N) cosines of this rank's texts with all ranks' images
    targets: Tensor  # (B,) column of each row's own pair


def cosine_rows(image: Tensor, text: Tensor) -> CosineRows:
    """Score this rank's pairs against those of all ranks, in float32 even under autocast.

    Gradients reach the embeddings of every rank. Float64 stays float64.

    Args:
        image: Unit-norm embeddings of this rank's images, ``(B, D)``.
        text: Unit-norm embeddings of this rank's texts, ``(B, D)``; row ``i`` belongs to
            row ``i`` of ``image``.

    Returns:
        Rows of both directions, ``N = B * world_size`` columns each.

    Raises:
        ValueError: If the two shapes differ or are not ``(B, D)``.
    """
    if image.shape != text.shape or image.ndim != 2:  # noqa: PLR2004
        raise ValueError(
            "expected image and text embeddings of one shape (B, D), got "
            f"{tuple(image.shape)} and {tuple(text.shape)}"
        )
    with torch.autocast(image.device.type, enabled=False):
        image, text = at_least_float32(image), at_least_float32(text)
        targets = torch.arange(len(image), device=image.device) + row_offset(len(image))
        if world_size() == 1:
            cosines = image @ text.T
            return CosineRows(cosines, cosines.T, targets)
        # Side by side, both travel in one message.
        candidates = gather_with_gradient(torch.cat([image, text], dim=1))
        all_image, all_text = candidates.chunk(2, dim=1)
        return CosineRows(image @ all_text.T, text @ all_image.T, targets)


def at_least_float32(x: Tensor) -> Tensor:
    """Return ``x`` in float32, or unchanged if it is float64."""
    return x.to(torch.promote_types(x.dtype, torch.float32))
