"""Load a CLIP model by name."""

import logging
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import torch

from modx_lightning.models.clip import CLIP, Tokenizer
from modx_lightning.models.openai_archive import is_openai_archive, read_openai_archive
from modx_lightning.models.source import find_source

Precision = Literal["fp32", "bf16", "fp16"]

_log = logging.getLogger(__name__)
_DTYPES: dict[Precision, torch.dtype] = {
    "fp32": torch.float32,
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
}
_SHOWN = 5  # misfits an error message lists


def load_clip(
    name: str,
    pretrained: str | None = None,
    *,
    precision: Precision = "fp32",
    freeze_batch_norm: bool = True,
    locked: Sequence[str] = (),
    grad_checkpointing: bool = False,
) -> CLIP:
    """Build a CLIP model and load its weights, on the CPU.

    Args:
        name: An open_clip architecture ("ViT-B-32") or one that ships with this package
            ("RN50-text6"); a path to an architecture in JSON; or a model with weights:
            ``local-dir:PATH``, ``hf-hub:OWNER/MODEL``, ``asset:base`` (shipped here).
        pretrained: Weights: a tag of the architecture, or a file. None: random weights for
            an architecture, else the model's own.
        precision: Of the weights. Mixed precision is the Trainer's business and needs "fp32".
        freeze_batch_norm: See `CLIP`.
        locked: See `CLIP`.
        grad_checkpointing: See `CLIP`.

    Raises:
        ValueError: If the name, tag or precision is unknown, or the weights do not fit.
        FileNotFoundError: If a folder or file does not exist.
        RuntimeError: If a download that the name or tag asks for fails.
    """
    if precision not in _DTYPES:
        raise ValueError(f"precision is one of {', '.join(_DTYPES)}, got {precision!r}")
    source = find_source(name, pretrained)
    network = _build(source.model_cfg, name)
    if source.weights is None:
        _log.info("%s starts from random weights", name)
    else:
        _load_weights(network, source.weights, name)
    _convert(network, _DTYPES[precision])
    return CLIP(
        network,
        source.model_cfg,
        _complete(source.preprocess_cfg, network),
        _tokenizer(source.model_cfg["text_cfg"], source.folder),
        freeze_batch_norm=freeze_batch_norm,
        locked=locked,
        grad_checkpointing=grad_checkpointing,
    )


def precision_of(model: CLIP) -> Precision:
    """Return the precision that `load_clip` needs to build a model like this one."""
    return next(name for name, dtype in _DTYPES.items() if dtype == model.dtype)


def _build(model_cfg: dict[str, Any], name: str) -> Any:
    """Do what `open_clip.create_model` does, without its registry, downloads and log lines."""
    import open_clip

    if "multimodal_cfg" in model_cfg:
        raise ValueError(f"{name} is a captioning model (CoCa); a CLIP model is needed")
    cfg = deepcopy(model_cfg)
    cfg["vision_cfg"]["timm_model_pretrained"] = False
    cfg["text_cfg"]["hf_model_pretrained"] = False
    custom_text = cfg.pop("custom_text", False) or bool(cfg["text_cfg"].get("hf_model_name"))
    return (open_clip.CustomTextCLIP if custom_text else open_clip.CLIP)(**cfg)


def _load_weights(network: Any, path: Path, name: str) -> None:
    from open_clip import load_checkpoint

    try:
        if is_openai_archive(path):
            network.load_state_dict(read_openai_archive(path))
        else:
            load_checkpoint(network, str(path))
    except Exception as error:  # a damaged or foreign file fails in a dozen ways
        reasons = [line.strip() for line in str(error).splitlines() if line.strip()]
        more = len(reasons) - _SHOWN
        shown = "; ".join(reasons[:_SHOWN]) + (f"; and {more} more" if more > 0 else "")
        raise ValueError(
            f"the weights in {path} do not fit {name}: {type(error).__name__}: {shown}. "
            "Give the architecture they were made for"
        ) from error


def _convert(network: Any, dtype: torch.dtype) -> None:
    scale = network.logit_scale.data
    network.to(dtype)
    # 8 bits would hold the temperature still: its steps are smaller than their spacing.
    network.logit_scale.data = scale


def _complete(preprocess_cfg: Any, network: Any) -> dict[str, Any]:
    from open_clip.transform import PreprocessCfg, merge_preprocess_dict

    complete: dict[str, Any] = merge_preprocess_dict(asdict(PreprocessCfg()), preprocess_cfg)
    complete["size"] = network.visual.image_size
    return complete


def _tokenizer(text_cfg: dict[str, Any], folder: Path | None) -> Tokenizer:
    from open_clip.tokenizer import HFTokenizer, SimpleTokenizer

    length = text_cfg.get("context_length", 77)
    options = text_cfg.get("tokenizer_kwargs") or {}
    name = text_cfg.get("hf_tokenizer_name")
    if not name:
        return SimpleTokenizer(context_length=length, **options)
    mode = text_cfg.get("tokenizer_mode")
    return HFTokenizer(str(folder or name), context_length=length, tokenizer_mode=mode, **options)
