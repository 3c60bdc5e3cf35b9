import base64
import functools
import hashlib
import json
import operator

import pytest

from modx_lightning.data.stream import Stream
from modx_lightning.prepare import main
from tests.data.readers.test_readers import COCO, FLICKR
from tests.data.shards_factory import picture


@pytest.fixture
def raw(tmp_path):
    """A folder with one tiny raw data set of each format."""
    folder = tmp_path / "raw"
    (folder / "images").mkdir(parents=True)
    names = [image["file_name"] for image in COCO["images"]]
    names += [image["filename"] for image in FLICKR["images"]]
    for name in names:
        (folder / "images" / name).write_bytes(picture(form="JPEG"))
    (folder / "captions_train2014.json").write_text(json.dumps(COCO))
    (folder / "dataset_flickr30k.json").write_text(json.dumps(FLICKR))
    coded = base64.b64encode(picture())
    lines = b"".join(b"%d\t%s\n" % (i, coded) for i in range(6))
    (folder / "T2I_train.img.tsv").write_bytes(lines)
    texts = "".join(f"{i}\t商品 {i}\n" for i in range(6))
    (folder / "T2I_train.text.tsv").write_text(texts, encoding="utf-8")
    rows = "".join(f"{name},a thing\n" for name in names)
    (folder / "pairs.csv").write_text("path,text\n" + rows)
    return folder


def prepare(raw, form, *options):
    """Run the door with the inputs of one format."""
    inputs = {
        "coco": ("--annotations", raw / "captions_train2014.json", "--images", raw / "images"),
        "karpathy": ("--annotations", raw / "dataset_flickr30k.json", "--images", raw / "images"),
        "ecommerce_t2i": (
            *("--images", raw / "T2I_train.img.tsv"),
            *("--texts", raw / "T2I_train.text.tsv"),
        ),
        "csv": (
            *("--table", raw / "pairs.csv", "--images", raw / "images"),
            *("--image-column", "path", "--caption-column", "text"),
        ),
    }
    out = raw.parent / "out"
    arguments = [form, *inputs[form], "--out", out, "--name", "train", *options]
    return main([str(argument) for argument in arguments]), out


@pytest.mark.parametrize(
    ("form", "options", "samples", "captions"),
    [
        ("coco", (), 2, 3),
        ("karpathy", ("--splits", "train", "test"), 2, 3),
        ("ecommerce_t2i", (), 6, 6),
        ("csv", (), 5, 5),
    ],
)
def test_each_format_becomes_a_stream(raw, form, options, samples, captions, capsys):
    status, out = prepare(raw, form, *options)
    assert status == 0
    index = json.loads((out / "index.json").read_text())
    split = index["splits"]["train"]
    assert (index["schema_version"], split["samples"], split["captions"]) == (1, samples, captions)
    assert split["skipped"] == {}
    assert split["source"]["format"] == form
    shard = split["shards"][0]
    data = (out / shard["file"]).read_bytes()
    assert shard["sha256"] == hashlib.sha256(data).hexdigest()
    stream = Stream(str(out), [{"name": "x", "train": "train-*.tar"}], cache_dir=out / "cache")
    assert stream.check(batch_size=2, epochs=1).samples == {"x/train": samples}
    assert "train" in capsys.readouterr().err


def keys(out, part):
    stream = Stream(
        str(out), [{"name": "x", "train": f"train-part-{part}-*.tar"}], cache_dir=out / "cache"
    )
    samples = stream.phase_data(1).samples
    return [samples.key(i).rpartition("/")[2] for i in range(len(samples))]


def test_parts_are_contiguous_by_default(raw):
    _, out = prepare(raw, "ecommerce_t2i", "--parts", "3")
    assert [keys(out, part) for part in (1, 2, 3)] == [["0", "1"], ["2", "3"], ["4", "5"]]
    assert sorted(json.loads((out / "index.json").read_text())["splits"]) == [
        f"train-part-{part}" for part in (1, 2, 3)
    ]


def test_parts_may_be_random_and_are_seeded(raw):
    _, out = prepare(raw, "ecommerce_t2i", "--parts", "2", "--part-order", "random", "--seed", "1")
    first = [keys(out, part) for part in (1, 2)]
    assert (
        sorted(functools.reduce(operator.iadd, first, []))
        == ["0", "1", "2", "3", "4", "5"]
        != functools.reduce(operator.iadd, first, [])
    )
    prepare(
        raw, "ecommerce_t2i", "--parts", "2", "--part-order", "random", "--seed", "1", "--force"
    )
    assert [keys(out, part) for part in (1, 2)] == first


def test_another_split_joins_the_index(raw):
    _, out = prepare(raw, "coco")
    prepare(raw, "csv", "--name", "test")
    assert sorted(json.loads((out / "index.json").read_text())["splits"]) == ["test", "train"]


def test_nothing_is_overwritten_unasked(raw, capsys):
    _, out = prepare(raw, "coco")
    before = (out / "train-00000.tar").read_bytes()
    assert prepare(raw, "csv")[0] == 1
    assert "exists already; add --force" in capsys.readouterr().err
    assert (out / "train-00000.tar").read_bytes() == before
    assert prepare(raw, "csv", "--force")[0] == 0
    assert (out / "train-00000.tar").read_bytes() != before


def test_missing_pictures_are_counted_in_table_and_index(raw, capsys):
    next((raw / "images").glob("COCO*")).unlink()
    status, out = prepare(raw, "coco")
    assert status == 0
    assert "1 picture file missing" in capsys.readouterr().err
    split = json.loads((out / "index.json").read_text())["splits"]["train"]
    assert split["skipped"] == {"picture file missing": 1}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("coco", "--annotations", "no.json", "--images", "."), "no.json"),
        (("csv", "--table", "{raw}/pairs.csv", "--images", "."), "no column 'filepath'"),
        (
            ("ecommerce_t2i", "--images", "{raw}/T2I_train.img.tsv", "--texts", "{raw}/pairs.csv"),
            "TAB <description>",
        ),
    ],
)
def test_wrong_input_is_an_error_message_and_a_status(raw, arguments, message, capsys):
    filled = [argument.format(raw=raw) for argument in arguments]
    assert main([*filled, "--out", str(raw / "out"), "--name", "train"]) == 1
    text = capsys.readouterr().err
    assert "error:" in text
    assert message in text
    assert "Traceback" not in text


def test_foreign_index_is_not_overwritten(raw, capsys):
    out = raw.parent / "out"
    out.mkdir()
    (out / "index.json").write_text('{"mine": 1}')
    assert prepare(raw, "coco")[0] == 1
    assert "is not an index of shards" in capsys.readouterr().err
    assert [path.name for path in out.iterdir()] == ["index.json"]


def test_name_with_a_slash_is_refused(raw, capsys):
    assert prepare(raw, "coco", "--name", "a/train")[0] == 1
    assert "expected --name of letters" in capsys.readouterr().err


def test_help_shows_a_whole_example(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--help"])
    assert stop.value.code == 0
    assert (
        "--splits train val --out data/flickr30k --name train --parts 5" in capsys.readouterr().out
    )
