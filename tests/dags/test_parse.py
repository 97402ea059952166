"""The DAG files parse fast, without a database and without heavy imports, and are wired as they must be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.airflow

ROOT = Path(__file__).parents[2]
HEAVY = ("trafilatura", "lxml", "pyarrow", "langdetect", "fastwarc", "aiohttp", "feedparser", "pandas")


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What ``describe.py`` says, with a metadata database that doesn't answer."""
    home = tmp_path_factory.mktemp("airflow")
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("describe.py")), str(ROOT / "dags")],
        check=False,
        capture_output=True,
        text=True,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgresql+psycopg2://nobody@127.0.0.1:1/nowhere",
        },
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


def test_parsing_needs_no_database(parsed: dict[str, Any]) -> None:
    assert parsed["errors"] == {}
    assert "process" in parsed["dags"]


def test_every_dag_is_one_that_make_up_unpauses(parsed: dict[str, Any]) -> None:
    from stack import DAGS

    assert sorted(parsed["dags"]) == sorted(DAGS)


def test_parsing_imports_nothing_heavy_and_nothing_of_etl(parsed: dict[str, Any]) -> None:
    top = {module.split(".")[0] for module in parsed["modules"]}
    assert not top.intersection(HEAVY)
    assert "etl" not in top


def test_the_road_and_its_trigger_rules(parsed: dict[str, Any]) -> None:
    tasks = parsed["dags"]["process"]["tasks"]
    assert {name: task["upstream"] for name, task in tasks.items()} == {
        "plan": [],
        "load": ["plan"],
        "settle": ["load"],
        "check": ["load", "settle"],
    }
    assert {name: task["rule"] for name, task in tasks.items()} == {
        "plan": "all_success",
        "load": "all_success",
        "settle": "all_done",
        "check": "all_done",
    }
    assert [name for name, task in tasks.items() if task["mapped"]] == ["load"]
    assert {name: task["retries"] for name, task in tasks.items()} == {"plan": 3, "load": 3, "settle": 3, "check": 0}


def test_schedule_assets_and_form(parsed: dict[str, Any]) -> None:
    dag = parsed["dags"]["process"]
    assert dag["schedule"] == "AssetOrTimeSchedule"
    assert dag["assets"] == ["klartext://landing/"]
    assert dag["tasks"]["settle"]["outlets"] == ["klartext://corpus/"]
    assert dag["tasks"]["plan"]["inlets"] == ["klartext://landing/"]
    assert dag["catchup"] is False
    assert {name: schema["type"] for name, schema in dag["params"].items()} == {
        "paths": "array",
        "day": ["null", "string"],
        "source": "string",
        "map": "object",
    }


def test_what_acquiring_emits_is_what_processing_waits_for(parsed: dict[str, Any]) -> None:
    emitted = {
        uri
        for name, dag in parsed["dags"].items()
        if name.startswith("acquire")
        for task in dag["tasks"].values()
        for uri in task["outlets"]
    }
    assert emitted == set(parsed["dags"]["process"]["assets"])


def test_every_dag_is_documented_tagged_and_in_pools_that_exist(parsed: dict[str, Any]) -> None:
    from stack import pools

    for name, dag in parsed["dags"].items():
        assert "klartext" in dag["tags"], name
        assert len(dag["doc"]) > 200, name
        for task in dag["tasks"].values():
            assert task["pool"] in pools(), (name, task)
