"""One run: what the sources list is asked for, stored, and accounted for, each URL with exactly one outcome."""

from __future__ import annotations

import asyncio
import heapq
import tempfile
import zlib
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, Literal, TypeVar

from etl.acquire.entries import Child, Entry, NoFeedError, SitemapParser, parse_feed
from etl.acquire.fetch import ACCEPT_FEED, Exchange, Fetched, Fetcher, Wish
from etl.acquire.guard import BadUrlError, Guard, Lookup, host_name, request_url, system_lookup
from etl.acquire.hosts import Host, Hosts
from etl.acquire.landing import Adopted, Landing, Note
from etl.acquire.outcomes import FAILED, SKIPPED, FetchError, Outcome
from etl.acquire.pages import opt_outs, require_page, suspect
from etl.acquire.plan import is_due, next_interval
from etl.acquire.robots import Sites, product_token
from etl.acquire.settings import AcquireSettings
from etl.acquire.sources import Source, SourcesFile
from etl.acquire.state import Begun, Page, SourceHealth, State, StateThread, Visit, WhatKind
from etl.dedupe.urlkey import url_key
from etl.errors import KlartextError, UsageError
from etl.text import strip_credentials

if TYPE_CHECKING:
    from etl.acquire import ccnews

LIVE_KINDS: Final = ("feed", "sitemap", "urls")
_FLUSH_SECONDS: Final = 0.5
_FLUSH_VISITS: Final = 100
_SPOOL_BYTES: Final = 1024 * 1024  # a listing larger than this is parsed from a temporary file
_KEPT_LISTING: Final = 8 * 1024 * 1024  # largest compressed listing that is kept for the next run
_BATCH: Final = 1000
_MAX_CHILDREN: Final = 500  # sitemaps of an index that one run looks into
_MAX_INDEX_DEPTH: Final = 3
_LASTMOD_GRAIN: Final = timedelta(days=1)  # a lastmod may name the day alone
_BELIEVED: Final = timedelta(days=1)  # how long an index is believed that a sitemap in it is unchanged
_AHEAD: Final = 64  # URLs that are claimed at once where a host is kept from request to request
_ANOTHERS: Final = timedelta(hours=1)  # what a run beside this one asked for is left alone; then the plan decides

Result = TypeVar("Result")
ListingKind = Literal["feed", "sitemap"]


@dataclass(slots=True)
class SourceReport:
    """What a run did for one source: URLs found, pages stored, entries beyond ``max_items``, what was wrong."""

    found: int = 0
    stored: int = 0
    beyond: int = 0
    error: str | None = None


@dataclass(slots=True)
class Answer:
    """What came of a run: ``outcomes`` by URL, a sentence for those that failed, and the files that landed."""

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    details: dict[str, str] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    sources: dict[str, SourceReport] = field(default_factory=dict)
    archive_files: list[str] = field(default_factory=list)
    interrupted: bool = False

    def count(self, kind: Literal["asked", "stored", "not_modified", "skipped", "failed"]) -> int:
        """How many outcomes are of a kind; ``asked`` is their sum."""
        tally = Counter(self.outcomes.values())
        if kind == "asked":
            return len(self.outcomes)
        if kind in ("skipped", "failed"):
            return sum(tally[name] for name in (SKIPPED if kind == "skipped" else FAILED))
        return tally["stored" if kind == "stored" else "not_modified"]

    def as_json(self) -> dict[str, Any]:
        """The answer of ``klartext acquire --json``."""
        return {
            "asked": self.count("asked"),
            "stored": self.count("stored"),
            "not_modified": self.count("not_modified"),
            "skipped": self.count("skipped"),
            "failed": self.count("failed"),
            "outcomes": dict(self.outcomes),
            "details": dict(self.details),
            "files": list(self.files),
            "sources": {
                name: {"found": r.found, "stored": r.stored, "beyond_max_items": r.beyond, "error": r.error}
                for name, r in self.sources.items()
            },
        }


@dataclass(slots=True)
class Item:
    """An article URL on its way."""

    entry: Entry
    source: Source
    url: str  # as it is asked for
    key: str
    page: Page | None
    holding: int = 0  # the host's lock under which it was claimed and ``page`` was read
    taken: str | None = None  # why it isn't asked for: another run does
    targets: list[str] = field(default_factory=list)  # keys that redirects led to, claimed as well


def choose(config: SourcesFile, only: Sequence[str] = ()) -> list[Source]:
    """The sources that a run looks at: those named, else all that are enabled.

    Raises:
        UsageError: a name is in no ``[[source]]``.
    """
    names = {source.name for source in config.source}
    for name in only:
        if name not in names:
            raise UsageError(
                f"there is no source {name!r}",
                fix="the file has " + (", ".join(sorted(names)) or "none") + "; `klartext sources list` shows them",
            )
    if only:
        return [source for source in config.source if source.name in only]
    return [source for source in config.source if source.enabled]


def guard_for(config: SourcesFile, settings: AcquireSettings) -> Guard:
    """The address guard: what the environment allows, else what the sources file does."""
    return Guard(config.allow_private if settings.allow_private is None else settings.allow_private)


class Run:
    """Acquires once. Make a new one for each run.

    Args:
        config: the sources file; its ``allow_private`` and ``user_agent`` count.
        sources: which of its sources to look at.
        landing: root of the landing zone, a path or fsspec URL.
        settings: limits.
        state: what earlier runs left; the caller closes it.
        spool: local folder for files on their way to a landing zone that is a URL.
        day: only this UTC day; sources that can't be asked for a past day are left out.
        lookup: resolves names.
        watch: is told each outcome as it comes: URL, outcome, detail.
    """

    def __init__(
        self,
        config: SourcesFile,
        sources: Sequence[Source],
        *,
        landing: str | Path,
        settings: AcquireSettings,
        state: State,
        spool: Path,
        day: date | None = None,
        lookup: Lookup = system_lookup,
        watch: Callable[[str, Outcome, str], None] | None = None,
    ) -> None:
        self._config = config
        self._day = day
        kinds = ("ccnews",) if day is not None else (*LIVE_KINDS, "ccnews")
        self._sources = [source for source in sources if source.kind in kinds]
        self._settings = settings
        self._watch = watch
        self._state = StateThread(state)
        self._landing = Landing(landing, agent=settings.agent, largest=settings.warc_bytes, spool=spool)
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="klartext-landing")
        # libxml2 keeps a dictionary of names for each thread: a parser that is fed from several threads frees what
        # isn't its own and takes the process down. So one thread does all of it.
        self._xml = ThreadPoolExecutor(1, thread_name_prefix="klartext-xml")
        self._hosts = Hosts(
            self._state,
            slots=settings.concurrency,
            patience=max(settings.max_retry_after, settings.max_crawl_delay, *(s.delay for s in self._sources), 0),
            before_release=self._before_release,
        )
        logins = [url for source in self._sources for url in source.all_urls]
        self._fetcher = Fetcher(settings, guard_for(config, settings), self._hosts, login_urls=logins, lookup=lookup)
        self._sites = Sites(self._fetcher, self._state, settings)
        self._answer = Answer()
        self._begun = Begun(0)
        self._claimed: dict[str, str] = {}  # key to the URL that stands for it in this run
        self._ahead: dict[str, dict[str, Item]] = {}  # by host and key: claimed, and not asked for yet
        self._free: list[str] = []  # keys to give back
        self._recovering = asyncio.Lock()
        self._queues: dict[str, deque[Item]] = {}
        self._items: dict[str, Item] = {}  # without an outcome yet
        self._tasks: set[asyncio.Task[Any]] = set()
        self._critical: set[asyncio.Future[Any]] = set()
        self._visits: list[Visit] = []
        self._flushing = asyncio.Lock()
        self._source_slots: dict[str, asyncio.Semaphore] = {}
        self._exhausted: dict[str, float] = {}  # hosts whose crawl-delay is too long for a second request
        self._fatal: BaseException | None = None
        self._halt = asyncio.Event()
        self._started = datetime.now(UTC)

    # -- the whole -------------------------------------------------------------------------------------------------

    async def run(self, stop: asyncio.Event | None = None) -> Answer:
        """Ask for everything that is due.

        Args:
            stop: when it is set the run ends early: what isn't fetched yet is deferred, the files are completed.

        Raises:
            DatabaseUnavailableError: the state can't be reached; files keep their temporary names, so that the next
                run takes over what they hold.
            LandingError: the landing zone can't be written; what is finished stays.
        """
        health = await self._state.sources()
        try:
            self._begun = await self._state.begin()
            self._landing.run = self._begun.run
            await self._take_over(self._begun.killed)
            async with AsyncExitStack() as stack:
                await stack.enter_async_context(self._fetcher)
                ticker = asyncio.create_task(self._tick())
                stopper = asyncio.create_task(self._stop_when(stop)) if stop is not None else None
                try:
                    for source in self._sources:
                        self._answer.sources[source.name] = SourceReport()
                        if source.concurrency is not None:
                            self._source_slots[source.name] = asyncio.Semaphore(source.concurrency)
                        self._spawn(self._look(source))
                    await self._drain()
                finally:
                    ticker.cancel()
                    if stopper is not None:
                        stopper.cancel()
                    await asyncio.gather(ticker, *([stopper] if stopper else []), return_exceptions=True)
                    await self._cancel_all()
            self._answer.interrupted = stop is not None and stop.is_set()
            await self._finish(health)
        finally:
            self._landing.abandon()  # what _finish completed is no longer among them
            self._disk.shutdown(wait=True)
            self._xml.shutdown(wait=True)
            self._state.close()
        return self._answer

    def _spawn(self, work: Awaitable[None]) -> None:
        async def guarded() -> None:
            try:
                await work
            except asyncio.CancelledError:
                raise
            except BaseException as error:
                if self._fatal is None:
                    self._fatal = error
                self._halt.set()

        task = asyncio.ensure_future(guarded())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _drain(self) -> None:
        """Wait until nothing is left to do, or there is a reason to stop."""
        halted = asyncio.create_task(self._halt.wait())
        try:
            while self._tasks and not self._halt.is_set():
                await asyncio.wait({halted, *self._tasks}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            halted.cancel()

    async def _stop_when(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._halt.set()

    async def _cancel_all(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*self._critical, return_exceptions=True)

    async def _finish(self, health: dict[str, SourceHealth]) -> None:
        """Account for what was left, keep the state, complete the files; then tell what went wrong."""
        reason = "interrupted" if self._fatal is None else f"the run stopped: {_brief(self._fatal)}"
        for item in list(self._items.values()):
            self._settle(item, "deferred", reason)
        try:
            await self._flush()
            await self._hosts.close()
            await self._complete()
            for source in self._sources:
                if not self._halt.is_set():
                    await self._state.save_source(self._health(source, health.get(source.name)))
            if self._fatal is None:
                await self._state.end(frozenset() if self._halt.is_set() else self._begun.killed)
        except KlartextError as error:
            self._fatal = self._fatal or error
        self._answer.files = [*self._landing.files, *self._answer.archive_files]
        if self._fatal is not None:
            raise self._fatal

    def _health(self, source: Source, before: SourceHealth | None) -> SourceHealth:
        report = self._answer.sources[source.name]
        interval = next_interval(
            source.every, before.interval_seconds if before is not None else 0.0, bool(report.stored or report.beyond)
        )
        return SourceHealth(
            name=source.name,
            asked_at=self._started,
            next_due=self._started + timedelta(seconds=interval),
            failures=(before.failures if before is not None else 0) + 1 if report.error else 0,
            last_error=report.error,
            found=report.found,
            stored=report.stored,
            interval_seconds=interval,
        )

    async def _on_xml(self, call: Callable[..., Result], *args: Any) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._xml, call, *args)

    async def _on_disk(self, call: Callable[..., Result], *args: Any) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._disk, call, *args)

    async def _complete(self, *, only_full: bool = False) -> None:
        await self._on_disk(partial(self._landing.finish, only_full=only_full))

    # -- state -----------------------------------------------------------------------------------------------------

    async def _tick(self) -> None:
        try:
            while True:
                await asyncio.sleep(_FLUSH_SECONDS)
                await self._flush()
                if self._landing.full_files():
                    await self._flush()
                    await self._complete(only_full=True)
        except KlartextError as error:
            self._fatal = self._fatal or error
            self._halt.set()

    async def _flush(self) -> None:
        """Keep and log what is known up to now."""
        async with self._flushing:
            visits, self._visits = self._visits, []
            free, self._free = self._free, []
            if visits or free:
                await self._state.save(visits, free)

    async def _before_release(self, host: Host) -> list[str]:
        """Before another run may ask a host: keep what came of it, and give back what wasn't asked for."""
        ahead = self._ahead.pop(host.name, {})
        await self._flush()
        return list(ahead)

    async def _take_over(self, killed: frozenset[int]) -> None:
        """Take over what killed runs stored, and free what they had claimed. One run at a time does so."""
        loop = asyncio.get_running_loop()

        def adopt(pages: list[Adopted]) -> None:
            asyncio.run_coroutine_threadsafe(self._adopt(pages), loop).result()

        async with self._recovering:
            await self._state.recovering(True)
            try:
                await self._on_disk(self._landing.recover, adopt, killed)
                await self._state.free_killed(killed)
            finally:
                await self._state.recovering(False)

    async def _adopt(self, pages: list[Adopted]) -> None:
        known = await self._state.pages([_key(page.requested) for page in pages])
        logged = await self._state.logged({page.origin: page.requested for page in pages})
        visits = []
        for page in pages:
            before = known.get(_key(page.requested))
            after = Page(
                etag=page.etag,
                last_modified=page.last_modified,
                content_sha256=page.content_sha256,
                first_stored_at=(before.first_stored_at if before is not None else None) or page.at,
                stored_at=page.at,
                stored_url=page.url,
                asked_at=page.at,
                last_outcome="stored",
            )
            visit = Visit(
                key=_key(page.requested),
                kind="article",
                url=page.requested,
                source=page.source,
                at=page.at,
                outcome="stored",
                detail="taken over from a run that was killed",
                status=page.status,
                received=page.received,
                origin=page.origin,
                page=after,
            )
            if page.origin not in logged:
                visits.append(visit)
                if (target := _key(page.url)) != visit.key:
                    visits.append(replace(visit, key=target, logged=False))
        await self._state.save(visits)

    # -- sources ---------------------------------------------------------------------------------------------------

    def _agent(self, source: Source) -> str:
        return source.user_agent or self._config.user_agent or self._settings.agent

    async def _look(self, source: Source) -> None:
        """Find what a source lists and queue it."""
        room = _Room(source.limit)
        if source.kind == "urls":
            await self._offer(source, _url_entries(source), room)
        elif source.kind == "ccnews":
            await self._archive(source, room)
        else:
            for url in source.all_urls:
                try:
                    if source.kind == "feed":
                        await self._feed(source, url, room)
                    else:
                        await self._sitemap(source, url, room)
                except FetchError as error:
                    self._listing_failed(source, url, error)
        self._answer.sources[source.name].beyond = room.beyond

    def _listing_failed(self, source: Source, url: str, error: FetchError) -> None:
        shown = strip_credentials(url)
        report = self._answer.sources[source.name]
        report.error = report.error or f"{shown}: {error.outcome}: {error.detail}"
        self._tell(shown, error.outcome, error.detail)

    async def _listing(
        self, source: Source, url: str, kind: ListingKind, changed: datetime | None = None
    ) -> tuple[IO[bytes], str, Any]:
        """The decoded body of a feed or sitemap, the URL that answered and its content type.

        When the server says that it is unchanged, the copy of the last run is used: what it lists may still be due.
        So is the copy of a sitemap that hasn't changed since by its index (``changed``), without asking; but once a
        day it is asked for all the same.

        Raises:
            FetchError: it can't be had.
        """
        key = f"{kind}:{strip_credentials(url)}"
        agent = self._agent(source)
        known: Page | None = None
        kept: bytes | None = None
        body: IO[bytes] = tempfile.SpooledTemporaryFile(_SPOOL_BYTES)  # noqa: SIM115 - the caller closes it

        def sink() -> Callable[[bytes], object]:
            body.seek(0)
            body.truncate()
            return body.write

        def use_kept() -> None:
            body.seek(0)
            body.truncate()
            body.write(zlib.decompress(kept or b""))

        async def before(_: Host) -> None:
            """In the host's turn: what another run has had of it meanwhile is known."""
            nonlocal known, kept
            known = (await self._state.pages([key])).get(key)
            kept = await self._state.listing(key) if known is not None and not known.failures else None
            if known is not None and kept is not None:
                unchanged = changed is not None and changed + _LASTMOD_GRAIN < known.asked_at
                fresh = datetime.now(UTC) - known.asked_at < _BELIEVED
                if (unchanged and fresh) or self._another(known) is not None:
                    raise _KeptError(known.stored_url or url)
                wish.headers = _validators(known)

        async def done(fetched: Fetched) -> None:
            answer = fetched.answer
            page = replace(known or Page(asked_at=answer.at), asked_at=answer.at, failures=0,
                           last_outcome="not_modified", stored_url=answer.url)  # fmt: skip
            if answer.status == 304 and kept is not None:
                use_kept()
            else:
                packed = await asyncio.to_thread(_pack, body)
                page = replace(page, last_outcome="stored", stored_at=answer.at, content_sha256=answer.content_sha256)
                if len(packed) <= _KEPT_LISTING:
                    await self._state.save_listing(key, packed)
                    page = replace(page, etag=answer.header("ETag"), last_modified=answer.header("Last-Modified"))
                else:
                    page = replace(page, etag=None, last_modified=None)
            self._visits.append(
                Visit(key=key, kind=kind, url=strip_credentials(url), source=source.name, at=answer.at,
                      outcome=page.last_outcome, status=answer.status, received=answer.received, page=page)
            )  # fmt: skip

        wish = Wish(
            delay=source.delay,
            agent=agent,
            accept=ACCEPT_FEED,
            limit=self._settings.max_feed_bytes,
            sink=sink,
            allowed=partial(self._allowed, source=source),
            before=before,
            done=done,
        )
        try:
            answer = (await self._fetcher.fetch(url, wish)).answer
        except _KeptError as other:
            use_kept()
            body.seek(0)
            return body, other.url, None
        except FetchError as error:
            page = _failed_page(known, error, self._started) if error.outcome in FAILED else None
            self._log(key, kind, url, source, error, page=page)
            raise
        body.seek(0)
        return body, answer.url, answer.header("Content-Type")

    def _bad_listing(self, source: Source, url: str, kind: ListingKind, error: NoFeedError) -> None:
        """A body that is no feed: its validators are forgotten, so that it is read anew."""
        key = f"{kind}:{strip_credentials(url)}"
        page = Page(asked_at=datetime.now(UTC), failures=1, last_outcome="wrong_type")
        wrong = FetchError("wrong_type", str(error), status=200)
        self._log(key, kind, url, source, wrong, page=page)
        raise wrong from None

    async def _feed(self, source: Source, url: str, room: _Room) -> None:
        body, answered, content_type = await self._listing(source, url, "feed")
        with body:
            data = await asyncio.to_thread(body.read)
        try:
            entries = await self._on_xml(parse_feed, data, answered, content_type)
        except NoFeedError as error:
            self._bad_listing(source, url, "feed", error)
        else:
            await self._offer(source, entries, room)

    async def _sitemap(self, source: Source, url: str, room: _Room) -> None:
        """A sitemap, or an index and the sitemaps in it, newest first, until there is enough to ask for."""
        waiting: list[tuple[float, int, Child, int]] = [(float("-inf"), 0, Child(url, None), 0)]
        oldest = None if source.max_age is None else datetime.now(UTC) - source.max_age - _LASTMOD_GRAIN
        seen = {url}
        looked = 0
        while waiting and room.left > 0 and looked < _MAX_CHILDREN:
            _, _, current, depth = heapq.heappop(waiting)
            looked += 1
            children: list[Child] = []
            try:
                await self._one_sitemap(source, current, room, children.append)
            except FetchError as error:
                if current.url == url:
                    raise
                self._listing_failed(source, current.url, error)
            if depth >= _MAX_INDEX_DEPTH:
                continue
            for child in children:
                if child.url in seen or (oldest is not None and child.changed is not None and child.changed < oldest):
                    continue  # what hasn't changed for so long lists nothing newer
                seen.add(child.url)
                newest = -child.changed.timestamp() if child.changed is not None else 0.0
                heapq.heappush(waiting, (newest, len(seen), child, depth + 1))
        if waiting:
            room.beyond += 1

    async def _one_sitemap(
        self, source: Source, child: Child, room: _Room, on_child: Callable[[Child], None]
    ) -> None:
        url = child.url
        body, answered, _ = await self._listing(source, url, "sitemap", child.changed)
        newest = _Newest(room.left)
        entries: list[Entry] = []
        parser = SitemapParser(answered, entries.append, on_child)
        try:
            with body:
                while chunk := await asyncio.to_thread(body.read, 1 << 16):
                    await self._on_xml(parser.feed, chunk)
                    if len(entries) >= _BATCH:
                        newest.add(await self._wanted(source, entries, quiet=True))
                        entries.clear()
                await self._on_xml(parser.close)
        except NoFeedError as error:
            self._bad_listing(source, url, "sitemap", error)
        finally:
            await self._on_xml(parser.release)
        newest.add(await self._wanted(source, entries, quiet=True))
        room.beyond += newest.dropped
        for item in newest.items():
            room.left -= 1
            self._enqueue(item)
        if parser.problem is not None:
            report = self._answer.sources[source.name]
            report.error = report.error or f"{strip_credentials(url)}: {parser.problem}; read up to there"

    async def _archive(self, source: Source, room: _Room) -> None:
        """CC-NEWS: read the days' files on from where earlier runs stopped, and store what passes the filters."""
        from etl.acquire import ccnews

        agent = self._agent(source)
        archive = ccnews.archive_for(source, self._fetcher, self._sites, agent)
        first, last = ccnews.days_of(source, self._day, self._started.date())
        landing = self._landing.beside(redo=True)
        current = ccnews.base_of(source)
        try:
            known = await self._state.position(source.name)
            async for path in ccnews.files_of(archive, first, last):
                current = f"{ccnews.base_of(source).rstrip('/')}/{path}"
                if known.get(path, 0) < 0:
                    continue
                if room.left <= 0:
                    room.beyond += 1
                    return
                lock = f"archive {source.name} {path}"
                if await self._state.lock_host(lock) is None:
                    room.beyond += 1  # another run reads this file
                    continue
                try:
                    await self._archive_file(source, archive, path, landing, room)
                finally:
                    await self._state.unlock_host(lock, 0.0)
        except FetchError as error:
            shown = strip_credentials(current)
            self._log(shown, "feed", shown, source, error)
            self._listing_failed(source, shown, error)
        finally:
            landing.abandon()

    async def _archive_file(
        self, source: Source, archive: ccnews.Bytes, path: str, landing: Landing, room: _Room
    ) -> None:
        """Read one file of an archive on from where it was left, to its end or until there is no room."""
        from etl.acquire import ccnews

        report = self._answer.sources[source.name]
        position = (await self._state.position(source.name)).get(path, 0)
        while position >= 0:
            if room.left <= 0:
                room.beyond += 1
                return
            result = await ccnews.read_stretch(
                archive, path, position, source, landing,
                largest=self._settings.max_bytes, room=room.left,
            )  # fmt: skip
            report.found += result.seen
            report.stored += len(result.stored)
            room.left -= len(result.stored)
            for url, at, origin, size in result.stored:
                self._from_archive(source, url, at, origin, size)
            await self._flush()
            position = result.position
            await self._state.save_position(source.name, path, position)
            self._answer.archive_files += landing.files
            landing.files.clear()

    def _from_archive(self, source: Source, url: str, at: datetime, origin: str, size: int) -> None:
        if url in self._answer.outcomes:
            return  # a later capture of the same page
        self._visits.append(
            Visit(key=_key(url), kind="article", url=url, source=source.name, at=datetime.now(UTC),
                  outcome="stored", detail=f"captured {at.isoformat(timespec='seconds')}", status=200, received=size,
                  origin=origin)
        )  # fmt: skip
        self._tell(url, "stored", "")

    # -- entries ---------------------------------------------------------------------------------------------------

    async def _offer(self, source: Source, entries: Iterable[Entry], room: _Room) -> None:
        """Queue entries as far as there is room."""
        batch: list[Entry] = []

        async def take() -> None:
            for item in await self._wanted(source, batch, quiet=False):
                if room.left > 0:
                    room.left -= 1
                    self._enqueue(item)
                else:
                    room.beyond += 1
            batch.clear()

        for entry in entries:
            batch.append(entry)
            if len(batch) >= _BATCH:
                await take()
        await take()

    async def _wanted(self, source: Source, entries: Sequence[Entry], *, quiet: bool) -> list[Item]:
        """The entries that are to be asked for; the others get their outcome.

        Args:
            source: where they stand.
            entries: a batch.
            quiet: don't answer for entries that are known and not due (a sitemap lists all that ever was).
        """
        report = self._answer.sources[source.name]
        now = datetime.now(UTC)
        items: list[Item] = []
        for entry in entries:
            report.found += 1
            if entry.url in self._answer.outcomes or entry.url in self._items:
                continue
            if source.max_age is not None and entry.changed is not None and now - entry.changed > source.max_age:
                continue
            try:
                url = request_url(entry.url)
            except BadUrlError as error:
                self._refuse(source, entry, "unsafe_address", str(error))
                continue
            reason = source.excluded_by(entry.url)
            if reason is not None:
                self._refuse(source, entry, "excluded", reason)
                continue
            items.append(Item(_with_source_hints(entry, source), source, url, _key(url), None))
        known = await self._state.pages([item.key for item in items])
        wanted: list[Item] = []
        for item in items:
            item.page = known.get(item.key)
            if item.entry.url in self._answer.outcomes or item.entry.url in self._items:
                continue
            other = self._another(item.page) if item.key not in self._claimed else None
            if other is not None:
                if not quiet:
                    self._tell(item.entry.url, "deferred", other)
            elif is_due(item.page, item.entry.changed, now, self._settings):
                wanted.append(item)
            elif not quiet:
                self._tell(item.entry.url, "deferred", "known, and not due yet")
        return wanted

    def _refuse(self, source: Source, entry: Entry, outcome: Outcome, detail: str) -> None:
        self._log(entry.url, "article", entry.url, source, FetchError(outcome, detail))
        self._tell(entry.url, outcome, detail)

    def _enqueue(self, item: Item) -> None:
        url = item.entry.url
        if url in self._items or url in self._answer.outcomes:
            return
        claimed = self._claimed.setdefault(item.key, url)
        if claimed != url:
            self._refuse(item.source, item.entry, "duplicate", f"the same page as {claimed}")
            return
        self._items[url] = item
        name = host_name(item.url)
        queue = self._queues.get(name)
        if queue is None:
            self._queues[name] = deque([item])
            self._spawn(self._work(name))
        else:
            queue.append(item)

    # -- pages -----------------------------------------------------------------------------------------------------

    async def _work(self, name: str) -> None:
        """Ask one host for one page after the other."""
        queue = self._queues[name]
        while queue:
            item = queue.popleft()
            slots = self._source_slots.get(item.source.name)
            try:
                if slots is None:
                    await self._page(item, queue)
                else:
                    async with slots:
                        await self._page(item, queue)
            except FetchError as error:
                self._failed(item, error)
        del self._queues[name]

    async def _delay(self, url: str, source: Source) -> float:
        """Seconds between requests: what the source says, or more if robots.txt asks for more."""
        rules = await self._sites.rules(url, self._agent(source), source.delay)
        return max(source.delay, rules.crawl_delay)

    async def _allowed(self, url: str, *, source: Source, item: Item | None = None) -> None:
        """robots.txt has its say about each hop; a page that another item asks for isn't asked for twice."""
        await self._sites.check(url, self._agent(source), source.delay)
        if item is None or url == item.url:
            return
        key = _key(url)
        claimed = self._claimed.setdefault(key, item.entry.url)
        if claimed != item.entry.url:
            raise FetchError("duplicate", f"redirects to {url}, which is asked for as {claimed}")
        if key != item.key and key not in item.targets:
            _, taken = (await self._claims([key]))[key]
            if taken is not None:
                raise FetchError("deferred", f"redirects to {url}; {taken}")
            item.targets.append(key)

    async def _page(self, item: Item, queue: deque[Item]) -> None:
        source, agent = item.source, self._agent(item.source)
        name = host_name(item.url)
        if name in self._exhausted:
            pause = self._exhausted[name]
            raise FetchError("deferred", f"robots.txt asks for {pause:g} s between requests: one a run")
        delay = await self._delay(item.url, source)
        patient = delay <= self._settings.max_crawl_delay
        reserved = patient and await self._sites.tdm_reserved(item.url, agent, delay)

        async def before(host: Host) -> None:
            if item.holding != host.holding:
                await self._claim(item, queue, host)
            self._ahead.get(host.name, {}).pop(item.key, None)
            if item.taken is not None:
                raise FetchError("deferred", item.taken)
            if not patient:
                self._exhausted[name] = delay
            wish.headers = _validators(item.page) if item.page is not None and item.page.stored_at else {}

        async def done(fetched: Fetched) -> None:
            critical = asyncio.ensure_future(self._store(item, fetched, reserved))
            self._critical.add(critical)
            critical.add_done_callback(self._critical.discard)
            await asyncio.shield(critical)

        wish = Wish(
            delay=delay,
            agent=agent,
            limit=self._settings.max_bytes,
            judge=require_page,
            keep=True,
            ready=True,
            allowed=partial(self._allowed, source=source, item=item),
            before=before,
            done=done,
        )
        await self._fetcher.fetch(item.url, wish)

    def _another(self, page: Page | None) -> str | None:
        """Why a page that is known isn't asked for: a run beside this one did so, or one that was killed."""
        if page is None or page.asked_run is None:
            return None
        begun = self._begun
        if datetime.now(UTC) - page.asked_at > _ANOTHERS:
            return None
        if page.asked_run in begun.beside or page.asked_run > begun.run:
            return "another run asked for it"
        if (page.asked_run == begun.run or page.asked_run in begun.killed) and not page.failures:
            return "a run that was killed had asked for it"
        return None

    async def _claim(self, item: Item, queue: deque[Item], host: Host) -> None:
        """Take this URL and, where the host is kept, the next ones, so that no other run asks for them."""
        items = [item]
        if host.kept:
            items += [queue[n] for n in range(min(len(queue), _AHEAD))]
        found = await self._claims([one.key for one in items])
        ahead = self._ahead.setdefault(host.name, {})
        for one in items:
            one.page, one.taken = found[one.key]
            one.holding = host.holding
            if one is not item:
                ahead[one.key] = one

    async def _claims(self, keys: list[str]) -> dict[str, tuple[Page | None, str | None]]:
        """For each key what is known, and why this run may not ask for it."""
        claims = await self._state.claim(keys)
        holders = {claim.run for claim in claims.values()} - {self._begun.run}
        if holders:
            killed = frozenset(holders - await self._state.going_on())
            if killed:
                await self._take_over(killed)
                claims = await self._state.claim(keys)
        mine = self._begun.run
        return {
            key: (claim.page, self._another(claim.page) if claim.run == mine else "another run asks for it")
            for key, claim in claims.items()
        }

    async def _store(self, item: Item, fetched: Fetched, reserved: bool) -> None:
        """Bring an answer to the landing zone and account for it."""
        answer = fetched.answer
        known = item.page
        product = product_token(self._agent(item.source))
        page = replace(known or Page(asked_at=answer.at), asked_at=answer.at, failures=0)
        found = set(opt_outs(answer, product)) | ({"tdm-reservation"} if reserved else set())
        note = Note(
            source=item.source.name,
            hints=item.entry.hints,
            opt_outs=tuple(sorted(found)),
            suspect=suspect(item.url, answer),
            requested=item.url,
        )
        same = (
            known is not None and known.content_sha256 is not None and known.content_sha256 == answer.content_sha256
        )
        if known is not None and known.stored_at is not None and (answer.status == 304 or same):
            detail = "status 304" if answer.status == 304 else "the same payload as before"
            etag, modified = _fresh_validators(answer, page)
            page = replace(page, last_outcome="not_modified", etag=etag, last_modified=modified)
            await self._on_disk(self._landing.revisit, answer, note, known.stored_url or answer.url, known.stored_at)
            self._settle(item, "not_modified", detail, answer=answer, page=page)
            return
        if answer.status == 304:
            raise FetchError("connection_error", "status 304 to a request without conditions", status=304)
        if note.opt_outs and self._settings.opt_outs == "skip":
            self._settle(item, "excluded", f"opts out: {', '.join(note.opt_outs)}", answer=answer)
            return
        origin = await self._on_disk(self._landing.page, fetched.redirects, answer, note)
        page = replace(
            page,
            etag=answer.header("ETag"),
            last_modified=answer.header("Last-Modified"),
            content_sha256=answer.content_sha256,
            first_stored_at=page.first_stored_at or answer.at,
            stored_at=answer.at,
            stored_url=answer.url,
            last_outcome="stored",
        )
        self._answer.sources[item.source.name].stored += 1
        self._settle(item, "stored", f"suspect: {note.suspect}" if note.suspect else "", answer=answer, page=page,
                     origin=origin)  # fmt: skip

    def _failed(self, item: Item, error: FetchError) -> None:
        page = _failed_page(item.page, error, self._started) if error.outcome in FAILED else None
        self._settle(item, error.outcome, error.detail, page=page, status=error.status, received=error.received)

    def _settle(
        self,
        item: Item,
        outcome: Outcome,
        detail: str,
        *,
        answer: Exchange | None = None,
        page: Page | None = None,
        origin: str | None = None,
        status: int | None = None,
        received: int | None = None,
    ) -> None:
        """Give an item its one outcome."""
        if self._items.pop(item.entry.url, None) is None:
            return
        visit = Visit(
            key=item.key,
            kind="article",
            url=item.entry.url,
            source=item.source.name,
            at=answer.at if answer is not None else datetime.now(UTC),
            outcome=outcome,
            detail=detail,
            status=answer.status if answer is not None else status,
            received=answer.received if answer is not None else received or None,
            origin=origin,
            page=page,
        )
        self._visits.append(visit)
        if answer is not None and page is not None:  # the page is known under the URL that it moved to as well
            self._visits += [replace(visit, key=key, logged=False) for key in item.targets]
        self._free += item.targets
        item.page = page or item.page
        self._tell(item.entry.url, outcome, detail)

    def _log(
        self,
        key: str,
        kind: WhatKind,
        url: str,
        source: Source,
        error: FetchError,
        *,
        page: Page | None = None,
    ) -> None:
        self._visits.append(
            Visit(
                key=key,
                kind=kind,
                url=strip_credentials(url),
                source=source.name,
                at=datetime.now(UTC),
                outcome=error.outcome,
                detail=error.detail,
                status=error.status,
                received=error.received or None,
                page=page,
            )
        )

    def _tell(self, url: str, outcome: Outcome, detail: str) -> None:
        self._answer.outcomes[url] = outcome
        if detail and outcome not in ("stored", "not_modified"):
            self._answer.details[url] = detail
        if self._watch is not None:
            self._watch(url, outcome, detail)


@dataclass(slots=True)
class _Room:
    """How many more articles a source may ask for, and how many it didn't."""

    left: int
    beyond: int = 0


class _KeptError(Exception):
    """A listing that needn't be asked for: the copy is used.

    Args:
        url: that answered.
    """

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.url = url


class _Newest:
    """Keeps the newest items, in bounded memory."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._heap: list[tuple[float, int, Item]] = []
        self._count = 0
        self.dropped = 0

    def add(self, items: Iterable[Item]) -> None:
        for item in items:
            self._count += 1
            changed = item.entry.changed.timestamp() if item.entry.changed is not None else float("-inf")
            entry = (changed, -self._count, item)
            if len(self._heap) < self._size:
                heapq.heappush(self._heap, entry)
            else:
                heapq.heappushpop(self._heap, entry)
                self.dropped += 1

    def items(self) -> list[Item]:
        return [item for _, _, item in sorted(self._heap, key=lambda entry: entry[:2], reverse=True)]


def _key(url: str) -> str:
    """What a URL is known under: its URL key, or itself when it has none."""
    try:
        return url_key(url)
    except ValueError:
        return url


def _validators(page: Page) -> dict[str, str]:
    headers = {}
    if page.etag:
        headers["If-None-Match"] = page.etag
    if page.last_modified:
        headers["If-Modified-Since"] = page.last_modified
    return headers


def _failed_page(known: Page | None, error: FetchError, started: datetime) -> Page:
    """What is known of a URL after it failed."""
    before = known or Page(asked_at=started)
    return replace(before, asked_at=datetime.now(UTC), failures=before.failures + 1, last_outcome=error.outcome)


def _fresh_validators(answer: Exchange, page: Page) -> tuple[str | None, str | None]:
    """ETag and Last-Modified from now on: a 304 may bring new ones; without, the old ones stay."""
    etag, modified = answer.header("ETag"), answer.header("Last-Modified")
    return (etag, modified) if answer.status == 200 else (etag or page.etag, modified or page.last_modified)


def _with_source_hints(entry: Entry, source: Source) -> Entry:
    hints = dict(entry.hints)
    if source.language:
        hints.setdefault("language", source.language)
    if source.country:
        hints["country"] = source.country
    return replace(entry, url=strip_credentials(entry.url), hints=hints)


def _url_entries(source: Source) -> Iterable[Entry]:
    """The URLs of a ``urls`` source: those in the file, then those of its list file.

    Raises:
        UsageError: the list file can't be read.
    """
    for url in source.all_urls:
        yield Entry(url=strip_credentials(url.strip()))
    if source.path is None:
        return
    try:
        with Path(source.path).open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                text = line.strip()
                if text and not text.startswith("#"):
                    yield Entry(url=strip_credentials(text))
    except OSError as error:
        raise UsageError(
            f"source {source.name}: the list {source.path} can't be read: {error.strerror}",
            fix="write one URL a line there, or correct 'path'",
        ) from None


def _pack(body: IO[bytes]) -> bytes:
    """A listing, compressed for the next run."""
    body.seek(0)
    packer = zlib.compressobj(6)
    parts = []
    while chunk := body.read(1 << 18):
        parts.append(packer.compress(chunk))
    return b"".join([*parts, packer.flush()])


def _brief(error: BaseException) -> str:
    return error.message if isinstance(error, KlartextError) else type(error).__name__
