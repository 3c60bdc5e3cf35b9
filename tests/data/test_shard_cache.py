import bz2
import gzip
import lzma
import multiprocessing
from pathlib import Path

import pytest

from modx_lightning.data.shard_cache import default_cache_dir, plain_tar, replacing
from modx_lightning.data.shards import ShardError
from tests.data.shards_factory import write_shard


@pytest.fixture
def tar(tmp_path):
    return write_shard(tmp_path / "train-0.tar")


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


def compressed(tar, data=None, opener=gzip):
    path = tar.with_name(tar.name + ".gz")
    path.write_bytes(opener.compress(tar.read_bytes()) if data is None else data)
    return path


def tars(cache):
    return sorted(cache.glob("*.tar"))


def test_plain_tar_is_read_in_place(tar, cache):
    assert plain_tar(str(tar), cache) == tar
    assert not cache.exists()


@pytest.mark.parametrize("opener", [gzip, bz2, lzma])
def test_compressed_shard_is_unpacked_once(tar, cache, opener):
    path = compressed(tar, opener=opener)
    copy = plain_tar(str(path), cache)
    assert copy.read_bytes() == tar.read_bytes()
    before = copy.stat().st_mtime_ns
    assert plain_tar(str(path), cache) == copy
    assert copy.stat().st_mtime_ns == before


def test_compression_is_seen_in_the_bytes_not_in_the_name(tar, cache):
    path = compressed(tar)
    renamed = path.rename(path.with_name("renamed.tar"))
    assert plain_tar(str(renamed), cache).read_bytes() == tar.read_bytes()


def test_changed_shard_is_unpacked_again(tar, cache):
    path = compressed(tar)
    first = plain_tar(str(path), cache)
    write_shard(tar, samples=9)
    compressed(tar)
    assert plain_tar(str(path), cache) != first


@pytest.mark.parametrize("kept", [0.3, 0.999])
def test_truncated_gzip_raises_and_leaves_nothing(tar, cache, kept):
    whole = gzip.compress(tar.read_bytes())
    path = compressed(tar, whole[: int(len(whole) * kept)])
    with pytest.raises(ShardError, match="cannot unpack shard .*truncated or damaged"):
        plain_tar(str(path), cache)
    assert not tars(cache)
    assert [file.name for file in cache.iterdir() if file.suffix != ".lock"] == []


def test_wrong_checksum_raises(tar, cache):
    data = bytearray(gzip.compress(tar.read_bytes()))
    data[-6] ^= 1
    with pytest.raises(ShardError, match="CRC"):
        plain_tar(str(compressed(tar, bytes(data))), cache)


def test_gzip_of_a_truncated_tar_raises(tar, cache):
    path = compressed(tar, gzip.compress(tar.read_bytes()[:5_000]))
    with pytest.raises(ShardError, match="without a tar's closing block"):
        plain_tar(str(path), cache)


def test_command_is_run_once_and_kept(tar, cache):
    command = f"pipe:cat {tar}"
    copy = plain_tar(command, cache)
    assert copy.read_bytes() == tar.read_bytes()
    tar.unlink()
    assert plain_tar(command, cache) == copy


def test_compressed_remote_shard_is_unpacked(tar, cache):
    path = compressed(tar)
    assert plain_tar(f"pipe:cat {path}", cache).read_bytes() == tar.read_bytes()
    assert not list(cache.glob("*.raw"))


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("pipe:cat {0}.missing 2>/dev/null", "cannot read shard .*exit 1"),
        ("pipe:head -c 5000 {0}", "without a tar's closing block"),
        ("pipe:true", "without a tar's closing block"),
        ("s3://bucket/x.tar", "cannot read shard s3:.*no gopen handler"),
    ],
)
def test_remote_shard_that_does_not_arrive_raises(tar, cache, command, message):
    with pytest.raises(ShardError, match=message):
        plain_tar(command.format(tar), cache)
    assert not tars(cache)


def _copy(shard, cache, queue):
    queue.put(str(plain_tar(shard, cache)))


def test_processes_that_ask_at_once_share_one_copy(tar, cache, tmp_path):
    log = tmp_path / "log"
    command = f"pipe:echo x >> {log}; sleep 0.2; cat {tar}"
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    jobs = [context.Process(target=_copy, args=(command, cache, queue)) for _ in range(4)]
    for job in jobs:
        job.start()
    results = {queue.get(timeout=30) for _ in jobs}
    for job in jobs:
        job.join()
    assert results == {str(tars(cache)[0])}
    assert log.read_text() == "x\n"
    assert tars(cache)[0].read_bytes() == tar.read_bytes()


def test_failed_write_keeps_the_old_file(tmp_path):
    target = tmp_path / "file"
    target.write_bytes(b"old")

    def fail(file):
        file.write(b"half")
        raise RuntimeError

    with pytest.raises(RuntimeError), replacing(target) as file:
        fail(file)
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_new_file_is_readable_as_any_other(tmp_path):
    with replacing(tmp_path / "a") as file:
        file.write(b"x")
    (tmp_path / "b").touch()
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode


def test_cache_that_cannot_be_made_is_named(tar, tmp_path):
    blocked = tmp_path / "file"
    blocked.touch()
    with pytest.raises(ShardError, match=r"set stream\.cache_dir"):
        plain_tar(str(compressed(tar)), blocked / "cache")


def test_cache_follows_the_xdg_variable(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert str(default_cache_dir()) == "/somewhere/modx_lightning/shards"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert str(default_cache_dir()) == f"{Path.home()}/.cache/modx_lightning/shards"
