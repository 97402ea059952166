"""What a payload is by its bytes, when its declared type is missing or says little: one answer for the crawler, which
stores pages, and the reader, which takes them out of archives."""

from __future__ import annotations

import re
from typing import Final

HTML_TYPES: Final = frozenset({"text/html", "application/xhtml+xml"})
XML_TYPES: Final = frozenset({"application/xml", "text/xml"})
# Types that servers use for pages as well: the first bytes decide.
VAGUE_TYPES: Final = XML_TYPES | {"", "text/plain", "application/octet-stream", "application/x-httpd-php"}
SNIFFED_BYTES: Final = 64 * 1024  # that are looked at: a page may begin with a long comment

# Byte patterns of HTML: WHATWG MIME Sniffing, section 7.1, without those that a text may begin with as well; with an
# XML declaration, comments or processing instructions before them. Atomic groups, so that the time stays linear.
_PROLOG: Final = rb"(?>\s*(?:(?><!--.*?-->|<\?.*?\?>)\s*)*)"
_HTML: Final = re.compile(
    _PROLOG + rb"<(?:!doctype\s+html|(?:html|head|body|title|meta|link|script|style)(?=[\s/>]))",
    re.IGNORECASE | re.DOTALL,
)
_XHTML: Final = re.compile(
    _PROLOG + rb"(?><!doctype\s+html[^>\[]*(?:\[.*?\]\s*)?>" + _PROLOG + rb")?<(?:\w+:)?html[\s/>]",
    re.IGNORECASE | re.DOTALL,
)
_EARLY: Final = 2048


def media_type(content_type: str | None) -> str:
    """The type and subtype of a Content-Type header in lower case; of several the first; empty when there is none."""
    return re.split(r"[;,]", content_type or "", maxsplit=1)[0].strip().lower()


def as_ascii(head: bytes) -> bytes:
    """The first bytes of a page without byte order mark and UTF-16's zero bytes, so that markup can be looked for."""
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return head[2:].replace(b"\0", b"")
    return head.removeprefix(b"\xef\xbb\xbf")


def looks_like_html(head: bytes, declared: str = "") -> bool:
    """Whether a payload is an HTML page, judged by its first bytes.

    Args:
        head: the beginning of the decoded body; the first 64 KiB are looked at.
        declared: one of :data:`VAGUE_TYPES`. What is sent as XML has to be XHTML; what comes without any type may
            begin with something else, such as a warning of the server's, before ``<html``.
    """
    text = as_ascii(head[:SNIFFED_BYTES])
    if declared in XML_TYPES:
        return _XHTML.match(text) is not None
    return _HTML.match(text) is not None or (not declared and b"<html" in text[:_EARLY].lower())
