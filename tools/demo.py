"""The bundled sample through the DAG ``process`` into the embedded PostgreSQL, and what became of it.

usage: tools/demo.py. With Airflow up (``make up``) its scheduler runs the DAG; else one process does.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from stack import AirflowError, Stack, last_lines, say

from etl.database import AIRFLOW_CONNECTION, connected, resolve
from etl.errors import KlartextError
from etl.settings import get_settings
from etl.share import query, share_root

SOURCE = "sample"
DAG = "process"
RUN_SECONDS = 300.0


def main() -> int:
    """Runs the demo; a message instead of a traceback for what a user can mend."""
    for variable in ("KLARTEXT_DATABASE_URL", "KLARTEXT_READER_DATABASE_URL", AIRFLOW_CONNECTION):
        if os.environ.pop(variable, None):  # the sample belongs into nobody's production
            say(f"{variable} is set; the demo leaves that database alone")
    try:
        demo(Stack(get_settings().home), share_root() / "examples" / "sample")
    except KlartextError as error:
        print(f"error: {error.message}" + (f"\n  {error.fix}" if error.fix else ""), file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    return 0


def demo(stack: Stack, sample: Path) -> None:
    """Loads the sample and prints what landed, what was stripped and how to go on."""
    began = time.monotonic()
    since = datetime.now(UTC)
    stack.prepare()
    conf = {"paths": [str(sample)], "source": SOURCE}
    with stack.lock():
        resident = len(stack.services()) == 4
        if not resident:
            log = stack.folder / "demo.log"
            say(f"running the DAG {DAG} over {sample} (its log: {log})")
            run_here(stack, conf, log)
    if resident:
        say(f"running the DAG {DAG} over {sample} in the Airflow on {stack.url}")
        run_there(stack, conf)
    show(sample, since)
    say(f"\n{time.monotonic() - began:.0f} seconds. How to go on:")
    example = "https://www.kehrdorfer-bote.example/lokales/elbbruecke-gesperrt-a-20931.html"
    for what, how in (
        ("your own files", ".venv/bin/klartext ingest PATH…"),
        ("the same by Airflow", "make up; then trigger the DAG process with paths, in the UI or by tools/airflow.sh"),
        ("ask the corpus", '.venv/bin/klartext query "SELECT title, language, word_count FROM news.clean_article"'),
        ("questions to start from", ".venv/bin/klartext query --list"),
        ("why was that stripped", f".venv/bin/klartext explain {example}"),
        ("stop PostgreSQL", ".venv/bin/klartext db stop"),
    ):
        say(f"  {what:24} {how}")


def run_here(stack: Stack, conf: dict[str, Any], log: Path) -> None:
    """One run without a scheduler; it stands in Airflow's database like any other.

    Raises:
        AirflowError: the run failed.
    """
    command = [sys.executable, str(Path(__file__).with_name("run_dag.py")), DAG, json.dumps(conf)]
    with log.open("wb") as output:
        done = subprocess.run(
            command, check=False, env=stack.environment(), stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    if done.returncode != 0:
        raise AirflowError(f"the DAG run failed: {last_lines(log)}", fix=f"read {log}")


def run_there(stack: Stack, conf: dict[str, Any]) -> None:
    """One run by the scheduler that is up.

    Raises:
        AirflowError: the run failed or takes too long.
    """
    with stack.api() as api:
        answer = api.post(f"/api/v2/dags/{DAG}/dagRuns", json={"logical_date": None, "conf": conf})
        answer.raise_for_status()
        run_id = answer.json()["dag_run_id"]
        deadline = time.monotonic() + RUN_SECONDS
        while (state := api.get(f"/api/v2/dags/{DAG}/dagRuns/{run_id}").json()["state"]) not in ("success", "failed"):
            if time.monotonic() > deadline:
                break
            time.sleep(0.5)
    if state != "success":
        raise AirflowError(
            f"the DAG run {run_id} is {state}", fix=f"look at it on {stack.url}/dags/{DAG}/runs/{run_id}"
        )


def show(sample: Path, since: datetime) -> None:
    """Prints the run's counts, the articles, what was stripped and what was rejected."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 118
    with connected(resolve("reader")) as connection, connection.cursor() as cursor:

        def rows(name: str, **parameters: object) -> list[tuple[Any, ...]]:
            cursor.execute(query(name), parameters)
            return cursor.fetchall()

        def table(title: str, columns: tuple[str, ...], found: list[tuple[Any, ...]]) -> None:
            if found:
                shown = Table(title=title, title_justify="left", title_style="bold")
                for column in columns:
                    long = column in ("text", "detail")
                    # A title gives way to the narrow columns beside it.
                    shown.add_column(
                        column,
                        no_wrap=not long,
                        overflow="fold" if long else "ellipsis",
                        max_width=48 if column == "title" else None,
                    )
                for row in found:
                    shown.add_row(*(str(value) for value in row))
                console.print("", shown)

        ((run, state, *counts),) = rows("demo_run", since=since)
        names = ("read", "inserted", "updated", "unchanged", "rejected", "duplicates")
        say(
            f"run {run} {state}: "
            + ", ".join(f"{count or 0} {name}" for name, count in zip(names, counts, strict=True))
        )
        table(
            "what landed",
            ("title", "site", "language", "published", "words", ""),
            rows("demo_articles", source=SOURCE),
        )
        table("what was stripped", ("class", "rule", "text"), rows("demo_removed", source=SOURCE))
        rejected = rows("demo_rejected", folder=str(sample))
        table(
            "what was rejected",
            ("reason", "where", "detail"),
            [(reason, origin.removeprefix(f"{sample}/"), detail) for reason, origin, detail in rejected],
        )


if __name__ == "__main__":
    sys.exit(main())
