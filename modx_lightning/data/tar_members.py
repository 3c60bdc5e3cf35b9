"""The members of a plain tar: where each begins, how long it is, and which sample it is of."""

import re
import tarfile
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from modx_lightning.data import skips
from modx_lightning.data.shards import ShardError

# As WebDataset does: a key ends at the first dot of the last path component.
_KEY_AND_SUFFIX = re.compile(r"^((?:.*/)?[^./][^./]*)\.([^/]+)$", re.DOTALL)
_PICKLED = frozenset({"pyd", "pickle", "pkl", "pth", "pt"})
_BLOCK = 512


class Member(NamedTuple):
    """A regular file inside a tar."""

    key: str
    suffix: str  # lower case, without the dot
    offset: int  # of its first byte
    size: int  # bytes


class TarContents(NamedTuple):
    """What a walk over the headers of a tar found."""

    members: list[Member]
    problems: list[tuple[str, str]]  # (key or name, reason)


def scan_tar(path: Path) -> TarContents:
    """Walk over the headers of a plain tar; the members themselves are not read.

    Args:
        path: An uncompressed tar. If it was cut off, everything before the cut is returned.

    Raises:
        ShardError: If the file is empty or no tar.
    """
    found = TarContents([], [])
    try:
        # Pickle and links are never followed: only headers are read, nothing is extracted.
        with tarfile.open(path, "r:") as tar:
            _walk(tar, path, found)
    except tarfile.ReadError as error:
        if found.members or found.problems:
            found.problems.append(("", skips.TRUNCATED_TAR))
        else:
            what = "is empty (0 bytes)" if path.stat().st_size == 0 else f"is no tar file ({error})"
            raise ShardError(f"shard {path} {what}; build or copy it again") from error
    return found


def _walk(tar: tarfile.TarFile, path: Path, found: TarContents) -> None:
    size = path.stat().st_size
    while (info := tar.next()) is not None:
        # tarfile keeps every header it has seen, and a shard can have millions.
        tar.members = []  # type: ignore[attr-defined]
        if info.isreg() and info.offset_data + info.size > size:
            found.problems.append((info.name, skips.TRUNCATED_TAR))
            return
        _sort_in(info, found)
    if reason := _bad_ending(path, tar.offset):
        found.problems.append(("", reason))


def _sort_in(info: tarfile.TarInfo, found: TarContents) -> None:
    match = _KEY_AND_SUFFIX.match(info.name)
    if info.isdir():
        return
    if not info.isreg() or info.issparse():
        found.problems.append((info.name, skips.NOT_A_FILE))
    elif match is None:
        return  # hidden files and files without a suffix are no samples
    elif ".." in PurePosixPath(info.name).parts or info.name.startswith("/"):
        found.problems.append((match[1], skips.UNSAFE_NAME))
    elif _PICKLED.intersection(match[2].lower().split(".")):
        found.problems.append((info.name, skips.PICKLE))
    else:
        found.members.append(Member(match[1], match[2].lower(), info.offset_data, info.size))


def _bad_ending(path: Path, offset: int) -> str | None:
    """Look where the walk stopped: a whole tar has a block of zeros there."""
    with path.open("rb") as file:
        file.seek(offset)
        block = file.read(_BLOCK)
    if len(block) < _BLOCK:
        return skips.TRUNCATED_TAR
    return skips.CORRUPT_TAR if any(block) else None
