"""Log values that are not measured at every step."""

from collections.abc import Mapping

from lightning.pytorch import Trainer
from torch import Tensor


def log_now(trainer: Trainer, values: Mapping[str, float]) -> None:
    """Log values of the step just made, once, on every logger.

    ``LightningModule.log`` would log them again at each later step until the epoch ends.
    Every rank may call this; the loggers see to it that only one writes.

    Args:
        trainer: The running Trainer; its ``logged_metrics`` show the values too.
        values: Numbers by name.
    """
    trainer.logged_metrics.update({name: Tensor([value])[0] for name, value in values.items()})
    for logger in trainer.loggers:
        # Lightning numbers a step by how many went before it.
        logger.log_metrics(dict(values), step=trainer.global_step - 1)
