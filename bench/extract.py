"""Extraction against bare trafilatura, on the same pages and with the same call on both sides.

    python bench/extract.py [--pages 60] [--rounds 5] [--folder DIR]

CPU time, each page's least of all rounds, the contenders taking turns page by page, so that the machine's moods hit
all alike. Pages are those of ``bench/pages.py``; ``--folder`` takes a folder of ``.html`` files instead. Results and
how to read them: ``bench/extract.md``.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable
from pathlib import Path

import trafilatura
from pages import news_page
from trafilatura.settings import Extractor

from etl.extract import extract
from etl.extract.body import main_text
from etl.extract.flow import place_blocks, read_flow
from etl.extract.metadata import read_metadata
from etl.extract.page import Page, load_page
from etl.model import Capture
from etl.settings import get_settings

Contender = Callable[[Capture], object]


def bare(capture: Capture, *, with_metadata: bool, fast: bool = False) -> object:
    """trafilatura on the bytes, with the options that klartext gives it."""
    options = Extractor(
        output_format="txt", comments=False, dedup=False, url=capture.url, with_metadata=with_metadata, fast=fast
    )
    return trafilatura.bare_extraction(capture.html, options=options)


CONTENDERS: dict[str, Contender] = {
    "trafilatura, text alone": lambda capture: bare(capture, with_metadata=False),
    "trafilatura, text and metadata": lambda capture: bare(capture, with_metadata=True),
    "klartext: text, metadata, evidence": extract,
}


def stages(capture: Capture) -> dict[str, float]:
    """CPU seconds of the parts of ``extract``."""
    spent: dict[str, float] = {}

    def timed(name: str, since: float) -> float:
        now = time.process_time()
        spent[name] = now - since
        return now

    now = time.process_time()
    page = load_page(capture, get_settings())
    assert isinstance(page, Page)
    now = timed("decode, parse, check limits", now)
    flow = read_flow(page.root, get_settings().max_html_depth)
    assert flow is not None
    now = timed("evidence: read the page's text", now)
    read_metadata(page.root, capture)
    now = timed("metadata", now)
    pieces = main_text(page.root, capture.url)
    now = timed("text (trafilatura)", now)
    place_blocks(flow, pieces)
    timed("evidence: find the blocks again", now)
    return spent


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    if options.folder:
        files = sorted(options.folder.rglob("*.html"))[: options.pages]
        captures = [Capture(origin=str(file), html=file.read_bytes()) for file in files]
    else:
        made = (news_page(seed) for seed in range(options.pages))
        captures = [Capture(origin=page.url, html=page.html, url=page.url) for page in made]
    captures = [capture for capture in captures if not hasattr(extract(capture), "reason")]
    order = random.Random(0)
    least = {name: [float("inf")] * len(captures) for name in CONTENDERS}
    parts: list[dict[str, float]] = [{} for _ in captures]
    for _ in range(options.rounds):
        for number, capture in enumerate(captures):
            for name in order.sample(list(CONTENDERS), len(CONTENDERS)):
                began = time.process_time()
                CONTENDERS[name](capture)
                least[name][number] = min(least[name][number], time.process_time() - began)
            for name, seconds in stages(capture).items():
                parts[number][name] = min(parts[number].get(name, seconds), seconds)
    size = sum(len(capture.html or b"") for capture in captures) / len(captures)
    print(f"{len(captures)} pages of {size / 1000:.0f} kB on average, least CPU time of {options.rounds} rounds\n")
    print("| | ms a page | pages a second | ratio |\n| --- | --- | --- | --- |")
    base = sum(least["trafilatura, text and metadata"])
    for name, seconds in least.items():
        total = sum(seconds)
        print(f"| {name} | {total / len(captures) * 1000:.1f} | {len(captures) / total:.0f} | {total / base:.3f} |")
    whole = sum(sum(part.values()) for part in parts)
    print("\n| part of extract | ms a page | share |\n| --- | --- | --- |")
    for name in parts[0]:
        total = sum(part[name] for part in parts)
        print(f"| {name} | {total / len(captures) * 1000:.2f} | {total / whole:.1%} |")


if __name__ == "__main__":
    main()
