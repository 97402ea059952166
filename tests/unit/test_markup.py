# ruff: noqa: E501 - pages are easier to read whole
"""Markup as evidence: pages of invented publishers, through extraction's view of their blocks and the cleaner.

``outcome`` takes every element that holds text as a block, as a careless extractor would; ``processed`` is the whole
road from a page's bytes to a record.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html

from etl.clean import clean
from etl.clean.markup import MARKUP_FILE, Markup, load_markup
from etl.extract.flow import place_blocks, read_flow
from etl.extract.page import parse
from etl.model import Block, Capture, Cleaned, Record
from etl.process import process

STORY = (
    "Der Gemeinderat von Altenfähr hat am Dienstagabend beschlossen, die Brücke über den Mühlgraben abzureißen und an "
    "derselben Stelle eine breitere zu bauen, auf der auch Busse fahren können.",
    "Die Kosten schätzt das Bauamt auf 2,4 Millionen Euro, von denen das Land sechzig Prozent übernimmt. Der Rest soll "
    "aus den Rücklagen kommen, wie Kämmerin Ruth Albers erklärte.",
    "Anwohner hatten gefordert, das alte Geländer zu erhalten. Es stammt aus dem Jahr 1911 und wurde von einem Schmied "
    "aus dem Nachbardorf gefertigt, dessen Enkel noch heute im Ort leben.",
    "Bis zum Herbst sollen die Arbeiten ausgeschrieben werden, gebaut wird frühestens im kommenden Frühjahr. So lange "
    "bleibt die Brücke für Fahrzeuge über drei Tonnen gesperrt.",
    "Die Opposition hielt dem Bürgermeister vor, zu spät gehandelt zu haben. Schon vor vier Jahren habe ein Gutachten "
    "vor dem Zustand der Pfeiler gewarnt, sagte Fraktionschef Jens Ohlsen.",
)
TEASERS = (
    "Nach dem Hochwasser räumen Freiwillige im Nachbarort den Schlamm aus der Turnhalle, die Schule bleibt zu.",
    "Eine Bäckerei aus Brodersby verkauft Brot von gestern und hat damit mehr Erfolg als erwartet.",
    "Der Wolf ist zurück im Kreis, und die Schäfer streiten mit dem Landrat über den Preis der Zäune.",
)
KINDS = ("p", "h2", "h3", "li", "figcaption", "blockquote", "td")


def paragraphs(texts: Sequence[str] = STORY) -> str:
    return "".join(f"<p>{text}</p>" for text in texts)


def page(body: str, title: str = "Altenfähr bekommt eine neue Brücke") -> str:
    return (
        f'<!DOCTYPE html><html lang="de"><head><meta charset="utf-8"><title>{title} | Küstenbote</title></head><body>'
        f'<nav class="main-nav"><ul><li><a href="/">Start</a></li><li><a href="/ort">Ort</a></li></ul></nav>{body}'
        "<footer><p>Küstenbote, Altenfähr</p></footer></body></html>"
    )


def outcome(body: str, language: str = "de") -> Cleaned:
    """Cleaning of all that stands in the body of a page, with its markup."""
    root = parse(page(body))
    flow = None if root is None else read_flow(root, 200)
    assert root is not None
    assert flow is not None
    pieces = [(str(e.tag), " ".join(e.text_content().split())) for e in root.iter(*KINDS, "div") if _holds_text(e)]
    text, blocks = place_blocks(flow, [piece for piece in pieces if piece[1]])
    cleaned = clean(text, language=language, blocks=blocks)
    assert "".join(_put_back(cleaned)) == text
    return cleaned


def _holds_text(element: html.HtmlElement) -> bool:
    if element.tag == "div":
        return bool((element.text or "").strip())
    return next(element.iterancestors(*KINDS), None) is None or element.tag != "p"


def _put_back(cleaned: Cleaned) -> list[str]:
    pieces, at, used = [], 0, 0
    for span in cleaned.removed:
        pieces += [cleaned.text[used : used + span.start - at], span.text]
        used, at = used + span.start - at, span.end
    return [*pieces, cleaned.text[used:]]


def processed(body: str) -> Record:
    found = process(Capture(origin="t", html=page(body).encode(), url="https://kuestenbote.example/ort/bruecke"))
    assert isinstance(found, Record)
    return found


def gone(body: str) -> list[str]:
    """What is removed of a page besides its menu."""
    return [span.text.strip() for span in outcome(body).removed if span.text.strip() not in ("Start", "Ort")]


def without(body: str) -> Cleaned:
    """The same by wording alone."""
    root = parse(page(body))
    assert root is not None
    pieces = [" ".join(e.text_content().split()) for e in root.iter(*KINDS, "div") if _holds_text(e)]
    return clean("\n\n".join(piece for piece in pieces if piece), language="de")


# --- teasers of whole sentences: no wording tells them


def linked(text: str, number: int) -> str:
    return f'<a href="/ort/{number}">{text}</a>'


LISTS = {
    "links_in_a_list": '<ul class="related-articles">'
    + "".join(f"<li>{linked(text, i)}</li>" for i, text in enumerate(TEASERS))
    + "</ul>",
    "aside": '<aside class="teaser-box">'
    + "".join(f"<p>{linked(text, i)}</p>" for i, text in enumerate(TEASERS))
    + "</aside>",
    "cards": '<div class="recommendations">'
    + "".join(f'<a class="card teaser" href="/ort/{i}"><p>{text}</p></a>' for i, text in enumerate(TEASERS))
    + "</div>",
    "headline_and_sentence": '<div class="teaser-list" id="similar">'
    + "".join(
        f'<div class="teaser"><h3><a href="/ort/{i}">Aus dem Kreis</a></h3><p class="teaser-text">{linked(text, i)}</p></div>'
        for i, text in enumerate(TEASERS)
    )
    + "</div>",
}

#: Such as extraction takes for text: nothing of their sentences is a link.
UNLINKED = {
    "list": '<ul class="timeline similar">'
    + "".join(
        f'<li><div class="wrapper"><div class="title">Aus dem Kreis</div><p>{text}</p></div></li>' for text in TEASERS
    )
    + "</ul>",
    "section": '<section class="read-next latest">'
    + "".join(f"<h3>{linked('Aus dem Kreis', i)}</h3><p>{text}</p>" for i, text in enumerate(TEASERS))
    + "</section>",
}


@pytest.mark.parametrize("teasers", LISTS.values(), ids=LISTS.keys())
def test_teasers_of_whole_sentences_fall(teasers: str) -> None:
    body = f'<main><article class="article-body">{paragraphs()}</article>{teasers}</main>'
    cleaned = outcome(body)
    assert [text for text in STORY if text not in cleaned.text] == []
    assert [text for text in TEASERS if text in cleaned.text] == []
    # Wording alone would have kept them: it is the markup that tells.
    assert any(text in without(body).text for text in TEASERS)
    spans = [span for span in cleaned.removed if any(text in span.text for text in TEASERS)]
    assert all(any(name.startswith("markup: ") for name in span.evidence["signals"]) for span in spans)


@pytest.mark.parametrize("between", [True, False], ids=["between", "after"])
@pytest.mark.parametrize("teasers", UNLINKED.values(), ids=UNLINKED.keys())
def test_the_whole_road_drops_teasers_that_extraction_takes_for_text(teasers: str, between: bool) -> None:
    body = f"{paragraphs(STORY[:3])}{teasers}{paragraphs(STORY[3:])}" if between else f"{paragraphs()}{teasers}"
    record = processed(f'<main><article class="article-body">{body}</article></main>')
    assert [text for text in TEASERS if text not in record.article.text] == []
    assert [text for text in STORY if text not in record.clean_text] == []
    assert [text for text in TEASERS if text in record.clean_text] == []
    signals = {name for span in record.removed for name in span.evidence["signals"]}
    assert {"markup: class similar", "markup: class latest"} & signals


def test_a_teaser_between_paragraphs_falls_and_a_subhead_stays() -> None:
    box = f'<aside class="related"><h3>{linked("Schäfer und Landrat streiten weiter", 1)}</h3></aside>'
    subhead = "<h3>Gutachten warnte schon früh</h3>"
    cleaned = outcome(
        f'<article class="story">{paragraphs(STORY[:2])}{box}{paragraphs(STORY[2:4])}{subhead}{paragraphs(STORY[4:])}</article>'
    )
    assert "Schäfer und Landrat" not in cleaned.text
    assert "Gutachten warnte schon früh" in cleaned.text


def test_a_sign_up_box_in_prose_falls() -> None:
    pitch = "Was in der Woche wichtig war, steht jeden Freitag um sechs Uhr früh in Ihrem Postfach."
    box = f'<div class="newsletter-box signup"><p>{pitch}</p><form><label>E-Mail</label></form></div>'
    cleaned = outcome(f'<article class="story">{paragraphs(STORY[:3])}{box}{paragraphs(STORY[3:])}</article>')
    assert pitch not in cleaned.text
    assert [span.class_ for span in cleaned.removed if pitch in span.text] == ["newsletter"]
    assert [text for text in STORY if text not in cleaned.text] == []


# --- what must stay


@pytest.mark.parametrize(
    "wrapper",
    [
        "article-premium paywall",
        "share-container",
        "teaser related newsletter",
        "ad-free promo content-list",
        "sidebar-layout comments-open",
    ],
    ids=lambda value: value.replace(" ", "_"),
)
@pytest.mark.parametrize("element", ["div", "aside", "form"])
def test_a_body_in_a_container_of_a_bad_name_stays(element: str, wrapper: str) -> None:
    body = f'<main><{element} class="{wrapper}"><h2>Neue Brücke für Altenfähr</h2>{paragraphs()}</{element}></main>'
    assert gone(body) == []


@pytest.mark.parametrize("wrapper", ["article-premium paywall", "share-container", "teaser-content"])
def test_the_whole_road_keeps_a_body_in_a_container_of_a_bad_name(wrapper: str) -> None:
    record = processed(f'<main><article><div class="{wrapper}">{paragraphs()}</div></article></main>')
    assert [text for text in STORY if text in record.article.text and text not in record.clean_text] == []
    assert STORY[1] in record.clean_text


def test_the_paid_part_of_an_article_stays() -> None:
    body = f'<article class="story">{paragraphs(STORY[:2])}<div class="paywall premium-content">{paragraphs(STORY[2:])}</div></article>'
    assert gone(body) == []


def test_a_paragraph_of_content_rich_in_links_stays() -> None:
    text = (
        'Über den Streit berichteten zuerst der <a href="https://bote.example">Inselbote</a> und das <a href="https://blatt.example">Strandblatt</a>, '
        'später auch <a href="https://funk.example">Radio Bodden</a>; das <a href="https://amt.example">Amt</a> äußerte sich bisher nicht.'
    )
    assert gone(f'<article class="story">{paragraphs(STORY[:3])}<p>{text}</p>{paragraphs(STORY[3:])}</article>') == []


def test_a_list_of_content_with_links_stays() -> None:
    items = (
        'Abriss der alten Brücke im März, danach <a href="/plan">Umleitung</a> über die Dorfstraße',
        'Neubau von April bis September, Auftrag an die <a href="https://bau.example">Firma Lührs</a> aus Bergen',
        "Freigabe für Busse und Lastwagen nach der Prüfung im Oktober",
    )
    body = (
        f'<article class="story">{paragraphs(STORY[:3])}<p>Der Plan sieht so aus:</p><ul class="bullet-list">'
        + "".join(f"<li>{item}</li>" for item in items)
        + f"</ul>{paragraphs(STORY[3:])}</article>"
    )
    assert gone(body) == []


def test_a_box_of_facts_and_a_quotation_stay() -> None:
    fact = (
        "Die Brücke wurde 1911 als Ersatz für eine Furt gebaut und nach dem Krieg zweimal ausgebessert, zuletzt 1987."
    )
    quotation = "„Wir haben um dieses Geländer gekämpft, weil es das Letzte ist, was an den alten Hafen erinnert.“"
    body = (
        f'<article class="story">{paragraphs(STORY[:2])}<aside class="fact-box"><h3>Die alte Brücke</h3><p>{fact}</p></aside>'
        f'{paragraphs(STORY[2:4])}<blockquote class="pull-quote"><p>{quotation}</p></blockquote>{paragraphs(STORY[4:])}</article>'
    )
    cleaned = outcome(body)
    assert fact in cleaned.text
    assert quotation in cleaned.text


def test_the_standfirst_stays_though_its_class_says_teaser() -> None:
    first = "Zwölf Jahre lang stritt der Ort über die Brücke am Mühlgraben. Nun ist der Beschluss gefallen, und er wird teuer."
    body = f'<article class="story"><header class="article-head"><h2>Neue Brücke</h2></header><p class="teaser intro">{first}</p>{paragraphs()}</article>'
    assert first in outcome(body).text


def test_a_byline_and_an_author_box_may_stay_but_the_story_must() -> None:
    author = "Inga Petersen berichtet seit 2009 für den Küstenboten über die Gemeinden am Bodden und wohnt selbst in Altenfähr."
    body = f'<article class="story"><p class="byline author">Von Inga Petersen</p>{paragraphs()}<div class="author-box"><p>{author}</p></div></article>'
    cleaned = outcome(body)
    assert [text for text in STORY if text not in cleaned.text] == []
    assert author in cleaned.text


# --- the model


def test_given_text_is_judged_by_its_wording_alone() -> None:
    text = "\n\n".join((*STORY, *TEASERS))
    lines = [Block(text.index(piece), text.index(piece) + len(piece)) for piece in (*STORY, *TEASERS)]
    marks = load_markup().read(lines)
    assert [marks.added(row, -4.0) for row in range(len(lines))] == [-4.0] * len(lines)
    assert [marks.least(row) for row in range(len(lines))] == [0.0] * len(lines)
    assert clean(text, language="de", blocks=lines) == clean(text, language="de")


def test_the_weights_are_of_features_that_exist() -> None:
    document = json.loads(MARKUP_FILE.read_text(encoding="utf-8"))
    markup = Markup(document)
    assert set(document["weights"]) <= set(markup.names)
    # What can only be a sign of boilerplate never speaks against it.
    assert all(
        document["weights"].get(name, 0) >= 0 for name in ("in aside", "in nav", "class: related", "links: all")
    )
    assert document["least"] >= 0.5


def test_a_word_in_two_groups_is_an_error() -> None:
    document = json.loads(MARKUP_FILE.read_text(encoding="utf-8"))
    with pytest.raises(ValueError, match=r"markup\.json: 'teaser' is in 'related' and in 'share'"):
        Markup(document | {"words": document["words"] | {"share": ["teaser"]}})


BLOCKS = st.lists(
    st.builds(
        lambda size, tag, share, classes: (size, tag, share, tuple(classes)),
        st.integers(0, 300),
        st.sampled_from(("p", "h2", "li", "div", "td", "aside", "x")),
        st.none() | st.floats(0, 1),
        st.lists(
            st.sampled_from(("teaser", "story", "<aside>", "<li>", "[hidden]", "ad", "body", "<x>")), unique=True
        ),
    ),
    max_size=12,
)


@given(BLOCKS)
def test_any_markup_can_be_read(described: list[tuple[int, str, float | None, tuple[str, ...]]]) -> None:
    blocks, at = [], 0
    for size, tag, share, classes in described:
        blocks.append(Block(at, at + size, tag, share, classes))
        at += size + 2
    markup = load_markup()
    for block, place in zip(blocks, markup.places(blocks), strict=True):
        assert (place is None) == (block.link_share is None)
        if place is not None:
            assert set(place.features) <= set(markup.names)
            assert all(0 <= value <= 1 for value in place.features.values())
            assert all(weight > 0 for weight in markup.signals(place, block).values())
