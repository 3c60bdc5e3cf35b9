import pytest

from modx_lightning.data import index_cache
from modx_lightning.data.index_cache import load_index
from tests.data.shards_factory import picture, sample, write_shard, write_tar


@pytest.fixture
def shard(tmp_path):
    members = [*sample(0).items(), *sample(1).items(), ("x.png", picture())]
    return write_tar(tmp_path / "shard.tar", members)


@pytest.fixture
def builds(monkeypatch):
    """Names of the shards that were really read."""
    seen = []
    real = index_cache.build_index

    def build(path, name, max_pixels):
        seen.append(name)
        return real(path, name, max_pixels)

    monkeypatch.setattr(index_cache, "build_index", build)
    return seen


def load(shard, tmp_path, max_pixels=1000):
    return load_index(shard, "shard", max_pixels, tmp_path / "cache")


def test_second_load_reads_the_cache_and_says_the_same(shard, tmp_path, builds):
    first, second = load(shard, tmp_path), load(shard, tmp_path)
    assert builds == ["shard"]
    assert first.keys == second.keys
    assert first.skips == second.skips
    assert (first.image == second.image).all()
    assert (first.caption == second.caption).all()
    assert first[:3] == second[:3]


def test_changed_shard_or_setting_is_indexed_again(shard, tmp_path, builds):
    load(shard, tmp_path)
    load(shard, tmp_path, max_pixels=10)
    write_shard(shard, samples=3)
    assert len(load(shard, tmp_path).keys) == 3
    assert len(builds) == 3


@pytest.mark.parametrize("damage", [b"", b"garbage", None])
def test_damaged_cache_is_made_anew(shard, tmp_path, builds, caplog, damage):
    first = load(shard, tmp_path)
    (file,) = (tmp_path / "cache").glob("*.npz")
    file.write_bytes(file.read_bytes()[:-40] if damage is None else damage)
    assert load(shard, tmp_path).keys == first.keys
    assert "is damaged" in caplog.text
    load(shard, tmp_path)
    assert len(builds) == 2


def test_cache_that_cannot_be_written_only_costs_time(shard, tmp_path):
    (tmp_path / "file").touch()
    assert len(load_index(shard, "shard", 1000, tmp_path / "file" / "cache").keys) == 2
