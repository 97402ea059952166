"""Files of other people's tools, each in the shape that the tool writes; the words are our own."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import json
import logging
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from etl.errors import KlartextError, UsageError
from etl.model import Capture, Hints
from etl.read import ReadReport, open_captures, parse_mapping, slices
from tests.hostile import HTML_TYPE, PAGE, chunked, lines, warc

PARAGRAPHS = [
    "Die Fähre zwischen Norderhaven und der Insel Süderoog fährt ab Mai wieder täglich.",
    "Der Landkreis zahlt für drei Jahre 1,2 Millionen Euro dazu, teilte die Reederei am Dienstag mit.",
]
TEXT = "\n".join(PARAGRAPHS)
URL = "https://kuestenblatt.example/2022/01/12/faehre"


def read(path: Path, **options: Any) -> list[Capture]:
    outcomes = list(open_captures(path, **options))
    assert all(isinstance(outcome, Capture) for outcome in outcomes), outcomes
    return outcomes  # type: ignore[return-value]


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_news_please(tmp_path: Path) -> None:
    article = {
        "authors": ["Inga Petersen", "Jan Boysen"],
        "date_download": "2022-01-13 06:00:05",
        "date_modify": "None",
        "date_publish": "2022-01-12 14:30:00",
        "description": "Die Fähre fährt wieder.",
        "filename": "https%3A%2F%2Fkuestenblatt.example%2F2022%2F01%2F12%2Ffaehre.json",
        "image_url": "https://kuestenblatt.example/faehre.jpg",
        "language": "de",
        "localpath": None,
        "maintext": TEXT,
        "source_domain": "kuestenblatt.example",
        "text": None,
        "title": "Fähre fährt wieder täglich",
        "title_page": None,
        "title_rss": None,
        "url": URL,
    }
    report = ReadReport()
    (capture,) = read(write(tmp_path, "a.json", json.dumps(article, indent=4)), report=report)
    assert capture.text == TEXT
    assert capture.url == URL
    assert capture.captured_at == dt.datetime(2022, 1, 13, 6, 0, 5, tzinfo=dt.UTC)
    assert capture.notes == ()
    assert capture.hints == Hints(
        title="Fähre fährt wieder täglich",
        authors=("Inga Petersen", "Jan Boysen"),
        published="2022-01-12 14:30:00",
        language="de",
        publisher="kuestenblatt.example",
    )
    ((name, unknown),) = report.unknown_columns.items()
    assert name == str(tmp_path / "a.json")
    assert unknown == ("description", "filename", "image_url", "localpath", "title_page", "title_rss")


def test_fundus(tmp_path: Path) -> None:
    articles = [
        {
            "title": "Fähre fährt wieder täglich",
            "authors": ["Inga Petersen"],
            "body": {
                "summary": ["Der Landkreis zahlt dazu."],
                "sections": [
                    {"headline": [], "paragraphs": [PARAGRAPHS[0]]},
                    {"headline": ["Der Vertrag"], "paragraphs": [PARAGRAPHS[1]]},
                ],
            },
            "publishing_date": "2022-01-12 14:30:00+01:00",
            "topics": ["Verkehr"],
            "free_access": True,
            "lang": "de",
        },
        {
            "html": {
                "requested_url": URL,
                "responded_url": URL + "?x",
                "content": PAGE.decode(),
                "crawl_date": "2022-01-13 06:00:05",
            },
            "title": "Haushalt",
            "publishing_date": "2022-01-12 14:30:00+01:00",
        },
    ]
    text, page = read(write(tmp_path, "a.json", json.dumps(articles)))
    assert text.text == "\n\n".join(["Der Landkreis zahlt dazu.", PARAGRAPHS[0], "Der Vertrag", PARAGRAPHS[1]])
    assert text.hints.published == "2022-01-12 14:30:00+01:00"
    assert text.hints.language == "de"
    assert page.html == PAGE
    assert page.charset == "utf-8"
    assert page.url == URL + "?x"
    assert page.captured_at == dt.datetime(2022, 1, 13, 6, 0, 5, tzinfo=dt.UTC)


NEWSPAPER = {
    "url": URL,
    "read_more_link": "",
    "language": "de",
    "title": "Fähre fährt wieder täglich",
    "top_image": "https://kuestenblatt.example/faehre.jpg",
    "meta_img": "",
    "images": ["https://kuestenblatt.example/faehre.jpg"],
    "movies": [],
    "keywords": [],
    "tags": None,
    "authors": ["Inga Petersen", "Jan Boysen"],
    "publish_date": "2022-01-12T14:30:00+01:00",
    "summary": "",
    "meta_description": "Die Fähre fährt wieder.",
    "meta_lang": "de",
    "meta_site_name": "Küstenblatt",
    "canonical_link": URL,
    "text": TEXT,
}


def test_newspaper4k_json(tmp_path: Path) -> None:
    (capture,) = read(write(tmp_path, "a.json", json.dumps([NEWSPAPER], indent=4)))
    assert (capture.text, capture.url) == (TEXT, URL)
    assert capture.hints.authors == ("Inga Petersen", "Jan Boysen")
    assert capture.hints.publisher == "Küstenblatt"


def test_newspaper4k_csv(tmp_path: Path) -> None:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, NEWSPAPER)
    writer.writeheader()
    writer.writerow(NEWSPAPER)
    (capture,) = read(write(tmp_path, "a.csv", out.getvalue()))
    assert (capture.text, capture.url) == (TEXT, URL)
    assert capture.hints.authors == ("Inga Petersen", "Jan Boysen")  # written out as Python does


def test_media_cloud(tmp_path: Path) -> None:
    story = {
        "id": "5b1c",
        "media_name": "kuestenblatt.example",
        "media_url": "kuestenblatt.example",
        "title": "Fähre fährt wieder täglich",
        "publish_date": "2022-01-12",
        "url": URL,
        "language": "de",
        "indexed_date": "2022-01-14T03:11:25.123456",
        "text": TEXT,
    }
    exported = {
        "article_title": "Fähre fährt wieder täglich",
        "normalized_article_title": "fähre fährt wieder täglich",
        "publication_date": "2022-01-12",
        "canonical_domain": "kuestenblatt.example",
        "text_content": TEXT,
        "original_url": URL,
        "language": "de",
    }
    both = read(
        write(tmp_path, "a.jsonl.gz", gzip.compress((json.dumps(story) + "\n" + json.dumps(exported)).encode()))
    )
    for capture in both:
        assert (capture.text, capture.url) == (TEXT, URL)
        assert capture.hints == Hints(
            title="Fähre fährt wieder täglich",
            published="2022-01-12",
            language="de",
            publisher="kuestenblatt.example",
        )


@pytest.mark.parametrize("compression", ["snappy", "zstd", "gzip", "none"])
def test_cc_news_parquet(tmp_path: Path, compression: str) -> None:
    columns = {
        "requested_url": [URL],
        "responded_url": [URL],
        "plain_text": [TEXT],
        "published_date": ["2022-01-12"],
        "title": ["Fähre fährt wieder täglich"],
        "tags": [["Verkehr"]],
        "author": ["Inga Petersen"],
        "sitename": ["Küstenblatt"],
        "language": ["de"],
        "language_score": [0.99],
        "publisher": ["kuestenblatt.example"],
        "warc_path": ["crawl-data/CC-NEWS/2022/01/CC-NEWS-20220113054512-00001.warc.gz"],
        "crawl_date": [dt.datetime(2022, 1, 13, 5, 50)],  # noqa: DTZ001 - as that set has it
    }
    pq.write_table(pa.table(columns), tmp_path / "a.parquet", compression=compression)
    (capture,) = read(tmp_path / "a.parquet")
    assert (capture.text, capture.url) == (TEXT, URL)
    assert capture.captured_at == dt.datetime(2022, 1, 13, 5, 50, tzinfo=dt.UTC)
    assert capture.hints == Hints(
        title="Fähre fährt wieder täglich",
        authors=("Inga Petersen",),
        published="2022-01-12",
        language="de",
        publisher="kuestenblatt.example",
    )
    assert capture.origin == f"{tmp_path}/a.parquet:1"


def test_cc_news_dump_with_index_column(tmp_path: Path) -> None:
    content = (
        ",title,text,domain,date,description,url,image_url\n"
        f'0,Fähre,"{TEXT}",kuestenblatt.example,2022-01-12 00:00:00,Kurz,{URL},\n'
    )
    (capture,) = read(write(tmp_path, "cc_news.csv", content))
    assert (capture.text, capture.url, capture.hints.published) == (TEXT, URL, "2022-01-12 00:00:00")


def test_cc_news_warc(tmp_path: Path) -> None:
    """As Common Crawl writes them: a warcinfo record, requests beside responses, bodies as they came."""
    records = [
        ("request", "GET /0 HTTP/1.1", [("Host", "blatt.example")], b""),
        ("response", "200 OK", [("Content-Type", "text/html;charset=UTF-8")], PAGE),
        (
            "response",
            "200 OK",
            [*HTML_TYPE, ("Content-Encoding", "gzip"), ("Transfer-Encoding", "chunked")],
            chunked(gzip.compress(PAGE)),
        ),
        ("response", "301 Moved Permanently", [("Location", "/x")], b""),
        (
            "response",
            "200 OK",
            [("Content-Type", "application/xhtml+xml"), ("X-Robots-Tag", "noai, noimageai")],
            PAGE,
        ),
        ("response", "200 OK", [*HTML_TYPE, ("tdm-reservation", "1")], PAGE),
    ]
    report = ReadReport()
    captures = read(write(tmp_path, "CC-NEWS-20220113054512-00001.warc.gz", warc(records)), report=report)
    assert [capture.url for capture in captures] == [f"https://blatt.example/{index}" for index in (1, 2, 4, 5)]
    assert {capture.html for capture in captures} == {PAGE}
    assert {capture.captured_at for capture in captures} == {dt.datetime(2022, 1, 12, 10, tzinfo=dt.UTC)}
    assert [capture.charset for capture in captures] == ["UTF-8", "utf-8", None, "utf-8"]
    assert [capture.opt_outs for capture in captures] == [(), (), ("noai", "noimageai"), ("tdm-reservation",)]
    assert report.skipped == {"WARC request record": 1, "WARC response with status 301": 1}


def test_warc_offsets_lead_back_to_the_record(tmp_path: Path) -> None:
    content = warc([("response", "200 OK", HTML_TYPE, PAGE)] * 3)
    path = write(tmp_path, "a.warc.gz", content)
    for capture in read(path):
        offset = int(capture.origin.rpartition("#")[2])
        (alone,) = read(write(tmp_path, "one.warc.gz", _member(content[offset:])))
        assert alone.url == capture.url


def _member(data: bytes) -> bytes:
    import zlib

    inner = zlib.decompressobj(31)
    inner.decompress(data)
    return data[: len(data) - len(inner.unused_data)]


def test_what_acquiring_noted_comes_back(tmp_path: Path) -> None:
    record = (
        b"WARC/1.1\r\nWARC-Type: response\r\nWARC-Target-URI: https://user:pw@blatt.example/a\r\n"
        b"WARC-Date: 2022-01-12T10:00:00.123456Z\r\nKlartext-Source: blatt\r\n"
        b"Klartext-Opt-Outs: noai, tdm-reservation\r\n"
        b'Klartext-Hints: {"title": "T", "authors": ["A", 5], "published": "2022-01-12", "guid": "x"}\r\n'
        b"Klartext-Suspect: moved to the front page\r\nContent-Type: application/http; msgtype=response\r\n"
    )
    http = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + PAGE
    path = write(tmp_path, "a.warc", record + b"Content-Length: %d\r\n\r\n" % len(http) + http + b"\r\n\r\n")
    (capture,) = read(path)
    assert capture.url == "https://blatt.example/a"
    assert capture.source == "blatt"
    assert capture.opt_outs == ("noai", "tdm-reservation")
    assert capture.hints == Hints(title="T", authors=("A",), published="2022-01-12")
    assert capture.notes == ("suspect:moved to the front page",)
    (capture,) = read(path, source="mine")
    assert capture.source == "mine"


@pytest.mark.parametrize("ending", ["", ".gz", ".zst"])
def test_the_seed(tmp_path: Path, ending: str) -> None:
    given = (Path(__file__).parents[1] / "data" / "seed.txt").read_bytes()
    packed = {"": given, ".gz": gzip.compress(given), ".zst": zstandard.compress(given)}[ending]
    (capture,) = read(write(tmp_path, "seed.txt" + ending, packed))
    assert capture.header == " date 2022-01 "
    assert (capture.header + (capture.text or "")).encode() == given
    assert capture.hints.published == "2022-01"
    assert capture.origin == f"{tmp_path}/seed.txt{ending}"


@pytest.mark.parametrize("charset", ["utf-8-sig", "utf-16", "cp1252", "iso8859-15"])
def test_text_in_other_charsets(tmp_path: Path, charset: str) -> None:
    (capture,) = read(write(tmp_path, "a.txt", (TEXT * 5).encode(charset)))
    assert capture.text == TEXT * 5


def test_a_saved_page_knows_where_it_was_saved_from(tmp_path: Path) -> None:
    mark = b"<!-- saved from url=(0042)" + URL.encode() + b" -->\n"
    (capture,) = read(write(tmp_path, "a.html", mark + PAGE))
    assert (capture.url, capture.html) == (URL, mark + PAGE)
    (capture,) = read(write(tmp_path, "b.htm", PAGE))
    assert capture.url is None


@pytest.mark.parametrize("name", ["Text", "TEXT", "main-text", "Main Text", "plaintext", "article_text"])
def test_names_are_found_whatever_their_case_and_joints(tmp_path: Path, name: str) -> None:
    (capture,) = read(write(tmp_path, "a.jsonl", json.dumps({name: "words", "Date Publish": "2022"})))
    assert (capture.text, capture.hints.published) == ("words", "2022")


def test_the_first_column_that_holds_something_counts(tmp_path: Path) -> None:
    record = {
        "content": "third",
        "maintext": "second",
        "text": "  ",
        "html": "",
        "link": "https://b.example/",
        "url": None,
    }
    (capture,) = read(write(tmp_path, "a.jsonl", json.dumps(record)))
    assert (capture.text, capture.url) == ("second", "https://b.example/")


def test_html_beats_text(tmp_path: Path) -> None:
    (capture,) = read(write(tmp_path, "a.jsonl", json.dumps({"text": "x", "html": "<p>ü\ud800"})))
    assert (capture.text, capture.html, capture.charset) == (None, "<p>ü\ufffd".encode(), "utf-8")


def test_a_map_names_columns(tmp_path: Path) -> None:
    path = write(tmp_path, "a.jsonl", '{"text": "teaser", "full": "all of it", "when": 1641996000, "url": "x"}')
    report = ReadReport()
    (capture,) = read(path, mapping=parse_mapping("text=full,date=when"), report=report)
    assert (capture.text, capture.hints.published) == ("all of it", "1641996000")
    assert not report.unknown_columns


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ("txt=a", "no field 'txt'"),
        ("text", "isn't FIELD=COLUMN"),
        ("text=", "isn't FIELD"),
        ("text=a,text=b", "twice"),
    ],
)
def test_a_wrong_map_is_the_users_mistake(pairs: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        parse_mapping(pairs)
    assert caught.value.exit_code == 2
    assert caught.value.fix


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_a_mapped_column_must_be_there(tmp_path: Path, name: str) -> None:
    if name == "a.csv":
        write(tmp_path, name, "url,text\nhttps://b.example/,x\n")
    else:
        pq.write_table(pa.table({"url": ["https://b.example/"], "text": ["x"]}), tmp_path / name)
    with pytest.raises(UsageError, match=r"has no column 'body' \(--map text=body\)") as caught:
        list(open_captures(tmp_path / name, mapping={"text": "body"}))
    assert "url, text" in caught.value.fix


def test_a_mapped_column_that_no_line_has_is_reported(tmp_path: Path) -> None:
    report = ReadReport()
    list(open_captures(write(tmp_path, "a.jsonl", '{"text": "x"}'), mapping={"title": "head"}, report=report))
    assert "no record has the column 'head' (--map title=head)" in report.lines()[0]


def test_unknown_columns_are_listed_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    report = ReadReport()
    with caplog.at_level(logging.INFO, "etl.read.fields"):
        for name in ("a.jsonl", "b.jsonl"):
            read(write(tmp_path, name, '{"text": "x", "foo": 1}\n{"text": "y", "foo": 2, "bar": 3}\n'), report=report)
    assert [record.message for record in caplog.records] == [
        f"{tmp_path}/{name}: columns that were not used: foo, bar" for name in ("a.jsonl", "b.jsonl")
    ]
    assert report.lines() == [
        f"{tmp_path}/a.jsonl and 1 more: columns that were not used: foo, bar (--map FIELD=COLUMN uses one)"
    ]


@pytest.mark.parametrize("target", [1, 100, 5_000, 50_000, 10**9])
def test_slices_give_what_the_whole_gives(tmp_path: Path, target: int) -> None:
    path = write(tmp_path, "a.jsonl", b"\xef\xbb\xbf" + lines(300) + b"\n\n{broken\n" + lines(20).rstrip(b"\n"))
    whole = list(open_captures(path))
    pieces = slices(path, target)
    assert sum(piece.size for piece in pieces) == path.stat().st_size
    read_again = [
        outcome
        for piece in pieces
        for outcome in open_captures(path, offset=piece.offset, length=piece.length, first_line=piece.first_line)
    ]
    assert read_again == whole


@pytest.mark.parametrize("cut", [1, 2, 140, 1000, 20_000])
def test_any_cut_gives_every_line_once(tmp_path: Path, cut: int) -> None:
    path = write(tmp_path, "a.jsonl", lines(100))
    halves = [*open_captures(path, length=cut), *open_captures(path, offset=cut)]
    assert halves == list(open_captures(path))


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.csv", "a.txt"])
def test_what_cant_be_cut_is_one_slice(tmp_path: Path, name: str) -> None:
    content = gzip.compress(lines(1000)) if name.endswith("gz") else b"url,text\n" * 1000
    (piece,) = slices(write(tmp_path, name, content), 10)
    assert (piece.offset, piece.length, piece.size) == (0, None, len(content))


def test_credentials_in_a_record_go_nowhere(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    content = '{"text": "x", "url": "https://user:hunter2@b.example/a"}\n{"text": 5, "url": "https://u:hunter2@b.example/"}\n'
    report = ReadReport()
    with caplog.at_level(logging.DEBUG):
        good, bad = open_captures(write(tmp_path, "a.jsonl", content), report=report)
    assert good.url == "https://b.example/a"
    assert bad.url == "https://b.example/"
    assert "hunter2" not in repr(good) + caplog.text + "".join(report.lines())
    assert "hunter2" not in bad.detail  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "hostile",
    ["'; DROP TABLE article; --", "\x1b[31mred\x1b[0m", "<script>alert(1)</script>", "%s%n{0}{x.__class__}", "=1+1"],
)
def test_hostile_words_are_kept_as_they_are(tmp_path: Path, hostile: str) -> None:
    record = {"text": hostile, "title": hostile, "author": hostile, "date": hostile, hostile: 1}
    (capture,) = read(write(tmp_path, "a.jsonl", json.dumps(record)))
    assert capture.text == capture.hints.title == capture.hints.published == hostile
    assert capture.hints.authors == (hostile,)


def test_a_column_name_cant_steer_the_terminal(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    report = ReadReport()
    with caplog.at_level(logging.INFO):
        read(write(tmp_path, "a.jsonl", json.dumps({"text": "x", "\x1b[2J\u202e": 1})), report=report)
    assert "\x1b" not in caplog.text + "".join(report.lines())
    assert "\\x1b[2J\\u202e" in report.lines()[0]


def test_long_hints_are_cut_and_the_text_is_not(tmp_path: Path) -> None:
    record = {"text": "x" * 100_000, "title": "t" * 100_000, "url": "https://b.example/" + "u" * 100_000}
    (capture,) = read(write(tmp_path, "a.jsonl", json.dumps(record)))
    assert len(capture.text or "") == 100_000
    assert len(capture.hints.title or "") == 5000
    assert capture.notes == ("url_too_long", "cut:title")


def test_every_file_can_have_its_map_checked_before_anything_is_loaded(tmp_path: Path) -> None:
    from etl.read import check_mapping, find_files

    write(tmp_path, "a.csv.gz", gzip.compress(b"url,body\nhttps://b.example/,x\n"))
    write(tmp_path, "b.jsonl", "{}")
    check_mapping(find_files([tmp_path]), {"text": "body"})
    write(tmp_path, "c.csv", "url,text\nhttps://b.example/,x\n")
    with pytest.raises(UsageError, match=r"c\.csv has no column 'body'"):
        check_mapping(find_files([tmp_path]), {"text": "body"})


def test_a_full_disk_is_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tempfile

    path = write(tmp_path, "a.parquet.gz", gzip.compress(b"PAR1" + bytes(5000)))

    class Full(io.BytesIO):
        def write(self, data: object) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", Full)
    with pytest.raises(KlartextError, match="No space left on device") as caught:
        list(open_captures(path))
    assert "TMPDIR" in caught.value.fix


def test_a_mistake_of_ours_costs_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from etl.read import jsonl

    def fails(line: bytes) -> None:
        if b"second" in line:
            raise ZeroDivisionError("hunter2")
        return real(line)  # type: ignore[return-value]

    real = jsonl.parse_object
    monkeypatch.setattr(jsonl, "parse_object", fails)
    good, bad = open_captures(write(tmp_path, "a.jsonl", b'{"text": "first"}\n{"text": "second"}\n'))
    assert isinstance(good, Capture)
    assert (bad.reason, bad.origin) == ("internal_error", f"{tmp_path}/a.jsonl")  # type: ignore[union-attr]
    assert f"ZeroDivisionError after {tmp_path}/a.jsonl:1 (line " in bad.detail  # type: ignore[union-attr]
