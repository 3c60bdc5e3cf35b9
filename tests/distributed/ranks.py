"""Run a function on several gloo ranks, each a process of its own."""

import multiprocessing

import torch
import torch.distributed as dist
import torch.multiprocessing as mp

# DDP imports torch._dynamo, which takes seconds: import once, in the server that forks the ranks.
SLOW_IMPORTS = ["torch._dynamo", "modx_lightning.methods.modx"]


def run_on_ranks(work, ranks, folder):
    """Call `work(folder)`, a module's function, on `ranks` ranks; raise if one of them does."""
    multiprocessing.get_context("forkserver").set_forkserver_preload(SLOW_IMPORTS)
    arguments = (ranks, str(folder), work)
    mp.start_processes(_enter, args=arguments, nprocs=ranks, start_method="forkserver")


def _enter(number, ranks, folder, work):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", f"file://{folder}/meet", rank=number, world_size=ranks)
    try:
        work(folder)
    finally:
        dist.destroy_process_group()
