"""Run the two towers over one rank's part of an evaluation set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from modx_lightning.batch import Skip
from modx_lightning.distributed import rank, world_size

if TYPE_CHECKING:
    from modx_lightning.evaluation.protocols import EvaluationSet
    from modx_lightning.models.clip import CLIP

Progress = Callable[[int], None]


@dataclass(frozen=True)
class EncodedPart:
    """What one rank has read and embedded of a set, on the CPU."""

    index: Tensor  # (n,) int64 sample ids
    image: Tensor  # (n, D) float32; (0, 0) if there are none
    captions: list[list[str]]  # n
    skipped: list[Skip]


def embed_images(
    model: CLIP,
    evaluation_set: EvaluationSet,
    batch_size: int,
    workers: int | str,
    progress: Progress | None,
) -> EncodedPart:
    """Encode this rank's images of a set; arguments as in ``embed_set``."""
    device = next(model.parameters()).device
    loader = evaluation_set.loader(
        model.transform,
        batch_size=batch_size,
        rank=rank(),
        world_size=world_size(),
        workers=workers,
    )
    index, image = [torch.empty(0, dtype=torch.int64)], [torch.empty(0, 0)]
    captions: list[list[str]] = []
    for batch in loader:
        index.append(batch.index)
        image.append(model.encode_image(batch.image.to(device, non_blocking=True)).float().cpu())
        captions.extend(batch.captions)
        if progress is not None:
            progress(len(batch.index))
    return EncodedPart(
        torch.cat(index), torch.cat(image[1:] or image), captions, list(loader.skipped)
    )


def embed_texts(
    model: CLIP, texts: list[str], batch_size: int, progress: Progress | None
) -> Tensor:
    """Encode texts, ``(T, D)`` float32 on the CPU; ``(0, 0)`` if there are none."""
    device = next(model.parameters()).device
    rows = [torch.empty(0, 0)]
    for start in range(0, len(texts), batch_size):
        tokens = model.tokenizer(texts[start : start + batch_size])
        rows.append(model.encode_text(tokens.to(device, non_blocking=True)).float().cpu())
        if progress is not None:
            progress(len(tokens))
    return torch.cat(rows[1:] or rows)
