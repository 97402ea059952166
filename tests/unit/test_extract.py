# ruff: noqa: E501 - markup is easier to read whole
from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.extract import extract, split_lines
from etl.extract.flow import read_flow
from etl.extract.page import parse, payload_kind
from etl.model import Article, Capture, Hints, Reject
from etl.settings import Settings

CAPTURED = datetime(2024, 5, 4, 12, tzinfo=UTC)
PARAGRAPHS = (
    "The ferry between the two islands will run again from Thursday, the harbour office said after a week of storms.",
    "Engineers had found a crack in the ramp on the eastern side and welded a plate over it during the weekend.",
    "Passengers with old tickets can use them until the end of June, and cyclists travel free of charge on Sundays.",
    "A second boat, which the council bought last autumn, is still waiting for its papers in a yard on the mainland.",
)


def page(*, head: str = "", body: str | None = None, lang: str = "en") -> bytes:
    text = "".join(f"<p>{paragraph}</p>" for paragraph in PARAGRAPHS) if body is None else body
    return (
        f'<!DOCTYPE html><html lang="{lang}"><head><meta charset="utf-8">{head}</head><body>'
        f'<nav><ul><li><a href="/">Home</a></li><li><a href="/local">Local</a></li></ul></nav>'
        f"<main><article>{text}</article></main><footer>© The Islander</footer></body></html>"
    ).encode()


def capture(html: bytes, **changes: Any) -> Capture:
    return replace(Capture(origin="test", html=html, url="https://www.islander.example/ferry-runs"), **changes)


def article(html: bytes, **changes: Any) -> Article:
    result = extract(capture(html, **changes))
    assert isinstance(result, Article), result
    return result


def reject(html: bytes, **changes: Any) -> Reject:
    result = extract(capture(html, **changes))
    assert isinstance(result, Reject), result
    assert result.stage == "extract"
    assert result.detail
    return result


def json_ld(**fields: object) -> str:
    import json

    node = {"@context": "https://schema.org", "@type": "NewsArticle", **fields}
    return f'<script type="application/ld+json">{json.dumps(node)}</script>'


# --- text


def test_a_page_gives_its_paragraphs() -> None:
    found = article(page())
    assert found.text == "\n\n".join(PARAGRAPHS)
    assert [found.text[block.start : block.end] for block in found.blocks] == list(PARAGRAPHS)


def test_extraction_is_a_function_of_the_capture() -> None:
    assert article(page()) == article(page())


def test_blocks_of_all_kinds() -> None:
    body = (
        f"<h2>What is known</h2><p>{PARAGRAPHS[0]}<br>{PARAGRAPHS[1]}</p><ul><li>{PARAGRAPHS[2]}</li>"
        f"<li>The crossing takes <b>forty</b> minutes.</li></ul><blockquote><p>{PARAGRAPHS[3]}</p></blockquote>"
        "<table><tr><th>Day</th><th>Boats</th></tr><tr><td>Monday to Friday</td><td>twelve</td></tr></table>"
        f"<pre><code>first line\n    second line</code></pre><p>{PARAGRAPHS[0]} Once more.</p>"
    )
    found = article(page(body=body))
    pieces = {found.text[block.start : block.end]: block.tag for block in found.blocks}
    assert pieces["What is known"] == "h2"
    assert pieces[PARAGRAPHS[0]] == pieces[PARAGRAPHS[1]] == "p"
    assert pieces["The crossing takes forty minutes."] == "li"
    assert pieces[PARAGRAPHS[3]] == "blockquote"
    assert pieces["Day | Boats"] == pieces["Monday to Friday | twelve"] == "td"
    assert pieces["first line\n    second line"] == "pre"


def test_blocks_are_sorted_disjoint_and_joined_by_blank_lines() -> None:
    found = article(page(body="".join(f"<div><h3>{p[:20]}</h3><p>{p}</p></div>" for p in PARAGRAPHS)))
    assert "\n\n".join(found.text[block.start : block.end] for block in found.blocks) == found.text


def test_a_repeated_title_is_left_to_cleaning() -> None:
    found = article(
        page(head="<title>The ferry runs again</title>", body=f"<h1>The ferry runs again</h1>{body_text()}")
    )
    assert found.text.startswith("The ferry runs again\n\n")


def body_text() -> str:
    return "".join(f"<p>{paragraph}</p>" for paragraph in PARAGRAPHS)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("so&shy;ft hyphen", "soft hyphen"),
        ("a&#8203;b", "ab"),
        ("ไทย&#8203;ไทย", "ไทย\u200bไทย"),
        ("می&zwnj;خواهم", "می\u200cخواهم"),
        ("tab\tand&nbsp;space\n  line", "tab and space line"),
        ("word&#1;s &#x0B;here&#xFFFF;", "words here"),
        ("&#xD800;lone", "\ufffdlone"),
        ("&#128512; smile", "\U0001f600 smile"),
        ("cafe\u0301", "cafe\u0301"),
    ],
)
def test_characters(source: str, text: str) -> None:
    found = article(page(body=f"<p>{PARAGRAPHS[0]} {source}</p>{body_text()}"))
    assert found.text.split("\n\n")[0] == f"{PARAGRAPHS[0]} {text}"


def test_text_is_storable() -> None:
    found = article(page(body=body_text().replace("ferry", "fer\x00\x01ry\ufffe")))
    assert found.text.startswith("The fer\ufffdry between")
    assert found.notes == ("replaced_characters:1",)


# --- evidence


def test_evidence_names_the_place_of_a_block() -> None:
    body = (
        f'<div class="storyBody main-text" id="text"><p class="lead">{PARAGRAPHS[0]}</p>'
        f'<p>{PARAGRAPHS[1]} <a href="/ramp">More about the ramp</a></p>{body_text()}</div>'
    )
    found = article(page(body=body))
    lead, linked = found.blocks[0], found.blocks[1]
    assert lead.classes == ("lead", "story", "body", "main", "text")
    assert lead.link_share == 0.0
    words = "".join("More about the ramp".split())
    assert linked.link_share == pytest.approx(
        len(words) / (len("".join(PARAGRAPHS[1].split())) + len(words)), abs=0.001
    )


def test_evidence_of_a_text_that_stands_twice_is_taken_in_turn() -> None:
    again = f"<p>{PARAGRAPHS[0]}</p>"
    body = (
        f'<div class="first">{again}</div>{body_text()}<div class="second">{again}</div><p>{PARAGRAPHS[1]} End.</p>'
    )
    found = article(page(body=body))
    blocks = [block for block in found.blocks if found.text[block.start : block.end] == PARAGRAPHS[0]]
    assert blocks[0].classes == ("first",)
    assert blocks[-1].classes == ("second",)


def test_evidence_names_telling_elements_roles_and_hidden_ones() -> None:
    tip = "Readers who travel early should know that the first boat leaves at half past five on working days."
    body = (
        f'<main id="story">{body_text()}<blockquote class="pull"><p>{PARAGRAPHS[0]} Said so.</p></blockquote>'
        f'<div role="complementary" class="tip"><ul style="display: none"><li>{tip}</li></ul></div></main>'
    )
    root = parse(page(body=body).decode())
    flow = None if root is None else read_flow(root, 100)
    assert flow is not None
    assert flow.evidence(f"{PARAGRAPHS[0]} Said so.", "p")[2] == ("<blockquote>", "pull", "story")
    assert flow.evidence(tip, "li")[2] == ("<li>", "[hidden]", "<aside>", "tip", "story")


def test_evidence_in_table_rows_and_split_paragraphs() -> None:
    body = (
        f'{body_text()}<table class="fares"><tr><td>Adults</td><td><a href="/f">nine crowns</a></td></tr></table>'
        f'<p class="split">{PARAGRAPHS[2]} One.<br><br>{PARAGRAPHS[3]} Two.</p>'
    )
    found = article(page(body=body))
    blocks = {found.text[b.start : b.end]: b for b in found.blocks}
    assert blocks["Adults | nine crowns"].classes == ("<table>", "fares")
    assert 0.5 < (blocks["Adults | nine crowns"].link_share or 0) < 0.8
    assert blocks[f"{PARAGRAPHS[3]} Two."].classes == ("split",)


# --- given text


@pytest.mark.parametrize(
    "text", ["", "\n", "one\ntwo\n\n  three  \r\nfour", "\ufeffmark", "no end of line", "\n\nlead"]
)
def test_given_text_is_kept_to_the_character(text: str) -> None:
    found = extract(Capture(origin="x", text=text))
    assert isinstance(found, Article)
    assert found.text == text
    assert all("\n" not in text[block.start : block.end] for block in found.blocks)
    kept = "".join(text[block.start : block.end] for block in found.blocks)
    assert "".join(kept.split()) == "".join(text.split())


@given(st.text(max_size=400))
@settings(max_examples=200, deadline=None)
def test_any_given_text_is_kept(text: str) -> None:
    found = extract(Capture(origin="x", text=text))
    assert isinstance(found, Article)
    storable = "".join("\ufffd" if c == "\0" or "\ud800" <= c <= "\udfff" else c for c in text)
    assert found.text == storable
    assert found.blocks == split_lines(storable)


def test_given_text_takes_what_the_record_says() -> None:
    hints = Hints(
        title=" A <b>title</b> &amp; more ",
        authors=("By Ann Example and Tom Sample",),
        published="2022-01",
        language="de",
        publisher="The Islander",
    )
    found = extract(Capture(origin="x", text="Some text.", hints=hints))
    assert isinstance(found, Article)
    assert (found.title, found.authors, found.site) == (
        "A title & more",
        ("Ann Example", "Tom Sample"),
        "The Islander",
    )
    assert found.published is not None
    assert (found.published.start, found.published.precision) == (datetime(2022, 1, 1, tzinfo=UTC), "month")
    assert found.declared_language == "de"


def test_the_records_language_settles_the_order_of_day_and_month() -> None:
    found = extract(Capture(origin="x", text="t", hints=Hints(published="03/04/2021", language="fr")))
    assert isinstance(found, Article)
    assert found.published is not None
    assert (found.published.start, found.published.precision) == (datetime(2021, 4, 3, tzinfo=UTC), "day")


# --- refused


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj", "PDF"),
        (b"PK\x03\x04\x14\x00\x06\x00\x08\x00", "ZIP"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF\x00", "JPEG"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "PNG"),
        (b"GIF89a\x01\x00", "GIF"),
        (b"RIFF\x24\x00\x00\x00WEBPVP8 ", "WebP"),
        (b"\x1f\x8b\x08\x00\x00", "gzip"),
        (b"\x00\x00\x00\x18ftypmp42", "MP4"),
        (b'{"title": "x", "body": "y"}', "JSON"),
        (b"<?xml version='1.0'?><rss version='2.0'><channel><item/></channel></rss>", "XML"),
        (b"<?xml version='1.0'?><urlset xmlns='x'><url/></urlset>", "XML"),
        (b"Just a line of text without any markup.", "no HTML element"),
        (b"", "empty"),
        (b" \r\n\t ", "empty"),
        (b"\x00" * 5000, "empty"),
        (bytes(range(256)) * 20, "binary"),
    ],
)
def test_what_is_no_page(payload: bytes, words: str) -> None:
    found = reject(payload)
    assert found.reason == "not_html"
    assert words in found.detail
    assert found.payload == payload[: len(found.payload)]


@pytest.mark.parametrize(
    "start",
    ["BMW has shown a new car in <b>Munich</b>", "MZ is what the paper is called. <p>x</p>", "ID3 <p>and so on</p>"],
)
def test_text_that_begins_like_a_signature_is_no_binary(start: str) -> None:
    assert payload_kind(start.encode()) is None


@pytest.mark.parametrize(
    "html",
    [
        b"<html><head><title>T</title></head></html>",
        b"<html><head><title>T</title></head><frameset cols='20%,80%'><frame src='a.html'><frame src='b.html'>"
        b"</frameset></html>",
        b"<html><body><script>" + b"var a = 'text text text';" * 500 + b"</script></body></html>",
        b"<html><body><div id='root'></div><noscript></noscript><script src='app.js'></script></body></html>",
        b"<!doctype html><html><body></body></html>",
        b"<p></p>",
    ],
    ids=["no body", "frameset", "scripts only", "empty application", "empty body", "empty fragment"],
)
def test_pages_without_an_article(html: bytes) -> None:
    assert reject(html).reason == "no_article"


def test_limits() -> None:
    limits = Settings(max_html_bytes=20_000, max_html_elements=200, max_html_depth=60)

    def reason(html: bytes) -> str | None:
        return getattr(extract(capture(html), settings=limits), "reason", None)

    assert reason(page()) is None
    assert reason(page(body=body_text() + " " * 20_000)) == "page_too_large"
    assert reason(page(body=body_text() + "<b>x</b>" * 200)) == "too_many_elements"
    assert reason(page(body=body_text() + "<" * 3000)) == "too_many_elements"
    assert reason(page(body="<div>" * 60 + body_text() + "</div>" * 60)) == "nested_too_deep"
    assert reason(page(body="<div>" * 40 + body_text() + "</div>" * 40)) is None


@pytest.mark.parametrize("depth", [300, 900])
def test_deep_pages_keep_their_text(depth: int) -> None:
    # libxml2 by itself drops without a word what is nested deeper than 256.
    found = article(page(body="<div>" * depth + body_text() + "</div>" * depth))
    assert found.text == "\n\n".join(PARAGRAPHS)


@pytest.mark.parametrize("count", [1100, 5000, 200_000])
def test_too_deep_pages_are_refused(count: int) -> None:
    assert reject(page(body="<div>" * count + body_text())).reason == "nested_too_deep"


def test_quarantine_keeps_the_head_of_the_payload() -> None:
    html = b"%PDF-" + b"x" * 100_000
    found = extract(capture(html), settings=Settings(quarantine_payload_bytes=1000))
    assert isinstance(found, Reject)
    assert found.payload == html[:1000]
    assert len(found.payload_sha256) == 32


# --- charsets

UMLAUTS = (
    "Über dem Süden lösten sich die Wolken, größere Flächen blieben trüb, sagte die Küstenwache am späten Abend."
)


@pytest.mark.parametrize(
    ("codec", "meta", "declared"),
    [
        ("utf-8", None, None),
        ("utf-8", "iso-8859-1", None),
        ("utf-8", None, "latin-1"),
        ("utf-8-sig", None, None),
        ("cp1252", "windows-1252", None),
        ("cp1252", "iso-8859-1", None),
        ("cp1252", None, "windows-1252"),
        ("cp1252", "utf-8", "cp1252"),
        ("cp1252", "utf-8", None),
        ("utf-16", None, None),
        ("utf-8", "utf-16", None),
    ],
)
def test_the_bytes_decide_the_charset(codec: str, meta: str | None, declared: str | None) -> None:
    tag = f'<meta http-equiv="Content-Type" content="text/html; charset={meta}">' if meta else ""
    html = f"<html><head>{tag}<title>T</title></head><body><article>{f'<p>{UMLAUTS}</p>' * 4}</article></body></html>"
    found = article(html.encode(codec), charset=declared)
    assert found.text.split("\n\n")[0] == UMLAUTS


@pytest.mark.parametrize(
    ("doctype"),
    [
        '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1.dtd" />',
        '<?xml version="1.0" encoding="iso-8859-1"?>\n<!DOCTYPE html>',
        "<!doctype html><html/>",
        '<html lang="en" />',
        "<!-- comment -->\n\n",
        "\ufeff",
    ],
)
def test_odd_beginnings(doctype: str) -> None:
    assert article(doctype.encode() + page()).text.endswith(PARAGRAPHS[-1])


# --- metadata


@pytest.mark.parametrize(
    ("head", "h1", "title"),
    [
        (json_ld(headline="The ferry runs again"), "", "The ferry runs again"),
        (json_ld(headline="Storm &amp; <i>ferry</i>"), "", "Storm & ferry"),
        ('<meta property="og:title" content="The ferry runs again | The Islander"><meta property="og:site_name"'
         ' content="The Islander">', "", "The ferry runs again"),
        ('<meta property="og:title" content="The ferry runs again - islander.example">', "", "The ferry runs again"),
        ('<meta property="og:title" content="The Islander: The ferry runs again"><meta property="og:site_name"'
         ' content="The Islander">', "", "The Islander: The ferry runs again"),
        ('<meta property="og:title" content="The ferry runs again · News from the isles">', "The ferry runs again",
         "The ferry runs again"),
        ('<meta property="og:title" content="The Islander"><meta property="og:site_name" content="The Islander">',
         "The ferry runs again", "The ferry runs again"),
        ("<title>The ferry runs again – The Islander</title>", "The ferry runs again", "The ferry runs again"),
        ("<title>The ferry runs again | Islander</title>", "", "The ferry runs again"),
        (json_ld(headline="The harbour office wants a second ferry before the next winter, and…")
         + '<meta property="og:title" content="The harbour office wants a second ferry before the next winter, and soon">',
         "", "The harbour office wants a second ferry before the next winter, and soon"),
        (json_ld(headline="Ferries – a history"), "", "Ferries – a history"),
    ],
)  # fmt: skip
def test_titles(head: str, h1: str, title: str) -> None:
    assert article(page(head=head, body=f"<h1>{h1}</h1>{body_text()}" if h1 else None)).title == title


@pytest.mark.parametrize(
    ("head", "authors"),
    [
        (json_ld(author={"@type": "Person", "name": "Ann Example"}), ("Ann Example",)),
        (json_ld(author=[{"@type": "Person", "name": "Ann Example"}, {"name": "Tom Sample"}]), ("Ann Example", "Tom Sample")),
        (json_ld(author="By Ann Example and Tom Sample"), ("Ann Example", "Tom Sample")),
        (json_ld(author=["Ann Example", "ann example"]), ("Ann Example",)),
        (json_ld(author={"@type": "Organization", "name": "Island Press Agency"}), ()),
        (json_ld(author={"@type": "Person", "givenName": "Ann", "familyName": "Example"}), ("Ann Example",)),
        (json_ld(author={"@type": "Person", "name": "https://islander.example/ann"}), ()),
        (json_ld(author=None), ()),
        ('<meta name="author" content="Ann Example; Tom Sample">', ("Ann Example", "Tom Sample")),
        ('<meta property="article:author" content="https://social.example/ann">', ()),
        ('<meta name="author" content="ann@islander.example (Ann Example)">', ("Ann Example",)),
        ('<meta name="author" content="The Islander"><meta property="og:site_name" content="The Islander">', ()),
    ],
)  # fmt: skip
def test_authors(head: str, authors: tuple[str, ...]) -> None:
    assert article(page(head=head)).authors == authors


def test_authors_by_reference_in_a_graph() -> None:
    graph = (
        '<script type="application/ld+json">{"@context":"https://schema.org","@graph":['
        '{"@type":"NewsArticle","headline":"T","author":{"@id":"#ann"}},'
        '{"@type":"Person","@id":"#ann","name":"Ann Example"}]}</script>'
    )
    assert article(page(head=graph)).authors == ("Ann Example",)


@pytest.mark.parametrize(
    ("head", "start", "precision"),
    [
        (json_ld(datePublished="2024-05-03T08:30:00+02:00"), datetime(2024, 5, 3, 6, 30, tzinfo=UTC), "second"),
        (json_ld(datePublished="2024-05-03"), datetime(2024, 5, 3, tzinfo=UTC), "day"),
        ('<meta property="article:published_time" content="2024-05-03T08:30Z">', datetime(2024, 5, 3, 8, 30, tzinfo=UTC),
         "minute"),
        (json_ld(datePublished="soon") + '<meta name="date" content="2024-05-02">', datetime(2024, 5, 2, tzinfo=UTC), "day"),
        (json_ld(datePublished="2024-05-20") + '<meta name="date" content="2024-05-02">',
         datetime(2024, 5, 2, tzinfo=UTC), "day"),
    ],
    ids=["json-ld", "day", "meta", "unreadable", "after the capture"],
)  # fmt: skip
def test_dates(head: str, start: datetime, precision: str) -> None:
    found = article(page(head=head), captured_at=CAPTURED).published
    assert found is not None
    assert (found.start, found.precision) == (start, precision)


def test_a_date_after_the_capture_is_dropped_and_noted() -> None:
    head = json_ld(datePublished="2024-06-20", dateModified="2024-07-01")
    found = article(page(head=head), captured_at=CAPTURED)
    assert found.published is None
    assert found.modified is None
    assert {"dropped_date:published", "dropped_date:modified"} <= set(found.notes)


def test_a_date_within_a_day_of_the_capture_stays() -> None:
    found = article(page(head=json_ld(datePublished="2024-05-05T08:00:00Z")), captured_at=CAPTURED)
    assert found.published is not None
    assert found.published.start - CAPTURED < timedelta(days=1)


def test_the_records_own_hints_fill_what_the_page_leaves_out() -> None:
    hints = Hints(title="Hinted title", authors=("Ann Example",), published="2024-05-01")
    found = article(page(), hints=hints)
    assert (found.title, found.authors) == ("Hinted title", ("Ann Example",))
    assert found.published is not None
    assert found.published.start == datetime(2024, 5, 1, tzinfo=UTC)
    stated = article(page(head=json_ld(headline="Own title", datePublished="2024-05-02")), hints=hints)
    assert stated.title == "Own title"
    assert stated.published is not None
    assert stated.published.start == datetime(2024, 5, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("head", "url", "found_url", "canonical"),
    [
        ('<link rel="canonical" href="https://www.islander.example/ferry">', "https://m.islander.example/ferry?x=1",
         "https://m.islander.example/ferry?x=1", "https://www.islander.example/ferry"),
        ('<link rel="canonical" href="/ferry">', "https://www.islander.example/a/b", "https://www.islander.example/a/b",
         "https://www.islander.example/ferry"),
        ('<link rel="canonical" href="https://other.example/ferry">', "https://www.islander.example/a",
         "https://www.islander.example/a", None),
        ('<link rel="canonical" href="https://www.islander.example/">', "https://www.islander.example/a",
         "https://www.islander.example/a", None),
        ('<link rel="canonical" href="javascript:void(0)">', "https://www.islander.example/a",
         "https://www.islander.example/a", None),
        ('<link rel="canonical" href="https://www.islander.example/ferry">', None,
         "https://www.islander.example/ferry", "https://www.islander.example/ferry"),
        ('<meta property="og:url" content="https://www.islander.example/ferry">', None,
         "https://www.islander.example/ferry", "https://www.islander.example/ferry"),
        ('<link rel="canonical" href="https://www.islander.example/">', None, None, None),
        ('<link rel="canonical" href="https://user:secret@www.islander.example/ferry">', None,
         "https://www.islander.example/ferry", "https://www.islander.example/ferry"),
        ("", None, None, None),
    ],
)  # fmt: skip
def test_addresses(head: str, url: str | None, found_url: str | None, canonical: str | None) -> None:
    found = article(page(head=head), url=url)
    assert (found.url, found.canonical_url) == (found_url, canonical)


def test_of_two_sites_the_pages_own_is_the_one_it_links_to() -> None:
    head = (
        '<link rel="canonical" href="https://partner.example/x"><meta property="og:url"'
        ' content="https://www.islander.example/ferry">'
    )
    body = body_text() + "".join(f'<p>x <a href="https://www.islander.example/{n}">n</a></p>' for n in range(5))
    assert article(page(head=head, body=body), url=None).url == "https://www.islander.example/ferry"


@pytest.mark.parametrize(
    ("url", "publisher", "site"),
    [
        ("https://www.islander.example/a", None, "islander.example"),
        ("https://WWW.Islander.Example:8443/a", "Something", "islander.example"),
        ("https://news.islander.example/a", None, "news.islander.example"),
        ("https://xn--insel-bote-1db.example/a", None, "insel-böte.example"),
        (None, "www.islander.example", "islander.example"),
        (None, "The Islander", "The Islander"),
        (None, None, None),
    ],
)
def test_sites(url: str | None, publisher: str | None, site: str | None) -> None:
    found = extract(Capture(origin="x", text="t", url=url, hints=Hints(publisher=publisher)))
    assert isinstance(found, Article)
    if url and "xn--" in url:
        site = url.split("/")[2].encode().decode("idna")
    assert found.site == site


@pytest.mark.parametrize(
    ("head", "lang", "declared"),
    [
        ("", "de-AT", "de-AT"),
        ("", "de_AT", "de-AT"),
        ('<meta http-equiv="content-language" content="fr, en">', "", "fr"),
        ('<meta property="og:locale" content="pt_BR">', "", "pt-BR"),
        (json_ld(inLanguage="it"), "", "it"),
        ("", "undefined language", None),
    ],
)
def test_declared_language(head: str, lang: str, declared: str | None) -> None:
    assert article(page(head=head, lang=lang)).declared_language == declared


@pytest.mark.parametrize(
    ("head", "access"),
    [
        (json_ld(isAccessibleForFree=True), "full"),
        (json_ld(isAccessibleForFree="False"), "teaser"),
        (json_ld(isAccessibleForFree=False), "teaser"),
        (json_ld(isAccessibleForFree="https://schema.org/True"), "full"),
        ('<meta property="article:content_tier" content="free">', "full"),
        ('<meta property="article:content_tier" content="locked">', "teaser"),
        ('<meta property="article:content_tier" content="metered">', "unknown"),
        ("", "unknown"),
    ],
)
def test_access(head: str, access: str) -> None:
    assert article(page(head=head)).access == access


def test_a_long_text_behind_a_paywall_is_no_teaser() -> None:
    head = json_ld(isAccessibleForFree=False)
    body = "".join(f"<p>{paragraph} Part {number}.</p>" for number in range(12) for paragraph in PARAGRAPHS)
    assert article(page(head=head, body=body)).access == "unknown"


def test_opt_outs() -> None:
    head = '<meta name="robots" content="noindex, NOAI,max-snippet:-1"><meta name="tdm-reservation" content="1">'
    found = article(page(head=head), opt_outs=("noimageai",))
    assert found.opt_outs == ("noimageai", "noai", "noindex", "tdm-reservation")


@pytest.mark.parametrize(
    "script",
    [
        '<script type="application/ld+json"><!-- {"@type":"NewsArticle","headline":"A headline"} --></script>',
        '<script type="application/ld+json">//<![CDATA[\n{"@type":"NewsArticle","headline":"A headline"}\n//]]></script>',
        '<script type="application/ld+json">{"@type":"NewsArticle","headline":"A headline",}</script>',
        '<script type="application/ld+json">{"@type":["Thing","NewsArticle"],"headline":"A headline","x":"a\nb"};</script>',
        '<script type="application/ld+json">[[{"@type":"http://schema.org/ReportageNewsArticle","headline":"A headline"}]]'
        "</script>",
        '<script type="application/ld+json">{"@type":"NewsArticle","headline":"A headline"} {"@type":"X"}</script>',
        '<script type="application/ld+json">{"@type":"ItemList","itemListElement":[{"@type":"NewsArticle","headline":'
        '"Other"}]}</script><script type="application/ld+json">{"@type":"NewsArticle","headline":"A headline"}</script>',
    ],
)
def test_json_ld_as_it_is_really_written(script: str) -> None:
    assert article(page(head=script)).title == "A headline"


@pytest.mark.parametrize(
    "script",
    ["{", "[" * 100_000, '{"a":' * 50_000, '{"headline": 1e999}', "null", '"text"', '{"@type": 5, "author": [[[]]]}'],
    ids=["cut", "brackets", "objects", "infinity", "null", "string", "types"],
)
def test_json_ld_that_is_none_does_no_harm(script: str) -> None:
    found = article(page(head=f'<script type="application/ld+json">{script}</script>'))
    assert found.text == "\n\n".join(PARAGRAPHS)


@given(st.binary(max_size=2000))
@settings(max_examples=150, deadline=None)
def test_no_bytes_raise(data: bytes) -> None:
    extract(Capture(origin="x", html=data))
    extract(Capture(origin="x", html=b"<html><body><p>" + data + b"</p><div>" + data))


FRAGMENTS = st.sampled_from(
    [
        "<p>", "</p>", "<div class='a'>", "</div>", "<a href='x'>", "</a>", "<table>", "<tr>", "<td>", "</table>", "<ul>",
        "<li>", "</ul>", "<br>", "<h1>", "</h1>", "text of a sentence that is long enough. ", "&amp;", "&#0;", "<!--", "-->",
        "<script>", "</script>", "<style>", "<svg>", "<form>", "<article>", "</article>", "<pre>", "<code>\n", "\x00", "<q>",
        "<blockquote>", "<time datetime='2020-01-01'>", "<meta name='date' content='x'>", "<title>", "<html/>", "<b", "'", "\u200b",
        "<script type='application/ld+json'>{\"@type\":\"NewsArticle\",\"author\":[{}]}</script>", "<base href='//['>",
        "<link rel=canonical href='http://[x'>",
    ]
)  # fmt: skip


@given(st.lists(FRAGMENTS, max_size=60), st.sampled_from([None, "https://a.example/x", "http://["]))
@settings(max_examples=300, deadline=None)
def test_no_soup_raises(parts: list[str], url: str | None) -> None:
    found = extract(Capture(origin="x", html="".join(parts).encode("utf-8", "surrogatepass"), url=url))
    if isinstance(found, Article):
        assert "\n\n".join(found.text[b.start : b.end] for b in found.blocks) == found.text
        assert found.text.strip()
