"""Airflow on this machine: started, looked at and stopped for one klartext home.

usage: tools/stack.py up | down | status | airflow ARGUMENTS…

``up`` starts the embedded PostgreSQL and Airflow's four services one by one, each in a process group of its own
and bound to 127.0.0.1, and notes their process ids in ``KLARTEXT_HOME/airflow/services.json``. ``down`` stops
what is noted there, Airflow first, and nothing else. ``airflow`` runs Airflow's own command line against it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import httpx
import psutil
import psycopg2
from psycopg2.extensions import parse_dsn

from etl.database import Target, resolve
from etl.errors import ConfigurationError, KlartextError
from etl.postgres import EmbeddedPostgres
from etl.settings import get_settings
from etl.share import share_root

SERVICES: Final = ("api-server", "scheduler", "dag-processor", "triggerer")
DAGS: Final = ("acquire", "acquire_archive", "process")
ADDRESS: Final = "127.0.0.1"
DEFAULT_PORT: Final = 8080
USER: Final = "admin"
METADATA: Final = "airflow"  # the name of the database and of the role that owns it
START_SECONDS: Final = 180.0
TASK_SECONDS: Final = 10.0  # that running tasks have to end by themselves
STOP_SECONDS: Final = 20.0


class AirflowError(KlartextError):
    """Airflow couldn't be prepared, started or stopped."""


def pools() -> dict[str, tuple[int, str]]:
    """The pools that the DAGs' tasks run in: name to slots and description."""
    cores = os.cpu_count() or 1
    return {
        "klartext_postgres": (cores, "tasks that load into the corpus; bounds the load on PostgreSQL"),
        "klartext_settle": (1, "settling, which one task at a time can do"),
        "klartext_web": (4, "tasks that ask publishers' servers; bounds the load on the network"),
    }


@dataclass(frozen=True, slots=True)
class Service:
    """A process that ``up`` started. ``started`` is its creation time, which tells it from a later pid's owner."""

    name: str
    pid: int
    started: float

    def process(self) -> psutil.Process | None:
        """The process, when it is alive and still the one that was started."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started) < 1.0
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None

    def family(self) -> list[psutil.Process]:
        """All that belongs to it: the members of its process group, also when it is gone itself, and its children."""
        found: dict[int, psutil.Process] = {}
        process = self.process()
        if process is not None:
            found[process.pid] = process
            with contextlib.suppress(psutil.NoSuchProcess):
                found |= {child.pid: child for child in process.children(recursive=True)}
        for other in psutil.process_iter():
            with contextlib.suppress(ProcessLookupError, PermissionError, psutil.NoSuchProcess):
                # A group that outlives its leader keeps its number from being given away, and nobody else can
                # be in it; who is older than the leader shows that the number means somebody else's group.
                if os.getpgid(other.pid) == self.pid and other.create_time() >= self.started - 1.0:
                    found[other.pid] = other
        return list(found.values())


class Stack:
    """Airflow and its metadata database in one klartext home."""

    def __init__(self, home: Path) -> None:
        self.home = home.absolute()
        self.folder = self.home / "airflow"
        self.postgres = EmbeddedPostgres(self.home)
        self.passwords_file = self.folder / "login.json"
        self._secrets_file = self.folder / "secrets.json"
        self._state_file = self.folder / "services.json"
        self._migrated_file = self.folder / "migrated.json"

    # --- what people see -------------------------------------------------------------------------------------

    def up(self) -> None:
        """Starts what isn't running and waits until all of it is healthy.

        Raises:
            AirflowError: a service didn't come up; what was started is stopped again.
        """
        with self.lock():
            running = self.services()
            if len(running) == len(SERVICES):
                say(f"Airflow is running already: {self.url}")
                self._announce()
                return
            if running:
                say("some of Airflow's services are gone; starting all of them anew")
                self._stop_services(running)
            state = self._read(self._state_file)
            state["postgres"] = self.prepare() or bool(state.get("postgres"))
            target = resolve("writer")
            port = free_port(state.get("port"))
            state |= {"port": port, "services": []}
            environment = self.environment(port, target)
            say(f"starting Airflow on {self.address(port)} (loads into {target.label})")
            self._start_services(state, environment, port)
            self._announce()

    def _start_services(self, state: dict[str, Any], environment: dict[str, str], port: int) -> None:
        try:
            for name in SERVICES:
                service = self._launch(name, environment, port)
                state["services"].append([service.name, service.pid, service.started])
                self._write(self._state_file, state)
            self._wait_until_healthy(port)
        except BaseException:
            self._stop_services(self.services())
            raise

    def down(self) -> None:
        """Stops the services, then PostgreSQL if ``up`` started it. Nothing running is fine."""
        if not self.folder.is_dir():
            say(f"nothing was started in {self.home}")
            return
        with self.lock():
            services = self.services()
            self._stop_services(services)
            state = self._read(self._state_file)
            stopped = bool(state.pop("postgres", False)) and self.postgres.stop()
            if state:
                self._write(self._state_file, {"port": state.get("port")})
            if services:
                say("Airflow is stopped")
            if stopped:
                say("the embedded PostgreSQL is stopped")
            elif self.postgres.running():
                say("the embedded PostgreSQL was running before and goes on (to stop it: klartext db stop)")
            elif not services:
                say("nothing was running")

    def status(self) -> bool:
        """Says what runs and where.

        Returns:
            True when all of Airflow's services run.
        """
        alive = {service.name: service.pid for service in self.services()}
        for name in SERVICES:
            say(f"{name:16} {f'running (pid {alive[name]})' if name in alive else 'stopped'}")
        say(f"{'postgres':16} {'running' if self.postgres.running() else 'stopped'}")
        if len(alive) == len(SERVICES):
            self._announce()
        return len(alive) == len(SERVICES)

    def services(self) -> list[Service]:
        """The services of this home that are alive."""
        noted = [Service(*entry) for entry in self._read(self._state_file).get("services", [])]
        return [service for service in noted if service.process() is not None]

    @property
    def url(self) -> str:
        """The address of the running (or last) API server."""
        return self.address(self._read(self._state_file).get("port") or DEFAULT_PORT)

    @staticmethod
    def address(port: int) -> str:
        return f"http://{ADDRESS}:{port}"

    @contextlib.contextmanager
    def api(self) -> Iterator[httpx.Client]:
        """A client of Airflow's REST API that is logged in."""
        with httpx.Client(base_url=self.url, trust_env=False, timeout=30) as client:
            answer = client.post("/auth/token", json={"username": USER, "password": self.password()})
            answer.raise_for_status()
            client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
            yield client

    def password(self) -> str:
        """The password of the user ``admin``."""
        return str(self._read(self.passwords_file)[USER])

    # --- what Airflow needs ----------------------------------------------------------------------------------

    def prepare(self) -> bool:
        """Starts PostgreSQL, brings the corpus' and Airflow's schema up to date, makes the secrets.

        Returns:
            True when PostgreSQL was started by this call.
        """
        from etl.load.migrate import migrate

        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)  # logs and secrets
        started = self.postgres.start()
        self.postgres.create_database(METADATA, owner="airflow")
        migrate(resolve("owner"))
        self._secrets()
        self._migrate_metadata()
        return started

    def environment(self, port: int | None = None, target: Target | None = None) -> dict[str, str]:
        """The environment in which Airflow knows this home. No other Airflow's settings reach it."""
        port = port or self._read(self._state_file).get("port") or DEFAULT_PORT
        # Without its compiled modules on disk each of Airflow's processes takes twice as long to start.
        unwanted = ("AIRFLOW", "_AIRFLOW", "PYTHONDONTWRITEBYTECODE")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
        keys = self._secrets()
        dags = share_root() / "dags"
        settings: dict[str, dict[str, object]] = {
            "core": {
                "dags_folder": dags,
                "load_examples": False,
                "executor": "LocalExecutor",
                "parallelism": os.cpu_count() or 1,
                "dags_are_paused_at_creation": False,
                "fernet_key": keys["fernet"],
                "simple_auth_manager_users": f"{USER}:admin",
                "simple_auth_manager_passwords_file": self.passwords_file,
                "execution_api_server_url": f"{self.address(port)}/execution/",
            },
            "database": {"sql_alchemy_conn": self._metadata_url(), "load_default_connections": False},
            "api": {
                "host": ADDRESS,
                "port": port,
                "base_url": self.address(port),
                "workers": 1,
                "secret_key": keys["api"],
            },
            "api_auth": {"jwt_secret": keys["jwt"]},
            "logging": {"base_log_folder": self.folder / "logs"},
            "scheduler": {"enable_health_check": False},
            "dag_processor": {"refresh_interval": 30},
        }
        airflow = {
            f"AIRFLOW__{section}__{key}".upper(): str(value)
            for section, options in settings.items()
            for key, value in options.items()
        }
        return {
            **kept,
            **airflow,
            "AIRFLOW_HOME": str(self.folder),
            "AIRFLOW_CONN_KLARTEXT": connection_json(target or resolve("writer")),
            "KLARTEXT_HOME": str(self.home),
            "PYTHONUNBUFFERED": "1",
        }

    def _metadata_url(self) -> str:
        # SQLAlchemy names its driver in the scheme; for its asyncio engine Airflow puts asyncpg there.
        return self.postgres.url("airflow", METADATA).replace("postgresql://", "postgresql+psycopg2://", 1)

    def _secrets(self) -> dict[str, str]:
        if not self.passwords_file.exists():
            self._write(self.passwords_file, {USER: secrets.token_urlsafe(18)})
        keys = self._read(self._secrets_file)
        if not keys:
            from cryptography.fernet import Fernet

            keys = {
                "fernet": Fernet.generate_key().decode(),
                "jwt": secrets.token_urlsafe(48),
                "api": secrets.token_urlsafe(48),
            }
            self._write(self._secrets_file, keys)
        return keys

    def _migrate_metadata(self) -> None:
        """Runs ``airflow db migrate`` unless this version did so in this database before (it takes seconds)."""
        wanted = {"airflow": version("apache-airflow-core"), "revision": self._metadata_revision()}
        if wanted["revision"] and self._read(self._migrated_file) == wanted:
            return
        say("preparing Airflow's metadata database")
        done = subprocess.run(
            [sys.executable, "-m", "airflow", "db", "migrate"],
            check=False,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            raise AirflowError(f"`airflow db migrate` failed: {last_lines(done.stdout + done.stderr)}")
        self._write(self._migrated_file, {**wanted, "revision": self._metadata_revision()})

    def _metadata_revision(self) -> str | None:
        with (
            contextlib.closing(psycopg2.connect(self.postgres.url("airflow", METADATA))) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute("SELECT to_regclass('alembic_version') IS NOT NULL")
            if not (cursor.fetchone() or (False,))[0]:
                return None
            cursor.execute("SELECT version_num FROM alembic_version")
            row = cursor.fetchone()
            return str(row[0]) if row else None

    # --- processes -------------------------------------------------------------------------------------------

    def _launch(self, name: str, environment: Mapping[str, str], port: int) -> Service:
        command = [sys.executable, "-m", "airflow", name, "--pid", str(self.folder / f"{name}.pid")]
        if name == "api-server":
            command += ["--host", ADDRESS, "--port", str(port), "--workers", "1"]
        elif name in ("scheduler", "triggerer"):
            command.append("--skip-serve-logs")  # they would listen on every interface
        (self.folder / f"{name}.pid").unlink(missing_ok=True)
        log = self._service_log(name)
        descriptor = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        try:
            process = subprocess.Popen(
                command,
                env=dict(environment),
                cwd=share_root(),  # where a sources.toml of the checkout is found
                stdin=subprocess.DEVNULL,
                stdout=descriptor,
                stderr=descriptor,
                start_new_session=True,
            )
        finally:
            os.close(descriptor)
        return Service(name, process.pid, psutil.Process(process.pid).create_time())

    def _service_log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def _wait_until_healthy(self, port: int) -> None:
        deadline = time.monotonic() + START_SECONDS
        with httpx.Client(base_url=self.address(port), trust_env=False, timeout=10) as client:
            while True:
                alive = {service.name for service in self.services()}
                for name in SERVICES:
                    if name not in alive:
                        raise AirflowError(
                            f"Airflow's {name} ended while it started: {last_lines(self._service_log(name))}",
                            fix=f"read {self._service_log(name)}",
                        )
                with contextlib.suppress(httpx.HTTPError, ValueError):
                    health = client.get("/api/v2/monitor/health").json()
                    states = {part: (found or {}).get("status") for part, found in health.items()}
                    # Another Airflow may have taken the port in the meantime, and would answer as well.
                    if states and all(state == "healthy" for state in states.values()) and self._listens(port):
                        break
                if time.monotonic() > deadline:
                    raise AirflowError(
                        f"Airflow isn't healthy after {START_SECONDS:.0f} seconds", fix=f"read {self.folder}/*.log"
                    )
                time.sleep(0.5)
        with self.api() as api:
            for name, (slots, description) in pools().items():
                # A pool that exists keeps the slots that somebody gave it.
                api.post(
                    "/api/v2/pools",
                    json={"name": name, "slots": slots, "description": description, "include_deferred": False},
                )
            waiting = set(DAGS)
            while waiting:
                for dag in sorted(waiting):
                    if api.patch(f"/api/v2/dags/{dag}", json={"is_paused": False}).is_success:
                        waiting.discard(dag)
                if waiting and time.monotonic() > deadline:
                    raise AirflowError(
                        f"Airflow doesn't know the DAGs {sorted(waiting)}",
                        fix="run: tools/airflow.sh dags list-import-errors",
                    )
                if waiting:
                    time.sleep(0.5)

    def _listens(self, port: int) -> bool:
        """Whether it is our API server that listens on the port."""
        for service in self.services():
            if service.name == "api-server":
                for process in service.family():
                    with contextlib.suppress(psutil.Error):
                        if any(
                            each.status == psutil.CONN_LISTEN and each.laddr.port == port
                            for each in process.net_connections(kind="tcp")
                        ):
                            return True
        return False

    def _stop_services(self, services: list[Service]) -> None:
        """SIGTERM to each by its own pid, the API server last: tasks that end report to it.

        The scheduler starts nothing new and waits for running tasks. They get some seconds to end by themselves;
        then they are told to, and are tried again after the next start.
        """
        everyone = {process.pid: process for service in services for process in service.family()}
        own = {service.name: process for service in services if (process := service.process())}

        def stop(processes: Iterable[psutil.Process], seconds: float) -> None:
            asked = list(processes)
            for process in asked:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.terminate()
            wait_gone(asked, seconds)

        scheduler = [service for service in services if service.name == "scheduler"]
        stop([own.pop("scheduler")] if "scheduler" in own else [], TASK_SECONDS)
        tasks = {process.pid: process for service in scheduler for process in service.family()}
        everyone |= tasks
        stop(tasks.values(), STOP_SECONDS)
        stop(own.values(), STOP_SECONDS)
        left = wait_gone(list(everyone.values()), 1.0)
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        wait_gone(left, STOP_SECONDS)

    def _announce(self) -> None:
        say(f"address   {self.url}")
        say(f"login     {USER}  (password: {self.password()}, kept in {self.passwords_file})")

    # --- small files -----------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "stack.lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    @staticmethod
    def _read(path: Path) -> dict[str, Any]:
        try:
            found = json.loads(path.read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return dict(found)

    @staticmethod
    def _write(path: Path, content: Mapping[str, Any]) -> None:
        partial = path.with_name(path.name + ".partial")
        descriptor = os.open(partial, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as handle:
            json.dump(content, handle)
        partial.replace(path)


def connection_json(target: Target) -> str:
    """The Airflow connection (``AIRFLOW_CONN_…``, JSON form) for a database."""
    parts = parse_dsn(target.dsn)
    main = {key: parts.pop(key, None) for key in ("host", "port", "user", "password", "dbname")}
    return json.dumps(
        {
            "conn_type": "postgres",
            "description": "the corpus",
            "host": main["host"],
            "port": int(main["port"]) if main["port"] else None,
            "login": main["user"],
            "password": main["password"],
            "schema": main["dbname"],
            "extra": parts,
        }
    )


def free_port(preferred: int | None) -> int:
    """The port of the last time, ``KLARTEXT_AIRFLOW_PORT`` or 8080, else the next one that nobody listens on.

    Raises:
        ConfigurationError: the variable holds no port.
    """
    wanted = os.environ.get("KLARTEXT_AIRFLOW_PORT", "")
    if wanted and not (wanted.isdecimal() and 0 < int(wanted) < 65536):
        raise ConfigurationError(f"KLARTEXT_AIRFLOW_PORT is no port: {wanted!r}", fix="set it to 1024 … 65535")
    first = int(wanted) if wanted else preferred or DEFAULT_PORT
    for port in (first, *range(DEFAULT_PORT, DEFAULT_PORT + 200)):
        # Who listens on every interface is found by connecting, who listens on this one by binding.
        with socket.socket() as probe, socket.socket() as listener:
            probe.settimeout(1)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                if probe.connect_ex((ADDRESS, port)) != 0:
                    listener.bind((ADDRESS, port))
                    return port
    raise AirflowError("no free port was found for Airflow", fix="set KLARTEXT_AIRFLOW_PORT to a free one")


def wait_gone(processes: list[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Waits until all have ended (zombies that nobody collects have); those that haven't."""

    def gone(process: psutil.Process) -> bool:
        try:
            return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    deadline = time.monotonic() + seconds
    while True:
        left = [process for process in processes if not gone(process)]
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.1)


def last_lines(source: str | Path, count: int = 5) -> str:
    """The last lines of a text or a log file, in one line."""
    text = source.read_text(errors="replace") if isinstance(source, Path) else source
    return " / ".join(line.strip() for line in text.splitlines()[-count:] if line.strip())


def say(line: str) -> None:
    """A line for people."""
    print(line, flush=True)


def main(arguments: list[str]) -> int:
    """Runs one command; a message instead of a traceback for what a user can mend."""
    command = arguments[0] if arguments else ""
    try:
        stack = Stack(get_settings().home)
        if command == "up":
            stack.up()
        elif command == "down":
            stack.down()
        elif command == "status":
            return 0 if stack.status() else 1
        elif command == "airflow":
            stack.prepare()
            os.execve(  # noqa: S606
                sys.executable, [sys.executable, "-m", "airflow", *arguments[1:]], stack.environment()
            )
        else:
            print(__doc__, file=sys.stderr)
            return 2
    except KlartextError as error:
        print(f"error: {error.message}" + (f"\n  {error.fix}" if error.fix else ""), file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
