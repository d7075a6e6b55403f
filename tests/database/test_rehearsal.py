"""Rehearsals of histories whose answers are known: no miss, and no false alarm."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from ops.display.text import to_text
from ops.errors import RefusedError, UsageError
from ops.rehearsal import Rehearsal, show
from ops.rehearsal.result import Rehearsed
from ops.settings import TargetSettings
from ops.settings.sections import ProjectSettings
from ops.targets import Target
from ops.values import Verdict
from tests.database.conftest import Bench, SetUp
from tests.database.rehearsal_cases import CASES, SHORT, Case, sql
from tests.database.test_initial_migration import ROOT, STARTS
from tests.database.written import write

READER = """
DO $$ BEGIN CREATE ROLE rehearsal_reader; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$
"""
Answer = tuple[str, tuple[str, ...], tuple[str, ...]]


def prepared(bench: Bench, names: Iterable[str]) -> list[Case]:
    """The bases of some cases in the database, and their revisions in the project, in this order."""
    cases = [CASES[name] for name in names]
    bench.ask(READER)
    bench.ask("".join(case.base for case in cases) or "SELECT 1")
    write(bench, *((case.up, case.down) for case in cases))
    return cases


def answer(one: Rehearsed) -> Answer:
    words = {True: "y", False: "n", None: "-"}
    answers = "".join(words[value] for value in (one.up, one.down, one.restored, one.up_again))
    return answers, tuple(map(str, one.lost)), tuple(map(str, one.left))


def known(case: Case) -> Answer:
    return case.answers, case.lost, case.left


def check(names: Iterable[str], cases: list[Case], rehearsal: Rehearsal) -> None:
    names = tuple(names)
    found = {name: answer(one) for name, one in zip(names, rehearsal.revisions, strict=True)}

    assert found == {name: known(case) for name, case in zip(names, cases, strict=True)}
    for name, case, one in zip(names, cases, rehearsal.revisions, strict=True):
        assert case.says in " ".join(one.wrong), name
        assert bool(one.wrong) == bool(case.says or case.lost or case.left), (name, one.wrong)
    assert rehearsal.unknown == ()
    json.dumps(rehearsal.to_dict())
    assert rehearsal.fingerprint in to_text(rehearsal.view())


def test_a_history_with_one_of_each_answer(set_up: SetUp) -> None:
    bench = set_up("linear")
    cases = prepared(bench, SHORT)
    before = bench.tables

    rehearsal = bench.target.rehearse()

    check(SHORT, cases, rehearsal)
    assert rehearsal.verdict is Verdict.ATTENTION
    assert (bench.current, bench.tables) == ([], before), "the target was only read"


@pytest.mark.heavy
def test_a_history_with_everything(set_up: SetUp) -> None:
    bench = set_up("linear")
    cases = prepared(bench, CASES)

    check(CASES, cases, bench.target.rehearse())


@pytest.mark.heavy
def test_of_fifty_exactly_three_do_not_come_back(set_up: SetUp) -> None:
    bench = set_up("linear")
    bench.ask(
        "CREATE TABLE thing (id integer PRIMARY KEY, a text);"
        "INSERT INTO thing SELECT n, 'a' FROM generate_series(1, 9) n"
    )
    bodies = [
        (f"op.add_column('thing', sa.Column('c{n}', sa.Integer()))", f"op.drop_column('thing', 'c{n}')")
        for n in range(50)
    ]
    bodies[7] = (bodies[7][0], "pass")
    bodies[23] = (bodies[23][0], sql("SELECT 1 / 0"))
    bodies[41] = (bodies[41][0], "raise NotImplementedError('never')")
    names = write(bench, *bodies)

    rehearsal = bench.target.rehearse()

    assert [one.revision for one in rehearsal.revisions if one.wrong] == [names[7], names[23], names[41]]
    assert {answer(one) for one in rehearsal.revisions} == {("yyyy", (), ()), ("yn--", (), ())}
    assert "3 do not come back" in str(rehearsal) and rehearsal.unknown == ()
    assert rehearsal.copies == 4


def test_what_is_known_is_accepted_and_what_is_demanded_is_there(set_up: SetUp) -> None:
    bench = set_up("linear", require="rehearsal")
    cases = prepared(bench, ["a column more", "a column dropped"])
    smoke = bench.project / "smoke.sql"
    smoke.write_text("SELECT b FROM more;")

    found = bench.target.rehearse(smoke_test="smoke.sql")
    with pytest.raises(RefusedError, match="rehearsal: none of this very change is on record"):
        bench.target.upgrade(dry_run=False)
    again = bench.target.rehearse(accept=found.revisions[1].revision)
    done = bench.target.upgrade(dry_run=False)

    assert found.verdict is Verdict.ATTENTION and [answer(one) for one in found.revisions] == list(map(known, cases))
    assert [(one.where, one.passed) for one in found.tests] == [
        ("after the way up", True), ("after the way back", False), ("after the second way up", True),
    ]  # fmt: skip
    assert "the smoke test fails after the way back" in str(found) and "does not exist" in found.tests[1].output
    assert again.verdict is Verdict.OK and "1 is accepted" in str(again) and again.fingerprint == found.fingerprint
    assert done.current == (again.revisions[1].revision,)
    with pytest.raises(UsageError, match="none of the revisions"):
        bench.target.rehearse(accept="nowhere")


def test_what_fails_on_rows_what_waits_and_what_is_measured(set_up: SetUp) -> None:
    bench = set_up("linear")
    bench.ask(
        "CREATE TABLE thing (id integer PRIMARY KEY, a text);INSERT INTO thing SELECT n FROM generate_series(1, 5000) n"
    )
    write(
        bench,
        (
            sql("ALTER TABLE thing ALTER id TYPE bigint", "SELECT pg_sleep(0.4)"),
            sql("ALTER TABLE thing ALTER id TYPE integer"),
        ),
        ("op.alter_column('thing', 'a', nullable=False)", "op.alter_column('thing', 'a', nullable=True)"),
    )  # fmt: skip

    found = bench.target.rehearse(traffic_sql="SELECT count(*) FROM thing")

    one, two = found.revisions
    assert answer(one) == ("yyyy", (), ()) and answer(two) == ("n---", (), ())
    assert "contains null values" in two.error and "_written.py, line" in two.error
    retyped, slept, _ = found.own
    assert retyped.rewrites == ("public.thing",) and (retyped.wal_bytes or 0) > 5000 * 20
    assert slept.wal_bytes is not None  # the server's, to which other tests write meanwhile
    assert (slept.seconds or 0) > 0.3 and all(waited.seconds > 0.1 for waited in found.waits) and found.waits
    kept = json.loads((bench.home / ".ops" / "rehearsals" / f"{found.fingerprint}.json").read_text())
    measured = {(one["direction"], *one["verbs"]): one for one in kept["measured"]}
    assert (kept["verdict"], kept["target"]) == ("ATTENTION", "case")
    assert (
        measured["up", "ALTER COLUMN TYPE"]["relations"] == ["public.thing"]
        and ("down", "ALTER COLUMN TYPE") in measured
    )
    assert bench.target.upgrade().rehearsed == "ATTENTION"
    foreseen = [str(row[3]) for row in show.statements(found).rows]
    assert foreseen[:2] == ["the same", "the same"]


def test_without_rows_nothing_is_certain(set_up: SetUp) -> None:
    bench = set_up("linear")
    prepared(bench, ["a column more", "a narrower column"])

    found = bench.target.rehearse(data="none")

    assert [answer(one) for one in found.revisions] == [("yyyy", (), ())] * 2
    assert found.verdict is Verdict.UNKNOWN and "has no rows" in found.unknown[0]

    found = bench.target.rehearse(exclude_data="narrow")

    one, two = found.revisions
    assert found.verdict is Verdict.UNKNOWN and one.unknown == ()
    assert two.unknown == ("The rows of public.narrow were not copied: what it does to them is not known.",)


@pytest.mark.parametrize(
    ("options", "says"),
    {
        "no such choice of rows": ({"data": "most"}, "no choice of rows"),
        "no rows as a sample": ({"data": "sample", "rows_per_table": 0}, "are no sample"),
        "no such file": ({"smoke_test": "nowhere.sql"}, "no smoke test"),
        "no SQL": ({"traffic_sql": "SELEC 1"}, "cannot read"),
    }.values(),
)  # fmt: skip
def test_what_makes_no_sense_is_refused_before_anything_is_copied(
    set_up: SetUp, options: dict[str, Any], says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        set_up("linear").target.rehearse(**options)


def test_the_initial_migration_loses_the_rows_of_traffic_data_and_nothing_else(
    database: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPS_EMBEDDED_DIR", str(home / ".ops"))
    with (
        closing(psycopg2.connect(database.replace("+psycopg2", ""))) as connection,
        connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(STARTS["legacy"])
    project = ProjectSettings(config=ROOT / "alembic.ini")
    target = Target(
        TargetSettings(name="legacy", source="url", protected=False, project=project, home=tmp_path, raw_url=database)
    )

    found = target.rehearse()

    (one,) = found.revisions
    assert answer(one) == ("yyyy", ("2 rows of public.traffic_data",), ())
    assert one.brings == ("public.token_llm",)
    assert found.verdict is Verdict.ATTENTION
