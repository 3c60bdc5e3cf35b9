"""Every way to name a model, and a clear error for every way to get it wrong."""

import json
import logging
import warnings

import open_clip
import pytest
import timm
import torch
from safetensors.torch import save_file

from modx_lightning.models import load, source
from modx_lightning.models.load import load_clip
from modx_lightning.models.local_dir import CONFIG, WEIGHTS, save_local_dir
from tests.models.conftest import CAPTIONS
from tests.tiny_clip import MODEL_CFG, tiny_clip


@pytest.fixture
def folder(tmp_path):
    save_local_dir(tiny_clip(3), tmp_path / "saved")
    return tmp_path / "saved"


@pytest.fixture
def vit(architecture_files):
    return str(architecture_files["vit"])


def same(model, seed):
    expected = tiny_clip(seed).network.state_dict()
    return all(torch.equal(v, expected[k]) for k, v in model.network.state_dict().items())


def test_no_tower_fetches_weights_of_its_own(architecture_files, monkeypatch, tmp_path):
    cfg = json.loads(architecture_files["timm"].read_text())
    cfg["vision_cfg"]["timm_model_pretrained"] = True
    (tmp_path / "timm.json").write_text(json.dumps(cfg))
    create, asked = timm.create_model, []

    def watched(*args, pretrained, **kwargs):
        asked.append(pretrained)
        return create(*args, **kwargs)

    monkeypatch.setattr(timm, "create_model", watched)
    load_clip(f"{tmp_path}/timm.json")
    assert asked == [False]


def test_local_dir(folder):
    model = load_clip(f"local-dir:{folder}")
    assert same(model, 3)
    assert model.tokenizer(CAPTIONS).shape == (3, 16)


def test_asset_is_a_folder_that_ships_with_the_package(tmp_path, monkeypatch):
    save_local_dir(tiny_clip(7), tmp_path / "assets" / "base")
    monkeypatch.setattr(source, "files", lambda package: tmp_path)
    assert same(load_clip("asset:base"), 7)
    with pytest.raises(FileNotFoundError, match="'bass' is shipped .*there are: base"):
        load_clip("asset:bass")


def test_architecture_file_starts_from_random_weights(vit, caplog):
    with caplog.at_level(logging.INFO, "modx_lightning"):
        model = load_clip(vit)
    assert not same(model, 3)
    assert "starts from random weights" in caplog.text


def test_architecture_file_with_a_weight_file(vit, folder):
    assert same(load_clip(vit, str(folder / WEIGHTS)), 3)


def test_weight_file_replaces_those_of_a_folder(folder, tmp_path):
    save_local_dir(tiny_clip(4), tmp_path / "other")
    assert same(load_clip(f"local-dir:{folder}", str(tmp_path / "other" / WEIGHTS)), 4)


def test_torch_weight_file_with_ddp_prefix(vit, tmp_path):
    state = {f"module.{k}": v for k, v in tiny_clip(5).network.state_dict().items()}
    torch.save({"state_dict": state}, tmp_path / "epoch_1.pt")
    assert same(load_clip(vit, str(tmp_path / "epoch_1.pt")), 5)


def test_openai_archive_is_read_and_gets_its_own_gelu(vit, tmp_path):
    class Archive(torch.nn.Module):
        def __init__(self):
            super().__init__()
            for name, child in tiny_clip(6).network.half().named_children():
                self.add_module(name, child)
            for name in ("positional_embedding", "text_projection", "logit_scale"):
                self.register_parameter(name, getattr(tiny_clip(6).network.half(), name))
            for name in ("input_resolution", "context_length", "vocab_size"):
                self.register_buffer(name, torch.tensor(1))

        def forward(self, tokens):
            return self.token_embedding(tokens)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        archive = torch.jit.trace(Archive(), torch.zeros(1, 2, dtype=torch.long))
        torch.jit.save(archive, tmp_path / "ViT-B-32.pt")
    model = load_clip(vit, str(tmp_path / "ViT-B-32.pt"))
    half = tiny_clip(6).network.half().float().state_dict()
    assert all(torch.equal(v, half[k]) for k, v in model.network.state_dict().items())
    assert model.model_cfg["quick_gelu"]
    assert type(model.network.visual.transformer.resblocks[0].mlp.gelu).__name__ == "QuickGELU"


def test_built_in_architecture_is_self_contained():
    model = load_clip("ViT-S-32-alt")
    assert model.model_cfg == open_clip.get_model_config("ViT-S-32-alt")
    assert model.image_size == (224, 224)


def test_shipped_architecture_is_rn50_with_a_text_tower_of_six_layers():
    cfg = source.find_source("RN50-text6", None).model_cfg
    rn50 = open_clip.get_model_config("RN50")
    assert cfg["text_cfg"].pop("layers") == 6
    assert rn50["text_cfg"].pop("layers") == 12
    assert cfg == rn50


def test_name_with_a_slash_is_open_clips():
    assert source.find_source("ViT-B/32", None).model_cfg == open_clip.get_model_config("ViT-B-32")


@pytest.mark.parametrize(("precision", "dtype"), [("bf16", torch.bfloat16), ("fp16", torch.half)])
def test_precision_is_that_of_the_weights_but_not_of_the_scale(folder, precision, dtype):
    network = load_clip(f"local-dir:{folder}", precision=precision).network
    assert network.visual.conv1.weight.dtype == network.text_projection.dtype == dtype
    assert network.logit_scale.dtype == torch.float32
    assert torch.equal(network.logit_scale, tiny_clip(3).network.logit_scale)


def test_options_reach_the_model(folder):
    model = load_clip(
        f"local-dir:{folder}", locked=["text"], freeze_batch_norm=False, grad_checkpointing=True
    )
    assert model.locked == ("text",)
    assert not model.freeze_batch_norm
    assert model.network.transformer.grad_checkpointing


def test_nothing_is_said_and_logging_is_left_alone(folder, caplog):
    handlers = list(logging.getLogger().handlers)
    with caplog.at_level(logging.INFO):
        load_clip(f"local-dir:{folder}")
    assert caplog.records == []
    assert logging.getLogger().handlers == handlers


def test_tag_brings_its_preprocessing_and_its_gelu(monkeypatch, tmp_path):
    monkeypatch.setattr(source, "download_tag", lambda *_: tmp_path / "weights.pt")
    found = source.find_source("ViT-B-32", "openai")
    assert found.model_cfg["quick_gelu"]
    assert found.weights == tmp_path / "weights.pt"
    assert not source.find_source("ViT-B-32", "laion2b_s34b_b79k").model_cfg.get("quick_gelu")
    siglip = load._complete(
        source.find_source("ViT-B-16-SigLIP", "webli").preprocess_cfg, tiny_clip().network
    )
    assert siglip["mean"] == (0.5, 0.5, 0.5)
    assert siglip["resize_mode"] == "squash"


def test_hub_name_fetches_config_and_weights(folder, monkeypatch):
    def fetch(model_id, filename=None):
        assert model_id == "someone/tiny"
        return str(folder / (filename or WEIGHTS))

    monkeypatch.setattr("open_clip.pretrained.download_pretrained_from_hf", fetch)
    assert same(load_clip("hf-hub:someone/tiny"), 3)


@pytest.mark.parametrize(
    ("name", "pretrained"), [("hf-hub:someone/tiny", None), ("ViT-B-32", "openai")]
)
def test_failed_download_says_how_to_do_without(monkeypatch, name, pretrained):
    def offline(*_args, **_kwargs):
        raise FileNotFoundError("no network")

    monkeypatch.setattr("open_clip.pretrained.download_pretrained_from_hf", offline)
    monkeypatch.setattr("open_clip.pretrained.download_pretrained_from_url", offline)
    with pytest.raises(RuntimeError, match=r"could not download .*local-dir:PATH"):
        load_clip(name, pretrained)


@pytest.mark.parametrize(
    ("name", "nearest"), [("ViT-B32", "ViT-B-32"), ("vit-b-32", "ViT-B-32"), ("RN50-text", "RN50")]
)
def test_unknown_name_raises_with_the_nearest(name, nearest):
    with pytest.raises(
        ValueError, match=f"unknown model name '{name}'; nearest names: .*{nearest}"
    ):
        load_clip(name)


def test_unknown_tag_raises_with_the_tags_there_are():
    with pytest.raises(ValueError, match="'opnai' is neither .* tags: openai, yfcc15m"):
        load_clip("RN50", "opnai")


def test_tag_beside_a_name_that_brings_its_weights_raises(folder):
    with pytest.raises(ValueError, match="'openai' is neither a weight file nor one of the tags"):
        load_clip(f"local-dir:{folder}", "openai")


def test_unknown_precision_raises(folder):
    with pytest.raises(ValueError, match="precision is one of fp32, bf16, fp16, got 'amp'"):
        load_clip(f"local-dir:{folder}", precision="amp")


def test_missing_files_are_named(tmp_path, folder, vit):
    cases = {
        f"local-dir:{tmp_path}/nowhere": "there is no such folder",
        f"local-dir:{tmp_path}": f"there is no {CONFIG}",
        f"{tmp_path}/none.json": "no architecture file",
        "asset:nothing": "no model asset 'nothing'",
    }
    for name, message in cases.items():
        with pytest.raises(FileNotFoundError, match=message):
            load_clip(name)
    for name in (vit, f"local-dir:{folder}"):
        with pytest.raises(FileNotFoundError, match=r"no weight file nothing\.pt"):
            load_clip(name, "nothing.pt")
    (folder / WEIGHTS).unlink()
    with pytest.raises(FileNotFoundError, match="no weights in"):
        load_clip(f"local-dir:{folder}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not an architecture in JSON"),
        ("[1]", "JSON"),
        ('{"embed_dim": 8}', "lacks text_cfg"),
    ],
)
def test_architecture_that_is_none_raises(tmp_path, text, message):
    (tmp_path / "bad.json").write_text(text)
    with pytest.raises(ValueError, match=message):
        load_clip(f"{tmp_path}/bad.json")


def test_captioning_model_is_refused():
    with pytest.raises(ValueError, match=r"captioning model \(CoCa\)"):
        load_clip("coca_base")


def test_weights_of_another_size_are_refused_with_the_first_misfits(tmp_path, folder):
    wide = json.loads(json.dumps(MODEL_CFG))
    wide["vision_cfg"]["width"] = 64
    (tmp_path / "wide.json").write_text(json.dumps(wide))
    with pytest.raises(ValueError, match=r"do not fit .*wide\.json.*size mismatch.*and \d+ more"):
        load_clip(f"{tmp_path}/wide.json", str(folder / WEIGHTS))


def test_foreign_damaged_or_empty_weight_files_are_refused(vit, tmp_path, folder):
    save_file({"something": torch.ones(1)}, tmp_path / "foreign.safetensors")
    (tmp_path / "cut.safetensors").write_bytes((folder / WEIGHTS).read_bytes()[:1000])
    (tmp_path / "cut.pt").write_bytes(b"PK not a zip")
    torch.save({}, tmp_path / "empty.pt")
    (tmp_path / "nothing.pt").touch()
    for name in ("foreign.safetensors", "cut.safetensors", "cut.pt", "empty.pt", "nothing.pt"):
        with pytest.raises(ValueError, match=f"{name} do not fit"):
            load_clip(vit, str(tmp_path / name))
