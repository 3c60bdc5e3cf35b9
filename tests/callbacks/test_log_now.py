"""Callbacks and the module log to one file, over phases and restarts."""

import csv

import pytest
from lightning.pytorch import Callback

from modx_lightning.callbacks.log_now import log_now
from modx_lightning.callbacks.phase_checkpoint import PhaseCheckpoint
from modx_lightning.callbacks.recall import RecallAtK
from modx_lightning.reporting.metrics_log import MetricsLog

STEPS = 5  # of each phase; 2 batches an epoch


class EverySecondStep(Callback):
    def on_train_batch_end(self, trainer, *_):
        if trainer.global_step % 2 == 0:
            log_now(trainer, {"speed/samples_per_second": 100.0 + trainer.global_step})


class Crash(Callback):
    def on_train_batch_start(self, trainer, *_):
        if trainer.global_step == 3:
            log_now(trainer, {"speed/only_before_the_crash": 1.0})
            raise KeyError("power cut")


def run_phase(line, batches, trainer, log, folder, row, *more, ckpt_path=None):
    watchers = (EverySecondStep(), RecallAtK(lambda _: {"home": {"mean_R@5": 30.0}}, 2))
    checkpoint = PhaseCheckpoint(folder / str(row), every_n_steps=2)
    t = trainer(*watchers, *more, checkpoint, steps=STEPS, logger=log)
    t.fit(line, batches(2), ckpt_path=ckpt_path)


def columns(folder, *names):
    with (folder / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [tuple(row[name] for name in names) for row in rows]


def test_a_value_logged_now_shares_the_row_of_the_step_just_made(line, batches, trainer, tmp_path):
    log = MetricsLog(tmp_path)
    for row in (1, 2):
        log.begin_phase(row, f"phase{row}", STEPS * (row - 1))
        run_phase(line, batches, trainer, log, tmp_path, row)
    steps, speeds, recalls, losses = zip(
        *columns(tmp_path, "step", "speed/samples_per_second", "val/home/mean_R@5", "train/loss"),
        strict=True,
    )
    assert steps == tuple(str(step) for step in range(1, 11))
    assert speeds == ("", "102.0", "", "104.0", "", "", "102.0", "", "104.0", "")
    assert recalls == ("", "", "", "30.0", "", "", "", "", "30.0", "")
    assert all(losses)


def test_a_phase_taken_up_again_leaves_the_file_of_an_unbroken_run(
    line, batches, trainer, tmp_path
):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    log = MetricsLog(whole)
    log.begin_phase(2, "food", 7)
    run_phase(line, batches, trainer, log, whole, 2)

    line.__init__()
    log = MetricsLog(broken)
    log.begin_phase(2, "food", 7)
    with pytest.raises(KeyError, match="power cut"):
        run_phase(line, batches, trainer, log, broken, 2, Crash())
    assert columns(broken, "step")[-1] == ("10",)  # one more than the checkpoint

    line.__init__()
    log = MetricsLog(broken)
    log.begin_phase(2, "food", 7)
    run_phase(line, batches, trainer, log, broken, 2, ckpt_path=broken / "2" / "last.ckpt")
    assert (broken / "metrics.csv").read_bytes() == (whole / "metrics.csv").read_bytes()
