"""What all commands share: where output goes, how progress is shown, how errors become messages."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

JsonOption = Annotated[bool, typer.Option("--json", help="Answer with one JSON object on the last line of stdout.")]

# Progress, logs and errors; stdout is for answers alone.
stderr = Console(stderr=True, highlight=False, soft_wrap=True)
PLAIN_INTERVAL = 5.0


def write_json(value: Any) -> None:
    """One JSON value on one line of stdout."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, default=str) + "\n")
    sys.stdout.flush()


def say(message: str) -> None:
    """A line for people, on stderr; nothing in it is markup."""
    stderr.print(message, markup=False)


class Counter:
    """Counts what passes; shown as a bar on a terminal and as plain lines elsewhere."""

    def __init__(self, what: str, bar: Progress | None) -> None:
        self.done = 0
        self._what = what
        self._bar = bar
        self._task = bar.add_task(what, total=None) if bar else None
        self._said_at = time.monotonic()

    def advance(self, step: int = 1, *, total: int | None = None) -> None:
        """``step`` more are done (of ``total``, when that is known)."""
        self.done += step
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, advance=step, total=total)
        elif time.monotonic() - self._said_at >= PLAIN_INTERVAL:
            self._said_at = time.monotonic()
            say(f"{self._what}: {self.done}" + (f" of {total}" if total else ""))


@contextmanager
def progress(what: str) -> Iterator[Counter]:
    """A counter for the time of a ``with`` block."""
    if not stderr.is_terminal:
        yield Counter(what, None)
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=stderr, transient=True) as bar:
        yield Counter(what, bar)
