"""The header of text files: found when it is one, left alone when it may be prose."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.model import Hints
from etl.read.text import split_header

HEADERS = [
    (" date 2022-01 ", "Vertreter der Staaten", Hints(published="2022-01")),
    ("date 2022-01-12 ", "Text", Hints(published="2022-01-12")),
    ("date 2022-01-12T14:30:00Z ", "Text", Hints(published="2022-01-12T14:30:00Z")),
    ("date: 2022-01-12 ", "Text", Hints(published="2022-01-12")),
    ("date 2022 ", "Text", Hints(published="2022")),
    ("date 2022\n", "text in lower case", Hints(published="2022")),
    ("date: 2022-01-12\n\n", "Text", Hints(published="2022-01-12")),
    ("date: 12. Januar 2022\n", "Text", Hints(published="12. Januar 2022")),
    ("\r\ndate 2022-01\r\n", "Text", Hints(published="2022-01")),
    (
        "date: 2022-01-12\ntitle: Die Fähre: ein Anfang\nsource: Küstenblatt\nlang: de\nauthor: Inga Petersen\n\n",
        "Text",
        Hints(
            published="2022-01-12",
            title="Die Fähre: ein Anfang",
            publisher="Küstenblatt",
            language="de",
            authors=("Inga Petersen",),
        ),
    ),
    ("Title: Die Fähre\nDate: 2022-01-12\n", "Text", Hints(title="Die Fähre", published="2022-01-12")),
    ("Date: 2022-01-12\n\n", "Text", Hints(published="2022-01-12")),
    ("lang: de\n", "Text", Hints(language="de")),
    ("title: Die Fähre\n\n", "Text", Hints(title="Die Fähre")),
    ("title: A\nsource: B\n", "Text", Hints(title="A", publisher="B")),
    ("date 2022-01\ntitle: A\n", "Text", Hints(published="2022-01", title="A")),
    ("date 2022-01", "", Hints(published="2022-01")),
]


@pytest.mark.parametrize(("header", "text", "hints"), HEADERS, ids=[repr(case[0][:30]) for case in HEADERS])
def test_headers(header: str, text: str, hints: Hints) -> None:
    found = split_header(header + text)
    assert (found.header, found.text, found.hints) == (header, text, hints)


PROSE = [
    "Date: 2022-01-12. The meeting was opened by the mayor.",
    "Date: 2022-01-12\nThe meeting was opened.",
    "Date 2022-01 was the month in which it began.",
    "date 2022 was a good one for growers.",
    "date 2022-13 Text",
    "date 2022-01, the month",
    "date tomorrow",
    "Title: it is a word\nthat begins this text.",
    "title: a word that begins this text.\nAnd so it goes on.",
    "Source: the river rises here.\n\nIt flows east.",
    "url: javascript:alert(1)\nText",
    "note: 2022-01-12\n\nText",
    "The date 2022-01 is in the text.",
    "language: a history\nof words",
    "lang: äöü\nText",
    "2022-01-12 Text",
    "",
    "   ",
]


@pytest.mark.parametrize("text", PROSE)
def test_prose_keeps_its_first_sentence(text: str) -> None:
    found = split_header(text)
    assert (found.header, found.text, found.hints) == ("", text, Hints())


def test_the_url_of_a_header_has_no_credentials() -> None:
    found = split_header("url: https://user:pw@blatt.example/a\ncaptured: 2022-01-13\n\nText")
    assert found.url == "https://blatt.example/a"
    assert found.captured == "2022-01-13"
    assert found.text == "Text"


_KEY = st.sampled_from(["date", "title", "url", "source", "lang", "Date", "TITLE", "x"])
_VALUE = st.sampled_from(["2022-01", "2022-01-12", "de", "https://b.example/", "words", "", " "]) | st.text(
    max_size=20
)
_LINE = st.builds(
    "{}{}{}{}".format, _KEY, st.sampled_from([": ", ":", " "]), _VALUE, st.sampled_from(["\n", "\r\n", " "])
)


@given(st.lists(_LINE, max_size=6).map("".join), st.text())
def test_header_and_text_are_the_file(lines: str, rest: str) -> None:
    found = split_header(lines + rest)
    assert found.header + found.text == lines + rest
    again = split_header(found.text) if not found.header else found
    assert again == found


@given(st.text())
def test_any_text_comes_back_whole(text: str) -> None:
    found = split_header(text)
    assert found.header + found.text == text
