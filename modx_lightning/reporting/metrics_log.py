"""metrics.csv: every logged value of a run, one row a step."""

import csv
import io
import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from lightning.fabric.utilities.rank_zero import rank_zero_only

from modx_lightning.reporting.atomic import write_atomically
from modx_lightning.reporting.run_logger import RunLogger

_FIRST = ["step", "phase"]
_FSYNC_EVERY_S = 5.0

Row = dict[str, str]


class MetricsLog(RunLogger):
    """Write ``metrics.csv``: columns ``step`` and ``phase``, then every name ever logged.

    Values of one step share a row, ``step`` only grows, floats keep their full precision.
    A row is handed to the system when it is logged, so a killed process loses nothing; a
    new name makes the file again, with one more column, and swaps it in whole.

    Args:
        folder: The run folder; a ``metrics.csv`` already in it is continued.
        offset: Optimizer steps of the run before the phase that begins.
    """

    def __init__(self, folder: Path | str, offset: int = 0) -> None:
        super().__init__(offset)
        self.path = Path(folder) / "metrics.csv"
        self._columns: list[str] = []
        self._begun = False
        self._row: Row = {}
        self._row_start = 0  # where the last row begins in the file, in bytes
        self._synced = time.monotonic()
        self._take_up()

    def _write(self, step: int, metrics: Mapping[str, float]) -> None:
        self._begin()
        if self._row.get("step") != str(step):
            self._row = {"step": str(step), "phase": self.phase}
            self._row_start = self.path.stat().st_size
        self._row |= {name: _text(value) for name, value in metrics.items()}
        new = [name for name in metrics if name not in self._columns]
        if new:
            before = [row for row in self._read() if row["step"] != str(step)]
            self._replace([*before, self._row], [*self._columns, *new])
            return
        line = _lines([self._row], self._columns).encode()
        with self.path.open("r+b", buffering=0) as file:
            file.seek(self._row_start)
            file.write(line)  # over the shorter row, not after a truncation: nothing is lost
            file.truncate()

    @rank_zero_only
    def truncate_after(self, step: int) -> None:
        super().truncate_after(step)
        self._begin()
        rows = [row for row in self._read() if int(row["step"]) <= step]
        used = {name for row in rows for name, value in row.items() if value}
        self._replace(rows, [name for name in self._columns if name in used or name in _FIRST])

    @rank_zero_only
    def save(self) -> None:
        if time.monotonic() - self._synced > _FSYNC_EVERY_S:
            self._sync()

    @rank_zero_only
    def finalize(self, status: str) -> None:
        self._sync()

    @property
    def name(self) -> str:
        return "metrics"

    @property
    def version(self) -> str:
        return ""

    @property
    def save_dir(self) -> str:
        return str(self.path.parent)

    def log_hyperparams(self, params: object, *args: object, **kwargs: object) -> None:
        """Do nothing: the config lies in ``config.yaml`` beside the table."""

    @rank_zero_only
    def _take_up(self) -> None:
        """Find the step and the columns that an earlier process ended with."""
        if self.path.exists():
            with self.path.open(newline="", encoding="utf-8") as file:
                self._columns = next(csv.reader(file), [])
            rows = self._read()
            self.step = max(self.step, int(rows[-1]["step"]) if rows else 0)

    def _begin(self) -> None:
        """On first use make the file, or mend the end of the one that is there."""
        if not self._begun:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._replace(self._read(), self._columns or list(_FIRST))
            self._begun = True

    def _read(self) -> list[Row]:
        """Read the whole rows; the last one may have been cut off by a power failure."""
        if not self.path.exists():
            return []
        text = self.path.read_text(encoding="utf-8", errors="replace")
        rows = csv.DictReader(io.StringIO(text[: text.rfind("\n") + 1], newline=""))
        return [row for row in rows if row["step"].isdigit()]

    def _replace(self, rows: list[Row], columns: list[str]) -> None:
        """Make the file again and swap it in; a crash leaves the old one or the new one."""
        before = _lines([dict(zip(columns, columns, strict=True)), *rows[:-1]], columns)
        write_atomically(self.path, before + _lines(rows[-1:], columns))
        self._columns, self._row_start = columns, len(before.encode())
        self._row = rows[-1] if rows else {}

    def _sync(self) -> None:
        self._synced = time.monotonic()
        if self.path.exists():
            with self.path.open("rb") as file:
                os.fsync(file.fileno())


def _text(value: float) -> str:
    return repr(value) if isinstance(value, int) else repr(float(value))


def _lines(rows: Iterable[Row], columns: list[str]) -> str:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, columns, "", "ignore", lineterminator="\n")
    writer.writerows(rows)
    return buffer.getvalue()
