"""``klartext``, the command line. Exit codes: 0 well, 1 some records failed, 2 usage or setup, 130 interrupted."""

from __future__ import annotations

import logging
import os
import sys

import typer

from etl import __version__
from etl.cli import acquire, corpus, database, texts
from etl.cli.common import say
from etl.errors import KlartextError

app = typer.Typer(
    name="klartext",
    help="Turns the messy news web into a clean, deduplicated, queryable Postgres corpus.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"klartext {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Say the version."),
    verbose: bool = typer.Option(False, "--verbose", "-v", help="Log what is done to stderr."),
) -> None:
    """Turns the messy news web into a clean, deduplicated, queryable Postgres corpus."""
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        stream=sys.stderr,
        format="%(levelname)s %(name)s: %(message)s",
    )
    if not verbose:
        # Libraries talk about single pages here; what concerns a record stands in its outcome.
        for name in ("trafilatura", "htmldate", "courlan", "yoyo", "asyncio"):
            logging.getLogger(name).setLevel(logging.CRITICAL)


for module in (corpus, texts, acquire, database):
    module.register(app)


def _is_of_database(error: Exception) -> bool:
    # Where the driver isn't loaded, nothing of it was raised.
    driver = sys.modules.get("psycopg2")
    return driver is not None and isinstance(error, driver.Error)


def main() -> None:
    """Runs a command; every error a user can mend is one message, and none is a traceback."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        app(standalone_mode=True)
    except KlartextError as error:
        say(f"klartext: {error.message}")
        if error.fix:
            say(f"  {error.fix}")
        code = error.exit_code
    except KeyboardInterrupt:
        say("klartext: interrupted")
        code = 130
    except BrokenPipeError:
        # Whoever read our output has had enough (`klartext query … | head`).
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        say(f"klartext: the system refused{where}: {error.strerror or error}")
        code = 2
    except Exception as error:
        if not _is_of_database(error):
            raise
        say(f"klartext: the database refused: {' '.join(str(error).split())}")
        say("  nothing is half loaded; mend what it says and run the command again")
        code = 2
    else:
        return
    sys.exit(code)
