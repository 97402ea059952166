"""Writes docs/reference.md from the code: commands, settings and reasons. ``--check`` fails when it has drifted."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic_settings import BaseSettings
from typer.main import get_command

from etl.acquire.settings import AcquireSettings
from etl.cli import app
from etl.reasons import REASONS
from etl.settings import Settings

TARGET = Path(__file__).resolve().parent.parent / "docs" / "reference.md"


def _commands(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    if hasattr(command, "commands"):
        for name in command.commands:
            yield from _commands(command.commands[name], f"{path} {name}")
    else:
        yield path, command


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def _parameters(command: Any) -> Iterator[str]:
    for parameter in command.params:
        if getattr(parameter, "hidden", False) or parameter.name == "help":
            continue
        names = ", ".join(f"`{name}`" for name in parameter.opts) if parameter.param_type_name == "option" else ""
        label = names or f"`{parameter.metavar or parameter.name.upper()}`"
        yield f"| {_cell(label)} | {_cell(getattr(parameter, 'help', None) or '')} |"


def _settings(model: type[BaseSettings], prefix: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        default = field.default
        if field.default_factory is not None:
            shown = "see below" if name == "home" else "from the platform"
        elif default in (None, (), ""):
            shown = "none"
        else:
            shown = str(default)
        yield f"| `{prefix}{name.upper()}` | {_cell(shown)} | {_cell(field.description or '')} |"


def reference() -> str:
    """The whole page."""
    lines = [
        "# Reference",
        "",
        "Made from the code by `python tools/reference.py`; a test fails when it is out of date.",
        "",
        "## Commands",
        "",
        "Exit codes: 0 all well · 1 the command ran, some records or URLs were rejected or failed · 2 usage,",
        "configuration or environment · 130 interrupted. With `--json` the last line of stdout is one JSON object",
        "and nothing else is on stdout; progress and messages go to stderr.",
    ]
    for path, command in _commands(get_command(app), "klartext"):
        lines += ["", f"### `{path}`", "", (command.help or "").strip(), ""]
        rows = list(_parameters(command))
        if rows:
            lines += ["| argument or option | what it means |", "| --- | --- |", *rows]
    lines += [
        "",
        "## Settings",
        "",
        "Environment variables. `KLARTEXT_HOME` is `.klartext` in a checkout, elsewhere the platform's data folder.",
        "",
        "| variable | default | what it means |",
        "| --- | --- | --- |",
        *_settings(Settings, "KLARTEXT_"),
        *_settings(AcquireSettings, "KLARTEXT_ACQUIRE_"),
        "",
        "## Reasons of a reject",
        "",
        "Column `reason` of `news.quarantine`.",
        "",
        "| reason | meaning |",
        "| --- | --- |",
        *(f"| `{reason}` | {meaning} |" for reason, meaning in REASONS.items()),
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    """Writes the page, or compares it."""
    page = reference()
    if "--check" in sys.argv:
        if not TARGET.exists() or TARGET.read_text(encoding="utf-8") != page:
            sys.exit(f"{TARGET.name} is out of date; run: python tools/reference.py")
        return
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
