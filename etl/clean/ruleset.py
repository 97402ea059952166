"""Rules as data: the TOML files under ``rules/``, loaded, compiled and matched in linear time.

One file a language (``rules/de.toml``) and ``rules/any.toml`` for wording of no language. ``docs/cleaning.md``
describes the format. Patterns run as google-re2 automata, where the literals stand that they require
(``literals.py``), so the time for a unit of text is linear in its length whatever the patterns say. RE2's ``\\b``,
``\\w`` and ``\\d`` know ASCII only; they are rewritten here so that a rule means what it means to Python's ``re``.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any, Literal, get_args

import re2

from etl.clean.literals import Finder, Sighting
from etl.errors import ConfigurationError
from etl.model import SpanClass

Scope = Literal["label", "text"]
Strength = Literal["certain", "strong", "weak"]
#: What a rule can speak for: a class of boilerplate, or ``content``, which speaks against stripping.
RuleClass = Literal[SpanClass, "content"]

RULES_FOLDER = Path(__file__).parent / "rules"
CLASSES: tuple[str, ...] = (*get_args(SpanClass), "content")
SCOPES: tuple[str, ...] = get_args(Scope)
STRENGTHS: tuple[str, ...] = get_args(Strength)
DEFAULT_MAX_CHARS = 400
#: A Set of some hundred patterns needs more than RE2's default of 8 MiB for its automaton.
RE2_MAX_MEMORY = 256 * 1024 * 1024

_KEYS = {"id", "class", "pattern", "scope", "strength", "max_chars", "case", "sentence", "match", "no_match"}
_REQUIRED = {"id", "class", "pattern", "match", "no_match"}
_LANGUAGE = re.compile(r"[a-z]{2,3}")
_ID = re.compile(r"[a-z]{2,3}\.[a-z]+\.[a-z0-9_]+")


@dataclass(frozen=True, slots=True)
class Rule:
    """One wording and what it says about the block or sentence that holds it.

    Attributes:
        id: ``LANGUAGE.CLASS.NAME``, unique over all files.
        class_: the class of boilerplate it speaks for, or ``content``.
        pattern: a regular expression of the RE2 subset, as written in the file.
        scope: ``label``: the whole block is this wording; ``text``: the wording stands anywhere in the unit.
        strength: how much one hit says (``certain``, ``strong``, ``weak``).
        max_chars: the longest unit, in code points, that the rule says anything about.
        sentence: whether a hit can take its sentence out of a paragraph of content.
        case_sensitive: whether upper and lower case differ.
        match, no_match: examples, which are the rule's tests.
        file, line: where it is written.
    """

    id: str
    class_: str
    language: str
    pattern: str
    scope: str = "text"
    strength: str = "strong"
    max_chars: int = DEFAULT_MAX_CHARS
    sentence: bool = False
    case_sensitive: bool = False
    match: tuple[str, ...] = ()
    no_match: tuple[str, ...] = ()
    file: str = ""
    line: int = 0

    def re2_pattern(self) -> str:
        """The pattern as it is given to RE2."""
        return _framed(unicode_classes(self.pattern), self, r"[^\pL\pN]*")

    def stdlib_pattern(self) -> str:
        """The same for Python's ``re``: the reference that the linter compares with."""
        return _framed(self.pattern, self, r"[\W_]*")


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a rule file, and where."""

    file: str
    line: int
    rule: str | None
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.rule or '(file)'}: {self.message}"


def _framed(pattern: str, rule: Rule, padding: str) -> str:
    if not rule.case_sensitive:
        pattern = pattern.replace(_OUTSIDE["b"], _BOUNDARY_OF_ANY_CASE)
    flags = "" if rule.case_sensitive else "(?i)"
    return f"{flags}^{padding}(?:{pattern}){padding}$" if rule.scope == "label" else f"{flags}(?:{pattern})"


_OUTSIDE = {
    "b": r"(?:^|$|[^\pL\pN_])",
    "w": r"[\pL\pN_]",
    "W": r"[^\pL\pN_]",
    "d": r"\p{Nd}",
    "D": r"\P{Nd}",
    "s": r"(?:\s{1,2})",
}
# The same set of characters where case doesn't matter, spelled out so that RE2 needn't fold thousands of letters at
# each ``\b`` of each rule. U+0345 is no letter, but its capital is one.
_BOUNDARY_OF_ANY_CASE = r"(?:^|$|(?-i:[^\pL\pN_\x{345}]))"
_INSIDE = {"w": r"\pL\pN_", "d": r"\p{Nd}", "D": r"\P{Nd}"}
# A character class, a property, another escape, or a space.
_PIECE = re.compile(r"(?P<class>\[\^?\]?(?:\\.|\[:\w+:\]|[^\]\\])*\])|\\[pP]\{[^}]*\}?|\\(?P<escape>.)| ", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


@lru_cache(maxsize=4096)
def unicode_classes(pattern: str) -> str:
    r"""Rewrites a pattern for RE2 so that it means what it means to Python's ``re``.

    RE2's ``\w \W \d \D`` and ``\b`` are ASCII only. The classes have an exact equivalent. ``\b`` becomes a class that
    consumes the character beside the word; so that ``one\b two`` and ``one\b.{0,20}\btwo`` still find their space,
    white space in a unit is doubled (``unit_text``) and a space in a pattern stands for one or two.

    Raises:
        ValueError: ``\B``, or ``\W`` or ``\b`` inside a character class: they have no rewriting.
    """
    return _PIECE.sub(_rewritten, pattern)


def _rewritten(found: re.Match[str]) -> str:
    if found["class"]:
        return _rewritten_class(found["class"])
    if found["escape"] == "B":
        raise ValueError(r"\B can't be used in a rule")
    if found["escape"]:
        return _OUTSIDE.get(found["escape"], found[0])
    return "(?: {1,2})" if found[0] == " " else found[0]


def _rewritten_class(text: str) -> str:
    def inside(found: re.Match[str]) -> str:
        if found[1] in "WbB":
            raise ValueError(rf"\{found[1]} can't be used inside [...]")
        return _INSIDE.get(found[1], found[0])

    rewritten = _ESCAPE.sub(inside, text)
    if text[1] != "^" and (" " in text or r"\s" in text):
        return f"(?:  |{rewritten})"
    return rewritten


def re2_options() -> Any:
    options = re2.Options()
    options.max_mem = RE2_MAX_MEMORY
    options.log_errors = False
    return options


def _line_numbers(source: str) -> list[int]:
    """The line of each ``[[rule]]`` header, in order: tomllib doesn't tell."""
    return [n for n, line in enumerate(source.splitlines(), 1) if line.strip().replace(" ", "") == "[[rule]]"]


def read_rules(path: Path) -> tuple[list[Rule], list[Problem]]:
    """The rules of one file and what is wrong with its form (examples are the linter's part)."""
    name = path.name
    try:
        source = path.read_text(encoding="utf-8")
        document = tomllib.loads(source)
    except (OSError, UnicodeDecodeError) as error:
        return [], [Problem(name, 1, None, f"can't be read: {error}")]
    except tomllib.TOMLDecodeError as error:
        where = re.search(r"at line (\d+)", str(error))
        return [], [Problem(name, int(where[1]) if where else 1, None, f"not valid TOML: {error}")]
    problems: list[Problem] = []
    language = document.get("language")
    if language != path.stem:
        problems.append(
            Problem(name, 1, None, f'the first key must be language = "{path.stem}", as the file is named')
        )
    problems += [
        Problem(name, 1, None, f"unknown key {key!r}: a file holds language and [[rule]] tables")
        for key in sorted(set(document) - {"language", "rule"})
    ]
    tables = document.get("rule", [])
    lines = _line_numbers(source)
    rules: list[Rule] = []
    for number, table in enumerate(tables if isinstance(tables, list) else []):
        line = lines[number] if number < len(lines) else 1
        rule, faults = _rule(table, path.stem, name, line)
        problems.extend(faults)
        if rule is not None:
            rules.append(rule)
    return rules, problems


def _rule(table: dict[str, Any], language: str, file: str, line: int) -> tuple[Rule | None, list[Problem]]:
    rule_id = table.get("id") if isinstance(table.get("id"), str) else None

    def problem(message: str) -> Problem:
        return Problem(file, line, rule_id, message)

    problems = [problem(f"unknown key {key!r}") for key in sorted(set(table) - _KEYS)]
    problems += [problem(f"the key {key!r} is missing") for key in sorted(_REQUIRED - set(table))]
    kinds: dict[str, type] = {"id": str, "class": str, "pattern": str, "scope": str, "strength": str}
    kinds |= {"max_chars": int, "case": bool, "sentence": bool, "match": list, "no_match": list}
    for key, kind in kinds.items():
        if key in table and (not isinstance(table[key], kind) or (kind is int and isinstance(table[key], bool))):
            problems.append(problem(f"{key!r} must be of type {kind.__name__}"))
    if problems:
        return None, problems
    if not _ID.fullmatch(table["id"]) or table["id"].split(".")[:2] != [language, table["class"]]:
        problems.append(problem(f"the id must read {language}.{table['class']}.some_name (lower case, digits, _)"))
    for key, allowed, default in (
        ("class", CLASSES, ""),
        ("scope", SCOPES, "text"),
        ("strength", STRENGTHS, "strong"),
    ):
        if table.get(key, default) not in allowed:
            problems.append(problem(f"{key} is {table[key]!r}, not one of {', '.join(allowed)}"))
    if not 10 <= table.get("max_chars", DEFAULT_MAX_CHARS) <= 5000:
        problems.append(problem("max_chars must lie between 10 and 5000"))
    for key in ("match", "no_match"):
        if not all(isinstance(example, str) for example in table[key]):
            problems.append(problem(f"{key!r} must be a list of strings"))
    if problems:
        return None, problems
    return (
        Rule(
            id=table["id"],
            class_=table["class"],
            language=language,
            pattern=table["pattern"],
            scope=table.get("scope", "text"),
            strength=table.get("strength", "strong"),
            max_chars=table.get("max_chars", DEFAULT_MAX_CHARS),
            sentence=table.get("sentence", False),
            case_sensitive=table.get("case", False),
            match=tuple(table["match"]),
            no_match=tuple(table["no_match"]),
            file=file,
            line=line,
        ),
        [],
    )


_WILDCARD = re.compile(r"\\.|(\.|\[\^)")
_JOINED = re.compile(r"([a-zà-öø-ÿ])(?=[A-ZÀ-ÖØ-Þ][a-zà-öø-ÿ])")
#: Of Latin text, the letters that ``_JOINED`` tells apart.
_CASES = "".join(
    "l" if re.match("[a-zà-öø-ÿ]", char) else "u" if re.match("[A-ZÀ-ÖØ-Þ]", char) else " "
    for char in map(chr, range(256))
).encode("ascii")
_LONGEST_SEQUENCE = 200
#: Most labels have no more letters and digits.
_WIDEST_LABEL = 40
#: Latin characters that are neither letters nor digits.
_LATIN_REST = bytes(code for code in range(256) if not chr(code).isalnum())


def has_joined(text: str) -> bool:
    """Whether words are joined in a text as pages join labels (``CommentPrint``)."""
    return b"lul" in text.encode("latin-1", "replace").translate(_CASES)


def _letters(unit: str) -> int:
    """The number of letters and digits."""
    try:
        return len(unit.encode("latin-1").translate(None, _LATIN_REST))
    except UnicodeEncodeError:
        return sum(map(str.isalnum, unit))


def _is_closed(pattern: str) -> bool:
    """Whether a label's pattern names its words and leaves nothing open (``.``, ``[^…]``, ``\\S``, anchors)."""
    if any(escape in pattern for escape in ("\\S", "\\w", "\\W", "\\b", "^", "$")):
        return False
    return not any(found[1] for found in _WILDCARD.finditer(pattern))


# All letters and digits of the world take RE2 thousands of states at every ``\w`` and ``\b``. Those that no pattern
# of a set names are the same to it, so one letter and one digit stand for them, in the text and in the classes.
_NEAR = ((0x00, 0x24F), (0x345, 0x345), (0x1E00, 0x1EFF), (0x2100, 0x218F))
_CJK = (0x3000, 0x9FFF)
_ANY_LETTER, _ANY_DIGIT = "\u01bb", "\u0660"
_LETTERS = r"\pL\pN"
# What a pattern may name: letters of which no other form lies outside ``_NEAR``, and letters without case.
_NAMED = re.compile("[\x00-\xb4\xb6-\u017f]")
_RANGE = re.compile("[^\x00-\u017f]-[^\x00-\u017f]")
_PROPERTY = re.compile(r"\\[pPxN]")
_MANY = 20


class Alphabet(dict[int, int]):
    """The characters that the patterns of a set tell apart: of all others one letter and one digit are kept.

    A character's code point to that of the one that stands for it, for ``str.translate``.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        super().__init__()
        patterns = list(patterns)
        named = {char for char in set("".join(patterns)) if not _NAMED.match(char) and char.isalnum()}
        cjk = {char for char in named if _CJK[0] <= ord(char) <= _CJK[1]}
        self._kept = list(_NEAR)
        if len(cjk) > _MANY:
            self._kept.append(_CJK)
            named -= cjk
        self._kept += [(ord(char), ord(char)) for char in named]
        self.whole = (
            any(_PROPERTY.search(pattern) or _RANGE.search(pattern) for pattern in patterns)
            or any(unicodedata.category(char) != "Lo" for char in named)
            or _ANY_LETTER in named
        )
        apart = "".join(f"{chr(first)}-{chr(last)}" for first, last in sorted(self._kept))
        self._far = re.compile(f"[^{apart}\u2000-\u206f\u20a0-\u20cf]")
        codes = {code for first, last in self._kept for code in range(first, last + 1) if chr(code).isalnum()}
        codes |= {ord(_ANY_LETTER), ord(_ANY_DIGIT)}
        self._classes = "".join(_ranges(sorted(codes)))

    def __missing__(self, code: int) -> int:
        char = chr(code)
        if char.isalnum() and not any(first <= code <= last for first, last in self._kept):
            code = ord(_ANY_DIGIT if char.isdecimal() else _ANY_LETTER)
        self[ord(char)] = code
        return code

    def spell(self, unit: str) -> str:
        """The unit in this alphabet, character for character."""
        if self.whole or unit.isascii() or self._far.search(unit) is None:
            return unit
        return unit.translate(self)

    def pattern(self, pattern: str, case_sensitive: bool) -> str:
        """An RE2 pattern that says the same of a unit in this alphabet."""
        if self.whole:
            return pattern
        # U+0345 is no letter, but its capital is one.
        classes = self._classes if case_sensitive else self._classes + r"\x{345}"
        if not case_sensitive:
            pattern = pattern.replace(rf"[{_LETTERS}_]", rf"(?-i:[{classes}_])")
            pattern = pattern.replace(rf"[^{_LETTERS}]", rf"(?-i:[^{classes}])")
            pattern = pattern.replace(rf"{_LETTERS}_\x{{345}}", rf"{classes}_")
        return pattern.replace(_LETTERS, classes)


def _ranges(codes: Sequence[int]) -> Iterator[str]:
    """Sorted code points as the ranges of a character class."""
    start = end = -2
    for code in (*codes, -1):
        if code == end + 1:
            end = code
            continue
        if start >= 0:
            yield rf"\x{{{start:x}}}-\x{{{end:x}}}"
        start = end = code


class Matcher:
    """Which of many patterns a text holds, fast on text that it has never seen.

    RE2 builds an automaton's states while it reads, and one of all patterns comes upon new ones in every new text:
    tens of milliseconds for an article. So a pattern is matched by itself, and only where the literals stand that it
    requires.
    """

    def __init__(self) -> None:
        self._options = re2_options()
        self._sets: list[Any] = []
        #: Of each pattern, how a text in UTF-8 is matched; nothing where it wasn't compiled yet.
        self._match: list[Callable[[bytes], object] | None] = []
        self._compiling = Lock()

    def add(self, pattern: str, *, whole: bool) -> None:
        """Adds a pattern of RE2's syntax: the next number.

        Args:
            pattern: compiled when it is first needed.
            whole: whether it must match a text from end to end.

        Raises:
            re2.error: the pattern can't be used.
        """
        single = re2.Set.FullMatchSet(self._options) if whole else re2.Set.SearchSet(self._options)
        single.Add(pattern)
        self._sets.append(single)
        self._match.append(None)

    def match(self, text: bytes, candidates: Iterable[int]) -> list[int]:
        """Those of the candidates that match a text in UTF-8, in their order."""
        matches = self._match
        return [number for number in candidates if (matches[number] or self._compiled(number))(text)]

    def _compiled(self, number: int) -> Callable[[bytes], object]:
        # RE2 refuses to compile a set twice, as two threads would.
        with self._compiling:
            match = self._match[number]
            if match is None:
                self._sets[number].Compile()
                match = self._match[number] = self._sets[number].Match
        return match


class RuleSet:
    """Rules that are matched together.

    Labels also count where several stand in one block (``Comment Print Share``) and where a page ran them together
    (``CommentPrintShare``).

    Raises:
        ConfigurationError: a pattern is not of the RE2 subset, named with file, line and rule.
    """

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules = tuple(rules)
        self._alphabet = Alphabet(rule.pattern for rule in self.rules)
        self._matcher = Matcher()
        for rule in self.rules:
            try:
                pattern = self._alphabet.pattern(rule.re2_pattern(), rule.case_sensitive)
                self._matcher.add(pattern, whole=rule.scope == "label")
            except (re2.error, ValueError) as error:
                raise ConfigurationError(
                    f"{rule.file}:{rule.line}: rule {rule.id}: the pattern can't be used: {error}",
                    fix="run `klartext rules check` and mend the pattern",
                ) from None
        self._finder = Finder([rule.pattern for rule in self.rules], [rule.scope == "label" for rule in self.rules])
        mask = self._finder.mask
        every = range(len(self.rules))
        self._all = mask(every)
        labels = [n for n in every if self.rules[n].scope == "label"]
        self._labels = mask(labels)
        # A label is of so many letters and digits at most: what stands round it has none. Where RE2's own classes of
        # letters are used, it may know others than Python.
        self._narrow = 0 if self._alphabet.whole else self._labels & ~mask(labels, _WIDEST_LABEL + 1)
        certain = [n for n in labels if self.rules[n].strength == "certain"]
        self._certain_labels = mask(certain)
        self._speaking = mask({*certain, *(n for n in every if self.rules[n].sentence)})
        #: The rules that speak about units of up to so many characters: all but the first few of the limits.
        self._limits = sorted({rule.max_chars for rule in self.rules})
        self._up_to = [mask(n for n in every if self.rules[n].max_chars >= limit) for limit in self._limits] + [0]
        closed = [n for n in certain if _is_closed(self.rules[n].pattern)]
        self._closed = mask(closed)
        self._sequence = None
        if closed:
            words = "|".join(unicode_classes(self.rules[n].pattern) for n in closed)
            pattern = rf"(?i)^[^\pL\pN]*(?:(?:{words})(?:[^\pL\pN]+|$))+$"
            self._sequence = re2.compile(self._alphabet.pattern(pattern, case_sensitive=False), re2_options())

    def sight(self, text: str) -> Sighting:
        """Where the literals of all rules stand in units, given with single spaces and a line break between them."""
        return self._finder.sight(text)

    def match(self, unit: str, held: int | None = None) -> list[Rule]:
        """The rules that speak about this unit of folded text (see ``fold`` and ``unit_text``), in file order.

        ``held``: what the stretch of text holds that the unit was made of (``Sighting.held``), where that is known.
        """
        size = len(unit) - unit.count("  ")
        mask = self._up_to[bisect_left(self._limits, size)]
        return [rule for rule in self._hits(unit, held, mask) if size <= rule.max_chars]

    def hits(self, unit: str) -> list[Rule]:
        """The rules whose wording the unit holds, also where it is longer than they speak about."""
        return self._hits(unit, None, self._all)

    def can_speak(self, held: int) -> bool:
        """Whether a rule can match in a stretch that takes a sentence out of a paragraph of content.

        ``held``: of a stretch without joined words (``has_joined``).
        """
        return self._finder.can(held, self._speaking)

    def _hits(self, unit: str, held: int | None, mask: int) -> list[Rule]:
        """The rules of a mask that match, and perhaps others that are longer than they speak about."""
        finder, matcher = self._finder, self._matcher
        if held is None:
            held = self.sight(unit.replace("  ", " ")).held(0, len(unit))
        short = len(unit) <= _LONGEST_SEQUENCE
        apart = unit
        if short and has_joined(unit):
            apart = _JOINED.sub(r"\1  ", unit)
            held |= self.sight(apart.replace("  ", " ")).held(0, len(apart))
        sequence = short and finder.can(held, self._closed)
        if sequence:
            # A label keeps a sequence from being looked for, however long it is.
            mask |= self._labels
        if len(unit) > _WIDEST_LABEL and finder.can(held, self._narrow) and _letters(unit) > _WIDEST_LABEL:
            mask &= ~self._narrow
        # As above, and the beginning that joined words hide isn't looked for.
        begun = None if apart is not unit or self._alphabet.whole else unit
        candidates = list(finder.candidates(held, mask, begun))
        if not candidates and not sequence:
            return []
        found = matcher.match(self._alphabet.spell(unit).encode(), candidates)
        if apart is not unit:
            found = sorted({*found, *matcher.match(self._alphabet.spell(apart).encode(), candidates)})
        rules = [self.rules[index] for index in found]
        if sequence and "  " in apart and not any(rule.scope == "label" for rule in rules):
            rules += self._label_sequence(self._alphabet.spell(apart), held)
        return rules

    def _label_sequence(self, unit: str, held: int) -> list[Rule]:
        """The rule of the first label where the unit is nothing but labels."""
        if self._sequence is None or self._sequence.search(unit) is None:
            return []
        labels = list(self._finder.candidates(held, self._certain_labels))
        words = unit.split("  ")
        for count in range(1, len(words)):
            for index in self._matcher.match("  ".join(words[:count]).encode(), labels):
                return [self.rules[index]]
        return []


@lru_cache(maxsize=1)
def all_rules() -> dict[str, tuple[Rule, ...]]:
    """Every rule that ships, by language.

    Raises:
        ConfigurationError: a file is wrong.
    """
    return {path.stem: _rules_of(path) for path in sorted(RULES_FOLDER.glob("*.toml"))}


@lru_cache(maxsize=256)
def _rules_of(path: Path) -> tuple[Rule, ...]:
    if not path.is_file():
        return ()
    rules, problems = read_rules(path)
    if problems:
        raise ConfigurationError(str(problems[0]), fix="run `klartext rules check` and mend the file")
    return tuple(rules)


@lru_cache(maxsize=64)
def rules_for(language: str) -> RuleSet:
    """The rules for a text: of no language, of its own, and English ones, which leak into pages of all languages."""
    names = dict.fromkeys(("any", language if _LANGUAGE.fullmatch(language) else "any", "en"))
    return RuleSet(rule for name in names for rule in _rules_of(RULES_FOLDER / f"{name}.toml"))


# Typography that rules needn't spell out. One to one, so that offsets stay.
_FOLDED = {"’": "'", "‘": "'", "`": "'", "´": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "‐": "-"}
_FOLDED |= {"‑": "-", "–": "-", "—": "-", "−": "-", "\u00a0": " ", "\u202f": " ", "\u3000": " ", "…": "."}
_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_HAS_FULL_WIDTH = re.compile("[\uff01-\uff5e]")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")


def fold(text: str) -> str:
    """Quotes, dashes, spaces and full-width forms made plain, code point for code point."""
    if text.isascii():
        return text.replace("`", "'")
    for odd, plain in _FOLDED.items():
        if odd in text:
            text = text.replace(odd, plain)
    return text.translate(_FULL_WIDTH) if _HAS_FULL_WIDTH.search(text) else text


def unit_words(folded: str) -> list[str]:
    """What stands between the white space of a block or sentence of folded text, without invisible characters."""
    if not folded.isascii() and _INVISIBLE.search(folded):
        folded = _INVISIBLE.sub("", folded)
    return folded.split()


def unit_text(folded: str) -> str:
    """A block or sentence of folded text as rules see it: invisible characters out, each white space two spaces."""
    return "  ".join(unit_words(folded))
