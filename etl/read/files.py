"""Paths and folders to the files that are read: in one order everywhere, links guarded, nothing left out silently."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from etl.errors import UsageError
from etl.model import Reject
from etl.read.base import ReadReport, storable_name
from etl.read.formats import FORMATS, Format, ending_of, format_of_bytes, format_of_name, known_formats
from etl.read.streams import Stream, compression_of
from etl.settings import Settings, get_settings
from etl.text import safe_for_terminal, strip_secrets

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]+)://")
SNIFF_BYTES: Final = 4096
# Files that are unfinished or belong to tools, by the end or the whole of their name: left out, and counted.
_UNFINISHED: Final = (".part", ".partial", ".tmp", ".temp", ".crdownload", ".download", ".open", ".lock", ".swp", "~")
_HOUSEKEEPING: Final = frozenset(("_SUCCESS", "Thumbs.db", "desktop.ini", "SHA256SUMS", "MD5SUMS", "_temporary"))


@dataclass(frozen=True, slots=True)
class Found:
    """A file to read. ``open_captures(found.path)`` reads it, or yields the one reject that ``reject`` holds.

    Attributes:
        path: absolute, or a storage URL; names that aren't UTF-8 keep their bytes as ``os.fsdecode`` gives them.
        size: bytes as stored, 0 where unknown.
        format: name of its format, compression left out (``jsonl``); empty when there is a ``reject``.
        compression: ``gz``, ``zst`` or empty, by the name.
        reject: why it can't be read.
    """

    path: str
    size: int = 0
    format: str = ""
    compression: str = ""
    reject: Reject | None = None


class CannotRead(Exception):  # noqa: N818 - an outcome, not a mistake
    """A file that can't be opened: ``reason`` is a code of ``etl.reasons``."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def is_url(path: str) -> bool:
    """Whether a path is a storage URL (``s3://…``); ``file://`` ones too."""
    return _URL.match(path) is not None


def origin_of(path: str | bytes | os.PathLike[str]) -> str:
    """The name that origins of this file begin with: storable, without credentials."""
    name = storable_name(path)
    return strip_secrets(name) if is_url(name) else name


def check_allowed(path: str | os.PathLike[str], roots: Sequence[str | os.PathLike[str]]) -> None:
    """Symbolic links are resolved on both sides; a URL lies below a root that is a URL of the same storage.

    Raises:
        UsageError: the path isn't below one of the roots.
    """
    if not _allowed(os.fspath(path), roots):
        shown = ", ".join(safe_for_terminal(origin_of(root), one_line=True) for root in roots) or "none"
        raise UsageError(
            f"{_shown(path)} lies outside the folders that may be read",
            fix=f"put it below one of them ({shown}), or add its folder to KLARTEXT_INPUT_ROOTS",
        )


def _allowed(path: str, roots: Sequence[str | os.PathLike[str]]) -> bool:
    path = _local(path)
    names = [_local(os.fspath(root)) for root in roots]
    if is_url(path):
        steps = re.split(r"[/\\]", path)
        if ".." in steps or "." in steps or "::" in path or re.search("(?i)%2e|%2f|%5c", path):
            return False
        bare = _bare_url(path)
        return any(is_url(name) and (bare + "/").startswith(_bare_url(name).rstrip("/") + "/") for name in names)
    real = os.path.realpath(path)
    return any(
        not is_url(name) and os.path.commonpath((real, root := os.path.realpath(name))) == root for name in names
    )


def _bare_url(url: str) -> str:
    scheme, _, rest = strip_secrets(url).partition("://")
    return f"{scheme.lower()}://{re.split('[?#]', rest)[0]}"


def _local(path: str) -> str:
    """``file://`` URLs as paths."""
    if path[:7].lower() == "file://":
        from urllib.parse import unquote

        return unquote("/" + path[7:].removeprefix("localhost").lstrip("/"))
    return path


def _shown(path: str | os.PathLike[str]) -> str:
    return safe_for_terminal(origin_of(path), one_line=True)


def find_files(
    paths: Iterable[str | os.PathLike[str]],
    *,
    roots: Sequence[str | os.PathLike[str]] | None = None,
    report: ReadReport | None = None,
) -> Iterator[Found]:
    """The files that ``paths`` name, folders walked through.

    The order is the one of ``paths``; inside a folder by name, compared byte by byte, a folder's content at its
    own place. A file met twice under one name is given once. Hidden files, unfinished ones (``.part``, ``.tmp`` …)
    and tools' own (``_SUCCESS`` …) inside folders are left out and counted in ``report``; a file of unknown type
    gives a ``Found`` with a reject.

    Args:
        paths: files, folders, storage URLs.
        roots: where given, everything must lie below one of them, links resolved.
        report: is told what was left out.

    Raises:
        UsageError: a path doesn't exist, lies outside the roots, or is a file of unknown type.
    """
    report = report if report is not None else ReadReport()
    seen: set[str] = set()
    for given in paths:
        path = _local(os.fspath(given))
        if not path or "\x00" in path:
            raise UsageError(f"{_shown(path) or 'an empty name'} is no path", fix="name a file or a folder")
        if roots is not None:
            check_allowed(path, roots)
        walked = _find_remote(path, report) if is_url(path) else _find_local(os.path.abspath(path), roots, report)
        empty = True
        for found in walked:
            empty = False
            if found.path not in seen:
                seen.add(found.path)
                yield found
        if empty:
            report.notice(f"{_shown(path)}: nothing to read in this folder")


def _missing(path: str) -> UsageError:
    return UsageError(f"there is no file or folder {_shown(path)}", fix="check the path; nothing was read")


def _unknown(path: str) -> UsageError:
    return UsageError(f"{_shown(path)} is of a type that klartext doesn't read", fix=f"it reads {known_formats()}")


def _find_local(path: str, roots: Sequence[str | os.PathLike[str]] | None, report: ReadReport) -> Iterator[Found]:
    if not os.path.lexists(path):
        raise _missing(path)
    if os.path.isdir(path):
        yield from _walk(path, (), set(), roots, report)
        return
    found = _probe(path)
    if found.reject is not None and found.reject.reason == "unknown_format":
        raise _unknown(path)
    yield found


def _walk(
    folder: str,
    above: tuple[tuple[int, int], ...],
    visited: set[tuple[int, int]],
    roots: Sequence[str | os.PathLike[str]] | None,
    report: ReadReport,
) -> Iterator[Found]:
    """Depth first, without recursion in Python's own stack, so that no depth of folders is too deep."""
    stack: list[tuple[str, tuple[tuple[int, int], ...]]] = [(folder, above)]
    while stack:
        path, ancestors = stack.pop()
        if path != folder and (left_out := _left_out(path)):
            report.skip(left_out)
            continue
        if path != folder and roots is not None and not _allowed(path, roots):
            yield _rejected(path, "outside_input_roots", "it leads outside the folders that may be read")
            continue
        try:
            status = os.stat(path)
        except OSError:
            yield _probe(path)
            continue
        if not stat.S_ISDIR(status.st_mode):
            yield _probe(path)
            continue
        here = (status.st_dev, status.st_ino)
        if here in ancestors:
            yield _rejected(path, "link_loop", _LOOP)
            continue
        if here in visited:
            report.skip("folder that was met before under another name")
            continue
        visited.add(here)
        try:
            names = os.listdir(path)
        except OSError as error:
            yield _rejected(path, "unreadable_file", f"the folder can't be listed: {error.strerror}")
            continue
        names.sort(key=os.fsencode, reverse=True)
        stack.extend((os.path.join(path, name), (*ancestors, here)) for name in names)


def leads_back(path: str) -> str | None:
    """What is wrong with a link that leads to a folder it lies in; None for everything else."""
    if is_url(path) or not os.path.islink(path) or not os.path.isdir(path):
        return None
    real, here = os.path.realpath(path), os.path.realpath(os.path.dirname(path))
    return _LOOP if os.path.commonpath((real, here)) == real else None


_LOOP: Final = "the link leads back to a folder that it lies in"


def _left_out(path: str) -> str | None:
    name = os.path.basename(path)
    if name.startswith("."):
        return "hidden file or folder"
    if name in _HOUSEKEEPING or name.endswith(".crc"):
        return "housekeeping file"
    return "unfinished file" if name.lower().endswith(_UNFINISHED) else None


def _rejected(path: str, reason: str, detail: str) -> Found:
    import hashlib

    reject = Reject(
        origin=origin_of(path),
        stage="read",
        reason=reason,
        detail=detail,
        payload_sha256=hashlib.sha256(b"").digest(),
    )
    return Found(path, reject=reject)


def _probe(path: str) -> Found:
    """A local file by its name, by its first bytes where the name says nothing."""
    ending, compression = ending_of(path)
    known = format_of_name(path)
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            raise CannotRead("not_regular_file", _kind(status.st_mode))
        if known is None:
            file = open_file(path)
            try:
                head = _head(file, get_settings())
            finally:
                file.close()
            known = format_of_bytes(head)
            if known is None:
                raise CannotRead(*unknown_format(ending, head))
        return Found(path, status.st_size, known.name, compression)
    except OSError as error:
        return _rejected(path, *_os_problem(error))
    except CannotRead as error:
        return _rejected(path, error.reason, error.detail)


def unknown_format(ending: str, head: bytes) -> tuple[str, str]:
    """Reason and detail for a file whose name and first bytes say nothing."""
    if not head:
        return "empty_file", "the file holds no bytes"
    what = f"files that end in {ending!r} are of no type that klartext reads" if ending else "its type is unknown"
    return "unknown_format", f"{safe_for_terminal(what, one_line=True)}; it reads {known_formats()}"


def _head(file: BinaryIO, limits: Settings) -> bytes:
    magic = file.read(8)
    file.seek(0)
    stream = Stream(file, compression=compression_of(magic), limits=limits)
    return stream.read(SNIFF_BYTES)


def _kind(mode: int) -> str:
    for test, name in (
        (stat.S_ISFIFO, "a FIFO"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISCHR, "a character device"),
        (stat.S_ISBLK, "a block device"),
        (stat.S_ISDIR, "a folder"),
    ):
        if test(mode):
            return f"it is {name}, not a file"
    return "it is no regular file"


def _os_problem(error: OSError) -> tuple[str, str]:
    import errno

    if error.errno == errno.ELOOP:
        return "link_loop", "the symbolic link leads back to itself"
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return "unreadable_file", "the file isn't there (a dangling link, or it was removed)"
    return "unreadable_file", f"it can't be opened: {error.strerror or error}"


def open_file(path: str) -> BinaryIO:
    """A local file or storage URL, opened for reading bytes. Never waits for a FIFO or a device.

    Raises:
        CannotRead: it can't be opened, or is no regular file.
    """
    if is_url(path):
        return _open_remote(path)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except OSError as error:
        # ENXIO is how a socket or a device without driver answers; say what it is.
        try:
            mode = os.stat(path).st_mode
        except OSError:
            mode = stat.S_IFREG
        if not stat.S_ISREG(mode):
            raise CannotRead("not_regular_file", _kind(mode)) from None
        raise CannotRead(*_os_problem(error)) from None
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        raise CannotRead("not_regular_file", _kind(mode))
    return os.fdopen(descriptor, "rb", buffering=0)


# --- storage URLs ------------------------------------------------------------------------------------------------


def _filesystem(url: str) -> tuple[Any, str]:
    import fsspec
    from fsspec.utils import get_protocol

    if "::" in url:
        raise UsageError(
            f"{_shown(url)}: chained storage URLs aren't read", fix="name one storage, as in s3://bucket/x"
        )
    protocol = get_protocol(url)
    try:
        return fsspec.core.url_to_fs(url)  # type: ignore[no-any-return]
    except (ImportError, ValueError) as error:
        extra = " (s3: pip install 'klartext[s3]')" if protocol in ("s3", "s3a") else ""
        raise UsageError(
            f"{_shown(url)}: klartext can't read {protocol}:// here: {strip_secrets(str(error))[:200]}",
            fix=f"install fsspec's library for it{extra}, or copy the files here",
        ) from None


def _open_remote(url: str) -> BinaryIO:
    filesystem, path = _filesystem(url)
    try:
        return filesystem.open(path, "rb")  # type: ignore[no-any-return]
    except Exception as error:  # every storage library has its own
        raise CannotRead("unreadable_file", f"it can't be opened: {strip_secrets(str(error))[:200]}") from None


def _find_remote(url: str, report: ReadReport) -> Iterator[Found]:
    filesystem, path = _filesystem(url)
    try:
        if filesystem.isfile(path):
            entries = {path: filesystem.info(path)}
            alone = True
        else:
            entries = filesystem.find(path, detail=True)
            alone = False
    except FileNotFoundError:
        entries, alone = {}, False
    except Exception as error:
        raise UsageError(
            f"{_shown(url)} can't be listed: {strip_secrets(str(error))[:200]}",
            fix="check the URL and the credentials",
        ) from None
    if not entries:
        raise _missing(url)
    base = path.rstrip("/")
    for name in sorted(entries, key=lambda name: name.encode("utf-8", "surrogateescape")):
        relative = name[len(base) :].lstrip("/") if name.startswith(base) else name
        parts = relative.split("/") if relative else [name]
        if not alone and (left_out := next(filter(None, map(_left_out, parts)), None)):
            report.skip(left_out)
            continue
        address = url if alone else f"{re.split('[?#]', url)[0].rstrip('/')}/{relative}"
        ending, compression = ending_of(name)
        known = format_of_name(name)
        size = int(entries[name].get("size") or 0)
        if known is None and alone:
            raise _unknown(url)
        if known is None:
            yield _rejected(address, *unknown_format(ending, b"?"))
        else:
            yield Found(address, size, known.name, compression)


__all__ = [
    "FORMATS",
    "CannotRead",
    "Format",
    "Found",
    "Path",
    "check_allowed",
    "find_files",
    "is_url",
    "open_file",
    "origin_of",
]
