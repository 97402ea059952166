"""Files to the database: the work that the command line and the DAGs share.

``ingest`` is one run in one process tree (the command line). The DAG ``process`` takes the same road in pieces that
can run anywhere: ``plan_run``, ``process_batch`` for each batch, ``settle_run``, ``check_run``. References and counts
pass between them, never text.
"""

from __future__ import annotations

import hashlib
import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

import psycopg2

from etl.acquire.sources import landing_root, load_configured_sources
from etl.database import Target, connected, lost, target_of
from etl.errors import ConfigurationError, KlartextError
from etl.flow import through
from etl.load import Outcomes, finish_run, load_batch, noted_run, settle, start_run
from etl.load.migrate import migrate, pending
from etl.load.plan import finish_batch, finished_pieces, internal_errors, missing_batches, note_pieces, run_named
from etl.model import Capture, Record, Reject
from etl.plan import PlanRequest, choose_inputs, input_roots, plan_batches, read_batch
from etl.read import ReadReport, check_mapping, find_files, open_captures, origin_of
from etl.settings import MIB, Settings, get_settings
from etl.worker import Pool, Worker, default_processes

PROCESS = "etl.process:process"
# A transaction ends at so many records or at so many bytes of text, whichever comes first.
BATCH_BYTES = 32 * MIB
# A run's note of what was asked isn't the place for a list of all files.
MOST_PATHS = 20

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What became of a run's records: ``read = inserted + updated + unchanged + rejected``."""

    read: int
    inserted: int
    updated: int
    unchanged: int
    rejected: int
    duplicates: int
    seconds: float
    run_id: str
    notes: tuple[str, ...] = field(default=(), compare=False)

    def as_json(self) -> dict[str, Any]:
        """The shape of the public interface."""
        answer = asdict(self)
        answer.pop("notes")
        answer["seconds"] = round(self.seconds, 3)
        return answer


def ingest(
    paths: Sequence[str | os.PathLike[str]],
    *,
    target: Target,
    mapping: Mapping[str, str] | None = None,
    source: str | None = None,
    workers: int = 0,
    settings: Settings | None = None,
    on_progress: Callable[[int], None] = lambda _: None,
) -> Summary:
    """Loads files and folders, then settles.

    Args:
        paths: files, folders and fsspec URLs.
        target: the database, as a role that may write.
        mapping: field to column, for names that aren't found by themselves.
        source: the source's name; part of the id of records without URL.
        workers: processes that extract and clean; 0: the setting's, and without one a core each, at most eight.
        on_progress: told how many more records are done, as they are.

    Raises:
        UsageError: a path doesn't exist, or ``mapping`` names no field.
        DatabaseUnavailableError: the database is away or went away; what was committed stays, a rerun mends the rest.
    """
    settings = settings or get_settings()
    began = time.monotonic()
    report = ReadReport()
    # Before anything is written: a path that doesn't exist is a mistake in the command.
    files = list(find_files(paths, report=report))
    check_mapping(files, mapping or {})
    ready(target)

    def items() -> Iterator[Capture | Reject]:
        for file in files:
            yield from open_captures(file.path, source=source, mapping=mapping, report=report)

    with connected(target) as connection, lost_connection(target):
        asked = {
            "paths": [origin_of(path) for path in paths[:MOST_PATHS]],  # without credentials
            "source": source,
            "map": dict(mapping or {}),
        }
        with noted_run(connection, "ingest", parameters=asked) as run:
            total = Outcomes()
            with Pool[Record | Reject](PROCESS, workers or default_processes(settings), settings) as pool:
                for key, chunk in chunks(through(pool.map, items()), settings.batch_records):
                    total += load_batch(connection, run.id, key, chunk)
                    on_progress(len(chunk))
            settle(connection, search=settings.search)
    return Summary(
        **asdict(total),
        duplicates=run.counts.duplicates,
        seconds=time.monotonic() - began,
        run_id=str(run.id),
        notes=tuple(report.lines()),
    )


@contextmanager
def lost_connection(target: Target) -> Iterator[None]:
    """Turns a connection that breaks in the middle into the one message for it.

    Raises:
        DatabaseUnavailableError: the connection broke.
    """
    try:
        yield
    except psycopg2.Error as error:
        if isinstance(error, psycopg2.OperationalError | psycopg2.InterfaceError) and not isinstance(
            error, psycopg2.errors.DiskFull
        ):
            raise lost(error, target) from None
        raise


def ready(target: Target) -> None:
    """Makes sure that the schema is there: the embedded database is migrated, another one is only looked at.

    Raises:
        ConfigurationError: a server of the user's own lacks migrations.
    """
    if target.embedded is not None:
        owner = Target(target.embedded.url("owner"), target.label, target.embedded)
        if pending(owner):
            migrate(owner)
    elif waiting := pending(target):
        raise ConfigurationError(
            f"the database {target.label} isn't ready: {len(waiting)} migrations are missing",
            fix="run: klartext migrate",
        )


def chunks(items: Iterable[Record | Reject], size: int) -> Iterator[tuple[str, list[Record | Reject]]]:
    """Transactions' worth of items, each with a key made of what it holds."""
    chunk: list[Record | Reject] = []
    held = 0
    for item in items:
        chunk.append(item)
        held += len(item.article.text) if isinstance(item, Record) else len(item.payload)
        if len(chunk) >= size or held >= BATCH_BYTES:
            yield _key(chunk), chunk
            chunk, held = [], 0
    if chunk:
        yield _key(chunk), chunk


def _key(items: Sequence[Record | Reject]) -> str:
    digest = hashlib.sha256()
    for item in items:
        identity = item.article_id.bytes if isinstance(item, Record) else item.payload_sha256
        digest.update(identity + item.origin.encode("utf-8", "surrogateescape") + b"\0")
    return digest.hexdigest()[:32]


# --- the DAG's pieces --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """A run and references to its batches."""

    run_id: str
    batches: list[dict[str, Any]]


def plan_run(
    dsn: str,
    *,
    name: str,
    paths: Sequence[str] = (),
    day: date | None = None,
    source: str = "files",
    fields: Mapping[str, str] | None = None,
    settings: Settings | None = None,
) -> PlannedRun:
    """Starts a run and cuts what it reads into batches; see ``etl.plan``.

    Args:
        dsn: the database.
        name: the orchestrator's name for the run; planning the same name again goes on with the same run.
        paths: files and folders, below the input roots; without them the ``day``, without that all that is new.
    """
    settings = settings or get_settings()
    target = target_of(dsn)
    ready(target)
    request = PlanRequest(
        paths=tuple(paths),
        day=day,
        source=source,
        fields=dict(fields or {}),
        landing=landing_root(settings),
        sources=tuple(load_configured_sources(settings)),
        roots=input_roots(settings),
    )
    inputs = choose_inputs(request)
    with connected(target) as connection, lost_connection(target):
        asked = {
            "name": name,
            "paths": [origin_of(path) for path in paths[:MOST_PATHS]],
            "day": day,
            "source": source,
            "map": request.fields,
        }
        run_id = run_named(connection, name) or start_run(connection, "process", parameters=asked)

        def finished(keys: Sequence[str]) -> set[str]:
            return finished_pieces(connection, keys)

        batches = plan_batches(
            inputs,
            manifest_dir=settings.home / "runs",
            run_id=str(run_id),
            fields=request.fields,
            roots=request.read_roots,
            target_bytes=settings.task_bytes,
            finished=finished if request.kind == "sweep" else None,
        )
        planned = [
            (piece.key, reference["key"], piece.path)
            for reference in batches
            for piece in read_batch(reference).pieces
        ]
        note_pieces(connection, run_id, planned)
    return PlannedRun(str(run_id), batches)


def process_batch(dsn: str, run_id: str, reference: Mapping[str, Any]) -> dict[str, int]:
    """Processes and loads one batch of a plan, and returns its counts. Running it again changes nothing.

    Raises:
        DatabaseUnavailableError: the database is away or went away; a retry goes on where it stopped.
        ConfigurationError: the batch's manifest is gone.
    """
    settings = get_settings()
    target = target_of(dsn)
    batch = read_batch(reference)
    report = ReadReport()

    def items() -> Iterator[Capture | Reject]:
        for piece in batch.pieces:
            yield from open_captures(
                piece.path,
                source=piece.source,
                mapping=batch.fields,
                offset=piece.start or 0,
                length=None if piece.end is None else piece.end - (piece.start or 0),
                first_line=piece.first_line,
                report=report,
                roots=batch.roots,
            )

    total = Outcomes()
    with connected(target) as connection, lost_connection(target), Worker[Record | Reject](PROCESS) as worker:
        for number, (_, chunk) in enumerate(chunks(through(worker.map, items()), settings.batch_records)):
            # The place in the batch and not the content names a transaction, so that a retry, which reads the same
            # again, finds what is committed already.
            total += load_batch(connection, int(run_id), f"{batch.key}/{number}", chunk)
        finish_batch(connection, int(run_id), batch.key)
    for line in report.lines():
        logger.info("%s", line)
    return asdict(total)


def settle_run(dsn: str, run_id: str) -> dict[str, int]:
    """Settles what has landed; returns counts. ``run_id`` only says on whose behalf."""
    target = target_of(dsn)
    logger.info("settling for run %s", run_id)
    with connected(target) as connection, lost_connection(target):
        return asdict(settle(connection))


def check_run(dsn: str, run_id: str) -> dict[str, int]:
    """Ends a planned run: its counts from the database, when every planned batch has arrived.

    Raises:
        IncompleteRunError: batches are missing; the run is marked as failed.
    """
    target = target_of(dsn)
    with connected(target) as connection, lost_connection(target):
        missing = missing_batches(connection, int(run_id))
        if missing:
            names = ", ".join(
                f"{each.batch_key[:8]} ({each.pieces} files from {each.first_path})" for each in missing[:5]
            )
            message = f"{len(missing)} batches were not loaded to their end: {names}"
            finish_run(connection, int(run_id), state="failed", message=message)
            raise IncompleteRunError(
                message, fix="read their tasks' logs, mend the cause, and clear the failed tasks"
            )
        broken, example = internal_errors(connection, int(run_id))
        if broken:
            # Quarantine is for records; this is a fault of klartext, and someone should look.
            message = f"klartext itself failed on {broken} records, such as {example}"
            finish_run(connection, int(run_id), state="failed", message=message)
            raise IncompleteRunError(message, fix="please report it; after an update, run it again")
        counts = finish_run(connection, int(run_id))
    return {**asdict(counts.outcomes), "duplicates": counts.duplicates}


def settle_only(target: Target) -> dict[str, int]:
    """Settles by hand: ``clusters``, ``settled``, ``changed`` and ``indexed``."""
    ready(target)
    with connected(target) as connection, lost_connection(target):
        return asdict(settle(connection))


class IncompleteRunError(KlartextError):
    """Planned batches are missing."""
