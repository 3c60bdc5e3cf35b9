"""What one of several ranks does: join the others, compare configs, run, leave."""

import atexit
import os
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch.distributed.elastic.multiprocessing.errors import record

from modx_lightning.reporting.console import log_to_console


@record
def run_rank(config: dict[str, Any]) -> None:
    """Join the process group and run ``config`` as one rank of it.

    Raises:
        ValueError: If the ranks were started with different configs.
    """
    log_to_console(rank=int(os.environ["RANK"]))
    _join(config)
    _check_same_config_everywhere(config["run"]["config_sha256"])
    from lightning.fabric.utilities.rank_zero import rank_zero_only

    from modx_lightning.runner import run

    # Lightning reads the rank when it is imported: in the fork server, before there were ranks.
    rank_zero_only.rank = dist.get_rank()  # pyright: ignore[reportFunctionMemberAccess]
    run(config)
    dist.barrier()  # rank 0 has written the last result before any rank is gone


def _join(config: dict[str, Any]) -> None:
    """Start the process group; a sweep under torchrun keeps it from job to job."""
    if dist.is_initialized():
        return
    local_ranks = int(os.environ["LOCAL_WORLD_SIZE"])
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    elif "OMP_NUM_THREADS" not in os.environ or os.environ["OMP_NUM_THREADS"] == "1":
        # torchrun sets one thread a rank; with idle cores that only makes a CPU run slower.
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // local_ranks))
    dist.init_process_group(
        "nccl" if torch.cuda.is_available() else "gloo",
        timeout=timedelta(minutes=config["launch"]["timeout_minutes"]),
    )
    atexit.register(_leave)


def _leave() -> None:
    if dist.is_initialized():
        dist.destroy_process_group()


def _check_same_config_everywhere(digest: str) -> None:
    digests: list[str] = [""] * dist.get_world_size()
    dist.all_gather_object(digests, digest)
    if len(set(digests)) > 1:
        raise ValueError(
            "the ranks were started with different configs: "
            + ", ".join(f"rank {rank} {value[:8]}" for rank, value in enumerate(digests))
            + ". Start every rank with the same command."
        )
