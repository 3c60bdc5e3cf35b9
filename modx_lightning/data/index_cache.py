"""Shard indexes on disk, so that a shard is read through once and not at every start."""

import hashlib
import json
import logging
import zipfile
from pathlib import Path

import numpy as np

from modx_lightning.batch import Skip
from modx_lightning.data.shard_cache import replacing
from modx_lightning.data.shard_index import ShardIndex, build_index

log = logging.getLogger(__name__)

_VERSION = 1  # raise it whenever an old index would no longer say the same


def load_index(path: Path, name: str, max_pixels: int, cache_dir: Path) -> ShardIndex:
    """Return the index of a plain tar, from ``cache_dir`` if that has it.

    An index belongs to a path, its size, its time of change and ``max_pixels``. A damaged cache
    file is made anew; without a writable ``cache_dir`` the index is built at every start.

    Args:
        path: An uncompressed tar.
        name: What to call the shard in skips.
        max_pixels: Largest width times height of a picture.
        cache_dir: Folder of the indexes.

    Raises:
        ShardError: If the file is empty or no tar.
    """
    file = cache_dir / f"{_cache_key(path, name, max_pixels)}.index.npz"
    try:
        return _read(file, path)
    except FileNotFoundError:
        pass
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        log.warning("the index %s is damaged (%s) and is made anew", file, error)
    index = build_index(path, name, max_pixels)
    try:
        cache_dir.mkdir(parents=True, exist_ok=True)
        _write(file, index)
    except OSError as error:
        log.info("cannot keep the index of %s in %s: %s", path, cache_dir, error)
    return index


def _cache_key(path: Path, name: str, max_pixels: int) -> str:
    real = path.resolve()
    status = real.stat()
    words = (_VERSION, real, status.st_size, status.st_mtime_ns, name, max_pixels)
    text = "|".join(str(word) for word in words)
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _read(file: Path, path: Path) -> ShardIndex:
    # Opened here: NumPy leaves a damaged file open.
    with file.open("rb") as opened, np.load(opened, allow_pickle=False) as stored:
        text = json.loads(stored["text"].tobytes())
        image, caption = stored["image"], stored["caption"]
    if not len(text["keys"]) == len(image) == len(caption):
        raise ValueError("its parts have different lengths")
    left_out = [Skip(*skip) for skip in text["skips"]]
    return ShardIndex(path, text["size"], text["mtime_ns"], text["keys"], image, caption, left_out)


def _write(file: Path, index: ShardIndex) -> None:
    text = {
        "size": index.size,
        "mtime_ns": index.mtime_ns,
        "keys": index.keys,
        "skips": index.skips,
    }
    packed = np.frombuffer(json.dumps(text).encode(), dtype=np.uint8)
    with replacing(file) as target:
        np.savez(target, text=packed, image=index.image, caption=index.caption)
