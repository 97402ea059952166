"""How fast, how small and how polite acquiring is: pages a second, memory, fairness, and the server's own log.

usage: bench/acquire.py [--state memory|postgres] [--rounds N] [--case NAME]

The server runs in a process of its own, on loopback addresses, and logs each request with its own clock; the figures
of politeness are computed from that log alone. Both share this machine's cores, so the client's share of the CPU is
given as well.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import multiprocessing
import os
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from etl.acquire.run import Run
from etl.acquire.settings import AcquireSettings
from etl.acquire.sources import Source, SourcesFile
from etl.acquire.state import MemoryState, State
from tests.acquire_server import Asked, Reply, Server

PAGE_BYTES = 50_000


def serve(pipe: Connection, addresses: list[str], slow: str | None) -> None:
    """The server's process: base URLs out, a word in, the log out."""
    words = itertools.cycle(f"Wort{n * n % 9973} " for n in range(5000))
    text = "".join(itertools.islice(words, PAGE_BYTES // 9))
    page = f"<!doctype html><html lang=de><title>Seite</title><body><p>{text}</p></body></html>".encode()

    def answer(asked: Asked) -> Reply:
        if asked.path == "/robots.txt":
            return Reply(b"User-agent: *\nAllow: /\n", type="text/plain")
        return Reply(page, pause=1.0 if asked.host == slow else 0.0)

    server = Server()
    server.routes["*"] = answer
    pipe.send([server.listen(address) for address in addresses])
    pipe.recv()
    pipe.send(
        (
            [(asked.host, asked.path, asked.begin, asked.end) for asked in server.log],
            dict(server.most_open),
            dict(server.most_busy),
        )
    )


def politeness(log: list[tuple[str, str, float, float]]) -> float:
    """The least seconds between two requests to one host, by the server's clock."""
    times: dict[str, list[float]] = defaultdict(list)
    for host, _, begin, _ in log:
        times[host].append(begin)
    gaps = [b - a for seen in times.values() for a, b in itertools.pairwise(sorted(seen))]
    return min(gaps) if gaps else float("inf")


def measure(hosts: int, pages: int, *, delay: float, state: State, slow: bool = False) -> dict[str, Any]:
    """One run over ``hosts`` addresses with ``pages`` pages in all."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    addresses = [f"127.0.{7 + n // 250}.{1 + n % 250}" for n in range(hosts)]
    slow_host = addresses[0] if slow else None
    process = context.Process(target=serve, args=(there, addresses, slow_host), daemon=True)
    process.start()
    bases = here.recv()
    links = [f"{bases[n % hosts]}/{n}" for n in range(pages)]
    source = Source(name="bench", kind="urls", urls=links, delay=delay, max_items=pages)
    folder = Path(tempfile.mkdtemp(prefix="klartext-bench-"))
    cpu, began = time.process_time(), time.monotonic()
    run = Run(
        SourcesFile(allow_private=True, source=(source,)),
        [source],
        landing=folder,
        settings=AcquireSettings(tdmrep=False, concurrency=64),
        state=state,
        spool=folder / "spool",
    )
    answer = asyncio.run(run.run())
    seconds = time.monotonic() - began
    used = time.process_time() - cpu
    here.send("done")
    log, most_open, most_busy = here.recv()
    process.join(10)
    shutil.rmtree(folder)
    first = min(begin for _, _, begin, _ in log)
    others = [end for host, _, _, end in log if host != slow_host]
    return {
        "hosts": hosts,
        "pages": pages,
        "delay": delay,
        "stored": answer.count("stored"),
        "seconds": round(seconds, 2),
        "pages_per_second": round(pages / seconds),
        "client_cpu_ms_per_page": round(used / pages * 1000, 2),
        "client_cpu_share": round(used / seconds, 2),
        "most_connections_to_a_host": max(most_open.values()),
        "most_requests_at_once_to_a_host": max(most_busy.values()),
        "least_seconds_between_requests": round(politeness(log), 4),
        "others_done_after_seconds": round(max(others) - first, 2) if others else None,
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


NAMES = [
    "one host",
    "50 hosts",
    "200 hosts",
    "10,000 URLs",
    "polite: 20 hosts, 0.2 s",
    "fair: one host takes 1 s a page",
]


def one(name: str, kind: str) -> dict[str, Any]:
    """One measurement, in a process of its own so that its memory is its own."""
    cases: dict[str, dict[str, Any]] = {
        "one host": {"hosts": 1, "pages": 1000, "delay": 0.0},
        "50 hosts": {"hosts": 50, "pages": 3000, "delay": 0.0},
        "200 hosts": {"hosts": 200, "pages": 3000, "delay": 0.0},
        "10,000 URLs": {"hosts": 50, "pages": 10_000, "delay": 0.0},
        "polite: 20 hosts, 0.2 s": {"hosts": 20, "pages": 400, "delay": 0.2},
        "fair: one host takes 1 s a page": {"hosts": 20, "pages": 400, "delay": 0.0, "slow": True},
    }
    if kind == "memory":
        return measure(state=MemoryState(), **cases[name])
    from etl.acquire.postgres_state import PostgresState
    from etl.database import Target
    from etl.load.migrate import migrate
    from etl.postgres import EmbeddedPostgres

    home = Path(tempfile.mkdtemp(prefix="klartext-bench-pg-"))
    home.chmod(0o755)
    server = EmbeddedPostgres(home / "home")
    server.start()
    try:
        migrate(Target(server.url("owner"), "bench"))
        state = PostgresState(Target(server.url("writer"), "bench"))
        try:
            return measure(state=state, **cases[name])
        finally:
            state.close()
    finally:
        server.stop()
        shutil.rmtree(server.folder, ignore_errors=True)
        shutil.rmtree(home, ignore_errors=True)


def middle(found: list[dict[str, Any]]) -> dict[str, Any]:
    """The medians of several rounds; of what politeness forbids, the worst."""
    result = dict(found[0])
    for key, value in found[0].items():
        if isinstance(value, int | float):
            values = [one[key] for one in found]
            worst = max if key.startswith("most_") else min if key.startswith("least_") else statistics.median
            result[key] = worst(values)
    return result


def main() -> int:
    """Runs every case and prints one line of JSON each: medians over the rounds, and the load of each round."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--state", choices=["memory", "postgres"], default="postgres")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--case", action="append", choices=NAMES)
    given = parser.parse_args()
    print(json.dumps({"cores": os.cpu_count(), "page_bytes": PAGE_BYTES, **vars(given)}))
    context = multiprocessing.get_context("spawn")
    results: dict[str, list[dict[str, Any]]] = defaultdict(list)
    loads: dict[str, list[float]] = defaultdict(list)
    for _ in range(given.rounds):
        for name in given.case or NAMES:
            with ProcessPoolExecutor(1, mp_context=context) as pool:
                results[name].append(pool.submit(one, name, given.state).result())
            loads[name].append(round(os.getloadavg()[0], 1))
    for name, found in results.items():
        print(json.dumps({"case": name, "rounds": len(found), "load": loads[name], **middle(found)}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
