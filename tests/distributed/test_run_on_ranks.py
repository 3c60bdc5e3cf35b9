"""A whole run on two ranks, started by our launcher, equals the run on one."""

from pathlib import Path

import pytest

from modx_lightning.launch import RankFailedError, launch
from tests.test_run import metrics, weights
from tests.tiny_run import read, tiny_config


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("ranks")


def test_two_ranks_give_the_losses_and_scores_of_one(folder):
    one = tiny_config(folder, run_dir=folder / "one")
    offline = "+logger.wandb={_target_: modx_lightning.reporting.wandb_log.ContinualWandbLogger}"
    two = tiny_config(folder, "launch.nproc=2", offline, run_dir=folder / "two")
    launch(one)
    launch(two)
    assert one["run"]["config_sha256"] == two["run"]["config_sha256"]
    for mine, theirs in zip(metrics(one), metrics(two), strict=True):
        assert mine["step"] == theirs["step"]
        for name, value in mine.items():
            if name.startswith("train/") and value:
                assert float(theirs[name]) == pytest.approx(float(value), rel=1e-4, abs=1e-6), name
    for name, tensor in weights(one).items():
        assert (tensor - weights(two)[name]).abs().max() < 1e-4, name
    assert len(list((folder / "two" / "wandb").glob("offline-run-*"))) == 1  # rank 0 alone logs
    assert read(two).status == "complete"
    assert read(two).scores == read(one).scores
    assert read(two).timing["samples"] == read(one).timing["samples"]


@pytest.mark.slow
def test_rank_that_fails_ends_the_run_with_its_message(folder):
    config = tiny_config(folder, "launch.nproc=2", run_dir=folder / "failing")
    switch = Path(config["run_dir"]) / "crash_at"
    switch.parent.mkdir()
    switch.write_text("1:2")
    with pytest.raises(RankFailedError, match="crash of the test"):
        launch(config)
    assert read(config).status == "failed"
    switch.unlink()
    launch(config)
    assert read(config).status == "complete"
    assert Path(config["run_dir"], "phases/02-green").is_dir()
