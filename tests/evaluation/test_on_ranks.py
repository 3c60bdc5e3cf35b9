"""Scores on 1, 2 and 3 gloo ranks are those of one process, image counts that do not divide.

The ranks import this file: keep it free of everything that is slow to import.
"""

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from modx_lightning.evaluation import evaluator
from modx_lightning.evaluation.evaluator import Evaluator
from modx_lightning.metrics.retrieval import count_wrong
from tests.evaluation.toys import ToyModel, ToySet, toy_captions


def sets():
    return [
        ToySet(toy_captions(41), "odd"),
        ToySet(toy_captions(40), "damaged", damaged=[3, 4, 39]),
        ToySet([["a", "b"], ["c"]], "two"),  # a third rank has nothing to read
        ToySet([["a"], ["a"], ["a"], ["a"]], "one text"),  # nor has a second one to embed
    ]


def evaluate_everything():
    """Scores and skips, with tiles small enough that every rank counts some."""
    evaluate = Evaluator(sets(), batch_size=5)
    scores = evaluate(ToyModel())
    return scores, evaluate.skipped, evaluate.sizes


def small_tiles(*args, **kwargs):
    return count_wrong(*args, **kwargs, tile=8)


def run_rank(rank, world_size, folder):
    torch.set_num_threads(1)
    store = dist.FileStore(str(folder / "store"), world_size)
    dist.init_process_group("gloo", store=store, rank=rank, world_size=world_size)
    evaluator.count_wrong = small_tiles
    torch.save(evaluate_everything(), folder / f"{rank}.pt")
    dist.destroy_process_group()


@pytest.mark.parametrize("world_size", [1, 2, 3])
def test_every_rank_gets_the_scores_of_one_process(world_size, tmp_path):
    expected = evaluate_everything()
    assert 0 < expected[0]["odd"]["mean_R@10"] < 100
    # One server imports torch, once for all ranks of all tests.
    mp.get_context("forkserver").set_forkserver_preload(["tests.evaluation.test_on_ranks"])
    mp.start_processes(run_rank, (world_size, tmp_path), world_size, start_method="forkserver")
    for rank in range(world_size):
        assert torch.load(tmp_path / f"{rank}.pt", weights_only=False) == expected
