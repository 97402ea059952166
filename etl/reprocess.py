"""Stored originals through today's rules: what a better rule changes is changed everywhere, with nothing fetched."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extras import RealDictCursor

from etl.clean import clean
from etl.database import Target, connected
from etl.dedupe import text_hash
from etl.extract import split_lines
from etl.ingest import chunks, lost_connection, ready
from etl.language import detect, word_count
from etl.load import load_batch, noted_run, settle
from etl.load.rows import restore
from etl.model import Article, Block, PartialDate, Record, Reject, Span
from etl.settings import Settings, get_settings
from etl.share import query


@dataclass(slots=True)
class Reprocessed:
    """What today's rules make of stored originals.

    Attributes:
        read: captures looked at.
        changed: captures whose clean text is another now.
        rejected: captures of which nothing would be left; the stored result stays, and they are in quarantine.
        before, after: spans by rule.
        dry_run: nothing was stored.
        run_id: the run, when something was.
    """

    read: int = 0
    changed: int = 0
    rejected: int = 0
    before: Counter[str] = field(default_factory=Counter)
    after: Counter[str] = field(default_factory=Counter)
    dry_run: bool = False
    run_id: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Counts, with those by rule as ``{"before", "after"}``."""
        return {
            "read": self.read,
            "changed": self.changed,
            "rejected": self.rejected,
            "rules": {
                rule: {"before": self.before[rule], "after": self.after[rule]}
                for rule in sorted({*self.before, *self.after})
            },
            "dry_run": self.dry_run,
            "run_id": self.run_id,
        }


def reprocess(
    target: Target,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    source: str | None = None,
    dry_run: bool = False,
    settings: Settings | None = None,
    on_progress: Callable[[int], None] = lambda _: None,
) -> Reprocessed:
    """Cleans stored originals again, then settles. Killed and run again, it ends where it would have.

    Args:
        target: the database, as a role that may write.
        since, until: captures of this time (``until`` exclusive); one without a time counts as of its publication.
        source: only this source's.
        dry_run: count only.

    Raises:
        DatabaseUnavailableError: the database is away or went away; run it again.
    """
    settings = settings or get_settings()
    ready(target)
    done = Reprocessed(dry_run=dry_run)
    asked = {"since": since, "until": until, "source": source}
    with connected(target) as reading, connected(target) as connection, lost_connection(target):
        if dry_run:
            for _ in _cleaned(reading, asked, done):
                on_progress(1)
            return done
        with noted_run(connection, "reprocess", parameters=asked) as run:
            done.run_id = str(run.id)
            for number, (_, chunk) in enumerate(chunks(_cleaned(reading, asked, done), settings.batch_records)):
                load_batch(connection, run.id, str(number), chunk)
                on_progress(len(chunk))
            settle(connection, search=settings.search)
    return done


def _cleaned(connection: Connection, asked: dict[str, Any], done: Reprocessed) -> Iterator[Record | Reject]:
    for row in _rows(connection, asked):
        result = _again(row)
        done.read += 1
        done.before.update(span["rule"] for span in row["removed"])
        if isinstance(result, Record):
            done.after.update(span.rule for span in result.removed)
            done.changed += result.clean_text != row["text"]
        else:
            done.after.update(span["rule"] for span in row["removed"])
            done.rejected += 1
        yield result


def _rows(connection: Connection, asked: dict[str, Any]) -> Iterator[dict[str, Any]]:
    with connection.cursor(cursor_factory=RealDictCursor) as cursor:
        cursor.execute(query("reprocess_open"), asked)
        connection.commit()
        while True:
            cursor.execute(query("reprocess_fetch"))
            rows = cursor.fetchall()
            connection.commit()
            if not rows:
                return
            yield from rows


def _again(row: dict[str, Any]) -> Record | Reject:
    spans = [
        Span(each["start"], each["end"], each["class"], each["rule"], each["text"], each["evidence"])
        for each in row["removed"]
    ]
    original = restore(row["text"], spans)
    blocks = (
        split_lines(original)
        if row["blocks"] is None
        else tuple(Block(start, end, tag, share, tuple(words)) for start, end, tag, share, words in row["blocks"])
    )
    guess = detect(original, declared=row["declared_language"])
    cleaned = clean(original, language=guess.language, site=row["site"], blocks=blocks)
    if not cleaned.text.strip():
        payload = original.encode("utf-8")
        return Reject(
            origin=row["origin"],
            source=row["source"],
            url=row["url"],
            stage="clean",
            reason="empty_text",
            detail="today's rules would leave nothing of this stored text; the stored result stays",
            payload=payload[: get_settings().quarantine_payload_bytes],
            payload_sha256=hashlib.sha256(payload).digest(),
        )
    article = Article(
        url=row["url"],
        canonical_url=row["canonical_url"],
        site=row["site"],
        title=row["title"],
        authors=tuple(row["authors"]),
        published=_date(row, "published"),
        modified=_date(row, "modified"),
        declared_language=row["declared_language"],
        # Stays as it was seen: it is part of the sighting, not of the cleaning.
        access=row["access"],
        text=original,
        blocks=tuple(blocks),
        opt_outs=tuple(row["opt_outs"]),
        notes=tuple(row["notes"]),
    )
    return Record(
        article_id=UUID(str(row["article_id"])),
        identity=row["identity"],
        url_key=row["url_key"],
        url_key_version=row["url_key_version"],
        source=row["source"],
        origin=row["origin"],
        captured_at=row["captured_at"],
        header=row["header"],
        article=article,
        language=guess.language,
        language_confidence=guess.confidence,
        clean_text=cleaned.text,
        removed=cleaned.removed,
        text_sha256=text_hash(cleaned.text),
        original_sha256=bytes(row["original_sha256"]),
        word_count=word_count(cleaned.text),
        notes=article.notes,
    )


def _date(row: dict[str, Any], name: str) -> PartialDate | None:
    start = row[f"{name}_at"]
    return PartialDate(start, row[f"{name}_until"], row[f"{name}_precision"]) if start is not None else None
