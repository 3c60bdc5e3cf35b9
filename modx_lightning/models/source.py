"""Find out what a model name means: which architecture, which weights, which preprocessing."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any

from modx_lightning.models.download import download_from_hub, download_tag
from modx_lightning.models.openai_archive import is_openai_archive

_CONFIG = "open_clip_config.json"
_WEIGHTS = (  # open_clip's order of preference
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.safetensors",
    "open_clip_pytorch_model.bin",
    "open_clip_pytorch_model.pth",
    "model.safetensors",
    "pytorch_model.bin",
)
_SHIPPED = files("modx_lightning") / "models" / "architectures"


@dataclass(frozen=True)
class Source:
    """What there is to build a model from."""

    model_cfg: dict[str, Any]
    preprocess_cfg: Mapping[str, Any]  # only what differs from open_clip's defaults
    weights: Path | None  # None: random weights
    folder: Path | None = None  # where a tokenizer may lie


def find_source(name: str, pretrained: str | None) -> Source:
    """Resolve ``name`` and ``pretrained`` as `load_clip` documents; download only if asked to.

    Raises:
        ValueError: If the name, or the tag, is not known.
        FileNotFoundError: If a folder or file does not exist.
        RuntimeError: If a download that was asked for fails.
    """
    if name.startswith("hf-hub:"):
        source = _from_hub(name.removeprefix("hf-hub:"), with_weights=pretrained is None)
    elif name.startswith("local-dir:"):
        source = _from_folder(Path(name.removeprefix("local-dir:")).expanduser())
    elif name.startswith("asset:"):
        source = _from_asset(name.removeprefix("asset:"))
    else:
        return _from_architecture(name, pretrained)
    if pretrained is None:
        return source
    weights = _weight_file(pretrained, tags=())
    return Source(source.model_cfg, source.preprocess_cfg, weights, source.folder)


def _from_architecture(name: str, pretrained: str | None) -> Source:
    from open_clip import get_pretrained_cfg, list_pretrained_tags_by_model

    if name.endswith(".json"):
        source = _from_json(Path(name).expanduser())
    else:
        name = name.replace("/", "-")  # as open_clip does: ViT-B/32 is ViT-B-32
        source = Source(_known_architecture(name), {}, None)
    if pretrained is None:
        return source
    tag: dict[str, Any] = get_pretrained_cfg(name, pretrained)
    if not tag:
        weights = _weight_file(pretrained, tags=list_pretrained_tags_by_model(name))
        _match_gelu(source.model_cfg, quick=is_openai_archive(weights))
        return Source(source.model_cfg, source.preprocess_cfg, weights)
    _match_gelu(source.model_cfg, quick=tag.get("quick_gelu", False))
    return Source(source.model_cfg, tag, download_tag(name, pretrained, tag))


def _match_gelu(model_cfg: dict[str, Any], *, quick: bool) -> None:
    """Weights trained with the sigmoid form of GELU need it; open_clip itself only warns."""
    if quick:
        model_cfg["quick_gelu"] = True


def _known_architecture(name: str) -> dict[str, Any]:
    from open_clip import get_model_config, list_models

    shipped = {Path(str(file)).stem: Path(str(file)) for file in _SHIPPED.iterdir()}
    if name in shipped:
        return json.loads(shipped[name].read_text(encoding="utf-8"))
    known: dict[str, Any] | None = get_model_config(name)
    if known is None:
        by_lower_case = {known.lower(): known for known in [*shipped, *list_models()]}
        near = get_close_matches(name.lower(), by_lower_case, n=5, cutoff=0.5)
        nearest = ", ".join(by_lower_case[match] for match in near) or "none"
        raise ValueError(
            f"unknown model name {name!r}; nearest names: {nearest}. A folder is named "
            "local-dir:PATH, an architecture file PATH.json"
        )
    return known


def _from_asset(name: str) -> Source:
    assets = files("modx_lightning") / "assets"
    folder = Path(str(assets / name))
    if not (folder / _CONFIG).is_file():
        there = sorted(file.parent.name for file in Path(str(assets)).glob(f"*/{_CONFIG}"))
        raise FileNotFoundError(
            f"no model asset {name!r} is shipped with modx_lightning; there are: "
            f"{', '.join(there) or 'none'}"
        )
    return _from_folder(folder)


def _from_folder(folder: Path) -> Source:
    if not (folder / _CONFIG).is_file():
        missing = f"{_CONFIG} in it" if folder.is_dir() else "such folder"
        raise FileNotFoundError(f"cannot load a model from {folder}: there is no {missing}")
    weights = next((folder / file for file in _WEIGHTS if (folder / file).is_file()), None)
    if weights is None:
        raise FileNotFoundError(f"no weights in {folder}; expected {_WEIGHTS[0]}")
    config = _from_json(folder / _CONFIG)
    return Source(config.model_cfg, config.preprocess_cfg, weights, folder)


def _from_json(path: Path) -> Source:
    if not path.is_file():
        raise FileNotFoundError(f"no architecture file {path}")
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        model_cfg = config.get("model_cfg", config)
        missing = {"embed_dim", "vision_cfg", "text_cfg"} - set(model_cfg)
    except (ValueError, AttributeError, TypeError) as error:
        raise ValueError(f"{path} is not an architecture in JSON: {error}") from error
    if missing:
        raise ValueError(f"the architecture in {path} lacks {', '.join(sorted(missing))}")
    return Source(model_cfg, config.get("preprocess_cfg", {}), None)


def _from_hub(model_id: str, *, with_weights: bool) -> Source:
    config = _from_json(download_from_hub(model_id, _CONFIG))
    weights = download_from_hub(model_id) if with_weights else None
    return Source(config.model_cfg, config.preprocess_cfg, weights)


def _weight_file(pretrained: str, *, tags: Sequence[str]) -> Path:
    path = Path(pretrained).expanduser()
    if path.is_file():
        return path
    if path.suffix or len(path.parts) > 1:
        raise FileNotFoundError(f"no weight file {pretrained}")
    there_are = ", ".join(tags) or "none"
    raise ValueError(f"{pretrained!r} is neither a weight file nor one of the tags: {there_are}")
