"""What a page says about its article: title, authors, dates, addresses, access, opt-outs.

A pass of our own over JSON-LD and meta elements comes first (it costs a fifth of what trafilatura's takes);
trafilatura and htmldate are asked only for what is still missing. The record's own hints are evidence: they fill
what the page doesn't state in so many words, before anything is guessed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from html import unescape
from itertools import islice
from typing import Final
from urllib.parse import urljoin, urlsplit

from courlan import extract_domain
from htmldate import find_date
from lxml import html
from trafilatura.metadata import extract_author, extract_title

from etl.dates import parse_date
from etl.extract.jsonld import LinkedData, Node, first_string, read_linked_data, strings, types_of
from etl.extract.names import clean_names
from etl.model import Access, Capture, Hints, PartialDate
from etl.text import web_url

# Names of meta elements, lower-cased, the most trusted first.
_TITLE_WORDS = "og:title twitter:title dc.title dcterms.title sailthru.title parsely-title headline"
_AUTHOR_WORDS = (
    "author article:author og:article:author byl dc.creator dcterms.creator dc.contributor sailthru.author "
    "parsely-author cxenseparse:author citation_author article:author_name dcsext.author twitter:creator:name creator"
)
_PUBLISHED_WORDS = (
    "article:published_time og:article:published_time og:published_time datepublished article:published "
    "article_date_original cxenseparse:recs:publishtime cxenseparse:publishtime parsely-pub-date sailthru.date "
    "dc.date.issued dcterms.issued dcterms.created dc.date.created dc.date dcterms.date publish-date publish_date "
    "publishdate pubdate publication_date citation_publication_date date displaydate rnews:datepublished "
    "iso-8601-publish-date last_published_at vr:published_time prism.publicationdate created og:pubdate"
)
_MODIFIED_WORDS = (
    "article:modified_time og:article:modified_time og:updated_time og:modified_time datemodified dcterms.modified "
    "dc.date.modified article:modified last-modified lastmod article_date_updated revision_date"
)
_TITLE_NAMES: Final = tuple(_TITLE_WORDS.split())
_AUTHOR_NAMES: Final = tuple(_AUTHOR_WORDS.split())
_PUBLISHED_NAMES: Final = tuple(_PUBLISHED_WORDS.split())
_MODIFIED_NAMES: Final = tuple(_MODIFIED_WORDS.split())
_ROBOTS: Final = ("noai", "noimageai", "noindex")
_MARKUP = re.compile(r"<[^<>]{1,300}>")
# What stands between a headline and the name of the site.
_TITLE_JOINT = re.compile(r"\s+(?:[|·•»–—:/\\~<>]|-{1,2})\s+|\s*[|｜]\s*|(?<=\S)[_＿](?=\S)")
# What may follow a headline that stands at the start of a title.
_AFTER_TITLE = re.compile(r"\s*(?:[|｜·•»–—~/(\[]|-\s)")
_QUOTES: Final = frozenset("\"'“”„«»‹›")
MAX_FIELD_CHARS: Final = 2000
# Nothing on a page is evidence of a later date; htmldate would otherwise take today, and the result change daily.
_LATEST: Final = datetime(2100, 1, 1)  # noqa: DTZ001
_EARLIEST: Final = datetime(1995, 1, 1)  # noqa: DTZ001


@dataclass(slots=True)
class Head:
    """The meta elements of a page (names lower-cased, in order), its links and its title element."""

    metas: dict[str, list[str]] = field(default_factory=dict)
    canonical: list[str] = field(default_factory=list)
    base: str | None = None
    title: str | None = None

    def all(self, names: Iterable[str]) -> Iterator[str]:
        """The contents of the meta elements of these names, in the order of the names."""
        for name in names:
            yield from self.metas.get(name, ())

    def first(self, *names: str) -> str | None:
        """The first of them."""
        return next(self.all(names), None)


@dataclass(slots=True)
class Statements:
    """Everything on the page that speaks about the article, and whose page it is."""

    root: html.HtmlElement
    head: Head
    data: LinkedData
    node: Node | None
    publisher: list[str]


@dataclass(slots=True)
class Metadata:
    """What ``read_metadata`` found; the fields are those of ``Article``."""

    url: str | None = None
    canonical_url: str | None = None
    site: str | None = None
    title: str | None = None
    authors: tuple[str, ...] = ()
    published: PartialDate | None = None
    modified: PartialDate | None = None
    declared_language: str | None = None
    access: Access = "unknown"
    opt_outs: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)


def read_head(root: html.HtmlElement) -> Head:
    """Collect meta, link, base and title elements wherever they stand (broken pages have them in the body)."""
    head = Head()
    for element in root.iter("meta", "link", "base", "title"):
        if element.tag == "meta":
            content = " ".join((element.get("content") or "").split())
            name = (
                element.get("property") or element.get("name") or element.get("itemprop") or element.get("http-equiv")
            )
            if name and content:
                head.metas.setdefault(name.strip().lower(), []).append(content)
        elif element.tag == "link":
            if "canonical" in (element.get("rel") or "").lower().split() and element.get("href"):
                head.canonical.append(element.get("href", "").strip())
        elif element.tag == "base":
            head.base = head.base or element.get("href")
        elif head.title is None and element.getparent() is not None and element.getparent().tag != "svg":
            head.title = " ".join((element.text_content() or "").split()) or None
    return head


def read_metadata(root: html.HtmlElement, capture: Capture) -> Metadata:
    """Everything ``Article`` says besides its text."""
    head, data = read_head(root), read_linked_data(root)
    found = Metadata()
    _addresses(found, root, head, capture)
    node = _own_article(data, found.url, found.canonical_url)
    page = Statements(root, head, data, node, _publisher_names(head, data, node))
    found.site = site_of(found.url or found.canonical_url, capture.hints)
    found.declared_language = _language(page, capture.hints)
    found.title = _title(page, found.site, capture.hints)
    found.authors = _authors(page, capture.hints)
    _dates(found, page, capture)
    found.access = _access(page)
    found.opt_outs = _opt_outs(head, capture)
    if data.broken:
        found.notes.append(f"broken_json_ld:{data.broken}")
    return found


def hinted_metadata(capture: Capture) -> Metadata:
    """The same for a record of plain text: what it says about itself."""
    hints = capture.hints
    found = Metadata(url=capture.url, opt_outs=capture.opt_outs)
    found.site = site_of(capture.url, hints)
    found.title = _plain(hints.title)
    found.authors = clean_names(hints.authors)
    found.declared_language = _plain(hints.language)
    languages = _date_languages(found)
    found.published = _first_date([hints.published], capture, languages, found, "published")
    found.modified = _first_date([hints.modified], capture, languages, found, "modified")
    return found


def site_of(url: str | None, hints: Hints) -> str | None:
    """The host of the URL without ``www.``, so that sources are comparable; else the publisher as the record has it.

    International host names are given in Unicode, whichever way the URL writes them.
    """
    host = None
    for raw in (url, hints.publisher):
        if not raw:
            continue
        try:
            host = urlsplit(raw if "//" in raw else f"//{raw.strip()}").hostname
        except ValueError:
            continue
        if host and "." in host and " " not in host:
            host = host.rstrip(".").removeprefix("www.")
            try:
                return str(host.encode("ascii"), "idna") if "xn--" in host else host
            except UnicodeError:
                return host
    return _plain(hints.publisher)


# --- addresses


def _addresses(found: Metadata, root: html.HtmlElement, head: Head, capture: Capture) -> None:
    base = _absolute(head.base, capture.url) if head.base else None
    base = base or capture.url
    canonical = _absolute(head.canonical[0], base) if head.canonical else None
    og_url = _absolute(head.first("og:url") or "", base)
    found.url = capture.url
    if capture.url is None:
        found.url = _own_address(root, canonical, og_url)
        if found.url is None and (canonical or og_url):
            found.notes.append("no_usable_url")
    for candidate in (canonical, og_url):
        if candidate and found.url and _same_site(candidate, found.url) and _names_an_article(candidate, found.url):
            found.canonical_url = candidate
            break
    else:
        if canonical and capture.url and not _same_site(canonical, capture.url):
            found.notes.append("foreign_canonical")


def _absolute(raw: str, base: str | None) -> str | None:
    try:
        return web_url(urljoin(base, raw) if base and raw else raw)[0]
    except ValueError:
        return None


def _own_address(root: html.HtmlElement, canonical: str | None, og_url: str | None) -> str | None:
    candidates = [url for url in (canonical, og_url) if url and urlsplit(url).path.strip("/") + urlsplit(url).query]
    if len(candidates) == 2 and not _same_site(*candidates):
        # One of them names a syndication partner: the page's own site is the one that it links to most.
        hosts = Counter(_domain(href) for href in _absolute_links(root))
        candidates.sort(key=lambda url: -hosts[_domain(url)])
    return candidates[0] if candidates else None


def _absolute_links(root: html.HtmlElement) -> Iterator[str]:
    for element in root.iter("a", "link"):
        href = element.get("href") or ""
        if href.startswith(("http://", "https://")):
            yield href


def _domain(url: str) -> str:
    try:
        return extract_domain(url, fast=True) or urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _same_site(one: str, other: str) -> bool:
    return _domain(one) == _domain(other) != ""


def _names_an_article(candidate: str, url: str) -> bool:
    """A canonical that is the front page, on a page that isn't, is a template's mistake."""
    one, other = urlsplit(candidate), urlsplit(url)
    return bool(one.path.strip("/") or one.query) or not (other.path.strip("/") or other.query)


def _own_article(data: LinkedData, url: str | None, canonical: str | None) -> Node | None:
    """The description of this page's article: the one that gives its address, else the first."""
    wanted = {_bare(address) for address in (url, canonical) if address}
    for node in data.articles:
        page = data.resolve(node.get("mainEntityOfPage"))
        address = (
            page if isinstance(page, str) else first_string(page, "@id", "url") if isinstance(page, dict) else None
        )
        if wanted & {_bare(text) for text in (address, first_string(node, "url", "@id")) if text}:
            return node
    return data.articles[0] if data.articles else None


def _bare(url: str) -> str:
    return re.sub(r"^https?://(?:www\.)?|[?#].*$", "", url.strip().lower()).rstrip("/")


# --- titles


def _plain(text: str | None) -> str | None:
    """A field's text without markup, entities and odd white space."""
    if not text:
        return None
    text = text[:MAX_FIELD_CHARS]
    text = unescape(unescape(text)) if "&" in text else text
    text = _MARKUP.sub(" ", text) if "<" in text else text
    return " ".join(text.split()) or None


def _publisher_names(head: Head, data: LinkedData, node: Node | None) -> list[str]:
    names = [head.first("og:site_name"), head.first("application-name"), head.first("apple-mobile-web-app-title")]
    publisher = data.resolve(node.get("publisher")) if node else None
    if isinstance(publisher, dict):
        names.append(first_string(publisher, "name"))
    names += [first_string(organization, "name", "alternateName") for organization in data.organizations[:5]]
    names.append((head.first("twitter:site") or "").lstrip("@") or None)
    return [name for name in dict.fromkeys(map(_plain, names)) if name and len(name) > 1]


def _title(page: Statements, site: str | None, hints: Hints) -> str | None:
    """JSON-LD's headline, else the title that is shared (``og:title`` …), the record's, or what the page shows.

    A title that is the site's own name is none. What a headline on the page (``h1``) says at the start of a longer
    title is the title; what follows is the site's name in some form.
    """
    node, names = page.node, _site_names(page.publisher, site)
    shown = [text for text in (_plain(h1.text_content()) for h1 in islice(page.root.iter("h1"), 8)) if text]
    shared = [title for title in map(_plain, page.head.all(_TITLE_NAMES)) if title]
    headline = _plain(first_string(node, "headline")) if node else None
    named = _plain(first_string(node, "name")) if node else None
    for candidate in (headline, *shared, named, _plain(hints.title)):
        title = _without_site(candidate, names, shown) if candidate else ""
        if title and _letters(title) not in names:
            whole = next((text for text in (*shared, *shown) if _continues(title, text)), None)
            return _without_site(whole, names, shown) if whole else title
    return _shown_title(page, names, shown)


def _shown_title(page: Statements, names: set[str], shown: list[str]) -> str | None:
    """The headline that the title element repeats, else the title element, else what trafilatura finds."""
    title = page.head.title
    if title:
        letters = _letters(title)
        repeated = [text for text in shown if len(_letters(text)) > 3 and _letters(text) in letters]
        repeated = [text for text in repeated if _letters(text) not in names]
        if repeated:
            return max(repeated, key=len)
        stripped = _without_site(title, names, shown)
        if stripped and _letters(stripped) not in names:
            return stripped
    guess = _plain(extract_title(page.root))
    return _without_site(guess, names, shown) if guess else None


def _continues(cut: str, whole: str) -> bool:
    """Whether a title was cut: schema.org advises 110 characters, and a stray quotation mark ends an attribute."""
    stem = cut.rstrip(" .…")
    if len(stem) < 20 or len(whole) <= len(stem) or not whole.startswith(stem):
        return False
    return stem != cut or whole[len(stem) :].lstrip()[:1] in _QUOTES


def _without_site(title: str, names: set[str], shown: list[str]) -> str:
    title = strip_site(title, names)
    folded = title.casefold()
    for text in shown:
        if (
            15 <= len(text) < len(title)
            and folded.startswith(text.casefold())
            and _AFTER_TITLE.match(title[len(text) :])
        ):
            return text
    return title


def _site_names(publisher: list[str], site: str | None) -> set[str]:
    names = {_letters(name) for name in publisher}
    if site:
        names |= {_letters(site), _letters(site.rsplit(".", 1)[0]), _letters(site.split(".")[0])}
    return names - {""}


def strip_site(title: str, names: set[str]) -> str:
    """The title without the name of the site (in letters alone, case folded) before or after it."""
    for _ in range(3):
        joints = list(_TITLE_JOINT.finditer(title))
        if not joints:
            break
        last, first = joints[-1], joints[0]
        if _letters(title[last.end() :]) in names and last.start() > 0:
            title = title[: last.start()]
        elif _letters(title[: first.start()]) in names and first.end() < len(title):
            title = title[first.end() :]
        else:
            break
    return title.strip()


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))


# --- authors


def _authors(page: Statements, hints: Hints) -> tuple[str, ...]:
    node, publisher = page.node, page.publisher
    if node:
        named = list(_author_names(page.data, node.get("author") or node.get("creator")))
        names = clean_names(named, site_names=publisher) or clean_names(named)
        if names:
            return names
    names = clean_names((text for text in page.head.all(_AUTHOR_NAMES) if "://" not in text), site_names=publisher)
    if names:
        return names
    names = clean_names(hints.authors, site_names=publisher)
    if names:
        return names
    guess = extract_author(page.root)
    return clean_names([guess], site_names=publisher) if guess else ()


def _author_names(data: LinkedData, value: object) -> Iterator[str]:
    for item in value if isinstance(value, list) else [value]:
        author = data.resolve(item)
        if isinstance(author, str):
            yield author
        elif isinstance(author, dict):
            if any(kind.endswith("organization") for kind in types_of(author)):
                continue
            name = author.get("name")
            if isinstance(name, dict):
                name = name.get("name") or name.get("@value")
            given = [part for key in ("givenName", "familyName") for part in strings(author.get(key))]
            yield from strings(name) if name else ([" ".join(given)] if given else [])
        elif isinstance(author, list):
            yield from _author_names(data, author)


# --- dates


def _dates(found: Metadata, page: Statements, capture: Capture) -> None:
    head, node = page.head, page.node
    languages = _date_languages(found)
    stated: list[str | None] = []
    if node:
        stated += [first_string(node, "datePublished"), first_string(node, "dateCreated")]
    stated += head.all(_PUBLISHED_NAMES)
    stated.append(capture.hints.published)
    found.published = _first_date(stated, capture, languages, found, "published")
    # Where a stated date had to be dropped, a guess would only find that date's parts.
    if found.published is None and found.notes[-1:] != ["dropped_date:published"]:
        found.published = _guess_date(page.root, found, capture)
    changed = [
        first_string(node, "dateModified") if node else None,
        *head.all(_MODIFIED_NAMES),
        capture.hints.modified,
    ]
    found.modified = _first_date(changed, capture, languages, found, "modified")


def _date_languages(found: Metadata) -> tuple[str, ...]:
    """They settle whether the day or the month comes first."""
    return (found.declared_language[:2].lower(),) if found.declared_language else ()


def _first_date(
    candidates: Iterable[str | None], capture: Capture, languages: tuple[str, ...], found: Metadata, what: str
) -> PartialDate | None:
    """The first candidate that can be read and lies no more than a day after the capture."""
    tried = False
    for raw in candidates:
        if not raw or not raw.strip():
            continue
        tried = True
        date = parse_date(raw.strip(), captured_at=capture.captured_at, languages=languages)
        if date is not None and not _too_late(date, capture.captured_at):
            return date
    if tried:
        found.notes.append(f"dropped_date:{what}")
    return None


def _too_late(date: PartialDate, captured_at: datetime | None) -> bool:
    return captured_at is not None and date.start > captured_at + timedelta(days=1)


def _guess_date(root: html.HtmlElement, found: Metadata, capture: Capture) -> PartialDate | None:
    """From a ``<time>`` element, the URL, or what htmldate finds in the page."""
    for element in root.iter("time"):
        stamp = element.get("datetime")
        if stamp and (element.get("pubdate") is not None or "publish" in (element.get("itemprop") or "").lower()):
            date = parse_date(stamp, captured_at=capture.captured_at)
            if date and not _too_late(date, capture.captured_at):
                return date
    latest = _LATEST
    if capture.captured_at is not None:
        latest = min(latest, capture.captured_at.replace(tzinfo=None) + timedelta(days=1))
    raw = str(
        find_date(
            root,
            url=found.url,
            original_date=True,
            extensive_search=True,
            min_date=_EARLIEST,
            max_date=latest,
            deferred_url_extractor=False,
        )
        or ""
    )
    # Where htmldate finds a year alone, it says the first of January.
    if raw.endswith("-01-01") and not re.search(r"\D01\D?01\D", found.url or ""):
        raw = raw[:4]
    return parse_date(raw, captured_at=capture.captured_at) if raw else None


# --- the rest


def _language(page: Statements, hints: Hints) -> str | None:
    root, head, node = page.root, page.head, page.node
    candidates: list[str | None] = [
        root.get("lang"),
        root.get("{http://www.w3.org/XML/1998/namespace}lang") or root.get("xml:lang"),
        head.first("content-language", "language", "dc.language", "dcterms.language"),
        first_string(node, "inLanguage") if node else None,
        head.first("og:locale"),
        hints.language,
    ]
    for raw in candidates:
        match = re.match(r"\s*([A-Za-z]{2,3})(?:[-_]([A-Za-z]{2,4}|\d{3}))*(?![A-Za-z])", raw or "")
        if match and raw:
            return raw.strip().split(",")[0].replace("_", "-")
    return None


def _access(page: Statements) -> Access:
    for holder in (page.node, *page.data.pages):
        value = holder.get("isAccessibleForFree") if holder else None
        if isinstance(value, bool) or (isinstance(value, str) and value.strip()):
            free = (
                value if isinstance(value, bool) else value.strip().rsplit("/", 1)[-1].lower() in ("true", "yes", "1")
            )
            return "full" if free else "teaser"
    tier = (page.head.first("article:content_tier", "content_tier", "cxenseparse:content_tier") or "").lower()
    return "full" if tier == "free" else "teaser" if tier in ("locked", "paid", "premium") else "unknown"


def _opt_outs(head: Head, capture: Capture) -> tuple[str, ...]:
    found = dict.fromkeys(capture.opt_outs)
    for content in head.all(("robots",)):
        tokens = re.split(r"[\s,]+", content.lower())
        found.update(dict.fromkeys(token for token in _ROBOTS if token in tokens))
    if (head.first("tdm-reservation") or "").strip() == "1":
        found["tdm-reservation"] = None
    return tuple(found)
