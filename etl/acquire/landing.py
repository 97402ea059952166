"""The landing zone's files: WARC 1.1 (ISO 28500), written so that a kill at any moment loses nothing that was whole.

A file is written under a hidden temporary name and kept locked; it gets its real name when it is complete and on the
disk. What a killed run left behind is cut after its last whole record, taken over and finished by the next run.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import secrets
import time
import zlib
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Final

from isal import igzip
from warcio.recordbuilder import RecordBuilder
from warcio.warcwriter import WARCWriter

from etl import __version__
from etl.acquire.fetch import Exchange
from etl.acquire.sources import is_remote, landing_dir
from etl.errors import KlartextError
from etl.text import strip_credentials

WARC_VERSION: Final = "WARC/1.1"
SERVER_NOT_MODIFIED: Final = "http://netpreserve.org/warc/1.1/revisit/server-not-modified"
IDENTICAL_PAYLOAD: Final = "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest"
PART_PATTERN: Final = ".*.warc.gz.part"
REDO_PATTERN: Final = ".*.warc.gz.redo"
_RUN: Final = re.compile(r"-(\d{5,})-[0-9a-f]{8}\.warc\.gz")
_PATIENCE: Final = 5.0  # seconds
_CHUNK: Final = 256 * 1024
_GZIP_LEVEL: Final = 3  # ISA-L's highest: a twelfth of the time of zlib's 6, for 4 to 6 per cent more bytes
_HOP_BY_HOP: Final = {b"transfer-encoding": b"X-Archive-Orig-Transfer-Encoding"}


class LandingError(KlartextError):
    """The landing zone can't be written. What is finished stays; run it again when there is room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What is said about a page beside what the server sent; becomes ``Klartext-…`` fields."""

    source: str
    hints: Mapping[str, Any] = field(default_factory=dict)
    opt_outs: tuple[str, ...] = ()
    suspect: str | None = None
    requested: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopted:
    """A page that a killed run stored without having said so to the state."""

    source: str
    requested: str
    url: str
    at: datetime
    status: int
    received: int
    etag: str | None
    last_modified: str | None
    content_sha256: bytes
    origin: str


def warc_date(at: datetime) -> str:
    """``at`` in WARC 1.1's form, in UTC with microseconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class _Head:
    """A status or request line with header lines, written as they came (warcio would write them anew)."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        self.headers_buff = b"\r\n".join(lines) + b"\r\n\r\n"

    def compute_headers_buffer(self, header_filter: object = None) -> None:
        """Nothing to compute."""


def _value(name: bytes, value: bytes) -> bytes:
    """A header's value as it came, but for user and password of a redirect's target."""
    if name.lower() in (b"location", b"content-location"):
        value = strip_credentials(value.decode("latin-1")).encode("latin-1")
    return re.sub(rb"[\r\n\0]+", b" ", value)


def _one_line(text: str) -> str:
    return re.sub(r"[\r\n\0]+", " ", text)


def note_fields(note: Note, answer: Exchange) -> dict[str, str]:
    """The named fields of klartext in one response record."""
    fields = {"Klartext-Source": note.source}
    if note.hints:
        fields["Klartext-Hints"] = json.dumps(dict(note.hints), ensure_ascii=True, sort_keys=True)
    if note.opt_outs:
        fields["Klartext-Opt-Outs"] = ", ".join(note.opt_outs)
    if note.suspect:
        fields["Klartext-Suspect"] = note.suspect
    if note.requested and note.requested != answer.url:
        fields["Klartext-Requested-URL"] = note.requested
    if answer.status == 200:
        fields["Klartext-Content-Digest"] = f"sha256:{answer.content_sha256.hex()}"
    return {name: _one_line(value) for name, value in fields.items()}


class WarcFile:
    """One file of the landing zone that is being written.

    Args:
        folder: where it will lie.
        source: the source's name.
        agent: the User-Agent, for the warcinfo record.
        redo: what it holds is done again after a kill, so that the next run deletes it instead of taking it over.
        run: the number of the run, a part of the name.

    Raises:
        LandingError: the folder or the file can't be made.
    """

    def __init__(self, folder: Path, source: str, agent: str, *, redo: bool = False, run: int = 0) -> None:
        stamp = datetime.now(UTC).strftime("%Y%m%d%H%M%S")
        self.final = folder / f"{source}-{stamp}-{run:05d}-{secrets.token_hex(4)}.warc.gz"
        self.part = folder / f".{self.final.name}.{'redo' if redo else 'part'}"
        self.records = 0
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = _begun(self.part)
        except OSError as error:
            raise _full(folder, error) from None
        self._buffer = BytesIO()
        self._writer = WARCWriter(self._buffer, gzip=False, warc_version=WARC_VERSION)
        info = {
            "software": f"klartext/{__version__}",
            "format": "WARC File Format 1.1",
            "http-header-user-agent": _one_line(agent),
            "robots": "obey (RFC 9309)",
            "isPartOf": source,
        }
        self._write([self._writer.create_warcinfo_record(self.final.name, info)])

    @property
    def size(self) -> int:
        """Bytes so far."""
        return self._file.tell()

    def page(self, redirects: Iterable[Exchange], answer: Exchange, note: Note) -> str:
        """Write the request and response of a page and of the redirects that led to it; its origin is returned.

        Raises:
            LandingError: the disk is full; nothing of this page stays in the file.
        """
        records: list[Any] = []
        for hop in redirects:
            records += self._pair(hop, {})
        records += self._pair(answer, note_fields(note, answer))
        return f"{self.final}#{self._write(records)}"

    def revisit(self, answer: Exchange, note: Note, stored_url: str, stored_at: datetime) -> None:
        """Write that a page is as it was: the server said so (304), or the body is the same.

        Raises:
            LandingError: the disk is full; nothing of it stays in the file.
        """
        profile = SERVER_NOT_MODIFIED if answer.status == 304 else IDENTICAL_PAYLOAD
        fields = note_fields(note, answer) | {
            "WARC-Profile": profile,
            "WARC-Refers-To-Target-URI": stored_url,
            "WARC-Refers-To-Date": warc_date(stored_at),
        }
        if answer.status == 200:
            fields["WARC-Payload-Digest"] = _sha1(answer.wire)
        self._write(self._pair(answer, fields, kind="revisit"))

    def copy(self, uri: str, at: datetime, head: bytes, body: bytes, fields: Mapping[str, str]) -> str:
        """Write a response record that was taken from another archive; its origin is returned.

        Raises:
            LandingError: the disk is full.
        """
        named = {"WARC-Date": warc_date(at), **{name: _one_line(value) for name, value in fields.items()}}
        record = self._writer.create_warc_record(
            uri,
            "response",
            payload=BytesIO(body),
            length=len(body),
            http_headers=_Head(head.rstrip(b"\r\n").split(b"\r\n")),
            warc_headers_dict=named,
        )
        return f"{self.final}#{self._write([record])}"

    def _pair(self, exchange: Exchange, fields: Mapping[str, str], kind: str = "response") -> list[Any]:
        identifier = RecordBuilder._make_warc_id()
        common = {"WARC-Date": warc_date(exchange.at)}
        if exchange.address:
            common["WARC-IP-Address"] = exchange.address
        path = "/" + exchange.url.split("://", 1)[1].partition("/")[2]
        request = _Head(
            [f"GET {path} HTTP/1.1".encode(), *(f"{k}: {v}".encode("utf-8", "replace") for k, v in exchange.request)]
        )
        # The writer leaves a revisit's body out, so its digest must as well.
        body = b"" if kind == "revisit" else exchange.wire
        status = f"HTTP/{exchange.version} {exchange.status} {exchange.reason}".rstrip().encode()
        lines = [
            _HOP_BY_HOP.get(name.lower(), name) + b": " + _value(name, value) for name, value in exchange.headers
        ]
        return [
            self._writer.create_warc_record(
                exchange.url,
                "request",
                payload=BytesIO(),
                length=0,
                http_headers=request,
                warc_headers_dict={**common, "WARC-Concurrent-To": identifier},
            ),
            self._writer.create_warc_record(
                exchange.url,
                kind,
                payload=BytesIO(body),
                length=len(body),
                http_headers=_Head([status, *lines]),
                warc_headers_dict={**common, "WARC-Record-ID": identifier, **fields},
            ),
        ]

    def _write(self, records: list[Any]) -> int:
        """All records or none; the offset of the last one is returned."""
        start = offset = self._file.tell()
        try:
            for record in records:
                offset = self._file.tell()
                self._buffer.seek(0)
                self._buffer.truncate()
                self._writer.write_record(record)
                self._file.write(igzip.compress(self._buffer.getbuffer(), _GZIP_LEVEL, mtime=0))
            self._file.flush()
        except OSError as error:
            with contextlib.suppress(OSError):
                self._file.truncate(start)
            with contextlib.suppress(OSError):
                self._file.seek(start)
            raise _full(self.part.parent, error) from None
        self.records += len(records)
        return offset

    def finish(self) -> Path | None:
        """Give the file its name, once it is on the disk; an empty one is deleted and None returned.

        Raises:
            LandingError: the disk refuses; the file keeps its temporary name and the next run takes it over.
        """
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            if self.records <= 1:
                self.part.unlink()
                self._file.close()
                return None
            self.part.rename(self.final)
            self._file.close()
            _sync_folder(self.final.parent)
        except OSError as error:
            raise _full(self.part.parent, error) from None
        return self.final

    def abandon(self) -> None:
        """Leave the file as it is, for the next run to take over."""
        with contextlib.suppress(OSError):
            self._file.close()


def _sha1(data: bytes) -> str:
    digester = RecordBuilder._create_digester()
    digester.update(data)
    return str(digester)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _full(folder: Path, error: OSError) -> LandingError:
    return LandingError(
        f"the landing zone {folder} can't be written: {error.strerror or error}",
        fix="make room (or mend the permissions) and run it again; what was fetched so far is kept",
    )


class Landing:
    """The landing zone of one run: opens files as pages come, one a day of capture and source.

    Args:
        root: a local folder, or an fsspec URL; then files are written below ``spool`` and sent when complete.
        agent: the User-Agent, for the warcinfo records.
        largest: bytes after which a file is closed and another begun.
        spool: local folder for files on their way to a URL.
        redo: what is written is done again after a kill.

    Attributes:
        run: the number of the run, a part of the names of its files.
        files: those that are complete.
    """

    def __init__(self, root: str | Path, *, agent: str, largest: int, spool: Path, redo: bool = False) -> None:
        self._root = str(root)
        self._remote = is_remote(root)
        self._local = spool if self._remote else Path(root)
        self._agent = agent
        self._largest = largest
        self._redo = redo
        self.run = 0
        self._open: dict[tuple[date, str], WarcFile] = {}
        self.files: list[str] = []

    def beside(self, *, redo: bool) -> Landing:
        """Another one with the same place and limits, whose files are opened and finished on their own."""
        spool = self._local if self._remote else Path()
        other = Landing(self._root, agent=self._agent, largest=self._largest, spool=spool, redo=redo)
        other.run = self.run
        return other

    def _file(self, at: datetime, source: str) -> WarcFile:
        key = (at.astimezone(UTC).date(), source)
        if key not in self._open:
            folder = Path(landing_dir(self._local, *key))
            self._open[key] = WarcFile(folder, source, self._agent, redo=self._redo, run=self.run)
        return self._open[key]

    def page(self, redirects: Iterable[Exchange], answer: Exchange, note: Note) -> str:
        """Store a page; returns where it will lie, as ``path#offset``.

        Raises:
            LandingError: it can't be written.
        """
        file = self._file(answer.at, note.source)
        origin = file.page(redirects, answer, note)
        return self._final(origin)

    def revisit(self, answer: Exchange, note: Note, stored_url: str, stored_at: datetime) -> None:
        """Store that a page is unchanged.

        Raises:
            LandingError: it can't be written.
        """
        self._file(answer.at, note.source).revisit(answer, note, stored_url, stored_at)

    def copy(self, uri: str, at: datetime, head: bytes, body: bytes, *, note: Note, archive: str) -> str:
        """Store a page that was taken from another archive; returns where it will lie, as ``path#offset``.

        Raises:
            LandingError: it can't be written.
        """
        fields = {"Klartext-Source": note.source, "Klartext-Archive": archive}
        if note.hints:
            fields["Klartext-Hints"] = json.dumps(dict(note.hints), ensure_ascii=True, sort_keys=True)
        return self._final(self._file(at, note.source).copy(uri, at, head, body, fields))

    def _final(self, origin: str) -> str:
        return self._root.rstrip("/") + origin.removeprefix(str(self._local)) if self._remote else origin

    def full_files(self) -> bool:
        """Whether a file has grown so large that it should be closed."""
        return any(file.size >= self._largest for file in self._open.values())

    def finish(self, *, only_full: bool = False) -> None:
        """Complete the files that are open, or those of them that are large enough.

        Raises:
            LandingError: a file can't be completed; it keeps its temporary name.
        """
        for key, file in list(self._open.items()):
            if only_full and file.size < self._largest:
                continue
            del self._open[key]
            done = file.finish()
            if done is not None:
                self.files.append(self._deliver(done))

    def _deliver(self, done: Path) -> str:
        """Send a complete file where it belongs."""
        if not self._remote:
            return str(done)
        import fsspec

        target = self._final(str(done))
        with contextlib.suppress(FileNotFoundError), done.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if not done.exists():
                return target  # a run beside this one, that looked for what was left to send, has sent it
            try:
                filesystem, path = fsspec.core.url_to_fs(target)
                filesystem.put_file(str(done), path)  # object stores show a file when all of it is there
                if filesystem.size(path) != done.stat().st_size:
                    raise OSError("the copy has another size")
            except Exception as error:
                raise LandingError(
                    f"{target} can't be written: {type(error).__name__}: {error}",
                    fix=f"mend the access to it and run again; the file waits in {done.parent}",
                ) from None
            done.unlink(missing_ok=True)
        return target

    def abandon(self) -> None:
        """Leave all open files to the next run."""
        for file in self._open.values():
            file.abandon()
        self._open.clear()

    def recover(self, adopt: Callable[[list[Adopted]], None], killed: Container[int] = ()) -> None:
        """Finish what killed runs left: every page in it is given to ``adopt``, then the file gets its name.

        Args:
            adopt: is told the pages of each file.
            killed: runs that are known to have been killed; their files are waited for, as a process that ends
                gives its locks back one after the other.

        Raises:
            LandingError: a file can't be completed.
        """
        for part in sorted(self._local.glob(f"date=*/source=*/{PART_PATTERN}")):
            with contextlib.suppress(FileNotFoundError), part.open("r+b") as file:
                if not _locked(file, _PATIENCE if _run_of(part) in killed else 0.0):
                    continue  # a run that goes on is writing it
                if not part.exists():
                    continue  # it was finished between the look and the lock
                final = part.with_name(part.name.removeprefix(".").removesuffix(".part"))
                end = _whole_length(file)
                try:
                    file.truncate(end)
                    os.fsync(file.fileno())
                except OSError as error:
                    raise _full(part.parent, error) from None
                pages, records = _pages(part, self._final(str(final)))
                if records <= 1:
                    part.unlink()
                    continue
                adopt(pages)
                part.rename(final)
                _sync_folder(final.parent)
        for stale in sorted(self._local.glob(f"date=*/source=*/{REDO_PATTERN}")):
            with contextlib.suppress(OSError), stale.open("r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                stale.unlink()
        if self._remote:
            waiting = sorted(self._local.glob("date=*/source=*/*.warc.gz"))
            self.files += [self._deliver(done) for done in waiting]

    def leftovers(self) -> Iterator[Path]:
        """Files under a temporary name, of this run or another one."""
        yield from sorted(self._local.glob(f"date=*/source=*/{PART_PATTERN}"))


def _begun(part: Path) -> BinaryIO:
    """A new file under a temporary name, locked.

    Between its making and its lock a run that looks for what killed runs left can take an empty file for one of
    theirs, and remove it: then another one is made.
    """
    while True:
        file: BinaryIO = part.open("xb")
        fcntl.flock(file, fcntl.LOCK_EX)
        if part.exists():
            return file
        file.close()


def _run_of(part: Path) -> int:
    """The number of the run that wrote a file."""
    match = _RUN.search(part.name)
    return int(match[1]) if match else 0


def _locked(file: BinaryIO, patience: float) -> bool:
    """Whether the file's lock could be had within so many seconds."""
    end = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() >= end:
                return False
            time.sleep(0.02)
        else:
            return True


def _whole_length(file: BinaryIO) -> int:
    """Bytes up to the end of the last whole gzip member."""
    whole = position = 0
    member = zlib.decompressobj(31)
    file.seek(0)
    while chunk := file.read(_CHUNK):
        while chunk:
            try:
                rest = chunk
                while rest and not member.eof:
                    member.decompress(rest, _CHUNK)
                    rest = member.unused_data if member.eof else member.unconsumed_tail
            except zlib.error:
                return whole
            position += len(chunk) - len(rest)
            chunk = rest
            if member.eof:
                whole = position
                member = zlib.decompressobj(31)
    return whole


def _pages(part: Path, final: str) -> tuple[list[Adopted], int]:
    """The pages (status 200) of a file, and how many records it has."""
    from warcio.archiveiterator import ArchiveIterator

    pages: list[Adopted] = []
    records = 0
    with part.open("rb") as file:
        iterator = ArchiveIterator(file)
        for record in iterator:
            records += 1
            if record.rec_type != "response" or record.http_headers is None:
                continue
            header = record.rec_headers.get_header
            if record.http_headers.get_statuscode() != "200" or not header("Klartext-Source"):
                continue
            wire = record.raw_stream.read()
            digest = (header("Klartext-Content-Digest") or "").removeprefix("sha256:")
            pages.append(
                Adopted(
                    source=header("Klartext-Source"),
                    requested=header("Klartext-Requested-URL") or header("WARC-Target-URI"),
                    url=header("WARC-Target-URI"),
                    at=datetime.fromisoformat(header("WARC-Date").replace("Z", "+00:00")),
                    status=200,
                    received=len(wire),
                    etag=record.http_headers.get_header("ETag"),
                    last_modified=record.http_headers.get_header("Last-Modified"),
                    content_sha256=bytes.fromhex(digest),
                    origin=f"{final}#{iterator.get_record_offset()}",
                )
            )
    return pages, records
