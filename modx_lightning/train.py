"""Train one continual run, or a sweep of them: ``python -m modx_lightning.train +experiment=X``."""

import hashlib
import logging
import os
import sys
import traceback
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf import DictConfig

from modx_lightning.configuration import conf_dir, freeze
from modx_lightning.configuration_errors import explain
from modx_lightning.launch import launch
from modx_lightning.reporting.console import log_to_console, show_runs
from modx_lightning.run_folder import RunFolderError

log = logging.getLogger(__name__)
_finished: list[Path] = []
_failed: list[Path] = []


@hydra.main(config_path=str(conf_dir()), config_name="train", version_base="1.3")
def _job(cfg: DictConfig) -> float | None:
    hydra_config = HydraConfig.get()
    choices = hydra_config.runtime.choices
    config = freeze(
        cfg,
        choices.get("experiment", "custom"),
        choices["method"],
        overrides=list(hydra_config.overrides.task),
        sweep=_sweep(),
    )
    return _run(config)


def _run(config: dict[str, Any]) -> float | None:
    """Run one job; a failure is told now, and the next job of a sweep goes on."""
    folder = Path(config["run_dir"])
    try:
        score = launch(config)
    except Exception as error:
        # Whatever went wrong in one job, the others of a sweep have a right to run.
        where = "" if isinstance(error, RunFolderError) else _keep_traceback(folder)
        log.error("run failed: %s%s", explain(error), where)
        if "TORCHELASTIC_RUN_ID" in os.environ:
            raise  # torchrun's other ranks must not wait for this one in the next job
        _failed.append(folder)
        return None
    _finished.append(folder)
    return score


def _keep_traceback(folder: Path) -> str:
    """Write the traceback into the run folder, if that can be written, and say where."""
    try:
        (folder / "error.txt").write_text(traceback.format_exc(), encoding="utf-8")
    except OSError:
        return ""
    return f" (details: {folder / 'error.txt'})"


def _sweep() -> str | None:
    """Name the sweep by its command, so that the same command joins the same group again."""
    if not {"-m", "--multirun"} & set(sys.argv):
        return None
    return "sweep-" + hashlib.sha256(" ".join(sorted(sys.argv[1:])).encode()).hexdigest()[:8]


def _arguments(arguments: list[str]) -> list[str]:
    """Accept ``experiment=x`` for ``+experiment=x``, and find the user's own ``./conf``."""
    arguments = [f"+{a}" if a.startswith("experiment=") else a for a in arguments]
    own = Path.cwd() / "conf"
    named = any(a.startswith("hydra.searchpath") for a in arguments)
    if own.is_dir() and own.resolve() != conf_dir().resolve() and not named:
        # Beside the first override: argparse takes them in one row, with no flag in between.
        overrides = [i for i, a in enumerate(arguments) if "=" in a and not a.startswith("-")]
        arguments.insert(min(overrides, default=len(arguments)), f"hydra.searchpath=[file://{own}]")
    return arguments


def main() -> None:
    """Compose, then run every job of the command line; exit with 1 when one failed."""
    log_to_console()
    sys.argv[1:] = _arguments(sys.argv[1:])
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")  # Hydra's errors reach us
    try:
        _job()
    except KeyboardInterrupt:
        log.error("interrupted: the same command continues this run")
        sys.exit(130)
    except HydraException as error:
        log.error("%s", explain(error))
        sys.exit(2)
    show_runs(_finished)
    sys.exit(1 if _failed else 0)


if __name__ == "__main__":
    main()
