"""Files that people have and files that try to hurt, through ``klartext ingest`` into a real database."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import psycopg2
import pytest

from etl.model import Reject
from etl.read import open_captures
from tests import hostile

pytestmark = pytest.mark.integration

Database = Callable[[str], str]


def run(database: Database, *arguments: str | Path, code: int, **environment: str) -> tuple[dict[str, int], str]:
    """``klartext ingest --json``: its answer and everything it printed."""
    process = subprocess.run(
        [sys.executable, "-m", "etl.cli", "ingest", "--json", "--workers", "2", *map(os.fsencode, arguments)],
        env={**os.environ, "KLARTEXT_DATABASE_URL": database("writer"), **environment},
        capture_output=True,
        timeout=240,
        check=False,
    )
    shown = process.stdout.decode() + process.stderr.decode("utf-8", "replace")
    assert process.returncode == code, shown[-3000:]
    assert "Traceback" not in shown, shown[-3000:]
    last = process.stdout.decode().strip().splitlines()[-1] if process.stdout.strip() else "{}"
    return (json.loads(last) if code != 2 else {}), shown


def rows(database: Database, sql: str) -> list[tuple]:  # type: ignore[type-arg]
    connection = psycopg2.connect(database("owner"))
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall()
    finally:
        connection.close()


def test_every_hostile_file_in_one_folder(database: Database, tmp_path: Path) -> None:
    expected: Counter[str] = Counter()
    for name, make in hostile.CASES.items():
        if name in ("html-too-large", "bomb-ratio", "bomb-zstd", "warc-bomb-body"):
            continue  # slow ones, tested on their own
        folder = tmp_path / name
        folder.mkdir()
        make(folder)
    for path in sorted(path for path in tmp_path.rglob("*") if not path.is_dir() or path.is_symlink()):
        expected.update(outcome.reason for outcome in open_captures(path) if isinstance(outcome, Reject))
    answer, shown = run(database, tmp_path, code=1)
    assert answer["read"] == sum(answer[key] for key in ("inserted", "updated", "unchanged", "rejected"))
    assert answer["inserted"] > 100, shown[-2000:]
    at_read = dict(rows(database, "select reason, count(*) from news.quarantine where stage = 'read' group by 1"))
    assert at_read == expected
    again, _ = run(database, tmp_path, code=1)
    assert again["inserted"] == 0
    assert again["rejected"] == answer["rejected"]
    assert rows(database, "select count(*) from news.quarantine where stage = 'read'") == [(sum(expected.values()),)]


NESTED = 200_000


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("nested", b"<html><body>" + b"<div>" * NESTED + b"x", None),
        ("no-body", b"<html><head><title>T</title></head></html>", None),
        ("frameset", b"<html><frameset><frame src=a><frame src=b></frameset></html>", None),
        ("scripts", b"<html><body><script>" + b"var a = 'x';" * 5000 + b"</script></body></html>", None),
        ("pdf", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + bytes(range(256)) * 9, "not_html"),
        ("zip", b"PK\x03\x04\x14\x00\x00\x00\x08\x00" + bytes(range(256)) * 9, "not_html"),
        ("jpeg", b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(range(256)) * 9, "not_html"),
        ("too-large", hostile.PAGE + b" " * (50 << 20), "page_too_large"),
        ("spans", b"<html><body><p>" + b"<span>word </span>" * 100_000 + b"</p></body></html>", None),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 20 else "",
)
def test_hostile_pages(name: str, content: bytes, reason: str | None, database: Database, tmp_path: Path) -> None:
    """A hostile page is one reject, and the page beside it is loaded."""
    (tmp_path / f"{name}.html").write_bytes(content)
    (tmp_path / "z-good.html").write_bytes(hostile.PAGE * 1)
    answer, _ = run(database, tmp_path, code=1)
    assert (answer["read"], answer["rejected"], answer["inserted"]) == (2, 1, 1)
    ((found,),) = rows(database, "select reason from news.quarantine")
    assert reason is None or found == reason


def test_a_page_in_another_charset_than_it_says(database: Database, tmp_path: Path) -> None:
    words = "Der Bürgermeister von Köln eröffnete am Montag die größte Brücke über den Fluß. " * 8
    page = f"<html><head><meta charset=utf-8><title>Brücke</title></head><body><p>{words}</p></body></html>"
    (tmp_path / "a.html").write_bytes(page.encode("cp1252"))
    (tmp_path / "b.html").write_bytes(page.replace("utf-8", "iso-8859-1").replace("Montag", "Dienstag").encode())
    answer, _ = run(database, tmp_path, code=0)
    assert answer["inserted"] == 2
    texts = [text for (text,) in rows(database, "select text from news.article")]
    assert all("größte Brücke über den Fluß" in text for text in texts)


def test_five_thousand_small_files(database: Database, tmp_path: Path) -> None:
    for index in range(5000):
        folder = tmp_path / f"{index % 50:02}"
        folder.mkdir(exist_ok=True)
        (folder / f"{index}.txt").write_text(f"date 2022-01-12 {hostile.TEXT} Nummer {index}.")
    answer, _ = run(database, tmp_path, code=0)
    assert (answer["read"], answer["inserted"]) == (5000, 5000)


def test_a_missing_path_is_exit_2_and_nothing_is_read(database: Database, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(hostile.lines(3))
    _, shown = run(database, tmp_path / "a.jsonl", tmp_path / "nowhere.jsonl", code=2)
    assert "nowhere.jsonl" in shown
    assert rows(database, "select count(*) from news.article") == [(0,)]


def test_secrets_in_urls_are_stored_and_shown_nowhere(database: Database, tmp_path: Path) -> None:
    records = [
        {"url": "https://user:hunter2@blatt.example/a", "text": hostile.TEXT * 3},
        {"url": "https://user:hunter2@blatt.example/b", "text": 5},
    ]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    _, shown = run(database, tmp_path, code=1)
    assert "hunter2" not in shown
    assert rows(database, "select url from news.article") == [("https://blatt.example/a",)]
    assert "hunter2" not in repr(rows(database, "select * from news.quarantine"))


@pytest.mark.parametrize("kind", ["line", "field", "text"])
def test_a_200_mb_record_takes_bounded_memory(kind: str, tmp_path: Path) -> None:
    """Reading it takes a few times the limit (4 MiB here), not its size."""
    name = {"line": "a.jsonl", "field": "a.csv", "text": "a.txt"}[kind]
    with (tmp_path / name).open("wb") as file:
        file.write({"line": b'{"text": "', "field": b'url,text\nx,"', "text": b""}[kind])
        for _ in range(200):
            file.write(b"x" * (1 << 20))
        file.write({"line": b'"}\n{"text": "next"}\n', "field": b'"\nhttps://b.example/,next\n', "text": b""}[kind])
    program = (
        "import sys\n"
        "from etl.read import open_captures\n"
        "from etl.settings import Settings\n"
        "def peak():\n"
        "    return int(next(line for line in open('/proc/self/status') if line.startswith('VmHWM')).split()[1])\n"
        "base = peak()\n"
        "outcomes = list(open_captures(sys.argv[1], settings=Settings(max_record_bytes=4 << 20)))\n"
        "print(peak() - base, *[getattr(outcome, 'reason', outcome.origin) for outcome in outcomes])\n"
    )
    shown = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / name)], capture_output=True, text=True, timeout=120, check=True
    ).stdout.split()
    assert int(shown[0]) < 60_000, shown  # kB
    assert shown[1] == "record_too_large"
    if kind != "text":
        assert len(shown) == 3
