import io
import zlib

import numpy as np
import pytest
from PIL import Image

from modx_lightning.data.pictures import (
    PictureError,
    PictureTooLargeError,
    check_picture_header,
    decode_picture,
)
from tests.data.shards_factory import damaged_picture, picture

LIMIT = 50_000_000


def saved(image, form, **options):
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def colour(data):
    """Colour of the middle of a decoded picture."""
    image = decode_picture(data, LIMIT)
    assert image.mode == "RGB"
    return image.getpixel((image.width // 2, image.height // 2))


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_formats_of_shards_are_decoded(form):
    np.testing.assert_allclose(colour(picture((200, 30, 30), form=form)), (200, 30, 30), atol=6)


def test_exif_orientation_is_applied():
    exif = Image.Exif()
    exif[0x0112] = 6  # turn right
    image = decode_picture(picture(size=(8, 6), form="JPEG", exif=exif), LIMIT)
    assert image.size == (6, 8)


def test_damaged_exif_does_not_lose_the_picture():
    data = picture(form="JPEG", exif=b"Exif\x00\x00MM\x00*\x00\x00\xff\xff broken")
    assert decode_picture(data, LIMIT).size == (8, 6)


def test_transparent_pixels_become_white():
    assert colour(picture((200, 30, 30, 0), mode="RGBA")) == (255, 255, 255)
    assert colour(picture((200, 30, 30, 255), mode="RGBA")) == (200, 30, 30)
    assert colour(picture((80, 0), mode="LA")) == (255, 255, 255)


def test_palette_with_transparency_is_put_on_white():
    image = Image.new("P", (8, 6), 1)
    image.putpalette([0, 0, 0, 200, 30, 30])
    assert colour(saved(image, "PNG")) == (200, 30, 30)
    assert colour(saved(image, "PNG", transparency=1)) == (255, 255, 255)
    assert colour(saved(image, "PNG", transparency=b"\xff\x00")) == (255, 255, 255)


def test_grey_and_16_bit_are_scaled_to_8_bit():
    assert colour(picture(77, mode="L")) == (77, 77, 77)
    deep = Image.fromarray(np.full((6, 8), 0x8000, dtype=np.uint16))
    assert colour(saved(deep, "PNG")) == (128, 128, 128)


def test_black_and_white_is_decoded():
    assert colour(picture(1, mode="1")) == (255, 255, 255)


def test_cmyk_is_decoded():
    data = picture((0, 255, 255, 0), form="JPEG", mode="CMYK")
    np.testing.assert_allclose(colour(data), (255, 0, 0), atol=3)


@pytest.mark.parametrize("form", ["WEBP", "PNG", "GIF"])
def test_of_an_animation_the_first_frame_is_taken(form):
    frames = [Image.new("RGB", (8, 6), c) for c in ("red", "blue")]
    data = saved(frames[0], form, save_all=True, append_images=frames[1:])
    np.testing.assert_allclose(colour(data), (255, 0, 0), atol=4)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not a picture",
        damaged_picture(),
        picture(size=(64, 64))[:60],
        picture(form="WEBP", size=(64, 64))[:30],
        picture(form="TIFF"),  # not a format of the web: its parser is never reached
    ],
)
def test_damaged_or_foreign_bytes_raise(data):
    with pytest.raises(PictureError):
        decode_picture(data, LIMIT)


def bomb(side):
    """A PNG header that announces a huge picture, without one."""
    data = bytearray(picture(0, mode="L"))
    data[16:24] = side.to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    return bytes(data)


@pytest.mark.parametrize("side", [8_000, 10_000, 60_000])
def test_pixel_bomb_is_refused_by_its_header(side):
    with pytest.raises(PictureTooLargeError):
        check_picture_header(io.BytesIO(bomb(side)), LIMIT)
    with pytest.raises(PictureTooLargeError):
        decode_picture(bomb(side), LIMIT)
