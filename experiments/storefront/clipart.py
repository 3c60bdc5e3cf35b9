"""Clip-art titles: from file names with signatures and numbers to words a reader would use."""

import html
import re

from wording import fold, tidy

_BLACK_AND_WHITE = re.compile(r"\s*(\(B (and|&) W\)|\bB W\b|\bBW\b)\s*", re.IGNORECASE)
# Draughtsmen who signed in the title.
_SIGNATURES = re.compile(
    r"\b(c?m bwh|linda k(im)?( [a-z]{1,2})?|jon phillips|md v ?|md|v|aj|a\.j|ganson|nicu b(ucu)?|"
    r"juliane krug( [abc])?|openclip\w*|opencli|openc|dan gerhar(ds?)?|hans deragon|uliphant|"
    r"benji park|jonathan dietrich|olivier|teudimu|tom kra|wolfram|enrique meza c|"
    r"petri lumme|dave pena|tristan le toullec|christoph brill|fudriot omic\.ch|"
    r"gabrielle nowicki|shandy brown|the structor|igor k|jonadab|jean victor bali|"
    r"snuatautisticido|mike honeychur|glenn rolla|yves guillou?( r)?|ger|mailto|"
    r"stefan alfredsson|christian c|svg|romus)\b\.?( c\.)?",
    re.IGNORECASE,
)
_REWORD = {
    "airtravel": "air travel",
    "bodypart": "body part",
    "icecream": "ice cream",
    "imformation": "information",
    "latinamerica": "Latin America",
    "networksym": "network",
    "northamerica": "North America",
    "roadsign": "road sign",
    "roadtravel": "road travel",
    "rubish": "rubbish",
    "vegitable": "vegetable",
    "weathersym": "weather",
    "musicstuff": "music",
    "musicsym": "music",
    "xmas": "Christmas",
    "usmail": "mail",
}
_DROPPED = re.compile(
    r"appicon|openclip|http|religholiday|peacesymbol|lemon theme|filesystem|cv-clip|0x|"
    r"[^\x20-\x7e]|^(symbols?|menu|\w)$|signs and symbols|united nations|\w{19,}",
    re.IGNORECASE,
)
_MAX_KEYWORDS = 4


def caption(title: str, text: str, foreign: frozenset[str]) -> str:
    """Return ``title (keyword, keyword)`` in plain English.

    Args:
        title: Title in the drawing's file.
        text: The same followed by bracketed keywords.
        foreign: Lower-case words that are no English keywords.
    """
    title, text = html.unescape(title), html.unescape(text)
    black_and_white = _BLACK_AND_WHITE.search(title.replace("_", " ")) is not None
    name = _name(title)
    words = [word.strip(" ()") for word in text.removeprefix(title).split(",")]
    keywords: list[str] = ["black and white"] if black_and_white else []
    for word in (_REWORD.get(word.lower(), word) for word in words):
        known = fold(word) in fold(name) or word in keywords
        if word and not known and not _DROPPED.search(word) and word.lower() not in foreign:
            keywords.append(word)
    brackets = f" ({', '.join(keywords[:_MAX_KEYWORDS])})" if keywords else ""
    return tidy(f"{name}{brackets}")


def _name(title: str) -> str:
    name = re.sub(r"\(\w+ in italian\)", "", title.replace("_", " ").replace(".svg", ""))
    name = _BLACK_AND_WHITE.sub(" ", name)
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    name = re.sub(r"(?<=[a-z]{3})-(?=aj$)", " ", name)
    name = _SIGNATURES.sub(" ", name)
    name = re.sub(r"\s*#?\d{1,3}$", "", re.sub(r"(?<=[a-z])\d+$", "", name.strip()))
    name = re.sub(r"^bb ", "", name)
    return tidy(name.replace("|", ",")).rstrip(".") or tidy(title)
