"""Which database, and as whom: a server of the user's own, Airflow's connection, or the embedded PostgreSQL."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extensions import make_dsn, parse_dsn

from etl.errors import ConfigurationError, DatabaseUnavailableError
from etl.postgres import EmbeddedPostgres
from etl.settings import Settings, get_settings

Login = Literal["owner", "writer", "reader"]
AIRFLOW_CONNECTION = "AIRFLOW_CONN_KLARTEXT"


@dataclass(frozen=True, slots=True)
class Target:
    """A database to connect to.

    Attributes:
        dsn: everything libpq needs, the password included. Never print it.
        label: the same for people, without the password.
        embedded: the embedded server, when it is one.
        own_reader: ``dsn`` logs in as a role that may only read the public views.
    """

    dsn: str
    label: str
    embedded: EmbeddedPostgres | None = None
    own_reader: bool = False

    def __repr__(self) -> str:
        return f"Target({self.label})"


def _label(parts: dict[str, str]) -> str:
    host = parts.get("host") or parts.get("hostaddr") or "local socket"
    port = f":{parts['port']}" if parts.get("port") and not host.startswith("/") else ""
    user = f"{parts['user']}@" if parts.get("user") else ""
    return f"{user}{host}{port}/{parts.get('dbname', parts.get('user', ''))}"


def _parse(dsn: str, variable: str) -> dict[str, str]:
    try:
        parts: dict[str, str] = parse_dsn(dsn)
    except psycopg2.ProgrammingError:
        # libpq's own message repeats the string, and with it the password.
        raise ConfigurationError(
            f"{variable} is no PostgreSQL URL or DSN",
            fix="write it as postgresql://USER:PASSWORD@HOST:PORT/DATABASE or host=… dbname=… user=… password=…",
        ) from None
    return parts


def dsn_of_connection(connection: Any) -> str:
    """The DSN of an Airflow connection, from its fields: its own URI is no libpq URI.

    Args:
        connection: what has ``host``, ``port``, ``login``, ``password``, ``schema`` and ``extra``, as
            ``airflow.sdk.Connection`` does.

    Raises:
        ConfigurationError: ``extra`` is no JSON.
    """
    names = ("host", "port", "login", "password", "schema", "extra")
    return dsn_from_airflow(json.dumps({name: getattr(connection, name) for name in names}))


def dsn_from_airflow(value: str) -> str:
    """The DSN that an ``AIRFLOW_CONN_…`` value stands for (a URI or Airflow's JSON form).

    Raises:
        ConfigurationError: it is neither.
    """
    if value.lstrip().startswith("{"):
        try:
            fields = json.loads(value)
            extra = fields.get("extra") or {}
            extra = json.loads(extra) if isinstance(extra, str) else extra
        except ValueError:
            raise ConfigurationError(
                f"{AIRFLOW_CONNECTION} is no valid JSON", fix="see Airflow's documentation of connections"
            ) from None
        parts = {
            "host": fields.get("host"),
            "port": fields.get("port"),
            "user": fields.get("login"),
            "password": fields.get("password"),
            "dbname": fields.get("schema"),
        }
    else:
        split = urlsplit(value)
        # urlsplit's own hostname is in lower case, and a socket folder's name may not be.
        host = re.sub(r":\d*$", "", split.netloc.rpartition("@")[2]).strip("[]")
        extra = dict(parse_qsl(split.query))
        parts = {
            "host": unquote(host) or None,
            "port": split.port,
            "user": unquote(split.username) if split.username else None,
            "password": unquote(split.password) if split.password else None,
            "dbname": unquote(split.path.lstrip("/")) or None,
        }
    known = {
        "host",
        "port",
        "sslmode",
        "sslcert",
        "sslkey",
        "sslrootcert",
        "options",
        "connect_timeout",
        "keepalives",
    }
    parts |= {key: str(item) for key, item in extra.items() if key in known}
    dsn: str = make_dsn(**{key: item for key, item in parts.items() if item not in (None, "")})
    return dsn


def resolve(login: Login = "writer", *, settings: Settings | None = None, start: bool = True) -> Target:
    """Finds the database: ``KLARTEXT_DATABASE_URL``, else Airflow's connection, else the embedded server.

    Args:
        login: the embedded server has a role for each; a server of the user's own has what its URL says, except
            that ``reader`` uses ``KLARTEXT_READER_DATABASE_URL`` where that is set.
        start: start the embedded server when it is the target and isn't running.

    Raises:
        ConfigurationError: a URL can't be read.
        EmbeddedPostgresError: the embedded server doesn't start.
    """
    settings = settings or get_settings()
    if login == "reader" and settings.reader_database_url is not None:
        dsn = settings.reader_database_url.get_secret_value()
        return Target(dsn, _label(_parse(dsn, "KLARTEXT_READER_DATABASE_URL")), own_reader=True)
    if settings.database_url is not None and settings.database_url.get_secret_value().strip():
        dsn = settings.database_url.get_secret_value()
        return Target(dsn, _label(_parse(dsn, "KLARTEXT_DATABASE_URL")))
    connection = os.environ.get(AIRFLOW_CONNECTION, "").strip()
    if connection:
        dsn = dsn_from_airflow(connection)
        return Target(dsn, _label(_parse(dsn, AIRFLOW_CONNECTION)))
    embedded = EmbeddedPostgres(settings.home)
    if start:
        embedded.start()
    return Target(
        embedded.url(login), f"the embedded PostgreSQL in {settings.home}", embedded, own_reader=login == "reader"
    )


def target_of(dsn: str) -> Target:
    """The target behind a DSN that a caller already has (a DAG's connection).

    Raises:
        ConfigurationError: it is no DSN.
    """
    return Target(dsn, _label(_parse(dsn, "the connection's DSN")))


def connect(target: Target, *, application: str = "klartext") -> Connection:
    """A connection in UTC.

    Raises:
        DatabaseUnavailableError: nothing answers there, or the login is refused (the message has no password).
    """
    try:
        parts: dict[str, Any] = {"connect_timeout": "10", **parse_dsn(target.dsn), "application_name": application}
        connection: Connection = psycopg2.connect(**parts)
    except psycopg2.OperationalError as error:
        reason = " ".join(str(error).split())
        password = parse_dsn(target.dsn).get("password")
        if password:
            reason = reason.replace(password, "…")
        raise DatabaseUnavailableError(
            f"no connection to the database {target.label}: {reason}",
            fix="check that the server runs and that the URL is right (`klartext doctor` looks closer)",
        ) from None
    with connection.cursor() as cursor:
        cursor.execute("SET TIME ZONE 'UTC'")
    connection.commit()
    return connection


@contextlib.contextmanager
def connected(target: Target, *, application: str = "klartext") -> Iterator[Connection]:
    """A connection that is closed at the end; the caller commits."""
    with contextlib.closing(connect(target, application=application)) as connection:
        yield connection


def lost(error: psycopg2.Error, target: Target) -> DatabaseUnavailableError:
    """The one message for a database that went away in the middle."""
    return DatabaseUnavailableError(
        f"the database {target.label} went away: {' '.join(str(error).split()) or type(error).__name__}",
        fix="run the same command again when it is back; nothing is half loaded",
    )
