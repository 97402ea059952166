"""How fast each reader is, and that its memory doesn't grow with the file.

``python bench/intake.py [RECORDS]`` makes a corpus of RECORDS / 10 and of RECORDS records a format (100,000 by
default; a tenth of it where records are files of their own) in a temporary folder, reads
each in a process of its own and prints a table: records and megabytes (as the content is, unpacked) a second of CPU
time, peak memory of both, and their ratio.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

WORDS = (
    "die der und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an werden aus er hat "
    "dass sie nach wird bei einer um am sind noch wie einem über einen so zum war haben nur oder aber vor zur bis "
    "mehr durch man sein wurde sei Stadt Rat Haushalt Brücke Fähre Landkreis Millionen Euro Montag Sprecher"
).split()

# The peak is VmHWM and not ru_maxrss, which a process takes over from the one that started it.
PROGRAM = """
import sys, time
from etl.read import find_files, open_captures
started = time.process_time()
count = size = 0
for found in find_files([sys.argv[1]]):
    for outcome in open_captures(found.path):
        count += 1
        size += len(outcome.text.encode() if outcome.text is not None else outcome.html)
seconds = time.process_time() - started
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]
print(count, size, seconds, peak)
"""


def articles(count: int) -> Iterator[dict[str, str]]:
    """Made-up articles of about 4 kB, the same for every format."""
    chance = random.Random(1)
    base = [" ".join(chance.choices(WORDS, k=110)) + "." for _ in range(400)]
    for index in range(count):
        text = "\n\n".join(chance.choices(base, k=6))
        yield {
            "url": f"https://blatt{index % 97}.example/2022/01/{index}",
            "title": text[:60],
            "date_publish": f"2022-01-{index % 28 + 1:02}T{index % 24:02}:00:00Z",
            "maintext": f"{index} {text}",
            "language": "de",
        }


def jsonl(path: Path, count: int) -> None:
    with path.open("wb") as file:
        for article in articles(count):
            file.write(json.dumps(article, ensure_ascii=False).encode() + b"\n")


def jsonl_gz(path: Path, count: int) -> None:
    with gzip.open(path, "wb", compresslevel=1) as file:
        for article in articles(count):
            file.write(json.dumps(article, ensure_ascii=False).encode() + b"\n")


def jsonl_zst(path: Path, count: int) -> None:
    import zstandard

    with path.open("wb") as raw, zstandard.ZstdCompressor(write_checksum=True).stream_writer(raw) as file:
        for article in articles(count):
            file.write(json.dumps(article, ensure_ascii=False).encode() + b"\n")


def json_list(path: Path, count: int) -> None:
    with path.open("wb") as file:
        file.write(b"[")
        for index, article in enumerate(articles(count)):
            file.write((b",\n" if index else b"") + json.dumps(article, ensure_ascii=False).encode())
        file.write(b"]")


def csv_file(path: Path, count: int) -> None:
    import csv

    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["url", "title", "date_publish", "maintext", "language"])
        writer.writeheader()
        writer.writerows(articles(count))


def parquet(path: Path, count: int) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    batch: list[dict[str, str]] = []
    writer = None
    for index, article in enumerate(articles(count), 1):
        batch.append(article)
        if len(batch) == 10_000 or index == count:
            rows = pa.Table.from_pylist(batch)
            writer = writer or pq.ParquetWriter(path, rows.schema)
            writer.write_table(rows)
            batch = []
    if writer is not None:
        writer.close()


def page(article: dict[str, str], links: int) -> bytes:
    """A page around the article: ``links`` links of 22 bytes and 4 kB of text."""
    frame = "<div class='nav'>" + "<a href='/x'>Seite</a>" * links + "</div>"
    words = "".join(f"<p>{part}</p>" for part in article["maintext"].split("\n\n"))
    return f"<!doctype html><title>{article['title']}</title>{frame}<article>{words}</article>".encode()


def warc(path: Path, count: int) -> None:
    from warcio.statusandheaders import StatusAndHeaders
    from warcio.warcwriter import WARCWriter

    headers = StatusAndHeaders("200 OK", [("Content-Type", "text/html; charset=utf-8")], protocol="HTTP/1.1")
    with path.open("wb") as file:
        writer = WARCWriter(file, gzip=True)
        for article in articles(count):
            record = writer.create_warc_record(
                article["url"], "response", payload=io.BytesIO(page(article, 20)), http_headers=headers
            )
            writer.write_record(record)


def texts(path: Path, count: int) -> None:
    path.mkdir()
    for index, article in enumerate(articles(count)):
        folder = path / f"{index % 100:02}"
        folder.mkdir(exist_ok=True)
        (folder / f"{index}.txt").write_text(f"date {article['date_publish'][:10]} {article['maintext']}")


def pages(path: Path, count: int) -> None:
    path.mkdir()
    for index, article in enumerate(articles(count)):
        folder = path / f"{index % 100:02}"
        folder.mkdir(exist_ok=True)
        (folder / f"{index}.html").write_bytes(page(article, 1000))


FORMATS: dict[str, tuple[str, Callable[[Path, int], None], int]] = {
    # name: file name, maker, divisor of the number of records (files of their own take room)
    "JSON Lines": ("a.jsonl", jsonl, 1),
    "JSON Lines, gzip": ("a.jsonl.gz", jsonl_gz, 1),
    "JSON Lines, zstd": ("a.jsonl.zst", jsonl_zst, 1),
    "JSON list": ("a.json", json_list, 1),
    "CSV": ("a.csv", csv_file, 1),
    "Parquet": ("a.parquet", parquet, 1),
    "WARC, gzip, pages of 4 kB": ("a.warc.gz", warc, 1),
    "text files": ("texts", texts, 10),
    "saved pages of 26 kB": ("pages", pages, 10),
}


def measure(path: Path) -> tuple[int, int, float, int]:
    """Records, bytes of content, CPU seconds and peak memory in kB of reading ``path`` in a process of its own."""
    shown = subprocess.run([sys.executable, "-c", PROGRAM, str(path)], capture_output=True, text=True, check=True)
    count, size, seconds, memory = shown.stdout.split()
    return int(count), int(size), float(seconds), int(memory)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("records", type=int, nargs="?", default=100_000)
    parser.add_argument("--only", metavar="FORMAT", help="begin of a format's name")
    arguments = parser.parse_args()
    wanted = arguments.records
    print("| Format | Records | Records/s | MB/s | Peak memory, tenth and whole | Ratio |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, (file_name, make, divisor) in FORMATS.items():
        if arguments.only and not name.startswith(arguments.only):
            continue
        found = []
        for count in (wanted // divisor // 10, wanted // divisor):
            with tempfile.TemporaryDirectory(prefix="klartext-bench-") as folder:
                make(Path(folder) / file_name, count)
                found.append(measure(Path(folder) / file_name))
        (_, _, _, small), (count, size, seconds, large) = found
        print(
            f"| {name} | {count:,} | {count / seconds:,.0f} | {size / seconds / 1e6:,.0f} "
            f"| {small / 1024:.0f} and {large / 1024:.0f} MiB | {large / small:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
