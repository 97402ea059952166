"""Measures and fits language detection.

    python bench/language.py                                  # on the texts in tests/data/language.toml
    python bench/language.py --texts DIR --articles FILE…     # on more text of your own
    python bench/language.py --fit --texts DIR [--articles …] # prints what etl/language.py and its data file hold

DIR holds files ``xx.txt`` (``xx`` an ISO 639-1 code, ``nb`` and ``nn`` too) with a sentence a line: even lines are
fitted on, odd lines are measured on. FILE is JSONL with ``text``, ``title`` and ``language``, or with ``lang`` and
``paragraphs`` labelled ``content``; titles are halved the same way, by a hash. Both detectors see the same texts in
one process; only ratios of times mean anything on a machine that others use too.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import statistics
import sys
import time
import tomllib
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from etl import language
from etl.model import LanguageGuess

SHIPPED = Path(__file__).resolve().parent.parent / "tests" / "data" / "language.toml"
BINS = (0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99, 1.01)


@dataclass(frozen=True)
class Text:
    kind: str  # whole, 400, 100, 50, title, article
    language: str
    text: str
    fitted: bool = False


def canonical(code: str) -> str:
    return language.language_code(code) or code


def cut(text: str, length: int) -> str:
    """The first ``length`` characters, without the beginning of a word at the end."""
    if len(text) <= length:
        return text
    head = text[: length + 1]
    return head.rsplit(None, 1)[0] if " " in head else text[:length]


def shipped() -> Iterator[Text]:
    for code, entry in tomllib.loads(SHIPPED.read_text(encoding="utf-8")).items():
        name, text = canonical(code), entry["text"]
        yield Text("whole", name, text)
        yield Text("400", name, cut(text, 400))
        for title in entry["titles"]:
            yield Text("title", name, title)
        for length in (100, 50):
            rest = text
            while len(rest) >= length:
                piece = cut(rest, length)
                yield Text(str(length), name, piece)
                rest = rest[len(piece) :].lstrip()


def sentences(folder: Path) -> Iterator[Text]:
    for path in sorted(folder.glob("*.txt")):
        name = canonical(path.stem)
        lines = path.read_text(encoding="utf-8").split("\n")
        for half in (0, 1):
            own = [line.strip() for line in lines[half::2] if line.strip()]
            fitted = half == 0
            for start in range(0, len(own) - 18, 25):
                yield Text("whole", name, " ".join(own[start : start + 10]), fitted)
                yield Text("400", name, cut(" ".join(own[start + 10 : start + 18]), 400), fitted)
            for start in range(0, len(own) - 7, 8):
                yield Text("100", name, cut(" ".join(own[start : start + 4]), 100), fitted)
                yield Text("50", name, cut(" ".join(own[start + 4 : start + 7]), 50), fitted)


def articles(path: Path) -> Iterator[Text]:
    seen: set[str] = set()
    for line in path.read_text(encoding="utf-8").splitlines():
        record: dict[str, Any] = json.loads(line)
        name = canonical(record.get("language") or record.get("lang") or "und")
        if "paragraphs" in record:
            if record.get("variant") != "traf":
                continue
            body = "\n\n".join(part["text"] for part in record["paragraphs"] if part["label"] == "content")
        else:
            body = record.get("text") or ""
        title = record.get("title") or ""
        if title and title not in seen:
            seen.add(title)
            yield Text("title", name, title, zlib.crc32(title.encode()) % 2 == 0)
        if len(body) > 400:
            yield Text("article", name, body)


@lru_cache(maxsize=1)
def reference() -> Any:
    """langdetect itself: its own factory, its own loading, a fixed seed."""
    from langdetect.detector_factory import PROFILES_DIRECTORY, DetectorFactory

    factory = DetectorFactory()
    factory.load_profile(PROFILES_DIRECTORY)
    factory.set_seed(0)
    return factory


def langdetect(text: str, chars: int | None = None) -> LanguageGuess:
    from langdetect.lang_detect_exception import LangDetectException

    detector = reference().create()
    detector.append(text[:chars])
    try:
        guesses = detector.get_probabilities()
    except LangDetectException:
        return language.UNDETERMINED
    return LanguageGuess(canonical(guesses[0].lang), guesses[0].prob) if guesses else language.UNDETERMINED


def profiled() -> frozenset[str]:
    return frozenset(map(canonical, reference().get_lang_list()))


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    print("| " + " | ".join(head) + " |")
    print("|" + " --- |" * len(list(head)))
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")
    print()


def percent(hits: int, count: int) -> str:
    return f"{100 * hits / count:.2f}" if count else "–"


def accuracy(texts: list[Text]) -> list[tuple[Text, LanguageGuess, LanguageGuess]]:
    answers = [(text, language.detect(text.text), langdetect(text.text)) for text in texts]
    known = profiled()
    rows = []
    for kind in ("article", "whole", "400", "100", "50", "title"):
        own = [answer for answer in answers if answer[0].kind == kind]
        own_known = [answer for answer in own if answer[0].language in known]
        foreign = [answer for answer in own if answer[0].language not in known]
        if not own:
            continue
        rows.append(
            (
                kind,
                len(own_known),
                percent(sum(b.language == a.language for a, b, _ in own_known), len(own_known)),
                percent(sum(b.language not in (a.language, "und") for a, b, _ in own_known), len(own_known)),
                percent(sum(c.language == a.language for a, _, c in own_known), len(own_known)),
                percent(sum(c.language not in (a.language, "und") for a, _, c in own_known), len(own_known)),
                len(foreign),
                percent(sum(b.language == a.language for a, b, _ in foreign), len(foreign)),
                percent(
                    sum(b.language not in (a.language, "und") and b.confidence >= 0.9 for a, b, _ in foreign),
                    len(foreign),
                ),
                percent(sum(c.language != "und" and c.confidence >= 0.9 for _, _, c in foreign), len(foreign)),
            )
        )
    table(
        (
            "text",
            "n, with a profile",
            "klartext right %",
            "klartext wrong %",
            "langdetect right %",
            "langdetect wrong %",
            "n, without a profile",
            "klartext right %",
            "klartext wrong at .9 %",
            "langdetect wrong at .9 %",
        ),
        rows,
    )
    wrong = Counter(
        (a.language, b.language)
        for a, b, _ in answers
        if a.language in known and b.language not in (a.language, "und")
    )
    print("most frequent confusions:", ", ".join(f"{a}→{b} {n}" for (a, b), n in wrong.most_common(12)) or "none")
    print()
    return answers


def calibration(answers: list[tuple[Text, LanguageGuess, LanguageGuess]]) -> None:
    def column(pairs: list[tuple[bool, float]]) -> list[str]:
        cells = []
        for low, high in pairwise(BINS):
            inside = [right for right, confidence in pairs if low <= confidence < high]
            cells.append(f"{percent(sum(inside), len(inside))} ({len(inside)})")
        return cells

    known = profiled()
    ours = [(a.language == b.language, b.confidence) for a, b, _ in answers if b.language != "und"]
    ours_known = [(a.language == b.language, b.confidence) for a, b, _ in answers if a.language in known]
    theirs = [(a.language == c.language, c.confidence) for a, _, c in answers if c.language != "und"]
    names = [f"{low} to {min(high, 1.0)}" for low, high in pairwise(BINS)]
    table(
        ("confidence", "klartext, all: right % (n)", "klartext, languages with a profile", "langdetect, all"),
        zip(names, column(ours), column(ours_known), column(theirs), strict=True),
    )


def news_mix(texts: list[Text]) -> list[str]:
    """Articles, 77 in a hundred German or English: given ones, else the shipped texts' sentences, shuffled."""
    given = [text for text in texts if text.kind == "article"]
    draw = random.Random(7)
    main = [text.text for text in given if text.language in ("de", "en")]
    rest = [text.text for text in given if text.language not in ("de", "en")]
    if not main or not rest:
        parts = {a.language: re.split(r"(?<=[.。])\s*", a.text) for a in shipped() if a.kind == "whole"}
        main = [" ".join(draw.choices(parts[code], k=40)) for code in ("de", "en") for _ in range(40)]
        rest = [" ".join(draw.choices(own, k=40)) for code, own in parts.items() if code not in ("de", "en")]
    return [draw.choice(main) if draw.random() < 0.77 else draw.choice(rest) for _ in range(300)]


def seconds(function: Callable[[str], object], texts: list[str]) -> float:
    started = time.perf_counter()
    for text in texts:
        function(text)
    return (time.perf_counter() - started) / len(texts)


def speed(texts: list[Text]) -> None:
    mix = news_mix(texts)
    for text in mix[:20]:
        language.detect(text)
    ways: dict[str, Callable[[str], object]] = {
        "klartext": language.detect,
        "langdetect, first 800 characters": lambda text: langdetect(text, 800),
        "langdetect, whole text": langdetect,
    }
    passes: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(5):
        for name, way in ways.items():
            passes[name].append(seconds(way, mix if name == "klartext" else mix[:60]))
    whole = statistics.median(passes["langdetect, whole text"])
    print(f"news mix of {len(mix)} articles, {statistics.mean(map(len, mix)):.0f} characters on average; 5 passes")
    table(
        ("detector", "articles a second, median (best)", "times as fast as langdetect on the whole text"),
        (
            (
                name,
                f"{1 / statistics.median(times):,.0f} ({1 / min(times):,.0f})",
                f"{whole / statistics.median(times):.1f}",
            )
            for name, times in passes.items()
        ),
    )
    long = [text[:4000] for text in mix]
    print(f"word_count: {len(long) / sum([seconds(language.word_count, long) * len(long)]):,.0f} texts a second")
    asked = [language.weigh(text) for text in mix]
    low = sum(
        language.calibrated(language.features(found), found.reading.letters) < language._ARBITER_BELOW
        for found in asked
        if found is not None
    )
    print(f"below the arbiter's threshold: {percent(low, len(asked))} % of the mix")
    print()


def fit(texts: list[Text]) -> None:
    """Prints the usual shares of listed words, the usual fit of profiles, and the logistic regression's weights."""
    known, words = profiled(), language._words()
    share: dict[str, list[float]] = defaultdict(list)
    usual: dict[str, list[float]] = defaultdict(list)
    rows: list[tuple[float, ...]] = []
    right: list[bool] = []
    weights: list[float] = []
    for text in (text for text in texts if text.fitted):
        found = language.weigh(text.text)
        if found is None or found.reading.scores is None:
            continue
        if text.kind in ("whole", "400"):
            tokens = language._TOKEN.findall(text.text.lower())
            listed = words.lists.get(text.language)
            if listed and tokens:
                share[text.language].append(sum(token in listed for token in tokens) / len(tokens))
            if found.best == text.language and text.language in known:
                usual[text.language].append(max(found.reading.scores.values()) / found.reading.asked_grams)
        rows.append(language.features(found))
        right.append(found.best == text.language)
        # News in languages without a profile is rarer than in these data, titles and short texts are more frequent.
        kind = {"whole": 0.5, "title": 2.0}.get(text.kind, 1.0)
        weights.append(kind * (1.0 if text.language in known else 0.2))
    print("[share]", *(f"{code} = {statistics.mean(own):.2f}" for code, own in sorted(share.items())), sep="\n")
    print("\n[fit]", *(f"{code} = {statistics.median(own):.2f}" for code, own in sorted(usual.items())), sep="\n")
    print("\n_CALIBRATION:", [round(float(weight), 3) for weight in logistic(rows, right, weights)])


def logistic(rows: list[tuple[float, ...]], right: list[bool], weights: list[float]) -> np.ndarray:
    """Weighted logistic regression by Newton's method on standardised features, with a small ridge."""
    raw, target, weight = np.array(rows), np.array(right, float), np.array(weights)
    mean, spread = raw.mean(0), raw.std(0)
    mean[0], spread[0] = 0.0, 1.0
    spread[spread == 0] = 1.0
    scaled = (raw - mean) / spread
    found = np.zeros(raw.shape[1])
    for _ in range(50):
        guess = 1 / (1 + np.exp(-scaled @ found))
        slope = scaled.T @ (weight * (target - guess)) - 0.01 * found
        bend = (scaled * (weight * guess * (1 - guess))[:, None]).T @ scaled + 0.01 * np.eye(len(found))
        found += np.linalg.solve(bend, slope)
    weights_out = found / spread
    weights_out[0] = found[0] - (found[1:] * mean[1:] / spread[1:]).sum()
    return weights_out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=Path, help="a folder of xx.txt, a sentence a line")
    parser.add_argument("--articles", type=Path, nargs="*", default=[], help="JSONL files of articles")
    parser.add_argument("--skip", nargs="*", default=[], help="codes whose text is not what its name says")
    parser.add_argument("--fit", action="store_true", help="print fitted figures instead of measuring")
    options = parser.parse_args()
    texts: list[Text] = []
    if options.texts:
        texts.extend(sentences(options.texts))
    for path in options.articles:
        texts.extend(articles(path))
    texts = [text for text in texts if text.language not in options.skip]
    if options.fit:
        fit(texts)
        return
    print("## Texts written for klartext\n")
    calibration(accuracy(list(shipped())))
    if texts:
        print("## Given texts (the half that nothing was fitted on)\n")
        calibration(accuracy([text for text in texts if not text.fitted]))
    print("## Speed\n")
    speed(texts)


if __name__ == "__main__":
    main()
