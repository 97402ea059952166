"""What servers do wrong, one by one: each URL has exactly one outcome, and nothing half lands."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import socket
import ssl
import struct
import time
import zlib
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import brotli
import pytest
import trustme
import zstandard
from fastwarc.warc import ArchiveIterator, WarcRecordType

from etl.acquire.run import Answer, Run
from etl.acquire.settings import AcquireSettings
from etl.acquire.sources import Source, SourcesFile, landed_files
from etl.acquire.state import MemoryState
from tests.acquire_server import Asked, Reply, Server, rss, sitemap

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60)]

PAGE = Reply.html("Brücke gesperrt").body
LOOPBACK = ("127.0.0.0/8",)
FAST: dict[str, Any] = {
    "connect_timeout": 1.0,
    "read_timeout": 0.6,
    "total_timeout": 1.2,
    "backoff": 0.01,
    "max_bytes": 200_000,
    "tdmrep": False,
}


def acquire(
    landing: Path,
    *sources: Source,
    state: MemoryState | None = None,
    allow: Any = LOOPBACK,
    lookup: Any = None,
    **settings: Any,
) -> Answer:
    config = SourcesFile(allow_private=allow, source=sources)
    extra = {"lookup": lookup} if lookup is not None else {}
    run = Run(
        config,
        sources,
        landing=landing,
        settings=AcquireSettings(**(FAST | settings)),
        state=state if state is not None else MemoryState(),
        spool=landing / "spool",
        **extra,
    )
    return asyncio.run(run.run())


def urls(*links: str, **more: Any) -> Source:
    return Source(name="seiten", kind="urls", urls=links, delay=0, **more)


def stored(landing: Path) -> dict[str, bytes]:
    """URL to body of all response records with status 200, their digests checked by another library."""
    pages = {}
    for path in landed_files(landing):
        with Path(path).open("rb") as file:
            for record in ArchiveIterator(file, record_types=WarcRecordType.any_type, parse_http=False):
                assert record.verify_block_digest(), record.record_id
                if record.record_type is WarcRecordType.response:
                    record.parse_http()
                    if record.http_headers.status_code == 200:
                        pages[record.headers["WARC-Target-URI"]] = record.reader.read()
    return pages


# --- the body ------------------------------------------------------------------------------------------------------


async def _trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 100000\r\n\r\n")
    for _ in range(100):
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.1)


async def _slow_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for byte in b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n" * 4:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.1)


async def _silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(5)


async def _endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>")
    while True:
        writer.write(b"<p>more</p>" * 1000)
        await writer.drain()


def _bytes(data: bytes, *, reset: bool = False) -> Reply:
    async def send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()
        if reset:
            raw = writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

    return Reply(raw=send)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
BOMB = gzip.compress(b"<p>0</p>" * 2_000_000)

BODIES = {
    "slow-loris: headers byte by byte": (Reply(raw=_slow_head), "timeout"),
    "silence": (Reply(raw=_silence), "timeout"),
    "a body that trickles": (Reply(raw=_trickle), "timeout"),
    "an endless body": (Reply(raw=_endless), "too_large"),
    "Content-Length over the limit": (Reply(b"x" * 300_000), "too_large"),
    "gzip bomb": (Reply(BOMB, headers={"Content-Encoding": "gzip"}), "too_large"),
    "br bomb": (Reply(brotli.compress(b"0" * 9_000_000), headers={"Content-Encoding": "br"}), "too_large"),
    "zstd bomb": (Reply(zstandard.compress(b"0" * 9_000_000), headers={"Content-Encoding": "zstd"}), "too_large"),
    "bomb in a bomb": (
        Reply(gzip.compress(gzip.compress(b"0" * 50_000_000)), headers={"Content-Encoding": "gzip, gzip"}),
        "too_large",
    ),
    "reset in the middle": (
        _bytes(HEAD + b"Content-Length: 5000\r\n\r\n<html>half", reset=True),
        "connection_error",
    ),
    "closed before Content-Length": (_bytes(HEAD + b"Content-Length: 5000\r\n\r\n<html>half"), "connection_error"),
    "chunked, without an end": (
        _bytes(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n<html\r\n"),
        "connection_error",
    ),
    "chunked, broken size": (
        _bytes(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n<html>\r\n0\r\n\r\n"),
        "connection_error",
    ),
    "no HTTP at all": (_bytes(b"SSH-2.0-OpenSSH_9.9\r\n"), "connection_error"),
    "closed without a word": (_bytes(b""), "connection_error"),
    "gzip that isn't": (Reply(PAGE, headers={"Content-Encoding": "gzip"}), "decode_error"),
    "gzip cut off": (Reply(gzip.compress(PAGE)[:-20], headers={"Content-Encoding": "gzip"}), "decode_error"),
    "unknown content encoding": (Reply(PAGE, headers={"Content-Encoding": "rot13"}), "decode_error"),
    "PDF": (Reply(b"%PDF-1.7", type="application/pdf"), "wrong_type"),
    "image": (Reply(b"\x89PNG\r\n", type="image/png"), "wrong_type"),
    "PDF sent as HTML": (Reply(b"%PDF-1.7 ..."), "wrong_type"),
    "empty body": (Reply(b""), "wrong_type"),
    "accepted, perhaps later (202)": (Reply(PAGE, status=202), "wrong_type"),
    "no content (204)": (Reply(status=204), "wrong_type"),
    "a part nobody asked for (206)": (Reply(PAGE, status=206), "connection_error"),
    "not found": (Reply(status=404), "http_4xx"),
    "gone": (Reply(status=410), "gone"),
    "forbidden for legal reasons": (Reply(status=451), "http_4xx"),
    "server error that stays": (Reply(status=500), "http_5xx"),
    "redirect to itself": (Reply.redirect("/page"), "redirect_loop"),
    "redirect in a circle": (Reply.redirect("/circle"), "redirect_loop"),
    "endless redirects": (Reply.redirect("/further0"), "redirect_loop"),
    "redirect without a target": (Reply(status=302), "redirect_loop"),
    "redirect to a private address": (Reply.redirect("http://10.1.2.3/"), "unsafe_address"),
    "redirect to the metadata service": (Reply.redirect("http://169.254.169.254/latest/"), "unsafe_address"),
    "redirect to a file": (Reply.redirect("file:///etc/passwd"), "unsafe_address"),
}


@pytest.mark.parametrize(("reply", "outcome"), BODIES.values(), ids=BODIES.keys())
def test_a_broken_answer_has_one_outcome_and_never_lands(
    server: Server, tmp_path: Path, reply: Reply, outcome: str
) -> None:
    base = server.listen()
    server.routes["/page"] = reply
    server.routes["/circle"] = Reply.redirect("/page")
    server.routes |= {f"/further{n}": Reply.redirect(f"/further{n + 1}") for n in range(20)}
    server.routes["/good"] = Reply(PAGE)
    began = time.monotonic()
    answer = acquire(tmp_path, urls(f"{base}/page", f"{base}/good"), retries=1)
    assert answer.outcomes == {f"{base}/page": outcome, f"{base}/good": "stored"}
    assert answer.details[f"{base}/page"]
    assert stored(tmp_path) == {f"{base}/good": PAGE}
    assert time.monotonic() - began < 6


GOOD = {
    "gzip": (gzip.compress(PAGE), {"Content-Encoding": "gzip"}),
    "gzip in two members": (gzip.compress(PAGE[:50]) + gzip.compress(PAGE[50:]), {"Content-Encoding": "gzip"}),
    "zlib deflate": (zlib.compress(PAGE), {"Content-Encoding": "deflate"}),
    "br": (brotli.compress(PAGE), {"Content-Encoding": "br"}),
    "zstd": (zstandard.compress(PAGE), {"Content-Encoding": "zstd"}),
    "charset header that lies": (PAGE, {"Content-Type": "text/html; charset=x-nonsense"}),
    "octet-stream that is HTML": (PAGE, {"Content-Type": "application/octet-stream"}),
    "Last-Modified in the future": (PAGE, {"Last-Modified": "Fri, 31 Dec 2100 23:59:59 GMT"}),
}


@pytest.mark.parametrize(("body", "headers"), GOOD.values(), ids=GOOD.keys())
def test_odd_but_whole_answers_land_as_they_came(
    server: Server, tmp_path: Path, body: bytes, headers: dict[str, str]
) -> None:
    base = server.listen()
    server.routes["/page"] = Reply(body, headers=headers)
    answer = acquire(tmp_path, urls(f"{base}/page"))
    assert answer.outcomes == {f"{base}/page": "stored"}
    assert stored(tmp_path) == {f"{base}/page": body}


def test_chunks_come_off_and_the_header_that_announced_them_is_renamed(server: Server, tmp_path: Path) -> None:
    base = server.listen()
    framed = b"".join(b"%x\r\n%s\r\n" % (len(PAGE[n : n + 99]), PAGE[n : n + 99]) for n in range(0, len(PAGE), 99))
    server.routes["/page"] = _bytes(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + framed + b"0\r\n\r\n")
    acquire(tmp_path, urls(f"{base}/page"))
    assert stored(tmp_path) == {f"{base}/page": PAGE}
    [path] = landed_files(tmp_path)
    assert b"X-Archive-Orig-Transfer-Encoding: chunked\r\n" in gzip.decompress(Path(path).read_bytes())


def test_a_missing_content_type_is_judged_by_the_bytes(server: Server, tmp_path: Path) -> None:
    base = server.listen()
    server.routes["/html"] = Reply(PAGE, type=None)
    server.routes["/text"] = Reply(b"just words", type="text/plain")
    answer = acquire(tmp_path, urls(f"{base}/html", f"{base}/text"))
    assert answer.outcomes == {f"{base}/html": "stored", f"{base}/text": "wrong_type"}


def test_an_url_of_8_kb_is_asked_for(server: Server, tmp_path: Path) -> None:
    base = server.listen()
    path = "/" + "a" * 8000
    server.routes[path] = Reply(PAGE)
    server.routes["/short"] = Reply.redirect(path)
    answer = acquire(tmp_path, urls(base + path))
    assert answer.outcomes == {base + path: "stored"}


def test_one_page_under_several_urls_is_asked_for_once(server: Server, tmp_path: Path) -> None:
    base = server.listen()
    server.routes["/a"] = Reply(PAGE)
    server.routes["/a?utm_source=feed"] = Reply(PAGE)
    server.routes["/short"] = Reply.redirect("/a")
    links = [f"{base}/short", f"{base}/a", f"{base}/a?utm_source=feed"]
    answer = acquire(tmp_path, urls(*links))
    assert sorted(answer.outcomes.values()) == ["duplicate", "duplicate", "stored"]
    assert server.paths().count("/a") + server.paths().count("/a?utm_source=feed") == 1
    assert len(stored(tmp_path)) == 1


# --- patience ------------------------------------------------------------------------------------------------------


def test_a_server_that_recovers_is_asked_again(server: Server, tmp_path: Path) -> None:
    base = server.listen()
    server.routes["/page"] = [Reply(status=500), Reply(status=503), Reply(PAGE)]
    answer = acquire(tmp_path, urls(f"{base}/page"), retries=2)
    assert answer.outcomes == {f"{base}/page": "stored"}


def test_retry_after_is_waited_for(server: Server, tmp_path: Path) -> None:
    # A server whose clock is two hours slow: its dates count from its own Date.
    now = datetime.now(UTC) - timedelta(hours=2)
    values = {"seconds": "1", "date": format_datetime(now + timedelta(seconds=1), usegmt=True)}
    cases = list(itertools.product((429, 503), values.values()))
    links = []
    for number, (status, value) in enumerate(cases, 1):
        address = f"127.0.0.{number}"
        base = server.listen(address)
        headers = {"Retry-After": value, "Date": format_datetime(now, usegmt=True)}
        server.routes[(address, "/page")] = [Reply(status=status, headers=headers), Reply(PAGE)]
        server.routes[(address, "/other")] = Reply(PAGE)
        links += [f"{base}/page", f"{base}/other"]
    answer = acquire(tmp_path, urls(*links))
    assert answer.outcomes == dict.fromkeys(links, "stored")
    for number in range(1, len(cases) + 1):
        refused, after, *_ = [one for one in server.pages() if one.host == f"127.0.0.{number}"]
        assert after.begin - refused.end >= 0.99


def test_a_long_retry_after_defers_the_host_and_nothing_else(server: Server, tmp_path: Path) -> None:
    busy, other = server.listen("127.0.0.1"), server.listen("127.0.0.2")
    server.routes[("127.0.0.1", "/1")] = Reply(status=503, headers={"Retry-After": "3600"})
    server.routes["/2"] = server.routes["/3"] = Reply(PAGE)
    state = MemoryState()
    source = urls(f"{busy}/1", f"{busy}/2", f"{other}/3")
    answer = acquire(tmp_path, source, state=state)
    assert answer.outcomes == {f"{busy}/1": "deferred", f"{busy}/2": "deferred", f"{other}/3": "stored"}
    asked = len(server.log)
    again = acquire(tmp_path, urls(f"{busy}/2"), state=state)  # the next run leaves it alone as well
    assert again.outcomes == {f"{busy}/2": "deferred"}
    assert len(server.log) == asked


def test_one_slow_host_does_not_hold_the_others(server: Server, tmp_path: Path) -> None:
    slow = server.listen("127.0.0.1")
    quick = [server.listen(f"127.0.0.{n}") for n in range(2, 8)]
    server.routes[("127.0.0.1", "*")] = Reply(PAGE, pause=0.5)
    server.routes["*"] = Reply(PAGE)
    links = [f"{slow}/{n}" for n in range(3)] + [f"{host}/{n}" for host in quick for n in range(5)]
    answer = acquire(tmp_path, urls(*links), read_timeout=2.0, total_timeout=3.0)
    assert set(answer.outcomes.values()) == {"stored"}
    first = min(asked.begin for asked in server.log)
    assert max(asked.end for asked in server.log if asked.host != "127.0.0.1") - first < 1.0


def test_delay_and_single_connection_by_the_servers_own_log(server: Server, tmp_path: Path) -> None:
    bases = [server.listen(f"127.0.0.{n}") for n in range(1, 4)]
    server.routes["*"] = lambda asked: Reply(PAGE, pause=0.05)
    server.routes["/robots.txt"] = Reply(b"User-agent: *\nAllow: /\n", type="text/plain")
    server.routes["/moved"] = Reply.redirect("/target")
    server.routes["/flaky"] = [Reply(status=500), Reply(PAGE)]
    server.routes["/feed"] = rss(*(f"{bases[0]}/f{n}" for n in range(2)))
    links = [f"{base}{path}" for base in bases for path in ("/1", "/moved", "/flaky")]
    feed = Source(name="feed", kind="feed", url=f"{bases[0]}/feed", delay=0.3)
    pages = urls(*links).model_copy(update={"delay": 0.3})
    acquire(tmp_path, feed, pages)
    for address in ("127.0.0.1", "127.0.0.2", "127.0.0.3"):
        times = [asked.begin for asked in server.log if asked.host == address]
        assert len(times) >= 5
        assert min(b - a for a, b in itertools.pairwise(times)) >= 0.3
        assert server.most_open[address] == server.most_busy[address] == 1


def test_crawl_delay_is_honoured(server: Server, tmp_path: Path) -> None:
    base = server.listen()
    server.routes["*"] = Reply(PAGE)
    server.routes["/robots.txt"] = Reply(b"User-agent: *\nCrawl-delay: 0.4\n", type="text/plain")
    acquire(tmp_path, urls(*(f"{base}/{n}" for n in range(3))))
    times = [asked.begin for asked in server.pages()]
    assert min(b - a for a, b in itertools.pairwise(times)) >= 0.4


def test_a_crawl_delay_of_an_hour_gives_one_page_a_run(server: Server, tmp_path: Path) -> None:
    base = server.listen()
    server.routes["*"] = Reply(PAGE)
    server.routes["/robots.txt"] = Reply(b"User-agent: *\nCrawl-delay: 3600\n", type="text/plain")
    answer = acquire(tmp_path, urls(*(f"{base}/{n}" for n in range(3))))
    assert sorted(answer.outcomes.values()) == ["deferred", "deferred", "stored"]


# --- robots.txt ----------------------------------------------------------------------------------------------------

ROBOTS = {
    "none (404)": (Reply(status=404), "stored"),
    "forbidden (403)": (Reply(status=403), "stored"),
    "server error": (Reply(status=500), "robots_denied"),
    "unavailable": (Reply(status=503), "robots_denied"),
    "silence": (Reply(raw=_silence), "robots_denied"),
    "reset": (_bytes(HEAD, reset=True), "robots_denied"),
    "empty": (Reply(b"", type="text/plain"), "stored"),
    "HTML instead": (Reply(b"<html><body>Disallow: /</body></html>"), "stored"),
    "everything": (Reply(b"User-agent: *\nDisallow: /\n", type="text/plain"), "robots_denied"),
    "us alone": (Reply(b"User-agent: Klartext\nDisallow: /\n\nUser-agent: *\nAllow: /\n"), "robots_denied"),
    "another robot": (Reply(b"User-agent: otherbot\nDisallow: /\n"), "stored"),
    "the longest match wins": (Reply(b"User-agent: *\nDisallow: /news\nAllow: /news/2026/\n"), "stored"),
    "a wildcard": (Reply(b"User-agent: *\nDisallow: /*.html$\n"), "robots_denied"),
    "a wildcard that ends elsewhere": (Reply(b"User-agent: *\nDisallow: /*.htm$\n"), "stored"),
    "with a byte order mark": (Reply(b"\xef\xbb\xbfUser-agent: *\nDisallow: /\n"), "robots_denied"),
    "rule within 500 KiB": (
        Reply(b"User-agent: *\n" + b"# filler\n" * 50_000 + b"Disallow: /\n"),
        "robots_denied",
    ),
    "rule beyond 500 KiB": (Reply(b"User-agent: *\n" + b"# filler\n" * 60_000 + b"Disallow: /\n"), "stored"),
    "redirected": (Reply.redirect("/elsewhere.txt"), "robots_denied"),
    "redirected in a circle": (Reply.redirect("/robots.txt"), "stored"),
}


@pytest.mark.parametrize(("reply", "outcome"), ROBOTS.values(), ids=ROBOTS.keys())
def test_robots_txt(server: Server, tmp_path: Path, reply: Reply, outcome: str) -> None:
    base = server.listen()
    server.routes["/robots.txt"] = reply
    server.routes["/elsewhere.txt"] = Reply(b"User-agent: *\nDisallow: /news/\n", type="text/plain")
    server.routes["/news/2026/bruecke.html"] = Reply(PAGE)
    url = f"{base}/news/2026/bruecke.html"
    answer = acquire(tmp_path, urls(url), retries=0)
    assert answer.outcomes == {url: outcome}
    assert ("/news/2026/bruecke.html" in server.paths()) == (outcome == "stored")


def test_robots_txt_is_asked_for_once_and_believed_by_the_next_run(server: Server, tmp_path: Path) -> None:
    base = server.listen()
    server.routes["*"] = Reply(PAGE)
    server.routes["/robots.txt"] = Reply(b"User-agent: *\nDisallow: /no\n", type="text/plain")
    state = MemoryState()
    for _ in range(2):
        acquire(tmp_path, urls(*(f"{base}/{n}" for n in range(4))), state=state)
    assert server.paths().count("/robots.txt") == 1


# --- safety --------------------------------------------------------------------------------------------------------

SPELLINGS = [
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0177.0.0.1/",
    "http://127.1/",
    "http://[::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://example.org@127.0.0.1/",
    "http://localhost/",
    "http://127.0.0.1./",
    "http://１２７.0.0.1/",
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://192.168.0.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://100.64.0.1/",
    "http://0.0.0.0/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
    "http://[fe80::1]/",
    "http://[fd00::1]/",
    "http://[ff02::1]/",
    "file:///etc/passwd",
    "ftp://127.0.0.1/",
    "gopher://127.0.0.1/",
    "javascript:alert(1)",
    "http://",
    "not a url",
]


@pytest.mark.parametrize("url", SPELLINGS)
def test_no_spelling_of_a_private_address_gets_through(server: Server, tmp_path: Path, url: str) -> None:
    answer = acquire(tmp_path, urls(url), allow=False)
    assert list(answer.outcomes.values()) == ["unsafe_address"]


def test_a_name_that_changes_its_address_between_two_lookups(server: Server, tmp_path: Path) -> None:
    base = server.listen()
    port = base.rsplit(":", 1)[1]
    server.routes["*"] = Reply(PAGE)
    answers = [["203.0.113.7", "127.0.0.1"], ["127.0.0.1"]]

    async def lookup(host: str, number: int) -> list[str]:
        return answers.pop(0) if len(answers) > 1 else answers[0]

    url = f"http://rebinding.example:{port}/"
    answer = acquire(tmp_path, urls(url), allow=False, lookup=lookup)
    assert answer.outcomes == {url: "unsafe_address"}
    assert server.log == []


def test_the_address_is_checked_where_it_is_connected_to(server: Server, tmp_path: Path) -> None:
    """Even a resolver without any check doesn't lead to a private address."""
    from etl.acquire.guard import Guard, UnsafeAddressError

    with pytest.raises(UnsafeAddressError, match=r"127\.0\.0\.1"):
        Guard().socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 80)))


def test_no_proxy_of_the_environment_is_used(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base, proxy = server.listen("127.0.0.1"), server.listen("127.0.0.9")
    monkeypatch.setenv("http_proxy", proxy)
    server.routes["/page"] = Reply(PAGE)
    assert acquire(tmp_path, urls(f"{base}/page")).count("stored") == 1
    assert {asked.host for asked in server.log} == {"127.0.0.1"}


def test_credentials_go_to_their_own_origin_and_into_no_record(server: Server, tmp_path: Path) -> None:
    base, other = server.listen("127.0.0.1"), server.listen("127.0.0.2")
    server.routes["/feed"] = rss(f"{base}/1", f"{other}/2", f"{base.replace('//', '//mallory:pw@')}/3")
    server.routes["*"] = Reply(PAGE, headers={"Set-Cookie": "id=geheim2; Path=/"})
    source = Source(name="s", kind="feed", url=f"{base.replace('//', '//leser:geheim@')}/feed", delay=0)
    state = MemoryState()
    answer = acquire(tmp_path, source, state=state)
    assert set(answer.outcomes) == {f"{base}/1", f"{other}/2", f"{base}/3"}
    assert {a.host for a in server.log if "authorization" in a.headers} == {"127.0.0.1"}
    assert {a.headers["authorization"] for a in server.log if "authorization" in a.headers} == {
        "Basic bGVzZXI6Z2VoZWlt"
    }
    assert not any("cookie" in asked.headers for asked in server.log)
    written = b"".join(gzip.decompress(Path(path).read_bytes()) for path in answer.files)
    for secret in (b"geheim@", b"bGVzZXI6Z2VoZWlt", b"Authorization", b"mallory"):
        assert secret not in written
    assert "geheim" not in repr(answer.as_json()) and "geheim@" not in repr(state.log)


def _tls(authority: trustme.CA, *names: str, expired: bool = False) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    when = {"not_after": datetime(2020, 1, 1, tzinfo=UTC)} if expired else {}
    authority.issue_cert(*names, **when).configure_cert(context)
    return context


@pytest.mark.parametrize("fault", ["none", "expired", "another name", "self-signed", "no TLS at all"])
def test_tls(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    trusted, stranger = trustme.CA(), trustme.CA()
    trusted.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    if fault == "no TLS at all":
        base = server.listen().replace("http:", "https:")
    else:
        authority = stranger if fault == "self-signed" else trusted
        name = "another.example" if fault == "another name" else "127.0.0.1"
        base = server.listen(tls=_tls(authority, name, expired=fault == "expired"))
    server.routes["/page"] = Reply(PAGE)
    answer = acquire(tmp_path / "landing", urls(f"{base}/page"))
    # A server without TLS goes on waiting for the end of what it takes for a request.
    expected = {"none": "stored", "no TLS at all": "timeout"}.get(fault, "tls_error")
    assert answer.outcomes == {f"{base}/page": expected}


def test_hosts_that_are_not_there(server: Server, tmp_path: Path) -> None:
    async def lookup(host: str, number: int) -> list[str]:
        raise OSError("no such name")

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    closed = f"http://127.0.0.1:{port}/"
    answer = acquire(tmp_path, urls("http://nowhere.example/", closed), lookup=lookup, retries=1)
    assert answer.outcomes == {"http://nowhere.example/": "dns_error", closed: "connection_error"}


# --- feeds and sitemaps --------------------------------------------------------------------------------------------

ENTITIES = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">' + b"".join(
    b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 50) for n in range(9)
)
XXE = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">'

BAD_LISTINGS = {
    "feed: HTML instead": ("feed", Reply(b"<!doctype html><html><body>404</body></html>"), "wrong_type"),
    "feed: empty": ("feed", Reply(b"", type="application/rss+xml"), "wrong_type"),
    "feed: not there": ("feed", Reply(status=404), "http_4xx"),
    "feed: a bomb": ("feed", Reply(gzip.compress(b"<rss>" + b"0" * 3_000_000), headers={"Content-Encoding": "gzip"}),
                     "too_large"),
    "feed: denied": ("feed", Reply(b"", status=200), "robots_denied"),
    "sitemap: HTML instead": ("sitemap", Reply(b"<!doctype html><html></html>"), "wrong_type"),
    "sitemap: a gzip bomb": ("sitemap", Reply(gzip.compress(b"<urlset>" + b" " * 30_000_000)), "wrong_type"),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "reply", "outcome"), BAD_LISTINGS.values(), ids=BAD_LISTINGS.keys())
def test_a_bad_feed_or_sitemap_has_an_outcome(
    server: Server, tmp_path: Path, kind: Any, reply: Reply, outcome: str
) -> None:
    base = server.listen()
    server.routes["/list"] = reply
    if outcome == "robots_denied":
        server.routes["/robots.txt"] = Reply(b"User-agent: *\nDisallow: /list\n", type="text/plain")
    answer = acquire(
        tmp_path, Source(name="s", kind=kind, url=f"{base}/list", delay=0), max_feed_bytes=2_000_000, retries=0
    )
    assert answer.outcomes == {f"{base}/list": outcome}
    assert answer.sources["s"].error


@pytest.mark.parametrize("prolog", [ENTITIES, XXE], ids=["entity bomb", "external entity"])
@pytest.mark.parametrize("kind", ["feed", "sitemap"])
def test_entities_are_not_expanded(server: Server, tmp_path: Path, kind: Any, prolog: bytes) -> None:
    base = server.listen()
    link = f"{base}/1".encode()
    if kind == "feed":
        body = prolog + b"]><rss version='2.0'><channel><title>&a;</title><item><title>&a;</title><link>" + link
        body += b"</link></item></channel></rss>"
    else:
        body = prolog + b"]><urlset><url><loc>" + link + b"</loc></url><url><loc>/&a;</loc></url></urlset>"
    server.routes["/list"] = Reply(body, type="application/xml")
    server.routes["/1"] = Reply(PAGE)
    answer = acquire(tmp_path, Source(name="s", kind=kind, url=f"{base}/list", delay=0))
    assert answer.outcomes.get(f"{base}/1") == "stored"
    written = b"".join(gzip.decompress(Path(path).read_bytes()) for path in answer.files)
    assert b"root:" not in written and b"aaaaaaaaaa" not in written


def test_a_broken_feed_gives_what_can_be_read(server: Server, tmp_path: Path) -> None:
    base = server.listen()
    body = rss(f"{base}/1", f"{base}/2").body.replace(b"</channel></rss>", b"<item><title>B&nbsp;&</title><link>")
    server.routes["/feed"] = Reply(body, type="text/html")  # and with the wrong type
    server.routes["*"] = Reply(PAGE)
    answer = acquire(tmp_path, Source(name="s", kind="feed", url=f"{base}/feed", delay=0))
    assert {answer.outcomes[f"{base}/{n}"] for n in (1, 2)} == {"stored"}


def test_sitemap_indexes_that_name_each_other_end(server: Server, tmp_path: Path) -> None:
    base = server.listen()

    def index(*children: str) -> Reply:
        inner = "".join(f"<sitemap><loc>{base}{child}</loc></sitemap>" for child in children)
        return Reply(f"<sitemapindex>{inner}</sitemapindex>".encode(), type="application/xml")

    server.routes["/a.xml"] = index("/b.xml", "/a.xml", "/pages.xml.gz")
    server.routes["/b.xml"] = index("/a.xml", "/b.xml")
    server.routes["/pages.xml.gz"] = Reply(gzip.compress(sitemap(f"{base}/1").body), type="application/x-gzip")
    server.routes["/1"] = Reply(PAGE)
    answer = acquire(tmp_path, Source(name="s", kind="sitemap", url=f"{base}/a.xml", delay=0))
    assert answer.outcomes == {f"{base}/1": "stored"}
    assert all(server.paths().count(path) == 1 for path in ("/a.xml", "/b.xml", "/pages.xml.gz"))


# --- pages that are none -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "field"),
    [
        (Reply.redirect("/"), b"Klartext-Suspect: soft_404"),
        (Reply.redirect("/consent?from=x"), b"Klartext-Suspect: consent_wall"),
        (Reply.html("404 - Seite nicht gefunden"), b"Klartext-Suspect: soft_404"),
        (Reply.html("Page not found | Morgenblatt"), b"Klartext-Suspect: soft_404"),
        (Reply.html("404 Helfer kamen nach Köln"), b""),
        (Reply.html("Page not found in history: the lost diary"), b""),
        (Reply.redirect("/news/a-better-address"), b""),
    ],
    ids=["front page", "consent page", "title 404", "title not found", "404 helpers", "a story", "moved"],
)
def test_soft_404_and_consent_walls_are_marked(server: Server, tmp_path: Path, reply: Reply, field: bytes) -> None:
    base = server.listen()
    server.routes["*"] = Reply(PAGE)
    server.routes["/news/bruecke"] = reply
    answer = acquire(tmp_path, urls(f"{base}/news/bruecke"))
    written = b"".join(gzip.decompress(Path(path).read_bytes()) for path in answer.files)
    assert (b"Klartext-Suspect" in written) == bool(field)
    assert field in written


OPT_OUTS: list[tuple[dict[str, Any], bytes]] = [
    ({"headers": {"X-Robots-Tag": "noai, noimageai"}}, b"noai, noimageai"),
    ({"headers": {"X-Robots-Tag": "otherbot: noindex"}}, b""),
    ({"headers": {"X-Robots-Tag": "klartext: noindex"}}, b"noindex"),
    ({"headers": {"TDM-Reservation": "1"}}, b"tdm-reservation"),
    ({"head": '<meta name="robots" content="noindex,noai">'}, b"noai, noindex"),
    ({"head": "<META NAME=tdm-reservation CONTENT=1>"}, b"tdm-reservation"),
    ({"tdmrep": b'[{"location": "/news/*", "tdm-reservation": 1}]'}, b"tdm-reservation"),
    ({"tdmrep": b'[{"location": "/", "tdm-reservation": 1}, {"location": "/news/", "tdm-reservation": 0}]'}, b""),
    ({"tdmrep": b"no json"}, b""),
]


@pytest.mark.parametrize("policy", ["record", "skip"])
@pytest.mark.parametrize(("said", "expected"), OPT_OUTS, ids=[str(n) for n in range(len(OPT_OUTS))])
def test_opt_outs_are_recorded_or_obeyed(
    server: Server, tmp_path: Path, said: dict[str, Any], expected: bytes, policy: Any
) -> None:
    base = server.listen()
    body = PAGE.replace(b"</head>", said.get("head", "").encode() + b"</head>")
    server.routes["/news/1"] = Reply(body, headers=said.get("headers", {}))
    if "tdmrep" in said:
        server.routes["/.well-known/tdmrep.json"] = Reply(said["tdmrep"], type="application/json")
    answer = acquire(tmp_path, urls(f"{base}/news/1"), tdmrep=True, opt_outs=policy)
    written = b"".join(gzip.decompress(Path(path).read_bytes()) for path in answer.files)
    if policy == "skip" and expected:
        assert answer.outcomes == {f"{base}/news/1": "excluded"} and not written
    else:
        assert answer.outcomes == {f"{base}/news/1": "stored"}
        assert (b"Klartext-Opt-Outs: " + expected + b"\r\n" in written) == bool(expected)


def test_every_url_has_one_outcome_among_many_faults(server: Server, tmp_path: Path) -> None:
    hosts = [server.listen(f"127.0.1.{n}") for n in range(1, 11)]
    replies = [reply for reply, outcome in BODIES.values() if outcome not in ("timeout", "too_large")]

    def answer_for(asked: Asked) -> Reply:
        return replies[hash(asked.path) % len(replies)] if asked.path.startswith("/p") else Reply(status=404)

    server.routes["*"] = answer_for
    links = [f"{host}/p{n}" for host in hosts for n in range(20)]
    state = MemoryState()
    answer = acquire(tmp_path, urls(*links), state=state, retries=1)
    assert set(answer.outcomes) == set(links)
    assert sorted(visit.url for visit in state.log) == sorted(links)
    assert answer.count("asked") == sum(
        answer.count(kind) for kind in ("stored", "not_modified", "skipped", "failed")
    )
