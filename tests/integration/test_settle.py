"""Settle: current versions, copies and their leader, the search index; a function of what is stored."""

from __future__ import annotations

import random
import re
from contextlib import closing
from datetime import datetime, timedelta

import pytest

from etl.database import Target, connect
from etl.load import SettleResult, checksum, load_batch, settle, start_run
from etl.model import Record
from etl.share import query
from tests.records import DAY, MONDAY, NOTICE, corpus, date, record

pytestmark = pytest.mark.integration


@pytest.fixture
def connection(dsn):
    with closing(connect(Target(dsn, "test"))) as found:
        yield found


class Loader:
    """Loads single records, each in a batch of its own."""

    def __init__(self, connection) -> None:
        self.connection = connection
        self.run_id = start_run(connection, "ingest")
        self.number = 0

    def __call__(self, *records: Record) -> None:
        for each in records:
            self.number += 1
            load_batch(self.connection, self.run_id, str(self.number), [each])


@pytest.fixture
def load(connection):
    return Loader(connection)


def rows(connection, statement, parameters=None):
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        found = cursor.fetchall()
    connection.commit()
    return found


URL = "https://a.example/1"


def seen(text: str, day: int | None, url: str = URL, **fields) -> Record:
    """A text as captured on a day, counting from Monday."""
    return record(text, url=url, captured_at=None if day is None else MONDAY + day * DAY, **fields)


def test_nothing_is_visible_before_the_first_settle(connection, load):
    load(seen("A text.", 0))
    for view in ("article", "clean_article", "article_version", "removed_span", "duplicate_cluster", "daily_volume"):
        assert rows(connection, f"SELECT count(*) FROM news.{view}") == [(0,)]
    settle(connection)
    assert rows(connection, "SELECT count(*) FROM news.clean_article") == [(1,)]


def test_with_nothing_to_do_it_changes_nothing(connection, load):
    load(*[item for item in corpus(1) if isinstance(item, Record)])
    first = settle(connection)
    assert first.settled == first.changed > 0
    before = rows(
        connection, "SELECT ctid, xmin FROM klartext.settled UNION ALL SELECT ctid, xmin FROM klartext.capture"
    )
    again = settle(connection)
    assert again == SettleResult(clusters=first.clusters, settled=0, changed=0, indexed=0)
    after = rows(
        connection, "SELECT ctid, xmin FROM klartext.settled UNION ALL SELECT ctid, xmin FROM klartext.capture"
    )
    assert before == after


def test_looking_again_at_what_is_settled_changes_nothing(connection, load):
    load(*[item for item in corpus(1) if isinstance(item, Record)])
    settle(connection)
    before = rows(
        connection,
        "SELECT ctid, xmin FROM klartext.settled UNION ALL SELECT ctid, xmin FROM klartext.search_document",
    )
    rows(
        connection,
        "INSERT INTO klartext.settle_queue (article_id) SELECT article_id FROM klartext.article RETURNING 1",
    )
    result = settle(connection)
    assert (result.changed, result.indexed) == (0, 0)
    assert result.settled > 0
    after = rows(
        connection,
        "SELECT ctid, xmin FROM klartext.settled UNION ALL SELECT ctid, xmin FROM klartext.search_document",
    )
    assert before == after


def test_a_text_that_comes_back_is_a_third_version(connection, load):
    load(seen("Text A.", 0), seen("Text B.", 1), seen("Text A.", 2))
    settle(connection)
    found = rows(
        connection, "SELECT version, text, is_current, captured_at FROM news.article_version ORDER BY version"
    )
    assert found == [
        (1, "Text A.", False, MONDAY),
        (2, "Text B.", False, MONDAY + DAY),
        (3, "Text A.", True, MONDAY + 2 * DAY),
    ]
    assert rows(connection, "SELECT text, versions, first_seen, last_seen FROM news.article") == [
        ("Text A.", 3, MONDAY, MONDAY + 2 * DAY)
    ]


def test_an_unchanged_refetch_is_no_version(connection, load):
    load(seen("Text A.", 0, title="First"), seen("Text A.", 1, title="Second"), seen("Text A.", 2, title="Third"))
    settle(connection)
    found = rows(connection, "SELECT version, captured_at, last_captured_at, title FROM news.article_version")
    assert found == [(1, MONDAY, MONDAY + 2 * DAY, "Third")]


def test_the_earliest_spans_of_a_version_are_shown(connection, load):
    """The notice came on Tuesday; the text beneath it didn't change."""
    load(seen("Text A.", 0), seen(NOTICE + "Text A.", 1, removed=[(0, len(NOTICE))]))
    settle(connection)
    assert rows(connection, "SELECT count(*) FROM news.removed_span") == [(0,)]
    assert rows(connection, "SELECT news.original_text(id) FROM news.article") == [("Text A.",)]
    load(seen(NOTICE + "Text A.", -1, removed=[(0, len(NOTICE))]))
    settle(connection)
    assert rows(connection, "SELECT class, text FROM news.removed_span") == [("subscription", NOTICE)]
    assert rows(connection, "SELECT news.original_text(id) FROM news.article") == [(NOTICE + "Text A.",)]


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        pytest.param(seen("Text Z.", None), seen("Text A.", 0), id="no time is before any time"),
        pytest.param(seen("Text Z.", 0), seen("Text A.", 1), id="captured later"),
        pytest.param(seen("Text Z.", 0), seen("Text A.", 0, modified=date(2024, 3, 1)), id="modified is known"),
        pytest.param(
            seen("Text Z.", 0, modified=date(2024, 3, 1)),
            seen("Text A.", 0, modified=date(2024, 3, 2)),
            id="modified later",
        ),
    ],
)
@pytest.mark.parametrize("order", [1, -1], ids=["in order", "late arrival"])
def test_the_current_version_is_the_latest_not_the_last_loaded(connection, load, earlier, later, order):
    for item in (earlier, later)[::order]:
        load(item)
        settle(connection)
    assert rows(connection, "SELECT text FROM news.article") == [(later.clean_text,)]
    current = rows(connection, "SELECT text FROM news.article_version WHERE is_current")
    assert current == [(later.clean_text,)]


def test_equal_times_are_decided_by_the_hash(connection, load):
    one, two = sorted((seen("Text A.", 0), seen("Text B.", 0)), key=lambda item: item.text_sha256)
    load(two, one)
    settle(connection)
    assert rows(connection, "SELECT text FROM news.article") == [(two.clean_text,)]


# --- copies ---------------------------------------------------------------------------------------------------------

LEADERS = """
    SELECT url, is_canonical, relation, of IS NOT NULL, similarity FROM news.duplicate_cluster
     ORDER BY is_canonical DESC, url
"""


def test_copies_name_the_one_that_published_first(connection, load):
    load(
        seen("The report.", 2, "https://b.example/copy", published=date(2024, 3, 5)),
        seen("The report.", 3, "https://a.example/first", published=date(2024, 3, 4)),
        seen("The report.", 1, "https://c.example/undated"),
        seen("Another report.", 1, "https://d.example/other"),
    )
    settle(connection)
    assert rows(connection, LEADERS) == [
        ("https://a.example/first", True, "canonical", False, None),
        ("https://d.example/other", True, "canonical", False, None),
        ("https://b.example/copy", False, "exact", True, 1.0),
        ("https://c.example/undated", False, "exact", True, 1.0),
    ]
    assert rows(connection, "SELECT url FROM news.clean_article ORDER BY url") == [
        ("https://a.example/first",),
        ("https://d.example/other",),
    ]


def test_a_vague_date_comes_after_the_precise_ones_in_it(connection, load):
    """March 2024 ends after the 4th of March."""
    load(
        seen("The report.", 0, "https://a.example/month", published=date(2024, 3)),
        seen("The report.", 1, "https://b.example/day", published=date(2024, 3, 4)),
    )
    settle(connection)
    assert rows(connection, "SELECT url FROM news.clean_article") == [("https://b.example/day",)]


def test_an_earlier_article_that_arrives_later_leads(connection, load):
    load(seen("The report.", 5, "https://b.example/copy"), seen("The report.", 6, "https://c.example/copy"))
    settle(connection)
    assert rows(connection, "SELECT url FROM news.clean_article") == [("https://b.example/copy",)]
    load(seen("The report.", 1, "https://z.example/first"))
    result = settle(connection)
    assert rows(connection, "SELECT url FROM news.clean_article") == [("https://z.example/first",)]
    assert result.changed == 3
    leaders = rows(connection, "SELECT DISTINCT cluster_id FROM news.duplicate_cluster")
    assert leaders == rows(connection, "SELECT article_id FROM news.clean_article")


def test_a_leader_whose_text_changes_leaves_its_copies_to_the_next(connection, load):
    load(
        seen("The report.", 0, "https://a.example/first"),
        seen("The report.", 1, "https://b.example/copy"),
        seen("The report.", 2, "https://c.example/copy"),
    )
    settle(connection)
    load(seen("The report, corrected.", 3, "https://a.example/first"))
    settle(connection)
    assert rows(connection, LEADERS) == [
        ("https://a.example/first", True, "canonical", False, None),
        ("https://b.example/copy", True, "canonical", False, None),
        ("https://c.example/copy", False, "exact", True, 1.0),
    ]


def test_a_refetch_does_not_cost_an_article_its_lead(connection, load):
    load(seen("The report.", 0, "https://a.example/first"), seen("The report.", 1, "https://b.example/copy"))
    settle(connection)
    load(seen("The report.", 9, "https://a.example/first"))
    settle(connection)
    assert rows(connection, "SELECT url FROM news.clean_article") == [("https://a.example/first",)]


def brute_force(items: list[Record]) -> dict[str, tuple[str, str, bool]]:
    """What settle must come to, straight from the definitions: id to (text, leader, canonical)."""
    far = datetime.max.replace(tzinfo=MONDAY.tzinfo) - timedelta(days=2)
    past = datetime.min.replace(tzinfo=MONDAY.tzinfo) + timedelta(days=2)
    from etl.load.rows import row

    sightings = {}
    for item in items:
        sightings.setdefault(item.article_id, {})[row(item).sighting_sha256] = item
    shown = {}
    for article_id, of_article in sightings.items():
        ordered = sorted(
            of_article.items(),
            key=lambda pair: (
                pair[1].captured_at or past,
                pair[1].article.modified.start if pair[1].article.modified else past,
                pair[1].text_sha256,
                pair[0],
            ),
        )
        current = ordered[-1][1]
        first = current
        for _, item in reversed(ordered):
            if item.text_sha256 != current.text_sha256:
                break
            first = item
        published = current.article.published.until if current.article.published else far
        shown[article_id] = (current.clean_text, (published, first.captured_at or far, str(article_id)))
    answer = {}
    for article_id, (text, _) in shown.items():
        leader = min((place, str(other)) for other, (same, place) in shown.items() if same == text)[1]
        answer[str(article_id)] = (text, leader, leader == str(article_id))
    return answer


@pytest.mark.parametrize("seed", range(4))
def test_it_comes_to_what_the_definitions_say(connection, load, seed):
    items = [item for item in corpus(seed, articles=15) if isinstance(item, Record)]
    shuffled = list(items)
    random.Random(seed).shuffle(shuffled)
    for number, item in enumerate(shuffled):
        load(item)
        if number % 7 == 0:
            settle(connection)
    settle(connection, chunk=3)
    found = rows(connection, "SELECT id, text, cluster_id, is_canonical FROM news.article")
    assert {row[0]: row[1:] for row in found} == brute_force(items)


def test_chunks_do_not_matter(new_database):
    sums = set()
    for chunk in (1, 4, 1000):
        with closing(connect(Target(new_database()("writer"), "test"))) as connection:
            load_batch(connection, start_run(connection, "ingest"), "all", corpus(8))
            settle(connection, chunk=chunk)
            sums.add(checksum(connection))
    assert len(sums) == 1


def test_the_checksum_sees_every_kind_of_change(connection, load):
    load(seen("Text A.", 0, title="Title"), seen("Text B.", 0, "https://b.example/"))
    settle(connection)
    base = checksum(connection)
    changes = {
        "a text": "UPDATE klartext.capture SET text = text || '!'",
        "a span": "UPDATE klartext.capture SET removed = '[{}]'",
        "a title": "UPDATE klartext.sighting SET title = 'Other'",
        "a time": "UPDATE klartext.sighting SET captured_at = captured_at + interval '1 microsecond'",
        "a key": "UPDATE klartext.article SET url_key = url_key || '/'",
        "a match": "UPDATE klartext.settled SET of = article_id",
        "one row less": "DELETE FROM klartext.article WHERE url_key LIKE 'b%'",
    }
    for name, change in changes.items():
        with connection.cursor() as cursor:
            cursor.execute(change)
            cursor.execute(query("checksum"))
            (changed,) = cursor.fetchone()
        connection.rollback()
        assert changed != base, name
    assert checksum(connection) == base


def test_the_checksum_names_every_table_and_column(connection):
    """Covered or left out with a reason: a new column can't be forgotten."""
    text = query("checksum")
    left_out, covered = text.split("WITH line AS", 1)
    for table, column in rows(
        connection,
        """
        SELECT c.relname, a.attname FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
         WHERE c.relnamespace = 'klartext'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
        """,
    ):
        if f"FROM klartext.{table}\n" not in covered:
            assert re.search(rf"\b{table}\b", left_out), table
            continue
        part = covered[: covered.index(f"FROM klartext.{table}\n")].rpartition("SELECT")[2]
        assert re.search(rf"\b{column}\b", part) or re.search(rf"--   {table}\..*\b{column}\b", left_out), column


def test_the_checksum_does_not_depend_on_the_session(connection, load):
    load(seen("Text A.", 0, published=date(2024, 3), confidence=0.1 + 0.2))
    settle(connection)
    base = checksum(connection)
    for setting in (
        "TIME ZONE 'Asia/Tokyo'",
        "datestyle = 'German'",
        "extra_float_digits = 0",
        "intervalstyle = 'iso_8601'",
    ):
        rows(connection, f"SET {setting}; SELECT 1")
        assert checksum(connection) == base, setting


def test_what_the_checksum_leaves_out_is_left_out(connection, load):
    item = seen("Text A.", 0)
    load(item)
    settle(connection)
    base = checksum(connection)
    rows(connection, "UPDATE klartext.sighting SET origin = 'elsewhere:1', run_id = NULL RETURNING 1")
    rows(connection, "UPDATE klartext.capture SET rules_version = 'x' RETURNING 1")
    assert checksum(connection) == base


# --- the search index -----------------------------------------------------------------------------------------------

MISMATCH = """
    SELECT count(*)
      FROM news.clean_article AS c
      FULL JOIN klartext.search_document AS d USING (article_id)
     WHERE c.article_id IS NULL OR d.article_id IS NULL
        OR d.document IS DISTINCT FROM klartext.search_document(c.language, c.title, c.text)
"""


@pytest.mark.parametrize("seed", range(2))
def test_the_index_holds_the_canonical_articles_as_they_are(connection, load, seed):
    items = [item for item in corpus(seed, articles=15) if isinstance(item, Record)]
    random.Random(seed).shuffle(items)
    for number, item in enumerate(items):
        load(item)
        if number % 5 == 0:
            settle(connection, search=number % 2 == 0)
    settle(connection, search=True)
    assert rows(connection, MISMATCH) == [(0,)]


def test_turned_off_and_on_again_the_index_is_filled(connection, load):
    load(seen("A text about lighthouses.", 0))
    assert settle(connection, search=False).indexed == 0
    assert rows(connection, "SELECT count(*) FROM news.search('lighthouses')") == [(0,)]
    assert settle(connection, search=True, chunk=1).indexed == 1
    assert rows(connection, "SELECT count(*) FROM news.search('lighthouse')") == [(1,)]
    assert settle(connection, search=True).indexed == 0


def test_while_it_is_off_nothing_old_is_found(connection, load):
    load(seen("A text about lighthouses.", 0))
    settle(connection, search=True)
    load(seen("A text about windmills.", 1))
    settle(connection, search=False)
    assert rows(connection, "SELECT count(*) FROM news.search('lighthouses')") == [(0,)]
    settle(connection, search=True)
    assert rows(connection, "SELECT count(*) FROM news.search('windmill')") == [(1,)]
