"""Files of an S3 storage, served by moto on the loopback interface."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

import pytest

from etl.model import Capture, Reject
from etl.read import find_files, open_captures
from tests.hostile import lines, pages, table

pytestmark = pytest.mark.integration


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    s3fs = pytest.importorskip("s3fs")
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    s3fs.S3FileSystem.clear_instance_cache()
    filesystem = s3fs.S3FileSystem()
    filesystem.makedirs("news-dumps", exist_ok=True)  # moto keeps its buckets as long as the process lives
    filesystem.pipe("news-dumps/2022/b.jsonl", lines(3))
    filesystem.pipe("news-dumps/2022/a/a.jsonl.gz", gzip.compress(lines(5)))
    filesystem.pipe("news-dumps/2022/c.parquet", table({"text": ["one", "two"]}))
    filesystem.pipe("news-dumps/2022/d.warc.gz", pages(2))
    filesystem.pipe("news-dumps/2022/e.jsonl.gz", gzip.compress(lines(500))[:1000])
    try:
        yield "s3://news-dumps/2022"
    finally:
        s3fs.S3FileSystem.clear_instance_cache()
        server.stop()


def test_a_folder_in_a_bucket(bucket: str) -> None:
    roots = ["s3://news-dumps/2022"]
    counts = {}
    for found in find_files([bucket], roots=roots):
        outcomes = list(open_captures(found.path, roots=roots))
        counts[found.path.removeprefix(bucket + "/")] = sum(isinstance(o, Capture) for o in outcomes)
        assert all(outcome.origin.startswith(found.path) for outcome in outcomes)
        rejects = [outcome.reason for outcome in outcomes if isinstance(outcome, Reject)]
        assert rejects == (["truncated_file"] if found.path.endswith("e.jsonl.gz") else [])
    assert counts.pop("e.jsonl.gz") > 10
    assert counts == {"a/a.jsonl.gz": 5, "b.jsonl": 3, "c.parquet": 2, "d.warc.gz": 2}


def test_outside_of_the_roots(bucket: str) -> None:
    (reject,) = open_captures("s3://news-dumps/2021/x.jsonl", roots=[bucket])
    assert isinstance(reject, Reject)
    assert reject.reason == "outside_input_roots"


def test_an_object_that_isnt_there(bucket: str) -> None:
    (reject,) = open_captures(bucket + "/nothing.jsonl")
    assert isinstance(reject, Reject)
    assert reject.reason == "unreadable_file"
