"""Cosine rows: values by hand, precision, shapes."""

import pytest
import torch

from modx_lightning.losses.rows import cosine_rows


def test_each_row_scores_one_query_against_every_candidate():
    image = torch.tensor([[1.0, 0.0], [0.6, 0.8]])
    text = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    rows = cosine_rows(image, text)
    assert torch.allclose(rows.image_to_text, torch.tensor([[0.0, 1.0], [0.8, 0.6]]))
    assert torch.equal(rows.text_to_image, rows.image_to_text.T)
    assert rows.targets.tolist() == [0, 1]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_cosines_are_float32_whatever_comes_in(dtype):
    rows = cosine_rows(torch.eye(3, dtype=dtype), torch.eye(3, dtype=dtype))
    assert rows.image_to_text.dtype == rows.text_to_image.dtype == torch.float32


def test_autocast_does_not_round_the_cosines():
    generator = torch.Generator().manual_seed(0)
    image, text = torch.randn(2, 5, 64, generator=generator)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rows = cosine_rows(image, text)
    assert torch.equal(rows.image_to_text, cosine_rows(image, text).image_to_text)
    assert rows.image_to_text.dtype == torch.float32


@pytest.mark.parametrize("text", [(3, 2), (4, 3), (3,)])
def test_shapes_that_do_not_fit_raise(text):
    with pytest.raises(ValueError, match=r"one shape \(B, D\), got \(3, 3\) and"):
        cosine_rows(torch.zeros(3, 3), torch.zeros(text))
