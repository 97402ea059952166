"""The formats klartext reads: one registry, by the end of the name and by the first bytes.

A new format is a module with ``read(file: InputFile)`` and a line here.
"""

from __future__ import annotations

import importlib
import os
import re
from dataclasses import dataclass
from typing import Final, cast

from etl.read.base import Reader


@dataclass(frozen=True, slots=True)
class Format:
    """A format, its name endings, and the module under ``etl.read`` whose ``read`` reads it.

    ``many``: records are given out before the file's last byte was seen.
    """

    name: str
    endings: tuple[str, ...]
    module: str
    what: str
    many: bool = True

    def reader(self) -> Reader:
        return cast(Reader, importlib.import_module(f"etl.read.{self.module}").read)


FORMATS: Final = (
    Format("text", (".txt", ".text"), "text", "plain text", many=False),
    Format("jsonl", (".jsonl", ".ndjson", ".jl"), "jsonl", "JSON Lines"),
    Format("json", (".json",), "jsondoc", "JSON"),
    Format("csv", (".csv",), "table", "CSV"),
    Format("tsv", (".tsv", ".tab"), "table", "TSV"),
    Format("parquet", (".parquet", ".pq"), "parquet", "Parquet", many=False),
    Format("html", (".html", ".htm", ".xhtml"), "html", "web pages", many=False),
    Format("warc", (".warc",), "warc", "WARC"),
)
_BY_ENDING: Final = {ending: format_ for format_ in FORMATS for ending in format_.endings}
_BY_NAME: Final = {format_.name: format_ for format_ in FORMATS}
_COMPRESSIONS: Final = {".gz": "gz", ".gzip": "gz", ".zst": "zst", ".zstd": "zst"}


def ending_of(path: str | os.PathLike[str]) -> tuple[str, str]:
    """``(".jsonl", "gz")`` for ``x.jsonl.gz``: the ending in lower case, and the compression or an empty string."""
    name = re.split(r"[/\\]", os.fspath(path))[-1].lower()
    if "://" in os.fspath(path):
        name = re.split("[?#]", name)[0]
    stem, dot, last = name.rpartition(".")
    compression = _COMPRESSIONS.get(dot + last, "") if stem else ""
    if compression:
        stem, dot, last = stem.rpartition(".")
    return (dot + last if dot and stem else ""), compression


def format_of_name(path: str | os.PathLike[str]) -> Format | None:
    """The format that a name's ending stands for."""
    return _BY_ENDING.get(ending_of(path)[0])


def format_of_bytes(head: bytes) -> Format | None:
    """The format of a file by its first (decompressed) bytes, where its name says nothing."""
    if head.startswith(b"WARC/"):
        return _BY_NAME["warc"]
    if head.startswith(b"PAR1"):
        return _BY_NAME["parquet"]
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if re.match(rb"(?i)<!doctype\s+html|<html[\s>]", start):
        return _BY_NAME["html"]
    if re.match(rb'\{\s*"', start):
        return _BY_NAME["json"]
    if re.match(rb'\[\s*\{\s*"', start):
        return _BY_NAME["json"]
    return None


def known_formats() -> str:
    """The list for messages: ``plain text (.txt, .text), JSON Lines (…) …, each also .gz or .zst``."""
    shown = ", ".join(f"{format_.what} ({', '.join(format_.endings)})" for format_ in FORMATS)
    return f"{shown}; each also .gz or .zst"
