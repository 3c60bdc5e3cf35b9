"""Continual-learning metrics of a score matrix, in plain Python.

``R[i][j]`` is the score on evaluation set ``j`` after phase ``i``; row 0 is the untouched
model and row P the last one. ``None`` or NaN means not measured. docs/metrics.md sets
these definitions beside those of other systems.
"""

import math
from collections.abc import Iterable, Sequence

ScoreMatrix = Sequence[Sequence[float | None]]  # (P + 1, T)
LearnedIn = Sequence[int | None]  # (T,): row that trained the set; 0: known before; None: never
Column = list[float | None]


def continual_metrics(scores: ScoreMatrix, learned_in: LearnedIn) -> dict[str, float | None]:
    """Compute every continual metric of one score matrix; higher scores are better.

    Args:
        scores: ``(P + 1, T)``, not changed; a column without any value takes no part.
        learned_in: Per column the row whose phase trained the set, 0 for what the initial
            model knows, None for a set that is never trained.

    Returns:
        Unit of the scores, each the mean over its evaluation sets: ``average``,
        ``forgetting``, ``backward_transfer``, ``forward_transfer`` and ZSCL's
        ``zscl_transfer``, ``zscl_average``, ``zscl_last``. None where a needed value is
        not measured (an unfinished run) or where no set takes part.

    Raises:
        ValueError: If the matrix is ragged, or ``learned_in`` does not fit it.

    Example:
        >>> matrix = [[30, 10, 20], [24, 50, 22], [20, 40, 60]]
        >>> for name, value in continual_metrics(matrix, [0, 1, 2]).items():
        ...     print(name, value)
        average 40.0
        forgetting 10.0
        backward_transfer -10.0
        forward_transfer 2.0
        zscl_transfer 22.0
        zscl_average 43.0
        zscl_last 50.0
    """
    last = len(scores) - 1
    columns = _columns(scores, learned_in)
    known = [(c, row) for c, row in columns if row is not None]
    old = [(c, row) for c, row in known if row < last]
    trained = [(c, row) for c, row in known if row > 0]
    later = [(c, row) for c, row in known if row > 1]
    return {
        "average": _mean(c[last] for c, _ in columns),
        "forgetting": _mean(_forgetting(c, row) for c, row in old),
        "backward_transfer": _mean(_difference(c[last], c[row]) for c, row in old),
        "forward_transfer": _mean(_difference(c[row - 1], c[0]) for c, row in later),
        "zscl_transfer": _mean(_mean(c[1:row]) for c, row in later),
        "zscl_average": _mean(_mean(c[1:]) for c, _ in trained),
        "zscl_last": _mean(c[last] for c, _ in trained),
    }


def forgetting_by_set(scores: ScoreMatrix, learned_in: LearnedIn) -> list[float | None]:
    """Tell what was lost on each set: best score from learning on, minus the last one.

    Args:
        scores: ``(P + 1, T)``, higher is better, not changed.
        learned_in: As in :func:`continual_metrics`.

    Returns:
        T values in the unit of the scores, negative where the set was learned better
        later on; None for a set that was learned last, or never, or is not measured.

    Raises:
        ValueError: If the matrix is ragged, or ``learned_in`` does not fit it.
    """
    last = len(scores) - 1
    return [
        _forgetting(column, row) if row is not None and row < last else None
        for column, row in _all_columns(scores, learned_in)
    ]


def _columns(scores: ScoreMatrix, learned_in: LearnedIn) -> list[tuple[Column, int | None]]:
    """Columns with a value anywhere, each with its row of learning."""
    return [
        (column, row)
        for column, row in _all_columns(scores, learned_in)
        if any(value is not None for value in column)
    ]


def _all_columns(scores: ScoreMatrix, learned_in: LearnedIn) -> list[tuple[Column, int | None]]:
    """Columns, NaN turned into None."""
    if not scores or any(len(row) != len(learned_in) for row in scores):
        raise ValueError(
            f"expected rows of {len(learned_in)} scores, one per entry of learned_in, "
            f"got rows of {[len(row) for row in scores]}"
        )
    wrong = [row for row in learned_in if row is not None and not 0 <= row < len(scores)]
    if wrong:
        raise ValueError(f"learned_in must name rows 0 to {len(scores) - 1}, got {wrong}")
    columns = [[_measured(row[j]) for row in scores] for j in range(len(learned_in))]
    return list(zip(columns, learned_in, strict=True))


def _measured(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value


def _forgetting(column: Column, learned: int) -> float | None:
    """Best score between learning and the last phase, minus the last one; negative if it grew."""
    if column[learned] is None:
        return None
    best = max(value for value in column[learned:-1] if value is not None)
    return _difference(best, column[-1])


def _difference(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a - b


def _mean(values: Iterable[float | None]) -> float | None:
    """Mean, or None if a value is missing or there is none."""
    found = list(values)
    known = [value for value in found if value is not None]
    return sum(known) / len(known) if known and len(known) == len(found) else None
