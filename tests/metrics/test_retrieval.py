import numpy as np
import pytest
import torch
import torch.nn.functional as F

from modx_lightning.metrics.retrieval import (
    TIE,
    RetrievalRanks,
    count_wrong,
    retrieval_ranks,
    summarize_ranks,
)
from modx_lightning.metrics.score_tiles import ScoreTiles


def slow_ranks(scores, right):
    """Ranks of the rows' queries by the definition, one candidate at a time."""
    ranks = []
    for row, own in zip(scores, right, strict=True):
        best = max(score for score, is_right in zip(row, own, strict=True) if is_right)
        above = [
            s for s, is_right in zip(row, own, strict=True) if not is_right and s >= best - TIE
        ]
        ranks.append(1 + len(above))
    return ranks


def right_matrix(pairs, images, texts):
    right = np.zeros((images, texts), dtype=bool)
    right[pairs[:, 0], pairs[:, 1]] = True
    return right


def pairs_of(captions_per_image, texts_in_common=0):
    """Each image its own texts, and the first text of some images shared with the next one."""
    pairs, text = [], 0
    for image, count in enumerate(captions_per_image):
        for _ in range(count):
            pairs.append((image, text))
            text += 1
    for image in range(texts_in_common):
        first = next(t for i, t in pairs if i == image)
        pairs.append((image + 1, first))
    return torch.tensor(pairs)


CASES = {
    "one caption": pairs_of([1] * 23),
    "several captions": pairs_of([5, 1, 3, 2, 5, 5, 1, 1, 4, 2, 3]),
    "equal captions": pairs_of([2, 1, 1, 2, 3, 1, 1, 2], texts_in_common=4),
    "one pair": pairs_of([1]),
}


def float_embeddings(pairs, seed):
    images, texts = int(pairs[:, 0].max()) + 1, int(pairs[:, 1].max()) + 1
    generator = torch.Generator().manual_seed(seed)
    image = torch.randn(images, 8, generator=generator)
    text = image[pairs[:, 0]] + torch.randn(len(pairs), 8, generator=generator)
    return F.normalize(image, dim=1), F.normalize(text[:texts], dim=1)


def tied_embeddings(pairs, seed):
    """Small integers: scores are exact, and most of them equal some other."""
    images, texts = int(pairs[:, 0].max()) + 1, int(pairs[:, 1].max()) + 1
    generator = torch.Generator().manual_seed(seed)
    draw = torch.randint(-1, 2, (images + texts, 3), generator=generator).float()
    return draw[:images], draw[images:]


@pytest.mark.parametrize("embeddings", [float_embeddings, tied_embeddings])
@pytest.mark.parametrize("pairs", CASES.values(), ids=CASES.keys())
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("tile", [1, 3, 7, 1024])
def test_ranks_equal_the_definition_whatever_the_tile(embeddings, pairs, seed, tile):
    image, text = embeddings(pairs, seed)
    scores = (image.double() @ text.double().T).numpy()
    right = right_matrix(pairs.numpy(), len(image), len(text))
    ranks = retrieval_ranks(image, text, pairs, tile=tile)
    assert ranks.image_to_text.tolist() == slow_ranks(scores, right)
    assert ranks.text_to_image.tolist() == slow_ranks(scores.T, right.T)


@pytest.mark.parametrize("parts", [1, 2, 3, 50])
def test_counts_of_the_parts_add_up_to_the_ranks(parts):
    pairs = CASES["equal captions"]
    image, text = tied_embeddings(pairs, seed=3)
    whole = retrieval_ranks(image, text, pairs, tile=2)
    counts = [count_wrong(image, text, pairs, part=p, parts=parts, tile=2) for p in range(parts)]
    assert torch.equal(sum(c.image_to_text for c in counts) + 1, whole.image_to_text)
    assert torch.equal(sum(c.text_to_image for c in counts) + 1, whole.text_to_image)


@pytest.mark.parametrize("k", [1, 5, 10])
def test_recall_is_the_share_of_queries_with_any_right_candidate_among_the_first_k(k):
    """As CLIP_benchmark scores retrieval: top k of the matrix, a hit if any of them is right."""
    pairs = pairs_of([5] * 40)
    image, text = float_embeddings(pairs, seed=7)
    right = torch.from_numpy(right_matrix(pairs.numpy(), 40, 200))
    scores = image @ text.T
    first_texts, first_images = scores.topk(k, dim=1).indices, scores.T.topk(k, dim=1).indices
    texts_hit = right.gather(1, first_texts).any(dim=1).double().mean() * 100
    images_hit = right.T.gather(1, first_images).any(dim=1).double().mean() * 100
    ours = summarize_ranks(retrieval_ranks(image, text, pairs, tile=16))
    assert ours[f"image_to_text_R@{k}"] == pytest.approx(float(texts_hit))
    assert ours[f"text_to_image_R@{k}"] == pytest.approx(float(images_hit))
    assert 0 < ours[f"image_to_text_R@{k}"] < 100 or k == 10
    assert ours[f"mean_R@{k}"] == pytest.approx(float(texts_hit + images_hit) / 2)


def test_worked_example_with_three_images_and_four_texts():
    # Image 0 has texts 0 and 1, image 1 text 2, image 2 text 3.
    scores = torch.tensor([[0.1, 0.8, 0.9, 0.0], [0.2, 0.3, 0.7, 0.6], [0.5, 0.4, 0.6, 0.3]])
    pairs = torch.tensor([[0, 0], [0, 1], [1, 2], [2, 3]])
    ranks = retrieval_ranks(torch.eye(3), scores.T, pairs)
    assert ranks.image_to_text.tolist() == [2, 1, 4]
    assert ranks.text_to_image.tolist() == [3, 1, 2, 2]


def test_model_that_embeds_everything_alike_finds_nothing():
    pairs = pairs_of([1] * 30)
    same = F.normalize(torch.ones(30, 4), dim=1)
    scores = summarize_ranks(retrieval_ranks(same, same, pairs))
    assert scores["mean_R@1"] == scores["mean_R@10"] == 0.0
    assert scores["image_to_text_mean_rank"] == 30


def test_twin_pictures_tie_in_spite_of_rounding():
    text = F.normalize(torch.tensor([[1.0, 2.0, 3.0], [3.0, -2.0, 1.0]]), dim=1)
    twin = torch.tensor([1.0, 2.1, 2.9])
    for noise in (-3e-7, 0.0, 3e-7):  # what another batch size does to an embedding
        image = F.normalize(torch.stack([twin, twin + noise]), dim=1)
        ranks = retrieval_ranks(image, text, torch.tensor([[0, 0], [1, 1]]))
        assert ranks.text_to_image.tolist() == [2, 2]
        ranks = retrieval_ranks(text, image, torch.tensor([[0, 0], [1, 1]]))
        assert ranks.image_to_text.tolist() == [2, 2]


def test_best_of_several_right_texts_counts_and_the_others_are_never_wrong():
    text = F.normalize(torch.tensor([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]]), dim=1)
    image = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    ranks = retrieval_ranks(image, text, torch.tensor([[0, 0], [0, 1], [1, 2]]))
    assert ranks.image_to_text.tolist() == [1, 1]


def test_text_of_several_images_is_found_by_any_of_them():
    image = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]])
    text = torch.tensor([[1.0, 0.0], [0.6, 0.8]])
    ranks = retrieval_ranks(image, text, torch.tensor([[0, 0], [1, 0], [2, 1]]))
    assert ranks.text_to_image.tolist() == [1, 1]
    assert ranks.image_to_text.tolist() == [1, 2, 1]


def test_summary_has_means_and_medians_of_both_directions():
    ranks = RetrievalRanks(torch.tensor([1, 2, 6, 11]), torch.tensor([1, 10, 4]))
    scores = summarize_ranks(ranks)
    assert scores == {
        "image_to_text_R@1": 25.0,
        "image_to_text_R@5": 50.0,
        "image_to_text_R@10": 75.0,
        "image_to_text_mean_rank": 5.0,
        "image_to_text_median_rank": 4.0,
        "text_to_image_R@1": pytest.approx(100 / 3),
        "text_to_image_R@5": pytest.approx(200 / 3),
        "text_to_image_R@10": 100.0,
        "text_to_image_mean_rank": 5.0,
        "text_to_image_median_rank": 4.0,
        "mean_R@1": pytest.approx((25 + 100 / 3) / 2),
        "mean_R@5": pytest.approx((50 + 200 / 3) / 2),
        "mean_R@10": 87.5,
    }


def test_half_precision_embeddings_are_compared_in_float32_under_autocast_too():
    pairs = pairs_of([1] * 50)
    image, text = (x.bfloat16() for x in float_embeddings(pairs, seed=5))
    expected = retrieval_ranks(image.float(), text.float(), pairs)
    with torch.autocast("cpu", torch.bfloat16):
        ranks = retrieval_ranks(image, text, pairs)
        also = retrieval_ranks(image.float(), text.float(), pairs)
    for one in (ranks, also):
        assert torch.equal(one.image_to_text, expected.image_to_text)
        assert torch.equal(one.text_to_image, expected.text_to_image)


def test_scores_are_computed_in_full_float32_and_the_setting_is_put_back(monkeypatch):
    pairs = pairs_of([1] * 3)
    seen, scores = [], ScoreTiles.scores

    def watched(self, index):
        seen.append(torch.get_float32_matmul_precision())
        return scores(self, index)

    monkeypatch.setattr(ScoreTiles, "scores", watched)
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    try:
        retrieval_ranks(*float_embeddings(pairs, seed=0), pairs)
        assert torch.get_float32_matmul_precision() == "high"
        assert set(seen) == {"highest"}
    finally:
        torch.set_float32_matmul_precision(before)


@pytest.mark.parametrize(
    ("image", "text", "pairs", "message"),
    [
        (torch.ones(2, 3), torch.ones(2, 4), [[0, 0], [1, 1]], r"got \(2, 3\), \(2, 4\)"),
        (torch.ones(0, 3), torch.ones(0, 3), torch.ones(0, 2), "at least one pair"),
        (torch.ones(2, 3), torch.ones(2, 3), [[0, 0, 1]], r"pairs \(N, 2\)"),
        (torch.ones(2, 3), torch.ones(2, 3), [[0, 0], [1, 1], [0, 0]], "some come twice"),
        (torch.ones(2, 3), torch.ones(2, 3), [[0, 0], [0, 1]], "every image, 0 to 1"),
        (torch.ones(2, 3), torch.ones(2, 3), [[0, 0], [1, 0]], "every text, 0 to 1"),
        (torch.ones(2, 3), torch.ones(2, 3), [[0, 0], [1, 2]], "every text, 0 to 1"),
        (torch.ones(2, 3), torch.ones(2, 3), [[0, 0], [-1, 1]], "every image, 0 to 1"),
        (torch.ones(2, 3) * torch.nan, torch.ones(2, 3), [[0, 0], [1, 1]], "2 of 2 image"),
        (
            torch.ones(2, 3),
            torch.tensor([[1.0], [torch.inf]]).expand(2, 3),
            [[0, 0], [1, 1]],
            "1 of",
        ),
    ],
)
def test_input_without_an_honest_rank_is_refused(image, text, pairs, message):
    with pytest.raises(ValueError, match=message):
        retrieval_ranks(image, text, torch.as_tensor(pairs))
