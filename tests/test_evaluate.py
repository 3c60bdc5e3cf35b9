import json

import pytest
import torch

from modx_lightning.evaluate import main
from modx_lightning.models.local_dir import save_local_dir
from tests.data.shards_factory import sample, write_shard, write_tar
from tests.tiny_clip import tiny_clip


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A run folder with one model, and shards of two domains; the working folder of the test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    save_local_dir(tiny_clip(), tmp_path / "run" / "phases" / "00-initial")
    write_shard(tmp_path / "red" / "test-00000.tar", samples=7, captions=2)
    write_shard(tmp_path / "green" / "test-00000.tar", samples=5)
    return tmp_path


def test_phase_folder_is_measured_on_every_set(place, capsys):
    model = "run/phases/00-initial"
    data = ["--data", "red/test-*.tar", "--data", "trees=green/test-00000.tar"]
    assert main([model, *data, "--json", "out.json", "--batch-size", "3"]) == 0
    output = capsys.readouterr().out
    content = json.loads((place / "out.json").read_text())
    assert list(content["scores"]) == ["red", "trees"]
    assert content["data"]["red"] == {
        "shards": "red/test-*.tar",
        "images": 7,
        "texts": 14,
        "skipped": 0,
    }
    assert content["environment"]["versions"]["torch"] == torch.__version__
    row = next(line for line in output.splitlines() if line.strip().startswith("red")).split()
    assert row[:3] == ["red", "7", "14"]
    assert row[-1] == f"{content['scores']['red']['mean_R@5']:.1f}"


def test_damaged_picture_is_left_out_counted_and_logged(place, caplog):
    members = {**sample(0), **sample(1), **sample(2)}
    members["000002.png"] = members["000002.png"][:48]  # its header is whole
    write_tar(place / "torn" / "test.tar", members)
    arguments = ["run/phases/00-initial", "--data", "torn/test.tar", "--json", "out.json"]
    assert main(arguments) == 0
    data = json.loads((place / "out.json").read_text())["data"]["torn"]
    assert (data["images"], data["texts"], data["skipped"]) == (2, 2, 1)
    assert "unreadable picture, 1 time" in caplog.text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "--data", "red/test-*.tar"], "expected the folder of one model, such as run/pha"),
        (["run/phases/00-initial", "--data", "blue/test-*.tar"], "no shard matches"),
        (["no-such-model", "--data", "red/test-*.tar"], "no-such-model"),
        (["run/phases/00-initial", *["--data", "red/a.tar"] * 2], "two sets are called 'red'"),
        (["run/phases/00-initial", "--data", "red/test-*.tar", "--workers", "few"], "few"),
    ],
)
def test_what_cannot_be_measured_is_an_error_and_not_a_traceback(place, capsys, arguments, message):
    assert main(arguments) == 1
    assert message in capsys.readouterr().err
