"""Writes WebDataset shards whose bytes depend on nothing but their contents."""

import gzip
import hashlib
import io
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

SHARD_SIZE = 1000


def write_shards(
    folder: Path, split: str, samples: Sequence[tuple[str, bytes, str]]
) -> list[dict[str, Any]]:
    """Write ``<split>-NNNNN.tar.gz`` files and describe them.

    Args:
        folder: Folder of the domain, made if missing.
        split: First part of the file names.
        samples: (key, encoded WebP picture, caption), in the order they are written.

    Returns:
        File name, pairs, bytes and sha256 of each shard.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shards: list[dict[str, Any]] = []
    count = -(-len(samples) // SHARD_SIZE)
    size = -(-len(samples) // max(count, 1))
    for number in range(count):
        chunk = samples[number * size : (number + 1) * size]
        content = _compress(_archive(chunk))
        name = f"{split}-{number:05d}.tar.gz"
        (folder / name).write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        shards.append({"file": name, "pairs": len(chunk), "bytes": len(content), "sha256": digest})
    return shards


def write_lines(path: Path, lines: Sequence[str]) -> None:
    """Write gzip-compressed text lines, the same bytes every time."""
    path.write_bytes(_compress("".join(f"{line}\n" for line in lines).encode()))


def _archive(samples: Sequence[tuple[str, bytes, str]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for key, picture, caption in samples:
            for extension, content in (("webp", picture), ("txt", caption.encode())):
                member = tarfile.TarInfo(f"{key}.{extension}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def _compress(content: bytes) -> bytes:
    return gzip.compress(content, compresslevel=9, mtime=0)
