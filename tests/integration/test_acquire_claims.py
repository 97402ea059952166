"""Runs at the same time: who asks for what is settled in Postgres before anybody asks."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastwarc.warc import ArchiveIterator, WarcRecordType

from etl.acquire.landing import Landing, WarcFile
from etl.acquire.postgres_state import PostgresState
from etl.acquire.run import Answer, Run
from etl.acquire.settings import AcquireSettings
from etl.acquire.sources import Source, SourcesFile, landed_files
from etl.acquire.state import Page, Visit
from etl.database import Target
from tests.acquire_server import Reply, Server, rss, sitemap

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

PAGE = Reply.html("Brücke gesperrt").body


@pytest.fixture
def session(dsn: str) -> Iterator[Callable[[], PostgresState]]:
    """Makes sessions with the database, as each run has one."""
    with contextlib.ExitStack() as stack:

        def make() -> PostgresState:
            state = PostgresState(Target(dsn, "test"))
            stack.callback(state.close)
            return state

        yield make


def together(dsn: str, landing: Path, sources: list[Source], runs: int, stagger: float) -> list[Answer]:
    """Runs at the same time, each in a thread and with a session of its own."""

    def one(number: int) -> Answer:
        time.sleep(number * stagger)
        with contextlib.closing(PostgresState(Target(dsn, "test"))) as state:
            run = Run(
                SourcesFile(allow_private=True),
                sources,
                landing=landing,
                settings=AcquireSettings(backoff=0.01, tdmrep=False),
                state=state,
                spool=landing / "spool",
            )
            return asyncio.run(run.run())

    with ThreadPoolExecutor(runs) as pool:
        return list(pool.map(one, range(runs)))


def pages(landing: Path) -> list[str]:
    """URLs of all stored pages."""
    found = []
    for path in landed_files(landing):
        with Path(path).open("rb") as file:
            found += [
                record.headers["WARC-Target-URI"]
                for record in ArchiveIterator(file, record_types=WarcRecordType.response)
                if record.http_headers.status_code == 200
            ]
    return found


def visit(key: str) -> Visit:
    now = Page(asked_at=datetime.now(UTC))
    return Visit(key=key, kind="article", url=key, source="s", at=now.asked_at, outcome="stored", page=now)


# --- the claims ----------------------------------------------------------------------------------------------------


def test_a_url_belongs_to_the_first_run_that_claims_it(session: Callable[[], PostgresState]) -> None:
    first, second = session(), session()
    one, two = first.begin(), second.begin()
    assert one.run < two.run and two.beside == {one.run} and not two.killed
    assert {key: claim.run for key, claim in first.claim(["a", "b"]).items()} == {"a": one.run, "b": one.run}
    assert {key: claim.run for key, claim in second.claim(["b", "c"]).items()} == {"b": one.run, "c": two.run}
    assert first.claim(["a"])["a"].run == one.run  # again
    first.save([visit("a")], free=["b"])
    claims = second.claim(["a", "b"])
    assert {claim.run for claim in claims.values()} == {two.run}
    page = claims["a"].page
    assert page is not None and page.asked_run == one.run and claims["b"].page is None


def test_claims_of_many_sessions_at_once_give_each_url_to_one(session: Callable[[], PostgresState]) -> None:
    states = [session() for _ in range(5)]
    runs = [state.begin().run for state in states]
    assert len(set(runs)) == 5
    keys = [f"k{n}" for n in range(300)]
    gate = threading.Barrier(5)

    def claim(state: PostgresState) -> dict[str, int]:
        gate.wait(10)
        got: dict[str, int] = {}
        for n in range(0, 300, 20):  # in steps that overlap, and in no common order
            step = sorted(keys[n : n + 30], key=lambda key: hash((key, id(state))))
            got |= {key: found.run for key, found in state.claim(step).items()}
        return got

    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(claim, states))
    assert all(answer == answers[0] and len(answer) == 300 for answer in answers)
    assert set(answers[0].values()) <= set(runs)


def test_a_session_that_ends_without_a_word_was_killed(session: Callable[[], PostgresState]) -> None:
    killed = session()
    gone = killed.begin().run
    killed.claim(["a"])
    killed.close()
    state = session()
    begun = state.begin()
    assert begun.killed == {gone} and not begun.beside and state.going_on() == {begun.run}
    assert state.claim(["a"])["a"].run == gone  # until its files are taken over
    state.free_killed(begun.killed)
    assert state.claim(["a"])["a"].run == begun.run
    state.end(begun.killed)
    after = session().begin()
    assert not after.killed and not after.beside


# --- whole runs ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stagger", [0.0, 0.07], ids=["together", "one after the other"])
def test_four_runs_at_once_ask_each_url_once(server: Server, tmp_path: Path, dsn: str, stagger: float) -> None:
    bases = [server.listen(f"127.0.2.{n}") for n in range(1, 6)]
    # The first run must still go on when the last one begins: a later one may ask the feed again.
    server.routes["*"] = Reply(PAGE, pause=0.03 if stagger else 0.003)
    server.routes["/robots.txt"] = Reply(status=404)
    links = [f"{base}/{n}" for n in range(16) for base in bases]
    fed, mapped = [f"{bases[0]}/f{n}" for n in range(5)], [f"{bases[1]}/m{n}" for n in range(5)]
    server.routes["/feed"], server.routes["/map.xml"] = rss(*fed), sitemap(*mapped)
    moved = [f"{bases[2]}/old{n}" for n in range(5)]
    server.routes |= {f"/old{n}": Reply.redirect(f"{bases[3]}/new{n}") for n in range(5)}
    sources = [
        Source(name="a", kind="urls", urls=links + moved, delay=0),
        Source(name="f", kind="feed", url=f"{bases[0]}/feed", delay=0),
        Source(name="m", kind="sitemap", url=f"{bases[1]}/map.xml", delay=0),
    ]
    answers = together(dsn, tmp_path, sources, 4, stagger)
    asked = Counter(one.host + one.path for one in server.pages())
    assert asked.most_common(1)[0][1] == 1, asked.most_common(3)
    assert len(asked) == len(links + fed + mapped) + 2 * len(moved) + 2
    assert max(server.most_busy.values()) == 1
    targets = [f"{bases[3]}/new{n}" for n in range(5)]
    assert sorted(pages(tmp_path)) == sorted(links + fed + mapped + targets)
    for link in links + fed + moved:
        assert sorted(answer.outcomes[link] for answer in answers) == ["deferred"] * 3 + ["stored"]
    assert Counter(answer.outcomes.get(link) for answer in answers for link in mapped)["stored"] == len(mapped)


def test_files_are_begun_beside_a_run_that_looks_for_leftovers(tmp_path: Path) -> None:
    """What it looks at may be a file that was made a moment ago and isn't locked yet."""

    def landing() -> Landing:
        return Landing(tmp_path, agent="test", largest=1 << 30, spool=tmp_path / "spool")

    over = threading.Event()
    adopted: list[Any] = []

    def look() -> None:
        while not over.is_set():
            landing().recover(adopted.extend)

    folder = tmp_path / "date=2026-01-01" / "source=s"
    with ThreadPoolExecutor(2) as pool:
        looking = [pool.submit(look) for _ in range(2)]
        try:
            for number in range(300):
                file = WarcFile(folder, "s", "test", run=number)
                assert file.part.exists()
                file.abandon()
        finally:
            over.set()
        for one in looking:
            one.result()
    assert adopted == []


def test_where_another_runs_redirect_led_is_not_asked_for_again(server: Server, tmp_path: Path, dsn: str) -> None:
    base = server.listen()
    server.routes["/old"] = Reply.redirect("/new")
    server.routes["/new"] = Reply(PAGE, pause=0.2)
    first = Source(name="a", kind="urls", urls=[f"{base}/old"], delay=0)
    second = Source(name="b", kind="urls", urls=[f"{base}/new"], delay=0)

    def one(number: int) -> Answer:
        time.sleep(number * 0.1)
        return together(dsn, tmp_path, [[first], [second]][number], 1, 0)[0]

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(one, range(2)))
    assert answers[0].outcomes == {f"{base}/old": "stored"} and answers[1].outcomes == {f"{base}/new": "deferred"}
    assert [one.path for one in server.pages()] == ["/old", "/new"]


def test_runs_at_once_share_the_files_of_an_archive(tmp_path: Path, dsn: str) -> None:
    from tests.integration.test_acquire_ccnews import FILES, OCTOBER
    from tests.integration.test_acquire_ccnews import pages as archived

    for path, data in FILES.items():
        (tmp_path / "archive" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "archive" / path).write_bytes(data)
    source = Source(name="cc", kind="ccnews", url=f"file://{tmp_path}/archive", **OCTOBER)
    answers = together(dsn, tmp_path / "landing", [source], 3, 0.0)
    assert len(archived(tmp_path / "landing")) == 6  # which fails when a page is there twice
    assert sum(answer.count("stored") for answer in answers) == 6


def test_one_of_two_runs_is_killed_and_the_other_goes_on(server: Server, tmp_path: Path, dsn: str) -> None:
    bases = [server.listen(f"127.0.2.{n}") for n in range(1, 3)]
    server.routes["*"] = Reply(PAGE, pause=0.03)
    links = [f"{base}/{n}" for n in range(60) for base in bases]
    (tmp_path / "sources.toml").write_text(
        f"allow_private = true\n[[source]]\nname = 's'\nkind = 'urls'\ndelay = 0\nurls = {json.dumps(links)}\n"
    )
    environment = {
        **os.environ,
        "KLARTEXT_HOME": str(tmp_path),
        "KLARTEXT_DATABASE_URL": dsn,
        "KLARTEXT_ACQUIRE_TDMREP": "false",
    }

    def start() -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "etl.cli", "acquire", "--sources", str(tmp_path / "sources.toml"), "--json"]
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def wait_until(condition: Callable[[], bool]) -> None:
        end = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < end, "it never came to this"
            time.sleep(0.01)

    first, second = start(), start()
    with contextlib.closing(PostgresState(Target(dsn, "test"))) as state:
        wait_until(lambda: len(state.going_on()) == 2 and len(server.pages()) > 10)
    first.kill()
    first.communicate()
    out, err = second.communicate(timeout=60)
    assert second.returncode == 0, err
    assert set(json.loads(out.splitlines()[-1])["outcomes"]) == set(links)
    assert sorted(set(pages(tmp_path / "landing"))) == sorted(links)
    again = sum(count - 1 for count in Counter(one.host + one.path for one in server.pages()).values())
    assert again <= len(bases)  # what was under way at a host when the run was killed
    assert list((tmp_path / "landing").rglob("*.part")) == []
    # What the killed run had stored is in the files once, and the log names it once.
    assert len(pages(tmp_path / "landing")) == len(links)
