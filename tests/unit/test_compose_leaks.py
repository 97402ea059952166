"""The invented pages are what their sources say."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LEAKS = ROOT / "tests" / "data" / "leaks"
sys.path.insert(0, str(ROOT / "tools"))

from compose_leaks import read_source, records  # noqa: E402

SOURCES = sorted((LEAKS / "source").glob("??.txt"))


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_records_are_composed_from_the_source(source: Path) -> None:
    written = (LEAKS / f"{source.stem}.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in written] == records(source)


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_no_block_of_boilerplate_stands_twice(source: Path) -> None:
    blocks = [p["text"] for r in records(source) for p in r["paragraphs"] if not p["label"].startswith("content")]
    assert len(blocks) == len(set(blocks)) >= 100
    assert len(read_source(source).sites) >= 10


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("= a\nP one\n= a\n", r"x\.txt:3: a second article named 'a'"),
        ("@ x.example\n[h]\nbogus| Hello\n", r"x\.txt:3: expected 'class\| text'"),
        ("@ x.test\n", r"x\.txt:1: 'x\.test'"),
        ("P no article\n", r"x\.txt:1: a line outside any article"),
        ("@ a.example\n[e]\nad| Ad\n@ b.example\n[e]\nad| Ad\n", r"x\.txt: 'Ad' stands there twice"),
    ],
)
def test_a_fault_in_a_source_is_named(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "x.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=problem):
        read_source(path)
