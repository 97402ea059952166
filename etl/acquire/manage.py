"""Help with ``sources.toml``: find a site's feeds and sitemaps, test sources, show how they are doing."""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urljoin

import tomlkit
from lxml import etree, html

from etl.acquire.entries import Child, Entry, NoFeedError, SitemapParser, parse_feed
from etl.acquire.fetch import ACCEPT_FEED, ACCEPT_PAGE, Fetcher, Wish
from etl.acquire.guard import BadUrlError, host_name, origin, request_url
from etl.acquire.hosts import Host, Hosts
from etl.acquire.outcomes import FetchError, Outcome
from etl.acquire.postgres_state import PostgresState
from etl.acquire.robots import Sites
from etl.acquire.run import Answer, Run, guard_for
from etl.acquire.settings import AcquireSettings, read_acquire_settings
from etl.acquire.sources import Source, SourcesFile, folder_paths, load_config
from etl.acquire.state import MemoryState, StateThread
from etl.database import Target
from etl.errors import UsageError
from etl.text import strip_credentials

_DELAY: Final = 1.0
_FEED_TYPES: Final = ("application/rss+xml", "application/atom+xml", "application/rdf+xml", "application/feed+json")
_WELL_KNOWN: Final = ("/feed", "/rss", "/feed.xml", "/rss.xml", "/atom.xml", "/index.xml", "/feeds/posts/default")
_WELL_KNOWN_SITEMAPS: Final = ("/sitemap.xml", "/sitemap_index.xml", "/news-sitemap.xml", "/sitemap-news.xml")
_MOST_SITEMAPS: Final = 5

FIXES: Final[dict[str, str]] = {
    "robots_denied": "the publisher doesn't want it fetched; choose another feed, or ask the publisher",
    "http_4xx": "the URL is wrong or needs a login; `klartext sources add SITE` looks for the right one",
    "gone": "it was taken down; `klartext sources add SITE` looks for its successor",
    "wrong_type": "this is no feed or sitemap; `klartext sources add SITE` looks for one",
    "unsafe_address": "set allow_private (top of the file) if this is an intranet of yours",
    "dns_error": "check the spelling of the host",
    "tls_error": "the publisher's certificate isn't valid; try again later, or http://",
    "timeout": "try again later, or raise KLARTEXT_ACQUIRE_TOTAL_TIMEOUT",
    "too_large": "raise KLARTEXT_ACQUIRE_MAX_FEED_BYTES or KLARTEXT_ACQUIRE_MAX_BYTES",
    "deferred": "the server asked to be left alone for a while; try again later",
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A feed or sitemap that was found, how many entries it has, and where it was found."""

    kind: Literal["feed", "sitemap"]
    url: str
    entries: int
    where: str


@asynccontextmanager
async def _client(config: SourcesFile, settings: AcquireSettings) -> AsyncIterator[tuple[Fetcher, Sites]]:
    """A client that remembers nothing afterwards."""
    state = StateThread(MemoryState())

    async def nothing(_: Host) -> tuple[str, ...]:
        return ()

    hosts = Hosts(state, slots=4, patience=settings.max_retry_after, before_release=nothing)
    fetcher = Fetcher(settings, guard_for(config, settings), hosts)
    try:
        async with fetcher:
            yield fetcher, Sites(fetcher, state, settings)
        await hosts.close()
    finally:
        state.close()


def discover(config: SourcesFile, url: str, settings: AcquireSettings | None = None) -> list[Candidate]:
    """Feeds, then sitemaps, of a site: what its page links, what robots.txt names, and well-known places.

    Raises:
        UsageError: the URL is none, or nothing answers there.
    """
    limits = settings or read_acquire_settings()
    if "://" not in url:
        url = f"https://{url}"
    try:
        request_url(url)
    except BadUrlError as error:
        raise UsageError(
            f"{url}: {error}", fix="give the site's address, such as https://publisher.example"
        ) from None
    return asyncio.run(_Finder(config, limits).find(url))


class _Finder:
    def __init__(self, config: SourcesFile, settings: AcquireSettings) -> None:
        self._config = config
        self._settings = settings
        self._agent = config.user_agent or settings.agent
        self._found: dict[str, Candidate] = {}
        self._tried: set[str] = set()

    async def find(self, url: str) -> list[Candidate]:
        async with _client(self._config, self._settings) as (fetcher, sites):
            self._fetcher, self._sites = fetcher, sites
            try:
                body, answered, kind = await self._get(url, ACCEPT_PAGE)
            except FetchError as error:
                raise UsageError(
                    f"{strip_credentials(url)}: {error.outcome}: {error.detail}", fix=FIXES.get(error.outcome, "")
                ) from None
            self._try_body(body, answered, kind, "given")
            if self._found:
                return list(self._found.values())
            for link in _linked_feeds(body, answered):
                await self._try(link, "linked from the page")
            root = origin(request_url(answered))
            if not self._found:
                for path in _WELL_KNOWN:
                    await self._try(root + path, "well-known place")
            rules = await sites.rules(request_url(answered), self._agent, _DELAY)
            for link in rules.sitemaps[:_MOST_SITEMAPS]:
                await self._try(link, "named in robots.txt")
            if not any(candidate.kind == "sitemap" for candidate in self._found.values()):
                for path in _WELL_KNOWN_SITEMAPS:
                    await self._try(root + path, "well-known place")
        return sorted(self._found.values(), key=lambda candidate: candidate.kind == "sitemap")

    async def _get(self, url: str, accept: str) -> tuple[bytes, str, str | None]:
        parts: list[bytes] = []

        def sink() -> Callable[[bytes], object]:
            parts.clear()
            return parts.append

        async def allowed(hop: str) -> None:
            await self._sites.check(hop, self._agent, _DELAY)

        wish = Wish(
            delay=_DELAY,
            agent=self._agent,
            accept=accept,
            limit=self._settings.max_feed_bytes,
            sink=sink,
            allowed=allowed,
        )
        answer = (await self._fetcher.fetch(url, wish)).answer
        return b"".join(parts), answer.url, answer.header("Content-Type")

    async def _try(self, url: str, where: str) -> None:
        if url in self._tried:
            return
        self._tried.add(url)
        try:
            body, answered, kind = await self._get(url, ACCEPT_FEED)
        except FetchError:
            return
        self._try_body(body, answered, kind, where)

    def _try_body(self, body: bytes, answered: str, kind: str | None, where: str) -> None:
        try:
            entries = len(parse_feed(body, answered, kind))
            self._found.setdefault(answered, Candidate("feed", answered, entries, where))
            return
        except NoFeedError:
            pass
        urls: list[Entry] = []
        children: list[Child] = []
        try:
            parser = SitemapParser(answered, urls.append, children.append)
            parser.feed(body)
            parser.close()
        except NoFeedError:
            return
        if urls or children:
            self._found.setdefault(answered, Candidate("sitemap", answered, len(urls) or len(children), where))


def _linked_feeds(body: bytes, base: str) -> Iterable[str]:
    """Feeds that a page names for feed readers (``<link rel="alternate">``), in its order."""
    try:
        tree = html.fromstring(body)
    except (etree.ParserError, ValueError):
        return
    for link in tree.iter("link"):
        rel = (link.get("rel") or "").lower().split()
        if "alternate" in rel and (link.get("type") or "").lower().split(";")[0].strip() in _FEED_TYPES:
            yield urljoin(base, link.get("href") or "")


def entry_for(config: SourcesFile, candidate: Candidate, name: str | None) -> dict[str, Any]:
    """The keys of a new ``[[source]]``; its name is one that isn't taken yet.

    Raises:
        UsageError: the name that was asked for is taken, or no name.
    """
    taken = {source.name for source in config.source}
    if name is not None and name in taken:
        raise UsageError(f"there is a source {name!r} already", fix="choose another --name")
    base = name or re.sub(r"[^\w.-]+", "-", host_name(candidate.url).removeprefix("www.")).strip("-.") or "source"
    chosen, number = base, 2
    while chosen in taken:
        chosen, number = f"{base}-{number}", number + 1
    entry = {"name": chosen, "kind": candidate.kind, "url": candidate.url}
    try:
        Source.model_validate(entry)
    except ValueError:
        raise UsageError(
            f"{chosen!r} can't be a source's name", fix="letters, digits, '_', '.' and '-', beginning with a letter"
        ) from None
    return entry


def append(path: Path, entry: dict[str, Any]) -> None:
    """Add a ``[[source]]`` to the end of a sources file; what stands there, comments too, stays as it is.

    Raises:
        UsageError: the file can't be written.
    """
    table = tomlkit.table()
    for key, value in entry.items():
        table.add(key, value)
    array = tomlkit.aot()
    array.append(table)
    document = tomlkit.document()
    document.append("source", array)
    try:
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        gap = "" if not before else "\n" if before.endswith("\n") else "\n\n"
        temporary = path.with_name(f".{path.name}.new")
        temporary.write_text(before + gap + tomlkit.dumps(document), encoding="utf-8")
        load_config(temporary)
        temporary.replace(path)
    except OSError as error:
        raise UsageError(
            f"{path} can't be written: {error.strerror}", fix="choose another file: --sources FILE"
        ) from None


def check(
    config: SourcesFile, sources: Sequence[Source], settings: AcquireSettings | None = None
) -> list[dict[str, Any]]:
    """Look at each source as a run would, with one article of it, and store nothing.

    Returns:
        For each source ``name``, ``ok``, ``detail`` and ``fix``.
    """
    limits = settings or read_acquire_settings()
    return [_check_one(config, source, limits) for source in sources]


def _check_one(config: SourcesFile, source: Source, limits: AcquireSettings) -> dict[str, Any]:
    if source.kind == "folder":
        count = len(folder_paths(source, None))
        return _verdict(source, bool(count), f"{count} files and folders match {source.path}",
                        "" if count else "check 'path'; {date:%Y-%m-%d} and wildcards are allowed")  # fmt: skip
    if source.kind == "ccnews":
        return _verdict(source, *asyncio.run(_check_archive(config, source, limits)))
    with tempfile.TemporaryDirectory(prefix="klartext-check-") as folder:
        run = Run(
            config,
            [source.model_copy(update={"max_items": 1})],
            landing=folder,
            settings=limits.model_copy(update={"retries": min(limits.retries, 1)}),
            state=MemoryState(),
            spool=Path(folder),
        )
        return _judge(source, asyncio.run(run.run()))


async def _check_archive(config: SourcesFile, source: Source, limits: AcquireSettings) -> tuple[bool, str, str]:
    """Whether the archive's lists of files can be had for the days that a run would look at."""
    from etl.acquire import ccnews

    first, last = ccnews.days_of(source, None, datetime.now(UTC).date())
    async with _client(config, limits) as (fetcher, sites):
        archive = ccnews.archive_for(source, fetcher, sites, config.user_agent or limits.agent)
        try:
            count = len([path async for path in ccnews.files_of(archive, first, last)])
        except FetchError as error:
            return False, f"{error.outcome}: {error.detail}", FIXES.get(error.outcome, "check 'url'")
    fix = "" if count else "check 'since' and 'until'"
    return bool(count), f"{count} files from {first} to {last}", fix


def _judge(source: Source, answer: Answer) -> dict[str, Any]:
    report = answer.sources[source.name]
    if report.error is not None:
        outcome = report.error.split(": ")[1] if ": " in report.error else ""
        return _verdict(source, False, report.error, FIXES.get(outcome, ""))
    if not report.found:
        return _verdict(source, False, "it lists no article", "check that it is the right feed or sitemap")
    tried = [(url, outcome) for url, outcome in answer.outcomes.items() if outcome != "excluded"]
    if not tried:
        return _verdict(source, False, f"include and exclude leave none of {report.found} URLs", "loosen them")
    url, outcome = tried[0]
    detail = f"{report.found} URLs; {url}: {outcome}"
    if url in answer.details:
        detail += f" ({answer.details[url]})"
    good: tuple[Outcome, ...] = ("stored", "not_modified", "duplicate")
    return _verdict(source, outcome in good, detail, "" if outcome in good else FIXES.get(outcome, ""))


def _verdict(source: Source, ok: bool, detail: str, fix: str) -> dict[str, Any]:
    return {"name": source.name, "ok": ok, "detail": detail, "fix": fix}


def listing(config: SourcesFile, target: Target) -> list[dict[str, Any]]:
    """Every source with what is known of its health.

    Raises:
        DatabaseUnavailableError: the database is away.
    """
    with closing(PostgresState(target)) as state:
        health = state.sources()
    rows = []
    for source in config.source:
        known = health.get(source.name)
        if not source.enabled:
            text = "disabled"
        elif known is None:
            text = "never asked" if source.kind != "folder" else "read by the DAG process"
        elif known.last_error is not None:
            text = f"failed {known.failures}x: {known.last_error}"
        else:
            text = "ok"
        rows.append(
            {
                "name": source.name,
                "kind": source.kind,
                "asked_at": known.asked_at.isoformat(timespec="seconds") if known else None,
                "next_due": known.next_due.isoformat(timespec="seconds") if known else None,
                "found": known.found if known else None,
                "stored": known.stored if known else None,
                "failures": known.failures if known else 0,
                "health": text,
            }
        )
    return rows
