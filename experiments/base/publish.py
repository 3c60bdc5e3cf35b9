"""Ship a trained base model: halve it, measure it, put it into the package's assets.

``python experiments/base/publish.py RUN_DIR``, after a run of ``+experiment=base``.
"""

import argparse
import json
import sys
from pathlib import Path

import torch

from modx_lightning.data.stream import Stream
from modx_lightning.evaluation.evaluator import Evaluator
from modx_lightning.models.clip import CLIP
from modx_lightning.models.load import load_clip
from modx_lightning.models.local_dir import save_local_dir
from modx_lightning.reporting.environment import environment

HERE = Path(__file__).parent
ASSET = HERE.parents[1] / "modx_lightning" / "assets" / "base"
SEED = Path("build/base_seed")
TRAINED_SHARE = 0.8  # best on validation of 0.4, 0.6, 0.8 and 1.0
SPLITS = ("validation", "test")
COLUMNS = ("image_to_text_R@1", "image_to_text_R@5", "text_to_image_R@1", "text_to_image_R@5")

sys.path.insert(0, str(HERE.parent))
from tables import filled  # noqa: E402 - a neighbour, not a package


def main() -> None:
    """Write the asset, ``result.json`` and the table of README.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="run folder of +experiment=base")
    run: Path = parser.parse_args().run
    trained = load_clip(f"local-dir:{run / 'phases' / '01-general'}")
    between(load_clip(f"local-dir:{SEED}"), trained)
    digest = save_local_dir(trained, ASSET, half=True)
    result = {
        "command": "make base",
        "sha256": digest,
        "bytes": sum(path.stat().st_size for path in ASSET.iterdir()),
        "environment": environment(),
        "scores": {
            "seed (untrained)": scores(f"local-dir:{SEED}"),
            "base (shipped)": scores("asset:base"),
        },
    }
    text = json.dumps(result, indent=1) + "\n"
    (HERE / "result.json").write_text(text, encoding="utf-8")
    page = HERE / "README.md"
    page.write_text(filled(page.read_text(), "base", table(result)), encoding="utf-8")


@torch.no_grad()
def between(seed: CLIP, trained: CLIP) -> None:
    """Move ``trained`` back towards its seed: WiSE-FT, https://arxiv.org/abs/2109.01903."""
    start = dict(seed.network.named_parameters())
    for name, parameter in trained.network.named_parameters():
        parameter.copy_(torch.lerp(start[name], parameter, TRAINED_SHARE))


def scores(name: str) -> dict[str, dict[str, float]]:
    """Score a model on the general domain; the whole split is the gallery."""
    domains = [{"name": s, "test": f"general/{s}-*.tar.gz"} for s in SPLITS]
    unused = {"name": "general", "train": "general/train-*.tar.gz"}
    stream = Stream("asset:storefront", [unused], evaluation_only=domains)
    return Evaluator(stream.evaluation_sets, 256)(load_clip(name))


def table(result: dict) -> str:
    """One row for each model and split, in percent."""
    head = "| model | split | I→T R@1 | I→T R@5 | T→I R@1 | T→I R@5 | mean R@5 |"
    lines = [head, "|---|---|--:|--:|--:|--:|--:|"]
    for model, splits in result["scores"].items():
        for split, score in splits.items():
            cells = [f"{score[column]:.1f}" for column in (*COLUMNS, "mean_R@5")]
            lines.append(f"| {model} | {split} | " + " | ".join(cells) + " |")
    lines += ["", f"Size of the shipped folder: {result['bytes'] / 1e6:.1f} MB."]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
