"""Language detection: right on prose, silent on what is none, the same in every process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from langdetect.detector import Detector
from langdetect.detector_factory import PROFILES_DIRECTORY, DetectorFactory

from etl import language
from etl.language import detect, language_code, word_count
from etl.model import LanguageGuess
from etl.settings import get_settings

TEXTS: dict[str, dict[str, Any]] = tomllib.loads(
    (Path(__file__).parent.parent / "data" / "language.toml").read_text(encoding="utf-8")
)
MORE: list[dict[str, str]] = tomllib.loads(
    (Path(__file__).parent.parent / "data" / "language_more.toml").read_text(encoding="utf-8")
)["text"]
DE, EN, FR = (TEXTS[code]["text"] for code in ("de", "en", "fr"))
MAIN = ("de", "en", "fr", "es", "it", "pt", "nl", "pl", "tr", "ja", "zh", "cs", "ru", "uk", "el", "ar", "ko")

NO_PROSE = {
    "empty": "",
    "blanks": " \n\t ",
    "one word": "Heute",
    "three words": "Breaking news today",
    "three German words": "Mehr zum Thema",
    "emoji": "🎉🎉🎉 😀😀 👍",
    "numbers": "12,5 33.2 2024 1 2 3 4 5 6 7 8 100 % 15:30 3:2 1-0",
    "league table": "Platz Verein Sp S U N Tore Pkt\n1 FC Musterstadt 34 25 6 3 92:38 81\n"
    "2 SV Beispiel 34 22 7 5 80:41 73\n3 TSV Probe 34 20 5 9 66:45 65",
    "share prices": "ABC 18.234,50 +0,34 % DEF 25.123,20 -0,12 % GHI 3.345,60 +0,90 % Gold 2.301,10 Euro 1,0823",
    "lottery": "Lotto am Samstag: 3 - 14 - 22 - 31 - 40 - 49, Superzahl 7, Spiel 77: 1234567, Super 6: 123456",
    "Python": "def read(path):\n    with open(path) as handle:\n        for line in handle:\n"
    "            if line.startswith('#'):\n                continue\n            yield line.strip().split(',')\n",
    "JavaScript": "function add(a, b) { return a + b; }\n"
    "const total = items.map(item => item.price).reduce(add, 0);\n"
    "console.log(`Total: ${total}`);\nif (total > 100) { applyDiscount(total); }",
    "SQL": "SELECT a.id, a.title, count(*) FROM article a JOIN sighting s ON s.article_id = a.id "
    "WHERE a.language = 'de' GROUP BY a.id, a.title HAVING count(*) > 1 ORDER BY 3 DESC LIMIT 10;",
    "C": "#include <stdio.h>\nint main(void) {\n"
    '    for (int i = 0; i < 10; i++) {\n        printf("%d\\n", i);\n    }\n}',
    "CSS": "body { margin: 0; padding: 0; font-family: sans-serif; }\n.header { background: #fff; color: #333; }",
    "HTML": '<div class="article"><p>Hello</p><a href="/index.html">home</a></div><script>var x = 1;</script>',
    "log": "2024-01-03 12:00:01,123 INFO server.main Started in 3.2 s\n2024-01-03 12:00:02,456 WARN server.db slow",
    "CSV": "name,age,city\nAnna,34,Berlin\nTom,45,London\nPierre,29,Paris\nMaria,51,Madrid\n",
    "filler text": "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor.",
    "other filler": "Vestibulum ante ipsum primis in faucibus orci luctus et ultrices posuere cubilia curae. "
    "Pellentesque habitant morbi tristique senectus et netus et malesuada fames ac turpis egestas.",
    "addresses": "https://example.org/a/b https://example.org/news/2024/01/the-long-title-of-the-story.html",
    "base64": "qZ7mU3k2VhX9bTn0YwRkQ1o5Zs8JdFgLpCvEaXyIuMtBnHrGjWqKzOxSiNfDlPe4c6hT2yVbAmQwErTyUiOpZxCvBnMaSdFg",
    "keys hit at random": "xqzv bnrtk wpqlg zzkd mvbxq hjklq wrtzp qqmnb vcxzl kjhgf dsaqw ptrrw mnbvc lkjqz",
    "names": "Anna Müller, Tom Smith, Pierre Dupont, María García, Giovanni Rossi, Jan Kowalski, Lars Svensson, Yuki "
    "Tanaka, Ivan Petrov, Ahmed Hassan",
    "unknown script": "ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ ᎠᏂᏴᏫ ᎠᎴ ᎤᎾᏓᏅᏖᎸ ᎠᏂᎩᏍᎩ ᎢᎦᏓ ᏚᏂᏁᎢᏍᏗ",
}


def sorted_factory() -> DetectorFactory:
    factory = DetectorFactory()
    paths = sorted(path for path in Path(PROFILES_DIRECTORY).iterdir() if not path.name.startswith("."))
    factory.load_json_profile([path.read_text(encoding="utf-8") for path in paths])
    factory.set_seed(0)
    return factory


@pytest.fixture(scope="module")
def factory() -> DetectorFactory:
    return sorted_factory()


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    yield monkeypatch
    monkeypatch.undo()
    get_settings.cache_clear()


def expected_code(code: str) -> str:
    return "no" if code == "nn" else code


@pytest.mark.parametrize("code", TEXTS)
def test_prose_is_recognised_without_a_hint(code: str) -> None:
    guess = detect(TEXTS[code]["text"])
    assert guess.language == expected_code(code)
    assert guess.confidence >= 0.9


@pytest.mark.parametrize("entry", MORE, ids=lambda entry: f"{entry['language']}: {entry['text'][:24]}")
def test_look_alikes_are_told_apart(entry: dict[str, str]) -> None:
    assert detect(entry["text"]).language == entry["language"]
    declared = detect(entry["text"], declared=entry["language"])
    assert declared.language == entry["language"]
    assert declared.confidence >= 0.9


@pytest.mark.parametrize("code", MAIN)
def test_most_titles_are_recognised(code: str) -> None:
    answers = [detect(title).language for title in TEXTS[code]["titles"]]
    assert expected_code(code) in answers
    assert set(answers) <= {expected_code(code), "und"} or code == "pt"


@pytest.mark.parametrize("name", NO_PROSE)
def test_no_prose_is_undetermined(name: str) -> None:
    assert detect(NO_PROSE[name]) == LanguageGuess("und", 0.0)


def test_a_declared_language_makes_no_language_of_code_or_filler() -> None:
    for name in ("Python", "filler text", "numbers", "three words"):
        assert detect(NO_PROSE[name], declared="de").language == "und"


@pytest.mark.parametrize("code", ["de", "tr", "el", "ru", "fr", "pl"])
def test_capitals(code: str) -> None:
    assert detect(TEXTS[code]["text"].upper()).language == code


@pytest.mark.parametrize("code", ["de", "fr", "vi", "cs", "sv"])
def test_decomposed_letters(code: str) -> None:
    text = TEXTS[code]["text"]
    assert detect(unicodedata.normalize("NFD", text)) == detect(text)


def test_soft_hyphens_and_addresses_change_nothing() -> None:
    hyphenated = DE.replace("beschlossen", "be\u00adschlos\u00adsen").replace("Gutachter", "Gut\u00adach\u00adter")
    assert detect(hyphenated) == detect(DE)
    with_address = DE.replace("Gutachter", "https://example.org/the/story/of/the/bridge Gutachter")
    assert detect(with_address).language == "de"


@pytest.mark.parametrize(
    ("most", "least"), [(DE, EN), (EN, DE), (FR, EN), (DE, TEXTS["ru"]["text"]), (TEXTS["ja"]["text"] * 2, EN)]
)
@pytest.mark.parametrize("order", ["least first", "most first", "least between"])
@pytest.mark.parametrize("size", [1, 8])
def test_a_mixed_text_has_the_language_of_most_of_it(most: str, least: str, order: str, size: int) -> None:
    many, few = "\n\n".join([most] * 2 * size), "\n\n".join([least] * size)
    parts = {"least first": [few, many], "most first": [many, few], "least between": [many, few, many]}[order]
    assert detect("\n\n".join(parts)).language == detect(most).language


def test_prose_after_a_table_and_code_between_prose() -> None:
    assert detect(NO_PROSE["league table"] + "\n\n" + DE + "\n" + DE).language == "de"
    assert detect(EN + "\n\n" + NO_PROSE["JavaScript"] + "\n\n" + EN).language == "en"


@pytest.mark.parametrize("code", ["gl", "is", "sr", "ms", "zu", "xh", "be", "eu", "ga"])
def test_languages_without_a_profile_win_short_texts_by_the_hint(code: str) -> None:
    for title in TEXTS[code]["titles"]:
        assert detect(title, declared=code).language == code


@pytest.mark.parametrize("code", ["de", "en", "es", "no", "ru", "id", "pt"])
@pytest.mark.parametrize("declared", ["en", "de", "gl", "zu", "sr", "ms", "x-default", "tlh", "kl", ""])
def test_a_wrong_hint_is_outvoted(code: str, declared: str) -> None:
    assert detect(TEXTS[code]["text"], declared=declared).language == code


def test_a_hint_of_an_unknown_language_keeps_the_neighbour_away() -> None:
    greenlandic_like = "Naalakkersuisut siulittaasuata oqaluttuarivaa ikaartarfik qanga pisoqaq ukiamut matoqqassasoq"
    assert detect(greenlandic_like, declared="kl").language == "und"


def test_configured_languages_are_evidence(configured: pytest.MonkeyPatch) -> None:
    title = TEXTS["sv"]["titles"][1]
    configured.setenv("KLARTEXT_LANGUAGES", "sv,de")
    get_settings.cache_clear()
    assert detect(title).language == "sv"
    assert detect(FR).language == "fr", "a clear text in a language that isn't configured keeps it"


@pytest.mark.parametrize(
    "code", [code for code in TEXTS if code not in ("is", "zu", "xh", "ka", "th", "ja", "zh", "ko")]
)
def test_ngrams_are_those_of_langdetect(code: str, factory: DetectorFactory) -> None:
    """The same n-grams, each as often: the posterior is over the same evidence."""
    text = TEXTS[code]["text"]
    detector = factory.create()
    detector.append(text + " ")  # ours ends in a blank
    detector.cleaning_text()
    pieces, _ = language._windows(text, language.MOST_WINDOWS)
    packed = language._packed(pieces)
    script = language._SCRIPT_IDS[next(name for name, codes in scripts() if expected_code(code) in codes)]
    rows = language._grams(packed, np.full(len(pieces), script)).rows
    names = list(language._profiles()._rows)
    ours = Counter(names[row] for row in rows.ravel().tolist() if row != language._profiles().no_row)
    assert ours == Counter(detector._extract_ngrams())


def scripts() -> list[tuple[str, tuple[str, ...]]]:
    latin, cyrillic = language._BY_NGRAMS["latin"], language._BY_NGRAMS["cyrillic"]
    return [
        ("latin", (*latin, "gl", "ms", "eu", "ga")),
        ("cyrillic", (*cyrillic, "sr", "be")),
        *((name, codes) for name, codes in language._BY_NGRAMS.items() if name not in ("latin", "cyrillic")),
    ]


@pytest.mark.parametrize("code", TEXTS)
def test_arbiter_is_langdetect_to_the_bit(code: str, factory: DetectorFactory) -> None:
    text = TEXTS[code]["text"]
    detectors = [factory.create(), Detector(language._profiles().arbiter)]
    answers = []
    for detector in detectors:
        detector.append(text)
        try:
            answers.append([(guess.lang, guess.prob) for guess in detector.get_probabilities()])
        except Exception as error:  # both have to fail alike
            answers.append([(type(error).__name__, 0.0)])
    assert answers[0] == answers[1]


@pytest.mark.parametrize("length", [None, 400, 100])
def test_parity_with_langdetect_where_it_has_a_profile(length: int | None, factory: DetectorFactory) -> None:
    """At least as many right answers as seeded langdetect gives on the same texts."""
    ours = theirs = 0
    for code, entry in TEXTS.items():
        if language_code(code) not in {language_code(name) for name in factory.get_lang_list()}:
            continue
        text = entry["text"][:length]
        ours += detect(text).language == expected_code(code)
        theirs += language.seeded_langdetect(text)[0] == expected_code(code)
    assert ours >= theirs
    assert ours > 30


def test_same_answers_in_every_process_and_order() -> None:
    samples = [text for entry in TEXTS.values() for text in (entry["text"][:50], entry["text"], *entry["titles"])]
    here = [(guess.language, guess.confidence) for guess in map(detect, samples)]
    backwards = [(guess.language, guess.confidence) for guess in map(detect, reversed(samples))][::-1]
    assert here == backwards
    program = (
        "import json, sys\nfrom etl.language import detect\n"
        "print(json.dumps([[g.language, g.confidence] for g in map(detect, json.load(sys.stdin))]))"
    )
    for seed in ("1", "77"):
        done = subprocess.run(
            [sys.executable, "-c", program],
            input=json.dumps(samples),
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        )
        assert [tuple(answer) for answer in json.loads(done.stdout)] == here


def test_sums_are_exact() -> None:
    """Log-likelihoods are whole numbers that float32 adds without rounding, in any order, for a whole window."""
    for matrix in language._profiles().matrices.values():
        assert np.array_equal(matrix, np.rint(matrix))
        assert float(matrix.max()) * 3 * 256 < 2**24


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.text(max_size=300), st.text(alphabet="abcdefß éäöü.,\n12АБвгд漢字かなกข", max_size=1500)))
@example("\xad")
def test_any_text_has_an_answer(text: str) -> None:
    guess = detect(text)
    assert guess == detect(text)
    assert (guess.language == "und") == (guess.confidence == 0.0)
    assert 0.0 <= guess.confidence <= 1.0
    assert word_count(text) <= len(text)


def test_text_that_is_no_valid_unicode() -> None:
    assert detect("\ud800" + DE + "\udfff").language == "de"
    assert detect("\x00" * 50).language == "und"


def test_long_texts_cost_no_more_than_their_sample() -> None:
    text = DE * 5000
    assert detect(text).language == "de"
    assert len(language._windows(text, language.MOST_WINDOWS)[0]) == language.MOST_WINDOWS


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 0),
        (" \n", 0),
        ("Zwei Wörter, 3 Zahlen.", 4),
        ("don't re-enter 3.5", 6),
        ("市议会 yes", 4),
        ("ひらがなとカタカナ", 9),
        ("시의회는 화요일", 2),
        ("नगर परिषद ने", 3),
        ("สภาเมือง", 7),
        ("Bun\u00addes\u00adkanzler", 1),
        ("می\u200cبندد", 1),
        (unicodedata.normalize("NFD", "Brücke über"), 2),
        ("— … !? ***", 0),
        ("snake_case", 2),
        ("𝟙𝟚 ½", 2),
    ],
)
def test_word_count(text: str, words: int) -> None:
    assert word_count(text) == words


@given(st.text(max_size=60), st.text(max_size=60))
def test_words_of_two_texts_add_up(first: str, second: str) -> None:
    assert word_count(f"{first} \n {second}") == word_count(first) + word_count(second)


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        (None, None),
        ("", None),
        ("und", None),
        ("x-default", None),
        ("English", None),
        ("de", "de"),
        ("de-AT", "de"),
        ("pt_BR", "pt"),
        ("EN-us", "en"),
        (" fr ", "fr"),
        ("zh-Hant-TW", "zh"),
        ("nb", "no"),
        ("nn-NO", "no"),
        ("deu", "de"),
        ("iw", "he"),
        ("de_DE.UTF-8", "de"),
    ],
)
def test_language_code(tag: str | None, code: str | None) -> None:
    assert language_code(tag) == code


def test_data_file() -> None:
    data = tomllib.loads((Path(language.__file__).parent / "data" / "language.toml").read_text(encoding="utf-8"))
    profiled = {language_code(name) for name in language._profiles().languages}
    assert set(data["known"]) <= profiled
    assert not set(data["other"]) & profiled
    assert set(data["fit"]) == {code for codes in language._BY_NGRAMS.values() for code in codes}
    for code, share in data["share"].items():
        assert code in data["known"] or code in data["other"]
        assert 0.05 <= share <= 0.9
    lists = {**data["known"], **{code: entry["words"] for code, entry in data["other"].items()}}
    for words in lists.values():
        assert words == words.lower()
        assert unicodedata.normalize("NFC", words) == words
    for code, entry in data["other"].items():
        assert len(entry["words"].split()) >= 12, code
        assert len(set(entry.get("letters", ""))) == len(entry.get("letters", ""))
