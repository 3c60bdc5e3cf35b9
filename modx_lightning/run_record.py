"""What a run leaves behind, kept up to date row by row: results.json, phase folders, loggers."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import torch
from omegaconf import DictConfig

from modx_lightning.batch import Skip
from modx_lightning.data.stream import Stream
from modx_lightning.distributed import barrier, rank
from modx_lightning.methods.base import ContinualMethod
from modx_lightning.models.clip import CLIP
from modx_lightning.models.local_dir import save_local_dir, weights_sha256
from modx_lightning.models.restore import load_weights
from modx_lightning.phase_cost import PhaseCost
from modx_lightning.reporting.environment import environment
from modx_lightning.reporting.results import PhaseModel, RunResult, SkipCount
from modx_lightning.reporting.run_logger import RunLogger
from modx_lightning.reporting.run_loggers import open_loggers

METHOD_STATE = "method.pt"


class RunRecord:
    """The state of a run on disk. Every rank holds one; only rank 0 writes.

    Use as a context manager: left by an error it marks the run failed, and left in any way it
    closes the loggers.

    Args:
        folder: The run folder.
        result: What has been measured so far.
        loggers: Loggers of the whole run.
    """

    def __init__(self, folder: Path, result: RunResult, loggers: Sequence[RunLogger]) -> None:
        self.folder = folder
        self.result = result
        self.loggers = loggers
        self._in_memory: int | None = None  # row whose weights the model holds now

    @classmethod
    def open(cls, cfg: DictConfig, stream: Stream) -> Self:
        """Continue the run in ``cfg.run_dir``, or begin it."""
        folder = Path(cfg.run_dir)
        path = folder / "results.json"
        fresh = RunResult(
            experiment=cfg.run.experiment,
            method=cfg.run.method,
            seed=cfg.seed,
            config_sha256=cfg.run.config_sha256,
            phases=[phase.name for phase in stream.phases],
            evaluation_sets=[one.name for one in stream.evaluation_sets],
            learned_in=[one.learned_in for one in stream.evaluation_sets],
        )
        result = RunResult.read(path) if path.is_file() else fresh
        result.status, result.error, result.environment = "running", None, environment()
        barrier()  # every rank has read the old file before rank 0 writes the new one
        record = cls(folder, result, open_loggers(cfg))
        record._write()
        return record

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, Exception):  # a run that was interrupted has not failed
            self.result.status, self.result.error = "failed", f"{type(error).__name__}: {error}"
            self._write()
        for logger in self.loggers:
            logger.finish(exit_code=int(error is not None))

    @property
    def next_row(self) -> int:
        """First row of the score matrix that is still to be measured."""
        return self.result.rows_measured

    def folder_of(self, row: int) -> Path:
        """Folder of the model of a row, whether or not it exists yet."""
        name = self.result.phases[row - 1] if row else "initial"
        return self.folder / "phases" / f"{row:02d}-{name}"

    def sha256_of(self, row: int) -> str:
        """Hash of the saved weights of a row."""
        return next(model.sha256 for model in self.result.phase_models if model.row == row)

    def has_model(self, row: int) -> bool:
        """Tell whether the model of a row has been trained and saved."""
        return any(model.row == row for model in self.result.phase_models)

    def steps_before(self, row: int) -> int:
        """Optimizer steps of the run before the phase of a row began."""
        return sum(steps or 0 for steps in self.result.steps[:row])

    def begin(self, row: int) -> None:
        """Tell the loggers which row comes next, and drop what a killed run had logged of it."""
        name = self.result.phases[row - 1] if row else "initial"
        for logger in self.loggers:
            logger.begin_phase(row, name, self.steps_before(row))

    def add_skipped(
        self, opening: Mapping[str, Mapping[str, int]], evaluating: Mapping[str, Sequence[Skip]]
    ) -> None:
        """Count the samples that were left out when shards were opened and sets were scored.

        Args:
            opening: Number by split and reason, of all shards together.
            evaluating: What could not be decoded, by evaluation set.
        """
        self.result.skipped = [
            SkipCount(split, "all", reason, count)
            for split, reasons in opening.items()
            for reason, count in reasons.items()
        ]
        for name, skips in evaluating.items():
            counts = Counter((skip.shard, skip.reason) for skip in skips)
            self.result.skipped += [
                SkipCount(f"{name}/test", shard, reason, count)
                for (shard, reason), count in sorted(counts.items())
            ]

    def add_initial_model(self, model: CLIP) -> None:
        """Save the untouched model: the first phase's teacher."""
        folder = self.folder_of(0)
        if rank() == 0:
            save_local_dir(model, folder)
        barrier()
        self._add_model(0, "initial", weights_sha256(folder))

    def add_model(self, row: int, method: ContinualMethod, cost: PhaseCost) -> None:
        """Record a trained phase, whose model TeacherSnapshot has saved, and its cost."""
        folder = self.folder_of(row)
        state = method.state_dict()
        if rank() == 0 and any(isinstance(value, torch.Tensor) for value in state.values()):
            torch.save(state, folder / METHOD_STATE)
        self.result.steps[row] = cost.steps
        self.result.timing = cost.added_to(self.result.timing)
        self.result.skipped = [*self.result.skipped, *cost.skipped]
        self._add_model(row, self.result.phases[row - 1], weights_sha256(folder))

    def restore(self, row: int, model: CLIP, method: ContinualMethod) -> None:
        """Bring model and method to the end of a row, where a continued run needs it."""
        if self._in_memory == row:
            return
        folder = self.folder_of(row)
        load_weights(model, folder, self.sha256_of(row))
        if (folder / METHOD_STATE).is_file():
            method.load_state_dict(torch.load(folder / METHOD_STATE, weights_only=True))
        self._in_memory = row

    def add_scores(self, row: int, scores: Mapping[str, Mapping[str, float]]) -> None:
        """Fill a row of the score matrix, in results.json and in every logger."""
        values = {f"eval/{s}/{m}": v for s, metrics in scores.items() for m, v in metrics.items()}
        # Before results.json: a kill in between then repeats this row, and loses nothing.
        for logger in self.loggers:
            logger.log_at(self.steps_before(row + 1), values)
        self.result.add_scores(row, scores)
        self._write()

    def complete(self) -> None:
        """Mark the run complete; it will be left alone from now on."""
        self.result.status = "complete"
        self._write()
        if rank() == 0:
            (self.folder / "error.txt").unlink(missing_ok=True)

    def _add_model(self, row: int, name: str, sha256: str) -> None:
        folder = self.folder_of(row).relative_to(self.folder)
        kept = [model for model in self.result.phase_models if model.row != row]
        self.result.phase_models = [*kept, PhaseModel(row, name, str(folder), sha256)]
        self._in_memory = row
        self._write()

    def _write(self) -> None:
        if rank() == 0:
            self.result.write(self.folder / "results.json")
