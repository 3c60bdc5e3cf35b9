"""Several runs side by side."""

from collections import Counter
from collections.abc import Iterator, Sequence

from rich import box
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from modx_lightning.metrics.continual import forgetting_by_set
from modx_lightning.reporting import cells
from modx_lightning.reporting.names import shorten
from modx_lightning.reporting.results import RunResult
from modx_lightning.reporting.score_table import progress_note, scores_of

_SET_NAME, _BEFORE, _RUN = 20, 8, 16  # column widths with their gaps
_CHANGE = 7  # width of a change inside a run's column
_SUMMARY = ("average", "forgetting", "backward_transfer", "forward_transfer")
_SAME = 0.05  # scores that print alike


def lay_out_comparison(
    results: Sequence[RunResult], metric: str, width: int
) -> Iterator[RenderableType]:
    """Lay out several runs side by side; see ``tables.runs_table``."""
    groups: dict[tuple[str, ...], list[RunResult]] = {}
    for result in results:
        groups.setdefault(tuple(result.evaluation_sets), []).append(result)
    for group in groups.values():
        yield from _lay_out_group(group, metric, width)


def _lay_out_group(group: Sequence[RunResult], metric: str, width: int) -> Iterator[RenderableType]:
    names = run_names(group)
    best = _best(group, metric)
    experiments = ", ".join(dict.fromkeys(result.experiment for result in group))
    yield Text(f"{experiments} · {cells.metric_title(metric)}", style="bold")
    fitting = max(1, (width - _SET_NAME - _BEFORE) // _RUN)
    for start in range(0, len(group), fitting):
        part = slice(start, start + fitting)
        yield _table(group[part], names[part], best, metric)
    yield Padding(Text("last score, and its change since before", "dim"), (0, 1))
    if cells.higher_is_better(metric):
        for name, result in zip(names, group, strict=True):
            yield Padding(Text(f"{name}: {forgotten(result, metric)}"), (0, 1))
    yield ""


def run_names(results: Sequence[RunResult]) -> list[str]:
    """Name runs by method; equal ones get their seed, and if that is equal too, their config."""
    names = [_method(result) for result in results]
    for more in (
        [f"s{result.seed}" for result in results],
        [result.config_sha256[:6] for result in results],
    ):
        count = Counter(names)
        names = [
            f"{name} {part}" if count[name] > 1 else name
            for name, part in zip(names, more, strict=True)
        ]
    return names


def _method(result: RunResult) -> str:
    """Joint training is plain training on everything at once, the upper bound."""
    if result.phases != ["joint"]:
        return result.method
    return "joint" if result.method == "finetune" else f"{result.method} joint"


def forgotten(result: RunResult, metric: str) -> str:
    """Say in a sentence what a run has forgotten by its last measured row."""
    rows = scores_of(result, metric)[: max(1, result.rows_measured)]
    learned_in = [row if row is not None and row < len(rows) else None for row in result.learned_in]
    losses = forgetting_by_set(rows, learned_in)
    known = [(loss, column) for column, loss in enumerate(losses) if loss is not None]
    if not known:
        return f"nothing to forget yet{progress_note(result)}"
    worst, column = max(known)
    if worst < _SAME:
        return f"forgot nothing{progress_note(result)}"
    mean = sum(loss for loss, _ in known) / len(known)
    last = rows[-1][column] or 0.0
    return (
        f"forgot {mean:.1f} points on average, most on {result.evaluation_sets[column]} "
        f"({last + worst:.1f} at its best, {last:.1f} now){progress_note(result)}"
    )


def _table(
    results: Sequence[RunResult],
    names: Sequence[str],
    best: Sequence[float | None],
    metric: str,
) -> Table:
    sets = shorten(results[0].evaluation_sets, _SET_NAME - 2)
    before = [scores_of(result, metric)[0] for result in results]
    last = [_last_row(result, metric) for result in results]
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("", no_wrap=True, width=_SET_NAME - 2)
    table.add_column("before", justify="right", no_wrap=True, width=_BEFORE - 2)
    for name in shorten(names, _RUN - 2):
        table.add_column(name, justify="right", no_wrap=True, width=_RUN - 2)
    for column, name in enumerate(sets):
        cell = [
            _cell(now[column], then[column], best[column])
            for now, then in zip(last, before, strict=True)
        ]
        table.add_row(name, _common([row[column] for row in before]), *cell)
    table.add_section()
    for name in _SUMMARY:
        values = [result.continual.get(metric, {}).get(name) for result in results]
        padding = " " * _CHANGE  # keeps the value under the scores
        summary = [Text.assemble(cells.continual(name, value), padding) for value in values]
        table.add_row(cells.CONTINUAL_NAMES[name], "", *summary)
    return table


def _last_row(result: RunResult, metric: str) -> list[float | None]:
    return scores_of(result, metric)[max(0, result.rows_measured - 1)]


def _best(results: Sequence[RunResult], metric: str) -> list[float | None]:
    """Best last score per evaluation set, None where nothing is to be singled out."""
    columns = zip(*(_last_row(result, metric) for result in results), strict=True)
    known = [[value for value in column if value is not None] for column in columns]
    if not cells.higher_is_better(metric):
        return [None] * len(known)
    return [max(values, default=None) for values in known]


def _common(values: Sequence[float | None]) -> str:
    """Give the score all runs started with, if they did."""
    known = [value for value in values if value is not None]
    if known and max(known) - min(known) >= _SAME:
        return "varies"
    return cells.score(known[0] if known else None)


def _cell(now: float | None, before: float | None, best: float | None) -> Text:
    moved = cells.change(None if now is None or before is None else now - before)
    if best is None:  # ranks: green for more of them would mislead
        moved = Text(moved.plain)
    moved.pad_left(_CHANGE - len(moved))
    return Text.assemble((cells.score(now), "bold" if now == best else ""), moved)
