"""Errors that a user can mend. The command line prints them as one message, never as a traceback."""

from __future__ import annotations


class KlartextError(Exception):
    """What went wrong, where, and what to do about it.

    Args:
        message: what is wrong, naming the file, line, key or URL.
        fix: what to do; printed on its own line.
        exit_code: 1 the work ran and something failed, 2 usage, configuration or environment.
        retry_safe: whether the same command can simply be run again.
    """

    def __init__(self, message: str, *, fix: str = "", exit_code: int = 2, retry_safe: bool = True) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix
        self.exit_code = exit_code
        self.retry_safe = retry_safe


class UsageError(KlartextError):
    """An argument or an input path is wrong (exit 2)."""


class ConfigurationError(KlartextError):
    """A setting or a configuration file is wrong (exit 2)."""


class DatabaseUnavailableError(KlartextError):
    """The database can't be reached or went away (exit 2). Nothing is half loaded; run it again."""
