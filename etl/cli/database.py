"""Commands on the embedded server and on the installation: ``db`` and ``doctor``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from etl.cli.common import JsonOption, say, write_json
from etl.errors import UsageError

if TYPE_CHECKING:  # the driver takes its time to load, and most commands need none
    from etl.database import Login, Target

db = typer.Typer(no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Adds this module's commands to the application."""
    app.add_typer(db, name="db", help="The embedded PostgreSQL: runs on after a command, until it is stopped.")
    app.command()(doctor)


def _embedded() -> tuple[Target, bool]:
    from etl.database import resolve

    target = resolve("writer", start=False) if _has_cluster() else None
    if target is None:
        raise UsageError("there is no embedded database yet", fix="run: klartext db start")
    if target.embedded is None:
        raise UsageError(
            f"the database is {target.label}, a server of your own",
            fix="unset KLARTEXT_DATABASE_URL for the embedded one",
        )
    return target, target.embedded.running()


def _has_cluster() -> bool:
    import os

    from etl.database import AIRFLOW_CONNECTION
    from etl.postgres import EmbeddedPostgres
    from etl.settings import get_settings

    settings = get_settings()
    if settings.database_url is not None or os.environ.get(AIRFLOW_CONNECTION):
        return True
    return (EmbeddedPostgres(settings.home).data / "PG_VERSION").is_file()


@db.command()
def start(as_json: JsonOption = False) -> None:
    """Starts it, and makes it on first use."""
    from etl.database import resolve

    target = resolve("writer", start=False) if _has_cluster() else resolve("writer")
    if target.embedded is None:
        raise UsageError(
            f"the database is {target.label}, a server of your own",
            fix="unset KLARTEXT_DATABASE_URL for the embedded one",
        )
    target.embedded.start()
    if as_json:
        write_json({"url": target.embedded.url("writer"), "running": True})
    else:
        say(f"{target.label} runs; `klartext db url` prints how to connect, `klartext db stop` stops it")


@db.command()
def stop(as_json: JsonOption = False) -> None:
    """Stops it; everything committed is kept."""
    target, _ = _embedded()
    assert target.embedded is not None  # noqa: S101 (for the type checker; _embedded raises otherwise)
    stopped = target.embedded.stop()
    if as_json:
        write_json({"url": target.embedded.url("writer"), "running": False})
    else:
        say("stopped" if stopped else "it wasn't running")


@db.command()
def url(
    role: Annotated[str, typer.Option(help="owner, writer or reader")] = "writer", as_json: JsonOption = False
) -> None:
    """Prints the libpq URL, password included: psql "$(klartext db url)"."""
    from etl.database import resolve

    logins: dict[str, Login] = {"owner": "owner", "writer": "writer", "reader": "reader"}
    if role not in logins:
        raise UsageError(f"--role {role}: there is no such role", fix="one of owner, writer, reader")
    if not _has_cluster():
        raise UsageError("there is no embedded database yet", fix="run: klartext db start")
    target = resolve(logins[role], start=False)
    running = target.embedded.running() if target.embedded else True
    if as_json:
        write_json({"url": target.dsn, "running": running})
    else:
        sys.stdout.write(target.dsn + "\n")
        if not running:
            say("the embedded PostgreSQL is stopped; start it with: klartext db start")


@db.command()
def dump(
    file: Annotated[Path, typer.Argument(help="The new file; restore it with pg_restore.")],
    as_json: JsonOption = False,
) -> None:
    """Dumps the corpus, to move it to another server or another major version."""
    from etl.database import resolve
    from etl.postgres import dump as write

    if file.exists():
        raise UsageError(f"{file} exists", fix="name a new file")
    if not file.absolute().parent.is_dir():
        raise UsageError(f"{file.absolute().parent}: there is no such folder")
    target = resolve("owner")
    write(target.dsn, file)
    if as_json:
        write_json({"file": str(file), "bytes": file.stat().st_size})
    else:
        say(f"{file}: {file.stat().st_size:,} bytes; restore with: pg_restore --no-owner --dbname=URL {file}")


def doctor(as_json: JsonOption = False) -> None:
    """Checks everything and says how to mend it."""
    from etl.doctor import checks

    results = list(checks())
    if as_json:
        write_json({"checks": [check.as_json() for check in results]})
    else:
        for check in results:
            say(f"{'ok  ' if check.ok else 'FAIL'} {check.name}: {check.detail}")
            if not check.ok and check.fix:
                say(f"     {check.fix}")
    if not all(check.ok for check in results):
        raise typer.Exit(2)
