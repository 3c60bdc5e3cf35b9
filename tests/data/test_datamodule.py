import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from modx_lightning.data import datamodule as module
from modx_lightning.data.datamodule import PhaseDataModule
from modx_lightning.data.stream import Stream
from tests.data.shards_factory import tokenizer, transform, write_stream


class Recorder(LightningModule):
    """Trains one weight and remembers the keys it has seen."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.seen = []

    def training_step(self, batch, batch_idx):
        self.seen.append(tuple(batch.keys))
        return self.weight

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)


class SaveEach(Callback):
    """A checkpoint after every step."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(exist_ok=True)

    def on_train_batch_end(self, trainer, *args):
        trainer.save_checkpoint(self.folder / f"{trainer.global_step}.ckpt")


@pytest.fixture
def stream(tmp_path):
    return Stream(
        str(tmp_path), write_stream(tmp_path, {"red": (26, 0, 0)}), cache_dir=tmp_path / "cache"
    )


def datamodule(stream, **options):
    settings = {"batch_size": 8, "seed": 0, "workers": 0, **options}
    return PhaseDataModule(stream.phase_data(1), transform, tokenizer, **settings)


def fit(stream, steps, *callbacks, checkpoint=None, **options):
    recorder = Recorder()
    trainer = Trainer(
        max_steps=steps,
        max_epochs=-1,
        callbacks=list(callbacks),
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )
    trainer.fit(recorder, datamodule=datamodule(stream, **options), ckpt_path=checkpoint)
    return recorder.seen


def test_each_epoch_of_a_fit_reads_its_own_order(stream):
    seen = fit(stream, 9)
    batches = stream.phase_data(1).order(0)
    expected = [
        tuple(stream.phase_data(1).samples.key(i) for i in batches(epoch)[k : k + 8, 0])
        for epoch in range(3)
        for k in (0, 8, 16)
    ]
    assert seen == expected


@pytest.mark.parametrize("workers", [0, 2])
def test_a_fit_that_stopped_after_any_step_goes_on_with_the_next_batch(stream, tmp_path, workers):
    whole = fit(stream, 9, SaveEach(tmp_path))
    stops = (1, 3, 5, 6) if workers == 0 else (4,)
    for stop in stops:
        rest = fit(stream, 9, checkpoint=tmp_path / f"{stop}.ckpt", workers=workers)
        assert rest == whole[stop:], f"stopped after step {stop}"


def test_a_fit_may_stop_twice_in_one_epoch(stream, tmp_path):
    whole = fit(stream, 9, SaveEach(tmp_path / "first"))
    fit(stream, 9, SaveEach(tmp_path / "second"), checkpoint=tmp_path / "first" / "4.ckpt")
    assert fit(stream, 9, checkpoint=tmp_path / "second" / "5.ckpt") == whole[5:]


def test_ranks_compare_their_plans_before_a_fit(stream, monkeypatch):
    plans = []
    monkeypatch.setattr(module, "check_ranks_agree", lambda *plan: plans.append(plan))
    fit(stream, 1)
    assert plans == [("red", 3, stream.phase_data(1).order(0).digest())]
