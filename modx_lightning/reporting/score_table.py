"""The score matrix of one run."""

from collections.abc import Iterator, Sequence

from rich import box
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from modx_lightning.reporting import cells
from modx_lightning.reporting.names import shorten
from modx_lightning.reporting.results import RunResult

_GAP = 2  # between columns: one of padding, one that the box draws
_CORNER = "after phase"
_ROW_NAME, _SCORE = 18, 7  # widest first column, narrowest other one


def lay_out_scores(result: RunResult, metric: str, width: int) -> Iterator[RenderableType]:
    """Lay out the score matrix of a run; see ``tables.run_table``."""
    matrix = scores_of(result, metric)
    rows = ["before", *(f"{row} {name}" for row, name in enumerate(result.phases, start=1))]
    rows = shorten(rows, _ROW_NAME)
    room = width - max(map(len, [_CORNER, *rows])) - _GAP - 2  # 2: the edges
    yield Text(run_title(result, metric), style="bold")
    for columns in _columns_that_fit(len(result.evaluation_sets), room):
        names = _shorten_to_fit([result.evaluation_sets[column] for column in columns], room)
        yield _matrix_table(result, matrix, columns, rows, names)
    yield Padding(Text("* learned in this row", style="dim"), (0, 1))
    yield Padding(_continual_line(result, metric), (0, 1, 1, 1))
    if result.error is not None:
        yield Padding(Text(f"failed: {result.error}", style="red"), (0, 1, 1, 1))


def scores_of(result: RunResult, metric: str) -> list[list[float | None]]:
    """Give one score matrix, or say which there are; of a run without any, an empty one.

    Raises:
        ValueError: If the run has no such metric.
    """
    if not result.scores:
        return [[None] * len(result.evaluation_sets) for _ in ("before", *result.phases)]
    if metric not in result.scores:
        known = ", ".join(sorted(result.scores))
        raise ValueError(f"{label(result)} has no scores of {metric!r}; it has {known}")
    return result.scores[metric]


def label(result: RunResult) -> str:
    """Name a run by method and seed."""
    return f"{result.method} seed {result.seed}"


def run_title(result: RunResult, metric: str) -> str:
    """Say in one line what is shown."""
    parts = [result.experiment, label(result), cells.metric_title(metric)]
    return " · ".join(parts) + progress_note(result)


def progress_note(result: RunResult) -> str:
    """Tell how far an unfinished run is; nothing for a complete one."""
    if result.status == "complete":
        return ""
    done = max(0, result.rows_measured - 1)
    return f" [{result.status}: {done} of {len(result.phases)} phases measured]"


def _shorten_to_fit(names: Sequence[str], room: int) -> list[str]:
    """Cut the longest names until the columns fit."""
    for cap in range(max(map(len, names)), _SCORE, -1):
        short = shorten(names, cap)
        if sum(max(_SCORE, len(name)) + _GAP for name in short) <= room:
            return short
    return shorten(names, _SCORE)


def _columns_that_fit(count: int, room: int) -> list[range]:
    fitting = max(1, room // (_SCORE + _GAP))
    return [range(start, min(start + fitting, count)) for start in range(0, count, fitting)]


def _matrix_table(
    result: RunResult,
    matrix: list[list[float | None]],
    columns: range,
    rows: Sequence[str],
    names: Sequence[str],
) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, _GAP - 1, 0, 0), pad_edge=False)
    table.add_column(_CORNER, no_wrap=True)
    for name in names:
        table.add_column(name, justify="right", no_wrap=True, min_width=_SCORE)
    for row, name in enumerate(rows):
        scores = [_cell(matrix[row][column], result.learned_in[column], row) for column in columns]
        table.add_row(name, *scores)
    return table


def _cell(value: float | None, learned_in: int | None, row: int) -> Text:
    if value is not None and learned_in == row:
        return Text(f"{cells.score(value)}*", style="bold cyan")
    return Text(f"{cells.score(value)} ")


def _continual_line(result: RunResult, metric: str) -> Text:
    values = result.continual.get(metric, {})
    parts = [
        Text.assemble(f"{title} ", cells.continual(name, values[name]))
        for name, title in cells.CONTINUAL_NAMES.items()
        if values.get(name) is not None
    ]
    return Text(" · ").join(parts) if parts else Text("continual metrics: after the last phase")
