"""Bytes of a file, decompressed on the way, within limits, and never raising for what they are.

A :class:`Stream` reads like any buffered binary file. When its bytes turn out to be damaged it ends early, and
``problem`` says why: what came before is good, and the reader decides what to do with an unfinished record.
"""

from __future__ import annotations

import codecs
import io
import zlib
from collections import deque
from typing import Any, BinaryIO, Final

from etl.settings import Settings
from etl.text import strip_secrets

GZIP_MAGIC: Final = b"\x1f\x8b"
ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
_ZSTD_SKIPPABLE: Final = (0x184D2A50, 0x184D2A5F)
# The zstd format lets a frame ask for any amount of memory; this is what its own command accepts by default.
_ZSTD_WINDOW: Final = 1 << 27
_BUFFER: Final = 1 << 18
_INPUT: Final = 1 << 16
# Below this much output a high ratio is harmless (an empty-looking log, say).
_RATIO_FLOOR: Final = 16 << 20

Problem = tuple[str, str]


def compression_of(magic: bytes) -> str | None:
    """``"gz"`` or ``"zst"`` by the first bytes."""
    if magic.startswith(GZIP_MAGIC):
        return "gz"
    if magic.startswith(ZSTD_MAGIC) or (
        len(magic) >= 4 and _ZSTD_SKIPPABLE[0] <= int.from_bytes(magic[:4], "little") <= _ZSTD_SKIPPABLE[1]
    ):
        return "zst"
    return None


class _Gzip:
    step: Final = _INPUT
    errors: tuple[type[Exception], ...] = (zlib.error,)

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(31)
        self.eof = False
        self.rest = b""

    def decompress(self, data: bytes) -> bytes:
        before = self._inner.copy()
        try:
            out = self._inner.decompress(data, _BUFFER)
        except zlib.error:
            self._inner = before
            raise
        self.eof = self._inner.eof
        self.rest = self._inner.unused_data if self.eof else self._inner.unconsumed_tail
        return out

    def salvage(self, data: bytes) -> bytes:
        """What ``data``, at which ``decompress`` has just failed, gives up to the damage."""
        out = b""
        try:
            for position in range(len(data)):
                out += self._inner.decompress(data[position : position + 1])
        except zlib.error:
            pass
        return out


class _Zstd:
    # A block of 4 bytes can stand for 128 KiB: little input at a time keeps the output of a step bounded.
    step: Final = 1 << 10

    def __init__(self) -> None:
        import zstandard

        self._inner: Any = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).decompressobj()
        self.errors: tuple[type[Exception], ...] = (zstandard.ZstdError,)
        self.eof = False
        self.rest = b""

    def decompress(self, data: bytes) -> bytes:
        out: bytes = self._inner.decompress(data)
        self.eof = self._inner.eof
        self.rest = self._inner.unused_data if self.eof else b""
        return out

    def salvage(self, data: bytes) -> bytes:
        """Nothing: zstd gives whole blocks only, and the good ones were given."""
        return b""


class _Raw(io.RawIOBase):
    """The decompressing end of a stream."""

    def __init__(self, file: BinaryIO, compression: str | None, limits: Settings) -> None:
        self._file = file
        self._make: type[_Gzip] | type[_Zstd] | None
        self._make = _Gzip if compression == "gz" else _Zstd if compression == "zst" else None
        self._name = {"gz": "gzip", "zst": "zstd"}.get(compression or "", "")
        self._decoder: _Gzip | _Zstd | None = None
        self._pending = b""  # input that isn't decompressed yet
        self._ready = memoryview(b"")  # output that isn't delivered yet
        self._max_bytes = limits.max_decompressed_bytes
        self._max_ratio = limits.max_decompression_ratio
        self._end = False
        self.taken = 0
        self.given = 0
        # Where members begin: in the content, in the file. More than a buffer can hold are never asked for.
        self.members: deque[tuple[int, int]] = deque(maxlen=_BUFFER + 1000)
        self.problem: Problem | None = None
        self.doubt: int | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        if self._make is None:
            data = self._take(len(view))
            view[: len(data)] = data
            self.given += len(data)
            return len(data)
        while not self._ready and not self._end:
            self._ready = memoryview(self._more())
        count = min(len(view), len(self._ready))
        view[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def _take(self, size: int) -> bytes:
        if self.problem is not None:
            return b""
        try:
            data = self._file.read(size)
        except Exception as error:  # OSError, and whatever a storage library raises
            self._fail("unreadable_file", f"reading failed after {self.taken:,} bytes: {_what(error)}")
            return b""
        self.taken += len(data)
        return data or b""

    def _fail(self, reason: str, detail: str) -> None:
        self.problem = self.problem or (reason, detail)
        self._end = True

    def _more(self) -> bytes:
        """The next output, perhaps none yet; sets ``_end`` when there is no more."""
        assert self._make is not None  # noqa: S101 - for the type checker
        if not self._pending:
            self._pending = self._take(_INPUT)
            if not self._pending:
                if self._decoder is not None and self.problem is None:
                    self._fail("truncated_file", f"the {self._name} stream ends in the middle, after {self._spot()}")
                self._end = True
                return b""
        if self._decoder is None and not self._next_member():
            return b""
        decoder = self._decoder
        assert decoder is not None  # noqa: S101 - for the type checker
        data, later = self._pending[: decoder.step], self._pending[decoder.step :]
        try:
            out = decoder.decompress(data)
        except decoder.errors as error:
            self.doubt = self.members[-1][0]
            out = decoder.salvage(data)
            self.given += len(out)
            self._fail("corrupt_file", f"the {self._name} stream is damaged after {self._spot()}: {_what(error)}")
            return out if self.given <= self._max_bytes else b""
        except MemoryError:
            self._fail("decompression_bomb", f"the {self._name} stream needs too much memory after {self._spot()}")
            return b""
        self._pending = decoder.rest + later
        if decoder.eof:
            self._decoder = None
        self.given += len(out)
        return out if self._within_limits() else b""

    def _next_member(self) -> bool:
        """Begin the next gzip member or zstd frame; zero bytes after the last one are padding (RFC 1952, tapes)."""
        if self.taken > len(self._pending):
            self._pending = self._pending.lstrip(b"\x00") if self._name == "gzip" else self._pending
            while not self._pending and self._name == "gzip":
                self._pending = self._take(_INPUT)
                if not self._pending:
                    self._end = True
                    return False
                self._pending = self._pending.lstrip(b"\x00")
        if len(self._pending) < 4:
            self._pending += self._take(_INPUT)
        member = self.taken - len(self._pending)
        if self.given and compression_of(self._pending) is None and member:
            if len(self._pending) < 4 and GZIP_MAGIC.startswith(self._pending[:2]):
                self._fail("truncated_file", f"the {self._name} stream ends in the middle, after {self._spot()}")
            else:
                self._fail("corrupt_file", f"after {self._spot()} follow bytes that are no {self._name} data")
            return False
        assert self._make is not None  # noqa: S101 - for the type checker
        self._decoder = self._make()
        self.members.append((self.given, member))
        return True

    def _within_limits(self) -> bool:
        if self.given > self._max_bytes:
            self._fail(
                "decompression_bomb",
                f"the file gives more than {self._max_bytes:,} bytes (KLARTEXT_MAX_DECOMPRESSED_BYTES)",
            )
            return False
        used = max(1, self.taken - len(self._pending))
        if self.given > _RATIO_FLOOR and self.given > used * self._max_ratio:
            self._fail(
                "decompression_bomb",
                f"{used:,} bytes give {self.given:,}, more than {self._max_ratio:g} times as many "
                "(KLARTEXT_MAX_DECOMPRESSION_RATIO)",
            )
            return False
        return True

    def _spot(self) -> str:
        return f"{self.given:,} bytes of content"

    @property
    def waiting(self) -> int:
        return len(self._ready)

    @property
    def file(self) -> BinaryIO:
        return self._file

    def rewind(self) -> None:
        self._file.seek(0)


def _what(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return strip_secrets(str(text))[:200]


class Stream(io.BufferedReader):
    """A buffered, forward-only stream of a file's decompressed bytes. Closing it leaves the file open.

    After the last byte ``problem`` is None or ``(reason, detail)``: the stream broke off there.
    """

    def __init__(self, file: BinaryIO, *, compression: str | None, limits: Settings) -> None:
        self._source = _Raw(file, compression, limits)
        self.compression = compression
        super().__init__(self._source, _BUFFER)

    @property
    def problem(self) -> Problem | None:
        return self._source.problem

    @property
    def given(self) -> int:
        """Bytes of content that were had so far, of which some may wait in the buffer."""
        return self._source.given

    @property
    def consumed(self) -> int:
        """Bytes of content that were read from this stream."""
        waiting = len(self.peek(1))
        return self._source.given - self._source.waiting - waiting

    @property
    def doubt(self) -> int | None:
        """Where, in the content, the member begins whose bytes turned out to be wrong; None when none did."""
        return self._source.doubt

    def spot(self, position: int) -> str:
        """Where byte ``position`` of the content lies in the file: ``OFFSET``, or ``OFFSET+INNER`` of a member.

        Positions must not decrease from call to call: what lies before is forgotten.
        """
        members = self._source.members
        while len(members) > 1 and members[1][0] <= position:
            members.popleft()
        if not members:
            return str(position)
        inner = position - members[0][0]
        return f"{members[0][1]}+{inner}" if inner else str(members[0][1])

    def source(self) -> BinaryIO:
        """The file itself, at its beginning, for a format that is read from its end; only without compression."""
        self._source.rewind()
        return self._source.file

    def wide_charset(self) -> str | None:
        """UTF-16 or UTF-32, when the stream (not read from yet) begins with their byte order mark."""
        head = self.peek(4)[:4]
        for mark, name in ((codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32")):
            if head == mark:
                return name
        return "utf-16" if head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else None

    def recoded(self, charset: str) -> io.BufferedReader:
        """The rest of the stream as UTF-8. What can't be decoded is U+FFFD."""
        return io.BufferedReader(_Recoded(self, charset), _BUFFER)


class _Recoded(io.RawIOBase):
    def __init__(self, stream: Stream, charset: str) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(charset)("replace")
        self._ready = memoryview(b"")
        self._end = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        while not self._ready and not self._end:
            data = self._stream.read1(_INPUT)
            self._end = not data
            text = self._decoder.decode(data, final=self._end)
            self._ready = memoryview(text.encode("utf-8", "replace"))
        count = min(len(view), len(self._ready))
        view[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count
