#!/usr/bin/env python3
"""Measures cleaning on labelled paragraphs: by cross-validation over publisher families, beside two baselines.

    python bench/cleaning.py LABELLED.jsonl… [--folds 5] [--shipped] [--markdown FILE]
    python bench/cleaning.py --speed

A record's paragraphs are joined by newlines and cleaned; a paragraph is stripped when at least 80 % of its
characters are removed. For cross-validation (needs scikit-learn) the judge that cleans a site was trained without any
site of its publisher family; rules are the same in all folds. ``--shipped`` measures the judge that ships instead,
which has seen the records. Intervals: 95 %, percentile bootstrap over families (1,000 resamples, seed 0).
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]
from train_judge import Document, cross_validate, has_cue, load_documents, with_invented  # noqa: E402

from etl.clean.cleaner import RULES_VERSION, clean_with  # noqa: E402
from etl.clean.judge import Judge, load_judge  # noqa: E402

MISSION = ("paywall", "subscription", "newsletter", "promo", "login", "app")
AIMS = {"de": 0.95, "en": 0.95, **dict.fromkeys(("fr", "es", "it", "pt", "nl"), 0.9)}
RESAMPLES = 1000
KEYWORDS = re.compile(
    r"newsletter|subscri|abonn|\babo\b|e-?paper|sign ?(?:up|in)|log ?in|einloggen|anmelden|advertis|^anzeige|werbung"
    r"|read more|lesen sie|mehr zum thema|teilen|share|cookie|gewinnspiel|kostenlos|gratis|facebook|whatsapp"
    r"|©|copyright",
    re.IGNORECASE,
)
Removed = list[tuple[int, int]]


@dataclass
class Tally:
    """Counts of one family and group, by name, so that families can be resampled and summed."""

    counts: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))


def keyword_spans(document: Document) -> Removed:
    """The keyword baseline: short lines that hold one of a handful of words."""
    found, at = [], 0
    for line in document.text.split("\n"):
        if len(line) <= 350 and KEYWORDS.search(line):
            found.append((at, at + len(line)))
        at += len(line) + 1
    return found


def count(document: Document, removed: Removed, into: dict[str, dict[str, Tally]]) -> None:
    """Adds a document's outcome to the tallies of its language and of its paragraphs' classes."""
    for paragraph, (start, end) in zip(document.record["paragraphs"], document.spans, strict=True):
        size = end - start
        label = paragraph["label"]
        if not size or label == "content-meta":
            continue
        gone = sum(max(0, min(end, high) - max(start, low)) for low, high in removed)
        stripped = gone >= 0.8 * size
        names = [f"language {document.language}", "all"]
        if label != "content":
            names.append(f"class {label}")
        if document.invented:
            names = [f"invented {document.language}", "all invented"]
        for name in names:
            c = into[name][document.family].counts
            if label == "content":
                c["content"] += size
                c["lost"] += gone
                c["false"] += stripped
                if paragraph.get("hard_negative"):
                    c["hard"] += 1
                    c["hard_hit"] += gone > 0
                continue
            c["boilerplate"] += 1
            c["hit"] += stripped
            if has_cue(paragraph):
                c["cue"] += 1
                c["cue_hit"] += stripped
                if paragraph["position"] == "inner":
                    c["inner"] += 1
                    c["inner_hit"] += stripped
            if label in MISSION:
                c["mission"] += 1
                c["mission_hit"] += stripped


RATIOS: dict[str, Callable[[dict[str, float]], tuple[float, float]]] = {
    "precision": lambda c: (c["hit"], c["hit"] + c["false"]),
    "recall": lambda c: (c["hit"], c["boilerplate"]),
    "recall, cue": lambda c: (c["cue_hit"], c["cue"]),
    "inner, cue": lambda c: (c["inner_hit"], c["inner"]),
    "mission": lambda c: (c["mission_hit"], c["mission"]),
    "content kept": lambda c: (c["content"] - c["lost"], c["content"]),
    "hard negatives kept": lambda c: (c["hard"] - c["hard_hit"], c["hard"]),
}


def summed(tallies: Iterable[Tally]) -> defaultdict[str, float]:
    total: defaultdict[str, float] = defaultdict(float)
    for tally in tallies:
        for name, value in tally.counts.items():
            total[name] += value
    return total


def figure(families: dict[str, Tally], ratio: str) -> str:
    """The value with its interval, or a dash where nothing is there to measure."""
    top, bottom = RATIOS[ratio](summed(families.values()))
    if not bottom:
        return "–"
    digits = 2 if ratio == "content kept" else 1
    pairs = np.array([RATIOS[ratio](summed([tally])) for tally in families.values()])
    draws = np.random.default_rng(0).integers(len(pairs), size=(RESAMPLES, len(pairs)))
    sums = pairs[draws].sum(axis=1)
    sums = sums[sums[:, 1] > 0]
    low, high = np.percentile(sums[:, 0] / sums[:, 1], [2.5, 97.5]) * 100
    return f"{top / bottom * 100:.{digits}f} ({low:.{digits}f}–{high:.{digits}f})"


def table(groups: dict[str, dict[str, Tally]], prefix: str, ratios: Iterable[str]) -> list[str]:
    names = [name for name in sorted(groups) if name.startswith(prefix)]
    names.sort(key=lambda name: -summed(groups[name].values())["boilerplate"])
    head = [prefix.strip() or "", "blocks", "families", *ratios]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for name in names:
        total = summed(groups[name].values())
        cells = [name.removeprefix(prefix) or name, f"{total['boilerplate']:.0f}", str(len(groups[name]))]
        lines.append("| " + " | ".join(cells + [figure(groups[name], ratio) for ratio in ratios]) + " |")
    return lines


def trafilatura_alone(documents: list[Document]) -> tuple[int, int]:
    """How many boilerplate blocks of a page's plain block list are missing from trafilatura's text of it."""
    pages: defaultdict[tuple[str, str], dict[str, Document]] = defaultdict(dict)
    for document in documents:
        pages[(document.record["site"], document.record["path"])][document.record["variant"]] = document
    gone = total = 0
    for variants in pages.values():
        plain = variants.get("block") or variants.get("blocks")
        if plain is None or "traf" not in variants:
            continue
        text = variants["traf"].text
        for paragraph in plain.paragraphs:
            if paragraph["label"] not in ("content", "content-meta"):
                total += 1
                gone += paragraph["text"].strip()[:60] not in text
    return gone, total


def measure(documents: list[Document], folds: int, shipped: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """Tallies of the judge and of the keyword baseline, by group and family."""
    ours: dict[str, dict[str, Tally]] = defaultdict(lambda: defaultdict(Tally))
    keywords: dict[str, dict[str, Tally]] = defaultdict(lambda: defaultdict(Tally))

    def judged(judge: Judge, some: list[Document]) -> None:
        for document in some:
            cleaned = clean_with(judge, document.text, language=document.language)
            count(document, [(span.start, span.end) for span in cleaned.removed], ours)
            count(document, keyword_spans(document), keywords)

    if shipped:
        judged(load_judge(), documents)
    else:
        cross_validate(documents, judged, folds)
    return ours, keywords


def articles(folder: Path, language: str) -> list[str]:
    """Articles of 4 kB made of our own labelled pages: content with a block of boilerplate after every fourth
    paragraph. No paragraph stands in two of them."""
    content: dict[str, None] = {}
    boilerplate: dict[str, None] = {}
    for line in (folder / f"{language}.jsonl").read_text(encoding="utf-8").splitlines():
        for paragraph in json.loads(line)["paragraphs"]:
            if paragraph["label"] != "content-meta":
                (content if paragraph["label"] == "content" else boilerplate)[paragraph["text"]] = None
    leaks = iter(boilerplate)
    out, parts, size = [], [], 0
    for number, text in enumerate(content):
        parts += [text] if number % 4 else [text, next(leaks)]
        size += len(text)
        if size >= 4096:
            out.append("\n\n".join(parts))
            parts, size = [], 0
    return out


def speed() -> None:
    """Articles of 4 kB a second on one core (CPU time), on text that the process has never seen: the first half of
    our own pages as a process that has just started meets them, the second half after that, and that once more."""
    from etl.clean import clean
    from etl.clean.ruleset import rules_for

    for language in ("de", "en"):
        texts = articles(ROOT / "tests" / "data" / "leaks", language)
        half = len(texts) // 2
        compiled = _timed([language], rules_for)
        cold, warm = (
            _timed(part, lambda text, language=language: clean(text, language=language))
            / (sum(map(len, part)) / 4096)
            for part in (texts[:half], texts[half:])
        )
        again = _timed(texts[half:], lambda text, language=language: clean(text, language=language))
        again /= sum(map(len, texts[half:])) / 4096
        print(
            f"{language}: rules compiled in {compiled:.2f} s; articles of 4 kB a second: {1 / cold:.0f} in the first"
            f" {half}, {1 / warm:.0f} in the next {len(texts) - half}, {1 / again:.0f} when these come once more"
        )
    loop = min(_timed(range(1), lambda _: sum(i * i for i in range(1_000_000))) for _ in range(5))
    print(f"a loop of a million squares took {loop * 1000:.0f} ms")


def _timed(items: Iterable[Any], work: Callable[..., Any]) -> float:
    start = time.process_time()
    for item in items:
        work(item)
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("labelled", nargs="*", type=Path)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--shipped", action="store_true", help="the judge that ships, on records it was trained on")
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--markdown", type=Path, help="write the tables there instead of to stdout")
    arguments = parser.parse_args()
    if arguments.speed:
        speed()
        return
    documents = with_invented(load_documents(arguments.labelled))
    ours, keywords = measure(documents, arguments.folds, arguments.shipped)
    gone, total = trafilatura_alone([document for document in documents if not document.invented])
    how = "the shipped judge on its training records" if arguments.shipped else f"{arguments.folds}-fold, by family"
    ratios = list(RATIOS)
    invented = sum(document.invented for document in documents)
    lines = [
        f"Rules {RULES_VERSION}; {len(documents) - invented} records and {invented} invented ones; {how}. "
        "All figures in per cent (95 % interval).",
        "",
    ]
    lines += ["By language:", "", *table(ours, "language ", ratios), ""]
    lines += ["By class:", "", *table(ours, "class ", ["recall", "recall, cue", "inner, cue"]), ""]
    lines += ["All of it, and the keyword baseline:", "", *table({"ours": ours["all"]}, "", ratios)]
    lines += [table({"keywords": keywords["all"]}, "", ratios)[-1], ""]
    lines += ["Invented pages, publishers left out in the same way:", ""]
    lines += [*table(ours, "invented ", ratios), table({"all": ours["all invented"]}, "", ratios)[-1], ""]
    lines += ["Keyword baseline by language:", "", *table(keywords, "language ", ratios), ""]
    lines.append(
        f"Trafilatura alone (favouring recall): of {total} boilerplate blocks in the plain block list of the same "
        f"pages, {gone / max(1, total) * 100:.1f} % are not in its text."
    )
    text = "\n".join(lines) + "\n"
    if arguments.markdown:
        arguments.markdown.write_text(text, encoding="utf-8")
    else:
        print(text, end="")


if __name__ == "__main__":
    main()
