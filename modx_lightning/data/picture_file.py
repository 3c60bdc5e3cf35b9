"""Pictures as shards keep them."""

import io

from PIL import Image

from modx_lightning.data.pictures import check_picture_header, decode_picture

MAX_PIXELS = 50_000_000  # as Stream's default
_JPEG_QUALITY = 92
_SUFFIXES = {"JPEG": "jpg", "MPO": "jpg", "PNG": "png", "WEBP": "webp"}


def picture_file(data: bytes, max_side: int | None) -> tuple[bytes, str]:
    """Return a picture's bytes and the suffix they need.

    Untouched where possible: only a picture that is too large, or in a format that shards do not
    hold, is coded anew, upright and as RGB JPEG.

    Args:
        data: The compressed picture.
        max_side: Pixels of the longer side above which it is scaled down; None keeps it.

    Raises:
        PictureError: If it cannot be read or has more than 50 million pixels.
    """
    check_picture_header(io.BytesIO(data), MAX_PIXELS)
    with Image.open(io.BytesIO(data)) as image:
        suffix = _SUFFIXES.get(image.format or "")
        fits = max_side is None or max(image.size) <= max_side
    if suffix and fits:
        return data, suffix
    picture = decode_picture(data, MAX_PIXELS)
    if max_side is not None:
        picture.thumbnail((max_side, max_side), Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=_JPEG_QUALITY)
    return buffer.getvalue(), "jpg"
