"""The whole road, file to settled row: records a second, CPU of client and server, memory, share of each stage.

    python bench/road.py speed   [--pages 400] [--texts 10000]     one worker on one core, two on two
    python bench/road.py stages  [--pages 200] [--texts 2000]      where the time goes; overhead over bare trafilatura
    python bench/road.py memory  [--small 1000] [--large 100000]   peak memory from small to large
    python bench/road.py order   [--texts 5000]                    one checksum whatever the order and the split

It makes its own corpus (``bench/pages.py``, fixed seed) and its own embedded PostgreSQL in a temporary home. Ratios
within one run are what counts; machines differ and are noisy.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from etl.model import Capture

sys.path.insert(0, str(Path(__file__).resolve().parent))

CLOCK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


# --- processes ---------------------------------------------------------------------------------------------------


def _stat(pid: int) -> tuple[int, float] | None:
    """Parent and CPU seconds (own, and of children that were waited for) of a process."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return int(fields[1]), sum(int(value) for value in fields[11:15]) / CLOCK


def _tree(root: int) -> list[int]:
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (found := _stat(int(entry.name))):
            parents[int(entry.name)] = found[0]
    members, grown = {root}, True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in members} - members
        members |= more
        grown = bool(more)
    return sorted(members)


def _memory(pid: int) -> int:
    """Proportional set size: shared pages count once."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except (OSError, ProcessLookupError):
        pass
    return 0


class Watch(threading.Thread):
    """Peak memory of a process tree, sampled."""

    def __init__(self, root: int, interval: float = 0.2) -> None:
        super().__init__(daemon=True)
        self.root, self.interval, self.peak = root, interval, 0
        self.done = threading.Event()

    def run(self) -> None:
        """Samples until told to stop."""
        while not self.done.wait(self.interval):
            self.peak = max(self.peak, sum(_memory(pid) for pid in _tree(self.root)))


def server_cpu(postmaster: int) -> float:
    """CPU seconds of the server: the postmaster, its living backends, and those that have ended."""
    return sum(found[1] for pid in _tree(postmaster) if (found := _stat(pid)))


# --- corpus ------------------------------------------------------------------------------------------------------


def write_pages(folder: Path, count: int, *, first: int = 0) -> None:
    """HTML pages of 100 to 300 kB."""
    from pages import news_page

    folder.mkdir(parents=True, exist_ok=True)
    for number in range(first, first + count):
        page = news_page(seed=number)
        (folder / f"{number:06}.html").write_bytes(page.html if isinstance(page.html, bytes) else page.html.encode())


def write_texts(path: Path, count: int, *, first: int = 0) -> None:
    """JSONL with text records of about 4 kB."""
    from pages import news_text

    with path.open("w", encoding="utf-8") as handle:
        for number in range(first, first + count):
            record = news_text(seed=number, chars=4000)
            handle.write(json.dumps(record, ensure_ascii=False) + "\n")


# --- one run -----------------------------------------------------------------------------------------------------


@dataclass
class Run:
    """One ingest as seen from outside."""

    records: int
    seconds: float
    client_cpu: float
    server_cpu: float
    peak: int
    checksum: str

    def line(self, name: str) -> str:
        """A row of a table."""
        cpu = self.client_cpu + self.server_cpu
        return (
            f"| {name} | {self.records} | {self.records / self.seconds:.1f} | {self.records / cpu:.1f} | "
            f"{self.server_cpu / cpu:.0%} | {self.peak / 2**20:.0f} MiB |"
        )


HEAD = (
    "| run | records | records/s | records/s of CPU, client and server | server's share | peak memory, client |\n"
    "| --- | --- | --- | --- | --- | --- |"
)


@contextmanager
def home() -> Iterator[Path]:
    """A klartext home with a running server, gone afterwards."""
    from etl.postgres import EmbeddedPostgres

    with tempfile.TemporaryDirectory(prefix="klartext-bench-") as folder:
        Path(folder).chmod(0o755)
        server = EmbeddedPostgres(Path(folder) / "home")
        server.start()
        try:
            yield Path(folder)
        finally:
            server.stop()


def ingest(folder: Path, *paths: Path, workers: int, cores: str, **environment: str) -> Run:
    """``klartext ingest`` as a process of its own, on the given cores."""
    from etl.postgres import EmbeddedPostgres

    server = EmbeddedPostgres(folder / "home")
    postmaster = int((server.data / "postmaster.pid").read_text().splitlines()[0])
    environ = {**os.environ, "KLARTEXT_HOME": str(folder / "home"), **environment}
    for pid in _tree(postmaster):
        os.sched_setaffinity(pid, {int(core) for core in cores.split(",")})
    before = server_cpu(postmaster)
    own = _children_cpu()
    began = time.monotonic()
    process = subprocess.Popen(
        [
            "taskset", "-c", cores, sys.executable, "-m", "etl.cli", "ingest", "--json", "--workers", str(workers),
            *map(str, paths),
        ],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )  # fmt: skip
    watch = Watch(process.pid)
    watch.start()
    output, _ = process.communicate()
    seconds = time.monotonic() - began
    watch.done.set()
    answer = json.loads(output.splitlines()[-1])
    client = _children_cpu() - own
    return Run(answer["read"], seconds, client, server_cpu(postmaster) - before, watch.peak, _checksum(environ))


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _checksum(environ: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "etl.cli", "checksum"], env=environ, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


# --- what is measured --------------------------------------------------------------------------------------------


def speed(options: argparse.Namespace) -> None:
    """Pages and texts apart, one worker on one core and two on two."""
    print(HEAD)
    for name, make, count in (
        ("pages", lambda folder, n: write_pages(folder / "pages", n), options.pages),
        ("texts", lambda folder, n: write_texts(folder / "texts.jsonl", n), options.texts),
    ):
        for workers, cores in ((1, "0"), (2, "0,1")):
            with home() as folder:
                make(folder, count)
                paths = [folder / "pages" if name == "pages" else folder / "texts.jsonl"]
                first = ingest(folder, *paths, workers=workers, cores=cores)
                again = ingest(folder, *paths, workers=workers, cores=cores)
                assert first.checksum == again.checksum, "loading twice changed the corpus"
                print(first.line(f"{name}, {workers} worker, {workers} core"), flush=True)
                print(again.line(f"{name} again (all unchanged), {workers} worker, {workers} core"), flush=True)
    with home() as folder:
        write_texts(folder / "texts.jsonl", options.texts)
        run = ingest(folder, folder / "texts.jsonl", workers=2, cores="0,1", KLARTEXT_SEARCH="false")
        print(run.line("texts, 2 workers, 2 cores, search off"), flush=True)


def stages(options: argparse.Namespace) -> None:
    """CPU time of each stage in one process, without pipes; and the same trafilatura call with nothing round it."""
    from etl.clean import clean
    from etl.database import connected, target_of
    from etl.extract import extract
    from etl.language import detect
    from etl.load import load_batch, settle
    from etl.load.migrate import migrate
    from etl.load.runs import start_run
    from etl.model import Article, Record
    from etl.postgres import EmbeddedPostgres
    from etl.process import process
    from etl.read import open_captures

    with home() as folder:
        server = EmbeddedPostgres(folder / "home")
        postmaster = int((server.data / "postmaster.pid").read_text().splitlines()[0])
        migrate(target_of(server.url("owner")))
        write_pages(folder / "pages", options.pages)
        write_pages(folder / "more", options.pages, first=options.pages)
        write_texts(folder / "texts.jsonl", options.texts)
        for name in ("pages", "texts"):
            path = folder / "texts.jsonl"
            files = sorted((folder / "pages").iterdir()) if name == "pages" else [path]
            spent: dict[str, float] = {}

            @contextmanager
            def timed(stage: str, spent: dict[str, float] = spent) -> Iterator[None]:
                began = time.process_time()
                yield
                spent[stage] = spent.get(stage, 0.0) + time.process_time() - began

            for file in files[:12]:  # profiles, rules and caches of every language are loaded before the clock runs
                for capture in islice(open_captures(file), 12):
                    process(capture)
            if name == "pages":
                overhead([capture for file in (folder / "more").iterdir() for capture in open_captures(file)])
            with timed("read"):
                captures = [capture for file in files for capture in open_captures(file)]
            articles: list[Article] = []
            for capture in captures:
                with timed("extract"):
                    article = extract(capture)
                assert isinstance(article, Article), article
                with timed("language"):
                    guess = detect(article.text, declared=article.declared_language)
                with timed("clean"):
                    clean(article.text, language=guess.language, site=article.site, blocks=article.blocks)
                articles.append(article)
            with timed("whole process()"):
                records = [process(capture) for capture in captures]
            assert all(isinstance(record, Record) for record in records)
            with connected(target_of(server.url("writer"))) as connection:
                run = start_run(connection, "bench")
                before = server_cpu(postmaster)
                with timed("load (client)"):
                    for at in range(0, len(records), 500):
                        load_batch(connection, run, str(at), records[at : at + 500])
                spent["load (server)"] = server_cpu(postmaster) - before
                before = server_cpu(postmaster)
                with timed("settle (client)"):
                    settle(connection)
                spent["settle (server)"] = server_cpu(postmaster) - before
            total = sum(value for stage, value in spent.items() if stage != "whole process()")
            print(f"\n{name}: {len(captures)} records\n\n| stage | ms a record | share |\n| --- | --- | --- |")
            for stage, value in spent.items():
                if stage != "whole process()":
                    print(f"| {stage} | {value / len(captures) * 1000:.2f} | {value / total:.1%} |")


def overhead(captures: list[Capture], rounds: int = 3) -> None:
    """process() over the same trafilatura call with nothing round it, on pages that neither has seen.

    The pages are taken in turn, so that the machine's moods hit both, and parted into rounds; the second number is of
    pages seen before: the least of three runs of each.
    """
    from lxml import html as lxml_html

    from etl.extract.body import main_text
    from etl.process import process

    def bare(capture: Capture) -> None:
        main_text(lxml_html.document_fromstring(capture.html or b""), capture.url)

    def cost(work: Callable[[Capture], object], capture: Capture) -> float:
        began = time.process_time()
        work(capture)
        return time.process_time() - began

    first = []
    for part in range(rounds):
        pairs = [(cost(process, capture), cost(bare, capture)) for capture in captures[part::rounds]]
        first.append(sum(ours for ours, _ in pairs) / sum(theirs for _, theirs in pairs))
    again = [
        (min(cost(process, capture) for _ in range(3)), min(cost(bare, capture) for _ in range(3)))
        for capture in captures
    ]
    print(
        f"\nprocess() over bare trafilatura, same call: {sorted(first)[rounds // 2]:.3f} on new pages "
        f"({', '.join(f'{ratio:.3f}' for ratio in first)}), "
        f"{sum(ours for ours, _ in again) / sum(theirs for _, theirs in again):.3f} on pages seen before",
        flush=True,
    )


def memory(options: argparse.Namespace) -> None:
    """Peak memory of the client over few and many text records."""
    peaks = {}
    for count in (options.small, options.large):
        with home() as folder:
            write_texts(folder / "texts.jsonl", count)
            run = ingest(folder, folder / "texts.jsonl", workers=1, cores="0,1")
            peaks[count] = run.peak
            print(run.line(f"{count} texts"), flush=True)
    print(f"ratio {peaks[options.large] / peaks[options.small]:.3f}")


def order(options: argparse.Namespace) -> None:
    """Shuffled and split anew: the same checksum."""
    sums = set()
    for seed in range(3):
        with home() as folder:
            write_texts(folder / "texts.jsonl", options.texts)
            lines = (folder / "texts.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
            random.Random(seed).shuffle(lines)
            (folder / "texts.jsonl").unlink()
            parts = []
            for part in range(seed + 1):
                parts.append(folder / f"part{part}.jsonl")
                parts[-1].write_text("".join(lines[part :: seed + 1]), encoding="utf-8")
            sums.add(
                ingest(folder, *parts, workers=2, cores="0,1", KLARTEXT_BATCH_RECORDS=str(100 + 37 * seed)).checksum
            )
    print(f"{len(sums)} checksum over 3 orders and splits")
    assert len(sums) == 1


def main() -> None:
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["speed", "stages", "memory", "order"])
    parser.add_argument("--pages", type=int, default=300)
    parser.add_argument("--texts", type=int, default=10_000)
    parser.add_argument("--small", type=int, default=1_000)
    parser.add_argument("--large", type=int, default=100_000)
    options = parser.parse_args()
    {"speed": speed, "stages": stages, "memory": memory, "order": order}[options.what](options)


if __name__ == "__main__":
    main()
