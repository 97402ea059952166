"""Every row of the table in ``docs/input.md``: the file is made, read, and compared with what the docs say."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from etl.model import Capture, Reject
from etl.read import ReadReport, find_files, open_captures
from etl.reasons import REASONS
from etl.settings import Settings
from tests import hostile

DOCS = Path(__file__).parents[2] / "docs" / "input.md"
LIMITS = Settings(max_record_bytes=2 << 20)


def documented() -> dict[str, list[str]]:
    rows = [
        [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in DOCS.read_text().split("| Case |")[1].split("\n\n")[0].splitlines()[2:]
    ]
    return {row[0]: row[1:] for row in rows}


ROWS = documented()


def test_the_docs_have_a_row_for_every_case() -> None:
    assert list(ROWS) == list(hostile.CASES)


@pytest.mark.parametrize("name", ROWS)
def test_hostile_file(name: str, tmp_path: Path) -> None:
    _, captures_said, rejects_said, told = ROWS[name]
    path = hostile.CASES[name](tmp_path)
    report = ReadReport()
    outcomes = list(open_captures(path, settings=LIMITS, report=report))
    captures = [outcome for outcome in outcomes if isinstance(outcome, Capture)]
    rejects = [outcome for outcome in outcomes if isinstance(outcome, Reject)]

    assert len(captures) > 0 if captures_said == "some" else len(captures) == int(captures_said)
    expected: list[str] = []
    for reason, times in re.findall(r"`(\w+)`(?: × (\d+))?", rejects_said):
        expected += [reason] * int(times or 1)
    assert [reject.reason for reject in rejects] == expected
    for reject in rejects:
        assert reject.reason in REASONS
        assert reject.stage == "read"
        assert reject.origin.startswith(str(path))
        assert len(reject.payload) <= LIMITS.quarantine_payload_bytes
        assert len(reject.payload_sha256) == 32

    notes = {note for capture in captures for note in capture.notes}
    said_notes = set(re.findall(r"note `([^`]+)`", told))
    assert notes == said_notes
    message = re.split(r"(?:; )?note `", told)[0]
    if message.startswith("report: "):
        shown = "\n".join(report.lines())
        assert all(part in shown for part in message.removeprefix("report: ").split("; "))
    elif message:
        assert re.match(re.escape(message).replace("…", r"[\d,.]+"), rejects[0].detail), rejects[0].detail
    origins = [outcome.origin for outcome in outcomes]
    assert len(set(origins)) == len(origins)


@pytest.mark.parametrize("name", ["gzip-truncated", "gzip-corrupt"])
def test_what_came_before_the_damage_is_the_original(name: str, tmp_path: Path) -> None:
    originals = [json.loads(line)["text"] for line in hostile.lines(1000).splitlines()]
    texts = [o.text for o in open_captures(hostile.CASES[name](tmp_path)) if isinstance(o, Capture)]
    assert len(texts) > 200
    assert texts == originals[: len(texts)]


def test_what_came_before_damage_in_zstd_is_the_original(tmp_path: Path) -> None:
    originals = [
        json.loads(line)["text"] for line in (hostile.lines_noisy(200) + hostile.lines_noisy(800)).splitlines()
    ]
    texts = [o.text for o in open_captures(hostile.CASES["zstd-corrupt"](tmp_path)) if isinstance(o, Capture)]
    assert len(texts) >= 200  # the first frame is sound
    assert texts == originals[: len(texts)]


@pytest.mark.parametrize("name", ["fifo", "socket", "device", "link-loop", "dangling-link", "zero-bytes"])
def test_found_in_a_folder_it_is_one_reject(name: str, tmp_path: Path) -> None:
    path = hostile.CASES[name](tmp_path)
    found = [file for file in find_files([tmp_path]) if file.path == str(path)]
    assert len(found) == 1
    assert [type(outcome) for outcome in open_captures(found[0].path)] == [Reject]
