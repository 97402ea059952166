"""robots.txt (RFC 9309) and /.well-known/tdmrep.json (TDM Reservation Protocol), had once and believed for a day."""

from __future__ import annotations

import asyncio
import json
import re
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from protego import Protego

from etl.acquire.fetch import Fetcher, Wish
from etl.acquire.guard import origin
from etl.acquire.outcomes import FetchError
from etl.acquire.settings import AcquireSettings
from etl.acquire.state import SiteFile, StateThread

ROBOTS_BYTES: Final = 500 * 1024  # RFC 9309, section 2.5: the least that must be parsed; we parse no more
ROBOTS_REDIRECTS: Final = 5  # RFC 9309, section 2.3.1.2
_KEPT_RULES: Final = 2000  # parsed files in memory


@dataclass(frozen=True, slots=True)
class Rules:
    """What a robots.txt says to one client; ``problem``: why it couldn't be had, so that nothing is allowed."""

    parsed: Any
    product: str
    problem: FetchError | None = None

    def check(self, url: str) -> None:
        """Refuse a URL.

        Raises:
            FetchError: ``robots_denied``, or what is wrong with the host when it can't be connected to at all.
        """
        if self.problem is not None:
            if not self.problem.connected or (self.problem.outcome == "deferred" and self.problem.status is None):
                raise FetchError(self.problem.outcome, self.problem.detail, connected=False)
            raise FetchError(
                "robots_denied", f"robots.txt can't be had ({self.problem.detail}), so nothing is allowed"
            )
        if self.parsed is not None and not self.parsed.can_fetch(url, self.product):
            raise FetchError("robots_denied", f"robots.txt disallows it for {self.product}")

    @property
    def crawl_delay(self) -> float:
        """Seconds that the site asks for between requests; 0 when it doesn't ask."""
        value = self.parsed.crawl_delay(self.product) if self.parsed is not None else None
        return float(value) if value and value > 0 else 0.0

    @property
    def sitemaps(self) -> list[str]:
        """The sitemaps that the file names."""
        return list(self.parsed.sitemaps) if self.parsed is not None else []


def product_token(agent: str) -> str:
    """The name that a User-Agent goes by in robots.txt (RFC 9309, section 2.2.1)."""
    match = re.match(r"[A-Za-z_-]+", agent)
    return match[0] if match else "klartext"


def parse_robots(copy: SiteFile | FetchError, agent: str) -> Rules:
    """The rules of a robots.txt as it was had: 4xx allows everything, 5xx and silence allow nothing."""
    product = product_token(agent)
    if isinstance(copy, FetchError):
        return Rules(None, product, copy)
    if copy.status != 200:
        return Rules(None, product)
    body = copy.body.removeprefix(b"\xef\xbb\xbf")
    if len(body) >= ROBOTS_BYTES:
        body = body[: max(body.rfind(b"\n", 0, ROBOTS_BYTES), 0)]
    return Rules(Protego.parse(body.decode("utf-8", "replace").replace("\0", "")), product)


def tdm_reserved(body: bytes, path: str) -> bool:
    """Whether a tdmrep.json reserves text and data mining for a path: the longest matching location decides."""
    try:
        entries = json.loads(body)
    except (ValueError, RecursionError):
        return False
    best: tuple[int, bool] = (-1, False)
    for entry in entries if isinstance(entries, list) else [entries]:
        if not isinstance(entry, dict) or not isinstance(entry.get("location"), str):
            continue
        location = entry["location"]
        pattern = ".*".join(map(re.escape, location.removesuffix("$").split("*")[:20]))
        if re.match(pattern + ("$" if location.endswith("$") else ""), path) and len(location) > best[0]:
            best = (len(location), str(entry.get("tdm-reservation")).strip() == "1")
    return best[1]


class Sites:
    """Rules of sites, had on demand. One request a file, whoever waits for it.

    Args:
        fetcher: asks for them, in the host's turn.
        state: keeps copies between runs.
        settings: how long a copy is believed.
    """

    def __init__(self, fetcher: Fetcher, state: StateThread, settings: AcquireSettings) -> None:
        self._fetcher = fetcher
        self._state = state
        self._settings = settings
        self._files: OrderedDict[str, SiteFile | FetchError] = OrderedDict()
        self._rules: OrderedDict[tuple[str, str], Rules] = OrderedDict()
        self._locks: dict[str, asyncio.Lock] = {}

    async def rules(self, url: str, agent: str, delay: float) -> Rules:
        """What the robots.txt that is valid for ``url`` says."""
        place = origin(url) + "/robots.txt"
        key = (place, agent)
        if key not in self._rules:
            copy = await self._file(place, agent, delay, ROBOTS_BYTES)
            self._rules[key] = await asyncio.to_thread(parse_robots, copy, agent)
            if len(self._rules) > _KEPT_RULES:
                self._rules.popitem(last=False)
        return self._rules[key]

    async def check(self, url: str, agent: str, delay: float) -> None:
        """Refuse a URL.

        Raises:
            FetchError: robots.txt doesn't allow it, or its host can't be connected to.
        """
        (await self.rules(url, agent, delay)).check(url)

    async def tdm_reserved(self, url: str, agent: str, delay: float) -> bool:
        """Whether the site's tdmrep.json reserves text and data mining for ``url``."""
        if not self._settings.tdmrep:
            return False
        place = origin(url) + "/.well-known/tdmrep.json"
        try:
            await self.check(place, agent, delay)
        except FetchError:
            return False
        copy = await self._file(place, agent, delay, ROBOTS_BYTES)
        return (
            isinstance(copy, SiteFile)
            and copy.status == 200
            and tdm_reserved(copy.body, "/" + url.split("://", 1)[1].partition("/")[2])
        )

    async def _file(self, place: str, agent: str, delay: float, cut: int) -> SiteFile | FetchError:
        async with self._locks.setdefault(place, asyncio.Lock()):
            if place in self._files:
                return self._files[place]
            kept = await self._state.site_file(place)
            copy: SiteFile | FetchError
            if kept is not None and datetime.now(UTC) - kept.fetched_at < self._settings.robots_ttl:
                copy = kept
            else:
                copy = await self._ask(place, agent, delay, cut)
                if isinstance(copy, SiteFile):
                    await self._state.save_site_file(place, copy)
                elif kept is not None and copy.connected:
                    copy = kept  # RFC 9309, section 2.4: a stale copy may be used while there is no fresh one
            self._files[place] = copy
            if len(self._files) > _KEPT_RULES:
                self._files.popitem(last=False)
            return copy

    async def _ask(self, place: str, agent: str, delay: float, cut: int) -> SiteFile | FetchError:
        body = bytearray()

        def sink() -> Any:
            body.clear()
            return body.extend

        wish = Wish(
            delay=delay,
            agent=agent,
            accept="text/plain,*/*;q=0.5",
            limit=cut,
            cut=cut,
            sink=sink,
            max_redirects=ROBOTS_REDIRECTS,
        )
        now = datetime.now(UTC)
        try:
            await self._fetcher.fetch(place, wish)
        except FetchError as error:
            status = error.status
            if error.outcome in ("redirect_loop", "wrong_type"):
                status = 404  # RFC 9309, section 2.3.1.2: too many redirects may be taken as "there is none"
            if status is None or status == 429 or not 400 <= status < 500:
                return error  # nothing is kept: the next run looks again
            return SiteFile(status=status, body=b"", fetched_at=now)
        return SiteFile(status=200, body=bytes(body[:cut]), fetched_at=now)
