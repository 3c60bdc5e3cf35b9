"""Weights & Biases: one run per job, offline unless somebody is logged in, never asking."""

import logging
import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

from lightning.fabric.loggers.logger import rank_zero_experiment
from lightning.fabric.utilities.rank_zero import rank_zero_only
from lightning.pytorch.loggers import WandbLogger

from modx_lightning.reporting.run_logger import RunLogger

STEP_AXIS = "trainer/global_step"
_CONNECT_TIMEOUT_S = 20.0

log = logging.getLogger(__name__)


class ContinualWandbLogger(RunLogger, WandbLogger):
    """Log a job to W&B on a step axis that never goes back, whatever the phases do.

    Adds ``trainer/global_step`` (the step of the run, the axis of every chart), ``phase``
    (the row of the score matrix) and ``phase_step`` to what it is given. Jobs of one
    process do not share a run. Code, git state and console output stay at home.

    Args:
        folder: The run folder; W&B writes ``<folder>/wandb/``.
        config: The resolved config, plain containers only.
        name: What tells this job from its siblings, usually its overrides.
        group: What the siblings have in common, usually the sweep.
        job_type: The method.
        project: W&B project.
        entity: W&B user or team; ``None`` for the user's own.
        tags: Tags of the run.

    Raises:
        ModuleNotFoundError: If wandb is not installed.
    """

    def __init__(
        self,
        folder: Path | str,
        config: Mapping[str, Any],
        *,
        name: str | None = None,
        group: str | None = None,
        job_type: str | None = None,
        project: str = "modx_lightning",
        entity: str | None = None,
        tags: Sequence[str] = (),
    ) -> None:
        # Lightning's own constructor takes what wandb.init takes; see `experiment` below.
        WandbLogger.__init__(self, name=name, save_dir=str(folder), project=project)
        self.offset = self.row = self.step = 0
        self.phase = ""
        self._init_arguments: dict[str, Any] = {
            "dir": str(folder),
            "config": dict(config),
            "name": name,
            "group": group,
            "job_type": job_type,
            "project": project,
            "entity": entity,
            "tags": list(tags),
        }

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        """The wandb run, started on first use."""
        if self._experiment is None:
            self._experiment = _start_run(self._init_arguments)
            self._experiment.define_metric(STEP_AXIS)
            self._experiment.define_metric("*", step_metric=STEP_AXIS, step_sync=True)
        return self._experiment

    def _write(self, step: int, metrics: Mapping[str, float]) -> None:
        clock = {STEP_AXIS: step, "phase": self.row, "phase_step": step - self.offset}
        # wandb's own step is left alone: it drops whatever comes with an older one.
        self.experiment.log({**metrics, **clock})

    @rank_zero_only
    def finish(self, exit_code: int = 0) -> None:
        if self._experiment is not None:
            self._experiment.finish(exit_code=exit_code)
            self._experiment = None


def wandb_mode() -> Literal["online", "offline"] | None:
    """Return online for somebody logged in, else offline; None leaves it to ``WANDB_MODE``.

    Raises:
        wandb.Error: If there is an API key, but not one that W&B could have given out.
    """
    import wandb

    if os.environ.get("WANDB_MODE"):
        return None
    # Looks at the environment, W&B's settings and netrc; asks neither anybody nor any server.
    return "online" if wandb.login(prompt=False, verify=False) else "offline"


def _start_run(arguments: dict[str, Any]) -> Any:
    """Start a run of its own; offline when the server cannot be reached."""
    import wandb
    from wandb.errors import Error

    start = partial(
        wandb.init,
        **arguments,
        reinit="create_new",
        settings=wandb.Settings(
            silent=True,
            console="off",
            disable_git=True,
            disable_code=True,
            x_save_requirements=False,
            init_timeout=_CONNECT_TIMEOUT_S,
        ),
    )
    try:
        return start(mode=wandb_mode())
    except Error as error:
        log.warning("no W&B server, logging offline; later: wandb sync <run_dir>. (%s)", error)
        return start(mode="offline")
