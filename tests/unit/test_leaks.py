"""Invented pages with leaked boilerplate: they are what their README says, and cleaning them keeps their articles."""

from __future__ import annotations

import json
from collections import defaultdict
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args
from urllib.parse import urlsplit

import pytest

from etl.clean import clean
from etl.load.rows import restore
from etl.model import Cleaned, SpanClass

FOLDER = Path(__file__).parents[1] / "data" / "leaks"
LANGUAGES = sorted(path.stem for path in FOLDER.glob("??.jsonl"))
BOILERPLATE = set(get_args(SpanClass)) - {"template"}

#: Share of the characters of content that the shipped cleaner keeps, rounded down. The articles are full of what
#: looks like boilerplate, so these are lower than on real pages. May rise, must not fall.
KEPT = {"de": 0.97, "en": 0.985}
#: Share of the paragraphs of content, each with one leaked sentence, of which no character is lost, rounded down.
WHOLE = {"de": 0.65, "en": 0.7}
#: The same of two such paragraphs, one under the other.
WHOLE_BESIDE_OTHERS = {"de": 0.8, "en": 0.9}
#: What several publishers may have in common: the bare names of networks in a share bar.
NETWORKS = {
    "bluesky", "discord", "e-mail", "email", "facebook", "instagram", "linkedin", "mastodon", "pinterest", "reddit",
    "telegram", "threads", "tiktok", "twitch", "twitter", "whatsapp", "x", "xing", "youtube",
}  # fmt: skip


@cache
def records(language: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (FOLDER / f"{language}.jsonl").read_text(encoding="utf-8").splitlines()]


@cache
def sentences() -> list[dict[str, Any]]:
    files = [FOLDER / "sentences.jsonl", *sorted((FOLDER / "sentences").glob("??.jsonl"))]
    return [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]


@cache
def cleaned(language: str) -> list[tuple[str, Cleaned]]:
    """The text of each record of a language, and what cleaning makes of it."""
    texts = ["\n".join(paragraph["text"] for paragraph in record["paragraphs"]) for record in records(language)]
    sites = [record["site"] for record in records(language)]
    return [(text, clean(text, language=language, site=site)) for text, site in zip(texts, sites, strict=True)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_records_are_well_formed(language: str) -> None:
    found = records(language)
    assert len({record["id"] for record in found}) == len(found)
    for record in found:
        assert set(record) - {"path"} == {
            "id", "repo", "url", "site", "lang", "variant", "split", "paragraphs",
        }  # fmt: skip
        assert (record["repo"], record["variant"], record["split"]) == ("own", "own", "own")
        assert record["lang"] == language
        host = urlsplit(record["url"]).hostname
        assert host == record["site"]
        assert host.endswith(".example")
        for paragraph in record["paragraphs"]:
            assert paragraph["text"] == paragraph["text"].strip() != ""
            assert "\n" not in paragraph["text"]
            assert paragraph["label"] in BOILERPLATE | {"content", "content-meta"}
            assert paragraph["synthetic"] is True
            assert paragraph["label"] == "content" or "hard_negative" not in paragraph


@pytest.mark.parametrize("language", LANGUAGES)
def test_positions_are_what_they_say(language: str) -> None:
    for record in records(language):
        labels = [paragraph["label"] for paragraph in record["paragraphs"]]
        first, last = labels.index("content"), len(labels) - labels[::-1].index("content") - 1
        for at, paragraph in enumerate(record["paragraphs"]):
            expected = "inner" if first < at < last else "edge"
            assert paragraph["position"] == ("na" if labels[at].startswith("content") else expected), record["id"]


@pytest.mark.parametrize("language", ["de", "en"])
def test_no_two_publishers_share_a_sentence(language: str) -> None:
    publishers = defaultdict(set)
    for record in records(language):
        for paragraph in record["paragraphs"]:
            if paragraph["label"] != "content-meta" and paragraph["text"].casefold() not in NETWORKS:
                publishers[paragraph["text"]].add(record["site"])
    assert {text: sites for text, sites in publishers.items() if len(sites) > 1} == {}


def test_german_and_english_are_many_and_varied() -> None:
    for language, blocks in (("de", 600), ("en", 450)):
        found = [paragraph for record in records(language) for paragraph in record["paragraphs"]]
        assert len({paragraph["text"] for paragraph in found if paragraph["label"] in BOILERPLATE}) >= blocks
        assert len({paragraph["text"] for paragraph in found if paragraph["label"] == "content"}) >= 350
        assert {paragraph["label"] for paragraph in found} == BOILERPLATE | {"content", "content-meta"}
        cues = {"cue" in paragraph for paragraph in found if paragraph["label"] in BOILERPLATE}
        assert cues == {language == "de"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_cleaning_loses_nothing(language: str) -> None:
    for text, result in cleaned(language):
        assert restore(result.text, result.removed) == text


@pytest.mark.parametrize("language", KEPT)
def test_cleaning_keeps_the_articles(language: str) -> None:
    content = gone = 0
    for record, (_, result) in zip(records(language), cleaned(language), strict=True):
        spans = [(span.start, span.end) for span in result.removed]
        at = 0
        for paragraph in record["paragraphs"]:
            end = at + len(paragraph["text"])
            if paragraph["label"] == "content":
                content += end - at
                gone += sum(max(0, min(end, high) - max(at, low)) for low, high in spans)
            at = end + 1
    assert 1 - gone / content >= KEPT[language]


def test_sentences_are_well_formed() -> None:
    for case in sentences():
        assert set(case) - {"known"} == {"lang", "text", "clean", "class"}
        assert case.get("known", False) is False
        assert case["class"] in BOILERPLATE
        assert case["clean"] == case["clean"].strip() != ""
        assert case["text"] != case["clean"]
        assert case["text"].startswith(case["clean"]) or case["text"].endswith(case["clean"])
    for language in ("de", "en"):
        assert sum(case["lang"] == language for case in sentences()) >= 40


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(
            case,
            id=f"{case['lang']}-{number}-{case['class']}",
            marks=() if case.get("known", True) else pytest.mark.xfail(reason="not stripped yet", strict=True),
        )
        for number, case in enumerate(sentences(), 1)
    ],
)
def test_a_leaked_sentence_goes_alone(case: dict[str, Any]) -> None:
    assert clean(case["text"], language=case["lang"]).text.strip() == case["clean"]


@pytest.mark.parametrize("language", WHOLE)
def test_a_leaked_sentence_takes_no_content_along(language: str) -> None:
    mine = [case for case in sentences() if case["lang"] == language]
    whole = sum(case["clean"] in clean(case["text"], language=language).text for case in mine)
    assert whole / len(mine) >= WHOLE[language]


@pytest.mark.parametrize("language", WHOLE)
def test_leaked_sentences_of_neighbours_take_no_content_along(language: str) -> None:
    mine = [case for case in sentences() if case["lang"] == language]
    pairs = [(one, other) for one, other in pairwise(mine) if one["clean"] != other["clean"]]
    whole = 0
    for one, other in pairs:
        text = clean(f"{one['text']}\n\n{other['text']}", language=language).text
        whole += (one["clean"] in text) + (other["clean"] in text)
    assert whole / len(pairs) / 2 >= WHOLE_BESIDE_OTHERS[language]
