"""Optional augmentation of training pictures, a pure function of the draw; none by default."""

import math

from PIL import Image

from modx_lightning.data.seeding import uniforms

_TRIES = 10  # as torchvision's RandomResizedCrop


class RandomResizedCropFlip:
    """Cut out a random part of a picture and mirror it half of the time.

    The model's own transform resizes the part to the input size afterwards.

    Args:
        scale: Smallest and largest share of the picture's area that is kept.
        ratio: Smallest and largest width / height of the part.
        flip: Probability of mirroring.

    Raises:
        ValueError: If a range is empty or out of bounds.
    """

    def __init__(
        self,
        scale: tuple[float, float] = (0.9, 1.0),  # open_clip's default for CLIP training
        ratio: tuple[float, float] = (3 / 4, 4 / 3),
        flip: float = 0.5,
    ) -> None:
        if not 0 < scale[0] <= scale[1] <= 1:
            raise ValueError(f"expected 0 < smallest scale <= largest scale <= 1, got {scale}")
        if not 0 < ratio[0] <= ratio[1]:
            raise ValueError(f"expected 0 < smallest ratio <= largest ratio, got {ratio}")
        if not 0 <= flip <= 1:
            raise ValueError(f"expected a probability of mirroring, got {flip}")
        self._scale, self._ratio, self._flip = tuple(scale), tuple(ratio), flip

    def __call__(self, image: Image.Image, *words: str | int) -> Image.Image:
        """Return the part of ``image`` that ``words`` decide on."""
        numbers = uniforms(4 * _TRIES + 1, *words, "augmentation").tolist()
        mirrored = numbers.pop() < self._flip
        for i in range(0, 4 * _TRIES, 4):
            box = self._box(image.size, *numbers[i : i + 4])
            if box is not None:
                image = image.crop(box)
                break
        return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if mirrored else image

    def _box(
        self, size: tuple[int, int], area: float, shape: float, left: float, top: float
    ) -> tuple[int, int, int, int] | None:
        """Map four numbers in [0, 1) to a box, or None if it would not fit into the picture."""
        kept = size[0] * size[1] * (self._scale[0] + area * (self._scale[1] - self._scale[0]))
        low, high = math.log(self._ratio[0]), math.log(self._ratio[1])
        ratio = math.exp(low + shape * (high - low))
        width, height = round(math.sqrt(kept * ratio)), round(math.sqrt(kept / ratio))
        if not (0 < width <= size[0] and 0 < height <= size[1]):
            return None
        x, y = int(left * (size[0] - width + 1)), int(top * (size[1] - height + 1))
        return x, y, x + width, y + height
