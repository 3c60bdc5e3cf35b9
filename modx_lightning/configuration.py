"""From Hydra's composed config to the plain, resolved, hashed one that a run is made of."""

import hashlib
import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

# What a run computes does not depend on these, so neither does its hash.
NOT_HASHED = ("launch", "logger", "run", "run_dir", "runs", "resume")


def conf_dir() -> Path:
    """Return the folder of the shipped YAML files: in the wheel, or beside a checkout's package."""
    packaged = Path(str(files("modx_lightning"))) / "conf"
    return packaged if packaged.is_dir() else packaged.parents[1] / "conf"


def freeze(
    cfg: DictConfig,
    experiment: str,
    method: str,
    *,
    overrides: Sequence[str] = (),
    sweep: str | None = None,
) -> dict[str, Any]:
    """Resolve a composed config into plain containers and name its run.

    Args:
        cfg: What Hydra composed; interpolations allowed.
        experiment: Name of the experiment YAML, or ``"custom"``.
        method: Name of the method YAML.
        overrides: What the command line changed; the run is named after it.
        sweep: Name shared by the jobs of one ``-m`` command, or None.

    Returns:
        The resolved config with ``run`` (experiment, method, name, sweep, config_sha256) and an
        absolute ``run_dir`` added.

    Raises:
        TypeError: If the seed is not a whole number.
    """
    config: dict[str, Any] = OmegaConf.to_container(cfg, resolve=True)  # type: ignore[assignment]
    if not isinstance(config["seed"], int):
        raise TypeError(f"seed must be a whole number, got {config['seed']!r}")
    digest = config_sha256({**config, "experiment": experiment, "method_name": method})
    config["run"] = {
        "experiment": experiment,
        "method": method,
        "name": _name(method, config["seed"], overrides),
        "sweep": sweep,
        "config_sha256": digest,
    }
    default = Path(config["runs"]) / experiment / f"{method}-seed{config['seed']}-{digest[:8]}"
    config["run_dir"] = str(Path(config["run_dir"] or default).absolute())
    return config


def config_sha256(config: dict[str, Any]) -> str:
    """Hash the part of a resolved config that decides a run's numbers."""
    decisive = {key: value for key, value in config.items() if key not in NOT_HASHED}
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()


def _name(method: str, seed: int, overrides: Sequence[str]) -> str:
    """Tell a run from its siblings: the method, the seed, and whatever else was overridden."""
    told = ("experiment=", "+experiment=", "method=", "seed=")
    rest = [override for override in overrides if not override.startswith(told)]
    return " ".join([f"{method} seed={seed}", *rest])
