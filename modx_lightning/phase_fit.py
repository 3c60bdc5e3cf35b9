"""Train one phase: its data, its callbacks, its Trainer."""

import logging
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra.utils import instantiate
from lightning.pytorch import Callback
from omegaconf import DictConfig

from modx_lightning.callbacks.skips import SkipCounter
from modx_lightning.callbacks.throughput import Throughput
from modx_lightning.data.datamodule import PhaseDataModule
from modx_lightning.data.stream import Stream
from modx_lightning.distributed import rank, world_size
from modx_lightning.evaluation.evaluator import Evaluator
from modx_lightning.methods.base import ContinualMethod
from modx_lightning.methods.phase import Phase
from modx_lightning.models.clip import CLIP
from modx_lightning.module import ContinualCLIP
from modx_lightning.phase_cost import PhaseCost
from modx_lightning.phase_trainer import phase_trainer
from modx_lightning.reporting.results import SkipCount
from modx_lightning.run_record import RunRecord

log = logging.getLogger(__name__)


def fit_phase(
    cfg: DictConfig,
    stream: Stream,
    phase: Phase,
    model: CLIP,
    method: ContinualMethod,
    record: RunRecord,
) -> PhaseCost:
    """Train ``model`` through one phase and save it in the phase's folder.

    A checkpoint that an interrupted run left in that folder is taken up again.
    """
    data = PhaseDataModule(
        stream.phase_data(phase.row),
        model.transform,
        model.tokenizer,
        batch_size=cfg.data.batch_size,
        seed=cfg.seed,
        rank=rank(),
        world_size=world_size(),
        workers=cfg.data.workers,
        augmentation=instantiate(cfg.data.augmentation),
    )
    folder = record.folder_of(phase.row)
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = folder / "last.ckpt"
    record.begin(phase.row)
    module = ContinualCLIP(
        model,
        method,
        phase,
        instantiate(cfg.optimizer),
        instantiate(cfg.schedule),
        cfg.lr_multipliers,
    )
    callbacks = _callbacks(cfg, stream, phase, data, folder)
    trainer = phase_trainer(
        cfg.trainer,
        steps=phase.steps,
        folder=record.folder,
        callbacks=callbacks,
        loggers=record.loggers,
    )
    module.train()
    with _expected_warnings_silenced():
        trainer.fit(
            module,
            datamodule=data,
            ckpt_path=checkpoint if checkpoint.is_file() else None,
            weights_only=True,
        )
    return _cost(phase, callbacks)


@contextmanager
def _expected_warnings_silenced() -> Generator[None]:
    """Silence what Lightning warns of and we mean."""
    with warnings.catch_warnings():
        # The teacher and frozen BatchNorm stay in eval mode; pictures this small need no workers.
        warnings.filterwarnings("ignore", "Found .* in eval mode at the start of training")
        warnings.filterwarnings("ignore", ".*does not have many workers")
        warnings.filterwarnings("ignore", "The number of training batches .* logging interval")
        # Lightning's own use of torch, which a user can do nothing about.
        warnings.filterwarnings("ignore", ".*isinstance.treespec, LeafSpec.")
        yield


def _callbacks(
    cfg: DictConfig, stream: Stream, phase: Phase, data: PhaseDataModule, folder: Path
) -> list[Callback]:
    """Build the configured callbacks; what only this phase knows is given to them here."""
    given: dict[str, dict[str, Any]] = {
        "finite": {"folder": cfg.run_dir},
        "progress": {
            "row": phase.row,
            "phases_total": len(stream.phases),
            "phase_name": phase.name,
            "steps_per_epoch": data.steps_per_epoch,
        },
        "snapshot": {"folder": folder},
        "checkpoint": {"folder": folder},
    }
    validation = stream.validation_set(phase.row)
    if validation is not None:
        given["recall"] = {"evaluate": Evaluator([validation], **cfg.evaluation)}
    wanted = {name: node for name, node in cfg.callbacks.items() if node is not None}
    if validation is None:
        wanted.pop("recall", None)
    if "snapshot" not in wanted:
        raise ValueError("callbacks.snapshot cannot be left out: it saves what a phase has learned")
    return [instantiate(node, **given.get(str(name), {})) for name, node in wanted.items()]


def _cost(phase: Phase, callbacks: list[Callback]) -> PhaseCost:
    totals: dict[str, float] = {}
    skipped: list[SkipCount] = []
    for callback in callbacks:
        if isinstance(callback, Throughput):
            totals = callback.totals
        if isinstance(callback, SkipCounter):
            skipped = [
                SkipCount(f"{phase.name}/train", shard, reason, count)
                for (shard, reason), count in sorted(callback.total().items())
            ]
    return PhaseCost(
        phase.steps,
        totals.get("train_seconds", 0.0),
        int(totals.get("samples", 0)),
        tuple(skipped),
    )
