"""CSV and TSV (RFC 4180 and what programs write instead), row by row in bounded memory.

The separator is the one under which the header holds most known column names. Quoting is strict, since a guess at
where a field ends would mix two articles: a row that can't be parsed is rejected with the lines it covers, and
reading goes on at the next row that is beyond doubt one (its URL, or else its date, can be read).
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from etl.dates import parse_partial
from etl.model import Capture, Reject
from etl.read.base import InputFile, long_rest
from etl.read.fields import FieldReader, check_columns, is_known
from etl.text import decode, web_url

_DELIMITERS: Final = (",", ";", "\t", "|")
_SAMPLE_BYTES: Final = 1 << 16
# Charsets beside the single-byte ones in which no byte of a longer character looks like a quote, a separator or a
# line end: such files are split as bytes and decoded row by row, since rows of one file may differ.
_SAFE: Final = ("gb18030", "euc_jp", "cp949", "cp932", "big5hkscs", "cp866", "cp874")
# An escaped quote by backslash, and a doubled one that is not an empty field.
_BACKSLASHED = re.compile(r'\\"')
_DOUBLED = re.compile(r'[^,;\t|\r\n"]""(?!")|(?<!")""[^,;\t|\r\n"]')


@dataclass(frozen=True, slots=True)
class _Dialect:
    delimiter: str
    escape: str | None = None
    quoting: int = csv.QUOTE_MINIMAL

    def row(self, lines: Iterator[str]) -> list[str]:
        """The next row.

        Raises:
            csv.Error: it is malformed, or the lines end inside a quoted field.
        """
        reader = csv.reader(
            lines,
            delimiter=self.delimiter,
            quotechar='"',
            escapechar=self.escape,
            doublequote=self.escape is None,
            quoting=self.quoting,  # type: ignore[arg-type]
            strict=True,
        )
        return next(reader, [])


class _TooLargeError(Exception):
    pass


class _Lines:
    """Physical lines with their numbers; lines can be given back."""

    def __init__(self, stream: io.BufferedReader, limit: int) -> None:
        self._stream = stream
        self._limit = limit
        self._back: deque[str] = deque()
        self.number = 1  # of the line that comes next
        self.ended = False
        self.too_long: tuple[bytes, int] | None = None  # hash and size of the over-long line just met

    def take(self) -> str | None:
        if self._back:
            self.number += 1
            return self._back.popleft()
        data = self._stream.readline(self._limit + 2)
        if not data:
            self.ended = True
            return None
        if len(data) > self._limit and not data.endswith(b"\n"):
            self.too_long = long_rest(self._stream, data)
            data = data[:1000] + b"\n"
            self.number += 1
            raise _TooLargeError
        self.number += 1
        return data.decode("utf-8", "surrogateescape")

    def give_back(self, lines: Sequence[str]) -> None:
        self._back.extendleft(reversed(lines))
        self.number -= len(lines)


@dataclass(slots=True)
class _Attempt:
    """One try to read a row: its lines, and either its fields or why there are none."""

    line: int
    lines: list[str]
    fields: list[str] | None = None
    problem: str = ""
    at_end: bool = False  # the file ended before the row did


def _attempt(lines: _Lines, dialect: _Dialect, limit: int) -> _Attempt | None:
    """The row that begins at the next line; None at the end of the file."""
    attempt = _Attempt(lines.number, [])
    size = 0

    def feed() -> Iterator[str]:
        nonlocal size
        while (line := lines.take()) is not None:
            attempt.lines.append(line)
            size += len(line)
            if size > limit:
                raise _TooLargeError
            yield line

    try:
        fields = dialect.row(feed())
    except csv.Error as error:
        problem = str(error)
        attempt.at_end = lines.ended and "end of data" in problem
        if attempt.at_end:
            problem = "a quoted field begins and doesn't end"
        elif "expected after" in problem:
            problem = "a quoted field goes on after its closing quote (quotes inside must be doubled)"
        attempt.problem = problem
        return attempt
    except _TooLargeError:
        attempt.problem = f"the row is larger than the limit of {limit:,} bytes"
        return attempt
    if not attempt.lines:
        return None
    attempt.fields = fields
    attempt.at_end = lines.ended or not attempt.lines[-1].endswith("\n")
    return attempt


def read(file: InputFile) -> Iterator[Capture | Reject]:
    """One outcome a row; origins are ``path:LINE`` of the row's first line, counted from 1.

    Raises:
        UsageError: the mapping names a column that the header doesn't have.
    """
    limit = file.limits.max_record_bytes
    csv.field_size_limit(max(csv.field_size_limit(), limit + 1))
    stream, charset = _as_utf8(file)
    sample = stream.peek(_SAMPLE_BYTES)[:_SAMPLE_BYTES].decode("utf-8", "replace")
    dialect, skip = _dialect(sample, file)
    lines = _Lines(stream, limit)
    for _ in range(skip):
        lines.take()
    header = _attempt(lines, dialect, limit)
    if header is not None and header.lines and "\r" in header.lines[0].rstrip("\r\n"):
        yield file.reject("bad_row", "its lines end in a carriage return alone; convert them to line feeds")
        return
    if header is None or header.fields is None or _broken_off(file, header):
        problem = header.problem if header is not None else "there is none"
        yield file.ending_reject() or file.reject("bad_row", f"the header can't be read: {problem}")
        return
    columns = [decode(_raw(name), charset).text.strip() for name in header.fields]
    check_columns(file.mapping, columns, file.origin)
    if not any(is_known(name, ("text", "html"), file.mapping) for name in columns):
        shown = ", ".join(repr(name[:80]) for name in columns[:20])
        detail = f"no column holds text or html; the columns are {shown} (--map text=COLUMN names it)"
        yield file.reject("missing_text", detail, payload=_raw("".join(header.lines)))
        return
    yield from _rows(file, lines, dialect, columns, charset)


def _rows(
    file: InputFile, lines: _Lines, dialect: _Dialect, columns: Sequence[str], charset: str
) -> Iterator[Capture | Reject]:
    limit = file.limits.max_record_bytes
    reader = FieldReader(file)
    seen = 0
    while (attempt := _attempt(lines, dialect, limit)) is not None:
        seen += 1
        if _broken_off(file, attempt):
            rest = _raw("".join(attempt.lines))
            reject = file.ending_reject(origin=f"{file.origin}:{attempt.line}", rest=rest)
            assert reject is not None  # noqa: S101 - for the type checker
            yield reject
            reader.finish()
            return
        if attempt.fields is None:
            yield from _damage(file, lines, dialect, attempt, columns)
            continue
        if not attempt.fields or (len(attempt.fields) == 1 and not attempt.fields[0].strip() and len(columns) > 1):
            seen -= 1
            continue
        yield _outcome(file, reader, attempt, columns, charset)
    if not seen:
        file.report.notice(f"{file.origin}: a header and no rows")
    if (reject := file.ending_reject(origin=f"{file.origin}:{lines.number}")) is not None:
        yield reject
    reader.finish()


def _broken_off(file: InputFile, attempt: _Attempt) -> bool:
    """Whether the row is unfinished because the file's stream is."""
    return file.stream.problem is not None and (
        attempt.at_end or not attempt.lines[-1:] or not attempt.lines[-1].endswith("\n")
    )


def _outcome(
    file: InputFile, reader: FieldReader, attempt: _Attempt, columns: Sequence[str], charset: str
) -> Capture | Reject:
    origin = f"{file.origin}:{attempt.line}"
    fields = attempt.fields or []
    payload = _raw("".join(attempt.lines))
    if len(fields) > len(columns) and not any(field.strip() for field in fields[len(columns) :]):
        fields = fields[: len(columns)]
    if len(fields) != len(columns):
        detail = f"the row has {len(fields)} fields, the header {len(columns)}"
        return file.reject("bad_row", detail, origin=origin, payload=payload)
    told: list[str] = []
    try:
        payload.decode()
    except UnicodeDecodeError:
        fields = [decode(_raw(field), charset).text for field in fields]
        told.append(f"charset:{charset}")
    record: dict[str, str] = {}
    for name, field in zip(columns, fields, strict=True):
        if name not in record:
            record[name] = field
    return reader.capture(record, origin, payload, told)


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _take_any(lines: _Lines) -> str | None:
    """The next line; of one beyond the limit the beginning."""
    try:
        return lines.take()
    except _TooLargeError:
        lines.too_long = None
        return "\n"


def _damage(
    file: InputFile, lines: _Lines, dialect: _Dialect, first: _Attempt, columns: Sequence[str]
) -> Iterator[Reject]:
    """One reject for a stretch of lines that can't be parsed; leaves ``lines`` at the next row beyond doubt.

    Somewhere a quote is amiss, perhaps in the first line, perhaps later: the lines after it are tried one by one.
    How much is tried again is bounded by what was read, so hostile files cost a small multiple of their size.
    """
    if lines.too_long is not None:
        digest, size = lines.too_long
        lines.too_long = None
        lost = _raw("".join(first.lines))
        detail = f"the line has {size:,} bytes, the limit is {file.limits.max_record_bytes:,}"
        yield file.reject(
            "record_too_large", detail, origin=f"{file.origin}:{first.line}", payload=lost, sha256=digest
        )
        return
    bad = [first.lines[0]]
    lines.give_back(first.lines[1:])
    test = _plausible(columns, file)
    if test is None:
        # Nothing tells a row from the middle of an article but quotes: the stretch ends where they are even.
        quotes = bad[0].count('"')
        while (quotes % 2 or len(bad) < len(first.lines)) and (line := _take_any(lines)) is not None:
            quotes += line.count('"')
            bad.append(line)
    else:
        budget = 1 << 20
        while True:
            attempt = _attempt(lines, dialect, file.limits.max_record_bytes) if budget > 0 else None
            if attempt is not None:
                lines.too_long = None
                budget -= sum(map(len, attempt.lines))
                fields = attempt.fields
                lines.give_back(attempt.lines)
                if fields is not None and len(fields) == len(columns) and test(fields):
                    break
            line = _take_any(lines)
            if line is None:
                break
            budget += 4 * len(line)
            bad.append(line)
    payload = _raw("".join(bad))
    last = first.line + len(bad) - 1
    where = "" if last == first.line else f" (lines {first.line} to {last})"
    reason = "record_too_large" if "larger than the limit" in first.problem else "bad_row"
    yield file.reject(
        reason,
        f"{first.problem}{where}",
        origin=f"{file.origin}:{first.line}",
        payload=payload,
        sha256=hashlib.sha256(payload).digest(),
    )


def _plausible(columns: Sequence[str], file: InputFile) -> Callable[[Sequence[str]], bool] | None:
    """A test whether fields are a row and not the middle of an article: by URL, else by date, if there is either."""
    for kind in ("url", "published", "captured"):
        for index, name in enumerate(columns):
            if is_known(name, (kind,), file.mapping):
                if kind == "url":
                    return lambda fields, at=index: web_url(fields[at])[0] is not None  # type: ignore[misc]
                return lambda fields, at=index: parse_partial(fields[at]).date is not None  # type: ignore[misc]
    return None


def _as_utf8(file: InputFile) -> tuple[io.BufferedReader, str]:
    """The file's bytes as UTF-8, and the charset they are in by a look at the first ones."""
    stream = file.stream
    wide = stream.wide_charset()
    if wide is not None:
        return stream.recoded(wide), wide
    head = stream.peek(_SAMPLE_BYTES)
    if head.startswith(b"\xef\xbb\xbf"):
        stream.read(3)
        return stream, "utf-8"
    cut = max(head.rfind(b"\n"), 0) or len(head)
    found = decode(head[:cut])
    if (
        found.charset == "utf-8"
        or found.charset in _SAFE
        or found.charset.startswith(("cp125", "iso8859", "koi8", "mac"))
    ):
        return stream, found.charset
    return stream.recoded(found.charset), "utf-8"


def _dialect(sample: str, file: InputFile) -> tuple[_Dialect, int]:
    """The dialect by the header and the first rows, and how many lines come before the header."""
    skip = 0
    if match := re.match(r"sep=(.)\r?\n", sample, re.IGNORECASE):  # how Excel names its separator
        return _Dialect(match[1]), 1
    first = sample.lstrip("\r\n")
    skip = sample[: len(sample) - len(first)].count("\n")
    escape = "\\" if _BACKSLASHED.search(sample) and not _DOUBLED.search(sample) else None
    best: tuple[int, int, int] | None = None
    chosen = _Dialect("\t" if file.ending in (".tsv", ".tab") else ",", escape)
    for rank, delimiter in enumerate(_DELIMITERS):
        dialect = _Dialect(delimiter, escape)
        try:
            names = dialect.row(iter(first.splitlines(keepends=True)))
        except csv.Error:
            continue
        known = sum(is_known(name.strip(), None, file.mapping) for name in names)
        own = delimiter == chosen.delimiter
        score = (known, int(own), -rank) if len(names) > 1 or known else (0, int(own), -rank)
        if best is None or score > best:
            best, chosen = score, dialect
    if chosen.delimiter == "\t" and _unquoted(first, chosen):
        return _Dialect("\t", None, csv.QUOTE_NONE), skip
    return chosen, skip


def _unquoted(sample: str, dialect: _Dialect) -> bool:
    """Tab-separated files are often written without quoting (COPY, mysql): then every line is a row and quotes are
    text. Only when quoting fails on the sample and no quoting fits every line of it."""
    rows = sample.split("\n")[:-1][:200]
    width = rows[0].count("\t") if rows else 0
    if not width or any(row.count("\t") != width for row in rows if row.strip()):
        return False
    feed = iter([row + "\n" for row in rows])
    try:
        while fields := dialect.row(feed):
            if len(fields) != width + 1:
                return True
    except csv.Error:
        return True
    return False
