"""Architectures of every kind, small: a transformer, a ResNet with BatchNorm, a timm tower."""

import json

import pytest
import torch
from PIL import Image

from modx_lightning.models.load import load_clip
from tests.tiny_clip import MODEL_CFG, RESNET, TEXT, TIMM

ARCHITECTURES = {
    "vit": MODEL_CFG,
    "resnet": {"embed_dim": 16, "vision_cfg": RESNET, "text_cfg": TEXT},
    "timm": {"embed_dim": 16, "vision_cfg": TIMM, "text_cfg": TEXT, "custom_text": True},
}


@pytest.fixture(scope="session")
def architecture_files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("architectures")
    paths = {name: folder / f"{name}.json" for name in ARCHITECTURES}
    for name, path in paths.items():
        path.write_text(json.dumps(ARCHITECTURES[name]))
    return paths


@pytest.fixture
def build(architecture_files):
    """Build one of the architectures with random weights, and statistics that are not 0 and 1."""

    def build(name, **options):
        torch.manual_seed(0)
        model = load_clip(str(architecture_files[name]), **options)
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.1)
                module.running_var.uniform_(0.5, 1.5)
        return model

    return build


@pytest.fixture
def pictures():
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (3, 40, 50, 3), generator=generator, dtype=torch.uint8)
    return [Image.fromarray(picture.numpy()) for picture in pixels]


CAPTIONS = ["a red chair", "two lamps on a table", "an electronic part"]
