import io
import re

from lightning.pytorch import Callback
from rich.console import Console

from modx_lightning.callbacks.log_now import log_now
from modx_lightning.callbacks.progress import PhaseProgress


class Scores(Callback):
    def on_train_batch_end(self, trainer, *_):
        log_now(trainer, {"val/home/mean_R@5": 35.12, "speed/samples_per_second": 411.7})


def shown(line, batches, trainer, *, every_n_seconds=10.0, **console):
    out = io.StringIO()
    console = Console(file=out, **console)
    progress = PhaseProgress(
        2, 5, "home", steps_per_epoch=3, every_n_seconds=every_n_seconds, console=console
    )
    trainer(Scores(), progress, steps=6).fit(line, batches(3))
    return out.getvalue()


def test_without_a_terminal_one_plain_line_stays(line, batches, trainer):
    pattern = (
        r"phase 2/5 home · epoch 2/2 · step 6/6 · loss \d\.\d{3} · R@5 35\.1 · 412 samples/s"
        r" · 0:0\d in all\n"
    )
    assert re.fullmatch(pattern, shown(line, batches, trainer, width=20))


def test_without_a_terminal_a_line_comes_every_few_seconds(line, batches, trainer):
    lines = shown(line, batches, trainer, every_n_seconds=0).splitlines()
    assert [text.split(" · ")[2] for text in lines[:6]] == [f"step {i}/6" for i in range(1, 7)]
    assert [text.split(" · ")[1] for text in lines[:6]] == ["epoch 1/2"] * 3 + ["epoch 2/2"] * 3


def test_on_a_narrow_terminal_the_live_line_is_cut_and_not_wrapped(
    line, batches, trainer, monkeypatch
):
    monkeypatch.setattr("modx_lightning.callbacks.progress._LIVE_EVERY_S", 0)
    text = shown(line, batches, trainer, width=40, force_terminal=True)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    live = [part for part in re.split(r"[\r\n]", plain) if part.startswith("phase 2/5")][:-1]
    assert live
    assert all(len(part) <= 40 for part in live)
    assert "\x1b[?25h" in text  # the cursor is back


def test_other_ranks_show_nothing(line, batches, trainer, monkeypatch):
    from lightning.pytorch import Trainer

    monkeypatch.setattr(Trainer, "is_global_zero", False)
    assert shown(line, batches, trainer, every_n_seconds=0) == ""
