"""The contract itself: fine-tuning, and the state that names the model a phase started from."""

from pathlib import Path

import pytest
import torch

from modx_lightning.batch import Batch
from modx_lightning.losses.contrastive import contrastive_loss
from modx_lightning.methods.base import ContinualMethod
from modx_lightning.methods.modx_release import ModXRelease
from modx_lightning.methods.phase import Phase
from modx_lightning.models.load import load_clip
from modx_lightning.models.local_dir import save_local_dir
from tests.tiny_clip import tiny_clip


def started(sha256):
    method = ContinualMethod()
    method.on_phase_start(tiny_clip(), Phase(1, "furniture", 3, Path("phases/00"), sha256))
    return method


def test_fine_tuning_is_the_contrastive_loss_and_nothing_else():
    model = tiny_clip()
    image = torch.randint(0, 256, (4, 3, 16, 16), dtype=torch.uint8)
    text = model.tokenizer(["a", "b", "c", "d"])
    out = model(image, text)
    terms = ContinualMethod().compute_loss(model, Batch(image, text, list("abcd")), out)
    assert terms == {"contrastive": contrastive_loss(*out)}


def test_checkpoint_names_the_model_by_hash_and_loads_safely(tmp_path):
    torch.save(started("abc").state_dict(), tmp_path / "state.ckpt")
    state = torch.load(tmp_path / "state.ckpt", weights_only=True)
    assert state == {"_extra_state": {"teacher_sha256": "abc"}}
    started("abc").load_state_dict(state)


def test_checkpoint_of_another_model_is_refused():
    with pytest.raises(ValueError, match=r"checkpoint of another model.*SHA-256 abc.*from xyz"):
        started("abc").load_state_dict(started("xyz").state_dict())


def test_method_that_has_not_started_takes_the_hash_of_the_checkpoint():
    method = ContinualMethod()
    method.load_state_dict(started("abc").state_dict())
    assert method.get_extra_state() == {"teacher_sha256": "abc"}


def test_teacher_has_the_precision_of_its_student(tmp_path):
    sha256 = save_local_dir(tiny_clip(), tmp_path / "00")
    student = load_clip(f"local-dir:{tmp_path}/00", precision="bf16")
    method = ModXRelease(alpha=1.0)
    method.on_phase_start(student, Phase(1, "furniture", 3, tmp_path / "00", sha256))
    image, text = torch.zeros(2, 3, 16, 16, dtype=torch.uint8), torch.ones(2, 16, dtype=torch.long)
    taught = method.teach(Batch(image, text, []))
    with torch.no_grad():
        known = student.eval()(image, text)
    assert torch.equal(taught.image, known.image)
    assert torch.equal(taught.text, known.text)


def test_teacher_is_dropped_when_the_phase_ends(tmp_path):
    model, method = tiny_clip(), ModXRelease(alpha=1.0)
    sha256 = save_local_dir(model, tmp_path / "00")
    phase = Phase(1, "furniture", 3, tmp_path / "00", sha256)
    method.on_phase_start(model, phase)
    method.on_phase_end(model, phase, [])
    assert method.teacher is None


def test_method_without_its_teacher_says_what_is_missing():
    model = tiny_clip()
    image, text = torch.zeros(2, 3, 16, 16), torch.zeros(2, 16, dtype=torch.long)
    with pytest.raises(RuntimeError, match="ModXRelease has no teacher: call on_phase_start"):
        ModXRelease(alpha=1.0).compute_loss(model, Batch(image, text, []), model(image, text))
