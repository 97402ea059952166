"""Prepares the databases of the compose stack: roles, databases, schemas, pools, the login. Safe to run again.

Environment: SUPERUSER_URL (libpq URL of the server's administrator), the passwords KLARTEXT_OWNER_PASSWORD,
KLARTEXT_WRITER_PASSWORD, KLARTEXT_READER_PASSWORD, AIRFLOW_DB_PASSWORD, AIRFLOW_ADMIN_PASSWORD, and Airflow's own
settings, as the other services have them.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import make_dsn

ROLES = {
    "klartext": "KLARTEXT_OWNER_PASSWORD",
    "klartext_writer": "KLARTEXT_WRITER_PASSWORD",
    "klartext_reader": "KLARTEXT_READER_PASSWORD",
    "airflow": "AIRFLOW_DB_PASSWORD",
}
DATABASES = {"klartext": "klartext", "airflow": "airflow"}


def make_roles_and_databases(superuser: str, passwords: dict[str, str]) -> None:
    """Makes what is missing and sets the passwords; a password that was changed in .env is changed here as well."""
    with contextlib.closing(psycopg2.connect(superuser, connect_timeout=10)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            for role, password in passwords.items():
                cursor.execute("SELECT FROM pg_roles WHERE rolname = %s", (role,))
                verb = "ALTER" if cursor.rowcount else "CREATE"
                cursor.execute(
                    sql.SQL("{} ROLE {} WITH LOGIN PASSWORD {}").format(
                        sql.SQL(verb), sql.Identifier(role), sql.Literal(password)
                    )
                )
            cursor.execute("GRANT klartext_reader TO klartext_writer, klartext")
            for database, owner in DATABASES.items():
                cursor.execute("SELECT FROM pg_database WHERE datname = %s", (database,))
                if not cursor.rowcount:
                    cursor.execute(
                        sql.SQL("CREATE DATABASE {} OWNER {} ENCODING 'UTF8' TEMPLATE template0").format(
                            sql.Identifier(database), sql.Identifier(owner)
                        )
                    )


def migrate_corpus(superuser: str, owner_password: str) -> None:
    """Brings the corpus' schema up to date, as its owner."""
    from etl.database import Target
    from etl.load.migrate import migrate

    dsn = make_dsn(superuser, user="klartext", password=owner_password, dbname="klartext")
    migrate(Target(dsn, "the corpus"))


def write_login(path: Path, password: str) -> None:
    """The password file of Airflow's simple auth manager."""
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as handle:
        json.dump({"admin": password}, handle)


def main() -> int:
    """Runs all of it."""
    environment = os.environ
    needed = {*ROLES.values(), "SUPERUSER_URL", "AIRFLOW_ADMIN_PASSWORD"}
    missing = sorted(name for name in needed if not environment.get(name))
    if missing:
        print(f"not set: {', '.join(missing)}; see .env.example", file=sys.stderr)
        return 2
    passwords = {role: environment[variable] for role, variable in ROLES.items()}
    make_roles_and_databases(environment["SUPERUSER_URL"], passwords)
    migrate_corpus(environment["SUPERUSER_URL"], passwords["klartext"])
    login = environment.get("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE")
    if login:
        write_login(Path(login), environment["AIRFLOW_ADMIN_PASSWORD"])
    pools = str(Path(__file__).with_name("pools.json"))
    for command in (["db", "migrate"], ["pools", "import", pools]):
        done = subprocess.run([sys.executable, "-m", "airflow", *command], check=False)
        if done.returncode != 0:
            return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
