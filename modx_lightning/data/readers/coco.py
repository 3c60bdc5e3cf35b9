"""COCO captions: ``captions_train2014.json`` beside a folder of pictures.

Format (https://cocodataset.org/#format-data): an object with ``images`` (each ``id``,
``file_name``) and ``annotations`` (each ``image_id``, ``caption``), about five captions a picture.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from modx_lightning.data.readers.raw_sample import MalformedSourceError, RawSample, file_sample


def read_coco(annotations: Path, images: Path) -> Iterator[RawSample]:
    """Yield the pictures of a COCO captions file in the order of its ``images``.

    Args:
        annotations: The JSON file.
        images: Folder of the pictures, such as ``train2014``.

    Raises:
        MalformedSourceError: If the JSON is not COCO's caption format.
    """
    try:
        content: dict[str, Any] = json.loads(annotations.read_text(encoding="utf-8"))
        captions: dict[int, list[str]] = {image["id"]: [] for image in content["images"]}
        for annotation in content["annotations"]:
            captions[annotation["image_id"]].append(annotation["caption"])
        names = [(image["id"], str(image["file_name"])) for image in content["images"]]
    except (KeyError, TypeError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise MalformedSourceError(
            f"{annotations} is not a COCO captions file ({type(error).__name__}: {error}); "
            "expected 'images' with 'id', 'file_name' and 'annotations' with 'image_id', 'caption'"
        ) from error
    for number, name in names:
        yield file_sample(Path(name).stem, captions[number], images / name)
