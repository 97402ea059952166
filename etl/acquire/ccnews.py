"""Common Crawl's news archive, CC-NEWS: years of real news, by day, filtered by site and language.

The archive has a list of files a month (``crawl-data/CC-NEWS/YYYY/MM/warc.paths.gz``) whose names carry the moment
of their creation. Files of about 1 GB are read in ranges; after each stretch of input what was found lands and the
position is kept, so that a killed run does at most one stretch again.
"""

from __future__ import annotations

import asyncio
import gzip
import io
import os
import re
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import IO, Any, Final, Protocol, cast
from urllib.parse import urlsplit

from warcio.archiveiterator import ArchiveIterator
from warcio.exceptions import ArchiveLoadFailed

from etl.acquire.entries import parse_moment
from etl.acquire.fetch import Fetcher, Wish
from etl.acquire.guard import BadUrlError, request_url
from etl.acquire.landing import Landing, Note
from etl.acquire.outcomes import FetchError
from etl.acquire.robots import Sites
from etl.acquire.sources import CCNEWS_URL, Source
from etl.settings import MIB

LIST_PATH: Final = "crawl-data/CC-NEWS/{day:%Y/%m}/warc.paths.gz"
RANGE_BYTES: Final = 16 * MIB
STRETCH_BYTES: Final = 64 * MIB
_LIST_BYTES: Final = 64 * MIB
_FILE = re.compile(r"CC-NEWS-(\d{14})-\d+\.warc\.gz$")
_LANGUAGE = re.compile(rb"""<html[^>]{0,500}?\blang\s*=\s*["']?([A-Za-z]{2,3})""", re.IGNORECASE)
_HTML = re.compile(rb"^content-type:\s*(?:text/html|application/xhtml\+xml)", re.IGNORECASE | re.MULTILINE)
_DEFAULT_DAYS: Final = 2  # without `since`: yesterday and today


class Bytes(Protocol):
    """Where an archive's files can be read from."""

    async def read(self, path: str, start: int, size: int) -> tuple[bytes, int | None]:
        """Up to ``size`` bytes of a file from ``start``, and the file's whole size where it is known.

        Raises:
            FetchError: it can't be had.
        """


@dataclass(slots=True)
class WebBytes:
    """Over HTTP range requests, as politely as anything else."""

    base: str
    fetcher: Fetcher
    sites: Sites
    agent: str
    delay: float

    async def read(self, path: str, start: int, size: int) -> tuple[bytes, int | None]:
        url = f"{self.base.rstrip('/')}/{path}"
        parts: list[bytes] = []

        def sink() -> Callable[[bytes], object]:
            parts.clear()
            return parts.append

        async def allowed(hop: str) -> None:
            await self.sites.check(hop, self.agent, self.delay)

        wish = Wish(
            delay=self.delay,
            agent=self.agent,
            accept="*/*",
            limit=4 * RANGE_BYTES,  # a server that knows no ranges sends the whole file: fine while it is small
            headers={"Range": f"bytes={start}-{start + size - 1}", "Accept-Encoding": "identity"},
            sink=sink,
            allowed=allowed,
        )
        answer = (await self.fetcher.fetch(url, wish)).answer
        if answer.status == 416:
            return b"", start
        data = b"".join(parts)
        if answer.status == 200:
            return data[start : start + size], answer.size
        whole = re.search(r"bytes (\d+)-\d+/(\d+)", answer.header("Content-Range") or "")
        if whole is None or int(whole[1]) != start:
            raise FetchError("decode_error", f"{path}: the server sent another range than asked for", status=206)
        return data, int(whole[2])


@dataclass(slots=True)
class StoreBytes:
    """From an object store or folder, over fsspec (``s3://commoncrawl/`` needs no account)."""

    base: str

    async def read(self, path: str, start: int, size: int) -> tuple[bytes, int | None]:
        return await asyncio.to_thread(self._read, path, start, size)

    def _read(self, path: str, start: int, size: int) -> tuple[bytes, int | None]:
        import fsspec

        anonymous = self.base.startswith("s3://") and "AWS_ACCESS_KEY_ID" not in os.environ
        try:
            filesystem, root = fsspec.core.url_to_fs(self.base, **({"anon": True} if anonymous else {}))
            place = f"{root.rstrip('/')}/{path}"
            whole = int(filesystem.size(place))
            return bytes(filesystem.cat_file(place, start=start, end=min(start + size, whole))), whole
        except FileNotFoundError:
            raise FetchError("http_4xx", f"{path}: there is no such file in {self.base}", status=404) from None
        except Exception as error:  # every store has its own
            detail = f"{path}: {type(error).__name__}: {str(error)[:200]}"
            raise FetchError("connection_error", detail, passing=True) from None


class _Stretch(io.RawIOBase):
    """A file read from a position on, for a parser in a thread; ranges are fetched by the event loop as needed."""

    def __init__(self, archive: Bytes, path: str, start: int, loop: asyncio.AbstractEventLoop) -> None:
        self._archive = archive
        self._path = path
        self._next = start
        self._loop = loop
        self._held = b""
        self._size: int | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._held and (self._size is None or self._next < self._size):
            ask = self._archive.read(self._path, self._next, RANGE_BYTES)
            self._held, size = asyncio.run_coroutine_threadsafe(ask, self._loop).result()
            self._size = size if size is not None else self._size
            if not self._held:
                self._size = self._next
            self._next += len(self._held)
        count = min(len(buffer), len(self._held))
        buffer[:count] = self._held[:count]
        self._held = self._held[count:]
        return count

    @property
    def ended(self) -> bool:
        """Whether all of the file was given out."""
        return not self._held and self._size is not None and self._next >= self._size


@dataclass(slots=True)
class Found:
    """A page of the archive that passed the filters."""

    url: str
    at: datetime
    head: bytes
    body: bytes
    offset: int


@dataclass(slots=True)
class StretchResult:
    """What became of a stretch: pages looked at and stored, and the position from which to go on (-1: the end)."""

    seen: int = 0
    stored: list[tuple[str, datetime, str, int]] = field(default_factory=list)
    position: int = -1


def base_of(source: Source) -> str:
    """Where a source's archive lies."""
    return source.all_urls[0] if source.all_urls else CCNEWS_URL


def days_of(source: Source, day: date | None, today: date) -> tuple[date, date]:
    """First and last day that a run looks at: the given day, else the source's range, else yesterday and today."""
    if day is not None:
        return day, day
    last = min(source.until or today, today)
    return source.since or last - timedelta(days=_DEFAULT_DAYS - 1), last


async def files_of(archive: Bytes, first: date, last: date) -> AsyncIterator[str]:
    """Paths of the archive's files that were made between two days, both included, oldest first.

    Raises:
        FetchError: a month's list can't be had.
    """
    month = first.replace(day=1)
    while month <= last:
        packed, start, whole = b"", 0, None
        while whole is None or start < whole:
            part, whole = await archive.read(LIST_PATH.format(day=month), start, RANGE_BYTES)
            if not part or start > _LIST_BYTES:
                break
            packed += part
            start += len(part)
        try:
            listed = gzip.decompress(packed).decode("ascii", "replace").split()
        except (OSError, EOFError, zlib.error) as error:
            raise FetchError("decode_error", f"the list of {month:%Y-%m} is damaged: {error}") from None
        for path in sorted(listed, key=lambda p: p.rsplit("/", 1)[-1]):
            match = _FILE.search(path)
            if match and ".." not in path and first <= datetime.strptime(match[1][:8], "%Y%m%d").date() <= last:  # noqa: DTZ007 - a UTC day
                yield path.lstrip("/")
        month = (month + timedelta(days=32)).replace(day=1)


def wanted(source: Source, url: str, body: bytes) -> bool:
    """Whether a page passes the source's filters: domains, include and exclude, the language it declares."""
    host = (urlsplit(url).hostname or "").lower()
    if source.domains and not any(host == d or host.endswith(f".{d}") for d in map(str.lower, source.domains)):
        return False
    if source.excluded_by(url) is not None:
        return False
    if source.languages:
        declared = _LANGUAGE.search(body[:65536])
        return declared is None or declared[1].decode().lower() in {lang.lower() for lang in source.languages}
    return True


def pages_of(stream: IO[bytes], source: Source, begin: int, largest: int) -> Iterator[Found | int]:
    """The position of each record, and then the record itself when it is a page that passes the filters."""
    iterator = ArchiveIterator(stream, no_record_parse=True)
    for record in iterator:
        offset = begin + iterator.offset
        yield offset
        header = record.rec_headers.get_header
        url = (header("WARC-Target-URI") or "").strip("<>")
        if record.rec_type != "response" or not url.startswith(("http://", "https://")):
            continue
        length = header("Content-Length") or ""
        if not length.isdigit() or int(length) > largest + MIB:
            continue
        if source.domains and not wanted(source.model_copy(update={"languages": ()}), url, b""):
            continue
        head, _, body = record.raw_stream.read().partition(b"\r\n\r\n")
        if not re.match(rb"HTTP/\S+ 200\b", head) or not _HTML.search(head) or not wanted(source, url, body):
            continue
        at = parse_moment(header("WARC-Date"))
        try:
            clean = request_url(url)
        except BadUrlError:
            continue
        if at is not None:
            yield Found(clean, at, head, body, offset)


async def read_stretch(
    archive: Bytes, path: str, position: int, source: Source, landing: Landing, *, largest: int, room: int
) -> StretchResult:
    """Read a file from a position for some 64 MiB of input, and store the pages that pass.

    Raises:
        FetchError: the archive can't be read.
        LandingError: the landing zone can't be written.
    """
    loop = asyncio.get_running_loop()
    hints = {"language": source.language, "country": source.country}
    note = Note(source=source.name, hints={key: value for key, value in hints.items() if value})

    def work() -> StretchResult:
        result = StretchResult()
        stream = _Stretch(archive, path, position, loop)
        for found in pages_of(cast("IO[bytes]", stream), source, position, largest):
            if isinstance(found, int):
                result.seen += 1
                if found > position and (found - position >= STRETCH_BYTES or len(result.stored) >= room):
                    result.position = found
                    return result
                continue
            origin = landing.copy(
                found.url, found.at, found.head, found.body, note=note, archive=f"{path}#{found.offset}"
            )
            result.stored.append((found.url, found.at, origin, len(found.body)))
        if not stream.ended:
            raise FetchError("decode_error", f"{path} is damaged after its byte {position + STRETCH_BYTES}")
        return result

    try:
        result = await asyncio.to_thread(work)
    except ArchiveLoadFailed as error:
        raise FetchError("decode_error", f"{path} is damaged after its byte {position}: {error}") from None
    await asyncio.to_thread(landing.finish)
    return result


def archive_for(source: Source, fetcher: Fetcher, sites: Sites, agent: str) -> Bytes:
    """How to reach a source's archive: HTTP, or an object store or folder."""
    base = base_of(source)
    if base.startswith(("http://", "https://")):
        return WebBytes(base, fetcher, sites, agent, source.delay)
    return StoreBytes(base)
