"""The DAG ``process``: files and the landing zone → Postgres → settle. Wiring only; the work is in ``etl``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

from airflow.sdk import (
    Asset,
    AssetOrTimeSchedule,
    Connection,
    CronDataIntervalTimetable,
    Metadata,
    Param,
    TriggerRule,
    dag,
    task,
)
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

# The DAGs that acquire emit the first one; nothing but the names ties them together.
LANDING = Asset(name="klartext_landing", uri="klartext://landing", group="klartext")
CORPUS = Asset(name="klartext_corpus", uri="klartext://corpus", group="klartext")
RETRIES = int(os.environ.get("KLARTEXT_TASK_RETRIES", "3"))

DOC = """
### Articles in, clean rows in Postgres

`plan` looks for what to read and cuts it into batches, `load` runs once a batch (read → extract → language → clean
→ COPY and upsert, one transaction for some hundred records), `settle` finds out what only the whole corpus can tell
(versions, duplicate clusters), `check` makes sure that every batch has arrived.

**What a run reads**

| run | reads |
| --- | --- |
| every night, or when something has landed | files of the landing zone and of `folder` sources not finished yet |
| a backfill, or by hand with `day` | that UTC day's landing folders and dated folders, also what was loaded before |
| by hand with `paths` | these files and folders, below `KLARTEXT_INPUT_ROOTS` |

Running it again does no harm: what is there already is counted as *unchanged*. A batch that fails doesn't stop the
others; `settle` runs on what has landed, and `check` fails the run. Clear the failed tasks to try them again.

Records that can't be processed are in `news.quarantine`, with the reason; counts are in `news.run`.
"""

PARAMS = {
    "paths": Param(
        [],
        type="array",
        items={"type": "string", "minLength": 1},
        title="Paths",
        description_md="Files and folders to read, one a line, as absolute paths below `KLARTEXT_INPUT_ROOTS`. "
        "Empty: what has landed and isn't finished yet.",
    ),
    "day": Param(
        None,
        type=["null", "string"],
        format="date",
        title="Day",
        description_md="A UTC day whose landing folders and dated folders are read (again). Paths win over it.",
    ),
    "source": Param(
        "files",
        type="string",
        pattern=r"^\w[\w.-]{0,99}$",
        title="Source",
        description_md="The name of the paths' source; part of the identity of records without URL.",
    ),
    "map": Param(
        {},
        type="object",
        additionalProperties={"type": "string", "minLength": 1},
        title="Fields",
        description_md='Which column holds which field, such as `{"text": "body", "url": "link"}`; '
        "only for names that aren't found by themselves.",
    ),
}


@contextmanager
def retried_only_if_it_helps() -> Iterator[None]:
    """Lets a mistake of the user fail the task at once, with the message and without a retry."""
    from etl.errors import KlartextError

    try:
        yield
    except KlartextError as error:
        raise (AirflowException if error.worth_a_retry else AirflowFailException)(error.in_one_line) from None


def database() -> str:
    """The DSN of the connection ``klartext``."""
    from etl.database import dsn_of_connection

    return dsn_of_connection(Connection.get("klartext"))


def day_of(dag_run: Any, params: dict[str, Any], data_interval_start: datetime | None) -> date | None:
    """The UTC day that a run is about: the parameter, or a backfill's day; ``None`` for all other runs."""
    if params["day"]:
        return date.fromisoformat(params["day"])
    # A run by hand or on an asset may have no logical date, and then no interval either.
    if dag_run.run_type == "backfill" and data_interval_start is not None:
        return data_interval_start.astimezone(UTC).date()
    return None


@dag(
    dag_id="process",
    dag_display_name="process: articles → Postgres",
    description="Landing zone or files → clean rows in Postgres → settle",
    doc_md=DOC,
    # The clock loses nothing (a paused DAG drops asset events) and gives backfills their days; the asset is
    # for freshness.
    schedule=AssetOrTimeSchedule(
        timetable=CronDataIntervalTimetable("0 0 * * *", timezone="UTC"),
        assets=LANDING,
    ),
    start_date=datetime(2016, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=4,
    max_active_tasks=256,  # the pools are what bounds them
    params=PARAMS,
    tags=["klartext", "load"],
    default_args={
        "owner": "klartext",
        "retries": RETRIES,
        "retry_delay": timedelta(seconds=20),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(minutes=10),
    },
)
def process() -> None:
    @task(pool="klartext_postgres", execution_timeout=timedelta(hours=1), inlets=[LANDING])
    def plan(
        ti: Any = None,
        dag_run: Any = None,
        params: Any = None,
        data_interval_start: datetime | None = None,
    ) -> list[dict[str, Any]]:
        """Writes what is to be read into a manifest and returns references to its batches."""
        from etl.ingest import plan_run

        with retried_only_if_it_helps():
            run = plan_run(
                database(),
                name=f"{dag_run.dag_id}/{dag_run.run_id}",
                paths=list(params["paths"]),
                day=day_of(dag_run, params, data_interval_start),
                source=params["source"],
                fields=dict(params["map"]),
            )
        ti.xcom_push("run", run.run_id)
        return run.batches

    @task(
        pool="klartext_postgres",
        execution_timeout=timedelta(hours=12),
        map_index_template="{{ task.op_kwargs['batch']['key'][:8] }}",
    )
    def load(batch: dict[str, Any], ti: Any = None) -> dict[str, int]:
        """Processes and loads one batch; returns its counts."""
        from etl.ingest import process_batch

        with retried_only_if_it_helps():
            return process_batch(database(), ti.xcom_pull(task_ids="plan", key="run"), batch)

    # All done, whatever became of them: what has landed is settled even when a batch failed.
    @task(
        pool="klartext_settle",
        trigger_rule=TriggerRule.ALL_DONE,
        execution_timeout=timedelta(hours=12),
        outlets=[CORPUS],
    )
    def settle(ti: Any = None) -> Iterator[Metadata]:
        """Versions, templates and clusters of what has changed."""
        from etl.ingest import settle_run

        run = ti.xcom_pull(task_ids="plan", key="run")
        if run is None:
            raise AirflowSkipException("there is no plan, so nothing was loaded")
        with retried_only_if_it_helps():
            settled = settle_run(database(), run)
        ti.xcom_push("settled", settled)
        yield Metadata(CORPUS, {"run": run, **settled})

    @task(pool="klartext_settle", trigger_rule=TriggerRule.ALL_DONE, retries=0)
    def check(ti: Any = None) -> dict[str, int]:
        """Fails the run unless every planned batch was loaded and settled; returns the run's counts."""
        from etl.ingest import check_run, settle_run

        run = ti.xcom_pull(task_ids="plan", key="run")
        if run is None:
            raise AirflowFailException("the task plan failed; its log says why")
        if ti.xcom_pull(task_ids="settle", key="settled") is None:
            raise AirflowFailException("the task settle failed; its log says why")
        with retried_only_if_it_helps():
            # Batches that failed and were cleared alone have come after settle. Else there is nothing left to do.
            settle_run(database(), run)
            return check_run(database(), run)

    loaded = load.expand(batch=plan())
    settled = settle()
    checked = check()
    loaded >> [settled, checked]  # check itself waits for the batches, also when they alone are cleared
    settled >> checked


process()
