"""Stop before a loss that is no number reaches the weights."""

import json
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor
from torch.optim import Optimizer

from modx_lightning.batch import Batch
from modx_lightning.distributed import gather_objects
from modx_lightning.reporting.atomic import write_atomically

_SHOWN = 8


class NonFiniteLossError(RuntimeError):
    """The loss, or its gradient, is NaN or infinite; the weights are those of the step before."""


class FiniteLossGuard(Callback):
    """Stop training before the optimizer step when a loss or a gradient is not finite.

    The check sits between backward and the optimizer step: the weights stay good, and the one
    look at the device per step comes when its queue is full. Ranks agree on the answer, so
    they stop together.

    Args:
        folder: Where ``nonfinite_batch.json`` goes: the loss and all sample keys of each rank.
    """

    def __init__(self, folder: Path | str) -> None:
        self.path = Path(folder) / "nonfinite_batch.json"
        self._losses: list[Tensor] = []  # of the batches accumulated into one step
        self._keys: list[str] = []

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Batch, batch_idx: int
    ) -> None:
        self._keys += batch.keys

    def on_before_backward(
        self, trainer: Trainer, pl_module: LightningModule, loss: Tensor
    ) -> None:
        self._losses.append(loss.detach())

    def on_before_optimizer_step(
        self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer
    ) -> None:
        loss = torch.stack(self._losses).sum()
        total = loss if trainer.scaler else loss + _gradient_norm(optimizer)
        finite = bool(torch.isfinite(total))
        if not trainer.strategy.reduce_boolean_decision(finite, all=True):
            self._stop(trainer, loss.item())
        self._losses, self._keys = [], []

    def _stop(self, trainer: Trainer, loss: float) -> None:
        """Write the batch of every rank, then raise on every rank."""
        mine = {"rank": trainer.global_rank, "loss": str(loss), "keys": self._keys}
        ranks: list[dict[str, Any]] = gather_objects(mine)
        keys = [key for rank in ranks for key in rank["keys"]]
        if trainer.is_global_zero:
            record = {"step": trainer.global_step, "ranks": ranks}
            write_atomically(self.path, json.dumps(record, indent=1))
        more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
        raise NonFiniteLossError(
            f"the loss of step {trainer.global_step + 1} of the phase is "
            f"{', '.join(rank['loss'] for rank in ranks)}. Samples: {', '.join(keys[:_SHOWN])}"
            f"{more}; all in {self.path}. The weights are still those of the step before. "
            "Look at these samples, or lower optimizer.lr, or use trainer.precision=32-true"
        )


def _gradient_norm(optimizer: Optimizer) -> Tensor:
    gradients = [
        parameter.grad
        for group in optimizer.param_groups
        for parameter in group["params"]
        if parameter.grad is not None
    ]
    return torch.nn.utils.get_total_norm(gradients)
