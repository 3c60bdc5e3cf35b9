"""CSV and TSV tables with a column of picture paths and a column of captions."""

import csv
import sys
from collections.abc import Iterator
from pathlib import Path

from modx_lightning.data.readers.raw_sample import MalformedSourceError, RawSample, file_sample


def read_table(
    table: Path, images: Path, image_column: str, caption_column: str, delimiter: str | None = None
) -> Iterator[RawSample]:
    """Yield the pictures of a table; rows of the same picture give it several captions.

    Args:
        table: A file with a header line, UTF-8.
        images: Folder that the paths in the table start from.
        image_column: Name of the column of paths.
        caption_column: Name of the column of captions.
        delimiter: What separates columns; None is a tab for ``.tsv`` and a comma otherwise.

    Raises:
        MalformedSourceError: If a column is missing or the file cannot be read as a table.
    """
    captions: dict[str, list[str]] = {}
    csv.field_size_limit(sys.maxsize)  # the default refuses long descriptions
    separator = delimiter or ("\t" if table.suffix == ".tsv" else ",")
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file, delimiter=separator)
            _check_columns(table, rows.fieldnames, (image_column, caption_column))
            for row in rows:
                captions.setdefault(row[image_column] or "", []).append(row[caption_column] or "")
    except (csv.Error, UnicodeDecodeError) as error:
        raise MalformedSourceError(f"cannot read {table} as a table: {error}") from error
    for name, texts in captions.items():
        yield file_sample(str(Path(name).with_suffix("")), texts, images / name)


def _check_columns(table: Path, there: object, wanted: tuple[str, str]) -> None:
    columns = [str(name) for name in there] if isinstance(there, list | tuple) else []
    for name in wanted:
        if name not in columns:
            raise MalformedSourceError(f"{table} has no column {name!r}; it has {columns}")
