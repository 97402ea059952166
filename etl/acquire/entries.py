"""What feeds and sitemaps list: URLs with the hints that came along."""

from __future__ import annotations

import calendar
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urljoin

import feedparser
from lxml import etree

from etl.text import strip_credentials

MAX_ENTRIES: Final = 5_000_000
# A sitemap of 50 MB, the protocol's limit, shrinks to no less than a few hundred kB; a bomb by a factor of 1,000.
MAX_GZIP_RATIO: Final = 200
_DOCTYPE: Final = re.compile(rb"<!DOCTYPE[^>\[]*\[.*?\]\s*>", re.IGNORECASE | re.DOTALL)
_MAX_HINT: Final = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One article URL, absolute and without credentials, with what was said about it.

    ``hints`` holds the keys of the landing zone's ``Klartext-Hints``: title, authors, published, modified,
    language, publisher, guid, country. ``changed`` is when the page is said to have changed last (UTC).
    """

    url: str
    hints: dict[str, Any] = field(default_factory=dict)
    changed: datetime | None = None


class NoFeedError(ValueError):
    """A document that is neither a feed nor a sitemap."""


def parse_moment(text: str | None) -> datetime | None:
    """A W3C date (``2026-11-02``, ``2026-11-02T07:10Z``) in UTC; one without zone is UTC."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text.strip().replace(" ", "T", 1))
    except ValueError:
        return None
    try:
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError:
        return None


def _clean(value: object) -> str | None:
    """A hint in one line, without markup's entities doubled and of bounded length."""
    if not isinstance(value, str):
        return None
    text = " ".join(value.split())[:_MAX_HINT]
    return text.encode("utf-8", "replace").decode().replace("\0", "") or None


_ONE_DATE: Final = frozenset({"rss090", "rss10"})


def parse_feed(body: bytes, url: str, content_type: str | None = None) -> list[Entry]:
    """The entries of an RSS (0.9x to 2.0) or Atom feed, in its order; broken XML is tolerated.

    Entities that the document defines itself are not expanded, and nothing is loaded from elsewhere.

    Args:
        body: decoded body.
        url: where it came from; relative links are taken from there.
        content_type: the header of the response; it may name the charset.

    Raises:
        NoFeedError: it is no feed.
    """
    if b"<!ENTITY" in body[:1_000_000]:
        body = _DOCTYPE.sub(b"", body, count=1)
    headers = {"content-location": url}
    if content_type:
        headers["content-type"] = content_type
    feed = feedparser.parse(body, response_headers=headers, sanitize_html=False, resolve_relative_uris=True)
    if not feed.get("version") and not feed.entries:
        kind = "an HTML page" if re.search(rb"<html|<!doctype html", body[:2000], re.IGNORECASE) else "no feed"
        raise NoFeedError(f"{kind}, not RSS or Atom" if kind != "no feed" else "neither RSS nor Atom")
    language = _clean(feed.feed.get("language"))
    publisher = _clean(feed.feed.get("title"))
    # RSS 1.0 has one date, dc:date, which feedparser takes for the date of a change.
    published = "updated" if feed.get("version") in _ONE_DATE else "published"
    found = []
    for item in feed.entries:
        link = item.get("link") or next(
            (link.get("href") for link in item.get("links", ()) if link.get("href")), None
        )
        guid = item.get("id")
        if not link and isinstance(guid, str) and re.match(r"https?://", guid):
            link = guid
        if not isinstance(link, str) or not link.strip():
            continue
        authors = [name for name in (_clean(a.get("name")) for a in item.get("authors", ())) if name]
        hints = {
            "title": _clean(item.get("title")),
            "authors": authors or [name for name in [_clean(item.get("author"))] if name],
            "published": _clean(item.get(published) if published in item else None),
            "modified": _clean(item.get("updated") if "updated" in item and published != "updated" else None),
            "language": _clean((item.get("title_detail") or {}).get("language")) or language,
            "publisher": publisher,
            "guid": strip_credentials(_clean(guid) or ""),
        }
        found.append(
            Entry(
                url=_absolute(url, link),
                hints={key: value for key, value in hints.items() if value},
                changed=_from_struct(item.get("updated_parsed") if "updated" in item else None),
            )
        )
    return found


def _absolute(base: str, link: str) -> str:
    # feedparser takes the empty authority out of file:///path
    link = re.sub(r"^file://(?=[^/])", "file:///", link.strip())
    if link.startswith(("https://", "http://")):
        return strip_credentials(link)
    try:
        return strip_credentials(urljoin(base, link))
    except ValueError:
        return strip_credentials(link)


def _from_struct(value: Any) -> datetime | None:
    try:
        return datetime.fromtimestamp(calendar.timegm(value), UTC) if value else None
    except (TypeError, ValueError, OverflowError):
        return None


@dataclass(frozen=True, slots=True)
class Child:
    """A sitemap that a sitemap index names."""

    url: str
    changed: datetime | None


class SitemapParser:
    """Reads a sitemap while it comes in, and gives each URL to a callback: memory doesn't grow with the map.

    XML (sitemaps.org 0.9 with the news extension), a sitemap index, one URL a line, and each of these gzipped.
    Broken XML gives what stands before the fault. Neither entities nor external files are loaded.

    Args:
        url: where it came from.
        on_entry: is given each article URL.
        on_child: is given each sitemap of an index.
    """

    def __init__(self, url: str, on_entry: Callable[[Entry], None], on_child: Callable[[Child], None]) -> None:
        self._url = url
        self._on_entry = on_entry
        self._on_child = on_child
        self._begun = b""
        self._gzip: Any = None
        self._plain: bool | None = None  # one URL a line
        self._line = b""
        self._sizes = [0, 0]
        self._parser: etree.XMLPullParser | None = None
        self._depth = 0
        self._root: str | None = None
        self.entries = 0
        self.problem: str | None = None

    def feed(self, data: bytes) -> None:
        """The next bytes of the (decoded) body.

        Raises:
            NoFeedError: it is no sitemap, or a gzip bomb.
        """
        if self._gzip is None and self._plain is None and self._parser is None:
            self._begun += data
            if len(self._begun) < 2:
                return
            data, self._begun = self._begun, b""
            if data.startswith(b"\x1f\x8b"):
                self._gzip = zlib.decompressobj(31)
        if self._gzip is None:
            self._text(data)
            return
        self._sizes[0] += len(data)
        while data:
            try:
                out = self._gzip.decompress(data, 64 * 1024)
            except zlib.error as error:
                self.problem = f"gzip: {error}"
                return
            self._sizes[1] += len(out)
            if self._sizes[1] > 1_000_000 and self._sizes[1] > MAX_GZIP_RATIO * self._sizes[0]:
                raise NoFeedError("the gzip file expands more than a sitemap does")
            self._text(out)
            data = self._gzip.unconsumed_tail
            if self._gzip.eof:
                data = self._gzip.unused_data if self._gzip.unused_data.startswith(b"\x1f\x8b") else b""
                self._gzip = zlib.decompressobj(31) if data else self._gzip

    def _text(self, data: bytes) -> None:
        if self._plain is None and self._parser is None:
            self._begun += data
            start = self._begun.removeprefix(b"\xef\xbb\xbf").lstrip()
            if not start:
                return
            data, self._begun = start, b""
            if start[:1] == b"<" or start[:2] in (b"\xff\xfe", b"\xfe\xff"):
                self._parser = etree.XMLPullParser(
                    events=("start", "end"),
                    tag=("{*}urlset", "{*}sitemapindex", "{*}url", "{*}sitemap"),
                    recover=True,
                    resolve_entities=False,
                    no_network=True,
                    load_dtd=False,
                    huge_tree=False,
                    remove_comments=True,
                    remove_pis=True,
                )
            else:
                self._plain = True
        if self._plain:
            *lines, self._line = (self._line + data).split(b"\n")
            if len(self._line) > 64 * 1024:
                raise NoFeedError("no sitemap: a line of more than 64 KiB")
            for line in lines:
                self._add_line(line)
            return
        if self._parser is None or self.problem is not None:
            return
        try:
            self._parser.feed(data)
            self._events()
        except etree.XMLSyntaxError as error:
            self.problem = f"XML: {error.msg}"

    def _add_line(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace").strip()
        if re.match(r"https?://", text, re.IGNORECASE):
            self._add(Entry(url=strip_credentials(text)))
        elif text and not self.entries:
            raise NoFeedError("no sitemap: neither XML nor one URL a line")

    def _add(self, entry: Entry) -> None:
        self.entries += 1
        if self.entries > MAX_ENTRIES:
            raise NoFeedError(f"more than {MAX_ENTRIES} URLs")
        self._on_entry(entry)

    def _events(self) -> None:
        assert self._parser is not None  # noqa: S101 - the caller looked
        element: Any
        for event, element in self._parser.read_events():
            name = element.tag.rpartition("}")[2]
            if event == "start":
                self._root = self._root or name
                continue
            if name == "url":
                self._url_element(element)
            elif name == "sitemap":
                location = _child_text(element, "loc")
                if location:
                    self._on_child(
                        Child(_absolute(self._url, location), parse_moment(_child_text(element, "lastmod")))
                    )
            else:
                continue
            element.clear()
            parent = element.getparent()
            while parent is not None and element.getprevious() is not None:
                del parent[0]

    def _url_element(self, element: Any) -> None:
        said: dict[str, str] = {}
        for part in element.iter():
            text = part.text
            if text and isinstance(part.tag, str):
                space, _, name = part.tag.rpartition("}")
                kind = next((word for word in ("news", "image", "video", "xhtml") if word in space), "")
                said.setdefault(f"{kind}:{name}" if kind else name, text)
        location = _clean(said.get("loc"))
        if not location:
            return
        hints: dict[str, Any] = {
            "title": _clean(said.get("news:title")),
            "published": _clean(said.get("news:publication_date")),
            "modified": _clean(said.get("lastmod")),
            "publisher": _clean(said.get("news:name")),
            "language": _clean(said.get("news:language")),
        }
        self._add(
            Entry(
                url=_absolute(self._url, location),
                hints={key: value for key, value in hints.items() if value},
                changed=parse_moment(hints["modified"]) or parse_moment(hints["published"]),
            )
        )

    def release(self) -> None:
        """Frees the parser; to be called in the thread that fed it."""
        self._parser = None

    def close(self) -> None:
        """The body has ended; ``problem`` tells what was wrong with it, when some of it could be read.

        Raises:
            NoFeedError: nothing of it was a sitemap.
        """
        if self._plain and self._line:
            self._add_line(self._line)
        if self._gzip is not None and not self._gzip.eof:
            self.problem = "gzip: the file ends in the middle"
        if self._parser is not None:
            try:
                self._parser.close()
                self._events()
            except etree.XMLSyntaxError as error:
                self.problem = self.problem or f"XML: {error.msg}"
            fault = self._parser.feed_error_log.last_error
            if fault is not None:
                self.problem = self.problem or f"XML, line {fault.line}: {fault.message}"
        if self._root is None and not self._plain:
            raise NoFeedError(f"no sitemap: neither <urlset> nor <sitemapindex> ({self.problem or 'none there'})")


def _child_text(element: Any, name: str) -> str | None:
    for child in element:
        if isinstance(child.tag, str) and child.tag.rpartition("}")[2] == name:
            return _clean(child.text)
    return None
