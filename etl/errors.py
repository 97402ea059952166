"""Errors that a user can mend. The command line prints them as one message, never as a traceback."""

from __future__ import annotations

from typing import ClassVar


class KlartextError(Exception):
    """What went wrong, where, and what to do about it.

    Args:
        message: what is wrong, naming the file, line, key or URL.
        fix: what to do; printed on its own line.
        exit_code: 1 the work ran and something failed, 2 usage, configuration or environment.
    """

    #: Whether the same again may well succeed.
    worth_a_retry: ClassVar[bool] = True

    def __init__(self, message: str, *, fix: str = "", exit_code: int = 2) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix
        self.exit_code = exit_code

    @property
    def in_one_line(self) -> str:
        """What is wrong and what to do, for logs."""
        return f"{self.message}. {self.fix}".strip(" .")


class UsageError(KlartextError):
    """An argument or an input path is wrong (exit 2)."""

    worth_a_retry = False


class ConfigurationError(KlartextError):
    """A setting or a configuration file is wrong (exit 2)."""

    worth_a_retry = False


class DatabaseUnavailableError(KlartextError):
    """The database can't be reached or went away (exit 2). Nothing is half loaded; run it again."""
