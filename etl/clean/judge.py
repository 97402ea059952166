"""The judge: a learned score for each block, with what weighed most in it.

Data files, written by ``tools/train_judge.py`` and meant to be read and reviewed: ``lexicon.tsv`` and ``usual.tsv``,
linear models over words, pairs of neighbouring words, and heads and tails of words, and ``judge.json``,
gradient-boosted regression trees (Friedman 2001) over the features of ``features.py`` with the thresholds. Rules and
lexicon may only speak for stripping, never against it (the trees are monotone in them). Evaluation is plain numpy and
a function of the block's features alone.
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

FOLDER: Final = Path(__file__).parent
LEXICON_FILE: Final = FOLDER / "lexicon.tsv"
USUAL_FILE: Final = FOLDER / "usual.tsv"
TREES_FILE: Final = FOLDER / "judge.json"
_CHUNK: Final = 500
_MOST_LEAVES: Final = 16
#: How long the pieces of words in the lexicon are.
PIECE_SHORTEST: Final = 4
PIECE_LONGEST: Final = 6
_MOST_MET: Final = 100_000
_HEAD_WORDS: Final = 4
_NO_FOLLOWERS: Final[dict[str, float]] = {}

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]


def pieces_of(word: str) -> list[str]:
    """The heads (``abon*``) and tails (``*rief``) of four to six letters that a word of five or more counts by beside
    itself: they know compounds and inflected forms that the lexicon hasn't met."""
    size = len(word)
    return [
        piece
        for length in range(PIECE_SHORTEST, min(PIECE_LONGEST + 1, size))
        for piece in (word[:length] + "*", "*" + word[-length:])
    ]


class _Entries(dict[str, tuple[float, bool, dict[str, float]]]):
    """Word to its weight with its pieces', whether the word itself is known, and the weights of the words that may
    follow it. Words not met before are added by their pieces, and forgotten when there are too many."""

    def __init__(self, weights: Mapping[str, float]) -> None:
        followers: dict[str, dict[str, float]] = {}
        words: dict[str, None] = {}
        for term, weight in weights.items():
            first, _, second = term.partition(" ")
            if second:
                followers.setdefault(first, {})[second] = weight
                words[first] = None
            elif "*" not in term:
                words[term] = None
        self._head = {term[:-1]: weight for term, weight in weights.items() if term.endswith("*")}.get
        self._tail = {term[1:]: weight for term, weight in weights.items() if term.startswith("*")}.get
        self._met: list[str] = []
        super().__init__(
            {
                word: (weights.get(word, 0.0) + self._weight(word), word in weights, followers.get(word, {}))
                for word in words
            }
        )

    def _weight(self, word: str) -> float:
        """The sum of the weights of ``pieces_of`` a word, rounded once."""
        head, tail = self._head, self._tail
        size = len(word)
        if size > PIECE_LONGEST:
            # The same as below, written out: most words that were never met come here.
            return math.fsum(
                (
                    head(word[:4], 0.0),
                    head(word[:5], 0.0),
                    head(word[:6], 0.0),
                    tail(word[-4:], 0.0),
                    tail(word[-5:], 0.0),
                    tail(word[-6:], 0.0),
                )
            )
        sizes = range(PIECE_SHORTEST, size)
        return math.fsum([head(word[:n], 0.0) for n in sizes] + [tail(word[-n:], 0.0) for n in sizes])

    def __missing__(self, word: str) -> tuple[float, bool, dict[str, float]]:
        if len(self._met) >= _MOST_MET:
            for old in self._met:
                del self[old]
            self._met.clear()
        self._met.append(word)
        entry = self[word] = (self._weight(word), False, _NO_FOLLOWERS)
        return entry


class Lexicon:
    """A linear model over a block's words, pairs of neighbouring words, and heads and tails of words.

    Args:
        weights: term to weight; a term is a word, two words with a space between (``^`` and ``$`` being the ends), or
            a piece of a word (``pieces_of``).
        bias: the score of a block without known terms.
        usual: a second one, fitted on invented pages alone: the trade's usual wordings of offers and appeals, also
            those that no labelled page happens to have.
    """

    def __init__(self, weights: Mapping[str, float], bias: float, usual: Lexicon | None = None) -> None:
        self.weights = dict(weights)
        self.bias = bias
        self.usual = usual
        self._entries = _Entries(self.weights)
        start = self._entries.get("^")
        self._first = start[2] if start else _NO_FOLLOWERS

    @classmethod
    def load(cls, path: Path = LEXICON_FILE, usual: Lexicon | None = None) -> Lexicon:
        weights: dict[str, float] = {}
        for line in path.read_text(encoding="utf-8").splitlines():
            term, _, weight = line.partition("\t")
            weights[term] = float(weight)
        return cls(weights, weights.pop("", 0.0), usual)

    def __call__(self, tokens: Sequence[str]) -> tuple[float, float, float, float, float, float]:
        """Score of the block, score of its first four words, its strongest word, share of words that are known, and
        the first two by the usual wordings.

        A score is a sum of weights over the square root of the number of words, plus the bias: log-odds.
        """
        usual = (0.0, 0.0) if self.usual is None else (self.usual.score(tokens), self.usual.head(tokens))
        return *self._scores(tokens), *usual

    def _scores(self, tokens: Sequence[str]) -> tuple[float, float, float, float]:
        if not tokens:
            return self.bias, self.bias, 0.0, 0.0
        entries = self._entries
        followers = self._first
        total = peak = head = 0.0
        known = 0
        # The first four words by themselves, so that the loop needn't count.
        for part, first in ((tokens[:_HEAD_WORDS], True), (tokens[_HEAD_WORDS:], False)):
            for token in part:
                weight, alone, after = entries[token]
                known += alone
                if token in followers:
                    weight += followers[token]
                followers = after
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
            head / math.sqrt(min(_HEAD_WORDS, count)) + self.bias,
            peak,
            known / count,
        )

    def score(self, tokens: Sequence[str]) -> float:
        """The first of these alone, for half the time."""
        if not tokens:
            return self.bias
        entries = self._entries
        followers = self._first
        total = 0.0
        for token in tokens:
            weight, _, after = entries[token]
            if token in followers:
                weight += followers[token]
            followers = after
            total += weight
        if followers:
            total += followers.get("$", 0.0)
        return total / math.sqrt(len(tokens)) + self.bias

    def head(self, tokens: Sequence[str]) -> float:
        """The second alone."""
        if not tokens:
            return self.bias
        first = tokens[:_HEAD_WORDS]
        entries = self._entries
        followers = self._first
        total = 0.0
        for token in first:
            weight, _, after = entries[token]
            total += weight + followers[token] if token in followers else weight
            followers = after
        return total / math.sqrt(len(first)) + self.bias

    def strongest(self, tokens: Sequence[str], count: int = 3) -> list[str]:
        """The words of a block that weigh most, strongest first; none that speak against stripping."""
        weighed = {token: self._entries[token][0] for token in tokens}
        ranked = sorted((word for word, weight in weighed.items() if weight > 0.2), key=lambda w: (-weighed[w], w))
        return ranked[:count]


class Trees:
    """Boosted regression trees over ``NAMES``, evaluated for all blocks and trees at once.

    A tree's leaves are bits, left to right. An inner node that sends a row to the right clears the leaves on its
    left; of what all nodes of the tree leave, the lowest bit is the row's leaf (QuickScorer, Lucchese et al. 2015).
    The nodes stand in a table, a column for each tree.

    Args:
        document: ``bias`` and ``trees``; a tree is a list of nodes ``[feature, threshold, left, right, value]``,
            leaves ``[null, null, null, null, value]``. A block goes left when its feature is at most the threshold.

    Raises:
        ValueError: the document was trained on other features, or a tree has more than 16 leaves.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        if document["features"] != list(NAMES):
            raise ValueError("judge.json was trained on other features: run tools/train_judge.py")
        number = {name: index for index, name in enumerate(NAMES)}
        depth = int(document["depth"])
        feature: list[int] = []
        threshold: list[float] = []
        clears: list[int] = []
        nodes: list[int] = []
        leaves: list[int] = []
        values: list[float] = []
        # Of each leaf, level by level: the feature asked on the way there and what the answer changed.
        paths: list[list[int]] = []
        changes: list[list[float]] = []
        for tree in document["trees"]:
            nodes.append(len(feature))
            leaves.append(len(values))
            # Depth first, the left child first; inner nodes come back when the leaves on their left are known.
            todo: list[tuple[int, list[int], list[float], int]] = [(0, [], [], -1)]
            while todo:
                at, path, change, first = todo.pop()
                name, limit, low, high, value = tree[at]
                bit = len(values) - leaves[-1]
                if name is None:
                    values.append(value)
                    paths.append(path + [0] * (depth - len(path)))
                    changes.append(change + [0.0] * (depth - len(change)))
                elif first < 0:
                    todo.append((at, path, change, bit))
                    todo.append((low, [*path, number[name]], [*change, tree[low][4] - value], -1))
                else:
                    feature.append(number[name])
                    threshold.append(limit)
                    clears.append((1 << bit) - (1 << first))
                    todo.append((high, [*path, number[name]], [*change, tree[high][4] - value], -1))
            if len(values) - leaves[-1] > _MOST_LEAVES:
                raise ValueError(f"judge.json has a tree of more than {_MOST_LEAVES} leaves")
        self._height, self._feature, self._threshold, self._clears = _table(nodes, feature, threshold, clears)
        #: By the leaves that are cleared, the first that isn't; ``frexp`` counts bits from one.
        cleared = np.arange(1 << _MOST_LEAVES)
        self._first = np.frexp((~cleared & (cleared + 1)).astype(np.float64))[1].astype(np.intp) - 1
        self._leaves = np.array(leaves, dtype=np.intp)
        self._value = np.array(values, dtype=np.float64)
        # A bin for each level and feature, so that the sums are made in the order of levels.
        self._paths = np.array(paths, dtype=np.intp) + np.arange(depth) * len(NAMES)
        self._changes = np.array(changes, dtype=np.float64)
        self._bias = float(document["bias"])

    def log_odds(self, rows: Matrix) -> Floats:
        """The score of each row: shape ``(len(rows),)``."""
        return self.judged(rows)[0]

    def judged(self, rows: Matrix) -> tuple[Floats, Ints]:
        """The score of each row, shape ``(len(rows),)``, and the leaves that it falls into, for ``contributions``:
        shape ``(len(rows), trees)``."""
        leaves = np.empty((len(rows), len(self._leaves)), dtype=np.intp)
        for start in range(0, len(rows), _CHUNK):
            part = rows[start : start + _CHUNK]
            right = part.take(self._feature, axis=1) > self._threshold
            cleared = right.view(np.uint8) * self._clears
            cleared = np.bitwise_or.reduce(cleared.reshape(len(part), self._height, -1), axis=1)
            leaves[start : start + _CHUNK] = self._first.take(cleared) + self._leaves
        return self._value.take(leaves).sum(axis=1) + self._bias, leaves

    def contributions(self, leaves: Ints) -> list[list[float]]:
        """What each feature of ``NAMES`` adds to the log-odds of a row given by its leaves: the changes of value
        along the paths (Saabas 2014)."""
        out: list[list[float]] = []
        depth, width = self._paths.shape[1], len(NAMES)
        for start in range(0, len(leaves), _CHUNK):
            part = leaves[start : start + _CHUNK]
            bins = self._paths.take(part, axis=0)
            bins += np.arange(len(part)).reshape(-1, 1, 1) * (depth * width)
            weights = self._changes.take(part, axis=0)
            levels = np.bincount(bins.ravel(), weights=weights.ravel(), minlength=len(part) * depth * width)
            out += levels.reshape(len(part), depth, width).sum(axis=1).tolist()
        return out


def _table(
    nodes: Sequence[int], feature: Sequence[int], threshold: Sequence[float], clears: Sequence[int]
) -> tuple[int, Ints, npt.NDArray[np.float32], npt.NDArray[np.uint16]]:
    """Nodes, given tree by tree, as a table with a column for each tree: its height and, row by row, features, limits
    and masks. ``nodes``: where each tree begins."""
    ends = [*nodes[1:], len(feature)]
    height = max(1, *(end - start for start, end in zip(nodes, ends, strict=True)))
    # Columns are filled up with nodes that clear nothing.
    features = np.zeros((height, len(nodes)), dtype=np.intp)
    limits = np.full((height, len(nodes)), np.inf, dtype=np.float32)
    masks = np.zeros((height, len(nodes)), dtype=np.uint16)
    below = _below(np.array(threshold, dtype=np.float64))
    for tree, (start, end) in enumerate(zip(nodes, ends, strict=True)):
        features[: end - start, tree] = feature[start:end]
        limits[: end - start, tree] = below[start:end]
        masks[: end - start, tree] = clears[start:end]
    return height, features.ravel(), limits.ravel(), masks.ravel()


def _below(limits: Floats) -> npt.NDArray[np.float32]:
    """The greatest float32 not above each limit: ``x <= limit`` says the same of every float32 then."""
    nearest = limits.astype(np.float32)
    return np.where(nearest > limits, np.nextafter(nearest, np.float32(-np.inf)), nearest)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The least probability at which a block is stripped.

    ``rule``: a certain rule matches it. ``cue``: its own wording speaks for it: the lexicon's score is above
    ``cue_score``, or a rule matches and it is above ``cue_floor``. ``context``: only its shape, place and company
    do, or it is a full sentence. ``report``: its wording is that of a report as well. ``long``: it has more than
    ``long_chars`` code points, so that an error costs much; ``long_rule``: and a certain rule matches it.

    Lower ones for what stands between blocks that go: ``between``: alone between two; ``offered``: two that are
    offers; ``among``: one of two or three.
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
    between: float
    offered: float
    among: float


@dataclass(frozen=True, slots=True)
class Judge:
    lexicon: Lexicon
    trees: Trees
    thresholds: Thresholds


@lru_cache(maxsize=1)
def load_judge() -> Judge:
    """The judge that ships, read once a process."""
    document = json.loads(TREES_FILE.read_text(encoding="utf-8"))
    return Judge(Lexicon.load(usual=Lexicon.load(USUAL_FILE)), Trees(document), Thresholds(**document["thresholds"]))
