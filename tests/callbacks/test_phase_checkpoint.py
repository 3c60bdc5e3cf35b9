import pytest
import torch
from lightning.pytorch import Callback

from modx_lightning.callbacks.phase_checkpoint import PhaseCheckpoint


class Crash(Callback):
    def __init__(self, step):
        self.step = step

    def on_train_batch_start(self, trainer, *_):
        if trainer.global_step == self.step:
            raise RuntimeError("power cut")


@pytest.mark.parametrize(("crash_at", "taken_up_at"), [(1, None), (2, 2), (5, 4), (7, 6)])
def test_a_phase_taken_up_again_ends_with_the_same_weights(
    line, batches, trainer, tmp_path, crash_at, taken_up_at
):
    # 4 batches an epoch, 9 steps: crashes at an epoch's edge, right after it, and inside
    trainer(PhaseCheckpoint(tmp_path), steps=9).fit(line, batches(4))
    expected = [p.clone() for p in line.parameters()]

    line.__init__()
    crashing = trainer(PhaseCheckpoint(tmp_path, every_n_steps=2), Crash(crash_at), steps=9)
    with pytest.raises(RuntimeError, match="power cut"):
        crashing.fit(line, batches(4))
    last = tmp_path / "last.ckpt"
    assert last.exists() == (taken_up_at is not None)

    line.__init__()
    again = trainer(PhaseCheckpoint(tmp_path, every_n_steps=2), steps=9)
    if taken_up_at:
        assert torch.load(last, weights_only=True)["global_step"] == taken_up_at
    again.fit(line, batches(4), ckpt_path=last if taken_up_at else None)
    assert all(map(torch.equal, line.parameters(), expected))
    assert again.global_step == 9


def test_nothing_is_left_when_the_phase_has_ended(line, batches, trainer, tmp_path):
    seen = []

    class Look(Callback):
        def on_train_batch_start(self, trainer, *_):
            seen.append((tmp_path / "phase" / "last.ckpt").exists())

    trainer(PhaseCheckpoint(tmp_path / "phase", every_n_epochs=1), Look()).fit(line, batches(2))
    assert seen == [False, False, True, True, True, True]
    assert not list((tmp_path / "phase").iterdir())


def test_one_checkpoint_a_step_whatever_is_accumulated_and_none_after_the_last(
    line, batches, trainer, tmp_path, monkeypatch
):
    saved = []
    checkpoint = PhaseCheckpoint(tmp_path, every_n_steps=1)
    monkeypatch.setattr(checkpoint, "_save", lambda trainer: saved.append(trainer.global_step))
    trainer(checkpoint, steps=3, accumulate_grad_batches=2).fit(line, batches(4))
    assert saved == [1, 2]


def test_a_request_to_stop_saves_first(line, batches, trainer, tmp_path):
    class Terminate(Callback):
        def on_train_batch_start(self, trainer, *_):
            if trainer.global_step == 2:
                trainer._signal_connector.received_sigterm = True

    with pytest.raises(SystemExit):
        trainer(PhaseCheckpoint(tmp_path, every_n_steps=100), Terminate()).fit(line, batches(4))
    assert torch.load(tmp_path / "last.ckpt", weights_only=True)["global_step"] == 3


def test_an_interval_below_one_is_refused(tmp_path):
    with pytest.raises(ValueError, match="at least 1, got 0 and None"):
        PhaseCheckpoint(tmp_path, every_n_epochs=0)
