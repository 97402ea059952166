"""Fixtures that all tests share: a real PostgreSQL, a database of one's own for every test, no outside world."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

# Nothing of the developer's own environment may reach a test: neither a database nor a setting.
for _name in [name for name in os.environ if name.startswith(("KLARTEXT_", "AIRFLOW", "PG"))]:
    del os.environ[_name]
# A shell that starts its jobs in the background lets them ignore Ctrl-C, and their children inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
_HOME = Path(tempfile.mkdtemp(prefix="klartext-tests-"))
_HOME.chmod(0o755)
os.environ["KLARTEXT_HOME"] = str(_HOME / "home")

DATA = Path(__file__).parent / "data"


@pytest.fixture(scope="session")
def klartext_home() -> Iterator[Path]:
    """A home for the whole session; everything in it is removed at the end."""
    yield _HOME / "home"


@pytest.fixture(scope="session")
def postgres(klartext_home: Path) -> Iterator[object]:
    """A running embedded server (durability off: a test machine's crash may lose it)."""
    from etl.postgres import EmbeddedPostgres

    server = EmbeddedPostgres(
        klartext_home, settings={"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    )
    server.start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(server.folder, ignore_errors=True)
        shutil.rmtree(_HOME, ignore_errors=True)


@pytest.fixture(scope="session")
def template(postgres) -> str:
    """The name of a migrated, empty database that others are copied from."""
    from etl.database import Target
    from etl.load.migrate import migrate

    postgres.create_database("klartext_template")
    migrate(Target(postgres.url("owner", "klartext_template"), "template"))
    return "klartext_template"


@pytest.fixture
def new_database(postgres, template) -> Iterator[Callable[[], Callable[[str], str]]]:
    """Makes migrated, empty databases; each is a function from role name to URL."""
    made: list[str] = []

    def make() -> Callable[[str], str]:
        name = f"t_{uuid.uuid4().hex[:12]}"
        postgres.create_database(name, template=template)
        made.append(name)
        return lambda role="writer": postgres.url(role, name)

    yield make
    for name in made:
        postgres.drop_database(name)


@pytest.fixture
def database(new_database) -> Callable[[str], str]:
    """One migrated, empty database: ``database("owner" | "writer" | "reader")`` is its URL."""
    return new_database()


@pytest.fixture
def dsn(database) -> str:
    """The writer's URL of a migrated, empty database."""
    return database("writer")
