import tarfile

import pytest

from modx_lightning.data.shard_index import build_index
from modx_lightning.data.shards import ShardError
from modx_lightning.data.skips import count_reasons
from tests.data.shards_factory import damaged_picture, picture, sample, write_shard, write_tar
from tests.data.test_pictures import bomb


def index(tmp_path, *members, **named):
    """Index a shard of one good sample "good" and the given members."""
    pairs = [*sample(0, key="good").items(), *members, *named.items()]
    path = write_tar(tmp_path / "shard.tar", pairs)
    return build_index(path, "shard", max_pixels=50_000_000)


def reasons(found):
    return count_reasons(found.skips)


def test_index_points_at_pictures_and_captions(tmp_path):
    path = write_shard(tmp_path / "shard.tar", samples=3)
    found = build_index(path, "shard", 50_000_000)
    data = path.read_bytes()
    for i, key in enumerate(found.keys):
        offset, size = found.image[i]
        assert data[offset : offset + size] == sample(i)[f"{key}.png"]
        offset, size, kind = found.caption[i]
        assert data[offset : offset + size] == f"{key} caption 0".encode()
        assert kind == 0
    assert found.skips == []


def test_key_ends_at_the_first_dot_of_the_last_component(tmp_path):
    found = index(
        tmp_path, ("a.b/c.thumb.jpg", picture()), ("a.b/c.jpg", picture()), ("a.b/c.txt", b"x")
    )
    assert found.keys == ["good", "a.b/c"]
    assert found.skips == []  # c.thumb.jpg is another member of a.b/c that nobody asks for


def test_suffixes_are_read_in_any_case(tmp_path):
    assert index(tmp_path, ("a.PNG", picture()), ("a.TXT", b"x")).keys == ["good", "a"]


def test_members_of_a_sample_may_lie_apart(tmp_path):
    found = index(
        tmp_path, ("a.png", picture()), ("b.png", picture()), ("b.txt", b"x"), ("a.txt", b"x")
    )
    assert found.keys == ["good", "a", "b"]


def test_text_wins_over_json_metadata(tmp_path):
    found = index(tmp_path, ("a.png", picture()), ("a.json", b'{"url": "x"}'), ("a.txt", b"x"))
    assert found.skips == []
    assert found.caption[1, 2] == 0
    found = index(tmp_path, ("a.png", picture()), ("a.json", b'{"caption": "x"}'))
    assert found.skips == []
    assert found.caption[1, 2] == 1


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ([("a.png", picture())], "picture without caption"),
        ([("a.txt", b"x")], "caption without picture"),
        ([("a.png", b""), ("a.txt", b"x")], "zero-byte picture"),
        ([("a.png", b"no picture"), ("a.txt", b"x")], "unreadable picture"),
        ([("a.png", bomb(8_000)), ("a.txt", b"x")], "picture above max_pixels"),
        ([("a.png", bomb(60_000)), ("a.txt", b"x")], "picture above max_pixels"),
        ([("a.png", picture()), ("a.txt", b"")], "empty caption"),
        ([("a.png", picture()), ("a.txt", b" \n ")], "empty caption"),
        ([("a.png", picture()), ("a.txt", b"\xff\xfe")], "caption is not UTF-8"),
        ([("a.png", picture()), ("a.txt", b"x" * 10_001)], "caption longer than 10,000 characters"),
        (
            [("a.png", picture()), ("a.txt", b"x\n" * 600_000)],
            "caption longer than 10,000 characters",
        ),
        ([("a.png", picture()), ("a.json", b"{}")], "JSON member without a caption"),
        ([("/a.png", picture()), ("/a.txt", b"x")], "unsafe name (absolute or with '..')"),
        ([("../a.png", picture()), ("../a.txt", b"x")], "unsafe name (absolute or with '..')"),
    ],
)
def test_each_bad_sample_is_one_skip_with_its_reason(tmp_path, members, reason):
    found = index(tmp_path, *members)
    assert found.keys == ["good"]
    assert reasons(found) == {reason: 1}


def test_of_two_samples_with_one_key_the_first_stays(tmp_path):
    first = sample(1, ["first"], "a")
    found = index(tmp_path, *first.items(), *sample(2, ["second"], "a").items())
    assert found.keys == ["good", "a"]
    offset, size, _ = found.caption[1]
    assert found.path.read_bytes()[offset : offset + size] == b"first"
    assert reasons(found) == {"duplicate key": 1}


def test_second_picture_of_a_sample_is_counted(tmp_path):
    found = index(tmp_path, *sample(1, key="a").items(), ("a.jpg", picture(form="JPEG")))
    assert found.keys == ["good", "a"]
    assert reasons(found) == {"duplicate key": 1}


@pytest.mark.parametrize("suffix", ["pyd", "pickle", "pkl", "pth", "pt", "embedding.pth"])
def test_pickles_are_counted_and_never_opened(tmp_path, suffix):
    found = index(tmp_path, (f"good.{suffix}", b"cos\nsystem\n(S'false'\ntR."))
    assert found.keys == ["good"]
    assert reasons(found) == {"pickled member, never opened": 1}


def test_links_and_devices_are_counted_and_not_followed(tmp_path):
    link, device = tarfile.TarInfo("a.png"), tarfile.TarInfo("b.png")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    device.type = tarfile.CHRTYPE
    sparse = tarfile.TarInfo("c.png")
    sparse.type = tarfile.GNUTYPE_SPARSE
    found = index(tmp_path, (link, None), (device, None), (sparse, None))
    assert found.keys == ["good"]
    assert reasons(found) == {"link or device": 3}


def test_folders_hidden_files_and_other_members_are_no_samples(tmp_path):
    folder = tarfile.TarInfo("x.dir")
    folder.type = tarfile.DIRTYPE
    found = index(
        tmp_path, (folder, None), ("._good.png", b"mac"), ("README", b"x"), ("good.cls", b"3")
    )
    assert found.keys == ["good"]
    assert found.skips == []


def test_name_that_is_not_utf8_can_be_logged_and_written(tmp_path):
    found = index(tmp_path, *sample(1, key="caf\udce9").items())
    assert found.keys[1].encode("utf-8") == rb"caf\udce9"


@pytest.mark.parametrize("cut", [0.45, 0.5, 0.55, 0.9])
def test_of_a_truncated_tar_the_samples_before_the_cut_are_used(tmp_path, cut):
    path = write_shard(tmp_path / "shard.tar", samples=10)
    with tarfile.open(path) as tar:
        size = tar.getmembers()[-1].offset_data + 512
    path.write_bytes(path.read_bytes()[: int(size * cut)])
    found = build_index(path, "shard", 50_000_000)
    assert found.keys == [f"{i:06d}" for i in range(len(found.keys))]
    assert 3 <= len(found.keys) < 10
    assert reasons(found)["truncated tar"] == 1
    assert sum(reasons(found).values()) <= 2  # the sample that was cut in two may count as well


def test_caption_that_was_cut_in_two_is_not_used(tmp_path):
    path = write_shard(tmp_path / "shard.tar", samples=4)
    with tarfile.open(path) as tar:
        caption = tar.getmembers()[5].offset_data
    path.write_bytes(path.read_bytes()[: caption + 5])
    found = build_index(path, "shard", 50_000_000)
    assert found.keys == ["000000", "000001"]
    assert reasons(found) == {"truncated tar": 1, "picture without caption": 1}


def test_tar_cut_between_two_members_is_truncated_too(tmp_path):
    path = write_shard(tmp_path / "shard.tar", samples=4)
    with tarfile.open(path) as tar:
        end = tar.getmembers()[3].offset_data + 512
    path.write_bytes(path.read_bytes()[:end])
    found = build_index(path, "shard", 50_000_000)
    assert len(found.keys) == 2
    assert reasons(found) == {"truncated tar": 1}


def test_damaged_header_ends_the_shard_and_is_counted(tmp_path):
    path = write_shard(tmp_path / "shard.tar", samples=4)
    with tarfile.open(path) as tar:
        header = tar.getmembers()[4].offset
    data = bytearray(path.read_bytes())
    data[header + 150] ^= 0xFF  # its checksum
    path.write_bytes(data)
    found = build_index(path, "shard", 50_000_000)
    assert len(found.keys) == 2
    assert reasons(found) == {"corrupt tar header": 1}


@pytest.mark.parametrize(
    ("data", "message"),
    [(b"", r"is empty \(0 bytes\)"), (b"<html>no</html>" * 99, "is no tar file"), (b"x", "no tar")],
)
def test_file_that_is_no_tar_raises(tmp_path, data, message):
    path = tmp_path / "shard.tar"
    path.write_bytes(data)
    with pytest.raises(ShardError, match=message):
        build_index(path, "shard", 50_000_000)


def test_only_the_header_of_a_picture_is_read(tmp_path):
    found = index(tmp_path, ("a.jpg", damaged_picture()), ("a.txt", b"x"))
    assert found.keys == ["good", "a"]
