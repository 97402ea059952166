"""Capture -> Article: the text of a page as blocks, and what the page says about it.

``extract`` is a function of its capture and the settings alone. Limits that decide what is rejected are
deterministic here (bytes, elements, depth); time and memory are bounded by ``etl.worker``.
"""

from __future__ import annotations

from typing import Final

from etl.extract.body import drop_scripts, main_text
from etl.extract.flow import place_blocks, read_flow
from etl.extract.metadata import hinted_metadata, read_metadata
from etl.extract.page import Refusal, load_page
from etl.model import Article, Block, Capture, Reject
from etl.rejects import reject_capture
from etl.settings import Settings, get_settings
from etl.text import storable

__all__ = ["TEASER_MAX_CHARS", "extract", "split_lines"]

TEASER_MAX_CHARS: Final = 4000
"""A page that says it isn't free to read, and still gives more text than this, isn't called a teaser."""


def extract(capture: Capture, *, settings: Settings | None = None) -> Article | Reject:
    """What can be made of a capture: an article, or the reason why there is none.

    Given text is kept to the character: its blocks are its lines. A page's text is its paragraphs joined by blank
    lines; boilerplate that the extractor took for text is still in it, also a repeated title: cleaning takes it
    out where it is recorded.

    Args:
        capture: a record with ``text`` or ``html``.
        settings: the limits; by default those of this process.
    """
    settings = settings or get_settings()
    if capture.text is not None:
        return _given_text(capture, capture.text)
    page = load_page(capture, settings)
    if isinstance(page, Refusal):
        return reject_capture(
            capture, "extract", page.reason, page.detail, payload_bytes=settings.quarantine_payload_bytes
        )
    flow = read_flow(page.root, settings.max_html_depth)
    if flow is None:
        return reject_capture(
            capture,
            "extract",
            "nested_too_deep",
            f"elements are nested more than {settings.max_html_depth} deep",
            payload_bytes=settings.quarantine_payload_bytes,
        )
    found = read_metadata(page.root, capture)
    drop_scripts(page.root)
    pieces = main_text(page.root, found.url)
    if not pieces:
        return reject_capture(
            capture,
            "extract",
            "no_article",
            "frames only" if page.root.find(".//frameset") is not None else "the page holds no text of an article",
            payload_bytes=settings.quarantine_payload_bytes,
        )
    text, blocks = place_blocks(flow, pieces)
    return Article(
        url=found.url,
        canonical_url=found.canonical_url,
        site=found.site,
        title=found.title,
        authors=found.authors,
        published=found.published,
        modified=found.modified,
        declared_language=found.declared_language,
        # The whole text is there in spite of the paywall, or most of it: who can tell.
        access="unknown" if found.access == "teaser" and len(text) > TEASER_MAX_CHARS else found.access,
        text=text,
        blocks=blocks,
        opt_outs=found.opt_outs,
        notes=(*capture.notes, *page.notes, *found.notes),
    )


def _given_text(capture: Capture, text: str) -> Article:
    text, replaced = storable(text)
    found = hinted_metadata(capture)
    notes = (f"replaced_characters:{replaced}",) if replaced else ()
    return Article(
        url=found.url,
        site=found.site,
        title=found.title,
        authors=found.authors,
        published=found.published,
        modified=found.modified,
        declared_language=found.declared_language,
        text=text,
        blocks=split_lines(text),
        opt_outs=found.opt_outs,
        notes=(*capture.notes, *notes, *found.notes),
    )


def split_lines(text: str) -> tuple[Block, ...]:
    """The lines of a text that aren't blank, as blocks; the line ends stand between them."""
    blocks: list[Block] = []
    position = 0
    for line in text.split("\n"):
        if line.strip():
            blocks.append(Block(position, position + len(line)))
        position += len(line) + 1
    return tuple(blocks)
