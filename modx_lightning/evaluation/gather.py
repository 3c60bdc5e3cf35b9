"""Collect rows that ranks hold in uneven numbers."""

import torch
import torch.distributed as dist
from torch import Tensor

from modx_lightning.distributed import gather_objects, world_size


def gather_rows(rows: Tensor) -> list[Tensor]:
    """Give every rank the rows of all ranks.

    Args:
        rows: This rank's, ``(n, D)``; ``n`` may differ from rank to rank and be 0.

    Returns:
        One tensor ``(n_r, D)`` per rank, in rank order.
    """
    if world_size() == 1:
        return [rows]
    shapes = gather_objects(tuple(rows.shape))
    longest = max(count for count, _ in shapes)
    width = max(width for _, width in shapes)  # a rank without samples does not know it
    padded = rows.new_zeros(longest, width)
    padded[: len(rows)] = rows if len(rows) else padded[:0]
    received = [torch.empty_like(padded) for _ in shapes]
    dist.all_gather(received, padded)
    return [part[:count] for part, (count, _) in zip(received, shapes, strict=True)]


def gather_interleaved(rows: Tensor) -> Tensor:
    """Put together what was dealt out as rows ``rank``, ``rank + world_size``, …: ``(N, D)``."""
    parts = gather_rows(rows)
    whole = parts[0].new_empty(sum(len(part) for part in parts), parts[0].shape[1])
    for rank, part in enumerate(parts):
        whole[rank :: len(parts)] = part
    return whole
