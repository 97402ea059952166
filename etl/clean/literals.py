"""Which patterns a text can hold, by the literals that they require: one pass for all patterns and all units.

A pattern's required literals are a formula over strings, as in RE2's FilteredRE2 (Cox 2010, "Regular expression
matching in the wild"): alternatives of conjunctions of sets of which one string must stand in the text. They are
found by one Aho-Corasick automaton (Aho and Corasick 1975) in time linear in the text, whatever the patterns say.
What passes is a candidate, to be matched; what doesn't can't match.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache, reduce
from itertools import product
from operator import or_
from re import _constants as code  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any, Final, NamedTuple

import ahocorasick_rs

#: One of these strings must stand in the text.
Clause = frozenset[str]
#: All of these clauses must hold.
Conjunction = tuple[Clause, ...]
#: What a stretch holds of which nothing is known.
ANYTHING: Final = -1
#: No longest match.
ANY_WIDTH: Final = 1 << 30

#: How many clauses of a conjunction are looked at.
DEPTH: Final = 2
_MOST_STRINGS: Final = 16
_MOST_ALTERNATIVES: Final = 120
#: About how often a letter, a rare letter, a space, common punctuation, a character of Chinese or Japanese and any
#: other stands at a place of a text.
_LETTER, _RARE_LETTER, _BLANK, _POINT, _IDEOGRAPH, _OTHER = 1 / 12, 1 / 60, 1 / 6, 1 / 60, 1 / 250, 1 / 600
_RARE: Final = frozenset("jkqvwxyzäöü")
_POINTS: Final = frozenset(".,:-'\"()/0123456789")
#: Strings that stand in every other sentence, as words or within words.
_FREQUENT: Final = frozenset(
    "and are for his its not one our out the was ant est ies sie der die das den dem des ein eine einer einen ich und"
    " ist mit auf aus von für bei als war wir hat alle auch nach nicht noch sich über unter vor wie art all que los"
    " las una por con del les des une pour dans par sur qui non per che della para uma com que van een het dat met"
    " för och att som det til med har og ikke nie się jest bir ve için ile x".split()
)
#: What is more frequent says too little to be looked for beside another clause.
_USEFUL: Final = 0.002
_ALWAYS: Final[list[Conjunction]] = [()]
_NOTHING: Final[frozenset[str]] = frozenset(("",))
#: Letters that case folding keeps among themselves, save the three that ``spelled`` takes care of, what has no case,
#: and punctuation. Left out: what has relatives further away (``µ``) or lowers by its neighbours (``Σ``).
_PLAIN: Final = re.compile(
    "[!-~\xa1-\xb4\xb6-\u0148\u014a-\u017e\u0e01-\u0e5b\u2010-\u2027\u2030-\u205e\u20a0-\u20bf\u2117"
    "\u2190-\u21ff\u25a0-\u27ff\u2b00-\u2bff\u3001-\u3096\u30a1-\u30fe\u3400-\u9fff\uac00-\ud7a3]"
)
_MOST_OPENINGS: Final = 40
#: So much of a beginning is looked at.
_LONG: Final = 12
_NO_WORD: Final = (
    [(code.IN, [(code.CATEGORY, code.CATEGORY_NOT_WORD)])],
    [(code.IN, [(code.NEGATE, None), (code.CATEGORY, code.CATEGORY_WORD)])],
)
_POSIX: Final = re.compile(r"\[:\^?\w+:\]")


def spelled(text: str) -> str:
    """A text as literals are spelt: letters that case folding makes equal are the same, character for character."""
    if text.isascii():
        return text.lower()
    # Both would become two characters or another letter.
    return text.replace("İ", "i").lower().replace("ſ", "s")


class Requirement(NamedTuple):
    """What one alternative of a pattern requires of a text in ``spelled`` form, two spaces in it made one.

    Attributes:
        clauses: of each, one string must stand in the text.
        width: the most characters that it matches; ``ANY_WIDTH``: no end.
        openings: one of these begins the text, behind characters that are neither letters nor digits; none where
            nothing can be said.
    """

    clauses: Conjunction = ()
    width: int = ANY_WIDTH
    openings: tuple[str, ...] = ()


@lru_cache(maxsize=4096)
def required(pattern: str, *, whole: bool = False) -> tuple[Requirement, ...]:
    r"""What a text must hold so that the pattern can match it, in any case of letters.

    Args:
        pattern: of the syntax that RE2 and Python's ``re`` share, where a space may stand for two and ``\b`` for a
            character (``ruleset.unicode_classes``).
        whole: whether only characters that are neither letters nor digits may stand round a match.

    Returns:
        Alternatives, of which each text that the pattern matches meets one.
    """
    # Python's re knows no POSIX classes and would read one as a set and a bracket.
    if _POSIX.search(pattern):
        return (Requirement(),)
    try:
        tree = parser.parse(pattern)
    except (re.error, OverflowError):
        return (Requirement(),)
    branches = tree[0][1][1] if len(tree) == 1 and tree[0][0] is code.BRANCH else [tree]
    found: list[Requirement] = []
    for branch in branches:
        width, openings = min(ANY_WIDTH, branch.getwidth()[1]), _openings(branch, whole)
        conjunctions = dict.fromkeys(map(_best, _Run().add(branch).finished()))
        found += [Requirement(conjunction, width, openings) for conjunction in conjunctions]
    return tuple(found)


def _openings(branch: Iterable[tuple[Any, Any]], whole: bool) -> tuple[str, ...]:
    items = list(branch)
    if items and items[0] == (code.AT, code.AT_BEGINNING):
        whole = True
        del items[0]
        if items and items[0][0] is code.MAX_REPEAT and list(items[0][1][2]) in _NO_WORD:
            del items[0]
    if not whole:
        return ()
    strings = {_bare(string)[:_LONG] for part in _begin(items) for string in part}
    return () if "" in strings else tuple(sorted(strings))


def bare_start(text: str) -> str:
    """As much of a text in ``spelled`` form as an opening is compared with: from its first letter or digit."""
    return spelled(_bare(text)[:_LONG])


def _bare(text: str) -> str:
    if text[:1].isalnum():
        return text
    return next((text[at:] for at, char in enumerate(text) if char.isalnum()), "")


def _begin(items: Iterable[tuple[Any, Any]]) -> tuple[frozenset[str], frozenset[str]]:
    """The strings of which one begins what items match: those that more may follow, and those that are all of it."""
    done: frozenset[str] = frozenset()
    exact = _NOTHING
    for kind, value in _texts(items):
        begun: frozenset[str] = frozenset()
        if kind is code.BRANCH:
            parts = [_begin(branch) for branch in value[1]]
            begun, whole = (frozenset().union(*part) for part in zip(*parts, strict=True))
        elif kind is code.SUBPATTERN:
            begun, whole = _begin(value[3])
        elif kind in (code.MAX_REPEAT, code.MIN_REPEAT):
            least, most, inner = value
            begun, whole = _begin(inner)
            if most > 1:
                begun, whole = begun | whole, frozenset()
            if least == 0:
                whole |= _NOTHING
        else:
            strings = _strings(kind, value)
            if strings is None:
                return done | exact, frozenset()
            whole = strings
        if len(exact) * (len(begun) + len(whole)) > _MOST_OPENINGS or _doubled(exact, begun | whole):
            return done | exact, frozenset()
        done |= frozenset(map("".join, product(exact, begun)))
        exact = frozenset(map("".join, product(exact, whole)))
        if min(map(len, exact), default=_LONG) >= _LONG:
            return done | exact, frozenset()
    return done, exact


def _rate(clause: Clause) -> float:
    """About how often one of the strings stands at a place of a text."""
    return sum(map(_frequency, clause))


@lru_cache(maxsize=65536)
def _frequency(string: str) -> float:
    if string.strip() in _FREQUENT:
        return _USEFUL
    return math.prod([_SHARES[char] for char in string])


class _Shares(dict[str, float]):
    """About how often a character stands at a place of a text."""

    def __missing__(self, char: str) -> float:
        if char == " ":
            share = _BLANK
        elif char > "\u2fff":
            share = _IDEOGRAPH
        elif char.isalpha():
            share = _RARE_LETTER if char in _RARE else _LETTER
        else:
            share = _POINT if char in _POINTS else _OTHER
        self[char] = share
        return share


_SHARES: Final = _Shares()


def _best(conjunction: Conjunction) -> Conjunction:
    ranked = sorted(set(conjunction), key=lambda clause: (_rate(clause), sorted(clause)))[:DEPTH]
    return tuple(clause for clause in ranked if clause is ranked[0] or _rate(clause) < _USEFUL)


class _Run:
    """What a sequence of a pattern's items requires: the strings that stand at its end so far, and before them.

    Args:
        exact: the strings that stand before it.
    """

    def __init__(self, exact: frozenset[str] = _NOTHING) -> None:
        self.exact = exact
        self.known = _ALWAYS
        #: Whether something else than these strings has stood in the sequence.
        self.cut = False

    def add(self, items: Iterable[tuple[Any, Any]]) -> _Run:
        for item in _texts(items):
            self._add(*item)
        return self

    def finished(self) -> list[Conjunction]:
        self._end()
        return self.known

    def _add(self, kind: Any, value: Any) -> None:
        if kind is code.SUBPATTERN:
            self.add(value[3])
        elif kind is code.BRANCH:
            self._either(value[1])
        elif kind in (code.MAX_REPEAT, code.MIN_REPEAT):
            least, most, items = value
            if (least, most) == (0, 1):
                self._either([(), items])
            else:
                self._end()
                if least:
                    self._also(_Run().add(items).finished())
        else:
            strings = _strings(kind, value)
            if strings is None or _doubled(self.exact, strings):
                self._end()
            if strings is not None:
                if len(self.exact) * len(strings) > _MOST_STRINGS:
                    self._end()
                self.exact = frozenset(map("".join, product(self.exact, strings)))

    def _either(self, branches: Sequence[Iterable[tuple[Any, Any]]]) -> None:
        runs = [_Run(self.exact).add(items) for items in branches]
        strings = frozenset().union(*(run.exact for run in runs))
        if not any(run.cut for run in runs) and len(strings) <= _MOST_STRINGS:
            self.exact = strings
            return
        self.exact = _NOTHING
        self.cut = True
        self._also([conjunction for run in runs for conjunction in run.finished()])

    def _end(self) -> None:
        """Ends the strings: what comes doesn't stand beside them."""
        self.cut = True
        if "" not in self.exact:
            shortest = frozenset(
                string for string in self.exact if not any(other in string for other in self.exact - {string})
            )
            self._also([(shortest,)])
        self.exact = _NOTHING

    def _also(self, others: list[Conjunction]) -> None:
        if () in others:
            return
        others = list(dict.fromkeys(others))
        if len(self.known) * len(others) > _MOST_ALTERNATIVES:
            # The longer list by one clause of each of its conjunctions.
            self.known, others = sorted((self.known, others), key=len)
            others = [(frozenset().union(*(min(each, key=_rate) for each in others)),)]
        self.known = [one + other for one in self.known for other in others]


#: Kind of a run of literals, for ``_texts``.
_TEXT: Final = "text"


def _texts(items: Iterable[tuple[Any, Any]]) -> Iterator[tuple[Any, Any]]:
    """The items of a sequence, literals that follow each other as one, as they are spelt. Nothing reaches over two
    spaces, which stand for two to four."""
    text = ""
    for kind, value in items:
        char = _literal(value) if kind is code.LITERAL else None
        if char is None or (char == " " and text.endswith(" ")):
            if text:
                yield _TEXT, text
            text = char or ""
        else:
            text += char
        if char is None:
            yield kind, value
    if text:
        yield _TEXT, text


@lru_cache(maxsize=4096)
def _literal(point: int) -> str | None:
    char = chr(point)
    return spelled(char) if char == " " or _PLAIN.fullmatch(char) else None


def _strings(kind: Any, value: Any) -> frozenset[str] | None:
    """What an item stands for, if it is a few literals."""
    if kind is _TEXT:
        return frozenset((value,))
    if kind is not code.IN or len(value) > _MOST_STRINGS or any(inner is not code.LITERAL for inner, _ in value):
        return None
    chars = [_literal(point) for _, point in value]
    return None if None in chars or " " in chars else frozenset(char for char in chars if char)


def _doubled(before: frozenset[str], after: frozenset[str]) -> bool:
    """Whether two spaces may meet."""
    return any(string.startswith(" ") for string in after) and any(string.endswith(" ") for string in before)


class Finder:
    """Which of many patterns the stretches of a text can hold.

    What a stretch holds is an int: in its lower half a bit for each alternative of which it holds the first clause
    (or that has none), in its upper half for the second.

    Args:
        patterns: see ``required``. Their numbers are their positions.
        whole: of each, whether it must match a stretch from end to end (see ``openings``).
    """

    def __init__(self, patterns: Sequence[str], whole: Sequence[bool]) -> None:
        found = [
            (number, requirement)
            for number, (pattern, entire) in enumerate(zip(patterns, whole, strict=True))
            for requirement in required(pattern, whole=entire)
        ]
        self._owners = [number for number, _ in found]
        self._widths = [requirement.width for _, requirement in found]
        self._openings = [requirement.openings for _, requirement in found]
        self._width = len(found)
        #: Of each pattern, the alternatives of those after it.
        self._later = [-1 << bisect_right(self._owners, number) for number in range(len(patterns))]
        masks: dict[str, int] = {}
        #: What every stretch holds.
        self.nothing = 0
        for bit, (_, requirement) in enumerate(found):
            conjunction = requirement.clauses
            for half in range(DEPTH):
                mask = 1 << bit + half * self._width
                if half >= len(conjunction):
                    self.nothing |= mask
                for string in conjunction[half] if half < len(conjunction) else ():
                    masks[string] = masks.get(string, 0) | mask
        self._masks = list(masks.values())
        self._automaton = ahocorasick_rs.AhoCorasick(
            list(masks), implementation=ahocorasick_rs.Implementation.ContiguousNFA, store_patterns=False
        )

    def mask(self, patterns: Iterable[int], width: int = 0) -> int:
        """The alternatives of some patterns that can match so many characters, for ``candidates``."""
        wanted = set(patterns)
        return sum(
            1 << bit
            for bit, (owner, most) in enumerate(zip(self._owners, self._widths, strict=True))
            if owner in wanted and most >= width
        )

    def sight(self, text: str) -> Sighting:
        """Where the literals stand in a text, in which one space stands where units have two."""
        return Sighting(self, self._masks, self._automaton.find_matches_as_indexes(spelled(text), overlapping=True))

    def can(self, held: int, mask: int) -> bool:
        """Whether a stretch that holds this can match one of a mask's patterns."""
        return bool(held & held >> self._width & mask)

    def candidates(self, held: int, mask: int, text: str | None = None) -> Iterator[int]:
        """The numbers, in order, of those of a mask's patterns that a stretch that holds this can match.

        ``text``: the stretch, if what it begins with is to be looked at; two spaces count as one.
        """
        left = held & held >> self._width & mask
        start = None
        while left:
            bit = (left & -left).bit_length() - 1
            opening = self._openings[bit]
            if opening and text is not None:
                if start is None:
                    start = bare_start(text.replace("  ", " "))
                if not start.startswith(opening):
                    left &= left - 1
                    continue
            number = self._owners[bit]
            yield number
            left &= self._later[number]


class Sighting:
    """Where the literals of a ``Finder`` stand in a text.

    Args:
        finder: whose.
        masks: of each literal, what a stretch that has it holds.
        found: number of the literal, start and end in code points; ends ascend.
    """

    def __init__(self, finder: Finder, masks: Sequence[int], found: Sequence[tuple[int, int, int]]) -> None:
        self._nothing = finder.nothing
        self._masks = [masks[number] for number, _, _ in found]
        self._ends = [end for _, _, end in found]

    def held(self, start: int, end: int) -> int:
        """What ``text[start:end]`` holds, and perhaps literals that begin before it."""
        low = bisect_right(self._ends, start)
        return reduce(or_, self._masks[low : bisect_right(self._ends, end, low)], self._nothing)
