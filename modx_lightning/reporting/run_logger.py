"""A logger that lives through all phases of a run and keeps one step axis."""

from abc import abstractmethod
from collections.abc import Mapping

from lightning.fabric.utilities.rank_zero import rank_zero_only
from lightning.pytorch.loggers import Logger


class RunLogger(Logger):
    """Turn the steps of one phase into the steps of the whole run.

    A step of the run is the number of optimizer steps made so far: 0 is the untouched
    model, and what is measured right after the first step of a phase that begins at
    ``offset`` belongs to ``offset + 1``. Every phase has its own Trainer, which counts
    from zero again; this class adds what came before.

    Args:
        offset: Optimizer steps of the run before the phase that begins.
    """

    def __init__(self, offset: int = 0) -> None:
        super().__init__()
        self.offset = offset
        self.row = 0
        self.phase = ""
        self.step = offset

    def begin_phase(self, row: int, name: str, offset: int) -> None:
        """Say which phase the next values belong to.

        Args:
            row: Row of the score matrix the phase will fill; 0 for the untouched model.
            name: Name of the phase.
            offset: Optimizer steps of the run before this phase.
        """
        self.row, self.phase, self.offset = row, name, offset
        self.step = max(self.step, offset)

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:  # type: ignore[override]
        """Log values that come from the Trainer of the running phase.

        Args:
            metrics: Values by name.
            step: Steps of the phase *before* the one just made, as Lightning counts;
                ``None`` stands for the latest step of the run.
        """
        self.log_at(self.step if step is None else self.offset + step + 1, metrics)

    @rank_zero_only
    def log_at(self, step: int, metrics: Mapping[str, float]) -> None:
        """Log values measured when the run had made ``step`` optimizer steps.

        A value that comes late, with an older step, is filed under the latest one, so
        that the axis never goes back.
        """
        self.step = max(self.step, step)
        self._write(self.step, metrics)

    @abstractmethod
    def _write(self, step: int, metrics: Mapping[str, float]) -> None:
        """Store values under a step that is never smaller than the one before."""

    def truncate_after(self, step: int) -> None:
        """Forget what was logged beyond ``step``, where the run starts again."""
        self.step = step

    def finish(self, exit_code: int = 0) -> None:
        """Close the logger at the end of the run; ``exit_code`` is 0 when it went well."""
