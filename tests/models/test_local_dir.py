"""Saved folders: open_clip itself loads them, embeddings stay, a crash leaves no half folder."""

import json

import open_clip
import pytest
import torch

from modx_lightning.models.load import load_clip
from modx_lightning.models.local_dir import CONFIG, WEIGHTS, save_local_dir, weights_sha256
from tests.models.conftest import CAPTIONS
from tests.tiny_clip import tiny_clip


def ours(model, pictures):
    with torch.no_grad():
        image = torch.stack([model.transform(picture) for picture in pictures])
        return model.eval()(image, model.tokenizer(CAPTIONS))


def open_clips(folder, pictures):
    name = f"local-dir:{folder}"
    network, _, transform = open_clip.create_model_and_transforms(name)
    network.eval()
    with torch.no_grad():
        image = torch.stack([transform(picture) for picture in pictures])
        text = open_clip.get_tokenizer(name)(CAPTIONS)
        return network.encode_image(image, normalize=True), network.encode_text(
            text, normalize=True
        )


@pytest.mark.parametrize("name", ["vit", "resnet", "timm"])
def test_open_clip_itself_loads_the_folder_and_embeds_the_same(build, pictures, tmp_path, name):
    model = build(name)
    save_local_dir(model, tmp_path / "model")
    image, text = open_clips(tmp_path / "model", pictures)
    out = ours(model, pictures)
    assert torch.allclose(out.image, image, atol=1e-6)
    assert torch.allclose(out.text, text, atol=1e-6)
    again = ours(load_clip(f"local-dir:{tmp_path}/model"), pictures)
    assert torch.equal(again.image, out.image)
    assert torch.equal(again.text, out.text)
    assert torch.equal(again.logit_scale, out.logit_scale)


def test_preprocessing_of_the_model_is_kept(pictures, tmp_path):
    model = tiny_clip()
    other = {**model.preprocess_cfg, "mean": [0.5] * 3, "std": [0.4] * 3, "resize_mode": "squash"}
    model = type(model)(model.network, model.model_cfg, other, model.tokenizer)
    save_local_dir(model, tmp_path / "model")
    image, _ = open_clips(tmp_path / "model", pictures)
    assert torch.allclose(ours(model, pictures).image, image, atol=1e-6)


def test_half_folder_is_half_the_size_and_nearly_the_same(build, pictures, tmp_path):
    model = build("resnet")
    save_local_dir(model, tmp_path / "full")
    save_local_dir(model, tmp_path / "half", half=True)
    sizes = [(tmp_path / name / WEIGHTS).stat().st_size for name in ("full", "half")]
    assert sizes[1] < 0.55 * sizes[0]
    image, text = open_clips(tmp_path / "half", pictures)
    out = ours(model, pictures)
    assert torch.allclose(out.image, image, atol=2e-3)
    assert torch.allclose(out.text, text, atol=2e-3)
    scale = load_clip(f"local-dir:{tmp_path}/half").network.logit_scale
    assert torch.equal(scale, model.network.logit_scale)


def test_weight_too_large_for_half_is_refused(tmp_path):
    model = tiny_clip()
    model.network.visual.conv1.weight.data[0] = 1e5
    with pytest.raises(ValueError, match=r"visual\.conv1\.weight has values beyond float16"):
        save_local_dir(model, tmp_path / "model", half=True)
    assert list(tmp_path.iterdir()) == []


def test_hash_is_that_of_the_weights_and_repeats(tmp_path):
    first = save_local_dir(tiny_clip(0), tmp_path / "a")
    assert first == save_local_dir(tiny_clip(0), tmp_path / "b") == weights_sha256(tmp_path / "a")
    assert first != save_local_dir(tiny_clip(1), tmp_path / "c")


def test_tensors_that_share_memory_are_saved(tmp_path):
    model = tiny_clip()
    model.network.visual.ln_pre.weight = model.network.visual.ln_post.weight
    save_local_dir(model, tmp_path / "model")
    load_clip(f"local-dir:{tmp_path}/model")


def test_parents_are_made(tmp_path):
    save_local_dir(tiny_clip(), tmp_path / "phases" / "01-furniture")
    assert sorted(p.name for p in (tmp_path / "phases").iterdir()) == ["01-furniture"]


def test_crash_while_writing_leaves_the_old_folder_and_no_rest(tmp_path, monkeypatch):
    sha256 = save_local_dir(tiny_clip(0), tmp_path / "model")

    def crash(*_args, **_kwargs):
        raise OSError("no space left on device")

    monkeypatch.setattr("safetensors.torch.save_file", crash)
    with pytest.raises(OSError, match="no space left"):
        save_local_dir(tiny_clip(1), tmp_path / "model")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert weights_sha256(tmp_path / "model") == sha256


def test_saving_again_replaces_the_model_and_keeps_other_files(tmp_path):
    folder = tmp_path / "model"
    first = save_local_dir(tiny_clip(0), folder)
    (folder / "last.ckpt").write_text("kept")
    second = save_local_dir(tiny_clip(1), folder)
    assert first != second == weights_sha256(folder)
    assert sorted(path.name for path in folder.iterdir()) == ["last.ckpt", CONFIG, WEIGHTS]
    load_clip(f"local-dir:{folder}")


def test_folder_without_its_config_does_not_load(tmp_path):
    """What a crash between the two renames into an existing folder leaves behind."""
    save_local_dir(tiny_clip(), tmp_path / "model")
    (tmp_path / "model" / CONFIG).unlink()
    with pytest.raises(FileNotFoundError, match=f"there is no {CONFIG}"):
        load_clip(f"local-dir:{tmp_path}/model")


def test_config_is_self_contained(tmp_path):
    save_local_dir(tiny_clip(), tmp_path / "model")
    config = json.loads((tmp_path / "model" / CONFIG).read_text())
    assert config["model_cfg"]["embed_dim"] == 16
    assert config["preprocess_cfg"]["size"] == 16


def test_missing_weights_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=f"expected {WEIGHTS}"):
        weights_sha256(tmp_path)
