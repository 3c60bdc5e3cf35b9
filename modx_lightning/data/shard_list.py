"""index.json beside shards: what they hold and where they are from."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from modx_lightning.data.shard_cache import replacing
from modx_lightning.data.shard_writer import WrittenSplit
from modx_lightning.data.skips import count_reasons

_NAME = "index.json"


def add_to_index(folder: Path, splits: list[WrittenSplit], source: dict[str, Any]) -> Path:
    """Write what was written to ``<folder>/index.json``, beside splits that are there already.

    Args:
        folder: Folder of the shards.
        splits: The splits just written.
        source: The settings they were made with.

    Raises:
        ValueError: If there is an ``index.json`` of another kind.
    """
    path = folder / _NAME
    content = read_index(folder)
    for split in splits:
        content["splits"][split.name] = {
            "samples": split.samples,
            "captions": split.captions,
            "skipped": count_reasons(split.skips),
            "shards": [asdict(shard) for shard in split.shards],
            "source": source,
        }
    with replacing(path) as file:
        file.write((json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())
    return path


def read_index(folder: Path) -> dict[str, Any]:
    """Read the index of a folder; one without a split if there is none yet.

    Raises:
        ValueError: If there is an ``index.json`` of another kind.
    """
    path = folder / _NAME
    if not path.exists():
        return {"schema_version": 1, "splits": {}}
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
        if content["schema_version"] == 1 and isinstance(content["splits"], dict):
            return content
    except (ValueError, KeyError, TypeError):
        pass
    raise ValueError(f"{path} is not an index of shards; move it away or choose another --out")
