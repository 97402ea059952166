"""Pages that make extractors hang, and pages that are none: each has its outcome, and the next one goes on."""

from __future__ import annotations

import pytest

from etl.model import Article, Capture, Reject
from etl.settings import Settings
from etl.worker import Worker

pytestmark = pytest.mark.integration

SENTENCE = "The lock keeper counted the boats again and wrote the number down in the book that hangs beside the door."
PLAIN = f"<html><head><title>T</title></head><body><article>{f'<p>{SENTENCE}</p>' * 6}</article></body></html>"


def page(body: str) -> bytes:
    return f"<html><head><title>T</title></head><body><article>{body}</article></body></html>".encode()


CASES: dict[str, tuple[bytes, str | None]] = {
    "59,000 spans in one paragraph": (page("<p>" + "<span>word </span>" * 59_000 + "</p>"), "extract_timeout"),
    "59,000 links in one paragraph": (page("<p>" + "<a href='x'>w</a> " * 59_000 + "</p>"), "extract_timeout"),
    "50,000 attributes": (page(f"<p {' '.join(f'a{n}=x' for n in range(50_000))}>{SENTENCE}</p>"), "extract_timeout"),
    "200,000 nested tags": (page("<div>" * 200_000 + SENTENCE), "nested_too_deep"),
    "100,000 spans": (page("<p>" + "<span>word </span>" * 100_000 + "</p>"), "too_many_elements"),
    "150,000 one-word paragraphs": (page("<p>word</p>" * 150_000), "too_many_elements"),
    "80,000 table rows": (page("<table>" + "<tr><td>a</td></tr>" * 80_000 + "</table>"), "too_many_elements"),
    "50 MB": (page(f"<p>{SENTENCE}</p>" * 420_000), "page_too_large"),
    "5,000 one-word paragraphs": (page("<p>word</p>" * 5_000), None),
    "a paragraph of 1 MB": (page(f"<p>{SENTENCE * 10_000}</p>"), None),
    "a class of 800 kB": (page(f"<p class='{'comment ' * 100_000}'>{SENTENCE}</p>" + f"<p>{SENTENCE}</p>" * 5), None),
    "100,000 people in JSON-LD": (
        PLAIN.encode()
        + b'<script type="application/ld+json">{"@type":"NewsArticle","author":['
        + b",".join([b'{"@type":"Person","name":"Ann Example"}'] * 100_000)
        + b"]}</script>",
        None,
    ),
    "an author of 1 MB": (
        PLAIN.replace("<head>", f"<head><meta name=author content='{'Ann, ' * 200_000}'>").encode(),
        None,
    ),
    "a title of 1 MB": (PLAIN.replace("<title>T", "<title>" + "word | " * 150_000).encode(), None),
    "200,000 open comments": (PLAIN.encode() + b"<!--" * 200_000, None),
    "PDF": (b"%PDF-1.4\n" + bytes(range(256)) * 100, "not_html"),
    "ZIP": (b"PK\x03\x04" + bytes(range(256)) * 100, "not_html"),
    "JPEG": (b"\xff\xd8\xff\xe0" + bytes(range(256)) * 100, "not_html"),
}  # fmt: skip


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Article | Reject]:
    worker: Worker[Article | Reject] = Worker("etl.extract:extract", Settings(extract_cpu_seconds=4))
    found: dict[str, Article | Reject] = {}
    with worker:
        stream = [Capture(origin=name, html=html) for name, (html, _) in CASES.items()]
        stream.append(Capture(origin="the last", html=PLAIN.encode()))
        for capture, result in worker.map(stream):
            found[capture.origin] = result
    return found


@pytest.mark.parametrize("name", CASES)
def test_every_hostile_page_has_its_outcome(outcomes: dict[str, Article | Reject], name: str) -> None:
    outcome, expected = outcomes[name], CASES[name][1]
    if expected is None:
        assert isinstance(outcome, Article)
        assert outcome.text
    else:
        assert isinstance(outcome, Reject)
        assert outcome.reason == expected


def test_the_page_after_them_is_extracted(outcomes: dict[str, Article | Reject]) -> None:
    assert list(outcomes)[-1] == "the last"
    last = outcomes["the last"]
    assert isinstance(last, Article)
    assert SENTENCE in last.text
