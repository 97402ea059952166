"""What the worker's tests run in a child: functions that do to it what pages do."""

from __future__ import annotations

import ctypes
import os
import re
import signal
import threading
import time
from pathlib import Path

from etl.errors import ConfigurationError
from etl.model import Capture


def act(capture: Capture) -> object:
    """Do what the text says: ``VERB ARGUMENT``."""
    verb, _, argument = (capture.text or "").partition(" ")
    return globals()[f"do_{verb}"](argument)


def do_echo(argument: str) -> str:
    return argument


def do_length(argument: str) -> int:
    return len(argument)


def do_pid(argument: str) -> int:
    del argument
    return os.getpid()


def do_big(argument: str) -> str:
    return "x" * int(argument)


def do_spin(argument: str) -> None:
    del argument
    while True:
        pass


def do_regex(argument: str) -> None:
    """Hold the interpreter's lock inside one call for longer than anybody lives."""
    del argument
    re.match(r"(\w+\s?)+$", "a" * 60 + "!")


def do_spin_beside_threads(argument: str) -> None:
    threads = [threading.Thread(target=do_spin, args=("",), daemon=True) for _ in range(2)]
    for thread in threads:
        thread.start()
    do_sleep(argument)


def do_sleep(argument: str) -> str:
    time.sleep(float(argument))
    return "slept"


def do_stop(argument: str) -> None:
    del argument
    os.kill(os.getpid(), signal.SIGSTOP)


def do_exit(argument: str) -> None:
    os._exit(int(argument))


def do_segfault(argument: str) -> None:
    del argument
    ctypes.string_at(0)


def do_kill(argument: str) -> None:
    os.kill(os.getpid(), int(argument))


def do_once(argument: str) -> str:
    """Die at the first attempt, answer at the second."""
    mark = Path(argument)
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "survived"


def do_eat(argument: str) -> int:
    hoard = [os.urandom(1) * (1 << 20) for _ in range(int(argument))]
    return len(hoard)


def do_swallow(argument: str) -> str:
    """Run out of memory and hide it, as libraries do."""
    try:
        do_eat(argument)
    except MemoryError:
        return "less than all"
    return "all"


def do_raise(argument: str) -> None:
    raise ValueError(argument)


def do_misconfigured(argument: str) -> None:
    raise ConfigurationError(argument, fix="set it right")


def do_lambda(argument: str) -> object:
    return lambda: argument


def do_print(argument: str) -> str:
    print(argument)
    return "printed"


def do_interrupt(argument: str) -> str:
    os.kill(os.getpid(), signal.SIGINT)
    return argument


def do_threads(argument: str) -> str:
    return os.environ[argument]


def broken_import() -> None:
    """Only here to be named in a dotted name that doesn't resolve."""
