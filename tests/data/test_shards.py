from pathlib import Path

import pytest

import modx_lightning
from modx_lightning.data.shards import ShardError, expand


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "da[t]a"  # a folder's own name is never a pattern
    root.mkdir()
    for name in ("train-0.tar", "train-1.tar", "train-2.tar", "test-0.tar"):
        (root / name).touch()
    return root


def names(shards):
    return [Path(shard).name for shard in shards]


def test_plain_name(folder):
    assert expand("test-0.tar", folder) == [str(folder / "test-0.tar")]


def test_braces_expand_in_the_order_written(folder):
    assert names(expand("train-{2,0}.tar", folder)) == ["train-2.tar", "train-0.tar"]
    assert names(expand("train-{0..2}.tar", folder)) == [f"train-{i}.tar" for i in range(3)]


def test_glob_is_sorted(folder):
    assert names(expand("train-*.tar", folder)) == [f"train-{i}.tar" for i in range(3)]
    assert names(expand("../*/te?t-0.tar", folder)) == ["test-0.tar"]


def test_several_patterns_keep_their_order(folder):
    assert names(expand(["test-0.tar", "train-[01].tar"], folder)) == [
        "test-0.tar",
        "train-0.tar",
        "train-1.tar",
    ]


def test_absolute_paths_and_file_urls_do_not_need_the_root(folder):
    shard = str(folder / "test-0.tar")
    assert expand(shard, "/nowhere") == expand(f"file://{shard}", "/nowhere") == [shard]
    plain = folder.parent / "plain"
    folder.rename(plain)
    assert names(expand(f"{plain}/train-*.tar", "/nowhere")) == [f"train-{i}.tar" for i in range(3)]


def test_home_is_expanded(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder))
    assert names(expand("test-0.tar", "~")) == ["test-0.tar"]
    assert names(expand("~/test-0.tar", "/nowhere")) == ["test-0.tar"]


@pytest.mark.parametrize(
    ("pattern", "root", "shards"),
    [
        ("https://host/t-{0..1}.tar", ".", ["https://host/t-0.tar", "https://host/t-1.tar"]),
        ("x/t.tar", "https://host/data/", ["https://host/data/x/t.tar"]),
        ("pipe:cat t-{0,1}.tar", ".", ["pipe:cat t-0.tar", "pipe:cat t-1.tar"]),
    ],
)
def test_urls_and_commands_are_left_as_they_are(pattern, root, shards):
    assert expand(pattern, root) == shards


def test_assets_lie_inside_the_package(folder, monkeypatch):
    assets = Path(modx_lightning.__file__).parent / "assets"
    with pytest.raises(FileNotFoundError, match=str(assets)):
        expand("train-*.tar", "asset:no_such_stream")
    with pytest.raises(FileNotFoundError, match=str(assets)):
        expand("asset:no_such_stream/train-*.tar", folder)


def test_pattern_that_matches_nothing_says_what_is_there(folder):
    with pytest.raises(FileNotFoundError, match=r"'tarin-\*.tar' in .*holds test-0.tar, train-0"):
        expand("tarin-*.tar", folder)


def test_one_missing_shard_of_a_range_is_named(folder):
    with pytest.raises(FileNotFoundError, match="no shard matches 'train-3.tar'"):
        expand("train-{0..3}.tar", folder)


def test_missing_and_empty_folders_are_told_apart(tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        expand("x/*.tar", tmp_path)
    (tmp_path / "x").mkdir()
    with pytest.raises(FileNotFoundError, match="is empty"):
        expand("x/*.tar", tmp_path)


def test_braces_that_do_not_match_raise(folder):
    with pytest.raises(ShardError, match=r"braces of shard pattern 'train-\{0"):
        expand("train-{0..2.tar", folder)


def test_no_pattern_raises(folder):
    with pytest.raises(ShardError, match="got none"):
        expand([], folder)
