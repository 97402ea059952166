"""The whole road as users take it: files in by the command line, rows out by queries."""

from __future__ import annotations

import gzip
import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli import environment, klartext
from tests.conftest import DATA

pytestmark = pytest.mark.integration

SAMPLE = Path(__file__).resolve().parents[2] / "examples" / "sample"
BODY = "Der Gemeinderat von Altmoor hat am Montag den Bau einer neuen Brücke beschlossen. Sie kostet {n} Euro."


def records(count: int) -> list[dict[str, str]]:
    """Articles with URLs, three versions of every tenth and a copy of every seventh."""
    made = []
    for number in range(count):
        base = {
            "url": f"https://altmoor.example/a/{number}",
            "title": f"Brücke {number}",
            "text": BODY.format(n=1000 + number) + "\nJetzt Newsletter abonnieren und nichts mehr verpassen!",
            "date": f"2024-03-{number % 28 + 1:02}",
            "captured_at": "2024-04-01T06:00:00Z",
        }
        made.append(base)
        if number % 10 == 0:
            for version in (1, 2):
                text = BODY.format(n=1000 + number) + f"\nNachtrag {version}: Der Bau beginnt im Mai."
                made.append({**base, "text": text, "captured_at": f"2024-04-0{version + 1}T06:00:00Z"})
        if number % 7 == 0:
            made.append({**base, "url": f"https://kopie.example/b/{number}", "date": "2024-03-30"})
    return made


def write(path: Path, rows: list[dict[str, str]]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def rows(dsn: str, sql: str) -> list[dict[str, object]]:
    done = klartext("query", sql, "--format", "json", dsn=dsn)
    assert done.code == 0, done.err
    return done.json


def checksum(dsn: str) -> str:
    done = klartext("checksum", dsn=dsn)
    assert done.code == 0, done.err
    return done.out.strip()


def test_founding_example(dsn: str, tmp_path: Path) -> None:
    expected = (DATA / "seed_expected.txt").read_text(encoding="utf-8")
    given = (DATA / "seed.txt").read_text(encoding="utf-8")
    done = klartext("ingest", "--json", DATA / "seed.txt", dsn=dsn)
    assert done.code == 0, done.err
    assert done.json["inserted"] == done.json["read"] == 1
    (found,) = rows(dsn, "SELECT *, published_at::text AS day FROM news.clean_article")
    assert found["text"] == expected
    assert found["day"] == "2022-01-01 00:00:00+00"
    assert found["published_precision"] == "month"
    assert found["language"] == "de"
    (span,) = rows(dsn, "SELECT * FROM news.removed_span")
    assert span["text"].startswith("Jetzt einen von vier Skiurlauben gewinnen")
    assert span["class"]
    assert span["rule"]
    (original,) = rows(dsn, f"SELECT news.original_text('{found['article_id']}') AS text")
    assert original["text"] == given.removeprefix(" date 2022-01 ")
    piped = klartext("clean", DATA / "seed.txt")
    assert piped.out == expected
    answer = klartext("clean", "--json", "-", given=given).json
    assert answer["text"] == expected
    assert answer["language"] == "de"
    assert [span["class"] for span in answer["removed"]] == [span["class"]]


def test_twice_is_unchanged_and_counts_add_up(dsn: str) -> None:
    first = klartext("ingest", "--json", SAMPLE, dsn=dsn)
    before = checksum(dsn)
    second = klartext("ingest", "--json", SAMPLE, dsn=dsn)
    for done in (first, second):
        counts = done.json
        assert done.code == 1  # the sample holds a line that was cut off
        assert counts["read"] == sum(counts[name] for name in ("inserted", "updated", "unchanged", "rejected"))
    assert first.json["updated"] == 1
    assert second.json["inserted"] == second.json["updated"] == 0
    assert second.json["duplicates"] == first.json["duplicates"] == 1
    assert checksum(dsn) == before
    (reject,) = rows(dsn, "SELECT * FROM news.quarantine")
    assert reject["stage"] == "read"
    assert reject["reason"] == "invalid_json"
    assert reject["origin"].endswith("articles.jsonl:5")


@pytest.mark.parametrize("seed", [1, 2])
def test_order_split_and_workers_do_not_matter(new_database, tmp_path: Path, seed: int) -> None:
    straight, shuffled = new_database()("writer"), new_database()("writer")
    made = records(40)
    klartext("ingest", write(tmp_path / "all.jsonl", made), dsn=straight)
    rng = random.Random(seed)
    rng.shuffle(made)
    cut = rng.randrange(1, len(made) - 1)
    parts = tmp_path / "parts"
    parts.mkdir()
    write(parts / "b.jsonl", made[:cut])
    packed = write(tmp_path / "a.jsonl", made[cut:]).read_bytes()
    (parts / "a.jsonl.gz").write_bytes(gzip.compress(packed))
    done = klartext("ingest", "--workers", "2", parts, dsn=shuffled, KLARTEXT_BATCH_RECORDS="7")
    assert done.code == 0, done.err
    assert checksum(shuffled) == checksum(straight)
    ids = "SELECT id, cluster_id FROM news.article ORDER BY id"
    assert rows(shuffled, ids) == rows(straight, ids)
    assert rows(straight, "SELECT count(*) AS n FROM news.article WHERE NOT is_canonical") == [{"n": 5}]


def test_two_loaders_at_once(new_database, tmp_path: Path) -> None:
    alone, shared = new_database()("writer"), new_database()("writer")
    made = records(60)
    first = write(tmp_path / "first.jsonl", made[:60])
    second = write(tmp_path / "second.jsonl", made[20:][::-1])
    klartext("ingest", first, second, dsn=alone)
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "etl.cli", "ingest", "--json", "--workers", "1", str(path)],
            env=environment(shared, KLARTEXT_BATCH_RECORDS="5"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for path in (first, second)
    ]
    answers = []
    for process in running:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        answers.append(json.loads(out.splitlines()[-1]))
    assert sum(answer["inserted"] for answer in answers) == len({row["url"] for row in made})
    assert checksum(shared) == checksum(alone)


@pytest.mark.parametrize(
    "point",
    ["load_after_copy", "load_before_commit", "load_after_commit", "settle_after_take", "settle_before_commit"],
)
def test_killed_and_run_again(new_database, tmp_path: Path, point: str) -> None:
    undisturbed, killed = new_database()("writer"), new_database()("writer")
    path = write(tmp_path / "all.jsonl", records(12))
    klartext("ingest", path, dsn=undisturbed)
    done = klartext("ingest", path, dsn=killed, KLARTEXT_TEST_KILL_AT=point, KLARTEXT_BATCH_RECORDS="5")
    assert done.code == -signal.SIGKILL
    again = klartext("ingest", "--json", path, dsn=killed, KLARTEXT_BATCH_RECORDS="5")
    assert again.code == 0, again.err
    assert checksum(killed) == checksum(undisturbed)


def test_ctrl_c_ends_cleanly(dsn: str, tmp_path: Path) -> None:
    path = write(tmp_path / "many.jsonl", records(3000))
    process = subprocess.Popen(
        [sys.executable, "-m", "etl.cli", "ingest", str(path)],
        env=environment(dsn, KLARTEXT_BATCH_RECORDS="20"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if rows(dsn, "SELECT count(*) AS n FROM news.batch")[0]["n"]:
            break
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert rows(dsn, "SELECT state FROM news.run") == [{"state": "failed"}]


@pytest.mark.parametrize(
    ("arguments", "variables", "says"),
    [
        (("ingest", "no/such/file.jsonl"), {}, "no/such/file.jsonl"),
        (("ingest", "--map", "text:body", "."), {}, "FIELD=COLUMN"),
        (("ingest",), {}, "PATH"),
        (("clean", "no-such.txt"), {}, "no-such.txt"),
        (("query", "no-such-name"), {}, "no-such-name"),
        (("query", "SELEC 1"), {}, "SELEC"),
        (("explain", "https://nowhere.example/x"), {}, "nowhere.example"),
        (("checksum",), {"KLARTEXT_BATCH_RECORDS": "many"}, "KLARTEXT_BATCH_RECORDS"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_mistakes_are_one_message(dsn: str, arguments: tuple[str, ...], variables: dict[str, str], says: str) -> None:
    done = klartext(*arguments, dsn=dsn, **variables)
    assert done.code == 2
    assert done.out == ""
    assert says in done.err
    assert len(done.err.strip().splitlines()) <= 8  # a usage error draws a box


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://someone:topsecret@127.0.0.1:1/nowhere",
        "host=/no/such/folder user=someone password=topsecret dbname=x",
        "postgresql://someone:topsecret@[broken/nowhere",
        "mysql://someone:topsecret@127.0.0.1/x",
    ],
)
@pytest.mark.parametrize("command", [("ingest", str(SAMPLE)), ("checksum",), ("query", "SELECT 1"), ("doctor",)])
def test_a_database_that_is_away_is_one_message_without_the_password(url: str, command: tuple[str, ...]) -> None:
    done = klartext(*command, dsn=url)
    assert done.code == 2
    assert "topsecret" not in done.out + done.err


def test_queries_cannot_write(database) -> None:
    for role in ("owner", "writer", "reader"):
        for sql in (
            "DELETE FROM klartext.article",
            "COMMIT; RESET ROLE; DELETE FROM klartext.article",
            "SELECT set_config('transaction_read_only', 'off', false); DELETE FROM klartext.article",
            "CREATE TABLE news.mine (x int)",
            "SELECT * FROM klartext.article",
        ):
            done = klartext("query", sql, dsn=database(role))
            assert done.code == 2, (role, sql, done.out)
    assert klartext("query", "SELECT count(*) FROM news.article", dsn=database("reader")).code == 0


def test_jsonl_streams_answer_every_line() -> None:
    given = "\n".join(
        [
            json.dumps({"id": 1, "text": "Der Rat tagt.\nJetzt Newsletter abonnieren!", "language": "de"}),
            "{broken",
            json.dumps({"id": "c", "title": "no text"}),
            json.dumps({"id": 4, "text": 5}),
            "[1]",
            json.dumps({"id": 6, "text": ""}),
        ]
    )
    done = klartext("clean", "--jsonl", "-", given=given)
    assert done.code == 1
    assert [answer.get("error") for answer in done.lines] == [
        None, "invalid_json", "missing_text", "wrong_type", "not_an_object", None,
    ]  # fmt: skip
    assert done.lines[0]["text"] == "Der Rat tagt."
    assert done.lines[2]["id"] == "c"
    assert done.lines[1]["line"] == 2
    page = (SAMPLE / "pages" / "ferry.html").read_text(encoding="utf-8")
    given = "\n".join(
        [
            json.dumps({"id": "a", "html": "<p>"}),
            "nope",
            json.dumps({"id": "b", "html": page}),
            json.dumps({"id": "d"}),
        ]
    )
    done = klartext("extract", "--jsonl", "-", given=given)
    assert [(answer["id"], answer.get("error")) for answer in done.lines] == [
        ("a", "no_article"), (None, "invalid_json"), ("b", None), ("d", "missing_text"),
    ]  # fmt: skip
    article = done.lines[2]
    assert article["title"] == "Night ferry to Port Sorrel returns in June"
    assert article["published_at"] == "2024-01-19T16:20:00+00:00"
    assert article["site"] == "coast-ledger.example"
    kept, at = [], 0
    for span in article["removed"]:
        kept.append(article["extracted_text"][at : span["start"]])
        at = span["end"]
    assert "".join(kept) + article["extracted_text"][at:] == article["text"]


def test_nothing_dangerous_reaches_a_terminal(dsn: str, tmp_path: Path) -> None:
    text = (
        "Die Brücke ist \x1b[31mrot\x1b[0m und \u202efalsch herum\u202c. =cmd|'/c calc'!A1 <script>alert(1)</script>"
    )
    url = "https://u:geheim@altmoor.example/x"
    klartext("ingest", write(tmp_path / "a.jsonl", [{"text": text, "title": "=1+1", "url": url}]), dsn=dsn)
    assert rows(dsn, "SELECT text FROM news.article") == [{"text": text}]
    table = klartext("query", "SELECT title, text, url FROM news.article", dsn=dsn)
    assert "\x1b" not in table.out
    assert "\u202e" not in table.out
    shown = klartext("explain", "https://altmoor.example/x", dsn=dsn)
    assert shown.code == 0, shown.err
    assert "\x1b" not in shown.out
    exported = klartext("query", "SELECT title FROM news.article", "--format", "csv", dsn=dsn)
    assert exported.out.splitlines()[1][0] != "="
    everything = klartext("query", "SELECT * FROM news.article", "--format", "json", dsn=dsn)
    assert "geheim" not in everything.out + table.out + shown.out
