"""Queries of people: one statement, as the reader, in a read-only transaction.

A statement is never sent to the server as it stands, where a semicolon could end the transaction that protects the
corpus: it is a parameter of a function that opens it as a cursor, and a cursor is one query. A server of one's own
should give klartext a login of the reader's (``KLARTEXT_READER_DATABASE_URL``); with another login the query runs
after ``SET ROLE klartext_reader``, still one statement and still read-only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psycopg2
from psycopg2 import errorcodes
from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from etl.database import Target, connect, lost
from etl.errors import KlartextError, UsageError
from etl.share import query, share_root

TIMEOUT_SECONDS: Final = 300.0
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")


class QueryError(KlartextError):
    """The database refuses the query; its own words are in the message."""


def cookbook() -> dict[str, str]:
    """The cookbook's entries: name to description, the first line of ``sql/cookbook/NAME.sql``."""
    return {path.stem: _description(path) for path in sorted((share_root() / "sql" / "cookbook").glob("*.sql"))}


def _description(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        return file.readline().removeprefix("--").strip()


def resolve_query(text: str) -> str:
    """The SQL that a query argument stands for: itself, or the cookbook entry of that name.

    Raises:
        UsageError: it is one word that names no entry.
    """
    name = text.strip()
    if not _NAME.fullmatch(name):
        return text
    for candidate in (name, name.replace("_", "-")):
        path = share_root() / "sql" / "cookbook" / f"{candidate}.sql"
        if path.is_file():
            return path.read_text(encoding="utf-8")
    raise UsageError(
        f"the cookbook has no entry named {name}", fix="klartext query --list shows them; or give a SELECT"
    )


def run_reader_query(
    target: Target, sql: str, *, timeout_seconds: float = TIMEOUT_SECONDS
) -> tuple[list[str], Iterator[tuple[Any, ...]]]:
    """Runs one statement that reads, or the cookbook entry of that name.

    Args:
        target: of ``resolve("reader")``.
        sql: a SELECT (also WITH, VALUES, TABLE, EXPLAIN), or a name. Tables without a schema are looked up in
            ``news``.
        timeout_seconds: for each step of the server; 0 for none.

    Returns:
        Column names, and the rows as they come, 1,000 at a time; the connection closes when they are read or dropped.

    Raises:
        UsageError: it is one word that names no cookbook entry.
        QueryError: the database refuses it: a mistake, something that isn't readable, a second statement, a write,
            or the timeout. Also while rows are read.
        DatabaseUnavailableError: nothing answers there, or the server went away.
    """
    statement = resolve_query(sql)
    connection = connect(target, application="klartext query")
    try:
        cursor = connection.cursor()
        cursor.execute(query("reader_begin"), {"timeout": int(timeout_seconds * 1000)})
        _become_reader(cursor, target)
        cursor.execute(query("reader_open"), {"statement": statement.strip().rstrip(";")})
        cursor.execute(query("reader_describe"))
        columns = [column.name for column in cursor.description or ()]
    except psycopg2.Error as error:
        connection.close()
        raise _explain(error, target) from None
    except BaseException:
        connection.close()
        raise
    return columns, _rows(connection, cursor, target)


def _become_reader(cursor: Cursor, target: Target) -> None:
    if target.own_reader:
        return
    try:
        cursor.execute(query("reader_role"))
    except (psycopg2.errors.InsufficientPrivilege, psycopg2.errors.InvalidParameterValue):
        raise QueryError(
            f"the login of {target.label} can't take the role klartext_reader",
            fix="run klartext migrate once, let an administrator GRANT klartext_reader to it,"
            " or set KLARTEXT_READER_DATABASE_URL to a login that only reads",
        ) from None


def _rows(connection: Connection, cursor: Cursor, target: Target) -> Iterator[tuple[Any, ...]]:
    try:
        while True:
            cursor.execute(query("reader_fetch"))
            rows = cursor.fetchall()
            if not rows:
                return
            yield from rows
    except psycopg2.Error as error:
        raise _explain(error, target) from None
    finally:
        connection.close()


def _explain(error: psycopg2.Error, target: Target) -> KlartextError:
    code = error.pgcode or ""
    if not code or code.startswith(("08", "57P")):
        return lost(error, target)
    message = " ".join((error.diag.message_primary or str(error)).split())
    fix = error.diag.message_hint or ""
    if code == errorcodes.QUERY_CANCELED:
        message, fix = "the query took too long and was stopped", "ask for less, or for a narrower time"
    elif code == errorcodes.INVALID_CURSOR_DEFINITION:
        message, fix = f"this is no single query that reads: {message}", "give one SELECT"
    elif code in (errorcodes.INSUFFICIENT_PRIVILEGE, errorcodes.READ_ONLY_SQL_TRANSACTION):
        fix = "klartext query reads the views of schema news only"
    elif code == errorcodes.INVALID_SCHEMA_NAME or (
        code == errorcodes.UNDEFINED_FUNCTION and "open_query" in message
    ):
        fix = "run klartext migrate first"
    return QueryError(f"the query failed: {message}", fix=fix)
