"""ECommerce-T2I, the product pictures of the M6 / MUGE release (Alibaba).

``T2I_<split>.img.tsv`` has a line ``<image id> TAB <picture, base64>`` for each product and
``T2I_<split>.text.tsv`` a line ``<image id> TAB <description>``. The task's page decodes pictures
with ``base64.urlsafe_b64decode``; files with the plain alphabet exist too, so both are read. Texts
may also come as the ``.jsonl`` of Chinese-CLIP: ``{"text": …, "image_ids": […]}`` a line. Train
has 90,000 products and val 5,000, the "EC 5K test" of papers: the official test has no pictures.
"""

import base64
import binascii
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from modx_lightning.data.readers.raw_sample import MalformedSourceError, RawSample

_URL_SAFE = bytes.maketrans(b"-_", b"+/")


def read_ecommerce_t2i(images: Path, texts: Path) -> Iterator[RawSample]:
    """Yield the products in the order of the picture file; pictures stay there until read.

    A picture without a description has no captions, which the shard writer counts as a skip.

    Args:
        images: The ``.img.tsv``.
        texts: The ``.text.tsv``, or a ``.jsonl``.

    Raises:
        MalformedSourceError: If a line of either file is not in the format above.
    """
    captions = _read_jsonl(texts) if texts.suffix == ".jsonl" else _read_tsv(texts)
    with images.open("rb") as file:
        start = 0
        for number, line in enumerate(file, start=1):
            image_id, tab, picture = line.rstrip(b"\r\n").partition(b"\t")
            if not tab:
                raise MalformedSourceError(
                    f"{images}, line {number}: expected '<image id> TAB <base64>', got no tab"
                )
            key = image_id.decode("utf-8", "backslashreplace")
            read = partial(_picture, images, start + len(image_id) + 1, len(picture))
            yield RawSample(key, captions.get(key, []), read)
            start += len(line)


def _picture(file: Path, offset: int, size: int) -> bytes:
    with file.open("rb") as stream:
        stream.seek(offset)
        text = stream.read(size).translate(_URL_SAFE)
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except binascii.Error as error:
        raise ValueError(f"picture is not base64: {error}") from error


def _read_tsv(file: Path) -> dict[str, list[str]]:
    captions: dict[str, list[str]] = {}
    for number, line in enumerate(_lines(file), start=1):
        image_id, tab, text = line.partition("\t")
        if not tab:
            raise MalformedSourceError(
                f"{file}, line {number}: expected '<image id> TAB <description>', got {line[:60]!r}"
            )
        captions.setdefault(image_id, []).append(text)
    return captions


def _read_jsonl(file: Path) -> dict[str, list[str]]:
    captions: dict[str, list[str]] = {}
    for number, line in enumerate(_lines(file), start=1):
        try:
            entry = json.loads(line)
            for image_id in entry["image_ids"]:
                captions.setdefault(str(image_id), []).append(str(entry["text"]))
        except (KeyError, TypeError, json.JSONDecodeError) as error:
            raise MalformedSourceError(
                f"{file}, line {number}: expected an object with 'text' and 'image_ids', got "
                f"{line[:60]!r}"
            ) from error
    return captions


def _lines(file: Path) -> list[str]:
    """Split at line feeds only: descriptions may hold other marks that Python takes for one."""
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MalformedSourceError(f"{file} is not UTF-8 text: {error}") from error
    return [line.removesuffix("\r") for line in text.split("\n") if line.strip()]
