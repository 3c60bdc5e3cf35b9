"""Ways to use a model that leave no trace on it."""

from collections.abc import Generator
from contextlib import contextmanager

import torch
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


@contextmanager
def on_device(module: nn.Module, device: str) -> Generator[None]:
    """Put ``module`` on a device for the block, then back where it was.

    Args:
        module: A module whose parameters are all on one device.
        device: ``"auto"`` is this process's CUDA device if there is one, else no change; or
            the name of a device.
    """
    before = next(module.parameters()).device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else str(before)
    module.to(device)
    try:
        yield
    finally:
        module.to(before)
