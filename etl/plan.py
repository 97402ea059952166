"""What a run reads, cut into batches: a few references that an orchestrator can hand around.

The batches themselves stand in a manifest, one JSON object a line, so that an Airflow run over 100,000 files
passes 256 small references and no list of paths. A batch's key is made of what the batch holds and never of the
run, so the same files give the same keys whoever asks: a repeated or reprocessed run is recognised by them.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal

from etl.acquire.sources import Source, folder_paths, is_remote, landed_files, landing_root
from etl.errors import ConfigurationError, UsageError
from etl.read import find_files, slices
from etl.settings import MIB, Settings
from etl.share import share_root

MAX_BATCHES = 256
TARGET_BYTES = 64 * MIB
# A file costs about as much as this many bytes of its content: opening it, its row in the bookkeeping.
FILE_COST = 16 * 1024
FINGERPRINT_BYTES = 64 * 1024

Kind = Literal["paths", "day", "sweep"]


@dataclass(frozen=True, slots=True)
class Input:
    """A file to read. ``source`` is part of the identity of its records without URL."""

    path: str
    source: str = "files"


@dataclass(frozen=True, slots=True)
class Piece:
    """A file, or a stretch of it. ``key`` names its content and how it is read.

    ``start`` and ``end`` are bytes (``None``: the file's own ends), ``first_line`` the number of the line at
    ``start``, ``bytes`` what there is to read, as stored.
    """

    path: str
    source: str
    start: int | None
    end: int | None
    first_line: int | None
    bytes: int
    key: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Pieces that are loaded together, as the manifest holds them.

    ``roots``: the folders that every piece must lie in, links resolved, also when it is read; ``None``: no limit.
    """

    key: str
    pieces: tuple[Piece, ...]
    fields: Mapping[str, str] = field(default_factory=dict)
    roots: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRequest:
    """What to read: ``paths``, else a ``day`` of capture, else all that isn't finished yet.

    Attributes:
        paths: files and folders, each below one of ``roots``; storage URLs only below a root that is one.
        day: a UTC day: its landing folders, and the dated folders of ``folder`` sources.
        source: the source name of ``paths``.
        fields: which field holds what (``{"text": "body"}``), for tables and JSONL.
        landing: the landing zone, a local folder or an fsspec URL.
        sources: the configured sources; only those of kind ``folder`` are read here.
        roots: the folders that ``paths`` may lie in.
    """

    paths: tuple[str, ...] = ()
    day: date | None = None
    source: str = "files"
    fields: Mapping[str, str] = field(default_factory=dict)
    landing: str
    sources: tuple[Source, ...] = ()
    roots: tuple[Path | str, ...] = ()

    @property
    def kind(self) -> Kind:
        """Which of the three it is."""
        return "paths" if self.paths else "day" if self.day else "sweep"

    @property
    def read_roots(self) -> tuple[Path | str, ...] | None:
        """The folders that its files must lie in; ``None`` for configured ones, which lie where they were put."""
        return self.roots if self.kind == "paths" else None


def input_roots(settings: Settings) -> tuple[Path | str, ...]:
    """The folders that runs may read by path: ``KLARTEXT_INPUT_ROOTS`` or the home, the landing zone, the samples."""
    return (*(settings.input_roots or (settings.home,)), landing_root(settings), share_root() / "examples")


def choose_inputs(request: PlanRequest) -> list[Input]:
    """The files of a request, each once, sorted by path.

    Raises:
        UsageError: a path is a URL or relative, doesn't exist, or lies outside the roots once symbolic links are
            followed.
    """
    chosen: dict[str, Input] = {}
    if request.kind == "paths":
        for given in request.paths:
            if is_remote(given):
                if not any(is_remote(root) for root in request.roots):
                    raise UsageError(
                        f"{given!r} is a URL, and runs read files only",
                        fix="name a file or folder; pages of the web are fetched by the DAG acquire",
                    )
            elif not Path(given).is_absolute():
                raise UsageError(f"the path {given!r} is not absolute", fix="begin it with /")
        for found in find_files(request.paths, roots=request.roots):
            # What was acquired belongs to its source, whoever asks for it.
            acquired = found.path.startswith(f"{request.landing.rstrip('/')}/date=")
            name = _landing_source(found.path) if acquired else request.source
            chosen.setdefault(found.path, Input(found.path, name))
    else:
        for landed in landed_files(request.landing, request.day):
            chosen.setdefault(landed, Input(landed, _landing_source(landed)))
        for source in request.sources:
            if source.kind == "folder" and source.enabled:
                for found in find_files(folder_paths(source, request.day)):
                    chosen.setdefault(found.path, Input(found.path, source.name))
    return [chosen[path] for path in sorted(chosen)]


def plan_batches(
    inputs: Sequence[Input | str],
    *,
    manifest_dir: Path,
    run_id: str,
    fields: Mapping[str, str] | None = None,
    roots: Sequence[Path | str] | None = None,
    max_batches: int = MAX_BATCHES,
    target_bytes: int = TARGET_BYTES,
    finished: Callable[[Sequence[str]], set[str]] | None = None,
) -> list[dict[str, Any]]:
    """Cuts files into batches of about ``target_bytes``, writes the manifest and refers to its lines.

    Small files are put together, big ones sliced where their format allows. When that would make more than
    ``max_batches``, batches grow. Order and time don't matter: the same files give the same batches and keys.

    Args:
        inputs: the files; plain paths have the source ``files``.
        manifest_dir: where ``RUN_ID.jsonl`` is written (made when missing, replaced when there).
        run_id: names the manifest, nothing else.
        roots: goes into the batches; see there.
        fields: as in ``PlanRequest``; part of the keys, as the same file read otherwise gives other records.
        finished: tells which of some piece keys were loaded completely before; those are left out.

    Returns:
        One reference a batch: ``{"manifest", "offset", "key", "pieces", "bytes"}``, for ``read_batch``.
    """
    fields = dict(fields or {})
    limits = (
        None
        if roots is None
        else tuple(str(root) if is_remote(root) else str(Path(root).absolute()) for root in roots)
    )
    files = sorted({i.path: i for i in (Input(i) if isinstance(i, str) else i for i in inputs)}.items())
    pieces = [piece for _, file in files for piece in _cut(file, fields, target_bytes)]
    if finished is not None:
        done = finished([piece.key for piece in pieces])
        pieces = [piece for piece in pieces if piece.key not in done]
    batches = [
        Batch(_digest(*(piece.key for piece in group)), tuple(group), fields, limits)
        for group in _group(pieces, max_batches, target_bytes)
    ]
    return _write_manifest(manifest_dir / f"{run_id}.jsonl", batches)


def read_batch(reference: Mapping[str, Any]) -> Batch:
    """The batch that a reference of ``plan_batches`` stands for.

    Raises:
        ConfigurationError: its manifest is gone or another one by now.
    """
    try:
        with Path(reference["manifest"]).open("rb") as handle:
            handle.seek(reference["offset"])
            line = json.loads(handle.readline())
    except FileNotFoundError:
        raise ConfigurationError(
            f"the manifest {reference['manifest']} is gone",
            fix="all workers must share one KLARTEXT_HOME; or clear the whole run, so that it plans anew",
        ) from None
    except ValueError:
        line = {}
    if line.get("key") != reference["key"]:
        raise ConfigurationError(
            f"the manifest {reference['manifest']} doesn't hold batch {reference['key']}",
            fix="clear the whole run, so that it plans anew",
        )
    roots = None if line["roots"] is None else tuple(line["roots"])
    return Batch(line["key"], tuple(Piece(**piece) for piece in line["pieces"]), line["fields"], roots)


def _landing_source(path: str) -> str:
    """``NAME`` of ``…/source=NAME/file``."""
    folder = path.rsplit("/", 2)[-2]
    return folder.removeprefix("source=") or "files"


def _cut(file: Input, fields: Mapping[str, str], target_bytes: int) -> Iterator[Piece]:
    size, fingerprint = _fingerprint(file.path)
    identity = (file.path, file.source, json.dumps(fields, sort_keys=True), str(size), fingerprint)
    cuts = slices(file.path, target_bytes) if size > 2 * target_bytes and not is_remote(file.path) else []
    if len(cuts) < 2:
        yield Piece(file.path, file.source, None, None, None, size, _digest(*identity))
        return
    for cut in cuts:
        end = None if cut.length is None else cut.offset + cut.length
        key = _digest(*identity, f"{cut.offset}-{end}")
        yield Piece(file.path, file.source, cut.offset, end, cut.first_line, cut.size, key)


def _fingerprint(path: str) -> tuple[int, str]:
    """Size in bytes and a hash of a file's two ends; ``(0, "")`` for one that can't be read (its read rejects it).

    Not a hash of all of it, so that planning doesn't read everything. It tells a replaced file from the one
    that was loaded; a change in the middle that keeps the size goes unnoticed by a sweep, which only looks at
    files that are written once.
    """
    if is_remote(path):
        import fsspec

        filesystem, name = fsspec.core.url_to_fs(path)
        details = filesystem.info(name)
        return int(details["size"]), str(details.get("ETag") or details.get("md5") or "")
    try:
        # O_NONBLOCK: a FIFO in a folder must not make planning wait for a writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as handle:
            size = os.fstat(descriptor).st_size
            ends = handle.read(FINGERPRINT_BYTES)
            if size > FINGERPRINT_BYTES:
                handle.seek(max(FINGERPRINT_BYTES, size - FINGERPRINT_BYTES))
                ends += handle.read(FINGERPRINT_BYTES)
    except OSError:
        return 0, ""
    return size, hashlib.sha256(ends).hexdigest()


def _group(pieces: Sequence[Piece], max_batches: int, target_bytes: int) -> list[list[Piece]]:
    """Neighbours together, each group up to the target; the target grows until there are few enough groups."""
    while True:
        groups: list[list[Piece]] = []
        room = 0
        for piece in pieces:
            cost = piece.bytes + FILE_COST
            if not groups or cost > room:
                groups.append([])
                room = target_bytes
            groups[-1].append(piece)
            room -= cost
        if len(groups) <= max_batches:
            return groups
        total = sum(piece.bytes + FILE_COST for piece in pieces)
        target_bytes = max(-(-total // max_batches), target_bytes + target_bytes // 4)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _write_manifest(path: Path, batches: Sequence[Batch]) -> list[dict[str, Any]]:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    references: list[dict[str, Any]] = []
    with partial.open("wb") as handle:
        for batch in batches:
            line = asdict(batch)
            references.append(
                {
                    "manifest": str(path),
                    "offset": handle.tell(),
                    "key": batch.key,
                    "pieces": len(batch.pieces),
                    "bytes": sum(piece.bytes for piece in batch.pieces),
                }
            )
            # ASCII only: names that are no valid UTF-8 survive as lone surrogates.
            handle.write(json.dumps(line).encode("ascii") + b"\n")
    partial.replace(path)
    return references
