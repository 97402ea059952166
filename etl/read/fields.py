"""A record's columns to a Capture: which name means what, and what to make of values of the wrong type."""

from __future__ import annotations

import ast
import json
import logging
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Final

from etl.dates import parse_partial
from etl.errors import UsageError
from etl.model import Capture, Hints, Reject
from etl.read.base import InputFile
from etl.text import safe_for_terminal, storable, web_url

logger = logging.getLogger(__name__)

KNOWN: Final[Mapping[str, tuple[str, ...]]] = {
    "text": tuple("text maintext content body article article_text plain_text text_content".split()),
    "html": ("html", "raw_html"),
    "url": tuple("url link responded_url requested_url original_url canonical_link".split()),
    "title": ("title", "headline", "article_title"),
    "published": tuple(
        "date published published_at date_publish publish_date publishing_date published_date "
        "publication_date".split()
    ),
    "modified": ("modified", "date_modify", "modified_date"),
    "captured": ("captured_at", "crawl_date", "date_download"),
    "authors": ("authors", "author", "byline"),
    "language": ("language", "lang", "meta_lang"),
    "publisher": tuple(
        "source source_domain domain publisher site sitename media_name canonical_domain meta_site_name".split()
    ),
}
"""Field -> column names that are found without a map, the first one that holds something wins."""

MAX_HINT_CHARS: Final = 5000
"""Longest title, date, language … that is kept; the text itself is never cut."""
# How programs write that they have nothing (news-please writes str(None) for a missing date).
_NOTHING: Final = ("None", "null", "NULL", "nan", "NaN", "NaT", "<NA>")

_TARGETS: Final = {**{field: field for field in KNOWN}, "date": "published", "captured_at": "captured"}


def folded(name: str) -> str:
    """A column name without case, ``_``, ``-`` and blanks."""
    return re.sub(r"[\s_\-]+", "", name).casefold()


_BY_NAME: Final = {folded(name): (field, rank) for field, names in KNOWN.items() for rank, name in enumerate(names)}


def is_known(column: str, fields: Sequence[str] | None, mapping: Mapping[str, str]) -> bool:
    """Whether a column holds one of ``fields`` (any, when None), by the mapping or by its name."""
    name = folded(column)
    for field, mapped in mapping.items():
        if folded(mapped) == name:
            return fields is None or field in fields
    known = _BY_NAME.get(name)
    return known is not None and known[0] not in mapping and (fields is None or known[0] in fields)


def parse_mapping(pairs: str | Iterable[str]) -> dict[str, str]:
    """``text=body,title=head`` (or several such) to ``{"text": "body", "title": "head"}``.

    Raises:
        UsageError: a pair isn't ``FIELD=COLUMN``, or names a field that doesn't exist or names it twice.
    """
    found: dict[str, str] = {}
    for pair in [pair for part in ([pairs] if isinstance(pairs, str) else pairs) for pair in part.split(",")]:
        if not pair.strip():
            continue
        target, separator, column = pair.partition("=")
        if not separator or not column.strip():
            raise UsageError(f"--map: {pair!r} isn't FIELD=COLUMN", fix="write it like --map text=body,title=head")
        field = _target(target.strip())
        if field in found:
            raise UsageError(f"--map names {field} twice", fix="give one column for each field")
        found[field] = column.strip()
    return found


def checked_mapping(mapping: Mapping[str, str] | None) -> dict[str, str]:
    """The mapping by field names.

    Raises:
        UsageError: it names a field that doesn't exist.
    """
    return {_target(target): column for target, column in (mapping or {}).items()}


def _target(name: str) -> str:
    field = _TARGETS.get(name.casefold())
    if field is None:
        raise UsageError(
            f"--map: there is no field {name!r}",
            fix=f"the fields are {', '.join(sorted({*_TARGETS} - {'captured'}))}",
        )
    return field


def check_columns(mapping: Mapping[str, str], columns: Sequence[str], where: str) -> None:
    """Raises:
    UsageError: the mapping names a column that ``where`` doesn't have.
    """
    have = {folded(column) for column in columns}
    for field, column in mapping.items():
        if folded(column) not in have:
            raise UsageError(
                f"{where} has no column {column!r} (--map {field}={column})",
                fix=f"its columns are: {', '.join(columns)}",
            )


class FieldReader:
    """Makes captures of the records of one file, and keeps account of the columns nobody asked for.

    Args:
        file: the file the records lie in.
    """

    def __init__(self, file: InputFile) -> None:
        self._file = file
        self._mapped = {folded(column): field for field, column in file.mapping.items()}
        self._fields_mapped = frozenset(file.mapping)
        self._unknown: dict[str, None] = {}
        self._plans: dict[tuple[str, ...], dict[str, list[str]]] = {}
        self.seen: set[str] = set()

    def plan(self, columns: tuple[str, ...]) -> dict[str, list[str]]:
        """Field -> the columns that may hold it, best first. A mapped field is read from its column alone."""
        plan = self._plans.get(columns)
        if plan is not None:
            return plan
        ranked: dict[str, list[tuple[int, str]]] = {}
        for column in columns:
            name = folded(column)
            if name in self._mapped:
                ranked.setdefault(self._mapped[name], []).append((0, column))
                self.seen.add(name)
                continue
            known = _BY_NAME.get(name)
            if known is not None and known[0] not in self._fields_mapped:
                ranked.setdefault(known[0], []).append((known[1], column))
            elif known is None and len(self._unknown) < 1000:
                self._unknown.setdefault(storable(column)[0][:200], None)
        plan = {field: [column for _, column in sorted(found)] for field, found in ranked.items()}
        if len(self._plans) < 64:
            self._plans[columns] = plan
        return plan

    def capture(
        self,
        record: Mapping[str, Any],
        origin: str,
        payload: bytes | None = None,
        notes: Sequence[str] = (),
    ) -> Capture | Reject:
        """The capture of one record, or its reject (``wrong_type``, ``missing_text``).

        Args:
            record: column -> value, as its format gives it.
            origin: where it lies.
            payload: its bytes for the quarantine; by default it as JSON.
            notes: what was mended already.
        """
        record = _unfolded(record)
        plan = self.plan(tuple(record))
        told = list(notes)
        replaced = 0
        body: str | bytes | None = None
        kind = ""
        wrong: tuple[str, object] | None = None
        for kind in ("html", "text"):
            for column in plan.get(kind, ()):
                value = record[column]
                found = _html(value) if kind == "html" else _text(value)
                if found is None and value is not None:
                    wrong = wrong or (column, value)
                elif found and not _blank(found):
                    body = found
                    break
            if body is not None:
                break
        if body is None:
            return self._without_body(record, plan, origin, payload, wrong)
        if isinstance(body, str):
            body, replaced = storable(body)

        def text_of(field: str) -> str | None:
            nonlocal replaced
            for column in plan.get(field, ()):
                value = _scalar(record[column])
                if value is None and record[column] is not None:
                    told.append(f"wrong_type:{field}")
                elif value and not value.isspace() and (field == "title" or value.strip() not in _NOTHING):
                    value, count = storable(value.strip())
                    replaced += count
                    if len(value) > MAX_HINT_CHARS and field != "url":
                        told.append(f"cut:{field}")
                        value = value[:MAX_HINT_CHARS]
                    return value
            return None

        url, note = web_url(text_of("url"))
        if note:
            told.append(note)
        captured_at, note = captured_time(text_of("captured"))
        if note:
            told.append(note)
        authors, count = self._authors(record, plan, told)
        replaced += count
        hints = Hints(
            title=text_of("title"),
            authors=authors,
            published=text_of("published"),
            modified=text_of("modified"),
            language=text_of("language"),
            publisher=text_of("publisher"),
        )
        if replaced:
            told.append(f"replaced_characters:{replaced}")
        is_html = kind == "html"
        return Capture(
            origin=origin,
            source=self._file.source,
            text=None if is_html else str(body),
            html=(body.encode() if isinstance(body, str) else body) if is_html else None,
            charset="utf-8" if is_html and isinstance(body, str) else None,
            url=url,
            captured_at=captured_at,
            hints=hints,
            notes=tuple(told),
        )

    def _without_body(
        self,
        record: Mapping[str, Any],
        plan: Mapping[str, list[str]],
        origin: str,
        payload: bytes | None,
        wrong: tuple[str, object] | None,
    ) -> Reject:
        url = None
        for column in plan.get("url", ()):
            url = url or web_url(storable(_scalar(record[column]) or "")[0])[0]
        if payload is None:
            payload = json.dumps(record, ensure_ascii=False, default=str)[:1_000_000].encode("utf-8", "replace")
        if wrong is not None:
            column, value = wrong
            kind = _JSON_NAMES.get(type(value), type(value).__name__)
            detail = f"{_shown(column)} holds {kind}, expected is a string"
            return self._file.reject("wrong_type", detail, origin=origin, payload=payload, url=url)
        columns = ", ".join(_shown(column) for column in list(record)[:20])
        if "text" in plan or "html" in plan:
            names = " and ".join(_shown(c) for field in ("html", "text") for c in plan.get(field, ()))
            detail = f"{names}: empty"
        else:
            detail = f"no column holds text or html; it has: {columns or 'nothing'} (--map text=COLUMN names it)"
        return self._file.reject("missing_text", detail, origin=origin, payload=payload, url=url)

    def _authors(
        self, record: Mapping[str, Any], plan: Mapping[str, list[str]], told: list[str]
    ) -> tuple[tuple[str, ...], int]:
        for column in plan.get("authors", ()):
            names = _names(record[column])
            if names is None:
                told.append("wrong_type:authors")
                continue
            stored = [storable(name) for name in names]
            found = tuple(name.strip()[:500] for name, _ in stored if name.strip() and name.strip() not in _NOTHING)
            if found:
                return found[:100], sum(count for _, count in stored)
        return (), 0

    def finish(self) -> None:
        """Tell the report and the log, once a file, which columns weren't used and which mapped ones never came."""
        file = self._file
        if self._unknown:
            file.report.unknown_columns[file.origin] = tuple(self._unknown)
            shown = safe_for_terminal(", ".join(self._unknown), one_line=True)
            logger.info("%s: columns that were not used: %s", safe_for_terminal(file.origin, one_line=True), shown)
        for name, field in self._mapped.items():
            if name not in self.seen and self._plans:
                column = file.mapping[field]
                file.report.notice(f"{file.origin}: no record has the column {column!r} (--map {field}={column})")


_JSON_NAMES: Final[Mapping[type, str]] = {
    dict: "an object",
    list: "a list",
    int: "a number",
    float: "a number",
    bool: "true or false",
}


def _shown(name: str) -> str:
    return repr(storable(name)[0][:80])


def _unfolded(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """fundus keeps a page as ``{"html": {"content": …, "requested_url": …, "crawl_date": …}}``: as columns."""
    page = record.get("html")
    if not isinstance(page, Mapping) or not isinstance(page.get("content"), str):
        return record
    inner = {name: value for name, value in page.items() if name != "content" and isinstance(value, str)}
    return {**inner, **record, "html": page["content"]}


def _blank(value: str | bytes) -> bool:
    return not value or value.isspace()


def _text(value: object) -> str | None:
    """Text as it is, a list of strings as paragraphs, fundus' article body; None for what is no text."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        from etl.text import decode

        return decode(value).text
    if isinstance(value, list | tuple):
        return "\n\n".join(value) if value and all(isinstance(part, str) for part in value) else None
    if isinstance(value, Mapping):
        return _fundus_body(value)
    return None


def _fundus_body(body: Mapping[str, Any]) -> str | None:
    """fundus writes ``{"summary": [..], "sections": [{"headline": [..], "paragraphs": [..]}]}``."""
    sections = body.get("sections")
    if not isinstance(sections, list) or not all(isinstance(section, Mapping) for section in sections):
        return None
    parts = [body.get("summary")]
    for section in sections:
        parts += [section.get("headline"), section.get("paragraphs")]
    lines: list[str] = []
    for part in parts:
        if isinstance(part, str):
            lines.append(part)
        elif isinstance(part, list) and all(isinstance(line, str) for line in part):
            lines += part
        elif part is not None:
            return None
    return "\n\n".join(line for line in lines if line.strip())


def _html(value: object) -> str | bytes | None:
    return value if isinstance(value, str | bytes) else None


def _scalar(value: object) -> str | None:
    """A value as the string it would be in a text file; None for lists, objects and what is no number."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int):
        return str(value) if abs(value) < 10**30 else None
    if isinstance(value, float):
        return (
            (str(int(value)) if value.is_integer() else repr(value))
            if math.isfinite(value) and abs(value) < 1e20
            else None
        )
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, Mapping):  # MongoDB's extended JSON
        inner = value.get("$date", value.get("$numberLong"))
        return _scalar(inner) if len(value) == 1 and inner is not None else None
    return None


def _names(value: object) -> list[str] | None:
    """Authors: a list of strings or of objects with a name, or one string, which may be a list written out."""
    if value is None:
        return []
    if isinstance(value, str):
        text = value.strip()
        return (_written_list(text) if text.startswith("[") and len(text) < 10_000 else None) or [value]
    if isinstance(value, list | tuple):
        names = []
        for part in value:
            name = part.get("name") if isinstance(part, Mapping) else part
            if isinstance(name, str):
                names.append(name)
            elif name is not None:
                return None
        return names
    return None


def _written_list(text: str) -> list[str] | None:
    """A list as CSV files hold it: JSON, or Python's own notation."""
    if text == "[]":
        return [""]
    for read in (json.loads, ast.literal_eval):
        try:
            value = read(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
            continue
        if isinstance(value, list) and all(isinstance(part, str) for part in value):
            return value
    return None


@lru_cache(maxsize=1024)
def captured_time(raw: str | None) -> tuple[datetime | None, str | None]:
    """When a record says it was captured, and a note when that can't be used (unreadable, vaguer than a day)."""
    if raw is None:
        return None, None
    parsed = parse_partial(raw)
    if parsed.date is None:
        return None, "captured_unreadable" if parsed.problem else None
    if parsed.date.precision in ("month", "year"):
        return None, "captured_too_vague"
    return parsed.date.start, None
