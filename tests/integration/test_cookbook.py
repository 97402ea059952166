"""Every query of the cookbook, on a corpus that has an answer for it, as people run it."""

from __future__ import annotations

from contextlib import closing

import pytest

from etl.database import Target, connect
from etl.load import finish_run, load_batch, settle, start_run
from etl.load.query import cookbook, run_reader_query
from etl.share import share_root
from tests.records import DAY, MONDAY, NOTICE, date, record, reject

pytestmark = pytest.mark.integration

REPORT = (
    "The council decided on Monday to repair the harbour bridge.\n"
    "Work begins in spring and takes two years, the mayor said.\n"
)
ITEMS = [
    record(
        NOTICE + REPORT,
        url="https://herald.example/bridge",
        removed=[(0, len(NOTICE))],
        captured_at=MONDAY,
        title="Bridge to be repaired",
        authors=("Ada Example", "Ben Example"),
        published=date(2024, 3, 4),
        origin="dump.jsonl:1",
    ),
    record(
        NOTICE + REPORT + "The opposition disagrees.\n",
        url="https://herald.example/bridge",
        removed=[(0, len(NOTICE))],
        captured_at=MONDAY - DAY,
        title="Bridge may be repaired",
        authors=("Ada Example",),
        published=date(2024, 3, 4),
        origin="dump.jsonl:2",
    ),
    record(
        REPORT,
        url="https://courier.example/local/17",
        captured_at=MONDAY + DAY,
        title="Harbour bridge: repairs",
        published=date(2024, 3, 5),
        origin="dump.jsonl:3",
    ),
    record(
        "Der Rat hat den Haushalt beschlossen.\n",
        url="https://bote.example/haushalt",
        language="de",
        confidence=0.75,
        captured_at=MONDAY,
        published=date(2024, 3),
        access="teaser",
        origin="dump.jsonl:4",
    ),
    reject("dump.jsonl:5"),
    reject("dump.jsonl:6", payload=b"{also broken"),
]


@pytest.fixture(scope="module")
def reader(postgres, template):
    """A loaded database, as the reader sees it."""
    postgres.create_database("cookbook", template=template)
    with closing(connect(Target(postgres.url("writer", "cookbook"), "test"))) as connection:
        run_id = start_run(connection, "ingest")
        load_batch(connection, run_id, "all", ITEMS)
        settle(connection)
        finish_run(connection, run_id)
    yield Target(postgres.url("reader", "cookbook"), "reader", own_reader=True)
    postgres.drop_database("cookbook")


#: Entry to columns that must be there and what the first row has in them.
EXPECTED = {
    "articles-a-day": {"day": "2024-03-04", "language": "en", "articles": "1", "copies": "0"},
    "authors": {"author": "Ada Example", "articles": "1", "sites": "['herald.example']"},
    "changed-articles": {"title": "Bridge to be repaired", "version": "1", "words_more": "None"},
    "exact-copies": {"published_first": "herald.example", "copies": "1", "copied_by": "['courier.example']"},
    "latest-runs": {"kind": "ingest", "state": "succeeded", "read": "6", "inserted": "3", "updated": "1"},
    "quarantine-by-reason": {"stage": "read", "reason": "invalid_json", "records": "2"},
    "search": {"site": "herald.example", "title": "Bridge to be repaired"},
    "sites": {"articles": "1", "site": "bote.example", "teasers": "1.000"},
    "stripped-examples": {"rule": "test.subscription.notice", "spans": "1"},
    "stripped-most": {"site": "herald.example", "class": "subscription", "spans": "1"},
    "stripped-share": {"title": "Bridge to be repaired", "spans": "1"},
    "uncertain-language": {"language": "de", "confidence": "0.750"},
    "who-copies-whom": {"first": "herald.example", "copied_by": "courier.example", "articles": "1"},
    "without-date": {"site": "bote.example", "precision": "month"},
}


@pytest.mark.parametrize("name", EXPECTED)
def test_it_answers(reader, name):
    columns, rows = run_reader_query(reader, name)
    found = [dict(zip(columns, map(str, row), strict=True)) for row in rows]
    assert found
    if name == "articles-a-day":
        found = [row for row in found if row["day"] == "2024-03-04"]
    assert {key: found[0][key] for key in EXPECTED[name]} == EXPECTED[name]


def test_every_entry_is_tested_and_described():
    entries = cookbook()
    assert set(entries) == set(EXPECTED)
    assert len(entries) >= 10
    for name, description in entries.items():
        assert len(description) > 20, name
        assert description[0].isupper(), name


def test_every_entry_is_in_the_docs():
    page = share_root() / "docs" / "database.md"
    text = page.read_text(encoding="utf-8")
    assert [name for name in cookbook() if f"`{name}`" not in text] == []


def test_names_may_be_written_with_underscores(reader):
    assert run_reader_query(reader, "exact_copies")[0] == run_reader_query(reader, "exact-copies")[0]
