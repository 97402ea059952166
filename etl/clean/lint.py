"""The linter for rule files: form, regular expressions, and every example as a test."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import re2

from etl.clean.ruleset import RULES_FOLDER, Problem, Rule, fold, re2_options, read_rules, unit_text


def check_rules(paths: Iterable[Path] | None = None) -> list[Problem]:
    """Checks rule files (those that ship when no path is given; a folder stands for its ``*.toml``).

    Each problem names file, line and rule. What is checked: the form; ids unique; patterns of the RE2 subset that
    mean the same to Python's ``re`` on all examples; at least two examples that match and two that don't; every
    ``match`` example matched within ``max_chars``, every ``no_match`` example not.
    """
    files: list[Path] = []
    problems: list[Problem] = []
    for path in paths if paths is not None else (RULES_FOLDER,):
        if path.is_dir():
            found = sorted(path.glob("*.toml"))
            if not found:
                problems.append(Problem(str(path), 1, None, "the folder holds no rule file (*.toml)"))
            files.extend(found)
        else:
            files.append(path)
    seen: dict[str, Rule] = {}
    for path in files:
        rules, faults = read_rules(path)
        problems.extend(faults)
        for rule in rules:
            first = seen.setdefault(rule.id, rule)
            if first is not rule:
                problems.append(_problem(rule, f"the id is already used in {first.file}:{first.line}"))
            problems.extend(_check(rule))
    return problems


def _problem(rule: Rule, message: str) -> Problem:
    return Problem(rule.file, rule.line, rule.id, message)


def _check(rule: Rule) -> list[Problem]:
    try:
        fast = re2.compile(rule.re2_pattern(), re2_options())
    except (re2.error, ValueError) as error:
        return [_problem(rule, f"the pattern is not of the RE2 subset: {_text(error)}")]
    try:
        reference = re.compile(rule.stdlib_pattern())
    except re.error as error:
        return [_problem(rule, f"the pattern means nothing to Python's re: {error}")]
    problems: list[Problem] = []
    if fast.search("") or fast.search(" "):
        problems.append(_problem(rule, "the pattern matches the empty string"))
    for key, examples, wanted in (("match", rule.match, True), ("no_match", rule.no_match, False)):
        if len(examples) < 2:
            problems.append(_problem(rule, f"{key} has {len(examples)} examples; give at least two"))
        for example in examples:
            unit = unit_text(fold(example))
            found = fast.search(unit) is not None
            plain = unit.replace("  ", " ")
            if found is not (reference.search(plain) is not None):
                problems.append(_problem(rule, f"RE2 and Python's re differ on {example!r}"))
            if wanted and not found:
                problems.append(_problem(rule, f"doesn't match its example {example!r}"))
            elif wanted and len(plain) > rule.max_chars:
                problems.append(_problem(rule, f"the example {example!r} is longer than max_chars"))
            elif not wanted and found and len(plain) <= rule.max_chars:
                problems.append(_problem(rule, f"matches {example!r}, which it must not"))
    return problems


def _text(error: Exception) -> str:
    text = error.args[0] if error.args else str(error)
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
