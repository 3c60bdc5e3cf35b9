"""The command line: what it accepts, what it answers, what it leaves."""

import json
import os
import subprocess
import sys

import pytest

from modx_lightning.train import _arguments
from tests.tiny_run import tiny_config


def train(*arguments, cwd, **environment):
    """Run the command as a user would; return its exit code and everything it said."""
    done = subprocess.run(
        [sys.executable, "-m", "modx_lightning.train", *arguments],
        cwd=cwd,
        env={**os.environ, "WANDB_MODE": "offline", **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def tiny_arguments(folder):
    """The command line that makes ``tiny_config``, for any folder."""
    tiny_config(folder)
    own = folder / "conf" / "experiment"
    own.mkdir(parents=True, exist_ok=True)
    domain = (
        "{{name: {0}, train: {0}/train-00000.tar, validation: {0}/validation-00000.tar, "
        "test: {0}/test-00000.tar}}"
    )
    (own / "tiny.yaml").write_text(
        "# @package _global_\n"
        "stream:\n"
        f"  root: {folder / 'stream'}\n"
        f"  cache_dir: {folder / 'cache'}\n"
        f"  start: {domain.format('general')}\n"
        f"  phases: [{domain.format('red')}, {domain.format('green')}]\n"
        f"model: {{name: {folder / 'tiny.json'}}}\n"
        "data: {batch_size: 8}\n"
        "evaluation: {batch_size: 8}\n"
        "trainer: {accelerator: cpu}\n"
        "epochs: 1\n"
    )
    return ["+experiment=tiny"]


def test_experiment_may_be_given_with_or_without_a_plus():
    assert _arguments(["experiment=x"])[0] == _arguments(["+experiment=x"])[0] == "+experiment=x"


@pytest.mark.parametrize(
    ("given", "made"),
    [
        (["stream=shop", "--cfg", "job"], ["OWN", "stream=shop", "--cfg", "job"]),
        (["-m", "+experiment=x", "seed=0,1"], ["-m", "OWN", "+experiment=x", "seed=0,1"]),
        (["--cfg", "job"], ["--cfg", "job", "OWN"]),
    ],
)
def test_own_conf_folder_is_searched_beside_the_other_overrides(given, made, tmp_path, monkeypatch):
    (tmp_path / "conf").mkdir()
    monkeypatch.chdir(tmp_path)
    own = f"hydra.searchpath=[file://{tmp_path / 'conf'}]"
    assert _arguments(given) == [own if argument == "OWN" else argument for argument in made]


def test_unknown_names_are_answered_in_one_line_and_nothing_is_made(tmp_path):
    code, said = train("+experiment=ecommerce_phase", cwd=tmp_path)
    assert code == 2
    assert "Did you mean ecommerce_phases" in said
    assert "Traceback" not in said
    assert not list(tmp_path.iterdir())


def test_users_own_experiment_is_found_and_runs_from_any_folder(tmp_path):
    arguments = tiny_arguments(tmp_path)
    code, said = train(*arguments, "method=finetune", "logger=csv", cwd=tmp_path)
    assert code == 0, said
    results = list(tmp_path.glob("runs/tiny/finetune-seed0-*/results.json"))
    assert len(results) == 1
    assert json.loads(results[0].read_text())["status"] == "complete"
    assert "general" in said
    assert "green" in said


@pytest.mark.slow
def test_sweep_over_methods_and_seeds_on_two_ranks_makes_four_runs(tmp_path):
    arguments = tiny_arguments(tmp_path)
    sweep = ["-m", *arguments, "method=finetune,modx", "seed=0,1", "launch.nproc=2"]
    code, said = train(*sweep, cwd=tmp_path)
    assert code == 0, said
    results = [json.loads(p.read_text()) for p in tmp_path.glob("runs/tiny/*/results.json")]
    assert {(r["method"], r["seed"], r["status"]) for r in results} == {
        (method, seed, "complete") for method in ("finetune", "modx") for seed in (0, 1)
    }
    assert len(list(tmp_path.glob("runs/tiny/*/wandb/offline-run-*"))) == 4


@pytest.mark.slow
def test_stochastic_sweep_gives_every_rank_of_a_job_the_same_config(tmp_path):
    arguments = tiny_arguments(tmp_path)
    sweep = ["-m", *arguments, "seed=shuffle(1,2,3)", "logger=csv", "launch.nproc=2"]
    code, said = train(*sweep, cwd=tmp_path)
    assert code == 0, said
    assert len(list(tmp_path.glob("runs/tiny/*/results.json"))) == 3


@pytest.mark.slow
def test_job_that_fails_does_not_stop_the_sweep_and_sets_the_exit_code(tmp_path):
    arguments = tiny_arguments(tmp_path)
    sweep = ["-m", *arguments, "data.batch_size=8,999", "logger=csv"]
    code, said = train(*sweep, cwd=tmp_path)
    assert code == 1
    assert "run failed" in said
    assert len(list(tmp_path.glob("runs/tiny/*/error.txt"))) == 1
    statuses = [
        json.loads(p.read_text())["status"] for p in tmp_path.glob("runs/tiny/*/results.json")
    ]
    assert "complete" in statuses


@pytest.mark.slow
def test_torchrun_is_joined(tmp_path):
    arguments = tiny_arguments(tmp_path)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"),
            *("--rdzv-backend", "c10d", "--rdzv-endpoint", "127.0.0.1:0", "--local-addr"),
            *("127.0.0.1", "-m", "modx_lightning.train", *arguments, "logger=csv"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(list(tmp_path.glob("runs/tiny/*/results.json"))) == 1
