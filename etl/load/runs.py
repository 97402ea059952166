"""Runs: what was asked, with which code and rules, and what became of every record."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import metadata
from typing import Any, Literal

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812

from etl.errors import KlartextError
from etl.load.outcomes import Outcomes
from etl.settings import get_settings
from etl.share import query


class UnknownRunError(KlartextError):
    """There is no such run in this database."""


@dataclass(frozen=True, slots=True)
class RunCounts:
    """Sums over a run's batches, and its copies.

    Attributes:
        outcomes: every record counts once.
        duplicates: articles that the run met, new or known, and that aren't canonical now.
    """

    outcomes: Outcomes
    duplicates: int


@dataclass(slots=True)
class OpenRun:
    """A run that goes on. ``counts`` are there when it has succeeded."""

    id: int
    counts: RunCounts = field(default_factory=lambda: RunCounts(Outcomes(), 0))


@lru_cache(maxsize=1)
def code_version() -> str:
    """The installed version of klartext, ``unknown`` when it isn't installed."""
    try:
        return metadata.version("klartext")
    except metadata.PackageNotFoundError:
        return "unknown"


def current_rules_version() -> str:
    """The version of the cleaning rules, and of the settings that deny and allow some of them."""
    from etl.clean import RULES_VERSION

    settings = get_settings()
    if not settings.deny_rules:
        return RULES_VERSION
    # What is allowed matters beside what is denied only.
    named = ",".join(sorted(settings.deny_rules))
    if settings.allow_rules:
        named += "|" + ",".join(sorted(settings.allow_rules))
    return f"{RULES_VERSION}-{hashlib.sha256(named.encode()).hexdigest()[:8]}"


def start_run(
    connection: Connection,
    kind: str,
    *,
    parameters: Mapping[str, Any] | None = None,
    rules_version: str | None = None,
) -> int:
    """Notes that a run begins and commits that.

    Args:
        kind: ``ingest``, ``process``, ``settle``, ``acquire``, ``reprocess``.
        parameters: what was asked, as JSON; no secrets.
        rules_version: version of the cleaning rules; by default that of this code.

    Returns:
        The run's id.
    """
    if rules_version is None:
        rules_version = current_rules_version()
    with connection.cursor() as cursor:
        cursor.execute(
            query("run_start"),
            {
                "kind": kind,
                "code_version": code_version(),
                "rules_version": rules_version,
                "parameters": json.dumps(parameters or {}, default=str),
            },
        )
        (run_id,) = cursor.fetchone() or (0,)
    connection.commit()
    return int(run_id)


def finish_run(
    connection: Connection,
    run_id: int,
    *,
    state: Literal["succeeded", "failed"] = "succeeded",
    message: str | None = None,
) -> RunCounts:
    """Notes how a run ended, with the sums of its batches, and commits that. Call it after settle.

    Raises:
        UnknownRunError: there is no such run.
    """
    with connection.cursor() as cursor:
        cursor.execute(query("run_finish"), {"run_id": run_id, "state": state, "message": message})
        found = cursor.fetchone()
    connection.commit()
    if found is None:
        raise UnknownRunError(f"there is no run {run_id} in this database")
    return RunCounts(Outcomes(*found[:5]), found[5])


@contextmanager
def noted_run(connection: Connection, kind: str, *, parameters: Mapping[str, Any]) -> Iterator[OpenRun]:
    """A run from its start to its end: how it ended is noted whatever happens, as long as the connection lasts.

    Args:
        kind, parameters: as :func:`start_run`.
    """
    run = OpenRun(start_run(connection, kind, parameters=parameters))
    message = "interrupted"
    try:
        yield run
        message = ""
    except (KlartextError, psycopg2.Error) as error:
        message = " ".join(str(error).split())
        raise
    finally:
        if message and not connection.closed:
            with suppress(psycopg2.Error):
                connection.rollback()
                finish_run(connection, run.id, state="failed", message=message)
    run.counts = finish_run(connection, run.id)
