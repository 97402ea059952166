"""Text into blocks and sentences, and removed stretches back into spans that lose nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from etl.model import Block, Cleaned, Span, SpanClass

_LINE = re.compile(r"[^\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]+")
_NON_SPACE = re.compile(r"\S")
# A sentence ends at closing punctuation, with the quotes and brackets that close there, before white space and
# something that can begin a sentence; in Chinese and Japanese without white space.
# One class first, which is what makes the search fast.
_SENTENCE_END = re.compile(
    r"[.!?…。！？](?:(?<=[.!?…])[.!?…]*[\"'”’»«“)\]]*\s+(?=[^a-zà-öø-ÿ\s])|(?<=[。！？])[。！？]*[」』”）)]*\s*)",
)


@dataclass(frozen=True, slots=True)
class Removal:
    """A stretch to be removed, without the white space around it."""

    start: int
    end: int
    class_: SpanClass
    rule: str
    evidence: dict[str, Any]


class Stretch(NamedTuple):
    """``[start, end)`` in code points."""

    start: int
    end: int


def blocks_of(text: str) -> list[Stretch]:
    """The lines of a given text that hold more than white space, trimmed."""
    found: list[Stretch] = []
    at = 0
    # Lines end where ``_LINE`` says: ``splitlines`` knows the same line breaks.
    for line in text.splitlines(keepends=True):
        stripped = line.strip()
        if stripped:
            start = at + (len(line) - len(line.lstrip()) if line[0].isspace() else 0)
            found.append(Stretch(start, start + len(stripped)))
        at += len(line)
    return found


def trimmed_blocks(text: str, blocks: Sequence[Block]) -> list[Block]:
    """Blocks as given, without the white space at their ends; empty ones dropped.

    Raises:
        ValueError: the blocks are not sorted and disjoint, or reach beyond the text.
    """
    found: list[Block] = []
    at = 0
    for block in blocks:
        if not at <= block.start <= block.end <= len(text):
            raise ValueError(f"block [{block.start}, {block.end}) overlaps the one before it or the text's end")
        at = block.end
        if block.end > block.start and not (text[block.start].isspace() or text[block.end - 1].isspace()):
            found.append(block)
            continue
        trimmed = _trim(text, block.start, block.end)
        if trimmed is not None:
            found.append(Block(*trimmed, block.tag, block.link_share, block.classes))
    return found


def _trim(text: str, start: int, end: int) -> tuple[int, int] | None:
    piece = text[start:end]
    stripped = piece.lstrip()
    if not stripped:
        return None
    start += len(piece) - len(stripped)
    return start, start + len(stripped.rstrip())


def sentences_of(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """The sentences of ``text[start:end]``, without the white space between them."""
    found: list[tuple[int, int]] = []
    at = start
    for stop in _SENTENCE_END.finditer(text, start, end):
        if stop.end() >= end:
            break
        cut = stop.start() + len(stop[0].rstrip())
        if cut > at:
            found.append((at, cut))
        at = stop.end()
    if at < end:
        found.append((at, end))
    return found


def cut_out(text: str, removals: Iterable[Removal]) -> Cleaned:
    """The text without the removals, and the spans: sorted, disjoint, not empty.

    A span takes the white space after its stretch with it. At the end of the text, and of a paragraph that goes on
    before it, it takes the white space before it instead, so that nothing is left doubled. ``removals`` are sorted
    and disjoint.
    """
    pending = list(removals)
    if not pending:
        return Cleaned(text, ())
    last = len(text.rstrip())
    spans: list[list[int]] = []
    for removal in pending:
        start, end = removal.start, removal.end
        following = _NON_SPACE.search(text, end)
        if end >= last:
            end = max(end, last)
        elif following is not None:
            gap = text[end : following.start()]
            if _LINE.fullmatch(gap) or not gap or _starts_line(text, start):
                end = following.start()
            else:
                start = len(text[:start].rstrip())
        spans.append([start, end])
    # The last stretch of a run that reaches the end of the text has nothing after it to take.
    index = len(spans) - 1
    if spans[index][1] >= last:
        while index and spans[index - 1][1] >= spans[index][0]:
            index -= 1
        floor = spans[index - 1][1] if index else 0
        spans[index][0] = max(floor, len(text[: spans[index][0]].rstrip()))
    kept: list[str] = []
    removed: list[Span] = []
    at = 0
    for removal, (begin, end) in zip(pending, spans, strict=True):
        start = max(begin, at)
        kept.append(text[at:start])
        removed.append(Span(start, end, removal.class_, removal.rule, text[start:end], removal.evidence))
        at = end
    kept.append(text[at:])
    return Cleaned("".join(kept), tuple(removed))


def _starts_line(text: str, position: int) -> bool:
    before = text[max(0, position - 200) : position]
    trimmed = before.rstrip(" \t\u00a0\u3000")
    return not trimmed or not _LINE.fullmatch(trimmed[-1])
