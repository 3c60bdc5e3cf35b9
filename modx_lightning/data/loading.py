"""Worker processes of data loaders."""

import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

_SMALL = 20_000  # samples; below that, starting workers takes longer than they save on a CPU


def worker_count(workers: int | str, samples: int, world_size: int) -> int:
    """Turn the ``workers`` setting into a number of processes on this rank.

    Args:
        workers: A number, or ``"auto"``: none for small data on a CPU, else up to four, as the
            cores allow.
        samples: Samples that are going to be read.
        world_size: Number of ranks.

    Raises:
        ValueError: If ``workers`` is neither.
    """
    if isinstance(workers, int) and workers >= 0:
        return workers
    if workers != "auto":
        raise ValueError(f'expected workers to be "auto" or a number from 0 up, got {workers!r}')
    if samples < _SMALL and not torch.cuda.is_available():
        return 0
    ranks_here = int(os.environ.get("LOCAL_WORLD_SIZE", world_size))
    return min(4, len(os.sched_getaffinity(0)) // ranks_here)


class BatchLoader(DataLoader[Any]):
    """Reads what a list or sampler of batches says, in that order, with any number of workers.

    Workers start without warnings about forking. They only read files, decode pictures and
    tokenise: they take none of the locks that another thread of the parent may hold, which is
    what the warnings are about.

    Args:
        dataset: What batches refer to.
        batches: The items of each batch.
        collate: Makes a batch of items.
        workers: Worker processes; 0 reads in this process.
    """

    def __init__(
        self,
        dataset: Dataset[Any],
        batches: Iterable[list[Any]],
        collate: Callable[[Any], Any],
        workers: int,
    ) -> None:
        if workers:
            # Hugging Face tokenizers print a warning in each worker unless this is set before.
            os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        super().__init__(
            dataset,
            batch_sampler=batches,
            collate_fn=collate,
            num_workers=workers,
            persistent_workers=workers > 0,
            pin_memory=torch.cuda.is_available(),
        )

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*multi-threaded, use of fork.*", DeprecationWarning)
            return super().__iter__()
