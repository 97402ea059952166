"""Settle: what only the corpus can tell. Current versions, clusters of copies, the search index.

One settle at a time in a database; loaders run on beside it. Its result is a function of the stored captures alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from etl.load.killpoint import kill_point
from etl.settings import get_settings
from etl.share import query

#: Entries of the queue in one transaction.
CHUNK: Final = 5_000


@dataclass(frozen=True, slots=True)
class SettleResult:
    """What a settle did.

    Attributes:
        clusters: clusters there are now.
        settled: articles that it looked at.
        changed: articles whose current version or cluster is another now.
        indexed: articles whose search document was written.
    """

    clusters: int
    settled: int
    changed: int
    indexed: int


def settle(connection: Connection, *, search: bool | None = None, chunk: int = CHUNK) -> SettleResult:
    """Brings current versions, clusters and search up to date with all that is committed when it starts.

    Works in chunks, each a transaction of its own, so a kill loses one chunk's work and the next settle goes on. With
    nothing to do it changes nothing. Waits for a settle that is going on.

    Args:
        connection: without an open transaction.
        search: keep the search index; by default the setting. Turned on again after a time without, the index is
            filled.
        chunk: entries of the queue in one transaction.

    Raises:
        psycopg2.Error: the connection was lost or the schema isn't what this code knows; run it again.
    """
    search = get_settings().search if search is None else search
    settled = changed = indexed = 0
    with connection.cursor() as cursor:
        try:
            cursor.execute(query("settle_last"))
            (last,) = cursor.fetchone() or (None,)
            connection.commit()
            while last is not None:
                done = _chunk(cursor, last, chunk, search)
                connection.commit()
                if done is None:
                    break
                kill_point("settle_after_commit")
                settled, changed, indexed = settled + done[0], changed + done[1], indexed + done[2]
            if search:
                indexed += _fill_search(connection, cursor, chunk)
            cursor.execute(query("settle_clusters_count"))
            (clusters,) = cursor.fetchone() or (0,)
            connection.commit()
        except BaseException:
            if not connection.closed:
                connection.rollback()
            raise
    return SettleResult(clusters, settled, changed, indexed)


def _chunk(cursor: Cursor, last: int, limit: int, search: bool) -> tuple[int, int, int] | None:
    """One chunk's work: articles looked at, changed and indexed; ``None`` when the queue is empty."""
    cursor.execute(query("settle_begin"))
    cursor.execute(query("settle_take"), {"last": last, "limit": limit})
    settled = cursor.rowcount
    if not settled:
        return None
    kill_point("settle_after_take")
    cursor.execute(query("settle_fresh"))
    cursor.execute(query("settle_texts"))
    cursor.execute(query("settle_current"))
    cursor.execute(query("settle_clusters"))
    cursor.execute(query("settle_search_drop"))
    indexed = 0
    if search:
        cursor.execute(query("settle_search_write"))
        indexed = cursor.rowcount
    cursor.execute(query("settle_count_changed"))
    (changed,) = cursor.fetchone() or (0,)
    if changed and not search:
        cursor.execute(query("settle_search_mark"), {"complete": False})
    kill_point("settle_before_commit")
    return settled, changed, indexed


def _fill_search(connection: Connection, cursor: Cursor, limit: int) -> int:
    """Writes the search documents that settles without the index left out."""
    cursor.execute(query("settle_search_state"))
    (complete,) = cursor.fetchone() or (True,)
    connection.commit()
    if complete:
        return 0
    after, written = UUID(int=0), 0
    while True:
        cursor.execute(query("settle_begin"))
        cursor.execute(query("settle_search_missing"), {"after": str(after), "limit": limit})
        ids = [UUID(article_id) for (article_id,) in cursor.fetchall()]
        if not ids:
            break
        cursor.execute(query("settle_search_write"))
        written += cursor.rowcount
        after = max(ids)
        connection.commit()
    cursor.execute(query("settle_search_mark"), {"complete": True})
    connection.commit()
    return written
