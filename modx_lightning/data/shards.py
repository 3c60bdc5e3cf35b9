"""From shard patterns in a config to the names of existing shards."""

import re
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

_SCHEME = re.compile(r"^[a-z][a-z0-9+.-]+:", re.IGNORECASE)  # two letters or more: not a drive
_GLOB = re.compile(r"[*?\[]")
_SHOWN = 8  # names listed in an error


class ShardError(ValueError):
    """A shard cannot be used at all; the message names it and says what to do."""


def expand(patterns: str | Sequence[str], root: str | Path = ".") -> list[str]:
    """List the shards that patterns stand for.

    Braces (``train-{00000..00009}.tar``) expand anywhere, ``*`` and ``?`` in local paths only.

    Args:
        patterns: Paths below ``root``, absolute paths, URLs, ``pipe:`` commands or
            ``asset:storefront/…`` for shards inside this package.
        root: A folder, a URL or ``asset:…`` that relative patterns start from.

    Returns:
        Absolute paths of existing files, and URLs as they are; in the order written, the matches
        of one glob sorted.

    Raises:
        FileNotFoundError: If a local pattern matches nothing.
        ShardError: If a pattern's braces do not match or nothing was given.
    """
    patterns = [patterns] if isinstance(patterns, str) else patterns
    found = [shard for p in patterns for text in _braces(p) for shard in _locate(text, str(root))]
    if not found:
        raise ShardError("expected at least one shard pattern, got none")
    return found


def is_remote(shard: str) -> bool:
    """Tell whether a shard is a URL or a command, not a local path."""
    return _SCHEME.match(shard) is not None


def _braces(pattern: str) -> list[str]:
    from braceexpand import UnbalancedBracesError  # type: ignore[attr-defined]
    from webdataset.shardlists import expand_urls

    try:
        return expand_urls(pattern)
    except UnbalancedBracesError as error:
        raise ShardError(f"the braces of shard pattern {pattern!r} do not match") from error


def _locate(pattern: str, root: str) -> list[str]:
    if not is_remote(pattern) and is_remote(root):
        pattern, root = f"{root.rstrip('/')}/{pattern}", "."
    if pattern.startswith("asset:"):
        pattern, root = pattern.removeprefix("asset:"), str(files("modx_lightning") / "assets")
    elif is_remote(pattern) and not pattern.startswith("file:"):
        return [pattern]
    pattern = re.sub(r"^file:(//)?", "", pattern)
    return _existing(pattern, Path(root).expanduser().absolute())


def _existing(pattern: str, root: Path) -> list[str]:
    """Match a pattern in a folder whose own name is never taken for a pattern."""
    pattern = str(Path(pattern).expanduser())
    path = root / pattern
    if path.is_file():
        return [str(path)]
    if _GLOB.search(pattern):
        # An absolute pattern starts at its own anchor, whatever the root.
        base = Path(path.anchor) if Path(pattern).is_absolute() else root
        if shards := sorted(str(p) for p in base.glob(pattern.lstrip("/")) if p.is_file()):
            return shards
    folder = path.parent
    while _GLOB.search(str(folder)) and folder != root:
        folder = folder.parent
    raise FileNotFoundError(f"no shard matches {pattern!r} in {root}; {_contents(folder)}")


def _contents(folder: Path) -> str:
    """Say what a folder holds, so that a typo is seen at once."""
    if not folder.is_dir():
        return f"the folder {folder} does not exist"
    names = sorted(entry.name for entry in folder.iterdir())
    if not names:
        return f"{folder} is empty"
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{folder} holds {', '.join(names[:_SHOWN])}{more}"
