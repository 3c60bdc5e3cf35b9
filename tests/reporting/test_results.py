import json
import math
import os
import stat

import pytest

from modx_lightning.reporting.results import PhaseModel, RunResult, SkipCount
from modx_lightning.reporting.results_schema import ResultsError
from tests.reporting.runs import FINETUNE, MODX, made_run


def full_run():
    result = made_run()
    result.phase_models = [PhaseModel(0, "initial", "phases/00-initial", "ab" * 32)]
    result.steps = [0, 20, 30]
    result.skipped = [SkipCount("furniture/train", "train-00000", "unreadable picture", 2)]
    result.timing = {"train_seconds": 1.5, "samples": 300, "samples_per_second": 200.0}
    result.environment = {"versions": {"torch": "2"}}
    return result


def test_what_is_written_is_read_back(tmp_path):
    path = tmp_path / "results.json"
    full_run().write(path)
    assert RunResult.read(path) == full_run()


def test_file_has_the_keys_tools_rely_on(tmp_path):
    path = tmp_path / "results.json"
    full_run().write(path)
    content = json.loads(path.read_text())
    assert set(content) == {
        "schema_version",
        "status",
        "error",
        "experiment",
        "method",
        "seed",
        "config_sha256",
        "phases",
        "evaluation_sets",
        "learned_in",
        "scores",
        "continual",
        "spatial_disorder",
        "phase_models",
        "steps",
        "skipped",
        "timing",
        "environment",
    }
    assert content["schema_version"] == 1
    assert content["scores"] == {"mean_R@5": MODX}
    assert content["continual"]["mean_R@5"]["average"] == pytest.approx((36.5 + 55 + 65) / 3)
    assert content["continual"]["mean_R@5"]["forgetting"] == pytest.approx((3.5 + 5) / 2)
    assert content["phase_models"][0]["folder"] == "phases/00-initial"


def test_rows_not_measured_are_null_and_never_zero(tmp_path):
    result = made_run(matrix=MODX[:2], status="running")
    result.write(tmp_path / "results.json")
    content = json.loads((tmp_path / "results.json").read_text())
    assert content["scores"]["mean_R@5"] == [*MODX[:2], [None, None, None]]
    assert content["steps"] == [0, None, None]
    assert content["timing"] == {
        "train_seconds": None,
        "samples": None,
        "samples_per_second": None,
    }


def test_nan_is_never_written(tmp_path):
    result = made_run()
    result.add_scores(1, {"general": {"mean_R@5": math.nan, "image_to_text_R@1": math.inf}})
    assert result.scores["mean_R@5"][1][0] is None
    result.timing = {"train_seconds": math.nan}
    result.environment = {"deep": [{"er": -math.inf}]}
    assert "NaN" not in result.to_json()
    assert "Infinity" not in result.to_json()
    content = json.loads(result.to_json())
    assert content["scores"]["mean_R@5"][1][0] is None
    assert content["scores"]["image_to_text_R@1"] == [[None] * 3] * 3
    assert content["timing"] == {"train_seconds": None}
    assert content["environment"] == {"deep": [{"er": None}]}


def test_ranks_have_no_continual_metrics():
    result = made_run(metric="image_to_text_mean_rank")
    assert result.scores
    assert result.continual == {}


def test_rows_measured_counts_from_the_first_row_without_a_gap():
    assert made_run(matrix=[]).rows_measured == 0
    assert made_run(matrix=MODX[:1]).rows_measured == 1
    assert made_run().rows_measured == 3
    gap = made_run(matrix=MODX[:1])
    gap.add_scores(2, {"general": {"mean_R@5": 1.0}})
    assert gap.rows_measured == 1


def test_matrix_rows_are_lists_of_their_own():
    result = made_run(matrix=MODX[:1])
    assert result.scores["mean_R@5"][1] is not result.scores["mean_R@5"][2]


@pytest.mark.parametrize(
    ("row", "name", "message"),
    [(3, "general", "row 0 to 2"), (-1, "general", "got row -1"), (0, "toys", r"\['toys'\]")],
)
def test_scores_of_an_unknown_row_or_set_are_refused(row, name, message):
    with pytest.raises(ValueError, match=message):
        made_run().add_scores(row, {name: {"mean_R@5": 1.0}})


def test_write_that_dies_leaves_the_old_file_and_no_litter(tmp_path, monkeypatch):
    path = tmp_path / "results.json"
    made_run().write(path)
    before = path.read_text()

    def dies(*_):
        raise OSError("power cut")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", dies)
        with pytest.raises(OSError, match="power cut"):
            made_run(matrix=FINETUNE).write(path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", dies)
        with pytest.raises(OSError, match="power cut"):
            made_run(matrix=FINETUNE).write(path)
    assert path.read_text() == before
    assert list(tmp_path.iterdir()) == [path]


def test_file_and_folder_are_flushed_to_the_disk(tmp_path, monkeypatch):
    flushed = []
    monkeypatch.setattr(os, "fsync", lambda handle: flushed.append(os.fstat(handle).st_mode))
    made_run().write(tmp_path / "results.json")
    assert [stat.S_ISDIR(mode) for mode in flushed] == [False, True]


def test_file_is_readable_for_others_as_the_umask_says(tmp_path):
    before = os.umask(0o027)
    try:
        made_run().write(tmp_path / "results.json")
    finally:
        os.umask(before)
    assert (tmp_path / "results.json").stat().st_mode & 0o777 == 0o640


def damaged(**changes):
    content = json.loads(full_run().to_json())
    content.update(changes)
    return json.dumps({key: value for key, value in content.items() if value != "left out"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (full_run().to_json()[:200], "torn or not JSON"),
        ("", "torn or not JSON"),
        ("[1, 2]", "expected a JSON object, got list"),
        (damaged(timing={"samples": math.nan}), "NaN is not a number JSON knows"),
        (damaged(schema_version=2), "expected schema_version 1, got 2"),
        (damaged(schema_version="left out"), "expected schema_version 1, got None"),
        (damaged(method="left out"), r"missing keys \['method'\]"),
        (damaged(surprise=1), r"unknown keys \['surprise'\]"),
        (damaged(seed="0"), "seed has the wrong type str"),
        (damaged(seed=True), "seed has the wrong type bool"),
        (damaged(status="done"), "got 'done'"),
        (damaged(learned_in=[0]), "learned_in has 1 entries, not 3"),
        (damaged(steps=[0]), "steps has 1 entries, not 3"),
        (
            damaged(scores={"mean_R@5": MODX[:2]}),
            r"3 rows \(phases \+ 1\) of 3 .*\[3, 3\]",
        ),
        (damaged(scores={"mean_R@5": [[1], [1], [1]]}), r"got rows of \[1, 1, 1\]"),
        (damaged(scores={"mean_R@5": 7}), "mean_R@5: expected a list of rows"),
        (damaged(scores={"mean_R@5": [["1", 2, 3]] * 3}), "mean_R@5: expected numbers or null"),
        (damaged(phase_models=[{"row": 1}]), "phase_models has entries without exactly"),
        (damaged(skipped=[[]]), "skipped has entries without exactly"),
    ],
)
def test_file_that_cannot_be_trusted_is_refused(tmp_path, text, message):
    path = tmp_path / "results.json"
    path.write_text(text)
    with pytest.raises(ResultsError, match=f"results.json.*{message}"):
        RunResult.read(path)


def test_missing_file_is_not_called_torn(tmp_path):
    with pytest.raises(FileNotFoundError):
        RunResult.read(tmp_path / "results.json")
