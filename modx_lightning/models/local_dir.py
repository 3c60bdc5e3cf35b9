"""Save a model as a folder that open_clip itself loads with its ``local-dir:`` schema."""

import hashlib
import json
import os
import shutil
from pathlib import Path

import torch
from torch import Tensor

from modx_lightning.durable import flush_to_disk
from modx_lightning.models.clip import CLIP

CONFIG = "open_clip_config.json"
WEIGHTS = "open_clip_model.safetensors"


def save_local_dir(model: CLIP, folder: Path, *, half: bool = False) -> str:
    """Write ``model`` to ``folder``, so that a reader finds all of it or nothing.

    A new folder appears in one rename. In a folder that exists, other files stay, and the
    config, without which nothing loads, is put in last.

    Args:
        model: What to save.
        folder: Where to; its parents are made.
        half: Store the weights as float16, at half the size.

    Returns:
        SHA-256 of the weight file, hexadecimal.

    Raises:
        ValueError: If ``half`` and a weight is too large for float16.
    """
    from safetensors.torch import save_file

    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = folder.with_name(f".{folder.name}.partial-{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        save_file(_tensors(model, half=half), partial / WEIGHTS, metadata={"format": "pt"})
        config = {"model_cfg": model.model_cfg, "preprocess_cfg": model.preprocess_cfg}
        (partial / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        if hasattr(model.tokenizer, "save_pretrained"):  # a tokenizer that is no part of open_clip
            model.tokenizer.save_pretrained(partial)  # pyright: ignore[reportFunctionMemberAccess]
        sha256 = weights_sha256(partial)
        for path in [*partial.rglob("*"), partial]:
            flush_to_disk(path)
        _put_in_place(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return sha256


def weights_sha256(folder: Path) -> str:
    """Return the SHA-256 of the weight file in ``folder``, hexadecimal.

    Raises:
        FileNotFoundError: If there is none.
    """
    path = folder / WEIGHTS
    if not path.is_file():
        raise FileNotFoundError(f"no saved model in {folder}: expected {WEIGHTS}")
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _tensors(model: CLIP, *, half: bool) -> dict[str, Tensor]:
    """Collect the weights; clones, since safetensors refuses tensors that share memory."""
    tensors: dict[str, Tensor] = {}
    for name, value in model.network.state_dict().items():
        tensor = value.detach().cpu().clone(memory_format=torch.contiguous_format)
        # Not logit_scale: float16 would change all logits by a thousandth.
        if half and tensor.dtype == torch.float32 and tensor.numel() > 1:
            tensor = tensor.half()
            if not tensor.isfinite().all():
                raise ValueError(f"{name} has values beyond float16 (65504); save with half=False")
        tensors[name] = tensor
    return tensors


def _put_in_place(partial: Path, folder: Path) -> None:
    if folder.is_dir():
        (folder / CONFIG).unlink(missing_ok=True)
        for path in sorted(partial.iterdir(), key=lambda path: path.name == CONFIG):
            path.replace(folder / path.name)
        flush_to_disk(folder)
    else:
        partial.rename(folder)
    flush_to_disk(folder.parent)
