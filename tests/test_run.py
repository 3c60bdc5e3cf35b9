"""One run from its config to what it leaves behind; stopped, continued, refused."""

import csv
import json
import logging
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from modx_lightning.callbacks.finite import NonFiniteLossError
from modx_lightning.launch import launch
from modx_lightning.run_folder import RunFolderError, claimed
from modx_lightning.run_record import RunRecord
from tests.tiny_run import CRASH_AT, read, tiny_config, tiny_run


def weights(config, folder="02-green"):
    return load_file(Path(config["run_dir"]) / "phases" / folder / "open_clip_model.safetensors")


def metrics(config):
    with (Path(config["run_dir"]) / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [{k: v for k, v in row.items() if not k.startswith("speed/")} for row in rows]


def assert_equal_runs(one, two):
    for name, tensor in weights(one).items():
        assert torch.equal(tensor, weights(two)[name]), name
    assert read(one).scores == read(two).scores
    assert metrics(one) == metrics(two)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def finished(shared):
    """A Mod-X run that was never disturbed."""
    config = tiny_config(shared, run_dir=shared / "undisturbed")
    launch(config)
    return config


def test_run_leaves_behind_what_the_docs_promise(finished):
    folder = Path(finished["run_dir"])
    assert {"config.yaml", "results.json", "metrics.csv"} <= {p.name for p in folder.iterdir()}
    assert [p.name for p in sorted((folder / "phases").iterdir())] == [
        "00-initial",
        "01-red",
        "02-green",
    ]
    assert not list(folder.rglob("last.ckpt"))


def test_results_hold_a_row_for_the_untouched_model_and_one_for_each_phase(finished):
    result = read(finished)
    assert result.status == "complete"
    assert result.phases == ["red", "green"]
    assert result.evaluation_sets == ["general", "red", "green"]
    matrix = result.scores["mean_R@5"]
    assert [len(row) for row in matrix] == [3, 3, 3]
    assert all(value is not None for row in matrix for value in row)
    assert result.steps == [0, 6, 4]
    assert result.continual["mean_R@5"]["average"] is not None
    assert result.timing["samples"] == 80


def test_step_in_the_metrics_only_grows_and_every_term_is_there(finished):
    rows = metrics(finished)
    steps = [int(row["step"]) for row in rows]
    assert steps == sorted(set(steps))
    assert {row["phase"] for row in rows} >= {"red", "green"}
    trained = [row for row in rows if row["train/loss"]]
    assert len(trained) == 10
    for row in trained:
        parts = float(row["train/contrastive"]) + float(row["train/off_diagonal"])
        assert float(row["train/loss"]) == pytest.approx(parts, rel=1e-5)
    assert rows[-1]["eval/green/mean_R@5"]


def test_teacher_of_each_phase_is_the_saved_model_of_the_row_before(finished):
    models = {model.row: model for model in read(finished).phase_models}
    assert sorted(models) == [0, 1, 2]
    assert len({model.sha256 for model in models.values()}) == 3


def test_finished_run_is_left_alone(finished, caplog):
    before = (Path(finished["run_dir"]) / "results.json").stat().st_mtime_ns
    with caplog.at_level(logging.INFO):
        assert launch(finished) == read(finished).continual["mean_R@5"]["average"]
    assert "finished already" in caplog.text
    assert (Path(finished["run_dir"]) / "results.json").stat().st_mtime_ns == before


@pytest.mark.parametrize("where", ["1:0", "1:3", "2:1", "2:2", "2:3"])
def test_run_that_crashed_in_a_phase_ends_as_if_it_never_had(shared, finished, where, monkeypatch):
    config = tiny_config(shared, run_dir=shared / f"crashed-{where}")
    monkeypatch.setenv(CRASH_AT, where)
    with pytest.raises(RuntimeError, match="crash of the test"):
        launch(config)
    assert read(config).status == "failed"
    assert "crash of the test" in str(read(config).error)
    monkeypatch.delenv(CRASH_AT)
    launch(config)
    assert read(config).status == "complete"
    assert_equal_runs(config, finished)


def test_run_that_crashed_between_training_and_evaluation_is_not_trained_again(
    shared, finished, monkeypatch
):
    config = tiny_config(shared, run_dir=shared / "crashed-evaluating")
    add_scores = RunRecord.add_scores

    def crash(self, row, scores):
        if row == 1:
            raise OSError("no space left")
        add_scores(self, row, scores)

    with monkeypatch.context() as patch:
        patch.setattr(RunRecord, "add_scores", crash)
        with pytest.raises(OSError, match="no space left"):
            launch(config)
    saved = Path(config["run_dir"]) / "phases/01-red/open_clip_model.safetensors"
    before = saved.stat().st_mtime_ns
    launch(config)
    assert saved.stat().st_mtime_ns == before
    assert_equal_runs(config, finished)


def test_changed_phase_model_is_not_taken_for_the_saved_one(shared, finished, monkeypatch):
    config = tiny_config(shared, run_dir=shared / "tampered")
    monkeypatch.setenv(CRASH_AT, "2:1")
    with pytest.raises(RuntimeError, match="crash of the test"):
        launch(config)
    monkeypatch.delenv(CRASH_AT)
    saved = Path(config["run_dir"]) / "phases/01-red/open_clip_model.safetensors"
    content = bytearray(saved.read_bytes())
    content[-1] ^= 1
    saved.write_bytes(content)
    with pytest.raises(ValueError, match="not those this run saved"):
        launch(config)


def test_same_seed_gives_the_same_run_and_another_seed_another(shared, finished):
    again = tiny_config(shared, run_dir=shared / "again")
    other = tiny_config(shared, "seed=1", run_dir=shared / "other-seed")
    launch(again)
    launch(other)
    assert_equal_runs(again, finished)
    assert not torch.equal(weights(other)["logit_scale"], weights(finished)["logit_scale"])


def test_starting_over_keeps_what_was_there(shared):
    config = tiny_config(shared, "epochs=1", run_dir=shared / "over")
    launch(config)
    launch(tiny_config(shared, "epochs=1", "resume=never", run_dir=shared / "over"))
    assert read(config).status == "complete"
    kept = shared / "over.previous-1" / "results.json"
    assert json.loads(kept.read_text())["status"] == "complete"


def test_joint_training_has_the_steps_of_all_phases_and_one_row(tmp_path):
    result = tiny_run(tmp_path, "stream.joint=true", method="finetune")
    assert result.phases == ["joint"]
    assert result.steps == [0, 10]
    assert len(result.scores["mean_R@5"]) == 2


def test_replayed_samples_come_from_earlier_domains(tmp_path):
    config = tiny_config(tmp_path, "+stream.phases.0.replay=0.25", "epochs=1", method="finetune")
    launch(config)
    assert read(config).steps == [0, 4, 2]


def test_loss_that_is_not_a_number_stops_the_run_and_names_the_samples(tmp_path):
    config = tiny_config(tmp_path, "optimizer.lr=1e30", "schedule=constant", method="finetune")
    with pytest.raises(NonFiniteLossError, match="red-train-"):
        launch(config)
    result = read(config)
    assert result.status == "failed"
    assert (Path(config["run_dir"]) / "nonfinite_batch.json").is_file()
    assert result.phase_models[0].row == 0


def test_fewer_samples_than_a_global_batch_are_refused_with_the_numbers(tmp_path):
    with pytest.raises(ValueError, match="red"):
        tiny_run(tmp_path, "data.batch_size=64")


def test_missing_shard_is_told_before_anything_is_trained(tmp_path):
    config = tiny_config(tmp_path, "stream.phases.1.test=green/nothing-*.tar")
    with pytest.raises(FileNotFoundError, match="nothing-"):
        launch(config)
    assert not (Path(config["run_dir"]) / "phases").exists()


def test_run_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    config = tiny_config(tmp_path, run_dir=tmp_path / "file" / "run")
    with pytest.raises(RunFolderError, match="cannot write the run folder"):
        launch(config)


def test_two_runs_in_one_folder_are_refused(tmp_path):
    config = tiny_config(tmp_path, run_dir=tmp_path / "run")
    with claimed(config), pytest.raises(RunFolderError, match="another process is running"):
        launch(config)


def test_starting_over_does_not_take_the_folder_from_a_running_process(tmp_path):
    config = tiny_config(tmp_path, run_dir=tmp_path / "run")
    over = tiny_config(tmp_path, "resume=never", run_dir=tmp_path / "run")
    with claimed(config), pytest.raises(RunFolderError, match="another process is running"):
        launch(over)
    assert not (tmp_path / "run.previous-1").exists()


def test_starting_over_works_where_a_run_died_before_its_first_result(tmp_path):
    wrong = tiny_config(tmp_path, "data.batch_size=999", run_dir=tmp_path / "run")
    with pytest.raises(ValueError, match="999"):
        launch(wrong)
    right = tiny_config(tmp_path, "epochs=1", "resume=never", run_dir=tmp_path / "run")
    with claimed(right):
        assert (tmp_path / "run.previous-1" / "config.yaml").is_file()


def test_run_killed_while_row_zero_was_scored_holds_its_initial_model_once(
    shared, finished, monkeypatch
):
    config = tiny_config(shared, run_dir=shared / "killed-at-row-0")

    def crash(self, row, scores):
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(RunRecord, "add_scores", crash)
        with pytest.raises(OSError, match="no space left"):
            launch(config)
    launch(config)
    assert [model.row for model in read(config).phase_models] == [0, 1, 2]
    assert_equal_runs(config, finished)


def test_folder_of_another_config_is_refused(shared, finished):
    other = tiny_config(shared, "seed=5", run_dir=finished["run_dir"])
    with pytest.raises(RunFolderError, match="holds a run of another config"):
        launch(other)


def test_no_rank_is_too_few(tmp_path):
    with pytest.raises(ValueError, match="nproc must be at least 1"):
        tiny_run(tmp_path, "launch.nproc=0")
