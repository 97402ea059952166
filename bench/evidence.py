#!/usr/bin/env python3
"""Measures cleaning of real pages with and without what their markup says.

    python bench/evidence.py build LABELLED.jsonl… --repositories FOLDER --out PAGES.jsonl [--read FILE]
    python bench/evidence.py measure PAGES.jsonl LABELLED.jsonl… [--shipped] [--markdown FILE]

``build`` reads the pages that the labelled records name (``repo``, and ``path`` or ``path@commit`` in it) from git
repositories in FOLDER (``OWNER+NAME/.git``, ``OWNER+NAME/repo`` or ``OWNER+NAME`` itself), runs klartext's extraction
on them, and carries the labels over to its blocks. Of each page there are two records: what extraction gives, and the
labelled plain block list with each block's markup looked up in the page. ``--read`` is a JSON object of labels for
blocks that match no labelled paragraph, by ``digest()``; the file holds none of the text.

``measure`` cleans each record by wording alone and with markup. Judge and weights of markup come from a five-fold
cross-validation by publisher family (needs scikit-learn): neither has seen a page of the family that it cleans;
``--shipped`` measures what ships, which has seen the pages. Intervals: 95 %, percentile bootstrap over sites (1,000
resamples, seed 0).
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from difflib import SequenceMatcher
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

from etl.clean.cleaner import RULES_VERSION, clean_with  # noqa: E402
from etl.clean.judge import load_judge  # noqa: E402
from etl.clean.markup import MARKUP_FILE, Markup, load_markup  # noqa: E402
from etl.model import Block, Capture  # noqa: E402

if TYPE_CHECKING:
    from etl.extract.page import Page

RESAMPLES = 1000
PLAIN_LISTS = ("block", "blocks")
LEAST_CONTAINED = 20
LEAST_SIMILAR = 30
SIMILAR = 0.9
_SENTENCE_END = re.compile(r"[.!?。…][\"')\]」』”»]*$")
Label = tuple[str | None, str, dict[str, Any]]


# --- building


def folded(text: str) -> str:
    """A text without white space and case: what matching compares."""
    return "".join(text.split()).lower()


def digest(path: str, text: str) -> str:
    """Names a block of a page in the file of labels that were read by hand."""
    return hashlib.sha256(f"{path}\0{text}".encode()).hexdigest()[:16]


def page_bytes(folder: Path, repo: str, path: str) -> bytes:
    """A page from a git repository, at its newest commit or at the one after ``@``."""
    name, _, commit = path.partition("@")
    home = folder / repo
    git = next((home / part for part in (".git", "repo", "") if (home / part / "HEAD").exists()), home)
    command = ["git", "--git-dir", str(git), "show", f"{commit or 'HEAD'}:{name}"]
    data = subprocess.run(command, capture_output=True, check=True).stdout
    return gzip.decompress(data) if name.endswith(".gz") else data


def carry_over(texts: Sequence[str], paragraphs: Iterable[dict[str, Any]]) -> list[Label]:
    """The label of each text, how it was found and the paragraph: the same text, contained in a paragraph, made of
    paragraphs (four fifths of it), or nearly the same. Where labels disagree there is none."""
    known: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for paragraph in paragraphs:
        key = folded(paragraph["text"])
        if key:
            known[key].append(paragraph)
    out: list[Label] = []
    for text in texts:
        keys, how = _matching(folded(text), known)
        found = [paragraph for key in keys for paragraph in known[key]]
        labels = {paragraph["label"] for paragraph in found}
        if len(labels) == 1:
            out.append((found[0]["label"], how, found[0]))
        else:
            out.append((None, "conflict" if labels else "none", {}))
    return out


def _matching(key: str, known: dict[str, Any]) -> tuple[list[str], str]:
    if key in known:
        return [key], "same"
    inside = [other for other in known if len(key) >= LEAST_CONTAINED and key in other]
    if inside:
        return inside, "contained"
    covered, used = [False] * len(key), []
    for other in sorted((other for other in known if len(other) > 2 and other in key), key=len, reverse=True):
        at = key.find(other)
        if not any(covered[at : at + len(other)]):
            covered[at : at + len(other)] = [True] * len(other)
            used.append(other)
    if key and sum(covered) >= 0.8 * len(key):
        return used, "made of"
    if len(key) < LEAST_SIMILAR:
        return [], "none"
    return [other for other in known if 0.8 < len(other) / len(key) < 1.25 and _similar(key, other)], "similar"


def _similar(first: str, second: str) -> bool:
    match = SequenceMatcher(None, first, second, autojunk=False)
    return all(ratio() >= SIMILAR for ratio in (match.real_quick_ratio, match.quick_ratio, match.ratio))


def build(labelled: Sequence[Path], folder: Path, read: dict[str, str]) -> Iterable[dict[str, Any]]:
    """The records of the file of pages."""
    # Measuring goes without all these, in an environment that has what training needs.
    from etl.extract.body import main_text
    from etl.extract.metadata import read_metadata
    from etl.extract.page import Refusal, load_page
    from etl.settings import get_settings

    pages: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for path in labelled:
        for line in path.read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            if "/" in record["path"] and "+" in record["repo"]:
                pages.setdefault((record["repo"], record["path"]), []).append(record)
    counts: Counter[str] = Counter()
    for (repo, path), records in pages.items():
        first = records[0]
        capture = Capture(origin=path, html=page_bytes(folder, repo, path), url=first["url"] or None)
        page = load_page(capture, get_settings())
        if isinstance(page, Refusal):
            counts[page.reason] += 1
            continue
        head = {"repo": repo, "path": path, "site": first["site"], "lang": first["lang"]}
        real = [p for r in records if r["variant"] != "placed" for p in r["paragraphs"] if not p.get("placed")]
        pieces = main_text(page.root, read_metadata(page.root, capture).url)
        labels = carry_over([text for _, text in pieces], real)
        for number, (_, text) in enumerate(pieces):
            if labels[number][0] is None and digest(path, text) in read:
                labels[number] = (read[digest(path, text)], "read", {})
        counts.update(f"extraction: {how}" for _, how, _ in labels)
        yield head | {"set": "extraction", "blocks": described(page, pieces, labels)}
        for record in records:
            if record["variant"] in PLAIN_LISTS:
                given = [p for p in record["paragraphs"] if not p.get("placed")]
                texts = [("p", " ".join(p["text"].split())) for p in given]
                counts["plain list"] += len(texts)
                yield head | {
                    "set": "list",
                    "blocks": described(page, texts, [(p["label"], "given", p) for p in given]),
                }
    print(dict(counts), file=sys.stderr)


def described(page: Page, pieces: list[tuple[str, str]], labels: Sequence[Label]) -> list[dict[str, Any]]:
    """Blocks with their markup and labels."""
    from etl.extract.flow import place_blocks, read_flow
    from etl.settings import get_settings

    flow = read_flow(page.root, get_settings().max_html_depth)
    if flow is None:
        raise ValueError("the page is nested too deep")
    out = []
    for (_, text), block, (label, how, paragraph) in zip(pieces, place_blocks(flow, pieces)[1], labels, strict=True):
        out.append(
            {
                "text": text,
                "tag": block.tag,
                "link_share": block.link_share,
                "classes": block.classes,
                "label": label,
                "how": how,
                "cue": bool(paragraph.get("cue", label not in ("related", "navigation"))),
                "position": paragraph.get("position"),
            }
        )
    return out


# --- measuring

Counts = defaultdict[str, float]
RATIOS: dict[str, Callable[[Counts], tuple[float, float]]] = {
    "precision": lambda c: (c["hit"], c["hit"] + c["false"]),
    "recall": lambda c: (c["hit"], c["boilerplate"]),
    "recall, cue": lambda c: (c["cue_hit"], c["cue"]),
    "related, navigation": lambda c: (c["link_hit"], c["link"]),
    "teasers": lambda c: (c["teaser_hit"], c["teaser"]),
    "content kept": lambda c: (c["content"] - c["lost"], c["content"]),
}


def is_teaser(text: str, label: str) -> bool:
    """A whole sentence about another story: what no wording tells."""
    return label == "related" and len(text) >= 50 and _SENTENCE_END.search(text) is not None


def count(page: Any, removed: Sequence[tuple[int, int]], into: Counts) -> None:
    """Adds what became of a page's blocks."""
    for block, label, described_block in zip(page.blocks, page.labels, page.record["blocks"], strict=True):
        size = block.end - block.start
        if label is None or label == "content-meta" or not size:
            continue
        gone = sum(max(0, min(block.end, high) - max(block.start, low)) for low, high in removed)
        stripped = gone >= 0.8 * size
        if label == "content":
            into["content"] += size
            into["lost"] += gone
            into["false"] += stripped
            continue
        kinds = ["boilerplate"]
        if described_block["cue"]:
            kinds.append("cue")
        if label in ("related", "navigation"):
            kinds.append("link")
        if is_teaser(described_block["text"], label):
            kinds.append("teaser")
        for kind in kinds:
            into[kind] += 1
            into["hit" if kind == "boilerplate" else f"{kind}_hit"] += stripped


def figure(sites: dict[str, Counts], ratio: str) -> str:
    """The value in per cent with its interval, or a dash."""
    pairs = np.array([RATIOS[ratio](counts) for counts in sites.values()])
    top, bottom = pairs.sum(axis=0)
    if not bottom:
        return "–"
    digits = 2 if ratio == "content kept" else 1
    sums = pairs[np.random.default_rng(0).integers(len(pairs), size=(RESAMPLES, len(pairs)))].sum(axis=1)
    sums = sums[sums[:, 1] > 0]
    low, high = np.percentile(sums[:, 0] / sums[:, 1], [2.5, 97.5]) * 100
    return f"{top / bottom * 100:.{digits}f} ({low:.{digits}f}–{high:.{digits}f})"


def table(rows: dict[str, dict[str, Counts]]) -> list[str]:
    head = ["", "blocks", "sites", *RATIOS]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for name, sites in rows.items():
        total = sum(counts["boilerplate"] for counts in sites.values())
        cells = [name, f"{total:.0f}", str(len(sites)), *(figure(sites, ratio) for ratio in RATIOS)]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def measure(pages_file: Path, labelled: Sequence[Path], shipped: bool, without: Sequence[str]) -> list[str]:
    """The tables, as lines of Markdown."""
    from train_markup import document_of, fold_judges, judge_of, learn, load_documents, load_pages, rows_of, words_of

    documents = load_documents(labelled)
    pages = load_pages(pages_file, documents)
    if shipped:
        judges = [(load_judge(), frozenset[str]())]
        weights = [load_markup()]
    else:
        judges = fold_judges(documents, 5)
        words = words_of(MARKUP_FILE)
        empty = Markup(document_of(words))
        rows = rows_of(pages, judges, empty)
        weights = [Markup(learn(rows, rows.fold != n, empty.names, words)) for n in range(len(judges))]
    how = "what ships, on its own training pages" if shipped else "five-fold, by family"
    lines = [f"Rules {RULES_VERSION}; {how}. All figures in per cent (95 % interval by site).", ""]
    for name, title in (
        ("extraction", "What klartext's extraction gives"),
        ("list", "The labelled plain block lists"),
    ):
        tallies: dict[str, dict[str, Counts]] = {}
        for page in pages:
            if page.record["set"] != name:
                continue
            number = judge_of(judges, page.family)
            judge = judges[number][0]
            cleaned: dict[str, tuple[list[Block], Markup]] = {
                "wording alone": (page.bare, weights[number]),
                "with markup": (page.blocks, weights[number]),
            }
            groups = ["", *(f", without {site}" for site in without if site != page.record["site"])]
            for kind, (blocks, markup) in cleaned.items():
                result = clean_with(judge, page.text, language=page.language, blocks=blocks, markup=markup)
                removed = [(span.start, span.end) for span in result.removed]
                for group in groups:
                    sites = tallies.setdefault(kind + group, {})
                    count(page, removed, sites.setdefault(page.record["site"], defaultdict(float)))
        lines += [f"{title}:", "", *table(dict(sorted(tallies.items(), key=lambda item: item[0][::-1]))), ""]
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    builder = commands.add_parser("build")
    builder.add_argument("labelled", nargs="+", type=Path)
    builder.add_argument("--repositories", type=Path, required=True)
    builder.add_argument("--out", type=Path, required=True)
    builder.add_argument("--read", type=Path)
    measurer = commands.add_parser("measure")
    measurer.add_argument("pages", type=Path)
    measurer.add_argument("labelled", nargs="+", type=Path)
    measurer.add_argument("--shipped", action="store_true", help="what ships, on pages that it was fitted on")
    measurer.add_argument("--without", action="append", default=[], metavar="SITE", help="also without this site")
    measurer.add_argument("--markdown", type=Path, help="write the tables there instead of to stdout")
    given = parser.parse_args()
    if given.command == "build":
        read = json.loads(given.read.read_text(encoding="utf-8")) if given.read else {}
        with given.out.open("w", encoding="utf-8") as out:
            for record in build(given.labelled, given.repositories, read):
                out.write(json.dumps(record, ensure_ascii=False) + "\n")
        return
    text = "\n".join(measure(given.pages, given.labelled, given.shipped, given.without))
    if given.markdown:
        given.markdown.write_text(text, encoding="utf-8")
    else:
        print(text, end="")


if __name__ == "__main__":
    main()
