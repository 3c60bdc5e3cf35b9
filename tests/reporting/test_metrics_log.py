import csv
import os
from unittest.mock import Mock

import pytest

from modx_lightning.reporting import metrics_log
from modx_lightning.reporting.metrics_log import MetricsLog


def rows(folder):
    with (folder / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def phase(log, row, name, offset, losses, start=0):
    """Log a phase as Lightning does: it numbers a step by how many went before it."""
    log.begin_phase(row, name, offset)
    for step, loss in enumerate(losses, start):
        log.log_metrics({"train/loss": loss, "epoch": 0}, step=step)
    log.log_at(offset + start + len(losses), {f"eval/{name}/mean_R@5": 50.0})


def two_phases(log):
    log.begin_phase(0, "initial", 0)
    log.log_at(0, {"eval/home/mean_R@5": 1.0})
    phase(log, 1, "home", 0, [3.0, 2.0, 1.0])
    phase(log, 2, "food", 3, [2.5, 0.1])


def test_steps_count_over_the_whole_run_and_values_of_one_step_share_a_row(tmp_path):
    two_phases(MetricsLog(tmp_path))
    assert (tmp_path / "metrics.csv").read_text().splitlines() == [
        "step,phase,eval/home/mean_R@5,train/loss,epoch,eval/food/mean_R@5",
        "0,initial,1.0,,,",
        "1,home,,3.0,0,",
        "2,home,,2.0,0,",
        "3,home,50.0,1.0,0,",
        "4,food,,2.5,0,",
        "5,food,,0.1,0,50.0",
    ]


@pytest.mark.parametrize("stop", [0, 1, 3, 4])
def test_a_resumed_run_leaves_the_file_of_an_uninterrupted_one(tmp_path, stop):
    two_phases(MetricsLog(tmp_path / "whole"))
    two_phases(MetricsLog(tmp_path / "resumed"))  # got further than its last checkpoint

    log = MetricsLog(tmp_path / "resumed")
    log.truncate_after(stop)
    if stop == 0:
        phase(log, 1, "home", 0, [3.0, 2.0, 1.0])
    elif stop == 1:
        phase(log, 1, "home", 0, [2.0, 1.0], start=1)
    if stop <= 3:
        phase(log, 2, "food", 3, [2.5, 0.1])
    else:
        phase(log, 2, "food", 3, [0.1], start=1)
    whole, resumed = (tmp_path / name / "metrics.csv" for name in ("whole", "resumed"))
    assert resumed.read_bytes() == whole.read_bytes()


def test_a_row_is_in_the_file_before_the_next_line_of_code(tmp_path):
    log = MetricsLog(tmp_path)
    for step in range(3):
        log.log_metrics({"train/loss": 1.0}, step=step)
        log.log_metrics({"train/lr": 0.5}, step=step)
        assert rows(tmp_path)[-1] == {
            "step": str(step + 1), "phase": "", "train/loss": "1.0", "train/lr": "0.5"
        }  # fmt: skip
    assert len(rows(tmp_path)) == 3


def test_a_value_logged_again_in_its_step_replaces_the_first_even_if_shorter(tmp_path):
    log = MetricsLog(tmp_path)
    log.log_at(1, {"train/loss": 1 / 3})
    log.log_at(1, {"train/loss": 1.0})
    assert (tmp_path / "metrics.csv").read_text() == "step,phase,train/loss\n1,,1.0\n"


def test_floats_come_back_exactly(tmp_path):
    values = {"a": 0.1 + 0.2, "b": 1e-320, "c": float("nan"), "d": -float("inf"), "e": 3}
    MetricsLog(tmp_path).log_at(1, values)
    (row,) = rows(tmp_path)
    assert (row["a"], row["b"]) == ("0.30000000000000004", "1e-320")
    assert (row["c"], row["d"], row["e"]) == ("nan", "-inf", "3")


def test_the_axis_never_goes_back(tmp_path):
    log = MetricsLog(tmp_path)
    log.log_at(5, {"a": 1.0})
    log.log_at(3, {"b": 2.0})
    log.log_metrics({"c": 3.0})  # no step: the latest
    assert [row["step"] for row in rows(tmp_path)] == ["5"]
    assert rows(tmp_path)[0]["b"] == "2.0"


def test_names_and_phases_with_commas_survive(tmp_path):
    log = MetricsLog(tmp_path)
    log.begin_phase(1, 'home, "garden"', 0)
    log.log_at(1, {"a,b": 1.0})
    assert rows(tmp_path) == [{"step": "1", "phase": 'home, "garden"', "a,b": "1.0"}]


def test_a_line_cut_off_by_a_power_failure_is_dropped(tmp_path):
    two_phases(MetricsLog(tmp_path))
    path = tmp_path / "metrics.csv"
    path.write_bytes(path.read_bytes()[:-4])
    log = MetricsLog(tmp_path)
    log.begin_phase(2, "food", 3)
    log.log_metrics({"train/loss": 0.1}, step=1)
    assert [row["step"] for row in rows(tmp_path)] == ["0", "1", "2", "3", "4", "5"]
    assert rows(tmp_path)[-1]["train/loss"] == "0.1"
    assert rows(tmp_path)[-1]["eval/food/mean_R@5"] == ""  # not the "5" that was left of 50.0


def test_another_process_goes_on_at_the_latest_step(tmp_path):
    two_phases(MetricsLog(tmp_path))
    log = MetricsLog(tmp_path)
    log.log_metrics({"late": 1.0})
    log.begin_phase(3, "toys", 8)
    log.log_metrics({"early": 2.0})
    late, early = rows(tmp_path)[-2:]
    assert (late["step"], late["phase"], late["late"]) == ("5", "food", "1.0")
    assert (early["step"], early["phase"], early["early"]) == ("8", "toys", "2.0")


def test_a_crash_while_a_column_is_added_leaves_the_old_file(tmp_path, monkeypatch):
    log = MetricsLog(tmp_path)
    log.log_at(1, {"a": 1.0})
    monkeypatch.setattr(os, "replace", Mock(side_effect=OSError("disk")))
    with pytest.raises(OSError, match="disk"):
        log.log_at(2, {"b": 1.0})
    assert rows(tmp_path) == [{"step": "1", "phase": "", "a": "1.0"}]


def test_other_ranks_write_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(metrics_log.rank_zero_only, "rank", 1)
    log = MetricsLog(tmp_path)
    two_phases(log)
    log.truncate_after(1)
    log.finish()
    assert not list(tmp_path.iterdir())


def test_the_end_of_a_trainer_is_not_the_end_of_the_run(tmp_path):
    log = MetricsLog(tmp_path)
    log.log_at(1, {"a": 1.0})
    log.save()
    log.finalize("success")
    log.log_at(2, {"a": 2.0})
    log.finish()
    log.log_at(3, {"a": 3.0})
    assert [row["a"] for row in rows(tmp_path)] == ["1.0", "2.0", "3.0"]
