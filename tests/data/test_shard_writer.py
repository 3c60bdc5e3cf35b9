import hashlib

import pytest

from modx_lightning.data.opening import ReadSettings, open_samples
from modx_lightning.data.pictures import decode_picture
from modx_lightning.data.readers.raw_sample import RawSample
from modx_lightning.data.shard_writer import write_shards
from modx_lightning.data.skips import count_reasons
from tests.data.shards_factory import picture
from tests.data.test_pictures import bomb


def raw(key, captions=("a caption",), data=None):
    return RawSample(key, list(captions), lambda: picture() if data is None else data)


def missing():
    raise FileNotFoundError("no such picture")


def opened(tmp_path, name="train"):
    settings = ReadSettings(tmp_path / "cache")
    samples = open_samples("red", f"{name}-*.tar", tmp_path, settings)
    return [samples[i] for i in range(len(samples))]


def test_what_is_written_is_what_streams_read(tmp_path):
    written = write_shards([raw("a", ["one", "two"]), raw("b")], tmp_path, "train")
    assert (written.samples, written.captions, written.skips) == (2, 3, [])
    assert opened(tmp_path) == [
        ("red/train-00000/a", picture(), ["one", "two"]),
        ("red/train-00000/b", picture(), ["a caption"]),
    ]


def test_shards_have_the_wanted_size_and_the_last_has_the_rest(tmp_path):
    written = write_shards((raw(f"k{i}") for i in range(7)), tmp_path, "train", 3)
    assert [(s.file, s.samples) for s in written.shards] == [
        ("train-00000.tar", 3),
        ("train-00001.tar", 3),
        ("train-00002.tar", 1),
    ]
    for shard in written.shards:
        data = (tmp_path / shard.file).read_bytes()
        assert (shard.bytes, shard.sha256) == (len(data), hashlib.sha256(data).hexdigest())


def test_equal_samples_give_equal_bytes(tmp_path):
    first, second = (write_shards([raw("a")], tmp_path / f, "train") for f in "ab")
    assert first.shards == second.shards


def test_unusable_samples_are_counted_and_left_out(tmp_path):
    samples = [
        raw("a", []),
        raw("b", [" "]),
        raw("c", data=b""),
        raw("d", data=bomb(8_000)),
        raw("e", ["x" * 10_001]),
        RawSample("f", ["x"], missing),
        raw("good"),
    ]
    written = write_shards(samples, tmp_path, "train")
    assert count_reasons(written.skips) == {
        "empty caption": 2,
        "unreadable picture": 1,
        "picture above max_pixels": 1,
        "caption longer than 10,000 characters": 1,
        "picture file missing": 1,
    }
    assert (written.samples, written.captions) == (1, 1)


def test_keys_are_made_to_fit_and_unique(tmp_path):
    names = ["a/b.c", "a_b_c", "../../etc", "ü", "…", "a/b c"]
    write_shards([raw(name) for name in names], tmp_path, "train")
    keys = [sample.key.rpartition("/")[2] for sample in opened(tmp_path)]
    assert keys == ["a_b_c", "a_b_c-2", "etc", "sample", "sample-2", "a_b_c-3"]


def test_a_caption_is_one_line(tmp_path):
    write_shards([raw("a", ["one\n two", "three\u2028four"])], tmp_path, "train")
    assert opened(tmp_path)[0].captions == ["one two", "three four"]


def test_fitting_pictures_keep_their_bytes(tmp_path):
    data = [picture(form=form) for form in ("JPEG", "PNG", "WEBP")]
    write_shards([raw(f"k{i}", data=d) for i, d in enumerate(data)], tmp_path, "train", max_side=8)
    assert [sample.picture for sample in opened(tmp_path)] == data


def test_large_pictures_are_scaled_and_foreign_ones_coded_anew(tmp_path):
    samples = [raw("a", data=picture(size=(80, 40))), raw("b", data=picture(form="GIF"))]
    write_shards(samples, tmp_path, "train", max_side=20)
    sizes = [decode_picture(sample.picture, 10**6).size for sample in opened(tmp_path)]
    assert sizes == [(20, 10), (8, 6)]


def test_older_shards_of_the_split_go_and_others_stay(tmp_path):
    write_shards((raw(f"k{i}") for i in range(4)), tmp_path, "train", 1)
    write_shards([raw("t")], tmp_path, "test")
    write_shards([raw("new")], tmp_path, "train", 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["test-00000.tar", "train-00000.tar"]
    assert opened(tmp_path)[0].key.endswith("new")


def test_a_reader_that_breaks_off_leaves_the_old_shards(tmp_path):
    write_shards([raw("old")], tmp_path, "train")

    def broken():
        yield raw("new")
        raise OSError("disk gone")

    with pytest.raises(OSError, match="disk gone"):
        write_shards(broken(), tmp_path, "train")
    assert opened(tmp_path)[0].key.endswith("old")
    assert [path.name for path in tmp_path.glob(".train*")] == []


def test_nothing_usable_raises(tmp_path):
    with pytest.raises(ValueError, match=r"not one sample of 'train' can be used: \{'empty"):
        write_shards([raw("a", [])], tmp_path, "train")


@pytest.mark.parametrize("options", [{"samples_per_shard": 0}, {"max_side": 0}])
def test_sizes_below_one_raise(tmp_path, options):
    with pytest.raises(ValueError, match="at least 1"):
        write_shards([raw("a")], tmp_path, "train", **options)
