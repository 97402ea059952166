"""Commands on the corpus: ``migrate ingest settle reprocess checksum explain query``."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from etl.cli.common import JsonOption, progress, say, write_json
from etl.errors import UsageError


def register(app: typer.Typer) -> None:
    """Adds this module's commands to the application."""
    for command in (migrate, ingest, settle, reprocess, checksum, explain, query):
        app.command()(command)


def migrate(as_json: JsonOption = False) -> None:
    """Prepares or upgrades the database."""
    from etl.database import resolve
    from etl.load.migrate import migrate as apply

    target = resolve("owner")
    result = apply(target)
    if as_json:
        write_json({"applied": list(result.applied), "version": result.version})
        return
    say(f"database: {target.label}")
    say(f"applied: {', '.join(result.applied) if result.applied else 'nothing new'}; version {result.version}")


def _mapping(text: str | None) -> dict[str, str]:
    mapping: dict[str, str] = {}
    for pair in (text or "").split(","):
        if not pair.strip():
            continue
        ours, separator, theirs = pair.partition("=")
        if not separator or not ours.strip() or not theirs.strip():
            raise UsageError(f"--map {text}: {pair!r} is not FIELD=COLUMN", fix="write it as text=body,url=link")
        mapping[ours.strip()] = theirs.strip()
    return mapping


def ingest(
    paths: Annotated[list[str], typer.Argument(metavar="PATH…", help="Files and folders, or fsspec URLs.")],
    mapping: Annotated[
        str | None, typer.Option("--map", metavar="text=body,…", help="Which column holds which field.")
    ] = None,
    source: Annotated[
        str | None, typer.Option(metavar="NAME", help="The source's name; part of the id of records without URL.")
    ] = None,
    workers: Annotated[int, typer.Option(min=0, help="Processes that extract and clean; 0: one a core.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Files and folders into the database, then settle."""
    from etl.database import resolve
    from etl.ingest import ingest as run

    fields = _mapping(mapping)
    target = resolve("writer")
    say(f"loading into {target.label}")
    with progress("records") as counter:
        summary = run(
            paths, target=target, mapping=fields, source=source, workers=workers, on_progress=counter.advance
        )
    for note in summary.notes:
        say(note)
    if as_json:
        write_json(summary.as_json())
    else:
        counts = f"{summary.inserted} inserted, {summary.updated} updated, {summary.unchanged} unchanged"
        say(f"{summary.read} read: {counts}, {summary.rejected} rejected; {summary.duplicates} duplicates")
        say(f"{summary.seconds:.1f} s, run {summary.run_id}")
        if summary.rejected:
            say("what was rejected and why: klartext query quarantine-by-reason")
    if summary.rejected:
        raise typer.Exit(1)


def settle(as_json: JsonOption = False) -> None:
    """What only the whole corpus can tell: current versions and clusters of duplicates."""
    from etl.database import resolve
    from etl.ingest import settle_only

    target = resolve("writer")
    result = settle_only(target)
    if as_json:
        write_json(result)
    else:
        say(", ".join(f"{name}: {value}" for name, value in result.items()))


def _moment(option: str, text: str | None) -> datetime | None:
    from etl.dates import parse_date

    if text is None:
        return None
    found = parse_date(text)
    if found is None:
        raise UsageError(f"{option} {text}: this is no date", fix="write it as 2024-01-31 or 2024-01-31T12:00Z")
    return found.start


def reprocess(
    since: Annotated[str | None, typer.Option(help="Only captures from this date on.", metavar="DATE")] = None,
    until: Annotated[str | None, typer.Option(help="Only captures before this date.", metavar="DATE")] = None,
    source: Annotated[str | None, typer.Option(help="Only this source's captures.", metavar="NAME")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count what would change; store nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Stored originals through today's rules, then settle; prints what each rule strips, before and after."""
    from etl.database import resolve
    from etl.reprocess import reprocess as run

    first, last = _moment("--since", since), _moment("--until", until)
    target = resolve("writer")
    say(f"database: {target.label}")
    with progress("captures") as counter:
        done = run(target, since=first, until=last, source=source, dry_run=dry_run, on_progress=counter.advance)
    if as_json:
        write_json(done.as_json())
    else:
        would = "would change" if dry_run else "changed"
        say(f"{done.read} read, {done.changed} {would}, {done.rejected} rejected")
        for rule, counts in done.as_json()["rules"].items():
            if counts["before"] != counts["after"]:
                sys.stdout.write(f"{rule:40} {counts['before']:8} -> {counts['after']}\n")
    if done.rejected:
        raise typer.Exit(1)


def checksum() -> None:
    """One line: SHA-256 over what the corpus says, whatever the order it was loaded in."""
    from etl.database import connected, resolve
    from etl.load import checksum as compute

    with connected(resolve("writer")) as connection:
        sys.stdout.write(compute(connection) + "\n")


class Format(StrEnum):
    """How rows are printed."""

    table = "table"
    csv = "csv"
    json = "json"


def query(
    sql: Annotated[str, typer.Argument(metavar="SQL|NAME", help="One SELECT, or the name of a cookbook entry.")] = "",
    output: Annotated[Format, typer.Option("--format", help="How rows are printed.")] = Format.table,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    names: Annotated[bool, typer.Option("--list", help="List the cookbook's entries.")] = False,
) -> None:
    """Asks the corpus, as the role that may only read. Without an argument it lists the cookbook."""
    from etl.database import resolve
    from etl.load.query import cookbook, run_reader_query

    if names or not sql.strip():
        entries = cookbook()
        if as_json or output is Format.json:
            write_json(entries)
            return
        for name, description in entries.items():
            sys.stdout.write(f"{name:28} {description}\n")
        return
    columns, rows = run_reader_query(resolve("reader"), sql)
    _print_rows(columns, rows, Format.json if as_json else output)


def _print_rows(columns: Sequence[str], rows: Iterable[Sequence[Any]], output: Format) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from etl.text import safe_csv_cell, safe_for_terminal

    if output is Format.json:
        write_json([dict(zip(columns, map(_plain, row), strict=True)) for row in rows])
    elif output is Format.csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        for row in rows:
            writer.writerow([safe_csv_cell(str(_plain(value))) if value is not None else "" for value in row])
    else:
        table = Table()
        for column in columns:
            table.add_column(Text(safe_for_terminal(column)), overflow="fold")
        count = 0
        for count, row in enumerate(rows, 1):  # noqa: B007 (the last one is the count)
            table.add_row(*[Text("" if value is None else safe_for_terminal(str(_plain(value)))) for value in row])
        console = Console(highlight=False)
        console.print(table)
        say(f"{count} rows")


def _plain(value: Any) -> Any:
    import datetime
    import decimal
    import uuid

    if isinstance(value, memoryview | bytes):
        return bytes(value).hex()
    if isinstance(value, datetime.datetime | datetime.date):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, uuid.UUID):
        return str(value)
    return value


def explain(
    article: Annotated[str, typer.Argument(metavar="ID|URL", help="An article's id or URL.")],
    as_json: JsonOption = False,
) -> None:
    """One article: its text with what was stripped struck through and why, and its cluster and why."""
    from etl.database import resolve
    from etl.load.explain import explain as look_up

    found = look_up(resolve("reader"), article)
    if as_json:
        write_json(found)
        return
    _print_explained(found)


def _print_explained(found: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.text import Text

    from etl.text import safe_for_terminal

    console = Console(highlight=False, soft_wrap=True)
    text = Text()
    text.append(safe_for_terminal(found["title"] or "(no title)") + "\n", style="bold")
    published = f"{found['published_at']} ({found['published_precision']})" if found["published_at"] else "unknown"
    for name, value in (
        ("id", found["article_id"]),
        ("url", found["url"] or "none"),
        ("published", published),
        ("language", f"{found['language']} ({found['language_confidence']:.3f})"),
        ("access", found["access"]),
    ):
        text.append(f"{name:10} {safe_for_terminal(str(value))}\n")
    text.append("\n")
    original, at = found["extracted_text"], 0
    for span in found["removed"]:
        text.append(safe_for_terminal(original[at : span["start"]]))
        removed = safe_for_terminal(original[span["start"] : span["end"]])
        body = removed.rstrip()
        text.append(body if console.is_terminal else f"[-{body}-]", style="strike red")
        text.append(f" ⟨{span['class']}: {safe_for_terminal(span['rule'])}⟩", style="yellow")
        text.append(removed[len(body) :])
        at = span["end"]
    text.append(safe_for_terminal(original[at:]) + "\n\n")
    if found["removed"]:
        text.append("removed\n", style="bold")
    for span in found["removed"]:
        text.append(f"  {span['start']}–{span['end']} {span['class']} by {safe_for_terminal(span['rule'])}\n")
        signals = (span["evidence"] or {}).get("signals", {})
        for signal, weight in signals.items():
            text.append(safe_for_terminal(f"      {signal}: {weight}\n"))
    text.append("cluster\n", style="bold")
    for member in found["cluster"]["members"]:
        mark = "canonical" if member["is_canonical"] else member["relation"]
        when = member["published_at"] or "no date"
        text.append(safe_for_terminal(f"  {mark:10} {when}  {member['url'] or member['article_id']}\n"))
    text.append(f"  {found['cluster']['why']}\n")
    console.print(text, end="")
