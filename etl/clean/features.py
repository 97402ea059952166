"""What the judge sees: one row of numbers for each block of a text.

Own features (wording rules by class, lexicon, shape, forms of address), features of place (before, among or after
prose) and features of company (neighbours, the run of short blocks it stands in, the label above it, repetition).
All are explainable: ``NAMES`` is what a span's evidence shows.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from etl.clean.ruleset import CLASSES, Rule

WORDS_FILE = Path(__file__).parent / "words.toml"
WEIGHT = {"certain": 0.95, "strong": 0.75, "weak": 0.35}
BOILERPLATE = tuple(name for name in CLASSES if name not in ("content", "template"))
KINDS = ("you", "we", "act", "say")

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_CJK_CHAR = re.compile(f"[{_CJK}]")
_TOKEN = re.compile(rf"[{_CJK}]|[^\W\d_{_CJK}]+(?:'[^\W\d_{_CJK}]+)?|\d+")
_PRICE = re.compile(
    r"[$€£¥₺]\s?\d|\d[\d.,]*\s?(?:[€$£¥₺%]|euro?s?\b|eur\b|usd\b|chf\b|kr\b|zł|tl\b|元|円|franken\b)", re.I
)
_DATE = re.compile(
    r"\b\d{1,2}[./-]\s?\d{1,2}[./-]\s?(?:\d{4}|\d\d)\b|\b(?:19|20)\d\d-\d\d-\d\d|\b\d{1,2}[:.]\d\d\b|\b\d{1,2}h\d\d\b"
    r"|\b\d{1,2}\.? [^\W\d]{3,10}\.?,? (?:19|20)\d\d\b|\b[^\W\d]{3,10}\.? \d{1,2}, (?:19|20)\d\d|\d{1,2}月\d{1,2}日"
)
_AGO = re.compile(
    r"^\W{0,3}(?:vor|hace|il y a|há|for)\b.{1,14}\b\w+|\b\d+ ?(?:hours?|hrs?|mins?|minutes?|days?) ago|小时前|時間前",
    re.I,
)
_URL = re.compile(
    r"https?://|www\.|\b[\w.+-]+@[\w-]+\.\w\w|\b[\w-]+\.(?:com|org|net|de|at|ch|fr|es|it|nl|co\.uk)\b", re.I
)
_CAMEL = re.compile(r"[a-zà-öø-ÿ](?=[A-ZÀ-ÖØ-Þ][a-zà-öø-ÿ])")
_SEPARATOR = re.compile(r"[|•·›→/▸►>]|\s-\s")
_SENTENCE = re.compile(r"[.!?]+[\"')\]]*(?:\s|$)|[。！？]")
_TERMINAL = re.compile(r"[.!?。！？][\"')\]」』]*$")
_QUOTE = re.compile(r"[\"「『]|(?:^|\s)'")
_MARK = re.compile(r"^[^\w\s\"'(\[「『#]")

#: Blocks looked at on each side where neighbours' features are copied.
REACH = (-3, -2, -1, 1, 2, 3)
_COPIED = ("rules", "lexicon", "size", "terminal", "label")

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
    "prose_chars",
    "after_colon",
    "run",
    "run_index",
    "run_rules",
    "run_lexicon",
    "run_labels",
    "run_size",
    "run_size_spread",
    "run_dates",
    "run_terminal",
    "run_next_terminal",
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
    "prose_size",
)
NAMES: tuple[str, ...] = (*_OWN, *_PLACE, *(f"{name}[{step:+d}]" for step in REACH for name in _COPIED))
INDEX = {name: position for position, name in enumerate(NAMES)}

Matrix = npt.NDArray[np.float32]
#: Tokens of a block to (score, score of its head, strongest word, share of known words).
Lexicon = Callable[[Sequence[str]], tuple[float, float, float, float]]


@dataclass(frozen=True, slots=True)
class Unit:
    """A block as features see it: ``text`` is folded, with single spaces; ``hits`` are the rules that match it."""

    text: str
    hits: Sequence[Rule] = ()
    tokens: Sequence[str] = field(default=())


def tokens_of(text: str) -> list[str]:
    """Words in lower case, numbers as ``0``, Chinese and Japanese character by character. Long blocks: both ends."""
    if len(text) > 700:
        text = text[:450] + " " + text[-250:]
    return ["0" if token[0].isdigit() else token for token in _TOKEN.findall(text.lower())]


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
    counts = [0, 0, 0, 0]
    if language in ("ja", "zh"):
        piece = unit.text[:700]
        for word, mask in masks.items():
            if word in piece:
                for bit in range(4):
                    counts[bit] += mask >> bit & 1
        total = max(3.0, len(piece) / 12)
    else:
        for token in unit.tokens:
            mask = masks.get(token)
            if mask:
                for bit in range(4):
                    counts[bit] += mask >> bit & 1
        total = max(3.0, float(len(unit.tokens)))
    return counts[0] / total, counts[1] / total, counts[2] / total, counts[3] / total


def own_features(unit: Unit, language: str, lexicon: Lexicon) -> list[float]:
    """The features of a block by itself, in the order of ``_OWN``."""
    text = unit.text
    by_class = dict.fromkeys(BOILERPLATE, 0.0)
    label = against = 0.0
    doubt = 1.0
    for rule in unit.hits:
        weight = WEIGHT[rule.strength]
        if rule.class_ == "content":
            against = max(against, weight)
            continue
        by_class[rule.class_] = max(by_class[rule.class_], weight)
        doubt *= 1 - weight
        if rule.scope == "label":
            label = max(label, weight)
    letters = [char for char in text[:300] if char.isalpha()]
    upper = sum(char.isupper() for char in letters)
    words = text[:700].split(" ")
    size = len(text)
    cjk = len(_CJK_CHAR.findall(text[:700])) if not text.isascii() else 0
    effective = size * (1 + 1.5 * cjk / max(1, min(size, 700)))
    capitalised = sum(word[:1].isupper() for word in words)
    return [
        *by_class.values(),
        label,
        1 - doubt,
        float(len(unit.hits)),
        against,
        *lexicon(unit.tokens),
        math.log1p(effective),
        math.log1p(len(words) + cjk / 2),
        float(len(_SENTENCE.findall(text[:700]))),
        float(_TERMINAL.search(text[-6:]) is not None),
        float(text.endswith(":")),
        float(text.endswith(("..", "[.]"))),
        float(text[:1].islower()),
        float(text[:1].isdigit()),
        float(_MARK.match(text) is not None),
        upper / max(1, len(letters)),
        capitalised / len(words),
        sum(char.isdigit() for char in text[:300]) / max(1, min(size, 300)),
        len(_SEPARATOR.findall(text[:300])) / len(words),
        text[:700].count(",") / len(words),
        float(_QUOTE.search(text) is not None),
        float("?" in text or "？" in text),
        float("!" in text),
        float(_URL.search(text[:400]) is not None),
        float(_PRICE.search(text[:400]) is not None),
        float(_DATE.search(text[:120]) is not None),
        float(_AGO.search(text[:60]) is not None),
        float(len(_CAMEL.findall(text[:300]))),
        float("#" in text[:100] or "@" in text[:100]),
        len(text[:700]) / len(words),
        float("*" in text[:300]),
        *_address(unit, language),
    ]


def is_prose(own: Matrix) -> npt.NDArray[np.bool_]:
    """Which blocks read like paragraphs of an article: long enough, closed sentences, no certain rule."""
    size, terminal = own[:, INDEX["size"]], own[:, INDEX["terminal"]]
    return ((size > math.log1p(100)) & (terminal > 0) | (size > math.log1p(250))) & (own[:, INDEX["rules"]] < 0.9)


def feature_matrix(units: Sequence[Unit], language: str, lexicon: Lexicon) -> Matrix:
    """All features of all blocks: shape ``(len(units), len(NAMES))``, float32."""
    count = len(units)
    own = np.array([own_features(unit, language, lexicon) for unit in units], dtype=np.float32)
    out = np.zeros((count, len(NAMES)), dtype=np.float32)
    out[:, : len(_OWN)] = own
    _place(out, own, units)
    column = len(_OWN) + len(_PLACE)
    picked = own[:, [INDEX[name] for name in _COPIED]]
    for step in REACH:
        width = len(_COPIED)
        if step < 0:
            out[-step:, column : column + width] = picked[:step] if count > -step else 0
        else:
            out[: max(0, count - step), column : column + width] = picked[step:]
        # No block there: a size of zero says so.
        column += width
    return out


def _place(out: Matrix, own: Matrix, units: Sequence[Unit]) -> None:
    count = len(units)
    prose = is_prose(own)
    rules, lexicon, size, label = (own[:, INDEX[name]] for name in ("rules", "lexicon", "size", "label"))
    terminal, colon, date = (own[:, INDEX[name]] for name in ("terminal", "colon", "date"))
    related = own[:, INDEX["rule:related"]]
    form = np.maximum.reduce([own[:, INDEX[f"rule:{name}"]] for name in ("newsletter", "comment", "cookie", "login")])
    before = np.cumsum(prose) - prose
    total = int(prose.sum())
    position = np.arange(count)
    last = np.where(prose, position, -1)
    last = np.concatenate(([-1], np.maximum.accumulate(last)[:-1]))
    following = np.where(prose, position, count)
    following = np.concatenate((np.minimum.accumulate(following[::-1])[::-1][1:], [count]))

    def put(name: str, values: npt.NDArray[np.floating] | npt.NDArray[np.integer] | npt.NDArray[np.bool_]) -> None:
        out[:, INDEX[name]] = values

    put("first", position == 0)
    put("from_start", np.minimum(position, 30))
    put("from_end", np.minimum(count - 1 - position, 30))
    put("blocks", np.full(count, min(count, 80)))
    put("prose_share", np.full(count, total / count))
    put("prose_before", np.minimum(before, 15))
    put("prose_after", np.minimum(total - before - prose, 15))
    put("gap_before", np.where(last < 0, 20, np.minimum(position - last, 20)))
    put("gap_after", np.where(following >= count, 20, np.minimum(following - position, 20)))
    chars = np.where(prose, np.expm1(size), 0)
    put("prose_chars", np.full(count, math.log1p(float(chars.sum()))))
    put("prose_size", np.full(count, math.log1p(float(chars.sum()) / max(1, total))))
    # Runs of blocks without prose between them; a block of prose is a run of its own.
    start = 0
    above = related_above = form_above = 20.0
    labels_before = 0.0
    after_colon = 0.0
    while start < count:
        end = start + 1
        if not prose[start]:
            while end < count and not prose[end]:
                end += 1
        here = slice(start, end)
        width = end - start
        out[here, INDEX["run"]] = min(width, 40)
        out[here, INDEX["run_index"]] = np.minimum(np.arange(width), 40)
        out[here, INDEX["run_rules"]] = rules[here].mean()
        out[here, INDEX["run_lexicon"]] = lexicon[here].mean()
        out[here, INDEX["run_labels"]] = label[here].mean()
        out[here, INDEX["run_size"]] = size[here].mean()
        out[here, INDEX["run_size_spread"]] = size[here].std()
        out[here, INDEX["run_dates"]] = date[here].mean()
        out[here, INDEX["run_terminal"]] = terminal[here].mean()
        out[here, INDEX["run_next_terminal"]] = terminal[end] if end < count else -1
        out[here, INDEX["after_colon"]] = after_colon
        if prose[start]:
            above = related_above = form_above = 20.0
        for row in range(start, end):
            out[row, INDEX["label_above"]] = above
            out[row, INDEX["related_above"]] = related_above
            out[row, INDEX["form_above"]] = form_above
            out[row, INDEX["labels_before"]] = labels_before
            above, related_above, form_above = min(above + 1, 20), min(related_above + 1, 20), min(form_above + 1, 20)
            if label[row] > 0.9:
                above = 1.0
                labels_before = min(labels_before + 1, 20)
            if related[row] > 0.9:
                related_above = 1.0
            if form[row] > 0.9:
                form_above = 1.0
            if colon[row] and label[row] < 0.9:
                after_colon = 1.0
            elif prose[row]:
                after_colon = 0.0
        start = end
    window = np.convolve(rules, np.ones(7), "full")[3 : 3 + count] / 7
    put("rules_near", window)
    put("lexicon_near", np.convolve(lexicon, np.ones(7), "full")[3 : 3 + count] / 7)
    _repetition(out, prose, units)


def _repetition(out: Matrix, prose: npt.NDArray[np.bool_], units: Sequence[Unit]) -> None:
    lowered = [unit.text.lower() for unit in units]
    times = Counter(lowered)
    story: Counter[str] = Counter()
    sets: list[frozenset[str]] = []
    for unit, is_long in zip(units, prose, strict=True):
        words = frozenset(token for token in unit.tokens if len(token) > 3 or not token.isascii())
        sets.append(words)
        if is_long:
            story.update(words)
    texts = sorted(set(lowered), key=len)
    for row, (unit, words) in enumerate(zip(units, sets, strict=True)):
        text = lowered[row]
        out[row, INDEX["repeated"]] = min(times[text] - 1, 5)
        if 12 <= len(text) <= 200 and len(units) <= 400:
            out[row, INDEX["told_elsewhere"]] = sum(text in other for other in texts if len(other) > len(text))
        self_count = 1 if prose[row] else 0
        known = sum(story[word] > self_count for word in words)
        out[row, INDEX["shared_words"]] = known / max(2, len(words))
        names = [word for word in unit.text[:300].split(" ")[1:] if word[:1].isupper() and len(word) > 3]
        fresh = sum(story[name.lower().strip(".,:;!?\"'()")] <= self_count for name in names)
        out[row, INDEX["new_names"]] = fresh / max(2, len(names))
