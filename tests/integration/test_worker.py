from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from etl.errors import ConfigurationError
from etl.model import Capture, Reject
from etl.settings import Settings
from etl.worker import Pool, Worker, WorkerStartError
from tests.worker_targets import act

pytestmark = pytest.mark.integration

MIB = 1024 * 1024


def settings(**changes: float) -> Settings:
    # Wall time is wide: on a busy machine a second of CPU time may take many.
    limits = {"extract_cpu_seconds": 1.0, "extract_wall_seconds": 60.0, "extract_memory_bytes": 256 * MIB}
    return Settings(**(limits | changes))  # type: ignore[arg-type]


def captures(*texts: str) -> list[Capture]:
    return [Capture(origin=f"test:{number}", text=text) for number, text in enumerate(texts, 1)]


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


def gone_within(pid: int, seconds: float) -> bool:
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        if not alive(pid):
            return True
        time.sleep(0.02)
    return False


def test_results_come_in_order() -> None:
    texts = [f"echo {number}" for number in range(300)]
    with Worker(act, settings()) as worker:
        pairs = list(worker.map(captures(*texts)))
    assert [result for _, result in pairs] == [str(number) for number in range(300)]
    assert [capture.origin for capture, _ in pairs] == [f"test:{number}" for number in range(1, 301)]


def test_results_come_in_order_from_a_pool() -> None:
    texts = [f"sleep {0.05 if number % 7 == 0 else 0}" if number % 3 else f"echo {number}" for number in range(60)]
    with Pool(act, 3, settings()) as pool:
        results = [result for _, result in pool.map(captures(*texts))]
        assert len(pool.pids) == 3
    assert results == ["slept" if number % 3 else str(number) for number in range(60)]


def test_a_pool_works_in_all_its_processes() -> None:
    with Pool(act, 3, settings()) as pool:
        texts = [text for _ in range(10) for text in ("sleep 0.05", "pid")]
        found = {result for _, result in pool.map(captures(*texts)) if isinstance(result, int)}
    assert len(found) > 1


@pytest.mark.parametrize(
    ("text", "reason", "words"),
    [
        ("spin", "extract_timeout", "CPU time"),
        ("regex", "extract_timeout", "CPU time"),
        ("spin_beside_threads 60", "extract_timeout", "CPU time"),
        ("exit 3", "extract_crash", "exit code 3"),
        ("exit 0", "extract_crash", "exit code 0"),
        ("segfault", "extract_crash", "SIGSEGV"),
        ("kill 9", "extract_crash", "SIGKILL"),
        ("kill 6", "extract_crash", "SIGABRT"),
        ("eat 2000", "extract_memory", "256 MiB"),
        ("swallow 2000", "extract_memory", "256 MiB"),
        ("raise told so", "extract_error", "ValueError: told so"),
        ("lambda 1", "extract_error", "pickle"),
    ],
)
def test_a_bad_page_is_rejected_and_the_next_goes_on(text: str, reason: str, words: str) -> None:
    with Worker(act, settings()) as worker:
        pairs = list(worker.map(captures("echo before", text, "echo after", "echo last")))
    results = [result for _, result in pairs]
    assert [results[0], *results[2:]] == ["before", "after", "last"]
    reject = results[1]
    assert isinstance(reject, Reject)
    assert (reject.stage, reject.reason, reject.origin) == ("extract", reason, "test:2")
    assert words in reject.detail
    assert reject.payload == text.encode()


def test_a_page_that_waits_for_ever_ends_by_wall_time() -> None:
    with Worker(act, settings(extract_wall_seconds=1)) as worker:
        results = [result for _, result in worker.map(captures("sleep 600", "echo after"))]
    assert isinstance(results[0], Reject)
    assert (results[0].reason, results[0].detail) == ("extract_timeout", "it took longer than 1 s")
    assert results[1] == "after"


def test_every_page_of_a_bad_stream_has_its_outcome() -> None:
    texts = ["exit 1", "kill 9", "echo a", "raise x", "segfault", "eat 2000", "echo b", "exit 0"]
    with Pool(act, 2, settings()) as pool:
        results = [result for _, result in pool.map(captures(*texts))]
    assert [result.reason if isinstance(result, Reject) else result for result in results] == [
        "extract_crash",
        "extract_crash",
        "a",
        "extract_error",
        "extract_crash",
        "extract_memory",
        "b",
        "extract_crash",
    ]


def test_memory_below_the_limit_is_fine() -> None:
    with Worker(act, settings()) as worker:
        assert [result for _, result in worker.map(captures("eat 150", "eat 150"))] == [150, 150]


def test_cpu_time_is_counted_for_each_page_anew() -> None:
    busy = "eat 30"
    with Worker(act, settings(extract_cpu_seconds=1.0)) as worker:
        results = [result for _, result in worker.map(captures(*[busy] * 60))]
    assert results == [30] * 60


def test_a_kill_from_outside_costs_no_page(tmp_path: Path) -> None:
    with Worker(act, settings()) as worker:
        results = [result for _, result in worker.map(captures("echo a", f"once {tmp_path / 'mark'}", "echo b"))]
    assert results == ["a", "survived", "b"]


def test_killing_idle_children_costs_no_page() -> None:
    with Pool(act, 2, settings()) as pool:
        list(pool.map(captures("echo a")))
        for pid in pool.pids:
            os.kill(pid, signal.SIGKILL)
        assert [result for _, result in pool.map(captures("echo b", "echo c"))] == ["b", "c"]


def test_a_stopped_child_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    # Its timers' signals wait as long as it is stopped: only the parent's patience ends it.
    monkeypatch.setattr("etl.worker.PATIENCE_SECONDS", 0.5)
    with Worker(act, settings(extract_wall_seconds=0.5)) as worker:
        results = [result for _, result in worker.map(captures("stop", "echo after"))]
    assert isinstance(results[0], Reject)
    assert results[0].reason == "extract_crash"
    assert results[1] == "after"


def test_big_messages_both_ways_do_not_block() -> None:
    texts = ["length " + "y" * 3_000_000, "big 5000000", "length " + "y" * 3_000_000, "big 5000000"] * 3
    with Pool(act, 2, settings()) as pool:
        results = [result for _, result in pool.map(captures(*texts))]
    assert [result if isinstance(result, int) else len(str(result)) for result in results] == [
        3_000_000,
        5_000_000,
    ] * 6


def test_reading_ahead_is_bounded() -> None:
    read = 0

    def stream() -> Iterator[Capture]:
        nonlocal read
        for capture in captures(*["echo x"] * 5000):
            read += 1
            yield capture

    with Worker(act, settings()) as worker:
        results = worker.map(stream())
        for number in range(1, 200):
            next(results)
            assert read <= number + 64
        results.close()


def test_children_go_on_while_the_caller_is_busy() -> None:
    with Worker(act, settings()) as worker:
        results = worker.map(captures(*["sleep 0.5"] * 8))
        next(results)
        time.sleep(5)
        began = time.monotonic()
        assert len(list(results)) == 7
        assert time.monotonic() - began < 3


def test_stopping_in_the_middle_and_going_on_with_another_stream() -> None:
    with Worker(act, settings()) as worker:
        stream = worker.map(captures("echo a", "sleep 2", "echo b"))
        assert next(stream)[1] == "a"
        stream.close()
        assert [result for _, result in worker.map(captures("echo c"))] == ["c"]


def test_an_error_of_the_source_of_captures_reaches_the_caller() -> None:
    def stream() -> Iterator[Capture]:
        yield from captures("echo a")
        raise OSError("the disk is gone")

    with Worker(act, settings()) as worker, pytest.raises(OSError, match="disk"):
        list(worker.map(stream()))


def test_recycling_changes_no_result() -> None:
    with Pool(act, 2, settings(), recycle_after=5) as pool:
        results = [result for _, result in pool.map(captures(*[f"echo {n}" for n in range(60)]))]
        assert results == [str(n) for n in range(60)]
        assert len(pool.pids) <= 2
    with Worker(act, settings(), recycle_after=5) as worker:
        pids = [result for _, result in worker.map(captures(*["pid"] * 30))]
    assert len(set(pids)) >= 2


def test_closing_ends_busy_children_at_once() -> None:
    with Pool(act, 2, settings()) as pool:
        stream = pool.map(captures("echo a", "sleep 20", "sleep 20", "sleep 20"))
        next(stream)
        pids = pool.pids
        began = time.monotonic()
    assert time.monotonic() - began < 5
    assert not any(alive(pid) for pid in pids)
    with pytest.raises(ValueError, match="closed"):
        next(stream)


def test_a_wrong_setting_is_told_and_not_put_on_the_pages() -> None:
    with Worker(act, settings()) as worker, pytest.raises(ConfigurationError, match="too small") as caught:
        list(worker.map(captures("misconfigured too small")))
    assert caught.value.fix == "set it right"


@pytest.mark.parametrize("target", ["tests.worker_targets:nothing", "no.such.module:function"])
def test_a_function_that_is_not_there(target: str) -> None:
    worker: Worker[object] = Worker(target, settings())
    with worker, pytest.raises(WorkerStartError, match="can't run"):
        list(worker.map(captures("echo a")))


def test_a_function_that_no_other_process_can_import() -> None:
    with pytest.raises(TypeError, match="import"):
        Worker(lambda capture: capture, settings())


def test_dotted_names_work() -> None:
    worker: Worker[object] = Worker("tests.worker_targets:act", settings())
    with worker:
        assert [result for _, result in worker.map(captures("echo a"))] == ["a"]


def test_prints_of_the_child_stay_out_of_stdout(capfd: pytest.CaptureFixture[str]) -> None:
    with Worker(act, settings()) as worker:
        list(worker.map(captures("print something")))
    out, _ = capfd.readouterr()
    assert out == ""


def test_children_ignore_ctrl_c() -> None:
    with Worker(act, settings()) as worker:
        assert [result for _, result in worker.map(captures("interrupt a"))] == ["a"]


def test_children_use_one_thread_and_a_fixed_hash_seed() -> None:
    with Worker(act, settings()) as worker:
        found = [result for _, result in worker.map(captures("threads OMP_NUM_THREADS", "threads PYTHONHASHSEED"))]
    assert found == ["1", "0"]


def test_it_works_in_threads() -> None:
    found: list[object] = []

    def work() -> None:
        with Worker(act, settings()) as worker:
            found.extend(result for _, result in worker.map(captures("echo a", "exit 1", "echo b")))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(result in ("a", "b") for result in found) == 6
    assert sum(isinstance(result, Reject) for result in found) == 3


PARENT = """
import json, sys, time
from etl.model import Capture
from etl.settings import Settings
from etl.worker import Pool

texts = json.loads(sys.argv[1])
with Pool("tests.worker_targets:act", 2, Settings(extract_cpu_seconds=float(sys.argv[2]))) as pool:
    for _, result in pool.map([Capture(origin="x", text=text) for text in texts]):
        print(json.dumps([result, pool.pids]), flush=True)
"""


def start_parent(*texts: str, cpu_seconds: float = 300) -> tuple[subprocess.Popen[str], list[int]]:
    root = Path(__file__).parents[2]
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, json.dumps(texts), str(cpu_seconds)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=root,
        start_new_session=True,
    )
    assert parent.stdout is not None
    _, pids = json.loads(parent.stdout.readline())
    return parent, pids


@pytest.mark.parametrize(
    ("work", "seconds"),
    [
        ("sleep 600", 10),
        ("spin", 10),
        # It holds the interpreter's lock, so that nothing but the limit on CPU time (2 s) ends it.
        ("regex", 60),
    ],
)
def test_no_child_outlives_a_parent_that_was_killed(work: str, seconds: float) -> None:
    parent, pids = start_parent("echo a", work, work, work, cpu_seconds=2 if work == "regex" else 300)
    assert all(alive(pid) for pid in pids)
    parent.kill()
    parent.wait()
    try:
        assert all(gone_within(pid, seconds) for pid in pids)
    finally:
        for pid in pids:
            if alive(pid):
                os.kill(pid, signal.SIGKILL)


def test_no_child_outlives_an_interrupt() -> None:
    parent, pids = start_parent("echo a", "sleep 60", "sleep 60")
    began = time.monotonic()
    os.killpg(parent.pid, signal.SIGINT)
    _, errors = parent.communicate(timeout=30)
    assert time.monotonic() - began < 10
    assert "KeyboardInterrupt" in errors
    assert all(gone_within(pid, 5) for pid in pids)
