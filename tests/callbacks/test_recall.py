import random

import pytest
import torch

from modx_lightning.callbacks.recall import RecallAtK


def scores(model):
    """Evaluate as badly behaved as can be: turn every mode around and draw random numbers."""
    for module in model.modules():
        module.training = not module.training
    torch.randn(3), random.random()
    return {"furniture": {"mean_R@5": 35.5, "mean_R@1": 12.0}}


def test_scores_are_logged_every_second_epoch(line, batches, trainer):
    seen = []

    def evaluate(model):
        seen.append(t.global_step)
        return scores(model)

    recall = RecallAtK(evaluate, every_n_epochs=2)
    t = trainer(recall, steps=9)
    t.fit(line, batches(2))
    assert seen == [4, 8]
    assert recall.last == {"furniture": {"mean_R@5": 35.5, "mean_R@1": 12.0}}
    assert t.logged_metrics["val/furniture/mean_R@5"] == 35.5


@pytest.mark.filterwarnings("ignore:Found 1 module.s. in eval mode")  # on purpose
def test_training_goes_on_as_if_nobody_had_looked(line, batches, trainer):
    line.model[1].p = 0.5  # dropout: training draws random numbers, and has a mode
    line.model.append(torch.nn.BatchNorm1d(1).eval())
    torch.manual_seed(1)
    trainer(steps=4).fit(line, batches(2))
    expected = [p.clone() for p in line.parameters()]

    line.__init__()
    line.model[1].p = 0.5
    line.model.append(torch.nn.BatchNorm1d(1).eval())
    torch.manual_seed(1)
    trainer(RecallAtK(scores), steps=4).fit(line, batches(2))
    assert all(map(torch.equal, line.parameters(), expected))
    assert line.model[1].training
    assert not line.model[3].training


def test_the_last_scores_survive_a_checkpoint():
    before, after = RecallAtK(scores), RecallAtK(scores)
    before.last = {"furniture": {"mean_R@5": 35.5}}
    after.load_state_dict(before.state_dict())
    assert after.last == before.last
