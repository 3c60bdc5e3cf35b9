"""A fresh Trainer for one phase: its strategy, its limits and the callbacks every phase needs."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, Trainer
from lightning.pytorch.loggers import Logger
from lightning.pytorch.strategies import DDPStrategy
from omegaconf import DictConfig

from modx_lightning.distributed import world_size


def phase_trainer(
    settings: DictConfig,
    *,
    steps: int,
    folder: Path,
    callbacks: Sequence[Callback],
    loggers: Sequence[Logger],
) -> Trainer:
    """Build the Trainer of one phase.

    Args:
        settings: The ``trainer`` part of the config.
        steps: Optimizer steps after which the phase ends.
        folder: The run folder.
        callbacks: Everything that watches this phase.
        loggers: Loggers of the whole run.
    """
    return Trainer(
        accelerator=settings.accelerator,
        precision=settings.precision,
        gradient_clip_val=settings.gradient_clip_norm,
        log_every_n_steps=settings.log_every_n_steps,
        deterministic=settings.deterministic,
        max_steps=steps,
        max_epochs=-1,
        callbacks=list(callbacks),
        logger=list(loggers),
        default_root_dir=folder,
        # The samplers already give each rank its part, and our callbacks show and save.
        use_distributed_sampler=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        **_ranks(),
    )


def _ranks() -> dict[str, Any]:
    if world_size() == 1:
        return {"devices": 1, "strategy": "auto"}
    devices = int(os.environ["LOCAL_WORLD_SIZE"])
    return {
        "devices": devices,
        "num_nodes": world_size() // devices,
        "strategy": DDPStrategy(gradient_as_bucket_view=True),
    }
