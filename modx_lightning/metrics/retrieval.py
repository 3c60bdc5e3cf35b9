"""Ranks and recall@k of image-text retrieval, counted tile by tile.

The field's convention: an image's right texts are all its captions, a text's right
images are all images that carry it, and one right candidate among the first k is a hit.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from modx_lightning.metrics.retrieval_input import check_queries
from modx_lightning.metrics.score_tiles import ScoreTiles, exact_float32

TILE = 1024  # rows and columns of one block of scores: 4 MiB of float32

# Scores closer than this count as equal: some thirty float32 roundings of a cosine. Twin pictures,
# frequent in shops, differ by such noise only, and it changes with batch size and rank count.
TIE = 1e-6

RECALL_AT = (1, 5, 10)


class RetrievalRanks(NamedTuple):
    """Place of each query's best-scored right candidate; 1 is the first place."""

    image_to_text: Tensor  # (I,) int64
    text_to_image: Tensor  # (T,) int64


def retrieval_ranks(
    image: Tensor, text: Tensor, pairs: Tensor, *, tile: int = TILE
) -> RetrievalRanks:
    """Rank every image's texts and every text's images.

    A rank is 1 + the number of WRONG candidates that score at least as high as the best
    right one, so ties count against the model: one that gives the same embedding to
    everything has recall 0, not 100.

    Args:
        image: Unit-norm embeddings, ``(I, D)``.
        text: Unit-norm embeddings of different texts, ``(T, D)``.
        pairs: Right (image, text) index pairs, ``(N, 2)``, integer, none twice; every
            image and every text occurs.
        tile: Rows and columns of one block of scores; the ranks do not depend on it.

    Returns:
        Ranks on the embeddings' device. Computed in float32.

    Raises:
        ValueError: If shapes do not fit, an index is out of range, a query has no right
            candidate, or an embedding is not finite.
    """
    wrong = count_wrong(image, text, pairs, tile=tile)
    return RetrievalRanks(wrong.image_to_text + 1, wrong.text_to_image + 1)


def count_wrong(
    image: Tensor, text: Tensor, pairs: Tensor, *, part: int = 0, parts: int = 1, tile: int = TILE
) -> RetrievalRanks:
    """Count, in this part of the tiles, the wrong candidates of each query's rank.

    The sum over all parts is the rank minus 1. Arguments as in :func:`retrieval_ranks`.

    Args:
        image: ``(I, D)``.
        text: ``(T, D)``.
        pairs: ``(N, 2)``.
        part: Which of the ``parts``.
        parts: Into how many parts the tiles are dealt, one per rank.
        tile: Rows and columns of one block.

    Returns:
        Counts, int64, in the two fields of the ranks.
    """
    check_queries(image, text, pairs)
    image, text = image.float(), text.float()
    with exact_float32(image.device):
        tiles = ScoreTiles(image, text, pairs.to(image.device), tile)
        best_image, best_text = _best_right_scores(tiles)
        image_counts = torch.zeros(len(image), dtype=torch.int64, device=image.device)
        text_counts = torch.zeros(len(text), dtype=torch.int64, device=image.device)
        for index in range(part, len(tiles), parts):
            rows, columns = tiles.span(index)
            scores = tiles.scores(index)
            here = tiles.pairs(index)
            scores[here[:, 0] - rows.start, here[:, 1] - columns.start] = -torch.inf
            image_counts[rows] += (scores >= best_image[rows, None] - TIE).sum(dim=1)
            text_counts[columns] += (scores >= best_text[None, columns] - TIE).sum(dim=0)
    return RetrievalRanks(image_counts, text_counts)


def summarize_ranks(ranks: RetrievalRanks) -> dict[str, float]:
    """Turn ranks into the named scores of ``results.json``.

    Args:
        ranks: Ranks of both directions, ``(I,)`` and ``(T,)``.

    Returns:
        For each direction ``<direction>_R@1``, ``_R@5``, ``_R@10`` in percent of its
        queries, ``<direction>_mean_rank`` and ``_median_rank``; and ``mean_R@k``, the
        mean of the two directions.
    """
    scores: dict[str, float] = {}
    for direction, rank in ranks._asdict().items():
        for k in RECALL_AT:
            scores[f"{direction}_R@{k}"] = 100.0 * int((rank <= k).sum()) / len(rank)
        scores[f"{direction}_mean_rank"] = int(rank.sum()) / len(rank)
        scores[f"{direction}_median_rank"] = _median(rank)
    for k in RECALL_AT:
        both = scores[f"image_to_text_R@{k}"] + scores[f"text_to_image_R@{k}"]
        scores[f"mean_R@{k}"] = both / 2
    return scores


def _best_right_scores(tiles: ScoreTiles) -> tuple[Tensor, Tensor]:
    """Best right score per image and per text, out of the very products that are counted.

    A separate dot product per pair would round differently and change ranks. Texts are numbered as
    the images bring them, so right pairs lie in few tiles and this pass is short.
    """
    scores: list[Tensor] = []
    for index in range(len(tiles)):
        here = tiles.pairs(index)
        if len(here):
            rows, columns = tiles.span(index)
            scores.append(tiles.scores(index)[here[:, 0] - rows.start, here[:, 1] - columns.start])
    right = torch.cat(scores)
    return (
        _largest(right, tiles.all_pairs[:, 0], len(tiles.image)),
        _largest(right, tiles.all_pairs[:, 1], len(tiles.text)),
    )


def _largest(scores: Tensor, query: Tensor, queries: int) -> Tensor:
    """Largest score of each query; on the CPU, where this is allowed in deterministic mode."""
    best = torch.full((queries,), -torch.inf)
    best.scatter_reduce_(0, query.cpu(), scores.cpu(), "amax")
    return best.to(scores.device)


def _median(rank: Tensor) -> float:
    """Median of an even number of ranks is the mean of the middle two."""
    ordered = rank.sort().values
    middle = ordered[(len(rank) - 1) // 2 : len(rank) // 2 + 1]
    return float(middle.double().mean())
