"""What a run says on the terminal: short log lines, and its tables at the end."""

import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console


def log_to_console(rank: int = 0) -> None:
    """Show this package's messages on stderr, and only warnings of the libraries.

    Args:
        rank: Ranks other than 0 tell errors only: they would repeat what rank 0 says.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    logging.basicConfig(level=logging.WARNING if rank == 0 else logging.ERROR, handlers=[handler])
    logging.getLogger("modx_lightning").setLevel(logging.INFO if rank == 0 else logging.ERROR)


def quiet_lightning() -> None:
    """Let Lightning tell warnings only, through our handler; call it once Lightning is imported.

    Its importing sets a level and a handler of its own, and our progress line says better what it
    says at INFO.
    """
    for name in ("lightning.pytorch", "lightning.fabric"):
        logger = logging.getLogger(name)
        logger.setLevel(logging.WARNING)
        logger.handlers.clear()


def show_runs(folders: Sequence[Path], console: Console | None = None) -> None:
    """Print the score matrix of one run, or several runs side by side."""
    if not folders:
        return
    from modx_lightning.reporting.results import RunResult
    from modx_lightning.reporting.tables import run_table, runs_table

    console = console or Console()
    results = [RunResult.read(folder / "results.json") for folder in folders]
    for folder, result in zip(folders, results, strict=True):
        console.print(run_table(result))
        console.print(f"{folder}\n", soft_wrap=True, highlight=False)
    if len(results) > 1:
        console.print(runs_table(results))
