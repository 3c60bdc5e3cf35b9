"""Refuse embeddings and pairs that have no honest rank."""

import torch
from torch import Tensor


def check_queries(image: Tensor, text: Tensor, pairs: Tensor) -> None:
    """Check what is to be ranked.

    Raises:
        ValueError: If shapes do not fit, an index is out of range, a query has no right
            candidate, a pair comes twice, or an embedding is not finite.
    """
    width = image.shape[-1]
    if image.shape != (len(image), width) or text.shape != (len(text), width):
        raise ValueError(
            f"expected image (I, D) and text (T, D), got {tuple(image.shape)}, {tuple(text.shape)}"
        )
    if pairs.shape != (len(pairs), 2) or not len(pairs):
        raise ValueError(
            "expected at least one pair of image and text index as pairs (N, 2), "
            f"got {tuple(pairs.shape)}"
        )
    if len(pairs.unique(dim=0)) != len(pairs):
        raise ValueError(f"expected {len(pairs)} different pairs, some come twice")
    for name, embeddings, index in (("image", image, pairs[:, 0]), ("text", text, pairs[:, 1])):
        _check_side(name, embeddings, index)


def _check_side(name: str, embeddings: Tensor, index: Tensor) -> None:
    if not torch.isfinite(embeddings).all():
        bad = int((~torch.isfinite(embeddings)).any(dim=1).sum())
        raise ValueError(f"{bad} of {len(embeddings)} {name} embeddings are NaN or infinite")
    expected = torch.arange(len(embeddings), device=index.device)
    found = index.unique()
    if not torch.equal(found, expected):
        raise ValueError(
            f"expected pairs to name every {name}, 0 to {len(embeddings) - 1}, got "
            f"{len(found)} different indices between {found.tolist()[:1]} and {found.tolist()[-1:]}"
        )
