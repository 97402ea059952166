"""Authors' names as a reader would list them: no "by", no titles of roles, no addresses, nobody twice."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from html import unescape
from itertools import islice
from typing import Final

MAX_NAME_CHARS: Final = 80
MAX_BYLINE_CHARS: Final = 1000
MAX_BYLINES: Final = 100
_MARKUP = re.compile(r"<[^>]{0,500}>")
_URL = re.compile(r"(?i)\b(?:https?:|www\.)\S*|\S+@\S+\.\S+|\b[\w.-]+\.(?:com|org|net|de|fr|es|it|uk|html?|php)\b\S*")
_HANDLE = re.compile(r"[(\[]?@\w+[)\]]?")
# "by" as bylines of many languages say it, with what may stand before it.
_BY = re.compile(
    r"(?i)^(?:(?:written|post author|interview|words|story|report(?:ed)?|text|posted|published|edited|updated"
    r"|analysis|photos?|a report|eine? \w+|geschrieben|verfasst|texte?|propos recueillis|publié|escrito|publicado"
    r"|por nuestro)\s+)?"
    r"(?:by|vom|von(?! (?:der|den|dem) \S+$)|par|por|door|przez|(?:di|da|av|af)(?=\s\S+\s)|autor(?:a|in|es|en|s)?"
    r"|auteure?s?|authors?|tekst|text|redaktion|redacción|a cura di|yazan)(?:\s*:\s*|\s+)(?=\S)"
)
_LABEL = re.compile(r"(?i)^(?:记者|作者|文|編集|責任編輯|责任编辑|取材|文責|기자|автор|автора|текст)\s*[:：/／]\s*")
_ROLE_AFTER = re.compile(
    r"(?i)(?:,|\s[|/–—-]|\s+in\s|\s+aus\s|\()\s*(?:.{0,20}\b(?:correspondent|editor|reporter|writer|journalist"
    r"|columnist|contributor|staff|redakteur(?:in)?|korrespondent(?:in)?|reporter(?:in)?|redaktion|redactora?"
    r"|periodista|corresponsal|journaliste|rédacteur|rédactrice|correspondante?|giornalista|redazione|jornalista"
    r"|repórter|redactie|redaktør|journalist)\b.*)$"
)
_SEPARATOR = re.compile(
    r"\s*(?:[;|/・、，\n\t]|,(?!\s*(?:Jr|Sr|II|III|IV|MD|PhD|M\.D|Ph\.D)\b)|\s[&–—-]\s|\s+(?:and|und)\s+)\s*", re.I
)
# These may also stand inside a name (Ortega y Gasset): they part two full names only.
_CONJUNCTION = re.compile(r"\s+(?:et|y|e|en|og|och|i|oraz|ve|и|та|with|mit|avec|con|com)\s+", re.I)
_ROLE_AT_END = re.compile(
    r"(?i)\s+(?:(?:chef|sport|wirtschafts)?redakteur(?:in)?|reporter(?:in)?|korrespondent(?:in)?"
    r"|staff (?:writer|reporter)|(?:senior |chief )?(?:reporter|editor|correspondent|columnist))$"
)
_NO_PERSON = re.compile(r"(?i)©|\b(?:copyright|gmbh|ltd|llc|inc|e\.? ?v|all rights|rights reserved|theme|cookies?)\b")
_EDGE = re.compile(r"^[\W_]+|[^\w.)]+$")
_TIME = re.compile(r"\d{1,2}[:.]\d{2}|\d{4}|\d{1,2}\.\d{1,2}\.")
_NO_NAMES = (
    "admin administrator author editor staff webmaster unknown none null undefined anonymous n/a editorial redaktion "
    "redakcja redazione redacción redaction rédaction redactie redação news online web newsroom guest user autor "
    "redaktionen redaksjonen deskteam desk redactor author_name name text interview foto fotos photo image zvg"
)
_NOBODY: Final = frozenset(_NO_NAMES.split())
_LOWER_CASE = "von van der den de del della di da la le du des dos das el al bin ibn zu zur af av ter ten"
_PARTICLES: Final = frozenset(_LOWER_CASE.split())


def clean_names(raw: Iterable[str], *, split: bool = True, site_names: Iterable[str] = ()) -> tuple[str, ...]:
    """Names from bylines as pages and records give them.

    Args:
        raw: names, or bylines with several of them ("By Ann Example and Bo Sample, Berlin correspondent").
        split: whether a string may hold several names.
        site_names: names of the publication; they're no authors.
    """
    skip = {name.casefold() for name in site_names if name}
    names: dict[str, str] = {}
    for byline in islice(raw, MAX_BYLINES):
        text = _without_clutter(byline[:MAX_BYLINE_CHARS])
        for part in _parts(text) if split else [text]:
            name = _one(part)
            key = name.casefold()
            if name and key not in skip and key not in names:
                names[key] = name
    # A name that another one contains is its short form ("Example" beside "Ann Example").
    return tuple(
        name for key, name in names.items() if not any(key != other and f" {key} " in f" {other} " for other in names)
    )


def _without_clutter(byline: str) -> str:
    text = unescape(_MARKUP.sub(" ", byline))
    text = " ".join(_HANDLE.sub(" ", _URL.sub(" ", text)).split())
    return _ROLE_AFTER.sub("", _LABEL.sub("", _BY.sub("", text.strip(" :·•-–—|,;"))))


def _parts(text: str) -> Iterator[str]:
    for part in _SEPARATOR.split(text):
        names = _CONJUNCTION.split(part)
        if len(names) > 1 and all(len(name.split()) > 1 for name in names):
            yield from names
        else:
            yield part


def _one(part: str) -> str:
    part = _ROLE_AFTER.sub("", _BY.sub("", part.strip()))
    part = re.sub(r"\s*[(\[][^)\]]*[)\]]?", "", part) if not part.startswith("(") else part.strip("()")
    part = _ROLE_AT_END.sub("", _EDGE.sub("", part)).strip()
    if (
        not part
        or len(part) > MAX_NAME_CHARS
        or _TIME.search(part)
        or part.casefold() in _NOBODY
        or _NO_PERSON.search(part)
    ):
        return ""
    letters = sum(map(str.isalpha, part))
    if letters < 2 or letters < 0.6 * len(part.replace(" ", "")):
        return ""
    words = part.split()
    if len(words) > 6:
        return ""
    if part.isupper() and len(words) > 1 and part.isascii():
        part = " ".join(word if len(word) < 3 and "." in word else word.title() for word in words)
    elif part.islower() and len(words) == 1 and "." in part:
        part = " ".join(word.title() for word in part.split(".") if word)
    elif part.islower() and len(words) > 1:
        part = " ".join(word if word in _PARTICLES else word[:1].upper() + word[1:] for word in words)
    return part
