#!/usr/bin/env python3
"""Fits the weights of a page's markup and writes them into ``etl/clean/markup.json``.

    python tools/train_markup.py PAGES.jsonl LABELLED.jsonl… --out etl/clean/markup.json

``PAGES.jsonl`` holds pages with blocks, their markup and their labels (``bench/evidence.py build``),
``LABELLED.jsonl`` the labelled paragraphs that ``tools/train_judge.py`` learns from. Run it after the judge was
trained anew: the weights come on top of its log-odds, as judges that never saw a page's publisher family gave them.
Lists of class words are kept as they stand in the file; they are written by hand. Needs scikit-learn and scipy, as
``train_judge.py`` does.

The model is a logistic regression with the judge's log-odds as offset and an L2 penalty. Most features have a sign
that they may not leave: a link or a menu can't speak for content, a quotation can't speak against it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from train_judge import Document, cross_validate, load_documents

from etl.clean.features import Alone, Unit, tokens_of
from etl.clean.features import Page as Units
from etl.clean.judge import Judge
from etl.clean.markup import MARKUP_FILE, Markup
from etl.clean.ruleset import fold, rules_for, unit_text
from etl.model import Block

PENALTY = 0.3
#: Wording speaks for content by no more log-odds than these. The second isn't used in fitting: it only says that the
#: teasers of other stories read like the story.
FLOOR = -5.0
FLOOR_OTHERS = 0.0
CEILING = 8.0
LEAST = 0.7
LEAST_CUE = 0.6
WEIGHT_META = 0.2
SHORT_CHARS = 80
#: A family's blocks weigh no more than this many, boilerplate and content each: one page of a hundred teasers mustn't
#: decide.
FAMILY_BLOCKS = 12
#: May only speak for stripping, or only against it; the others are free.
FOR = (
    "links: ",
    "class: ",
    "class above: ",
    "in link",
    "in aside",
    "in nav",
    "in control",
    "in dialog",
    "hidden",
    "outside",
)
AGAINST = (
    *("in quote", "in caption", "in table", "cell", "heading"),
    *("class: facts", "class above: facts", "class: standfirst", "class above: standfirst"),
)
FREE = ("links: half", "links: some", "class: meta", "class above: meta", "class above: widget")
#: Lists of teasers and lists in the story look alike, and few pages of the labelled ones have both.
WITHIN = {"in list": (0.0, 1.0), "list item": (-1.0, 0.0)}


@dataclass
class PageOf:
    """A page of the file: its text, its blocks with markup, and of each block the label (``None``: not known)."""

    record: dict[str, Any]
    text: str
    blocks: list[Block]
    labels: list[str | None]
    language: str
    family: str

    @property
    def bare(self) -> list[Block]:
        """The same blocks as if nothing were known of their markup."""
        return [Block(block.start, block.end) for block in self.blocks]


def load_pages(path: Path, documents: Sequence[Document]) -> list[PageOf]:
    """The pages of a file that ``bench/evidence.py build`` wrote, with the families of the labelled records."""
    families = {document.record["site"]: document.family for document in documents}
    pages = []
    for line in path.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        blocks, at = [], 0
        for block in record["blocks"]:
            end = at + len(block["text"])
            blocks.append(Block(at, end, block["tag"], block["link_share"], tuple(block["classes"])))
            at = end + 2
        text = "\n\n".join(block["text"] for block in record["blocks"])
        labels = [block["label"] for block in record["blocks"]]
        family = families.get(record["site"], record["site"])
        pages.append(PageOf(record, text, blocks, labels, record["lang"], family))
    return pages


def fold_judges(documents: Sequence[Document], folds: int) -> list[tuple[Judge, frozenset[str]]]:
    """The judges of a cross-validation, each with the families that it never saw."""
    out: list[tuple[Judge, frozenset[str]]] = []

    def keep(judge: Judge, unseen: list[Document]) -> None:
        out.append((judge, frozenset(document.family for document in unseen)))

    cross_validate(documents, keep, folds)
    return out


def judge_of(judges: Sequence[tuple[Judge, frozenset[str]]], family: str) -> int:
    """The number of the judge that never saw a family; the first for families that none saw."""
    return next((number for number, (_, unseen) in enumerate(judges) if family in unseen), 0)


def log_odds(judge: Judge, page: PageOf) -> np.ndarray:
    """What a judge says of all blocks of a page by their wording alone: shape ``(blocks,)``."""
    rules, folded = rules_for(page.language), fold(page.text)
    units = []
    for block in page.blocks:
        doubled = unit_text(folded[block.start : block.end])
        plain = doubled.replace("  ", " ")
        unit = Unit(plain, rules.match(doubled), tokens_of(plain))
        units.append(Alone(unit, page.language, judge.lexicon))
    seen = Units(units)
    return np.asarray(judge.trees.log_odds(seen.features(range(len(units)))))


@dataclass
class Rows:
    """Blocks as the regression sees them."""

    features: np.ndarray
    offset: np.ndarray
    target: np.ndarray
    weight: np.ndarray
    fold: np.ndarray
    extracted: np.ndarray


def rows_of(pages: Sequence[PageOf], judges: Sequence[tuple[Judge, frozenset[str]]], markup: Markup) -> Rows:
    """All labelled blocks whose place is known. Of a block that extraction kept, the plain block list of the same
    page doesn't count again."""
    features, offset, target, weight, fold_of, extracted, owner = [], [], [], [], [], [], []
    kept: set[tuple[str, str]] = set()
    for page in sorted(pages, key=lambda page: page.record["set"] != "extraction"):
        own = page.record["set"] == "extraction"
        number = judge_of(judges, page.family)
        odds = log_odds(judges[number][0], page)
        for block, place, label, odd in zip(page.blocks, markup.places(page.blocks), page.labels, odds, strict=True):
            key = (page.record["path"], "".join(page.text[block.start : block.end].split()))
            if place is None or label is None or (not own and key in kept):
                continue
            if own:
                kept.add(key)
            features.append([place.features.get(name, 0.0) for name in markup.names])
            offset.append(min(max(float(odd), FLOOR), CEILING))
            target.append(float(label not in ("content", "content-meta")))
            weight.append(_weight(label, block.end - block.start))
            fold_of.append(number)
            extracted.append(float(own))
            owner.append((page.family, target[-1]))
    counts = Counter(owner)
    share = [min(1.0, FAMILY_BLOCKS / counts[key]) for key in owner]
    return Rows(
        np.array(features),
        np.array(offset),
        np.array(target),
        np.array(weight) * np.array(share),
        np.array(fold_of),
        np.array(extracted),
    )


def _weight(label: str, chars: int) -> float:
    if label == "content-meta":
        return WEIGHT_META
    if label == "content":
        return (2.0 if chars < SHORT_CHARS else 1.0) * (1 + min(chars, 600) / 300)
    return 1.0


def bounds_of(name: str) -> tuple[float | None, float | None]:
    """The range a feature's weight may have."""
    if name in WITHIN or name in FREE:
        return WITHIN.get(name, (None, None))
    if name in AGAINST:
        return (None, 0.0)
    return (0.0, None) if name.startswith(FOR) else (None, None)


def fit(rows: Rows, chosen: np.ndarray, names: Sequence[str]) -> tuple[float, dict[str, float]]:
    """Bias and weights, by maximum a posteriori. Blocks that only a plain block list has are of other odds than those
    that extraction kept, so they have a bias of their own, which isn't used."""
    from scipy.optimize import minimize

    x = np.column_stack([np.ones(len(rows.target)), 1 - rows.extracted, rows.features])[chosen]
    offset, target, weight = rows.offset[chosen], rows.target[chosen], rows.weight[chosen]
    penalty = np.r_[0.0, 0.0, np.full(len(names), PENALTY)]

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        score = offset + x @ parameters
        gradient = x.T @ ((1 / (1 + np.exp(-score)) - target) * weight) + penalty * parameters
        value = (weight * (np.logaddexp(0, score) - target * score)).sum() + (penalty * parameters**2).sum() / 2
        return float(value), gradient

    bounds = [(None, None), (None, None), *(bounds_of(name) for name in names)]
    start = np.zeros(x.shape[1])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 1000}).x
    weights = {name: round(float(value), 2) for name, value in zip(names, found[2:], strict=True)}
    return round(float(found[0]), 2), {name: value for name, value in weights.items() if value}


def document_of(
    words: dict[str, list[str]], bias: float = 0.0, weights: dict[str, float] | None = None
) -> dict[str, Any]:
    """The document of ``markup.json``."""
    limits = {"floor": FLOOR, "floor_others": FLOOR_OTHERS, "least": LEAST, "least_cue": LEAST_CUE}
    return {"bias": bias, **limits, "weights": weights or {}, "words": words}


def learn(rows: Rows, chosen: np.ndarray, names: Sequence[str], words: dict[str, list[str]]) -> dict[str, Any]:
    """The document of ``markup.json``, learned from the chosen rows."""
    return document_of(words, *fit(rows, chosen, names))


def words_of(path: Path) -> dict[str, list[str]]:
    """The lists of class words of a file."""
    words: dict[str, list[str]] = json.loads(path.read_text(encoding="utf-8"))["words"]
    return words


def write(document: dict[str, Any], path: Path) -> None:
    """One line a weight and a group of words, so that changes can be read."""
    lines = [
        f' "{name}": {json.dumps(document[name])},'
        for name in ("bias", "floor", "floor_others", "least", "least_cue")
    ]
    for name in ("weights", "words"):
        entries = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in document[name].items()]
        lines.append(f' "{name}": {{\n' + ",\n".join(entries) + "\n }" + ("," if name == "weights" else ""))
    path.write_text("{\n" + "\n".join(lines) + "\n}\n", encoding="utf-8")


def train(pages: Sequence[PageOf], documents: Sequence[Document], words: dict[str, list[str]]) -> dict[str, Any]:
    """The document of ``markup.json``, learned from all pages."""
    empty = Markup(document_of(words))
    rows = rows_of(pages, fold_judges(documents, 5), empty)
    return learn(rows, np.ones(len(rows.target), dtype=bool), empty.names, words)


def main(arguments: Iterable[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", type=Path)
    parser.add_argument("labelled", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args(arguments)
    documents = load_documents(given.labelled)
    pages = load_pages(given.pages, documents)
    words = words_of(given.out if given.out.exists() else MARKUP_FILE)
    document = train(pages, documents, words)
    write(document, given.out)
    print(f"{len(pages)} pages: {len(document['weights'])} weights")


if __name__ == "__main__":
    main()
