"""Recall@k of one model on several sets."""

from collections.abc import Mapping

from rich import box
from rich.table import Table

from modx_lightning.reporting import cells
from modx_lightning.reporting.names import shorten

_SET_NAME = 18
_COLUMNS = {
    "image_to_text_R@1": "I→T @1",
    "image_to_text_R@5": "@5",
    "image_to_text_R@10": "@10",
    "text_to_image_R@1": "T→I @1",
    "text_to_image_R@5": "@5",
    "text_to_image_R@10": "@10",
    "mean_R@5": "mean @5",
}


def retrieval_table(
    scores: Mapping[str, Mapping[str, float]], sizes: Mapping[str, tuple[int, int]]
) -> Table:
    """Show recall in percent, one row per set.

    Args:
        scores: ``{set: {metric: score}}``, as an evaluator returns them.
        sizes: Images and different texts of each set.
    """
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("recall, percent", no_wrap=True)
    for name in ("images", "texts", *_COLUMNS.values()):
        table.add_column(name, justify="right", no_wrap=True)
    for name, short in zip(scores, shorten(list(scores), _SET_NAME), strict=True):
        values = [cells.score(scores[name].get(metric)) for metric in _COLUMNS]
        table.add_row(short, *map(str, sizes[name]), *values)
    return table
