"""Records for tests of loading, made as processing makes them, from texts of our own."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from etl.dedupe import article_id, text_hash
from etl.model import Article, PartialDate, Record, Reject, Span, SpanClass

NOTICE = "Read on with a subscription.\n"
DAY = timedelta(days=1)
MONDAY = datetime(2024, 3, 4, 6, tzinfo=UTC)


def date(year: int, month: int | None = None, day: int | None = None) -> PartialDate:
    """A date as precise as what is given."""
    start = datetime(year, month or 1, day or 1, tzinfo=UTC)
    if day:
        return PartialDate(start, start + DAY, "day")
    if month:
        return PartialDate(start, datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC), "month")
    return PartialDate(start, datetime(year + 1, 1, 1, tzinfo=UTC), "year")


def spans(original: str, places: Iterable[tuple[int, int]], class_: SpanClass = "subscription") -> tuple[Span, ...]:
    """Removed spans at the given places."""
    return tuple(
        Span(start, end, class_, f"test.{class_}.notice", original[start:end], {"score": 0.9, "signals": {"cue": 1}})
        for start, end in places
    )


def record(
    text: str,
    *,
    url: str | None = None,
    source: str = "files",
    captured_at: datetime | None = None,
    removed: Sequence[tuple[int, int]] = (),
    class_: SpanClass = "subscription",
    language: str = "en",
    confidence: float = 0.99,
    origin: str = "sample.jsonl:1",
    header: str = "",
    **article: Any,
) -> Record:
    """A record whose original text is ``text``, with ``removed`` places taken out of it."""
    taken = spans(text, removed, class_)
    clean, at = [], 0
    for span in taken:
        clean.append(text[at : span.start])
        at = span.end
    cleaned = "".join(clean) + text[at:]
    key = url.split("://", 1)[1].rstrip("/") if url else None
    article.setdefault("site", key.split("/", 1)[0] if key else None)
    article.setdefault("access", "full")
    original_sha256 = text_hash(text)
    return Record(
        article_id=article_id("url", key) if key else article_id("text", source, original_sha256.hex()),
        identity="url" if key else "text",
        url_key=key,
        url_key_version=1,
        source=source,
        origin=origin,
        captured_at=captured_at,
        header=header,
        article=Article(url=url, text=text, **article),
        language=language,
        language_confidence=confidence,
        clean_text=cleaned,
        removed=taken,
        text_sha256=text_hash(cleaned),
        original_sha256=original_sha256,
        word_count=len(cleaned.split()),
    )


def reject(origin: str = "sample.jsonl:7", payload: bytes = b"{broken", reason: str = "invalid_json") -> Reject:
    """A line that is no JSON."""
    return Reject(
        origin=origin,
        stage="read",
        reason=reason,
        detail="the line is not valid JSON",
        payload=payload,
        payload_sha256=hashlib.sha256(payload).digest(),
    )


WORDS = (
    "harbour council budget storm bridge election teacher railway museum river winter market energy hospital court "
    "village captain orchestra glacier harvest ferry journal minister strike festival library forest tunnel station"
).split()


def text(seed: int, words: int = 60) -> str:
    """A text that is the same for the same seed."""
    choice = random.Random(seed)
    lines = []
    for start in range(0, words, 12):
        line = " ".join(choice.choice(WORDS) for _ in range(min(12, words - start)))
        lines.append(line.capitalize() + f" {seed}-{start}.")
    return "\n".join(lines)


def corpus(seed: int = 0, articles: int = 12) -> list[Record | Reject]:
    """A small corpus with all that settling has to sort out.

    Versions that come back (A, B, A), captures without a time, exact copies on other sites, some of them earlier
    than what they copy, records repeated word for word, texts without URL, and rejects.
    """
    choice = random.Random(seed)
    found: list[Record | Reject] = []
    for number in range(articles):
        url = f"https://daily{number % 3}.example/story/{number}"
        body = text(number % max(2, articles // 2))  # every text stands in two articles
        for version in range(choice.randint(1, 4)):
            notice = choice.random() < 0.4
            revised = body + (f"\nCorrected at {version % 2} o'clock." if version and choice.random() < 0.6 else "")
            original = NOTICE + revised if notice else revised
            found.append(
                record(
                    original,
                    url=url,
                    captured_at=None if choice.random() < 0.2 else MONDAY + choice.randint(0, 9) * DAY,
                    removed=[(0, len(NOTICE))] if notice else (),
                    title=f"Story {number}" + ("" if choice.random() < 0.7 else ", updated"),
                    authors=("Ada Example",) if choice.random() < 0.5 else (),
                    published=choice.choice([None, date(2024, 3), date(2024, 3, choice.randint(1, 9))]),
                    modified=choice.choice([None, date(2024, 3, 10)]),
                    origin=f"dump.jsonl:{len(found) + 1}",
                )
            )
    for number in range(3):
        found.append(record(text(number), source=choice.choice(["files", "archive"]), origin=f"{number}.txt"))
        found.append(reject(f"broken.jsonl:{number}"))
    found += choice.sample(found, k=len(found) // 3)  # the same once more
    return found
