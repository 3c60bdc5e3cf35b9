"""The embedded data is what its index says, and no caption or key leaks between splits."""

import gzip
import hashlib
import importlib
import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from PIL import Image

REPOSITORY = Path(__file__).parents[2]
ASSETS = REPOSITORY / "modx_lightning" / "assets" / "storefront"
SCRIPTS = REPOSITORY / "experiments" / "storefront"
INDEX = json.loads((ASSETS / "index.json").read_text(encoding="utf8"))
DOMAINS = tuple(INDEX["domains"])
PHASES = DOMAINS[1:]


def read(domain, split):
    """Yield (key, picture bytes, caption) of one split."""
    for shard in INDEX["domains"][domain]["splits"][split]["shards"]:
        with tarfile.open(ASSETS / domain / shard["file"]) as archive:
            members = {member.name: archive.extractfile(member).read() for member in archive}
        for name, content in members.items():
            if name.endswith(".webp"):
                key = name.removesuffix(".webp")
                yield key, content, members[f"{key}.txt"].decode()


@pytest.fixture
def script(monkeypatch):
    """Import a module of the build script, and forget it afterwards."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    before = set(sys.modules)
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if str(SCRIPTS) in (getattr(sys.modules[name], "__file__", None) or ""):
            del sys.modules[name]


def test_every_shard_has_the_size_and_hash_of_the_index():
    for domain, entry in INDEX["domains"].items():
        for split in entry["splits"].values():
            for shard in split["shards"]:
                content = (ASSETS / domain / shard["file"]).read_bytes()
                assert len(content) == shard["bytes"]
                assert hashlib.sha256(content).hexdigest() == shard["sha256"]


def test_there_is_no_shard_the_index_does_not_know():
    known = {
        ASSETS / domain / shard["file"]
        for domain, entry in INDEX["domains"].items()
        for split in entry["splits"].values()
        for shard in split["shards"]
    }
    assert set(ASSETS.glob("*/*")) == known


def test_all_data_together_stays_small():
    assert sum(path.stat().st_size for path in ASSETS.rglob("*") if path.is_file()) < 14e6


def test_keys_are_unique_over_the_stream_and_counts_agree():
    keys = []
    for domain, entry in INDEX["domains"].items():
        for split, described in entry["splits"].items():
            own = [key for key, _, _ in read(domain, split)]
            assert len(own) == described["pairs"]
            assert all(key.startswith(f"{domain}-") for key in own)
            keys += own
    assert len(set(keys)) == len(keys) == INDEX["totals"]["pairs"]


@pytest.mark.parametrize("domain", DOMAINS)
def test_no_caption_is_in_two_splits_of_a_domain(domain):
    seen = {}
    for split in INDEX["domains"][domain]["splits"]:
        for key, _, caption in read(domain, split):
            folded = " ".join(caption.casefold().split())
            assert seen.setdefault(folded, split) == split, (key, caption)


@pytest.mark.parametrize("domain", DOMAINS)
def test_captions_are_short_lines_without_residue(domain):
    for split in INDEX["domains"][domain]["splits"]:
        for key, _, caption in read(domain, split):
            assert 1 <= len(caption.split()) <= 25, key
            assert caption == caption.strip(), key
            assert not {"\n", "{", "}", "_"} & set(caption.replace("_without_", "")), key
            assert not caption.endswith(("...", "…", ",")), key


def test_every_picture_is_a_small_rgb_webp():
    for domain, entry in INDEX["domains"].items():
        for split in entry["splits"]:
            for key, content, _ in read(domain, split):
                with Image.open(io.BytesIO(content)) as picture:
                    assert picture.format == "WEBP", key
                    assert (picture.mode, picture.size) == ("RGB", (64, 64)), key


@pytest.mark.parametrize("phase", PHASES)
def test_each_phase_has_at_least_a_hundred_test_pairs(phase):
    assert INDEX["domains"][phase]["splits"]["test"]["pairs"] >= 100


def test_provenance_names_a_free_licence_for_every_key():
    lines = gzip.decompress((ASSETS / "provenance.jsonl.gz").read_bytes()).decode().splitlines()
    rows = [json.loads(line) for line in lines]
    assert len({row["key"] for row in rows}) == INDEX["totals"]["pairs"]
    free = {
        "Apache-2.0",
        "CC-BY-3.0",
        "CC-BY-SA-3.0",
        "CC-BY-SA-4.0",
        "CC0",
        "MIT",
        "public domain",
    }
    assert {row["licence"] for row in rows} <= free
    assert all(row["creator"] for row in rows if row["licence"] == "CC-BY-3.0")


def test_the_card_shows_the_counts_of_the_index():
    card = (ASSETS / "DATA_CARD.md").read_text(encoding="utf8")
    for domain, entry in INDEX["domains"].items():
        counts = " | ".join(f"{split['pairs']:,}" for split in entry["splits"].values())
        assert f"| {domain} | {counts} |" in card


def test_tied_pairs_share_a_side_and_large_groups_train(script):
    split = script("split").split
    keys = [f"k{i}" for i in range(400)]
    tied = [[0, 1, 2], list(range(3, 13))] + [[i] for i in range(13, 400)]
    sides = split(keys, tied, seed=0)
    assert len({sides[i] for i in (0, 1, 2)}) == 1
    for seed in range(8):
        assert set(split(keys, tied, seed)[3:13]) == {"train"}
    assert sides.count("test") == 104
    assert sides.count("validation") == 28
    assert sides == split(keys, tied, seed=0) != split(keys, tied, seed=1)


def test_groups_join_chains(script):
    groups = script("duplicates").groups
    assert groups(5, [(3, 1), (1, 4)]) == [[0], [1, 3, 4], [2]]


@pytest.mark.parametrize(
    ("text", "words", "expected"),
    [
        ("One two. Three four five.", 4, "One two."),
        ("One two. Three four five.", 5, "One two. Three four five."),
        ("a b c d e f g h, i j k l m", 10, "a b c d e f g h"),
        (
            "This is a very long line that ends in the middle",
            9,
            "This is a very long line that ends",
        ),
        ("Cut in the source after the…", 9, "Cut in the source after"),
    ],
)
def test_shortened_text_ends_where_a_reader_would_stop(script, text, words, expected):
    assert script("wording").shorten(text, words) == expected


def test_clip_art_titles_lose_signatures_and_numbers(script):
    caption = script("clipart").caption
    assert caption("clouds jon phillips", "clouds jon phillips (thought, symbol)", frozenset()) == (
        "clouds (thought)"
    )
    assert (
        caption("AfricanDrum2", "AfricanDrum2 (musicstuff)", frozenset()) == "African Drum (music)"
    )
    assert caption("Pie (B and W)", "Pie (B and W) (food, torta)", frozenset({"torta"})) == (
        "Pie (black and white, food)"
    )


def test_shards_do_not_depend_on_time_or_place(script, tmp_path):
    write = script("pack").write_shards
    samples = [(f"k-{i:06d}", b"picture", f"caption {i}") for i in range(2500)]
    one, two = write(tmp_path / "a", "train", samples), write(tmp_path / "b", "train", samples)
    assert one == two
    assert [shard["pairs"] for shard in one] == [834, 834, 832]


@pytest.mark.slow
def test_building_again_gives_the_same_bytes(tmp_path):
    source = os.environ.get("STOREFRONT_SOURCE")
    if not source:
        pytest.skip("set STOREFRONT_SOURCE to the folder of source domains to rebuild the data")
    out = tmp_path / "storefront"
    subprocess.run(
        [sys.executable, SCRIPTS / "build.py", "--source", source, "--out", out], check=True
    )
    for path in sorted(out.rglob("*")):
        if path.is_file():
            assert path.read_bytes() == (ASSETS / path.relative_to(out)).read_bytes(), path
