"""Runs ``process`` (or any function of a capture) in killable child processes, with limits on time and memory.

A page can make an extractor loop, eat memory or crash the interpreter. So each page is worked on in a child
process over a pipe, one page a message; the child dies, the page becomes a ``Reject``, the next page goes on in a
fresh child. Children are fresh interpreters, not forks: that is safe beside threads, in Airflow tasks and in
daemonic workers, and nothing of ``__main__`` is imported again.

Limits, in the order in which they decide:

1. what the function itself refuses (bytes, elements, depth): the same everywhere;
2. CPU time, counted by the kernel (``setitimer(ITIMER_PROF)``, whose signal ends the child even in the middle of a
   regular expression): hardly depends on what else the machine does;
3. memory (``RLIMIT_AS`` above what the child needs when idle, and the peak of its resident memory afterwards);
4. wall time (``ITIMER_REAL``), the last resort.

A page whose child died of anything but CPU time is tried once more in a fresh child. So a kill from outside, or
memory that earlier pages left behind, doesn't decide what becomes of a page.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import pickle
import queue
import resource
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Generic, Self, TypeVar

from etl.errors import KlartextError
from etl.model import Capture, Reject
from etl.rejects import reject_capture
from etl.settings import Settings, get_settings

logger = logging.getLogger(__name__)

R = TypeVar("R")

RECYCLE_AFTER: Final = 50_000
RESET_CACHES_AFTER: Final = 1000
# On top of the wall time, for a child that doesn't even die by its own timers: it was stopped, say.
PATIENCE_SECONDS = 60.0
_ATTEMPTS: Final = 2
_STARTS: Final = 3
# In flight to one child: always one page ahead of the one it works on, more of them while they are small.
_AHEAD: Final = 16
_AHEAD_BYTES: Final = 256 * 1024
# Captures and results that wait for an earlier one's turn.
_WINDOW_BYTES: Final = 64 * 1024 * 1024
_HEADROOM: Final = 1.25
_MAX_DETAIL: Final = 500
# Exit code of a child that is left without the memory to say so.
_OUT_OF_MEMORY: Final = 98


def default_processes(settings: Settings) -> int:
    """The setting ``workers``, or one process a core that this process may use, at most 8."""
    if settings.workers:
        return settings.workers
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(usable, 8)


class WorkerStartError(KlartextError):
    """The child process can't start, or can't import its function."""


@dataclass(slots=True, eq=False)
class _Job:
    capture: Capture
    message: bytes
    attempts: int = 0
    done: bool = False
    result: Any = None


@dataclass(slots=True, eq=False)
class _Child:
    process: subprocess.Popen[bytes]
    pipe: Connection
    pending: deque[_Job] = field(default_factory=deque)
    pending_bytes: int = 0
    ready: bool = False
    retiring: bool = False
    served: int = 0
    progress: float = 0.0


class Pool(Generic[R]):
    """A function of a capture, run in ``processes`` children; results come in the order of the captures.

    Use it as a context manager: leaving it ends the children at once. It belongs to one thread at a time.

    Args:
        target: a function that can be imported (no lambda, nothing of ``__main__``) or its dotted name
            (``"etl.process:process"``). What it returns has to be picklable.
        processes: how many children.
        settings: ``extract_cpu_seconds``, ``extract_wall_seconds`` and ``extract_memory_bytes`` are read here; the
            function reads its own settings in the child, from the same environment.
        recycle_after: pages after which a child is replaced, as a precaution against memory that grows.

    Raises:
        TypeError: the function can't be imported by another process.
    """

    def __init__(
        self,
        target: Callable[[Capture], R] | str,
        processes: int,
        settings: Settings | None = None,
        *,
        recycle_after: int = RECYCLE_AFTER,
    ) -> None:
        self._target = _importable(target)
        self._settings = settings or get_settings()
        self._processes = max(1, processes)
        self._recycle_after = recycle_after
        self._children: list[_Child] = []
        self._failed_starts = 0
        self._closed = False
        self._finalizer = weakref.finalize(self, _end_all, self._children, os.getpid())

    def __enter__(self) -> Self:
        while len(self._children) < self._processes:
            self._children.append(self._start())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the children, whatever they are doing. Closing twice does no harm."""
        self._closed = True
        self._finalizer()

    @property
    def pids(self) -> tuple[int, ...]:
        """The process ids of the children."""
        return tuple(child.process.pid for child in self._children)

    def map(self, captures: Iterable[Capture]) -> Generator[tuple[Capture, R | Reject], None, None]:
        """Work on a stream of captures: ``(capture, result)`` pairs, streaming, in the same order.

        It reads a bounded number of captures ahead of the one whose result it gives. While the caller works on a
        result the children go on. A page that fails gives a ``Reject`` of the stage ``extract``.

        Raises:
            WorkerStartError: a child can't start.
            KlartextError: the function raised it: a wrong setting, say, which isn't a matter of one page.
        """
        if self._closed:
            raise ValueError("the workers are closed")
        source = iter(captures)
        waiting: deque[_Job] = deque()
        window_bytes = 0
        exhausted = False
        try:
            while True:
                while not exhausted and window_bytes < _WINDOW_BYTES:
                    child = self._next_child(len(waiting))
                    if child is None:
                        break
                    try:
                        capture = next(source)
                    except StopIteration:
                        exhausted = True
                        break
                    job = _Job(capture, pickle.dumps(capture, pickle.HIGHEST_PROTOCOL))
                    waiting.append(job)
                    window_bytes += len(job.message)
                    self._submit(child, job)
                if not waiting:
                    return
                if waiting[0].done:
                    job = waiting.popleft()
                    window_bytes -= len(job.message)
                    yield job.capture, job.result
                else:
                    self._collect()
        finally:
            self._abandon()

    # --- children

    def _start(self) -> _Child:
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                # A child that doesn't read (stopped, say) must not block us for ever.
                patience = struct.pack("ll", int(self._settings.extract_wall_seconds + PATIENCE_SECONDS) + 1, 0)
                ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, patience)
                process = subprocess.Popen(
                    [sys.executable, "-c", _BOOTSTRAP.format(path=sys.path, fd=theirs.fileno(), parent=os.getpid())],
                    stdin=subprocess.DEVNULL,
                    stdout=2,  # what a library prints must not get between the lines of our own output
                    pass_fds=(theirs.fileno(),),
                    env=_environment(),
                )
            except OSError as error:
                ours.close()
                raise WorkerStartError(f"no worker process can be started: {error}", exit_code=2) from None
        child = _Child(process, Connection(ours.detach()), progress=time.monotonic())
        limits = (
            self._settings.extract_cpu_seconds,
            self._settings.extract_wall_seconds,
            self._settings.extract_memory_bytes,
        )
        # If it dies at once, the next read tells.
        with contextlib.suppress(OSError):
            child.pipe.send_bytes(pickle.dumps((self._target, limits)))
        return child

    def _next_child(self, waiting: int) -> _Child | None:
        """The child that takes the next capture, or ``None`` when all have enough to do."""
        if waiting >= 4 * _AHEAD * self._processes:
            return None
        while sum(not child.retiring for child in self._children) < self._processes:
            self._children.append(self._start())
        child = min((c for c in self._children if not c.retiring), key=lambda c: (len(c.pending), c.pending_bytes))
        busy = len(child.pending) >= 2 and (len(child.pending) >= _AHEAD or child.pending_bytes >= _AHEAD_BYTES)
        return None if busy else child

    def _submit(self, child: _Child, job: _Job) -> None:
        if not child.pending:
            child.progress = time.monotonic()
        child.pending.append(job)
        child.pending_bytes += len(job.message)
        try:
            child.pipe.send_bytes(job.message)
        except OSError:
            # It died or doesn't read any more; half a message is no message. Its end is noticed as it is read from.
            child.process.kill()

    def _collect(self) -> None:
        """Wait for at least one reply or death among the children that have something to do."""
        if self._closed:
            raise ValueError("the workers were closed")
        busy = {child.pipe: child for child in self._children if child.pending}
        patience = 1.5 * self._settings.extract_wall_seconds + PATIENCE_SECONDS
        began = time.monotonic()
        while True:
            ready = wait(list(busy), timeout=min(5, patience / 4))
            if ready:
                break
            now = time.monotonic()
            for child in busy.values():
                if now - max(began, child.progress) > patience:
                    # Its own timers didn't end it: it was stopped, or hangs in the kernel.
                    child.process.kill()
        for pipe in ready:
            child = busy[pipe]  # type: ignore[index]
            try:
                kind, value = pickle.loads(child.pipe.recv_bytes())  # noqa: S301 - our own child
            except (EOFError, OSError):
                self._bury(child)
            else:
                self._receive(child, kind, value)

    def _receive(self, child: _Child, kind: str, value: Any) -> None:
        child.progress = time.monotonic()
        if kind == "ready":
            child.ready = True
            self._failed_starts = 0
            return
        if kind == "tired":
            child.retiring = True
            return
        if kind == "unusable":
            raise WorkerStartError(
                f"the worker can't run {_name(self._target)}: {value}", fix="see the error above; `klartext doctor`"
            )
        if kind == "raise":
            raise value
        job = self._pop(child)
        child.served += 1
        if kind == "result":
            job.result = value
            job.done = True
        elif kind == "memory":
            self._fail(job, "extract_memory", value)
            if not job.done:
                child.pending.appendleft(job)
            self._replace(child)
            return
        else:
            self._reject(job, "extract_error", value)
        child.retiring = child.retiring or child.served >= self._recycle_after
        if child.retiring and not child.pending:
            self._discard(child)

    def _pop(self, child: _Child) -> _Job:
        job = child.pending.popleft()
        child.pending_bytes -= len(job.message)
        return job

    def _bury(self, child: _Child) -> None:
        """A child is dead: whose page it worked on, and who takes over the rest."""
        child.pipe.close()
        try:
            code = child.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            child.process.kill()
            code = child.process.wait()
        if not child.ready:
            self._failed_starts += 1
            if self._failed_starts >= _STARTS:
                raise WorkerStartError(f"worker processes die as they start: {_death(code)}", fix="`klartext doctor`")
        elif child.pending:
            job = self._pop(child)
            settings = self._settings
            if code == -signal.SIGPROF:
                detail = f"it used more than {settings.extract_cpu_seconds:g} s of CPU time"
                self._reject(job, "extract_timeout", detail)
            elif code == -signal.SIGALRM:
                self._fail(job, "extract_timeout", f"it took longer than {settings.extract_wall_seconds:g} s")
            elif code == _OUT_OF_MEMORY:
                self._fail(job, "extract_memory", _too_much(settings.extract_memory_bytes))
            else:
                self._fail(job, "extract_crash", f"the worker died: {_death(code)}")
            if not job.done:
                child.pending.appendleft(job)
        self._replace(child)

    def _replace(self, child: _Child) -> None:
        """Give what a child still had to do to a fresh one."""
        self._discard(child)
        if not child.pending and sum(not c.retiring for c in self._children) >= self._processes:
            return
        fresh = self._start()
        self._children.append(fresh)
        for job in child.pending:
            self._submit(fresh, job)

    def _discard(self, child: _Child) -> None:
        self._children.remove(child)
        _end(child)

    def _abandon(self) -> None:
        """Drop what is still in flight when the caller stops in the middle."""
        for child in [child for child in self._children if child.pending]:
            child.pending.clear()
            self._discard(child)

    # --- outcomes

    def _fail(self, job: _Job, reason: str, detail: str) -> None:
        """A failure that may not be the page's own: once more, then a reject."""
        job.attempts += 1
        if job.attempts >= _ATTEMPTS:
            self._reject(job, reason, detail)

    def _reject(self, job: _Job, reason: str, detail: str) -> None:
        logger.info("%s: %s: %s", job.capture.origin, reason, detail)
        job.result = reject_capture(
            job.capture, "extract", reason, detail, payload_bytes=self._settings.quarantine_payload_bytes
        )
        job.done = True


class Worker(Pool[R]):
    """One child: what an Airflow task uses, whose fan-out is Airflow's."""

    def __init__(
        self,
        target: Callable[[Capture], R] | str,
        settings: Settings | None = None,
        *,
        recycle_after: int = RECYCLE_AFTER,
    ) -> None:
        super().__init__(target, 1, settings, recycle_after=recycle_after)


def _importable(target: Callable[[Capture], R] | str) -> bytes:
    if not isinstance(target, str) and getattr(target, "__module__", None) == "__main__":
        raise TypeError("the function is defined in __main__; move it into a module that workers can import")
    try:
        return pickle.dumps(target)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise TypeError(f"workers can't import {target!r}: {error}") from None


def _name(target: bytes) -> str:
    value = pickle.loads(target)  # noqa: S301 - our own
    return value if isinstance(value, str) else f"{value.__module__}:{value.__qualname__}"


def _death(code: int) -> str:
    if code >= 0:
        return f"it ended with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    if code == -signal.SIGKILL:
        return f"it was killed from outside ({name}), which is what the kernel does when memory runs out"
    return f"it was ended by {name}"


def _end(child: _Child) -> None:
    child.pipe.close()
    child.process.kill()
    child.process.wait()


def _end_all(children: list[_Child], owner: int) -> None:
    # A process that was forked from ours holds the same objects; the children aren't its own.
    if os.getpid() == owner:
        for child in children:
            _end(child)
        children.clear()


def _environment() -> dict[str, str]:
    """One thread a child (it is one of several), and the same order of sets in each."""
    return {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "PYTHONHASHSEED": "0",
    }


# --- in the child

_BOOTSTRAP: Final = "import sys; sys.path[:] = {path!r}; from etl.worker import serve; serve({fd}, {parent})"


def serve(fd: int, parent: int) -> None:
    """The child's main loop. Ends with the parent, whatever ends that.

    Args:
        fd: the child's end of the pipe.
        parent: process id of the process that started it.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    for number in (signal.SIGPROF, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGPROF, signal.SIGALRM})
    # When memory runs out, this process goes and not the database.
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500")
    pipe = Connection(fd)
    inbox: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(pipe, inbox, parent), daemon=True).start()
    target_bytes, (cpu, wall, memory) = pickle.loads(inbox.get())  # noqa: S301 - from our parent
    try:
        target = _load(target_bytes)
    except Exception as error:
        logger.debug("the worker's function can't be imported", exc_info=True)
        _send(pipe, "unusable", f"{type(error).__name__}: {error}")
        return
    _send(pipe, "ready", None)
    guard = _Memory(memory)
    try:
        _work(pipe, inbox, target, (cpu, wall, guard))
    except MemoryError:
        os._exit(_OUT_OF_MEMORY)
    except ConnectionError:  # the parent was killed; nobody reads an answer or a traceback
        os._exit(0)


def _work(
    pipe: Connection,
    inbox: queue.SimpleQueue[bytes],
    target: Callable[[Capture], Any],
    limits: tuple[float, float, _Memory],
) -> None:
    cpu, wall, guard = limits
    for count in itertools.count(1):
        message = inbox.get()
        signal.setitimer(signal.ITIMER_PROF, cpu)
        signal.setitimer(signal.ITIMER_REAL, wall)
        answer = _answer(target, message, guard)
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        pipe.send_bytes(answer)
        del message, answer
        if count % RESET_CACHES_AFTER == 0:
            _reset_caches()
            if guard.grown():
                _send(pipe, "tired", None)


def _read(pipe: Connection, inbox: queue.SimpleQueue[bytes], parent: int) -> None:
    """Take messages off the pipe at once, so that the parent never waits to send; end when the parent is gone."""
    try:
        while True:
            # A process that was forked from the parent may hold the pipe open: so look who the parent is, too.
            while not pipe.poll(1.0):
                if os.getppid() != parent:
                    os._exit(0)
            inbox.put(pipe.recv_bytes())
    except MemoryError:
        os._exit(_OUT_OF_MEMORY)
    except BaseException:  # whatever it is, without this thread the main one would wait for ever
        os._exit(0)


def _load(target: bytes) -> Callable[[Capture], Any]:
    import pkgutil

    value = pickle.loads(target)  # noqa: S301 - from our parent
    function = pkgutil.resolve_name(value) if isinstance(value, str) else value
    if not callable(function):
        raise TypeError(f"{value!r} is not a function")
    return function  # type: ignore[no-any-return]


def _answer(target: Callable[[Capture], Any], message: bytes, guard: _Memory) -> bytes:
    answer: bytes | None
    try:
        result = target(pickle.loads(message))  # noqa: S301 - from our parent
        answer = pickle.dumps(("result", result), pickle.HIGHEST_PROTOCOL)
    except MemoryError:
        answer = None  # answered below, when the failed call's frames and what they hold are gone
    except KlartextError as error:
        return pickle.dumps(("raise", error))
    except Exception as error:
        logger.debug("the worker's function failed", exc_info=True)
        return pickle.dumps(("error", f"{type(error).__name__}: {error}"[:_MAX_DETAIL]))
    # A library may have swallowed a MemoryError and gone on with less than the page; so what counts is the peak.
    if answer is None or guard.exceeded():
        return pickle.dumps(("memory", guard.describe()))
    return answer


def _send(pipe: Connection, kind: str, value: Any) -> None:
    with contextlib.suppress(OSError):
        pipe.send_bytes(pickle.dumps((kind, value)))


class _Memory:
    """The limit on what one page may take, on top of what the process holds when it is ready."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.resident = _proc_status("VmRSS") or _peak()
        virtual = _proc_status("VmSize")
        if virtual is not None:
            _, hard = resource.getrlimit(resource.RLIMIT_AS)
            wanted = virtual + int(limit * _HEADROOM)
            if hard != resource.RLIM_INFINITY:
                wanted = min(wanted, hard)
            with contextlib.suppress(ValueError, OSError):
                resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))

    def exceeded(self) -> bool:
        if _peak() - self.resident <= self.limit:
            return False
        # getrusage's peak also covers the parent's memory at the moment of the start; this one doesn't.
        own = _proc_status("VmHWM")
        return own is None or own - self.resident > self.limit

    def grown(self) -> bool:
        """Whether so much memory stuck that the next pages would have less than they may take."""
        resident = _proc_status("VmRSS")
        return resident is not None and resident - self.resident > self.limit // 4

    def describe(self) -> str:
        return _too_much(self.limit)


def _too_much(limit: int) -> str:
    return f"it needed more than {limit // 1024 // 1024} MiB of memory"


def _peak() -> int:
    """Peak resident memory of this process in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _proc_status(name: str) -> int | None:
    """A memory figure of ``/proc/self/status`` in bytes; ``None`` where there is no such file."""
    try:
        for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return None


def _reset_caches() -> None:
    if "trafilatura" in sys.modules:
        from trafilatura.meta import reset_caches

        reset_caches()
