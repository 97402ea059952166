"""Records as rows of COPY's text format, and the hashes that tell equal rows.

The format is PostgreSQL's documented one: fields between tabs, ``\\N`` for NULL, backslash escapes for backslash,
tab and line ends. Text goes through byte for byte.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

from etl.model import Article, Block, PartialDate, Record, Reject, Span
from etl.settings import get_settings

Value = str | bytes | int | float | datetime | tuple[str, ...] | None


class UnstorableError(ValueError):
    """A record that no database can hold as it is; its text says why."""


@dataclass(frozen=True, slots=True)
class Row:
    """A record, ready to be staged.

    Attributes:
        record: where it comes from.
        capture_sha256: hash of what cleaning made of the text.
        sighting_sha256: hash of the capture's metadata and its text.
        capture, sighting: lines of the staging tables; the run's columns are still to be added.
    """

    record: Record
    capture_sha256: bytes
    sighting_sha256: bytes
    capture: bytes
    sighting: bytes

    @property
    def key(self) -> tuple[bytes, bytes, bytes, bytes]:
        """The order in which rows are written, the same for every loader."""
        record = self.record
        return record.article_id.bytes, record.original_sha256, self.capture_sha256, self.sighting_sha256


def field(value: Value) -> bytes:
    """One value in COPY's text format.

    Raises:
        UnstorableError: it holds NUL or half of a surrogate pair.
    """
    if value is None:
        return b"\\N"
    if isinstance(value, str):
        if "\0" in value:
            raise UnstorableError("it holds a NUL character, which PostgreSQL can't store")
        if "\\" in value:
            value = value.replace("\\", "\\\\")
        if "\n" in value:
            value = value.replace("\n", "\\n")
        if "\r" in value:
            value = value.replace("\r", "\\r")
        if "\t" in value:
            value = value.replace("\t", "\\t")
        try:
            return value.encode("utf-8")
        except UnicodeEncodeError as error:
            raise UnstorableError(f"it holds a lone surrogate (U+{ord(value[error.start]):04X})") from None
    if isinstance(value, bytes):
        return b"\\\\x" + value.hex().encode()
    if isinstance(value, datetime):
        return utc(value).isoformat().encode()
    if isinstance(value, tuple):
        quoted = ('"' + item.replace("\\", "\\\\").replace('"', '\\"') + '"' for item in value)
        return field("{" + ",".join(quoted) + "}")
    return (float.__repr__(value) if isinstance(value, float) else str(value)).encode()


def line(values: Iterable[Value]) -> bytes:
    """One row in COPY's text format, without its line end."""
    return b"\t".join(map(field, values))


def rows_file(lines: Iterable[bytes]) -> BytesIO:
    """The lines as a file for COPY."""
    return BytesIO(b"".join(part + b"\n" for part in lines))


def utc(value: datetime) -> datetime:
    """The same time in UTC; one without zone is UTC.

    Raises:
        UnstorableError: it lies outside the calendar.
    """
    if value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise UnstorableError(f"the time {value} lies outside the calendar") from None


def restore(text: str, removed: Iterable[Span]) -> str:
    """The original of a clean text: the removed spans put back at their places."""
    parts: list[str] = []
    taken = at = 0
    for span in removed:
        keep = span.start - at
        parts += (text[taken : taken + keep], span.text)
        taken, at = taken + keep, span.end
    return "".join(parts) + text[taken:]


def row(record: Record) -> Row:
    """A record as rows.

    Raises:
        UnstorableError: it can't be stored, or its clean text and spans don't give its original back.
    """
    article = record.article
    if "\0" in article.text:
        raise UnstorableError("it holds a NUL character, which PostgreSQL can't store")
    try:
        hashed = hashlib.sha256(restore(record.clean_text, record.removed).encode("utf-8")).digest()
    except UnicodeEncodeError as error:
        raise UnstorableError(f"its text holds a lone surrogate (at character {error.start})") from None
    if hashed != record.original_sha256:
        raise UnstorableError("its clean text and removed spans don't give the original text back")
    removed = _json([span.as_json() for span in record.removed])
    blocks = _blocks(article)
    capture_sha256 = _hash(
        record.text_sha256.hex(),
        record.language,
        record.language_confidence,
        record.word_count,
        removed,
        blocks,
    )
    published, modified = _date(article.published), _date(article.modified)
    notes = tuple(dict.fromkeys((*article.notes, *record.notes)))
    captured_at = None if record.captured_at is None else utc(record.captured_at)
    metadata: tuple[Value, ...] = (
        captured_at,
        record.source,
        article.url,
        article.canonical_url,
        article.site,
        article.title,
        article.authors,
        *published,
        *modified,
        article.declared_language,
        article.access,
        record.header,
        article.opt_outs,
        notes,
    )
    sighting_sha256 = _hash(record.article_id.hex, record.original_sha256.hex(), *metadata)
    return Row(
        record,
        capture_sha256,
        sighting_sha256,
        line(
            (
                str(record.article_id),
                record.original_sha256,
                capture_sha256,
                record.text_sha256,
                record.language,
                record.language_confidence,
                record.word_count,
                record.clean_text,
                removed,
                blocks,
            )
        ),
        line(
            (
                str(record.article_id),
                record.identity,
                record.url_key,
                record.url_key_version,
                sighting_sha256,
                record.original_sha256,
                *metadata,
                record.origin,
            )
        ),
    )


def refused(record: Record, detail: str) -> Reject:
    """The reject of a record that can't be loaded."""
    payload = record.article.text.encode("utf-8", "surrogatepass")
    return Reject(
        origin=record.origin,
        stage="load",
        reason="load_error",
        detail=f"the database can't hold this record: {detail}",
        source=record.source,
        url=record.article.url,
        payload=payload,
        payload_sha256=hashlib.sha256(payload).digest(),
    )


def reject_key(reject: Reject) -> tuple[bytes, str, bytes]:
    """What makes a reject the same one again."""
    return _sha256(reject.origin), reject.stage, _payload_sha256(reject)


def reject_line(reject: Reject, run_id: int) -> bytes:
    """A row of the staging table of rejects; text is made storable, the payload cut at the cap."""
    return line(
        (
            _sha256(reject.origin),
            storable(reject.origin),
            storable(reject.source),
            None if reject.url is None else storable(reject.url),
            reject.stage,
            reject.reason,
            storable(reject.detail)[:10_000],
            reject.payload[: get_settings().quarantine_payload_bytes],
            _payload_sha256(reject),
            run_id,
        )
    )


def origin_sha256(record: Record) -> bytes:
    """SHA-256 of a record's origin, as in the quarantine."""
    return _sha256(record.origin)


def storable(text: str) -> str:
    """The text with U+FFFD for what PostgreSQL can't store."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").replace("\0", "\ufffd")


def _payload_sha256(reject: Reject) -> bytes:
    return reject.payload_sha256 or hashlib.sha256(reject.payload).digest()


def _sha256(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _date(date: PartialDate | None) -> tuple[datetime | None, datetime | None, str | None]:
    return (None, None, None) if date is None else (utc(date.start), utc(date.until), date.precision)


def _blocks(article: Article) -> str | None:
    """Blocks as JSON; ``None`` for given text, whose blocks say no more than its line ends."""
    if all(block.tag == "p" and block.link_share is None and not block.classes for block in article.blocks):
        return None
    return _json([_block(block) for block in article.blocks])


def _block(block: Block) -> list[Any]:
    return [block.start, block.end, block.tag, block.link_share, list(block.classes)]


def _json(value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise UnstorableError(f"its removed spans or blocks are no JSON: {error}") from None


def _hash(*values: Value) -> bytes:
    """SHA-256 over the values as JSON, the same everywhere."""
    plain = [
        value.isoformat() if isinstance(value, datetime) else list(value) if isinstance(value, tuple) else value
        for value in values
    ]
    return hashlib.sha256(json.dumps(plain, ensure_ascii=True, separators=(",", ":")).encode()).digest()


def sequence_of_places(rows: Sequence[Row]) -> Iterable[bytes]:
    """Lines of the staging table of keys: the place in ``rows`` and what tells whether the row is known."""
    for place, item in enumerate(rows):
        record = item.record
        yield line(
            (
                place,
                str(record.article_id),
                record.original_sha256,
                item.capture_sha256,
                item.sighting_sha256,
            )
        )
