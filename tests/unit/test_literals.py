"""What rules require of a text: whatever a rule matches has to be among its candidates."""

from __future__ import annotations

import re
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.clean.blocks import sentences_of
from etl.clean.features import NAMES
from etl.clean.judge import load_judge, pieces_of
from etl.clean.literals import _PLAIN as PLAIN
from etl.clean.literals import ANY_WIDTH, Finder, bare_start, required, spelled
from etl.clean.ruleset import Rule, RuleSet, all_rules, fold, re2_options, unit_text

RULES = [rule for rules in all_rules().values() for rule in rules]
EVERY_CHARACTER = "".join(chr(code) for code in range(1, 0x110000) if not 0xD800 <= code < 0xE000)


def clauses(pattern: str) -> list[list[set[str]]]:
    return [[set(clause) for clause in requirement.clauses] for requirement in required(pattern)]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("abo", [[{"abo"}]]),
        ("Abo(?:nnement)?", [[{"abo"}]]),
        ("abo|zeitung", [[{"abo"}], [{"zeitung"}]]),
        ("(?:ab|cd)ef?", [[{"abe", "cde"}]]),
        ("vorn.{0,20}hinten", [[{"hinten"}, {"vorn"}]]),
        ("lesen sie mehr", [[{"lesen sie mehr"}]]),
        (r"\babo\b jetzt", [[{" jetzt"}, {"abo"}]]),
        ("v[ií]deo", [[{"video", "vídeo"}]]),
        ("(?:abc){2,3}", [[{"abc"}]]),
        ("(?:abc)*", [[]]),
        (r"\d+", [[]]),
        ("[[:alpha:]]abc", [[]]),
        (r"\pLabc", [[]]),
        ("(?:abo(?: jetzt)?|zeitung)(?: \\d)?|heft", [[{"abo", "zeitung"}], [{"heft"}]]),
    ],
)
def test_what_a_pattern_requires(pattern: str, expected: list[list[set[str]]]) -> None:
    found = clauses(pattern)
    assert all(conjunction in found for conjunction in expected), found


def test_no_string_reaches_over_what_isn_t_named() -> None:
    for pattern in (
        "ab.{0,3}cd",
        "ab(?:.|x)cd",
        r"ab\bcd",
        "ab(?:x(?: y)?|z)(?: .)?cd",
        "ab  cd",
        "ab[ -]cd",
        "ab.?cd",
    ):
        assert all("abcd" not in string and "b c" not in string for c in clauses(pattern) for s in c for string in s)


def test_the_widths_of_alternatives() -> None:
    assert [requirement.width for requirement in required("abc|de?f|g.*")] == [3, 3, ANY_WIDTH]


@pytest.mark.parametrize(
    ("pattern", "whole", "expected"),
    [
        ("video|abos? jetzt", True, {("video",), ("abo jetzt", "abos jetzt")}),
        (r"\(?foto: .*", True, {("foto: ",)}),
        (r"^\W{0,4}mehr zum", False, {("mehr zum",)}),
        ("mehr zum", False, {()}),
        (r".{0,20}getty", True, {()}),
        ("(?:ab|ab.*)cd", True, {("ab", "abcd")}),
        ("(?:ab)*cd", True, {("ab", "cd")}),
        ("langes wort ohne ende", True, {("langes wort ",)}),
    ],
)
def test_what_begins_a_match(pattern: str, whole: bool, expected: set[tuple[str, ...]]) -> None:
    assert {requirement.openings for requirement in required(pattern, whole=whole)} == expected


def test_letters_that_case_makes_equal_are_spelt_the_same() -> None:
    assert all(len(spelled(char)) == 1 for char in EVERY_CHARACTER)
    letters = [char for char in EVERY_CHARACTER if PLAIN.match(char) and char.isalpha() and char < "\u3000"]
    assert len(letters) > 250
    for letter in letters:
        same = re2.compile(f"(?i)[{letter}]").findall(EVERY_CHARACTER)
        assert {spelled(char) for char in same} == {spelled(letter)}


def can_match(rule: Rule, unit: str) -> bool:
    plain = unit.replace("  ", " ")
    finder = Finder([rule.pattern], [rule.scope == "label"])
    held = finder.sight(plain).held(0, len(plain))
    return list(finder.candidates(held, finder.mask([0]), plain)) == [0]


@pytest.mark.parametrize("language", sorted(all_rules()))
def test_what_a_rule_matches_is_a_candidate(language: str) -> None:
    rules = all_rules()[language]
    together = RuleSet(rules)
    alone = [re2.compile(rule.re2_pattern(), re2_options()) for rule in rules]
    for example in [text for rule in rules for text in (*rule.match, *rule.no_match)]:
        for text in (example, example.upper(), example.title(), f"▸ {example} …", f"Vorab: {example}"):
            unit = unit_text(fold(text))
            hits = {rule.id for rule in together.hits(unit)}
            for rule, pattern in zip(rules, alone, strict=True):
                assert pattern.search(unit) is None or rule.id in hits, (rule.id, unit)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_whatever_a_pattern_makes_is_a_candidate(data: st.DataObject) -> None:
    rule = data.draw(st.sampled_from(RULES))
    text = data.draw(st.from_regex(re.compile(rule.pattern, re.IGNORECASE), fullmatch=rule.scope == "label"))
    unit = unit_text(fold(text))
    if unit and re2.compile(rule.re2_pattern(), re2_options()).search(unit):
        assert can_match(rule, unit), (rule.id, unit)


@settings(max_examples=200, deadline=None)
@given(
    st.from_regex(r"(?:\((?:[a-cs]|s?|k [a-c]|[ab]\?|\.|\|){1,5}\)\??|[a-csk ]|\|){1,8}", fullmatch=True),
    st.text(alphabet="abcsk ABCSKſK\u0130.", max_size=12),
)
def test_small_patterns_and_texts(pattern: str, text: str) -> None:
    try:
        compiled = re2.compile("(?i)" + pattern.replace(" ", "(?: {1,2})"), re2_options())
    except re2.error:
        return
    unit = "  ".join(text.split())
    if compiled.search(unit):
        assert can_match(Rule("xx.ad.x", "ad", "xx", pattern), unit)


def test_a_text_is_begun_by_its_first_letter() -> None:
    assert bare_start("  (Foto: dpa)") == "foto: dpa)"
    assert bare_start("…") == ""


@given(st.lists(st.sampled_from([*"ab.!?…。！ \n\"')』A"]), max_size=40).map("".join))
def test_sentences_end_where_they_ended(text: str) -> None:
    ends = re.compile(r"[.!?…]+[\"'”’»«“)\]]*\s+(?=[^a-zà-öø-ÿ\s])|[。！？]+[」』”）)]*\s*")
    wanted, at = [], 0
    for stop in ends.finditer(text):
        if stop.end() >= len(text):
            break
        cut = stop.start() + len(stop[0].rstrip())
        wanted += [(at, cut)] if cut > at else []
        at = stop.end()
    wanted += [(at, len(text))] if at < len(text) else []
    assert sentences_of(text, 0, len(text)) == wanted


@given(
    st.lists(
        st.sampled_from(["abonnieren", "abo", "newsletter", "xyz", "abonn", "lesen", "ungern", "ßſ"]), max_size=6
    )
)
def test_a_new_word_weighs_what_its_pieces_weigh(words: list[str]) -> None:
    lexicon = load_judge().lexicon
    for word in words:
        pieces = sum(lexicon.weights.get(piece, 0.0) for piece in pieces_of(word + "qz"))
        assert lexicon._entries[word + "qz"][0] == pytest.approx(pieces, abs=1e-12)


def test_trees_say_what_a_walk_through_them_says() -> None:
    import json

    from etl.clean.judge import TREES_FILE

    document = json.loads(TREES_FILE.read_text(encoding="utf-8"))
    rows = np.random.default_rng(0).normal(size=(40, len(NAMES))).astype(np.float32) * 3
    for row, odds in zip(rows, load_judge().trees.log_odds(rows), strict=True):
        total = document["bias"]
        for tree in document["trees"]:
            at = 0
            while tree[at][0] is not None:
                name, limit, low, high, _ = tree[at]
                at = low if row[NAMES.index(name)] <= limit else high
            total += tree[at][4]
        assert odds == pytest.approx(total, abs=1e-9)


def test_threads_that_need_a_pattern_at_once_compile_it_once() -> None:
    threads, rules = 8, all_rules()["de"]
    units = [unit_text(fold(example)) for rule in rules for example in rule.match]
    alone = RuleSet(rules)
    expected = [alone.match(unit) for unit in units]
    together, start = RuleSet(rules), Barrier(threads)

    def matched(_: int) -> list[list[Rule]]:
        start.wait()
        return [together.match(unit) for unit in units]

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(threads) as pool:
            assert all(found == expected for found in pool.map(matched, range(threads)))
    finally:
        sys.setswitchinterval(interval)
