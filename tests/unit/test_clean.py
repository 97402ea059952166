"""Cleaning: the seed, losslessness, determinism, white space."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.clean import RULES_VERSION, clean
from etl.clean.features import tokens_of
from etl.model import Block, Cleaned
from etl.settings import get_settings

DATA = Path(__file__).parents[1] / "data"
PARAGRAPH = "Der Stadtrat hat am Dienstag beschlossen, die Brücke am Hafen zu sperren, weil Gutachter Risse fanden."
OFFER = "Jetzt den Newsletter abonnieren"


def put_back(cleaned: Cleaned, length: int) -> str:
    """The original, from clean text and spans alone."""
    out: list[str] = []
    at = taken = 0
    for span in cleaned.removed:
        assert at <= span.start < span.end <= length
        out.append(cleaned.text[taken : taken + span.start - at])
        taken += span.start - at
        out.append(span.text)
        at = span.end
    out.append(cleaned.text[taken:])
    return "".join(out)


def test_the_seed_comes_out_exactly() -> None:
    text = (DATA / "seed.txt").read_text(encoding="utf-8").removeprefix(" date 2022-01 ")
    cleaned = clean(text, language="de")
    assert cleaned.text == (DATA / "seed_expected.txt").read_text(encoding="utf-8")
    (span,) = cleaned.removed
    assert span.text.startswith("Jetzt einen von vier Skiurlauben")
    assert span.text.endswith("Abonnent\n\n")
    assert span.class_ in {"promo", "subscription"}
    assert span.rule
    assert 0 < span.evidence["score"] <= 1
    assert span.evidence["signals"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(f"{PARAGRAPH}\n\n{OFFER}\n\n{PARAGRAPH}", f"{PARAGRAPH}\n\n{PARAGRAPH}", id="middle"),
        pytest.param(f"{OFFER}\n\n{PARAGRAPH}", PARAGRAPH, id="head"),
        pytest.param(f"{PARAGRAPH}\n\n{OFFER}", PARAGRAPH, id="end"),
        pytest.param(f"{PARAGRAPH}\n{OFFER}\n", f"{PARAGRAPH}\n", id="end_with_newline"),
        pytest.param(f"{PARAGRAPH}\r\n{OFFER}\r\n{PARAGRAPH}", f"{PARAGRAPH}\r\n{PARAGRAPH}", id="crlf"),
        pytest.param(f"{PARAGRAPH}\n\n{OFFER}\n\n{OFFER}", PARAGRAPH, id="run_at_the_end"),
        pytest.param(f"  {PARAGRAPH}\n \n{OFFER} \n{PARAGRAPH} ", f"  {PARAGRAPH}\n \n{PARAGRAPH} ", id="odd_space"),
        pytest.param(OFFER, "", id="all"),
        pytest.param(PARAGRAPH, PARAGRAPH, id="nothing"),
        pytest.param("", "", id="empty"),
        pytest.param(" \n ", " \n ", id="white_space"),
    ],
)
def test_white_space_round_a_removed_block(text: str, expected: str) -> None:
    cleaned = clean(text, language="de")
    assert cleaned.text == expected
    assert put_back(cleaned, len(text)) == text


FRAGMENTS = st.sampled_from(
    [PARAGRAPH, OFFER, "Anzeige", "Lesen Sie auch:", "© 2024 Muster", "🇩🇪 e\u0301", "12:30", "…"]
)
GAPS = st.text(alphabet=" \n\r\t\u2028\u00a0\u3000\x0b\x85", max_size=4)
TEXTS = st.lists(st.tuples(GAPS, FRAGMENTS | st.text(max_size=40)), max_size=12).map(
    lambda parts: "".join(gap + part for gap, part in parts)
)


@settings(deadline=None)
@given(text=TEXTS, language=st.sampled_from(["de", "en", "ja", "und"]))
def test_nothing_is_lost_whatever_the_text(text: str, language: str) -> None:
    cleaned = clean(text, language=language)
    assert put_back(cleaned, len(text)) == text
    assert all(text[span.start : span.end] == span.text != "" for span in cleaned.removed)
    assert clean(text, language=language) == cleaned


def test_blocks_are_units_of_their_own() -> None:
    text = f"{PARAGRAPH} {OFFER} {PARAGRAPH}"
    first, second = len(PARAGRAPH), len(PARAGRAPH) + 1 + len(OFFER)
    blocks = [Block(0, first), Block(first + 1, second, "aside"), Block(second + 1, len(text))]
    assert clean(text, language="de", blocks=blocks).text == f"{PARAGRAPH} {PARAGRAPH}"


@pytest.mark.parametrize("blocks", [[Block(5, 9), Block(0, 4)], [Block(0, 10**6)], [Block(0, 9), Block(8, 12)]])
def test_blocks_that_overlap_or_reach_too_far_are_refused(blocks: list[Block]) -> None:
    with pytest.raises(ValueError, match="overlaps"):
        clean(PARAGRAPH, language="de", blocks=blocks)


def test_the_version_of_the_rules_is_a_short_string() -> None:
    assert 0 < len(RULES_VERSION) <= 40


def test_every_span_names_class_rule_score_and_signals() -> None:
    text = f"{PARAGRAPH}\n{OFFER}\nAnzeige\nLesen Sie auch: Streit um die Brücke am Hafen\n{PARAGRAPH}"
    removed = clean(text, language="de").removed
    assert [(span.class_, span.text.strip()) for span in removed] == [
        ("newsletter", OFFER),
        ("ad", "Anzeige"),
        ("related", "Lesen Sie auch: Streit um die Brücke am Hafen"),
    ]
    for span in removed:
        assert span.rule.startswith(("de.", "any.", "en.", "judge:"))
        assert 0.2 < span.evidence["score"] <= 1
        assert 1 <= len(span.evidence["signals"]) <= 6
        assert all(weight > 0 for weight in span.evidence["signals"].values())
    json.dumps([span.as_json() for span in removed])


@pytest.mark.parametrize("end", [True, False], ids=["end", "head"])
def test_a_sentence_of_boilerplate_goes_without_its_paragraph(end: bool) -> None:
    offer = "Melden Sie sich jetzt für unseren kostenlosen Newsletter an!"
    text = f"{PARAGRAPH} {PARAGRAPH} {offer}" if end else f"{offer} {PARAGRAPH} {PARAGRAPH}"
    cleaned = clean(f"{text}\n\n{PARAGRAPH}", language="de")
    assert cleaned.text == f"{PARAGRAPH} {PARAGRAPH}\n\n{PARAGRAPH}"
    assert [span.class_ for span in cleaned.removed] == ["newsletter"]


STORY = (
    "Die Anwohner am anderen Ufer fürchten, dass der Weg zur Schule doppelt so lang wird. Der Rat will beraten.",
    "Das Wasser stieg in der Nacht um einen Meter. Die Feuerwehr pumpte dreißig Keller leer, verletzt wurde niemand.",
)


def test_a_slogan_goes_between_the_headline_and_the_button_of_its_offer() -> None:
    slogan = "Wissen, was los ist"
    alone = "\n\n".join((PARAGRAPH, STORY[0], slogan, STORY[1]))
    assert clean(alone, language="de").text == alone
    offer = clean("\n\n".join((PARAGRAPH, STORY[0], "Unser Newsletter", slogan, OFFER, STORY[1])), language="de")
    assert offer.text == "\n\n".join((PARAGRAPH, *STORY))
    middle = offer.removed[1]
    assert (middle.text.strip(), middle.class_, middle.rule) == (slogan, "newsletter", "judge:newsletter")
    assert middle.evidence["signals"]["between blocks that go"] > 0


def test_a_paragraph_of_the_story_stays_between_two_offers() -> None:
    text = "\n\n".join((PARAGRAPH, OFFER, STORY[0], OFFER, STORY[1]))
    assert clean(text, language="de").text == "\n\n".join((PARAGRAPH, *STORY))


def test_neighbours_of_which_each_ends_with_an_offer_keep_their_story() -> None:
    text = "\n\n".join(f"{paragraph} {OFFER}." for paragraph in (PARAGRAPH, STORY[0]))
    assert clean(f"{text}\n\n{OFFER}", language="de").text == f"{PARAGRAPH}\n\n{STORY[0]}"


@pytest.mark.parametrize(
    ("language", "story", "offer"),
    [
        ("de", STORY[1], "Was halten Sie davon? Schreiben Sie uns in die Kommentare."),
        ("en", "The pond froze over on Monday, as it had not done for years.", "What do you think? Leave a comment."),
    ],
)
def test_a_question_to_the_reader_goes_with_the_offer_after_it(language: str, story: str, offer: str) -> None:
    assert clean(f"{story} {offer}", language=language).text == story


def test_a_question_of_the_story_stays_before_an_offer() -> None:
    story = "Das Eis auf dem Weiher trägt noch nicht, sagt die Feuerwehr. Wann kommt sie wieder?"
    assert clean(f"{story} Schreiben Sie uns in die Kommentare.", language="de").text == story


@pytest.mark.parametrize(
    "text",
    [
        "„Jetzt kostenlos anmelden“, stand auf dem Plakat am Rathaus.",
        "Mit „Jetzt abonnieren und vier Wochen gratis lesen“ lockte die Firma ihre Opfer, so die Anklage.",
    ],
)
def test_what_is_only_quoted_stays(text: str) -> None:
    assert clean("\n\n".join((PARAGRAPH, text, STORY[0])), language="de").removed == ()


def test_a_sentence_of_boilerplate_in_mid_paragraph_stays() -> None:
    text = f"{PARAGRAPH} Melden Sie sich jetzt für unseren kostenlosen Newsletter an! {PARAGRAPH}"
    assert clean(text, language="de").text == text


@pytest.mark.parametrize(
    ("entries", "site", "stripped"),
    [
        pytest.param((), "www.example.org", True, id="none"),
        pytest.param(("de.ad.label",), None, False, id="everywhere"),
        pytest.param(("example.org:de.ad.label",), "www.Example.org", False, id="on_its_host"),
        pytest.param(("example.org:de.ad.label",), "example.net", True, id="on_another_host"),
        pytest.param(("de.share.label",), None, True, id="another_rule"),
        pytest.param(("*",), None, False, id="all_rules"),
        pytest.param(("example.org:*",), "example.org", False, id="all_rules_on_its_host"),
    ],
)
def test_rules_can_be_denied(
    entries: tuple[str, ...], site: str | None, stripped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KLARTEXT_DENY_RULES", ",".join(entries))
    get_settings.cache_clear()
    try:
        removed = clean(f"{PARAGRAPH}\n\nAnzeige\n\n{PARAGRAPH}", language="de", site=site).removed
    finally:
        get_settings.cache_clear()
    assert bool(removed) is stripped or (removed and removed[0].rule not in entries)


@pytest.mark.parametrize(
    ("denied", "allowed", "site", "stripped"),
    [
        pytest.param(("*",), ("example.org:*",), "www.example.org", True, id="one_site_alone"),
        pytest.param(("*",), ("example.org:*",), "example.net", False, id="no_other_site"),
        pytest.param(("de.ad.label",), ("example.org:de.ad.label",), "example.org", True, id="a_rule_on_one_site"),
        pytest.param(("de.ad.label",), ("example.org:de.ad.label",), "example.net", False, id="not_on_another"),
        pytest.param(("*",), ("de.ad.label",), None, True, id="one_rule_alone"),
        pytest.param(("*",), ("de.share.label",), None, False, id="another_rule_alone"),
        pytest.param(("example.org:*",), ("de.ad.label",), "example.org", False, id="host_before_rule"),
        pytest.param(
            ("example.org:de.ad.label",), ("example.org:*",), "example.org", False, id="host_and_rule_before_host"
        ),
        pytest.param(("de.ad.label",), ("*",), None, False, id="rule_before_all"),
        pytest.param(("de.ad.label",), ("de.ad.label",), None, True, id="of_equals_the_allowing_one"),
        pytest.param((), ("de.share.label",), None, True, id="nothing_denied"),
    ],
)
def test_allowed_rules_are_exempt_from_denial(
    denied: tuple[str, ...],
    allowed: tuple[str, ...],
    site: str | None,
    stripped: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KLARTEXT_DENY_RULES", ",".join(denied))
    monkeypatch.setenv("KLARTEXT_ALLOW_RULES", ",".join(allowed))
    get_settings.cache_clear()
    try:
        removed = clean(f"{PARAGRAPH}\n\nAnzeige\n\n{PARAGRAPH}", language="de", site=site).removed
    finally:
        get_settings.cache_clear()
    assert any(span.rule == "de.ad.label" for span in removed) is stripped


def test_letters_without_one_lower_case_letter_are_words_like_others() -> None:
    assert tokens_of("İSTANBUL İki ΣΟΦΟΣ") == ["i̇stanbul", "i̇ki", "σοφος"]
    assert tokens_of("2 İlan, ٣ ad") == ["0", "i̇lan", "0", "ad"]
    assert tokens_of("ΣΑΣ") == tokens_of("σας")


def test_markup_speaks_where_wording_doesn_t() -> None:
    teaser = "Hafen wartet weiter auf neue Fähre"
    text = f"{PARAGRAPH}\n\n{teaser}\n\n{PARAGRAPH}"
    start = len(PARAGRAPH) + 2
    end = start + len(teaser)

    def cleaned(tag: str, share: float | None, classes: tuple[str, ...]) -> str:
        story = ("article", "body")
        blocks = [
            Block(0, len(PARAGRAPH), "p", 0.0, story),
            Block(start, end, tag, share, classes),
            Block(end + 2, len(text), "p", 0.0, story),
        ]
        return clean(text, language="de", blocks=blocks).text

    assert cleaned("h2", 0.0, ("article", "body")) == text
    assert cleaned("h3", 1.0, ("<a>", "<aside>", "related", "teaser")) == f"{PARAGRAPH}\n\n{PARAGRAPH}"


def test_content_lists_and_subheads_stay() -> None:
    text = "\n".join(
        [
            f"{PARAGRAPH} Folgende Häuser werden versteigert:",
            "Hafenstraße 12, 240.000 Euro",
            "Am Markt 3, 310.000 Euro",
            "Lindenallee 44, 195.000 Euro",
            "Was die Anwohner sagen",
            f"{PARAGRAPH} {PARAGRAPH}",
        ]
    )
    assert clean(text, language="de").text == text


@pytest.mark.parametrize("language", ["de", "en", "fr", "ja", "und", "xx"])
def test_a_long_text_is_cleaned_in_linear_time(language: str) -> None:
    def seconds(times: int) -> float:
        text = f"{PARAGRAPH}\n\nAnzeige\n\n" * times
        started = time.process_time()
        clean(text, language=language)
        return time.process_time() - started

    seconds(20)
    assert seconds(2000) < 25 * max(seconds(200), 0.02)
