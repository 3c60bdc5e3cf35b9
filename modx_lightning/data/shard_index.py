"""The index of one shard: where each usable sample lies, and which samples are not usable."""

import io
import logging
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from modx_lightning.batch import Skip
from modx_lightning.data import skips
from modx_lightning.data.captions import MAX_MEMBER_BYTES, CaptionError, parse_captions
from modx_lightning.data.file_window import FileWindow
from modx_lightning.data.pictures import PictureError, PictureTooLargeError, check_picture_header
from modx_lightning.data.tar_members import Member, scan_tar

log = logging.getLogger(__name__)

PICTURE_SUFFIXES = frozenset({"jpg", "jpeg", "png", "webp"})
CAPTION_SUFFIXES = ("txt", "json")  # the first wins; its place is also its number in the index


class ShardIndex(NamedTuple):
    """Where the S samples of a plain tar lie."""

    path: Path
    size: int  # bytes of the tar when it was indexed
    mtime_ns: int  # its time of change then
    keys: list[str]  # S, unique in the shard, in the order of the tar
    image: NDArray[np.int64]  # (S, 2) offset and size in bytes
    caption: NDArray[np.int64]  # (S, 3) offset, size and place in CAPTION_SUFFIXES
    skips: list[Skip]  # samples and members left out


class _Sample:
    """The members of one key that matter."""

    def __init__(self) -> None:
        self.picture: Member | None = None
        self.captions: dict[str, Member] = {}

    @property
    def caption(self) -> Member | None:
        return next((self.captions[s] for s in CAPTION_SUFFIXES if s in self.captions), None)


def build_index(path: Path, name: str, max_pixels: int) -> ShardIndex:
    """Read the headers, captions and picture headers of a plain tar.

    Members of one key may lie anywhere in the shard. Each sample that cannot be used becomes one
    ``Skip``. Picture bodies are not read: those are found out when they are decoded.

    Args:
        path: An uncompressed tar.
        name: What to call the shard in skips.
        max_pixels: Largest width times height of a picture.

    Raises:
        ShardError: If the file is empty or no tar.
    """
    status = path.stat()
    contents = scan_tar(path)
    problems = dict.fromkeys(contents.problems)  # an ordered set: one sample, one skip
    samples = _group(contents.members, problems)
    keys: list[str] = []
    places: list[tuple[int, ...]] = []
    with path.open("rb", buffering=0) as tar:
        for key, sample in samples.items():
            reason = _defect(sample, tar, max_pixels)
            if reason is not None:
                problems[key, reason] = None
                continue
            picture, caption = sample.picture, sample.caption
            assert picture is not None, "checked above"
            assert caption is not None, "checked above"
            kind = CAPTION_SUFFIXES.index(caption.suffix)
            keys.append(_printable(key))
            places.append((picture.offset, picture.size, caption.offset, caption.size, kind))
    table = np.array(places, dtype=np.int64).reshape(len(places), 5)
    left_out = [Skip(name, _printable(key), reason) for key, reason in problems]
    return ShardIndex(
        path, status.st_size, status.st_mtime_ns, keys, table[:, :2], table[:, 2:], left_out
    )


def _group(members: list[Member], problems: dict[tuple[str, str], None]) -> dict[str, _Sample]:
    """Bring the members of each key together; of two that claim one place, the first stays."""
    samples: dict[str, _Sample] = {}
    for member in members:
        if member.suffix in PICTURE_SUFFIXES:
            sample = samples.setdefault(member.key, _Sample())
            if sample.picture is not None:
                problems[member.key, skips.DUPLICATE] = None
            else:
                sample.picture = member
        elif member.suffix in CAPTION_SUFFIXES:
            sample = samples.setdefault(member.key, _Sample())
            if sample.captions.setdefault(member.suffix, member) is not member:
                problems[member.key, skips.DUPLICATE] = None
    return samples


def _defect(sample: _Sample, tar: io.FileIO, max_pixels: int) -> str | None:
    """Return why a sample cannot be used, or None."""
    picture, caption = sample.picture, sample.caption
    if picture is None or caption is None:
        return skips.CAPTION_WITHOUT_PICTURE if caption else skips.PICTURE_WITHOUT_CAPTION
    if picture.size == 0:
        return skips.ZERO_BYTE_PICTURE
    return _caption_defect(caption, tar) or _picture_defect(picture, tar, max_pixels)


def _caption_defect(caption: Member, tar: io.FileIO) -> str | None:
    # A hostile size must not make us read gigabytes.
    data = os.pread(tar.fileno(), min(caption.size, MAX_MEMBER_BYTES + 1), caption.offset)
    try:
        parse_captions(data, caption.suffix)
    except CaptionError as error:
        return str(error)
    return None


def _picture_defect(picture: Member, tar: io.FileIO, max_pixels: int) -> str | None:
    window = FileWindow(tar.fileno(), picture.offset, picture.size)
    try:
        check_picture_header(io.BufferedReader(window), max_pixels)
    except PictureTooLargeError:
        return skips.PICTURE_TOO_LARGE
    except PictureError:
        return skips.PICTURE_UNREADABLE
    return None


def _printable(key: str) -> str:
    """Escape what is not UTF-8 in a member's name, so that a key can be logged and written."""
    return key.encode("utf-8", "backslashreplace").decode()
