"""InfoNCE against open_clip's own loss and against numbers one can work out by hand."""

import math

import pytest
import torch
import torch.nn.functional as F
from open_clip import ClipLoss

from modx_lightning.losses.contrastive import contrastive_loss


@pytest.fixture
def embeddings():
    generator = torch.Generator().manual_seed(0)
    image, text = F.normalize(torch.randn(2, 6, 5, generator=generator), dim=-1)
    return image.requires_grad_(), text.requires_grad_(), torch.tensor(14.3, requires_grad=True)


def test_value_and_gradients_equal_those_of_open_clip(embeddings):
    ours, theirs = contrastive_loss(*embeddings), ClipLoss()(*embeddings)
    assert torch.allclose(ours, theirs, rtol=1e-6)
    pairs = zip(
        torch.autograd.grad(ours, embeddings), torch.autograd.grad(theirs, embeddings), strict=True
    )
    assert all(torch.allclose(mine, other, rtol=1e-5, atol=1e-7) for mine, other in pairs)


def test_indifferent_model_loses_the_logarithm_of_the_batch_size():
    same = torch.tensor([[1.0, 0.0]]).expand(8, 2)
    assert contrastive_loss(same, same, torch.tensor(100.0)).item() == pytest.approx(math.log(8))


def test_perfect_model_loses_nothing():
    assert contrastive_loss(torch.eye(8), torch.eye(8), torch.tensor(100.0)) < 1e-6


def test_bfloat16_is_computed_in_float32(embeddings):
    image, text, scale = (x.detach().bfloat16() for x in embeddings)
    loss = contrastive_loss(image, text, scale)
    assert loss.dtype == torch.float32
    assert torch.equal(loss, contrastive_loss(image.float(), text.float(), scale.float()))


def test_autocast_changes_nothing(embeddings):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = contrastive_loss(*embeddings)
    assert torch.equal(inside, contrastive_loss(*embeddings))
