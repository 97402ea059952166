"""Loads batches: COPY to staging, then what is new goes into the corpus, in one transaction a batch.

Loaders run beside each other freely. Rows are written in the order of their keys, so two loaders never wait for each
other in a circle; articles that get something new are locked, so that each record's outcome is the one it would have
if the batches had come one after the other, in some order.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from typing import Any, Final

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from etl.load.killpoint import kill_point
from etl.load.outcomes import Outcomes
from etl.load.rows import (
    Row,
    UnstorableError,
    line,
    origin_sha256,
    refused,
    reject_key,
    reject_line,
    row,
    rows_file,
    sequence_of_places,
)
from etl.load.runs import UnknownRunError
from etl.model import Record, Reject
from etl.share import query

logger = logging.getLogger(__name__)

#: Classes of SQLSTATE that speak against a record: data exceptions, broken constraints, program limits.
RECORD_ERRORS: Final = ("22", "23", "54")
ATTEMPTS: Final = 5


def load_batch(connection: Connection, run_id: int, batch_key: str, items: Iterable[Record | Reject]) -> Outcomes:
    """Loads records and rejects in one transaction and commits it.

    A record that the database refuses goes to the quarantine (stage ``load``) and the others are loaded. The same
    ``run_id`` and ``batch_key`` again loads nothing and gives the counts of the first time, so a retry after a commit
    whose answer was lost counts nothing twice; a batch that was not committed left nothing behind.

    Args:
        connection: without an open transaction; one batch at a time.
        run_id: of ``start_run``.
        batch_key: the batch's name within the run, made of its content.
        items: read to their end before the transaction begins; all of them are held in memory.

    Returns:
        One outcome for every item; they add up.

    Raises:
        UnknownRunError: there is no such run.
        psycopg2.Error: the connection was lost or the schema isn't what this code knows. Nothing of the batch is
            stored, unless the connection was lost in the commit; the same call again is right in any case.
    """
    rows: list[Row] = []
    rejects: list[Reject] = []
    for item in items:
        if isinstance(item, Reject):
            rejects.append(item)
            continue
        try:
            rows.append(row(item))
        except UnstorableError as error:
            rejects.append(refused(item, str(error)))
    rows.sort(key=lambda each: each.key)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with connection.cursor() as cursor:
                outcomes = _load(cursor, run_id, batch_key, rows, rejects)
            kill_point("load_before_commit")
            connection.commit()
        except (psycopg2.errors.DeadlockDetected, psycopg2.errors.SerializationFailure):
            connection.rollback()
            if attempt == ATTEMPTS:
                raise
            time.sleep(0.05 * attempt)
        except BaseException:
            if not connection.closed:
                connection.rollback()
            raise
        else:
            break
    kill_point("load_after_commit")
    return outcomes


def _load(cursor: Cursor, run_id: int, batch_key: str, rows: list[Row], rejects: list[Reject]) -> Outcomes:
    cursor.execute(query("load_begin"))
    name = {"run_id": run_id, "batch_key": batch_key}
    try:
        cursor.execute(query("load_claim"), name)
    except psycopg2.errors.ForeignKeyViolation:
        raise UnknownRunError(f"there is no run {run_id} in this database", fix="start a run first") from None
    claimed = cursor.fetchone()
    if claimed is None:
        cursor.execute(query("load_claimed"), name)
        return Outcomes(*_only_row(cursor))
    inserted, updated, refusals = _store_or_split(cursor, run_id, claimed[0], _distinct(rows))
    why = {refusal.key: detail for refusal, detail in refusals}
    refused_rows = [each for each in rows if each.key in why]
    loaded = sorted({origin_sha256(each.record) for each in rows if each.key not in why})
    _quarantine(cursor, run_id, loaded, rejects + [refused(each.record, why[each.key]) for each in refused_rows])
    rejected = len(refused_rows) + len(rejects)
    read = len(rows) + len(rejects)
    outcomes = Outcomes(read, inserted, updated, read - inserted - updated - rejected, rejected)
    cursor.execute(
        query("load_count"),
        {
            **name,
            "read": outcomes.read,
            "inserted": outcomes.inserted,
            "updated": outcomes.updated,
            "unchanged": outcomes.unchanged,
            "rejected": outcomes.rejected,
        },
    )
    return outcomes


def _distinct(rows: Sequence[Row]) -> list[Row]:
    """Rows without repetitions, in their order; of equal ones the one with the least origin."""
    found: dict[tuple[bytes, ...], Row] = {}
    for each in rows:
        other = found.get(each.key)
        if other is None or each.record.origin < other.record.origin:
            found[each.key] = each
    return list(found.values())


def _store_or_split(
    cursor: Cursor, run_id: int, rules_version: str, rows: Sequence[Row]
) -> tuple[int, int, list[tuple[Row, str]]]:
    """Stores rows; halves them where the database refuses one, until the refused ones stand alone.

    Returns:
        New articles, new texts of known articles, and the refused rows with the reason.
    """
    if not rows:
        return 0, 0, []
    cursor.execute(query("load_savepoint"))
    try:
        inserted, updated = _store(cursor, run_id, rules_version, rows)
    except psycopg2.Error as error:
        if (error.pgcode or "")[:2] not in RECORD_ERRORS:
            raise
        cursor.execute(query("load_savepoint_undo"))
        if len(rows) == 1:
            logger.warning("the database refuses %s: %s", rows[0].record.origin, error.diag.message_primary)
            return 0, 0, [(rows[0], error.diag.message_primary or type(error).__name__)]
    else:
        cursor.execute(query("load_savepoint_keep"))
        return inserted, updated, []
    middle = len(rows) // 2
    first = _store_or_split(cursor, run_id, rules_version, rows[:middle])
    second = _store_or_split(cursor, run_id, rules_version, rows[middle:])
    return first[0] + second[0], first[1] + second[1], first[2] + second[2]


def _store(cursor: Cursor, run_id: int, rules_version: str, rows: Sequence[Row]) -> tuple[int, int]:
    cursor.execute(query("load_clear"))
    cursor.copy_expert(query("load_copy_key"), rows_file(sequence_of_places(rows)))
    cursor.execute(query("load_run_articles"), {"run_id": run_id})
    cursor.execute(query("load_unknown"), {"rules_version": rules_version})
    unknown = [rows[place] for (place,) in cursor.fetchall()]
    if not unknown:
        return 0, 0
    run_columns = b"\t" + line((rules_version,))
    captures: dict[tuple[bytes, bytes], bytes] = {}
    sightings: dict[tuple[bytes, bytes], bytes] = {}
    for each in unknown:  # sorted, so the greatest of several results for one text comes last
        record = each.record
        captures[record.article_id.bytes, record.original_sha256] = each.capture
        sightings.setdefault((record.article_id.bytes, each.sighting_sha256), each.sighting)
    cursor.copy_expert(query("load_copy_capture"), rows_file(part + run_columns for part in captures.values()))
    run_column = b"\t" + line((run_id,))
    cursor.copy_expert(query("load_copy_sighting"), rows_file(part + run_column for part in sightings.values()))
    kill_point("load_after_copy")
    cursor.execute(query("load_sources"))
    cursor.execute(query("load_articles"))
    inserted = {article_id for (article_id,) in cursor.fetchall()}
    cursor.execute(query("load_lock"))
    cursor.execute(query("load_new_texts"), {"rules_version": rules_version})
    updated = sum(texts - (article_id in inserted) for article_id, texts in cursor.fetchall())
    cursor.execute(query("load_captures"))
    cursor.execute(query("load_sightings"))
    cursor.execute(query("load_queue"))
    return len(inserted), updated


def _quarantine(cursor: Cursor, run_id: int, loaded: list[bytes], rejects: Sequence[Reject]) -> None:
    distinct = {reject_key(reject): reject for reject in rejects}
    if distinct:
        lines = [reject_line(distinct[key], run_id) for key in sorted(distinct)]
        cursor.copy_expert(query("load_copy_reject"), rows_file(lines))
    cursor.execute(query("load_quarantine_lock"), {"origins": loaded})
    if cursor.rowcount and loaded:
        cursor.execute(query("load_resolve"), {"origins": loaded})
    if distinct:
        cursor.execute(query("load_rejects"))


def _only_row(cursor: Cursor) -> tuple[Any, ...]:
    found = cursor.fetchone()
    if found is None:
        raise RuntimeError("a query that always gives a row gave none")
    return found
