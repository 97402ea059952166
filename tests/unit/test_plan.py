"""Planning: which files a run reads, and that batches depend on the files alone."""

from __future__ import annotations

import gzip
import json
import os
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etl.acquire.sources import Source, landing_dir
from etl.errors import ConfigurationError, UsageError
from etl.plan import MAX_BATCHES, Input, PlanRequest, choose_inputs, plan_batches, read_batch


@pytest.fixture
def dumps(tmp_path: Path) -> Path:
    """Three days of a dump, two files each."""
    for day in ("2026-01-01", "2026-01-02", "2026-01-03"):
        folder = tmp_path / "dumps" / day
        folder.mkdir(parents=True)
        for name in ("a", "b"):
            (folder / f"{name}.jsonl").write_text(json.dumps({"text": f"{day} {name}"}) + "\n")
    return tmp_path / "dumps"


def land(root: Path, day: date, source: str, name: str) -> Path:
    folder = Path(landing_dir(root, day, source))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(gzip.compress(b"WARC/1.1\r\n"))
    return folder / name


def request(tmp_path: Path, **changes: object) -> PlanRequest:
    return PlanRequest(**{"landing": str(tmp_path / "landing"), "roots": (tmp_path,), **changes})  # type: ignore[arg-type]


def test_a_sweep_takes_the_landing_zone_and_folder_sources(tmp_path: Path, dumps: Path) -> None:
    landed = land(tmp_path / "landing", date(2026, 1, 2), "example-feed", "x.warc.gz")
    (landed.parent / "y.warc.gz.open").write_bytes(b"unfinished")
    source = Source(name="dump", kind="folder", path=f"{dumps}/{{date:%Y-%m-%d}}/*.jsonl")
    off = Source(name="off", kind="folder", path=f"{dumps}/2026-01-01/a.jsonl", enabled=False)
    inputs = choose_inputs(request(tmp_path, sources=(source, off)))
    assert len(inputs) == 7
    assert Input(str(landed), "example-feed") in inputs
    assert {i.source for i in inputs} == {"example-feed", "dump"}


def test_a_day_takes_that_days_folders_only(tmp_path: Path, dumps: Path) -> None:
    land(tmp_path / "landing", date(2026, 1, 1), "example-feed", "x.warc.gz")
    landed = land(tmp_path / "landing", date(2026, 1, 2), "example-feed", "x.warc.gz")
    dated = Source(name="dump", kind="folder", path=f"{dumps}/{{date:%Y-%m-%d}}/*.jsonl")
    undated = Source(name="all", kind="folder", path=f"{dumps}/*/*.jsonl")
    inputs = choose_inputs(request(tmp_path, day=date(2026, 1, 2), sources=(dated, undated)))
    assert inputs == sorted(
        [Input(str(landed), "example-feed"), *(Input(f"{dumps}/2026-01-02/{n}.jsonl", "dump") for n in "ab")],
        key=lambda i: i.path,
    )


def test_paths_win_over_a_day(tmp_path: Path, dumps: Path) -> None:
    inputs = choose_inputs(request(tmp_path, paths=(f"{dumps}/2026-01-03",), day=date(2026, 1, 1), source="by-hand"))
    assert inputs == [Input(f"{dumps}/2026-01-03/{name}.jsonl", "by-hand") for name in "ab"]


@pytest.mark.parametrize(
    ("given_path", "message"),
    [
        ("https://news.example/a.jsonl", "is a URL"),
        ("s3://bucket/a.jsonl", "is a URL"),
        ("file:///etc/hostname", "is a URL"),
        ("dumps/2026-01-01", "not absolute"),
        ("/etc/hostname", "lies outside"),
        ("{root}/../elsewhere", "lies outside"),
        ("{root}/link", "lies outside"),
        ("{root}/nothing-here", "no"),
    ],
    ids=["https", "s3", "file-url", "relative", "elsewhere", "dot-dot", "link-out", "missing"],
)
def test_paths_that_are_refused(tmp_path: Path, given_path: str, message: str) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "elsewhere").mkdir()
    (root / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match=message):
        choose_inputs(request(tmp_path, paths=(given_path.format(root=root),), roots=(root,)))


def test_an_unknown_landing_zone_is_empty(tmp_path: Path) -> None:
    assert choose_inputs(request(tmp_path)) == []
    assert plan_batches([], manifest_dir=tmp_path / "runs", run_id="1") == []


def test_small_files_share_a_batch_and_references_are_small(tmp_path: Path) -> None:
    files = []
    for number in range(300):
        path = tmp_path / f"{number:03}.txt"
        path.write_text("x" * 1000)
        files.append(str(path))
    references = plan_batches(files, manifest_dir=tmp_path / "runs", run_id="1")
    assert len(references) == 1
    assert references[0]["pieces"] == 300
    assert references[0]["bytes"] == 300_000
    assert len(json.dumps(references)) < 400
    assert [piece.path for piece in read_batch(references[0]).pieces] == files


def test_a_big_file_is_cut_at_line_ends_without_gap_or_overlap(tmp_path: Path) -> None:
    path = tmp_path / "big.jsonl"
    lines = [json.dumps({"text": f"line {number} " + "x" * (number % 90)}) + "\n" for number in range(2000)]
    path.write_text("".join(lines))
    references = plan_batches([str(path)], manifest_dir=tmp_path / "runs", run_id="1", target_bytes=10_000)
    pieces = [piece for reference in references for piece in read_batch(reference).pieces]
    assert len(pieces) > 5
    content = path.read_bytes()
    parts = [content[piece.start or 0 : piece.end] for piece in pieces]
    assert b"".join(parts) == content
    assert all(part.endswith(b"\n") for part in parts)
    assert [piece.first_line for piece in pieces] == [
        1 + content[: piece.start or 0].count(b"\n") for piece in pieces
    ]
    assert len({piece.key for piece in pieces}) == len(pieces)


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sizes=st.lists(st.integers(0, 5000), min_size=1, max_size=60),
    most=st.integers(1, 10),
    seed=st.randoms(use_true_random=False),
)
def test_batches_are_a_function_of_the_files(tmp_path: Path, sizes: list[int], most: int, seed: object) -> None:
    folder = tmp_path / os.urandom(4).hex()
    folder.mkdir()
    files = [folder / f"{number}.txt" for number in range(len(sizes))]
    for path, size in zip(files, sizes, strict=True):
        path.write_bytes(b"x" * size)
    names = [str(path) for path in files]
    first = plan_batches(names, manifest_dir=tmp_path / "a", run_id="1", max_batches=most, target_bytes=20_000)
    seed.shuffle(names)  # type: ignore[attr-defined]
    again = plan_batches(names * 2, manifest_dir=tmp_path / "b", run_id="2", max_batches=most, target_bytes=20_000)
    assert [r["key"] for r in first] == [r["key"] for r in again]
    assert len(first) <= most
    read = [piece.path for reference in first for piece in read_batch(reference).pieces]
    assert sorted(read) == sorted(map(str, files))


def test_many_files_stay_within_what_airflow_maps(tmp_path: Path) -> None:
    for number in range(3000):
        (tmp_path / f"{number}.txt").write_bytes(b"x" * 100)
    names = [str(path) for path in tmp_path.glob("*.txt")]
    references = plan_batches(names, manifest_dir=tmp_path / "runs", run_id="1", target_bytes=50_000)
    assert 100 < len(references) <= MAX_BATCHES
    assert sum(reference["pieces"] for reference in references) == 3000


def test_keys_change_with_content_source_and_fields(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    keys = set()

    def plan(source: str = "files", fields: dict[str, str] | None = None) -> None:
        (reference,) = plan_batches([Input(str(path), source)], manifest_dir=tmp_path, run_id="1", fields=fields)
        keys.add(reference["key"])

    path.write_text('{"text": "one"}\n')
    plan()
    plan()
    assert len(keys) == 1
    plan(source="other")
    plan(fields={"text": "body"})
    path.write_text('{"text": "two"}\n')
    plan()
    assert len(keys) == 4


def test_finished_pieces_are_left_out(tmp_path: Path, dumps: Path) -> None:
    files = sorted(str(path) for path in dumps.rglob("*.jsonl"))
    (reference,) = plan_batches(files, manifest_dir=tmp_path, run_id="1")
    done = {piece.key for piece in read_batch(reference).pieces[:4]}
    (rest,) = plan_batches(files, manifest_dir=tmp_path, run_id="2", finished=done.intersection)
    assert [piece.path for piece in read_batch(rest).pieces] == files[4:]
    assert plan_batches(files, manifest_dir=tmp_path, run_id="3", finished=set) == []


def test_what_cannot_be_read_is_planned_so_that_its_reading_rejects_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.jsonl")
    names = [str(tmp_path / "fifo.jsonl"), str(tmp_path / "gone.jsonl"), os.fsdecode(bytes(tmp_path) + b"/\xff.txt")]
    (reference,) = plan_batches(names, manifest_dir=tmp_path / "runs", run_id="1")
    assert sorted(piece.path for piece in read_batch(reference).pieces) == sorted(names)


def test_batches_carry_roots_and_fields(tmp_path: Path, dumps: Path) -> None:
    (reference,) = plan_batches(
        [f"{dumps}/2026-01-01/a.jsonl"], manifest_dir=tmp_path, run_id="1", fields={"text": "body"}, roots=[dumps]
    )
    batch = read_batch(reference)
    assert batch.fields == {"text": "body"}
    assert batch.roots == (str(dumps),)


def test_a_manifest_that_is_gone_or_replaced_is_told(tmp_path: Path, dumps: Path) -> None:
    (reference,) = plan_batches([f"{dumps}/2026-01-01/a.jsonl"], manifest_dir=tmp_path, run_id="1")
    plan_batches([f"{dumps}/2026-01-02/a.jsonl"], manifest_dir=tmp_path, run_id="1")
    with pytest.raises(ConfigurationError, match="doesn't hold batch"):
        read_batch(reference)
    (tmp_path / "1.jsonl").unlink()
    with pytest.raises(ConfigurationError, match="is gone"):
        read_batch(reference)
