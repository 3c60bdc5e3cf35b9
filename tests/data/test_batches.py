from itertools import chain

import numpy as np
import pytest
import torch.distributed as dist

from modx_lightning.data.batches import EpochBatches, check_ranks_agree, steps_per_epoch
from modx_lightning.data.order import EpochOrder, Part


def batches(size=8, rank=0, world=1, samples=50):
    return EpochBatches(
        EpochOrder([Part(samples, samples)], np.array([0, samples]), 0, "red"), size, rank, world
    )


def numbers(batch):
    return [draw.number for draw in batch]


@pytest.mark.parametrize("world", [2, 4])
def test_ranks_together_read_the_batches_of_one_rank(world):
    whole = [numbers(batch) for batch in batches()]
    shares = [[numbers(b) for b in batches(rank=rank, world=world)] for rank in range(world)]
    assert all(len(share) == len(whole) for share in shares)
    assert [list(chain(*parts)) for parts in zip(*shares, strict=True)] == whole


def test_incomplete_last_batch_is_dropped_and_nothing_is_read_twice():
    read = [number for batch in batches() for number in numbers(batch)]
    assert len(read) == len(set(read)) == 48
    assert len(batches()) == 6


def test_draws_carry_the_epoch():
    epochs = batches()
    epochs.set_epoch(3)
    assert {draw.epoch for batch in epochs for draw in batch} == {3}


def test_an_epoch_can_begin_at_any_batch():
    whole, late = batches(), batches()
    whole.set_epoch(2)
    late.start_at(2, 4)
    late.set_epoch(2)  # as Lightning does before it reads
    assert list(late) == list(whole)[4:]
    assert len(late) == 6
    late.set_epoch(3)
    whole.set_epoch(3)
    assert list(late) == list(whole)


def test_begin_beyond_the_epoch_raises():
    with pytest.raises(ValueError, match="expected a step from 0 to 6, got 7"):
        batches().start_at(0, 7)


def test_batch_size_that_ranks_cannot_share_raises():
    with pytest.raises(ValueError, match=r"that 3 rank\(s\) can share evenly, got 8"):
        batches(world=3)


def test_fewer_samples_than_a_global_batch_raise_with_both_numbers():
    with pytest.raises(ValueError, match=r"epoch of 5 sample\(s\) .* one global batch of 8"):
        steps_per_epoch(5, 8)


def test_lightning_finds_where_to_set_the_epoch():
    assert batches().sampler.set_epoch


def test_one_process_has_nothing_to_compare():
    check_ranks_agree("red", 6, "digest")


@pytest.fixture
def process_group(tmp_path):
    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def test_ranks_that_agree_pass(process_group):
    check_ranks_agree("red", 6, "digest")


def test_ranks_that_differ_are_stopped(process_group, monkeypatch):
    def gather(plans, plan):
        plans[:] = [plan, (5, "0123456789")]

    monkeypatch.setattr(dist, "all_gather_object", gather)
    with pytest.raises(RuntimeError, match=r"phase 'red'.*\(6, 'digest'\), \(5, '01234567'\)"):
        check_ranks_agree("red", 6, "digest")
