"""Turns a source caption into one natural line of at most some 25 words."""

import re

import clipart
from sources import Sample
from wording import close, fold, shorten, tidy

MAX_WORDS = 25
MIN_DESCRIPTION_WORDS = 3
# What the parts library says about its drawings, its stock numbers and its own state.
_PART_NOTES = re.compile(
    r"foot ?print|schematic|un(tested|proven)|not tested|production proven|SKU|datasheet|digi-?key|"
    r"prot?o(ven)? layout|panelize|eagle|change log|DISCONTINUED|mouser|all others are|catalog|"
    r"(PCB|breadboard) view|created device|double check|no description|more info|^Source\b|"
    r"forked from|real-life connectors|\bis\.?$",
    re.IGNORECASE,
)
_GERMAN = re.compile(r"\b(der|die|das|ist|und|keine)\b")
_STOCK_NUMBER = re.compile(r"[\s,(-]*\b[A-Z]{3}-\d{4,5}\b[\d,\s]*(\(?and others\)?)?\)?")
_TEMPLATE = re.compile(r"X?\{instanceTitle\}.*|\{net.*")
_NO_TITLE = re.compile(r"^(Package:?|Unproven[!:]*|h3 )", re.IGNORECASE)
# What the game says to its player, not about the thing.
_GAME_NOTES = re.compile(
    r"craft(ing|ed)?\b|melee|monster|zombie|butcher|combat|weapon|survivor|cataclysm|apocalypse|"
    r"\b(use|activate) (it|this)\b|\bundead\b|disassembl|deconstruct|mutant|mutat|examine|"
    r"you (can|could) (craft|attack)|in-game|bash|enem(y|ies)|bullets|damn|idiot|"
    r"naked|tortur|poison",
    re.IGNORECASE,
)


def caption(sample: Sample, foreign: frozenset[str]) -> str:
    """Return the caption of ``sample`` as the shards carry it.

    Args:
        sample: A source pair.
        foreign: Lower-case words that are not English; such keywords are dropped.
    """
    if sample.domain == "electronics":
        return _part(sample)
    if sample.domain == "survival_items":
        return _item(sample)
    if sample.domain == "clipart":
        return clipart.caption(sample.title, sample.caption, foreign)
    return tidy(sample.caption)


def _item(sample: Sample) -> str:
    """A thing of the survival game: ``title: description``."""
    title = re.sub(r"\s*\((on|off|active|covered)\)$", "", sample.title)
    body = sample.caption.removeprefix(sample.title).lstrip(": ")
    kept = [s for s in _sentences(body) if not _GAME_NOTES.search(s)]
    return _join(title, " ".join(kept), near_start=0)


def _part(sample: Sample) -> str:
    """A part: ``title: description``, or ``title, family`` where nothing else is left."""
    title = tidy(_NO_TITLE.sub("", sample.title))
    body = sample.caption.removeprefix(sample.title).lstrip(": -")
    body = _STOCK_NUMBER.sub("", _TEMPLATE.sub("", _NO_TITLE.sub("", body)))
    if re.search(r"[A-Za-z0-9]_[A-Za-z0-9]", body) or (
        sample.group and sample.group.lower() in body.lower()
    ):
        body = ""  # names of drawings, pins and folders joined to a "description"
    body = re.sub(r"(?<=[a-z0-9)]) (?=(The|This|These|Check|See|You) )", ". ", body)
    kept = [s for s in _sentences(body) if not _PART_NOTES.search(s) and not _GERMAN.search(s)]
    body = re.sub(r"^(Pin \d+|[\W_]*)$", "", close(" ".join(kept)))
    if fold(body) == fold(title):
        body = ""
    if len(body.split()) < MIN_DESCRIPTION_WORDS:
        family = _family(sample.group, f"{title} {body}")
        return tidy(", ".join(part for part in (title, body or family) if part))
    return _join(title, body, near_start=60)


def _family(group: str, said: str) -> str:
    """The part's family as the library sorts it, unless already said or a maker's code."""
    family = re.sub(r"^sparkfun\s*", "", group, flags=re.IGNORECASE).strip(" .")
    family = re.sub(
        r"\s*\((\w+)[^)]*\)$",
        lambda match: "" if match[1].lower() in said.lower() else match[0],
        family,
    )
    known = fold(family) in fold(said) or fold(family).replace(" ", "") in fold(said)
    return "" if known or re.match(r"ADI-|FRC$", family, re.IGNORECASE) else family


def _sentences(body: str) -> list[str]:
    """Sentences of ``body``; one that the source cut is dropped if others are there."""
    cut = body.endswith("...")
    sentences = re.split(r"(?<=[.!?])\s+", body.removesuffix("...").strip())
    if cut:
        return sentences[:-1] if len(sentences) > 1 else [shorten(f"{sentences[0]} …", MAX_WORDS)]
    return sentences


def _join(title: str, body: str, near_start: int) -> str:
    """Join both, or leave the title out where ``body`` says it within ``near_start`` letters."""
    body = tidy(body)
    if not body or not title:
        return tidy(shorten(body or title, MAX_WORDS))
    if fold(title) in fold(body)[: max(near_start, len(fold(title)))]:
        return tidy(shorten(body, MAX_WORDS))
    room = max(8, MAX_WORDS - len(title.split()))
    return tidy(f"{title}: {shorten(body, room)}")
