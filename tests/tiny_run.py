"""Whole runs small enough for tests: two phases of one-colour pictures and a CLIP of one layer."""

import json
import os
from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from lightning.pytorch import Callback

from modx_lightning.configuration import conf_dir, freeze
from modx_lightning.launch import launch
from modx_lightning.reporting.results import RunResult
from tests.data.shards_factory import write_stream
from tests.tiny_clip import MODEL_CFG

CRASH_AT = "MODX_TEST_CRASH_AT"  # "<row>:<step of the phase>"


class Crash(Callback):
    """Fail at a step of a phase that is named outside of the config, so that this stays equal.

    By an environment variable, or by a file ``crash_at`` in the run folder: ranks have the
    environment of the process that forks them, which is as old as the first launch.
    """

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        file = Path(trainer.default_root_dir) / "crash_at"
        wanted = file.read_text() if file.is_file() else os.environ.get(CRASH_AT)
        if wanted == f"{pl_module.phase.row}:{trainer.global_step}":
            raise RuntimeError("crash of the test")


def tiny_config(folder, *overrides, method="modx", run_dir=None):
    """The frozen config of a run on a stream of two small phases below ``folder``."""
    stream = folder / "stream"
    if not stream.is_dir():
        write_stream(stream, {"general": (24, 8, 8), "red": (24, 8, 8), "green": (20, 8, 8)})
        (folder / "tiny.json").write_text(json.dumps(MODEL_CFG))
    domain = (
        "{{name: {0}, train: {0}/train-00000.tar, validation: {0}/validation-00000.tar, "
        "test: {0}/test-00000.tar}}"
    )
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        cfg = compose(
            "train",
            overrides=[
                f"method={method}",
                f"stream.root={stream}",
                f"stream.start={domain.format('general')}",
                f"stream.phases=[{domain.format('red')},{domain.format('green')}]",
                f"+stream.cache_dir={folder / 'cache'}",
                f"model.name={folder / 'tiny.json'}",
                "data.batch_size=8",
                "epochs=2",
                "logger=csv",
                "trainer.accelerator=cpu",
                "evaluation.batch_size=8",
                "+callbacks.crash={_target_: tests.tiny_run.Crash}",
                f"runs={folder / 'runs'}",
                *([f"run_dir={run_dir}"] if run_dir else []),
                *overrides,
            ],
        )
    return freeze(cfg, "tiny", method)


def tiny_run(folder, *overrides, **options):
    """Run it, and return its result."""
    config = tiny_config(folder, *overrides, **options)
    launch(config)
    return read(config)


def read(config):
    return RunResult.read(Path(config["run_dir"]) / "results.json")
