"""What a rehearsal has measured, as estimates take it from its record. No database."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ops import calibrate
from ops.statement import Statement

PLAN = "plan-0123456789abcdef"
WHEN = "2026-11-28T10:00:00+00:00"
STATEMENTS = (
    Statement(number=1, revision="a1", sql="ALTER TABLE t ALTER a TYPE bigint"),
    Statement(number=0, revision="a1", sql="UPDATE alembic_version SET version_num = 'a1'", bookkeeping=True),
    Statement(number=2, revision="b2", sql="UPDATE t SET a = 1"),
)


def _entry(revision: str, verb: str, direction: str = "up") -> dict[str, Any]:
    return {"revision": revision, "direction": direction, "verbs": [verb], "seconds": 2.5, "wal_bytes": 7}


ENTRIES = [_entry("a1", "ALTER COLUMN TYPE"), _entry("b2", "UPDATE"), _entry("b2", "DROP COLUMN", "down")]
RECORD: dict[str, Any] = {"fingerprint": PLAN, "data": "all", "finished": WHEN, "measured": ENTRIES}
ALL = {1: (2.5, 7, WHEN), 2: (2.5, 7, WHEN)}
# fmt: off
RECORDS = {  #                            the record, and what is taken from it
    "all rows, the same statements":      (RECORD, ALL),
    "a sample of the rows":               ({**RECORD, "data": "sample"}, {}),
    "of another plan":                    ({**RECORD, "fingerprint": "plan-fedcba9876543210"}, {}),
    "a revision did something else":      ({**RECORD, "measured": [ENTRIES[0], _entry("b2", "DELETE")]}, {1: ALL[1]}),
    "one that came to nothing":           ({**RECORD, "measured": []}, {}),
    "not of this version":                ({"fingerprint": PLAN}, {}),
}
# fmt: on


@pytest.mark.parametrize(("record", "expected"), RECORDS.values(), ids=RECORDS)
def test_what_is_taken_from_a_record(record: dict[str, Any], expected: dict[int, Any], tmp_path: Path) -> None:
    folder = tmp_path / ".ops" / "rehearsals"
    folder.mkdir(parents=True)
    (folder / f"{PLAN}.json").write_text(json.dumps(record), encoding="utf-8")

    assert calibrate.rehearsed(tmp_path, PLAN, STATEMENTS, "up") == expected


def test_without_a_record_nothing_is_taken(tmp_path: Path) -> None:
    assert calibrate.rehearsed(tmp_path, PLAN, STATEMENTS, "up") == {}
