"""The state of acquiring in Postgres: one session a run, which holds the locks of the hosts it asks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import Any

import psycopg2
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from etl.acquire.state import Begun, Claim, Page, SiteFile, SourceHealth, Visit
from etl.database import Target, connect, lost
from etl.share import query


def _moment(value: datetime | None) -> str | None:
    return value.isoformat() if value is not None else None


def _storable(text: str | None) -> str | None:
    return text.replace("\0", "").encode("utf-8", "replace").decode() if text is not None else None


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "replace")).digest()


def _binaries(digests: Iterable[bytes]) -> list[Any]:
    return [psycopg2.Binary(digest) for digest in digests]


def _worth_logging(visit: Visit) -> bool:
    return visit.kind == "article" or visit.failed


class PostgresState:
    """State behind one connection; see :class:`etl.acquire.state.State`.

    Args:
        target: the database; its role needs what ``klartext_writer`` may do.

    Raises:
        DatabaseUnavailableError: nothing answers there.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._connection = connect(target, application="klartext acquire")
        self._connection.autocommit = True  # most calls are one query: that saves two round trips for each
        self._run = 0

    @contextmanager
    def _transaction(self) -> Iterator[Cursor]:
        try:
            with self._connection, self._connection.cursor() as cursor:
                yield cursor
        except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
            raise lost(error, self._target) from None

    @contextmanager
    def _cursor(self) -> Iterator[Cursor]:
        """For calls that execute once: all statements of one query are one transaction."""
        try:
            with self._connection.cursor() as cursor:
                yield cursor
        except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
            raise lost(error, self._target) from None

    def begin(self) -> Begun:
        with self._cursor() as cursor:
            cursor.execute(query("acquire_begin"))
            row = cursor.fetchone()
            assert row is not None  # noqa: S101 - INSERT … RETURNING
            self._run = row[0]
        going_on, killed = self._runs()
        return Begun(self._run, going_on - {self._run}, killed)

    def _runs(self) -> tuple[frozenset[int], frozenset[int]]:
        with self._cursor() as cursor:
            cursor.execute(query("acquire_runs"))
            runs: dict[int, bool] = dict(cursor.fetchall())
        return (
            frozenset(run for run, alive in runs.items() if alive),
            frozenset(run for run, alive in runs.items() if not alive),
        )

    def going_on(self) -> frozenset[int]:
        return self._runs()[0]

    def end(self, killed: frozenset[int]) -> None:
        with self._cursor() as cursor:
            cursor.execute(query("acquire_end"), {"run": self._run, "killed": sorted(killed)})

    def pages(self, keys: Sequence[str]) -> dict[str, Page]:
        if not keys:
            return {}
        names = {_digest(key): key for key in keys}
        with self._cursor() as cursor:
            cursor.execute(query("acquire_pages"), {"digests": _binaries(names)})
            return {names[bytes(row[0])]: self._page(row) for row in cursor}

    @staticmethod
    def _page(row: tuple[Any, ...]) -> Page:
        return Page(
            etag=row[2],
            last_modified=row[3],
            content_sha256=bytes(row[4]) if row[4] is not None else None,
            first_stored_at=row[5],
            stored_at=row[6],
            stored_url=row[7],
            asked_at=row[8],
            failures=row[9],
            last_outcome=row[10],
            asked_run=row[11],
        )

    def claim(self, keys: Sequence[str]) -> dict[str, Claim]:
        names = {_digest(key): key for key in keys}
        claims: dict[str, Claim] = {}
        while names:  # one that is given back between the two statements is in neither, and tried again
            with self._cursor() as cursor:
                cursor.execute(query("acquire_claim"), {"run": self._run, "digests": _binaries(names)})
                for row in cursor.fetchall():
                    page = self._page(row) if row[8] is not None else None
                    claims[names.pop(bytes(row[0]))] = Claim(row[1], page)
        return claims

    def recovering(self, begin: bool) -> None:
        with self._cursor() as cursor:
            cursor.execute(query("acquire_lock_recovery" if begin else "acquire_unlock_recovery"))

    def free_killed(self, runs: frozenset[int]) -> None:
        if runs:
            with self._cursor() as cursor:
                cursor.execute(query("acquire_unclaim_killed"), {"runs": sorted(runs)})

    def save(self, visits: Sequence[Visit], free: Sequence[str] = ()) -> None:
        if not visits and not free:
            return
        pages = {visit.key: visit for visit in visits if visit.page is not None}  # the last visit of a key counts
        with self._transaction() as cursor:
            if pages:
                rows = [self._page_row(visit, visit.page) for visit in pages.values() if visit.page is not None]
                cursor.execute(query("acquire_save_pages"), {"rows": json.dumps(rows), "run": self._run})
            rows = [self._log_row(visit) for visit in visits if visit.logged and _worth_logging(visit)]
            if rows:
                cursor.execute(query("acquire_log"), {"rows": json.dumps(rows)})
            self._unclaim(cursor, [*(visit.key for visit in visits), *free])

    def _unclaim(self, cursor: Cursor, keys: Sequence[str]) -> None:
        if keys:
            digests = _binaries(map(_digest, keys))
            cursor.execute(query("acquire_unclaim"), {"run": self._run, "digests": digests})

    @staticmethod
    def _page_row(visit: Visit, page: Page) -> dict[str, Any]:
        return {
            "url_sha256": _digest(visit.key).hex(),
            "url_key": _storable(visit.key),
            "kind": visit.kind,
            "source": visit.source,
            "etag": _storable(page.etag),
            "last_modified": _storable(page.last_modified),
            "content_sha256": page.content_sha256.hex() if page.content_sha256 is not None else None,
            "first_stored_at": _moment(page.first_stored_at),
            "stored_at": _moment(page.stored_at),
            "stored_url": _storable(page.stored_url),
            "asked_at": _moment(page.asked_at),
            "failures": page.failures,
            "last_outcome": page.last_outcome,
        }

    @staticmethod
    def _log_row(visit: Visit) -> dict[str, Any]:
        return {
            "url": _storable(visit.url),
            "source": visit.source,
            "kind": visit.kind,
            "at": _moment(visit.at),
            "outcome": visit.outcome,
            "detail": _storable(visit.detail),
            "status": visit.status,
            "bytes": visit.received,
            "origin": _storable(visit.origin),
        }

    def logged(self, origins: Mapping[str, str]) -> set[str]:
        with self._cursor() as cursor:
            parameters = {"origins": list(origins), "urls": list(origins.values())}
            cursor.execute(query("acquire_logged_origins"), parameters)
            return {row[0] for row in cursor}

    def lock_host(self, host: str) -> float | None:
        with self._cursor() as cursor:
            cursor.execute(query("acquire_lock_host"), {"host": host})
            row = cursor.fetchone()
            return float(row[0]) if row is not None else None

    def unlock_host(self, host: str, wait: float, free: Sequence[str] = ()) -> None:
        with self._cursor() as cursor:
            self._unclaim(cursor, free)
            if wait > 0:
                cursor.execute(query("acquire_host_pause"), {"host": host, "wait": wait})
            cursor.execute(query("acquire_unlock_host"), {"host": host})  # only once the pause can be seen

    def site_file(self, url: str) -> SiteFile | None:
        with self._cursor() as cursor:
            cursor.execute(query("acquire_site_file"), {"url": url})
            row = cursor.fetchone()
            return SiteFile(status=row[0], body=bytes(row[1]), fetched_at=row[2]) if row is not None else None

    def save_site_file(self, url: str, copy: SiteFile) -> None:
        with self._cursor() as cursor:
            parameters = {
                "url": url,
                "status": copy.status,
                "body": psycopg2.Binary(copy.body),
                "fetched_at": copy.fetched_at,
            }
            cursor.execute(query("acquire_save_site_file"), parameters)

    def listing(self, key: str) -> bytes | None:
        with self._cursor() as cursor:
            cursor.execute(query("acquire_listing"), {"digest": psycopg2.Binary(_digest(key))})
            row = cursor.fetchone()
            return bytes(row[0]) if row is not None else None

    def save_listing(self, key: str, body: bytes) -> None:
        with self._cursor() as cursor:
            parameters = {"digest": psycopg2.Binary(_digest(key)), "body": psycopg2.Binary(body)}
            cursor.execute(query("acquire_save_listing"), parameters)

    def sources(self) -> dict[str, SourceHealth]:
        with self._cursor() as cursor:
            cursor.execute(query("acquire_sources"))
            return {
                row[0]: SourceHealth(
                    name=row[0],
                    asked_at=row[1],
                    next_due=row[2],
                    failures=row[3],
                    last_error=row[4],
                    found=row[5],
                    stored=row[6],
                    interval_seconds=row[7],
                )
                for row in cursor
            }

    def save_source(self, health: SourceHealth) -> None:
        with self._cursor() as cursor:
            cursor.execute(
                query("acquire_save_source"), asdict(health) | {"last_error": _storable(health.last_error)}
            )

    def position(self, name: str) -> Mapping[str, int]:
        with self._cursor() as cursor:
            cursor.execute(query("acquire_positions"), {"source": name})
            return {row[0]: row[1] for row in cursor}

    def save_position(self, name: str, path: str, position: int) -> None:
        with self._cursor() as cursor:
            cursor.execute(query("acquire_save_position"), {"source": name, "path": path, "position": position})

    def close(self) -> None:
        self._connection.close()
