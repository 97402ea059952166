"""Rule files: every example of every rule is a test, and the linter finds what is wrong."""

from __future__ import annotations

import re
from pathlib import Path
from random import Random

import pytest
import re2

from etl.clean.lint import check_rules
from etl.clean.ruleset import (
    RULES_FOLDER,
    Rule,
    RuleSet,
    all_rules,
    fold,
    re2_options,
    unicode_classes,
    unit_text,
)

GOOD = """language = "xx"

[[rule]]
id = "xx.ad.label"
class = "ad"
pattern = '''anzeige'''
scope = "label"
match = ["Anzeige", "- ANZEIGE -"]
no_match = ["Anzeige gegen ihn", "Werbung"]
"""


@pytest.mark.parametrize("path", sorted(RULES_FOLDER.glob("*.toml")), ids=lambda path: path.stem)
def test_shipped_rules_have_no_problem(path: Path) -> None:
    assert [str(problem) for problem in check_rules([path])] == []


def test_ids_are_unique_over_all_files() -> None:
    assert [p for p in check_rules() if "already used" in p.message] == []


def test_a_good_file_passes(tmp_path: Path) -> None:
    (tmp_path / "xx.toml").write_text(GOOD, encoding="utf-8")
    assert check_rules([tmp_path / "xx.toml"]) == []


@pytest.mark.parametrize(
    ("old", "new", "line", "rule", "message"),
    [
        pytest.param('language = "xx"', 'language = "de"', 1, None, "as the file is named", id="language"),
        pytest.param('"xx.ad.label"', '"xx.login.label"', 3, "xx.login.label", "must read xx.ad.", id="id"),
        pytest.param('class = "ad"', 'class = "advert"', 3, "xx.ad.label", "class is 'advert'", id="class"),
        pytest.param('"label"\nmatch', '"lable"\nmatch', 3, "xx.ad.label", "scope is 'lable'", id="scope"),
        pytest.param("'''anzeige'''", "'''(?<=x)anzeige'''", 3, "xx.ad.label", "RE2 subset", id="lookbehind"),
        pytest.param("'''anzeige'''", "'''anz[eige'''", 3, "xx.ad.label", "RE2 subset", id="syntax"),
        pytest.param("'''anzeige'''", "'''(?:anzeige)?'''", 3, "xx.ad.label", "empty string", id="empty"),
        pytest.param("'''anzeige'''", "'''werbung'''", 3, "xx.ad.label", "doesn't match its example", id="match"),
        pytest.param('"Werbung"]', '"Anzeige!"]', 3, "xx.ad.label", "which it must not", id="no_match"),
        pytest.param('"Anzeige", ', "", 3, "xx.ad.label", "at least two", id="few_examples"),
        pytest.param("scope", "skope", 3, "xx.ad.label", "unknown key 'skope'", id="key"),
        pytest.param('class = "ad"\n', "", 3, "xx.ad.label", "'class' is missing", id="missing"),
        pytest.param('class = "ad"', "class = 3", 3, "xx.ad.label", "must be of type str", id="type"),
        pytest.param("[[rule]]", "[[rule]", 3, None, "not valid TOML", id="toml"),
    ],
)
def test_the_linter_names_file_line_and_rule(
    tmp_path: Path, old: str, new: str, line: int, rule: str | None, message: str
) -> None:
    assert old in GOOD
    (tmp_path / "xx.toml").write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    problems = check_rules([tmp_path / "xx.toml"])
    found = [p for p in problems if message in p.message]
    assert found, problems
    assert (found[0].file, found[0].line, found[0].rule) == ("xx.toml", line, rule)


def test_a_folder_without_rules_is_a_problem(tmp_path: Path) -> None:
    assert "no rule file" in check_rules([tmp_path])[0].message


def test_a_missing_file_is_a_problem(tmp_path: Path) -> None:
    assert "can't be read" in check_rules([tmp_path / "yy.toml"])[0].message


@pytest.mark.parametrize(
    ("pattern", "rewritten"),
    [
        (r"\bapp", r"(?:^|$|[^\pL\pN_])app"),
        (r"[\w-]+", r"[\pL\pN_-]+"),
        (r"\d+ x", r"\p{Nd}+(?: {1,2})x"),
        (r"[ab c]", r"(?:  |[ab c])"),
        (r"[^ ]+", r"[^ ]+"),
        (r"\p{Lu}\.", r"\p{Lu}\."),
    ],
)
def test_patterns_are_rewritten_to_their_unicode_meaning(pattern: str, rewritten: str) -> None:
    assert unicode_classes(pattern) == rewritten


@pytest.mark.parametrize("pattern", [r"a\Bb", r"[\W]", r"[\b]"])
def test_what_has_no_rewriting_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="can't be used"):
        unicode_classes(pattern)


def test_folding_keeps_every_offset() -> None:
    text = "„Jetzt“\u00a0lesen … ！Ａ – ’s"
    assert len(fold(text)) == len(text)
    assert fold(text) == '"Jetzt" lesen . !A - \'s'


def test_units_lose_invisible_characters_and_double_their_spaces() -> None:
    assert unit_text(fold("News\u00adletter\n \tjetzt")) == "Newsletter  jetzt"


_ODD = "ſKÅẞŸµμΜιͅΩδЖж日本ひ語ªº²½①Ⅷⅷ٣३０ǅʰɐɓⱯƻ٠ⁿ₂€§_-.'\u0301 "


@pytest.mark.parametrize("language", all_rules())
def test_a_set_says_what_its_rules_say_each_for_itself(language: str) -> None:
    together = RuleSet(all_rules()[language])
    random = Random(0)
    for rule in together.rules:
        alone = re2.compile(rule.re2_pattern(), re2_options())
        for unit in [unit_text(fold(example)) for example in rule.match[:4] + rule.no_match[:2]]:
            at = random.randrange(len(unit) + 1)
            odd = random.choice(_ODD)
            for spoiled in (unit, unit[:at] + odd + unit[at:], unit[:at] + odd + unit[at + 1 :]):
                # Words run together and labels in a row are matched as such besides.
                if re.search(r"[a-zà-öø-ÿ][A-ZÀ-ÖØ-Þ][a-zà-öø-ÿ]|  ", spoiled) is None or rule.scope == "text":
                    assert (rule in together.hits(spoiled)) == (alone.search(spoiled) is not None), (rule.id, spoiled)


@pytest.mark.parametrize("pattern", ["правда", r"\p{Greek}x", "[α-ω]", "µm", "straße", "[一-龥]x", "ⅷ"])
@pytest.mark.parametrize("unit", ["ПРАВДА", "αx", "Ωx", "ω", "μm", "ΜM", "STRASSE", "STRAẞE", "龍x", "一x", "Ⅷ", "ж"])
def test_the_alphabet_of_a_set_changes_no_match(pattern: str, unit: str) -> None:
    rule = Rule("xx.ad.x", "ad", "xx", rf"\b{pattern}\b|^\w\w\d$")
    assert bool(RuleSet([rule]).hits(unit)) == (re2.compile(rule.re2_pattern()).search(unit) is not None)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("app", True),
        ("app app", True),
        ("app!", True),
        ("app\u0345", False),
        ("\u0345app", False),
        ("app \u0345", True),
        ("αapp", False),
        ("app\u0301", True),
    ],
    ids=ascii,
)
def test_a_mark_whose_capital_is_a_letter_ends_no_word(text: str, found: bool) -> None:
    # U+0345 is no letter, but U+0399 is; where case doesn't matter RE2 takes the two for one.
    rule = Rule("xx.ad.label", "ad", "xx", r"\bapp\b")
    assert bool(RuleSet([rule]).match(unit_text(text))) is found
    plain = re2.search("(?i)" + unicode_classes(rule.pattern), unit_text(text))
    assert bool(plain) is found
