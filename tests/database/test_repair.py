"""Every case, from the broken state to a healthy one: found, explained, mended, and not found again."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ops import display
from ops.errors import OpsError, RefusedError, StalePlanError, UsageError
from ops.project.visit import Visit
from ops.repair import CASES, Finding, act
from ops.repair.scene import Scene
from ops.values import Verdict
from tests.database.broken import BREAKS, Patient, patient

# fmt: off
SAYS = {  # what a person reads of it, and what it is told to do
    "unknown-revision": ("The schema is exactly what revision s004 makes", "stamp s004"),
    "no-version":       ("The schema is exactly what revision s004 makes", "stamp s004"),
    "several-heads":    ("They touch 1 object in common", "write a revision that merges them"),
    "edited-file":      ("The schema agrees with the text that was applied", "write the text back"),
    "invalid-index":    ("1 index is invalid: public.author_twice", "run 1 statement"),
    "not-validated":    ("2 constraints were never checked: named, long", "run 2 statements"),
    "half-detached":    ("1 partition is half detached: public.visit_1", "run 1 statement"),
    "import":           ("app is in src, which is not on sys.path", "write this into migrations/env.py"),
    "unmanaged":        ("nobody manages it", "write a first revision"),
}
# fmt: on
QUICK = ("several-heads", "invalid-index")
ALL = [one if one in QUICK else pytest.param(one, marks=pytest.mark.heavy) for one in SAYS]


@pytest.fixture
def well(tmp_path: Path, database: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> Patient:
    monkeypatch.setenv("OPS_EMBEDDED_DIR", str(home / ".ops"))
    monkeypatch.chdir(tmp_path)
    return patient(tmp_path, database, monkeypatch)


def found(one: Patient, case: str) -> Finding:
    [finding] = one.target.repair(case).findings
    return finding


def texts(finding: Finding) -> str:
    return "\n".join(block.text for block in finding.evidence if isinstance(block, display.Code))


def test_the_cases_that_are_tried_are_all() -> None:
    assert {*BREAKS, "open-run", "not-up-to-date"} == set(CASES) and set(SAYS) == set(BREAKS)


def test_tables_without_a_revision_are_told_before_anything_is_upgraded(well: Patient) -> None:
    assert not well.target.status().without_version
    BREAKS["no-version"](well)

    status = well.target.status()

    assert status.tables_without_version > 1
    assert status.without_version in str(display.to_text(status.view())).replace("\n  ", " ")
    assert [one for one in well.target.compare().findings if "90-repair" in one]


@pytest.mark.parametrize("case", ALL)
def test_found_mended_and_not_found_again(well: Patient, case: str) -> None:
    BREAKS[case](well)

    finding = found(well, case)
    what, offered = SAYS[case]
    assert what in finding.what and finding.offered.startswith(offered)
    done = well.target.repair(case, dry_run=False)

    assert done.verdict is Verdict.OK and done.findings[0].done
    assert well.target.recheck(done).findings == ()
    _EXTRA.get(case, lambda one, before: None)(well, finding)


def merged(one: Patient, before: Finding) -> None:
    assert "def upgrade" in texts(before)
    [file] = [path for path in one.versions.glob("*.py") if "merge" in path.name]
    assert "down_revision" in file.read_text(encoding="utf-8") and len(one.target.status().heads) == 1


def written_back(one: Patient, before: Finding) -> None:
    assert "-    op.execute('CREATE TABLE book" in texts(before)
    assert one.target.status().verdict is Verdict.OK
    assert "varchar(80)" in (one.versions / "s002.py.edited").read_text(encoding="utf-8")


def rebuilt(one: Patient, before: Finding) -> None:
    assert one.ask("SELECT indisvalid FROM pg_index WHERE indexrelid = 'author_twice'::regclass") == [(True,)]
    last = one.target.ledger().entries[-2]
    assert last["repair"] == {
        "case": "invalid-index",
        "statements": ["REINDEX INDEX CONCURRENTLY public.author_twice"],
    }


def loads(one: Patient, before: Finding) -> None:
    text = (one.home / "migrations" / "env.py").read_text(encoding="utf-8")
    assert text.startswith('"""Migrations."""\n\nimport sys\nfrom pathlib import Path\n')
    assert "sys.path.insert(0, str((Path(__file__).resolve().parent / '../src').resolve()))" in text
    assert one.target.status().verdict is Verdict.OK


def adopted(one: Patient, before: Finding) -> None:
    assert one.target.status().pending == () and len(one.target.status().current) == 1
    assert one.ask("SELECT name FROM author") == [("Ada",)]


_EXTRA = {
    "several-heads": merged,
    "edited-file": written_back,
    "invalid-index": rebuilt,
    "import": loads,
    "unmanaged": adopted,
}


@pytest.mark.heavy
@pytest.mark.timeout(900)  # three notebooks, on a machine that may have more to do
@pytest.mark.parametrize("case", BREAKS)
def test_through_the_notebook_alone(well: Patient, case: str) -> None:
    BREAKS[case](well)

    looked, code = play(well)
    assert (looked["verdict"], code) == ("ATTENTION", 3)
    assert case in [one["case"] for one in looked["data"]["findings"]]
    mended, code = play(well, f"case={case}", "dry_run=false")

    assert (mended["verdict"], code) == ("OK", 0), mended
    [finding] = mended["data"]["findings"]
    assert finding["done"] and finding["case"] == case
    after, _ = play(well)
    assert case not in [one["case"] for one in after["data"]["findings"]]
    upgraded, code = play(well, "dry_run=false", notebook="40")
    assert (upgraded["verdict"], code) == ("OK", 0), upgraded
    healthy, code = play(well, "fail_on_pending=true", notebook="10")
    assert (healthy["verdict"], code) == ("OK", 0), healthy


@pytest.mark.heavy
@pytest.mark.timeout(900)
def test_not_up_to_date_through_notebooks_alone(well: Patient) -> None:
    """What Alembic says when somebody drafts a revision too early, and the way from there."""
    well.target.upgrade("s002", dry_run=False)

    refused, code = play(well, "message=more", "dry_run=false", notebook="24")
    assert code != 0 and "not at the newest revision" in refused["error"]["problem"], refused
    looked, code = play(well, "case=not-up-to-date")
    [finding] = looked["data"]["findings"]
    assert (code, finding["details"]["pending"]) == (0, ["s003", "s004"]) and "40-upgrade" in finding["what"]
    upgraded, code = play(well, "dry_run=false", notebook="40")
    assert (code, upgraded["data"]["current"]) == (0, ["s004"])

    assert play(well, "case=not-up-to-date")[0]["data"]["findings"] == []
    healthy, code = play(well, "fail_on_pending=true", notebook="10")
    assert (healthy["verdict"], code) == ("OK", 0), healthy
    drafted, code = play(well, "message=more", "autogenerate=false", "dry_run=false", notebook="24")
    assert code == 0 and drafted["data"]["written"], drafted


def play(one: Patient, *parameters: str, notebook: str = "90") -> tuple[Mapping[str, Any], int]:
    """Run a notebook as a scheduler does; return `result.json` and the exit code."""
    command = [sys.executable, "-m", "ops", "run", notebook, "--target", "library", "--json"]
    for parameter in parameters:
        command += ["-p", parameter]
    done = subprocess.run(command, env=dict(os.environ), capture_output=True, text=True, timeout=600)
    return json.loads(done.stdout), done.returncode


def test_nothing_is_mended_unasked_or_twice(well: Patient) -> None:
    with pytest.raises(UsageError, match="No case was named"):
        well.target.repair(dry_run=False)
    with pytest.raises(UsageError, match="no case 'everything'"):
        well.target.repair("everything")

    assert well.target.repair("invalid-index", dry_run=False).verdict is Verdict.OK
    with pytest.raises(RefusedError, match="nothing that is mended here"):
        well.target.repair("not-up-to-date", dry_run=False)


@pytest.mark.heavy
def test_a_protected_target_wants_the_fingerprint_of_its_dry_run(well: Patient) -> None:
    BREAKS["invalid-index"](well)
    ini = well.home / "ops.ini"
    ini.write_text(ini.read_text(encoding="utf-8").replace("protected = false\n", ""), encoding="utf-8")
    shown = found(well, "invalid-index")

    with pytest.raises(StalePlanError):
        well.target.repair("invalid-index", dry_run=False)
    with pytest.raises(StalePlanError):
        well.target.repair("invalid-index", dry_run=False, confirm="plan-0123456789abcdef")
    assert shown.parameters.splitlines() == [
        "case = 'invalid-index'",
        "dry_run = False",
        f"confirm = '{shown.fingerprint}'",
    ]
    assert shown.lines[1:] == (f"  -p case=invalid-index -p dry_run=false -p confirm={shown.fingerprint}",)

    assert well.target.repair("invalid-index", dry_run=False, confirm=shown.fingerprint).verdict is Verdict.OK


@pytest.mark.heavy
def test_what_the_server_refuses_is_said_and_on_record(well: Patient) -> None:
    BREAKS["invalid-index"](well)
    well.ask("UPDATE author SET name = 'Ada'")

    notes = [one.text for one in found(well, "invalid-index").evidence if isinstance(one, display.Note)]
    assert ["while some do, REINDEX fails again" in one for one in notes] == [True]
    with pytest.raises(OpsError, match="could not create unique index") as caught:
        well.target.repair("invalid-index", dry_run=False)

    assert caught.value.changed is not False
    assert well.target.ledger().runs[0].verdict == "FAILED"


# fmt: off
BROKEN_OFF = {  #                        the last statement                      what is asked then  changed, and says
    "a question refused at the end":        ("CREATE INDEX made ON author (name)",     "SELECT 1/0",       True,
                                             "division by zero.\nDone before it, and stays: CREATE INDEX made"),
    "a connection lost in a statement":     ("SELECT pg_terminate_backend(pg_backend_pid())", "SELECT 1",  None,
                                             "Nobody was told whether this took effect: SELECT pg_terminate_backend"),
}
# fmt: on


@pytest.mark.parametrize(("sql", "question", "changed", "says"), BROKEN_OFF.values(), ids=BROKEN_OFF)
def test_a_repair_that_breaks_off_says_whether_anything_was_changed(
    well: Patient, sql: str, question: str, changed: bool | None, says: str
) -> None:
    well.target.upgrade("head", dry_run=False)
    scene = Scene.of(well.target.settings)

    def left(here: Visit) -> tuple[str, ...]:
        return tuple(here.connection.exec_driver_sql(question).scalars())

    with pytest.raises(OpsError, match=re.escape(says)) as caught:
        act.run(well.target.settings, "invalid-index", [sql], seen=scene.live.fingerprint, left=left)

    last = well.target.ledger().runs[0]
    assert (caught.value.changed, last.verdict, last.left) == (
        changed,
        "FAILED",
        None if changed is None else scene.history.current,
    )
