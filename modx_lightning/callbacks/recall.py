"""Recall@k of the phase in training, on its own validation pictures."""

from collections.abc import Callable, Mapping
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities.seed import isolate_rng

from modx_lightning.callbacks.interval import Interval
from modx_lightning.callbacks.log_now import log_now

Scores = Mapping[str, Mapping[str, float]]


class RecallAtK(Callback):
    """Evaluate the model every few epochs while a phase is in training.

    Logs ``val/<set>/<metric>`` for everything the evaluation returns, e.g.
    ``val/furniture/mean_R@5`` in percent. The training that follows is the same, bit for bit,
    as without the evaluation: modes and random states are put back.

    Args:
        evaluate: Scores of a model by set and metric; called on every rank together.
        every_n_epochs: Epochs between two evaluations, counted in optimizer steps.

    Raises:
        ValueError: If ``every_n_epochs`` is below 1.
    """

    def __init__(self, evaluate: Callable[[Any], Scores], every_n_epochs: int = 1) -> None:
        self.evaluate = evaluate
        self.last: dict[str, dict[str, float]] = {}
        self._interval = Interval(every_n_epochs)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._interval.start(trainer)

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        # Here and not at the end of the epoch: a checkpoint of this step then has it behind it.
        if self._interval.stepped(trainer) and self._interval.due(trainer):
            self._evaluate(trainer, pl_module)

    def _evaluate(self, trainer: Trainer, pl_module: LightningModule) -> None:
        modes = [(module, module.training) for module in pl_module.modules()]
        with isolate_rng():
            scores = self.evaluate(pl_module.model)
        for module, training in modes:
            module.training = training
        self.last = {name: dict(metrics) for name, metrics in scores.items()}
        values = {
            f"val/{s}/{m}": value for s, of_s in self.last.items() for m, value in of_s.items()
        }
        log_now(trainer, values)

    def state_dict(self) -> dict[str, Any]:
        return {"last": self.last}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.last = state_dict["last"]
