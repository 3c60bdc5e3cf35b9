"""What the pages say is what the files hold."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("experiments/*/README.md")]
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page):
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text(encoding="utf-8"))
    missing = [link for link in links if not (page.parent / link).exists()]
    assert not missing


def test_tables_are_those_of_the_committed_results():
    done = subprocess.run(
        [sys.executable, "experiments/tables.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_every_make_target_the_pages_name_exists():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {
        name
        for page in PAGES
        for name in re.findall(r"^make ([a-z]+)\b", page.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert named <= targets


def test_no_file_names_a_machine_path_or_a_registry_address():
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    wrong = re.compile(r"/work/|/root/|pypi\.org/simple|--index-url|--find-links|registry\.npmjs")
    mine = Path(__file__).name
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if path.suffix in {".gz", ".safetensors"} or path.name == mine or not path.is_file():
            continue
        assert not wrong.search(path.read_text(encoding="utf-8")), name
