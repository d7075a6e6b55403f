"""`result.json` is truthful at every moment, whole, and without secrets."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
from decimal import Decimal
from pathlib import Path

import pytest

from ops import settings
from ops.errors import BusyError, InterruptedRunError, MigrationError, OpsError, UsageError
from ops.runbook import record
from ops.values import Verdict

STARTED = dt.datetime(2024, 2, 29, 23, 59, 58, tzinfo=dt.UTC)
FIELDS = [
    "schema", "notebook", "target", "database", "server_version", "parameters", "started", "finished",
    "verdict", "exit_code", "summary", "data", "artifacts", "error",
]  # fmt: skip


def begun(folder: Path, **parameters: object) -> record.Record:
    """Return a record that has just begun."""
    return record.Record.begin(folder, notebook="10-inspect", target="demo", parameters=parameters, started=STARTED)


def read(folder: Path) -> dict[str, object]:
    """Return the file's content."""
    return json.loads((folder / record.FILE).read_text(encoding="utf-8"))


def test_the_first_write_is_what_a_killed_run_leaves(tmp_path: Path) -> None:
    begun(tmp_path, wait=3)

    content = read(tmp_path)
    assert list(content) == FIELDS
    assert content["schema"] == "ops.result/1"
    assert content["parameters"] == {"wait": 3}
    assert content["started"] == "2024-02-29T23:59:58.000+00:00"
    assert (content["verdict"], content["finished"], content["error"]) == ("UNKNOWN", None, None)
    assert content["summary"] == "not finished"
    assert not record.Record.load(tmp_path).finished


# fmt: off
VERDICTS = {"OK": 0, "FAILED": 1, "ATTENTION": 3, "UNKNOWN": 3, "REFUSED": 4}
ERRORS = {
    "failed":      (OpsError("p", next_step="n"),                           "FAILED",  1),
    "usage":       (UsageError("p", next_step="n"),                         "FAILED",  2),
    "busy":        (BusyError("p", next_step="n"),                          "REFUSED", 5),
    "interrupted": (InterruptedRunError("p", next_step="n", changed=None),  "UNKNOWN", 6),
    "migration":   (MigrationError("p", next_step="n", changed=True),       "FAILED",  1),
}
# fmt: on


@pytest.mark.parametrize(("verdict", "code"), VERDICTS.items(), ids=VERDICTS)
def test_a_verdict_has_its_exit_code(tmp_path: Path, verdict: str, code: int) -> None:
    said = "It failed:\n the  statement\nNothing was changed.\n"
    begun(tmp_path).conclude(verdict=Verdict(verdict), summary=said, data={"a": 1})

    content = read(tmp_path)
    assert (content["verdict"], content["exit_code"]) == (verdict, code)
    assert content["summary"] == "It failed: the statement. Nothing was changed."
    assert content["data"] == {"a": 1}
    assert content["finished"] is not None


@pytest.mark.parametrize(("error", "verdict", "code"), ERRORS.values(), ids=ERRORS)
def test_an_error_has_its_exit_code(tmp_path: Path, error: OpsError, verdict: str, code: int) -> None:
    begun(tmp_path).fail(error)

    content = read(tmp_path)
    assert (content["verdict"], content["exit_code"]) == (verdict, code)
    assert content["error"] == {
        "code": error.code,
        "problem": "p",
        "changed": error.changed,
        "next_step": "n",
    }


def test_what_json_does_not_know_becomes_text_and_lists(tmp_path: Path) -> None:
    data = {
        "tuple": (1, ("a",)),
        "set": {"b", "a"},
        "path": Path("x/y"),
        "date": dt.date(2024, 2, 29),
        "time": STARTED,
        "decimal": Decimal("1.10"),
        "nan": float("nan"),
        "verdict": Verdict.OK,
        1: None,
        "undecodable": os.fsdecode(b"\xff"),
        "words": "Thêm cột email",
    }
    begun(tmp_path).conclude(verdict=Verdict.OK, summary="", data=data)

    assert read(tmp_path)["data"] == {
        "tuple": [1, ["a"]],
        "set": ["a", "b"],
        "path": "x/y",
        "date": "2024-02-29",
        "time": "2024-02-29T23:59:58+00:00",
        "decimal": "1.10",
        "nan": "nan",
        "verdict": "OK",
        "1": None,
        "undecodable": os.fsdecode(b"\xff"),
        "words": "Thêm cột email",
    }
    assert "Thêm cột" in (tmp_path / record.FILE).read_text(encoding="utf-8")


def test_no_secret_is_written_anywhere(tmp_path: Path) -> None:
    settings.remember("pl4nted&S3cret")
    one = begun(tmp_path, note="it is pl4nted&S3cret")
    one.add_artifact("plan.sql", "-- pl4nted&S3cret")
    one.conclude(
        verdict=Verdict.OK,
        summary="postgresql://me:pl4nted%26S3cret@host/db",
        data={"deep": [{"pl4nted&S3cret": "pl4nted&S3cret"}]},
        error=OpsError("pl4nted&S3cret", next_step="pl4nted&S3cret"),
    )

    written = (tmp_path / record.FILE).read_text(encoding="utf-8")
    assert not re.search("pl4nted", written + (tmp_path / "plan.sql").read_text(encoding="utf-8"))


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = begun(tmp_path)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(record.UnwritableError, match="No space"):
        one.conclude(verdict=Verdict.OK, summary="", data={})

    assert read(tmp_path)["verdict"] == "UNKNOWN"
    assert [path.name for path in tmp_path.iterdir()] == [record.FILE]


def test_artifacts_are_relative_and_stay_inside(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    one = begun(folder)
    one.add_artifact("sql/plan.sql", "SELECT 1")
    one.add_artifact("sql/plan.sql", "SELECT 2")
    for name in ("../outside.txt", "/etc/outside.txt", "."):
        with pytest.raises(OpsError, match="no file of the run folder"):
            one.add_artifact(name, "x")
    one.write()

    assert read(folder)["artifacts"] == ["sql/plan.sql"]
    assert (folder / "sql" / "plan.sql").read_text() == "SELECT 2"


def test_a_run_folder_says_when_and_what(tmp_path: Path) -> None:
    name = "walkthroughs/01-a-new-model"
    folders = {record.new_folder(tmp_path, target="demo", notebook=name, started=STARTED) for _ in range(3)}

    assert len(folders) == 3
    for folder in folders:
        assert re.fullmatch(
            r"runs/demo/2024-02-29/235958-01-a-new-model-[0-9a-f]{6}", str(folder.relative_to(tmp_path))
        )


@pytest.mark.parametrize("target", ["", "..", ".hidden", "a/b", "a b", "x" * 64, "a\n", "ü"])
def test_a_hostile_target_makes_no_folder(tmp_path: Path, target: str) -> None:
    with pytest.raises(UsageError, match="no name of a target"):
        record.new_folder(tmp_path, target=target, notebook="10-inspect", started=STARTED)

    assert list(tmp_path.iterdir()) == []


def test_a_record_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    (tmp_path / record.FILE).write_text("{", encoding="utf-8")
    with pytest.raises(OpsError, match="cannot be read"):
        record.Record.load(tmp_path)
