"""Stored originals through today's rules."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli import klartext
from tests.integration.test_ingest import SAMPLE, checksum, records, rows, write

pytestmark = pytest.mark.integration


def test_rules_that_were_denied_come_back_everywhere(new_database, tmp_path: Path) -> None:
    fresh, reworked = new_database()("writer"), new_database()("writer")
    path = write(tmp_path / "all.jsonl", records(12))
    klartext("ingest", SAMPLE / "pages", path, dsn=fresh)
    klartext("ingest", SAMPLE / "pages", path, dsn=reworked, KLARTEXT_DENY_RULES="*")
    assert rows(reworked, "SELECT count(*) AS n FROM news.removed_span") == [{"n": 0}]
    before = checksum(reworked)
    trial = klartext("reprocess", "--dry-run", "--json", dsn=reworked)
    assert trial.code == 0, trial.err
    assert trial.json["run_id"] is None
    assert checksum(reworked) == before
    done = klartext("reprocess", "--json", dsn=reworked)
    assert done.code == 0, done.err
    assert done.json["rules"] == trial.json["rules"]
    assert done.json["changed"] == trial.json["changed"] > 12
    assert all(counts["before"] == 0 < counts["after"] for counts in done.json["rules"].values())
    assert checksum(reworked) == checksum(fresh)
    again = klartext("reprocess", "--json", dsn=reworked)
    assert again.json["changed"] == 0
    assert checksum(reworked) == checksum(fresh)


def test_only_a_stretch_of_time_or_a_source(dsn: str, tmp_path: Path) -> None:
    path = write(tmp_path / "all.jsonl", records(10))
    klartext("ingest", "--source", "dump", path, dsn=dsn)
    captured = {json.loads(line)["captured_at"][:10] for line in path.read_text(encoding="utf-8").splitlines()}
    assert captured == {"2024-04-01", "2024-04-02", "2024-04-03"}
    assert klartext("reprocess", "--json", "--since", "2024-04-02", dsn=dsn).json["read"] == 2
    assert klartext("reprocess", "--json", "--until", "2024-04-02", dsn=dsn).json["read"] == 12
    assert klartext("reprocess", "--json", "--source", "nobody", dsn=dsn).json["read"] == 0
    wrong = klartext("reprocess", "--since", "soon", dsn=dsn)
    assert wrong.code == 2
    assert "soon" in wrong.err
