"""Plain text files: one record each, in any charset, perhaps with a header."""

from __future__ import annotations

from collections.abc import Iterator

from etl.model import Capture, Reject
from etl.read.base import InputFile
from etl.read.fields import captured_time
from etl.read.header import SplitText, split_header
from etl.text import decode, is_binary

__all__ = ["SplitText", "read", "split_header"]


def read(file: InputFile) -> Iterator[Capture | Reject]:
    """The file's one capture. The header is taken off and kept as it stood; the text is kept to the character."""
    data = file.read_whole(file.limits.max_record_bytes, "record_too_large", "the text")
    if isinstance(data, Reject):
        yield data
        return
    if is_binary(data):
        yield file.reject("bad_encoding", "the file holds binary data, not text", payload=data)
        return
    given = decode(data)
    if given.replaced > max(8, len(given.text) // 5):
        detail = f"{given.replaced:,} of {len(given.text):,} characters can't be decoded (tried {given.charset})"
        yield file.reject("bad_encoding", detail, payload=data)
        return
    body = split_header(given.text)
    captured_at, note = captured_time(body.captured)
    notes = [*body.notes, *([note] if note else ())]
    if given.charset != "utf-8":
        notes.append(f"charset:{given.charset}")
    if given.replaced:
        notes.append(f"replaced_characters:{given.replaced}")
    yield Capture(
        origin=file.origin,
        source=file.source,
        text=body.text,
        url=body.url,
        captured_at=captured_at,
        header=body.header,
        hints=body.hints,
        notes=tuple(notes),
    )
