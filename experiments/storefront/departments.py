"""Which source pairs a shop would put where: the general domain and the five departments."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sources import Sample

DOMAINS = (
    "general",
    "furniture",
    "kitchen_and_garden",
    "electronics",
    "groceries",
    "outdoor_gear",
)
SOURCES = (
    "emoji_noto",
    "emoji_fluent3d",
    "emoji_openmoji",
    "clipart",
    "furniture",
    "electronics",
    "survival_items",
)
# The only source package under a licence that its drawings could not be passed on with here.
EXCLUDED_PACKAGES = ("sweethome3d",)

_ROOMS = {
    "furniture": (
        "Living room",
        "Bedroom",
        "Office",
        "Bathroom",
        "Lights",
        "Doors and windows",
        "Staircases",
    ),
    "kitchen_and_garden": ("Kitchen", "Exterior", "Miscellaneous"),
}
_GEAR_GROUPS = ("generic", "tool", "armor", "tool_armor", "wheel", "furniture", "engine")
_LOGO = {"logo", "aisler"}
# Clip-art folders of brands and of web buttons; food goes to the groceries.
_NOT_GENERAL = ("food", "logos", "buttons")


@dataclass(frozen=True)
class Lists:
    """Hand-written lists, one lower-case entry a line; ``#`` starts a comment line.

    Args:
        gear: Titles of survival items an outdoor shop would sell.
        no_groceries: Titles of edible survival items nobody sells.
        no_home: Titles of the furniture catalogue that are no goods.
        foreign: Words that show a clip-art title is not English.
        no_general: Clip art left out: a word of title or keywords, or ``=whole title``.
    """

    gear: frozenset[str]
    no_groceries: frozenset[str]
    no_home: frozenset[str]
    foreign: frozenset[str]
    no_general: frozenset[str]

    @classmethod
    def read(cls, folder: Path) -> "Lists":
        """Read ``<name>.txt`` for each field."""
        return cls(**{name: _entries(folder / f"{name}.txt") for name in cls.__annotations__})


def department(sample: Sample, lists: Lists) -> str | None:
    """Return the domain ``sample`` belongs to, or None to leave it out."""
    if sample.package in EXCLUDED_PACKAGES:
        return None
    if sample.domain.startswith("emoji"):
        return "general"
    if sample.domain == "electronics":
        return None if _LOGO & set(_words(sample.title)) else "electronics"
    choose = {"clipart": _clipart, "furniture": _home, "survival_items": _survival}
    return choose[sample.domain](sample, lists)


def _clipart(sample: Sample, lists: Lists) -> str | None:
    title = sample.title.lower().strip()
    if title in lists.foreign | lists.no_general or f"={title}" in lists.no_general:
        return None
    if set(_words(sample.title)) & lists.foreign or set(_words(sample.caption)) & lists.no_general:
        return None
    if sample.group == "food":
        return "groceries"
    return None if sample.group in _NOT_GENERAL else "general"


def _home(sample: Sample, lists: Lists) -> str | None:
    if sample.title.lower() in lists.no_home:
        return None
    return next((name for name, rooms in _ROOMS.items() if sample.group in rooms), None)


def _survival(sample: Sample, lists: Lists) -> str | None:
    title = sample.title.lower()
    if sample.group == "comestible":
        return None if title in lists.no_groceries else "groceries"
    if sample.group in _GEAR_GROUPS and title in lists.gear:
        return "outdoor_gear"
    return None


def _entries(path: Path) -> frozenset[str]:
    lines = path.read_text(encoding="utf8").splitlines()
    entries = (line.strip().lower() for line in lines if not line.startswith("#"))
    return frozenset(entry for entry in entries if entry)


def _words(text: str) -> Sequence[str]:
    return "".join(c if c.isalnum() else " " for c in text.lower()).split()
