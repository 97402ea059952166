"""Content codings (RFC 9110, section 8.4.1) undone while a body streams in, with a limit on what comes out."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Protocol

import brotli
import zstandard

CHUNK = 64 * 1024
# A zstd block of 4 bytes can stand for 128 KiB: feeding few bytes at a time bounds what one call can give.
_ZSTD_SLICE = 256
_ZSTD_WINDOW = 8 * 1024 * 1024  # RFC 8878 asks decoders on the web for 8 MiB (RFC 9659)


class DecodeError(ValueError):
    """A body that isn't what its Content-Encoding says, or ends too early."""


class TooMuchError(ValueError):
    """A body that gives more bytes than the limit."""


class Coding(Protocol):
    """One content coding."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What these bytes decode to, in pieces of bounded size."""

    def finish(self) -> None:
        """The body has ended.

        Raises:
            DecodeError: in the middle.
        """


class Gzip:
    """gzip with any number of members (RFC 1952); what follows the last one and is none is ignored."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(31)
        self._begun = False
        self._padding = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        full = False  # the last call gave all it was allowed to: there may be more without further input
        while (data or full) and not self._padding:
            if self._member.eof:
                if not data.startswith(b"\x1f"):
                    self._padding = True
                    return
                self._member = zlib.decompressobj(31)
            self._begun = True
            try:
                out = self._member.decompress(data, CHUNK)
            except zlib.error as error:
                raise DecodeError(f"gzip: {error}") from None
            full = len(out) == CHUNK and not self._member.eof
            data = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
            if out:
                yield out

    def finish(self) -> None:
        if self._begun and not self._member.eof:
            raise DecodeError("gzip: the body ends in the middle")


class Deflate:
    """deflate as RFC 9110 means it (zlib, RFC 1950) and as some servers send it (raw, RFC 1951)."""

    def __init__(self) -> None:
        self._object = zlib.decompressobj()
        self._head = b""
        self._decided = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        if not self._decided:
            self._head += data
            if len(self._head) < 2:
                return
            data, self._decided = self._head, True
            if data[0] & 0x0F != 8 or int.from_bytes(data[:2], "big") % 31:
                self._object = zlib.decompressobj(-15)
        full = False
        while (data or full) and not self._object.eof:
            try:
                out = self._object.decompress(data, CHUNK)
            except zlib.error as error:
                raise DecodeError(f"deflate: {error}") from None
            full = len(out) == CHUNK
            data = self._object.unconsumed_tail
            if out:
                yield out

    def finish(self) -> None:
        if (self._decided or self._head) and not self._object.eof:
            raise DecodeError("deflate: the body ends in the middle")


class Brotli:
    """Brotli (RFC 7932)."""

    def __init__(self) -> None:
        self._object = brotli.Decompressor()
        self._begun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        self._begun = True
        try:
            out = self._object.process(data, output_buffer_limit=CHUNK)
            while out:
                yield out
                out = b"" if self._object.is_finished() else self._object.process(b"", output_buffer_limit=CHUNK)
        except brotli.error:
            raise DecodeError("br: the stream is damaged") from None

    def finish(self) -> None:
        if self._begun and not self._object.is_finished():
            raise DecodeError("br: the body ends in the middle")


class Zstd:
    """Zstandard (RFC 8878), frames one after the other."""

    def __init__(self) -> None:
        self._new = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).decompressobj
        self._frame = self._new()
        self._begun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        self._begun = self._begun or bool(data)
        view = memoryview(data)
        for start in range(0, len(view), _ZSTD_SLICE):
            piece = bytes(view[start : start + _ZSTD_SLICE])
            while piece:
                if self._frame.eof:
                    self._frame = self._new()
                try:
                    out = self._frame.decompress(piece)
                except zstandard.ZstdError as error:
                    raise DecodeError(f"zstd: {error}") from None
                piece = self._frame.unused_data if self._frame.eof else b""
                if out:
                    yield out

    def finish(self) -> None:
        if self._begun and not self._frame.eof:
            raise DecodeError("zstd: the body ends in the middle")


CODINGS: dict[str, type[Gzip] | type[Deflate] | type[Brotli] | type[Zstd]] = {
    "gzip": Gzip,
    "x-gzip": Gzip,
    "deflate": Deflate,
    "br": Brotli,
    "zstd": Zstd,
}


class Decoder:
    """All codings of a body, undone in the reverse of the order in which they were applied.

    Args:
        header: the Content-Encoding header.
        limit: most bytes that may come out.

    Raises:
        DecodeError: a coding that isn't known, or more than three of them.
    """

    def __init__(self, header: str, limit: int) -> None:
        names = [name.strip().lower() for name in header.split(",")]
        names = [name for name in names if name not in ("", "identity")]
        unknown = [name for name in names if name not in CODINGS]
        if unknown or len(names) > 3:
            raise DecodeError(f"content encoding {header[:80]!r} is not known")
        self._codings: list[Coding] = [CODINGS[name]() for name in reversed(names)]
        self._limit = limit
        self.size = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Decoded pieces.

        Raises:
            DecodeError: the body is damaged.
            TooMuchError: more than the limit comes out.
        """
        for piece in self._through(data, 0):
            self.size += len(piece)
            if self.size > self._limit:
                raise TooMuchError(f"more than {self._limit} bytes")
            yield piece

    def _through(self, data: bytes, level: int) -> Iterator[bytes]:
        if level == len(self._codings):
            if data:
                yield data
            return
        for piece in self._codings[level].feed(data):
            yield from self._through(piece, level + 1)

    def finish(self) -> None:
        """The body has ended.

        Raises:
            DecodeError: before its codings did.
        """
        for coding in self._codings:
            coding.finish()
