"""The DAG ``process`` through a running scheduler: by hand, backfilled, on the asset, failing, cleared."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path

import psutil
import psycopg2
import pytest

from etl.postgres import EmbeddedPostgres
from tests.dags.conftest import RunningAirflow, is_alive, processes_of, until

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(900)]

LISTEN = "127.0.0.1"


def article(number: int, place: str) -> dict[str, str]:
    return {
        "url": f"https://harbour-news.example/{place}/{number}",
        "body": f"The harbour master of {place} counted {number} ships on Monday, two more than a week ago. "
        "The pilots want a third boat, and the town council will vote on it in spring.",
    }


def write(airflow: RunningAirflow, name: str, *records: dict[str, str]) -> Path:
    path = Path(airflow.environment["KLARTEXT_INPUT_ROOTS"]) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def urls(airflow: RunningAirflow, place: str) -> list[str]:
    rows = airflow.rows(f"SELECT url FROM news.article WHERE url LIKE '%/{place}/%' ORDER BY url")
    return [row["url"] for row in rows]


def test_the_demo_ran_the_dag_and_shows_what_landed(airflow: RunningAirflow) -> None:
    assert airflow.demo_output is not None
    assert airflow.demo_output.returncode == 0, airflow.demo_output.stdout + airflow.demo_output.stderr
    told = airflow.demo_output.stdout
    assert "succeeded: 24 read, 22 inserted, 1 updated, 0 unchanged, 1 rejected, 2 duplicates" in told
    assert "de.newsletter" in told
    assert "invalid_json" in told
    (run,) = (run for run in airflow.runs() if run["conf"].get("source") == "sample")
    assert run["state"] == "success"
    # Three sites, served over HTTP by the demo itself, came by the DAG that acquires.
    (acquired,) = (run for run in airflow.runs("acquire") if "/demo/" in run["conf"].get("file", ""))
    assert acquired["state"] == "success"
    served = f"http://127.%:{(airflow.home / 'demo' / 'port').read_text()}/%"
    fetched = airflow.rows(
        "SELECT source, count(*) AS pages FROM news.fetch_log"
        f" WHERE outcome = 'stored' AND url LIKE '{served}' GROUP BY 1 ORDER BY 1"
    )
    assert [tuple(row.values()) for row in fetched] == [("harbour-gazette", 4), ("talbote", 5), ("ufer-anzeiger", 3)]
    loaded = airflow.rows(
        f"SELECT source, count(*) AS pages FROM news.article WHERE url LIKE '{served}' GROUP BY 1 ORDER BY 1"
    )
    assert loaded == fetched


def test_the_demo_again_finds_everything_unchanged(airflow: RunningAirflow) -> None:
    done = airflow.command("tools/demo.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "in the Airflow on http://127.0.0.1" in done.stdout
    assert "succeeded: 24 read, 0 inserted, 0 updated, 23 unchanged, 1 rejected" in done.stdout


def test_everything_listens_on_this_machine_only(airflow: RunningAirflow) -> None:
    addresses = {
        connection.laddr.ip
        for process in processes_of(airflow.home)
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert addresses == {LISTEN}


def test_up_again_changes_nothing(airflow: RunningAirflow) -> None:
    before = airflow.state()
    again = airflow.stack("up")
    assert again.returncode == 0, again.stderr
    assert "running already" in again.stdout
    assert airflow.state() == before


def test_secrets_are_private(airflow: RunningAirflow) -> None:
    for name in ("login.json", "secrets.json", "services.json"):
        assert stat.S_IMODE((airflow.folder / name).stat().st_mode) == 0o600, name
    assert stat.S_IMODE(airflow.folder.stat().st_mode) == 0o700
    passwords = [airflow.password()]
    for role in ("writer", "airflow", "owner"):
        passwords += re.findall(r"//\w+:([^@]+)@", EmbeddedPostgres(airflow.home).url(role))  # type: ignore[arg-type]
    assert len(passwords) == 4
    processes = (each.info["cmdline"] or [] for each in psutil.process_iter(["cmdline"]))
    seen = "\n".join(" ".join(words) for words in processes)
    seen += "\n".join(log.read_text() for log in airflow.folder.rglob("*.log"))
    assert not [password for password in passwords if password in seen]


def test_a_wrong_password_is_refused(airflow: RunningAirflow) -> None:
    login = {"username": "admin", "password": "admin"}
    assert airflow.client.post("/auth/token", json=login).status_code == 401
    assert airflow.client.get("/api/v2/connections", headers={"Authorization": ""}).status_code == 401


def test_connection_pools_and_dags_are_ready(airflow: RunningAirflow) -> None:
    pools = {pool["name"]: pool["slots"] for pool in airflow.get("pools")["pools"]}
    assert {"klartext_postgres", "klartext_settle", "klartext_web"} <= set(pools)
    assert airflow.get("importErrors")["import_errors"] == []
    assert airflow.get("dags/process")["is_paused"] is False


def test_by_hand_with_parameters_and_again_without_change(airflow: RunningAirflow) -> None:
    folder = write(airflow, "byhand/a.jsonl", article(1, "Kiel"), article(2, "Kiel")).parent
    write(airflow, "byhand/b.jsonl", article(3, "Kiel"))
    conf = {"paths": [str(folder)], "source": "port-dump", "map": {"text": "body"}}
    first = airflow.trigger(**conf)
    assert airflow.wait(first) == ["success"]
    assert airflow.tasks(first) == {
        "plan": ["success"],
        "load": ["success", "success"],
        "settle": ["success"],
        "check": ["success"],
    }
    counts = airflow.result(first, "check")
    assert counts == {"read": 3, "inserted": 3, "updated": 0, "unchanged": 0, "rejected": 0, "duplicates": 0}
    assert len(urls(airflow, "Kiel")) == 3
    assert airflow.rows("SELECT DISTINCT source FROM news.article WHERE url LIKE '%/Kiel/%'") == [
        {"source": "port-dump"}
    ]
    references = airflow.result(first, "plan")
    assert len(references) == 2
    assert len(json.dumps(references)) < 1000

    # Cleared and run again, and a second run of the same: nothing changes.
    checksum = airflow.klartext("checksum")
    second = airflow.trigger(**conf)
    assert airflow.wait(second) == ["success"]
    assert airflow.result(second, "check") == {**counts, "inserted": 0, "unchanged": 3}
    assert [r["key"] for r in airflow.result(second, "plan")] == [r["key"] for r in references]
    airflow.clear(first)
    assert airflow.wait(first) == ["success"]
    assert airflow.klartext("checksum") == checksum


def test_a_backfill_of_three_days(airflow: RunningAirflow) -> None:
    for day in (1, 2, 3, 4):
        record = article(day, "Wismar")
        write(airflow, f"2026-03-0{day}/part.jsonl", {"url": record["url"], "text": record["body"]})
    # The fourth day isn't asked for: what a sweep reads meanwhile must not hide that.
    done = airflow.stack(
        "airflow", "backfill", "create", "--dag-id", "process", "--from-date", "2026-03-01", "--to-date", "2026-03-03"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    runs = [run for run in airflow.runs(run_type="backfill") if run["logical_date"].startswith("2026-03")]
    assert sorted(run["logical_date"][:10] for run in runs) == ["2026-03-01", "2026-03-02", "2026-03-03"]
    assert airflow.wait(*(run["dag_run_id"] for run in runs)) == ["success"] * 3
    assert {f"https://harbour-news.example/Wismar/{day}" for day in (1, 2, 3)} <= set(urls(airflow, "Wismar"))
    days = airflow.rows(
        "SELECT parameters->>'day' AS day, read FROM news.run WHERE parameters->>'day' LIKE '2026-03-%'"
    )
    assert sorted((row["day"], row["read"]) for row in days) == [(f"2026-03-0{day}", 1) for day in (1, 2, 3)]


def test_something_landed_starts_a_sweep_that_takes_what_is_new(airflow: RunningAirflow) -> None:
    record = article(7, "Emden")
    write(airflow, "2026-05-01/part.jsonl", {"url": record["url"], "text": record["body"]})
    known = set(airflow.new_runs(set()))
    (asset,) = airflow.get("assets", name_pattern="klartext_landing")["assets"]
    airflow.post("assets/events", {"asset_id": asset["id"], "extra": {}})
    (run,) = until(lambda: airflow.new_runs(known, run_type="asset_triggered"), "a run on the asset")
    assert airflow.get(f"dags/process/dagRuns/{run}")["logical_date"] is None
    assert airflow.wait(run) == ["success"]
    assert urls(airflow, "Emden") == [record["url"]]

    # What is finished isn't read again; a file that was replaced is.
    (sweep,) = airflow.rows("SELECT max(id) AS id FROM news.run WHERE kind = 'process'")
    again = airflow.trigger()
    assert airflow.wait(again) == ["success"]
    assert airflow.tasks(again)["load"] == ["skipped"]
    assert airflow.result(again, "check")["read"] == 0
    record = article(8, "Emden")
    write(airflow, "2026-05-01/part.jsonl", {"url": record["url"], "text": record["body"]})
    replaced = airflow.trigger()
    assert airflow.wait(replaced) == ["success"]
    assert airflow.result(replaced, "check")["inserted"] == 1
    assert sweep["id"] is not None


def test_paths_that_are_refused_fail_the_run_at_once(airflow: RunningAirflow) -> None:
    inputs = airflow.environment["KLARTEXT_INPUT_ROOTS"]
    refused = {"/etc/hostname": "outside", "https://news.example/a": "is a URL", f"{inputs}/not-there": "not-there"}
    runs = [airflow.trigger(paths=[path]) for path in refused]
    assert airflow.wait(*runs) == ["failed"] * 3
    for run, message in zip(runs, refused.values(), strict=True):
        assert airflow.tasks(run) == {
            "plan": ["failed"],
            "load": ["upstream_failed"],
            "settle": ["skipped"],
            "check": ["failed"],
        }
        assert message in airflow.log(run, "plan")


def test_parameters_are_validated(airflow: RunningAirflow) -> None:
    for conf in ({"paths": "/data"}, {"day": "yesterday"}, {"source": "../x"}, {"map": {"text": 1}}):
        answer = airflow.client.post("/api/v2/dags/process/dagRuns", json={"logical_date": None, "conf": conf})
        assert answer.status_code == 400, conf


def test_a_batch_that_fails_stops_neither_the_others_nor_settle_and_fails_the_run(airflow: RunningAirflow) -> None:
    for name in ("a", "b", "c"):
        record = article(ord(name), "Husum")
        write(airflow, f"failing/{name}.jsonl", {"url": record["url"], "text": record["body"]})
    inputs = airflow.environment["KLARTEXT_INPUT_ROOTS"]
    owner = psycopg2.connect(EmbeddedPostgres(airflow.home).url("owner"))
    owner.autocommit = True
    with owner.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION klartext.break_b() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN IF new.path LIKE '%/failing/b.jsonl' THEN RAISE 'broken on purpose'; END IF; RETURN new; END $$"
        )
        cursor.execute(
            "CREATE TRIGGER break_b BEFORE UPDATE OF finished_at ON klartext.piece "
            "FOR EACH ROW EXECUTE FUNCTION klartext.break_b()"
        )
    run = airflow.trigger(paths=[f"{inputs}/failing"])
    assert airflow.wait(run) == ["failed"]
    assert airflow.tasks(run) == {
        "plan": ["success"],
        "load": ["success", "failed", "success"],
        "settle": ["success"],
        "check": ["failed"],
    }
    assert {f"https://harbour-news.example/Husum/{ord(name)}" for name in "ac"} <= set(urls(airflow, "Husum"))
    (told,) = airflow.rows("SELECT state, message FROM news.run ORDER BY id DESC LIMIT 1")
    assert told["state"] == "failed"
    assert "failing/b.jsonl" in told["message"]

    with owner.cursor() as cursor:
        cursor.execute("DROP FUNCTION klartext.break_b() CASCADE")
    owner.close()
    airflow.clear(run, only_failed=True)
    assert airflow.wait(run) == ["success"], airflow.log(run, "check", 2)
    assert airflow.tasks(run)["load"] == ["success"] * 3
    assert len(urls(airflow, "Husum")) == 3
    assert airflow.result(run, "check")["read"] == 3


def test_status_says_what_runs(airflow: RunningAirflow) -> None:
    done = airflow.stack("status")
    assert done.returncode == 0
    assert done.stdout.count("running") == 5


def test_down_stops_what_up_started_and_nothing_else(airflow: RunningAirflow) -> None:
    """Last of all: it stops what the others use."""
    bystander = psutil.Popen(["sleep", "60"])
    try:
        # A pid that was given to somebody else meanwhile is left alone.
        state = airflow.state()
        state["services"].append(["triggerer", bystander.pid, 12345.0])
        (airflow.folder / "services.json").write_text(json.dumps(state))
        ours = processes_of(airflow.home)
        down = airflow.stack("down")
        assert down.returncode == 0, down.stderr
        assert len(ours) > 4
        assert [process for process in ours if is_alive(process)] == []
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()
    # The demo started PostgreSQL, so it goes on.
    assert EmbeddedPostgres(airflow.home).running()
    again = airflow.stack("down")
    assert again.returncode == 0
    assert "Airflow is stopped" not in again.stdout
