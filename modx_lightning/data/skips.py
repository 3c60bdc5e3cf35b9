"""Why a sample cannot be used, and the counting of such samples."""

from collections import Counter
from collections.abc import Iterable
from logging import Logger

from modx_lightning.batch import Skip

PICTURE_WITHOUT_CAPTION = "picture without caption"
CAPTION_WITHOUT_PICTURE = "caption without picture"
ZERO_BYTE_PICTURE = "zero-byte picture"
PICTURE_UNREADABLE = "unreadable picture"
PICTURE_TOO_LARGE = "picture above max_pixels"
EMPTY_CAPTION = "empty caption"
CAPTION_NOT_UTF8 = "caption is not UTF-8"
CAPTION_TOO_LONG = "caption longer than 10,000 characters"
CAPTION_JSON = "JSON member without a caption"
DUPLICATE = "duplicate key"
UNSAFE_NAME = "unsafe name (absolute or with '..')"
PICTURE_MISSING = "picture file missing"
TRUNCATED_TAR = "truncated tar"
CORRUPT_TAR = "corrupt tar header"
PICKLE = "pickled member, never opened"
NOT_A_FILE = "link or device"

# A member that is left alone costs no sample, so it does not count against max_bad_fraction.
HARMLESS = frozenset({PICKLE, NOT_A_FILE})


def count_reasons(skips: Iterable[Skip]) -> dict[str, int]:
    """Count skips by reason, the most frequent first."""
    return dict(Counter(skip.reason for skip in skips).most_common())


def log_skips(log: Logger, skips: Iterable[Skip]) -> None:
    """Warn once per shard and reason, with a count and the first key."""
    first: dict[tuple[str, str], str] = {}
    counts: Counter[tuple[str, str]] = Counter()
    for skip in skips:
        first.setdefault((skip.shard, skip.reason), skip.key)
        counts[skip.shard, skip.reason] += 1
    for (shard, reason), count in counts.items():
        log.warning("%s: %s, %d time(s), first %r", shard, reason, count, first[shard, reason])
