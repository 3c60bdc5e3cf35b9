"""What a stream's YAML may say, checked entry by entry."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

_NAME = re.compile(r"[a-z0-9_-]+")


@dataclass(frozen=True)
class DomainSpec:
    """One entry of a stream: a phase, the start domain, or a set that is only measured.

    Args:
        name: Lower case letters, digits, ``-`` and ``_``.
        train: Shard patterns to train on.
        validation: Shard patterns to watch training with.
        test: Shard patterns of the evaluation set.
        weight: How often an epoch shows each training sample.
        replay: Share of samples of earlier domains in each epoch.
        learned_in_phase: For a set that is only measured: the phase that completes its domain.
    """

    name: str
    train: tuple[str, ...] = ()
    validation: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    weight: float = 1.0
    replay: float = 0.0
    learned_in_phase: str | None = None


_KEYS = {
    "phases": ("name", "train", "validation", "test", "weight", "replay"),
    "start": ("name", "train", "validation", "test", "weight"),
    "evaluation_only": ("name", "test", "learned_in_phase"),
}


def parse_domain(entry: Any, group: str) -> DomainSpec:
    """Check one entry of ``phases``, ``evaluation_only`` or ``start``.

    Args:
        entry: A mapping as YAML gives it.
        group: Which of the three it is in.

    Raises:
        ValueError: If a key is unknown or missing, or a value is not of its kind.
        TypeError: If the entry is no mapping.
    """
    if not isinstance(entry, Mapping):
        raise TypeError(f"expected each entry of stream.{group} to be a mapping, got {entry!r}")
    values: dict[str, Any] = {str(key): value for key, value in entry.items() if value is not None}
    name = _name(values.get("name"), group)
    where = f"stream.{group} entry {name!r}"
    _refuse_unknown_keys(values, _KEYS[group], where)
    required = {"phases": "train", "evaluation_only": "test"}.get(group)
    if required and required not in values:
        raise ValueError(f"{where} has no {required!r}: give the shards, as in {required}-*.tar")
    for split in ("train", "validation", "test"):
        if split in values:
            values[split] = _patterns(values[split], f"{where}, {split!r},")
    _check_shares(values, where)
    return DomainSpec(**values)


def check_names(domains: Sequence[DomainSpec]) -> None:
    """Refuse two entries of one name.

    Raises:
        ValueError: If a name occurs twice.
    """
    names = [domain.name for domain in domains]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"the stream names {name!r} twice; every entry needs its own name")


def find_phase(name: str, phases: Sequence[DomainSpec], where: str) -> int:
    """Return the 1-based number of the phase called ``name``.

    Raises:
        ValueError: If there is none.
    """
    names = [phase.name for phase in phases]
    if name not in names:
        raise ValueError(f"{where}: there is no phase {name!r}{_hint(name, names)}")
    return names.index(name) + 1


def _name(name: Any, group: str) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(
            f"expected each entry of stream.{group} to have a name of a-z, 0-9, '-' and '_' "
            f"(it names folders and columns), got {name!r}"
        )
    return name


def _refuse_unknown_keys(values: Mapping[str, Any], known: Sequence[str], where: str) -> None:
    for key in values:
        if key not in known:
            raise ValueError(f"{where}: unknown key {key!r}{_hint(key, known)}")


def _hint(word: str, known: Sequence[str]) -> str:
    near = get_close_matches(word, known, n=2)
    listed = ", ".join(repr(name) for name in near or known)
    return f"; did you mean {listed}?" if near else f"; there are {listed}"


def _patterns(value: Any, where: str) -> tuple[str, ...]:
    patterns = [value] if isinstance(value, str) else value
    if not isinstance(patterns, Sequence) or not all(isinstance(p, str) and p for p in patterns):
        raise ValueError(f"{where} expected a shard pattern or a list of them, got {value!r}")
    if not patterns:
        raise ValueError(f"{where} is an empty list; leave the key out or name shards")
    return tuple(patterns)


def _check_shares(values: Mapping[str, Any], where: str) -> None:
    weight, replay = values.get("weight", 1.0), values.get("replay", 0.0)
    if not isinstance(weight, int | float) or not weight > 0:
        raise ValueError(f"{where}: expected a weight above 0, got {weight!r}")
    if not isinstance(replay, int | float) or not 0 <= replay < 1:
        raise ValueError(f"{where}: expected a replay share from 0 to below 1, got {replay!r}")
