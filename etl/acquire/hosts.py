"""Politeness: one request at a time to a host, and the agreed seconds between two of them.

A *turn* is the right to send one request to a host. Inside a run an ``asyncio.Lock`` orders them, between runs
that go on at the same time the state does (a Postgres advisory lock). Without a delay a run keeps a host for a
moment instead of asking the database before every request.

The delay counts from the moment the answer began, which is later than the moment the request arrived there: so
two requests are never closer at the server than the delay, whatever the network does.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from etl.acquire.state import StateThread

_KEEP_SECONDS: Final = 1.0  # longest time a run keeps a host to itself between two requests without a delay
_IDLE_SECONDS: Final = 0.1
_SLEEP_HOLDING: Final = 2.0  # a wait up to this long is slept with the host's lock held
_MOST_HELD: Final = 512  # hosts; Postgres has room for some thousand advisory locks in all
_FIRST_PENALTY: Final = 1.0
_MAX_PENALTY: Final = 30.0


class HostBusyError(Exception):
    """The host may not be asked for a longer time than a run waits.

    Args:
        seconds: how long it asked to be left alone.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the host asked for a pause of {seconds:.0f} s")
        self.seconds = seconds


@dataclass(slots=True)
class Host:
    """A host as this run sees it. Times are of the event loop's clock."""

    name: str
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    not_before: float = 0.0
    penalty: float = 0.0
    delay: float = 0.0  # the largest that anyone who asks this host in this run has agreed to
    held_since: float | None = None
    used_at: float = 0.0
    heard: bool = False  # the request of this turn was answered
    holding: int = 0  # how often the lock was taken: what was read from the state before may be out of date

    @property
    def kept(self) -> bool:
        """Whether a run keeps the host after a request, for the next one."""
        return not self.delay and not self.penalty

    def slow_down(self, seconds: float | None, now: float) -> None:
        """The host said that it is overloaded: wait as long as it asks, and go slower from now on."""
        self.penalty = min(_MAX_PENALTY, self.penalty * 2 or _FIRST_PENALTY)
        self.not_before = max(self.not_before, now + (seconds or self.penalty))


class Hosts:
    """Hands out turns.

    Args:
        state: where the locks and the times of the last requests are kept.
        slots: most requests in flight at the same time.
        patience: longest wait, in seconds, for a host that asked for a pause.
        before_release: is awaited before another run may ask the host, so that it sees what was fetched; returns
            the keys that are given back with the host.
    """

    def __init__(
        self,
        state: StateThread,
        *,
        slots: int,
        patience: float,
        before_release: Callable[[Host], Awaitable[Sequence[str]]],
    ) -> None:
        self._state = state
        self._slots = asyncio.Semaphore(slots)
        self._holders = asyncio.Semaphore(max(_MOST_HELD, slots))
        self._patience = patience
        self._before_release = before_release
        self._hosts: dict[str, Host] = {}
        self._janitor: asyncio.Task[None] | None = None
        self._releases: set[asyncio.Future[None]] = set()

    def get(self, name: str) -> Host:
        """The host of this name."""
        return self._hosts.setdefault(name, Host(name))

    @asynccontextmanager
    async def turn(self, name: str, delay: float) -> AsyncIterator[Host]:
        """The right to send one request; the caller tells :meth:`answered` when the answer begins.

        Raises:
            HostBusyError: the host asked for a pause that is longer than the patience.
        """
        host = self.get(name)
        host.delay = delay = max(host.delay, delay)
        loop = asyncio.get_running_loop()
        async with host.lock:
            while True:
                async with self._holders:
                    if host.held_since is None:
                        await self._take(host)
                    wait = host.not_before - loop.time()
                    if wait <= _SLEEP_HOLDING:
                        await asyncio.sleep(max(0.0, wait))
                        async with self._request(host):
                            yield host
                        return
                    await self._release(host)
                if wait > self._patience:
                    raise HostBusyError(wait)
                await asyncio.sleep(wait)

    @asynccontextmanager
    async def _request(self, host: Host) -> AsyncIterator[None]:
        """The time of one request; afterwards the host is given back, or kept for the next one without a delay."""
        try:
            host.heard = False
            async with self._slots:
                yield
        finally:
            pause = host.delay + host.penalty
            now = host.used_at = asyncio.get_running_loop().time()
            if not host.heard:  # the request may have arrived there at any moment up to now
                host.not_before = max(host.not_before, now + pause)
            if pause or (host.held_since is not None and now - host.held_since > _KEEP_SECONDS):
                release = asyncio.ensure_future(self._release(host))
                self._releases.add(release)
                release.add_done_callback(self._releases.discard)
                await asyncio.shield(release)  # also when this turn is cancelled
            elif self._janitor is None:
                self._janitor = asyncio.create_task(self._tidy())

    @staticmethod
    def answered(host: Host) -> None:
        """The answer has begun: the next request may follow after the delay."""
        host.heard = True
        host.not_before = max(host.not_before, asyncio.get_running_loop().time() + host.delay + host.penalty)

    async def _take(self, host: Host) -> None:
        pause = 0.02
        while (wait := await self._state.lock_host(host.name)) is None:
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - jitter
            pause = min(0.5, pause * 1.6)
        now = asyncio.get_running_loop().time()
        host.held_since = now
        host.holding += 1
        host.not_before = max(host.not_before, now + wait)

    async def _release(self, host: Host) -> None:
        if host.held_since is None:
            return
        host.held_since = None
        free = await self._before_release(host)
        wait = host.not_before - asyncio.get_running_loop().time()
        await self._state.unlock_host(host.name, max(0.0, wait), free)

    async def _tidy(self) -> None:
        """Give back hosts that are kept and no longer asked."""
        while True:
            await asyncio.sleep(_IDLE_SECONDS)
            now = asyncio.get_running_loop().time()
            for host in list(self._hosts.values()):
                if host.held_since is not None and not host.lock.locked() and now - host.used_at > _IDLE_SECONDS:
                    async with host.lock:
                        await self._release(host)

    async def close(self) -> None:
        """Give every host back.

        Raises:
            DatabaseUnavailableError: the state can't be reached.
        """
        if self._janitor is not None:
            self._janitor.cancel()
            await asyncio.gather(self._janitor, return_exceptions=True)
        await asyncio.gather(*self._releases)
        for host in self._hosts.values():
            await self._release(host)
