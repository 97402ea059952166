"""Where the files that travel with the code lie: in the checkout, or inside the installed wheel."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path


@lru_cache(maxsize=1)
def share_root() -> Path:
    """The folder that holds ``sql`` and ``dags``: ``etl/_share`` in a wheel, else the checkout."""
    package = Path(__file__).resolve().parent
    bundled = package / "_share"
    return bundled if bundled.is_dir() else package.parent


@lru_cache(maxsize=256)
def query(name: str) -> str:
    """The text of the named query ``sql/queries/NAME.sql``.

    Raises:
        FileNotFoundError: there is no such query.
    """
    return (share_root() / "sql" / "queries" / f"{name}.sql").read_text(encoding="utf-8")
