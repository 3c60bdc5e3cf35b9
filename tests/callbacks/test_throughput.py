import time
from types import SimpleNamespace

import pytest
from lightning.pytorch import Callback
from lightning.pytorch.profilers import SimpleProfiler

from modx_lightning.callbacks.throughput import Throughput


class Slow(Callback):
    """Another callback that takes its time between two steps."""

    def on_train_batch_end(self, *_):
        time.sleep(0.05)


def slow_loader(batches, seconds):
    class Waiting(batches):
        def batch(self, i):
            time.sleep(seconds)
            return super().batch(i)

    return Waiting


def test_waiting_is_what_the_loader_takes_and_not_what_callbacks_take(line, batches, trainer):
    throughput = Throughput(every_n_steps=2)
    t = trainer(throughput, Slow(), steps=6)
    t.fit(line, slow_loader(batches, 0.03)(6))
    totals = throughput.totals
    assert totals["samples"] == 24
    assert 0.18 <= totals["train_seconds"] * totals["data_wait_share"] < 0.28
    assert totals["samples_per_second"] == pytest.approx(24 / totals["train_seconds"])
    assert t.logged_metrics["speed/data_wait_share"] > 0.2


def test_advice_is_given_once_in_a_process(line, batches, trainer, caplog, monkeypatch):
    monkeypatch.setattr(Throughput, "_advised", False)
    for _ in range(2):
        trainer(Throughput(every_n_steps=1), steps=4).fit(line, slow_loader(batches, 0.03)(4))
    assert sum("waiting for data" in record.message for record in caplog.records) == 1


def test_a_profiler_of_the_user_sees_everything_and_comes_back(line, batches, trainer):
    profiler = SimpleProfiler()
    t = trainer(Throughput(), steps=2, profiler=profiler)
    t.fit(line, batches(2))
    assert t.profiler is profiler
    assert any("train_dataloader_next" in action for action in profiler.recorded_durations)


def test_totals_go_on_where_the_checkpoint_was(line, batches, trainer):
    before, after = Throughput(), Throughput()
    trainer(before, steps=2).fit(line, batches(2))
    after.load_state_dict(before.state_dict())
    assert after.totals == before.totals


def test_samples_of_all_ranks_count(batches):
    throughput = Throughput()
    trainer = SimpleNamespace(world_size=3, global_step=1)
    throughput.on_train_batch_end(trainer, None, None, batches(1).batch(0), 0)
    assert throughput.totals["samples"] == 12


def test_an_interval_below_one_is_refused():
    with pytest.raises(ValueError, match="every_n_steps must be at least 1, got 0"):
        Throughput(every_n_steps=0)
