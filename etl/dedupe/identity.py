"""Ids that are the same everywhere, in every database, whatever came first."""

from __future__ import annotations

import hashlib
from uuid import UUID

from etl.model import IdentityKind


def text_hash(text: str) -> bytes:
    """SHA-256 (32 bytes) of the text's UTF-8."""
    return hashlib.sha256(text.encode("utf-8")).digest()


def article_id(kind: IdentityKind, *parts: str | bytes) -> UUID:
    """A UUID of version 8 (RFC 9562) from the first 128 bits of SHA-256 over ``kind``, NUL and the parts.

    ``("url", url_key)`` for a record with a URL, ``("text", source, SHA-256 of the original text in hex)`` for a
    text without one, ``("payload", source, SHA-256 of the payload in hex)`` for a page without one.
    """
    encoded = [kind.encode(), *(part.encode("utf-8") if isinstance(part, str) else part for part in parts)]
    value = int.from_bytes(hashlib.sha256(b"\0".join(encoded)).digest()[:16], "big")
    value = value & ~(0xF << 76) | 0x8 << 76  # version
    value = value & ~(0x3 << 62) | 0x2 << 62  # variant
    return UUID(int=value)
