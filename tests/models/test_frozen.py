"""A teacher that nothing can wake, see, save or train."""

import pytest
import torch
from torch import nn

from modx_lightning.models.frozen import FrozenCopy
from modx_lightning.models.local_dir import save_local_dir
from tests.tiny_clip import tiny_clip


@pytest.fixture
def parent():
    parent = nn.Module()
    parent.student = nn.Linear(2, 2)
    parent.teacher = FrozenCopy(nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5), nn.BatchNorm1d(2)))
    return parent


def test_parent_cannot_wake_the_copy(parent):
    parent.train()
    image = torch.randn(5, 2)
    assert not parent.teacher.training
    assert torch.equal(parent.teacher(image), parent.teacher(image))


def test_statistics_of_the_copy_stand_still():
    norm = nn.BatchNorm1d(2)
    copy = FrozenCopy(norm).train()
    assert torch.equal(copy(torch.full((3, 2), 7.0)), norm.eval()(torch.full((3, 2), 7.0)))


def test_copy_is_invisible_to_optimizers_checkpoints_and_ddp(parent):
    names = [name for name, _ in parent.named_parameters()]
    assert names == ["student.weight", "student.bias"]
    assert list(parent.state_dict()) == names
    assert list(parent.buffers()) == []
    assert [name for name, _ in parent.named_modules()] == ["", "student", "teacher"]


def test_copy_cannot_be_made_trainable_through_its_parent(parent):
    parent.requires_grad_(True)
    assert not parent.teacher(torch.ones(2, 2)).requires_grad


def test_copy_does_not_follow_the_original():
    original = nn.Linear(2, 2)
    copy = FrozenCopy(original)
    before = copy(torch.ones(1, 2))
    nn.init.zeros_(original.weight)
    assert torch.equal(copy(torch.ones(1, 2)), before)
    assert original.weight.requires_grad


def test_copy_moves_with_its_parent(parent):
    parent.to(torch.float64)
    assert parent.teacher(torch.ones(2, 2, dtype=torch.float64)).dtype == torch.float64


def test_students_graph_can_use_what_the_copy_returns():
    weight = torch.ones(2, requires_grad=True)
    taught = FrozenCopy(nn.Linear(2, 2))(torch.ones(2))
    (weight * taught).sum().backward()
    assert torch.equal(weight.grad, taught)


def test_copy_from_a_folder_embeds_as_the_saved_model(tmp_path):
    model = tiny_clip()
    sha256 = save_local_dir(model, tmp_path / "00-initial")
    copy = FrozenCopy.from_folder(tmp_path / "00-initial", sha256)
    image = torch.randint(0, 256, (2, 3, 16, 16), dtype=torch.uint8)
    text = model.tokenizer(["one", "two"])
    out, expected = copy(image, text), model(image, text)
    assert torch.allclose(out.image, expected.image, atol=1e-6)
    assert torch.allclose(out.text, expected.text, atol=1e-6)
    assert not out.image.requires_grad
    assert not out.logit_scale.requires_grad


def test_folder_that_changed_is_refused(tmp_path):
    sha256 = save_local_dir(tiny_clip(0), tmp_path / "model")
    save_local_dir(tiny_clip(1), tmp_path / "model")
    with pytest.raises(ValueError, match=f"expected SHA-256 {sha256}, found"):
        FrozenCopy.from_folder(tmp_path / "model", sha256)


def test_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no saved model in .*nowhere"):
        FrozenCopy.from_folder(tmp_path / "nowhere", "0" * 64)
