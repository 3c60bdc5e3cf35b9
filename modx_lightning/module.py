"""The LightningModule that trains any method on one phase."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR

from modx_lightning.batch import Batch, Embeddings
from modx_lightning.distributed import mean_over_ranks
from modx_lightning.methods.base import ContinualMethod
from modx_lightning.methods.phase import Phase
from modx_lightning.models.clip import CLIP


class ContinualCLIP(LightningModule):
    """A CLIP model and a method, for the length of one phase.

    Logs at every step ``train/<term>`` for each loss term, their sum ``train/loss``, what the
    method adds relative to the contrastive term ``train/regularizer_ratio``,
    ``train/logit_scale`` and ``train/lr``; all are means over the ranks.

    Args:
        model: The student.
        method: What the loss is made of.
        phase: The phase to train; its ``steps`` are the length of the schedule.
        optimizer: Makes the optimizer from parameter groups, e.g. ``partial(AdamW, lr=…)``.
        schedule: Factor on the learning rate as a function of ``(step, total)``.
        lr_multipliers: Factors on the learning rate by beginning of a parameter's name.
    """

    def __init__(
        self,
        model: CLIP,
        method: ContinualMethod,
        phase: Phase,
        optimizer: "partial[torch.optim.Optimizer]",
        schedule: Callable[..., float],
        lr_multipliers: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self.method = method
        self.phase = phase
        self.optimizer = optimizer
        self.schedule = schedule
        self.lr_multipliers = lr_multipliers

    def forward(self, image: Tensor, text: Tensor) -> Embeddings:
        return self.model(image, text)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        out: Embeddings = self.model(batch.image, batch.text)
        terms = self.method.compute_loss(self.model, batch, out)
        loss = torch.stack(list(terms.values())).sum()
        self._log_terms(terms, loss, out.logit_scale, len(batch.keys))
        return loss

    def on_train_batch_end(self, outputs: Any, batch: Batch, batch_idx: int) -> None:
        self.model.clamp_logit_scale()

    def on_train_end(self) -> None:
        loader = self.trainer.train_dataloader
        self.method.on_phase_end(self.model, self.phase, loader)  # type: ignore[arg-type]

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        lr = self.optimizer.keywords["lr"]
        decay = self.optimizer.keywords.get("weight_decay", 0.0)
        groups = self.model.parameter_groups(lr, decay, self.lr_multipliers)
        if own := _trainable(self.method):
            groups.append({"params": own})
        optimizer = self.optimizer(groups)
        factor = partial(self.schedule, total=self.phase.steps)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": LambdaLR(optimizer, factor), "interval": "step"},
        }

    def _log_terms(
        self, terms: dict[str, Tensor], loss: Tensor, logit_scale: Tensor, size: int
    ) -> None:
        # One reduction for all of them; a ratio of means is not the mean of the ranks' ratios.
        reduced = mean_over_ranks(torch.stack([*terms.values(), loss]).detach())
        values = dict(zip((*terms, "loss"), reduced, strict=True))
        if len(terms) > 1:
            added = values["loss"] - values["contrastive"]
            values["regularizer_ratio"] = added / values["contrastive"]
        named = {f"train/{name}": value for name, value in values.items()}
        self.log_dict(named, batch_size=size)
        self.log("train/logit_scale", logit_scale.detach(), batch_size=size)
        self.log("train/lr", max(self.lr_schedulers().get_last_lr()))  # type: ignore[union-attr]


def _trainable(module: nn.Module) -> list[nn.Parameter]:
    return [parameter for parameter in module.parameters() if parameter.requires_grad]
