"""The phase loop: the one reader of the config and the one path from a model to a result."""

from typing import Any

from hydra.utils import instantiate
from lightning.pytorch import seed_everything
from omegaconf import DictConfig, OmegaConf

from modx_lightning.data.stream import Stream
from modx_lightning.evaluation.evaluator import Evaluator
from modx_lightning.methods.base import ContinualMethod
from modx_lightning.methods.phase import Phase
from modx_lightning.models.clip import CLIP
from modx_lightning.phase_fit import fit_phase
from modx_lightning.reporting.console import quiet_lightning
from modx_lightning.run_record import RunRecord


def run(config: dict[str, Any]) -> None:
    """Train a model through every phase of a stream, measuring it before and after each.

    Every rank calls this with the same resolved config; rank 0 writes. A run that stopped
    continues after its last finished row, and inside a phase from its last checkpoint.

    Args:
        config: What ``configuration.freeze`` made; the run folder is claimed by the caller.
    """
    quiet_lightning()
    cfg = OmegaConf.create(config)
    seed_everything(cfg.seed, workers=True, verbose=False)
    stream: Stream = instantiate(cfg.stream)
    summary = stream.check(cfg.data.batch_size, cfg.epochs)
    model: CLIP = instantiate(cfg.model)
    method: ContinualMethod = instantiate(cfg.method)
    evaluate = Evaluator(stream.evaluation_sets, **cfg.evaluation)

    with RunRecord.open(cfg, stream) as record:
        if record.next_row == 0:
            record.add_initial_model(model)
            scores = evaluate(model)
            record.add_skipped(summary.skips, evaluate.skipped)
            record.add_scores(0, scores)
        for row in range(record.next_row, len(stream.phases) + 1):
            if not record.has_model(row):
                record.restore(row - 1, model, method)
                _train(cfg, stream, _phase(row, cfg, stream, record), model, method, record)
            record.restore(row, model, method)
            record.add_scores(row, evaluate(model))
        record.complete()


def _phase(row: int, cfg: DictConfig, stream: Stream, record: RunRecord) -> Phase:
    return Phase(
        row=row,
        name=stream.phases[row - 1].name,
        steps=stream.steps(row, cfg.data.batch_size, cfg.epochs),
        teacher_folder=record.folder_of(row - 1),
        teacher_sha256=record.sha256_of(row - 1),
    )


def _train(
    cfg: DictConfig,
    stream: Stream,
    phase: Phase,
    model: CLIP,
    method: ContinualMethod,
    record: RunRecord,
) -> None:
    """Fit one phase; its randomness depends on the seed and the phase, not on what ran before."""
    seed_everything(cfg.seed * 1_000 + phase.row, workers=True, verbose=False)
    method.on_phase_start(model, phase)
    fitted = fit_phase(cfg, stream, phase, model, method, record)
    record.add_model(phase.row, method, fitted)
