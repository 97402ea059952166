"""Each reader on thousands of damaged files: an outcome for everything, an exception for nothing."""

from __future__ import annotations

import gzip
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etl.model import Capture, Reject
from etl.read import open_captures
from etl.reasons import REASONS
from etl.settings import Settings
from etl.text import storable
from tests.hostile import HTML_TYPE, PAGE, chunked, lines, pages, rows, table, warc

LIMITS = Settings(max_record_bytes=65_536, max_html_bytes=65_536, max_decompressed_bytes=1 << 20)
FOLDER = Path(tempfile.mkdtemp(prefix="klartext-fuzz-"))

SEEDS: dict[str, bytes] = {
    "a.txt": b"date 2022-01\ntitle: A\n\nWords and words.",
    "a.jsonl": lines(4),
    "a.json": json.dumps([json.loads(line) for line in lines(4).splitlines()], indent=1).encode(),
    "a.csv": rows(4),
    "a.tsv": rows(4).replace(b",", b"\t"),
    "a.parquet": table({"text": ["one", "two", None], "date": [1, 2, 3], "authors": [["a"], [], None]}),
    "a.html": PAGE,
    "a.warc": warc(
        [
            ("response", "200 OK", HTML_TYPE, PAGE),
            ("request", "GET / HTTP/1.1", [], b""),
            ("response", "200 OK", [*HTML_TYPE, ("Transfer-Encoding", "chunked")], chunked(PAGE)),
            ("response", "200 OK", [*HTML_TYPE, ("Content-Encoding", "gzip")], gzip.compress(PAGE)),
        ],
        compressed=False,
    ),
    "b.warc.gz": pages(3),
    "b.jsonl.gz": gzip.compress(lines(20)) + gzip.compress(lines(3)),
    "b.csv.zst": zstandard.ZstdCompressor(write_checksum=True).compress(rows(20)),
}


def check(name: str, data: bytes) -> None:
    path = FOLDER / name
    path.write_bytes(data)
    outcomes = list(open_captures(path, settings=LIMITS))
    for outcome in outcomes:
        assert outcome.origin.startswith(str(path))
        if isinstance(outcome, Reject):
            assert outcome.reason in REASONS
            assert outcome.reason != "internal_error", outcome.detail
            assert outcome.detail
        else:
            assert isinstance(outcome, Capture)
            assert (outcome.text is None) != (outcome.html is None)
            for text in (outcome.text, outcome.url, outcome.hints.title, outcome.hints.published, outcome.header):
                assert text is None or storable(text)[1] == 0
    assert (
        outcomes
        or not data.strip()
        or name.endswith((".csv", ".tsv", ".zst", ".json", ".jsonl", ".warc", ".gz", ".parquet"))
    )


_CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["flip", "cut", "insert", "repeat", "remove"]),
        st.floats(0, 1, exclude_max=True),
        st.binary(min_size=1, max_size=6)
        | st.sampled_from([b'"', b"\n", b"\r\n", b"{", b"[", b"\x00", b"\xff\xfe", b"," * 9]),
    ),
    min_size=1,
    max_size=4,
)


def changed(data: bytes, changes: list[tuple[str, float, bytes]]) -> bytes:
    for kind, where, piece in changes:
        at = int(where * len(data))
        if kind == "flip":
            data = data[:at] + piece + data[at + len(piece) :]
        elif kind == "cut":
            data = data[:at]
        elif kind == "insert":
            data = data[:at] + piece + data[at:]
        elif kind == "repeat":
            data = data[:at] + data[at : at + 64] * 3 + data[at:]
        else:
            data = data[:at] + data[at + 16 * len(piece) :]
    return data


@pytest.mark.parametrize("name", SEEDS)
def test_damaged_files(name: str) -> None:
    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(_CHANGES)
    def run(changes: list[tuple[str, float, bytes]]) -> None:
        check(name, changed(SEEDS[name], changes))

    run()


@pytest.mark.parametrize(
    "name", ["a.txt", "a.jsonl", "a.json", "a.csv", "a.tsv", "a.parquet", "a.html", "a.warc", "a.jsonl.gz"]
)
def test_any_bytes(name: str) -> None:
    heads: Callable[[bytes], bytes] = {
        "a.csv": lambda data: b"url,text\n" + data,
        "a.tsv": lambda data: b"url\ttext\n" + data,
        "a.warc": lambda data: b"WARC/1.0\r\n" + data,
        "a.parquet": lambda data: b"PAR1" + data + b"PAR1",
        "a.jsonl.gz": lambda data: b"\x1f\x8b\x08\x00" + data,
    }.get(name, lambda data: data)

    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.binary(max_size=400) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
    def run(data: bytes) -> None:
        check(name, heads(data))

    run()


# `python -m tests.unit.test_read_fuzz 20000` runs more of them.
EXAMPLES = 60

if __name__ == "__main__":
    import sys

    EXAMPLES = int(sys.argv[1])
    for seed in SEEDS:
        test_damaged_files(seed)
        print(seed, EXAMPLES, flush=True)
    for plain in ("a.txt", "a.jsonl", "a.json", "a.csv", "a.tsv", "a.parquet", "a.html", "a.warc", "a.jsonl.gz"):
        test_any_bytes(plain)
        print("any bytes as", plain, EXAMPLES, flush=True)
