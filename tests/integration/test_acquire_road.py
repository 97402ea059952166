"""From the web to articles: what acquiring stores and what the readers, and other people's tools, make of it."""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import brotli
import pytest
import warcio.archiveiterator
from fastwarc.warc import ArchiveIterator, WarcRecordType

from etl.acquire.run import Answer, Run
from etl.acquire.settings import AcquireSettings
from etl.acquire.sources import Source, SourcesFile, landed_files
from etl.acquire.state import MemoryState
from etl.model import Capture, Reject
from etl.process import process
from etl.read import open_captures
from tests.acquire_server import Asked, Reply, Server, sitemap

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60)]

TEXT = "Die Brücke am Hafen bleibt bis zum Frühjahr gesperrt, teilte die Stadt am Montag mit. "
PAGE = Reply.html("Brücke gesperrt", TEXT).body
TYPES = {
    "plain text": "text/plain; charset=utf-8",
    "octet-stream": "application/octet-stream",
    "XML": "application/xml",
    "no type": None,
}
XHTML = (
    "<?xml version='1.0' encoding='utf-8'?><!DOCTYPE html PUBLIC '-//W3C//DTD XHTML 1.0 Strict//EN' 'x.dtd'>"
    "<html xmlns='http://www.w3.org/1999/xhtml'><head><title>Brücke</title></head>"
    f"<body><p>{TEXT * 20}</p></body></html>"
).encode()


def acquire(landing: Path, *sources: Source, state: MemoryState | None = None, **settings: Any) -> Answer:
    limits = {"backoff": 0.01, "tdmrep": False, "retries": 0, "read_timeout": 2.0} | settings
    run = Run(
        SourcesFile(allow_private=True),
        sources,
        landing=landing,
        settings=AcquireSettings(**limits),
        state=state if state is not None else MemoryState(),
        spool=landing / "spool",
    )
    return asyncio.run(run.run())


def urls(*links: str) -> Source:
    return Source(name="seiten", kind="urls", urls=links, delay=0)


def captures(landing: Path) -> list[Capture | Reject]:
    return [found for path in landed_files(landing) for found in open_captures(path)]


# --- the reader agrees with the crawler ----------------------------------------------------------------------------


@pytest.mark.parametrize("coding", ["identity", "gzip"])
@pytest.mark.parametrize("kind", TYPES.values(), ids=TYPES.keys())
def test_a_page_under_a_vague_type_ends_as_an_article(
    server: Server, tmp_path: Path, kind: str | None, coding: str
) -> None:
    base = server.listen()
    page = XHTML if kind == "application/xml" else PAGE
    headers = {"Content-Encoding": "gzip"} if coding == "gzip" else {}
    body = gzip.compress(page) if coding == "gzip" else page
    server.routes["/news/1"] = Reply(body, type=kind, headers=headers)
    assert acquire(tmp_path, urls(f"{base}/news/1")).outcomes == {f"{base}/news/1": "stored"}
    [capture] = captures(tmp_path)
    assert isinstance(capture, Capture) and capture.html == page
    record = process(capture)
    assert not isinstance(record, Reject) and TEXT.strip() in record.clean_text


NO_PAGES = {
    "text": (b"<p only begins like markup", "text/plain"),
    "feed": (b"<?xml version='1.0'?><rss version='2.0'><channel/></rss>", "text/xml"),
    "program": (b"\x7fELF\x02\x01\x01", "application/octet-stream"),
    "PDF": (b"%PDF-1.7", None),
}


@pytest.mark.parametrize(("body", "kind"), NO_PAGES.values(), ids=NO_PAGES.keys())
def test_what_is_no_page_is_neither_stored_nor_read(
    server: Server, tmp_path: Path, body: bytes, kind: str | None
) -> None:
    from etl.payload import looks_like_html

    base = server.listen()
    server.routes["/x"] = Reply(body, type=kind)
    assert acquire(tmp_path, urls(f"{base}/x")).outcomes == {f"{base}/x": "wrong_type"}
    assert captures(tmp_path) == [] and not looks_like_html(body, kind or "")


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply.redirect("/"), "soft_404"),
        (Reply.redirect("/consent?from=x"), "consent_wall"),
        (Reply.html("404 - Seite nicht gefunden"), "soft_404"),
    ],
    ids=["front page", "consent page", "title"],
)
def test_a_page_that_is_no_article_is_rejected_with_its_reason(
    server: Server, tmp_path: Path, reply: Reply, reason: str
) -> None:
    base = server.listen()
    server.routes["*"] = Reply(PAGE)
    server.routes["/news/bruecke"] = reply
    assert acquire(tmp_path, urls(f"{base}/news/bruecke")).outcomes == {f"{base}/news/bruecke": "stored"}
    [reject] = captures(tmp_path)
    assert isinstance(reject, Reject)
    assert (reject.stage, reject.reason, reject.source) == ("acquire", reason, "seiten")
    assert reject.detail and reject.payload and "#" in reject.origin


# --- bodies that are longer than they say --------------------------------------------------------------------------


def _longer(surplus: bytes, pause: float) -> Reply:
    async def send(reader: Any, writer: Any) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(PAGE)}\r\n\r\n".encode()
        writer.write(head + PAGE if pause else head + PAGE + surplus)
        await writer.drain()
        await asyncio.sleep(pause)
        if pause:
            writer.write(surplus)
            await writer.drain()
        await asyncio.sleep(0.2)

    return Reply(raw=send)


FORGED = b"<html><title>Gefaelscht</title><p>never asked for</p></html>"
FORGED_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(FORGED)
SURPLUS = {
    "a byte, later": (b"x", 0.05, "stored"),
    "much, later": (b"<p>Werbung</p>" * 5000, 0.05, "stored"),
    "a forged answer, later": (FORGED_HEAD + FORGED, 0.05, "stored"),
    "a byte, at once": (b"x", 0.0, "connection_error"),
    "a forged answer, at once": (FORGED_HEAD + FORGED, 0.0, "stored"),
}


@pytest.mark.parametrize(("surplus", "pause", "outcome"), SURPLUS.values(), ids=SURPLUS.keys())
def test_a_surplus_is_no_part_of_the_page_and_of_no_other(
    server: Server, tmp_path: Path, surplus: bytes, pause: float, outcome: str
) -> None:
    """RFC 9112, section 6.3: a body ends at its Content-Length. What follows spoils the connection: as an answer that
    nobody asked for when it comes later, as a broken one when it comes in one piece with the body."""
    base = server.listen()
    server.routes["/long"] = _longer(surplus, pause)
    other = PAGE.replace(b"Hafen", b"Markt")
    server.routes["/next"] = Reply(other)
    pages = urls(f"{base}/long", f"{base}/next").model_copy(update={"delay": 3 * pause})
    answer = acquire(tmp_path, pages)
    assert answer.outcomes == {f"{base}/long": outcome, f"{base}/next": "stored"}
    found = {capture.url: capture.html for capture in captures(tmp_path) if isinstance(capture, Capture)}
    assert found.pop(f"{base}/long", PAGE) == PAGE and found == {f"{base}/next": other}


# --- other people's tools ------------------------------------------------------------------------------------------


def _sha1(data: bytes) -> str:
    return "sha1:" + base64.b32encode(hashlib.sha1(data, usedforsecurity=False).digest()).decode()


def test_two_other_libraries_read_every_record_and_its_digests(server: Server, tmp_path: Path) -> None:
    base = server.listen("127.0.4.1")
    server.routes["/plain"] = Reply(PAGE, headers={"X-Odd": "ä"})
    server.routes["/br"] = Reply(brotli.compress(PAGE), headers={"Content-Encoding": "br"})
    server.routes["/moved"] = Reply.redirect("/plain2")
    server.routes["/plain2"] = Reply(PAGE + b"2", etag='"v"')
    server.routes["/same"] = Reply(PAGE + b"3", headers={"ETag": '"ignored"'})
    state = MemoryState()
    links = urls(*(f"{base}/{name}" for name in ("plain", "br", "moved", "same")))
    for _ in range(2):
        acquire(tmp_path, links, state=state, revisit_without_validator=timedelta(0))
    first, second = landed_files(tmp_path)
    kinds: Counter[str] = Counter()
    for path in (first, second):
        with Path(path).open("rb") as file:
            for record in ArchiveIterator(file, record_types=WarcRecordType.any_type, parse_http=False):
                assert record.verify_block_digest(), record.record_id
                kinds[record.headers["WARC-Type"]] += 1
        with Path(path).open("rb") as file:
            for record in ArchiveIterator(file, record_types=WarcRecordType.response, parse_http=True):
                assert record.verify_payload_digest(), record.record_id
        with Path(path).open("rb") as file:
            reader = warcio.archiveiterator.ArchiveIterator(file, check_digests="raise")
            ids: dict[str, str] = {}
            for record in reader:
                kind, get = record.rec_type, record.rec_headers.get_header
                assert record.rec_headers.protocol == "WARC/1.1"
                body = record.raw_stream.read()
                if kind == "warcinfo":
                    assert b"klartext/" in body and get("WARC-Filename") == Path(path).name
                    continue
                assert get("WARC-IP-Address") == "127.0.4.1"
                at = datetime.fromisoformat(get("WARC-Date").replace("Z", "+00:00"))
                assert abs(datetime.now(UTC) - at) < timedelta(minutes=1)
                ids[get("WARC-Record-ID")] = kind
                if kind == "request":
                    assert get("WARC-Concurrent-To")
                elif kind == "response":
                    assert get("WARC-Payload-Digest") == _sha1(body)
                else:
                    assert get("WARC-Profile").startswith("http://netpreserve.org/warc/1.1/revisit/")
                    assert get("WARC-Refers-To-Target-URI") and get("WARC-Refers-To-Date")
    assert kinds == {"warcinfo": 2, "request": 9, "response": 5, "revisit": 4}


# --- sitemaps: windows of lastmod ----------------------------------------------------------------------------------


def test_sitemaps_of_an_index_are_asked_for_only_when_they_may_list_something_new(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from etl.acquire import run

    base = server.listen()
    now = datetime.now(UTC)
    ages = {"old": 400, "last-week": 6, "today": 0}
    children = "".join(
        f"<sitemap><loc>{base}/{name}.xml</loc><lastmod>{now - timedelta(days=days):%Y-%m-%d}</lastmod></sitemap>"
        for name, days in ages.items()
    )
    server.routes["/index.xml"] = Reply(
        f"<sitemapindex>{children}<sitemap><loc>{base}/undated.xml</loc></sitemap></sitemapindex>".encode(),
        type="application/xml",
    )
    for name in (*ages, "undated"):
        server.routes[f"/{name}.xml"] = sitemap(f"{base}/{name}/1", f"{base}/{name}/2")
    server.routes["*"] = Reply(PAGE)
    source = Source(name="s", kind="sitemap", url=f"{base}/index.xml", delay=0, max_age="30d", max_items=4)
    state = MemoryState()
    first = acquire(tmp_path, source, state=state)
    assert first.count("stored") == 4 and "/old.xml" not in server.paths()
    mark = len(server.log)
    second = acquire(tmp_path, source, state=state)
    assert second.count("stored") == 2  # what the first one had no room for
    assert set(server.paths()[mark:]) & {"/old.xml", "/last-week.xml"} == set()
    assert {"/today.xml", "/undated.xml", "/index.xml"} <= set(server.paths()[mark:])
    monkeypatch.setattr(run, "_BELIEVED", timedelta(0))  # a day later it is asked for all the same
    mark = len(server.log)
    acquire(tmp_path, source, state=state)
    assert "/last-week.xml" in server.paths()[mark:] and "/old.xml" not in server.paths()


# --- clocks --------------------------------------------------------------------------------------------------------


def test_a_wrong_clock_on_the_server_changes_nothing(server: Server, tmp_path: Path) -> None:
    base = server.listen()
    validators: list[str | None] = []

    def answer(asked: Asked) -> Reply:
        validators.append(asked.headers.get("if-modified-since"))
        modified = "Fri, 31 Dec 2100 23:59:59 GMT"
        if validators[-1] == modified:
            return Reply(status=304, headers={"Date": "Thu, 01 Jan 1970 00:00:00 GMT"})
        return Reply(PAGE, headers={"Last-Modified": modified, "Date": "Thu, 01 Jan 1970 00:00:00 GMT"})

    server.routes["/1"] = answer
    state = MemoryState()
    outcomes = [acquire(tmp_path, urls(f"{base}/1"), state=state).outcomes[f"{base}/1"] for _ in range(2)]
    assert outcomes == ["stored", "not_modified"]
    assert validators == [None, "Fri, 31 Dec 2100 23:59:59 GMT"]
    [capture] = captures(tmp_path)
    assert isinstance(capture, Capture) and capture.captured_at is not None
    assert abs(datetime.now(UTC) - capture.captured_at) < timedelta(minutes=1)
