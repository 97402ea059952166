"""``sources.toml``: where articles come from, validated, and where what was acquired lies.

The landing zone is one folder a UTC day of capture and source: ``ROOT/date=YYYY-MM-DD/source=NAME/*.warc.gz``.
``ROOT`` is a local path or any fsspec URL (``s3://bucket/prefix``), so landed files are strings.
"""

from __future__ import annotations

import difflib
import fnmatch
import glob
import ipaddress
import re
import sys
import tomllib
from collections.abc import Sequence
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

import re2
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from etl.errors import ConfigurationError
from etl.settings import Settings
from etl.text import strip_credentials

Kind = Literal["feed", "sitemap", "urls", "folder", "ccnews"]
CCNEWS_URL = "https://data.commoncrawl.org/"
SITEMAP_ITEMS = 1000

_NAME = re.compile(r"\w[\w.-]{0,99}")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h|d|w)")
_UNIT_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}
_DATE_FIELD = re.compile(r"\{date:([^{}]*)\}")
_HEADER = re.compile(r"\s*\[\[\s*source\s*\]\]")
_ANY_HEADER = re.compile(r"\s*\[")


def parse_duration(value: object) -> object:
    """``"90s"``, ``"15m"``, ``"6h"``, ``"2d"``, ``"1w"`` as a timedelta; other values are left to pydantic.

    Raises:
        ValueError: a string that is no duration.
    """
    if not isinstance(value, str):
        return value
    match = _DURATION.fullmatch(value.strip())
    if match is None:
        raise ValueError("a duration is a number and s, m, h, d or w, such as '15m'")
    return timedelta(seconds=float(match[1]) * _UNIT_SECONDS[match[2]])


def _one_or_more(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Duration = Annotated[timedelta, BeforeValidator(parse_duration)]
Strings = Annotated[tuple[str, ...], BeforeValidator(_one_or_more)]


class Source(BaseModel):
    """One ``[[source]]``: what to acquire, how much of it and how politely.

    ``include`` and ``exclude`` are regular expressions in RE2's syntax, searched in the URL; a pattern that
    begins with ``*`` is a shell-style wildcard over the whole URL.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(description="names the landing folder and the source of a record; letters, digits, _ . -")
    kind: Kind = Field(description="feed, sitemap, urls, folder or ccnews")
    url: str | None = Field(None, description="the feed's or sitemap's URL, the page's, the archive's base")
    urls: Strings = Field((), description="several of them")
    path: str | None = Field(
        None, description="folder: files to read, {date:%Y-%m-%d} and wildcards allowed; urls: a file, one URL a line"
    )
    country: str | None = Field(None, description="ISO 3166-1 code, a hint")
    language: str | None = Field(None, description="ISO 639-1 code, a hint")
    enabled: bool = Field(True, description="false: left out unless named with --only")
    every: Duration = Field(timedelta(hours=1), description="how often a scheduled run looks at it")
    max_items: int | None = Field(
        None, ge=1, description="most articles that one run asks for; default all, of a sitemap the newest 1000"
    )
    max_age: Duration | None = Field(None, description="entries that say they are older are not asked for")
    delay: float = Field(1.0, ge=0, description="seconds from request to request on one host")
    concurrency: int | None = Field(None, ge=1, description="most hosts of this source that are asked at once")
    user_agent: str | None = Field(None, description="names who asks, with a way to get in touch")
    include: Strings = Field((), description="only URLs that match one of these are asked for")
    exclude: Strings = Field((), description="URLs that match one of these are not asked for")
    since: date | None = Field(None, description="ccnews: first day of the archive")
    until: date | None = Field(None, description="ccnews: last day of the archive, itself included")
    domains: Strings = Field((), description="ccnews: only pages of these domains and their subdomains")
    languages: Strings = Field((), description="ccnews: only pages that declare one of these, or none")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if _NAME.fullmatch(self.name) is None:
            raise ValueError("name: letters, digits, '_', '.' and '-', at most 100, not beginning with '.' or '-'")
        if self.kind in ("feed", "sitemap") and not self.all_urls:
            raise ValueError(f"url: a source of kind {self.kind} needs 'url' or 'urls'")
        if self.kind == "urls" and not (self.all_urls or self.path):
            raise ValueError("urls: a source of kind urls needs 'url', 'urls' or 'path'")
        if self.kind == "folder" and not self.path:
            raise ValueError("path: a source of kind folder needs 'path'")
        for url in self.all_urls:
            self._check_url(url)
        for key in ("include", "exclude"):
            for pattern in getattr(self, key):
                _compile(key, pattern)
        if self.user_agent is not None and re.search(r"[\r\n\0]", self.user_agent):
            raise ValueError("user_agent: one line without control characters")
        if self.since and self.until and self.since > self.until:
            raise ValueError(f"since: {self.since} is after until, {self.until}")
        return self

    def _check_url(self, url: str) -> None:
        schemes = ("http", "https", "s3", "file") if self.kind == "ccnews" else ("http", "https")
        try:
            parts = urlsplit(url)
            wrong = parts.scheme not in schemes or not (parts.hostname or parts.scheme == "file")
        except ValueError:
            wrong = True
        if wrong and self.kind != "urls":  # a URL list may hold anything: each of its lines has an outcome
            raise ValueError(f"url: {strip_credentials(url)!r} is no http or https URL")

    @property
    def all_urls(self) -> tuple[str, ...]:
        """``url`` and ``urls`` together, each once, in order."""
        return tuple(dict.fromkeys(([self.url] if self.url else []) + list(self.urls)))

    @property
    def limit(self) -> int:
        """Most articles that one run asks for."""
        return self.max_items or (SITEMAP_ITEMS if self.kind == "sitemap" else sys.maxsize)

    @cached_property
    def _patterns(self) -> tuple[list[Any], list[Any]]:
        return ([_compile("include", p) for p in self.include], [_compile("exclude", p) for p in self.exclude])

    def excluded_by(self, url: str) -> str | None:
        """The pattern that keeps ``url`` out (``include`` when none of those matches), or None."""
        include, exclude = self._patterns
        for text, pattern in zip(self.exclude, exclude, strict=True):
            if pattern.search(url):
                return f"exclude {text!r}"
        if include and not any(pattern.search(url) for pattern in include):
            return "no include pattern matches"
        return None


def _compile(key: str, pattern: str) -> Any:
    regex = fnmatch.translate(pattern).replace(r"\Z", r"\z") if pattern.startswith("*") else pattern
    regex = re.sub(r"\(\?>(.*?)\)", r"(?:\1)", regex)  # fnmatch writes atomic groups, which RE2 needs not
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(regex, options)
    except re2.error as error:
        detail = error.args[0].decode() if isinstance(error.args[0], bytes) else error
        raise ValueError(f"{key}: {pattern!r} is no regular expression of RE2: {detail}") from None


class SourcesFile(BaseModel):
    """A whole ``sources.toml``. ``allow_private``: true, or the networks that may be asked (for intranets)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    allow_private: bool | tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = False
    user_agent: str | None = Field(None, description="for sources that set none")
    source: tuple[Source, ...] = ()


def load_config(path: str | Path) -> SourcesFile:
    """Read and validate a sources file.

    Raises:
        ConfigurationError: no such file, no TOML, or a wrong value; the message names file, line and key.
    """
    path = Path(path)
    fix = "see sources.example.toml for every key; `klartext sources add URL` writes an entry"
    try:
        text = path.read_bytes().decode("utf-8")
        data = tomllib.loads(text)
    except FileNotFoundError:
        raise ConfigurationError(f"there is no sources file {path}", fix=fix) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} can't be read: {error}", fix=fix) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path} is not valid TOML: {error}", fix=fix) from None
    try:
        config = SourcesFile.model_validate(data)
    except ValidationError as error:
        raise ConfigurationError(_explain(path, text, error), fix=fix) from None
    seen: dict[str, int] = {}
    for number, source in enumerate(config.source):
        if source.name in seen:
            line = _line_of(text, ("source", number, "name"))
            raise ConfigurationError(f"{path}, line {line}, key name: {source.name!r} is there twice", fix=fix)
        seen[source.name] = number
    folder = path.resolve().parent
    sources = tuple(
        s.model_copy(update={"path": str(folder / Path(s.path).expanduser())}) if s.path else s for s in config.source
    )
    return config.model_copy(update={"source": sources})


def load_sources(path: str | Path) -> list[Source]:
    """The sources of a ``sources.toml``, in its order; relative paths are taken from the file's folder.

    Raises:
        ConfigurationError: no such file, no TOML, or a wrong value; the message names file, line and key.
    """
    return list(load_config(path).source)


def _explain(path: Path, text: str, error: ValidationError) -> str:
    """One message for the first problem, with the number of further ones."""
    problems = error.errors()
    first = problems[0]
    location = list(first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    key = next((part for part in location if isinstance(part, str) and part != "source"), "")
    if first["type"] == "value_error" and ": " in message and re.match(r"\w+: ", message):
        key, message = message.split(": ", 1)
        location = [*location[:2], key]
    elif first["type"] == "extra_forbidden":
        fields = Source.model_fields if len(location) > 1 else SourcesFile.model_fields
        close = difflib.get_close_matches(key, fields, n=1)
        message = "there is no such key" + (f"; did you mean {close[0]!r}?" if close else "")
    elif first["type"] == "missing":
        message = "it is missing"
    elif first["type"] != "value_error":
        message += f" (it is {first['input']!r})" if isinstance(first["input"], int | float | bool) else ""
    more = f" ({len(problems) - 1} more after it)" if len(problems) > 1 else ""
    return f"{path}, line {_line_of(text, location)}, key {key or 'source'}: {message}{more}"


def _line_of(text: str, location: Sequence[int | str]) -> int:
    """The line (from 1) of a key, or of its table's header when the key isn't there."""
    lines = text.splitlines()
    index = next((part for part in location if isinstance(part, int)), None)
    keys = [part for part in location if isinstance(part, str) and part != "source"]
    start, count = 0, -1
    if index is not None:
        for number, line in enumerate(lines):
            if _HEADER.match(line):
                count += 1
                if count == index:
                    start = number
                    break
    found = start
    for number in range(start, len(lines)):
        if number > start and _ANY_HEADER.match(lines[number]):
            break
        if keys and re.match(rf"\s*[\"']?{re.escape(keys[0])}[\"']?\s*=", lines[number]):
            found = number
            break
    return found + 1


def folder_paths(source: Source, day: date | None) -> list[Path]:
    """The files and folders that a ``folder`` source stands for, sorted.

    Args:
        day: fills ``{date:FORMAT}`` (``strftime``) in the path. Without it every date matches; with it, a path
            that holds no date gives nothing, as it can't be said what of it belongs to that day.

    Raises:
        ValueError: the source is of another kind.
    """
    if source.kind != "folder" or source.path is None:
        raise ValueError(f"source {source.name} is of kind {source.kind}, not folder")
    if day is not None and not _DATE_FIELD.search(source.path):
        return []
    if day is None:
        pattern = _DATE_FIELD.sub(lambda m: re.sub(r"%[-_0^#]?\w", "*", m[1]), source.path)
    else:
        pattern = _DATE_FIELD.sub(lambda m: glob.escape(day.strftime(m[1])), source.path)
    return [Path(found) for found in sorted(glob.glob(pattern, recursive=True))]  # noqa: PTH207 - absolute patterns


def landing_root(settings: Settings) -> str:
    """The landing zone: ``KLARTEXT_ACQUIRE_LANDING`` (a path or fsspec URL), else ``landing`` in the home."""
    from etl.acquire.settings import read_acquire_settings

    return read_acquire_settings().landing or str(settings.home / "landing")


def sources_path(settings: Settings) -> Path | None:
    """The sources file that is configured, else ``sources.toml`` here or in the home; None when there is none."""
    from etl.acquire.settings import read_acquire_settings

    configured = read_acquire_settings().sources
    if configured is not None:
        return configured
    return next((path for path in (Path("sources.toml"), settings.home / "sources.toml") if path.is_file()), None)


def load_configured_sources(settings: Settings) -> list[Source]:
    """The sources of the file that is configured; none when there is no file.

    Raises:
        ConfigurationError: the file is wrong, or the one that ``KLARTEXT_ACQUIRE_SOURCES`` names isn't there.
    """
    path = sources_path(settings)
    return load_sources(path) if path is not None else []


def is_remote(root: str | Path) -> bool:
    """Whether a landing zone is an fsspec URL rather than a local path."""
    return "://" in str(root)


def landing_dir(root: str | Path, day: date, source: str) -> str:
    """``ROOT/date=YYYY-MM-DD/source=NAME``: where captures of ``source`` made on the UTC day ``day`` lie."""
    return f"{str(root).rstrip('/')}/date={day:%Y-%m-%d}/source={source}"


def landed_files(root: str | Path, day: date | None = None) -> list[str]:
    """All finished WARC files of the landing zone, or of one UTC day of capture, sorted by path.

    Files under a temporary name (still being written, or left by a killed run) are not among them. A landing
    zone that doesn't exist yet holds no files.
    """
    part = f"date={day:%Y-%m-%d}" if day else "date=*"
    if not is_remote(root):
        return sorted(str(path) for path in Path(root).glob(f"{part}/source=*/*.warc.gz") if path.is_file())
    import fsspec

    filesystem, base = fsspec.core.url_to_fs(str(root))
    filesystem.invalidate_cache()
    found = filesystem.glob(f"{base.rstrip('/')}/{part}/source=*/*.warc.gz")
    return sorted(filesystem.unstrip_protocol(name) for name in found)
