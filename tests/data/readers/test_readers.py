"""Tiny files in exactly the published formats."""

import base64
import json

import pytest

from modx_lightning.data.readers.coco import read_coco
from modx_lightning.data.readers.ecommerce_t2i import read_ecommerce_t2i
from modx_lightning.data.readers.karpathy import read_karpathy
from modx_lightning.data.readers.raw_sample import MalformedSourceError
from modx_lightning.data.readers.table import read_table
from tests.data.shards_factory import picture

COCO = {
    "info": {"description": "COCO 2014 Dataset"},
    "licenses": [],
    "images": [
        {"license": 5, "file_name": "COCO_train2014_000000057870.jpg", "id": 57870, "height": 480},
        {"license": 5, "file_name": "COCO_train2014_000000384029.jpg", "id": 384029, "height": 429},
    ],
    "annotations": [
        {"image_id": 384029, "id": 1, "caption": "A very clean kitchen."},
        {"image_id": 57870, "id": 787980, "caption": "A restaurant has modern tables.\n"},
        {"image_id": 57870, "id": 789366, "caption": "A long restaurant table."},
    ],
}


def sentences(*texts):
    return [
        {"tokens": t.lower().split(), "raw": t, "imgid": 0, "sentid": i}
        for i, t in enumerate(texts)
    ]


def flickr(number, split, filename, *texts):
    return {
        "sentids": [5 * number],
        "imgid": number,
        "sentences": sentences(*texts),
        "split": split,
        "filename": filename,
    }


FLICKR = {
    "dataset": "flickr30k",
    "images": [
        flickr(0, "train", "1000092795.jpg", "Two men."),
        flickr(1, "test", "10002456.jpg", "A cat.", "One cat."),
        flickr(2, "val", "1000268201.jpg", "A dog."),
    ],
}
KARPATHY_COCO = {
    "dataset": "coco",
    "images": [
        {
            "filepath": "val2014",
            "sentids": [1],
            "filename": "COCO_val2014_000000391895.jpg",
            "imgid": 0,
            "split": "test",
            "sentences": sentences("A man with a red helmet."),
            "cocoid": 391895,
        }
    ],
}


@pytest.fixture
def write(tmp_path):
    def write(name, content):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = content if isinstance(content, str | bytes) else json.dumps(content)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def pairs(samples):
    return [(sample.key, sample.captions) for sample in samples]


def test_coco_gives_pictures_in_file_order_with_all_captions(write, tmp_path):
    write("train2014/COCO_train2014_000000057870.jpg", b"picture")
    samples = list(read_coco(write("captions_train2014.json", COCO), tmp_path / "train2014"))
    assert pairs(samples) == [
        (
            "COCO_train2014_000000057870",
            ["A restaurant has modern tables.\n", "A long restaurant table."],
        ),
        ("COCO_train2014_000000384029", ["A very clean kitchen."]),
    ]
    assert samples[0].read() == b"picture"
    with pytest.raises(FileNotFoundError):
        samples[1].read()


def test_karpathy_gives_the_wanted_splits(write, tmp_path):
    file = write("dataset_flickr30k.json", FLICKR)
    assert pairs(read_karpathy(file, tmp_path, ["train", "val"])) == [
        ("1000092795", ["Two men."]),
        ("1000268201", ["A dog."]),
    ]
    assert pairs(read_karpathy(file, tmp_path, ["test"])) == [("10002456", ["A cat.", "One cat."])]


def test_karpathy_coco_lies_in_the_folder_it_names(write, tmp_path):
    write("val2014/COCO_val2014_000000391895.jpg", b"picture")
    (found,) = read_karpathy(write("dataset_coco.json", KARPATHY_COCO), tmp_path, ["test"])
    assert found.key == "COCO_val2014_000000391895"
    assert found.read() == b"picture"


def test_split_that_is_not_there_is_answered_with_those_that_are(write, tmp_path):
    with pytest.raises(
        ValueError, match=r"no split \['restval'\]; it has \['test', 'train', 'val'\]"
    ):
        list(read_karpathy(write("d.json", FLICKR), tmp_path, ["restval"]))


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("padding", [True, False])
def test_ecommerce_pictures_are_decoded_in_both_alphabets(write, encode, padding):
    data = [bytes(range(256)) + b"\xff\xfe\xfb", picture()]
    coded = [encode(d) if padding else encode(d).rstrip(b"=") for d in data]
    images = write("T2I_train.img.tsv", b"8cf9\t" + coded[0] + b"\nab12\t" + coded[1] + b"\n")
    texts = write("T2I_train.text.tsv", "ab12\t男女童纯棉短裤\n8cf9\t2021夏季新款\n")
    samples = list(read_ecommerce_t2i(images, texts))
    assert pairs(samples) == [("8cf9", ["2021夏季新款"]), ("ab12", ["男女童纯棉短裤"])]
    assert [sample.read() for sample in samples] == data


def test_ecommerce_texts_may_be_jsonl_and_several(write):
    images = write("imgs.tsv", b"1\tAA==\n2\tAA==\n3\tAA==\n")
    lines = [
        {"text_id": 0, "text": "裤", "image_ids": [1, 2]},
        {"text_id": 1, "text": "a", "image_ids": [1]},
    ]
    texts = write("texts.jsonl", "\n".join(json.dumps(line) for line in lines))
    found = pairs(read_ecommerce_t2i(images, texts))
    assert found == [("1", ["裤", "a"]), ("2", ["裤"]), ("3", [])]


def test_line_separators_inside_a_description_do_not_end_it(write):
    images = write("imgs.tsv", b"1\tAA==\r\n")
    texts = write("texts.tsv", "1\t夏\u2028季\u0085\x0b裤\r\n")
    (found,) = read_ecommerce_t2i(images, texts)
    assert found.captions == ["夏\u2028季\u0085\x0b裤"]
    assert found.read() == b"\0"


def test_picture_that_is_not_base64_raises_when_read(write):
    (found,) = read_ecommerce_t2i(write("i.tsv", b"1\t!!!\n"), write("t.tsv", "1\tx"))
    with pytest.raises(ValueError, match="not base64"):
        found.read()


def test_table_rows_of_one_picture_are_its_captions(write, tmp_path):
    write("images/a/b.jpg", b"picture")
    table = write(
        "t.csv", 'filepath,title,x\na/b.jpg,"Red, round",1\nc.png,Blue,2\na/b.jpg,Ball,3\n'
    )
    samples = list(read_table(table, tmp_path / "images", "filepath", "title"))
    assert pairs(samples) == [("a/b", ["Red, round", "Ball"]), ("c", ["Blue"])]
    assert samples[0].read() == b"picture"


@pytest.mark.parametrize(("name", "delimiter"), [("t.tsv", None), ("t.txt", "\t")])
def test_tables_may_be_separated_by_tabs(write, tmp_path, name, delimiter):
    table = write(name, "\ufefffile\ttext\na.jpg\tRed, round\n")
    assert pairs(read_table(table, tmp_path, "file", "text", delimiter)) == [("a", ["Red, round"])]


@pytest.mark.parametrize(
    ("read", "content", "message"),
    [
        (lambda f: read_coco(f, f), "{", "is not a COCO captions file"),
        (lambda f: read_coco(f, f), "[]", "is not a COCO captions file"),
        (lambda f: read_coco(f, f), FLICKR, "is not a COCO captions file"),
        (lambda f: read_coco(f, f), b"\xff", "is not a COCO captions file"),
        (lambda f: read_karpathy(f, f, ["test"]), "{", "is no Karpathy split file"),
        (lambda f: read_karpathy(f, f, ["test"]), "[]", "is no Karpathy split file"),
        (lambda f: read_karpathy(f, f, ["test"]), COCO, "is no Karpathy split file"),
        (lambda f: read_ecommerce_t2i(f, f), "1 AA==\n", "line 1: expected '<image id> TAB"),
        (lambda f: read_ecommerce_t2i(f, f), b"1\t\xff", "is not UTF-8"),
        (lambda f: read_table(f, f, "filepath", "title"), "a,title\n", "has no column 'filepath'"),
        (lambda f: read_table(f, f, "filepath", "title"), "", "has no column 'filepath'"),
        (lambda f: read_table(f, f, "filepath", "title"), b"filepath,title\n\xff,", "as a table"),
    ],
)
def test_file_of_another_format_is_named(write, read, content, message):
    with pytest.raises(MalformedSourceError, match=message):
        list(read(write("file", content)))


@pytest.mark.parametrize("line", ["{", "[]", '{"text": "x"}', '{"text": "x", "image_ids": 3}'])
def test_jsonl_line_of_another_format_is_named(write, line):
    images, texts = write("i.tsv", b"1\tAA=="), write("t.jsonl", line)
    with pytest.raises(MalformedSourceError, match=r"t\.jsonl, line 1: expected an object"):
        list(read_ecommerce_t2i(images, texts))
