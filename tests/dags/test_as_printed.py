"""Every command that the README prints: run here as printed, or named with the place where it runs."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.dags.conftest import RunningAirflow

pytestmark = pytest.mark.airflow

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")

OWN = "test_own_files_as_printed"
# Commands that are not run by the tests below, and why.
ELSEWHERE = {
    "make demo": "the fixture airflow, by tools/demo.py",
    "make test": "what runs this",
    "make up": "the fixture airflow",
    "cp .env.example .env     # then fill in the secrets it asks for": "needs Docker; marked as not run",
    "docker compose up -d": "needs Docker; marked as not run",
    ".venv/bin/klartext sources add https://publisher.example": "test_acquire_sources.py, on loopback",
    ".venv/bin/klartext acquire --load": "test_acquire_runs.py, on loopback",
    ".venv/bin/klartext ingest path/to/dump.jsonl path/to/folder": OWN,
    ".venv/bin/klartext ingest dump.csv --map text=body,url=permalink --source my-dump": OWN,
}


def commands() -> list[str]:
    """The lines of the README's code blocks that are commands."""
    found = []
    for language, block in re.findall(r"^```(\w*)\n(.*?)^```", README, re.M | re.S):
        if language:
            continue
        for line in block.splitlines():
            text = line.removeprefix("$ ")
            if re.match(r"(make|tools/|\.venv/|docker |cp |klartext )", text):
                found.append(text)
    return found


def here(airflow: RunningAirflow, command: str, **variables: str) -> str:
    """Runs a command as printed, in the checkout."""
    done = subprocess.run(
        ["bash", "-c", command],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**airflow.environment, **variables},
    )
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


def test_every_command_is_known() -> None:
    known = [command for command in commands() if command in ELSEWHERE or command in RUN]
    assert sorted(commands()) == sorted(known)
    assert set(ELSEWHERE) <= set(commands())


TRIGGER = """tools/airflow.sh dags trigger process --conf "{\\"paths\\": [\\"$PWD/examples/sample\\"]}\""""
BACKFILL = "tools/airflow.sh backfill create --dag-id process --from-date 2024-01-15 --to-date 2024-01-17"
QUERY = ".venv/bin/klartext query stripped-most"
RUN = (TRIGGER, BACKFILL, QUERY)


def test_trigger_backfill_and_first_query_as_printed(airflow: RunningAirflow) -> None:
    inputs = Path(airflow.environment["KLARTEXT_INPUT_ROOTS"])
    shutil.copytree(ROOT / "examples", inputs / "examples", dirs_exist_ok=True)
    # The same command from another folder, since this Airflow may read other folders than the checkout's.
    script = TRIGGER.replace("tools/airflow.sh", shlex.quote(str(ROOT / "tools" / "airflow.sh")))
    before = {run["dag_run_id"] for run in airflow.runs()}
    done = subprocess.run(
        ["bash", "-c", script], check=False, capture_output=True, text=True, cwd=inputs, env=airflow.environment
    )
    assert done.returncode == 0, done.stderr
    (run_id,) = {run["dag_run_id"] for run in airflow.runs()} - before
    assert airflow.wait(run_id) == ["success"]
    counts = airflow.result(run_id, "check")
    assert (counts["read"], counts["rejected"]) == (12, 1)

    for day in sorted((ROOT / "examples" / "dated").iterdir()):
        shutil.copytree(day, inputs / day.name, dirs_exist_ok=True)
    before = {run["dag_run_id"] for run in airflow.runs()}
    here(airflow, BACKFILL)
    made = {run["dag_run_id"] for run in airflow.runs()} - before
    assert len(made) == 3
    assert set(airflow.wait(*sorted(made))) == {"success"}
    read = [airflow.result(run_id, "check") for run_id in sorted(made)]
    assert [counts["read"] for counts in read] == [2, 1, 2]
    assert all(counts["inserted"] == 0 for counts in read)  # the sample brought them

    table = here(airflow, QUERY)
    assert "newsletter" in table


def test_own_files_as_printed(airflow: RunningAirflow, tmp_path: Path) -> None:
    body = "Der Deich bei Altmoor wird im Sommer um einen halben Meter erhöht, teilte der Verband am Montag mit."
    (tmp_path / "path" / "to" / "folder").mkdir(parents=True)
    record = json.dumps({"url": "https://deich.example/1", "text": body})
    (tmp_path / "path" / "to" / "dump.jsonl").write_text(record + "\n")
    (tmp_path / "path" / "to" / "folder" / "a.txt").write_text("date: 2024-05-01\n" + body)
    (tmp_path / "dump.csv").write_text(f'permalink,body\nhttps://deich.example/2,"{body}"\n')
    for command in [text for text in commands() if text.startswith(".venv/bin/klartext ingest")]:
        done = subprocess.run(
            ["bash", "-c", command.replace(".venv/bin/klartext", shlex.quote(str(ROOT / ".venv/bin/klartext")))],
            check=False,
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=airflow.environment,
        )
        assert done.returncode == 0, done.stderr
    found = airflow.rows("SELECT url FROM news.article WHERE text LIKE 'Der Deich bei Altmoor%' ORDER BY url")
    assert [row["url"] for row in found] == ["https://deich.example/1", "https://deich.example/2", None]
