"""CLIP models small enough for tests: `tiny_clip()` builds one in a fraction of a second."""

from copy import deepcopy

import open_clip
import torch
from open_clip.tokenizer import SimpleTokenizer

from modx_lightning.models.clip import CLIP

TEXT = {"context_length": 16, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1}
VIT = {"layers": 1, "width": 32, "head_width": 16, "patch_size": 8, "image_size": 16}
RESNET = {"layers": [1, 1, 1, 1], "width": 8, "head_width": 64, "image_size": 32}
TIMM = {
    "timm_model_name": "tf_efficientnet_lite0",
    "timm_pool": "avg",
    "timm_proj": "linear",
    "image_size": 64,
}

MODEL_CFG = {"embed_dim": 16, "vision_cfg": VIT, "text_cfg": TEXT}
PREPROCESS_CFG = {
    "size": 16,
    "mode": "RGB",
    "mean": [0.48145466, 0.4578275, 0.40821073],
    "std": [0.26862954, 0.26130258, 0.27577711],
    "interpolation": "bicubic",
    "resize_mode": "shortest",
    "fill_color": 0,
}
_TOKENIZER = SimpleTokenizer(context_length=16)


def tiny_clip(seed=0, **options):
    """A CLIP with a ViT of one layer: images 16 x 16, texts of 16 tokens, embeddings of 16 numbers.

    `options` are the keyword arguments of `modx_lightning.models.clip.CLIP`.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = open_clip.CLIP(**deepcopy(MODEL_CFG))
    return CLIP(network, deepcopy(MODEL_CFG), deepcopy(PREPROCESS_CFG), _TOKENIZER, **options)
