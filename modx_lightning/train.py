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
from omegaconf import DictConfig

from modx_lightning.configuration import conf_dir, freeze
from modx_lightning.configuration_errors import explain
from modx_lightning.launch import launch
from modx_lightning.reporting.console import log_to_console, show_runs

log = logging.getLogger(__name__)
_finished: list[Path] = []


@hydra.main(config_path=str(conf_dir()), config_name="train", version_base="1.3")
def _job(cfg: DictConfig) -> float | None:
    choices = HydraConfig.get().runtime.choices
    config = freeze(cfg, choices.get("experiment", "custom"), choices["method"], _sweep())
    score = _run(config)
    _finished.append(Path(config["run_dir"]))
    return score


def _run(config: dict[str, Any]) -> float | None:
    """Run one job; a failure is told now, not after the last job of a sweep."""
    try:
        return launch(config)
    except Exception as error:
        # Whatever went wrong, the next job of a sweep goes on: Hydra re-raises at the end.
        folder = Path(config["run_dir"])
        where = ""
        if folder.is_dir() and os.access(folder, os.W_OK):
            (folder / "error.txt").write_text(traceback.format_exc(), encoding="utf-8")
            where = f" (details: {folder / 'error.txt'})"
        log.error("run failed: %s%s", explain(error), where)  # noqa: TRY400 - text is in error.txt
        raise


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
        arguments.append(f"hydra.searchpath=[file://{own}]")
    return arguments


def main() -> None:
    """Compose, then run every job of the command line; exit with 1 when one failed."""
    log_to_console()
    sys.argv[1:] = _arguments(sys.argv[1:])
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")  # errors reach us, and are told below
    failed = False
    try:
        _job()
    except KeyboardInterrupt:
        log.error("interrupted: the same command continues this run")  # noqa: TRY400
        sys.exit(130)
    except Exception as error:
        failed = True
        if os.environ.get("MODX_TRACEBACK"):
            raise
        if not getattr(error, "told", False):
            log.error("%s", explain(error))  # noqa: TRY400 - a message, not a traceback
    show_runs(_finished)
    sys.exit(int(failed))


if __name__ == "__main__":
    main()
