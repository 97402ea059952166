"""What every reader shares: the report of a reading, the file it reads, how a damaged stream is told."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from etl.model import Capture, Reject
from etl.read.streams import Stream
from etl.reasons import REASONS
from etl.settings import Settings
from etl.text import safe_for_terminal


@dataclass(slots=True)
class ReadReport:
    """What reading found beside captures, so that nothing is left out silently. Adds up over files with ``add``.

    Attributes:
        unknown_columns: file -> columns that no field was read from, in the file's order.
        skipped: what was left out on purpose -> how often (``"WARC request record"`` -> 12, ``"hidden file"``).
        notices: other things a user should know, a sentence each.
    """

    unknown_columns: dict[str, tuple[str, ...]] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)

    def skip(self, what: str, count: int = 1) -> None:
        self.skipped[what] = self.skipped.get(what, 0) + count

    def notice(self, sentence: str) -> None:
        if sentence not in self.notices:
            self.notices.append(sentence)

    def add(self, other: ReadReport) -> None:
        """Take in what another file's reading found (from a worker process, say)."""
        for name, columns in other.unknown_columns.items():
            known = self.unknown_columns.get(name, ())
            self.unknown_columns[name] = known + tuple(column for column in columns if column not in known)
        for what, count in other.skipped.items():
            self.skip(what, count)
        for sentence in other.notices:
            self.notice(sentence)

    def lines(self) -> list[str]:
        """The report in sentences, safe for a terminal; equal lists of unknown columns are told once."""
        by_columns: dict[tuple[str, ...], list[str]] = {}
        for name, columns in self.unknown_columns.items():
            by_columns.setdefault(columns, []).append(name)
        told = []
        for columns, names in by_columns.items():
            where = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
            told.append(f"{where}: columns that were not used: {', '.join(columns)} (--map FIELD=COLUMN uses one)")
        told.extend(f"left out: {count} × {what}" for what, count in sorted(self.skipped.items()))
        return [safe_for_terminal(line, one_line=True) for line in told + self.notices]


@dataclass(slots=True)
class InputFile:
    """One file as a reader sees it.

    Attributes:
        origin: the name that origins begin with: storable, without credentials.
        stream: its bytes, decompressed; ``stream.problem`` tells after the last byte what was wrong with them.
        offset, length: the stretch of the (uncompressed) file whose records are read; ``None``: to the end.
        first_line: number of the line that ``offset`` lies at the start of, when the caller knows it.
        ending: the name's ending without compression, in lower case.
        source_given: whether the caller named the source; else a record may.
    """

    origin: str
    stream: Stream
    limits: Settings
    report: ReadReport
    source: str = "files"
    mapping: Mapping[str, str] = field(default_factory=dict)
    offset: int = 0
    length: int | None = None
    first_line: int | None = None
    ending: str = ""
    source_given: bool = False

    def reject(
        self,
        reason: str,
        detail: str,
        *,
        origin: str | None = None,
        payload: bytes = b"",
        sha256: bytes | None = None,
        url: str | None = None,
    ) -> Reject:
        """A reject of the stage ``read``. ``sha256`` is of the whole payload where ``payload`` is its beginning."""
        assert reason in REASONS, reason  # noqa: S101 - a slip of ours, found by any test that gets here
        return Reject(
            origin=origin or self.origin,
            stage="read",
            reason=reason,
            detail=detail,
            source=self.source,
            url=url,
            payload=payload[: self.limits.quarantine_payload_bytes],
            payload_sha256=sha256 if sha256 is not None else hashlib.sha256(payload).digest(),
        )

    def ending_reject(self, *, origin: str | None = None, rest: bytes = b"") -> Reject | None:
        """The reject for a stream that broke off, once its last bytes were read; ``rest`` is what was left over."""
        problem = self.stream.problem
        if problem is None:
            return None
        reason, detail = problem
        return self.reject(reason, detail, origin=origin, payload=rest)

    def read_whole(self, limit: int, reason: str, what: str) -> bytes | Reject:
        """All bytes of a file that is one record, or its reject: too large, broken off, empty."""
        data = read_up_to(self.stream, limit + 1)
        if len(data) > limit:
            digest = hashlib.sha256(data)
            size = len(data)
            while chunk := self.stream.read(1 << 20):
                digest.update(chunk)
                size += len(chunk)
            told = self.stream.problem or (reason, f"{what} has {size:,} bytes, the limit is {limit:,}")
            return self.reject(*told, payload=data, sha256=digest.digest())
        if self.stream.problem is not None:
            return self.reject(*self.stream.problem, payload=data)
        return data


Reader = Callable[[InputFile], Iterator[Capture | Reject]]


def read_up_to(stream: io.BufferedReader, size: int) -> bytes:
    """At most ``size`` bytes, without asking for a buffer of that size first."""
    pieces = []
    while size > 0 and (piece := stream.read(min(size, 1 << 20))):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def long_rest(stream: io.BufferedReader, head: bytes, end: bytes = b"\n") -> tuple[bytes, int]:
    """Skip the rest of an over-long line in pieces: SHA-256 of the whole line and its size."""
    digest, size = hashlib.sha256(head), len(head)
    while not head.endswith(end):
        head = stream.readline(1 << 20)
        if not head:
            break
        digest.update(head)
        size += len(head)
    return digest.digest(), size


def storable_name(name: str | bytes | os.PathLike[str]) -> str:
    r"""A file name as it can be stored and shown: bytes that aren't UTF-8 are spelt ``\xff``."""
    return os.fsencode(name).decode("utf-8", "backslashreplace").replace("\x00", "\\x00")
