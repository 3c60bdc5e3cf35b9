"""What every method promises. A new file in conf/method/ is tested here without a new line."""

from pathlib import Path

import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf

from modx_lightning.batch import Batch
from modx_lightning.methods.base import ContinualMethod
from modx_lightning.methods.phase import Phase
from modx_lightning.models.frozen import FrozenCopy
from modx_lightning.models.local_dir import save_local_dir
from tests.tiny_clip import tiny_clip

CONF = Path(__file__).parents[2] / "conf" / "method"
METHODS = sorted(path.stem for path in CONF.glob("*.yaml"))
STEPS, PAIRS = 3, 6


def build(name):
    return instantiate(OmegaConf.load(CONF / f"{name}.yaml"))


def batches(phase):
    generator = torch.Generator().manual_seed(phase)
    tokenizer = tiny_clip().tokenizer
    for step in range(STEPS):
        image = torch.randint(0, 256, (PAIRS, 3, 16, 16), generator=generator, dtype=torch.uint8)
        names = [f"phase {phase} step {step} thing {i}" for i in range(PAIRS)]
        yield Batch(image, tokenizer(names), names)


def teachers(method):
    return [module for module in method.modules() if isinstance(module, FrozenCopy)]


def train_phase(method, model, phase):
    """One phase as the runner does it, without the Trainer; the loss terms of every step."""
    method.on_phase_start(model, phase)
    method.train()
    optimizer = torch.optim.AdamW(model.parameter_groups(1e-3, 0.1))
    log = []
    for batch in batches(phase.row):
        terms = method.compute_loss(model, batch, model(batch.image, batch.text))
        log.append(terms)
        optimizer.zero_grad()
        torch.stack(list(terms.values())).sum().backward()
        optimizer.step()
        model.clamp_logit_scale()
    return log


def run(name, folder):
    """Two phases; returns the model, all loss terms, and what became of the teacher."""
    method, model = build(name), tiny_clip()
    start = folder / "00-initial"
    sha256 = save_local_dir(model, start)
    log, watched = [], []
    for row in (1, 2):
        phase = Phase(row, f"domain {row}", STEPS, start, sha256)
        log += train_phase(method, model, phase)
        watched += [watch(teacher, start) for teacher in teachers(method)]
        method.on_phase_end(model, phase, batches(row))
        start = folder / f"{row:02d}-domain"
        sha256 = save_local_dir(model, start)
    return model, log, watched


def watch(teacher, folder):
    """Whether a teacher is what was saved, after a phase of training beside it."""
    held = teacher._held[0]
    saved = FrozenCopy.from_folder(folder, teacher_sha256(folder))._held[0].state_dict()
    return {
        "asleep": not any(module.training for module in held.modules()),
        "without gradient": all(p.grad is None and not p.requires_grad for p in held.parameters()),
        "unchanged": all(torch.equal(v, saved[k]) for k, v in held.state_dict().items()),
    }


def teacher_sha256(folder):
    from modx_lightning.models.local_dir import weights_sha256

    return weights_sha256(folder)


@pytest.fixture(scope="module", params=METHODS)
def finished(request, tmp_path_factory):
    name = request.param
    return name, *run(name, tmp_path_factory.mktemp(name))


def test_there_are_methods():
    assert {"finetune", "modx", "modx_release"} <= set(METHODS)


@pytest.mark.parametrize("name", METHODS)
def test_config_builds_a_method(name):
    assert isinstance(build(name), ContinualMethod)


def test_two_phases_train_and_stay_finite(finished):
    _, model, log, _ = finished
    assert len(log) == 2 * STEPS
    start = tiny_clip().state_dict()
    assert any(not torch.equal(value, start[key]) for key, value in model.state_dict().items())
    assert all(value.isfinite().all() for value in model.state_dict().values())


def test_loss_terms_are_named_finite_scalars_with_gradient(finished):
    _, _, log, _ = finished
    for terms in log:
        assert "contrastive" in terms
        for value in terms.values():
            assert value.shape == ()
            assert value.dtype == torch.float32
            assert value.requires_grad
            assert value.isfinite()


def test_teacher_sleeps_gets_no_gradient_and_does_not_change(finished):
    _, _, _, watched = finished
    assert all(all(facts.values()) for facts in watched), watched


def test_same_seed_gives_the_same_model(finished, tmp_path):
    name, model, _, _ = finished
    again, _, _ = run(name, tmp_path)
    pairs = zip(model.state_dict().values(), again.state_dict().values(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


@pytest.mark.parametrize("name", METHODS)
def test_checkpoint_is_small_loads_safely_and_only_beside_its_teacher(name, tmp_path):
    model = tiny_clip()
    sha256 = save_local_dir(model, tmp_path / "00-initial")
    phase = Phase(1, "domain", STEPS, tmp_path / "00-initial", sha256)
    method, other = build(name), build(name)
    method.on_phase_start(model, phase)
    assert list(method.parameters()) == []
    torch.save(method.state_dict(), tmp_path / "state.ckpt")
    state = torch.load(tmp_path / "state.ckpt", weights_only=True)
    weights = sum(value.numel() for value in model.state_dict().values())
    assert sum(v.numel() for v in state.values() if isinstance(v, torch.Tensor)) < weights
    other.on_phase_start(model, phase)
    other.load_state_dict(state)
    save_local_dir(tiny_clip(1), tmp_path / "other")
    changed = Phase(1, "domain", STEPS, tmp_path / "other", teacher_sha256(tmp_path / "other"))
    other.on_phase_start(model, changed)
    with pytest.raises(ValueError, match="checkpoint of another model"):
        other.load_state_dict(state)
