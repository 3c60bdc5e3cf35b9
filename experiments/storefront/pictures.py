"""Decodes, shrinks and encodes pictures: 64 x 64 RGB WebP."""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

SIZE = 64
QUALITY = 82
_COARSE = 16


@dataclass(frozen=True)
class Picture:
    """A picture as it will be packed, with what near-duplicate search looks at.

    Args:
        webp: Encoded picture, ``SIZE`` x ``SIZE``, RGB.
        pixels: The same before encoding, coarse, ``(16, 16, 3)`` float32 in [0, 1].
        fine: The same before encoding, ``(SIZE, SIZE, 3)`` uint8.
        difference_hash: Sign of the horizontal brightness steps of a 9 x 8 version, 64 bits.
    """

    webp: bytes
    pixels: np.ndarray
    fine: np.ndarray
    difference_hash: int


def shrink(encoded: bytes) -> Picture:
    """Return the packed form of one source picture (any mode; transparency on white)."""
    image = Image.open(io.BytesIO(encoded))
    if image.mode != "RGB":
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        image = image.convert("RGB")
    small = image.resize((SIZE, SIZE), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    small.save(buffer, "WEBP", quality=QUALITY, method=6, use_sharp_yuv=True)
    coarse = np.asarray(small.resize((_COARSE, _COARSE), Image.Resampling.BOX), np.float32) / 255
    grey = np.asarray(small.convert("L").resize((9, 8), Image.Resampling.BOX), np.int16)
    bits = (grey[:, 1:] > grey[:, :-1]).ravel()
    return Picture(
        webp=buffer.getvalue(),
        pixels=coarse,
        fine=np.asarray(small),
        difference_hash=int(sum(1 << i for i, bit in enumerate(bits) if bit)),
    )
