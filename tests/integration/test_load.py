"""Loading: every record has one outcome, nothing is lost, and order, splits, retries and company don't matter."""

from __future__ import annotations

import random
import threading
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import psycopg2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etl.database import Target, connect
from etl.load import Outcomes, UnknownRunError, checksum, finish_run, load_batch, settle, start_run
from etl.model import Block, Capture, PartialDate, Record, Reject
from etl.process import process
from etl.read import open_captures
from etl.share import query
from tests.records import DAY, MONDAY, NOTICE, corpus, date, record, reject, spans

pytestmark = pytest.mark.integration

SLOW = settings(
    deadline=None,
    max_examples=8,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


class Corpus:
    """A database, loaded as the commands load it."""

    def __init__(self, url: str, rules_version: str = "1") -> None:
        self.connection = connect(Target(url, "test"))
        self.rules_version = rules_version
        self.run_id = start_run(self.connection, "ingest", rules_version=rules_version)
        self.batches = 0

    def load(self, *items: Record | Reject, key: str | None = None) -> Outcomes:
        self.batches += 1
        return load_batch(self.connection, self.run_id, key or f"batch-{self.batches}", items)

    def settled(self) -> str:
        settle(self.connection)
        return checksum(self.connection)

    def rows(self, statement: str, parameters: object = None) -> list[tuple]:
        with self.connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            found = cursor.fetchall()
        self.connection.commit()
        return found

    def close(self) -> None:
        self.connection.close()


@pytest.fixture
def loaded(database):
    with closing(Corpus(database("writer"))) as found:
        yield found


def expected(*batches: list[Record | Reject]) -> Outcomes:
    """The outcomes by the words of the contract, one record after the other."""
    texts: dict[object, set[bytes]] = {}
    counts = dict.fromkeys(("inserted", "updated", "unchanged", "rejected"), 0)
    for item in (item for batch in batches for item in batch):
        if isinstance(item, Reject):
            counts["rejected"] += 1
            continue
        known = texts.setdefault(item.article_id, set())
        outcome = "unchanged" if item.text_sha256 in known else "updated" if known else "inserted"
        known.add(item.text_sha256)
        counts[outcome] += 1
    return Outcomes(sum(counts.values()), **counts)


def test_outcomes_are_those_of_the_contract(loaded):
    items = corpus(3)
    assert loaded.load(*items) == expected(items)
    assert loaded.load(*items) == Outcomes(
        len(items), 0, 0, sum(isinstance(item, Record) for item in items), sum(isinstance(i, Reject) for i in items)
    )


def test_the_same_twice_changes_nothing(loaded):
    items = corpus(5)
    loaded.load(*items)
    first = loaded.settled()
    before = loaded.rows("SELECT ctid, xmin FROM klartext.capture ORDER BY ctid")
    outcomes = loaded.load(*items)
    assert outcomes.inserted == outcomes.updated == 0
    assert loaded.rows("SELECT count(*) FROM klartext.settle_queue") == [(0,)]
    assert loaded.settled() == first
    assert loaded.rows("SELECT ctid, xmin FROM klartext.capture ORDER BY ctid") == before


@SLOW
@given(seed=st.integers(0, 10**6), shuffle=st.randoms(use_true_random=False), data=st.data())
def test_order_and_splits_do_not_matter(new_database, seed, shuffle, data):
    items = corpus(seed, articles=6)
    with closing(Corpus(new_database()("writer"))) as one:
        one.load(*items)
        straight = one.settled()
    shuffle.shuffle(items)
    with closing(Corpus(new_database()("writer"))) as other:
        total = Outcomes()
        while items:
            size = data.draw(st.integers(1, len(items)))
            batch, items = items[:size], items[size:]
            total += other.load(*batch)
            if data.draw(st.booleans()):
                settle(other.connection, chunk=data.draw(st.integers(1, 5)))
        assert other.settled() == straight
    assert total == expected(corpus(seed, articles=6))


def test_two_databases_give_the_same_ids(new_database):
    items = corpus(11)
    ids = []
    for order in (items, items[::-1]):
        with closing(Corpus(new_database()("writer"))) as one:
            for item in order:
                one.load(item)
            settle(one.connection)
            ids.append(one.rows("SELECT id, url_key, cluster_id, is_canonical FROM news.article ORDER BY id"))
    assert ids[0] == ids[1]


@pytest.mark.parametrize("seed", range(3))
def test_two_loaders_at_once(new_database, seed):
    """Both bring the same records in other orders and batches; the sums are those of one after the other."""
    items = corpus(seed, articles=40)
    with closing(Corpus(new_database()("writer"))) as one:
        one.load(*items)
        straight = one.settled()
    url = new_database()("writer")
    loaders = [Corpus(url), Corpus(url)]
    totals = [Outcomes(), Outcomes()]
    failures: list[BaseException] = []
    start = threading.Barrier(3)

    def work(number: int) -> None:
        mine = list(items)
        random.Random(seed * 10 + number).shuffle(mine)
        start.wait()
        try:
            for begin in range(0, len(mine), 9):
                totals[number] += loaders[number].load(*mine[begin : begin + 9])
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    with closing(Corpus(url)) as settler:
        start.wait()
        while any(thread.is_alive() for thread in threads):
            settle(settler.connection, chunk=7)
        for thread in threads:
            thread.join()
        assert not failures
        assert settler.settled() == straight
    assert totals[0] + totals[1] == expected(items, items)
    for loader, total in zip(loaders, totals, strict=True):
        assert finish_run(loader.connection, loader.run_id).outcomes == total
        loader.close()


def test_of_two_loaders_with_the_same_new_text_one_updates(new_database):
    """Two originals with one clean text, brought at once to a known article."""
    url = new_database()("writer")
    first, second = Corpus(url), Corpus(url)
    page = "https://a.example/1"
    first.load(record("The first text.", url=page))
    one = record("The second text.", url=page)
    other = record(NOTICE + "The second text.", url=page, removed=[(0, len(NOTICE))])
    outcomes: list[Outcomes] = []
    if True:
        threads = [
            threading.Thread(target=lambda c=c, r=r: outcomes.append(c.load(r)))
            for c, r in ((first, one), (second, other))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sum(outcomes, Outcomes()) == Outcomes(2, 0, 1, 1, 0)
    first.close()
    second.close()


def test_a_loader_waits_for_the_one_that_holds_its_article_and_then_finds_it_known(new_database):
    url = new_database()("writer")
    with closing(psycopg2.connect(url)) as holder, closing(Corpus(url)) as loader, closing(Corpus(url)) as other:
        other.load(record("The first text.", url="https://a.example/1"))
        with holder.cursor() as cursor:
            cursor.execute("SELECT FROM klartext.article FOR NO KEY UPDATE")
        found: list[Outcomes] = []
        thread = threading.Thread(
            target=lambda: found.append(loader.load(record("Another.", url="https://a.example/1")))
        )
        thread.start()
        thread.join(timeout=0.5)
        assert thread.is_alive()
        holder.rollback()
        thread.join(timeout=30)
        assert found == [Outcomes(1, 0, 1, 0, 0)]


def test_a_loader_never_waits_for_settle(new_database):
    url = new_database()("writer")
    with closing(Corpus(url)) as one, closing(Corpus(url)) as two:
        one.load(record("The first text.", url="https://a.example/1", captured_at=MONDAY))
        with one.connection.cursor() as cursor:
            cursor.execute(query("settle_begin"))
            cursor.execute(query("settle_take"), {"last": 10, "limit": 10})
            for step in ("fresh", "texts", "current", "clusters"):
                cursor.execute(query(f"settle_{step}"))
        with two.connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '3s'")
        two.connection.commit()
        assert two.load(record("The second text.", url="https://a.example/1", captured_at=MONDAY + DAY)).updated == 1
        one.connection.commit()
        settle(two.connection)
        assert two.rows("SELECT text FROM news.article") == [("The second text.",)]


def test_a_retried_batch_counts_once(loaded):
    items = corpus(2)
    first = loaded.load(*items, key="same")
    assert loaded.load(*items, key="same") == first
    assert finish_run(loaded.connection, loaded.run_id).outcomes == first
    assert loaded.rows("SELECT read FROM news.batch") == [(len(items),)]


def test_an_unknown_run_is_an_error_of_its_own(loaded):
    with pytest.raises(UnknownRunError):
        load_batch(loaded.connection, 999, "x", [record("A text.")])
    assert loaded.load(record("A text.")).inserted == 1


def test_runs_add_up(loaded):
    items = corpus(4)
    total = loaded.load(*items[:10]) + loaded.load(*items[10:])
    settle(loaded.connection)
    counts = finish_run(loaded.connection, loaded.run_id)
    assert counts.outcomes == total
    copies = loaded.rows("SELECT count(*) FROM news.article WHERE NOT is_canonical")[0][0]
    assert counts.duplicates == copies > 0
    (row,) = loaded.rows("SELECT state, read, inserted, counts ->> 'duplicates', rules_version FROM news.run")
    assert row == ("succeeded", total.read, total.inserted, str(copies), "1")


# --- what the database refuses -----------------------------------------------------------------------------------

LATE = PartialDate(datetime(2300, 1, 1, tzinfo=UTC), datetime(2300, 1, 2, tzinfo=UTC), "day")
EARLY = PartialDate(datetime(1066, 10, 14, tzinfo=UTC), datetime(1066, 10, 15, tzinfo=UTC), "day")
BACKWARDS = PartialDate(datetime(2024, 1, 2, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC), "day")


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(record("NUL \0 here.", url="https://b.example/"), id="nul"),
        pytest.param(record("A title.", url="https://b.example/", title="half \ud83d"), id="lone surrogate"),
        pytest.param(record("Late.", url="https://b.example/", published=LATE), id="published too late"),
        pytest.param(record("Early.", url="https://b.example/", published=EARLY), id="published too early"),
        pytest.param(record("Back.", url="https://b.example/", modified=BACKWARDS), id="ends before it begins"),
        pytest.param(record("Odd.", url="https://b.example/", language="English"), id="language is no code"),
        pytest.param(record("Sure.", url="https://b.example/", confidence=1.5), id="confidence above 1"),
        pytest.param(record("All.", url="https://b.example/", removed=[(0, 4)]), id="nothing left"),
    ],
)
def test_what_the_database_refuses_goes_to_quarantine_and_the_rest_is_loaded(loaded, bad):
    good = [record(f"Good text {n}.", url=f"https://g.example/{n}", origin=f"f:{n}") for n in range(7)]
    assert loaded.load(*good[:3], bad, *good[3:]) == Outcomes(8, 7, 0, 0, 1)
    settle(loaded.connection)
    assert loaded.rows("SELECT count(*) FROM news.article") == [(7,)]
    (row,) = loaded.rows("SELECT stage, reason, origin, payload, detail FROM news.quarantine")
    assert row[:3] == ("load", "load_error", bad.origin)
    assert bytes(row[3]) == bad.article.text.encode("utf-8", "surrogatepass")
    assert row[4]


def test_many_refused_records_are_each_found(loaded):
    bad = [record(f"Bad {n}.", url=f"https://b.example/{n}", published=LATE, origin=f"b:{n}") for n in range(5)]
    good = [record(f"Good {n}.", url=f"https://g.example/{n}", origin=f"g:{n}") for n in range(20)]
    items = [*good, *bad]
    random.Random(1).shuffle(items)
    assert loaded.load(*items) == Outcomes(25, 20, 0, 0, 5)
    assert loaded.rows("SELECT origin FROM news.quarantine ORDER BY origin") == [(f"b:{n}",) for n in range(5)]


def test_a_lossy_record_is_not_loaded(loaded):
    honest = record(NOTICE + "The text.", url="https://a.example/", removed=[(0, len(NOTICE))])
    assert loaded.load(replace(honest, clean_text="The tex.")) == Outcomes(1, 0, 0, 0, 1)
    (row,) = loaded.rows("SELECT detail FROM news.quarantine")
    assert "don't give the original text back" in row[0]


def test_a_reject_again_keeps_its_first_visit_and_leaves_when_it_loads(loaded):
    loaded.load(reject("a.jsonl:1"), reject("a.jsonl:2"))
    (first,) = loaded.rows("SELECT at FROM news.quarantine WHERE origin = 'a.jsonl:1'")
    assert loaded.load(reject("a.jsonl:1", reason="not_an_object")).rejected == 1
    (again,) = loaded.rows(
        "SELECT at, reason, retried_at IS NOT NULL FROM news.quarantine WHERE origin = 'a.jsonl:1'"
    )
    assert again == (*first, "not_an_object", True)
    loaded.load(record("It was mended.", origin="a.jsonl:1"))
    found = loaded.rows("SELECT origin, resolved_at IS NOT NULL FROM news.quarantine ORDER BY origin")
    assert found == [("a.jsonl:1", True), ("a.jsonl:2", False)]


def test_a_payload_is_cut_at_the_cap(loaded):
    big = b"x" * 1_000_000
    loaded.load(reject(payload=big))
    (row,) = loaded.rows("SELECT octet_length(payload), payload_sha256 = sha256(%s) FROM news.quarantine", (big,))
    assert row == (64 * 1024, True)


def test_text_of_a_reject_is_made_storable(loaded):
    loaded.load(replace(reject("odd\0\ud800name.txt"), detail="a\0b"))
    assert loaded.rows("SELECT origin, detail FROM news.quarantine") == [("odd��name.txt", "a�b")]


# --- to the byte ---------------------------------------------------------------------------------------------------

STORABLE = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1, max_size=60)


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(pieces=st.lists(st.tuples(STORABLE, STORABLE), min_size=1, max_size=5), tail=STORABLE, title=STORABLE)
def test_any_text_comes_back_to_the_byte(loaded, pieces, tail, title):
    """Kept and removed pieces alternate; the database gives all of it back."""
    original, places = "", []
    for kept, removed in pieces:
        places.append((len(original) + len(kept), len(original) + len(kept) + len(removed)))
        original += kept + removed
    original += tail
    item = record(original, url="https://a.example/1", removed=places, title=title, captured_at=MONDAY)
    loaded.rows("SELECT 1")
    assert loaded.load(item).rejected == 0
    settle(loaded.connection)
    found = loaded.rows(
        """
        SELECT c.text, klartext.restore_text(c.text, c.removed), g.title
          FROM klartext.capture AS c JOIN klartext.sighting AS g USING (article_id, original_sha256)
         WHERE c.original_sha256 = %s AND g.title = %s
        """,
        (item.original_sha256, title),
    )
    assert found[0] == (item.clean_text, original, title)


@pytest.mark.parametrize(
    "text",
    [
        "\\N",
        "\\.",
        "a\tb\nc\rd\r\ne\\",
        "\\x41",
        "{}",
        '{"a"}',
        "𝔸🙂\U0010ffff",
        "e\u0301",
        "\ufeff",
        "\x7f\x85\u2028",
        "'",
    ],
)
def test_what_means_something_to_copy_or_arrays_is_just_text(loaded, text):
    item = record(text, url="https://a.example/1", title=text, authors=(text, "b"), header=text, notes=(text,))
    assert loaded.load(item) == Outcomes(1, 1, 0, 0, 0)
    settle(loaded.connection)
    (row,) = loaded.rows("SELECT text, title, authors, news.original_text(id), notes FROM news.article")
    assert row == (text, text, [text, "b"], text, [text])
    assert loaded.rows("SELECT header FROM klartext.sighting") == [(text,)]


def test_the_founding_example(loaded):
    """The sample text through the whole pipeline and the database."""
    folder = Path(__file__).parent.parent / "data"
    (capture,) = open_captures(str(folder / "seed.txt"))
    assert isinstance(capture, Capture)
    body = (folder / "seed.txt").read_bytes().decode("utf-8").partition("date 2022-01 ")[2]
    item = process(capture)
    assert isinstance(item, Record)
    assert loaded.load(item) == Outcomes(1, 1, 0, 0, 0)
    settle(loaded.connection)
    (row,) = loaded.rows(
        """
        SELECT text, news.original_text(id), published_at::date::text, published_precision, language
          FROM news.article
        """
    )
    assert row[0].rstrip("\n") == (folder / "seed_expected.txt").read_bytes().decode("utf-8").rstrip("\n")
    assert row[1].encode() == body.encode()
    assert row[2:] == ("2022-01-01", "month", "de")
    (span,) = loaded.rows("SELECT class, rule, text FROM news.removed_span")
    assert all(span)


# --- metadata ----------------------------------------------------------------------------------------------------


def test_metadata_is_kept(loaded):
    item = record(
        "The text.",
        url="https://a.example/1?x",
        captured_at=MONDAY,
        title="Title",
        authors=("A", "B"),
        published=date(2024, 3),
        modified=date(2024, 3, 2),
        canonical_url="https://a.example/1",
        declared_language="en",
        access="teaser",
        opt_outs=("noai",),
        notes=("dropped_date",),
        language="en",
        confidence=0.875,
    )
    loaded.load(item)
    settle(loaded.connection)
    (row,) = loaded.rows(
        """
        SELECT url, canonical_url, site, title, authors, published_at, published_until, published_precision,
               modified_at, modified_precision, language, language_confidence, access, opt_outs, notes, word_count,
               captured_at, source, identity, url_key
          FROM news.article
        """
    )
    assert row == (
        "https://a.example/1?x",
        "https://a.example/1",
        "a.example",
        "Title",
        ["A", "B"],
        datetime(2024, 3, 1, tzinfo=UTC),
        datetime(2024, 4, 1, tzinfo=UTC),
        "month",
        datetime(2024, 3, 2, tzinfo=UTC),
        "day",
        "en",
        0.875,
        "teaser",
        ["noai"],
        ["dropped_date"],
        2,
        MONDAY,
        "files",
        "url",
        "a.example/1?x",
    )


def test_a_time_in_another_zone_is_the_same_sighting(loaded):
    loaded.load(record("The text.", url="https://a.example/1", captured_at=MONDAY))
    elsewhere = MONDAY.astimezone(timezone(timedelta(hours=-7)))
    naive = MONDAY.replace(tzinfo=None)
    for same in (elsewhere, naive):
        assert loaded.load(record("The text.", url="https://a.example/1", captured_at=same)).unchanged == 1
    assert loaded.rows("SELECT count(*) FROM klartext.sighting") == [(1,)]


def test_other_metadata_is_another_sighting_of_the_same_text(loaded):
    loaded.load(record("The text.", url="https://a.example/1", captured_at=MONDAY, title="Old"))
    again = record("The text.", url="https://a.example/1", captured_at=MONDAY + DAY, title="New", origin="other:9")
    assert loaded.load(again) == Outcomes(1, 0, 0, 1, 0)
    settle(loaded.connection)
    assert loaded.rows("SELECT title, versions FROM news.article") == [("New", 1)]
    assert loaded.rows("SELECT count(*) FROM klartext.capture") == [(1,)]


def test_blocks_of_a_page_are_kept_and_those_of_given_text_are_not(loaded):
    blocks = (Block(0, 4, "h2", 0.0, ("head",)), Block(5, 9, "p", 0.25, ()))
    loaded.load(record("Head\nText", url="https://a.example/1", blocks=blocks))
    loaded.load(record("Given text", url="https://a.example/2", blocks=(Block(0, 10),)))
    found = loaded.rows("SELECT text, blocks FROM klartext.capture ORDER BY text")
    assert found == [("Given text", None), ("Head\nText", [[0, 4, "h2", 0.0, ["head"]], [5, 9, "p", 0.25, []]])]


def test_the_same_text_with_other_markup_is_the_same_whatever_came_first(new_database):
    """Cleaning may come to another result; one of the two stays, in every order."""
    text = NOTICE + "The text."
    items = [
        record(text, url="https://a.example/1", removed=[(0, len(NOTICE))]),
        record(text, url="https://a.example/1"),
    ]
    sums = set()
    for order in (items, items[::-1]):
        for split in (True, False):
            with closing(Corpus(new_database()("writer"))) as one:
                for part in [[item] for item in order] if split else [order]:
                    one.load(*part)
                sums.add(one.settled())
    assert len(sums) == 1


def test_newer_rules_replace_what_older_ones_made(database):
    text = NOTICE + "The text."
    with closing(Corpus(database("writer"), rules_version="1")) as old:
        assert old.load(record(text, url="https://a.example/1")).inserted == 1
        settle(old.connection)
    with closing(Corpus(database("writer"), rules_version="2")) as new:
        item = record(text, url="https://a.example/1", removed=[(0, len(NOTICE))])
        assert new.load(item).updated == 1
        settle(new.connection)
        assert new.rows("SELECT text, versions FROM news.article") == [("The text.", 1)]
        assert new.load(item).unchanged == 1


def test_spans_are_what_was_removed():
    (span,) = spans("abcdef", [(2, 4)])
    assert (span.text, span.start, span.end) == ("cd", 2, 4)


@pytest.mark.parametrize("length", [1, 199, 200, 201, 400, 1000])
def test_spans_at_every_place_of_a_long_text_are_put_back(loaded, length):
    """The function works on segments of 200 characters: spans before, on and after their borders, and at the end."""
    kept = "".join(chr(0x1F600 + number % 60) if number % 3 else "a" for number in range(length))
    places = sorted({0, 1, 199, 200, 201, 399, 400, length - 1, length} & set(range(length + 1)))
    original, spans_at, taken = "", [], 0
    for number, place in enumerate(places):
        original += kept[taken:place]
        spans_at.append((len(original), len(original) + number + 1))
        original += "ß" * (number + 1)
        taken = place
    original += kept[taken:]
    item = record(original, url=f"https://a.example/{length}", removed=spans_at)
    assert item.clean_text == kept
    assert loaded.load(item).inserted == 1
    settle(loaded.connection)
    assert loaded.rows("SELECT text, news.original_text(id) FROM news.article") == [(kept, original)]


def test_a_very_long_text_with_many_spans_is_put_back_in_linear_time(loaded):
    text = "größer " * 150_000
    places = [(number * 350 + 1, number * 350 + 5) for number in range(3_000)]
    assert loaded.load(record(text, url="https://a.example/long", removed=places)).inserted == 1
    settle(loaded.connection)
    loaded.rows("SET statement_timeout = '15s'; SELECT 1")
    (row,) = loaded.rows("SELECT news.original_text(id) FROM news.article")
    assert row[0] == text
