"""Captions as shards hold them: ``.txt`` with one a line, or ``.json``."""

import json
from typing import Any

from modx_lightning.data import skips

MAX_CHARACTERS = 10_000
# Four bytes a character, and room for the metadata that img2dataset puts beside a caption.
MAX_MEMBER_BYTES = 1_000_000


class CaptionError(ValueError):
    """A caption cannot be used; the message is one of the reasons in ``skips``."""


def parse_captions(data: bytes, suffix: str) -> list[str]:
    """Return the captions of one sample, at least one.

    Args:
        data: The member's bytes, UTF-8, with or without a byte order mark.
        suffix: ``"txt"``: one caption a line; ``"json"``: an object with ``caption`` (text) or
            ``captions`` (list of texts).

    Raises:
        CaptionError: If there is no usable caption; all captions go when one is too long.
    """
    if len(data) > MAX_MEMBER_BYTES:
        raise CaptionError(skips.CAPTION_TOO_LONG)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CaptionError(skips.CAPTION_NOT_UTF8) from error
    lines = text.split("\n") if suffix == "txt" else _from_json(text)
    captions = [caption for line in lines if (caption := line.strip())]
    if not captions:
        raise CaptionError(skips.EMPTY_CAPTION)
    if any(len(caption) > MAX_CHARACTERS for caption in captions):
        raise CaptionError(skips.CAPTION_TOO_LONG)
    return captions


def _from_json(text: str) -> list[str]:
    try:
        content: Any = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise CaptionError(skips.CAPTION_JSON) from error
    if not isinstance(content, dict):
        raise CaptionError(skips.CAPTION_JSON)
    captions: Any = content.get("captions", content.get("caption"))
    captions = [captions] if isinstance(captions, str) else captions
    if not isinstance(captions, list) or not all(isinstance(c, str) for c in captions):
        raise CaptionError(skips.CAPTION_JSON)
    return captions
