"""The few things ranks tell each other; each works without a process group as one rank.

Convention that makes training on several ranks exact: every rank holds the same number of
rows and returns the mean over ITS OWN rows, scored against the columns of all ranks.
`DistributedDataParallel` averages the gradients over the ranks, and the mean of equal-sized
means is the mean over all rows, for the towers and for ``logit_scale`` alike.
"""

from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

T = TypeVar("T")


def rank() -> int:
    """Return the number of this process, 0 without a process group."""
    return dist.get_rank() if _connected() else 0


def world_size() -> int:
    """Return the number of processes, 1 without a process group."""
    return dist.get_world_size() if _connected() else 1


def row_offset(local_rows: int) -> int:
    """Return the column of this rank's first row among the gathered rows of all ranks."""
    return rank() * local_rows


def gather_with_gradient(x: Tensor) -> Tensor:
    """Concatenate the rows of all ranks, and let gradients flow back to each of them.

    Args:
        x: Rows of this rank, ``(B, ...)``; every rank must bring the same shape.

    Returns:
        ``(B * world_size, ...)``, rank 0's rows first; ``x`` itself on one rank. The gradient
        of a row is the SUM of what all ranks' losses send to it, so that every rank must run
        the backward pass, too.
    """
    if world_size() == 1:
        return x
    gathered: Tensor = _Gather.apply(x)  # pyright: ignore[reportAssignmentType]
    return gathered


def gather_objects(x: T) -> list[T]:
    """Return every rank's ``x`` (any picklable object), rank 0's first, on every rank."""
    if world_size() == 1:
        return [x]
    gathered: list[Any] = [None] * world_size()
    dist.all_gather_object(gathered, x)
    return gathered


def _connected() -> bool:
    return dist.is_available() and dist.is_initialized()


class _Gather(torch.autograd.Function):
    """All ranks' rows forward; sum over ranks, then this rank's slice, backward."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx.rows = len(x)
        x = x.contiguous()
        parts = [torch.empty_like(x) for _ in range(world_size())]
        dist.all_gather(parts, x)
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        # Cloned: `gradient` may be a buffer that autograd still hands to somebody else.
        gradient = gradient.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(gradient)
        start = row_offset(ctx.rows)
        return gradient[start : start + ctx.rows]


def barrier() -> None:
    """Wait until every rank has come here."""
    gather_objects(None)


def mean_over_ranks(x: Tensor) -> Tensor:
    """Return the mean of every rank's ``x``, without gradient, on every rank."""
    if world_size() == 1:
        return x
    x = x.detach().clone()
    dist.all_reduce(x)
    return x / world_size()
