"""Say what is wrong with a command line or a run in words, with the nearest right name."""

import difflib
import re
import sys
from collections.abc import Iterator
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import ConfigCompositionException, InstantiationException, MissingConfigException
from omegaconf import OmegaConf

from modx_lightning.configuration import conf_dir


def explain(error: BaseException) -> str:
    """Return one message for a person: what was expected, what came, what to do."""
    if isinstance(error, MissingConfigException):
        return _unknown_choice(error)
    if isinstance(error, ConfigCompositionException):
        return _unknown_key(error)
    if isinstance(error, InstantiationException) and error.__cause__ is not None:
        return f"{explain(error.__cause__)} [in the config of {_full_key(error)}]"
    text = str(error) or type(error).__name__
    return text if isinstance(error, ValueError | OSError) else f"{type(error).__name__}: {text}"


def nearest(name: str, known: list[str], most: int = 3) -> str:
    """Return " Did you mean …?" with the known names closest to ``name``, or ""."""
    close = difflib.get_close_matches(name, known, n=most, cutoff=0.5)
    return f" Did you mean {' or '.join(close)}?" if close else ""


def _unknown_choice(error: MissingConfigException) -> str:
    group, _, name = (error.missing_cfg_file or "").removesuffix(".yaml").rpartition("/")
    known = sorted(error.options or [])
    kind = group or "config"
    return f"unknown {kind} '{name}'.{nearest(name, known)} There are: {', '.join(known)}."


def _unknown_key(error: ConfigCompositionException) -> str:
    text = str(error)
    if there := re.search(r"already at '([^']+)'", text):
        return f"'{there.group(1)}' is a key already: give it without the +."
    if twice := re.search(r"Multiple values for (\w+)", text):
        return f"{twice.group(1)} is given twice on the command line; give it once."
    found = re.search(r"Could not override '([^']+)'", text)
    if not found:
        return f"the command line could not be composed: {error}"
    key = found.group(1)
    known = list(_keys_without(key))
    ends = [name for name in known if name.rpartition(".")[2] == key]
    hint = f" Did you mean {' or '.join(ends)}?" if ends else nearest(key, known)
    return (
        f"unknown key '{key}'.{hint} "
        "`python -m modx_lightning.train --cfg job` prints all keys; +key=value adds a new one."
    )


def _keys_without(key: str) -> Iterator[str]:
    """Yield the keys of the config that the command line would make without the wrong key."""
    GlobalHydra.instance().clear()
    rest = [a for a in sys.argv[1:] if "=" in a and not re.match(rf"\+*{re.escape(key)}=", a)]
    rest = [a for a in rest if "," not in a and not a.startswith(("-", "hydra."))]
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        try:
            cfg = compose("train", overrides=rest)
        except ConfigCompositionException:
            cfg = compose("train")
    yield from _dotted(OmegaConf.to_container(cfg), "")


def _dotted(node: Any, prefix: str) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield f"{prefix}{key}"
            yield from _dotted(value, f"{prefix}{key}.")


def _full_key(error: InstantiationException) -> str:
    found = re.search(r"full_key: (\S+)", str(error))
    return found.group(1) if found else "this run"
