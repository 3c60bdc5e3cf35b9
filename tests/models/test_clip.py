"""The wrapper: equal to open_clip's forward, frozen statistics, locked towers, clamped scale."""

import math

import pytest
import torch
from torch import nn

from tests.models.conftest import CAPTIONS
from tests.tiny_clip import tiny_clip


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (3, 3, 16, 16), generator=generator, dtype=torch.uint8)


@pytest.fixture
def text():
    return tiny_clip().tokenizer(CAPTIONS)


def step(model, image, text):
    out = model(image, text)
    weights = torch.arange(out.image.numel()).view_as(out.image).float()
    (out.logit_scale * (weights * out.image * out.text).sum()).backward()
    return out


def test_embeddings_are_unit_norm_float32_and_the_scale_is_exponentiated(batch, text):
    out = tiny_clip()(batch, text)
    assert out.image.shape == out.text.shape == (3, 16)
    assert out.image.dtype == out.text.dtype == out.logit_scale.dtype == torch.float32
    assert torch.allclose(out.image.norm(dim=-1), torch.ones(3))
    assert torch.allclose(out.text.norm(dim=-1), torch.ones(3))
    assert out.logit_scale.shape == ()
    assert out.logit_scale.item() == pytest.approx(1 / 0.07)


def test_embeddings_equal_those_of_the_open_clip_network(batch, text):
    model = tiny_clip()
    normalised = model.normalize(batch)
    out = model(batch, text)
    assert torch.allclose(out.image, model.network.encode_image(normalised, normalize=True))
    assert torch.allclose(out.text, model.network.encode_text(text, normalize=True))


def test_same_seed_gives_the_same_tiny_clip():
    one, other, third = (tiny_clip(seed).network.visual.conv1.weight for seed in (0, 0, 1))
    assert torch.equal(one, other)
    assert not torch.equal(one, third)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_weights_give_float32_embeddings_close_to_full_ones(batch, text, dtype):
    full, half = tiny_clip(), tiny_clip()
    half.to(dtype)
    out, expected = half(batch, text), full(batch, text)
    assert half.dtype == dtype
    assert out.image.dtype == out.text.dtype == torch.float32
    assert torch.allclose(out.image.norm(dim=-1), torch.ones(3), atol=1e-6)
    assert torch.allclose(out.text.norm(dim=-1), torch.ones(3), atol=1e-6)
    assert torch.allclose(out.image, expected.image, atol=0.05)
    assert torch.allclose(out.text, expected.text, atol=0.05)


def test_autocast_gives_float32_embeddings(batch, text):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = tiny_clip()(batch, text)
    assert out.image.dtype == out.text.dtype == out.logit_scale.dtype == torch.float32


@pytest.mark.parametrize(("value", "clamped"), [(-1.0, 0.0), (2.0, 2.0), (9.0, math.log(100))])
def test_logit_scale_stays_between_0_and_ln_100(value, clamped):
    model = tiny_clip()
    model.network.logit_scale.data.fill_(value)
    model.clamp_logit_scale()
    assert model.network.logit_scale.item() == pytest.approx(clamped)
    assert model.network.logit_scale.requires_grad


def test_scale_as_a_vector_of_one_becomes_a_scalar(batch, text):
    model = tiny_clip()
    model.network.logit_scale = nn.Parameter(torch.ones(1))
    assert model(batch, text).logit_scale.shape == ()
    groups = model.parameter_groups(1.0, 0.1)
    (mine,) = [g for g in groups if any(p is model.network.logit_scale for p in g["params"])]
    assert mine["weight_decay"] == 0.0


def test_only_matrices_decay():
    model = tiny_clip()
    groups = {g["weight_decay"]: g for g in model.parameter_groups(1.0, 0.2)}
    decayed, plain = groups[0.2], groups[0.0]
    assert all(p.ndim >= 2 for p in decayed["params"])
    assert any(p is model.network.logit_scale for p in plain["params"])
    assert len(decayed["params"]) + len(plain["params"]) == len(list(model.parameters()))


def test_locked_towers_are_left_out_of_the_optimizer():
    groups = tiny_clip(locked=["image", "text"]).parameter_groups(1.0, 0.1)
    assert [len(group["params"]) for group in groups] == [1]  # logit_scale


def test_longest_fitting_beginning_of_a_name_sets_the_learning_rate():
    model = tiny_clip()
    groups = model.parameter_groups(1.0, 0.1, {"visual": 0.5, "visual.proj": 0.25})
    rates = {id(p): g["lr"] for g in groups for p in g["params"]}
    named = dict(model.network.named_parameters())
    assert rates[id(named["visual.proj"])] == 0.25
    assert rates[id(named["visual.conv1.weight"])] == 0.5
    assert rates[id(named["token_embedding.weight"])] == 1.0
    assert len(rates) == len(named)


def test_beginning_that_fits_no_parameter_is_refused():
    with pytest.raises(ValueError, match="no parameter begins with 'visaul'"):
        tiny_clip().parameter_groups(1.0, 0.1, {"visaul": 0.5})


@pytest.mark.parametrize("locked", [["image"], ["text"]])
@pytest.mark.parametrize("name", ["vit", "resnet", "timm"])
def test_locked_tower_gets_no_gradient_and_sleeps(build, locked, name):
    model = build(name, locked=locked, freeze_batch_norm=False)
    model.train()
    trunk = {
        "image": model.network.visual.trunk if name == "timm" else model.network.visual,
        "text": model.network.text.transformer if name == "timm" else model.network.transformer,
    }
    free = trunk["text" if locked == ["image"] else "image"]
    assert not any(p.requires_grad for p in trunk[locked[0]].parameters())
    assert not any(module.training for module in trunk[locked[0]].modules())
    assert all(p.requires_grad for p in free.parameters())
    assert all(module.training for module in free.modules())


def test_unknown_tower_raises():
    with pytest.raises(ValueError, match=r"got \['vision'\]"):
        tiny_clip(locked=["vision"])


@pytest.mark.parametrize("name", ["resnet", "timm"])
def test_frozen_batch_norm_keeps_its_statistics_and_trains_its_scale(build, name):
    model = build(name)  # as it comes: nobody has called train() yet
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    before = [(m.running_mean.clone(), m.running_var.clone()) for m in norms]
    height, width = model.image_size
    image = torch.randint(0, 256, (3, 3, height, width), dtype=torch.uint8)
    step(model, image, model.tokenizer(CAPTIONS))
    assert norms
    assert not any(m.training for m in norms)
    assert all(
        torch.equal(m.running_mean, mean) and torch.equal(m.running_var, var)
        for m, (mean, var) in zip(norms, before, strict=True)
    )
    assert all(m.weight.grad is not None for m in norms)
    assert model.network.training


def test_frozen_batch_norm_embeds_a_picture_the_same_whatever_its_batch(build):
    model = build("resnet").train()
    image = torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8)
    alone = model.encode_image(image[:1])
    assert torch.allclose(model.encode_image(image)[:1], alone, atol=1e-6)


def test_batch_norm_learns_its_statistics_when_asked_to(build):
    model = build("resnet", freeze_batch_norm=False).train()
    before = model.network.visual.bn1.running_mean.clone()
    model.encode_image(torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8))
    assert not torch.equal(model.network.visual.bn1.running_mean, before)


def test_grad_checkpointing_changes_no_gradient(batch, text):
    plain, saving = tiny_clip(), tiny_clip(grad_checkpointing=True)
    step(plain, batch, text)
    step(saving, batch, text)
    assert saving.network.transformer.grad_checkpointing
    pairs = zip(plain.parameters(), saving.parameters(), strict=True)
    assert all(torch.allclose(one.grad, other.grad, rtol=1e-5, atol=1e-5) for one, other in pairs)


def test_every_trainable_parameter_gets_a_gradient(batch, text):
    model = tiny_clip()
    step(model, batch, text)
    assert all(p.grad is not None for p in model.parameters())


def test_siglip_bias_does_not_train():
    model = tiny_clip()
    model.network.logit_bias = nn.Parameter(torch.zeros(()))
    again = type(model)(model.network, model.model_cfg, model.preprocess_cfg, model.tokenizer)
    assert not again.network.logit_bias.requires_grad


def test_size_of_images_and_embeddings():
    model = tiny_clip()
    assert model.image_size == (16, 16)
    assert model.embedding_dim == 16
