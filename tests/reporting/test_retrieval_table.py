import io

import pytest
from rich.console import Console

from modx_lightning.reporting.retrieval_table import retrieval_table

METRICS = [f"{d}_R@{k}" for d in ("image_to_text", "text_to_image", "mean") for k in (1, 5, 10)]


def printed(renderable, width):
    output = io.StringIO()
    Console(file=output, width=width, highlight=False).print(renderable)
    return output.getvalue()


@pytest.mark.parametrize("width", [80, 100, 200])
def test_perfect_scores_on_large_sets_fit_the_terminal(width):
    names = ["kitchen_and_garden", "kitchen_and_bath", "food"]
    scores = {name: dict.fromkeys(METRICS, 100.0) for name in names}
    text = printed(retrieval_table(scores, dict.fromkeys(names, (25_000, 99_999))), width)
    assert max(map(len, text.splitlines())) <= width
    assert text.count("100.0") == 3 * 7
    assert text.count("25000") == text.count("99999") == 3
    assert ("kitchen_and_garden" in text) == (width > 80)


def test_each_score_stands_under_its_name():
    scores = {"food": {metric: float(place) for place, metric in enumerate(METRICS)}}
    lines = printed(retrieval_table(scores, {"food": (7, 9)}), 80).splitlines()
    head = "recall % images texts I→T@1 @5 @10 T→I@1 @5 @10 mean@5"
    assert lines[1].split() == head.split()
    assert lines[3].split() == ["food", "7", "9", "0.0", "1.0", "2.0", "3.0", "4.0", "5.0", "7.0"]
