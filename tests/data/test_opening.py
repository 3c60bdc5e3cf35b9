import gzip
import logging

import pytest

from modx_lightning.data.opening import ReadSettings, open_samples
from modx_lightning.data.shards import ShardError
from tests.data.shards_factory import picture, sample, write_shard, write_tar


@pytest.fixture
def settings(tmp_path):
    return ReadSettings(tmp_path / "cache")


def shard_with(tmp_path, good, bad):
    members = [pair for i in range(good) for pair in sample(i).items()]
    members += [(f"bad{i}.png", picture()) for i in range(bad)]
    write_tar(tmp_path / "shard.tar", members)


def test_one_bad_sample_is_let_pass_and_logged_once(tmp_path, settings, caplog):
    shard_with(tmp_path, good=2, bad=1)
    samples = open_samples("red/train", "shard.tar", tmp_path, settings)
    assert len(samples) == 2
    assert len(samples.skips) == 1
    assert "shard: picture without caption, 1 time(s), first 'bad0'" in caplog.text


def test_too_many_bad_samples_stop_with_a_table(tmp_path, settings):
    shard_with(tmp_path, good=98, bad=2)
    with pytest.raises(ShardError) as error:
        open_samples("red/train", "shard.tar", tmp_path, settings)
    text = str(error.value)
    assert "2 of 100 samples of red/train (2.0%)" in text
    assert "2  picture without caption" in text
    assert "'bad0' in shard" in text
    assert "max_bad_fraction" in text


def test_bad_samples_within_the_fraction_are_logged_once_per_reason(tmp_path, settings, caplog):
    shard_with(tmp_path, good=98, bad=2)
    allowed = ReadSettings(settings.cache_dir, max_bad_fraction=0.02)
    with caplog.at_level(logging.WARNING):
        assert len(open_samples("red/train", "shard.tar", tmp_path, allowed)) == 98
    assert caplog.text.count("picture without caption") == 1
    assert "2 time(s)" in caplog.text


def test_members_that_cost_no_sample_do_not_count(tmp_path, settings):
    members = [pair for i in range(4) for pair in sample(i).items()]
    members += [(f"{i:06d}.pth", b"x") for i in range(4)]
    write_tar(tmp_path / "shard.tar", members)
    samples = open_samples("red/train", "shard.tar", tmp_path, settings)
    assert len(samples) == 4
    assert len(samples.skips) == 4


@pytest.mark.parametrize("members", [{}, {"a.txt": b"x", "README": b"x"}])
def test_shard_without_a_sample_raises(tmp_path, settings, members):
    write_tar(tmp_path / "shard.tar", members)
    with pytest.raises(ShardError, match="holds no usable sample"):
        open_samples("red/train", "shard.tar", tmp_path, settings)


def test_compressed_shard_equals_the_plain_one(tmp_path, settings):
    plain = write_shard(tmp_path / "a" / "train-0.tar", captions=2)
    (tmp_path / "b").mkdir()
    packed = tmp_path / "b" / "train-0.tar.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    both = [
        open_samples("red/train", name, tmp_path, settings)
        for name in ("a/train-0.tar", "b/train-0.tar.gz")
    ]
    first, second = ([samples[i] for i in range(len(samples))] for samples in both)
    assert first == second


def test_keys_name_split_and_shard_and_are_unique(tmp_path, settings):
    for name in ("a/0.tar", "b/0.tar", "b/1.tar"):
        write_shard(tmp_path / name, samples=2)
    samples = open_samples("red/train", ["a/0.tar", "b/*.tar"], tmp_path, settings)
    assert [samples.key(i) for i in range(6)] == [
        "red/train/0/000000",
        "red/train/0/000001",
        "red/train/0~2/000000",
        "red/train/0~2/000001",
        "red/train/1/000000",
        "red/train/1/000001",
    ]
