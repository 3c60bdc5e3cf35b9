"""Score a model on every evaluation set: one row of the score matrix."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import torch

from modx_lightning.distributed import gather_objects, rank, world_size
from modx_lightning.evaluation.embedded_set import EmbeddedSet, embed_set
from modx_lightning.evaluation.modes import on_device
from modx_lightning.metrics.retrieval import RetrievalRanks, count_wrong, summarize_ranks

if TYPE_CHECKING:
    from modx_lightning.batch import Skip
    from modx_lightning.evaluation.protocols import EvaluationSet
    from modx_lightning.models.clip import CLIP


class Evaluator:
    """Recall@k, mean and median rank of a model on each set, shared out over the ranks.

    Args:
        sets: Evaluation sets, columns of the score matrix.
        batch_size: Images, then texts, embedded at a time on each rank.
        workers: Processes that decode pictures, on each rank.
        device: Where to embed and to compare: "auto" is this rank's CUDA device, or where
            the model is if there is none.
        amp: Autocast type for the encoders, None for none.
        progress: Called on rank 0 with the set's name and the number of images or texts
            just embedded there.

    Attributes:
        skipped: Per set, the samples that could not be used in its last evaluation.
        sizes: Per set, how many images and how many different texts were compared in it.

    Raises:
        ValueError: If ``batch_size`` is below 1 or two sets share a name.
    """

    def __init__(
        self,
        sets: Sequence[EvaluationSet],
        batch_size: int,
        workers: int | str = 0,
        *,
        device: str = "auto",
        amp: torch.dtype | None = None,
        progress: Callable[[str, int], None] | None = None,
    ) -> None:
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {batch_size}")
        names = [one.name for one in sets]
        if len(set(names)) < len(names):
            raise ValueError(f"evaluation sets need different names, got {names}")
        self.sets, self.batch_size, self.workers = sets, batch_size, workers
        self.device, self.amp, self.progress = device, amp, progress
        self.skipped: dict[str, tuple[Skip, ...]] = {}
        self.sizes: dict[str, tuple[int, int]] = {}

    def __call__(self, model: CLIP) -> dict[str, dict[str, float]]:
        """Measure ``model``: ``{set: {metric: score}}``, equal on every rank."""
        with on_device(model, self.device):
            return {one.name: self._score(model, one) for one in self.sets}

    def _score(self, model: CLIP, evaluation_set: EvaluationSet) -> dict[str, float]:
        told = self.progress if rank() == 0 else None
        embedded = embed_set(
            model,
            evaluation_set,
            batch_size=self.batch_size,
            workers=self.workers,
            amp=self.amp,
            progress=partial(told, evaluation_set.name) if told else None,
        )
        self.skipped[evaluation_set.name] = embedded.skipped
        self.sizes[evaluation_set.name] = len(embedded.image), len(embedded.text)
        return summarize_ranks(rank_everywhere(embedded))


def rank_everywhere(embedded: EmbeddedSet) -> RetrievalRanks:
    """Rank every query of a set, the tiles of scores dealt out to the ranks.

    Args:
        embedded: The whole set, equal on every rank.

    Returns:
        Ranks on the CPU, equal on every rank.
    """
    wrong = count_wrong(
        embedded.image, embedded.text, embedded.pairs, part=rank(), parts=world_size()
    )
    parts = gather_objects(RetrievalRanks(wrong.image_to_text.cpu(), wrong.text_to_image.cpu()))
    return RetrievalRanks(
        torch.stack([part.image_to_text for part in parts]).sum(dim=0) + 1,
        torch.stack([part.text_to_image for part in parts]).sum(dim=0) + 1,
    )
