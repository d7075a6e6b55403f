"""What is demanded before a change, and which rights a plan needs: from facts to what is missing, all at once."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ops import require, window
from ops.database import ServerFacts
from ops.errors import RefusedError
from ops.guard import check_typed_name, evidence
from ops.guard.missing import Circumstances, Foreseen, missing, skew
from ops.guard.needs import needs
from ops.hazards import Hazard, Severity
from ops.require import Require
from ops.statement import Statement

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)  # a Saturday
FRIDAY = window.parse("Fri 22:00-04:00 Europe/Berlin")
SATURDAY = window.parse("Sat 12:00-14:00 UTC")


def hazard(severity: Severity, *, allowed: bool = False, code: str = "set-not-null") -> Hazard:
    return Hazard(
        code=code, severity=severity, statement=1, relation="public.t", harm="", advice="", source="", allowed=allowed
    )


def plan(*severities: Severity, allowed: bool = False, unmeasured: int = 0) -> Foreseen:
    return Foreseen(hazards=tuple(hazard(one, allowed=allowed) for one in severities), unmeasured=unmeasured)


HIGH, LOW = Severity.HIGH, Severity.LOW
MISSING: dict[str, tuple[dict[str, Any], dict[str, Any], list[str]]] = {
    # what is demanded, what there is, what is said
    "nothing is demanded": ({}, {"foreseen": plan(HIGH)}, []),
    "committed, and it is": ({"committed": True}, {"uncommitted": ()}, []),
    "committed, and it is not": (
        {"committed": True},
        {"uncommitted": ("a1_x.py",)},
        ["committed: not in the last commit as it is: a1_x.py (git commit)"],
    ),
    "committed, without git": ({"committed": True}, {"uncommitted": None}, ["there is no git here"]),
    "committed, and nothing runs": ({"committed": True}, {"uncommitted": None, "runs": False}, []),
    "many files are not committed": (
        {"committed": True},
        {"uncommitted": tuple("abcdefgh")},
        ["a, b, c, d, e and 3 more"],
    ),
    "no plan": ({"hazards_below": "high"}, {}, ["hazards < high: nobody has planned this very change"]),
    "no plan, and nothing runs": ({"hazards_below": "high"}, {"runs": False}, []),
    "a plan without hazards": ({"hazards_below": "high"}, {"foreseen": plan()}, []),
    "a milder hazard": ({"hazards_below": "high"}, {"foreseen": plan(Severity.MEDIUM)}, []),
    "a hazard at the limit": (
        {"hazards_below": "high"},
        {"foreseen": plan(HIGH)},
        ["its plan has set-not-null (high, public.t)"],
    ),
    "a hazard over the limit": (
        {"hazards_below": "high"},
        {"foreseen": plan(Severity.CRITICAL)},
        ["set-not-null (critical, public.t)"],
    ),
    "a strict limit": ({"hazards_below": "low"}, {"foreseen": plan(LOW)}, ["set-not-null (low, public.t)"]),
    "a note is no hazard": ({"hazards_below": "low"}, {"foreseen": plan(Severity.INFO)}, []),
    "an allowed hazard": ({"hazards_below": "low"}, {"foreseen": plan(HIGH, allowed=True)}, []),
    "something was not measured": (
        {"hazards_below": "high"},
        {"foreseen": plan(unmeasured=2)},
        ["could not measure 2 of its statements"],
    ),
    "no rehearsal": (
        {"rehearsal": True},
        {},
        ["none of this very change is on record with the verdict OK (notebook 30-rehearse)"],
    ),
    "a rehearsal": ({"rehearsal": True}, {"rehearsed": NOW}, []),
    "no rehearsal of a stamp": ({"rehearsal": True}, {"runs": False}, []),
    "no backup": ({"backup_hours": 24}, {}, ["none is on record (notebook 46-backup makes one"]),
    "a young backup": ({"backup_hours": 24}, {"backed_up": NOW - timedelta(hours=23)}, []),
    "an old backup": (
        {"backup_hours": 24},
        {"backed_up": NOW - timedelta(hours=49)},
        ["the newest one is 2 d 1 h old"],
    ),
    "a backup of just that age": ({"backup_hours": 24}, {"backed_up": NOW - timedelta(hours=24)}, ["is 1 d 0 h old"]),
    "a backup of the future": (
        {"backup_hours": 24},
        {"backed_up": NOW + timedelta(hours=2)},
        ["of a time that is yet to come, 2 h 0 min from now"],
    ),
    "a backup before a stamp": ({"backup_hours": 24}, {"runs": False}, ["backup < 24 hours"]),
    "an open window": ({"windows": (SATURDAY,)}, {}, []),
    "a closed window": (
        {"windows": (FRIDAY,)},
        {},
        ["closed at Sat 2026-11-28 13:00 CET; the next one opens Fri 2026-12-04 22:00 CET"],
    ),
    "one of two is open": ({"windows": (FRIDAY, SATURDAY)}, {}, []),
    "two, both closed": (
        {"windows": (FRIDAY, SATURDAY)},
        {"now": NOW + timedelta(hours=3)},
        ["window Fri 22:00-04:00 Europe/Berlin or Sat 12:00-14:00 UTC: closed"],
    ),
    "a window counts for stamps": ({"windows": (FRIDAY,)}, {"runs": False}, ["window Fri"]),
    "everything at once": (
        {"committed": True, "hazards_below": "high", "rehearsal": True, "backup_hours": 1, "windows": (FRIDAY,)},
        {"uncommitted": ("a1_x.py",)},
        ["committed", "hazards", "rehearsal", "backup", "window"],
    ),
}


@pytest.mark.parametrize(("demanded", "found", "said"), MISSING.values(), ids=MISSING)
def test_what_is_missing(demanded: dict[str, Any], found: dict[str, Any], said: list[str]) -> None:
    sentences = missing(Require(**demanded), Circumstances(**{"runs": True, "now": NOW, **found}))

    assert len(sentences) == len(said)
    for sentence, words in zip(sentences, said, strict=True):
        assert words in sentence
        assert sentence.endswith(").")


SKEWS = {
    "none": (timedelta(0), ""),
    "under a minute": (timedelta(seconds=-59), ""),
    "ahead": (timedelta(minutes=3), "The clock of this machine is 3 min ahead of the server's"),
    "behind": (timedelta(hours=-2, minutes=-5), "The clock of this machine is 2 h 5 min behind the server's"),
}

DEMANDS: dict[str, tuple[list[str], Require]] = {
    "nothing": ([], Require()),
    "one": (["committed"], Require(committed=True)),
    "on one line": (["committed, rehearsal"], Require(committed=True, rehearsal=True)),
    "on several": (["committed", "rehearsal"], Require(committed=True, rehearsal=True)),
    "hazards": (["hazards < high"], Require(hazards_below="high")),
    "hazards, tight": (["Hazards<Medium"], Require(hazards_below="medium")),
    "hours": (["backup < 24 hours"], Require(backup_hours=24)),
    "one hour": (["backup<1hour"], Require(backup_hours=1)),
    "days": (["backup < 2 days"], Require(backup_hours=48)),
    "in short": (["backup < 36h"], Require(backup_hours=36)),
    "a window with a comma": (
        ["window Fri,Sat 22:00-04:00 UTC"],
        Require(windows=(window.parse("Fri,Sat 22:00-04:00 UTC"),)),
    ),
    "two windows": (
        ["window Fri 22:00-04:00 Europe/Berlin", "window Sat 12:00-14:00 UTC"],
        Require(windows=(FRIDAY, SATURDAY)),
    ),
}

NO_DEMANDS = {
    "a slip": ("comitted", "'comitted' is not understood"),
    "a severity": ("hazards < severe", "names no severity: write one of low, medium, high, critical"),
    "the mildest": ("hazards < info", "names no severity"),
    "the wrong way round": ("hazards > high", "is not understood"),
    "no unit": ("backup < 24", "is not understood"),
    "no age": ("backup < 0 hours", "can never be met"),
    "a window": ("window Sat 10:00-12:00 Atlantis", "is no time zone"),
    "a comment": ("committed # always", "is not understood"),
}


@pytest.mark.parametrize(("ahead", "said"), SKEWS.values(), ids=SKEWS)
def test_a_difference_of_clocks_is_told(ahead: timedelta, said: str) -> None:
    assert skew(ahead).startswith(said) and bool(skew(ahead)) == bool(said)


@pytest.mark.parametrize(("lines", "found"), DEMANDS.values(), ids=DEMANDS)
def test_demands(lines: list[str], found: Require) -> None:
    assert require.parse(lines) == found
    assert require.parse(found.demands) == found


@pytest.mark.parametrize(("line", "said"), NO_DEMANDS.values(), ids=NO_DEMANDS)
def test_what_is_no_demand_is_said(line: str, said: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as refused:
        require.parse([line])

    assert said in str(refused.value)


NEEDS: dict[str, tuple[list[str], list[str]]] = {
    "a column": (["ALTER TABLE t ADD COLUMN a int"], ["OWNER t"]),
    "with its schema": (["ALTER TABLE s.t ADD COLUMN a int"], ["OWNER s.t"]),
    "each once": (["ALTER TABLE t ADD COLUMN a int", "ALTER TABLE t DROP COLUMN b"], ["OWNER t"]),
    "an index": (["CREATE INDEX CONCURRENTLY i ON t (a)"], ["OWNER t"]),
    "a foreign key": (["ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES s.u (id)"], ["OWNER t", "REFERENCES s.u"]),
    "a table that references": (["CREATE TABLE t (a int REFERENCES u (id))"], ["CREATE public", "REFERENCES u"]),
    "a table, then more of it": (
        ["CREATE TABLE t (a int)", "ALTER TABLE t ADD COLUMN b int", "CREATE INDEX i ON t (a)", "DROP INDEX i"],
        ["CREATE public"],
    ),
    "in a schema": (["CREATE TABLE s.t (a int)"], ["CREATE s"]),
    "perhaps there already": (["CREATE TABLE IF NOT EXISTS t (a int)"], []),
    "for this session alone": (["CREATE TEMPORARY TABLE t (a int)"], []),
    "another search path": (["SET search_path = x", "CREATE TABLE t (a int)"], []),
    "drops": (["DROP TABLE t, s.u", "DROP INDEX i", "DROP TYPE e"], ["DROP t", "DROP s.u", "DROP i", "DROP e"]),
    "dropped and made anew": (
        ["DROP TABLE t", "CREATE TABLE t (a int)", "ALTER TABLE t ADD COLUMN b int"],
        ["DROP t", "CREATE public"],
    ),
    "renamed": (["ALTER TABLE t RENAME TO u", "ALTER TABLE u ADD COLUMN a int"], ["OWNER t"]),
    "an enum": (["ALTER TYPE e ADD VALUE 'x'"], ["OWNER e"]),
    "rows": (
        ["INSERT INTO t (a) VALUES (1)", "UPDATE t SET a = 2", "DELETE FROM t"],
        ["INSERT t", "UPDATE t", "DELETE t"],
    ),
    "a trigger": (["CREATE TRIGGER g AFTER INSERT ON t EXECUTE FUNCTION f()"], ["TRIGGER t"]),
    "all rows": (["TRUNCATE t, u"], ["TRUNCATE t", "TRUNCATE u"]),
    "a comment": (["COMMENT ON COLUMN t.a IS 'x'", "COMMENT ON TABLE u IS 'x'"], ["OWNER t", "OWNER u"]),
    "somebody else goes on": (["SET ROLE owner", "ALTER TABLE t ADD COLUMN a int"], []),
    "a right is given": (["GRANT owner TO me", "ALTER TABLE t ADD COLUMN a int"], []),
    "anything may happen": (["DO $$ BEGIN END $$", "ALTER TABLE t ADD COLUMN a int"], []),
    "anything may happen, called": (["SELECT become_owner()", "ALTER TABLE t ADD COLUMN a int"], []),
    "a harmless call": (["SELECT setval('s', 1)", "ALTER TABLE t ADD COLUMN a int"], ["OWNER t"]),
    "not SQL": (["ALTER TABEL t", "ALTER TABLE t ADD COLUMN a int"], []),
    "given away": (["ALTER TABLE t OWNER TO x", "ALTER TABLE t ADD COLUMN a int"], ["OWNER t"]),
}


@pytest.mark.parametrize(("texts", "wanted"), NEEDS.values(), ids=NEEDS)
def test_rights_that_statements_need(texts: list[str], wanted: list[str]) -> None:
    statements = [Statement(number=number, revision="a1", sql=text) for number, text in enumerate(texts, 1)]

    found = needs(statements, "public")

    assert [f"{one.right} {one.schema}{'.' if one.schema else ''}{one.name}" for one in found] == wanted


def test_the_version_table_is_not_asked_about_twice() -> None:
    sql = "UPDATE alembic_version SET version_num = 'a1'"

    assert needs([Statement(number=1, revision="a1", sql=sql, bookkeeping=True)], "public") == ()


# -- records ----------------------------------------------------------------------------------------

REHEARSED = {"fingerprint": "plan-1", "finished": "2026-11-28T12:00:00+00:00", "verdict": "OK"}
BACKED_UP = {"database": "1/2/shop", "finished": "2026-11-28T12:00:00+00:00", "verdict": "OK", "file": "shop.dump"}
RECORDS: dict[str, tuple[dict[str, Any] | None, bool]] = {
    "as they should be": ({}, True),
    "there are none": (None, False),
    "it failed": ({"verdict": "FAILED"}, False),
    "it is not known": ({"verdict": "UNKNOWN"}, False),
    "a time without a zone": ({"finished": "2026-11-28T12:00:00"}, False),
    "no time": ({"finished": None}, False),
    "of something else": ({"fingerprint": "x", "database": "x"}, False),
}


@pytest.mark.parametrize(("changed", "counts"), RECORDS.values(), ids=RECORDS)
def test_records_count_when_they_are_whole_and_good(
    tmp_path: Path, changed: dict[str, Any] | None, counts: bool
) -> None:
    backup = f"backups/{hashlib.sha256(b'1/2/shop').hexdigest()[:16]}"
    for name, record in {"rehearsals/plan-1": REHEARSED, backup: BACKED_UP}.items():
        path = tmp_path / ".ops" / f"{name}.json"
        path.parent.mkdir(parents=True)
        if changed is not None:
            path.write_text(json.dumps(record | changed))
    (tmp_path / "shop.dump").touch()

    found = evidence.rehearsed(tmp_path, "plan-1"), evidence.backed_up(tmp_path, "1/2/shop")

    assert found == ((NOW, NOW) if counts else (None, None))


def test_half_a_record_and_a_backup_that_is_gone_are_none(tmp_path: Path) -> None:
    (tmp_path / ".ops" / "rehearsals").mkdir(parents=True)
    (tmp_path / ".ops" / "rehearsals" / "plan-1.json").write_text(json.dumps(REHEARSED)[:20])
    backup = tmp_path / ".ops" / "backups" / f"{hashlib.sha256(b'1/2/shop').hexdigest()[:16]}.json"
    backup.parent.mkdir(parents=True)
    backup.write_text(json.dumps(BACKED_UP))

    assert evidence.rehearsed(tmp_path, "plan-1") is None
    assert evidence.backed_up(tmp_path, "1/2/shop") is None


# -- a person ---------------------------------------------------------------------------------------

FACTS = ServerFacts(
    version="18.0", version_number=180000, database="shop", role="me", login="me", primary=True, superuser=False,
    address="db:5432", system_identifier="1", database_oid=2, encoding="UTF8",
)  # fmt: skip


@pytest.mark.parametrize("typed", ["shop", " shop\n"])
def test_the_name_of_the_database_was_typed(typed: str) -> None:
    check_typed_name(FACTS, typed)


@pytest.mark.parametrize("typed", ["", "Shop", "shop2", "staging", "postgres"])
def test_another_name_was_typed(typed: str) -> None:
    with pytest.raises(RefusedError, match="the database that would be changed is 'shop'") as refused:
        check_typed_name(FACTS, typed)

    assert (refused.value.code, refused.value.exit_code, refused.value.changed) == ("wrong-name", 4, False)
