import json

import pytest

from modx_lightning.data.captions import CaptionError, parse_captions


def test_text_holds_a_caption_a_line():
    assert parse_captions(b"a chair\n\n  a red chair \r\n", "txt") == [
        "a chair",
        "a red chair",
    ]


def test_byte_order_mark_is_no_part_of_a_caption():
    assert parse_captions("\ufeffStuhl für zwei".encode(), "txt") == ["Stuhl für zwei"]


@pytest.mark.parametrize(
    ("content", "captions"),
    [({"caption": "a chair"}, ["a chair"]), ({"captions": ["a", "b"], "url": "x"}, ["a", "b"])],
)
def test_json_holds_one_or_several(content, captions):
    assert parse_captions(json.dumps(content).encode(), "json") == captions


@pytest.mark.parametrize(
    ("data", "suffix", "reason"),
    [
        (b"", "txt", "empty caption"),
        (b" \n\t\n", "txt", "empty caption"),
        (b"caf\xe9", "txt", "caption is not UTF-8"),
        (b"x" * 10_001, "txt", "caption longer than 10,000 characters"),
        (b"x\n" * 600_000, "txt", "caption longer than 10,000 characters"),
        (b'{"caption": ""}', "json", "empty caption"),
        (b'{"captions": []}', "json", "empty caption"),
        (b'{"title": "a chair"}', "json", "JSON member without a caption"),
        (b'{"captions": [1]}', "json", "JSON member without a caption"),
        (b'["a chair"]', "json", "JSON member without a caption"),
        (b"{", "json", "JSON member without a caption"),
        (b"[" * 100_000, "json", "JSON member without a caption"),
    ],
)
def test_unusable_caption_is_named(data, suffix, reason):
    with pytest.raises(CaptionError, match=f"^{reason}$"):
        parse_captions(data, suffix)


def test_longest_caption_is_kept():
    assert parse_captions(b"x" * 10_000, "txt") == ["x" * 10_000]
