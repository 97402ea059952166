"""``klartext sources``: finding, testing and showing them; and landing zones that are object stores."""

from __future__ import annotations

import asyncio
import json
import os
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from etl.acquire.manage import check, discover
from etl.acquire.run import Run
from etl.acquire.settings import AcquireSettings
from etl.acquire.sources import Source, SourcesFile, landed_files, load_sources
from etl.acquire.state import MemoryState
from etl.errors import UsageError
from tests.acquire_cli import klartext_here
from tests.acquire_server import Reply, Server, rss, serving, sitemap

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

PAGE = Reply.html("Brücke gesperrt").body
CONFIG = SourcesFile(allow_private=True)
SETTINGS = AcquireSettings(backoff=0.01, retries=0, tdmrep=False)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr("etl.acquire.manage._DELAY", 0.0)
    with serving() as running:
        yield running


def _found(base: str) -> list[tuple[str, str, int]]:
    return [(c.kind, c.url.removeprefix(base), c.entries) for c in discover(CONFIG, base, SETTINGS)]


def test_feeds_that_a_page_links_and_sitemaps_that_robots_names(server: Server) -> None:
    base = server.listen()
    server.routes["/"] = Reply(
        b"<html><head><link rel='alternate' type='application/rss+xml' href='/a.rss'>"
        b"<link rel='alternate' hreflang='en' href='/en'>"
        b"<link rel='ALTERNATE feed' type='application/atom+xml' href='gone.atom'></head></html>"
    )
    server.routes["/a.rss"] = rss("/1", "/2", "/3")
    server.routes["/robots.txt"] = Reply(f"Sitemap: {base}/maps/news.xml\n".encode(), type="text/plain")
    server.routes["/maps/news.xml"] = sitemap("/1")
    assert _found(base) == [("feed", "/a.rss", 3), ("sitemap", "/maps/news.xml", 1)]
    assert "/gone.atom" in server.paths() and "/en" not in server.paths()


def test_well_known_places(server: Server) -> None:
    base = server.listen()
    server.routes["/"] = Reply(PAGE)
    server.routes["/feed"] = Reply.redirect("/feed/")
    server.routes["/feed/"] = rss("/1")
    server.routes["/sitemap.xml"] = sitemap("/1", "/2")
    assert _found(base) == [("feed", "/feed/", 1), ("sitemap", "/sitemap.xml", 2)]


def test_a_feed_itself(server: Server) -> None:
    base = server.listen()
    server.routes["/x"] = rss("/1")
    assert [c.kind for c in discover(CONFIG, f"{base}/x", SETTINGS)] == ["feed"]
    assert server.paths() == ["/robots.txt", "/x"]


def test_nothing_answers_or_may_be_asked(server: Server) -> None:
    base = server.listen()
    server.routes["/robots.txt"] = Reply(b"User-agent: *\nDisallow: /\n", type="text/plain")
    with pytest.raises(UsageError, match="robots_denied"):
        discover(CONFIG, base, SETTINGS)
    with pytest.raises(UsageError, match="not public"):
        discover(SourcesFile(), base, SETTINGS)
    with pytest.raises(UsageError, match="neither http nor https"):
        discover(CONFIG, "file:///etc/passwd", SETTINGS)


def test_what_is_wrong_with_sources(server: Server, tmp_path: Path) -> None:
    base = server.listen()
    server.routes["/good"] = rss(f"{base}/1")
    server.routes["/dead"] = rss(f"{base}/nothing")
    server.routes["/empty"] = rss()
    server.routes["/page"] = server.routes["/1"] = Reply(PAGE)
    (tmp_path / "dump.jsonl").touch()

    def feed(name: str, **more: Any) -> Source:
        return Source(name=name, kind="feed", url=f"{base}/{name}", delay=0, **more)

    sources = [
        feed("good"),
        feed("dead"),
        feed("empty"),
        feed("page"),
        feed("missing"),
        feed("good", include=("/never/",)),
        Source(name="dumps", kind="folder", path=str(tmp_path / "*.jsonl")),
        Source(name="none", kind="folder", path=str(tmp_path / "*.csv")),
        Source(name="cc", kind="ccnews", url=f"{base}/archive"),
    ]
    results = check(CONFIG, sources, SETTINGS)
    assert [result["ok"] for result in results] == [True, False, False, False, False, False, True, False, False]
    for result, part in zip(
        results,
        [
            "stored",
            "http_4xx",
            "no article",
            "wrong_type",
            "http_4xx",
            "leave none",
            "1 files",
            "0 files",
            "http_4xx",
        ],
        strict=True,
    ):
        assert part in result["detail"], result
        assert bool(result["fix"]) is not result["ok"]


def test_the_commands(server: Server, tmp_path: Path, dsn: str) -> None:
    base = server.listen()
    server.routes["/"] = Reply(b"<link rel=alternate type='application/rss+xml' href=/feed>")
    server.routes["/feed"] = rss(f"{base}/1")
    server.routes["/1"] = Reply(PAGE)
    file = tmp_path / "sources.toml"
    file.write_text("# mine\nallow_private = true\n")

    def klartext(*arguments: str, code: int = 0) -> dict[str, Any]:
        environment = {**os.environ, "KLARTEXT_HOME": str(tmp_path), "KLARTEXT_DATABASE_URL": dsn}
        done, out, err = klartext_here(*arguments, "--sources", str(file), "--json", environment=environment)
        assert done == code, err
        assert "Traceback" not in err
        return dict(json.loads(out)) if out else {}

    assert klartext("sources", "add", base, "--dry-run")["added"] is None
    assert klartext("sources", "add", base, "--name", "blatt")["added"]["url"] == f"{base}/feed"
    klartext("sources", "add", base, "--name", "blatt", code=2)
    file.write_text(file.read_text().rstrip("\n") + "\ndelay = 0\n")
    assert file.read_text().startswith("# mine\nallow_private = true\n")
    assert [source.name for source in load_sources(file)] == ["blatt"]
    assert klartext("sources", "list")["sources"][0]["health"] == "never asked"
    assert klartext("sources", "check")["sources"][0]["ok"] is True
    assert klartext("sources", "list")["sources"][0]["health"] == "never asked"  # a check leaves nothing behind
    assert klartext("acquire")["stored"] == 1
    assert klartext("acquire", "--due")["asked"] == 0
    listed = klartext("sources", "list")["sources"][0]
    assert listed["health"] == "ok" and listed["found"] == 1
    server.routes["/feed"] = Reply(status=404)
    assert klartext("acquire", code=1)["outcomes"] == {f"{base}/feed": "http_4xx"}
    assert klartext("sources", "list")["sources"][0]["health"].startswith("failed 1x: ")
    klartext("acquire", "--only", "nobody", code=2)


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The URL of a local S3 server."""
    server_module = pytest.importorskip("moto.server")
    pytest.importorskip("s3fs")
    server = server_module.ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch, s3: str) -> Iterator[str]:
    """A landing zone in a bucket that is otherwise empty."""
    import fsspec

    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": s3,
    }.items():
        monkeypatch.setenv(name, value)
    for path, method in (("moto-api/reset", "POST"), ("landing", "PUT")):
        request = urllib.request.Request(f"{s3}/{path}", method=method)
        urllib.request.urlopen(request, timeout=10).close()
    fsspec.filesystem("s3").clear_instance_cache()
    yield "s3://landing/zone"
    fsspec.filesystem("s3").clear_instance_cache()


def test_a_landing_zone_in_an_object_store(server: Server, tmp_path: Path, bucket: str) -> None:
    import fsspec
    from fastwarc.warc import ArchiveIterator, WarcRecordType

    base = server.listen()
    server.routes["*"] = Reply(PAGE)
    source = Source(name="s", kind="urls", urls=[f"{base}/{n}" for n in range(3)], delay=0)
    state = MemoryState()

    def run(landing: str) -> Any:
        return asyncio.run(
            Run(CONFIG, [source], landing=landing, settings=SETTINGS, state=state, spool=tmp_path / "spool").run()
        )

    answer = run(bucket)
    assert landed_files(bucket) == answer.files
    assert answer.files[0].startswith("s3://landing/zone/date=")
    with fsspec.open(answer.files[0], "rb") as file:
        records = list(ArchiveIterator(file, record_types=WarcRecordType.response))
    assert len(records) == 3
    assert all(str(visit.origin).startswith(answer.files[0] + "#") for visit in state.log)
    assert [path for path in (tmp_path / "spool").rglob("*") if path.is_file()] == []


def test_an_object_store_that_refuses_keeps_the_file_for_the_next_run(
    server: Server, tmp_path: Path, bucket: str
) -> None:
    from etl.acquire.landing import LandingError

    base = server.listen()
    server.routes["*"] = Reply(PAGE)
    source = Source(name="s", kind="urls", urls=[f"{base}/1"], delay=0)
    state = MemoryState()

    def run(landing: str) -> Any:
        return asyncio.run(
            Run(CONFIG, [source], landing=landing, settings=SETTINGS, state=state, spool=tmp_path / "spool").run()
        )

    with pytest.raises(LandingError):
        run("s3://there-is-no-such-bucket/zone")
    answer = run(bucket)
    assert len(answer.files) == 1 and len(landed_files(bucket)) == 1
    assert answer.outcomes == {f"{base}/1": "deferred"}


def test_an_archive_in_an_object_store(server: Server, tmp_path: Path, bucket: str) -> None:
    import fsspec

    from tests.integration.test_acquire_ccnews import FILES, OCTOBER, pages

    filesystem = fsspec.filesystem("s3")
    for path, data in FILES.items():
        filesystem.pipe_file(f"landing/archive/{path}", data)
    source = Source(name="cc", kind="ccnews", url="s3://landing/archive/", languages=("de",), **OCTOBER)
    state = MemoryState()
    for asked in (4, 0):  # the second run finds everything done
        run = Run(CONFIG, [source], landing=tmp_path, settings=SETTINGS, state=state, spool=tmp_path / "spool")
        assert len(asyncio.run(run.run()).outcomes) == asked
    assert len(pages(tmp_path)) == 4
