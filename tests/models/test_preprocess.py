"""Pictures as bytes, normalised on the device, equal to open_clip's own pipeline."""

import pickle

import pytest
import torch
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image

from modx_lightning.models.preprocess import Normalize, image_transform
from tests.tiny_clip import PREPROCESS_CFG


def picture(width, height):
    generator = torch.Generator().manual_seed(width)
    pixels = torch.randint(0, 256, (height, width, 3), generator=generator, dtype=torch.uint8)
    return Image.fromarray(pixels.numpy())


@pytest.mark.parametrize("resize_mode", ["shortest", "longest", "squash"])
@pytest.mark.parametrize("size", [16, (16, 16), (16, 24)])
def test_bytes_then_normalise_equals_open_clips_transform(resize_mode, size):
    cfg = {**PREPROCESS_CFG, "size": size, "resize_mode": resize_mode}
    image = picture(50, 30)
    image_bytes = image_transform(cfg)(image)
    assert image_bytes.dtype == torch.uint8
    ours = Normalize(cfg["mean"], cfg["std"])(image_bytes)
    theirs = image_transform_v2(PreprocessCfg(**cfg), is_train=False)(image)
    assert torch.equal(ours, theirs)


def test_picture_of_another_mode_becomes_rgb():
    assert image_transform(PREPROCESS_CFG)(Image.new("L", (40, 20))).shape == (3, 16, 16)


def test_float_batch_counts_as_normalised():
    image = torch.randn(2, 3, 16, 16)
    assert Normalize([0.5] * 3, [0.5] * 3)(image) is image


def test_half_precision_of_the_model_does_not_round_the_pixels():
    image = torch.randint(0, 256, (2, 3, 4, 4), dtype=torch.uint8)
    normalize = Normalize(PREPROCESS_CFG["mean"], PREPROCESS_CFG["std"])
    before = normalize(image)
    assert torch.equal(normalize.to(torch.bfloat16)(image), before)


def test_transform_travels_to_data_workers():
    transform = image_transform(PREPROCESS_CFG)
    image = picture(20, 20)
    assert torch.equal(pickle.loads(pickle.dumps(transform))(image), transform(image))


def test_unexpected_transform_is_refused(monkeypatch):
    monkeypatch.setattr(
        "open_clip.transform.image_transform_v2",
        lambda cfg, is_train: torch.nn.Sequential(),
        raising=True,
    )
    monkeypatch.setattr(torch.nn.Sequential, "transforms", [], raising=False)
    with pytest.raises(ValueError, match="install open_clip_torch"):
        image_transform(PREPROCESS_CFG)
