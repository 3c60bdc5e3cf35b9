"""The folder of one run: is it writable, is it free, is it the right one, is it finished?"""

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from modx_lightning.reporting.results import RunResult


class RunFolderError(ValueError):
    """The run folder cannot be used for this run."""


def is_finished(config: dict[str, Any]) -> bool:
    """Tell whether the run of this config is complete and may be left alone."""
    results = Path(config["run_dir"]) / "results.json"
    if config["resume"] == "never" or not results.is_file():
        return False
    _check_same_config(config)
    return RunResult.read(results).status == "complete"


@contextmanager
def claimed(config: dict[str, Any]) -> Generator[Path]:
    """Make the run folder this process's own while the block runs.

    Raises:
        RunFolderError: If it cannot be written, belongs to another config, or another process
            is running in it now.
    """
    folder = Path(config["run_dir"])
    lock = _locked(folder)
    try:
        if config["resume"] == "never" and (folder / "config.yaml").is_file():
            _set_aside(folder)
            os.close(lock)
            lock = _locked(folder)
        _check_same_config(config)
        _write_config(config, folder)
        yield folder
    finally:
        os.close(lock)  # also releases it, as does the end of the process, however it ends


def _locked(folder: Path) -> int:
    """Make the folder, and hold its lock until the returned descriptor is closed."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise RunFolderError(
            f"cannot write the run folder {folder}: {error.strerror}. "
            "Choose another with run_dir=… or runs=…"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        raise RunFolderError(
            f"another process is running in {folder}. Wait for it, or choose another run_dir=…"
        ) from error
    return lock


def _set_aside(folder: Path) -> None:
    """Start over in an empty folder, and keep the run that was there under another name."""
    number = 1
    while (kept := folder.with_name(f"{folder.name}.previous-{number}")).exists():
        number += 1
    folder.rename(kept)


def _check_same_config(config: dict[str, Any]) -> None:
    written = Path(config["run_dir"]) / "config.yaml"
    if not written.is_file():
        return
    there = OmegaConf.load(written)
    digest = OmegaConf.select(there, "run.config_sha256", default=None)
    if digest != config["run"]["config_sha256"]:
        raise RunFolderError(
            f"{written.parent} holds a run of another config ({str(digest)[:8]}, this one is "
            f"{config['run']['config_sha256'][:8]}). Choose another run_dir=…, or resume=never "
            "to start over in it."
        )


def _write_config(config: dict[str, Any], folder: Path) -> None:
    temporary = folder / "config.yaml.tmp"
    OmegaConf.save(OmegaConf.create(config), temporary)
    temporary.replace(folder / "config.yaml")
