"""Evaluation mode that leaves no trace."""

from collections.abc import Generator
from contextlib import contextmanager

from torch import nn


@contextmanager
def eval_mode(module: nn.Module) -> Generator[None]:
    """Put ``module`` in eval mode for the block, then restore the mode of each submodule.

    ``module.train()`` afterwards would also wake what was in eval mode before: a frozen
    batch norm, say.
    """
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training
