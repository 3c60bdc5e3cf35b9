"""Karpathy's splits of COCO and Flickr30K: ``dataset_coco.json``, ``dataset_flickr30k.json``.

Format (https://cs.stanford.edu/people/karpathy/deepimagesent/): an object with ``images``; each
has ``split`` (train, restval, val or test), ``filename``, for COCO also ``filepath`` (the folder),
and ``sentences``, each with ``raw``. COCO's test split is "COCO 5K", Flickr30K's "Flickr30K 1K".
"""

import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from modx_lightning.data.readers.raw_sample import MalformedSourceError, RawSample, file_sample


def read_karpathy(annotations: Path, images: Path, splits: Collection[str]) -> Iterator[RawSample]:
    """Yield the pictures of some splits, in the order of the file.

    Args:
        annotations: The JSON file.
        images: Folder of the pictures; for COCO the one that holds ``train2014`` and ``val2014``.
        splits: Splits to read.

    Raises:
        MalformedSourceError: If the JSON is not in Karpathy's format.
        ValueError: If a split does not occur in it.
    """
    try:
        content: dict[str, Any] = json.loads(annotations.read_text(encoding="utf-8"))
        found = [
            (
                str(image["split"]),
                Path(image.get("filepath", "")) / image["filename"],
                [str(sentence["raw"]) for sentence in image["sentences"]],
            )
            for image in content["images"]
        ]
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise MalformedSourceError(
            f"{annotations} is no Karpathy split file ({type(error).__name__}: {error}); "
            "expected 'images' with 'split', 'filename' and 'sentences' with 'raw'"
        ) from error
    there = {split for split, _, _ in found}
    if unknown := sorted(set(splits) - there):
        raise ValueError(f"{annotations} has no split {unknown}; it has {sorted(there)}")
    for split, path, captions in found:
        if split in splits:
            yield file_sample(path.stem, captions, images / path)
