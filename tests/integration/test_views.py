"""The public interface in SQL: its views, functions and roles, and search in every language."""

from __future__ import annotations

import time
from contextlib import closing
from datetime import UTC, datetime

import psycopg2
import pytest

from etl.database import Target, connect
from etl.errors import DatabaseUnavailableError, UsageError
from etl.load import finish_run, load_batch, settle, start_run
from etl.load.migrate import migrate
from etl.load.query import QueryError, run_reader_query
from tests.records import DAY, MONDAY, NOTICE, corpus, date, record, reject

pytestmark = pytest.mark.integration

#: Columns that other people's scripts build on.
CONTRACT = {
    "clean_article": "article_id url site title authors published_at published_precision language language_confidence"
    " access text word_count contained_in first_seen search",
    "article": "id url url_key is_canonical cluster_id",
    "article_version": "article_id version captured_at text_sha256 title text is_current",
    "removed_span": "article_id start end class rule text evidence",
    "version_removed_span": "article_id version start end class rule text evidence",
    "duplicate_cluster": "cluster_id article_id url is_canonical relation of similarity published_at",
    "quarantine": "origin stage reason detail run_id at retried_at",
    "run": "id kind started_at ended_at state counts code_version rules_version",
    "batch": "run_id batch_key read inserted updated unchanged rejected",
    "run_health": "id kind state read",
    "daily_volume": "day language articles",
    "removed_boilerplate": "site class rule spans",
    "fetch_log": "url source at outcome status bytes origin",
}


def rows(url, statement, parameters=None):
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall()


def load(url, *items):
    with closing(connect(Target(url, "test"))) as connection:
        run_id = start_run(connection, "ingest", parameters={"paths": ["sample.jsonl"]})
        load_batch(connection, run_id, "all", items)
        settle(connection)
        finish_run(connection, run_id)


@pytest.mark.parametrize("view", CONTRACT)
def test_views_have_the_columns_of_the_contract(database, view):
    found = rows(
        database("owner"),
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0",
        (f"news.{view}",),
    )
    missing = set(CONTRACT[view].split()) - {name for (name,) in found}
    assert not missing


@pytest.mark.parametrize("view", CONTRACT)
def test_the_reader_reads_every_view(database, view):
    load(database(), *corpus(1))
    assert rows(database("reader"), f"SELECT count(*) >= 0 FROM (SELECT * FROM news.{view}) AS v") == [(True,)]


def test_every_view_of_the_schema_is_in_the_list(database):
    found = rows(
        database("owner"), "SELECT relname FROM pg_class WHERE relnamespace = 'news'::regnamespace AND relkind = 'v'"
    )
    assert {name for (name,) in found} >= set(CONTRACT)


def test_removed_spans_and_original_text_of_versions(database):
    page = "https://a.example/1"
    first = "Text A." + "\n" + NOTICE
    load(
        database(),
        record(first, url=page, captured_at=MONDAY, removed=[(8, 8 + len(NOTICE))], class_="paywall"),
        record("Text B.", url=page, captured_at=MONDAY + DAY),
        record(
            NOTICE + "Text C. " + NOTICE + "End.",
            url=page,
            captured_at=MONDAY + 2 * DAY,
            removed=[(0, len(NOTICE)), (len(NOTICE) + 8, 2 * len(NOTICE) + 8)],
        ),
    )
    url = database("reader")
    found = rows(url, 'SELECT version, start, "end", class, text FROM news.version_removed_span ORDER BY 1, 2')
    n = len(NOTICE)
    assert found == [
        (1, 8, 8 + n, "paywall", NOTICE),
        (3, 0, n, "subscription", NOTICE),
        (3, n + 8, 2 * n + 8, "subscription", NOTICE),
    ]
    current = rows(url, 'SELECT start, "end", rule, evidence FROM news.removed_span ORDER BY start')
    assert current[0] == (0, n, "test.subscription.notice", {"score": 0.9, "signals": {"cue": 1}})
    originals = rows(
        url, "SELECT version, news.original_text(article_id, version) FROM news.article_version ORDER BY version"
    )
    assert originals == [(1, first), (2, "Text B."), (3, NOTICE + "Text C. " + NOTICE + "End.")]
    (current,) = rows(url, "SELECT news.original_text(id), news.original_text(id, 9) FROM news.article")
    assert current == (originals[2][1], None)
    assert rows(url, "SELECT news.original_text('00000000-0000-8000-8000-000000000000')") == [(None,)]


def test_bookkeeping_views(database):
    items = corpus(2)
    load(database(), *items)
    url = database("reader")
    (run,) = rows(url, "SELECT kind, state, read, counts ->> 'read', parameters, code_version <> '' FROM news.run")
    assert run == ("ingest", "succeeded", len(items), str(len(items)), {"paths": ["sample.jsonl"]}, True)
    (health,) = rows(url, "SELECT read, batches, rejected_share BETWEEN 0 AND 1, duration > '0' FROM news.run_health")
    assert health == (len(items), 1, True, True)
    volume = rows(url, "SELECT sum(articles), sum(canonical) FROM news.daily_volume")
    counts = rows(url, "SELECT count(*), count(*) FILTER (WHERE is_canonical) FROM news.article")
    assert volume == counts
    spans = rows(url, "SELECT sum(spans), sum(characters) FROM news.removed_boilerplate")
    assert spans == rows(url, "SELECT count(*), sum(char_length(text)) FROM news.removed_span")


# --- search ---------------------------------------------------------------------------------------------------------

# Language, a text, a query that finds it (an inflected or unaccented form where the language has a stemmer), and one
# that doesn't.
LANGUAGES = [
    ("de", "Die Brücken über den Fluss werden erneuert.", "Brücke Fluß", "Tunnel"),
    ("en", "Two lighthouses were repaired in winter.", "lighthouse repair", "windmill"),
    ("fr", "Les écoles rouvriront après les élections.", "ecole élection", "musée"),
    ("es", "Los pescadores volvieron al puerto.", "pescador puertos", "montaña"),
    ("it", "I treni ripartono dalla stazione.", "treno stazioni", "porto"),
    ("pt", "As eleições foram adiadas.", "eleicoes", "escola"),
    ("nl", "De bruggen vernieuwen.", "vernieuwen", "tunnel"),
    ("sv", "Broarna repareras i vinter.", "reparera", "tunnel"),
    ("da", "Broerne bliver repareret.", "reparere", "tunnel"),
    ("no", "Broene blir reparert.", "reparere", "tunnel"),
    ("fi", "Sillat korjataan talvella.", "sillat", "tunneli"),
    ("hu", "A hidakat télen javítják.", "hidakat", "alagút"),
    ("ro", "Podurile sunt reparate iarna.", "podurile", "tunel"),
    ("pl", "Mosty zostaną naprawione, mówi Łukasz.", "lukasz mosty", "tunel"),
    ("cs", "Mosty budou opraveny v zimě.", "zime", "tunel"),
    ("ru", "Мосты отремонтируют зимой.", "мост", "туннель"),
    ("uk", "Мости відремонтують узимку.", "мости", "тунель"),
    ("el", "Οι γέφυρες επισκευάζονται.", "γεφυρες", "σήραγγα"),
    ("tr", "Köprüler kışın onarılacak.", "kopruler", "tünel"),
    ("ar", "إصلاح الجسور في الشتاء", "الجسور", "نفق"),
    ("hi", "सर्दियों में पुलों की मरम्मत होगी", "मरम्मत", "सुरंग"),
    ("fa", "پل‌ها در زمستان تعمیر می‌شوند", "زمستان", "تونل"),
    ("he", "הגשרים יתוקנו בחורף", "הגשרים", "מנהרה"),
    ("zh", "东京大学的研究人员发现了新的方法。", "研究人员", "隧道"),
    ("ja", "東京の橋は冬に修理されます。", "修理", "隧道"),
    ("ko", "겨울에 다리를 수리합니다.", "수리", "터널"),
    ("th", "สะพานจะได้รับการซ่อมแซมในฤดูหนาว", "ซ่อมแซม", "อุโมงค์"),
    ("vi", "Những cây cầu sẽ được sửa chữa.", "cay cau", "hầm"),
    ("und", "1234 zzxy", "zzxy", "tunnel"),
]


@pytest.fixture(scope="module")
def babel(postgres, template):
    """A database with one text in each language, and its URLs."""
    postgres.create_database("babel", template=template)

    def url(role: str = "reader") -> str:
        return postgres.url(role, "babel")

    load(
        url("writer"),
        *[
            record(text, url=f"https://{language}.example/1", language=language, published=date(2024, 3, 4))
            for language, text, _, _ in LANGUAGES
        ],
    )
    yield url
    postgres.drop_database("babel")


@pytest.mark.parametrize(("language", "text", "hit", "miss"), LANGUAGES, ids=[case[0] for case in LANGUAGES])
def test_search_finds_words_in_every_language(babel, language, text, hit, miss):
    found = (
        "SELECT a.url, s.rank > 0, s.headline FROM news.search(%s, %s) AS s JOIN news.article AS a USING (article_id)"
    )
    (row,) = rows(babel(), found, (hit, language))
    assert row[:2] == (f"https://{language}.example/1", True)
    assert "<b>" in row[2] or language in ("fr", "pt", "pl", "cs", "el", "tr", "vi")  # the headline keeps accents
    assert (f"https://{language}.example/1",) in rows(
        babel(), "SELECT url FROM news.search(%s) JOIN news.article USING (article_id)", (hit,)
    )
    assert rows(babel(), found, (miss, language)) == []


@pytest.mark.parametrize(("language", "text", "hit", "miss"), LANGUAGES, ids=[case[0] for case in LANGUAGES])
def test_the_search_column_and_tsquery(babel, language, text, hit, miss):
    found = "SELECT url FROM news.clean_article WHERE language = %s AND search @@ news.tsquery(%s, %s)"
    assert rows(babel(), found, (language, hit, language)) == [(f"https://{language}.example/1",)]
    assert rows(babel(), found, (language, miss, language)) == []


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ('"storm bridge"', {"a"}),
        ('"bridge storm"', set()),
        ("storm -bridge", {"b"}),
        ("bridge or ferry", {"a", "c"}),
        ("the", set()),
        ("", set()),
        ("'; DROP TABLE", set()),
        ("a & | ! ( <-> :*", set()),
    ],
)
def test_queries_as_in_a_web_search(database, query, found):
    load(
        database(),
        record("A storm bridge stood here.", url="https://x.example/a"),
        record("The storm went by.", url="https://x.example/b"),
        record("A ferry sailed.", url="https://x.example/c"),
    )
    hits = rows(database("reader"), "SELECT url FROM news.search(%s) JOIN news.article USING (article_id)", (query,))
    assert {url.rpartition("/")[2] for (url,) in hits} == found


def test_search_since_and_until(database):
    load(
        database(),
        *[
            record(f"Storm number {day}.", url=f"https://x.example/{day}", published=date(2024, 3, day))
            for day in (4, 5, 6)
        ],
        record("Storm without a date.", url="https://x.example/none"),
    )
    found = """
        SELECT url FROM news.search('storm', since => %s, until => %s) JOIN news.article USING (article_id)
         ORDER BY url
    """
    at = [datetime(2024, 3, day, tzinfo=UTC) for day in range(1, 9)]
    url = database("reader")
    assert len(rows(url, found, (None, None))) == 4
    assert rows(url, found, (at[4], None)) == [("https://x.example/5",), ("https://x.example/6",)]
    assert rows(url, found, (at[3], at[5])) == [("https://x.example/4",), ("https://x.example/5",)]
    assert rows(url, "SELECT count(*) FROM news.search('storm', 'en', '2024-03-05', '2024-03-06')") == [(1,)]


def test_the_title_counts_more_and_the_best_comes_first(database):
    load(
        database(),
        record("A storm came in the night and then went on.", url="https://x.example/text", title="Weather"),
        record("It came in the night and then went on.", url="https://x.example/title", title="A storm"),
    )
    hits = rows(database("reader"), "SELECT url, rank FROM news.search('storm') JOIN news.article USING (article_id)")
    assert [url for url, _ in sorted(hits, key=lambda hit: -hit[1])] == [
        "https://x.example/title",
        "https://x.example/text",
    ]


def test_copies_are_not_found_twice(database):
    load(
        database(),
        record("A storm came.", url="https://x.example/1", published=date(2024, 3, 4)),
        record("A storm came.", url="https://y.example/2", published=date(2024, 3, 5)),
    )
    assert rows(database("reader"), "SELECT count(*) FROM news.search('storm')") == [(1,)]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(" ".join(f"wort{number}" for number in range(200_000)), id="2 MB of different words"),
        pytest.param(
            "".join(chr(0x4E00 + number * 7919 % 20_000) for number in range(300_000)), id="300,000 ideographs"
        ),
        pytest.param("x" * 3_000_000, id="one word of 3 MB"),
        pytest.param(
            " ".join(chr(0x1D400 + n % 800) * 3 + "-" + chr(0x1D400 + n // 800) * 3 for n in range(30_000)),
            id="words of four-byte letters",
        ),
    ],
)
def test_very_long_texts_are_settled_and_searched_by_their_beginning(database, text):
    load(database(), record(text, url="https://x.example/1", language="de"))
    assert rows(database("reader"), "SELECT search IS NOT NULL FROM news.clean_article") == [(True,)]
    assert rows(database("reader"), "SELECT char_length(text) FROM news.article") == [(len(text),)]


def test_search_uses_the_index(database):
    with closing(psycopg2.connect(database("owner"))) as connection, connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")
        cursor.execute(
            """
            EXPLAIN SELECT d.article_id
              FROM unnest(ARRAY['de', 'en']) AS p(language)
              JOIN klartext.search_document AS d
                ON d.document @@ (klartext.search_query('storm', p.language) && klartext.search_marker(p.language))
            """
        )
        assert "search_document_document" in "\n".join(line for (line,) in cursor.fetchall())


# --- roles ----------------------------------------------------------------------------------------------------------

FORBIDDEN = [
    "SELECT * FROM klartext.article",
    "SELECT * FROM klartext.capture",
    "SELECT klartext.search_fold('a')",
    "INSERT INTO klartext.source (name) VALUES ('x')",
    "INSERT INTO news.quarantine (origin) VALUES ('x')",
    "UPDATE news.article SET title = 'x'",
    "DELETE FROM news.clean_article",
    "DELETE FROM news.run",
    "CREATE TABLE news.mine (a integer)",
    "CREATE TABLE public.mine (a integer)",
    "CREATE SCHEMA mine",
    "CREATE TEMPORARY TABLE mine (a integer)",
    "TRUNCATE klartext.article CASCADE",
    "DROP VIEW news.article",
    "SET ROLE klartext_writer",
    "SET ROLE klartext",
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT nextval('klartext.settle_queue_queue_id_seq')",
]


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_the_reader_may_do_nothing_else(database, statement):
    migrate(Target(database("owner"), "owner"))  # a copied database lacks the rights on itself
    refusals = (
        psycopg2.errors.InsufficientPrivilege,
        psycopg2.errors.ObjectNotInPrerequisiteState,
        psycopg2.errors.GeneratedAlways,
    )
    with (
        closing(psycopg2.connect(database("reader"))) as connection,
        connection.cursor() as cursor,
        pytest.raises(refusals),
    ):
        cursor.execute(statement)


ESCAPES = [
    "INSERT INTO klartext.source (name) VALUES ('x')",
    "WITH x AS (INSERT INTO klartext.source (name) VALUES ('x') RETURNING *) SELECT * FROM x",
    "COMMIT; RESET ROLE; INSERT INTO klartext.source (name) VALUES ('x')",
    "SELECT 1; INSERT INTO klartext.source (name) VALUES ('x')",
    "SELECT 1); INSERT INTO klartext.source (name) VALUES ('x'); --",
    "SELECT set_config('transaction_read_only', 'off', false)",
    "SELECT set_config('role', 'none', false), lo_from_bytea(0, 'x')",
    "SELECT set_config('role', 'none', false), query_to_xml("
    "'INSERT INTO klartext.source (name) VALUES (''x'') RETURNING 1', true, true, '')",
    "SET ROLE klartext",
    "BEGIN",
    "ROLLBACK",
    "CREATE TABLE public.mine (a integer)",
    "CREATE TEMPORARY TABLE mine (a integer)",
    "COPY (SELECT 1) TO STDOUT",
    "DO $$ BEGIN COMMIT; END $$",
    "SELECT * INTO public.mine FROM news.run",
    "LOCK TABLE klartext.article",
    "SELECT nextval('klartext.settle_queue_queue_id_seq')",
    "NOTIFY x",
    "",
    "   ;  ",
]


def reader_target(database, login):
    return Target(database(login), login, own_reader=login == "reader")


@pytest.mark.parametrize("login", ["reader", "writer", "owner", "superuser"])
@pytest.mark.parametrize("statement", ESCAPES)
def test_a_query_cannot_write_whoever_logged_in(database, login, statement):
    with pytest.raises(QueryError) as caught:
        _, found = run_reader_query(reader_target(database, login), statement)
        list(found)
    assert caught.value.message.startswith("the query failed")
    assert rows(database("owner"), "SELECT count(*) FROM klartext.source") == [(0,)]


@pytest.mark.parametrize("login", ["reader", "writer", "owner", "superuser"])
def test_a_query_reads_the_views_and_only_them(database, login):
    load(database(), *corpus(1))
    target = reader_target(database, login)
    columns, found = run_reader_query(target, "SELECT id, title AS t FROM article ORDER BY id;")
    assert columns == ["id", "t"]
    assert len(list(found)) == 15
    columns, found = run_reader_query(target, "EXPLAIN SELECT 1")
    assert columns == ["QUERY PLAN"]
    with pytest.raises(QueryError, match="permission denied"):
        run_reader_query(target, "SELECT * FROM klartext.article")


def test_many_rows_stream_and_a_dropped_query_lets_go(database):
    target = reader_target(database, "reader")
    columns, found = run_reader_query(target, "SELECT n, repeat('x', 10) FROM generate_series(1, 2500) AS n")
    assert columns == ["n", "repeat"]
    assert [n for n, _ in found] == list(range(1, 2501))
    million = "SELECT a FROM generate_series(1, 1000) AS a, generate_series(1, 1000) AS b"
    _, dropped = run_reader_query(target, million)
    assert next(dropped) == (1,)
    dropped.close()
    sessions = """
        SELECT count(*) FROM pg_stat_activity
         WHERE application_name = 'klartext query' AND datname = current_database()
    """
    deadline = time.monotonic() + 10
    while rows(database("superuser"), sessions) != [(0,)]:
        assert time.monotonic() < deadline, "the connection is still open"
        time.sleep(0.05)


def test_a_query_that_takes_too_long_is_stopped(database):
    with pytest.raises(QueryError, match="too long"):
        run_reader_query(reader_target(database, "reader"), "SELECT pg_sleep(5)", timeout_seconds=0.2)[1].__next__()


def test_mistakes_get_the_servers_words(database):
    with pytest.raises(QueryError, match='column "nope" does not exist'):
        run_reader_query(reader_target(database, "reader"), "SELECT nope FROM article")
    with pytest.raises(UsageError, match="cookbook has no entry named nothing-like-it"):
        run_reader_query(reader_target(database, "reader"), "nothing-like-it")
    with pytest.raises(DatabaseUnavailableError):
        run_reader_query(Target("host=/nonexistent dbname=x", "nowhere"), "SELECT 1")


def test_a_database_that_was_never_migrated_says_so(postgres):
    postgres.drop_database("bare")
    postgres.create_database("bare")
    try:
        with pytest.raises(QueryError) as caught:
            run_reader_query(Target(postgres.url("reader", "bare"), "bare", own_reader=True), "SELECT 1")
        assert "klartext migrate" in caught.value.fix
    finally:
        postgres.drop_database("bare")


def test_quarantine_is_readable(database):
    load(database(), reject("a.jsonl:1"))
    (row,) = rows(database("reader"), "SELECT origin, stage, reason, detail, retried_at FROM news.quarantine")
    assert row == ("a.jsonl:1", "read", "invalid_json", "the line is not valid JSON", None)
