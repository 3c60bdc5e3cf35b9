import pytest
from lightning.pytorch import Callback

from modx_lightning.callbacks import teacher_snapshot
from modx_lightning.callbacks.teacher_snapshot import TeacherSnapshot


@pytest.fixture
def saved(monkeypatch):
    calls = []

    def save(model, folder):
        calls.append((model[0].bias.detach().clone(), folder))
        return "abc"

    monkeypatch.setattr(teacher_snapshot, "save_local_dir", save)
    return calls


def test_the_student_is_saved_after_the_modules_last_moment(
    line, batches, trainer, tmp_path, saved, monkeypatch
):
    monkeypatch.setattr(line, "on_train_end", lambda: line.model[0].bias.data.fill_(7.0))
    snapshot = TeacherSnapshot(tmp_path / "phases" / "01-home")
    trainer(snapshot, steps=2).fit(line, batches(2))
    (bias, folder), *more = saved
    assert not more
    assert (bias == 7).all()
    assert (folder, snapshot.sha256) == (tmp_path / "phases" / "01-home", "abc")


def test_nothing_is_saved_when_training_fails(line, batches, trainer, tmp_path, saved):
    class Fail(Callback):
        def on_train_batch_end(self, *_):
            raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        trainer(TeacherSnapshot(tmp_path), Fail()).fit(line, batches(2))
    assert not saved
