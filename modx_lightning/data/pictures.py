"""Compressed pictures of any kind to upright RGB, and their size without decoding them."""

import io
import warnings
from typing import IO

import numpy as np
from PIL import Image, ImageOps

# The formats of the web; Pillow's many others are never tried on untrusted bytes.
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")


class PictureError(ValueError):
    """The bytes are no picture that can be used."""


class PictureTooLargeError(PictureError):
    """The picture has more pixels than allowed."""


def check_picture_header(file: IO[bytes], max_pixels: int) -> None:
    """Read the header of a picture, and no more of it.

    Args:
        file: The compressed picture.
        max_pixels: Largest width times height allowed; Pillow itself refuses above 179 million.

    Raises:
        PictureTooLargeError: If the header announces more pixels than allowed.
        PictureError: If the header cannot be read.
    """
    image = _open(file)
    if image.width * image.height > max_pixels:
        raise PictureTooLargeError(
            f"{image.width} x {image.height} pixels are more than {max_pixels:,}"
        )


def decode_picture(data: bytes, max_pixels: int) -> Image.Image:
    """Decode a picture to RGB as a viewer shows it.

    The EXIF orientation is applied, transparency is put on white, 16-bit grey is scaled to 8 bit,
    and of an animation the first frame is taken.

    Args:
        data: The compressed picture.
        max_pixels: Largest width times height that is decoded.

    Raises:
        PictureError: If the picture is damaged or larger than ``max_pixels``.
    """
    check_picture_header(io.BytesIO(data), max_pixels)
    image = _open(io.BytesIO(data))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            image.load()
            return _to_rgb(_upright(image))
        except Exception as error:
            # Pillow's plugins let out whatever their parsers run into on damaged bytes: OSError,
            # SyntaxError, struct.error, IndexError, zlib.error, … There is no common base class.
            raise PictureError(f"cannot decode: {error}") from error


def _open(file: IO[bytes]) -> Image.Image:
    with warnings.catch_warnings():
        # Size is checked by the caller against max_pixels, which is the user's to set.
        warnings.simplefilter("ignore")
        try:
            return Image.open(file, formats=_FORMATS)
        except Image.DecompressionBombError as error:
            raise PictureTooLargeError(str(error)) from error
        except Exception as error:  # whatever plugins raise: see decode_picture
            raise PictureError(f"cannot read the header: {error}") from error


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:
        # A good picture with damaged EXIF data is still a good picture.
        return image


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode in ("I", "I;16", "I;16L", "I;16B"):
        wide = np.asarray(image).astype(np.int64)
        return Image.fromarray((wide.clip(0, 65_535) >> 8).astype(np.uint8)).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image.convert("RGB")
