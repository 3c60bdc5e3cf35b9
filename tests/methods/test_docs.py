"""docs/methods.md points at lines that hold what it says, and names every method."""

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
TEXT = (DOCS / "methods.md").read_text(encoding="utf-8")
LINK = re.compile(r"\[`(\w+)`\]\(([\w/.]+)#L(\d+)\)")


def test_every_line_that_is_named_defines_what_is_named():
    links = LINK.findall(TEXT)
    assert len(links) >= 5
    for symbol, path, line in links:
        source = (DOCS / path).read_text(encoding="utf-8").splitlines()
        expected = [
            i for i, text in enumerate(source, 1) if re.match(rf"(def|class) {symbol}\b", text)
        ]
        assert [int(line)] == expected, f"{symbol} is at {path}#L{expected[0]}"


def test_every_method_has_a_row():
    for path in (DOCS.parent / "conf" / "method").glob("*.yaml"):
        assert f"| `{path.stem}` |" in TEXT, f"docs/methods.md has no row for {path.stem}"
