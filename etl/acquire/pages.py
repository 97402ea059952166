"""What an answer says before anybody extracts it: is it a page, may it be mined, is it an article at all?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Final
from urllib.parse import urlsplit

from etl.acquire.fetch import Exchange
from etl.acquire.outcomes import FetchError
from etl.payload import HTML_TYPES, VAGUE_TYPES, as_ascii, looks_like_html, media_type

_MAGIC: Final[tuple[tuple[bytes, str], ...]] = (
    (b"%PDF-", "a PDF"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"RIFF", "a RIFF file"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip file"),
    (b"OggS", "an Ogg file"),
    (b"ID3", "an MP3 file"),
    (b"\x00\x00\x00", "a media file"),
)
_META: Final = re.compile(rb"<meta\b[^>]{1,2000}>", re.IGNORECASE)
_ATTRIBUTE: Final = re.compile(rb"""([a-zA-Z-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")
_TITLE: Final = re.compile(rb"<title[^>]*>([^<]{0,500})", re.IGNORECASE)
_DIRECTIVES: Final = frozenset({"noai", "noimageai", "noindex", "noarchive", "nosnippet"})

_NOT_FOUND: Final = re.compile(
    r"(?:(?:error|fehler|erreur|errore|błąd|ошибка)\s*)?404(?:\W{0,3}(?:error|fehler|(?:page |seite )?(?:not found|"
    r"nicht gefunden)))?"
    r"|(?:page|article|document|story) (?:was )?not found|(?:die )?seite (?:wurde )?nicht gefunden"
    r"|artikel (?:wurde )?nicht gefunden|page (?:introuvable|non trouvée)|p[aá]gina no encontrada"
    r"|pagina non trovata|p[aá]gina n[aã]o encontrada|pagina niet gevonden|sidan (?:hittades inte|kunde inte hittas)"
    r"|siden (?:blev ikke fundet|ble ikke funnet)|strona nie (?:została )?znaleziona|str[aá]nka nenalezena"
    r"|страница не найдена|сторінку не знайдено|ページが見つかりません.{0,10}|页面(?:未找到|不存在)",
    re.IGNORECASE,
)
_CONSENT_HOST: Final = re.compile(r"(?:^|\.)(?:consent|cmp|privacy-?(?:wall|gate)|zustimmung|cookie-?wall)\.")
_CONSENT_PATH: Final = re.compile(
    r"/(?:consent(?:-management|-wall)?|collectconsent|cookie-?(?:wall|consent)|privacy-?(?:wall|gate)|zustimmung"
    r"|pur-?abo)(?:/|$|\.)",
    re.IGNORECASE,
)


def require_page(answer: Exchange) -> None:
    """Look at the headers, and at the first bytes once they are there.

    Raises:
        FetchError: ``wrong_type``: it is no HTML page.
    """
    kind = media_type(answer.header("Content-Type"))
    if kind not in HTML_TYPES and kind not in VAGUE_TYPES:
        raise FetchError("wrong_type", f"content type {kind[:80]!r} is no page", status=answer.status)
    if not answer.content_sha256:  # the body hasn't come yet
        return
    for magic, name in _MAGIC:
        if answer.head.startswith(magic):
            raise FetchError("wrong_type", f"the body is {name}, sent as {kind or 'no type'!r}", status=answer.status)
    if kind in VAGUE_TYPES and not looks_like_html(answer.head, kind):
        raise FetchError("wrong_type", f"content type {kind or 'none'!r} and no HTML", status=answer.status)
    if not answer.head.strip():
        raise FetchError("wrong_type", "the body is empty", status=answer.status)


def _metas(head: bytes) -> Iterator[tuple[str, str]]:
    for tag in _META.findall(as_ascii(head)):
        attributes = {
            key.lower(): (double or single or bare).decode("utf-8", "replace")
            for key, double, single, bare in _ATTRIBUTE.findall(tag)
        }
        if b"name" in attributes and b"content" in attributes:
            yield attributes[b"name"].strip().lower(), unescape(attributes[b"content"])


def opt_outs(answer: Exchange, product: str) -> tuple[str, ...]:
    """Opt-outs from text and data mining that came with a page, sorted.

    ``X-Robots-Tag`` and robots meta elements (``noai``, ``noindex`` …, for all robots or for ``product``), and
    ``tdm-reservation`` as header or meta element (W3C TDM Reservation Protocol).
    """
    found: set[str] = set()
    product = product.lower()

    def directives(text: str) -> None:
        for part in text.lower().split(","):
            agent, colon, directive = part.strip().rpartition(":")
            if colon and agent.strip() not in ("*", product):
                continue  # for another robot, or a directive with a value such as max-snippet:-1
            words = {"noindex", "nofollow"} if directive.strip() == "none" else {directive.strip()}
            found.update(words & _DIRECTIVES)

    for name, value in answer.headers:
        if name.lower() == b"x-robots-tag":
            directives(value.decode("latin-1"))
        elif name.lower() == b"tdm-reservation" and value.strip() == b"1":
            found.add("tdm-reservation")
    for meta, content in _metas(answer.head):
        if meta in ("robots", product):
            directives(content)
        elif meta == "tdm-reservation" and content.strip() == "1":
            found.add("tdm-reservation")
    return tuple(sorted(found))


def suspect(requested: str, answer: Exchange) -> str | None:
    """``soft_404`` or ``consent_wall`` when a page with status 200 is clearly no article, else None.

    Only clear signs count: a redirect from an article's URL to the front page or to a consent page, or a title
    that says nothing but that the page wasn't found.
    """
    asked, got = urlsplit(requested), urlsplit(answer.url)
    moved = (asked.hostname, asked.path) != (got.hostname, got.path)
    if moved and (_CONSENT_HOST.search(f".{got.hostname}") or _CONSENT_PATH.search(got.path)):
        return "consent_wall"
    if moved and asked.path.strip("/") and got.path in ("/", "/index.html", "/index.php") and not got.query:
        return "soft_404"
    title = _TITLE.search(as_ascii(answer.head))
    if title:
        text = " ".join(unescape(title[1].decode("utf-8", "replace")).split())
        first = re.split(r"\s[|–—·:-]\s|\s\|\s?", text)[0].strip(" .!:")
        if _NOT_FOUND.fullmatch(first):
            return "soft_404"
    return None
