"""The tables of a run and of several runs, laid out for the width they are printed at."""

from collections.abc import Sequence
from functools import partial

from rich.console import RenderableType

from modx_lightning.reporting.comparison import lay_out_comparison
from modx_lightning.reporting.fitted import FittedToWidth
from modx_lightning.reporting.results import RunResult
from modx_lightning.reporting.score_table import lay_out_scores

DEFAULT_METRIC = "mean_R@5"


def run_table(result: RunResult, metric: str = DEFAULT_METRIC) -> RenderableType:
    """Show the score matrix of a run, and its continual metrics below.

    One row per model (``before``, then after each phase), one column per evaluation set; the
    score of the row that learned a set is marked. Columns that do not fit the terminal
    continue in a second table below.

    Args:
        result: The run, finished or not.
        metric: Which of its score matrices.

    Returns:
        Something to print with rich; without colours where the output is no terminal.

    Raises:
        ValueError: When printed, if the run has no such metric.
    """
    return FittedToWidth(partial(lay_out_scores, result, metric))


def runs_table(results: Sequence[RunResult], metric: str = DEFAULT_METRIC) -> RenderableType:
    """Show several runs side by side: what each has learned and what it has forgotten.

    Per evaluation set the score before training, then each run's last score and its change.
    Runs with different evaluation sets get tables of their own; runs that do not fit beside
    each other follow below. A sentence per run says what it forgot.

    Args:
        results: The runs.
        metric: Which of their score matrices.

    Returns:
        Something to print with rich; without colours where the output is no terminal.

    Raises:
        ValueError: When printed, if a run has no such metric.
    """
    return FittedToWidth(partial(lay_out_comparison, results, metric))
