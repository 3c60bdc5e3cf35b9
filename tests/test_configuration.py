"""Composing, freezing and hashing a run's config, and what a wrong command line is told."""

import sys

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import OmegaConf

from modx_lightning.configuration import conf_dir, config_sha256, freeze
from modx_lightning.configuration_errors import explain, nearest

EXPERIMENTS = sorted(path.stem for path in (conf_dir() / "experiment").glob("*.yaml"))


def composed(*overrides):
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return compose("train", overrides=list(overrides))


def complaint(monkeypatch, *overrides):
    monkeypatch.setattr(sys, "argv", ["train", *overrides])
    with pytest.raises(HydraException) as caught:
        composed(*overrides)
    return explain(caught.value)


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_experiment_composes_and_resolves(experiment):
    cfg = composed(f"+experiment={experiment}")
    config = freeze(cfg, experiment, "modx")
    assert config["run"]["experiment"] == experiment
    assert config["run_dir"].endswith(config["run"]["config_sha256"][:8])


def test_hash_does_not_depend_on_how_a_run_is_launched_or_logged():
    one = freeze(composed(), "x", "modx")
    two = freeze(
        composed("launch.nproc=2", "run_dir=elsewhere", "resume=never"), "x", "modx", sweep="s"
    )
    assert one["run"]["config_sha256"] == two["run"]["config_sha256"]
    assert two["run_dir"].endswith("elsewhere")


@pytest.mark.parametrize("change", ["seed=1", "epochs=3", "optimizer.lr=1", "method=finetune"])
def test_hash_depends_on_everything_that_changes_the_numbers(change):
    one, two = (freeze(cfg, "x", "m") for cfg in (composed(), composed(change)))
    assert one["run"]["config_sha256"] != two["run"]["config_sha256"]


def test_hash_ignores_the_order_of_keys():
    assert config_sha256({"a": 1, "b": 2}) == config_sha256({"b": 2, "a": 1})


def test_seed_zero_is_a_seed():
    assert composed("seed=0").seed == 0
    assert freeze(composed("seed=0"), "x", "modx")["seed"] == 0


def test_unknown_method_is_answered_with_the_nearest_names(monkeypatch):
    text = complaint(monkeypatch, "method=modxx")
    assert "unknown method 'modxx'" in text
    assert "Did you mean modx" in text


def test_unknown_experiment_is_answered_with_the_nearest_names(monkeypatch):
    text = complaint(monkeypatch, "+experiment=ecommerce_phase")
    assert "Did you mean ecommerce_phases" in text


def test_unknown_key_is_answered_with_the_nearest_names(monkeypatch):
    text = complaint(monkeypatch, "optimizer.lrr=1")
    assert "unknown key 'optimizer.lrr'" in text
    assert "optimizer.lr" in text


def test_last_part_of_a_key_is_enough_to_find_it(monkeypatch):
    assert "Did you mean optimizer.lr?" in complaint(monkeypatch, "lr=1")


def test_plus_on_a_key_that_exists_is_told(monkeypatch):
    assert "'seed' is a key already" in complaint(monkeypatch, "+seed=3")


def test_choice_given_twice_is_told(monkeypatch):
    text = complaint(monkeypatch, "+experiment=base", "+experiment=ecommerce_phases")
    assert "experiment is given twice" in text


def test_seed_that_is_no_number_is_refused():
    with pytest.raises(TypeError, match="seed must be a whole number"):
        freeze(composed("seed=''"), "x", "modx")


@pytest.mark.parametrize("method", ["finetune", "modx"])
def test_baselines_fit_into_the_paper_experiments(method):
    cfg = composed("+experiment=ecommerce_t2i", f"method={method}")
    assert "alpha" not in cfg.method


def test_nothing_near_is_not_guessed():
    assert nearest("zzzz", ["modx", "finetune"]) == ""


def test_config_of_a_run_can_be_written_and_read_back(tmp_path):
    config = freeze(composed(), "x", "modx")
    OmegaConf.save(OmegaConf.create(config), tmp_path / "config.yaml")
    assert OmegaConf.to_container(OmegaConf.load(tmp_path / "config.yaml")) == config
