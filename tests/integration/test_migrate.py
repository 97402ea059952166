"""Migrations: what they make, who may use it, and that they survive company and death."""

from __future__ import annotations

import multiprocessing
import subprocess
from contextlib import closing

import psycopg2
import pytest

from etl.database import Target, connected
from etl.load import checksum, load_batch, settle, start_run
from etl.load.migrate import MigrationError, migrate, pending
from etl.load.query import run_reader_query
from etl.postgres import _binaries, dump
from etl.share import share_root
from tests.records import corpus
from tests.schema_dump import SCHEMA, schema_of

pytestmark = pytest.mark.integration


@pytest.fixture
def empty(postgres):
    """An empty database's name."""
    name = "migrate_me"
    postgres.drop_database(name)
    postgres.create_database(name)
    yield name
    postgres.drop_database(name)


def rows(url, statement, parameters=None):
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall()


def all_migrations():
    return sorted(path.stem for path in (share_root() / "sql" / "migrations").glob("*.sql"))


def test_migrate_applies_everything_once(postgres, empty):
    target = Target(postgres.url("owner", empty), "empty")
    assert pending(target) == all_migrations()
    first = migrate(target)
    assert list(first.applied) == all_migrations()
    assert first.version == all_migrations()[-1]
    assert pending(target) == []
    second = migrate(target)
    assert second.applied == ()
    assert second.version == first.version


def test_pending_changes_nothing(postgres, empty):
    pending(Target(postgres.url("owner", empty), "empty"))
    assert rows(postgres.url("owner", empty), "SELECT to_regnamespace('klartext')") == [(None,)]


def _migrate(url, queue):
    queue.put(len(migrate(Target(url, "shared")).applied))


def test_two_at_once(postgres, empty):
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    url = postgres.url("owner", empty)
    both = [context.Process(target=_migrate, args=(url, queue)) for _ in range(2)]
    for process in both:
        process.start()
    applied = sorted(queue.get(timeout=60) for _ in both)
    for process in both:
        process.join(timeout=60)
        assert process.exitcode == 0
    assert applied == [0, len(all_migrations())]


def test_a_lock_row_of_a_killed_process_is_no_obstacle(postgres, empty):
    """yoyo's own lock table isn't even made."""
    migrate(Target(postgres.url("owner", empty), "empty"))
    found = rows(postgres.url("owner", empty), "SELECT to_regclass('klartext.yoyo_lock')")
    assert found == [(None,)]


def test_a_failing_migration_leaves_nothing(postgres, empty, monkeypatch, tmp_path):
    folder = tmp_path / "sql" / "migrations"
    folder.mkdir(parents=True)
    for path in (share_root() / "sql" / "migrations").glob("*.sql"):
        (folder / path.name).write_text(path.read_text())
    (folder / "9999.broken.sql").write_text("CREATE TABLE klartext.half (a integer);\nSELECT 1/0;\n")
    monkeypatch.setattr("etl.load.migrate.share_root", lambda: tmp_path)
    target = Target(postgres.url("owner", empty), "empty")
    with pytest.raises(MigrationError, match="division by zero"):
        migrate(target)
    assert pending(target) == ["9999.broken"]
    assert rows(target.dsn, "SELECT to_regclass('klartext.half')") == [(None,)]
    (folder / "9999.broken.sql").write_text("CREATE TABLE klartext.half (a integer);\n")
    assert migrate(target).applied == ("9999.broken",)


def test_schema_file_is_what_the_migrations_give(database):
    assert SCHEMA.read_text(encoding="utf-8") == schema_of(database("owner")), (
        "sql/schema.sql is out of date; write it anew with: python -m tests.schema_dump"
    )


UNCOMMENTED = """
    SELECT c.oid::regclass::text || coalesce('.' || a.attname, '')
      FROM pg_class AS c
      LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
       AND c.relkind IN ('r', 'v', 'm', 'p')
     WHERE c.relnamespace IN ('klartext'::regnamespace, 'news'::regnamespace) AND c.relkind IN ('r', 'v', 'm', 'p')
       AND (obj_description(c.oid, 'pg_class') IS NULL OR col_description(c.oid, a.attnum) IS NULL)
    UNION ALL
    SELECT p.oid::regprocedure::text FROM pg_proc AS p
     WHERE p.pronamespace IN ('klartext'::regnamespace, 'news'::regnamespace)
       AND obj_description(p.oid, 'pg_proc') IS NULL
    UNION ALL
    SELECT nspname::text FROM pg_namespace AS n
     WHERE nspname IN ('klartext', 'news') AND obj_description(n.oid, 'pg_namespace') IS NULL
"""


def test_everything_has_a_comment(database):
    assert rows(database("owner"), UNCOMMENTED) == []


def test_nothing_is_for_everybody(database):
    """Neither tables nor functions are open to PUBLIC, and nothing of ours lies in schema public."""
    grants = rows(
        database("owner"),
        """
        SELECT 'table', c.oid::regclass::text FROM pg_class AS c, aclexplode(c.relacl) AS g
         WHERE c.relnamespace IN ('klartext'::regnamespace, 'news'::regnamespace) AND g.grantee = 0
        UNION ALL
        SELECT 'function', p.oid::regprocedure::text
          FROM pg_proc AS p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS g
         WHERE p.pronamespace IN ('klartext'::regnamespace, 'news'::regnamespace) AND g.grantee = 0
        UNION ALL
        SELECT 'public', c.oid::regclass::text FROM pg_class AS c WHERE c.relnamespace = 'public'::regnamespace
        """,
    )
    assert grants == []


def test_definer_functions_have_a_fixed_search_path(database):
    loose = rows(
        database("owner"),
        """
        SELECT oid::regprocedure::text FROM pg_proc
         WHERE pronamespace IN ('klartext'::regnamespace, 'news'::regnamespace) AND prosecdef
           AND NOT coalesce(proconfig, '{}') @> ARRAY['search_path=pg_catalog, pg_temp']
        """,
    )
    assert loose == []


@pytest.fixture
def outsider(postgres, empty):
    """A login that may neither make roles nor schemas, and its URL."""
    with closing(psycopg2.connect(postgres.url("superuser", empty))) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("DROP ROLE IF EXISTS migrate_outsider")
            cursor.execute("CREATE ROLE migrate_outsider LOGIN PASSWORD 'outside'")
    parts = psycopg2.extensions.parse_dsn(postgres.url("owner", empty))
    yield psycopg2.extensions.make_dsn(**{**parts, "user": "migrate_outsider", "password": "outside"})
    postgres.drop_database(empty)
    with closing(psycopg2.connect(postgres.url("superuser", "postgres"))) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("DROP ROLE migrate_outsider")


def test_a_login_that_may_not_make_schemas_is_told_what_to_ask_for(outsider):
    with pytest.raises(MigrationError) as caught:
        migrate(Target(outsider, "foreign"))
    assert "may not create schemas" in caught.value.message
    assert "GRANT CREATE ON DATABASE" in caught.value.fix
    assert "outside" not in caught.value.message + caught.value.fix.replace("migrate_outsider", "")


def test_a_login_that_may_not_make_roles_is_told_what_to_ask_for(outsider, monkeypatch):
    """The roles of a test server are there already, so the query asks for others here."""
    from etl.load import migrate as module

    original = module.query

    def renamed(name):
        text = original(name)
        return text.replace("'klartext_", "'missing_") if name == "migrate_roles" else text

    monkeypatch.setattr(module, "query", renamed)
    with pytest.raises(MigrationError) as caught:
        migrate(Target(outsider, "foreign"))
    assert "may not create the roles" in caught.value.message
    assert "CREATE ROLE klartext_reader" in caught.value.fix


def test_another_encoding_is_refused(postgres):
    with closing(psycopg2.connect(postgres.url("superuser", "postgres"))) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(
                "CREATE DATABASE latin OWNER klartext ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C'"
                " TEMPLATE template0"
            )
    try:
        with pytest.raises(MigrationError, match="LATIN1"):
            migrate(Target(postgres.url("owner", "latin"), "latin"))
    finally:
        postgres.drop_database("latin")


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE klartext.mine (a integer)",
        "CREATE VIEW news.mine AS SELECT 1",
        "CREATE FUNCTION news.mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        "ALTER TABLE klartext.article ADD COLUMN mine integer",
        "DROP TABLE klartext.capture CASCADE",
        "TRUNCATE klartext.capture CASCADE",
        "INSERT INTO klartext.migration VALUES ('x', 'x', now())",
        "CREATE TABLE public.mine (a integer)",
        "GRANT SELECT ON klartext.article TO klartext_reader",
    ],
)
def test_the_writer_may_not_change_the_schema(database, statement):
    with connected(Target(database("writer"), "writer")) as connection, connection.cursor() as cursor:
        if statement.startswith("GRANT"):  # PostgreSQL only warns when nothing could be granted
            cursor.execute(statement)
            cursor.execute("SELECT has_table_privilege('klartext_reader', 'klartext.article', 'SELECT')")
            assert cursor.fetchone() == (False,)
            return
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute(statement)


def test_a_dump_moves_the_corpus(postgres, database, empty, tmp_path):
    """As docs/database.md says: migrate for the roles, restore over it, migrate for the rights on the database."""
    with connected(Target(database("writer"), "old")) as connection:
        load_batch(connection, start_run(connection, "ingest"), "all", corpus(1))
        settle(connection)
        before = checksum(connection)
    file = tmp_path / "corpus.dump"
    dump(database("owner"), file)
    target = Target(postgres.url("owner", empty), "new")
    migrate(target)
    restored = subprocess.run(
        [
            str(_binaries() / "bin" / "pg_restore"),
            "--clean",
            "--if-exists",
            "--no-owner",
            f"--dbname={target.dsn}",
            file,
        ],
        check=False,
        capture_output=True,
        text=True,
    )
    assert restored.returncode == 0, restored.stderr
    assert migrate(target).applied == ()
    with connected(Target(postgres.url("writer", empty), "new")) as connection:
        assert checksum(connection) == before
        assert load_batch(connection, start_run(connection, "ingest"), "all", corpus(1)).inserted == 0
    _, found = run_reader_query(Target(postgres.url("reader", empty), "new", own_reader=True), "SELECT id FROM run")
    assert len(list(found)) == 2
    assert schema_of(target.dsn) == schema_of(database("owner"))
