"""The judge: a learned score for each block, with what weighed most in it.

Two data files, both written by ``tools/train_judge.py`` and meant to be read and reviewed: ``lexicon.tsv``, a linear
model over words and pairs of neighbouring words, and ``judge.json``, gradient-boosted regression trees (Friedman
2001) over the features of ``features.py`` with the thresholds. Rules and lexicon may only speak for stripping, never
against it (the trees are monotone in them). Evaluation is plain numpy and a function of the block's features alone.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from etl.clean.features import NAMES, Matrix
from etl.model import Block

FOLDER: Final = Path(__file__).parent
LEXICON_FILE: Final = FOLDER / "lexicon.tsv"
TREES_FILE: Final = FOLDER / "judge.json"
_CHUNK: Final = 2000

Floats = npt.NDArray[np.float64]


class Lexicon:
    """A linear model over a block's words and pairs of neighbouring words.

    Args:
        weights: term to weight; a term is a word or two words with a space between, ``^`` and ``$`` being the ends.
        bias: the score of a block without known terms.
    """

    def __init__(self, weights: Mapping[str, float], bias: float) -> None:
        self.weights = dict(weights)
        self.bias = bias
        # Word to its weight (None: only known in pairs) and the weights of the words that may follow it.
        self._entries: dict[str, tuple[float | None, dict[str, float]]] = {}
        for term, weight in self.weights.items():
            first, _, second = term.partition(" ")
            alone, followers = self._entries.get(first, (None, {}))
            if second:
                followers[second] = weight
                self._entries[first] = (alone, followers)
            else:
                self._entries[first] = (weight, followers)

    @classmethod
    def load(cls, path: Path = LEXICON_FILE) -> Lexicon:
        weights: dict[str, float] = {}
        for line in path.read_text(encoding="utf-8").splitlines():
            term, _, weight = line.partition("\t")
            weights[term] = float(weight)
        return cls(weights, weights.pop("", 0.0))

    def __call__(self, tokens: Sequence[str]) -> tuple[float, float, float, float]:
        """Score of the block, score of its first four words, its strongest word, share of words that are known.

        A score is a sum of weights over the square root of the number of words, plus the bias: log-odds.
        """
        if not tokens:
            return self.bias, self.bias, 0.0, 0.0
        find = self._entries.get
        start = find("^")
        followers = start[1] if start else None
        total = peak = head = 0.0
        known = 0
        # The first four words by themselves, so that the loop needn't count.
        for part, first in ((tokens[:4], True), (tokens[4:], False)):
            for token, entry in zip(part, map(find, part), strict=True):
                weight = followers.get(token, 0.0) if followers else 0.0
                if entry is None:
                    followers = None
                else:
                    alone, followers = entry
                    if alone is not None:
                        known += 1
                        weight += alone
                if weight:
                    total += weight
                    if weight > peak:  # noqa: PLR1730 (a call costs more than the test here)
                        peak = weight
            if first:
                head = total
        count = len(tokens)
        if followers:
            total += followers.get("$", 0.0)
        return (
            total / math.sqrt(count) + self.bias,
            head / math.sqrt(min(4, count)) + self.bias,
            peak,
            known / count,
        )

    def strongest(self, tokens: Sequence[str], count: int = 3) -> list[str]:
        """The words of a block that weigh most, strongest first; none that speak against stripping."""
        weighed = {token: self.weights.get(token, 0.0) for token in tokens}
        ranked = sorted((word for word, weight in weighed.items() if weight > 0.2), key=lambda w: (-weighed[w], w))
        return ranked[:count]


class Trees:
    """Boosted regression trees over ``NAMES``, evaluated level by level for all blocks and trees at once.

    Args:
        document: ``bias`` and ``trees``; a tree is a list of nodes ``[feature, threshold, left, right, value]``,
            leaves ``[null, null, null, null, value]``. A block goes left when its feature is at most the threshold.

    Raises:
        ValueError: the document was trained on other features.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        if document["features"] != list(NAMES):
            raise ValueError("judge.json was trained on other features: run tools/train_judge.py")
        feature: list[int] = []
        threshold: list[float] = []
        left: list[int] = []
        right: list[int] = []
        value: list[float] = []
        roots: list[int] = []
        for tree in document["trees"]:
            offset = len(feature)
            roots.append(offset)
            for number, (name, limit, low, high, score) in enumerate(tree):
                leaf = name is None
                feature.append(0 if leaf else NAMES.index(name))
                threshold.append(math.inf if leaf else limit)
                left.append(offset + (number if leaf else low))
                right.append(offset + (number if leaf else high))
                value.append(score)
        self._feature = np.array(feature, dtype=np.intp)
        self._threshold = np.array(threshold, dtype=np.float64)
        self._children = np.array([right, left], dtype=np.intp).T.ravel()
        self._value = np.array(value, dtype=np.float64)
        # How the value changes on the way to the right and to the left child, beside ``_children``.
        self._change = self._value.take(self._children) - np.repeat(self._value, 2)
        self._roots = np.array(roots, dtype=np.intp)
        self._bias = float(document["bias"])
        self._depth = int(document["depth"])

    def log_odds(self, rows: Matrix) -> Floats:
        """The score of each row: shape ``(len(rows),)``."""
        out = np.empty(len(rows), dtype=np.float64)
        for start in range(0, len(rows), _CHUNK):
            part = rows[start : start + _CHUNK]
            at = self._descend(part)
            out[start : start + _CHUNK] = self._value.take(at).reshape(len(part), -1).sum(axis=1) + self._bias
        return out

    def contributions(self, rows: Matrix) -> list[dict[str, float]]:
        """What each feature that speaks for stripping adds to a row's log-odds: the changes of value along the paths
        (Saabas 2014)."""
        out: list[dict[str, float]] = []
        for start in range(0, len(rows), _CHUNK):
            part = rows[start : start + _CHUNK]
            total = np.zeros(part.size)
            self._descend(part, total)
            for weights in total.reshape(part.shape):
                found = np.flatnonzero(weights > 0)
                pairs = zip(found.tolist(), weights[found].tolist(), strict=True)
                out.append({NAMES[index]: weight for index, weight in pairs})
        return out

    def _descend(self, part: Matrix, total: Floats | None = None) -> npt.NDArray[np.intp]:
        """The leaf of each row in each tree: ``len(part) * trees`` nodes. Adds to ``total`` (of the flattened
        ``part``'s shape) what the features change on the way."""
        trees = len(self._roots)
        base = np.repeat(np.arange(len(part), dtype=np.intp) * part.shape[1], trees)
        flat = np.ascontiguousarray(part).ravel()
        at = np.tile(self._roots, len(part))
        for _ in range(self._depth):
            asked = self._feature.take(at) + base
            way = 2 * at + (flat.take(asked) <= self._threshold.take(at))
            at = self._children.take(way)
            if total is not None:
                total += np.bincount(asked, weights=self._change.take(way), minlength=len(total))
        return at


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The least probability at which a block is stripped.

    ``rule``: a certain rule matches it. ``cue``: its own wording speaks for it: the lexicon's score is above
    ``cue_score``, or a rule matches and it is above ``cue_floor``. ``context``: only its shape, place and company
    do, or it is a full sentence. ``report``: its wording is that of a report as well. ``long``: it has more than
    ``long_chars`` code points, so that an error costs much; ``long_rule``: and a certain rule matches it.
    """

    rule: float
    cue: float
    cue_score: float
    cue_floor: float
    context: float
    report: float
    long: float
    long_rule: float
    long_chars: int


@dataclass(frozen=True, slots=True)
class Judge:
    lexicon: Lexicon
    trees: Trees
    thresholds: Thresholds


@lru_cache(maxsize=1)
def load_judge() -> Judge:
    """The judge that ships, read once a process."""
    document = json.loads(TREES_FILE.read_text(encoding="utf-8"))
    return Judge(Lexicon.load(), Trees(document), Thresholds(**document["thresholds"]))


# What the markup says, as log-odds beside the learned score. The labelled texts carry no markup, so these are set by
# hand: a word in the element's own class or id counts, one far up the tree (a page class) doesn't.
_MARKUP_FOR: Final[dict[str, float]] = {
    **dict.fromkeys(("newsletter", "subscribe", "subscription", "abo", "paywall", "piano", "signup", "promo"), 2.0),
    **dict.fromkeys(("advert", "advertisement", "anzeige", "ads", "ad", "sponsored", "taboola", "outbrain"), 2.5),
    **dict.fromkeys(("related", "recommended", "recommendations", "readmore", "teaser", "teasers", "more"), 2.0),
    **dict.fromkeys(("share", "sharing", "social", "follow", "cookie", "consent", "login", "comments"), 2.0),
    **dict.fromkeys(("breadcrumb", "breadcrumbs", "nav", "navigation", "menu", "footer", "sidebar", "tags"), 1.5),
    **dict.fromkeys(("copyright", "disclaimer", "donate", "donation", "banner", "cta", "widget"), 1.5),
}
_NEAREST_WORDS: Final = 8
_TAGS: Final[dict[str, float]] = {"aside": 1.5, "nav": 2.5, "footer": 1.5, "form": 2.0, "button": 2.5, "label": 1.5}


def markup_log_odds(block: Block) -> float:
    """What a block's tag, share of link text and class words add to its log-odds; 0 where none is known."""
    total = _TAGS.get(block.tag, 0.0)
    if block.link_share is not None:
        # A block that is one link is a teaser or a button; a paragraph without links is hardly ever one.
        total += 1.5 if block.link_share >= 0.9 else 0.5 if block.link_share >= 0.6 else -0.3
    nearest = block.classes[:_NEAREST_WORDS]
    return total + max((_MARKUP_FOR.get(word, 0.0) for word in nearest), default=0.0)
