"""The only two places where a model comes over the network, and only when a name asks for it."""

from pathlib import Path
from typing import Any

_WAY_OUT = (
    "Without a network, give the weights as a file (pretrained=/path/to/weights.safetensors) or "
    "the model as a folder (local-dir:PATH)"
)


def download_from_hub(model_id: str, filename: str | None = None) -> Path:
    """Fetch one file, or the weights, of a model on the Hugging Face hub; cached by open_clip.

    Raises:
        RuntimeError: If the hub cannot be reached or has no such file.
    """
    from open_clip.pretrained import download_pretrained_from_hf

    try:
        return Path(download_pretrained_from_hf(model_id, filename=filename))
    except (OSError, RuntimeError) as error:
        raise RuntimeError(f"could not download hf-hub:{model_id}. {_WAY_OUT}") from error


def download_tag(name: str, tag: str, tag_cfg: dict[str, Any]) -> Path:
    """Fetch the weights that open_clip lists under ``tag`` for architecture ``name``.

    Raises:
        RuntimeError: If they cannot be reached.
    """
    from open_clip.pretrained import download_pretrained

    try:
        return Path(download_pretrained(tag_cfg))
    except (OSError, RuntimeError) as error:
        what = f"the weights {tag!r} of {name}"
        raise RuntimeError(f"could not download {what}. {_WAY_OUT}") from error
