"""Acquiring without a server: sources, addresses, content codings, feeds, plans, landing files."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import time
import zlib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import brotli
import pytest
import zstandard
from fastwarc.warc import ArchiveIterator
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.acquire.decode import CHUNK, DecodeError, Decoder, TooMuchError
from etl.acquire.entries import Entry, NoFeedError, SitemapParser, parse_feed, parse_moment
from etl.acquire.fetch import Exchange, retry_after
from etl.acquire.guard import BadUrlError, Guard, request_url
from etl.acquire.hosts import Host, HostBusyError, Hosts
from etl.acquire.landing import Adopted, Landing, Note, WarcFile
from etl.acquire.manage import append
from etl.acquire.outcomes import FAILED, OUTCOMES, SKIPPED
from etl.acquire.plan import is_due, next_interval, next_visit
from etl.acquire.robots import product_token, tdm_reserved
from etl.acquire.settings import AcquireSettings, read_acquire_settings
from etl.acquire.sources import (
    Source,
    folder_paths,
    landed_files,
    landing_dir,
    load_config,
    load_sources,
)
from etl.acquire.state import MemoryState, Page, StateThread
from etl.errors import ConfigurationError
from etl.payload import looks_like_html
from etl.text import strip_credentials

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)

# --- sources.toml --------------------------------------------------------------------------------------------------

HEAD = '[[source]]\nname = "a"\nkind = "feed"\nurl = "https://a.example/feed"\n'
CCNEWS = '[[source]]\nname = "c"\nkind = "ccnews"\n'


def test_the_example_file_is_valid_and_uses_every_key() -> None:
    path = Path(__file__).resolve().parents[2] / "sources.example.toml"
    assert {source.kind for source in load_sources(path)} == {"feed", "sitemap", "urls", "folder", "ccnews"}
    text = path.read_text()
    assert [key for key in Source.model_fields if f"{key} =" not in text] == []


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("x = [", "", "not valid TOML"),
        ('[[source]]\nkind = "feed"\nurl = "https://a.example/"\n', "line 1, key name", "missing"),
        (HEAD + 'kinds = "x"\n', "line 5, key kinds", "did you mean 'kind'"),
        (HEAD + "delay = -1\n", "line 5, key delay", "greater than or equal to 0"),
        (HEAD + 'every = "soon"\n', "line 5, key every", "'15m'"),
        (HEAD + 'exclude = ["("]\n', "line 5, key exclude", "regular expression"),
        (HEAD + "\n" + HEAD, "line 7, key name", "there twice"),
        (HEAD + '[[source]]\nname = "b"\nkind = "sitemap"\n', "line 5, key url", "needs 'url' or 'urls'"),
        (HEAD.replace("https:", "ftp:"), "line 4, key url", "no http or https URL"),
        (HEAD.replace('"a"', '"../a"'), "line 2, key name", "letters, digits"),
        (HEAD + 'user_agent = "x\\r\\nHost: y"\n', "line 5, key user_agent", "one line"),
        ("allow_private = 3\n", "line 1, key allow_private", ""),
        (CCNEWS + "since = 2026-02-01\nuntil = 2026-01-01\n", "line 4, key since", "after"),
    ],
)  # fmt: skip
def test_a_wrong_sources_file_is_told_with_file_line_and_key(
    tmp_path: Path, text: str, where: str, what: str
) -> None:
    path = tmp_path / "sources.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as error:
        load_config(path)
    assert str(path) in error.value.message and where in error.value.message and what in error.value.message
    assert error.value.fix


def test_passwords_are_in_no_message(tmp_path: Path) -> None:
    path = tmp_path / "sources.toml"
    path.write_text(HEAD.replace("https://", "ftp://leser:geheim@"))
    with pytest.raises(ConfigurationError) as error:
        load_config(path)
    assert "geheim" not in error.value.message


def test_include_and_exclude() -> None:
    source = Source(
        name="a", kind="feed", url="https://a.example/", include=("/news/",), exclude=("*/video/*", r"\?print=1$")
    )
    assert source.excluded_by("https://a.example/news/1") is None
    assert source.excluded_by("https://a.example/about") == "no include pattern matches"
    assert source.excluded_by("https://a.example/news/video/1") == "exclude '*/video/*'"
    assert source.excluded_by("https://a.example/news/1?print=1") is not None
    assert source.excluded_by("https://a.example/news/1?print=12") is None


def test_folders_by_day(tmp_path: Path) -> None:
    for name in ("2026/10-01/a.jsonl", "2026/10-01/b.jsonl", "2026/10-02/c.jsonl", "other/d.jsonl"):
        (tmp_path / "dumps" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "dumps" / name).touch()
    (tmp_path / "sources.toml").write_text(
        '[[source]]\nname = "d"\nkind = "folder"\npath = "dumps/{date:%Y/%m-%d}/*.jsonl"\n'
        '[[source]]\nname = "e"\nkind = "folder"\npath = "dumps/other"\n'
    )
    dated, plain = load_sources(tmp_path / "sources.toml")
    assert [path.name for path in folder_paths(dated, date(2026, 10, 1))] == ["a.jsonl", "b.jsonl"]
    assert [path.name for path in folder_paths(dated, None)] == ["a.jsonl", "b.jsonl", "c.jsonl"]
    assert folder_paths(dated, date(2026, 10, 3)) == []
    assert [path.name for path in folder_paths(plain, None)] == ["other"]
    assert folder_paths(plain, date(2026, 10, 1)) == []


def test_landed_files_are_the_finished_ones(tmp_path: Path) -> None:
    assert landed_files(tmp_path / "nowhere") == []
    folder = Path(landing_dir(tmp_path, date(2026, 10, 1), "blatt"))
    folder.mkdir(parents=True)
    for name in ("b.warc.gz", "a.warc.gz", ".c.warc.gz.part", "notes.txt"):
        (folder / name).touch()
    assert [Path(path).name for path in landed_files(tmp_path)] == ["a.warc.gz", "b.warc.gz"]
    assert len(landed_files(tmp_path, date(2026, 10, 1))) == 2
    assert landed_files(tmp_path, date(2026, 10, 2)) == []


def test_adding_an_entry_leaves_the_file_as_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "sources.toml"
    path.write_text("# mine\n" + HEAD.rstrip("\n"))
    append(path, {"name": "b", "kind": "feed", "url": "https://b.example/feed"})
    assert path.read_text().startswith("# mine\n" + HEAD)
    assert [source.name for source in load_sources(path)] == ["a", "b"]


@pytest.mark.parametrize(
    ("url", "bare"),
    [
        ("https://u:p@a.example/x@y", "https://a.example/x@y"),
        ("https://u@a.example", "https://a.example"),
        ("https://u:p@x@a.example/?q=1", "https://a.example/?q=1"),
        ("https://a.example/?mail=a@b", "https://a.example/?mail=a@b"),
        ("mailto:a@b.example", "mailto:a@b.example"),
    ],
)
def test_credentials_are_stripped(url: str, bare: str) -> None:
    assert strip_credentials(url) == bare


# --- settings ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [("true", True), ("0", False), ("", None), ("127.0.0.0/8, 10.1.2.3", ("127.0.0.0/8", "10.1.2.3/32"))],
)
def test_allow_private(monkeypatch: pytest.MonkeyPatch, value: str, expected: object) -> None:
    monkeypatch.setenv("KLARTEXT_ACQUIRE_ALLOW_PRIVATE", value)
    allowed = read_acquire_settings().allow_private
    assert (tuple(map(str, allowed)) if isinstance(allowed, tuple) else allowed) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [("MAX_BYTES", "much"), ("ALLOW_PRIVATE", "10.0.0.0/99"), ("RETRIES", "-1"), ("CONTACT", "x\r\ny")],
)
def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"KLARTEXT_ACQUIRE_{name}", value)
    with pytest.raises(ConfigurationError, match=f"KLARTEXT_ACQUIRE_{name}"):
        read_acquire_settings()


def test_outcomes_are_those_of_the_interface() -> None:
    assert len(OUTCOMES) == 18
    assert {"stored", "not_modified"} | SKIPPED | FAILED == set(OUTCOMES)


# --- addresses -----------------------------------------------------------------------------------------------------

PRIVATE = "10.0.0.1 127.0.0.1 172.31.255.255 192.168.0.1 100.64.0.1 ::1 fd00::1 ::ffff:10.0.0.1".split()
SPECIAL = (
    "0.0.0.0 169.254.1.1 192.0.0.8 192.0.2.1 198.18.0.1 203.0.113.1 224.0.0.1 239.1.1.1 240.0.0.1 255.255.255.255 "
    ":: ::127.0.0.1 64:ff9b::7f00:1 64:ff9b:1::1 100::1 2001::1 2001:db8::1 2002:7f00:1:: fe80::1 fe80::1%eth0 "
    "fec0::1 ff02::1 ::ffff:169.254.1.1 no-address"
).split()
METADATA = "169.254.169.254 fd00:ec2::254 100.100.100.200 ::ffff:169.254.169.254".split()
PUBLIC = "8.8.8.8 93.184.215.14 2606:4700::1111 ::ffff:8.8.8.8".split()


@pytest.mark.parametrize("address", PRIVATE + SPECIAL + METADATA)
def test_addresses_that_are_not_public_are_refused(address: str) -> None:
    assert Guard().refuse(address) is not None


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_not(address: str) -> None:
    assert Guard().refuse(address) is None


def test_allow_private_opens_intranets_and_nothing_else() -> None:
    guard = Guard(True)
    assert [address for address in PRIVATE if guard.refuse(address)] == []
    assert [address for address in SPECIAL + METADATA if guard.refuse(address) is None] == []


def test_networks_that_are_listed_are_the_only_ones() -> None:
    import ipaddress

    guard = Guard([ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("169.254.0.0/16")])
    assert guard.refuse("127.9.9.9") is None and guard.refuse("::ffff:127.0.0.1") is None
    assert guard.refuse("169.254.1.1") is None
    assert guard.refuse("10.0.0.1") and guard.refuse("::1") and guard.refuse("169.254.169.254")


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("HTTP://Example.ORG", "http://example.org/"),
        ("https://example.org:443/a?b#c", "https://example.org/a?b"),
        ("http://user:pass@example.org/", "http://example.org/"),
        ("http://bücher.example/straße?q=ü", "http://xn--bcher-kva.example/stra%C3%9Fe?q=%C3%BC"),
        ("http://example.org/%7Ea%2Fb%zz", "http://example.org/%7Ea%2Fb%zz"),
        ("  http://example.org/a b\n", "http://example.org/a%20b"),
        ("http://2130706433/", "http://127.0.0.1/"),
        ("http://0x7f.1/", "http://127.0.0.1/"),
        ("http://example.org\\@127.0.0.1/", "http://example.org/@127.0.0.1/"),
        ("http://[::FFFF:127.0.0.1]:8080/", "http://[::ffff:7f00:1]:8080/"),
    ],
)
def test_request_urls(url: str, asked: str) -> None:
    assert request_url(url) == asked
    assert request_url(asked) == asked


NO_URLS = ["", "x", "//a/b", "file:///etc/passwd", "http://", "http://a:99999/", "http://[::1", "http://1.2.3.4.5/"]


@pytest.mark.parametrize("url", [*NO_URLS, "http://a b/"])
def test_what_is_no_web_address(url: str) -> None:
    with pytest.raises(BadUrlError):
        request_url(url)


@given(st.text(max_size=60))
def test_any_text_is_an_ascii_url_or_refused(text: str) -> None:
    for candidate in (text, f"http://{text}", f"http://example.org/{text}"):
        try:
            url = request_url(candidate)
        except BadUrlError:
            continue
        assert url.isascii() and " " not in url and url.startswith(("http://", "https://"))
        assert request_url(url) == url


# --- content codings -----------------------------------------------------------------------------------------------


def _raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


CODINGS = {
    "gzip": gzip.compress,
    "x-gzip": lambda data: gzip.compress(data[:7]) + gzip.compress(data[7:]) + b"\0\0\0",
    "deflate": zlib.compress,
    "deflate ": _raw_deflate,
    "br": brotli.compress,
    "zstd": lambda data: zstandard.compress(data[:9]) + zstandard.compress(data[9:]),
    "gzip, br": lambda data: brotli.compress(gzip.compress(data)),
    "": lambda data: data,
}


@pytest.mark.parametrize("coding", CODINGS, ids=repr)
@given(
    data=st.one_of(st.binary(min_size=1, max_size=3000), st.integers(CHUNK - 2, 3 * CHUNK).map(lambda n: b"ab" * n)),
    step=st.integers(1, 5000),
)
@settings(max_examples=30, deadline=None)
def test_bodies_come_out_as_they_went_in(coding: str, data: bytes, step: int) -> None:
    packed = CODINGS[coding](data)
    step = max(step, len(packed) // 500 + 1)
    decoder = Decoder(coding, 1 << 24)
    out = b"".join(piece for n in range(0, len(packed), step) for piece in decoder.feed(packed[n : n + step]))
    decoder.finish()
    assert out == data and decoder.size == len(data)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_a_body_that_is_cut_or_damaged_or_too_large(coding: str) -> None:
    packed = CODINGS[coding](b"Ein Satz. " * 100_000)
    with pytest.raises(DecodeError):
        decoder = Decoder(coding, 1 << 24)
        list(decoder.feed(packed[:-3]))
        decoder.finish()
    with pytest.raises(DecodeError):
        decoder = Decoder(coding, 1 << 24)
        list(decoder.feed(b"<html>no such coding</html>" * 9))
        decoder.finish()
    with pytest.raises(TooMuchError):
        list(Decoder(coding, 10_000).feed(packed))


@pytest.mark.parametrize("header", ["rot13", "gzip, gzip, gzip, gzip"])
def test_unknown_codings(header: str) -> None:
    with pytest.raises(DecodeError):
        Decoder(header, 100)


# --- feeds and sitemaps --------------------------------------------------------------------------------------------


def test_rss_hints() -> None:
    body = """<?xml version="1.0"?><rss version="2.0"><channel><title>Morgenblatt</title><language>de-AT</language>
      <item><title>Br&#252;cke &amp; Fluss</title><link>/news/1?a=1&amp;b=2</link>
      <pubDate>Mon, 02 Nov 2026 07:10:00 +0100</pubDate><author>Jule Harms</author>
      <guid isPermaLink="false">id-1</guid></item>
      <item><guid>https://leser:pw@a.example/2</guid></item>
      <item><title>without a link</title></item></channel></rss>"""
    first, second = parse_feed(body.encode(), "https://a.example/feed.xml", "text/xml")
    assert first.url == "https://a.example/news/1?a=1&b=2"
    assert first.hints == {
        "title": "Brücke & Fluss",
        "authors": ["Jule Harms"],
        "published": "Mon, 02 Nov 2026 07:10:00 +0100",
        "language": "de-AT",
        "publisher": "Morgenblatt",
        "guid": "id-1",
    }
    assert second.url == "https://a.example/2" and "pw" not in repr(second)


RSS_ITEM = "<item><title>Brücke &amp; Fluss</title><link>https://a.example/1</link>{more}</item>"
RSS_VERSIONS = {
    "0.91": '<rss version="0.91"><channel><title>A</title><language>de</language>{item}</channel></rss>',
    "0.92": '<rss version="0.92"><channel><title>A</title><language>de</language>{item}</channel></rss>',
    "2.0 without a version": "<rss><channel><title>A</title><language>de</language>{item}</channel></rss>",
    "1.0 (RDF)": (
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/"><channel rdf:about="https://a.example/"><title>A</title>'
        "<dc:language>de</dc:language></channel>{item}</rdf:RDF>"
    ),
    "0.90 (RDF)": (
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://my.netscape.com/rdf/simple/0.9/">'
        "<channel><title>A</title></channel>{item}</rdf:RDF>"
    ),
}


@pytest.mark.parametrize("frame", RSS_VERSIONS.values(), ids=RSS_VERSIONS.keys())
def test_every_rss_version(frame: str) -> None:
    more = "<dc:date>2026-11-02T07:10:00+01:00</dc:date>" if "dc:" in frame else ""
    body = '<?xml version="1.0" encoding="utf-8"?>' + frame.replace("{item}", RSS_ITEM.format(more=more))
    [entry] = parse_feed(body.encode(), "https://a.example/feed", "application/xml")
    assert entry.url == "https://a.example/1" and entry.hints["title"] == "Brücke & Fluss"
    assert entry.hints["publisher"] == "A"
    assert entry.hints.get("language") == ("de" if "language" in frame else None)
    assert entry.hints.get("published") == ("2026-11-02T07:10:00+01:00" if more else None)


def test_atom_hints() -> None:
    body = b"""<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://b.example/" xml:lang="en"><title>B</title>
      <entry><title>X</title><link rel="alternate" href="post/1"/><updated>2026-11-02T07:10:00+01:00</updated>
      <published>2026-11-01T00:00:00Z</published><author><name>Jo</name></author><id>urn:1</id></entry></feed>"""
    [entry] = parse_feed(body, "https://a.example/feed.xml")
    assert entry.url == "https://b.example/post/1"
    assert entry.hints["published"] == "2026-11-01T00:00:00Z" and entry.hints["authors"] == ["Jo"]
    assert entry.changed == datetime(2026, 11, 2, 6, 10, tzinfo=UTC)


@pytest.mark.parametrize("body", [b"", b"{}", b"<html><body>x</body></html>", b"\x89PNG", b"<a><b></a>"])
def test_what_is_no_feed(body: bytes) -> None:
    with pytest.raises(NoFeedError):
        parse_feed(body, "https://a.example/")


def _sitemap(body: bytes, step: int = 7) -> tuple[list[Entry], list[str], str | None]:
    entries: list[Entry] = []
    children: list[str] = []
    parser = SitemapParser("https://a.example/map.xml", entries.append, lambda child: children.append(child.url))
    for start in range(0, len(body), step):
        parser.feed(body[start : start + step])
    parser.close()
    return entries, children, parser.problem


NEWS = b"""<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"
  xmlns:n="http://www.google.com/schemas/sitemap-news/0.9" xmlns:i="http://www.google.com/schemas/sitemap-image/1.1">
  <url><loc> https://a.example/1?x=1&amp;y=2 </loc><lastmod>2026-11-02T07:10:00+01:00</lastmod>
    <i:image><i:loc>https://a.example/1.jpg</i:loc><i:title>A picture</i:title></i:image>
    <n:news><n:publication><n:name>Blatt</n:name><n:language>de</n:language></n:publication>
    <n:publication_date>2026-11-01</n:publication_date><n:title>Titel</n:title></n:news></url>
  <url><loc>/2</loc></url><url></url></urlset>"""


@pytest.mark.parametrize("pack", [lambda b: b, gzip.compress], ids=["plain", "gz"])
def test_news_sitemap(pack: object) -> None:
    entries, _, problem = _sitemap(pack(NEWS))  # type: ignore[operator]
    assert [entry.url for entry in entries] == ["https://a.example/1?x=1&y=2", "https://a.example/2"]
    assert entries[0].hints == {
        "title": "Titel",
        "published": "2026-11-01",
        "modified": "2026-11-02T07:10:00+01:00",
        "publisher": "Blatt",
        "language": "de",
    }
    assert entries[0].changed == datetime(2026, 11, 2, 6, 10, tzinfo=UTC)
    assert problem is None


def test_broken_sitemaps_give_what_stands_before_the_fault() -> None:
    entries, _, problem = _sitemap(NEWS[: NEWS.index(b"<url></url>")])
    assert len(entries) == 2 and problem
    entries, _, problem = _sitemap(gzip.compress(NEWS)[:-12])
    assert len(entries) == 2 and problem


def test_sitemap_of_lines_and_index() -> None:
    assert [e.url for e in _sitemap(b"\xef\xbb\xbfhttps://a.example/1\r\nhttps://a.example/2")[0]] == [
        "https://a.example/1",
        "https://a.example/2",
    ]
    index = b"<sitemapindex><sitemap><loc>/a.xml</loc><lastmod>2026</lastmod></sitemap></sitemapindex>"
    assert _sitemap(index)[1] == ["https://a.example/a.xml"]


@pytest.mark.parametrize(
    "body", [b"", b"hello", b"<html></html>", b"<rss/>", gzip.compress(b"<urlset>" + b" " * 9**7)]
)
def test_what_is_no_sitemap(body: bytes) -> None:
    with pytest.raises(NoFeedError):
        _sitemap(body, 4096)


def test_moments() -> None:
    assert parse_moment("2026-11-02") == datetime(2026, 11, 2, tzinfo=UTC)
    assert parse_moment("2026-11-02T07:10+01:00") == datetime(2026, 11, 2, 6, 10, tzinfo=UTC)
    assert parse_moment("yesterday") is None and parse_moment(None) is None
    assert parse_moment("0001-01-01T00:00+12:00") is None


# --- headers, robots -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "date_header", "seconds"),
    [
        ("120", None, 120),
        ("-5", None, None),
        ("soon", None, None),
        ("Mon, 02 Nov 2026 12:02:00 GMT", "Mon, 02 Nov 2026 12:00:00 GMT", 120),
        ("Mon, 02 Nov 2026 11:00:00 GMT", "Mon, 02 Nov 2026 12:00:00 GMT", 0),
        ("120, 240", None, 120),
        (None, None, None),
    ],
)
def test_retry_after(value: str | None, date_header: str | None, seconds: float | None) -> None:
    assert retry_after(value, date_header) == seconds


def test_product_token() -> None:
    assert product_token(AcquireSettings(contact="https://example.org/bot").agent) == "klartext"
    assert product_token("NewsBot/2.0 (+mailto:a@b.example)") == "NewsBot"


@pytest.mark.parametrize(
    ("rules", "path", "reserved"),
    [
        (b'[{"location": "/", "tdm-reservation": 1}]', "/a", True),
        (b'[{"location": "/news/*", "tdm-reservation": 1}]', "/sport/1", False),
        (
            b'[{"location": "/", "tdm-reservation": 1}, {"location": "/free/", "tdm-reservation": 0}]',
            "/free/1",
            False,
        ),
        (b'[{"location": "/*.pdf$", "tdm-reservation": "1"}]', "/a.pdf?x", False),
        (b'{"location": "/", "tdm-reservation": 1}', "/a", True),
        (b"[[[", "/a", False),
        (b'[{"location": 3}, 7]', "/a", False),
    ],
)
def test_tdmrep(rules: bytes, path: str, reserved: bool) -> None:
    assert tdm_reserved(rules, path) is reserved


# --- plans ---------------------------------------------------------------------------------------------------------


def test_an_article_is_visited_often_while_young_and_then_no_more() -> None:
    plan = AcquireSettings()
    page = Page(etag='"x"', first_stored_at=NOW, stored_at=NOW, asked_at=NOW)
    visits = [NOW]
    moment = NOW
    while moment < NOW + timedelta(days=60):  # looked at every quarter of an hour
        moment += timedelta(minutes=15)
        if is_due(page, None, moment, plan):
            visits.append(moment)
            page = Page(etag='"x"', first_stored_at=NOW, stored_at=NOW, asked_at=moment, last_outcome="not_modified")
    gaps = [b - a for a, b in itertools.pairwise(visits)]
    assert gaps == sorted(gaps)
    assert 10 <= len(visits) <= 25
    assert visits[-1] - NOW <= plan.revisit_for + timedelta(minutes=15)


def test_without_a_validator_it_is_an_hour_at_least() -> None:
    page = Page(first_stored_at=NOW, stored_at=NOW, asked_at=NOW)
    assert next_visit(page, AcquireSettings()) == NOW + timedelta(hours=1)


def test_a_newer_date_in_the_feed_makes_it_due() -> None:
    old = NOW - timedelta(days=100)
    page = Page(etag='"x"', first_stored_at=old, stored_at=old, asked_at=old)
    assert not is_due(page, None, NOW, AcquireSettings())
    assert is_due(page, NOW - timedelta(hours=1), NOW, AcquireSettings())
    assert not is_due(page, NOW + timedelta(days=1), NOW, AcquireSettings())  # the feed's clock is wrong


def test_failures_are_tried_again_ever_more_rarely() -> None:
    pauses = []
    for failures in range(1, 20):
        page = Page(asked_at=NOW, failures=failures, last_outcome="http_5xx")
        due = next_visit(page, AcquireSettings())
        assert due is not None
        pauses.append(due - NOW)
    assert pauses[0] == timedelta(0) and pauses == sorted(pauses) and pauses[-1] == timedelta(days=7)


def test_sources_that_bring_nothing_new_are_looked_at_less_often() -> None:
    every = timedelta(hours=1)
    seconds = 0.0
    for _ in range(20):
        seconds = next_interval(every, seconds, news=False)
    assert seconds == 6 * 3600
    assert next_interval(every, seconds, news=True) == 3600


# --- turns ---------------------------------------------------------------------------------------------------------


def test_turns_are_one_at_a_time_and_apart() -> None:
    async def run() -> list[tuple[float, float]]:
        state = StateThread(MemoryState())
        loop = asyncio.get_running_loop()
        spans = []

        async def nothing(_: Host) -> tuple[str, ...]:
            return ()

        hosts = Hosts(state, slots=8, patience=5, before_release=nothing)

        async def ask(delay: float) -> None:
            async with hosts.turn("a.example", delay) as host:
                begin = loop.time()
                hosts.answered(host)
                await asyncio.sleep(0.01)
                spans.append((begin, loop.time()))

        await asyncio.gather(*(ask(0.05) for _ in range(4)), *(ask(0.0) for _ in range(2)))
        await hosts.close()
        state.close()
        return spans

    spans = asyncio.run(run())
    assert all(after[0] - before[0] >= 0.05 for before, after in itertools.pairwise(spans))


def test_a_host_that_wants_to_be_left_alone_is() -> None:
    async def run() -> None:
        memory = MemoryState()
        memory.lock_host("a.example")
        memory.unlock_host("a.example", 3600)
        state = StateThread(memory)

        async def nothing(_: Host) -> tuple[str, ...]:
            return ()

        hosts = Hosts(state, slots=8, patience=5, before_release=nothing)
        with pytest.raises(HostBusyError):
            async with hosts.turn("a.example", 0):
                pass
        assert memory.lock_host("a.example") is not None  # it was given back
        state.close()

    asyncio.run(run())


# --- what a payload is ---------------------------------------------------------------------------------------------

DOCTYPE = b'<?xml version="1.0"?>\n<!-- x --><!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "x.dtd">'


@pytest.mark.parametrize(
    ("declared", "head", "page"),
    [
        ("text/plain", b"<!DOCTYPE html><html>", True),
        ("text/plain", b"\xef\xbb\xbf\n<!-- x --><HTML>", True),
        ("text/plain", "\ufeff<html>".encode("utf-16-le"), True),
        ("text/plain", b"The element <html> begins a page.", False),
        ("text/plain", b"<headline>", False),
        ("application/octet-stream", b"<head>", True),
        ("application/octet-stream", b"Warning: x\n<html>", False),
        ("", b"Warning: x\n<html>", True),
        ("", b"GIF89a", False),
        ("application/xml", DOCTYPE + b"\n<html xmlns='http://www.w3.org/1999/xhtml'>", True),
        ("application/xml", b"<x:html xmlns:x='http://www.w3.org/1999/xhtml'>", True),
        ("text/xml", b"<?xml version='1.0'?><rss>", False),
        ("text/xml", DOCTYPE + b"<rss>", False),
    ],
)
def test_html_is_told_by_its_first_bytes(declared: str, head: bytes, page: bool) -> None:
    assert looks_like_html(head, declared) is page


@pytest.mark.parametrize("unit", [b"<!--a-->", b"<!--", b"<?", b"<!doctype html [", b" \n<?x?>"], ids=repr)
def test_telling_html_takes_linear_time(unit: bytes) -> None:
    began = time.process_time()
    for declared in ("text/plain", "text/xml", ""):
        looks_like_html(unit * (1 << 16), declared)
    assert time.process_time() - began < 0.5


# --- landing files -------------------------------------------------------------------------------------------------


def _exchange(number: int, body: bytes = b"<html>x</html>") -> Exchange:
    return Exchange(
        url=f"http://a.example/{number}",
        at=NOW,
        request=(("Host", "a.example"),),
        status=200,
        reason="OK",
        version="1.1",
        headers=((b"Content-Type", b"text/html"), (b"ETag", b'"v%d"' % number), (b"X-Odd", "ä".encode("latin-1"))),
        wire=body,
        received=len(body),
        head=body,
        size=len(body),
        content_sha256=b"\1" * 32,
    )


def _landing(tmp_path: Path) -> Landing:
    return Landing(tmp_path, agent="klartext/test", largest=1 << 30, spool=tmp_path / "spool")


def test_hints_are_one_line_of_ascii(tmp_path: Path) -> None:
    landing = _landing(tmp_path)
    note = Note(source="blatt", hints={"title": "Brücke\r\nWARC-Type: hack"}, requested="http://a.example/0")
    landing.page([], _exchange(1), note)
    landing.finish()
    text = gzip.decompress(Path(landing.files[0]).read_bytes())
    assert b'Klartext-Hints: {"title": "Br\\u00fccke\\r\\nWARC-Type: hack"}\r\n' in text
    assert b"Klartext-Requested-URL: http://a.example/0\r\n" in text
    assert b"X-Odd: \xe4\r\n" in text


def test_what_a_killed_run_left_is_taken_over_after_its_last_whole_record(tmp_path: Path) -> None:
    landing = _landing(tmp_path)
    origins = [
        landing.page([], _exchange(n), Note(source="blatt", requested=f"http://a.example/{n}")) for n in range(3)
    ]
    landing.abandon()
    [part] = landing.leftovers()
    whole = part.read_bytes()
    for cut in (len(whole), len(whole) - 1, len(whole) - 200):
        part.parent.mkdir(exist_ok=True)
        part.write_bytes(whole[:cut])
        found: list[Adopted] = []
        _landing(tmp_path).recover(found.extend)
        assert [page.origin for page in found] == origins[: len(found)]
        assert len(found) == (3 if cut == len(whole) else 2)
        assert found[0].etag == '"v0"' and found[0].content_sha256 == b"\1" * 32 and found[0].at == NOW
        [done] = landed_files(tmp_path)
        with Path(done).open("rb") as file:
            assert all(record.verify_block_digest() for record in ArchiveIterator(file, parse_http=False))
        Path(done).unlink()


def test_a_file_that_is_being_written_is_left_alone(tmp_path: Path) -> None:
    file = WarcFile(tmp_path / "date=2026-11-02" / "source=a", "a", "klartext/test")
    file.page([], _exchange(1), Note(source="a"))
    _landing(tmp_path).recover(lambda pages: pytest.fail("taken over"))
    assert file.part.exists()
    file.finish()
    assert file.final.exists()


def test_nothing_written_leaves_no_file(tmp_path: Path) -> None:
    file = WarcFile(tmp_path, "a", "klartext/test")
    assert file.finish() is None
    assert list(tmp_path.iterdir()) == []
