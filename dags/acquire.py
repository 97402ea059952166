"""The DAGs ``acquire`` and ``acquire_archive``: the web → landing zone. Wiring only; the work is in ``etl``."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

from airflow.sdk import (
    Asset,
    Connection,
    CronDataIntervalTimetable,
    CronTriggerTimetable,
    Metadata,
    Param,
    TriggerRule,
    dag,
    task,
)
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

# The DAG ``process`` runs on it; nothing but the names ties the two together.
LANDING = Asset(name="klartext_landing", uri="klartext://landing", group="klartext")
POOL = "klartext_web"
MOST_TASKS = 256  # Airflow maps at most 1,024 items, and each result costs a request
log = logging.getLogger(__name__)

DOC = """
### From publishers' feeds and sitemaps to the landing zone

`due` looks into `sources.toml` (`KLARTEXT_ACQUIRE_SOURCES`, else `sources.toml` in the home) for sources whose time
has come, `fetch` asks for what each of them lists that is new or may have changed, and `announce` tells the DAG
`process` which files have landed. How often a source is looked at is its own affair (`every`, stretched while nothing
new comes); this DAG only looks whether one is due.

Politeness doesn't depend on how many tasks run at once: there is one request at a time to a host, and the agreed
delay between two, across all tasks and runs. A task that is killed is gone on with by the next one. A source whose
feed can't be had fails its task; the others go on. `klartext sources list` shows how each is doing, the view
`news.fetch_log` what came of every URL.
"""

DOC_ARCHIVE = """
### Years of real news from Common Crawl's archive

Every run reads one UTC day of CC-NEWS for each source of kind `ccnews` in `sources.toml`, filtered by `domains`,
`languages`, `include` and `exclude`, into the landing zone. Every night it reads the day before the last one, since
the archive takes some hours to complete a day; for the past use Airflow's own backfill, both ends included:

    airflow backfill create --dag-id acquire_archive --from-date 2024-05-01 --to-date 2024-05-31

What is there already isn't read again: a day that was interrupted goes on where it stopped. Then backfill the DAG
`process` over the same days, or let its nightly run take what is new.
"""


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


def groups(names: list[str]) -> list[list[str]]:
    """The names in at most 256 groups, one by one while there are fewer."""
    size = -(-len(names) // MOST_TASKS) or 1
    return [names[start : start + size] for start in range(0, len(names), size)]


def fetch_sources(names: list[str], *, day: date | None = None, file: str = "") -> list[str]:
    """Acquires some sources; returns the paths that landed."""
    from etl.acquire.service import acquire_named

    with retried_only_if_it_helps():
        answer = acquire_named(names, dsn=database(), day=day, file=file)
    counts = ("asked", "stored", "not_modified", "skipped", "failed")
    log.info("%s", ", ".join(f"{answer.count(name)} {name}" for name in counts))  # type: ignore[arg-type]
    for url, detail in answer.details.items():
        log.info("%s: %s (%s)", answer.outcomes[url], url, detail)
    if answer.interrupted:
        raise AirflowException("interrupted; what was fetched is kept, and the next try goes on from there")
    errors = [f"{name}: {report.error}" for name, report in answer.sources.items() if report.error]
    if errors and not answer.files:
        raise AirflowFailException("; ".join(errors))
    for error in errors:
        log.warning("%s", error)
    return answer.files


def announced(ti: Any, first: str) -> Iterator[Metadata]:
    """The asset's event with all paths that landed; no event when none did.

    Raises:
        AirflowFailException: the task ``first``, which says what to fetch, failed, or so did every source.
    """
    groups = ti.xcom_pull(task_ids=first)
    if groups is None:
        raise AirflowFailException(f"the task {first} failed; its log says why")
    results = [paths for paths in ti.xcom_pull(task_ids=["fetch"]) if paths is not None]
    if groups and not results:
        raise AirflowFailException("not one source could be had; the logs of the tasks fetch say why")
    landed = [path for paths in results for path in paths]
    if not landed:
        raise AirflowSkipException("nothing new has landed")
    yield Metadata(LANDING, {"paths": landed})


DEFAULTS = {
    "owner": "klartext",
    "retries": int(os.environ.get("KLARTEXT_TASK_RETRIES", "3")),
    "retry_delay": timedelta(minutes=1),
    "retry_exponential_backoff": True,
    "max_retry_delay": timedelta(minutes=10),
}


@dag(
    dag_id="acquire",
    dag_display_name="acquire: the web → landing zone",
    description="Sources that are due → WARC files in the landing zone",
    doc_md=DOC,
    schedule=CronTriggerTimetable("*/15 * * * *", timezone="UTC"),
    start_date=datetime(2016, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=2,  # a source with thousands of pages doesn't hold up the others' next look
    max_active_tasks=MOST_TASKS,  # the pool is what bounds them
    params={
        "sources": Param(
            [],
            type="array",
            items={"type": "string", "minLength": 1},
            title="Sources",
            description_md="Names from `sources.toml` to look at now, due or not. Empty: those that are due.",
        ),
        "file": Param(
            "",
            type="string",
            title="Sources file",
            description_md="Another sources file than the configured one, for this run; it must lie in the home.",
        ),
    },
    tags=["klartext", "acquire"],
    default_args=DEFAULTS,
)
def acquire() -> None:
    @task(pool=POOL, execution_timeout=timedelta(minutes=10))
    def due(params: Any = None) -> list[list[str]]:
        """Names of the sources to look at, in groups of a task each."""
        from etl.acquire.service import due_names

        with retried_only_if_it_helps():
            return groups(due_names(database(), only=list(params["sources"]), file=params["file"]))

    @task(
        pool=POOL,
        execution_timeout=timedelta(hours=6),
        map_index_template="{{ task.op_kwargs['names'] | join(', ') }}",
    )
    def fetch(names: list[str], params: Any = None) -> list[str]:
        """Asks for what is new of these sources; returns the paths that landed."""
        return fetch_sources(names, file=params["file"])

    # All done, whatever became of them: what has landed is announced even when a source failed.
    @task(pool=POOL, trigger_rule=TriggerRule.ALL_DONE, execution_timeout=timedelta(minutes=10), outlets=[LANDING])
    def announce(ti: Any = None) -> Iterator[Metadata]:
        """Tells which files have landed."""
        yield from announced(ti, "due")

    fetch.expand(names=due()) >> announce()


@dag(
    dag_id="acquire_archive",
    dag_display_name="acquire archive: CC-NEWS → landing zone",
    description="A day of Common Crawl's news archive → WARC files in the landing zone",
    doc_md=DOC_ARCHIVE,
    # At midnight, or a backfill to a day would leave that day out.
    schedule=CronDataIntervalTimetable("0 0 * * *", timezone="UTC"),
    start_date=datetime(2016, 8, 26, tzinfo=UTC),  # the archive begins there
    catchup=False,
    max_active_runs=2,
    max_active_tasks=16,
    params={
        "day": Param(
            None,
            type=["null", "string"],
            format="date",
            title="Day",
            description_md="A UTC day of the archive. Empty: a backfill's day, else the day before yesterday.",
        )
    },
    tags=["klartext", "acquire", "backfill"],
    default_args=DEFAULTS,
)
def acquire_archive() -> None:
    @task(pool=POOL, execution_timeout=timedelta(minutes=10))
    def archives() -> list[list[str]]:
        """Names of the sources that are archives."""
        from etl.acquire.service import archive_names

        with retried_only_if_it_helps():
            return groups(archive_names())

    @task(pool=POOL, execution_timeout=timedelta(hours=24))
    def fetch(
        names: list[str], dag_run: Any = None, params: Any = None, data_interval_start: datetime | None = None
    ) -> list[str]:
        """Reads the run's day for these sources; returns the paths that landed."""
        if params["day"]:
            day = date.fromisoformat(params["day"])
        else:
            # By hand there may be no interval.
            day = (data_interval_start or datetime.now(UTC) - timedelta(days=1)).astimezone(UTC).date()
            if dag_run.run_type != "backfill":
                day -= timedelta(days=1)
        return fetch_sources(names, day=day)

    @task(pool=POOL, trigger_rule=TriggerRule.ALL_DONE, execution_timeout=timedelta(minutes=10), outlets=[LANDING])
    def announce(ti: Any = None) -> Iterator[Metadata]:
        """Tells which files have landed."""
        yield from announced(ti, "archives")

    fetch.expand(names=archives()) >> announce()


acquire()
acquire_archive()
