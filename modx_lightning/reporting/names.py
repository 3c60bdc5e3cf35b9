"""Names that fit a column and still differ."""

from collections.abc import Sequence


def shorten(names: Sequence[str], width: int) -> list[str]:
    """Cut names that are longer than ``width``, at the end where that keeps them apart.

    Names that begin alike are cut at the front instead.

    Example:
        >>> shorten(["electronics", "food"], 7)
        ['electr…', 'food']
        >>> shorten(["home_kitchen", "home_bedroom"], 5)
        ['…chen', '…room']
    """
    short = [name if len(name) <= width else name[: width - 1] + "…" for name in names]
    if len(set(short)) == len(set(names)):
        return short
    return [name if len(name) <= width else "…" + name[len(name) - width + 1 :] for name in names]
