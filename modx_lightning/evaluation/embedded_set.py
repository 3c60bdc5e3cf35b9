"""A whole evaluation set as embeddings, the same whatever ranks and batch size made them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from modx_lightning.batch import Skip
from modx_lightning.distributed import gather_objects, rank, world_size
from modx_lightning.evaluation.encoding import Progress, embed_images, embed_texts
from modx_lightning.evaluation.modes import eval_mode

if TYPE_CHECKING:
    from modx_lightning.evaluation.protocols import EvaluationSet
    from modx_lightning.models.clip import CLIP


@dataclass(frozen=True)
class EmbeddedSet:
    """Embeddings of an evaluation set, in the order of its sample ids, equal on every rank."""

    name: str
    index: Tensor  # (I,) int64 sample ids, ascending, on the CPU
    image: Tensor  # (I, D) float32 unit norm
    text: Tensor  # (T, D) float32 unit norm, one row per different caption
    pairs: Tensor  # (N, 2) int64 right (row of image, row of text)
    captions: list[str]  # T different captions, in the order in which the images bring them
    skipped: tuple[Skip, ...]  # unusable samples


def embed_set(
    model: CLIP,
    evaluation_set: EvaluationSet,
    *,
    batch_size: int,
    workers: int | str = 0,
    amp: torch.dtype | None = None,
    progress: Progress | None = None,
) -> EmbeddedSet:
    """Embed every image once and every different caption once, shared out over the ranks.

    Captions are compared without surrounding space; equal ones are one text.

    Args:
        model: Used on the device it is on, and left in the mode it came in.
        evaluation_set: Read through its ``loader``.
        batch_size: Images, then texts, at a time.
        workers: Processes that decode pictures.
        amp: Autocast type for the encoders, None for none.
        progress: Called with the number of images or texts this rank has just embedded.

    Returns:
        The set on the model's device, gathered on every rank.

    Raises:
        ValueError: If no sample is usable, or the loaders of all ranks together did not
            deliver every sample once.
    """
    device = next(model.parameters()).device
    # Not inference_mode: an encoder that caches a tensor in forward could not train any more.
    with eval_mode(model), torch.no_grad(), torch.autocast(device.type, amp, amp is not None):
        part = embed_images(model, evaluation_set, batch_size, workers, progress)
        parts = gather_objects(part)
        index, order = torch.cat([part.index for part in parts]).sort()
        skipped = tuple(sorted(chain.from_iterable(part.skipped for part in parts)))
        _check_complete(evaluation_set, index, skipped)
        image = torch.cat([part.image for part in parts if len(part.image)])[order]
        captions = list(chain.from_iterable(part.captions for part in parts))
        texts, pairs = number_texts([captions[row] for row in order.tolist()])
        mine = embed_texts(model, texts[rank() :: world_size()], batch_size, progress)
        text = _interleave(gather_objects(mine))
    return EmbeddedSet(
        name=evaluation_set.name,
        index=index,
        image=image.to(device),
        text=text.to(device),
        pairs=torch.tensor(pairs, device=device),
        captions=texts,
        skipped=skipped,
    )


def number_texts(captions: Sequence[Iterable[str]]) -> tuple[list[str], list[tuple[int, int]]]:
    """List the different captions, and the right (image, text) pairs, none twice.

    Example:
        >>> number_texts([["a cup", "cup"], ["cup "]])
        (['a cup', 'cup'], [(0, 0), (0, 1), (1, 1)])
    """
    number: dict[str, int] = {}
    pairs: dict[tuple[int, int], None] = {}
    for image, own in enumerate(captions):
        for caption in own:
            pairs[image, number.setdefault(caption.strip(), len(number))] = None
    return list(number), list(pairs)


def _interleave(parts: list[Tensor]) -> Tensor:
    """Put together what was dealt out as rows ``rank``, ``rank + world_size``, …."""
    whole = parts[0].new_empty(sum(len(part) for part in parts), parts[0].shape[1])
    for start, part in enumerate(parts):
        if len(part):
            whole[start :: len(parts)] = part
    return whole


def _check_complete(
    evaluation_set: EvaluationSet, index: Tensor, skipped: tuple[Skip, ...]
) -> None:
    """Every sample of the set must have come once, on one rank, or been skipped and counted."""
    name, expected = evaluation_set.name, len(evaluation_set)
    if not len(index):
        first = f", the first: {skipped[0].key} ({skipped[0].reason})" if skipped else ""
        raise ValueError(
            f"evaluation set {name} has no usable sample; {len(skipped)} skipped{first}"
        )
    if len(index.unique()) < len(index) or len(index) + len(skipped) != expected:
        raise ValueError(
            f"evaluation set {name} has {expected} samples, but its loaders delivered {len(index)} "
            f"({len(index.unique())} different ones) and skipped {len(skipped)}"
        )
