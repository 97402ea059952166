"""schema.org descriptions in ``<script type="application/ld+json">``, read as publishers really write them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from typing import Any, Final

from lxml import html

Node = dict[str, Any]

MAX_NODES: Final = 5000
MAX_SCRIPT_CHARS: Final = 2_000_000
_OTHER_ARTICLES: Final = frozenset({"blogposting", "liveblogposting", "report", "socialmediaposting", "review"})
# Where descriptions of *other* articles hang.
_ELSEWHERE: Final = frozenset(
    {"itemlistelement", "liveblogupdate", "relatedlink", "comment", "hasvariant", "isbasedon", "mentions", "citation",
     "about", "significantlink", "isrelatedto", "suggestedanswer", "review", "subjectof", "ispartof", "breadcrumb"}
)  # fmt: skip
_COMMENT = re.compile(
    r"^\s*(?:<!--|//\s*<!\[CDATA\[|/\*\s*<!\[CDATA\[\s*\*/|<!\[CDATA\[)|(?:-->|//\s*\]\]>|/\*\s*\]\]>\s*\*/|\]\]>)\s*;?\s*$"
)
_TRAILING_COMMA = re.compile(r",(\s*[\]}])")
_BAD_ESCAPE = re.compile(r'\\(?!["\\/bfnrtu])')


@dataclass(slots=True)
class LinkedData:
    """All nodes of a page, those of the article first; ``by_id`` resolves references inside the page."""

    articles: list[Node] = field(default_factory=list)
    pages: list[Node] = field(default_factory=list)
    organizations: list[Node] = field(default_factory=list)
    by_id: dict[str, Node] = field(default_factory=dict)
    broken: int = 0

    def resolve(self, value: Any) -> Any:
        """The node that a bare reference ``{"@id": …}`` points to, else the value itself."""
        if isinstance(value, dict) and isinstance(value.get("@id"), str) and len(value) <= 2 and "name" not in value:
            return self.by_id.get(value["@id"], value)
        return value


def types_of(node: Node) -> set[str]:
    """The lower-cased schema.org types of a node, without their prefix."""
    value = node.get("@type")
    names = value if isinstance(value, list) else [value]
    return {name.rsplit("/", 1)[-1].rsplit(":", 1)[-1].lower() for name in names if isinstance(name, str)}


def is_article(node: Node) -> bool:
    """NewsArticle and all its kin: every schema.org type of written work ends in ``Article``, bar a few."""
    return any(name.endswith("article") or name in _OTHER_ARTICLES for name in types_of(node))


def strings(value: Any) -> Iterator[str]:
    """The strings of a value that may be one, a list of them, or a localised ``{"@value": …}``."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)
    elif isinstance(value, dict) and isinstance(value.get("@value"), str):
        yield value["@value"]


def first_string(node: Node, *names: str) -> str | None:
    """The first non-blank string among the properties named."""
    for name in names:
        for text in strings(node.get(name)):
            if text.strip():
                return text
    return None


def read_linked_data(root: html.HtmlElement) -> LinkedData:
    """Parse every JSON-LD script of the page; what can't be parsed even after mending is counted in ``broken``."""
    data = LinkedData()
    budget = MAX_NODES
    for script in root.iter("script"):
        if "ld+json" not in (script.get("type") or "").lower():
            continue
        source = script.text or ""
        if not source.strip():
            continue
        if len(source) > MAX_SCRIPT_CHARS:
            data.broken += 1
            continue
        parsed = parse_loosely(source)
        if parsed is None:
            data.broken += 1
            continue
        budget = _collect(parsed, data, budget)
    return data


def parse_loosely(source: str) -> Any:
    """JSON with the mistakes that templates make: comments around it, raw line breaks, commas before a bracket."""
    text = _COMMENT.sub("", _COMMENT.sub("", source)).strip().rstrip(";")
    for attempt in range(3):
        try:
            return json.loads(text, strict=False)
        except (ValueError, RecursionError):
            if attempt == 0:
                text = _BAD_ESCAPE.sub(r"\\\\", _TRAILING_COMMA.sub(r"\1", text))
            elif attempt == 1 and "&quot;" in text and '"' not in text:
                text = unescape(text)
            elif attempt == 1:
                return _first_value(text)
    return None


def _first_value(text: str) -> Any:
    """The first whole JSON value where something follows it (two objects in a row, a stray word)."""
    try:
        return json.JSONDecoder(strict=False).raw_decode(text)[0]
    except (ValueError, RecursionError):
        return None


def _collect(parsed: Any, data: LinkedData, budget: int) -> int:
    # Breadth first, so that the page's own article comes before what hangs below it.
    queue: list[tuple[Any, bool]] = [(parsed, True)]
    for value, own in queue:
        if budget <= 0:
            break
        if isinstance(value, list):
            queue.extend((item, own) for item in value)
            continue
        if not isinstance(value, dict):
            continue
        budget -= 1
        identifier = value.get("@id")
        if isinstance(identifier, str) and len(value) > 1:
            known = data.by_id.get(identifier)
            if known is None or len(value) > len(known):
                data.by_id[identifier] = value
        kinds = types_of(value)
        if own and is_article(value):
            data.articles.append(value)
        elif own and kinds & {"webpage", "itempage", "aboutpage", "collectionpage"}:
            data.pages.append(value)
        elif any(kind.endswith("organization") for kind in kinds):
            data.organizations.append(value)
        for name, child in value.items():
            if isinstance(child, dict | list):
                queue.append((child, own and name.lower() not in _ELSEWHERE))
    return budget
