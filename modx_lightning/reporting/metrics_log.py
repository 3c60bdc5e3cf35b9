"""metrics.csv: every logged value of a run, one row a step."""

import csv
import io
import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import BinaryIO

from lightning.fabric.utilities.rank_zero import rank_zero_only

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
        self._row: Row = {}
        self._row_start = 0  # where the last row begins in the file, in bytes
        self._file: BinaryIO | None = None
        self._synced = time.monotonic()

    def _write(self, step: int, metrics: Mapping[str, float]) -> None:
        file = self._open()
        if self._row.get("step") != str(step):
            self._row = {"step": str(step), "phase": self.phase}
            self._row_start = file.seek(0, os.SEEK_END)
        self._row |= {name: _text(value) for name, value in metrics.items()}
        new = [name for name in metrics if name not in self._columns]
        if new:
            self._replace([*self._rows_before_last(), self._row], [*self._columns, *new])
        else:
            line = _lines([self._row], self._columns)
            file.seek(self._row_start)
            file.write(line)  # over the shorter row, not after a truncation: nothing is lost
            file.truncate(self._row_start + len(line))

    @rank_zero_only
    def truncate_after(self, step: int) -> None:
        super().truncate_after(step)
        self._open()
        rows = [row for row in self._read() if int(row["step"]) <= step]
        used = {name for row in rows for name, value in row.items() if value}
        self._replace(rows, [name for name in self._columns if name in used or name in _FIRST])

    @rank_zero_only
    def save(self) -> None:
        if self._file and time.monotonic() - self._synced > _FSYNC_EVERY_S:
            os.fsync(self._file.fileno())
            self._synced = time.monotonic()

    @rank_zero_only
    def finalize(self, status: str) -> None:
        if self._file:
            os.fsync(self._file.fileno())

    @rank_zero_only
    def finish(self, exit_code: int = 0) -> None:
        if self._file:
            os.fsync(self._file.fileno())
            self._file.close()
            self._file = None

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

    def _open(self) -> BinaryIO:
        """Open the file on first use, continuing one that an earlier process left."""
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if self.path.exists():
                with self.path.open(newline="", encoding="utf-8") as file:
                    self._columns = next(csv.reader(file), list(_FIRST))
            self._replace(self._read(), self._columns or list(_FIRST))
            self.step = max(self.step, int(self._row.get("step", 0)))
        assert self._file is not None
        return self._file

    def _read(self) -> list[Row]:
        """Read the whole rows; the last one may have been cut off by a power failure."""
        if not self.path.exists():
            return []
        text = self.path.read_text(encoding="utf-8")
        whole = text[: text.rfind("\n") + 1]
        return list(csv.DictReader(io.StringIO(whole, newline="")))

    def _rows_before_last(self) -> list[Row]:
        return [row for row in self._read() if row["step"] != self._row["step"]]

    def _replace(self, rows: list[Row], columns: list[str]) -> None:
        """Make the file again and swap it in; a crash leaves the old one or the new one."""
        temporary = self.path.with_name(self.path.name + ".tmp")
        head, last = _lines([dict(zip(columns, columns, strict=True)), *rows[:-1]], columns), b""
        if rows:
            last = _lines(rows[-1:], columns)
        with temporary.open("wb") as file:
            file.write(head + last)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.path)
        if self._file:
            self._file.close()
        self._file = self.path.open("r+b", buffering=0)
        self._columns, self._row = columns, rows[-1] if rows else {}
        self._row_start = len(head)


def _text(value: float) -> str:
    return repr(value) if isinstance(value, int) else repr(float(value))


def _lines(rows: Iterable[Row], columns: list[str]) -> bytes:
    buffer = io.StringIO()
    csv.DictWriter(buffer, columns, restval="", lineterminator="\n").writerows(rows)
    return buffer.getvalue().encode("utf-8")
