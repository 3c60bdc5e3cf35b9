"""When a callback that works every few epochs or steps is due."""

from lightning.pytorch import Trainer


class Interval:
    """Come due once every so many optimizer steps of a phase.

    Counting steps, not batches, an interval comes due once when gradients are accumulated; and
    at the same steps in a phase that was taken up again.

    Args:
        every_n_epochs: Passes over the phase's data between two dues.
        every_n_steps: Optimizer steps between two dues; wins over ``every_n_epochs``.

    Raises:
        ValueError: If one of them is below 1.
    """

    def __init__(self, every_n_epochs: int, every_n_steps: int | None = None) -> None:
        if every_n_epochs < 1 or (every_n_steps is not None and every_n_steps < 1):
            raise ValueError(
                "every_n_epochs and every_n_steps must be at least 1, "
                f"got {every_n_epochs} and {every_n_steps}"
            )
        self.every_n_epochs = every_n_epochs
        self.every_n_steps = every_n_steps
        self._steps = 1
        self._last_step = 0

    def start(self, trainer: Trainer) -> None:
        """Take the length of an epoch and the first step from a Trainer that begins to train."""
        steps_per_epoch = -(-int(trainer.num_training_batches) // trainer.accumulate_grad_batches)
        self._steps = self.every_n_steps or self.every_n_epochs * steps_per_epoch
        self._last_step = trainer.global_step

    def stepped(self, trainer: Trainer) -> bool:
        """Say whether the batch that ended made an optimizer step; ask once a batch."""
        stepped = trainer.global_step > self._last_step
        self._last_step = trainer.global_step
        return stepped

    def due(self, trainer: Trainer) -> bool:
        """Say whether the step just made is one to work at."""
        return trainer.global_step % self._steps == 0
