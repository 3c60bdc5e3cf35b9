"""Layouts that depend on the width they are printed at."""

from collections.abc import Callable, Iterable

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult


class FittedToWidth:
    """Something to print with rich, laid out when the width is known.

    Args:
        lay_out: From a width in characters to what is printed.
    """

    def __init__(self, lay_out: Callable[[int], Iterable[RenderableType]]) -> None:
        self._lay_out = lay_out

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from self._lay_out(options.max_width)
