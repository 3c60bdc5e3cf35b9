"""Turn published image-text data into shards: ``python -m modx_lightning.prepare --help``."""

import argparse
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from modx_lightning.data.parts import contiguous_parts, random_parts
from modx_lightning.data.readers.coco import read_coco
from modx_lightning.data.readers.ecommerce_t2i import read_ecommerce_t2i
from modx_lightning.data.readers.karpathy import read_karpathy
from modx_lightning.data.readers.raw_sample import RawSample
from modx_lightning.data.readers.table import read_table
from modx_lightning.data.shard_list import add_to_index, read_index
from modx_lightning.data.shard_writer import WrittenSplit, existing_shards, write_shards
from modx_lightning.data.skips import count_reasons

_NAME = re.compile(r"[A-Za-z0-9_-]+")
_EPILOG = """Example, the phases and the test set of conf/stream/coco_to_flickr30k.yaml:
  python -m modx_lightning.prepare karpathy --annotations dataset_flickr30k.json \\
      --images flickr30k-images --splits train val --out data/flickr30k --name train --parts 5
  python -m modx_lightning.prepare karpathy --annotations dataset_flickr30k.json \\
      --images flickr30k-images --splits test --out data/flickr30k --name test
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    args = _parser().parse_args(arguments)
    console = Console(stderr=True, soft_wrap=True)
    try:
        splits = _prepare(args, console)
    except (ValueError, OSError) as error:
        console.print(f"error: {error}", style="red", markup=False, highlight=False)
        return 1
    console.print(_summary(splits))
    return 0


def _prepare(args: argparse.Namespace, console: Console) -> list[WrittenSplit]:
    if not _NAME.fullmatch(args.name):
        raise ValueError(f"expected --name of letters, digits, '-' and '_', got {args.name!r}")
    read_index(args.out)  # refuse a foreign one before hours of work, not after
    names = [args.name] if args.parts is None else _part_names(args.name, args.parts)
    present = [shard for name in names for shard in existing_shards(args.out, name)]
    if present and not args.force:
        raise FileExistsError(f"{present[0]} exists already; add --force to replace such shards")
    samples = list(args.read(args))
    parts = [samples] if args.parts is None else _parts(samples, args)
    with Progress(console=console) as progress:
        splits = [
            write_shards(
                _watched(part, name, progress),
                args.out,
                name,
                args.samples_per_shard,
                args.max_side,
            )
            for name, part in zip(names, parts, strict=True)
        ]
    source = {k: _plain(v) for k, v in vars(args).items() if k not in ("read", "force", "out")}
    add_to_index(args.out, splits, source)
    return splits


def _part_names(name: str, parts: int) -> list[str]:
    return [f"{name}-part-{number}" for number in range(1, parts + 1)]


def _parts(samples: list[RawSample], args: argparse.Namespace) -> list[list[RawSample]]:
    if args.part_order == "random":
        return random_parts(samples, args.parts, args.seed)
    return contiguous_parts(samples, args.parts)


def _watched(samples: list[RawSample], name: str, progress: Progress) -> Iterator[RawSample]:
    task = progress.add_task(name, total=len(samples))
    for sample in samples:
        yield sample
        progress.advance(task)


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value


def _summary(splits: list[WrittenSplit]) -> Table:
    table = Table("split", "shards", "samples", "captions", "MB", "skipped")
    for split in splits:
        skipped = ", ".join(f"{n} {reason}" for reason, n in count_reasons(split.skips).items())
        size = sum(shard.bytes for shard in split.shards) / 1e6
        counts = (len(split.shards), split.samples, split.captions)
        table.add_row(split.name, *(f"{n:,}" for n in counts), f"{size:,.1f}", skipped or "none")
    return table


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m modx_lightning.prepare",
        description="Turn published image-text data into WebDataset shards with an index.json.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    formats = parser.add_subparsers(metavar="FORMAT", required=True)

    def add(name: str, text: str, read: Callable[[argparse.Namespace], Iterator[RawSample]]) -> Any:
        command = formats.add_parser(name, help=text, description=text)
        command.set_defaults(format=name, read=read)
        _add_output_options(command)
        return command

    coco = add("coco", "COCO captions JSON", lambda a: read_coco(a.annotations, a.images))
    coco.add_argument("--annotations", type=Path, required=True, help="captions_train2014.json")
    coco.add_argument("--images", type=Path, required=True, help="folder of the pictures")

    karpathy = add(
        "karpathy",
        "Karpathy's dataset_coco.json or dataset_flickr30k.json",
        lambda a: read_karpathy(a.annotations, a.images, a.splits),
    )
    karpathy.add_argument("--annotations", type=Path, required=True, help="dataset_*.json")
    karpathy.add_argument("--images", type=Path, required=True, help="folder of the pictures")
    karpathy.add_argument("--splits", nargs="+", required=True, help="train, restval, val, test")

    shop = add(
        "ecommerce_t2i",
        "ECommerce-T2I (M6, MUGE): T2I_*.img.tsv and T2I_*.text.tsv",
        lambda a: read_ecommerce_t2i(a.images, a.texts),
    )
    shop.add_argument("--images", type=Path, required=True, help="T2I_train.img.tsv")
    shop.add_argument("--texts", type=Path, required=True, help="T2I_train.text.tsv, or .jsonl")

    table = add(
        "csv",
        "a CSV or TSV with picture paths and captions",
        lambda a: read_table(a.table, a.images, a.image_column, a.caption_column, a.delimiter),
    )
    table.add_argument("--table", type=Path, required=True, help="file with a header line")
    table.add_argument("--images", type=Path, default=Path(), help="folder that paths start from")
    table.add_argument("--image-column", default="filepath", help="default: %(default)s")
    table.add_argument("--caption-column", default="title", help="default: %(default)s")
    table.add_argument("--delimiter", help="default: tab for .tsv, comma otherwise")
    return parser


def _add_output_options(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("--out", type=Path, required=True, help="folder of the shards and their index.json")
    add("--name", required=True, help="shards are called NAME-00000.tar, NAME-00001.tar, …")
    add("--parts", type=int, help="divide into so many phases: NAME-part-1-00000.tar, …")
    add("--part-order", choices=("contiguous", "random"), default="contiguous")
    add("--seed", type=int, default=0, help="of --part-order random (default: %(default)s)")
    add("--samples-per-shard", type=int, default=5_000, help="default: %(default)s")
    add("--max-side", type=int, help="scale larger pictures down to so many pixels")
    add("--force", action="store_true", help="replace shards of the same name")


if __name__ == "__main__":
    sys.exit(main())
