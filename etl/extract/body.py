"""The article's text: trafilatura's result as ``(tag, text)`` pieces, one a paragraph."""

from __future__ import annotations

import logging
import re
from typing import Final

import trafilatura
from lxml import etree, html
from trafilatura.settings import DEFAULT_CONFIG, Document, Extractor

# Its warnings are about single pages; what becomes of a page is our result.
for _name in ("trafilatura", "htmldate", "courlan", "justext", "charset_normalizer"):
    if logging.getLogger(_name).level == logging.NOTSET:
        logging.getLogger(_name).setLevel(logging.CRITICAL)

# trafilatura's element names (TEI) for what HTML calls otherwise.
_TAGS: Final = {"item": "li", "quote": "blockquote", "cell": "td", "row": "td", "code": "pre", "list": "li"}
_BLOCKS: Final = frozenset(
    {"p", "head", "item", "list", "quote", "table", "row", "div", "body", "ab", "figure", "graphic"}
)
# Characters that show nothing and only get in the way of searching: soft hyphen, word joiner, byte order mark.
_INVISIBLE = re.compile("[\u00ad\u2060\ufeff]")
# The zero-width space divides words in South-East Asian scripts; elsewhere it is left behind by accident.
_ZERO_WIDTH_SPACE = re.compile(
    "(?<![\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff])\u200b|\u200b(?![\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff])"
)
_NOT_STORABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff\ud800-\udfff]")
CELL_SEPARATOR: Final = " | "


def drop_scripts(root: html.HtmlElement) -> None:
    """Take scripts and style sheets out of the tree. No extractor reads them, but each of its passes would copy them.

    Descriptions in JSON-LD and formulas stay: extractors do read those.
    """
    for element in list(root.iter("script", "style")):
        kind = (element.get("type") or "").lower()
        if "ld+json" not in kind and "math" not in kind:
            element.drop_tree()


def main_text(root: html.HtmlElement, url: str | None) -> list[tuple[str, str]]:
    """The paragraphs of the article, in reading order, as ``(tag, text)``; empty when there is none.

    The tree is left as it is.
    """
    options = Extractor(
        config=DEFAULT_CONFIG, output_format="txt", comments=False, dedup=False, url=url, with_metadata=False
    )
    document = trafilatura.bare_extraction(root, options=options)
    return serialize(document.body) if isinstance(document, Document) else []


def serialize(body: etree._Element) -> list[tuple[str, str]]:
    """Flatten an extracted body into paragraphs; the cells of a table row are one paragraph."""
    pieces: list[tuple[str, str]] = []
    line: list[str] = []
    tags = ["p"]

    def flush() -> None:
        text = tidy("".join(line))
        line.clear()
        if text:
            pieces.append((tags[-1], text))

    # Not recursive: a page may be nested deeper than Python's stack.
    walk = etree.iterwalk(body, events=("start", "end"))
    for event, element in walk:
        name = element.tag if isinstance(element.tag, str) else ""
        block = name in _BLOCKS
        if event == "start":
            if block or name == "lb":
                flush()
            tags.append(_inner_tag(element, name, tags[-1]))
            whole = _whole(element, name)
            if whole is not None:
                flush()
                if whole[1]:
                    pieces.append(whole)
                walk.skip_subtree()
            elif element.text:
                line.append(element.text)
        else:
            if block:
                flush()
            tags.pop()
            if element.tail and element is not body:
                line.append(element.tail)
    flush()
    return pieces


def _whole(element: etree._Element, name: str) -> tuple[str, str] | None:
    """An element that makes one paragraph whatever it holds: a table row, or code of several lines."""
    if name == "row":
        cells = [tidy(_cell_text(cell)) for cell in element]
        return "td", CELL_SEPARATOR.join(cell for cell in cells if cell)
    if name == "code":
        code = "".join(map(str, element.itertext()))
        if "\n" in code.strip():
            return "pre", tidy_code(code)
    return None


def _inner_tag(element: etree._Element, name: str, tag: str) -> str:
    if name == "head":
        level = element.get("rend") or ""
        return level if re.fullmatch("h[1-6]", level) else "h3"
    return _TAGS.get(name, tag) if name in _BLOCKS else tag


def _cell_text(cell: etree._Element) -> str:
    parts: list[str] = []
    for element in cell.iter():
        if element is not cell and element.tag in _BLOCKS | {"lb", "row", "cell"}:
            parts.append(" ")
        parts.append(element.text or "")
        if element is not cell:
            parts.append(element.tail or "")
    return "".join(parts)


def storable(text: str) -> str:
    """The text without what Postgres can't hold or nobody can see."""
    return _ZERO_WIDTH_SPACE.sub("", _INVISIBLE.sub("", _NOT_STORABLE.sub("", text)))


def tidy(text: str) -> str:
    """One line: white space of all kinds collapsed, invisible characters out."""
    return " ".join(storable(text).split())


def tidy_code(text: str) -> str:
    """Preformatted text: line breaks and indentation kept, outer blank lines and trailing blanks out."""
    lines = [line.rstrip() for line in storable(text).splitlines()]
    while lines and not lines[0]:
        lines.pop(0)
    while lines and not lines[-1]:
        lines.pop()
    return "\n".join(lines)
