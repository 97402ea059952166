"""Killed with SIGKILL at every named place, and the same command run again: the result of an undisturbed run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import closing

import pytest

from etl.database import Target, connect
from etl.load import checksum
from etl.load.killpoint import KILL_POINTS, VARIABLE
from etl.load.migrate import pending

pytestmark = pytest.mark.integration

# The whole of what a command does: prepare, load in batches of one run, settle.
WORK = """
import sys
from contextlib import closing
from etl.database import Target, connect
from etl.load import finish_run, load_batch, settle, start_run
from etl.load.migrate import migrate
from tests.records import corpus

owner, writer, run = sys.argv[1:4]
migrate(Target(owner, "owner"))
with closing(connect(Target(writer, "writer"))) as connection:
    run_id = int(run) if run != "new" else start_run(connection, "ingest")
    print(run_id, flush=True)
    items = corpus(21, articles=20)
    for begin in range(0, len(items), 16):
        load_batch(connection, run_id, f"from {begin}", items[begin : begin + 16])
    settle(connection, chunk=6)
    counts = finish_run(connection, run_id)
    print(counts.outcomes, counts.duplicates)
"""


def work(database, run: str = "new", kill_at: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **({VARIABLE: kill_at} if kill_at else {})}
    return subprocess.run(
        [sys.executable, "-c", WORK, database("owner"), database("writer"), run],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
        timeout=120,
    )


def state(database) -> tuple[str, int, int]:
    """Checksum, search documents and entries of the quarantine."""
    with closing(connect(Target(database("writer"), "test"))) as connection:
        total = checksum(connection)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT (SELECT count(*) FROM klartext.search_document), (SELECT count(*) FROM klartext.quarantine),"
                " (SELECT count(*) FROM klartext.settle_queue)"
            )
            documents, quarantined, waiting = cursor.fetchone()
        assert waiting == 0
        return total, documents, quarantined


@pytest.fixture(scope="module")
def undisturbed(postgres, template):
    """State and counts of a run that nobody killed."""
    postgres.create_database("undisturbed", template=template)

    def url(role: str) -> str:
        return postgres.url(role, "undisturbed")

    done = work(url)
    assert done.returncode == 0, done.stderr
    yield state(url), done.stdout.splitlines()[1]
    postgres.drop_database("undisturbed")


@pytest.mark.parametrize("place", [name for name in KILL_POINTS if not name.startswith("migrate")])
@pytest.mark.parametrize("retry", ["same run", "new run"])
def test_killed_and_run_again(database, undisturbed, place, retry):
    killed = work(database, kill_at=place)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    run = killed.stdout.split()[0]
    again = work(database, run=run if retry == "same run" else "new")
    assert again.returncode == 0, again.stderr
    expected_state, expected_counts = undisturbed
    assert state(database) == expected_state
    if retry == "same run":  # what was committed before the kill counts once
        assert again.stdout.splitlines()[1] == expected_counts


@pytest.mark.parametrize("place", ["migrate_before_commit", "migrate_after_commit"])
def test_killed_in_a_migration_and_run_again(postgres, undisturbed, place):
    name = f"killed_{place}"
    postgres.drop_database(name)
    postgres.create_database(name)

    def url(role: str) -> str:
        return postgres.url(role, name)

    try:
        killed = work(url, kill_at=place)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        assert pending(Target(url("owner"), "killed"))
        again = work(url)
        assert again.returncode == 0, again.stderr
        assert pending(Target(url("owner"), "killed")) == []
        assert state(url) == undisturbed[0]
        assert again.stdout.splitlines()[1] == undisturbed[1]
    finally:
        postgres.drop_database(name)


def test_every_place_is_tested():
    assert {name.partition("_")[0] for name in KILL_POINTS} == {"load", "settle", "migrate"}
