"""Write the tables of experiments and README.md from the committed results.

``python experiments/tables.py`` rewrites them; ``--check`` says whether they are up to date.
A result is a ``results.json`` of one run, copied to ``<experiment>/results/<name>_seed<k>.json``.
"""

import argparse
import json
import math
import re
import shutil
import statistics
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
README = HERE.parent / "README.md"
METRIC = "mean_R@5"
# Two-sided 95 % points of Student's t for 1, 2, 3, … degrees of freedom.
T95 = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262]
ORDER = ["finetune", "modx_release", "modx", "joint"]

Results = dict[str, list[dict[str, Any]]]


def read(folder: Path) -> Results:
    """Read the results of one experiment by arm, seeds in order."""
    arms: Results = {}
    for path in sorted(folder.glob("results/*_seed*.json")):
        arm = re.sub(r"_seed\d+$", "", path.stem)
        arms.setdefault(arm, []).append(json.loads(path.read_text(encoding="utf-8")))
    return dict(sorted(arms.items(), key=lambda item: ([*ORDER, item[0]]).index(item[0])))


def interval(values: Iterable[float]) -> str:
    """Mean and half-width of the 95 % interval of the mean: ``17.3 ± 0.4``."""
    values = list(values)
    mean = statistics.fmean(values)
    if len(values) == 1:
        return f"{mean:.1f}"
    half = T95[len(values) - 2] * statistics.stdev(values) / math.sqrt(len(values))
    return f"{mean:.1f} ± {half:.1f}"


def table(arms: Results) -> str:
    """One row an arm: general before and after, last phase, all sets, forgetting, speed."""
    head = (
        "| method | seeds | general, before | general, after | last department | all six sets "
        "| forgetting | backward transfer | samples/s |"
    )
    lines = [head, "|---|--:|--:|--:|--:|--:|--:|--:|--:|"]
    lines += [_row(arm, runs) for arm, runs in arms.items()]
    return "\n".join(lines)


def _row(arm: str, runs: list[dict[str, Any]]) -> str:
    scores = [run["scores"][METRIC] for run in runs]
    continual = [run["continual"][METRIC] for run in runs]
    cells = [
        f"`{arm}`",
        str(len(runs)),
        interval(matrix[0][0] for matrix in scores),
        interval(matrix[-1][0] for matrix in scores),
        interval(matrix[-1][-1] for matrix in scores),
        interval(each["average"] for each in continual),
        _or_dash(each["forgetting"] for each in continual),
        _or_dash(each["backward_transfer"] for each in continual),
        f"{statistics.fmean(run['timing']['samples_per_second'] for run in runs):.0f}",
    ]
    return "| " + " | ".join(cells) + " |"


def _or_dash(values: Iterable[float | None]) -> str:
    measured = [value for value in values if value is not None]
    return interval(measured) if measured else "n/a"


def origin(arms: Results) -> str:
    """Tell what the numbers were made with."""
    run = next(iter(arms.values()))[0]["environment"]
    commits = sorted(
        {str(r["environment"].get("git_commit"))[:9] for a in arms.values() for r in a}
    )
    versions = ", ".join(f"{name} {version}" for name, version in run["versions"].items())
    return (
        f"Mean R@5 of both directions on the test sets, in percent; ± is the 95 % interval of the "
        f"mean over seeds. Commit {', '.join(commits)}; {versions}; "
        f"{run['hardware'].get('cpu', 'unknown CPU')}, {run['hardware'].get('cores')} cores."
    )


def filled(text: str, name: str, content: str) -> str:
    """Replace what stands between the two markers of ``name``."""
    begin, end = f"<!-- table {name} -->", "<!-- end table -->"
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    return pattern.sub(lambda _: f"{begin}\n{content}\n{end}", text)


def collect(runs: Path) -> None:
    """Copy the finished results below a folder to the experiment they belong to."""
    for path in sorted(runs.rglob("results.json")):
        run = json.loads(path.read_text(encoding="utf-8"))
        folder = HERE / run["experiment"] / "results"
        if run["status"] == "complete" and folder.is_dir():
            arm = "joint" if run["phases"] == ["joint"] else run["method"]
            shutil.copyfile(path, folder / f"{arm}_seed{run['seed']}.json")


def main() -> int:
    """Rewrite the marked tables of every page; with ``--check`` only compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if stale")
    parser.add_argument("--collect", type=Path, help="first copy the results below this folder")
    options = parser.parse_args()
    check = options.check
    if options.collect:
        collect(options.collect)
    stale: list[Path] = []
    for folder in sorted(path.parent for path in HERE.glob("*/results")):
        arms = read(folder)
        if not arms:
            continue
        content = f"{table(arms)}\n\n{origin(arms)}"
        for page in (folder / "README.md", README):
            old = page.read_text(encoding="utf-8")
            new = filled(old, folder.name, content)
            if new != old:
                stale.append(page)
                if not check:
                    page.write_text(new, encoding="utf-8")
    for page in stale:
        print(f"{'stale' if check else 'written'}: {page.relative_to(HERE.parent)}")
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
