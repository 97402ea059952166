"""The database goes away in the middle of a run: one message, nothing half loaded, the same command finishes."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from etl.postgres import EmbeddedPostgres
from tests.cli import environment, klartext
from tests.integration.test_ingest import records, write

pytestmark = pytest.mark.integration


def test_server_stopped_in_mid_run(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    home = {"KLARTEXT_HOME": str(tmp_path / "home")}
    server = EmbeddedPostgres(tmp_path / "home")
    path = write(tmp_path / "many.jsonl", records(1500))
    assert klartext("migrate", **home).code == 0
    process = subprocess.Popen(
        [sys.executable, "-m", "etl.cli", "ingest", "--json", str(path)],
        env=environment(KLARTEXT_BATCH_RECORDS="10", **home),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            found = klartext("query", "SELECT count(*) AS n FROM news.batch", "--json", **home)
            if found.json[0]["n"] > 0:
                break
        assert server.stop()
        out, err = process.communicate(timeout=60)
        assert process.returncode == 2, (out, err)
        assert "Traceback" not in err
        assert "went away" in err
        assert "nothing is half loaded" in err
        again = klartext("ingest", "--json", path, **home)  # starts the server anew
        assert again.code == 0, again.err
        assert again.json["read"] == again.json["inserted"] + again.json["updated"] + again.json["unchanged"]
        assert again.json["unchanged"] > 0
        total = klartext("query", "SELECT count(*) AS n FROM news.article", "--json", **home)
        assert total.json[0]["n"] == len({row["url"] for row in records(1500)})
    finally:
        process.kill()
        server.stop()
