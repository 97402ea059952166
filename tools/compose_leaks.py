#!/usr/bin/env python3
"""Composes labelled records of leaked boilerplate from texts of our own.

    python tools/compose_leaks.py tests/data/leaks/source/fr.txt… --out tests/data/leaks

A source file holds articles and made-up publishers. ``= SLUG`` begins an article, whose lines are a letter and a
text: ``T`` headline, ``M`` byline or date, ``P`` paragraph, ``H`` paragraph that carries a trigger word and must
stay, ``S`` subhead, ``L`` item of a list. ``@ SITE.example`` begins a publisher; ``[h]``, ``[i]`` and ``[e]`` begin a
box of its texts at the head, between paragraphs or at the end, and each line of a box is ``class| text``.

Each publisher makes two records, with two articles; its boxes go to one or the other in turn, so that no text of a
publisher stands in two records. Where a box stands between paragraphs is drawn with a seed from the publisher's name.
One JSON line a record, in the form that ``tools/train_judge.py`` reads.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CLASSES = frozenset(
    "paywall subscription newsletter promo app login share cookie related ad comment credit copyright player "
    "navigation".split()
)
KINDS = {"T": "content-meta", "M": "content-meta", "P": "content", "H": "content", "S": "content", "L": "content"}
Box = tuple[str, list[dict[str, Any]]]


@dataclass
class Source:
    """What a source file holds: articles by slug, boxes by publisher."""

    articles: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    sites: dict[str, list[Box]] = field(default_factory=dict)
    article: list[dict[str, Any]] | None = None
    boxes: list[Box] | None = None

    def add(self, line: str) -> None:
        """Takes one line. Raises ValueError that says what is wrong with it."""
        if line.startswith("= "):
            self._begin_article(line[2:])
        elif line.startswith("@ "):
            self._begin_site(line[2:])
        elif self.boxes is not None and line in ("[h]", "[i]", "[e]"):
            self.boxes.append((line[1], []))
        elif self.boxes:
            label, bar, text = line.partition("| ")
            if not bar or label not in CLASSES:
                raise ValueError(f"expected 'class| text' with a class of {', '.join(sorted(CLASSES))}")
            self.boxes[-1][1].append({"text": text, "label": label})
        elif self.article is not None and line[:1] in KINDS and line[1:2] == " ":
            hard = {"hard_negative": True} if line[0] == "H" else {}
            self.article.append({"text": line[2:], "label": KINDS[line[0]], **hard})
        else:
            raise ValueError(f"a line outside any article or box, or of no known kind: {line[:60]!r}")

    def _begin_article(self, slug: str) -> None:
        if slug in self.articles:
            raise ValueError(f"a second article named {slug!r}")
        self.article, self.boxes = self.articles.setdefault(slug, []), None

    def _begin_site(self, site: str) -> None:
        if site in self.sites or not site.endswith(".example"):
            raise ValueError(f"{site!r} stands there twice, or doesn't end in .example")
        self.article, self.boxes = None, self.sites.setdefault(site, [])


def read_source(path: Path) -> Source:
    """What a source file holds. Raises ValueError that names file and line of what it can't read."""
    source = Source()
    for number, line in enumerate(path.read_text("utf-8").split("\n"), 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            source.add(line.strip())
        except ValueError as error:
            raise ValueError(f"{path}:{number}: {error}") from None
    counts = Counter(p["text"] for boxes in source.sites.values() for _, box in boxes for p in box)
    for text, count in counts.items():
        if count > 1:
            raise ValueError(f"{path}: {text!r} stands there twice; publishers share no text")
    return source


def compose(article: list[dict[str, Any]], boxes: list[Box], draw: random.Random) -> list[dict[str, Any]]:
    """The article's paragraphs with the boxes among them, and each paragraph's position."""
    first = next(i for i, p in enumerate(article) if p["label"] == "content")
    head, body = article[:first], article[first:]
    inner = [box for place, box in boxes if place == "i"]
    gaps = sorted(draw.sample(range(1, len(body)), min(len(inner), len(body) - 1)))
    at: dict[int, list[dict[str, Any]]] = {}
    for i, box in enumerate(inner):
        at.setdefault(gaps[i % len(gaps)], []).extend(box)
    out = head + [p for place, box in boxes if place == "h" for p in box]
    for i, paragraph in enumerate(body):
        out += [*at.get(i, []), paragraph]
    out += [p for place, box in boxes if place == "e" for p in box]
    content = [i for i, p in enumerate(out) if p["label"] == "content"]
    placed = []
    for i, p in enumerate(out):
        position = "na" if p["label"].startswith("content") else "inner" if content[0] < i < content[-1] else "edge"
        placed.append({"text": p["text"], "label": p["label"], "position": position, "synthetic": True, **p})
    return placed


def records(path: Path) -> list[dict[str, Any]]:
    """All records of a source file, whose name is the language."""
    source = read_source(path)
    slugs = list(source.articles)
    out = []
    for number, (site, boxes) in enumerate(source.sites.items()):
        halves: tuple[list[Box], list[Box]] = ([], [])
        turn = {"h": 0, "i": 0, "e": number % 2}
        for place, box in boxes:
            halves[turn[place] % 2].append((place, box))
            turn[place] += 1
        for half, part in enumerate(halves):
            slug = slugs[(number + half * (len(slugs) // 2)) % len(slugs)]
            name = f"own-{path.stem}-{site.removesuffix('.example')}-{half + 1}"
            out.append(
                {
                    "id": name,
                    "repo": "own",
                    "path": f"{path.stem}/{site}/{slug}",
                    "url": f"https://{site}/{slug}",
                    "site": site,
                    "lang": path.stem,
                    "variant": "own",
                    "split": "own",
                    "paragraphs": compose(source.articles[slug], part, random.Random(name)),  # noqa: S311 - places, no secrets
                }
            )
    return out


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("sources", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, default=Path("tests/data/leaks"))
    options = parser.parse_args()
    for path in options.sources:
        try:
            made = records(path)
        except (OSError, ValueError) as error:
            print(error, file=sys.stderr)
            return 1
        lines = [json.dumps(record, ensure_ascii=False) + "\n" for record in made]
        (options.out / f"{path.stem}.jsonl").write_text("".join(lines), "utf-8")
        blocks = sum(not p["label"].startswith("content") for record in made for p in record["paragraphs"])
        print(f"{path.stem}: {len(made)} records, {blocks} blocks of boilerplate")
    return 0


if __name__ == "__main__":
    sys.exit(main())
