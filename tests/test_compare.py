import subprocess
import sys

import pytest

from modx_lightning.compare import find_results, main
from tests.reporting.runs import FINETUNE, made_run


@pytest.fixture
def runs(tmp_path):
    for method, fields in {"finetune": {"matrix": FINETUNE}, "modx": {}}.items():
        folder = tmp_path / "shop" / method
        folder.mkdir(parents=True)
        made_run(method, **fields).write(folder / "results.json")
    return tmp_path


def test_one_run_is_shown_as_its_matrix(runs, capsys):
    assert main([str(runs / "shop" / "modx")]) == 0
    output = capsys.readouterr().out
    assert "1 furniture" in output
    assert "its change since before" not in output


def test_several_runs_are_shown_side_by_side(runs, capsys):
    assert main([str(runs)]) == 0
    output = capsys.readouterr().out
    assert "finetune: forgot" in output
    assert "modx: forgot" in output
    assert "1 furniture" not in output


def test_matrices_come_first_when_asked_for(runs, capsys):
    assert main([str(runs), "--matrices"]) == 0
    output = capsys.readouterr().out
    assert output.count("1 furniture") == 2
    assert output.index("1 furniture") < output.index("its change since before")


def test_results_are_found_at_any_depth_and_only_once(runs):
    found = find_results([runs / "shop" / "modx" / "results.json", runs])
    assert [path.parent.name for path in found] == ["modx", "finetune"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing"], "missing does not exist"),
        (["empty"], "no results.json in empty"),
        (["torn"], "torn or not JSON"),
        (["shop", "--metric", "R@7"], "no scores of 'R@7'; it has mean_R@5"),
    ],
)
def test_what_cannot_be_shown_is_one_line_on_stderr(runs, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(runs)
    (runs / "empty").mkdir()
    (runs / "torn").mkdir()
    (runs / "torn" / "results.json").write_text("{")
    assert main(arguments) == 1
    captured = capsys.readouterr()
    assert message in captured.err
    assert len(captured.err.splitlines()) == 1


def test_door_imports_nothing_heavy():
    script = "import sys, modx_lightning.compare; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"torch", "lightning", "open_clip", "numpy", "hydra", "wandb"} & set(loaded)
