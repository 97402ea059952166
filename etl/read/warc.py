"""WARC (ISO 28500), Common Crawl's CC-NEWS among it: response records of type HTML with status 200.

The parser is our own because the libraries at hand read half a file without a word; here a record whose length is
wrong, a stream that breaks off and a body that can't be decoded each have their reject, and reading goes on at the
next record. Where a header contradicts the bytes (archives that hold decoded bodies under the headers of encoded
ones are common) the bytes decide.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from etl.model import Capture, Hints, Reject
from etl.payload import HTML_TYPES, VAGUE_TYPES, looks_like_html, media_type
from etl.read.base import InputFile
from etl.read.fields import captured_time
from etl.reasons import REASONS
from etl.rejects import reject_capture
from etl.text import storable, web_url

_MAX_HEADER: Final = 1 << 16
_CHUNK: Final = 1 << 16
_VERSION = re.compile(rb"WARC/\d\.\d{1,2}\r?\n")
_NEXT = re.compile(rb"\r?\n\r?\n(?=WARC/\d\.\d{1,2}\r?\n)")
_STATUS = re.compile(rb"HTTP/\d(?:\.\d)?\s+(\d{3})")
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([A-Za-z0-9_:.\-]{1,40})", re.IGNORECASE)
_SOURCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,63}")
_CODED: Final = ("content-encoding", "transfer-encoding")
_SUSPECT: Final = ("soft_404", "consent_wall")  # what acquiring found to be no article
_OPT_OUTS: Final = ("noai", "noimageai", "noml")


class BadBodyError(ValueError):
    """A body that can't be used: ``reason`` is a code of ``etl.reasons``."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class _Bytes:
    """The stream with its position and the possibility to give bytes back."""

    def __init__(self, stream: io.BufferedReader) -> None:
        self._stream = stream
        self._back = b""
        self.position = 0

    def read(self, size: int) -> bytes:
        """``size`` bytes, fewer only at the end."""
        if self._back:
            data, self._back = self._back[:size], self._back[size:]
            if len(data) < size:
                data += self._stream.read(size - len(data))
        else:
            data = self._stream.read(size)
        self.position += len(data)
        return data

    def line(self) -> bytes:
        """A line with its end, or ``_MAX_HEADER`` bytes of one."""
        if self._back:
            end = self._back.find(b"\n")
            if end < 0:
                self._back += self._stream.readline(_MAX_HEADER)
                end = self._back.find(b"\n")
            size = min(end + 1 if end >= 0 else len(self._back), _MAX_HEADER)
            data, self._back = self._back[:size], self._back[size:]
        else:
            data = self._stream.readline(_MAX_HEADER)
        self.position += len(data)
        return data

    def ended(self) -> bool:
        data = self.read(1)
        self.give_back(data)
        return not data

    def give_back(self, data: bytes) -> None:
        self._back = data + self._back
        self.position -= len(data)


@dataclass(slots=True)
class _Record:
    """A record's header and where it begins; ``length`` is what it says of its content."""

    start: int
    raw: bytes
    fields: Mapping[str, str]
    length: int

    @property
    def kind(self) -> str:
        return self.fields.get("warc-type", "").lower()


def read(file: InputFile) -> Iterator[Capture | Reject]:
    """One outcome for every response record of type HTML with status 200, and for what is damaged.

    Origins are ``path#OFFSET`` of the record in the file as it is stored: of its gzip member or zstd frame when
    compressed (``path#OFFSET+INNER`` for later records of one member).
    """
    source = _Bytes(file.stream)
    told = False  # of how the stream broke off
    while (head := _next_header(source)) is not None:
        start, record = head
        origin = f"{file.origin}#{file.stream.spot(start)}"
        if isinstance(record, bytes):
            lost = record + _skip_to_next(source)
            problem = file.stream.problem if source.ended() else None
            told = problem is not None
            reason, detail = problem or ("bad_warc_record", "these bytes are no WARC record")
            yield file.reject(reason, detail, origin=origin, payload=lost)
            continue
        for outcome in _outcome(file, source, record, origin):
            told = isinstance(outcome, Reject) and (outcome.reason, outcome.detail) == file.stream.problem
            yield outcome
    reject = file.ending_reject(origin=f"{file.origin}#{file.stream.spot(source.position)}")
    if reject is not None and not told:
        yield reject


def _next_header(source: _Bytes) -> tuple[int, _Record | bytes] | None:
    """Where the next record begins and its header, or the bytes that are none; None at the end."""
    line = source.line()
    while line in (b"\r\n", b"\n"):
        line = source.line()
    if not line:
        return None
    start = source.position - len(line)
    raw = [line]
    if not _VERSION.fullmatch(line):
        return start, line
    fields: dict[str, str] = {}
    name, size = "", len(line)
    while (line := source.line()) not in (b"\r\n", b"\n"):
        raw.append(line)
        size += len(line)
        if not line.endswith(b"\n") or size > _MAX_HEADER:
            return start, b"".join(raw)
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        if text[:1] in " \t" and name:
            fields[name] += " " + text.strip()
            continue
        name, _, value = text.partition(":")
        name = name.strip().lower()
        fields.setdefault(name, value.strip())
    raw.append(line)
    length = fields.get("content-length", "")
    if not (length.isascii() and length.isdigit() and len(length) < 16):
        return start, b"".join(raw)
    return start, _Record(start, b"".join(raw), fields, int(length))


def _skip_to_next(source: _Bytes) -> bytes:
    """Skip to the next line that begins a record; the first bytes of what was skipped."""
    lost = b""
    while line := source.line():
        if _VERSION.fullmatch(line):
            source.give_back(line)
            break
        if len(lost) < _CHUNK:
            lost += line
    return lost


def _outcome(file: InputFile, source: _Bytes, record: _Record, origin: str) -> Iterator[Capture | Reject]:
    """The outcome of one record; leaves ``source`` behind it."""
    uri = record.fields.get("warc-target-uri", "").strip("<>")
    if record.kind != "response" or not uri.lower().startswith(("http:", "https:")):
        what = record.kind if record.kind.isalpha() and len(record.kind) < 20 else "unknown"
        yield from _skipped(file, source, record, origin, what=f"WARC {what} record")
        return
    limit = file.limits.max_html_bytes
    content = source.read(min(record.length, _CHUNK))
    status, headers, begins = _http_header(content)
    kind = media_type(headers.get("content-type"))
    if status != 200:
        what = f"WARC response with status {status}" if status else "WARC response without HTTP header"
        yield from _skipped(file, source, record, origin, what=what, content=content)
        return
    # A type that says little is judged by the bytes: now, or once they are decoded.
    vague, coded = kind in VAGUE_TYPES, any(headers.get(name) for name in _CODED)
    other = f"WARC response of type {re.sub('[^a-z0-9/+.-]', '', kind)[:60] or 'unknown'}"
    if (kind not in HTML_TYPES and not vague) or (
        vague and (record.length > begins + limit if coded else not looks_like_html(content[begins:], kind))
    ):
        yield from _skipped(file, source, record, origin, what=other, content=content)
        return
    url, note = web_url(uri)
    if record.length > begins + limit + _MAX_HEADER:
        told = ("page_too_large", f"the record has {record.length:,} bytes, the limit is {limit:,}")
        reject = file.reject(*told, origin=origin, payload=content, url=url)
        yield from _skipped(file, source, record, origin, content=content, instead=reject)
        return
    content += source.read(record.length - len(content))
    match = _NEXT.search(content)
    held = content[match.end() :] if match else b""
    damage = _damage(file, source, record, origin, content, missing=record.length - len(content), held=held)
    if damage is not None:
        yield damage
        return
    found = _page(file, record, content, begins, headers, origin=origin, url=url)
    if found is None:
        file.report.skip(other)
    elif note and isinstance(found, Capture):
        yield replace(found, notes=(note, *found.notes))
    else:
        yield found


def _page(
    file: InputFile,
    record: _Record,
    content: bytes,
    begins: int,
    headers: Mapping[str, str],
    *,
    origin: str,
    url: str | None,
) -> Capture | Reject | None:
    """What a whole response with status 200 holds; None when its type says little and its bytes aren't HTML."""
    kind = media_type(headers.get("content-type"))
    vague = kind in VAGUE_TYPES
    notes = []
    captured_at, note = captured_time(record.fields.get("warc-date"))
    if note:
        notes.append(note)
    if truncated := record.fields.get("warc-truncated"):
        notes.append(f"warc_truncated:{re.sub('[^a-z]', '', truncated.lower())[:20]}")
    suspect = record.fields.get("klartext-suspect", "")
    if suspect and suspect not in _SUSPECT:
        notes.append(f"suspect:{storable(suspect)[0][:80]}")
    digest = record.fields.get("warc-block-digest", "").partition(":")
    if digest[0].lower() == "sha1" and not _same_digest(content, digest[2]):
        notes.append("block_digest_differs")
    try:
        body, told_of = decoded_body(content[begins:], headers, file.limits.max_html_bytes)
    except BadBodyError as error:
        if vague:
            return None
        return file.reject(error.reason, str(error), origin=origin, payload=record.raw + content, url=url)
    if vague and not looks_like_html(body, kind):
        return None
    charset = _CHARSET.search(headers.get("content-type", ""))
    noted = record.fields.get("klartext-source", "")
    capture = Capture(
        origin=origin,
        source=noted if not file.source_given and _SOURCE.fullmatch(noted) else file.source,
        html=body,
        charset=charset[1] if charset else None,
        url=url,
        captured_at=captured_at,
        hints=_hints(record.fields),
        opt_outs=_opt_outs(headers, record.fields),
        notes=(*notes, *told_of),
    )
    if suspect in _SUSPECT:
        cap = file.limits.quarantine_payload_bytes
        return reject_capture(capture, "acquire", suspect, REASONS[suspect], payload_bytes=cap)
    return capture


def _same_digest(content: bytes, said: str) -> bool:
    import base64

    sha1 = hashlib.sha1(content, usedforsecurity=False).digest()
    return said.upper() in (base64.b32encode(sha1).decode(), sha1.hex().upper())


def _hints(fields: Mapping[str, str]) -> Hints:
    """What a feed or sitemap said of the page, as acquiring noted it in the record."""
    try:
        said = json.loads(fields.get("klartext-hints", "{}"))
    except (ValueError, RecursionError):
        return Hints()
    if not isinstance(said, dict):
        return Hints()
    text = {
        name: storable(value)[0].strip()
        for name in ("title", "published", "modified", "language", "publisher")
        if isinstance(value := said.get(name), str) and value.strip()
    }
    authors = said.get("authors")
    names = tuple(storable(name)[0] for name in authors if isinstance(name, str)) if isinstance(authors, list) else ()
    return Hints(authors=names, **text)


def _skipped(
    file: InputFile,
    source: _Bytes,
    record: _Record,
    origin: str,
    *,
    what: str = "",
    content: bytes = b"",
    instead: Reject | None = None,
) -> Iterator[Reject]:
    """Pass over a record's content in pieces: counted as ``what``, or rejected (``instead``, or what is damaged)."""
    missing = record.length - len(content)
    held = bytearray()  # from the first thing that looks like another record, should the length be wrong
    tail = chunk = content
    while True:
        if held:
            if len(held) < file.limits.max_record_bytes:
                held += chunk
        elif match := _NEXT.search(tail):
            held += tail[match.end() :]
        if missing <= 0:
            break
        chunk = source.read(min(missing, _CHUNK))
        if not chunk:
            break
        missing -= len(chunk)
        tail = tail[-64:] + chunk
    damage = _damage(file, source, record, origin, content, missing=missing, held=bytes(held))
    if damage is not None:
        yield damage
    elif instead is not None:
        yield instead
    else:
        file.report.skip(what)


def _damage(
    file: InputFile, source: _Bytes, record: _Record, origin: str, content: bytes, *, missing: int, held: bytes
) -> Reject | None:
    """The reject of a record that doesn't end where it says, and ``source`` put at the next one that can be found.

    Args:
        content: what was read of the content, or its beginning.
        missing: how many bytes it lacks since the stream ended.
        held: the content from something that looks like a record on.
    """
    end = source.read(4) if missing == 0 else b""
    if missing == 0 and (end == b"\r\n\r\n" or end in (b"", b"\r\n", b"\n", b"\n\n") or end == b"WARC"):
        if end == b"WARC":
            source.give_back(end)
        return None
    if missing == 0 and end.startswith(b"\n\n"):
        source.give_back(end[2:])
        return None
    raw = record.raw + content
    if file.stream.problem is not None and not held:
        return file.reject(*file.stream.problem, origin=origin, payload=raw)
    source.give_back(end)
    if held:
        source.give_back(held)
    elif missing:
        told = ("truncated_file", f"the file ends in the middle of this record, {missing:,} bytes before its end")
        return file.reject(*told, origin=origin, payload=raw)
    else:
        _skip_to_next(source)
    detail = f"its Content-Length of {record.length:,} isn't the length of its content"
    return file.reject("bad_warc_record", detail, origin=origin, payload=raw)


# --- HTTP ----------------------------------------------------------------------------------------------------------


def _http_header(content: bytes) -> tuple[int | None, dict[str, str], int]:
    """Status, header fields in lower case (repeated ones joined by a comma) and where the body begins."""
    status = _STATUS.match(content)
    if status is None:
        return None, {}, 0
    match = re.search(rb"\r?\n\r?\n", content)
    end, begins = (match.start(), match.end()) if match else (len(content), len(content))
    fields: dict[str, str] = {}
    for line in re.split(rb"\r?\n", content[:end])[1:]:
        name, colon, value = line.decode("latin-1").partition(":")
        name = name.strip().lower()
        if colon and name:
            fields[name] = f"{fields[name]}, {value.strip()}" if name in fields else value.strip()
    return int(status[1]), fields, begins


def _opt_outs(headers: Mapping[str, str], record: Mapping[str, str]) -> tuple[str, ...]:
    """Text-and-data-mining opt-outs of a response: ``X-Robots-Tag: noai``, ``TDM-Reservation: 1`` (W3C TDMRep), and
    those that acquiring noted in the record."""
    robots = re.split(r"[\s,:]+", headers.get("x-robots-tag", "").lower())
    found = {name for name in _OPT_OUTS if name in robots}
    if headers.get("tdm-reservation", "").strip() == "1":
        found.add("tdm-reservation")
    found.update(name for name in re.split(r"[\s,]+", record.get("klartext-opt-outs", "").lower()) if name)
    return tuple(sorted(found))


def decoded_body(body: bytes, headers: Mapping[str, str], limit: int) -> tuple[bytes, list[str]]:
    """A body without transfer and content encoding (RFC 9112, section 7; RFC 9110, section 8.4), and notes.

    Raises:
        BadBodyError: it can't be decoded, or becomes larger than ``limit`` bytes.
    """
    notes = []
    if "chunked" in headers.get("transfer-encoding", "").lower():
        whole = _unchunked(body)
        if whole is None:
            notes.append("not_chunked")
        else:
            body = whole
    encodings = [name.strip().lower() for name in headers.get("content-encoding", "").split(",")]
    for name in reversed([name for name in encodings if name not in ("", "identity", "none")][:4]):
        decoder = _DECODERS.get(name)
        if decoder is None:
            if _looks_like_html(body):
                notes.append("content_encoding_ignored")
                break
            raise BadBodyError("bad_content_encoding", f"its content encoding {name[:40]!r} is unknown")
        try:
            body = decoder(body, limit)
        except BadBodyError:
            raise
        except Exception as error:  # each library has its own
            if _looks_like_html(body):
                notes.append("content_encoding_ignored")
                break
            raise BadBodyError("bad_content_encoding", f"its body isn't valid {name}: {str(error)[:200]}") from None
    if len(body) > limit:
        raise BadBodyError("page_too_large", f"the page has more than {limit:,} bytes")
    return body, notes


def _looks_like_html(body: bytes) -> bool:
    head = body[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return head.startswith(b"<") or b"<html" in head


def _unchunked(body: bytes) -> bytes | None:
    """The body without chunk framing; None when it has none (or a broken one)."""
    parts: list[bytes] = []
    at = 0
    while True:
        end = body.find(b"\n", at, at + 1024)
        if end < 0:
            return None
        size = re.fullmatch(rb"([0-9A-Fa-f]{1,8})\s*(?:;.*)?", body[at:end].rstrip(b"\r"))
        if size is None:
            return None
        length = int(size[1], 16)
        if length == 0:
            return b"".join(parts)
        at = end + 1
        if at + length > len(body):
            return None
        parts.append(body[at : at + length])
        at += length
        at += 2 if body[at : at + 2] == b"\r\n" else 1 if body[at : at + 1] == b"\n" else 0


def _gunzip(body: bytes, limit: int) -> bytes:
    """All members (RFC 1952 lets there be several), at most ``limit`` bytes of output."""
    out, left = [], limit + 1
    while body:
        inner = zlib.decompressobj(31)
        data = inner.decompress(body, left)
        out.append(data)
        left -= len(data)
        if left <= 0:
            raise _too_large(limit)
        if not inner.eof:
            raise ValueError("it ends in the middle")
        body = inner.unused_data.lstrip(b"\x00")
        if body and not body.startswith(b"\x1f\x8b"):
            break
    return b"".join(out)


def _inflate(body: bytes, limit: int) -> bytes:
    """``deflate`` is zlib data by the standard and bare deflate data by some servers."""
    for bits in (15, -15):
        inner = zlib.decompressobj(bits)
        try:
            data = inner.decompress(body, limit + 1)
        except zlib.error:
            if bits < 0:
                raise
            continue
        if len(data) > limit:
            raise _too_large(limit)
        if not inner.eof:
            raise ValueError("it ends in the middle")
        return data
    raise AssertionError


def _unbrotli(body: bytes, limit: int) -> bytes:
    import brotli

    inner = brotli.Decompressor()
    out: list[bytes] = []
    size = 0
    data: Any = inner.process(body, output_buffer_limit=1 << 20)
    while True:
        out.append(data)
        size += len(data)
        if size > limit:
            raise _too_large(limit)
        if inner.is_finished():
            return b"".join(out)
        if inner.can_accept_more_data() and not data:
            raise ValueError("it ends in the middle")
        data = inner.process(b"", output_buffer_limit=1 << 20)


def _unzstd(body: bytes, limit: int) -> bytes:
    import zstandard

    inner = zstandard.ZstdDecompressor(max_window_size=1 << 23).decompressobj()  # RFC 8878: 8 MiB on the web
    out, size = [], 0
    for at in range(0, len(body), 1024):
        data = inner.decompress(body[at : at + 1024])
        out.append(data)
        size += len(data)
        if size > limit:
            raise _too_large(limit)
        if inner.eof:
            return b"".join(out)
    raise ValueError("it ends in the middle")


def _too_large(limit: int) -> BadBodyError:
    return BadBodyError("page_too_large", f"the page decompresses to more than {limit:,} bytes")


_DECODERS: Final = {
    "gzip": _gunzip,
    "x-gzip": _gunzip,
    "deflate": _inflate,
    "br": _unbrotli,
    "zstd": _unzstd,
}
