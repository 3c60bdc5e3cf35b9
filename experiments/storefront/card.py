"""Writes the data card; its numbers come from the index."""

from pathlib import Path
from string import Template
from typing import Any

from split import SPLITS

_PLACE = Path(__file__).parent


def write_card(path: Path, index: dict[str, Any]) -> None:
    """Fill ``card.md`` with the tables of ``index`` and write it to ``path``."""
    text = Template((_PLACE / "card.md").read_text(encoding="utf8"))
    totals = index["totals"]
    filled = text.substitute(
        domains=_domains(index["domains"]),
        packages=_packages(index),
        pairs=f"{totals['pairs']:,}",
        megabytes=f"{totals['bytes'] / 1e6:.1f}",
        command=index["command"],
        seed=index["seed"],
    )
    path.write_text(filled, encoding="utf8")


def _domains(domains: dict[str, Any]) -> str:
    lines = [
        "| domain | train | validation | test | unique captions | kB |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for name, domain in domains.items():
        splits = [domain["splits"][split] for split in SPLITS]
        counts = " | ".join(f"{one['pairs']:,}" for one in splits)
        captions = sum(one["unique_captions"] for one in splits)
        size = sum(shard["bytes"] for one in splits for shard in one["shards"]) / 1000
        lines.append(f"| {name} | {counts} | {captions:,} | {size:,.0f} |")
    return "\n".join(lines)


def _packages(index: dict[str, Any]) -> str:
    lines = ["| package | registry | version | licence | pairs |", "|---|---|---|---|--:|"]
    for name, package in index["packages"].items():
        count = sum(domain["packages"].get(name, 0) for domain in index["domains"].values())
        lines.append(
            f"| `{name}` | {package['registry']} | `{package['version']}` "
            f"| {package['licence']} | {count:,} |"
        )
    return "\n".join(lines)
