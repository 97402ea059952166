"""No rule takes more than linear time, whatever the text.

RE2 promises it; here each rule shows it on the texts that make backtracking engines slow: its own examples, a near
miss of them and their beginnings, repeated to 100 kB and 1 MB.
"""

from __future__ import annotations

import time

import pytest
import re2

from etl.clean.ruleset import Rule, all_rules, fold, re2_options, unit_text

pytestmark = pytest.mark.integration

SMALL, LARGE = 100_000, 1_000_000
#: Below this a measurement is noise.
FLOOR_SECONDS = 0.002


def seconds(pattern: object, text: str) -> float:
    best = float("inf")
    for _ in range(2):
        started = time.process_time()
        pattern.search(text)  # type: ignore[attr-defined]
        best = min(best, time.process_time() - started)
    return best


def adversaries(rule: Rule) -> list[str]:
    example = unit_text(fold(rule.match[0]))
    return [example[:-1] + "\x01", example[: max(3, len(example) // 2)], example.replace(" ", "")[:-1] + "\x01 "]


@pytest.mark.parametrize("language", sorted(all_rules()))
def test_ten_times_the_text_takes_at_most_fifteen_times_as_long(language: str) -> None:
    slow = []
    for rule in all_rules()[language]:
        pattern = re2.compile(rule.re2_pattern(), re2_options())
        for piece in adversaries(rule):
            text = piece * (LARGE // len(piece) + 1)
            small = seconds(pattern, text[:SMALL])
            large = seconds(pattern, text[:LARGE])
            if large > 15 * max(small, FLOOR_SECONDS):
                slow.append((rule.id, piece, small, large))
    assert slow == []
