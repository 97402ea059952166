"""From paths to files: one order, links guarded, roots kept, nothing left out silently."""

from __future__ import annotations

import os
from pathlib import Path

import fsspec
import pytest

from etl.errors import UsageError
from etl.model import Capture, Reject
from etl.read import ReadReport, check_allowed, find_files, open_captures, origin_of
from etl.read.formats import ending_of

LINE = b'{"text": "words"}\n'


def put(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(LINE)


def names(folder: Path, **options: object) -> list[str]:
    return [os.path.relpath(found.path, folder) for found in find_files([folder], **options)]  # type: ignore[arg-type]


def test_folders_are_walked_in_the_order_of_bytes(tmp_path: Path) -> None:
    put(tmp_path, "b.jsonl", "a/z.jsonl", "a.jsonl", "B.jsonl", "ä.jsonl", "a/b/c.jsonl.gz", "10.jsonl", "9.jsonl")
    assert names(tmp_path) == [
        *("10.jsonl", "9.jsonl", "B.jsonl", "a/b/c.jsonl.gz", "a/z.jsonl", "a.jsonl", "b.jsonl", "ä.jsonl")
    ]


def test_paths_come_in_the_order_given_and_once(tmp_path: Path) -> None:
    put(tmp_path, "a.jsonl", "b.jsonl")
    found = [file.path for file in find_files([tmp_path / "b.jsonl", tmp_path, tmp_path / "a.jsonl"])]
    assert found == [str(tmp_path / "b.jsonl"), str(tmp_path / "a.jsonl")]


@pytest.mark.parametrize(
    "name", ["with space.jsonl", "new\nline.jsonl", "-dash.jsonl", "'quote\".jsonl", "日本.jsonl", "%s.jsonl"]
)
def test_odd_names(tmp_path: Path, name: str) -> None:
    put(tmp_path, name)
    (found,) = find_files([tmp_path])
    (capture,) = open_captures(found.path)
    assert capture.origin == f"{tmp_path}/{name}:1"


def test_names_that_arent_utf8(tmp_path: Path) -> None:
    raw = os.fsencode(tmp_path) + b"/caf\xe9.jsonl"
    with open(raw, "wb") as file:  # noqa: PTH123
        file.write(LINE)
    (found,) = find_files([tmp_path])
    assert os.fsencode(found.path) == raw
    (capture,) = open_captures(found.path)
    assert capture.origin == f"{tmp_path}/caf\\xe9.jsonl:1"
    capture.origin.encode()


def test_what_is_left_out_is_counted(tmp_path: Path) -> None:
    put(
        tmp_path,
        "a.jsonl",
        ".hidden.jsonl",
        ".git/x.jsonl",
        "b.jsonl.part",
        "c.jsonl.tmp",
        "_SUCCESS",
        ".a.jsonl.crc",
    )
    report = ReadReport()
    assert names(tmp_path, report=report) == ["a.jsonl"]
    assert report.skipped == {"hidden file or folder": 3, "unfinished file": 2, "housekeeping file": 1}


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    put(tmp_path, ".hidden")
    report = ReadReport()
    assert names(tmp_path, report=report) == []
    assert report.notices == [f"{tmp_path}: nothing to read in this folder"]


def test_unknown_types_in_a_folder_are_rejected(tmp_path: Path) -> None:
    put(tmp_path, "a.jsonl")
    (tmp_path / "b.docx").write_bytes(b"PK\x03\x04")
    found = list(find_files([tmp_path]))
    assert [file.format for file in found] == ["jsonl", ""]
    (reject,) = open_captures(found[1].path)
    assert isinstance(reject, Reject)
    assert reject.reason == found[1].reject.reason == "unknown_format"  # type: ignore[union-attr]
    assert "JSON Lines (.jsonl" in reject.detail


def test_an_unknown_type_that_was_named_is_the_users_mistake(tmp_path: Path) -> None:
    (tmp_path / "b.docx").write_bytes(b"PK\x03\x04")
    with pytest.raises(UsageError, match="doesn't read") as caught:
        list(find_files([tmp_path / "b.docx"]))
    assert "WARC (.warc)" in caught.value.fix


@pytest.mark.parametrize(
    ("content", "name"),
    [(LINE, "json"), (b"<!DOCTYPE html><p>x", "html"), (b"WARC/1.1\r\n", "warc"), (b"PAR1....PAR1", "parquet")],
)
def test_the_first_bytes_tell_a_file_without_ending(tmp_path: Path, content: bytes, name: str) -> None:
    (tmp_path / "download").write_bytes(content)
    (found,) = find_files([tmp_path / "download"])
    assert found.format == name


@pytest.mark.parametrize("path", ["nowhere", "nowhere/a.jsonl", "", "a\x00b"])
def test_a_path_that_isnt_there_is_the_users_mistake(tmp_path: Path, path: str) -> None:
    with pytest.raises(UsageError) as caught:
        list(find_files([os.path.join(tmp_path, path) if path else ""]))  # noqa: PTH118
    assert caught.value.exit_code == 2


def test_links_are_followed_and_loops_rejected(tmp_path: Path) -> None:
    put(tmp_path, "data/a.jsonl")
    (tmp_path / "data" / "up").symlink_to(tmp_path)
    (tmp_path / "zlink").symlink_to(tmp_path / "data")
    (tmp_path / "file.jsonl").symlink_to(tmp_path / "data" / "a.jsonl")
    report = ReadReport()
    found = {os.path.relpath(file.path, tmp_path): file for file in find_files([tmp_path], report=report)}
    assert list(found) == ["data/a.jsonl", "data/up", "file.jsonl"]
    assert found["data/up"].reject.reason == "link_loop"  # type: ignore[union-attr]
    assert report.skipped == {"folder that was met before under another name": 1}
    (reject,) = open_captures(tmp_path / "data" / "up")
    assert reject == found["data/up"].reject
    (reject,) = open_captures(tmp_path / "data")
    assert reject.reason == "not_regular_file"  # type: ignore[union-attr]


def test_five_hundred_folders_deep(tmp_path: Path) -> None:
    here = os.open(tmp_path, os.O_RDONLY)
    try:
        for _ in range(500):
            os.mkdir("d", dir_fd=here)
            deeper = os.open("d", os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = deeper
    finally:
        os.close(here)
    put(tmp_path, "a.jsonl")
    assert names(tmp_path) == ["a.jsonl"]


def test_an_unreadable_folder_is_rejected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "a/x.jsonl", "b.jsonl")
    real = os.listdir

    def denied(path: str) -> list[str]:
        if path.endswith("/a"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "listdir", denied)
    found = list(find_files([tmp_path]))
    assert [file.reject.reason if file.reject else None for file in found] == ["unreadable_file", None]


class TestRoots:
    def test_inside_and_outside(self, tmp_path: Path) -> None:
        put(tmp_path, "in/a.jsonl", "out/b.jsonl", "in-not/c.jsonl")
        roots = [tmp_path / "in"]
        check_allowed(tmp_path / "in" / "a.jsonl", roots)
        check_allowed(tmp_path / "in", roots)
        for path in ("out/b.jsonl", "in-not/c.jsonl", "in/../out/b.jsonl", "."):
            with pytest.raises(UsageError, match="outside"):
                check_allowed(tmp_path / path, roots)
        with pytest.raises(UsageError, match="outside"):
            check_allowed(tmp_path / "in", [])

    def test_a_link_that_leads_out(self, tmp_path: Path) -> None:
        put(tmp_path, "in/a.jsonl", "out/b.jsonl")
        (tmp_path / "in" / "link.jsonl").symlink_to(tmp_path / "out" / "b.jsonl")
        (tmp_path / "in" / "folder").symlink_to(tmp_path / "out")
        roots = [tmp_path / "in"]
        found = list(find_files([tmp_path / "in"], roots=roots))
        assert [file.reject.reason if file.reject else None for file in found] == [
            None,
            "outside_input_roots",
            "outside_input_roots",
        ]
        (reject,) = open_captures(tmp_path / "in" / "link.jsonl", roots=roots)
        assert isinstance(reject, Reject)
        assert reject.reason == "outside_input_roots"
        with pytest.raises(UsageError):
            list(find_files([tmp_path / "in" / "link.jsonl"], roots=roots))

    def test_a_root_that_is_a_link(self, tmp_path: Path) -> None:
        put(tmp_path, "real/a.jsonl")
        (tmp_path / "root").symlink_to(tmp_path / "real")
        check_allowed(tmp_path / "root" / "a.jsonl", [tmp_path / "root"])
        check_allowed(tmp_path / "real" / "a.jsonl", [tmp_path / "root"])

    @pytest.mark.parametrize(
        ("url", "allowed"),
        [
            ("s3://bucket/news/a.jsonl", True),
            ("S3://bucket/news/a.jsonl", True),
            ("s3://bucket/news", True),
            ("s3://bucket/newspapers/a.jsonl", False),
            ("s3://bucket/news/../secret/a.jsonl", False),
            ("s3://bucket/news/%2e%2e/secret", False),
            ("s3://other/news/a.jsonl", False),
            ("gs://bucket/news/a.jsonl", False),
            ("https://bucket/news/a.jsonl", False),
            ("simplecache::s3://bucket/news/a.jsonl", False),
            ("/bucket/news/a.jsonl", False),
            ("file:///etc/passwd", False),
        ],
    )
    def test_urls(self, url: str, allowed: bool, tmp_path: Path) -> None:
        roots = ["s3://bucket/news", tmp_path]
        if allowed:
            check_allowed(url, roots)
        else:
            with pytest.raises(UsageError):
                check_allowed(url, roots)

    def test_a_file_url_is_a_path(self, tmp_path: Path) -> None:
        put(tmp_path, "a b.jsonl")
        url = f"file://{tmp_path}/a%20b.jsonl"
        check_allowed(url, [tmp_path])
        (found,) = find_files([url])
        assert found.path == str(tmp_path / "a b.jsonl")


class TestStorage:
    @pytest.fixture
    def memory(self) -> str:
        filesystem = fsspec.filesystem("memory")
        for name in ("b.jsonl", "a/c.jsonl", "a/.hidden", "a/d.docx"):
            filesystem.pipe(f"/news/{name}", LINE)
        yield "memory://news"
        filesystem.rm("/news", recursive=True)

    def test_a_folder_of_a_storage(self, memory: str) -> None:
        report = ReadReport()
        found = list(find_files([memory], report=report))
        assert [file.path for file in found] == [
            "memory://news/a/c.jsonl",
            "memory://news/a/d.docx",
            "memory://news/b.jsonl",
        ]
        assert [file.reject.reason if file.reject else None for file in found] == [None, "unknown_format", None]
        assert report.skipped == {"hidden file or folder": 1}
        (capture,) = open_captures(found[0].path)
        assert isinstance(capture, Capture)
        assert (capture.origin, capture.text) == ("memory://news/a/c.jsonl:1", "words")

    def test_one_file_of_a_storage(self, memory: str) -> None:
        (found,) = find_files([memory + "/b.jsonl"])
        assert (found.path, found.size, found.format) == (memory + "/b.jsonl", len(LINE), "jsonl")

    def test_nothing_there(self, memory: str) -> None:
        with pytest.raises(UsageError, match="no file or folder"):
            list(find_files([memory + "/x.jsonl"]))
        (reject,) = open_captures(memory + "/x.jsonl")
        assert isinstance(reject, Reject)
        assert reject.reason == "unreadable_file"

    @pytest.mark.parametrize("url", ["zip://x::memory://news/a.zip", "nosuchthing://a/b.jsonl"])
    def test_storages_that_arent_read(self, url: str) -> None:
        with pytest.raises(UsageError):
            list(find_files([url]))

    def test_credentials_are_in_no_origin(self) -> None:
        url = "https://user:hunter2@store.example/a.jsonl?X-Amz-Signature=hunter2&v=1"
        assert "hunter2" not in origin_of(url)
        assert origin_of(url).startswith("https://store.example/a.jsonl")


@pytest.mark.parametrize(
    ("name", "ending", "compression"),
    [
        ("a.jsonl", ".jsonl", ""),
        ("A.JSONL.GZ", ".jsonl", "gz"),
        ("a.b.csv.zst", ".csv", "zst"),
        ("a.gz", "", "gz"),
        (".jsonl", "", ""),
        ("a", "", ""),
        ("x/y.z/a", "", ""),
        ("s3://b/a.jsonl.gz?versionId=1.txt", ".jsonl", "gz"),
    ],
)
def test_endings(name: str, ending: str, compression: str) -> None:
    assert ending_of(name) == (ending, compression)


def test_reports_add_up() -> None:
    one, two = ReadReport(), ReadReport()
    one.unknown_columns["a"] = ("x",)
    two.unknown_columns["a"] = ("x", "y")
    one.skip("thing")
    two.skip("thing", 2)
    two.notice("note")
    one.add(two)
    one.add(ReadReport())
    assert one.unknown_columns == {"a": ("x", "y")}
    assert one.skipped == {"thing": 3}
    assert one.notices == ["note"]


def test_roots_may_be_folders_and_urls(monkeypatch: pytest.MonkeyPatch) -> None:
    from etl.settings import read_settings

    monkeypatch.setenv("KLARTEXT_INPUT_ROOTS", "/data/news:s3://dumps/2022:/srv/more")
    assert read_settings().input_roots == (Path("/data/news"), "s3://dumps/2022", Path("/srv/more"))
