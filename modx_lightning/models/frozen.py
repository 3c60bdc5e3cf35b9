"""A copy of a model that can never train."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn


class FrozenCopy(nn.Module):
    """Copy of ``model`` without gradients, in eval mode whatever its parent does.

    It is invisible to `parameters`, `state_dict`, `named_modules`, optimizers, DDP and
    checkpoints (a teacher is a reference to a saved model, never saved again), yet moves with
    its parent to a device or precision.

    Args:
        model: What to copy.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self._hold(deepcopy(model))

    @classmethod
    def from_folder(cls, folder: Path, sha256: str, **options: Any) -> Self:
        """Load the model that `save_local_dir` wrote, if it is still the same.

        Args:
            folder: An open_clip ``local-dir:`` folder.
            sha256: Hash that its weights must have, hexadecimal.
            options: For `load_clip`.

        Raises:
            FileNotFoundError: If there is no model in the folder.
            ValueError: If the weights have another hash.
        """
        from modx_lightning.models.load import load_clip
        from modx_lightning.models.local_dir import weights_sha256

        found = weights_sha256(folder)
        if found != sha256:
            raise ValueError(
                f"the weights in {folder} are not those this run saved: expected SHA-256 {sha256}, "
                f"found {found}. Restore the folder, or start the run over (resume=never)"
            )
        frozen = cls.__new__(cls)
        nn.Module.__init__(frozen)
        frozen._hold(load_clip(f"local-dir:{folder}", **options))
        return frozen

    @torch.no_grad()  # not inference_mode: the student's graph could not save what comes out
    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self._held[0](*args, **kwargs)

    def train(self, mode: bool = True) -> Self:  # noqa: FBT001, FBT002
        self._held[0].eval()
        return super().train(mode=False)

    def _hold(self, model: nn.Module) -> None:
        # In a tuple, so that nn.Module does not register it.
        self._held = (model.requires_grad_(requires_grad=False),)
        self.train()

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:  # noqa: FBT001, FBT002
        """Move with the parent: `to`, `cuda`, `half` and their like all come through here."""
        self._held[0]._apply(fn, recurse)
        return super()._apply(fn, recurse)
