"""Runs ``klartext`` as users do: as a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Done:
    """A finished command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The last line of stdout."""
        return json.loads(self.out.splitlines()[-1])

    @property
    def lines(self) -> list[Any]:
        """Every line of stdout as JSON."""
        return [json.loads(line) for line in self.out.splitlines()]


def environment(dsn: str | None = None, **variables: str) -> dict[str, str]:
    """This process's environment, with a database and with settings."""
    found = {**os.environ, **variables}
    if dsn is not None:
        found["KLARTEXT_DATABASE_URL"] = dsn
    return found


def klartext(
    *arguments: str | Path, dsn: str | None = None, given: str = "", timeout: float = 120, **variables: str
) -> Done:
    """Runs a command to its end."""
    done = subprocess.run(
        [sys.executable, "-m", "etl.cli", *map(str, arguments)],
        input=given.encode("utf-8", "surrogatepass"),
        capture_output=True,
        check=False,
        env=environment(dsn, **variables),
        timeout=timeout,
    )
    result = Done(done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8"))
    assert "Traceback (most recent call last)" not in result.err, result.err
    return result
