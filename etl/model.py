"""The vocabulary: what flows from a file or the web to the database. No logic lives here.

All text is *storable Unicode*: scalar values without NUL. Offsets count Unicode code points. Times are aware
and in UTC. Every type is immutable and picklable, so that it can cross a pipe to a worker process.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

Precision = Literal["second", "minute", "day", "month", "year"]
Access = Literal["full", "teaser", "unknown"]
IdentityKind = Literal["url", "text", "payload"]
Stage = Literal["acquire", "read", "extract", "language", "clean", "fingerprint", "load"]
SpanClass = Literal[
    "paywall",
    "subscription",
    "newsletter",
    "promo",
    "app",
    "login",
    "share",
    "cookie",
    "related",
    "ad",
    "comment",
    "credit",
    "copyright",
    "player",
    "navigation",
    "template",
]


@dataclass(frozen=True, slots=True)
class PartialDate:
    """A point in time known to some precision.

    ``start`` is its first instant and ``until`` the first instant after it (exclusive): ``2022-01`` is
    ``2022-01-01T00:00Z`` to ``2022-02-01T00:00Z`` with precision ``month``.
    """

    start: datetime
    until: datetime
    precision: Precision


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """What a record says about itself, as it says it: evidence, not truth. Dates are unparsed strings."""

    title: str | None = None
    authors: tuple[str, ...] = ()
    published: str | None = None
    modified: str | None = None
    language: str | None = None
    publisher: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """What was obtained of one URL or one file record at one time. Exactly one of ``text``, ``html`` is set.

    Attributes:
        origin: where it lies: ``path``, ``path:LINE`` (text lines, table rows) or ``path#OFFSET`` (WARC).
        source: the configured name of the source; part of the identity of a record without URL. Never a path.
        text: the text as given, after the header; kept to the character.
        html: the page's bytes after content decoding, before charset decoding.
        charset: what a header or column says the bytes are in; the bytes decide when it is wrong.
        url: absolute, without credentials and without fragment-only differences resolved.
        captured_at: what the record says; never the load time and never a file's mtime.
        header: the header lines of a text file as they stood, up to the first character of the text.
        opt_outs: text-and-data-mining opt-outs that came with the response (``noai``, ``tdm-reservation`` …).
        notes: what had to be mended when it was read, as short snake_case codes (``replaced_characters:3``).
    """

    origin: str
    source: str = "files"
    text: str | None = None
    html: bytes | None = None
    charset: str | None = None
    url: str | None = None
    captured_at: datetime | None = None
    header: str = ""
    hints: Hints = Hints()
    opt_outs: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph-like unit ``text[start:end]`` with what extraction knows of its element.

    ``link_share`` is the share of its characters inside links, ``None`` where no HTML was there; ``classes``
    holds the lower-cased words of class and id attributes of the element and its ancestors, nearest first; between
    them ``<aside>`` stands for an element whose name tells something (or whose ARIA role does), ``[hidden]`` for one
    that isn't shown.
    """

    start: int
    end: int
    tag: str = "p"
    link_share: float | None = None
    classes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch ``[start, end)`` of the extracted text that cleaning removed, and why.

    ``evidence`` is a JSON object: ``score`` (0 to 1) and ``signals`` (the strongest ones, name to weight).
    """

    start: int
    end: int
    class_: SpanClass
    rule: str
    text: str
    evidence: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The SPAN shape of the public interface."""
        return {
            "start": self.start,
            "end": self.end,
            "class": self.class_,
            "rule": self.rule,
            "text": self.text,
            "evidence": dict(self.evidence),
        }


@dataclass(frozen=True, slots=True)
class Cleaned:
    """Clean text and what was removed: ``text`` is the original without the (sorted, disjoint) spans."""

    text: str
    removed: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class LanguageGuess:
    """ISO 639-1 code (``zh`` for all Chinese, ``no`` for Bokmål and Nynorsk) or ``und``, and a confidence."""

    language: str
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """What extraction made of a capture. ``text`` is the extracted text, boilerplate still in it.

    Blocks are sorted and disjoint; for extracted pages they are joined by a blank line, for given text they
    are its lines, kept to the character.
    """

    url: str | None = None
    canonical_url: str | None = None
    site: str | None = None
    title: str | None = None
    authors: tuple[str, ...] = ()
    published: PartialDate | None = None
    modified: PartialDate | None = None
    declared_language: str | None = None
    access: Access = "unknown"
    text: str = ""
    blocks: tuple[Block, ...] = ()
    opt_outs: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A processed article, ready to load: a function of one capture and the rules alone."""

    article_id: UUID
    identity: IdentityKind
    url_key: str | None
    url_key_version: int
    source: str
    origin: str
    captured_at: datetime | None
    header: str
    article: Article
    language: str
    language_confidence: float
    clean_text: str
    removed: tuple[Span, ...]
    text_sha256: bytes
    original_sha256: bytes
    word_count: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """A record that couldn't be processed. ``reason`` is a code of ``etl.reasons``, ``detail`` a sentence.

    ``payload`` holds the record's bytes up to the quarantine's cap; ``payload_sha256`` covers all of them.
    """

    origin: str
    stage: Stage
    reason: str
    detail: str
    source: str = "files"
    url: str | None = None
    payload: bytes = b""
    payload_sha256: bytes = b""
