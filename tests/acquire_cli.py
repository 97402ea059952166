"""Runs ``klartext`` in this process: what a process of its own does, without its half a second of imports."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
from collections.abc import Iterator, Mapping
from unittest import mock

from etl.cli import main
from etl.settings import get_settings


@contextlib.contextmanager
def _quiet_loggers_restored() -> Iterator[None]:
    known = [log for log in logging.Logger.manager.loggerDict.values() if isinstance(log, logging.Logger)]
    levels = {log: log.level for log in known}
    try:
        yield
    finally:
        for log, level in levels.items():
            log.setLevel(level)


def klartext_here(*arguments: str, environment: Mapping[str, str]) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command.

    Args:
        arguments: after ``klartext``.
        environment: all of it.
    """
    out, err = io.StringIO(), io.StringIO()
    code = 0
    get_settings.cache_clear()
    with (
        mock.patch.dict(os.environ, environment, clear=True),
        mock.patch.object(sys, "argv", ["klartext", *arguments]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        _quiet_loggers_restored(),
    ):
        try:
            main()
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else 1
    get_settings.cache_clear()
    return code, out.getvalue(), err.getvalue()
