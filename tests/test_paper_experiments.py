"""The paper-scale experiments: composed and built always, run for a few steps when asked."""

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.utils import instantiate

from modx_lightning.configuration import conf_dir, freeze
from modx_lightning.launch import launch
from modx_lightning.reporting.results import RunResult
from tests.data.shards_factory import write_shard

SHARDS = {
    "coco_to_flickr30k": [
        "coco/train-0",
        "coco/test-0",
        *(f"flickr30k/train-part-{part}-0" for part in range(1, 6)),
        "flickr30k/test-0",
    ],
    "ecommerce_t2i": [
        *(f"ecommerce_t2i/train-part-{part}-0" for part in range(1, 6)),
        "ecommerce_t2i/test-0",
        "flickr30k/test-0",
        "coco/test-0",
    ],
}


def config(experiment, folder, *overrides):
    for name in SHARDS[experiment]:
        write_shard(folder / f"{name}.tar", samples=4, captions=2, prefix=name.replace("/", "-"))
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        cfg = compose(
            "train",
            overrides=[
                f"+experiment={experiment}",
                f"stream.root={folder}",
                f"+stream.cache_dir={folder / 'cache'}",
                f"runs={folder / 'runs'}",
                *overrides,
            ],
        )
    return freeze(cfg, experiment, "modx_release")


@pytest.mark.parametrize("experiment", SHARDS)
def test_stream_method_and_schedule_of_the_paper_are_built(experiment, tmp_path):
    cfg = config(experiment, tmp_path)
    stream = instantiate(cfg["stream"])
    assert len(stream.phases) == 5
    assert stream.check(batch_size=2, epochs=1).steps == (2,) * 5
    assert instantiate(cfg["method"]).alpha == 20.0
    assert instantiate(cfg["optimizer"]).keywords["eps"] == 1e-8
    assert cfg["epochs"] == 35
    assert cfg["data"]["batch_size"] == 280


@pytest.mark.slow
@pytest.mark.parametrize("experiment", SHARDS)
def test_experiment_runs_for_a_few_steps_on_tiny_shards(experiment, tmp_path):
    cfg = config(
        experiment,
        tmp_path,
        "epochs=1",
        "data.batch_size=2",
        "evaluation.batch_size=4",
        "trainer.accelerator=cpu",
        "logger=csv",
    )
    cfg["stream"]["phases"] = cfg["stream"]["phases"][3:]  # two phases are enough
    launch(cfg)
    result = RunResult.read(Path(cfg["run_dir"]) / "results.json")
    assert result.status == "complete"
    assert len(result.scores["image_to_text_R@1"]) == 3
    assert result.steps == [0, 2, 2]
