"""The header of a plain text file: what it says before its first word.

Two forms, taken off only when they can't be prose (a first sentence lost is worse than a date missed):

- ``date 2022-01 The text begins …``: the word ``date`` in lower case (a colon after it or not) and an ISO 8601 date
  in front of the text, on its line or on one of its own;
- lines ``date:``, ``title:``, ``url:``, ``source:``, ``lang:``, ``author:`` (and the synonyms below), of which at
  least one should hold a value that can be checked: a date, a web address, a language code. A single line that
  can't be checked, or one whose key has a capital letter, must be set off from the text by a blank line.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from etl.dates import parse_partial
from etl.model import Hints
from etl.text import web_url


class SplitText(NamedTuple):
    """``header + text`` is what was split, to the character. ``captured`` is as it stood, unparsed."""

    header: str
    text: str
    hints: Hints = Hints()
    url: str | None = None
    captured: str | None = None
    notes: tuple[str, ...] = ()


_KEYS: Final = {
    "date": "published",
    "published": "published",
    "modified": "modified",
    "updated": "modified",
    "captured": "captured",
    "captured_at": "captured",
    "title": "title",
    "headline": "title",
    "url": "url",
    "link": "url",
    "source": "publisher",
    "publisher": "publisher",
    "site": "publisher",
    "author": "authors",
    "authors": "authors",
    "byline": "authors",
    "lang": "language",
    "language": "language",
}
_MAX_LINE: Final = 2100
_MAX_LINES: Final = 20

_ISO = (
    r"(?:(?P<year>\d{4})(?:-\d{2}(?:-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?"
    r"(?:Z|[ ]?[+-]\d{2}:?\d{2})?)?)?)?)"
)
_FIRST = re.compile(r"\s*date(?::[ \t]*|[ \t]+)(?P<date>" + _ISO + r")(?P<after>[ \t]*(?:\r\n|\r|\n)|[ \t]+|\Z)")
_LINE = re.compile(r"[ \t]*(?P<key>[A-Za-z_]{3,12})[ \t]*:[ \t]*(?P<value>[^\r\n]*?)[ \t]*(?:\r\n|\r|\n|\Z)")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*")


def split_header(text: str) -> SplitText:
    """Take the header off ``text``, if it has one."""
    values: dict[str, str] = {}
    end = checked = lines = 0
    capital = False
    first = _FIRST.match(text)
    inline = False
    if first and parse_partial(first["date"]).date is not None and _stands_apart(first, text):
        values["published"] = first["date"]
        end, checked, lines = first.end(), 2, 1
        inline = "\n" not in first["after"] and "\r" not in first["after"]
    if not inline:
        start = end or len(text) - len(text.lstrip())
        while lines < _MAX_LINES and (match := _LINE.match(text, start, start + _MAX_LINE)):
            field = _KEYS.get(match["key"].lower())
            if field is None or field in values or not match["value"]:
                break
            values[field] = match["value"]
            capital = capital or not match["key"].islower()
            checked += _checkable(field, match["value"])
            lines += 1
            start = end = match.end()
            if end == len(text):
                break
    if not values or not _convincing(text, end, checked=checked, lines=lines, capital=capital):
        return SplitText("", text)
    end += len(text[end:]) - len(text[end:].lstrip())
    url, note = web_url(values.get("url"))
    authors = values.get("authors")
    hints = Hints(
        title=values.get("title"),
        authors=(authors,) if authors else (),
        published=values.get("published"),
        modified=values.get("modified"),
        language=values.get("language"),
        publisher=values.get("publisher"),
    )
    return SplitText(text[:end], text[end:], hints, url, values.get("captured"), (note,) if note else ())


def _stands_apart(first: re.Match[str], text: str) -> bool:
    """A year alone may be part of a sentence ("date 2022 was …"): the text must begin anew after it."""
    if first["date"] != first["year"]:
        return True
    following = text[first.end() : first.end() + 1]
    return "\n" in first["after"] or not following or not (following.islower() or following.isdigit())


def _checkable(field: str, value: str) -> bool:
    if field in ("published", "modified", "captured"):
        return parse_partial(value).date is not None
    if field == "url":
        return web_url(value)[0] is not None
    return field == "language" and _LANGUAGE.fullmatch(value) is not None


def _convincing(text: str, end: int, *, checked: int, lines: int, capital: bool) -> bool:
    if checked >= 2 or (checked and (lines >= 2 or not capital)):
        return True
    apart = end == len(text) or re.match(r"[ \t]*(?:\r\n|\r|\n)", text[end : end + 200]) is not None
    return (apart or lines >= 2) and (checked > 0 or not capital)
