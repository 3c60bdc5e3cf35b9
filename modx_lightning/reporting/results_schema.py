"""Check that a ``results.json`` is whole before anyone trusts it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SCHEMA_VERSION = 1
STATUSES = ("running", "complete", "failed")

_TYPES: dict[str, type | tuple[type, ...]] = {
    "experiment": str,
    "method": str,
    "seed": int,
    "config_sha256": str,
    "phases": list,
    "evaluation_sets": list,
    "learned_in": list,
    "status": str,
    "error": (str, type(None)),
    "scores": dict,
    "continual": dict,
    "spatial_disorder": list,
    "phase_models": list,
    "steps": list,
    "skipped": list,
    "timing": dict,
    "environment": dict,
}
_ENTRIES = {
    "phase_models": {"row", "name", "folder", "sha256"},
    "skipped": {"split", "shard", "reason", "count"},
}


class ResultsError(ValueError):
    """A results file that cannot be used."""


def parse_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        ResultsError: If the file is torn or holds something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse)
    except (ValueError, UnicodeDecodeError) as error:
        raise ResultsError(
            f"{path} is torn or not JSON ({error}). Delete it and run the experiment again."
        ) from error
    if not isinstance(content, dict):
        raise ResultsError(f"{path}: expected a JSON object, got {type(content).__name__}")
    return content


def check_results(path: Path, content: Mapping[str, Any]) -> None:
    """Check version, keys, types and the shape of every matrix.

    Raises:
        ResultsError: With the file, what was expected and what came.
    """
    version = content.get("schema_version")
    if version != SCHEMA_VERSION:
        raise ResultsError(
            f"{path}: expected schema_version {SCHEMA_VERSION}, got {version!r}. "
            "Read it with the version of modx-lightning that wrote it."
        )
    missing = sorted(set(_TYPES) - set(content))
    unknown = sorted(set(content) - set(_TYPES) - {"schema_version"})
    if missing or unknown:
        raise ResultsError(f"{path}: missing keys {missing}, unknown keys {unknown}")
    for key, kind in _TYPES.items():
        if not isinstance(content[key], kind) or isinstance(content[key], bool):
            raise ResultsError(f"{path}: {key} has the wrong type {type(content[key]).__name__}")
    if content["status"] not in STATUSES:
        raise ResultsError(f"{path}: expected status {STATUSES}, got {content['status']!r}")
    _check_shapes(path, content)


def _check_shapes(path: Path, content: Mapping[str, Any]) -> None:
    rows, columns = len(content["phases"]) + 1, len(content["evaluation_sets"])
    for key, expected in (("learned_in", columns), ("steps", rows)):
        if len(content[key]) != expected:
            raise ResultsError(f"{path}: {key} has {len(content[key])} entries, not {expected}")
    for key, fields in _ENTRIES.items():
        if any(not isinstance(entry, dict) or set(entry) != fields for entry in content[key]):
            raise ResultsError(f"{path}: {key} has entries without exactly {sorted(fields)}")
    for metric, matrix in content["scores"].items():
        _check_matrix(f"{path}: scores of {metric}", matrix, rows, columns)


def _check_matrix(where: str, matrix: Any, rows: int, columns: int) -> None:
    if not isinstance(matrix, list) or not all(isinstance(row, list) for row in matrix):
        raise ResultsError(f"{where}: expected a list of rows")
    if [len(row) for row in matrix] != [columns] * rows:
        raise ResultsError(
            f"{where}: expected {rows} rows (phases + 1) of {columns} evaluation sets, "
            f"got rows of {[len(row) for row in matrix]}"
        )
    if not all(value is None or isinstance(value, int | float) for row in matrix for value in row):
        raise ResultsError(f"{where}: expected numbers or null")


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not a number JSON knows")
