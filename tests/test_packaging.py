"""What `pip install .` brings along."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from zipfile import ZipFile

import pytest
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    return Path(next(WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])))


def files_below(folder, inside):
    return {
        f"{inside}/{path.relative_to(folder).as_posix()}"
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_holds_code_conf_and_assets_and_nothing_else(wheel):
    expected = files_below(ROOT / "modx_lightning", "modx_lightning")
    expected |= files_below(ROOT / "conf", "modx_lightning/conf")
    names = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert names == expected
    assert "modx_lightning/conf/train.yaml" in names


def test_the_wheel_stays_below_forty_megabytes(wheel):
    assert wheel.stat().st_size < 40e6


def test_the_lock_pins_every_direct_dependency_and_names_no_index():
    lock = (ROOT / "requirements.lock").read_text()
    pinned = set(re.findall(r"^([a-z0-9-]+)==", lock, flags=re.MULTILINE))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {re.split(r"[\[>=]", line)[0].lower().replace("_", "-") for line in wanted}
    assert names <= pinned, names - pinned
    assert "://" not in lock


@pytest.mark.slow
def test_the_installed_wheel_trains_from_any_folder(wheel, tmp_path):
    """Unpacked in front of the checkout, with the libraries of this environment."""
    ZipFile(wheel).extractall(tmp_path / "site")
    there = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    where = [sys.executable, "-c", "import modx_lightning; print(modx_lightning.__file__)"]
    found = subprocess.check_output(where, cwd=tmp_path, env=there, text=True)
    assert found.startswith(str(tmp_path))
    command = "-m modx_lightning.train +experiment=ecommerce_phases method=modx seed=0 epochs=1"
    subprocess.run([sys.executable, *command.split()], cwd=tmp_path, env=there, check=True)
    (results,) = (tmp_path / "runs").rglob("results.json")
    assert '"complete"' in results.read_text()
