"""Named places where a test kills the process, to show that the same command run again mends everything."""

from __future__ import annotations

import os
import signal
from typing import Final

VARIABLE: Final = "KLARTEXT_TEST_KILL_AT"
#: Every place there is; a test goes through all of them.
KILL_POINTS: Final = (
    "load_after_copy",
    "load_before_commit",
    "load_after_commit",
    "settle_after_take",
    "settle_before_commit",
    "settle_after_commit",
    "migrate_before_commit",
    "migrate_after_commit",
)


def kill_point(name: str) -> None:
    """Ends the process as kill -9 does when ``KLARTEXT_TEST_KILL_AT`` names this place; else does nothing."""
    if os.environ.get(VARIABLE) == name:
        os.kill(os.getpid(), signal.SIGKILL)
