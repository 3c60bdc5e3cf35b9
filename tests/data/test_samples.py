import pickle
from pathlib import Path

import pytest

from modx_lightning.data import samples as module
from modx_lightning.data.opening import ReadSettings, open_samples
from modx_lightning.data.shards import ShardError
from tests.data.shards_factory import sample, write_shard


@pytest.fixture
def samples(tmp_path):
    for shard in range(3):
        write_shard(tmp_path / f"train-{shard}.tar", samples=4, captions=2, first=4 * shard)
    return open_samples("red", "train-*.tar", tmp_path, ReadSettings(tmp_path / "cache"))


def test_samples_are_found_by_number_over_all_shards(samples):
    assert len(samples) == 12
    assert samples.shard_starts.tolist() == [0, 4, 8, 12]
    for number in (0, 3, 4, 11):
        found = samples[number]
        assert found.picture == sample(number)[f"{number:06d}.png"]
        assert found.captions == [f"{number:06d} caption {j}" for j in range(2)]
        assert found.key == f"red/train-{number // 4}/{number:06d}" == samples.key(number)
        assert samples.captions(number) == found.captions


@pytest.mark.parametrize("number", [-1, 12])
def test_number_out_of_range_raises(samples, number):
    with pytest.raises(IndexError, match="below 12"):
        samples[number]


def test_two_sets_of_samples_add_up(samples):
    both = samples + samples
    assert len(both) == 24
    assert both[23] == samples[11]


def test_pickled_samples_open_their_own_files(samples):
    assert samples[0] == pickle.loads(pickle.dumps(samples))[0]


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


def test_few_files_are_open_at_a_time(samples, monkeypatch):
    monkeypatch.setattr(module, "_MAX_OPEN_FILES", 2)
    before = open_files()
    for number in (0, 4, 8, 0, 11):
        assert samples[number].key == samples.key(number)
        assert open_files() <= before + 2
    del samples


def test_shard_that_shrinks_under_way_raises(samples, tmp_path):
    samples[0]
    with (tmp_path / "train-0.tar").open("r+b") as file:
        file.truncate(100)
    with pytest.raises(ShardError, match="was changed while it was in use"):
        samples[0]


def test_shard_that_is_replaced_before_it_is_opened_raises(samples, tmp_path):
    write_shard(tmp_path / "train-1.tar", samples=9)
    with pytest.raises(ShardError, match=r"train-1.tar was changed"):
        samples[5]


def test_shard_that_is_removed_raises(samples, tmp_path):
    (tmp_path / "train-2.tar").unlink()
    with pytest.raises(ShardError, match=r"train-2.tar was removed"):
        samples[9]
