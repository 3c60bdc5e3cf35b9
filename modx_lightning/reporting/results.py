"""``results.json``: everything a run measured, rewritten whole after every phase."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from modx_lightning.metrics.continual import continual_metrics
from modx_lightning.reporting.atomic import write_atomically
from modx_lightning.reporting.results_schema import SCHEMA_VERSION, check_results, parse_json

Status = Literal["running", "complete", "failed"]
Scores = dict[str, list[list[float | None]]]  # metric: (P + 1, T), None where not measured
Continual = dict[str, dict[str, float | None]]


@dataclass(frozen=True)
class PhaseModel:
    """A saved model; the teacher of the next row is found by this hash."""

    row: int
    name: str
    folder: str  # relative to the run folder
    sha256: str  # of the weights


@dataclass(frozen=True)
class SkipCount:
    """How many samples of a shard could not be used, and why."""

    split: str
    shard: str
    reason: str
    count: int


@dataclass
class RunResult:
    """One run; the fields are the keys of ``results.json``.

    Attributes:
        phases: P names, in order.
        evaluation_sets: T names, columns of every score matrix.
        learned_in: Per evaluation set the row whose phase trains it; 0: the initial model
            knows it; None: never trained.
        status: ``running``, ``complete`` or ``failed``, which comes with ``error``.
        scores: Per metric its matrix, ``(P + 1, T)``; row 0 is before training.
        continual: Per recall metric ``average``, ``forgetting``, ``backward_transfer`` …,
            None while undefined; of ranks, where lower is better, there is none.
        spatial_disorder: Rotation of the embedding spaces from phase to phase.
        phase_models: Saved models in the order of their rows.
        steps: Optimizer steps of each row, 0 for row 0, None while not trained.
        skipped: Unusable samples, counted.
        timing: ``train_seconds``, ``samples``, ``samples_per_second``, None before training.
        environment: Versions, hardware and git commit.
    """

    experiment: str
    method: str
    seed: int
    config_sha256: str
    phases: list[str]
    evaluation_sets: list[str]
    learned_in: list[int | None]
    status: Status = "running"
    error: str | None = None
    scores: Scores = field(default_factory=Scores)
    continual: Continual = field(default_factory=Continual)
    spatial_disorder: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    phase_models: list[PhaseModel] = field(default_factory=list[PhaseModel])
    steps: list[int | None] = field(default_factory=list[int | None])
    skipped: list[SkipCount] = field(default_factory=list[SkipCount])
    timing: dict[str, float | None] = field(
        default_factory=lambda: dict.fromkeys(("train_seconds", "samples", "samples_per_second"))
    )
    environment: dict[str, Any] = field(default_factory=dict[str, Any])

    def __post_init__(self) -> None:
        self.steps = self.steps or [0, *(None for _ in self.phases)]

    @property
    def rows_measured(self) -> int:
        """Rows of the score matrix that are filled: the first row still to be measured."""
        filled = [
            any(
                matrix[row][column] is not None
                for matrix in self.scores.values()
                for column in range(len(self.evaluation_sets))
            )
            for row in range(len(self.phases) + 1)
        ]
        return [*filled, False].index(False)

    def add_scores(self, row: int, scores: Mapping[str, Mapping[str, float]]) -> None:
        """Fill one row of every matrix and compute the continual metrics anew.

        Args:
            row: 0 for the untouched model, ``i`` after phase ``i``.
            scores: ``{evaluation set: {metric: score}}``; a set that is left out stays
                unmeasured.

        Raises:
            ValueError: If ``row`` or a set is not one of this run.
        """
        unknown = set(scores) - set(self.evaluation_sets)
        if unknown or not 0 <= row <= len(self.phases):
            raise ValueError(
                f"expected row 0 to {len(self.phases)} and sets {self.evaluation_sets}, "
                f"got row {row} and unknown sets {sorted(unknown)}"
            )
        for column, name in enumerate(self.evaluation_sets):
            for metric, value in scores.get(name, {}).items():
                self._matrix(metric)[row][column] = value if math.isfinite(value) else None
        self.continual = {
            metric: continual_metrics(matrix, self.learned_in)
            for metric, matrix in self.scores.items()
            if not metric.endswith("_rank")
        }

    def _matrix(self, metric: str) -> list[list[float | None]]:
        empty = [[None for _ in self.evaluation_sets] for _ in range(len(self.phases) + 1)]
        return self.scores.setdefault(metric, [list[float | None](row) for row in empty])

    def to_json(self) -> str:
        """Text of the file; what is not finite becomes null, never NaN."""
        content = {"schema_version": SCHEMA_VERSION, **asdict(self)}
        return json.dumps(_without_nan(content), indent=1, allow_nan=False) + "\n"

    def write(self, path: Path) -> None:
        """Replace ``path`` as a whole: whoever reads, or dies, sees the old file or the new."""
        write_atomically(path, self.to_json())

    @classmethod
    def read(cls, path: Path) -> RunResult:
        """Read and check a ``results.json``.

        Raises:
            FileNotFoundError: If there is none.
            ResultsError: If it is torn, of another version, or its parts do not fit.
        """
        content = parse_json(path)
        check_results(path, content)
        content.pop("schema_version")
        content["phase_models"] = [PhaseModel(**entry) for entry in content["phase_models"]]
        content["skipped"] = [SkipCount(**entry) for entry in content["skipped"]]
        return cls(**content)


def _without_nan(value: Any) -> Any:
    """Copy plain data with None for NaN and infinity, which are not JSON."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [_without_nan(item) for item in value]
    return value
