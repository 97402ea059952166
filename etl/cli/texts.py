"""Commands that need no database: ``clean``, ``extract`` and ``rules``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from etl.cli.common import JsonOption, say, write_json
from etl.errors import UsageError
from etl.model import Capture, LanguageGuess, Record, Reject

# A line of JSON is held whole; the longest that is read.
_MAX_LINE_FACTOR = 8


def register(app: typer.Typer) -> None:
    """Adds this module's commands to the application."""
    app.command()(clean)
    app.command()(extract)
    app.add_typer(rules, name="rules", help="The cleaning rules: list and check them.")


# --- input -------------------------------------------------------------------------------------------------------


def _bytes_of(path: str) -> bytes:
    if path == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        raise UsageError(f"{path}: there is no such file", fix="check the path; - reads from stdin") from None
    except IsADirectoryError:
        raise UsageError(f"{path} is a folder", fix="name one file; `klartext ingest` reads folders") from None
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}") from None


class BadLineError(Exception):
    """A line of a ``--jsonl`` stream that can't be answered."""

    def __init__(self, number: int, reason: str, detail: str, identifier: Any = None) -> None:
        super().__init__(detail)
        self.answer = {"id": identifier, "line": number, "error": reason, "detail": detail}


def _lines(stream: BinaryIO, limit: int) -> Iterator[tuple[int, bytes | None]]:
    """Numbered lines; ``None`` stands for one beyond the limit, whose rest is read past."""
    number = 0
    while line := stream.readline(limit + 1):
        number += 1
        if len(line) > limit and not line.endswith(b"\n"):
            while (rest := stream.readline(limit)) and not rest.endswith(b"\n"):
                pass
            yield number, None
        else:
            yield number, line


def _object(number: int, line: bytes | None, limit: int) -> dict[str, Any]:
    if line is None:
        raise BadLineError(number, "record_too_large", f"the line is longer than {limit} bytes")
    try:
        value = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
    except UnicodeDecodeError as error:
        raise BadLineError(number, "bad_encoding", f"the line is not UTF-8: {error.reason}") from None
    except json.JSONDecodeError as error:
        raise BadLineError(number, "invalid_json", f"{error.msg} at column {error.colno}") from None
    except RecursionError:
        raise BadLineError(number, "nested_too_deep", "the line is nested too deep") from None
    except ValueError as error:
        raise BadLineError(number, "invalid_json", str(error)) from None
    if not isinstance(value, dict):
        raise BadLineError(number, "not_an_object", f"the line is a JSON {type(value).__name__}, not an object")
    return value


def _string(number: int, record: dict[str, Any], key: str, *, required: bool = False) -> str | None:
    from etl.text import storable

    value = record.get(key)
    if value is None:
        if required:
            raise BadLineError(number, "missing_text", f"the object has no {key!r}", record.get("id"))
        return None
    if not isinstance(value, str):
        raise BadLineError(
            number, "wrong_type", f"{key!r} is a JSON {type(value).__name__}, not a string", record.get("id")
        )
    return storable(value)[0]


# --- clean -------------------------------------------------------------------------------------------------------


def _cleaned(text: str, language: str | None, site: str | None) -> dict[str, Any]:
    from etl.clean import clean as clean_text
    from etl.language import detect

    # A language that the caller states isn't second-guessed.
    guess = LanguageGuess(language, 1.0) if language else detect(text)
    result = clean_text(text, language=guess.language, site=site)
    return {
        "text": result.text,
        "language": guess.language,
        "language_confidence": guess.confidence,
        "removed": [span.as_json() for span in result.removed],
    }


def _stop_unless_stdin(jsonl: bool, file: str) -> None:
    if jsonl and file != "-":
        raise UsageError(f"--jsonl reads from stdin, not from {file}", fix=f"write: --jsonl - < {file}")


def clean(
    file: Annotated[str, typer.Argument(metavar="[FILE|-]", help="A text file; - is stdin.")] = "-",
    as_json: JsonOption = False,
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help='Read objects {"id","text","site"?,"language"?}, one a line, from stdin.')
    ] = False,
    site: Annotated[str | None, typer.Option(help="The host that the text is from.", metavar="HOST")] = None,
    language: Annotated[
        str | None, typer.Option(help="The text's language (ISO 639-1); without it, it is detected.", metavar="xx")
    ] = None,
) -> None:
    """Text in, clean text out: boilerplate removed, every other character kept."""
    from etl.read.text import split_header
    from etl.text import decode

    _stop_unless_stdin(jsonl, file)
    if jsonl:
        _clean_lines(site, language)
        return
    given = decode(_bytes_of(file))
    body = split_header(given.text).text
    answer = _cleaned(body, language, site)
    if as_json:
        write_json(answer)
        return
    sys.stdout.write(answer["text"])
    if sys.stdout.isatty() and not answer["text"].endswith("\n"):
        sys.stdout.write("\n")
    sys.stdout.flush()


def _clean_lines(site: str | None, language: str | None) -> None:
    from etl.settings import get_settings

    limit = get_settings().max_record_bytes
    failed = 0
    for number, line in _lines(sys.stdin.buffer, limit):
        try:
            record = _object(number, line, limit)
            text = _string(number, record, "text", required=True)
            own_language = _string(number, record, "language")
            own_site = _string(number, record, "site")
            answer = {"id": record.get("id"), **_cleaned(text or "", own_language or language, own_site or site)}
        except BadLineError as error:
            failed += 1
            answer = error.answer
        write_json(answer)
    if failed:
        say(f"{failed} lines could not be read")
        raise typer.Exit(1)


# --- extract -----------------------------------------------------------------------------------------------------


def article_json(record: Record) -> dict[str, Any]:
    """The ARTICLE shape of the public interface."""
    article = record.article
    published, modified = article.published, article.modified
    return {
        "url": article.url,
        "canonical_url": article.canonical_url,
        "site": article.site,
        "title": article.title,
        "authors": list(article.authors),
        "published_at": published.start.isoformat() if published else None,
        "published_precision": published.precision if published else None,
        "modified_at": modified.start.isoformat() if modified else None,
        "language": record.language,
        "language_confidence": record.language_confidence,
        "access": article.access,
        "text": record.clean_text,
        "extracted_text": article.text,
        "removed": [span.as_json() for span in record.removed],
    }


def extract(
    file: Annotated[str, typer.Argument(metavar="FILE.html|-", help="An HTML page; - is stdin.")] = "-",
    jsonl: Annotated[
        bool,
        typer.Option("--jsonl", help='Read objects {"id","html","url"?,"captured_at"?}, one a line, from stdin.'),
    ] = False,
    url: Annotated[str | None, typer.Option(help="Where the page is from.")] = None,
    as_json: JsonOption = False,
) -> None:
    """One page in, the article as JSON out: metadata, text, and what was removed from it."""
    from etl.worker import Worker

    _stop_unless_stdin(jsonl, file)
    if jsonl:
        _extract_lines(url)
        return
    capture = Capture(origin=file, html=_bytes_of(file), url=_checked_url(url))
    with Worker[Record | Reject]("etl.process:process") as worker:
        for _, result in worker.map([capture]):
            if isinstance(result, Reject):
                say(f"{file}: {result.reason}: {result.detail}")
                if as_json:
                    write_json({"error": result.reason, "detail": result.detail})
                raise typer.Exit(1)
            write_json(article_json(result))


def _checked_url(url: str | None) -> str | None:
    from etl.dedupe import url_key
    from etl.text import strip_credentials

    if url is None:
        return None
    try:
        url_key(url)
    except ValueError as error:
        raise UsageError(f"--url {url}: {error}", fix="give an absolute http or https URL") from None
    return strip_credentials(url)


def _extract_lines(url: str | None) -> None:
    from collections import deque

    from etl.flow import through
    from etl.settings import get_settings
    from etl.worker import Worker

    limit = get_settings().max_html_bytes * _MAX_LINE_FACTOR
    failed = 0
    asked: deque[tuple[int, Any]] = deque()  # number and id of each line, in the order of the answers

    def captures() -> Iterator[Capture | BadLineError]:
        for number, line in _lines(sys.stdin.buffer, limit):
            identifier = None
            try:
                record = _object(number, line, limit)
                identifier = record.get("id")
                item: Capture | BadLineError = _page_capture(number, record, url)
            except BadLineError as error:
                item = error
            asked.append((number, identifier))
            yield item

    with Worker[Record | Reject]("etl.process:process") as worker:
        for result in through(worker.map, captures()):
            number, identifier = asked.popleft()
            if isinstance(result, Record):
                write_json({"id": identifier, **article_json(result)})
                continue
            failed += 1
            if isinstance(result, Reject):
                write_json({"id": identifier, "line": number, "error": result.reason, "detail": result.detail})
            else:
                write_json(result.answer)
    if failed:
        say(f"{failed} lines gave no article")
        raise typer.Exit(1)


def _page_capture(number: int, record: dict[str, Any], url: str | None) -> Capture:
    from etl.dates import parse_date
    from etl.dedupe import url_key
    from etl.text import strip_credentials

    html = _string(number, record, "html", required=True) or ""
    own_url = _string(number, record, "url") or url
    captured = _string(number, record, "captured_at")
    moment = parse_date(captured) if captured else None
    if captured and moment is None:
        raise BadLineError(number, "wrong_type", f"'captured_at' is no date: {captured[:80]!r}", record.get("id"))
    if own_url:
        try:
            url_key(own_url)
        except ValueError as error:
            raise BadLineError(number, "wrong_type", f"'url': {error}", record.get("id")) from None
        own_url = strip_credentials(own_url)
    return Capture(
        origin=f"stdin:{number}",
        html=html.encode("utf-8"),
        charset="utf-8",
        url=own_url,
        captured_at=moment.start if moment else None,
    )


# --- rules -------------------------------------------------------------------------------------------------------

rules = typer.Typer(no_args_is_help=True)


@rules.command("check")
def rules_check(
    files: Annotated[list[Path] | None, typer.Argument(help="Rule files; without any, those that ship.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Checks rule files: syntax, ids, classes, and that every example does what it says."""
    from etl.clean.lint import check_rules

    for file in files or []:
        if not file.is_file():
            raise UsageError(f"{file}: there is no such file")
    problems = check_rules(files or None)
    if as_json:
        write_json({"ok": not problems, "problems": [str(problem) for problem in problems]})
    else:
        for problem in problems:
            sys.stdout.write(f"{problem}\n")
        say("all rules are well" if not problems else f"{len(problems)} problems")
    if problems:
        raise typer.Exit(1)
