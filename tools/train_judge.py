#!/usr/bin/env python3
"""Trains the cleaning judge from labelled paragraphs and writes its data files.

    python tools/train_judge.py LABELLED.jsonl… --out etl/clean

A labelled file holds one record a line: ``site``, ``lang``, ``paragraphs`` with ``text`` and ``label`` (``content``,
``content-meta`` or a class of boilerplate) and, where known, ``cue`` (whether the wording alone can show it).
Needs scikit-learn and scipy (a development tool: ``pip install scikit-learn``); what it writes needs neither.

No site's own wording gets in: a term counts only when at least ``MIN_FAMILIES`` publisher families use it, and the
trees see the lexicon's scores as another part of the sites gave them, never the part that they are of.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

# More threads than free cores make training several times slower, and these matrices are small.
os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from etl.clean.blocks import blocks_of
from etl.clean.features import NAMES, Alone, Page, Unit, tokens_of
from etl.clean.judge import Judge, Lexicon, Thresholds, Trees, pieces_of
from etl.clean.ruleset import fold, rules_for, unit_text

INVENTED = Path(__file__).resolve().parents[1] / "tests" / "data" / "leaks"
MIN_FAMILIES = 3
MIN_WEIGHT = 0.05
INNER_FOLDS = 5
TREES = {
    "max_iter": 200,
    "learning_rate": 0.065,
    "max_leaf_nodes": 12,
    "max_depth": 5,
    "min_samples_leaf": 30,
    "l2_regularization": 5.0,
    "max_features": 0.3,
    "random_state": 0,
    "early_stopping": False,
}
# Headlines, bylines, captions: neither kept nor stripped counts, but rather kept. A block whose wording can't show
# what it is teaches little. Short content (lists, subheads) is what gets stripped by mistake; long content is dear.
WEIGHT_META = 0.2
WEIGHT_NO_CUE = 0.3
WEIGHT_SHORT_CONTENT = 2.0
# Invented pages have wordings that the real ones lack, but more offers than real ones have.
WEIGHT_INVENTED = 0.15
WEIGHT_INVENTED_CONTENT = 0.6
SHORT_CHARS = 80
THRESHOLDS = Thresholds(
    rule=0.3,
    cue=0.35,
    cue_score=0.5,
    cue_floor=-2.0,
    context=0.73,
    report=0.7,
    long=0.5,
    long_rule=0.5,
    long_chars=300,
    between=0.3,
    offered=0.2,
    among=0.5,
)

#: Sites of one publisher share texts and templates, so they belong to one fold.
FAMILIES = (
    ("merkur.de", "fr.de"),
    ("kleinezeitung.at", "diepresse.com"),
    ("tagesanzeiger.ch", "20min.ch", "tdg.ch"),
    ("bike-magazin.de", "tour-magazin.de"),
    ("tagesschau.de", "sportschau.de", "ndr.de", "mdr.de", "hessenschau.de", "br.de"),
    ("welt.de", "bild.de", "businessinsider.de"),
    ("it-finanzmagazin.de", "digitale-exzellenz.de"),
    ("gamestar.de", "mein-mmo.de"),
    ("giga.de", "familie.de", "t-online.de"),
    ("de.euronews.com", "euronews"),
    ("emotion.de", "courage-online.de"),
    ("golfpost.de", "golf.de"),
    ("selbermachen.de", "jaegermagazin.de", "tennismagazin.de"),
    ("unzensuriert.at", "report24.news"),
    ("wired.jp", "vogue.de"),
    ("freiepresse.de", "ln-online.de"),
)
_FAMILY = {site: group[0] for group in FAMILIES for site in group}


@dataclass
class Document:
    """A labelled record: its text, the units of its blocks, and of each block the paragraph that it is."""

    record: dict[str, Any]
    text: str
    spans: list[tuple[int, int]]
    language: str
    family: str
    units: list[Unit]
    paragraphs: list[dict[str, Any]]
    target: np.ndarray
    weight: np.ndarray
    invented: bool = False


def has_cue(paragraph: dict[str, Any]) -> bool:
    """Whether wording alone can show the class, as the labels say or as far as the class tells."""
    return bool(paragraph.get("cue", paragraph["label"] not in ("related", "navigation")))


def load_documents(paths: Iterable[Path]) -> list[Document]:
    documents = []
    for path in paths:
        for line in path.read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            pieces = [paragraph["text"].replace("\n", " ") for paragraph in record["paragraphs"]]
            spans, at = [], 0
            for piece in pieces:
                spans.append((at, at + len(piece)))
                at += len(piece) + 1
            documents.append(_document(record, "\n".join(pieces), spans))
    return [document for document in documents if document.units]


def _document(record: dict[str, Any], text: str, spans: list[tuple[int, int]]) -> Document:
    language = record.get("lang", "und")
    rules, folded = rules_for(language), fold(text)
    units, paragraphs, weights, number = [], [], [], 0
    for block in blocks_of(text):
        while spans[number][1] <= block.start:
            number += 1
        paragraph = record["paragraphs"][number]
        doubled = unit_text(folded[block.start : block.end])
        plain = doubled.replace("  ", " ")
        units.append(Unit(plain, rules.match(doubled), tokens_of(plain)))
        paragraphs.append(paragraph)
        weights.append(_weight(paragraph, block.end - block.start))
    target = np.array([p["label"] not in ("content", "content-meta") for p in paragraphs], dtype=float)
    family = _FAMILY.get(record["site"], record["site"])
    invented = record.get("split") == "own"
    return Document(record, text, spans, language, family, units, paragraphs, target, np.array(weights), invented)


def _weight(paragraph: dict[str, Any], chars: int) -> float:
    if paragraph["label"] == "content-meta":
        return WEIGHT_META
    if paragraph["label"] == "content":
        return (WEIGHT_SHORT_CONTENT if chars < SHORT_CHARS else 1.0) * (1 + min(chars, 600) / 300)
    return 1.0 if has_cue(paragraph) else WEIGHT_NO_CUE


def split_families(documents: Sequence[Document], folds: int, seed: int) -> dict[str, int]:
    """Family to fold: families in order of size, each to the fold with the fewest blocks."""
    sizes: Counter[str] = Counter()
    for document in documents:
        sizes[document.family] += len(document.units)
    names = sorted(sizes)
    np.random.default_rng(seed).shuffle(names)
    names.sort(key=lambda name: -sizes[name])
    load = [0] * folds
    out = {}
    for name in names:
        out[name] = load.index(min(load))
        load[out[name]] += sizes[name]
    return out


def terms_of(tokens: Sequence[str]) -> Counter[str]:
    """Words and pairs of neighbouring words, as ``Lexicon`` adds them up."""
    before = "^"
    terms: Counter[str] = Counter()
    for token in tokens:
        terms[token] += 1
        terms[f"{before} {token}"] += 1
        terms.update(pieces_of(token))
        before = token
    terms[f"{before} $"] += 1
    return terms


class Terms:
    """The terms of all documents as one sparse matrix, so that a lexicon for some of them is a slice."""

    def __init__(self, documents: Sequence[Document]) -> None:
        from scipy import sparse

        self.vocabulary: dict[str, int] = {}
        self.rows: dict[int, tuple[int, int]] = {}
        indices, columns, values, counts = [], [], [], 0
        for document in documents:
            first = counts
            for unit in document.units:
                for term, count in terms_of(unit.tokens).items() if unit.tokens else ():
                    indices.append(counts)
                    columns.append(self.vocabulary.setdefault(term, len(self.vocabulary)))
                    values.append(count / math.sqrt(len(unit.tokens)))
                counts += 1
            self.rows[id(document)] = (first, counts)
        self.names = list(self.vocabulary)
        self.matrix = sparse.csr_matrix((values, (indices, columns)), shape=(counts, len(self.names)))

    def fit_lexicon(self, documents: Sequence[Document], usual: Lexicon | None = None) -> Lexicon:
        """L2-regularised logistic regression on term counts over the square root of the number of words."""
        from sklearn.linear_model import LogisticRegression

        families: defaultdict[str, np.ndarray] = defaultdict(lambda: np.zeros(len(self.names), dtype=bool))
        rows: list[int] = []
        for document in documents:
            first, end = self.rows[id(document)]
            rows.extend(range(first, end))
            families[document.family][self.matrix[first:end].indices] = True
        used = np.flatnonzero(sum(seen.astype(np.int32) for seen in families.values()) >= MIN_FAMILIES)
        target = np.concatenate([d.target for d in documents])
        weight = np.minimum(np.concatenate([d.weight for d in documents]), 1.0)
        model = LogisticRegression(C=2.0, max_iter=300, solver="liblinear", random_state=0)
        model.fit(self.matrix[rows][:, used], target, sample_weight=weight)
        weights = {self.names[column]: round(float(w), 2) for column, w in zip(used, model.coef_[0], strict=True)}
        bias = round(float(model.intercept_[0]), 2)
        return Lexicon({term: weight for term, weight in weights.items() if abs(weight) >= MIN_WEIGHT}, bias, usual)


def monotone() -> list[int]:
    """Which way each feature may move the score: rules and lexicon only up, wording of reports only down."""
    up = {"label", "rules", "hits", "lexicon", "lexicon_head", "usual", "usual_head", "you", "we", "act"}
    up |= {"rules_near", "lexicon_near"}
    up |= {"run_rules", "run_lexicon", "run_labels", "wide_rules", "wide_lexicon", "wide_labels", "repeated"}
    down = {"rule:content", "say"}

    def direction(name: str) -> int:
        if name in down:
            return -1
        rising = name in up or name.startswith(("rule:", "rules[", "lexicon[", "label["))
        return int(rising)

    return [direction(name) for name in NAMES]


def fit_trees(matrix: np.ndarray, target: np.ndarray, weight: np.ndarray) -> dict[str, Any]:
    """The trees as the document that ``Trees`` reads."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(monotonic_cst=monotone(), **TREES)
    model.fit(matrix, target, sample_weight=weight)
    trees = []
    for (predictor,) in model._predictors:
        nodes = predictor.nodes
        values = _values(nodes)
        trees.append(
            [
                [None, None, None, None, round(value, 4)]
                if node["is_leaf"]
                else [
                    NAMES[node["feature_idx"]],
                    round(float(node["num_threshold"]), 4),
                    int(node["left"]),
                    int(node["right"]),
                    round(value, 4),
                ]
                for node, value in zip(nodes, values, strict=True)
            ]
        )
    bias = round(float(model._baseline_prediction.ravel()[0]), 4)
    return {"features": list(NAMES), "bias": bias, "depth": TREES["max_depth"], "trees": trees}


def _values(nodes: np.ndarray) -> list[float]:
    """Leaves' values as they are; of inner nodes the mean of what is below: the explanation needs them."""
    values = [float(node["value"]) for node in nodes]
    for number in range(len(nodes) - 1, -1, -1):
        node = nodes[number]
        if not node["is_leaf"]:
            low, high = int(node["left"]), int(node["right"])
            size = nodes[low]["count"], nodes[high]["count"]
            values[number] = float((values[low] * size[0] + values[high] * size[1]) / max(1, size[0] + size[1]))
    return values


def features_of(document: Document, lexicon: Lexicon) -> tuple[list[int], np.ndarray]:
    """The blocks that the judge is asked about, and their features. Other plain prose teaches nothing."""
    page = Page([Alone(unit, document.language, lexicon) for unit in document.units])
    rows = page.asked()
    return rows, page.features(rows)


def train(documents: Sequence[Document], terms: Terms, seed: int = 0) -> tuple[Lexicon, dict[str, Any]]:
    """Lexicon and trees; the trees' lexicon scores come from lexicons that never saw the same family.

    Invented pages make the lexicon of usual wordings, real pages the other.
    """
    real = [document for document in documents if not document.invented]
    invented = [document for document in documents if document.invented]
    fold_of = split_families(real, INNER_FOLDS, seed + 1) | split_families(invented, INNER_FOLDS, seed + 1)
    usual = terms.fit_lexicon(invented)
    lexicon = terms.fit_lexicon(real, usual)
    inner: list[Lexicon] = []
    outer: list[Lexicon] = []
    for number in range(INNER_FOLDS):
        inner.append(terms.fit_lexicon([d for d in real if fold_of[d.family] != number], usual))
        others = terms.fit_lexicon([d for d in invented if fold_of[d.family] != number])
        outer.append(Lexicon(lexicon.weights, lexicon.bias, others))
    asked = [features_of(d, (outer if d.invented else inner)[fold_of[d.family]]) for d in documents]
    matrix = np.vstack([features for _, features in asked])
    target = np.concatenate([d.target[rows] for d, (rows, _) in zip(documents, asked, strict=True)])
    weight = np.concatenate([_tree_weight(d)[rows] for d, (rows, _) in zip(documents, asked, strict=True)])
    document = fit_trees(matrix, target, weight)
    document["thresholds"] = {name: getattr(THRESHOLDS, name) for name in Thresholds.__slots__}
    return lexicon, document


def _tree_weight(document: Document) -> np.ndarray:
    if not document.invented:
        return document.weight
    return document.weight * np.where(document.target > 0, WEIGHT_INVENTED, WEIGHT_INVENTED_CONTENT)


def with_invented(documents: Sequence[Document]) -> list[Document]:
    """The documents and, unless there are some among them, the invented pages that are part of this repository."""
    if any(document.invented for document in documents):
        return list(documents)
    return [*documents, *load_documents(sorted(INVENTED.glob("??.jsonl")))]


def cross_validate(
    documents: Sequence[Document], judged: Callable[[Judge, list[Document]], None], folds: int = 5, seed: int = 0
) -> None:
    """Trains on all folds but one and hands the judge and the documents of the fold left out to ``judged``.

    Real and invented pages are split apart, so that the folds of one don't depend on the other.
    """
    everything = with_invented(documents)
    fold_of = split_families([d for d in everything if not d.invented], folds, seed)
    fold_of |= split_families([d for d in everything if d.invented], folds, seed)
    terms = Terms(everything)
    for number in range(folds):
        lexicon, trees = train([d for d in everything if fold_of[d.family] != number], terms, seed)
        judge = Judge(lexicon, Trees(trees), Thresholds(**trees["thresholds"]))
        judged(judge, [d for d in documents if fold_of[d.family] == number])
        print(f"fold {number + 1} of {folds} done", file=sys.stderr)


def write(lexicon: Lexicon, document: dict[str, Any], folder: Path) -> None:
    for name, part in (("lexicon.tsv", lexicon), ("usual.tsv", lexicon.usual)):
        if part is not None:
            lines = [f"\t{part.bias}"] + [f"{term}\t{weight}" for term, weight in sorted(part.weights.items())]
            (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    trees = ",\n".join(
        "  " + json.dumps(tree, ensure_ascii=False, separators=(",", ":")) for tree in document["trees"]
    )
    head = {key: value for key, value in document.items() if key != "trees"}
    body = json.dumps(head, ensure_ascii=False, indent=1)[:-2] + f',\n "trees": [\n{trees}\n ]\n}}\n'
    (folder / "judge.json").write_text(body, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("labelled", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="the folder that gets lexicon.tsv and judge.json")
    arguments = parser.parse_args()
    documents = with_invented(load_documents(arguments.labelled))
    lexicon, document = train(documents, Terms(documents))
    write(lexicon, document, arguments.out)
    print(f"{len(documents)} records: {len(lexicon.weights)} terms, {len(document['trees'])} trees")


if __name__ == "__main__":
    main()
