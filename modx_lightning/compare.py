"""Print score tables out of results.json: ``python -m modx_lightning.compare RUN_DIR …``."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from modx_lightning.reporting.results import RunResult
from modx_lightning.reporting.tables import DEFAULT_METRIC, run_table, runs_table


def find_results(paths: Sequence[Path]) -> list[Path]:
    """List the ``results.json`` files in folders, at any depth, each once, in order of path.

    Raises:
        FileNotFoundError: If a path does not exist or holds none.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(f"{path} does not exist")
        inside = [path] if path.is_file() else sorted(path.rglob("results.json"))
        if not inside:
            raise FileNotFoundError(f"no results.json in {path}: it is written by the first row")
        found.update(dict.fromkeys(inside))
    return list(found)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print one matrix per run, and the runs side by side when there are several."""
    parser = argparse.ArgumentParser(prog="python -m modx_lightning.compare", description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path, help="run folders, or folders of them")
    parser.add_argument("--metric", default=DEFAULT_METRIC, help="default: %(default)s")
    parser.add_argument("--matrices", action="store_true", help="also each run's score matrix")
    options = parser.parse_args(arguments)
    console = Console(highlight=False)
    try:
        results = [RunResult.read(path) for path in find_results(options.runs)]
        if options.matrices or len(results) == 1:
            for result in results:
                console.print(run_table(result, options.metric))
        if len(results) > 1:
            console.print(runs_table(results, options.metric))
    except (FileNotFoundError, ValueError) as error:
        Console(stderr=True, highlight=False).print(f"error: {error}", markup=False, soft_wrap=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
