"""What the judge sees: one row of numbers for each block of a text.

Own features (wording rules by class, lexicon, shape, forms of address), features of place (before, among or after
prose) and features of company (neighbours, the run of short blocks it stands in, the label above it, repetition).
All are explainable: ``NAMES`` is what a span's evidence shows.
"""

from __future__ import annotations

import math
import re
import tomllib
from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from etl.clean.ruleset import CLASSES, Rule

WORDS_FILE = Path(__file__).parent / "words.toml"
WEIGHT = {"certain": 0.95, "strong": 0.75, "weak": 0.35}
BOILERPLATE = tuple(name for name in CLASSES if name not in ("content", "template"))
KINDS = ("you", "we", "act", "say")
#: The bit of words that address the reader.
ADDRESSING = 1

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
CJK_CHAR = re.compile(f"[{_CJK}]")
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?|\d+")
_TOKEN = re.compile(rf"[{_CJK}]|[^\W\d_{_CJK}]+(?:'[^\W\d_{_CJK}]+)?|\d+")
_PRICE = re.compile(
    r"[$€£¥₺]\s?\d|\d[\d.,]*\s?(?:[€$£¥₺%]|euro?s?\b|eur\b|usd\b|chf\b|kr\b|zł|tl\b|元|円|franken\b)", re.I
)
_DATE = re.compile(
    r"\b\d{1,2}[./-]\s?\d{1,2}[./-]\s?(?:\d{4}|\d\d)\b|\b(?:19|20)\d\d-\d\d-\d\d|\b\d{1,2}[:.]\d\d\b|\b\d{1,2}h\d\d\b"
    r"|\b\d{1,2}\.? [^\W\d]{3,10}\.?,? (?:19|20)\d\d\b|\b[^\W\d]{3,10}\.? \d{1,2}, (?:19|20)\d\d|\d{1,2}月\d{1,2}日"
)
#: What every match of ``_DATE`` has: a digit and what parts it from the next ones, or a year.
_DATE_MARK = re.compile(r"\d(?:[./:h月-]|(?:(?<=1)9|(?<=2)0)\d\d)")
_DIGIT = re.compile(r"\d")
_LATIN = bytes(range(256)).decode("latin-1")
_LATIN_NUMBER = re.compile(rb"[0-9]+")
#: What stands in no word made a space, and the rest lower case.
_LATIN_WORDS = "".join(char if char == "'" or _WORD.fullmatch(char) else " " for char in _LATIN.lower()).encode(
    "latin-1"
)
#: Letters as ``l``, upper case ones as ``u``, digits as ``0``: as ``str.isalpha``, ``isupper`` and ``isdigit`` say.
_LATIN_KINDS = "".join(
    ("u" if char.isupper() else "l") if char.isalpha() else "0" if char.isdigit() else " " for char in _LATIN
).encode("ascii")
_AGO = re.compile(r"\W{0,3}(?:vor|hace|il y a|há|for)\b.{1,14}\b\w+", re.I)
_AGO_ANYWHERE = re.compile(r"\b\d+ ?(?:hours?|hrs?|mins?|minutes?|days?) ago|小时前|時間前", re.I)
_URL = re.compile(
    r"https?://|www\.|\b[\w.+-]+@[\w-]+\.\w\w|\b[\w-]+\.(?:com|org|net|de|at|ch|fr|es|it|nl|co\.uk)\b", re.I
)
_CAMEL = re.compile(r"[a-zà-öø-ÿ](?=[A-ZÀ-ÖØ-Þ][a-zà-öø-ÿ])")
#: What every match of ``_URL`` has in Latin text, in lower case.
_URL_MARKS = tuple(b"://|www.|@|.com|.org|.net|.de|.at|.ch|.fr|.es|.it|.nl|.co.".split(b"|"))
_SEPARATOR = re.compile(r"[|•·›→/▸►>]")
# One class first, which is what makes the search fast.
_SENTENCE = re.compile(r"[.!?。](?:(?<=[.!?])[.!?]*[\"')\]]*(?:\s|$)|(?<=。))")
_TERMINAL = re.compile(r"[.!?。！？][\"')\]」』]*$")
_MARK = re.compile(r"^[^\w\s\"'(\[「『#]")

#: Blocks looked at on each side where neighbours' features are copied.
REACH = (-3, -2, -1, 1, 2, 3)
_COPIED = ("rules", "lexicon", "size", "terminal", "label")

#: Features of the run of blocks that a block stands in.
_RUN = ("", "_rules", "_lexicon", "_labels", "_size", "_spread", "_dates", "_terminal", "_index")
_FORMS = frozenset({"newsletter", "comment", "cookie", "login"})
_OFFERS = frozenset({"paywall", "subscription", "newsletter", "promo", "app", "login"})
_DENSE_LANGUAGES = frozenset({"ja", "zh", "ko", "und"})
_DIGITS = frozenset("0123456789٠١٢٣٤٥٦٧٨٩०१२३४५६७८९")
# Long blocks are looked at from both ends only: boilerplate shows there, and the cost stays bounded.
_HEAD, _TAIL, _SEEN = 200, 100, 300
_PROSE_SIZE, _LONG_SIZE, _STORY_SIZE = math.log1p(100), math.log1p(250), math.log1p(220)
_MOST_COMPARED = 400
_SPEAKING = 0.5
_NEAR_ABOVE, _NEAR_BELOW = 3, 2

_OWN: tuple[str, ...] = (
    *(f"rule:{name}" for name in BOILERPLATE),
    "label",
    "rules",
    "hits",
    "rule:content",
    "lexicon",
    "lexicon_head",
    "lexicon_peak",
    "lexicon_known",
    "usual",
    "usual_head",
    "size",
    "words",
    "sentences",
    "terminal",
    "colon",
    "ellipsis",
    "lower_start",
    "digit_start",
    "mark_start",
    "capitals",
    "title_case",
    "digits",
    "separators",
    "commas",
    "quote",
    "question",
    "exclamation",
    "url",
    "price",
    "date",
    "ago",
    "camel",
    "hash",
    "word_length",
    "asterisk",
    "you",
    "we",
    "act",
    "say",
)
_PLACE: tuple[str, ...] = (
    "first",
    "from_start",
    "from_end",
    "blocks",
    "prose_share",
    "prose_before",
    "prose_after",
    "gap_before",
    "gap_after",
    "story_after",
    "story_gap_before",
    "story_gap_after",
    "prose_chars",
    "prose_size",
    "after_colon",
    *(f"{run}{name}" for run in ("run", "wide") for name in _RUN),
    "run_next_terminal",
    "story_before_share",
    "story_after_share",
    "offer_above",
    "offer_below",
    "offer_both",
    "related_label_above",
    "label_above",
    "related_above",
    "form_above",
    "labels_before",
    "rules_near",
    "lexicon_near",
    "repeated",
    "told_elsewhere",
    "shared_words",
    "new_names",
)
NAMES: tuple[str, ...] = (*_OWN, *_PLACE, *(f"{name}[{step:+d}]" for step in REACH for name in _COPIED))
INDEX = {name: position for position, name in enumerate(NAMES)}

Matrix = npt.NDArray[np.float32]


class Lexicon(Protocol):
    """Scores a block's tokens."""

    def __call__(self, tokens: Sequence[str]) -> tuple[float, float, float, float, float, float]:
        """Score, score of the first words, strongest word, share of known words, the first two by usual wordings."""

    def score(self, tokens: Sequence[str]) -> float:
        """The first of these alone."""


class Unit(NamedTuple):
    """A block as features see it: ``text`` is folded, with single spaces; ``hits`` are the rules that match it."""

    text: str
    hits: Sequence[Rule] = ()
    tokens: Sequence[str] = ()


def tokens_of(text: str) -> list[str]:
    """Words in lower case, numbers as ``0``, Chinese and Japanese character by character. Long blocks: both ends."""
    if len(text) > _HEAD + _TAIL:
        text = f"{text[:_HEAD]} {text[-_TAIL:]}"
    try:
        raw = text.encode("latin-1")
    except UnicodeEncodeError:
        pattern = _WORD if CJK_CHAR.search(text) is None else _TOKEN
        if "İ" in text or "Σ" in text:
            # These two aren't lowered to one letter each, whatever stands beside them.
            words = list(map(str.lower, pattern.findall(text)))
        else:
            words = pattern.findall(text.lower())
        if _DIGIT.search(text) is None:
            return words
        return ["0" if word[0] in _DIGITS else word for word in words]
    # The same for a table of 256 characters, several times faster.
    if _LATIN_NUMBER.search(raw) is not None:
        raw = _LATIN_NUMBER.sub(b" 0 ", raw)
    words = raw.translate(_LATIN_WORDS).decode("latin-1").split()
    if "'" not in text:
        return words
    return [part for word in words for part in (_WORD.findall(word) if "'" in word else (word,))]


@lru_cache(maxsize=1)
def word_kinds() -> dict[str, dict[str, int]]:
    """Of each language, words to a bit mask of ``KINDS``."""
    document = tomllib.loads(WORDS_FILE.read_text(encoding="utf-8"))
    out: dict[str, dict[str, int]] = {}
    for language, lists in document.items():
        masks: dict[str, int] = {}
        for bit, kind in enumerate(KINDS):
            for word in lists[kind]:
                masks[word] = masks.get(word, 0) | 1 << bit
        out[language] = masks
    return out


def _address(unit: Unit, language: str) -> tuple[float, float, float, float]:
    """Shares of second person, first person plural, call-to-action and reporting words."""
    masks = word_kinds().get(language)
    if masks is None:
        return 0.0, 0.0, 0.0, 0.0
    if language in ("ja", "zh"):
        piece = unit.text[:_SEEN]
        found = [mask for word, mask in masks.items() if word in piece]
        total = max(3.0, len(piece) / 12)
    else:
        found = [masks[token] for token in unit.tokens if token in masks]
        total = max(3.0, float(len(unit.tokens)))
    counts = [sum(mask >> bit & 1 for mask in found) / total for bit in range(4)]
    return counts[0], counts[1], counts[2], counts[3]


@dataclass(slots=True)
class Basics:
    """What every block is asked for, because its neighbours' features need it."""

    rules: float
    label: float
    related: float
    form: float
    offer: bool
    heading: bool
    score: float
    size: float
    terminal: float
    colon: float
    date: float
    prose: bool
    story: bool
    against: bool


def _basics(unit: Unit, lexicon: Lexicon, cjk: bool) -> Basics:
    text = unit.text
    label = related = form = 0.0
    doubt = 1.0
    against = offer = heading = False
    for rule in unit.hits:
        if rule.class_ == "content":
            against = True
            continue
        weight = WEIGHT[rule.strength]
        doubt *= 1 - weight
        if rule.class_ in _OFFERS and weight > WEIGHT["weak"]:
            offer = True
        if rule.scope == "label":
            label = max(label, weight)
        if rule.class_ == "related":
            related = max(related, weight)
            heading = heading or rule.scope == "label"
        elif rule.class_ in _FORMS:
            form = max(form, weight)
    rules = 1 - doubt
    chars = len(text)
    # Chinese and Japanese say with a character what takes others two or three.
    dense = len(CJK_CHAR.findall(text[:_SEEN])) if cjk and not text.isascii() else 0
    size = math.log1p(chars * (1 + 1.5 * dense / max(1, min(chars, _SEEN))))
    terminal = text.endswith((".", "!", "?")) or _TERMINAL.search(text, max(0, chars - 6)) is not None
    date = _DATE_MARK.search(text, 0, 120) is not None and _DATE.search(text, 0, 120) is not None
    prose = rules < 0.9 and (size > _PROSE_SIZE if terminal else size > _LONG_SIZE)
    story = prose and terminal and size > _STORY_SIZE and rules < 0.3
    colon = text.endswith(":")
    score = lexicon.score(unit.tokens)
    return Basics(
        rules, label, related, form, offer, heading, score, size, terminal, colon, date, prose, story, against
    )


def _ago(text: str) -> bool:
    if _AGO.match(text) is not None:
        return True
    return (not text.isascii() or _DIGIT.search(text) is not None) and _AGO_ANYWHERE.search(text) is not None


def _counts(text: str) -> tuple[int, int, int, int]:
    """How many capitals, letters, digits and joined words there are."""
    try:
        kinds = text.encode("latin-1").translate(_LATIN_KINDS)
    except UnicodeEncodeError:
        return (
            sum(map(str.isupper, text)),
            sum(map(str.isalpha, text)),
            sum(map(str.isdigit, text)),
            len(_CAMEL.findall(text)),
        )
    upper = kinds.count(b"u")
    joined = len(_CAMEL.findall(text)) if b"lul" in kinds else 0
    return upper, upper + kinds.count(b"l"), kinds.count(b"0"), joined


def _has_url(piece: str) -> bool:
    if "." not in piece and "@" not in piece:
        return False
    try:
        lower = piece.encode("latin-1").lower()
    except UnicodeEncodeError:
        # Beyond Latin text other letters count as these in any case.
        return _URL.search(piece) is not None
    return any(map(lower.__contains__, _URL_MARKS)) and _URL.search(piece) is not None


def _own(unit: Unit, basics: Basics, language: str, lexicon: Lexicon) -> list[float]:
    """The features of a block by itself, in the order of ``_OWN``."""
    text = unit.text
    by_class = dict.fromkeys(BOILERPLATE, 0.0)
    against = 0.0
    for rule in unit.hits:
        weight = WEIGHT[rule.strength]
        if rule.class_ == "content":
            against = max(against, weight)
        elif weight > by_class[rule.class_]:
            by_class[rule.class_] = weight
    piece = text[:_SEEN]
    short = text[:150]
    upper, letters, digits, joined = _counts(short)
    words = piece.split(" ")
    dense = len(CJK_CHAR.findall(piece)) if language in _DENSE_LANGUAGES else 0
    return [
        *by_class.values(),
        basics.label,
        basics.rules,
        float(len(unit.hits)),
        against,
        *lexicon(unit.tokens),
        basics.size,
        math.log1p(len(words) + dense / 2),
        float(len(_SENTENCE.findall(piece))),
        float(basics.terminal),
        float(basics.colon),
        float(text.endswith(("..", "[.]"))),
        float(text[:1].islower()),
        float(text[:1].isdigit()),
        float(_MARK.match(text) is not None),
        upper / max(1, letters),
        sum(map(str.isupper, [word[:1] for word in words])) / len(words),
        digits / max(1, len(short)),
        (len(_SEPARATOR.findall(piece)) + piece.count(" - ")) / len(words),
        piece.count(",") / len(words),
        float('"' in text or "「" in text or "『" in text or " '" in text),
        float("?" in text),
        float("!" in text),
        float(_has_url(piece)),
        float(_DIGIT.search(piece) is not None and _PRICE.search(piece) is not None),
        float(basics.date),
        float(_ago(text[:60])),
        float(joined),
        float("#" in short or "@" in short),
        len(piece) / len(words),
        float("*" in piece),
        *_address(unit, language),
    ]


class Alone:
    """A block by itself: what is known of it without its page.

    Args:
        unit: the block.
        language: of the text; picks the lists of ``words.toml``.
        lexicon: scores a block's words.
    """

    __slots__ = ("_language", "_lexicon", "_own", "basics", "unit")

    def __init__(self, unit: Unit, language: str, lexicon: Lexicon) -> None:
        self.unit = unit
        self.basics = _basics(unit, lexicon, language in _DENSE_LANGUAGES)
        self._language = language
        self._lexicon = lexicon
        self._own: list[float] | None = None

    def own(self) -> list[float]:
        """The features of ``_OWN``, made when first asked for. Not to be changed."""
        if self._own is None:
            self._own = _own(self.unit, self.basics, self._language, self._lexicon)
        return self._own


class Page:
    """A text's blocks, seen together.

    Args:
        blocks: the blocks in order, all of one language and lexicon.
    """

    def __init__(self, blocks: Sequence[Alone]) -> None:
        self.blocks = blocks
        self.units = [block.unit for block in blocks]
        self.basics = [block.basics for block in blocks]

    def plain(self, row: int) -> bool:
        """Whether a block is plain prose that nothing in its wording speaks against."""
        basics = self.basics[row]
        return basics.prose and basics.rules == 0 and basics.score < 0

    def asked(self, marked: Sequence[bool] = ()) -> list[int]:
        """The rows of blocks to be judged: all that are ``marked`` or not plain prose, and of that what stands near
        blocks that speak for themselves: an appeal goes on below its headline and above its button in words that
        could be the article's."""
        near = 0
        around: list[int] = []
        for row, block in enumerate(self.basics):
            if block.rules >= WEIGHT["strong"] or block.score > _SPEAKING:
                around += range(max(near, row - _NEAR_BELOW), row + _NEAR_ABOVE + 1)
                near = row + _NEAR_ABOVE + 1
        close = set(around)
        return [
            row for row in range(len(self.basics)) if row in close or not self.plain(row) or (marked and marked[row])
        ]

    def features(self, rows: Sequence[int]) -> Matrix:
        """The features of some blocks: shape ``(len(rows), len(NAMES))``, float32."""
        if not rows:
            return np.empty((0, len(NAMES)), dtype=np.float32)
        place = self._place(rows)
        values: list[float] = []
        none = [0.0] * len(_COPIED)
        count = len(self.units)
        for row, placed in zip(rows, place, strict=True):
            values += self.blocks[row].own()
            values += placed
            for step in REACH:
                # No block there: a size of zero says so.
                values += self._copied(row + step) if 0 <= row + step < count else none
        # An array on the way there, which takes half the time.
        return np.frombuffer(array("f", values), dtype=np.float32).reshape(len(rows), -1)

    def _copied(self, row: int) -> list[float]:
        basics = self.basics[row]
        return [basics.rules, basics.score, basics.size, float(basics.terminal), basics.label]

    def _place(self, rows: Sequence[int]) -> list[list[float]]:
        basics = self.basics
        count = len(basics)
        prose = [block.prose for block in basics]
        story = [block.story for block in basics]
        prose_before = _before(prose)
        story_before = _before(story)
        prose_gaps, story_gaps = _gaps(prose), _gaps(story)
        total, stories = prose_before[-1], story_before[-1]
        chars = sum(len(unit.text) for unit, long in zip(self.units, prose, strict=True) if long)
        told_before = _before(
            [len(unit.text) if block.story else 0 for unit, block in zip(self.units, basics, strict=True)]
        )
        story_chars = max(1.0, told_before[-1])
        offers = _gaps([block.offer for block in basics])
        headings = _gaps([block.heading for block in basics])[0]
        narrow, wide = _runs(prose, basics, rows), _runs(story, basics, rows)
        above = self._above()
        rules = _before([block.rules for block in basics])
        scores = _before([block.score for block in basics])
        told = self._told(rows)
        out = []
        for row, repetition in zip(rows, told, strict=True):
            low, high = max(0, row - 3), min(count, row + 4)
            run, start, end = narrow[row]
            wide_run, wide_start, _ = wide[row]
            out.append(
                [
                    float(row == 0),
                    float(min(row, 30)),
                    float(min(count - 1 - row, 30)),
                    float(min(count, 80)),
                    total / count,
                    min(prose_before[row], 15.0),
                    min(total - prose_before[row + 1], 15.0),
                    prose_gaps[0][row],
                    prose_gaps[1][row],
                    min(stories - story_before[row + 1], 15.0),
                    story_gaps[0][row],
                    story_gaps[1][row],
                    math.log1p(chars),
                    math.log1p(chars / max(1.0, total)),
                    above[row][4],
                    *run,
                    float(min(row - start, 40)),
                    *wide_run,
                    float(min(row - wide_start, 40)),
                    float(basics[end].terminal) if end < count else -1.0,
                    told_before[row] / story_chars,
                    1 - told_before[row + 1] / story_chars,
                    offers[0][row],
                    offers[1][row],
                    max(offers[0][row], offers[1][row]),
                    headings[row],
                    *above[row][:4],
                    (rules[high] - rules[low]) / 7,
                    (scores[high] - scores[low]) / 7,
                    *repetition,
                ]
            )
        return out

    def _above(self) -> list[tuple[float, float, float, float, float]]:
        """Of each block: how far above the nearest label, related label and form label stand without prose between,
        how many labels came before, and whether a block before it announced a list."""
        out = []
        label = related = form = 20.0
        labels = colon = 0.0
        for block in self.basics:
            if block.prose:
                label = related = form = 20.0
            out.append((label, related, form, labels, colon))
            label, related, form = min(label + 1, 20.0), min(related + 1, 20.0), min(form + 1, 20.0)
            if block.label > 0.9:
                label = 1.0
                labels = min(labels + 1, 20.0)
            if block.related > 0.9:
                related = 1.0
            if block.form > 0.9:
                form = 1.0
            if block.colon and block.label < 0.9:
                colon = 1.0
            elif block.prose:
                colon = 0.0
        return out

    def _told(self, rows: Sequence[int]) -> list[tuple[float, float, float, float]]:
        """Of some blocks: how often they stand there too, in how many longer blocks they are contained, the share of
        their words that the story's plain prose has, and of their names that it has not."""
        units = self.units
        times = Counter([unit.text for unit in units])
        others = [text for text in times if len(text) > 12] if len(units) <= _MOST_COMPARED else []
        asked = []
        wanted: set[str] = set()
        for row in rows:
            text, _, tokens = units[row]
            words = {token for token in tokens if len(token) > 3 or not token.isascii()}
            names = [
                word.lower().strip(".,:;!?\"'()")
                for word in text[:200].split(" ")[1:]
                if len(word) > 3 and word[0].isupper()
            ]
            asked.append((text, words, names))
            wanted.update(words, names)
        story: set[str] = set()
        for row, unit in enumerate(units):
            if self.plain(row):
                story |= wanted.intersection(unit.tokens)
        out = []
        for text, words, names in asked:
            inside = 0
            if 12 <= len(text) <= 200:
                inside = sum([text in other for other in others]) - 1
            share = len(words & story) / max(2, len(words))
            fresh = len(names) - sum(map(story.__contains__, names))
            out.append((float(times[text] - 1), float(max(0, inside)), share, fresh / max(2, len(names))))
        return out


def _before(values: Sequence[float]) -> list[float]:
    """Sums of what stands before each position, and of all at the end."""
    return [0.0, *accumulate(values)]


def _gaps(marks: Sequence[bool]) -> tuple[list[float], list[float]]:
    """The distance to the nearest mark before and after each position, 20 where none is near."""
    before, after = [], []
    gap = 20.0
    for mark in marks:
        before.append(gap)
        gap = 1.0 if mark else min(gap + 1, 20.0)
    gap = 20.0
    for mark in reversed(marks):
        after.append(gap)
        gap = 1.0 if mark else min(gap + 1, 20.0)
    return before, after[::-1]


def _runs(
    marks: Sequence[bool], basics: Sequence[Basics], rows: Sequence[int]
) -> dict[int, tuple[list[float], int, int]]:
    """Of some blocks, the run of blocks without a mark between them that each stands in: the features of ``_RUN``
    but the last, start and end. A block with a mark is a run of its own."""
    out: dict[int, tuple[list[float], int, int]] = {}
    count = len(marks)
    found: tuple[list[float], int, int] | None = None
    for row in rows:
        if found is None or row >= found[2]:
            start, end = row, row + 1
            if not marks[row]:
                while start > 0 and not marks[start - 1]:
                    start -= 1
                while end < count and not marks[end]:
                    end += 1
            found = (_run_features(basics[start:end]), start, end)
        out[row] = found
    return out


def _run_features(blocks: Sequence[Basics]) -> list[float]:
    width = len(blocks)
    sizes = [block.size for block in blocks]
    mean = sum(sizes) / width
    spread = math.sqrt(sum([(size - mean) ** 2 for size in sizes]) / width)
    return [
        float(min(width, 40)),
        sum([block.rules for block in blocks]) / width,
        sum([block.score for block in blocks]) / width,
        sum([block.label for block in blocks]) / width,
        mean,
        spread,
        sum([block.date for block in blocks]) / width,
        sum([block.terminal for block in blocks]) / width,
    ]
