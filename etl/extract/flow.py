"""The text of a page in reading order, with the element that each character comes from.

An extractor's output has lost where its paragraphs stood. They are found again by their characters: the page's
text and a paragraph are compared without white space, so what the extractor did to spaces, line breaks and inline
elements doesn't matter.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from lxml import etree, html

from etl.extract.body import CELL_SEPARATOR
from etl.extract.page import count_elements
from etl.model import Block

# Elements whose text nobody reads.
_SILENT = frozenset({"head", "script", "style", "template", "textarea", "select", "iframe", "object", "svg", "math"})
_BLOCK_NAMES = (
    "p h1 h2 h3 h4 h5 h6 li dd dt blockquote q pre figcaption caption td th div section article aside main header "
    "footer nav form figure table ul ol dl summary details address body center fieldset label button"
)
_BLOCK_TAGS = frozenset(_BLOCK_NAMES.split())
# What extractors name their elements, in the words of HTML.
_TELLING = frozenset({"li", "td", "blockquote", "pre", "h1", "h2", "h3", "h4", "h5", "h6"})
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_A-Za-z]+")
# Elements that tell what stands in them, and ARIA roles by the element that they stand for (W3C, ARIA in HTML).
_MARKED = frozenset(
    "a aside nav footer header form button label li figure figcaption blockquote table dialog".split()
)
_ROLES = {
    "navigation": "nav",
    "menu": "nav",
    "complementary": "aside",
    "contentinfo": "footer",
    "banner": "header",
    "dialog": "dialog",
    "button": "button",
    "form": "form",
    "search": "form",
}
_INVISIBLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
HIDDEN = "[hidden]"
MAX_CLASSES = 48
_ANCHOR = 24


@dataclass(slots=True)
class Flow:
    """``key`` is the page's text without white space; piece ``i`` starts at ``starts[i]`` in it and stands in the
    element ``owners[i]``."""

    key: str
    starts: list[int]
    owners: list[html.HtmlElement]
    _cursor: int = 0
    _known: dict[html.HtmlElement, tuple[str, ...]] = field(default_factory=dict)
    _linked: dict[html.HtmlElement, bool] = field(default_factory=dict)

    def evidence(self, block: str, tag: str) -> tuple[str, float | None, tuple[str, ...]]:
        """Tag, share of linked characters, and class words and marks of the place the block comes from.

        Call it in the order of the blocks: a text that stands on the page twice is then taken in turn.
        """
        found = self._find("".join(block.replace(CELL_SEPARATOR, "").split() if tag == "td" else block.split()))
        if found is None:
            return tag, None, ()
        start, end = found
        first, last = bisect_right(self.starts, start) - 1, bisect_right(self.starts, end - 1) - 1
        linked = 0
        for i in range(first, last + 1):
            if self._in_link(self.owners[i]):
                stop = self.starts[i + 1] if i < len(self.starts) - 1 else len(self.key)
                linked += min(stop, end) - max(self.starts[i], start)
        element = _common_ancestor(self.owners[first], self.owners[last])
        return self._tag(element, tag), round(linked / (end - start), 4), self._classes(element)

    def _in_link(self, element: html.HtmlElement) -> bool:
        known = self._linked.get(element)
        if known is None:
            known = element.tag == "a" or next(element.iterancestors("a"), None) is not None
            self._linked[element] = known
        return known

    def _find(self, key: str) -> tuple[int, int] | None:
        if not key:
            return None
        for origin in (self._cursor, 0):
            at = self.key.find(key, origin)
            if at >= 0:
                self._cursor = at + len(key)
                return at, at + len(key)
        # The extractor left something out in the middle: both ends must stand near each other.
        if len(key) < 2 * _ANCHOR:
            return None
        for origin in (self._cursor, 0):
            at = self.key.find(key[:_ANCHOR], origin)
            if at >= 0:
                end = self.key.find(key[-_ANCHOR:], at + _ANCHOR, at + 2 * len(key) + 200)
                if end >= 0:
                    self._cursor = end + _ANCHOR
                    return at, self._cursor
        return None

    def _tag(self, element: html.HtmlElement, tag: str) -> str:
        if tag in _TELLING:
            return tag
        for ancestor in (element, *element.iterancestors()):
            if ancestor.tag in _BLOCK_TAGS:
                return str(ancestor.tag)
        return tag

    def _classes(self, element: html.HtmlElement) -> tuple[str, ...]:
        """What an element and its ancestors below ``<body>`` say of themselves, nearest first.

        Blocks share ancestors, so each element is read once.
        """
        unread: list[html.HtmlElement] = []
        found: tuple[str, ...] = ()
        ancestor: html.HtmlElement | None = element
        while ancestor is not None and ancestor.tag not in ("body", "html"):
            known = self._known.get(ancestor)
            if known is not None:
                found = known
                break
            unread.append(ancestor)
            ancestor = ancestor.getparent()
        for ancestor in reversed(unread):
            own = _marks(ancestor)
            if own:
                found = tuple(dict.fromkeys((*own, *found)))[:MAX_CLASSES]
            self._known[ancestor] = found
        return found


_TEXTS = etree.XPath(".//text()")


def _texts(root: html.HtmlElement) -> list[Any]:
    """The texts of a tree in reading order, as strings that know the element that they stand in or after."""
    found = _TEXTS(root)
    return found if isinstance(found, list) else []


def read_flow(root: html.HtmlElement, max_depth: int) -> Flow | None:
    """Read the page's text; ``None`` when it is nested deeper than ``max_depth``."""
    # Few pages have so many elements at all.
    if count_elements(root) > max_depth and _may_be_too_deep(max_depth)(root) and _is_too_deep(root, max_depth):
        return None
    pieces: list[str] = []
    starts: list[int] = []
    owners: list[html.HtmlElement] = []
    length = 0
    silent = {element for top in root.iter(*_SILENT) for element in top.iter()}
    for text in _texts(root):
        owner = text.getparent()
        if text.is_tail and owner is not None:
            owner = owner.getparent()
        # Scripts are long: nothing is done with their text.
        if owner is None or owner in silent:
            continue
        key = "".join(text.split())
        if key:
            starts.append(length)
            owners.append(owner)
            pieces.append(key)
            length += len(key)
    return Flow("".join(pieces), starts, owners)


@lru_cache(maxsize=8)
def _may_be_too_deep(max_depth: int) -> etree.XPath:
    return etree.XPath(f"boolean(.//*[ancestor::*[{max_depth}]])")


def _is_too_deep(root: html.HtmlElement, max_depth: int) -> bool:
    """Whether anything is nested too deep that isn't inside an element without text to read."""
    stack = [(root, 1)]
    while stack:
        element, depth = stack.pop()
        if depth > max_depth:
            return True
        if element.tag not in _SILENT:
            stack.extend([(child, depth + 1) for child in element])
    return False


def _common_ancestor(first: html.HtmlElement, last: html.HtmlElement) -> html.HtmlElement:
    if first is last:
        return first
    chain = {first, *first.iterancestors()}
    element = last
    while element not in chain:
        parent = element.getparent()
        if parent is None:
            break
        element = parent
    return element


def _marks(element: html.HtmlElement) -> list[str]:
    """An element's own marks: ``<name>`` where its name tells, ``[hidden]``, then the words of its class and id."""
    marks: list[str] = []
    name = element.tag if element.tag in _MARKED else None
    attributes = element.attrib
    if attributes:
        get = attributes.get
        role = _ROLES.get(get("role", ""))
        if role:
            name = role
        if "hidden" in attributes or get("aria-hidden") == "true" or _INVISIBLE.search(get("style", "")):
            marks.append(HIDDEN)
        marks.extend(split_words(get("class", "")))
        marks.extend(split_words(get("id", "")))
    return [f"<{name}>", *marks] if name else marks


@lru_cache(maxsize=4096)
def split_words(value: str) -> tuple[str, ...]:
    """Lower-cased words of a class or id attribute, split at non-letters and at camel-case joints."""
    return tuple(word.lower() for word in _WORD.findall(value[:500]) if len(word) > 1)


def place_blocks(flow: Flow, pieces: list[tuple[str, str]]) -> tuple[str, tuple[Block, ...]]:
    """Join ``(tag, text)`` pieces by blank lines, each a block with its evidence."""
    blocks: list[Block] = []
    position = 0
    for tag, text in pieces:
        found_tag, link_share, classes = flow.evidence(text, tag)
        blocks.append(Block(position, position + len(text), found_tag, link_share, classes))
        position += len(text) + 2
    return "\n\n".join(text for _, text in pieces), tuple(blocks)
