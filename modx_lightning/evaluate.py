"""Measure any CLIP model: ``python -m modx_lightning.evaluate MODEL --data SHARDS …``."""

import argparse
import atexit
import json
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from modx_lightning.reporting.atomic import write_atomically
from modx_lightning.reporting.environment import environment
from modx_lightning.reporting.retrieval_table import retrieval_table

_EXAMPLE = "example: %(prog)s asset:base --data 'asset:storefront/furniture/test-*.tar.gz'"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print, and on request write, recall@k of a model on each data set."""
    options = _parser().parse_args(arguments)
    console = Console(highlight=False, quiet=int(os.environ.get("RANK", "0")) > 0)
    try:
        named = _named_patterns(options.data)
        content = _evaluate(options, named, console)
        if options.json is not None and not console.quiet:
            write_atomically(options.json, json.dumps(content, indent=1) + "\n")
    except (OSError, ValueError, RuntimeError) as error:  # what a wrong name, path or file raises
        Console(stderr=True, highlight=False).print(f"error: {error}", markup=False, soft_wrap=True)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m modx_lightning.evaluate", description=__doc__, epilog=_EXAMPLE
    )
    parser.add_argument(
        "model",
        help="a folder such as RUN/phases/03-food, asset:base, local-dir:…, hf-hub:… or a name",
    )
    parser.add_argument("--pretrained", help="weights of a named architecture: tag or file")
    parser.add_argument(
        "--data",
        action="append",
        required=True,
        metavar="[NAME=]SHARDS",
        help="WebDataset shards of one evaluation set; give it once per set",
    )
    parser.add_argument("--json", type=Path, help="write all scores to this file, too")
    parser.add_argument("--batch-size", type=int, default=256, help="default: %(default)s")
    parser.add_argument("--workers", default="auto", help="reading processes; default: %(default)s")
    parser.add_argument("--device", default="auto", help="default: a GPU if there is one")
    return parser


def _evaluate(
    options: argparse.Namespace, named: dict[str, str], console: Console
) -> dict[str, Any]:
    from modx_lightning.data.evaluation_set import EvaluationSet
    from modx_lightning.data.opening import ReadSettings, open_samples
    from modx_lightning.evaluation.evaluator import Evaluator
    from modx_lightning.models.load import load_clip

    _join_ranks()
    sets = [
        EvaluationSet(name, open_samples(f"{name}/test", pattern, ".", ReadSettings()))
        for name, pattern in named.items()
    ]
    workers = options.workers if options.workers == "auto" else int(options.workers)
    with Console(stderr=True).status("loading the model") as status:
        evaluate = Evaluator(
            sets,
            options.batch_size,
            workers,
            device=options.device,
            progress=lambda name, _: status.update(f"embedding {name}"),
        )
        scores = evaluate(load_clip(_model_name(options.model), options.pretrained))
    console.print(f"{options.model} {options.pretrained or ''}", soft_wrap=True)
    console.print(retrieval_table(scores, evaluate.sizes))
    return {
        "model": options.model,
        "pretrained": options.pretrained,
        "data": {
            name: {
                "shards": named[name],
                "images": evaluate.sizes[name][0],
                "texts": evaluate.sizes[name][1],
                "skipped": len(evaluate.skipped[name]),
            }
            for name in named
        },
        "scores": scores,
        "environment": environment(),
    }


def _join_ranks() -> None:
    """Share the work when ``torchrun`` has started several ranks."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        import torch
        import torch.distributed as dist

        if torch.cuda.is_available():
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
        atexit.register(dist.destroy_process_group)


def _model_name(model: str) -> str:
    """Let a phase folder be named by its path alone."""
    folder = Path(model)
    if not folder.is_dir():
        return model
    if not (folder / "open_clip_config.json").is_file():
        phases = sorted(str(path.parent) for path in folder.glob("**/open_clip_config.json"))
        raise ValueError(
            f"{folder} holds no open_clip_config.json; expected the folder of one model"
            + (f", such as {phases[-1]}" if phases else "")
        )
    return f"local-dir:{folder}"


def _named_patterns(data: Sequence[str]) -> dict[str, str]:
    """Split ``NAME=SHARDS``; without a name the folder of the shards is the name."""
    named: dict[str, str] = {}
    for entry in data:
        name, equals, pattern = entry.partition("=")
        if not equals or not re.fullmatch(r"[\w-]+", name):  # an = of the path, or none
            name, pattern = Path(entry).parent.name or Path(entry).name.split(".")[0], entry
        if name in named:
            raise ValueError(f"two sets are called {name!r}; name them: --data NAME={pattern}")
        named[name] = pattern
    return named


if __name__ == "__main__":
    sys.exit(main())
