"""Small text operations every kind of caption needs."""

import re

_JOINING = (
    "a|an|the|and|or|of|to|in|on|for|with|by|at|from|as|is|are|that|which|into|its|it|this|these|"
    "but|you|your|can|will|be|if|when|while|than|via|using|see|though|consisting|including|includes|"
    "due|namely|capable|designed|meant|used|affixed|called"
)
_DANGLING = re.compile(rf"[\s,;:(\-\u2013]+({_JOINING})?$", re.IGNORECASE)
# The last place in a cut line before which a reader would stop.
_STOP = re.compile(rf"(,|;|:| \(| (?:{_JOINING}))(?= )", re.IGNORECASE)
_MIN_WORDS_AFTER_STOP = 8


def fold(text: str) -> str:
    """Return ``text`` without case, punctuation and doubled spaces: equal means same caption."""
    return " ".join(re.findall(r"\w+", text.casefold()))


def subject(caption: str) -> str:
    """Return the folded caption without the note that a drawing is in black and white."""
    return fold(caption.replace("black and white", ""))


def shorten(text: str, words: int) -> str:
    """Return whole sentences of ``text`` up to ``words`` words, or the first one cut politely.

    Args:
        text: Text; a trailing ``…`` says that it was cut before.
        words: Most words to keep.
    """
    cut_before = text.endswith("…")
    sentences = re.split(r"(?<=[.!?])\s+", text.removesuffix("…").strip())
    kept = sentences[0].split()
    for sentence in sentences[1:]:
        if len(kept) + len(sentence.split()) > words:
            break
        kept += sentence.split()
    if len(kept) <= words and not cut_before:
        return " ".join(kept)
    return _cut_politely(" ".join(kept[:words]))


def tidy(text: str) -> str:
    """Return ``text`` with single spaces, closed brackets and no doubled words."""
    text = re.sub(r"\s+", " ", text).strip(" ,;:-")
    text = re.sub(r"\s+([,.;:!?)])(?=\s|$)", r"\1", text)
    text = re.sub(r"\b(\w{3,})(\s+\1\b)+", r"\1", text, flags=re.IGNORECASE)
    if text.rfind("(") > text.rfind(")"):
        text = text[: text.rfind("(")]
    return text.strip(" ,;:-")


def close(text: str) -> str:
    """Return ``text`` without the joining words and punctuation a cut left at its end."""
    text = tidy(text)
    while (shorter := _DANGLING.sub("", text)) != text:
        text = shorter
    return text


def _cut_politely(line: str) -> str:
    """End ``line``, cut after some word, where a phrase ends."""
    stops = [match.start() for match in _STOP.finditer(line)]
    while stops and len(line[: stops[-1]].split()) >= _MIN_WORDS_AFTER_STOP:
        line = line[: stops.pop()]
        if not _DANGLING.search(line):
            break
    return close(line)
