"""The DAGs that acquire, through a running scheduler: live sources, an archive's days, and what follows by itself."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from serve_site import KINDS, ROOT, open_site, sources

from tests.acquire_server import Asked, Reply, serving
from tests.dags.conftest import RunningAirflow, until
from tests.integration.test_acquire_ccnews import FILES

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(900)]

SITES = sorted(KINDS)
DEAD = """
[[source]]
name = "dead"
kind = "feed"
url = "http://127.0.0.1:{port}/feed.xml"
"""
ARCHIVE = """
allow_private = true
[[source]]
name = "archive"
kind = "ccnews"
url = "{base}"
delay = 0
domains = ["morgenblatt.example"]
languages = ["de"]
"""


def sources_file(airflow: RunningAirflow, text: str) -> str:
    """A sources file in the home that no scheduled run looks at."""
    file = airflow.home / "of-a-test.toml"
    file.write_text(text)
    return str(file)


@pytest.fixture
def sites() -> Iterator[str]:
    """A sources file for three news sites that are being served."""
    servers = {f"live-{name}": open_site(ROOT / name, number, 0) for number, name in enumerate(SITES)}
    for server in servers.values():
        threading.Thread(target=server.serve_forever, daemon=True).start()
    yield sources({name: "http://{}:{}".format(*server.server_address[:2]) for name, server in servers.items()})
    for server in servers.values():
        server.shutdown()
        server.server_close()


def unused_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def asset_paths(airflow: RunningAirflow, run_id: str) -> list[str]:
    """What the landing asset's events of a run say."""
    events = airflow.get("assets/events", source_dag_id="acquire", source_run_id=run_id)["asset_events"]
    return [path for event in events for path in event["extra"]["paths"]]


def backfills(airflow: RunningAirflow, dag: str) -> list[dict[str, Any]]:
    return list(airflow.get("backfills", dag_id=dag)["backfills"])


def test_what_is_acquired_is_processed_by_itself(airflow: RunningAirflow, sites: str) -> None:
    known = set(airflow.new_runs(set()))
    file = sources_file(airflow, sites + DEAD.format(port=unused_port()))
    run = airflow.trigger("acquire", sources=[*(f"live-{name}" for name in SITES), "dead"], file=file)
    assert airflow.wait(run, dag="acquire") == ["success"]
    # A task a source; the one that can't be had fails by itself and says why.
    tasks = airflow.tasks(run, "acquire")
    assert tasks == {"due": ["success"], "fetch": ["success"] * 3 + ["failed"], "announce": ["success"]}
    assert "dead: " in airflow.log(run, "fetch", dag="acquire", map_index=3)
    landed = [path for number in range(3) for path in airflow.result(run, "fetch", number, dag="acquire")]
    assert len(landed) == 3
    assert asset_paths(airflow, run) == landed
    told = airflow.rows("SELECT kind, outcome FROM news.fetch_log WHERE source = 'dead'")
    assert told == [{"kind": "feed", "outcome": "connection_error"}]

    # The asset's event starts the DAG that loads.
    (loaded,) = until(lambda: airflow.new_runs(known, run_type="asset_triggered"), "a run on what has landed")
    assert airflow.wait(loaded) == ["success"]
    counts = airflow.result(loaded, "check")
    assert (counts["read"], counts["inserted"], counts["rejected"]) == (12, 12, 0)

    # Its day once more: nothing changes.
    checksum = airflow.klartext("checksum")
    today = datetime.now(UTC).date().isoformat()
    again = airflow.trigger(day=today)
    assert airflow.wait(again) == ["success"]
    counts = airflow.result(again, "check")
    assert counts["read"] >= 12
    assert counts["inserted"] == counts["updated"] == 0
    assert airflow.klartext("checksum") == checksum


def test_a_source_that_is_not_due_is_left_alone(airflow: RunningAirflow, sites: str) -> None:
    file = sources_file(airflow, sites)
    first = airflow.trigger("acquire", sources=["live-talbote"], file=file)
    assert airflow.wait(first, dag="acquire") == ["success"]
    due = airflow.trigger("acquire", file=file)
    unknown = airflow.trigger("acquire", sources=["talbot"], file=file)
    outside = airflow.trigger("acquire", file="/etc/passwd")
    only = airflow.home / "dead-only.toml"
    only.write_text("allow_private = true\n" + DEAD.format(port=unused_port()).replace("dead", "silent"))
    dead = airflow.trigger("acquire", file=str(only))
    assert airflow.wait(due, unknown, outside, dead, dag="acquire") == ["success", "failed", "failed", "failed"]
    names = [name for group in airflow.result(due, "due", dag="acquire") for name in group]
    assert "live-talbote" not in names
    assert "there is no source 'talbot'" in airflow.log(unknown, "due", dag="acquire")
    assert "outside the home" in airflow.log(outside, "due", dag="acquire")


def test_an_archive_and_what_came_of_it_are_backfilled_by_day(airflow: RunningAirflow) -> None:
    def serve(asked: Asked) -> Reply:
        data = FILES.get(asked.path.lstrip("/"))
        return Reply(status=404) if data is None else Reply(data, type="application/gzip")

    days = ("--from-date", "2026-10-30", "--to-date", "2026-10-31")
    configured = airflow.home / "sources.toml"
    before = configured.read_text()
    with serving() as server:
        server.routes["*"] = serve
        configured.write_text(ARCHIVE.format(base=server.listen()) + before)
        known = set(airflow.new_runs(set(), "acquire_archive"))
        done = airflow.stack("airflow", "backfill", "create", "--dag-id", "acquire_archive", *days)
        assert done.returncode == 0, done.stdout + done.stderr
        runs = airflow.new_runs(known, "acquire_archive", run_type="backfill")
        assert len(runs) == 2
        assert airflow.wait(*runs, dag="acquire_archive") == ["success"] * 2
    configured.write_text(before)
    landed = [path for run in runs for path in airflow.result(run, "fetch", 0, dag="acquire_archive")]
    assert {path.split("/")[-3] for path in landed} == {"date=2026-10-30", "date=2026-10-31"}

    known = set(airflow.new_runs(set()))
    done = airflow.stack("airflow", "backfill", "create", "--dag-id", "process", *days)
    assert done.returncode == 0, done.stdout + done.stderr
    runs = airflow.new_runs(known, run_type="backfill")
    assert len(runs) == 2
    assert airflow.wait(*runs) == ["success"] * 2
    found = airflow.rows("SELECT url FROM news.article WHERE url LIKE '%morgenblatt.example%' ORDER BY url")
    assert [row["url"] for row in found] == [
        "https://morgenblatt.example/5",
        "https://morgenblatt.example/6",
        "https://www.morgenblatt.example/1",
    ]

    # The same days again, as the UI asks for them: nothing changes.
    checksum = airflow.klartext("checksum")
    known = set(airflow.new_runs(set()))
    until(lambda: all(each["completed_at"] for each in backfills(airflow, "process")), "the end of the backfill")
    asked = {"dag_id": "process", "from_date": "2026-10-30T00:00:00Z", "to_date": "2026-10-31T00:00:00Z"}
    again = {"reprocess_behavior": "completed", "run_backwards": False, "dag_run_conf": {}}
    airflow.post("backfills", asked | again)
    assert airflow.wait(*runs) == ["success"] * 2
    until(lambda: sum(airflow.result(run, "check")["unchanged"] for run in runs) == 3, "the days to be read again")
    assert airflow.klartext("checksum") == checksum
