import json
import platform
import subprocess
from pathlib import Path

import pytest

import modx_lightning
from modx_lightning.reporting import environment as module
from modx_lightning.reporting.environment import environment


def test_environment_is_plain_json_without_paths():
    found = environment()
    assert found["versions"]["python"] == platform.python_version()
    assert found["versions"]["modx_lightning"] == modx_lightning.__version__
    assert all(found["versions"].values())
    assert found["hardware"]["cores"] >= 1
    assert found["hardware"]["memory_gib"] > 0
    text = json.dumps(found)
    assert str(Path.home()) not in text
    assert str(Path(modx_lightning.__file__).parent) not in text
    assert platform.node() not in text


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A git checkout with the package in it, installed packages below, and a user's own file."""
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "one"]):
        subprocess.run([*git, *command], check=True)
    monkeypatch.setattr(modx_lightning, "__file__", str(package / "__init__.py"))
    return package


def test_commit_is_the_one_of_the_checkout(checkout):
    commit = module._git("rev-parse", "HEAD")
    assert len(commit) == 40
    assert environment()["git_commit"] == commit


def test_changed_files_are_told_and_new_ones_are_not(checkout):
    (checkout / "runs").write_text("left by a run")
    assert environment()["git_commit"] == module._git("rev-parse", "HEAD")
    (checkout / "__init__.py").write_text("changed = 1")
    assert environment()["git_commit"].endswith("+changes")


def test_installation_inside_a_checkout_of_something_else_has_no_commit(checkout, monkeypatch):
    installed = checkout / "venv"
    installed.mkdir()
    (installed / "__init__.py").write_text("")
    monkeypatch.setattr(modx_lightning, "__file__", str(installed / "__init__.py"))
    assert environment()["git_commit"] is None


def test_no_git_is_no_error(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert environment()["git_commit"] is None
