"""Replace a file as a whole."""

import os
from pathlib import Path

from modx_lightning.durable import flush_to_disk


def write_atomically(path: Path, text: str) -> None:
    """Write ``text`` so that a crash at any moment leaves the old file or the new one.

    Args:
        path: Written, or replaced; its folder must exist.
        text: Content, UTF-8.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)  # noqa: PTH105 - the tests make this very call fail
    finally:
        temporary.unlink(missing_ok=True)
    flush_to_disk(path.parent)
