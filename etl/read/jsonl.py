"""JSON Lines: one object a line (RFC 8259 each), in bounded memory, sliceable at line borders."""

from __future__ import annotations

import codecs
import io
import json
import re
from collections.abc import Iterator
from typing import Any, Final

from etl.model import Capture, Reject
from etl.read.base import InputFile, long_rest
from etl.read.fields import FieldReader
from etl.text import decode

MAX_DEPTH: Final = 200
"""Levels that a record may be nested. Far below where Python's own parser gives up, so that every machine agrees."""

_BRACKETS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{}]', re.DOTALL)


class BadJSONError(ValueError):
    """A line that is no record: ``reason`` is a code of ``etl.reasons``."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def read(file: InputFile) -> Iterator[Capture | Reject]:
    """One outcome a line that isn't blank; origins are ``path:LINE``, counted from 1 in the whole file."""
    fields = FieldReader(file)
    for number, line in _lines(file):
        origin = f"{file.origin}:{number}"
        if isinstance(line, Reject):
            yield line
            continue
        try:
            record, notes = parse_object(line)
        except BadJSONError as error:
            yield file.reject(error.reason, str(error), origin=origin, payload=line)
            continue
        yield fields.capture(record, origin, line, notes)
    fields.finish()


def _lines(file: InputFile) -> Iterator[tuple[int, bytes | Reject]]:
    """Numbered lines without their end that begin inside the slice; a reject for one that can't be had."""
    limit = file.limits.max_record_bytes
    wide = file.stream.wide_charset()
    stream: io.BufferedReader = file.stream.recoded(wide) if wide else file.stream
    number = file.first_line or 1
    position = file.offset
    end = None if file.length is None else file.offset + file.length
    while end is None or position < end:
        line = stream.readline(limit + 2)
        if not line:
            break
        whole = line.endswith(b"\n")
        if not whole and len(line) > limit:
            digest, size = long_rest(stream, line)
            problem = file.stream.problem
            told = problem or ("record_too_large", f"the line has {size:,} bytes, the limit is {limit:,}")
            yield number, file.reject(*told, origin=f"{file.origin}:{number}", payload=line, sha256=digest)
            if problem:
                return
        elif not whole and file.stream.problem:
            reject = file.ending_reject(origin=f"{file.origin}:{number}", rest=line)
            assert reject is not None  # noqa: S101 - for the type checker
            yield number, reject
            return
        else:
            size = len(line)
            if position == 0 and line.startswith(codecs.BOM_UTF8):
                line = line[3:]
            content = line.strip(b" \t\r\n\x1e")  # \x1e: RFC 7464 text sequences
            if content:
                yield number, content
        position += size
        number += 1
    if end is None and (reject := file.ending_reject(origin=f"{file.origin}:{number}")):
        yield number, reject


def parse_object(line: bytes) -> tuple[dict[str, Any], list[str]]:
    """The object that ``line`` holds, and notes on what was mended.

    Not-a-number constants, which RFC 8259 doesn't know and Python's writer likes, are null. Of a name given twice
    the last value counts. A line that isn't UTF-8 is decoded by detection.

    Raises:
        BadJSONError: ``invalid_json``, ``not_an_object`` or ``nested_too_deep``.
    """
    notes: list[str] = []
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        given = decode(line)
        text = given.text
        notes.append(f"charset:{given.charset}")
        if given.replaced:
            notes.append(f"replaced_characters:{given.replaced}")
    if line.count(b"[") + line.count(b"{") > MAX_DEPTH and _depth(line) > MAX_DEPTH:
        raise BadJSONError("nested_too_deep", f"the record is nested more than {MAX_DEPTH} levels deep")
    loose: set[str] = set()

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        record = dict(found)
        if len(record) != len(found):
            loose.add("duplicate_keys")
        return record

    def constant(_: str) -> None:
        loose.add("not_a_number")

    try:
        value = json.loads(text, object_pairs_hook=pairs, parse_constant=constant)
    except json.JSONDecodeError as error:
        around = text[max(0, error.pos - 20) : error.pos + 20]
        what = error.msg.removesuffix(" at")
        raise BadJSONError("invalid_json", f"{what}, at character {error.pos + 1}: {around!r}") from None
    except RecursionError:
        raise BadJSONError("nested_too_deep", f"the record is nested more than {MAX_DEPTH} levels deep") from None
    except ValueError:
        raise BadJSONError("invalid_json", "a number has more digits than can be read") from None
    if not isinstance(value, dict):
        kind = {list: "a list", str: "a string", type(None): "null", bool: "true or false"}.get(
            type(value), "a number"
        )
        raise BadJSONError("not_an_object", f"it is JSON, but {kind} and not an object")
    return value, notes + sorted(loose)


def _depth(line: bytes) -> int:
    depth = deepest = 0
    for match in _BRACKETS.finditer(line):
        first = match[0][:1]
        if first in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif first in b"]}":
            depth -= 1
    return deepest
