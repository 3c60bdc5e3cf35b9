"""The streams of the papers, on tiny shards laid out as their YAML wants them."""

from pathlib import Path

import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf

from tests.data.shards_factory import write_shard

CONF = Path(__file__).parents[2] / "conf" / "stream"


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Build a stream of conf/ with its shards below $MODX_DATA."""
    monkeypatch.setenv("MODX_DATA", str(tmp_path))
    parts = [f"train-part-{part}" for part in range(1, 6)]
    for folder, train in (("coco", ["train"]), ("flickr30k", parts), ("ecommerce_t2i", parts)):
        for name in (*train, "test"):
            write_shard(tmp_path / folder / f"{name}-00000.tar", 8, captions=2, prefix=f"{name}-")

    def load(name, **changes):
        config = OmegaConf.load(CONF / f"{name}.yaml")
        return instantiate(config, cache_dir=str(tmp_path / "cache"), **changes)

    return load


def columns(stream):
    return [(found.name, found.learned_in) for found in stream.evaluation_sets]


def test_flickr30k_is_learned_with_the_last_of_its_five_phases(load):
    stream = load("coco_to_flickr30k")
    assert [phase.name for phase in stream.phases] == [f"flickr30k-{i}" for i in range(1, 6)]
    assert stream.check(batch_size=4, epochs=35).steps == (70,) * 5
    assert columns(stream) == [("coco", 0), ("flickr30k", 5)]


def test_joint_training_takes_coco_in(load):
    data = load("coco_to_flickr30k", joint=True).phase_data(1)
    assert [part.draws for part in data.parts] == [8] * 6


def test_ecommerce_measures_what_the_pretrained_model_could_do(load):
    stream = load("ecommerce_t2i")
    assert stream.check(batch_size=8, epochs=1).steps == (1,) * 5
    assert columns(stream) == [("ecommerce", 5), ("flickr30k", None), ("coco", None)]


def test_coco_alone_is_one_phase(load):
    stream = load("coco")
    assert stream.check(batch_size=8, epochs=1).steps == (1,)
    assert columns(stream) == [("coco", 1), ("flickr30k", None)]
