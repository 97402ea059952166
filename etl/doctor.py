"""Looks over the installation and the database, and says how to mend what is wrong."""

from __future__ import annotations

import importlib.metadata
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from etl.errors import KlartextError
from etl.settings import Settings, read_settings
from etl.share import share_root

_GIB = 1024**3
_FREE_WANTED = 2 * _GIB
_PACKAGES = ("trafilatura", "langdetect", "psycopg2-binary", "google-re2", "numpy", "lxml")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: whether it is well, what was seen, and what to do when it isn't."""

    name: str
    ok: bool
    detail: str
    fix: str = ""

    def as_json(self) -> dict[str, Any]:
        """The shape of the public interface."""
        return asdict(self)


def checks() -> Iterator[Check]:
    """Every check, in an order in which a failure explains those after it."""
    yield _python()
    yield _packages()
    yield _files()
    settings: Settings | None = None
    try:
        settings = read_settings()
        yield Check("settings", True, "the environment's KLARTEXT_ variables are well")
    except KlartextError as error:
        yield Check("settings", False, error.message, error.fix)
    if settings is not None:
        yield _home(settings)
    for check in (_rules, _roundtrip, _database, _schema, _reader, _airflow):
        yield _guarded(check)


def _guarded(check: Callable[[], Check]) -> Check:
    name = check.__name__.lstrip("_")
    try:
        return check()
    except KlartextError as error:
        return Check(name, False, error.message, error.fix)
    except Exception as error:  # a doctor reports; it doesn't die of what it finds
        return Check(name, False, f"{type(error).__name__}: {error}", "please report this")


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    ok = (3, 11) <= sys.version_info[:2] <= (3, 13)
    return Check("python", ok, f"Python {version}", "" if ok else "install Python 3.11, 3.12 or 3.13")


def _packages() -> Check:
    found, missing = [], []
    for name in _PACKAGES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        return Check(
            "packages", False, f"missing: {', '.join(missing)}", "install klartext with its dependencies again"
        )
    return Check("packages", True, ", ".join(found))


def _files() -> Check:
    root = share_root()
    migrations = sorted((root / "sql" / "migrations").glob("*.sql"))
    ok = bool(migrations)
    return Check(
        "files", ok, f"{len(migrations)} migrations in {root / 'sql'}", "" if ok else "install klartext again"
    )


def _home(settings: Settings) -> Check:
    home = settings.home.absolute()
    existing = home
    while not existing.exists():
        existing = existing.parent
    probe = existing / ".klartext-write-test"
    try:
        probe.touch()
        probe.unlink()
    except OSError as error:
        return Check(
            "home", False, f"{home} can't be written: {error.strerror}", "set KLARTEXT_HOME to a folder of yours"
        )
    free = shutil.disk_usage(existing).free
    detail = f"{home}, {free / _GIB:.1f} GiB free"
    ok = free >= _FREE_WANTED
    return Check("home", ok, detail, "" if ok else f"make room: at least {_FREE_WANTED // _GIB} GiB should be free")


def _rules() -> Check:
    from etl.clean import RULES_VERSION
    from etl.clean.lint import check_rules

    problems = check_rules()
    if problems:
        return Check(
            "rules", False, f"{len(problems)} problems, the first: {problems[0]}", "run: klartext rules check"
        )
    return Check("rules", True, f"version {RULES_VERSION}")


def _roundtrip() -> Check:
    """A sentence through language and cleaning: the offer goes, the news stays."""
    from etl.clean import clean

    news = "Der Stadtrat hat am Dienstag den Haushalt für das kommende Jahr beschlossen."
    offer = "Jetzt Newsletter abonnieren und keine Nachricht mehr verpassen! Hier kostenlos anmelden."
    cleaned = clean(f"{news}\n{offer}\n{news}", language="de")
    ok = offer not in cleaned.text and cleaned.text.count(news) == 2
    return Check("cleaning", ok, "an offer was stripped and the news kept" if ok else f"unexpected: {cleaned.text!r}")


def _database() -> Check:
    from etl.database import connected, resolve

    target = resolve("writer", start=False)
    if target.embedded is not None and not target.embedded.running():
        return Check("database", False, f"{target.label} is stopped", "run: klartext db start")
    with connected(target) as connection:
        version = connection.server_version
    ok = version >= 150000
    detail = f"{target.label}, PostgreSQL {version // 10000}.{version % 10000}"
    return Check("database", ok, detail, "" if ok else "use PostgreSQL 15 or newer")


def _schema() -> Check:
    from etl.database import resolve
    from etl.load.migrate import pending

    waiting = pending(resolve("owner", start=False))
    if waiting:
        return Check("schema", False, f"migrations to apply: {', '.join(waiting)}", "run: klartext migrate")
    return Check("schema", True, "all migrations are applied")


def _reader() -> Check:
    from etl.database import resolve
    from etl.load.query import run_reader_query

    _, rows = run_reader_query(resolve("reader", start=False), "SELECT count(*) FROM news.clean_article")
    count = next(iter(rows))[0]
    return Check("reader", True, f"the reader's role sees {count} clean articles")


def _airflow() -> Check:
    try:
        version = importlib.metadata.version("apache-airflow")
    except importlib.metadata.PackageNotFoundError:
        return Check(
            "airflow", True, "not installed; the command line works without it (klartext[airflow] brings it)"
        )
    dags = sorted(path.name for path in (share_root() / "dags").glob("*.py"))
    return Check("airflow", bool(dags), f"Airflow {version}; DAGs: {', '.join(dags)}")
