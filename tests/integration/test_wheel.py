"""The wheel brings everything along: SQL, rules, DAGs. It runs where there is no checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from tests.conftest import DATA

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]


def test_wheel_runs_elsewhere(tmp_path: Path, dsn: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "dist")],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    place = tmp_path / "venv"
    venv.create(place, with_pip=True)
    python = place / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", wheel], check=True)
    # The dependencies of this environment without its own editable klartext: a path in a .pth file makes packages
    # importable, but the .pth files that lie there aren't read.
    site = next((place / "lib").glob("python*/site-packages"))
    (site / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "KLARTEXT_DATABASE_URL": dsn, "LANG": "C.UTF-8"}

    def run(*command: str | Path) -> str:
        done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert str(place) in run(python, "-c", "import etl; print(etl.__file__)")
    klartext = place / "bin" / "klartext"
    run(klartext, "ingest", "--json", DATA / "seed.txt")
    found = run(klartext, "query", "SELECT text FROM news.clean_article", "--json")
    assert "Skiurlaub" not in found
    assert "NATO" in found
    run(klartext, "rules", "check")
    assert (site / "etl" / "_share" / "dags" / "process.py").is_file()
