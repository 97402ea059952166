"""What a run remembers of earlier ones: validators, digests, failures, when a host may be asked again."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, Protocol, TypeVar

from etl.acquire.outcomes import FAILED, SKIPPED, Outcome

Result = TypeVar("Result")
WhatKind = Literal["article", "feed", "sitemap"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What is known of one URL.

    Attributes:
        etag, last_modified: validators of the last answer, sent back as they came.
        content_sha256: of the decoded body.
        first_stored_at, stored_at: WARC-Date of the first and the last stored response.
        stored_url: its WARC-Target-URI.
        asked_at: when it was asked for last.
        failures: how often in a row it failed.
        last_outcome: what came of it.
        asked_run: the run that asked; set by the state when it keeps the page.
    """

    etag: str | None = None
    last_modified: str | None = None
    content_sha256: bytes | None = None
    first_stored_at: datetime | None = None
    stored_at: datetime | None = None
    stored_url: str | None = None
    asked_at: datetime
    failures: int = 0
    last_outcome: Outcome = "stored"
    asked_run: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One URL asked for (or left), for the log; ``page`` is what is known of it from now on, None: as before.

    ``logged`` is False for what isn't listed anywhere: the target of a redirect.
    """

    key: str
    kind: WhatKind
    url: str
    source: str
    at: datetime
    outcome: Outcome
    detail: str = ""
    status: int | None = None
    received: int | None = None
    origin: str | None = None
    page: Page | None = None
    logged: bool = True

    @property
    def failed(self) -> bool:
        """Whether it counts as a failure (a feed that robots.txt shuts out has failed as well)."""
        return self.outcome in FAILED or (self.kind != "article" and self.outcome in SKIPPED)


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteFile:
    """A robots.txt or tdmrep.json as it was had: ``status`` 200 with a body, another one, or None (unreachable)."""

    status: int | None
    body: bytes
    fetched_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceHealth:
    """How a source is doing: when it is due, what the last look at it gave."""

    name: str
    asked_at: datetime
    next_due: datetime
    failures: int = 0
    last_error: str | None = None
    found: int = 0
    stored: int = 0
    interval_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Begun:
    """A run's number, and the runs that haven't come to their end: going on beside it, or killed."""

    run: int
    beside: frozenset[int] = frozenset()
    killed: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Claim:
    """Which run may ask for a URL, and what is known of it."""

    run: int
    page: Page | None


class State(Protocol):
    """The memory behind a run. All calls come from one thread.

    Every method may raise DatabaseUnavailableError.
    """

    def begin(self) -> Begun:
        """Begin a run. It goes on until :meth:`end`; a session that is closed before was killed."""

    def going_on(self) -> frozenset[int]:
        """The runs that go on at this moment."""

    def end(self, killed: frozenset[int]) -> None:
        """The run has come to its end, and has done what these were killed over."""

    def pages(self, keys: Sequence[str]) -> dict[str, Page]:
        """What is known of these keys."""

    def claim(self, keys: Sequence[str]) -> dict[str, Claim]:
        """Take these keys for the run, as far as no other one has them, and say who has each."""

    def save(self, visits: Sequence[Visit], free: Sequence[str] = ()) -> None:
        """Keep and log visits and give their keys and those of ``free`` back, all or nothing."""

    def recovering(self, begin: bool) -> None:
        """Wait until no other run takes over what killed ones left, and keep others from it; or let them again."""

    def free_killed(self, runs: frozenset[int]) -> None:
        """Give back all that these runs had claimed."""

    def logged(self, origins: Mapping[str, str]) -> set[str]:
        """Which origins (each with its URL) the log has already."""

    def lock_host(self, host: str) -> float | None:
        """Take a host: seconds until it may be asked, or None when another run has it."""

    def unlock_host(self, host: str, wait: float, free: Sequence[str] = ()) -> None:
        """Give a host back, and these keys; it may be asked in ``wait`` seconds."""

    def site_file(self, url: str) -> SiteFile | None:
        """The copy of a robots.txt or tdmrep.json."""

    def save_site_file(self, url: str, copy: SiteFile) -> None:
        """Keep a copy."""

    def listing(self, key: str) -> bytes | None:
        """The last feed or sitemap that was had, compressed with zlib."""

    def save_listing(self, key: str, body: bytes) -> None:
        """Keep it."""

    def sources(self) -> dict[str, SourceHealth]:
        """Every source that was ever asked."""

    def save_source(self, health: SourceHealth) -> None:
        """Keep how a source is doing."""

    def position(self, name: str) -> Mapping[str, int]:
        """ccnews: how far each archive file was read (bytes; -1: to its end)."""

    def save_position(self, name: str, path: str, position: int) -> None:
        """ccnews: a file was read to here."""

    def close(self) -> None:
        """End the session; locks go with it."""


class MemoryState:
    """State that lives as long as this object: for `sources check`, which must leave nothing behind, and tests."""

    def __init__(self) -> None:
        self.known: dict[str, Page] = {}
        self.log: list[Visit] = []
        self._locks: dict[str, threading.Lock] = {}
        self._ready: dict[str, float] = {}
        self._files: dict[str, SiteFile] = {}
        self._listings: dict[str, bytes] = {}
        self._sources: dict[str, SourceHealth] = {}
        self._positions: dict[str, dict[str, int]] = {}
        self._run = 0
        self._unended: set[int] = set()

    def begin(self) -> Begun:
        killed = frozenset(self._unended)
        self._run += 1
        self._unended.add(self._run)
        return Begun(self._run, killed=killed)

    def going_on(self) -> frozenset[int]:
        return frozenset({self._run})

    def end(self, killed: frozenset[int]) -> None:
        self._unended -= {*killed, self._run}

    def claim(self, keys: Sequence[str]) -> dict[str, Claim]:
        return {key: Claim(self._run, self.known.get(key)) for key in keys}

    def recovering(self, begin: bool) -> None:
        return

    def free_killed(self, runs: frozenset[int]) -> None:
        return

    def pages(self, keys: Sequence[str]) -> dict[str, Page]:
        return {key: self.known[key] for key in keys if key in self.known}

    def save(self, visits: Sequence[Visit], free: Sequence[str] = ()) -> None:
        self.log += [replace(visit, page=None) for visit in visits if visit.logged]
        kept = {visit.key: visit.page for visit in visits if visit.page is not None}
        self.known |= {key: replace(page, asked_run=self._run) for key, page in kept.items()}

    def logged(self, origins: Mapping[str, str]) -> set[str]:
        return {visit.origin for visit in self.log if visit.origin in origins and visit.origin is not None}

    def lock_host(self, host: str) -> float | None:
        if not self._locks.setdefault(host, threading.Lock()).acquire(blocking=False):
            return None
        return max(0.0, self._ready.get(host, 0.0) - time.monotonic())

    def unlock_host(self, host: str, wait: float, free: Sequence[str] = ()) -> None:
        self._ready[host] = time.monotonic() + wait
        self._locks[host].release()

    def site_file(self, url: str) -> SiteFile | None:
        return self._files.get(url)

    def save_site_file(self, url: str, copy: SiteFile) -> None:
        self._files[url] = copy

    def listing(self, key: str) -> bytes | None:
        return self._listings.get(key)

    def save_listing(self, key: str, body: bytes) -> None:
        self._listings[key] = body

    def sources(self) -> dict[str, SourceHealth]:
        return dict(self._sources)

    def save_source(self, health: SourceHealth) -> None:
        self._sources[health.name] = health

    def position(self, name: str) -> Mapping[str, int]:
        return dict(self._positions.get(name, {}))

    def save_position(self, name: str, path: str, position: int) -> None:
        self._positions.setdefault(name, {})[path] = position

    def close(self) -> None:
        return


class StateThread:
    """A state for coroutines: its calls run one after the other in a thread of their own."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="klartext-state")

    async def _run(self, call: Callable[..., Result], *args: object) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._executor, call, *args)

    async def begin(self) -> Begun:
        return await self._run(self._state.begin)

    async def going_on(self) -> frozenset[int]:
        return await self._run(self._state.going_on)

    async def end(self, killed: frozenset[int]) -> None:
        await self._run(self._state.end, killed)

    async def pages(self, keys: Iterable[str]) -> dict[str, Page]:
        return await self._run(self._state.pages, list(keys))

    async def claim(self, keys: Iterable[str]) -> dict[str, Claim]:
        return await self._run(self._state.claim, list(keys))

    async def save(self, visits: Sequence[Visit], free: Sequence[str] = ()) -> None:
        await self._run(self._state.save, visits, free)

    async def recovering(self, begin: bool) -> None:
        await self._run(self._state.recovering, begin)

    async def free_killed(self, runs: frozenset[int]) -> None:
        await self._run(self._state.free_killed, runs)

    async def lock_host(self, host: str) -> float | None:
        return await self._run(self._state.lock_host, host)

    async def unlock_host(self, host: str, wait: float, free: Sequence[str] = ()) -> None:
        await self._run(self._state.unlock_host, host, wait, free)

    async def site_file(self, url: str) -> SiteFile | None:
        return await self._run(self._state.site_file, url)

    async def save_site_file(self, url: str, copy: SiteFile) -> None:
        await self._run(self._state.save_site_file, url, copy)

    async def listing(self, key: str) -> bytes | None:
        return await self._run(self._state.listing, key)

    async def save_listing(self, key: str, body: bytes) -> None:
        await self._run(self._state.save_listing, key, body)

    async def logged(self, origins: Mapping[str, str]) -> set[str]:
        return await self._run(self._state.logged, origins)

    async def sources(self) -> dict[str, SourceHealth]:
        return await self._run(self._state.sources)

    async def save_source(self, health: SourceHealth) -> None:
        await self._run(self._state.save_source, health)

    async def position(self, name: str) -> Mapping[str, int]:
        return await self._run(self._state.position, name)

    async def save_position(self, name: str, path: str, position: int) -> None:
        await self._run(self._state.save_position, name, path, position)

    def close(self) -> None:
        """Wait for what is under way; the state itself stays open."""
        self._executor.shutdown(wait=True)
