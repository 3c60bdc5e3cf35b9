"""Plain local copies of compressed and remote shards, so that samples can be read by offset."""

import bz2
import fcntl
import gzip
import hashlib
import logging
import lzma
import os
import shutil
import zlib
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

from modx_lightning.data.shards import ShardError, is_remote

log = logging.getLogger(__name__)

_OPENERS: dict[bytes, Callable[[Path], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
}
_TAR_BLOCK = 512


def default_cache_dir() -> Path:
    """Return ``$XDG_CACHE_HOME/modx_lightning/shards``, or the same below ``~/.cache``."""
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(home).expanduser() / "modx_lightning" / "shards"


def plain_tar(shard: str, cache_dir: Path) -> Path:
    """Return a local uncompressed tar with the contents of ``shard``, made once if need be.

    A local plain tar is its own copy. Several processes may ask at once: one makes the copy, the
    others wait. A remote shard is kept until it is deleted from ``cache_dir`` by hand.

    Args:
        shard: A path, a URL or a ``pipe:`` command.
        cache_dir: Folder of the copies.

    Raises:
        ShardError: If the source cannot be read to its end, or ends too early.
        FileNotFoundError: If a local shard does not exist.
    """
    if not is_remote(shard) and _opener(Path(shard)) is None:
        return Path(shard)
    target = cache_dir / f"{_cache_key(shard)}.tar"
    if not target.exists():
        _make_folder(cache_dir)
        with _locked(target.with_suffix(".lock")):
            if not target.exists():
                log.info("copying shard %s to %s", shard, target)
                _copy(shard, target)
    return target


@contextmanager
def replacing(target: Path) -> Generator[IO[bytes]]:
    """Open a temporary file that takes the place of ``target`` only if the block succeeds."""
    # Not tempfile: its files are for their owner only, and a cache may be shared.
    temporary = target.with_name(f".{target.name}.{uuid4().hex}")
    try:
        with temporary.open("x+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _copy(shard: str, target: Path) -> None:
    if not is_remote(shard):
        _decompress(Path(shard), target, shard)
        return
    raw = target.with_suffix(".raw")
    with replacing(raw) as file:
        _download(shard, file)
    try:
        if _opener(raw) is None:
            with raw.open("rb") as file:
                _check_end(file, shard)
            raw.replace(target)
        else:
            _decompress(raw, target, shard)
    finally:
        raw.unlink(missing_ok=True)


def _download(shard: str, file: IO[bytes]) -> None:
    from webdataset.gopen import gopen

    try:
        with gopen(shard, "rb") as stream:
            shutil.copyfileobj(stream, file, 1 << 20)
    except (OSError, ValueError, ImportError) as error:
        raise ShardError(
            f"cannot read shard {shard}: {error}. Expected a path, a URL that webdataset can open "
            "(http, https, gs, hf, …) or a command such as 'pipe:aws s3 cp s3://bucket/x.tar -'"
        ) from error


def _decompress(source: Path, target: Path, shard: str) -> None:
    opener = _opener(source)
    assert opener is not None, "only called on compressed files"
    try:
        with replacing(target) as file, opener(source) as stream:
            shutil.copyfileobj(stream, file, 1 << 20)
            _check_end(file, shard)
    except (EOFError, OSError, zlib.error, lzma.LZMAError) as error:
        raise ShardError(
            f"cannot unpack shard {shard} into {target.parent}: {error}. If it is truncated or "
            "damaged, copy or build it again"
        ) from error


def _check_end(file: IO[bytes], shard: str) -> None:
    """Refuse a tar without its closing block of zeros: the transfer was cut off."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _TAR_BLOCK))
    tail = file.read()
    if size % _TAR_BLOCK or len(tail) < _TAR_BLOCK or any(tail):
        raise ShardError(
            f"shard {shard} ends without a tar's closing block after {size:,} bytes, so it is "
            "truncated or no tar; copy or build it again"
        )


def _opener(path: Path) -> Callable[[Path], Any] | None:
    """Return how to open a file by its first bytes; a wrong suffix does not matter."""
    with path.open("rb") as file:
        head = file.read(8)
    return next((opener for magic, opener in _OPENERS.items() if head.startswith(magic)), None)


def _cache_key(shard: str) -> str:
    identity = shard
    if not is_remote(shard):
        path = Path(shard).resolve()
        identity = f"{path}|{path.stat().st_size}|{path.stat().st_mtime_ns}"
    return hashlib.sha256(identity.encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _make_folder(cache_dir: Path) -> None:
    try:
        cache_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ShardError(
            f"compressed and remote shards need a writable cache_dir, but {cache_dir} cannot be "
            f"made ({error}); set stream.cache_dir"
        ) from error


@contextmanager
def _locked(path: Path) -> Generator[None]:
    """Hold a file lock; the system frees it even if this process is killed."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
