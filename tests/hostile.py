"""Files that try to hurt: one maker for every row of the table in ``docs/input.md``."""

from __future__ import annotations

import datetime as dt
import gzip
import io
import json
import os
import socket
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import brotli
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

TEXT = "Der Stadtrat hat am Montag den Haushalt für das kommende Jahr beschlossen. "
PAGE = (
    b"<!doctype html><html><head><title>Haushalt</title></head><body><p>" + TEXT.encode() * 5 + b"</p></body></html>"
)
HTML_TYPE = [("Content-Type", "text/html; charset=utf-8")]
Maker = Callable[[Path], Path]
CASES: dict[str, Maker] = {}


def case(name: str) -> Callable[[Callable[[Path], Path]], Maker]:
    """Register a maker: it makes the file (or link, or FIFO) in a folder and gives its path."""

    def add(maker: Maker) -> Maker:
        assert name not in CASES
        CASES[name] = maker
        return maker

    return add


def _file(name: str, file_name: str, content: Callable[[], bytes]) -> None:
    @case(name)
    def make(folder: Path) -> Path:
        path = folder / file_name
        path.write_bytes(content())
        return path


def lines(count: int) -> bytes:
    """JSON Lines that don't compress to nothing."""
    rows = [
        json.dumps(
            {"url": f"https://blatt.example/{i}", "text": f"{TEXT}{i * 7919 % 100_003} {i * 104_729 % 99_991}"}
        )
        for i in range(count)
    ]
    return "".join(row + "\n" for row in rows).encode()


def lines_noisy(count: int) -> bytes:
    """JSON Lines of more than a zstd block (128 KiB) that hardly compress."""
    import random

    chance = random.Random(7)
    rows = [json.dumps({"text": " ".join(f"{chance.getrandbits(40):x}" for _ in range(60))}) for _ in range(count)]
    return "".join(row + "\n" for row in rows).encode()


def rows(count: int) -> bytes:
    return (
        "url,title,text\n"
        + "".join(f'https://blatt.example/{i},T{i},"{TEXT}{i * 7919 % 100_003}"\n' for i in range(count))
    ).encode()


def warc(records: list[tuple[str, str, list[tuple[str, str]], bytes]], *, compressed: bool = True) -> bytes:
    """A WARC file of ``(type, status line, HTTP headers, body)``."""
    out = io.BytesIO()
    writer = WARCWriter(out, gzip=compressed)
    for index, (kind, status, headers, body) in enumerate(records):
        http = StatusAndHeaders(status, headers, protocol="HTTP/1.1") if status else None
        writer.write_record(
            writer.create_warc_record(
                f"https://blatt.example/{index}",
                kind,
                payload=io.BytesIO(body),
                http_headers=http,
                warc_headers_dict={"WARC-Date": "2022-01-12T10:00:00Z"},
            )
        )
    return out.getvalue()


def pages(count: int, *, compressed: bool = True) -> bytes:
    return warc([("response", "200 OK", HTML_TYPE, PAGE)] * count, compressed=compressed)


def response(body: bytes, *headers: tuple[str, str], status: str = "200 OK") -> bytes:
    return warc([("response", status, [*HTML_TYPE, *headers], body)])


def table(columns: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out, write_page_checksum=True)
    return out.getvalue()


# --- files -------------------------------------------------------------------------------------------------------

_file("zero-bytes", "leer.jsonl", lambda: b"")
_file("gzip-truncated", "a.jsonl.gz", lambda: gzip.compress(lines(1000))[:4000])
_file("gzip-corrupt", "a.jsonl.gz", lambda: _corrupted(gzip.compress(lines(1000)), 4000))
_file("gzip-trailing-garbage", "a.jsonl.gz", lambda: gzip.compress(lines(10)) + b"garbage")
_file("gzip-padding", "a.jsonl.gz", lambda: gzip.compress(lines(10)) + bytes(512))
_file("gzip-members", "a.jsonl.gz", lambda: gzip.compress(lines(10)) + gzip.compress(lines(10)))
_file("gzip-in-name-only", "a.jsonl.gz", lambda: lines(10))
_file("gzip-not-in-name", "a.jsonl", lambda: gzip.compress(lines(10)))
_file("gzip-text-truncated", "a.txt.gz", lambda: gzip.compress(os.urandom(100).hex().encode() * 9)[:-30])
_file("zstd-truncated", "a.jsonl.zst", lambda: zstandard.compress(lines_noisy(400))[:-2000])
_file(
    "zstd-corrupt",
    "a.jsonl.zst",
    lambda: _corrupted(_checked_zstd(lines_noisy(200)) + _checked_zstd(lines_noisy(800)), 250_000),
)
_file("zstd-frames", "a.jsonl.zst", lambda: zstandard.compress(lines(10)) + zstandard.compress(lines(10)))
_file("bomb-ratio", "a.jsonl.gz", lambda: gzip.compress(lines(3) + bytes(64 << 20), 9))
_file("bomb-zstd", "a.jsonl.zst", lambda: zstandard.compress(bytes(64 << 20)))
_file("unknown-type", "a.docx", lambda: b"PK\x03\x04 something else")
_file("text-binary", "a.txt", lambda: b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(range(256)) * 8)


def _checked_zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True).compress(data)


def _corrupted(data: bytes, at: int) -> bytes:
    return data[:at] + bytes(byte ^ 0x55 for byte in data[at : at + 40]) + data[at + 40 :]


@case("dangling-link")
def _dangling(folder: Path) -> Path:
    (folder / "a.jsonl").symlink_to(folder / "nowhere.jsonl")
    return folder / "a.jsonl"


@case("link-loop")
def _loop(folder: Path) -> Path:
    (folder / "a.jsonl").symlink_to(folder / "b.jsonl")
    (folder / "b.jsonl").symlink_to(folder / "a.jsonl")
    return folder / "a.jsonl"


@case("fifo")
def _fifo(folder: Path) -> Path:
    os.mkfifo(folder / "a.jsonl")
    return folder / "a.jsonl"


@case("socket")
def _socket(folder: Path) -> Path:
    # A socket's name may be short only, so it is made by a short way and moved.
    with socket.socket(socket.AF_UNIX) as bound:
        here = Path.cwd()
        os.chdir(folder)
        try:
            bound.bind("a.jsonl")
        finally:
            os.chdir(here)
    return folder / "a.jsonl"


@case("device")
def _device(folder: Path) -> Path:
    (folder / "a.jsonl").symlink_to("/dev/zero")
    return folder / "a.jsonl"


# --- JSON Lines --------------------------------------------------------------------------------------------------


def _jsonl(name: str, *parts: bytes) -> None:
    _file(name, "a.jsonl", lambda: b"\n".join((b'{"text": "before"}', *parts, b'{"text": "after"}', b"")))


_jsonl("json-invalid", b'{"text": "broken')
_jsonl("json-not-an-object", b"[1, 2]", b"null", b'"text"', b"5")
_jsonl("json-nested-value", b'{"text": {"a": [1]}}')
_jsonl("json-wrong-type", b'{"text": 5}', b'{"text": true}', b'{"html": [1]}')
_jsonl("json-wrong-type-of-hint", b'{"text": "kept", "title": ["a"], "date": {"x": 1}, "url": 5}')
_jsonl("json-null", b'{"text": null, "url": "https://blatt.example/1"}')
_jsonl("json-no-text", b'{"title": "only"}', b"{}")
_jsonl("json-duplicate-keys", b'{"text": "first", "text": "last"}')
_jsonl("json-lone-surrogate", b'{"text": "a \\ud800 b"}')
_jsonl("json-nul", b'{"text": "a \\u0000 b"}')
_jsonl("json-infinite-number", b'{"text": "kept", "date": 1e999}')
_jsonl("json-long-number", b'{"text": "x", "n": ' + b"9" * 5000 + b"}")
_jsonl("json-nan", b'{"text": "kept", "title": NaN}')
_jsonl("json-100000-brackets", b"[" * 100_000)
_jsonl("json-deep-object", b'{"text": "x", "a": ' + b'{"a":' * 300 + b"1" + b"}" * 301)
_jsonl("json-long-line", b'{"text": "' + b"x" * 3_000_000 + b'"}')
_jsonl(
    "json-not-utf8",
    'kein UTF-8: {"text": "ö"}'.split(": ", 1)[1].replace("ö", "Größe und Maß für Köln").encode("cp1252"),
)
_jsonl("json-separator-in-string", '{"text": "a\u2028b\u2029c\u0085d"}'.encode())
_file("json-bom-crlf", "a.jsonl", lambda: b"\xef\xbb\xbf" + lines(3).replace(b"\n", b"\r\n") + b"\r\n")
_file("json-utf16", "a.jsonl", lambda: lines(3).decode().encode("utf-16"))
_file("json-array-unfinished", "a.json", lambda: b'[{"text": "one"}, {"text": "two')
_file("json-array-bad-element", "a.json", lambda: b'[{"text": "one"}, 5, {"text": bad}, {"text": "two"}]')

# --- CSV ---------------------------------------------------------------------------------------------------------

_file("csv-quoted-newlines", "a.csv", lambda: b'url,text\nhttps://blatt.example/1,"one\ntwo, ""three"""\n')
_file("csv-semicolons", "a.csv", lambda: "url;text\r\nhttps://blatt.example/1;Größe, Maß\r\n".encode("cp1252"))
_file("csv-tabs", "a.csv", lambda: b"url\ttext\nhttps://blatt.example/1\tone, two\n")
_file("csv-long-field", "a.csv", lambda: b'url,text\nhttps://blatt.example/1,"' + b"x" * 300_000 + b'"\n')
_file(
    "csv-missing-column", "a.csv", lambda: b"url,title,text\nhttps://blatt.example/1,T,a\nhttps://blatt.example/2,T\n"
)
_file("csv-extra-column", "a.csv", lambda: b"url,text\nhttps://blatt.example/1,a,b\nhttps://blatt.example/2,a,\n")
_file(
    "csv-unbalanced-quote",
    "a.csv",
    lambda: (
        b'url,text\nhttps://blatt.example/1,"never closed\nhttps://blatt.example/2,two\nhttps://blatt.example/3,"3"\n'
    ),
)
_file("csv-unbalanced-no-url", "a.csv", lambda: b'title,text\nA,"never closed\nB,two\nC,three\n')
_file(
    "csv-quotes-inside",
    "a.csv",
    lambda: b'url,text\nhttps://blatt.example/1,"he said "yes"\nwell, no"\nhttps://blatt.example/2,two\n',
)
_file("csv-header-only", "a.csv", lambda: b"url,text\n")
_file("csv-no-known-column", "a.csv", lambda: b"a,b\n1,2\n")
_file("csv-lone-cr", "a.csv", lambda: b"url,text\rhttps://blatt.example/1,a\r")
_file("csv-truncated-gzip", "a.csv.gz", lambda: gzip.compress(rows(500))[:2000])

# --- Parquet -----------------------------------------------------------------------------------------------------

_file("parquet-truncated", "a.parquet", lambda: table({"text": [TEXT] * 100})[:-20])
_file("parquet-corrupt", "a.parquet", lambda: _corrupted(table({"text": [f"{TEXT}{i}" for i in range(100)]}), 30))
_file("parquet-no-parquet", "a.parquet", lambda: b"hello " * 100)
_file("parquet-numbers", "a.parquet", lambda: table({"text": [1, 2]}))
_file("parquet-lists", "a.parquet", lambda: table({"text": [["one", "two"], ["three"]], "authors": [["A"], None]}))
_file("parquet-all-null", "a.parquet", lambda: table({"text": pa.array([None, None], pa.string())}))
_file(
    "parquet-times",
    "a.parquet",
    lambda: table(
        {
            "text": ["a", "b"],
            "date": pa.array([dt.datetime(2022, 1, 12, 14, 30), None], pa.timestamp("ns")),  # noqa: DTZ001
            "crawl_date": pa.array([dt.datetime(2022, 1, 13, tzinfo=dt.UTC)] * 2, pa.timestamp("ms", tz="UTC")),
        }
    ),
)
_file(
    "parquet-year-12000",
    "a.parquet",
    lambda: table({"text": ["a"], "date": pa.array([316_516_204_800_000_000], pa.timestamp("us"))}),
)
_file("parquet-gzip", "a.parquet.gz", lambda: gzip.compress(table({"text": ["a"]})))

# --- WARC --------------------------------------------------------------------------------------------------------

_file("warc-truncated", "a.warc.gz", lambda: pages(5)[:-100])
_file("warc-plain-truncated", "a.warc", lambda: pages(5, compressed=False)[:-100])
_file("warc-corrupt", "a.warc.gz", lambda: _corrupted(pages(5), len(pages(2)) + 120))
_file("warc-length-too-long", "a.warc", lambda: _length(pages(3, compressed=False), +400))
_file("warc-length-too-short", "a.warc", lambda: _length(pages(3, compressed=False), -400))
_file("warc-length-absurd", "a.warc", lambda: _length(pages(3, compressed=False), +(10**12)))
_file("warc-length-negative", "a.warc", lambda: _length(pages(3, compressed=False), -(10**6)))
_file(
    "warc-other-records",
    "a.warc.gz",
    lambda: warc(
        [
            ("request", "GET / HTTP/1.1", [], b""),
            ("revisit", "200 OK", HTML_TYPE, b""),
            ("response", "404 Not Found", HTML_TYPE, PAGE),
            ("response", "200 OK", [("Content-Type", "image/png")], b"\x89PNG"),
            ("response", "200 OK", HTML_TYPE, PAGE),
        ]
    ),
)
_file("warc-chunked", "a.warc.gz", lambda: response(chunked(PAGE), ("Transfer-Encoding", "chunked")))
_file("warc-not-chunked", "a.warc.gz", lambda: response(PAGE, ("Transfer-Encoding", "chunked")))
_file("warc-gzip-body", "a.warc.gz", lambda: response(gzip.compress(PAGE), ("Content-Encoding", "gzip")))
_file("warc-decoded-body", "a.warc.gz", lambda: response(PAGE, ("Content-Encoding", "gzip")))
_file("warc-brotli-body", "a.warc.gz", lambda: response(brotli.compress(PAGE), ("Content-Encoding", "br")))
_file("warc-deflate-body", "a.warc.gz", lambda: response(zlib.compress(PAGE), ("Content-Encoding", "deflate")))
_file("warc-broken-gzip-body", "a.warc.gz", lambda: response(gzip.compress(PAGE)[:-20], ("Content-Encoding", "gzip")))
_file("warc-broken-brotli-body", "a.warc.gz", lambda: response(b"\x12\x99 nothing", ("Content-Encoding", "br")))
_file("warc-bomb-body", "a.warc.gz", lambda: response(gzip.compress(bytes(64 << 20)), ("Content-Encoding", "gzip")))
_file("warc-no-warc", "a.warc", lambda: b"hello\n" * 10)
_file("warc-garbage-before", "a.warc", lambda: b"hello\n" * 10 + pages(2, compressed=False))
_file("warc-one-member", "a.warc.gz", lambda: gzip.compress(pages(3, compressed=False)))

# --- HTML --------------------------------------------------------------------------------------------------------

_file("html-too-large", "a.html", lambda: PAGE + b" " * (50 << 20))
_file("html-pdf", "a.html", lambda: b"%PDF-1.7\n" + bytes(range(256)))


def _length(data: bytes, change: int) -> bytes:
    import re

    match = re.search(rb"Content-Length: (\d+)", data)
    assert match
    return data[: match.start(1)] + b"%d" % (int(match[1]) + change) + data[match.end(1) :]


def chunked(body: bytes) -> bytes:
    parts = [body[at : at + 100] for at in range(0, len(body), 100)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
