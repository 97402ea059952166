"""A small HTTP server for tests of acquiring: many loopback addresses, scripted answers, faults, and a log.

It speaks HTTP/1.1 by hand, so that a test can break it at any byte. Every connection and request is logged with
the server's own clock.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

Raw = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Reply:
    """An answer; ``raw`` writes whatever it likes instead, ``pause`` seconds pass before it."""

    body: bytes = b""
    status: int = 200
    type: str | None = "text/html; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)
    pause: float = 0.0
    raw: Raw | None = None
    etag: str | None = None

    @classmethod
    def html(cls, title: str, text: str = "Ein Satz über die Stadt. ", **kwargs: Any) -> Reply:
        head = f"<!doctype html><html><head><title>{title}</title></head>"
        return cls(f"{head}<body><h1>{title}</h1><p>{text * 20}</p></body></html>".encode(), **kwargs)

    @classmethod
    def redirect(cls, location: str, status: int = 302) -> Reply:
        return cls(status=status, headers={"Location": location})


@dataclass
class Asked:
    """One request as the server saw it."""

    host: str
    path: str
    headers: dict[str, str]
    begin: float
    end: float = 0.0


class Server:
    """Serves on 127.x.y.z addresses, one port each, in a thread of its own.

    ``routes`` maps ``path`` or ``(address, path)`` to a Reply, a list of Replies (one after the other, the last one
    stays) or a function of the request.
    """

    def __init__(self) -> None:
        self.routes: dict[Any, Any] = {}
        self.log: list[Asked] = []
        self.open: dict[str, int] = defaultdict(int)
        self.most_open: dict[str, int] = defaultdict(int)
        self.busy: dict[str, int] = defaultdict(int)
        self.most_busy: dict[str, int] = defaultdict(int)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread.start()

    def listen(self, address: str = "127.0.0.1", tls: ssl.SSLContext | None = None, port: int = 0) -> str:
        """Listen on an address; returns its base URL."""

        async def start() -> int:
            server = await asyncio.start_server(
                lambda r, w: self._track(address, r, w), address, port, ssl=tls, limit=1 << 20
            )
            self._servers.append(server)
            return int(server.sockets[0].getsockname()[1])

        bound = asyncio.run_coroutine_threadsafe(start(), self._loop).result(10)
        return f"{'https' if tls else 'http'}://{address}:{bound}"

    def stop(self) -> None:
        async def close() -> None:
            for server in self._servers:
                server.close()
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def paths(self, host: str | None = None) -> list[str]:
        """The paths that were asked for, in order."""
        return [asked.path for asked in list(self.log) if host is None or asked.host == host]

    def pages(self) -> list[Asked]:
        """Requests that are not for robots.txt or tdmrep.json."""
        return [a for a in list(self.log) if a.path not in ("/robots.txt", "/.well-known/tdmrep.json")]

    async def _track(self, address: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.open[address] += 1
        self.most_open[address] = max(self.most_open[address], self.open[address])
        try:
            while await self._one(address, reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError):
            pass
        finally:
            self.open[address] -= 1
            self._tasks.discard(task)
            with contextlib.suppress(Exception):
                writer.close()

    async def _one(self, address: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.split("\r\n")
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines if line)}
        asked = Asked(address, first.split(" ")[1], headers, time.monotonic())
        self.log.append(asked)
        self.busy[address] += 1
        self.most_busy[address] = max(self.most_busy[address], self.busy[address])
        try:
            reply = self._find(asked)
            if reply.pause:
                await asyncio.sleep(reply.pause)
            if reply.raw is not None:
                await reply.raw(reader, writer)
                await writer.drain()
                return False
            status, body = reply.status, reply.body
            extra = dict(reply.headers)
            if reply.type is not None and "Content-Type" not in extra:
                extra["Content-Type"] = reply.type
            if reply.etag is not None:
                extra["ETag"] = reply.etag
                if headers.get("if-none-match") == reply.etag:
                    status, body = 304, b""
            answer = [f"HTTP/1.1 {status} Status"]
            answer += [f"{name}: {value}" for name, value in extra.items()]
            if status != 304 and "Content-Length" not in extra and "Transfer-Encoding" not in extra:
                answer.append(f"Content-Length: {len(body)}")
            writer.write("\r\n".join(answer).encode("latin-1") + b"\r\n\r\n" + body)
            await writer.drain()
            return True
        finally:
            asked.end = time.monotonic()
            self.busy[address] -= 1

    def _find(self, asked: Asked) -> Reply:
        for key in ((asked.host, asked.path), asked.path, (asked.host, "*"), "*"):
            if key in self.routes:
                found = self.routes[key]
                if callable(found):
                    found = found(asked)
                if isinstance(found, list):
                    found = found.pop(0) if len(found) > 1 else found[0]
                return found  # type: ignore[no-any-return]
        return Reply(b"nothing here", status=404, type="text/plain")


def rss(*links: str, title: str = "Morgenblatt", extra: str = "") -> Reply:
    """A feed with one item a link."""
    items = "".join(
        f"<item><title>Titel {n}</title><link>{link}</link><guid isPermaLink='false'>id-{n}-{link}</guid>"
        f"<pubDate>Mon, 02 Nov 2026 07:{n % 60:02}:00 +0100</pubDate></item>"
        for n, link in enumerate(links)
    )
    body = (
        f"<?xml version='1.0' encoding='utf-8'?><rss version='2.0'><channel><title>{title}</title>"
        f"<language>de</language>{extra}{items}</channel></rss>"
    )
    return Reply(body.encode(), type="application/rss+xml", etag=f'"feed-{abs(hash(body))}"')


def sitemap(*links: str, modified: str | None = None) -> Reply:
    """A sitemap with one URL a link."""
    stamp = f"<lastmod>{modified}</lastmod>" if modified else ""
    urls = "".join(f"<url><loc>{link}</loc>{stamp}</url>" for link in links)
    return Reply(
        f"<?xml version='1.0'?><urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>{urls}</urlset>".encode(),
        type="application/xml",
    )


@contextlib.contextmanager
def serving() -> Iterator[Server]:
    """A server that is stopped at the end."""
    server = Server()
    try:
        yield server
    finally:
        server.stop()
