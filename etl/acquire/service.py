"""Acquiring as a command or a task runs it: settings, database and signals around one :class:`Run`."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from etl.acquire.outcomes import Outcome
from etl.acquire.postgres_state import PostgresState
from etl.acquire.run import LIVE_KINDS, Answer, Run, choose
from etl.acquire.settings import AcquireSettings, read_acquire_settings
from etl.acquire.sources import SourcesFile, is_remote, landing_root, load_config, sources_path
from etl.database import Target, target_of
from etl.errors import ConfigurationError, UsageError
from etl.settings import Settings, read_settings

Watch = Callable[[str, Outcome, str], None]


def configured(path: Path | None, settings: Settings) -> tuple[Path, SourcesFile]:
    """The sources file to use, and what it says.

    Args:
        path: the file that was asked for; else the configured one.
        settings: where else to look.

    Raises:
        ConfigurationError: there is none, or it is wrong.
    """
    found = path or sources_path(settings)
    if found is None:
        raise ConfigurationError(
            f"there is no sources.toml, neither here nor in {settings.home}",
            fix="copy sources.example.toml, or run: klartext sources add https://publisher.example",
        )
    return found, load_config(found)


def absolute_root(root: str) -> str:
    """A landing zone that doesn't depend on the working folder; a URL stays as it is."""
    return root if is_remote(root) else str(Path(root).expanduser().absolute())


def acquire(
    config: SourcesFile,
    *,
    target: Target,
    settings: Settings,
    landing: str | None = None,
    only: Sequence[str] = (),
    due: bool = False,
    day: date | None = None,
    watch: Watch | None = None,
    acquire_settings: AcquireSettings | None = None,
) -> Answer:
    """Acquire once, to the end or to a signal (SIGINT, SIGTERM), after which what is there is completed.

    Args:
        config: the sources file.
        target: the database that keeps the state, migrated; a role that may write.
        settings: where the home is.
        landing: root of the landing zone instead of the configured one.
        only: names of the sources to look at; else all that are enabled.
        due: leave out sources whose time hasn't come.
        day: only this UTC day, of sources that are archives (ccnews).
        watch: is told each outcome as it comes.
        acquire_settings: instead of the environment's.

    Raises:
        UsageError: a name is in no ``[[source]]``.
        DatabaseUnavailableError: the database is away, or went away; what was stored is taken over by the next run.
        LandingError: the landing zone can't be written.
    """
    limits = acquire_settings or read_acquire_settings()
    sources = choose(config, only)
    with contextlib.closing(PostgresState(target)) as state:
        if due:
            now, health = datetime.now(UTC), state.sources()
            sources = [one for one in sources if one.name not in health or health[one.name].next_due <= now]
        run = Run(
            config,
            sources,
            landing=absolute_root(landing or landing_root(settings)),
            settings=limits,
            state=state,
            spool=settings.home / "spool",
            day=day,
            watch=watch,
        )
        return asyncio.run(_until_signal(run))


def file_of_home(file: str, settings: Settings) -> Path | None:
    """The sources file that a run asks for instead of the configured one; ``None`` when it asks for none.

    Raises:
        UsageError: it doesn't lie in the home. Who may start runs must not choose any file of the machine, nor one
            that somebody else may write, since a sources file decides which addresses are asked.
    """
    if not file:
        return None
    home, path = settings.home.resolve(), Path(file).resolve()
    if not path.is_relative_to(home):
        raise UsageError(f"the sources file {file!r} lies outside the home {home}", fix="put it there")
    return path


def acquire_named(names: Sequence[str], *, dsn: str, day: date | None = None, file: str = "") -> Answer:
    """Acquire some of the configured sources; for a scheduler's task.

    Args:
        names: of the sources.
        dsn: the database that keeps the state.
        day: only this UTC day, of sources that are archives.
        file: a sources file in the home, instead of the configured one.

    Raises:
        KlartextError: as :func:`acquire`, :func:`configured` and :func:`file_of_home`.
    """
    settings = read_settings()
    _, config = configured(file_of_home(file, settings), settings)
    return acquire(config, target=target_of(dsn), settings=settings, only=names, day=day)


def due_names(dsn: str, *, only: Sequence[str] = (), file: str = "") -> list[str]:
    """Names of the configured sources whose time has come, or those of ``only``; none without a sources file.

    Args:
        dsn: the database that knows when they were looked at.
        only: these, due or not.
        file: a sources file in the home, instead of the configured one.

    Raises:
        ConfigurationError: the sources file is wrong.
        UsageError: a name of ``only`` is in no ``[[source]]``, or the file lies outside the home.
        DatabaseUnavailableError: the database is away.
    """
    settings = read_settings()
    chosen_file = file_of_home(file, settings)
    if chosen_file is None and sources_path(settings) is None and not only:
        return []
    _, config = configured(chosen_file, settings)
    chosen = [source for source in choose(config, only) if source.kind in LIVE_KINDS or only]
    with contextlib.closing(PostgresState(target_of(dsn))) as state:
        health = state.sources()
    now = datetime.now(UTC)
    return [one.name for one in chosen if only or one.name not in health or health[one.name].next_due <= now]


def archive_names() -> list[str]:
    """Names of the configured sources of kind ``ccnews``; none without a sources file.

    Raises:
        ConfigurationError: the sources file is wrong.
    """
    settings = read_settings()
    if sources_path(settings) is None:
        return []
    return [source.name for source in choose(configured(None, settings)[1]) if source.kind == "ccnews"]


async def _until_signal(run: Run) -> Answer:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    handled: list[signal.Signals] = []
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
            handled.append(number)
    try:
        return await run.run(stop)
    finally:
        for number in handled:
            loop.remove_signal_handler(number)
