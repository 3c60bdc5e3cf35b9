import math

import pytest
import torch

from modx_lightning.evaluation import evaluator
from modx_lightning.evaluation.evaluator import Evaluator
from tests.evaluation.toys import ToyModel, ToySet, toy_captions

METRICS = {
    f"{direction}_{what}"
    for direction in ("image_to_text", "text_to_image")
    for what in ("R@1", "R@5", "R@10", "mean_rank", "median_rank")
} | {"mean_R@1", "mean_R@5", "mean_R@10"}


def test_every_set_gets_every_metric():
    scores = Evaluator([ToySet(toy_captions(20), "a"), ToySet(toy_captions(9), "b")], 4)(ToyModel())
    assert list(scores) == ["a", "b"]
    assert all(set(metrics) == METRICS for metrics in scores.values())
    assert all(math.isfinite(value) for metrics in scores.values() for value in metrics.values())


@pytest.mark.parametrize("batch_size", [1, 3, 7, 1000])
def test_scores_do_not_depend_on_the_batch_size(batch_size):
    data, model = ToySet(toy_captions(41)), ToyModel()
    assert Evaluator([data], batch_size)(model) == Evaluator([data], 16)(model)


def test_scores_equal_a_count_by_hand():
    captions = toy_captions(25)
    data, model = ToySet(captions), ToyModel().eval()
    texts = list(dict.fromkeys(text for own in captions for text in own))
    scores = model.encode_image(data.image) @ model.encode_text(model.tokenizer(texts)).T
    first = [texts[column] for column in scores.argmax(dim=1).tolist()]
    hits = sum(text in own for text, own in zip(first, captions, strict=True))
    first_image = scores.argmax(dim=0).tolist()
    found = sum(text in captions[image] for text, image in zip(texts, first_image, strict=True))
    ours = Evaluator([data], 8)(model)["toy"]
    assert ours["image_to_text_R@1"] == pytest.approx(100 * hits / 25)
    assert ours["text_to_image_R@1"] == pytest.approx(100 * found / len(texts))


def test_evaluation_runs_in_eval_mode_and_gives_the_modes_back():
    model = ToyModel().train()
    model.textual.eval()
    before = [part.training for part in model.modules()]
    evaluate = Evaluator([ToySet(toy_captions(20))], 8)
    assert evaluate(model) == evaluate(model)  # dropout would make two different ones
    assert [part.training for part in model.modules()] == before


def test_evaluation_draws_no_random_numbers_and_leaves_no_gradient():
    model = ToyModel()
    before = torch.get_rng_state()
    Evaluator([ToySet(toy_captions(20))], 8)(model)
    assert torch.equal(torch.get_rng_state(), before)
    assert all(parameter.grad is None for parameter in model.parameters())


def test_skipped_samples_and_sizes_are_kept_per_set():
    evaluate = Evaluator([ToySet([["a"], ["b"], ["a"]], "x", damaged=[1]), ToySet([["c"]], "y")], 2)
    evaluate(ToyModel())
    assert [skip.key for skip in evaluate.skipped["x"]] == ["1"]
    assert evaluate.skipped["y"] == ()
    assert evaluate.sizes == {"x": (2, 1), "y": (1, 1)}


def test_progress_names_the_set():
    told = []
    evaluate = Evaluator([ToySet([["a"], ["b"]])], 2, progress=lambda *args: told.append(args))
    evaluate(ToyModel())
    assert told == [("toy", 2), ("toy", 2)]


def test_progress_is_told_on_rank_0_only(monkeypatch):
    told = []
    evaluate = Evaluator([ToySet([["a"], ["b"]])], 2, progress=lambda *args: told.append(args))
    monkeypatch.setattr(evaluator, "rank", lambda: 1)
    evaluate(ToyModel())
    assert told == []


def test_diverged_model_is_refused_and_not_scored():
    model = ToyModel()
    with torch.no_grad():
        model.visual[0].weight.fill_(torch.nan)
    with pytest.raises(ValueError, match="3 of 3 image embeddings are NaN"):
        Evaluator([ToySet([["a"], ["b"], ["c"]])], 2)(model)


def test_settings_that_cannot_work_are_refused():
    with pytest.raises(ValueError, match="batch_size must be at least 1, got 0"):
        Evaluator([], 0)
    with pytest.raises(ValueError, match="different names"):
        Evaluator([ToySet([["a"]]), ToySet([["b"]])], 1)
