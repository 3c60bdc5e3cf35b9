"""A whole evaluation set as embeddings, the same whatever ranks and batch size made them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from modx_lightning.batch import Skip
from modx_lightning.distributed import gather_objects, rank, world_size
from modx_lightning.evaluation.gather import gather_interleaved, gather_rows
from modx_lightning.evaluation.modes import eval_mode

if TYPE_CHECKING:
    from modx_lightning.evaluation.protocols import EvaluationSet
    from modx_lightning.models.clip import CLIP


@dataclass(frozen=True)
class EmbeddedSet:
    """Embeddings of an evaluation set, in the order of its sample ids, equal on every rank."""

    name: str
    index: Tensor  # (I,) int64 sample ids, ascending
    image: Tensor  # (I, D) float32 unit norm
    text: Tensor  # (T, D) float32 unit norm, one row per different caption
    pairs: Tensor  # (N, 2) int64 right (row of image, row of text)
    captions: list[str]  # T different captions, in the order in which the images bring them
    skipped: tuple[Skip, ...]  # unusable samples


@dataclass(frozen=True)
class _Local:
    """What this rank read of a set."""

    index: list[int]
    captions: list[list[str]]
    skipped: list[Skip]


def embed_set(
    model: CLIP,
    evaluation_set: EvaluationSet,
    *,
    batch_size: int,
    workers: int = 0,
    amp: torch.dtype | None = None,
    progress: Callable[[int], None] | None = None,
) -> EmbeddedSet:
    """Embed every image once and every different caption once, shared out over the ranks.

    Captions are compared without surrounding space; equal ones are one text.

    Args:
        model: Left in the mode it came in.
        evaluation_set: Read through its ``loader``.
        batch_size: Images, then texts, at a time.
        workers: Processes that decode pictures.
        amp: Autocast type for the encoders, None for none.
        progress: Called with the number of images or texts this rank has just embedded.

    Returns:
        The set on the model's device, gathered on every rank.

    Raises:
        ValueError: If no sample is usable, one comes twice, or one has no caption.
    """
    device = next(model.parameters()).device
    # Not inference_mode: an encoder that caches a tensor in forward could not train any more.
    with eval_mode(model), torch.no_grad(), torch.autocast(device.type, amp, amp is not None):
        local, rows = _embed_images(model, evaluation_set, batch_size, workers, progress)
        everywhere = gather_objects(local)
        image = torch.cat(gather_rows(rows))
        index = torch.tensor(list(chain.from_iterable(part.index for part in everywhere)))
        _check_index(evaluation_set.name, index, everywhere)
        index, order = index.sort()
        unordered = list(chain.from_iterable(part.captions for part in everywhere))
        texts, pairs = number_texts([unordered[row] for row in order.tolist()])
        mine = texts[rank() :: world_size()]
        text = gather_interleaved(_embed_texts(model, mine, batch_size, progress))
    return EmbeddedSet(
        name=evaluation_set.name,
        index=index,
        image=image[order.to(device)],
        text=text,
        pairs=torch.tensor(pairs, device=device),
        captions=texts,
        skipped=tuple(sorted(chain.from_iterable(part.skipped for part in everywhere))),
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


def _embed_images(
    model: CLIP,
    evaluation_set: EvaluationSet,
    batch_size: int,
    workers: int,
    progress: Callable[[int], None] | None,
) -> tuple[_Local, Tensor]:
    device = next(model.parameters()).device
    local, rows = _Local([], [], []), [torch.empty(0, 0, device=device)]
    for batch in evaluation_set.loader(
        model.transform,
        batch_size=batch_size,
        rank=rank(),
        world_size=world_size(),
        workers=workers,
    ):
        local.skipped.extend(batch.skipped)
        if len(batch.index):
            local.index.extend(batch.index.tolist())
            local.captions.extend(batch.captions)
            rows.append(model.encode_image(batch.image.to(device, non_blocking=True)).float())
            _tell(progress, len(batch.index))
    return local, torch.cat(rows[1:] or rows)


def _embed_texts(
    model: CLIP, texts: list[str], batch_size: int, progress: Callable[[int], None] | None
) -> Tensor:
    device = next(model.parameters()).device
    rows = [torch.empty(0, 0, device=device)]
    for start in range(0, len(texts), batch_size):
        tokens = model.tokenizer(texts[start : start + batch_size])
        rows.append(model.encode_text(tokens.to(device, non_blocking=True)).float())
        _tell(progress, len(tokens))
    return torch.cat(rows[1:] or rows)


def _tell(progress: Callable[[int], None] | None, count: int) -> None:
    if progress is not None:
        progress(count)


def _check_index(name: str, index: Tensor, everywhere: list[_Local]) -> None:
    if not len(index):
        skipped = list(chain.from_iterable(part.skipped for part in everywhere))
        first = f"; the first: {skipped[0]}" if skipped else ""
        raise ValueError(
            f"evaluation set {name!r} has no usable sample ({len(skipped)} skipped{first})"
        )
    different, count = index.unique(return_counts=True)
    if len(different) < len(index):
        twice = different[count > 1].tolist()
        raise ValueError(f"evaluation set {name!r} delivered samples twice: ids {twice[:10]}")
