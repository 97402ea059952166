"""``.json`` files: a list of objects, one object, or objects one after another. JSON Lines under this name is read
as such. Streams: only one object is held at a time."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from etl.model import Capture, Reject
from etl.read import jsonl
from etl.read.base import InputFile
from etl.read.fields import FieldReader
from etl.read.jsonl import BadJSONError, parse_object

_CHUNK: Final = 1 << 16
_SPACE: Final = (b" ", b"\t", b"\r", b"\n", b"\x1e")
_OUTSIDE = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|["{}\[\],\n]', re.DOTALL)  # a whole string, or its beginning
_IN_STRING = re.compile(rb'["\\]')


def read(file: InputFile) -> Iterator[Capture | Reject]:
    """One outcome an object; origins are ``path#OFFSET`` of its first byte (``path:LINE`` for JSON Lines)."""
    wide = file.stream.wide_charset()
    if wide is None and _is_lines(file.stream.peek(1 << 18)):
        yield from jsonl.read(file)
        return
    stream: io.BufferedReader = file.stream.recoded(wide) if wide else file.stream
    fields = FieldReader(file)
    count = 0
    for offset, value in _values(stream, file.limits.max_record_bytes):
        count += 1
        origin = f"{file.origin}#{offset}"
        if isinstance(value, _Partial):
            if value.unfinished:
                told = file.stream.problem or ("invalid_json", "the file ends inside this value")
            else:
                limit = file.limits.max_record_bytes
                told = ("record_too_large", f"the value has {value.size:,} bytes, the limit is {limit:,}")
            yield file.reject(*told, origin=origin, payload=value.head, sha256=value.sha256)
            if value.unfinished:
                fields.finish()
                return
            continue
        try:
            record, notes = parse_object(value)
        except BadJSONError as error:
            yield file.reject(error.reason, str(error), origin=origin, payload=value)
            continue
        yield fields.capture(record, origin, value, notes)
    if (reject := file.ending_reject()) is not None:
        yield reject
    elif not count:
        file.report.notice(f"{file.origin}: JSON without any object")
    fields.finish()


def _is_lines(head: bytes) -> bool:
    """Whether the first line is a whole object and more follows, or nothing does."""
    line = head.removeprefix(b"\xef\xbb\xbf").lstrip().split(b"\n", 1)[0].strip()
    if not (line.startswith(b"{") and line.endswith(b"}")):
        return False
    try:
        parse_object(line)
    except BadJSONError:
        return False
    return True


@dataclass(slots=True)
class _Partial:
    """A value that isn't had whole: its beginning, and hash and size of all there was of it."""

    head: bytes
    sha256: bytes
    size: int
    unfinished: bool


def _values(stream: io.BufferedReader, limit: int) -> Iterator[tuple[int, bytes | _Partial]]:
    """Offset and bytes of every value on the first level, or inside the list that is there."""
    splitter = _Splitter(limit)
    if stream.peek(3)[:3] == b"\xef\xbb\xbf":
        splitter.position = len(stream.read(3))
    while chunk := stream.read(_CHUNK):
        yield from splitter.feed(chunk)
    yield from splitter.finish()


class _Splitter:
    """Finds where values end by counting brackets outside strings; whether they are JSON is for the parser to say.

    Memory is bounded by ``limit``: of a longer value only the beginning and the hash are kept.
    """

    def __init__(self, limit: int) -> None:
        self.position = 0  # of the next chunk in the stream
        self._limit = limit
        self._in_list = False
        self._start: int | None = None  # of the value that is being read
        self._buffer = bytearray()
        self._digest: hashlib._Hash | None = None  # of a value beyond the limit
        self._size = 0
        self._depth = 0
        self._quoted = False
        self._escaped = False

    def feed(self, chunk: bytes) -> Iterator[tuple[int, bytes | _Partial]]:
        at = 0
        while at < len(chunk):
            if self._start is None:
                at = self._between(chunk, at)
                continue
            end, complete = self._inside(chunk, at)
            self._keep(chunk[at:end])
            at = end
            if complete:
                yield self._done()
        self.position += len(chunk)

    def finish(self) -> Iterator[tuple[int, bytes | _Partial]]:
        if self._start is not None:
            yield self._done(unfinished=self._depth > 0 or self._quoted)

    def _between(self, chunk: bytes, at: int) -> int:
        """Past white space, commas and the list's own brackets, to where a value begins."""
        char = chunk[at : at + 1]
        if char in _SPACE or (self._in_list and char == b","):
            return at + 1
        if char == b"[" and not self._in_list:
            self._in_list = True
            return at + 1
        if char == b"]" and self._in_list:
            self._in_list = False
            return at + 1
        self._start, self._depth, self._quoted, self._escaped = self.position + at, 0, False, False
        return at

    def _inside(self, chunk: bytes, at: int) -> tuple[int, bool]:
        """Where the value, or the stretch of it that needs no look, ends, and whether the value is complete."""
        if self._escaped:
            self._escaped = False
            return at + 1, False
        match = (_IN_STRING if self._quoted else _OUTSIDE).search(chunk, at)
        if match is None:
            return len(chunk), False
        char = match[0]
        if len(char) > 1:
            return match.end(), False
        if self._quoted:
            self._escaped = char == b"\\"
            self._quoted = self._escaped
        elif char == b'"':
            self._quoted = True
        elif char in b"{[":
            self._depth += 1
        elif char in b"}]" and self._depth > 0:
            self._depth -= 1
            if self._depth == 0:
                return match.end(), True
        elif self._depth == 0:
            # A number, a word or a string ends here; what is no JSON at all moves on by a character at least.
            return (match.start() if self._size or match.start() > at else match.end()), True
        return match.end(), False

    def _keep(self, data: bytes) -> None:
        self._size += len(data)
        if self._digest is None:
            self._buffer += data
            if self._size > self._limit:
                self._digest = hashlib.sha256(self._buffer)
                del self._buffer[self._limit + 1 :]
        else:
            self._digest.update(data)

    def _done(self, *, unfinished: bool = False) -> tuple[int, bytes | _Partial]:
        assert self._start is not None  # noqa: S101 - for the type checker
        value: bytes | _Partial = bytes(self._buffer)
        if unfinished or self._size > self._limit:
            digest = self._digest or hashlib.sha256(self._buffer)
            value = _Partial(bytes(self._buffer), digest.digest(), self._size, unfinished)
        found = (self._start, value)
        self._start, self._size, self._digest = None, 0, None
        self._buffer.clear()
        return found
