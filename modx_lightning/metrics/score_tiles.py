"""The score matrix of images against texts as a grid of tiles, none of them kept."""

from collections.abc import Generator
from contextlib import contextmanager

import torch
from torch import Tensor


class ScoreTiles:
    """Blocks of the score matrix, each computed when asked for.

    The grid starts at (0, 0) whoever computes which tile, so a score always comes from a
    matrix product of the same shape: blocks of another shape may differ in the last bit.

    Args:
        image: Unit-norm embeddings, ``(I, D)`` float32.
        text: Unit-norm embeddings, ``(T, D)`` float32.
        pairs: Right (image, text) index pairs, ``(N, 2)``.
        tile: Rows and columns of a tile; the last ones of the grid are smaller.
    """

    def __init__(self, image: Tensor, text: Tensor, pairs: Tensor, tile: int) -> None:
        self.image, self.text, self.tile = image, text, tile
        self.grid_rows = -(-len(image) // tile)
        self.grid_columns = -(-len(text) // tile)
        owner = pairs[:, 0] // tile * self.grid_columns + pairs[:, 1] // tile
        owner, order = owner.sort()
        self.all_pairs = pairs[order]  # in the order of the tiles
        bounds = torch.arange(len(self) + 1, device=owner.device)
        self._bounds: list[int] = torch.searchsorted(owner, bounds).tolist()

    def __len__(self) -> int:
        return self.grid_rows * self.grid_columns

    def span(self, index: int) -> tuple[slice, slice]:
        row, column = divmod(index, self.grid_columns)
        return (
            slice(row * self.tile, (row + 1) * self.tile),
            slice(column * self.tile, (column + 1) * self.tile),
        )

    def scores(self, index: int) -> Tensor:
        rows, columns = self.span(index)
        return self.image[rows] @ self.text[columns].T

    def pairs(self, index: int) -> Tensor:
        return self.all_pairs[self._bounds[index] : self._bounds[index + 1]]


@contextmanager
def exact_float32(device: torch.device) -> Generator[None]:
    """No autocast and no TF32: either would give ranks of rounded scores."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.no_grad(), torch.autocast(device.type, enabled=False):
            yield
    finally:
        torch.set_float32_matmul_precision(before)
