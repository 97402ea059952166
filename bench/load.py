"""How fast records go into the database: ``python -m bench.load [RECORDS]`` prints the table of ``bench/load.md``.

Texts of about 4 kB over a vocabulary with Zipf's frequencies, one in ten a copy of another, a removed notice in each.
The server is an embedded one with klartext's own settings (durable), made in a temporary folder and removed again.
Records are made before the clock starts. CPU is this process's; the server's comes on top.
"""

from __future__ import annotations

import hashlib
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from etl.database import Target, connect
from etl.dedupe import article_id, text_hash
from etl.load import checksum, load_batch, settle, start_run
from etl.load.migrate import migrate
from etl.model import Article, PartialDate, Record, Span
from etl.postgres import EmbeddedPostgres

BATCH = 500
NOTICE = "Read the whole story with a subscription.\n"
START = datetime(2024, 1, 1, tzinfo=UTC)


def vocabulary(choice: random.Random, size: int = 30_000) -> tuple[list[str], list[float]]:
    """Made-up words and their weights."""
    letters = "etaoinshrdlucmfwypvbgkqjxz"
    words = {"".join(choice.choices(letters, range(26, 0, -1), k=choice.randint(2, 11))) for _ in range(size)}
    ordered = sorted(words)
    choice.shuffle(ordered)
    return ordered, [1 / rank for rank in range(1, len(ordered) + 1)]


def records(count: int, seed: int = 1) -> list[Record]:
    """The corpus: ``count`` articles of 20 sites."""
    choice = random.Random(seed)
    words, weights = vocabulary(choice)
    made: list[Record] = []
    for number in range(count):
        if number and number % 10 == 0:
            body = made[choice.randrange(number)].clean_text
        else:
            body = "\n".join(
                " ".join(choice.choices(words, weights, k=70)).capitalize() + f" {number}." for _ in range(11)
            )
        original = NOTICE + body
        key = f"site{number % 20}.example/story/{number}"
        day = START + timedelta(days=number % 365)
        made.append(
            Record(
                article_id=article_id("url", key),
                identity="url",
                url_key=key,
                url_key_version=1,
                source="bench",
                origin=f"bench.jsonl:{number + 1}",
                captured_at=day + timedelta(hours=8),
                header="",
                article=Article(
                    url=f"https://{key}",
                    site=key.split("/", maxsplit=1)[0],
                    title=" ".join(choice.choices(words, k=8)),
                    authors=("Ada Example",),
                    published=PartialDate(day, day + timedelta(days=1), "day"),
                    access="full",
                    text=original,
                ),
                language="en",
                language_confidence=0.99,
                clean_text=body,
                removed=(Span(0, len(NOTICE), "subscription", "bench.subscription.notice", NOTICE, {"score": 0.9}),),
                text_sha256=text_hash(body),
                original_sha256=text_hash(original),
                word_count=770,
            )
        )
    return made


def load(url: str, items: list[Record]) -> None:
    """Loads everything in one run."""
    with closing(connect(Target(url, "bench"))) as connection:
        run_id = start_run(connection, "bench", rules_version="1")
        for begin in range(0, len(items), BATCH):
            load_batch(connection, run_id, f"batch {begin}", items[begin : begin + BATCH])


def settled(url: str, search: bool) -> None:
    """Settles everything."""
    with closing(connect(Target(url, "bench"))) as connection:
        settle(connection, search=search)


def summed(url: str) -> None:
    """The checksum."""
    with closing(connect(Target(url, "bench"))) as connection:
        checksum(connection)


@contextmanager
def server() -> Iterator[EmbeddedPostgres]:
    """A server of its own."""
    with tempfile.TemporaryDirectory(prefix="klartext-bench-") as folder:
        Path(folder).chmod(0o755)
        embedded = EmbeddedPostgres(Path(folder) / "home")
        embedded.start()
        try:
            yield embedded
        finally:
            embedded.stop()


def measured(name: str, count: int, work: Callable[[], None]) -> None:
    """Prints a line of the table."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"| {name} | {count / wall:,.0f} | {wall:.1f} | {cpu:.1f} |", flush=True)


def main() -> None:
    """Runs every case on databases of their own."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    items = records(count)
    size = sum(len(item.clean_text) for item in items) / count
    digest = hashlib.sha256(b"".join(item.original_sha256 for item in items)).hexdigest()[:12]
    print(f"{count:,} records, {size:,.0f} characters each, corpus {digest}, batches of {BATCH}\n")
    print("| | records/s | seconds | client CPU s |\n| --- | --- | --- | --- |")
    with server() as embedded:
        for name in ("plain", "searched"):
            embedded.create_database(name)
            migrate(Target(embedded.url("owner", name), name))
        plain, searched = embedded.url("writer", "plain"), embedded.url("writer", "searched")
        measured("load, all new", count, lambda: load(plain, items))
        measured("settle without search", count, lambda: settled(plain, False))
        measured("load again, all unchanged", count, lambda: load(plain, items))
        measured("settle with nothing to do", count, lambda: settled(plain, False))
        measured("fill the search index afterwards", count, lambda: settled(plain, True))
        load(searched, items)
        measured("settle with search", count, lambda: settled(searched, True))
        measured("checksum", count, lambda: summed(searched))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\npeak memory of the client, corpus included: {peak:,.0f} MB")


if __name__ == "__main__":
    main()
