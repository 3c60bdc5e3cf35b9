import json
from datetime import timedelta

import pytest
import torch
from lightning.pytorch.strategies import DDPStrategy

from modx_lightning.callbacks.finite import FiniteLossGuard, NonFiniteLossError


def test_a_loss_that_is_no_number_stops_before_the_step_and_names_the_samples(
    line, batches, trainer, tmp_path
):
    trainer(FiniteLossGuard(tmp_path), steps=2).fit(line, batches(4))
    good = [p.clone() for p in line.parameters()]
    line.__init__()  # the same start, but now the third batch is broken
    with pytest.raises(NonFiniteLossError, match=r"step 3 of the phase is nan\. Samples: 2-0, 2-1"):
        trainer(FiniteLossGuard(tmp_path)).fit(line, batches(4, broken=[2]))
    assert all(map(torch.equal, line.parameters(), good))
    written = json.loads((tmp_path / "nonfinite_batch.json").read_text())
    assert written["ranks"][0]["keys"] == ["2-0", "2-1", "2-2", "2-3"]


def test_all_batches_accumulated_into_the_step_are_named_eight_and_the_rest_counted(
    line, batches, trainer, tmp_path
):
    guard = FiniteLossGuard(tmp_path)
    with pytest.raises(
        NonFiniteLossError, match="3-0, 3-1, 3-2, 3-3, 4-0, 4-1, 4-2, 4-3 and 4 more"
    ):
        # broken is the first of the three batches of the second step
        trainer(guard, accumulate_grad_batches=3).fit(line, batches(6, broken=[3]))


def test_a_gradient_that_is_no_number_stops_too(line, batches, trainer, tmp_path):
    line.model[0].weight.register_hook(lambda gradient: gradient * torch.inf)
    with pytest.raises(NonFiniteLossError, match="step 1"):
        trainer(FiniteLossGuard(tmp_path)).fit(line, batches(4))


class OneBatchARank:
    """Two ranks, two loaders: batch 0 and batch 10, 1 and 11, …"""

    def __init__(self, batches):
        self.batches = batches

    def __len__(self):
        return 4

    def __iter__(self):
        rank = torch.distributed.get_rank()
        for i in range(4):
            yield self.batches(99).batch(10 * rank + i)


@pytest.mark.filterwarnings("ignore:.*use of fork")  # the cheapest second rank there is
def test_all_ranks_stop_when_one_has_a_bad_loss(line, batches, trainer, tmp_path, monkeypatch):
    honest = line.training_step

    def step(batch, batch_idx):  # the loss is bad on one rank and the gradient on none
        return honest(batch, batch_idx) + (torch.nan if batch.keys[0] == "11-0" else 0.0)

    monkeypatch.setattr(line, "training_step", step)
    # A rank that waits for the other is a failure, not a hang.
    ranks = DDPStrategy(start_method="fork", timeout=timedelta(seconds=30))
    two = trainer(FiniteLossGuard(tmp_path), devices=2, strategy=ranks)
    with pytest.raises(Exception, match="is (0|1)[.0-9]*, nan") as raised:
        two.fit(line, OneBatchARank(batches))
    assert "NonFiniteLossError" in str(raised.value)
    ranks = json.loads((tmp_path / "nonfinite_batch.json").read_text())["ranks"]
    assert [rank["keys"][0] for rank in ranks] == ["1-0", "11-0"]
