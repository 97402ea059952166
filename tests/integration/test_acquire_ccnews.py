"""Common Crawl's news archive, served locally: filters, days, ranges, and going on after a kill."""

from __future__ import annotations

import asyncio
import gzip
import io
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from warcio.archiveiterator import ArchiveIterator
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from etl.acquire import ccnews
from etl.acquire.outcomes import FetchError
from etl.acquire.run import Answer, Run
from etl.acquire.settings import AcquireSettings
from etl.acquire.sources import Source, SourcesFile, landed_files
from etl.acquire.state import MemoryState
from tests.acquire_server import Asked, Reply, Server, serving

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60)]

LIST = "crawl-data/CC-NEWS/2026/10/warc.paths.gz"
FIRST = "crawl-data/CC-NEWS/2026/10/CC-NEWS-20261030115509-00017.warc.gz"
SECOND = "crawl-data/CC-NEWS/2026/10/CC-NEWS-20261031235902-00018.warc.gz"


def _warc(*pages: tuple[str, str, str]) -> bytes:
    """A WARC file of pages, each given as URL, language and WARC-Date, with records that are none between them."""
    out = io.BytesIO()
    writer = WARCWriter(out, gzip=True, warc_version="WARC/1.0")
    writer.write_record(writer.create_warcinfo_record("x.warc.gz", {"software": "a crawler"}))
    for url, language, moment in pages:
        body = (
            f'<!doctype html><html lang="{language}"><title>{url}</title><p>{url} {"Satz. " * 50}</p></html>'.encode()
        )
        for kind, status, mime in (
            ("response", "200 OK", "text/html; charset=utf-8"),
            ("response", "404 Not Found", "text/html"),
            ("response", "200 OK", "image/png"),
            ("request", "", ""),
        ):
            target = url if status == "200 OK" and "html" in mime else f"{url}/other"
            line = StatusAndHeaders(status, [("Content-Type", mime)], protocol="HTTP/1.1")
            if kind == "request":
                line = StatusAndHeaders("GET / HTTP/1.1", [("Host", "x")], is_http_request=True)
            writer.write_record(
                writer.create_warc_record(
                    target, kind, payload=io.BytesIO(body), length=len(body), http_headers=line,
                    warc_headers_dict={"WARC-Date": moment},
                )
            )  # fmt: skip
    return out.getvalue()


FILES = {
    LIST: gzip.compress(f"{FIRST}\n{SECOND}\n".encode()),
    FIRST: _warc(
        ("https://www.morgenblatt.example/1", "de", "2026-10-30T11:00:00Z"),
        ("https://post.example/2", "en", "2026-10-30T11:05:00Z"),
        ("https://notmorgenblatt.example/3", "de", "2026-10-30T11:06:00Z"),
        ("https://sport.morgenblatt.example/4", "en-GB", "2026-10-30T23:59:59Z"),
        ("https://morgenblatt.example/5", "de-AT", "2026-10-31T00:00:01Z"),
    ),
    SECOND: _warc(("https://morgenblatt.example/6", "de", "2026-10-31T23:00:00Z")),
}


@pytest.fixture
def server() -> Iterator[Server]:
    def serve(asked: Asked) -> Reply:
        data = FILES.get(asked.path.lstrip("/"))
        if data is None:
            return Reply(status=404)
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", asked.headers.get("range", ""))
        if wanted is None or asked.host == "127.0.0.2":  # a server that knows no ranges
            return Reply(data, type="application/gzip")
        start, end = int(wanted[1]), min(int(wanted[2]), len(data) - 1)
        if start >= len(data):
            return Reply(status=416)
        headers = {"Content-Range": f"bytes {start}-{end}/{len(data)}"}
        return Reply(data[start : end + 1], status=206, type="application/gzip", headers=headers)

    with serving() as running:
        running.routes["*"] = serve
        yield running


def acquire(
    landing: Path, state: MemoryState | None = None, *, base: str, day: date | None = None, **more: Any
) -> Answer:
    source = Source(name="cc", kind="ccnews", url=base, delay=0, **more)
    run = Run(
        SourcesFile(allow_private=True, source=(source,)),
        [source],
        landing=landing,
        settings=AcquireSettings(backoff=0.01, retries=0, tdmrep=False),
        state=state if state is not None else MemoryState(),
        spool=landing / "spool",
        day=day,
    )
    return asyncio.run(run.run())


def pages(landing: Path) -> dict[str, str]:
    """URL to landing day, in order."""
    found = {}
    for path in landed_files(landing):
        with Path(path).open("rb") as file:
            for record in ArchiveIterator(file, check_digests="raise"):
                if record.rec_type == "response":
                    url = record.rec_headers.get_header("WARC-Target-URI")
                    assert url not in found
                    body = record.content_stream().read()
                    assert url.encode() in body
                    assert record.rec_headers.get_header("Klartext-Source") == "cc"
                    assert record.rec_headers.get_header("Klartext-Archive").startswith("crawl-data/CC-NEWS/2026/10/")
                    found[url] = re.search(r"date=([\d-]+)/source=cc/", path)[1]  # type: ignore[index]
    return found


OCTOBER = {"since": date(2026, 10, 1), "until": date(2026, 10, 31)}


def test_a_range_of_days_filtered_by_domain_and_language(server: Server, tmp_path: Path) -> None:
    answer = acquire(tmp_path, base=server.listen(), domains=["morgenblatt.example"], languages=["de"], **OCTOBER)
    assert pages(tmp_path) == {
        "https://www.morgenblatt.example/1": "2026-10-30",
        "https://morgenblatt.example/5": "2026-10-31",
        "https://morgenblatt.example/6": "2026-10-31",
    }
    assert set(answer.outcomes) == set(pages(tmp_path))
    assert set(answer.files) == set(landed_files(tmp_path))


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.2"], ids=["ranges", "no ranges"])
def test_one_day_and_no_filter(server: Server, tmp_path: Path, address: str) -> None:
    acquire(tmp_path, base=server.listen(address), day=date(2026, 10, 30))
    assert len(pages(tmp_path)) == 5
    assert f"/{SECOND}" not in server.paths()


def test_small_ranges_and_stretches_give_the_same(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ccnews, "RANGE_BYTES", 300)
    monkeypatch.setattr(ccnews, "STRETCH_BYTES", 500)
    acquire(tmp_path, base=server.listen(), **OCTOBER)
    assert len(pages(tmp_path)) == 6
    assert len(landed_files(tmp_path)) > 2


def test_nothing_is_read_twice(server: Server, tmp_path: Path) -> None:
    state, base = MemoryState(), server.listen()
    acquire(tmp_path, state, base=base, **OCTOBER)
    asked = len(server.log)
    again = acquire(tmp_path, state, base=base, **OCTOBER)
    assert again.outcomes == {} and again.files == []
    assert [one.path for one in server.log[asked:]] == [f"/{LIST}"]


def test_a_failure_in_the_middle_is_gone_on_with(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ccnews, "RANGE_BYTES", 300)
    monkeypatch.setattr(ccnews, "STRETCH_BYTES", 500)
    state, base = MemoryState(), server.listen()
    real = ccnews.WebBytes.read

    async def failing(self: Any, path: str, start: int, size: int) -> Any:
        if path == FIRST and start > 3000:
            raise FetchError("connection_error", "the connection broke")
        return await real(self, path, start, size)

    monkeypatch.setattr(ccnews.WebBytes, "read", failing)
    answer = acquire(tmp_path, state, base=base, **OCTOBER)
    assert answer.outcomes[f"{base}/{FIRST}"] == "connection_error"
    some = len(pages(tmp_path))
    assert 0 < some < 5
    monkeypatch.setattr(ccnews.WebBytes, "read", real)
    acquire(tmp_path, state, base=base, **OCTOBER)
    assert len(pages(tmp_path)) == 6  # each once
    assert list(tmp_path.rglob(".*")) == []


def test_max_items_goes_on_in_the_next_run(server: Server, tmp_path: Path) -> None:
    state, base = MemoryState(), server.listen()
    for expected in (2, 4, 6, 6):
        acquire(tmp_path, state, base=base, max_items=2, **OCTOBER)
        assert len(pages(tmp_path)) == expected


def test_a_folder_is_read_as_well(tmp_path: Path) -> None:
    for path, data in FILES.items():
        (tmp_path / "archive" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "archive" / path).write_bytes(data)
    acquire(tmp_path / "landing", base=f"file://{tmp_path}/archive", **OCTOBER)
    assert len(pages(tmp_path / "landing")) == 6


@pytest.mark.parametrize(
    ("data", "outcome"), [(b"no gzip", "decode_error"), (None, "http_4xx")], ids=["damaged list", "no list"]
)
def test_a_list_that_cannot_be_had(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes | None, outcome: str
) -> None:
    if data is None:
        monkeypatch.delitem(FILES, LIST)
    else:
        monkeypatch.setitem(FILES, LIST, data)
    answer = acquire(tmp_path, base=server.listen(), **OCTOBER)
    assert list(answer.outcomes.values()) == [outcome]
