"""A running Airflow for the tests: the demo, then ``tools/stack.py up`` as ``make up`` does, in a home of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from etl.postgres import EmbeddedPostgres

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from stack import Stack  # noqa: E402

WAIT_SECONDS = 300.0  # a machine that others use as well


class RunningAirflow:
    """What a test asks of the running Airflow."""

    def __init__(self, home: Path, environment: dict[str, str]) -> None:
        self.home = home
        self.environment = environment
        self.folder = home / "airflow"
        self.client = httpx.Client(trust_env=False, timeout=30)
        self.demo_output: subprocess.CompletedProcess[str] | None = None

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs one of the project's own commands in this home."""
        return subprocess.run(
            [sys.executable, *arguments], check=False, capture_output=True, text=True, env=self.environment, cwd=ROOT
        )

    def stack(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs ``tools/stack.py``."""
        return self.command("tools/stack.py", *arguments)

    def klartext(self, *arguments: str) -> str:
        """Runs the command line and returns its stdout."""
        done = self.command("-m", "etl.cli", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """Rows of the corpus, read as the reader."""
        return list(json.loads(self.klartext("query", sql, "--json")))

    def state(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / "services.json").read_text()))

    def password(self) -> str:
        return str(json.loads((self.folder / "login.json").read_text())["admin"])

    def log_in(self) -> None:
        self.client.base_url = httpx.URL(f"http://127.0.0.1:{self.state()['port']}")
        answer = self.client.post("/auth/token", json={"username": "admin", "password": self.password()})
        answer.raise_for_status()
        self.client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def get(self, path: str, **parameters: Any) -> dict[str, Any]:
        answer = self.client.get(f"/api/v2/{path}", params=parameters)
        answer.raise_for_status()
        return dict(answer.json())

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self.client.post(f"/api/v2/{path}", json=body)
        assert answer.is_success, answer.text
        return dict(answer.json())

    def trigger(self, dag: str = "process", /, **conf: Any) -> str:
        """Triggers a DAG by hand, without a logical date; returns the run's id."""
        return str(self.post(f"dags/{dag}/dagRuns", {"logical_date": None, "conf": conf})["dag_run_id"])

    def clear(self, run_id: str, *, only_failed: bool = False) -> None:
        self.post(f"dags/process/dagRuns/{run_id}/clear", {"dry_run": False, "only_failed": only_failed})

    def wait(self, *run_ids: str, dag: str = "process") -> list[str]:
        """Waits until the runs have ended; their states."""
        return [str(until(lambda run=run: self._ended(dag, run), f"the end of the run {run}")) for run in run_ids]

    def _ended(self, dag: str, run_id: str) -> str | None:
        state = str(self.get(f"dags/{dag}/dagRuns/{run_id}")["state"])
        return state if state in ("success", "failed") else None

    def tasks(self, run_id: str, dag: str = "process") -> dict[str, list[str]]:
        """Task to the states of its instances, by map index."""
        found: dict[str, list[str]] = {}
        instances = self.get(f"dags/{dag}/dagRuns/{run_id}/taskInstances", limit=100)["task_instances"]
        for instance in sorted(instances, key=lambda each: each["map_index"]):
            found.setdefault(instance["task_id"], []).append(instance["state"])
        return found

    def log(self, run_id: str, task: str, attempt: int = 1, *, dag: str = "process", map_index: int = -1) -> str:
        """The log of a task's attempt, as JSON."""
        path = f"dags/{dag}/dagRuns/{run_id}/taskInstances/{task}/logs/{attempt}"
        return json.dumps(self.get(path, full_content=True, map_index=map_index))

    def runs(self, dag: str = "process", **parameters: Any) -> list[dict[str, Any]]:
        return list(self.get(f"dags/{dag}/dagRuns", limit=100, **parameters)["dag_runs"])

    def result(self, run_id: str, task: str, map_index: int = -1, *, dag: str = "process") -> Any:
        """What a task returned."""
        path = f"dags/{dag}/dagRuns/{run_id}/taskInstances/{task}/xcomEntries/return_value"
        value = self.get(path, map_index=map_index, deserialize=False)["value"]
        return json.loads(value) if isinstance(value, str) else value

    def new_runs(self, known: set[str], dag: str = "process", **parameters: Any) -> list[str]:
        """The runs that weren't known, when there are some."""
        return [run["dag_run_id"] for run in self.runs(dag, **parameters) if run["dag_run_id"] not in known]


def until(check: Callable[[], Any], what: str) -> Any:
    """Waits until ``check`` gives something."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not (found := check()):
        assert time.monotonic() < deadline, f"waited {WAIT_SECONDS:.0f} s for {what}"
        time.sleep(0.5)
    return found


def processes_of(home: Path) -> list[psutil.Process]:
    """Every process that ``up`` started in this home and that is alive, workers and tasks included."""
    services = Stack(home).services()
    return [process for service in services for process in service.family()]


def is_alive(process: psutil.Process) -> bool:
    """Whether it runs; a zombie doesn't."""
    try:
        return bool(process.is_running()) and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture(scope="session")
def airflow() -> Iterator[RunningAirflow]:
    """Airflow and PostgreSQL of ``tools/stack.py up``; its home lies in a path with a space."""
    base = Path(tempfile.mkdtemp(prefix="klartext airflow "))
    base.chmod(0o755)
    home = base / "home"
    inputs = base / "inputs"
    inputs.mkdir()
    (home).mkdir()
    (home / "sources.toml").write_text(
        f'[[source]]\nname = "dump"\nkind = "folder"\npath = "{inputs}/{{date:%Y-%m-%d}}/*.jsonl"\n'
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("KLARTEXT", "AIRFLOW"))}
    environment |= {
        "KLARTEXT_HOME": str(home),
        "KLARTEXT_INPUT_ROOTS": str(inputs),
        "KLARTEXT_TASK_BYTES": "20000",  # every file is a batch
        "KLARTEXT_TASK_RETRIES": "0",
        "KLARTEXT_ACQUIRE_SOURCES": str(home / "sources.toml"),
        # A foreign Airflow's settings, which must not reach ours.
        "AIRFLOW_HOME": str(base / "not ours"),
        "AIRFLOW__CORE__EXECUTOR": "NoSuchExecutor",
        "PATH": os.environ["PATH"],
    }
    running = RunningAirflow(home, environment)
    try:
        running.demo_output = running.command("tools/demo.py")
        started = running.stack("up")
        assert started.returncode == 0, started.stdout + started.stderr
        running.log_in()
        yield running
    finally:
        started_processes = processes_of(home)
        stopped = running.stack("down")
        EmbeddedPostgres(home).stop()
        left = [process for process in started_processes if is_alive(process)]
        shutil.rmtree(base, ignore_errors=True)
        assert stopped.returncode == 0, stopped.stderr
        assert left == []
