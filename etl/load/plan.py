"""What planned runs have to read and what they have read: the bookkeeping that lets a sweep lose nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg2.extensions import connection as Connection  # noqa: N812

from etl.share import query


@dataclass(frozen=True, slots=True)
class Missing:
    """A batch that wasn't loaded to its end: how many files, and the first of them."""

    batch_key: str
    pieces: int
    first_path: str


def run_named(connection: Connection, name: str) -> int | None:
    """The run that goes on under an orchestrator's name, so that planning again doesn't begin another."""
    with connection.cursor() as cursor:
        cursor.execute(query("run_named"), {"name": name})
        found = cursor.fetchone()
    connection.commit()
    return int(found[0]) if found else None


def note_pieces(connection: Connection, run_id: int, pieces: Sequence[tuple[str, str, str]]) -> None:
    """Notes the ``(piece_key, batch_key, path)`` of a run, and commits that."""
    distinct = {piece[0]: piece for piece in pieces}
    with connection.cursor() as cursor:
        cursor.execute(
            query("plan_pieces"),
            {
                "run_id": run_id,
                "piece_keys": [piece[0] for piece in distinct.values()],
                "batch_keys": [piece[1] for piece in distinct.values()],
                # A file name that is no UTF-8 has lone surrogates here, which PostgreSQL doesn't hold.
                "paths": [piece[2].encode("utf-8", "backslashreplace").decode() for piece in distinct.values()],
            },
        )
    connection.commit()


def finished_pieces(connection: Connection, keys: Sequence[str]) -> set[str]:
    """Those of the keys whose pieces some run has read to their end."""
    with connection.cursor() as cursor:
        cursor.execute(query("plan_finished"), {"piece_keys": list(keys)})
        found = {key for (key,) in cursor.fetchall()}
    connection.commit()
    return found


def finish_batch(connection: Connection, run_id: int, batch_key: str) -> None:
    """Notes that a batch's pieces were read and loaded to their end, and commits that."""
    with connection.cursor() as cursor:
        cursor.execute(query("plan_finish_batch"), {"run_id": run_id, "batch_key": batch_key})
    connection.commit()


def missing_batches(connection: Connection, run_id: int) -> list[Missing]:
    """The batches of a run that weren't loaded to their end."""
    with connection.cursor() as cursor:
        cursor.execute(query("plan_missing"), {"run_id": run_id})
        found = [Missing(*row) for row in cursor.fetchall()]
    connection.commit()
    return found


def internal_errors(connection: Connection, run_id: int) -> tuple[int, str | None]:
    """How many records of a run klartext itself failed on, and one of them."""
    with connection.cursor() as cursor:
        cursor.execute(query("run_internal_errors"), {"run_id": run_id})
        count, example = cursor.fetchone() or (0, None)
    connection.commit()
    return int(count), example
