"""Applies the numbered migrations in ``sql/migrations``, one at a time, each in one transaction.

yoyo-migrations knows the order and keeps the books. Two of its ways are replaced: it commits a migration and marks
it as applied in two transactions, and it locks by a row that a killed process leaves behind. Here a migration and
its mark are one transaction, and a session's advisory lock lets one migrate at a time.
"""

from __future__ import annotations

import contextlib
import glob
import socket
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812
from yoyo import read_migrations
from yoyo.backends.core.postgresql import PostgresqlBackend
from yoyo.migrations import Migration, MigrationList

from etl.database import Target, connected, lost
from etl.errors import KlartextError
from etl.load.killpoint import kill_point
from etl.share import query, share_root


class MigrationError(KlartextError):
    """The database couldn't be prepared or upgraded. What was applied before stays; run it again."""


@dataclass(frozen=True, slots=True)
class MigrationResult:
    """What ``migrate`` did.

    Attributes:
        applied: names of the migrations that this call applied, in order.
        version: name of the newest migration that the database has.
    """

    applied: tuple[str, ...]
    version: str


class _Backend(PostgresqlBackend):  # type: ignore[misc] # yoyo has no types
    """yoyo's books, kept in schema ``klartext`` over a connection of ours."""

    log_table = "migration_log"
    version_table = "migration_version"

    def __init__(self, connection: Connection) -> None:
        self._ours = connection
        super().__init__(connection.dsn, "migration")

    def connect(self, dburi: object) -> Connection:
        self.schema = "klartext"
        return self._ours

    def list_tables(self, **kwargs: Any) -> list[str]:
        cursor = self.execute(self.list_tables_sql, {"schema": self.schema})
        return [row[0] for row in cursor.fetchall()]

    @contextlib.contextmanager
    def lock(self, timeout: float = 0) -> Iterator[None]:
        yield

    def get_log_data(self, migration: Migration | None = None, operation: str = "apply") -> dict[str, Any]:
        # The library asks the operating system for a user name and the network for a full host name; either can
        # fail in a container.
        return {
            "id": str(uuid.uuid4()),
            "migration_id": migration.id if migration else None,
            "migration_hash": migration.hash if migration else None,
            "username": self._ours.info.user,
            "hostname": socket.gethostname(),
            "created_at_utc": datetime.now(UTC).replace(tzinfo=None),
            "operation": operation,
        }

    def apply_one(self, migration: Migration, force: bool = False, mark: bool = True) -> None:
        self.ensure_internal_schema_updated()
        with self.transaction():
            self.execute("SET LOCAL search_path = pg_catalog, pg_temp")
            # The whole file in one go: the server splits statements better than a parser on this side can.
            self.execute(Path(migration.path).read_text(encoding="utf-8"))
            self.execute("SET LOCAL search_path = klartext")
            self.log_migration(migration, "apply")
            self.mark_one(migration, log=False)
            kill_point("migrate_before_commit")
        kill_point("migrate_after_commit")


def _migrations() -> MigrationList:
    folder = share_root() / "sql" / "migrations"
    found = read_migrations(glob.escape(str(folder)))
    if not found:
        raise MigrationError(f"there are no migrations in {folder}", fix="install klartext again")
    return found


def pending(target: Target) -> list[str]:
    """Names of the migrations that ``migrate`` would apply, in order. Changes nothing.

    Raises:
        DatabaseUnavailableError: nothing answers there.
    """
    with connected(target) as connection, connection.cursor() as cursor:
        cursor.execute(query("migrate_is_set_up"))
        (set_up, _) = cursor.fetchone() or (False, "")
        applied: set[str] = set()
        if set_up:
            cursor.execute(query("migrate_applied"))
            applied = {row[0] for row in cursor.fetchall()}
    return sorted(migration.id for migration in _migrations() if migration.id not in applied)


def migrate(target: Target) -> MigrationResult:
    """Prepares or upgrades the database: roles, schemas and every migration that isn't applied yet.

    Safe to run at any time, also twice at once and after a kill; with nothing to do it changes nothing.

    Raises:
        DatabaseUnavailableError: nothing answers there, or the server went away.
        MigrationError: the login lacks a right (the message says which and how to give it), the database's
            encoding isn't UTF8, or a migration failed.
    """
    with connected(target, application="klartext migrate") as connection:
        connection.autocommit = True
        try:
            return _migrate(connection, target)
        except psycopg2.OperationalError as error:
            raise lost(error, target) from None
        except psycopg2.Error as error:
            raise MigrationError(
                f"the database {target.label} can't be migrated: {' '.join(str(error).split())}",
                fix="nothing of the failed migration was kept; mend this and run klartext migrate again",
            ) from None


def _migrate(connection: Connection, target: Target) -> MigrationResult:
    with connection.cursor() as cursor:
        cursor.execute(query("migrate_lock"))
        cursor.execute(query("migrate_is_set_up"))
        (_, encoding) = cursor.fetchone() or (False, "")
        if encoding != "UTF8":
            raise MigrationError(
                f"the database {target.label} has the encoding {encoding}; news needs UTF8",
                fix="make another one: CREATE DATABASE klartext ENCODING 'UTF8' TEMPLATE template0",
            )
        _prepare(connection, target)
    with _Backend(connection) as backend:
        backend.ensure_internal_schema_updated()
        waiting = backend.to_apply(_migrations())
        with connection.cursor() as cursor:
            cursor.execute(query("migrate_database"))
        if waiting:
            with connection.cursor() as cursor:
                cursor.execute(query("migrate_bookkeeping"))
            for migration in waiting:
                backend.apply_one(migration)
        with connection.cursor() as cursor:
            cursor.execute(query("migrate_applied"))
            version = cursor.fetchall()[-1][0]
        return MigrationResult(tuple(migration.id for migration in waiting), version)


def _prepare(connection: Connection, target: Target) -> None:
    with connection.cursor() as cursor:
        try:
            cursor.execute(query("migrate_roles"))
        except psycopg2.errors.InsufficientPrivilege:
            raise MigrationError(
                f"the login of {target.label} may not create the roles klartext_reader and klartext_writer",
                fix="let an administrator run: CREATE ROLE klartext_reader; CREATE ROLE klartext_writer;"
                " then run klartext migrate again",
            ) from None
        try:
            cursor.execute(query("migrate_schema"))
        except psycopg2.errors.InsufficientPrivilege:
            user, database = connection.info.user, connection.info.dbname
            raise MigrationError(
                f"the login of {target.label} may not create schemas",
                fix=f'let the database\'s owner run: GRANT CREATE ON DATABASE "{database}" TO "{user}";'
                " then run klartext migrate again",
            ) from None
