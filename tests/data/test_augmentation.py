import numpy as np
import pytest
from PIL import Image

from modx_lightning.data.augmentation import RandomResizedCropFlip


@pytest.fixture
def image():
    return Image.fromarray(np.arange(40 * 60 * 3, dtype=np.uint8).reshape(40, 60, 3))


def test_the_same_words_give_the_same_picture(image):
    augment = RandomResizedCropFlip(scale=(0.3, 0.9))
    first, second = augment(image, 0, "red", 1), augment(image, 0, "red", 1)
    assert first.size == second.size
    assert first.tobytes() == second.tobytes()
    assert augment(image, 0, "red", 2).tobytes() != first.tobytes()


def test_area_and_shape_stay_in_range(image):
    augment = RandomResizedCropFlip(scale=(0.3, 0.6), ratio=(0.8, 1.25))
    sizes = [augment(image, epoch).size for epoch in range(200)]
    areas = [w * h / (60 * 40) for w, h in sizes]
    assert min(areas) > 0.27
    assert max(areas) < 0.64
    assert max(areas) - min(areas) > 0.2
    assert all(0.75 < w / h < 1.35 for w, h in sizes)


def test_about_half_are_mirrored(image):
    augment = RandomResizedCropFlip(scale=(1.0, 1.0), ratio=(1.5, 1.5))
    mirrored = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT).tobytes()
    results = [augment(image, epoch).tobytes() for epoch in range(200)]
    assert set(results) == {mirrored, image.tobytes()}
    assert 70 < results.count(mirrored) < 130


@pytest.mark.parametrize(
    "options",
    [{"scale": (0.0, 1.0)}, {"scale": (0.9, 0.5)}, {"ratio": (0.0, 1.0)}, {"flip": 1.5}],
)
def test_impossible_ranges_raise(options):
    with pytest.raises(ValueError, match="expected"):
        RandomResizedCropFlip(**options)
