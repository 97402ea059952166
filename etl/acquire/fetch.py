"""One HTTP request after the other: guarded, in turn, within limits, and with everything kept as it came.

Redirects are followed here and not by the HTTP client, because every hop is a request of its own: it waits for its
host's turn, its address is checked, robots.txt has its say, and it becomes a record.
"""

from __future__ import annotations

import asyncio
import base64
import email.utils
import hashlib
import os
import random
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urljoin

import aiohttp
from aiohttp.connector import Connection
from yarl import URL

from etl.acquire.decode import DecodeError, Decoder, TooMuchError
from etl.acquire.guard import (
    BadUrlError,
    Guard,
    GuardedResolver,
    Lookup,
    UnsafeAddressError,
    credentials,
    host_name,
    origin,
    request_url,
    system_lookup,
)
from etl.acquire.hosts import Host, HostBusyError, Hosts
from etl.acquire.outcomes import FetchError
from etl.acquire.settings import AcquireSettings

HEAD_BYTES: Final = 64 * 1024
ACCEPT_PAGE: Final = "text/html,application/xhtml+xml;q=0.9,*/*;q=0.1"
ACCEPT_FEED: Final = (
    "application/atom+xml,application/rss+xml,application/rdf+xml;q=0.9,"
    "application/xml;q=0.8,text/xml;q=0.8,*/*;q=0.1"
)
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_PASSING: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_SECRET_HEADERS: Final = frozenset({"authorization", "proxy-authorization", "cookie"})
_DRAIN_BYTES: Final = 64 * 1024  # of an error page, to keep the connection

Headers = tuple[tuple[bytes, bytes], ...]
Sink = Callable[[bytes], object]
Allowed = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request and its whole answer.

    Attributes:
        url: as it was asked for, without credentials.
        at: when the request was sent (UTC).
        request: header lines that were sent, credentials left out.
        status, reason, version: of the status line, such as 200, ``OK``, ``1.1``.
        headers: header lines as they came.
        wire: the body in its content coding; empty when it was not kept.
        received: bytes of the body that came over the wire.
        head: the first 64 KiB of the decoded body.
        size: bytes of the decoded body.
        content_sha256: of the decoded body.
        address: the IP address that was connected to.
    """

    url: str
    at: datetime
    request: tuple[tuple[str, str], ...]
    status: int
    reason: str
    version: str
    headers: Headers
    wire: bytes = b""
    received: int = 0
    head: bytes = b""
    size: int = 0
    content_sha256: bytes = b""
    address: str | None = None

    def header(self, name: str) -> str | None:
        """All values of a header, joined by commas, or None."""
        wanted = name.lower().encode()
        found = [value.decode("latin-1").strip() for key, value in self.headers if key.lower() == wanted]
        return ", ".join(found) if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """An answer with the redirects that led to it."""

    redirects: tuple[Exchange, ...]
    answer: Exchange


@dataclass(slots=True, kw_only=True)
class Wish:
    """How a URL is to be fetched.

    Attributes:
        delay: seconds between two requests to a host.
        agent: the User-Agent.
        limit: most bytes of the decoded body.
        headers: further header lines, such as ``If-None-Match``.
        allowed: is awaited before each hop; raises FetchError to stop.
        judge: looks at status line and headers of the answer and at the first bytes of its body; raises FetchError.
        sink: is given the decoded body piece by piece.
        keep: keep the body as it came over the wire.
        before: is awaited in the host's turn, before the first hop; raises FetchError to stop.
        done: is awaited with the answer while it is still this run's turn, so that it is stored and known before
            another run may ask.
        cut: bytes of the decoded body that are enough; the rest isn't read.
        max_redirects: redirects that are followed; the settings' by default.
        ready: the URL is written as :func:`request_url` does.
    """

    delay: float
    agent: str
    limit: int
    accept: str = ACCEPT_PAGE
    headers: Mapping[str, str] = field(default_factory=dict)
    allowed: Allowed | None = None
    judge: Callable[[Exchange], None] | None = None
    sink: Callable[[], Sink] | None = None
    keep: bool = False
    before: Callable[[Host], Awaitable[None]] | None = None
    done: Callable[[Fetched], Awaitable[None]] | None = None
    cut: int | None = None
    max_redirects: int | None = None
    ready: bool = False


@lru_cache(maxsize=4)
def _tls(_file: str | None, _folder: str | None) -> ssl.SSLContext:
    """What certificates are checked against, made once: reading the system's takes longer than many a run."""
    return ssl.create_default_context()


class _Response(aiohttp.ClientResponse):
    """An answer that remembers where it came from: a connection is given back as soon as a body has ended."""

    address: str | None = None

    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        if connection.transport is not None:
            peer = connection.transport.get_extra_info("peername")
            self.address = str(peer[0]).partition("%")[0] if peer else None
        return await super().start(connection)


class _Connector(aiohttp.TCPConnector):
    """Opens a connection to a host only once the one that was given up is closed: never two at a time."""

    async def _create_connection(self, *args: Any, **named: Any) -> Any:
        await asyncio.sleep(0)  # closing is done by the event loop, in its next round
        return await super()._create_connection(*args, **named)


class _Request(aiohttp.ClientRequest):
    """A request that goes out on a silent connection only: what a server sends unasked is no answer to it."""

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        if conn.protocol is not None and conn.protocol.should_close:
            raise aiohttp.ServerDisconnectedError("the server sent what nobody had asked for")  # another one is made
        return await super().send(conn)


def retry_after(value: str | None, date: str | None = None) -> float | None:
    """Seconds of a Retry-After header (RFC 9110, section 10.2.3).

    A date is taken relative to the server's own ``Date``, so that a wrong clock on either side doesn't matter.
    """
    if value is None:
        return None
    text = value.split(",")[0].strip() if value[:1].isdigit() else value.strip()
    try:
        return max(0.0, float(text)) if text.replace(".", "", 1).isdigit() else _seconds_until(text, date)
    except (TypeError, ValueError, OverflowError):
        return None


def _seconds_until(text: str, date: str | None) -> float:
    def parse(value: str) -> datetime:
        moment = email.utils.parsedate_to_datetime(value)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

    try:
        now = parse(date) if date else datetime.now(UTC)
    except (TypeError, ValueError):
        now = datetime.now(UTC)
    return max(0.0, (parse(text) - now).total_seconds())


class Fetcher:
    """An HTTP client that is polite and safe. Use it as an async context manager, in one event loop.

    Args:
        settings: limits.
        guard: which addresses may be connected to.
        hosts: whose turn it is.
        login_urls: URLs with credentials; they are sent to their own origin only, and recorded nowhere.
        lookup: resolves names.
    """

    def __init__(
        self,
        settings: AcquireSettings,
        guard: Guard,
        hosts: Hosts,
        *,
        login_urls: Iterable[str] = (),
        lookup: Lookup = system_lookup,
    ) -> None:
        self._settings = settings
        self._guard = guard
        self._hosts = hosts
        self._lookup = lookup
        self._logins = {
            found[0]: "Basic " + base64.b64encode(f"{found[1]}:{found[2]}".encode()).decode()
            for found in map(credentials, login_urls)
            if found is not None
        }
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        connector = _Connector(
            limit=0,
            ssl=_tls(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")),
            resolver=GuardedResolver(self._guard, self._lookup),
            ttl_dns_cache=60,
            keepalive_timeout=15,
            socket_factory=self._guard.socket,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            request_class=_Request,
            response_class=_Response,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,  # a proxy would connect to addresses that the guard never sees
            max_line_size=32 * 1024,
            max_field_size=32 * 1024,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def fetch(self, url: str, wish: Wish) -> Fetched:
        """The answer for ``url`` (status 200, or 304 when the wish has validators), after redirects and retries.

        Raises:
            FetchError: with the outcome of this URL.
        """
        attempt = 0
        while True:
            try:
                return await self._follow(url, wish)
            except FetchError as error:
                if not error.passing or attempt >= self._settings.retries:
                    raise
                pause = self._settings.backoff * 2**attempt * random.uniform(0.5, 1.5)  # noqa: S311 - jitter
                pause = max(pause, error.retry_after or 0.0)
                if pause > self._settings.max_retry_after:
                    raise FetchError(
                        "deferred",
                        f"{error.detail}; asked to come back in {pause:.0f} s",
                        status=error.status,
                    ) from None
                attempt += 1
                await asyncio.sleep(pause)

    async def _follow(self, url: str, wish: Wish) -> Fetched:
        try:
            current = url if wish.ready else request_url(url)
        except BadUrlError as error:
            raise FetchError("unsafe_address", str(error)) from None
        limit = self._settings.max_redirects if wish.max_redirects is None else wish.max_redirects
        hops: list[Exchange] = []
        seen = {current}
        while True:
            if wish.allowed is not None:
                await wish.allowed(current)
            answer = await self._exchange(current, wish, hops)
            if answer.status not in _REDIRECTS:
                return Fetched(redirects=tuple(hops), answer=answer)
            hops.append(answer)
            location = answer.header("Location")
            if not location:
                raise FetchError("redirect_loop", f"status {answer.status} without a Location", status=answer.status)
            try:
                # Servers send Location in UTF-8 as well as in Latin-1.
                target = location.encode("latin-1").decode("utf-8", "replace")
                current = request_url(urljoin(current, target))
            except ValueError as error:
                raise FetchError("unsafe_address", f"redirect to {error}", status=answer.status) from None
            if current in seen:
                raise FetchError("redirect_loop", f"redirects lead back to {current}", status=answer.status)
            if len(hops) > limit:
                raise FetchError("redirect_loop", f"more than {limit} redirects", status=answer.status)
            seen.add(current)

    async def _exchange(self, url: str, wish: Wish, hops: list[Exchange]) -> Exchange:
        """One request in its host's turn.

        Raises:
            FetchError: no whole answer with status 200, 304 or a redirect.
        """
        try:
            async with self._hosts.turn(host_name(url), wish.delay) as host:
                if wish.before is not None and not hops:
                    host.heard = True  # should it stop here, nothing was sent that the next one must wait for
                    await wish.before(host)
                    host.heard = False
                try:
                    answer = await self._ask(url, wish, lambda: self._hosts.answered(host))
                    if wish.done is not None and answer.status not in _REDIRECTS:
                        await wish.done(Fetched(redirects=tuple(hops), answer=answer))
                    return answer
                except FetchError as error:
                    if error.status in (429, 503):
                        host.slow_down(error.retry_after, asyncio.get_running_loop().time())
                    raise
        except HostBusyError as error:
            raise FetchError("deferred", str(error)) from None

    async def _ask(self, url: str, wish: Wish, answered: Callable[[], None]) -> Exchange:
        assert self._session is not None  # noqa: S101 - used as a context manager
        headers = {"User-Agent": wish.agent, "Accept": wish.accept, "Accept-Encoding": "gzip, deflate, br, zstd"}
        headers |= wish.headers
        login = self._logins.get(origin(url))
        if login is not None:
            headers["Authorization"] = login
        limits = self._settings
        timeout = aiohttp.ClientTimeout(
            total=limits.total_timeout, sock_connect=limits.connect_timeout, sock_read=limits.read_timeout
        )
        at = datetime.now(UTC)
        progress = Progress()
        try:
            async with self._session.get(
                URL(url, encoded=True), headers=headers, allow_redirects=False, timeout=timeout
            ) as response:
                answered()
                sent = tuple(
                    (name, value)
                    for name, value in response.request_info.headers.items()
                    if name.lower() not in _SECRET_HEADERS
                )
                version = response.version
                bare = Exchange(
                    url=url,
                    at=at,
                    request=sent,
                    status=response.status,
                    reason=(response.reason or "").encode("ascii", "replace").decode(),
                    version=f"{version.major}.{version.minor}" if version else "1.1",
                    headers=response.raw_headers,
                    address=getattr(response, "address", None),
                )
                return await self._read(response, bare, wish, progress)
        except FetchError as error:
            error.received = progress.received
            raise
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _translate(error, limits, progress) from None

    async def _read(
        self, response: aiohttp.ClientResponse, bare: Exchange, wish: Wish, progress: Progress
    ) -> Exchange:
        status = bare.status
        if status != 200 and not (status == 206 and "Range" in wish.headers):
            await _drain(response)
            if (
                status in _REDIRECTS
                or (status == 304 and wish.headers)
                or (status == 416 and "Range" in wish.headers)
            ):
                return bare
            raise _refusal(bare)
        if wish.judge is not None:
            wish.judge(bare)
        declared = response.content_length
        if declared is not None and declared > wish.limit and wish.cut is None:
            raise FetchError("too_large", f"Content-Length {declared} is over {wish.limit} bytes", status=status)
        body = _Body(wish)
        try:
            decoder = Decoder(bare.header("Content-Encoding") or "", wish.limit if wish.cut is None else 1 << 62)
            async for chunk in response.content.iter_any():
                progress.received += len(chunk)
                if progress.received > wish.limit and wish.cut is None:
                    raise TooMuchError(f"more than {wish.limit} bytes")
                if body.take(chunk, decoder):
                    break
            else:
                decoder.finish()
        except TooMuchError as error:
            raise FetchError("too_large", f"the body has {error}", status=status) from None
        except DecodeError as error:
            raise FetchError("decode_error", str(error), status=status) from None
        whole = replace(
            bare,
            wire=b"".join(body.wire),
            received=progress.received,
            head=bytes(body.head),
            size=decoder.size,
            content_sha256=body.digest.digest(),
        )
        if wish.judge is not None:
            wish.judge(whole)
        return whole


@dataclass(slots=True)
class Progress:
    """Bytes of a body that have come."""

    received: int = 0


class _Body:
    """What is kept of a body while it comes in."""

    def __init__(self, wish: Wish) -> None:
        self._wish = wish
        self._sink = wish.sink() if wish.sink is not None else None
        self.wire: list[bytes] = []
        self.head = bytearray()
        self.digest = hashlib.sha256()

    def take(self, chunk: bytes, decoder: Decoder) -> bool:
        """Decode a chunk; True when enough was read."""
        if self._wish.keep:
            self.wire.append(chunk)
        for piece in decoder.feed(chunk):
            self.digest.update(piece)
            if len(self.head) < HEAD_BYTES:
                self.head += piece[: HEAD_BYTES - len(self.head)]
            if self._sink is not None:
                self._sink(piece)
            if self._wish.cut is not None and decoder.size >= self._wish.cut:
                return True
        return False


async def _drain(response: aiohttp.ClientResponse) -> None:
    """Read a small body to its end, so that the connection can be used again; a large one ends it."""
    read = 0
    try:
        async for chunk in response.content.iter_any():
            read += len(chunk)
            if read > _DRAIN_BYTES:
                break
    except (aiohttp.ClientError, OSError):
        return


def _refusal(answer: Exchange) -> FetchError:
    """The error for a status that carries no page."""
    status = answer.status
    detail = f"status {status} {answer.reason}".rstrip()
    wait = retry_after(answer.header("Retry-After"), answer.header("Date")) if status in (429, 503) else None
    if status == 410:
        return FetchError("gone", detail, status=status)
    if 400 <= status < 500:
        return FetchError("http_4xx", detail, status=status, passing=status in _PASSING, retry_after=wait)
    if status >= 500:
        return FetchError("http_5xx", detail, status=status, passing=status in _PASSING, retry_after=wait)
    if status == 206:
        return FetchError("connection_error", f"{detail}: a part that nobody asked for", status=status)
    return FetchError("wrong_type", f"{detail} carries no page", status=status)


def _translate(error: BaseException, limits: AcquireSettings, progress: Progress) -> FetchError:
    """The outcome that an exception of the HTTP client stands for."""
    causes: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in causes:
        causes.append(cause)
        cause = getattr(cause, "os_error", None) or cause.__cause__
    got = progress.received
    for cause in causes:
        if isinstance(cause, UnsafeAddressError):
            return FetchError("unsafe_address", str(cause), connected=False)
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return FetchError("timeout", f"no connection within {limits.connect_timeout:g} s", connected=False)
    if isinstance(error, aiohttp.SocketTimeoutError):
        return FetchError("timeout", f"nothing came for {limits.read_timeout:g} s", received=got)
    if isinstance(error, TimeoutError):
        return FetchError("timeout", f"not whole within {limits.total_timeout:g} s", received=got)
    for cause in causes:
        if isinstance(cause, ssl.SSLError | ssl.CertificateError | aiohttp.ClientSSLError):
            reason = getattr(cause, "verify_message", None) or getattr(cause, "reason", None) or str(cause)
            return FetchError("tls_error", f"TLS: {reason}", connected=False)
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return FetchError("dns_error", f"{error.host}: {_short(error.os_error)}", passing=True, connected=False)
    if isinstance(error, aiohttp.ClientConnectorError):
        return FetchError(
            "connection_error", f"no connection: {_short(error.os_error)}", passing=True, connected=False
        )
    if isinstance(error, aiohttp.InvalidURL | UnicodeError):
        return FetchError("unsafe_address", f"no URL: {_short(error)}")
    return FetchError(
        "connection_error",
        f"the connection broke after {got} bytes: {_short(causes[-1])}",
        passing=True,
        received=got,
    )


def _short(error: BaseException) -> str:
    text = " ".join((getattr(error, "strerror", None) or str(error)).split())
    return (text or type(error).__name__)[:200]
