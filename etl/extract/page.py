"""Bytes of a page to a parsed tree: what is no HTML and what is too much is told before any extractor runs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from lxml import etree, html

from etl.model import Capture
from etl.settings import Settings
from etl.text import decode

# Leading bytes of what people save under the name of a page. Source: the formats' own specifications.
SIGNATURES: Final[tuple[tuple[bytes, str], ...]] = (
    (b"%PDF-", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive (or an office document, EPUB or JAR)"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"\x89PNG\r\n\x1a\n", "a PNG image"),
    (b"GIF87a", "a GIF image"),
    (b"GIF89a", "a GIF image"),
    (b"BM", "a BMP image"),
    (b"II*\x00", "a TIFF image"),
    (b"MM\x00*", "a TIFF image"),
    (b"\x00\x00\x01\x00", "an icon"),
    (b"\x1f\x8b", "gzip data"),
    (b"\x28\xb5\x2f\xfd", "Zstandard data"),
    (b"BZh", "bzip2 data"),
    (b"\xfd7zXZ\x00", "xz data"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old office document"),
    (b"{\\rtf", "an RTF document"),
    (b"%!PS", "a PostScript document"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"OggS", "an Ogg recording"),
    (b"ID3", "an MP3 recording"),
    (b"fLaC", "a FLAC recording"),
    (b"\x1aE\xdf\xa3", "a Matroska or WebM film"),
    (b"wOFF", "a font"),
    (b"wOF2", "a font"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"PAR1", "a Parquet file"),
    (b"WARC/", "a WARC file"),
)
# Two-letter signatures are also how a text may begin: they count only where binary bytes follow.
_WEAK: Final = (b"BM", b"MZ", b"ID3", b"BZh")
_RIFF: Final = {b"WEBP": "a WebP image", b"WAVE": "a WAV recording", b"AVI ": "an AVI film"}
_BOMS: Final = (b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")
_CONTROL: Final = bytes(set(range(32)) - {9, 10, 12, 13, 27} | {127})

# An element that only HTML has; a fragment without <html> is a page too.
_HTML_TAG = re.compile(
    r"<(?:!doctype\s+html|html|head|body|title|meta|div|p|article|main|section|span|table|ul|ol|h[1-6]|a|br"
    r"|frameset|script|style|link|img|b|i|em|strong|blockquote|pre|center|font|form|header|footer|nav)[\s>/]",
    re.IGNORECASE,
)
_FEED = re.compile(
    r"\s*(?:<\?xml[^>]*\?>\s*)?(?:<!--.*?-->\s*)?<(rss|feed|rdf:RDF|urlset|sitemapindex|svg)[\s>]", re.DOTALL
)
_META_CHARSET = re.compile(rb"<meta[^>]{0,500}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]{2,40})", re.IGNORECASE)
# XHTML's idea of an empty document at the head of a full one: libxml2 would believe it.
_SELF_CLOSING = re.compile(r"(<html\b[^<>]*?)\s*/>", re.IGNORECASE)
_HEAD_CHARS: Final = 4096
# XML 1.0 has no way to hold these: lxml raises when an extractor copies them, and the article would be lost.
_NOT_XML: Final = bytes(set(range(32)) - {9, 10, 13})
_NOT_XML_EITHER: Final = ("\ufffe", "\uffff")
_NOT_XML_REFERENCE = re.compile(
    rb"&#(?:0*(?:[0-8]|1[124-9]|2[0-9]|3[01]|6553[45])(?![0-9])|[xX]0*(?:[0-8bcefBCEF]|1[0-9a-fA-F]|[fF]{3}[eEfF])"
    rb"(?![0-9a-fA-F]));?"
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a payload isn't extracted: a code of ``etl.reasons`` and a sentence."""

    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Page:
    """A parsed page. ``root`` is its ``<html>`` element; ``notes`` tell what had to be mended."""

    root: html.HtmlElement
    notes: tuple[str, ...]


def load_page(capture: Capture, settings: Settings) -> Page | Refusal:
    """Decode and parse the capture's HTML within the deterministic limits (bytes, then elements).

    The depth is checked by whoever walks the tree first (``etl.extract.flow``).
    """
    data = capture.html or b""
    if len(data) > settings.max_html_bytes:
        return Refusal("page_too_large", f"{len(data):,} bytes; the limit is {settings.max_html_bytes:,}")
    kind = payload_kind(data)
    if kind:
        return Refusal("not_html", f"the payload is {kind}")
    text, _, replaced, raw = decode_page(data, capture.charset)
    if replaced * 10 > len(text):
        return Refusal("not_html", f"the payload is binary data: {replaced:,} bytes fit no charset")
    feed = _FEED.match(text)
    if feed:
        return Refusal("not_html", f"the payload is an XML document (<{feed[1]}>)")
    if not _HTML_TAG.search(text):
        return Refusal("not_html", "the payload holds no HTML element")
    # Every element needs a '<'; scripts and comments may hold more, hence the margin before anything is parsed.
    most = 12 * settings.max_html_elements
    if len(text) > most and text.count("<") > most:
        return Refusal("too_many_elements", f"more than {settings.max_html_elements:,} elements")
    head = text[:_HEAD_CHARS]
    if _SELF_CLOSING.search(head):
        text, raw = _SELF_CLOSING.sub(r"\1>", head, count=1) + text[_HEAD_CHARS:], None
    root = parse(text, raw)
    if root is None:
        return Refusal("not_html", "the payload can't be parsed as HTML")
    elements = count_elements(root)
    if elements > settings.max_html_elements:
        return Refusal("too_many_elements", f"{elements:,} elements; the limit is {settings.max_html_elements:,}")
    notes = (f"replaced_characters:{replaced}",) if replaced else ()
    return Page(root, notes)


def payload_kind(data: bytes) -> str | None:
    """What the bytes are when they are certainly no page, in words, else ``None``."""
    head = data[:4096].lstrip(b"\r\n\t ")
    if not data.strip(b"\x00\r\n\t "):
        return "empty"
    binary = _binary_share(head)
    for signature, kind in SIGNATURES:
        if head.startswith(signature) and (signature not in _WEAK or binary > 0.05):
            return kind
    if head[:4] == b"RIFF" and head[8:12] in _RIFF:
        return _RIFF[head[8:12]]
    if head[4:8] == b"ftyp":
        return "an MP4 or HEIF file"
    if head[257:262] == b"ustar":
        return "a tar archive"
    if head[:1] in (b"{", b"[") and b"<" not in head:
        return "JSON"
    if binary > 0.1 and not head.startswith(_BOMS) and b"<\x00" not in head and b"\x00<" not in head:
        return "binary data"
    return None


def _binary_share(head: bytes) -> float:
    return 1 - len(head.translate(None, _CONTROL)) / max(1, len(head))


def decode_page(data: bytes, declared: str | None) -> tuple[str, str, int, bytes | None]:
    """Decode a page: the declared charset, else what its ``<meta>`` says, else what the bytes look like.

    Returns:
        the text, the charset it was read in, how many characters had to be replaced by U+FFFD, and the text's
        bytes where they are UTF-8.
    """
    meta = _META_CHARSET.search(data, 0, 8192)
    label = meta[1].decode("ascii") if meta else None
    # A page whose <meta> could be read as ASCII can't be in UTF-16, whatever it says.
    if label and label.lower().replace("_", "-").startswith(("utf-16", "utf16", "ucs-2", "utf-32")):
        label = "utf-8"
    if (declared or label or "utf-8").lower() in ("utf-8", "utf8") and b"\x00" not in data and b"\x1b" not in data:
        # What `decode` would say of nearly every page, without its closer looks.
        try:
            raw = data.removeprefix(_BOMS[2])
            return raw.decode("utf-8"), "utf-8", 0, raw
        except UnicodeDecodeError:
            pass
    best = decode(data, declared or label)
    if best[2] and declared and label and label.lower() != declared.lower():
        other = decode(data, label)
        if other[2] < best[2]:
            best = other
    return *best, None


_ELEMENTS = etree.XPath("count(descendant-or-self::*)")


def count_elements(root: html.HtmlElement) -> int:
    """The number of elements of a tree, its root among them."""
    count = _ELEMENTS(root)
    return int(count) if isinstance(count, float) else 0


# lxml.html asks a Python function for the class of every element it touches; one class for all is the same to
# extractors and spares them a tenth of their time.
_LOOKUP = etree.ElementDefaultClassLookup(
    element=html.HtmlElement, comment=html.HtmlComment, pi=html.HtmlProcessingInstruction, entity=html.HtmlEntity
)


def parse(text: str, raw: bytes | None = None) -> html.HtmlElement | None:
    """Parse decoded HTML without libxml2's limits on depth and size; the caller has bounded both.

    Args:
        text: the page.
        raw: the same in UTF-8, where it is at hand.
    """
    parser = html.HTMLParser(
        collect_ids=False,
        encoding="utf-8",
        remove_comments=True,
        remove_pis=True,
        # Without it libxml2 silently drops everything that is nested deeper than 256 elements.
        huge_tree=True,
    )
    parser.set_element_class_lookup(_LOOKUP)
    try:
        root = html.document_fromstring(_xml_bytes(text, raw), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError):
        return None
    return root if isinstance(root, html.HtmlElement) else None


def _xml_bytes(text: str, raw: bytes | None) -> bytes:
    # Strings are searched many times faster than bytes.
    for character in _NOT_XML_EITHER:
        if character in text:
            text, raw = text.replace(character, ""), None
    raw = text.encode("utf-8", "replace") if raw is None else raw
    return _NOT_XML_REFERENCE.sub(b"", raw.translate(None, _NOT_XML))
