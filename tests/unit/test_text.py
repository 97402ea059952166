"""Charsets, storable text, and text made safe to show."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.text import (
    decode,
    is_binary,
    safe_csv_cell,
    safe_for_terminal,
    storable,
    strip_credentials,
    strip_secrets,
    web_url,
)

GERMAN = "Die Brücke über die Große Aue bleibt bis März gesperrt – das kostet „viel“ Geld, sagte der Bürgermeister. "
RUSSIAN = "Мост через реку закрыт до марта, сообщили в администрации города. Ремонт обойдётся в два миллиона рублей. "
JAPANESE = (
    "川にかかる橋は三月まで通行止めになると市が発表した。修理には二億円かかる見込みだという。住民は困っている。"
)
CHINESE = "市政府宣布,河上的桥梁将关闭至三月。维修费用预计为两千万元。居民对此表示不满,并要求开辟新的道路。"
KOREAN = (
    "시는 강 위의 다리가 삼월까지 폐쇄된다고 발표했다. 수리 비용은 이십억 원으로 예상된다. 주민들은 불편을 호소했다. "
)
POLISH = "Most nad rzeką będzie zamknięty do marca, poinformował urząd miasta. Naprawa będzie kosztować źródło łąk. "

CHARSETS = [
    ("utf-8", GERMAN),
    ("utf-8-sig", GERMAN),
    ("utf-16", GERMAN),
    ("utf-16-le", GERMAN),
    ("utf-16-be", GERMAN),
    ("utf-32", JAPANESE),
    ("cp1252", GERMAN),
    ("iso8859-15", GERMAN.replace("–", "-").replace("„", '"').replace("“", '"')),
    ("koi8-r", RUSSIAN),
    ("cp1251", RUSSIAN),
    ("shift_jis", JAPANESE),
    ("euc_jp", JAPANESE),
    ("iso2022_jp", JAPANESE),
    ("gb18030", CHINESE),
    ("big5", "市政府宣布,河上的橋樑將關閉至三月。維修費用預計為兩千萬元。居民對此表示不滿,並要求開闢新的道路。"),
    ("euc_kr", KOREAN),
    ("iso8859-2", POLISH),
    ("cp1250", POLISH),
]


@pytest.mark.parametrize(("charset", "text"), CHARSETS, ids=[name for name, _ in CHARSETS])
def test_charsets_are_detected(charset: str, text: str) -> None:
    found = decode((text * 20).encode(charset))
    assert found.text == text * 20
    assert found.replaced == 0


@pytest.mark.parametrize(("charset", "text"), CHARSETS, ids=[name for name, _ in CHARSETS])
def test_a_right_label_is_followed_even_for_short_text(charset: str, text: str) -> None:
    assert decode(text[:30].encode(charset), charset).text == text[:30]


@pytest.mark.parametrize(
    "label", ["iso-8859-1", "windows-1252", "ascii", "koi8-r", "shift_jis", "utf-16", "x-klingon"]
)
def test_the_bytes_decide_when_the_label_fails(label: str) -> None:
    assert decode(GERMAN.encode(), label) == (GERMAN, "utf-8", 0)


def test_latin1_means_windows_1252() -> None:
    assert decode("„Ja“ – 5 €".encode("cp1252"), "iso-8859-1") == ("„Ja“ – 5 €", "cp1252", 0)


@pytest.mark.parametrize(
    "label", ["utf-7", "punycode", "unicode_escape", "idna", "rot13", "base64", "zlib", "\x00", "ü" * 99]
)
def test_labels_that_name_no_charset_of_text_are_ignored(label: str) -> None:
    assert decode(b"+ADw-script+AD4- \\x41", label).text == "+ADw-script+AD4- \\x41"


def test_a_mark_beats_the_label_and_is_no_text() -> None:
    assert decode("\ufeffJa".encode("utf-16-le"), "utf-8") == ("Ja", "utf-16-le", 0)


def test_a_few_broken_bytes_dont_make_utf8_another_charset() -> None:
    found = decode((GERMAN * 5).encode() + b"\xff ende")
    assert found.text == GERMAN * 5 + "\ufffd ende"
    assert (found.charset, found.replaced) == ("utf-8", 1)


def test_a_replacement_character_of_the_file_isnt_counted() -> None:
    assert decode("a\ufffdb".encode()).replaced == 0


def test_nul_becomes_the_replacement_character() -> None:
    assert decode(b"a\x00b") == ("a\ufffdb", "utf-8", 1)


@given(st.binary(max_size=2000), st.sampled_from([None, "utf-8", "latin-1", "utf-16", "shift_jis", "gbk", "bogus"]))
def test_any_bytes_give_storable_text(data: bytes, label: str | None) -> None:
    found = decode(data, label)
    assert storable(found.text) == (found.text, 0)


@given(st.text())
def test_text_in_utf8_is_kept_to_the_character(text: str) -> None:
    expected, replaced = storable(text.removeprefix("\ufeff"))
    assert decode(b"\xef\xbb\xbf" + expected.encode()) == (expected, "utf-8", 0)
    assert replaced == sum(char == "\x00" for char in text)


@given(st.text(st.characters()))
def test_storable_keeps_the_length_and_all_else(text: str) -> None:
    text += "\ud800\x00"
    stored, count = storable(text)
    assert len(stored) == len(text)
    assert count >= 2
    stored.encode()
    assert all(
        a == b or (b == "\ufffd" and (a == "\x00" or 0xD800 <= ord(a) < 0xE000))
        for a, b in zip(text, stored, strict=True)
    )


@pytest.mark.parametrize(
    "magic", [b"%PDF-1.7\n\x00\x01\x02\x03\xe2", b"PK\x03\x04\x14\x00\x08\x08", b"\xff\xd8\xff\xe0\x00\x10JFIF\x00"]
)
def test_binary_data_is_told_from_text(magic: bytes) -> None:
    assert is_binary(magic + bytes(range(256)) * 4)
    assert not is_binary(GERMAN.encode())
    assert not is_binary(GERMAN.encode("utf-16"))
    assert not is_binary(GERMAN.encode("utf-16-be"))


def test_a_terminal_gets_nothing_to_act_on() -> None:
    hostile = "\x1b]0;title\x07\x1b[2J\x9b31m a\rb\u202etxt.exe\u2066\u200b\x7f\udcff\x00"
    shown = safe_for_terminal(hostile)
    assert shown.isprintable()
    assert shown == ("\\x1b]0;title\\x07\\x1b[2J\\x9b31m a\\rb\\u202etxt.exe\\u2066\\u200b\\x7f\\xff\\x00")
    assert safe_for_terminal("Grüße\n\t日本語 👩‍💻") == "Grüße\n\t日本語 👩‍💻"
    assert safe_for_terminal("a\nb", one_line=True) == "a\\nb"


@pytest.mark.parametrize(
    "cell", ["=1+1", "+cmd|' /C calc'!A0", "-2+3+cmd", "@SUM(A1)", "\t=1", " =1", "\r=1", "＝1+1", "\n@x"]
)
def test_formulas_are_defused(cell: str) -> None:
    assert safe_csv_cell(cell) == "'" + cell


@pytest.mark.parametrize("cell", ["-5", "+3.25", "-1,5", "5%", "Text", "", "a=b", "2022-01-12", "1e-9", "-1e9"])
def test_numbers_and_text_stay(cell: str) -> None:
    assert safe_csv_cell(cell) == cell


@given(st.text())
def test_a_safe_cell_survives_a_csv_file(cell: str) -> None:
    out = io.StringIO(newline="")
    csv.writer(out).writerow([safe_csv_cell(cell), "x"])
    back = next(csv.reader(io.StringIO(out.getvalue(), newline="")))
    assert back[0].removeprefix("'") == cell.removeprefix("'")
    assert back[0][:1] not in ("=", "@", "\t", "\r")


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("https://user:pass@news.example/a", "https://news.example/a"),
        ("https://user@news.example/a?b=c@d", "https://news.example/a?b=c@d"),
        ("https://u:p@ss@news.example/", "https://news.example/"),
        (
            "failed: ftp://a:b@c.example/x and https://d:e@f.example/",
            "failed: ftp://c.example/x and https://f.example/",
        ),
        ("write to me@news.example", "write to me@news.example"),
        ("https://news.example/@handle", "https://news.example/@handle"),
    ],
)
def test_credentials_go(raw: str, clean: str) -> None:
    assert strip_credentials(raw) == clean


def test_signatures_of_storage_urls_go() -> None:
    url = "https://k:s@store.example/b/x.jsonl?X-Amz-Signature=abc&X-Amz-Credential=def&v=1&sig=xyz"
    shown = strip_secrets(url)
    assert not any(secret in shown for secret in ("abc", "def", "xyz", "k:s"))
    assert "v=1" in shown


URLS = [
    ("https://news.example/a?b=c#d", "https://news.example/a?b=c#d", None),
    (" \n https://news.example/a\n", "https://news.example/a", None),
    ("https://news.ex\nample/a", "https://news.example/a", None),
    ("HTTPS://News.Example/A b", "HTTPS://News.Example/A%20b", None),
    ("//news.example/a", "https://news.example/a", None),
    ("https://user:pw@news.example/a", "https://news.example/a", None),
    ("https://zürich.example/straße?q=ü", "https://zürich.example/straße?q=ü", None),
    ("https://xn--zrich-kva.example/", "https://xn--zrich-kva.example/", None),
    ("https://日本.example/記事", "https://日本.example/記事", None),
    ("http://localhost:8000/a", "http://localhost:8000/a", None),
    ("http://[::1]:8000/a", "http://[::1]:8000/a", None),
    (None, None, None),
    ("", None, None),
    ("   ", None, None),
    ("/a/b", None, "url_relative"),
    ("a.html", None, "url_relative"),
    ("www.news.example/a", None, "url_relative"),
    ("javascript:alert(1)", None, "url_not_web"),
    ("data:text/html,x", None, "url_not_web"),
    ("ftp://news.example/", None, "url_not_web"),
    ("mailto:a@b.example", None, "url_not_web"),
    ("https://news.example/" + "a" * 10_240, None, "url_too_long"),
    ("https://", None, "url_invalid"),
    ("https:///a", None, "url_invalid"),
    ("https://[::1/a", None, "url_invalid"),
    ("https://news.example:99999/", None, "url_invalid"),
    ("https://good.example\\@evil.example/", None, "url_invalid"),
    ("https://news.example/\x00", "https://news.example/", None),
    ("https://news.example/a\x00b", None, "url_invalid"),
    ("https://news.example/\x1b[31m", None, "url_invalid"),
    ("https://a b.example/", None, "url_invalid"),
]


@pytest.mark.parametrize(("raw", "url", "note"), URLS, ids=[repr(case[0])[:40] for case in URLS])
def test_urls(raw: str | None, url: str | None, note: str | None) -> None:
    assert web_url(raw) == (url, note)


@given(st.text())
def test_no_url_raises_or_keeps_credentials(raw: str) -> None:
    for candidate in (raw, f"https://{raw}", f"https://u:secret@{raw}"):
        url, _ = web_url(candidate)
        assert url is None or "://u:secret@" not in url
