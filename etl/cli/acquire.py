"""``klartext acquire`` and ``klartext sources add|check|list``."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from etl.cli.common import JsonOption, progress, say, write_json

if TYPE_CHECKING:
    from etl.acquire.outcomes import Outcome

sources = typer.Typer(help="The sources of sources.toml: add, check and list them.", no_args_is_help=True)
SourcesOption = Annotated[
    Path | None,
    typer.Option("--sources", metavar="FILE", help="Sources file; default sources.toml here, else in the home."),
]


def register(app: typer.Typer) -> None:
    """Adds this module's commands to the application."""
    app.command()(acquire)
    app.add_typer(sources, name="sources")


def acquire(
    *,
    file: SourcesOption = None,
    landing: Annotated[
        str | None, typer.Option(metavar="DIR", help="Landing zone: a folder or fsspec URL; default <home>/landing.")
    ] = None,
    only: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Only this source; can be repeated.")] = None,
    due: Annotated[bool, typer.Option("--due", help="Leave out sources whose time hasn't come.")] = False,
    day: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Only this UTC day, of sources of kind ccnews.")
    ] = None,
    load: Annotated[bool, typer.Option("--load", help="Go on to the database with what has landed.")] = False,
    as_json: JsonOption = False,
) -> None:
    """The web into the landing zone, politely: feeds, sitemaps, URL lists, CC-NEWS."""
    from etl.acquire.outcomes import FAILED
    from etl.acquire.run import choose
    from etl.acquire.service import acquire as run
    from etl.acquire.service import configured
    from etl.acquire.settings import read_acquire_settings
    from etl.acquire.sources import landing_root
    from etl.database import resolve
    from etl.ingest import ready
    from etl.settings import read_settings

    settings = read_settings()
    limits = read_acquire_settings()
    path, config = configured(file, settings)
    choose(config, only or ())  # a wrong name is told before a database is started
    target = resolve("writer", settings=settings)
    ready(target)
    root = landing or landing_root(settings)
    say(f"acquiring what {path} lists into {root}; state in {target.label}")
    if limits.contact is None and limits.user_agent is None and config.user_agent is None:
        say("publishers can't reach you: set KLARTEXT_ACQUIRE_CONTACT to a URL or mail address")
    with progress("pages") as counter:

        def watch(url: str, outcome: Outcome, detail: str) -> None:
            counter.advance()
            if outcome in FAILED:
                say(f"{outcome}: {url} ({detail})")

        answer = run(
            config,
            target=target,
            settings=settings,
            landing=root,
            only=only or (),
            due=due,
            day=day.date() if day is not None else None,
            watch=watch,
            acquire_settings=limits,
        )
    result = answer.as_json()
    rejected = 0
    if load and answer.files and not answer.interrupted:
        from etl.ingest import ingest

        summary = ingest(answer.files, target=target, settings=settings)
        result["load"] = summary.as_json()
        rejected = summary.rejected
        say(f"loaded: {summary.inserted} inserted, {summary.updated} updated, {summary.rejected} rejected")
    if as_json:
        write_json(result)
    else:
        counts = ", ".join(f"{result[name]} {name}" for name in ("stored", "not_modified", "skipped", "failed"))
        say(f"{result['asked']} asked: {counts}".replace("_", " "))
        for name, report in answer.sources.items():
            if report.error is not None:
                say(f"source {name}: {report.error}")
            if report.beyond:
                say(f"source {name}: {report.beyond} more than max_items; the next run goes on with them")
        for landed in answer.files:
            say(f"  {landed}")
    if answer.interrupted:
        say("interrupted: what was fetched is kept, the rest is deferred to the next run")
        raise typer.Exit(130)
    if result["failed"] or rejected:
        raise typer.Exit(1)


@sources.command("list")
def list_sources(file: SourcesOption = None, as_json: JsonOption = False) -> None:
    """Every source, when it was looked at last and is due next, and what was wrong."""
    from etl.acquire.manage import listing
    from etl.acquire.service import configured
    from etl.database import resolve
    from etl.ingest import ready
    from etl.settings import read_settings

    settings = read_settings()
    _, config = configured(file, settings)
    target = resolve("writer", settings=settings)
    ready(target)
    rows = listing(config, target)
    if as_json:
        write_json({"sources": rows})
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("source", "kind", "asked", "due", "found", "stored", "health")
    for row in rows:
        table.add_row(*(Text(str(row[name] if row[name] is not None else "")) for name in (
            "name", "kind", "asked_at", "next_due", "found", "stored", "health")))  # fmt: skip
    Console().print(table)


@sources.command("check")
def check_sources(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]…", help="Only these.")] = None,
    file: SourcesOption = None,
    as_json: JsonOption = False,
) -> None:
    """Asks each feed and sitemap and one article of it, stores nothing, and says what is wrong."""
    from etl.acquire.manage import check
    from etl.acquire.run import choose
    from etl.acquire.service import configured
    from etl.settings import read_settings

    _, config = configured(file, read_settings())
    results = check(config, choose(config, names or ()))
    if as_json:
        write_json({"sources": results})
    else:
        for result in results:
            say(f"{'ok ' if result['ok'] else 'BAD'} {result['name']}: {result['detail']}")
            if result["fix"]:
                say(f"    {result['fix']}")
    if not all(result["ok"] for result in results):
        raise typer.Exit(1)


@sources.command("add")
def add_source(
    *,
    url: Annotated[str, typer.Argument(metavar="URL", help="The publisher's site, or a feed or sitemap.")],
    file: SourcesOption = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Name of the source; default the host.")] = None,
    pick: Annotated[int | None, typer.Option(metavar="N", min=1, help="Take the N-th of what is found.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what is found, write nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Finds a site's feeds and sitemaps, shows them, and writes the first one (or --pick N) to the sources file."""
    from etl.acquire.manage import append, discover, entry_for
    from etl.acquire.sources import SourcesFile, load_config, sources_path
    from etl.errors import UsageError
    from etl.settings import read_settings

    settings = read_settings()
    path = file or sources_path(settings) or Path("sources.toml")
    config = load_config(path) if path.is_file() else SourcesFile()
    found = discover(config, url)
    for number, candidate in enumerate(found, 1):
        say(f"{number}. {candidate.kind} {candidate.url} ({candidate.entries} entries; {candidate.where})")
    if not found:
        raise UsageError(
            f"{url}: no feed and no sitemap was found",
            fix='look for one on the site and give its URL, or list pages with kind = "urls"',
        )
    if pick is not None and pick > len(found):
        raise UsageError(f"--pick {pick}: only {len(found)} were found")
    entry = entry_for(config, found[(pick or 1) - 1], name)
    if not dry_run:
        append(path, entry)
        say(f"added source {entry['name']} to {path}")
    if as_json:
        write_json(
            {
                "found": [{"kind": c.kind, "url": c.url, "entries": c.entries, "where": c.where} for c in found],
                "added": None if dry_run else entry,
                "file": str(path),
            }
        )
