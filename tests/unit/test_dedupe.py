"""URL keys and ids."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.dedupe import article_id, host_of, text_hash, url_key

SAME = [
    ("https://www.example.org/politik/a-1.html", "http://example.org/politik/a-1.html"),
    ("https://example.org/a/?utm_source=rss&utm_medium=feed", "https://example.org/a"),
    ("https://example.org/a?b=2&a=1", "https://EXAMPLE.org:443/a?a=1&b=2#comments"),
    ("https://example.org/%7Euser/%c3%bc", "https://example.org/~user/%C3%BC"),
    ("https://example.org/stra\u00dfe/m\u00fcnchen", "https://example.org/stra%C3%9Fe/m%C3%BCnchen"),
    ("https://example.org/x/../a//b/./c", "https://example.org/a/b/c"),
    ("https://m\u00fcnchen.example/a", "https://xn--mnchen-3ya.example/a"),
    ("https://reader:secret@example.org/a", "https://example.org/a"),
    ("https://example.org/a;jsessionid=0A1B?fbclid=x", "https://example.org/a"),
    ("https://example.org", "https://example.org/"),
]
DIFFERENT = [
    ("https://example.org/a?id=1", "https://example.org/a?id=2"),
    ("https://example.org/a", "https://example.org/A"),
    ("https://example.org/a", "https://example.net/a"),
    ("https://example.org/a", "https://example.org:8080/a"),
    ("https://example.org/a%2Fb", "https://example.org/a/b"),
    ("https://example.org/?p=12", "https://example.org/?p=13"),
    ("https://example.org/#!/a", "https://example.org/#!/b"),
    ("https://example.org/a?page=2", "https://example.org/a"),
]


@pytest.mark.parametrize(("first", "second"), SAME, ids=[pair[0] for pair in SAME])
def test_urls_of_one_article_share_a_key(first: str, second: str) -> None:
    assert url_key(first) == url_key(second)


@pytest.mark.parametrize(("first", "second"), DIFFERENT, ids=[pair[0] for pair in DIFFERENT])
def test_urls_of_different_articles_differ(first: str, second: str) -> None:
    assert url_key(first) != url_key(second)


@pytest.mark.parametrize("url", ["/a", "javascript:alert(1)", "ftp://example.org/a", "https://", "https://a:99999/"])
def test_what_names_no_page_has_no_key(url: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        url_key(url)


@given(path=st.text(max_size=40), query=st.text(max_size=40))
def test_a_key_is_its_own_key(path: str, query: str) -> None:
    key = url_key("https://example.org/" + path.replace("#", "").replace("?", "") + "?" + query.replace("#", ""))
    assert url_key("https://" + key) == key
    assert key.isascii()


def test_credentials_never_reach_a_key() -> None:
    assert "secret" not in url_key("https://u:secret@example.org/a")


def test_host_is_comparable() -> None:
    assert host_of("https://WWW.Example.ORG./a") == "example.org"
    assert host_of(None) is None
    assert host_of("not a url") is None


def test_id_is_a_version_8_uuid_of_the_hash() -> None:
    made = article_id("url", "example.org/a")
    digest = hashlib.sha256(b"url\0example.org/a").digest()
    assert made.version == 8
    assert made.variant == "specified in RFC 4122"
    assert made.bytes[:6] == digest[:6]
    assert made.bytes[9:] == digest[9:16]
    assert article_id("text", "files", text_hash("a").hex()) != article_id("text", "other", text_hash("a").hex())
