"""Runs after, beside and instead of each other, with the state in Postgres: nothing twice, nothing lost."""

from __future__ import annotations

import gzip
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from fastwarc.warc import ArchiveIterator, WarcRecordType

from etl.acquire.sources import landed_files
from tests.acquire_cli import klartext_here
from tests.acquire_server import Reply, Server, rss, sitemap

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

PAGE = Reply.html("Brücke gesperrt").body


class Klartext:
    """The command line with a home and a database of its own."""

    def __init__(self, home: Path, dsn: str) -> None:
        self.home = home
        self.landing = home / "landing"
        self.file = home / "sources.toml"
        self.dsn = dsn
        self.env = {
            **os.environ,
            "KLARTEXT_HOME": str(home),
            "KLARTEXT_DATABASE_URL": dsn,
            "KLARTEXT_ACQUIRE_ALLOW_PRIVATE": "127.0.0.0/8",
            "KLARTEXT_ACQUIRE_BACKOFF": "0.05",
            "KLARTEXT_ACQUIRE_TDMREP": "false",
        }

    def sources(self, *entries: dict[str, Any]) -> None:
        lines = []
        for entry in entries:
            lines += ["[[source]]", *(f"{key} = {json.dumps(value)}" for key, value in entry.items()), ""]
        self.file.write_text("\n".join(lines))

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "etl.cli", "acquire", "--sources", str(self.file), "--json", *arguments],
            env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        arguments = ("acquire", "--sources", str(self.file), "--json", *arguments)
        done, out, err = klartext_here(*arguments, environment=self.env)
        assert done == code, err
        assert "Traceback" not in err
        return json.loads(out.splitlines()[-1]) if out.strip() else {"stderr": err}

    def log(self) -> list[tuple[str, str]]:
        connection = psycopg2.connect(self.dsn)
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT url, outcome FROM news.fetch_log ORDER BY at")
                return list(cursor.fetchall())
        finally:
            connection.close()

    def pages(self) -> list[str]:
        """URLs of all stored pages."""
        found = []
        for path in landed_files(self.landing):
            with Path(path).open("rb") as file:
                for record in ArchiveIterator(file, record_types=WarcRecordType.response, parse_http=False):
                    assert record.verify_block_digest()
                    record.parse_http()
                    if record.http_headers.status_code == 200:
                        found.append(record.headers["WARC-Target-URI"])
        return found


@pytest.fixture
def klartext(tmp_path: Path, dsn: str) -> Klartext:
    return Klartext(tmp_path, dsn)


def test_the_second_run_asks_conditionally_or_not_at_all(server: Server, klartext: Klartext) -> None:
    base = server.listen()
    server.routes["/feed"] = rss(*(f"{base}/{n}" for n in range(6)))
    server.routes["/0"] = Reply(PAGE, etag='"v0"')
    server.routes["/1"] = Reply(PAGE, headers={"Last-Modified": "Mon, 02 Nov 2026 07:00:00 GMT"})
    server.routes["/2"] = Reply(PAGE, headers={"ETag": '"ignored"'})  # the server sends the page again
    server.routes["/3"] = server.routes["/4"] = Reply(PAGE)
    server.routes["/5"] = Reply(status=404)
    klartext.sources({"name": "blatt", "kind": "feed", "url": f"{base}/feed", "delay": 0})
    first = klartext.run(code=1)
    assert Counter(first["outcomes"].values()) == {"stored": 5, "http_4xx": 1}
    assert first["asked"] == 6 == first["stored"] + first["not_modified"] + first["skipped"] + first["failed"]
    asked = len(server.log)
    second = klartext.run(code=1)
    again = {one.path: one.headers for one in server.log[asked:]}
    assert again["/feed"]["if-none-match"] and again["/0"]["if-none-match"] == '"v0"'
    assert again["/1"]["if-modified-since"] == "Mon, 02 Nov 2026 07:00:00 GMT"
    assert set(again) == {"/feed", "/0", "/1", "/2", "/5"}
    outcomes = {url.rsplit("/", 1)[1]: outcome for url, outcome in second["outcomes"].items()}
    assert outcomes == {
        "0": "not_modified",
        "1": "not_modified",
        "2": "not_modified",
        "3": "deferred",
        "4": "deferred",
        "5": "http_4xx",
    }
    assert len(klartext.pages()) == 5
    written = b"".join(gzip.decompress(Path(path).read_bytes()) for path in second["files"])
    assert written.count(b"WARC-Type: revisit") == 3
    assert written.count(b"revisit/server-not-modified") == 1
    assert written.count(b"revisit/identical-payload-digest") == 2


def test_a_changed_page_is_stored_again(server: Server, klartext: Klartext) -> None:
    base = server.listen()
    klartext.sources({"name": "s", "kind": "urls", "urls": [f"{base}/1"], "delay": 0})
    server.routes["/1"] = Reply(PAGE, etag='"a"')
    klartext.run()
    server.routes["/1"] = Reply(PAGE + b"<p>Nachtrag</p>", etag='"b"')
    assert klartext.run()["outcomes"] == {f"{base}/1": "stored"}
    server.routes["/1"] = Reply(status=410)
    assert klartext.run(code=1)["outcomes"] == {f"{base}/1": "gone"}
    asked = len(server.pages())
    assert klartext.run()["outcomes"] == {f"{base}/1": "deferred"}
    assert len(server.pages()) == asked


def test_two_runs_at_once_fetch_nothing_twice_and_stay_polite(server: Server, klartext: Klartext) -> None:
    bases = [server.listen(f"127.0.0.{n}") for n in range(1, 4)]
    server.routes["*"] = Reply(PAGE, pause=0.02)
    server.routes["/robots.txt"] = Reply(status=404)
    links = [f"{base}/{n}" for n in range(8) for base in bases]
    klartext.sources({"name": "s", "kind": "urls", "urls": links, "delay": 0.15})
    runs = [klartext.start() for _ in range(2)]
    answers = []
    for process in runs:
        out, err = process.communicate(timeout=90)
        assert process.returncode == 0, err
        answers.append(json.loads(out.splitlines()[-1]))
    assert Counter(one.host + one.path for one in server.pages()).most_common(1)[0][1] == 1
    assert sorted(klartext.pages()) == sorted(links)
    for link in links:
        assert sorted(answer["outcomes"][link] for answer in answers) == ["deferred", "stored"]
    for base in bases:
        host = base.split("//")[1].split(":")[0]
        times = sorted(one.begin for one in server.log if one.host == host)
        assert min(b - a for a, b in itertools.pairwise(times)) >= 0.15
        assert server.most_busy[host] == 1


def test_two_runs_without_delay_share_a_host(server: Server, klartext: Klartext) -> None:
    base = server.listen()
    server.routes["*"] = Reply(PAGE, pause=0.005)
    links = [f"{base}/{n}" for n in range(100)]
    klartext.sources({"name": "s", "kind": "urls", "urls": links, "delay": 0})
    for process in [klartext.start() for _ in range(2)]:
        process.communicate(timeout=90)
        assert process.returncode == 0
    assert Counter(one.path for one in server.pages()) == {f"/{n}": 1 for n in range(100)}
    assert server.most_busy["127.0.0.1"] == 1


def _wait_for(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came to this"
        time.sleep(0.02)


@pytest.mark.parametrize("etag", [None, '"v"'], ids=["without validators", "with an ETag"])
@pytest.mark.parametrize("after", [1, 25])
def test_a_run_that_is_killed_is_gone_on_with(
    server: Server, klartext: Klartext, after: int, etag: str | None
) -> None:
    base = server.listen()
    server.routes["*"] = Reply(PAGE, pause=0.01, etag=etag)
    links = [f"{base}/{n}" for n in range(40)]
    klartext.sources({"name": "s", "kind": "urls", "urls": links, "delay": 0})
    process = klartext.start()
    _wait_for(lambda: len(server.pages()) > after)
    process.kill()
    process.communicate()
    assert landed_files(klartext.landing) == []  # what is there has a temporary name
    server.routes["*"] = Reply(PAGE, etag=etag)
    answer = klartext.run()
    assert sorted(klartext.pages()) == sorted(links)
    asked = Counter(one.path for one in server.pages())
    assert sum(count - 1 for count in asked.values()) <= 1  # the page that was under way
    assert list(klartext.landing.rglob("*.part")) == []
    logged = Counter(url for url, outcome in klartext.log() if outcome == "stored")
    assert logged == dict.fromkeys(links, 1)
    assert set(answer["outcomes"]) == set(links)


def test_where_a_killed_runs_redirect_led_is_not_asked_for_again(server: Server, klartext: Klartext) -> None:
    base = server.listen()
    server.routes["/old"], server.routes["/new"] = Reply.redirect("/new"), Reply(PAGE, etag='"v"')
    server.routes["/last"] = Reply(PAGE, pause=30)
    klartext.sources({"name": "s", "kind": "urls", "urls": [f"{base}/old", f"{base}/last"], "delay": 0})
    process = klartext.start()
    _wait_for(lambda: "/last" in server.paths())
    process.kill()
    process.communicate()
    server.routes["/last"] = Reply(PAGE)
    klartext.sources({"name": "s", "kind": "urls", "urls": [f"{base}/new", f"{base}/last"], "delay": 0})
    assert klartext.run()["outcomes"] == {f"{base}/new": "deferred", f"{base}/last": "stored"}
    assert server.paths().count("/new") == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_run_in_good_order(server: Server, klartext: Klartext, number: signal.Signals) -> None:
    base = server.listen()
    server.routes["*"] = Reply(PAGE, pause=0.02)
    links = [f"{base}/{n}" for n in range(150)]
    klartext.sources({"name": "s", "kind": "urls", "urls": links, "delay": 0})
    process = klartext.start()
    _wait_for(lambda: len(server.pages()) > 10)
    process.send_signal(number)
    began = time.monotonic()
    out, err = process.communicate(timeout=20)
    assert time.monotonic() - began < 5
    assert process.returncode == 130, err
    assert "Traceback" not in err
    answer = json.loads(out.splitlines()[-1])
    assert set(answer["outcomes"]) == set(links)
    assert set(answer["outcomes"].values()) == {"stored", "deferred"}
    assert sorted(klartext.pages()) == sorted(u for u, outcome in answer["outcomes"].items() if outcome == "stored")
    assert list(klartext.landing.rglob("*.part")) == []
    server.routes["*"] = Reply(PAGE)
    klartext.run()
    assert sorted(klartext.pages()) == sorted(links)
    assert sum(Counter(one.path for one in server.pages()).values()) <= len(links) + 1


def test_a_database_that_goes_away_ends_the_run_and_loses_nothing(
    server: Server, klartext: Klartext, database: Callable[[str], str]
) -> None:
    base = server.listen()
    server.routes["*"] = Reply(PAGE, pause=0.02)
    links = [f"{base}/{n}" for n in range(60)]
    klartext.sources({"name": "s", "kind": "urls", "urls": links, "delay": 0})
    process = klartext.start()
    _wait_for(lambda: len(server.pages()) > 10)
    connection = psycopg2.connect(database("superuser"))
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE application_name = 'klartext acquire'"
        )
    connection.close()
    _, err = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "went away" in err and "Traceback" not in err
    server.routes["*"] = Reply(PAGE)
    klartext.run()
    assert sorted(klartext.pages()) == sorted(links)
    assert Counter(url for url, outcome in klartext.log() if outcome == "stored") == dict.fromkeys(links, 1)


def test_a_full_landing_zone_ends_the_run_and_keeps_what_is_whole(server: Server, klartext: Klartext) -> None:
    base = server.listen()
    body = b"<html>" + os.urandom(40_000).hex().encode()
    server.routes["*"] = Reply(body)
    links = [f"{base}/{n}" for n in range(20)]
    klartext.sources({"name": "s", "kind": "urls", "urls": links, "delay": 0})
    limited = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY));"
        "from etl.cli import main; sys.argv[0] = 'klartext'; main()"
    )
    process = subprocess.run(
        [sys.executable, "-c", limited, "acquire", "--sources", str(klartext.file), "--json"],
        env=klartext.env, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert process.returncode == 2, process.stderr
    assert "landing zone" in process.stderr and "Traceback" not in process.stderr
    whole = klartext.pages()
    assert 2 <= len(whole) < 20
    outcomes = dict(klartext.log())
    assert set(outcomes) == set(links)
    assert {url for url, outcome in outcomes.items() if outcome == "stored"} == set(whole)
    klartext.run()
    assert sorted(klartext.pages()) == sorted(links)


def test_what_max_items_leaves_is_asked_for_by_later_runs(server: Server, klartext: Klartext) -> None:
    base = server.listen()
    server.routes["/feed"] = rss(*(f"{base}/{n}" for n in range(7)))
    server.routes["*"] = Reply(PAGE)
    klartext.sources({"name": "s", "kind": "feed", "url": f"{base}/feed", "delay": 0, "max_items": 3})
    stored = [klartext.run()["stored"] for _ in range(3)]
    assert stored == [3, 3, 1]
    assert all(one.headers.get("if-none-match") for one in server.log if one.path == "/feed" and one != server.log[1])


def test_a_large_sitemap_costs_one_request_and_gives_the_newest_first(server: Server, klartext: Klartext) -> None:
    base = server.listen()
    days = [f"2026-10-{n:02}" for n in range(1, 31)]
    entries = "".join(f"<url><loc>{base}/{n}</loc><lastmod>{days[n % 30]}</lastmod></url>" for n in range(9_000))
    server.routes["/map.xml"] = Reply(f"<urlset>{entries}</urlset>".encode(), type="application/xml", etag='"m"')
    server.routes["*"] = Reply(PAGE)
    klartext.sources({"name": "s", "kind": "sitemap", "url": f"{base}/map.xml", "delay": 0, "max_items": 5})
    answer = klartext.run()
    assert set(answer["outcomes"]) == {f"{base}/{n}" for n in (29, 59, 89, 119, 149)}
    assert answer["sources"]["s"]["beyond_max_items"] == 8_995
    again = klartext.run()
    assert set(again["outcomes"]) == {f"{base}/{n}" for n in (179, 209, 239, 269, 299)}
    assert server.paths().count("/map.xml") == 2


def test_include_exclude_and_max_age(server: Server, klartext: Klartext) -> None:
    base = server.listen()
    old = sitemap(f"{base}/news/old", modified="2020-01-01")
    new = sitemap(f"{base}/news/1", f"{base}/sport/2", f"{base}/about")
    server.routes["/old.xml"], server.routes["/new.xml"] = old, new
    server.routes["*"] = Reply(PAGE)
    klartext.sources(
        {"name": "s", "kind": "sitemap", "urls": [f"{base}/old.xml", f"{base}/new.xml"], "delay": 0,
         "include": ["/news/", "/sport/"], "exclude": ["*/sport/*"], "max_age": "30d"}
    )  # fmt: skip
    assert klartext.run()["outcomes"] == {
        f"{base}/news/1": "stored",
        f"{base}/sport/2": "excluded",
        f"{base}/about": "excluded",
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[[source]\n", "not valid TOML"),
        ('[[source]]\nname = "a"\nkind = "feed"\n', "line 1, key url"),
        ('[[source]]\nname = "a"\nkind = "feed"\nurl = "http://a.example/"\nmax_item = 3\n', "line 5, key max_item"),
    ],
    ids=["syntax", "missing", "misspelt"],
)
def test_a_wrong_sources_file_is_told_with_line_and_key(klartext: Klartext, text: str, expected: str) -> None:
    klartext.file.write_text(text)
    told = klartext.run(code=2)["stderr"]
    assert str(klartext.file) in told and expected in told


def test_a_sources_file_that_is_not_there(klartext: Klartext) -> None:
    assert "there is no sources file" in klartext.run(code=2)["stderr"]


def test_the_reader_sees_the_log_and_no_table(klartext: Klartext, database: Callable[[str], str]) -> None:
    with psycopg2.connect(database("reader")) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT url, source, at, outcome, status, bytes, origin FROM news.fetch_log")
        assert cursor.fetchall() == []
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute("SELECT * FROM klartext.fetch_state")
