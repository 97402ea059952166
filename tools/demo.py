"""The whole road in small: three news sites served on this machine → landing zone → PostgreSQL, and some files.

usage: tools/demo.py. The DAG ``acquire`` fetches the sites of examples/site, the DAG ``process`` loads what landed
and the files of examples/sample. With Airflow up (``make up``) its scheduler runs them; else a process each does.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from stack import SERVICES, AirflowError, Stack, last_lines, say

from etl.acquire.sources import landed_files, landing_root
from etl.database import AIRFLOW_CONNECTION, connected, resolve
from etl.errors import KlartextError
from etl.settings import get_settings
from etl.share import query, share_root

SOURCE = "sample"
RUN_SECONDS = 300.0
SITE_PORT = 8650
SERVE_SECONDS = 600  # the sites don't outlive a demo that was killed


def main() -> int:
    """Runs the demo; a message instead of a traceback for what a user can mend."""
    production = ("KLARTEXT_DATABASE_URL", "KLARTEXT_READER_DATABASE_URL", AIRFLOW_CONNECTION)
    for variable in (*production, "KLARTEXT_ACQUIRE_LANDING"):
        if os.environ.pop(variable, None):  # the sample belongs into nobody's production
            say(f"{variable} is set; the demo leaves that alone")
    try:
        demo(Stack(get_settings().home), share_root() / "examples" / "sample")
    except KlartextError as error:
        print(f"error: {error.message}" + (f"\n  {error.fix}" if error.fix else ""), file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    return 0


def demo(stack: Stack, sample: Path) -> None:
    """Fetches the sites, loads them and the sample, and prints what landed, what was stripped and how to go on."""
    began = time.monotonic()
    since = datetime.now(UTC)
    stack.prepare()
    with served_sites(stack.home / "demo") as sources:
        names = [entry["name"] for entry in tomllib.loads(sources.read_text(encoding="utf-8"))["source"]]
        run(stack, "acquire", {"sources": names, "file": str(sources)}, f"three news sites ({sources})")
    landed = [
        path
        for path in landed_files(landing_root(get_settings()))
        if any(f"/source={name}/" in path for name in names)
    ]
    conf = {"paths": [str(sample), *landed], "source": SOURCE}
    run(stack, "process", conf, f"what has landed ({len(landed)} files) and {sample}")
    show(sample, [SOURCE, *names], since)
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


@contextlib.contextmanager
def served_sites(folder: Path) -> Iterator[Path]:
    """The example sites as HTTP servers on this machine, while it lasts; a sources file for them.

    Their port stays the same from one demo to the next, since an article's address is what tells it from others.

    Raises:
        AirflowError: they don't come up.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sources, remembered = folder / "sources.toml", folder / "port"
    known = remembered.read_text().strip() if remembered.exists() else ""
    for port in (known if known.isdecimal() else str(SITE_PORT), "0"):
        command = [sys.executable, str(Path(__file__).with_name("serve_site.py")), "--port", port]
        command += ["--sources", str(sources), "--seconds", str(SERVE_SECONDS)]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as server:
            try:
                line = server.stdout.readline() if server.stdout else ""
                if not line:
                    continue
                bases: dict[str, str] = json.loads(line)
                remembered.write_text(next(iter(bases.values())).rpartition(":")[2])
                yield sources
                return
            finally:
                server.terminate()
    raise AirflowError("the example sites can't be served", fix="the message above says why")


def run(stack: Stack, dag: str, conf: dict[str, Any], what: str) -> None:
    """One run of a DAG, to its end.

    Raises:
        AirflowError: the run failed or takes too long.
    """
    with stack.lock():
        resident = len(stack.services()) == len(SERVICES)
        if not resident:
            log = stack.folder / f"demo-{dag}.log"
            say(f"running the DAG {dag} over {what}; its log: {log}")
            run_here(stack, dag, conf, log)
    if resident:
        say(f"running the DAG {dag} over {what} in the Airflow on {stack.url}")
        run_there(stack, dag, conf)


def run_here(stack: Stack, dag: str, conf: dict[str, Any], log: Path) -> None:
    """One run without a scheduler; it stands in Airflow's database like any other.

    Raises:
        AirflowError: the run failed.
    """
    command = [sys.executable, str(Path(__file__).with_name("run_dag.py")), dag, json.dumps(conf)]
    with log.open("wb") as output:
        done = subprocess.run(
            command, check=False, env=stack.environment(), stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    if done.returncode != 0:
        raise AirflowError(f"the run of the DAG {dag} failed: {last_lines(log)}", fix=f"read {log}")


def run_there(stack: Stack, dag: str, conf: dict[str, Any]) -> None:
    """One run by the scheduler that is up.

    Raises:
        AirflowError: the run failed or takes too long.
    """
    with stack.api() as api:
        answer = api.post(f"/api/v2/dags/{dag}/dagRuns", json={"logical_date": None, "conf": conf})
        answer.raise_for_status()
        run_id = answer.json()["dag_run_id"]
        deadline = time.monotonic() + RUN_SECONDS
        while (state := api.get(f"/api/v2/dags/{dag}/dagRuns/{run_id}").json()["state"]) not in ("success", "failed"):
            if time.monotonic() > deadline:
                break
            time.sleep(0.5)
    if state != "success":
        raise AirflowError(
            f"the DAG run {run_id} is {state}", fix=f"look at it on {stack.url}/dags/{dag}/runs/{run_id}"
        )


def show(sample: Path, sources: list[str], since: datetime) -> None:
    """Prints what was fetched, the run's counts, the articles, what was stripped and what was rejected."""
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
                        max_width=46 if column == "title" else 24 if column == "site" else None,
                    )
                for row in found:
                    shown.add_row(*(str(value) for value in row))
                console.print("", shown)

        table("what was fetched", ("source", "outcome", "pages"), rows("demo_fetched", sources=sources, since=since))
        ((number, state, *counts),) = rows("demo_run", since=since, source=SOURCE)
        names = ("read", "inserted", "updated", "unchanged", "rejected", "duplicates")
        say(
            f"\nrun {number} {state}: "
            + ", ".join(f"{count or 0} {name}" for name, count in zip(names, counts, strict=True))
        )
        table(
            "what landed",
            ("title", "site", "lang", "published", "words", "copy"),
            rows("demo_articles", sources=sources),
        )
        table("what was stripped", ("class", "rule", "text", "articles"), rows("demo_removed", sources=sources))
        rejected = rows("demo_rejected", folder=str(sample))
        table(
            "what was rejected",
            ("reason", "where", "detail"),
            [(reason, origin.removeprefix(f"{sample}/"), detail) for reason, origin, detail in rejected],
        )


if __name__ == "__main__":
    sys.exit(main())
