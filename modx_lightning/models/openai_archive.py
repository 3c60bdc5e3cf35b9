"""OpenAI's own weight files (ViT-B-32.pt, RN50.pt): TorchScript archives, not state dicts."""

import warnings
import zipfile
from pathlib import Path
from typing import Any

from torch import Tensor


def is_openai_archive(path: Path) -> bool:
    """Tell a TorchScript archive from other weight files by its table of contents."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())


def read_openai_archive(path: Path) -> dict[str, Tensor]:
    """Read the weights, float16 in OpenAI's files, under the names that open_clip gives them."""
    import torch

    with warnings.catch_warnings():
        # TorchScript is deprecated; these files are from 2021 and will not change.
        warnings.simplefilter("ignore", FutureWarning)
        load: Any = torch.jit.load
        state: dict[str, Tensor] = load(str(path), map_location="cpu").state_dict()
    settings = ("input_resolution", "context_length", "vocab_size")
    return {name: value for name, value in state.items() if name not in settings}
