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
    """What a robots.txt says to one client.

    ``problem`` tells why nothing is allowed when the file couldn't be had.
    """

    parsed: Any
    product: str
    problem: str | None = None

    def refusal(self, url: str) -> str | None:
        """Why ``url`` may not be asked for, or None."""
        if self.problem is not None:
            return f"robots.txt can't be had ({self.problem}), so nothing is allowed"
        if self.parsed is None or self.parsed.can_fetch(url, self.product):
            return None
        return f"robots.txt disallows it for {self.product}"

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


def parse_robots(copy: SiteFile, agent: str) -> Rules:
    """The rules of a robots.txt as it was had: 4xx allows everything, 5xx and silence allow nothing."""
    product = product_token(agent)
    if copy.status is None or copy.status >= 500 or copy.status == 429:
        problem = copy.body.decode("utf-8", "replace") or f"status {copy.status}"
        return Rules(None, product, problem)
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
        self._files: OrderedDict[str, SiteFile] = OrderedDict()
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
            FetchError: robots.txt doesn't allow it.
        """
        refusal = (await self.rules(url, agent, delay)).refusal(url)
        if refusal is not None:
            raise FetchError("robots_denied", refusal)

    async def tdm_reserved(self, url: str, agent: str, delay: float) -> bool:
        """Whether the site's tdmrep.json reserves text and data mining for ``url``."""
        if not self._settings.tdmrep:
            return False
        place = origin(url) + "/.well-known/tdmrep.json"
        rules = await self.rules(url, agent, delay)
        if rules.refusal(place) is not None:
            return False
        copy = await self._file(place, agent, delay, ROBOTS_BYTES)
        return copy.status == 200 and tdm_reserved(copy.body, "/" + url.split("://", 1)[1].partition("/")[2])

    async def _file(self, place: str, agent: str, delay: float, cut: int) -> SiteFile:
        async with self._locks.setdefault(place, asyncio.Lock()):
            copy = self._files.get(place)
            if copy is not None:
                return copy
            kept = await self._state.site_file(place)
            now = datetime.now(UTC)
            # A failure isn't believed for a day: the next run looks again.
            if kept is not None and kept.status is not None and kept.status < 500 and kept.status != 429:
                copy = kept if now - kept.fetched_at < self._settings.robots_ttl else None
            if copy is None:
                copy = await self._ask(place, agent, delay, cut)
                if copy.status is None or copy.status >= 500 or copy.status == 429:
                    # RFC 9309, section 2.4: a stale copy may be used while the file can't be reached.
                    copy = kept if kept is not None and kept.status == 200 else copy
                else:
                    await self._state.save_site_file(place, copy)
            self._files[place] = copy
            if len(self._files) > _KEPT_RULES:
                self._files.popitem(last=False)
            return copy

    async def _ask(self, place: str, agent: str, delay: float, cut: int) -> SiteFile:
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
            # RFC 9309, section 2.3.1.2: more redirects than that may be taken as "there is none".
            status = 404 if error.outcome in ("redirect_loop", "wrong_type", "gone") else error.status
            if error.outcome in ("timeout", "connection_error", "decode_error", "deferred"):
                status = None
            detail = f"{error.outcome}: {error.detail}"
            return SiteFile(status=status, body=b"" if status == 404 else detail.encode(), fetched_at=now)
        return SiteFile(status=200, body=bytes(body[:cut]), fetched_at=now)
