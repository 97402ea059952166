"""Any file people already have, to captures: one door, one module a format.

``find_files`` expands paths and folders, ``open_captures`` reads one file, ``slices`` cuts a big one for parallel
reading. What a file contains never raises: it becomes a :class:`~etl.model.Reject` with an origin and a reason.
"""

from __future__ import annotations

import logging
import os
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Final

from etl.errors import KlartextError
from etl.model import Capture, Reject
from etl.read.base import InputFile, ReadReport
from etl.read.fields import check_columns, checked_mapping, parse_mapping
from etl.read.files import (
    SNIFF_BYTES,
    CannotRead,
    Found,
    _allowed,
    check_allowed,
    find_files,
    is_url,
    leads_back,
    open_file,
    origin_of,
    unknown_format,
)
from etl.read.formats import Format, ending_of, format_of_bytes, format_of_name, known_formats
from etl.read.streams import Stream, compression_of
from etl.settings import Settings, get_settings

logger = logging.getLogger(__name__)

__all__ = [
    "Found",
    "ReadReport",
    "Slice",
    "check_allowed",
    "check_columns",
    "check_mapping",
    "find_files",
    "known_formats",
    "open_captures",
    "origin_of",
    "parse_mapping",
    "slices",
]


def check_mapping(files: Iterable[Found], mapping: Mapping[str, str]) -> None:
    """Look at the header of every table, so that a wrong map is told before anything is loaded.

    Raises:
        UsageError: the mapping names a field that doesn't exist, or a column that one of the tables doesn't have.
    """
    fields = checked_mapping(mapping)
    if not fields:
        return
    for file in files:
        if file.format in ("csv", "tsv", "parquet"):
            outcomes = _read(
                file.path,
                source=None,
                fields=fields,
                stretch=(0, None, None),
                report=ReadReport(),
                roots=None,
                limits=get_settings(),
                distrust=False,
            )
            next(outcomes, None)


@dataclass(frozen=True, slots=True)
class Slice:
    """A stretch of a file to read on its own: pass ``offset``, ``length`` and ``first_line`` to ``open_captures``.

    ``length`` is None for a file that is read as a whole; ``size`` is the bytes to read, as stored.
    """

    path: str
    offset: int
    length: int | None
    size: int
    first_line: int | None = None


def open_captures(
    path: str | os.PathLike[str],
    *,
    source: str | None = None,
    mapping: Mapping[str, str] | None = None,
    offset: int = 0,
    length: int | None = None,
    first_line: int | None = None,
    report: ReadReport | None = None,
    roots: Sequence[str | os.PathLike[str]] | None = None,
    settings: Settings | None = None,
) -> Iterator[Capture | Reject]:
    """Read one file, streaming and in bounded memory.

    Args:
        path: a local file or a storage URL that fsspec knows.
        source: the configured name that identifies records without URL; by default the one that acquiring noted in
            a WARC record, else ``files``.
        mapping: field -> column (see :func:`parse_mapping`); a mapped field is read from that column alone.
        offset, length: bytes; only the records of an uncompressed line format that begin in this stretch.
        first_line: number of the first line that begins at or after ``offset``; counted when not given.
        report: is told of unknown columns and of what was left out.
        roots: where given, the file must lie below one of them, links resolved; else it is rejected.
        settings: limits; by default those of the environment.

    Yields:
        one capture or reject a record, in the file's order, and one reject more where the file breaks off.

    Raises:
        UsageError: the mapping names a field that doesn't exist or a column that the table doesn't have.
    """
    limits = settings or get_settings()
    fields = checked_mapping(mapping)
    return _read(
        os.fspath(path),
        source=source,
        fields=fields,
        stretch=(offset, length, first_line),
        report=report if report is not None else ReadReport(),
        roots=roots,
        limits=limits,
    )


def _read(
    path: str,
    *,
    source: str | None,
    fields: Mapping[str, str],
    stretch: tuple[int, int | None, int | None],
    report: ReadReport,
    roots: Sequence[str | os.PathLike[str]] | None,
    limits: Settings,
    distrust: bool = True,
) -> Iterator[Capture | Reject]:
    offset, length, first_line = stretch
    origin = origin_of(path)
    closed = Stream(_Nothing(), compression=None, limits=limits)  # type: ignore[arg-type]
    file = InputFile(origin, closed, limits, report, mapping=fields, length=length)
    if source:
        file.source, file.source_given = source, True
    if roots is not None and not _allowed(path, roots):
        yield file.reject("outside_input_roots", "it lies outside the folders that may be read")
        return
    # What was checked is what is opened, should a link be changed in between.
    target = os.path.realpath(path) if roots is not None and not is_url(path) else path
    try:
        raw = open_file(target)
    except CannotRead as error:
        looped = leads_back(path)
        yield file.reject("link_loop", looped) if looped else file.reject(error.reason, error.detail)
        return
    with raw:
        try:
            magic = raw.read(8)
            raw.seek(0)
        except Exception as error:  # OSError, and what storage libraries raise
            from etl.text import strip_secrets

            yield file.reject("unreadable_file", f"reading failed: {strip_secrets(str(error))[:200]}")
            return
        compression = compression_of(magic)
        if compression is None and offset:
            file.offset, file.first_line = _begin(raw, offset, first_line)
        file.stream = Stream(raw, compression=compression, limits=limits)
        known = format_of_name(path)
        head = b"" if offset else file.stream.peek(SNIFF_BYTES)[:SNIFF_BYTES]
        if not offset and not head:
            yield file.ending_reject() or file.reject("empty_file", "the file holds no bytes")
            return
        known = known or format_of_bytes(head)
        if known is None:
            yield file.reject(*unknown_format(ending_of(path)[0], head), payload=head)
            return
        file.ending = ending_of(path)[0]
        if compression is not None and known.many and distrust and not is_url(path):
            doubt = _doubt(raw, compression, limits)
            if doubt is not None:
                yield from _guarded(file, _trusted(file, raw, known, doubt))
                return
            file.stream = Stream(raw, compression=compression, limits=limits)
        yield from _guarded(file, known.reader()(file))


def _guarded(file: InputFile, outcomes: Iterator[Capture | Reject]) -> Iterator[Capture | Reject]:
    """What a reader gives; should it fail on something nobody thought of, the rest of the file is one reject."""
    last = file.origin
    try:
        for outcome in outcomes:
            last = outcome.origin
            yield outcome
    except KlartextError:
        raise
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        logger.debug("reading failed after %s", last, exc_info=True)
        detail = f"{type(error).__name__} after {last} (line {place.lineno} of {Path(place.filename).name})"
        yield file.reject("internal_error", detail)


def _doubt(raw: BinaryIO, compression: str, limits: Settings) -> int | None:
    """Where, in the content, the part of the stream begins whose bytes are wrong (not just cut off), if there is
    one: a gzip member or zstd frame. Goes through all of the file once.

    Checksums come at the end of what they cover, and damaged data decompresses to plausible text for a while, so
    this must be known before the first record is given out.
    """
    raw.seek(0)
    stream = Stream(raw, compression=compression, limits=limits)
    buffer = bytearray(1 << 18)
    while stream.readinto(buffer):
        stream.spot(stream.given)  # forgets the members passed
    raw.seek(0)
    return stream.doubt


_MARGIN: Final = {"gz": 1 << 14, "zst": 3 << 17}
"""Bytes of content before the first thing that looks wrong which aren't trusted either. Measured for gzip (300
streams of JSON Lines with 1, 4 or 40 wrong bytes: no wrong text was given out); for zstd it is three blocks."""


def _trusted(file: InputFile, raw: BinaryIO, known: Format, doubt: int) -> Iterator[Capture | Reject]:
    """The records of a damaged stream: those in the members before the damaged one, then those of this one up to some
    way before the damage, as far as it shows. One reject stands for the rest.

    Where nothing shows but the checksum, nothing of the member is trusted. What is given out of it carries the note
    ``damaged_stream``.
    """
    compression = file.stream.compression or ""
    last = _last_trusted(file, raw, known, doubt)
    raw.seek(0)
    file.stream = Stream(raw, compression=compression, limits=file.limits)
    for outcome in known.reader()(file):
        consumed = file.stream.consumed
        if consumed > max(doubt, last):
            held = outcome.payload if isinstance(outcome, Reject) else outcome.html or (outcome.text or "").encode()
            detail = "the compressed stream is damaged; from here on its content isn't trusted. Get the file again"
            yield file.reject("corrupt_file", detail, origin=outcome.origin, payload=held)
            return
        if consumed > doubt and isinstance(outcome, Capture):
            outcome = replace(outcome, notes=(*outcome.notes, "damaged_stream"))  # noqa: PLW2901
        yield outcome


def _last_trusted(file: InputFile, raw: BinaryIO, known: Format, doubt: int) -> int:
    """The byte of content up to which a damaged member is trusted."""
    raw.seek(0)
    compression = file.stream.compression or ""
    trial = replace(file, stream=Stream(raw, compression=compression, limits=file.limits), report=ReadReport())
    for outcome in known.reader()(trial):
        if trial.stream.consumed <= doubt:
            continue
        if isinstance(outcome, Reject) and outcome.reason == "corrupt_file" and "check" in outcome.detail:
            return doubt
        if isinstance(outcome, Reject) or outcome.notes:
            return trial.stream.consumed - _MARGIN[compression]
    return doubt


class _Nothing:
    closed = False

    def read(self, size: int = -1) -> bytes:
        return b""

    def close(self) -> None:
        pass


def _begin(file: BinaryIO, offset: int, first_line: int | None) -> tuple[int, int]:
    """Put ``file`` at the first line that begins at or after ``offset``: where that is, and the line's number."""
    position = 0
    newlines = 0
    if first_line is None:
        while position < offset - 1 and (chunk := file.read(min(1 << 20, offset - 1 - position))):
            newlines += chunk.count(b"\n")
            position += len(chunk)
    else:
        file.seek(offset - 1)
        position = offset - 1
    while chunk := file.read(1 << 16):
        at = chunk.find(b"\n")
        if at >= 0:
            position += at + 1
            newlines += 1
            break
        position += len(chunk)
    file.seek(position)
    return position, first_line if first_line is not None else newlines + 1


def slices(path: str | os.PathLike[str], target_bytes: int) -> list[Slice]:
    """Cut a file for parallel reading: an uncompressed JSON Lines file at line ends, about ``target_bytes`` each.

    Reading all slices gives exactly the captures of the whole file with the same origins. Every other file is one
    slice. The file is gone through once, to count lines.
    """
    name = os.fspath(path)
    try:
        raw = open_file(name)
    except CannotRead:
        return [Slice(name, 0, None, 0)]
    with raw:
        try:
            magic = raw.read(8)
            size = raw.seek(0, os.SEEK_END)
            raw.seek(0)
        except Exception:
            return [Slice(name, 0, None, 0)]
        known = format_of_name(name)
        whole = [Slice(name, 0, None, size)]
        wide = magic[:2] in (b"\xff\xfe", b"\xfe\xff") or magic[:4] == b"\x00\x00\xfe\xff"
        if known is None or known.name != "jsonl" or compression_of(magic) or wide or size < 2 * target_bytes:
            return whole
        found: list[Slice] = []
        start, start_line, position, line = 0, 1, 0, 1
        try:
            while chunk := raw.read(1 << 20):
                done = 0
                while (cut := max(0, start + target_bytes - position)) < len(chunk):
                    at = chunk.find(b"\n", cut)
                    border = position + at + 1
                    if at < 0 or border >= size:
                        break
                    line += chunk.count(b"\n", done, at + 1)
                    done = at + 1
                    found.append(Slice(name, start, border - start, border - start, start_line))
                    start, start_line = border, line
                line += chunk.count(b"\n", done)
                position += len(chunk)
        except OSError:
            return whole
        found.append(Slice(name, start, None, max(0, position - start), start_line))
        return found if len(found) > 1 else whole
