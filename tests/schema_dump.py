"""The current schema as one file: ``python -m tests.schema_dump`` writes ``sql/schema.sql`` anew."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from pathlib import Path

from psycopg2.extensions import make_dsn, parse_dsn

SCHEMA = Path(__file__).resolve().parent.parent / "sql" / "schema.sql"
HEAD = """\
-- The schema as all migrations together make it, for reading and searching. Nothing runs this file.
-- Written by `python -m tests.schema_dump`; a test compares it with what the migrations give.
"""


def schema_of(url: str) -> str:
    """What ``pg_dump`` says of the schemas klartext and news, without what differs from dump to dump."""
    from etl.postgres import _binaries

    parts = parse_dsn(url)
    password = parts.pop("password")
    done = subprocess.run(
        [
            str(_binaries() / "bin" / "pg_dump"),
            "--schema-only",
            "--no-owner",
            "--schema=klartext",
            "--schema=news",
            f"--dbname={make_dsn(**parts)}",
        ],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PGPASSWORD": password, "LC_ALL": "C"},
    )
    kept = [
        line
        for line in done.stdout.splitlines()
        if not line.startswith(("\\restrict", "\\unrestrict", "-- Dumped", "SET ", "SELECT pg_catalog.set_config"))
    ]
    body = re.sub(r"\n--\n(-- Name: [^\n]*)\n--\n", r"\n\1\n", "\n".join(kept))
    body = re.sub(r"--\n-- PostgreSQL database dump( complete)?\n--", "", body)
    body = re.sub(r"(-- Name: [^;]*); Type: ([^;]*); Schema: ([^;]*); Owner: -", r"\1 (\2)", body)
    return HEAD + re.sub(r"\n{3,}", "\n\n", body).rstrip() + "\n"


def main() -> None:
    """Migrates an empty database of a throwaway server and writes the file."""
    from etl.database import Target
    from etl.load.migrate import migrate
    from etl.postgres import EmbeddedPostgres

    with tempfile.TemporaryDirectory(prefix="klartext-schema-") as folder:
        Path(folder).chmod(0o755)
        server = EmbeddedPostgres(Path(folder) / "home")
        server.start()
        try:
            migrate(Target(server.url("owner"), "schema"))
            SCHEMA.write_text(schema_of(server.url("owner")), encoding="utf-8")
        finally:
            server.stop()


if __name__ == "__main__":
    main()
