"""Recall@k of one model on several sets."""

from collections.abc import Iterator, Mapping
from functools import partial

from rich import box
from rich.console import RenderableType
from rich.table import Table

from modx_lightning.reporting import cells
from modx_lightning.reporting.fitted import FittedToWidth
from modx_lightning.reporting.names import shorten

_COLUMNS = {
    "image_to_text_R@1": "I→T@1",
    "image_to_text_R@5": "@5",
    "image_to_text_R@10": "@10",
    "text_to_image_R@1": "T→I@1",
    "text_to_image_R@5": "@5",
    "text_to_image_R@10": "@10",
    "mean_R@5": "mean@5",
}
_SCORE = 5  # 100.0
_NUMBERS = 68  # width of everything but the names
_SHORTEST, _LONGEST = 8, 24  # of the names


def retrieval_table(
    scores: Mapping[str, Mapping[str, float]], sizes: Mapping[str, tuple[int, int]]
) -> RenderableType:
    """Show recall in percent, one row per set.

    Args:
        scores: ``{set: {metric: score}}``, as an evaluator returns them.
        sizes: Images and different texts of each set.

    Returns:
        Something to print with rich.
    """
    return FittedToWidth(partial(_lay_out, scores, sizes))


def _lay_out(
    scores: Mapping[str, Mapping[str, float]], sizes: Mapping[str, tuple[int, int]], width: int
) -> Iterator[RenderableType]:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("recall %", no_wrap=True)
    table.add_column("images", justify="right", no_wrap=True)
    table.add_column("texts", justify="right", no_wrap=True)
    for name in _COLUMNS.values():
        table.add_column(name, justify="right", no_wrap=True, min_width=_SCORE)
    room = max(_SHORTEST, min(width - _NUMBERS, _LONGEST))
    for name, short in zip(scores, shorten(list(scores), room), strict=True):
        values = [cells.score(scores[name].get(metric)) for metric in _COLUMNS]
        table.add_row(short, *map(str, sizes[name]), *values)
    yield table
