"""How much of a revision is committed: what is put on record, and what is passed over the next time."""

from __future__ import annotations

from typing import Any

import pytest

from ops.apply.parts import NOT_PARSED, Parts
from ops.dialects.mariadb import MariaDB
from ops.dialects.postgresql import PostgreSQL
from ops.errors import MigrationError
from ops.ledger import NONE, Passed

VERSION = "UPDATE alembic_version SET version_num = 'b'"

# fmt: off
# What happens: `=` runs outside of a transaction, `!` is refused, of `?` nobody hears, as the connection is lost; and
# the records: committed, possible, rows.
CASES = {
    "one transaction needs no record": (
        ["CREATE TABLE t (a int)", "INSERT INTO t VALUES (1)", VERSION, "commit"], []),
    "before and behind what runs outside": (
        ["=UPDATE t SET a = a + 1", VERSION, "commit"], [(0, 1, True), (1, 1, True)]),
    "an index writes no rows": (
        ["=CREATE INDEX CONCURRENTLY i ON t (a)"], [(0, 1, False), (1, 1, False)]),
    "a question needs no record": (["=SELECT max(a) FROM t"], []),
    "a function of one's own may write": (["=SELECT mine(1)"], [(0, 1, True), (1, 1, True)]),
    "a transaction in the middle": (
        ["CREATE TABLE t (a int)", "INSERT INTO t VALUES (1)", "commit", "=ANALYZE t"],
        [(0, 2, True), (2, 3, True), (3, 3, True)]),
    "two transactions": (
        ["UPDATE t SET a = 1", "commit", "UPDATE t SET a = 2", VERSION, "commit"], [(0, 1, True), (1, 1, True)]),
    "a COMMIT of its own": (["UPDATE t SET a = 1", "COMMIT"], [(0, 1, True), (2, 2, True)]),
    "what the server refuses is not committed": (
        ["=CREATE INDEX CONCURRENTLY i ON t (a)", "!=UPDATE t SET a = a + 1"],
        [(0, 1, False), (1, 1, False), (1, 2, True), (1, 1, False)]),
    "a commit that the server refuses": (["UPDATE t SET a = 1", "!commit"], [(0, 1, True), (0, 0, False)]),
    "a commit of which nobody hears": (["UPDATE t SET a = 1", "?commit"], [(0, 1, True)]),
    "a statement of which nobody hears": (["=UPDATE t SET a = 1", "=ANALYZE t", "?=UPDATE t SET a = 2"],
        [(0, 1, True), (1, 1, True), (1, 2, True), (2, 2, True), (2, 3, True)]),
    "a block may have committed on its way": (["!=DO $$ BEGIN COMMIT; END $$"], [(0, 1, True)]),
}
# fmt: on


def play(parts: Parts, happening: list[str], state: str = "23505") -> list[Any]:
    """Tell of events as a change does, `!` with this SQLSTATE; return the answers to the statements."""
    answers = []
    for one in happening:
        sql = one.lstrip("=!?")
        marks = one.removesuffix(sql)
        outside, fails = "=" in marks, marks.strip("=")
        if sql == "commit":
            parts.committing()
        else:
            answers.append(parts.before({"sql": sql, "autocommit": outside, "line": None if sql == VERSION else 1}))
        if fails:
            error = MigrationError("it failed", next_step="")
            error.sqlstate = state if fails == "!" else None
            assert parts.failed(error) == (fails == "!" and not sql.startswith("DO"))
        elif sql != "commit":
            parts.done(outside=outside)
    return answers


@pytest.mark.parametrize(("happening", "records"), CASES.values(), ids=CASES)
def test_what_is_put_on_record(happening: list[str], records: list[tuple[int, int, bool]]) -> None:
    written: list[dict[str, Any]] = []
    parts = Parts(lambda **fields: written.append(fields), "alembic_version", None, dialect=PostgreSQL())
    parts.begin("b")

    assert set(play(parts, happening)) == {None}

    found = [(one["committed"]["count"], one["possible"]["count"], one["writes_rows"]) for one in written]
    assert found == records


# fmt: off
# On MariaDB what runs outside commits before it runs what its transaction did, where the server has understood it.
MARIADB = {  #                            happening, and the SQLSTATE of what fails             records
    "a change of the schema": (
        ["=CREATE TABLE t (a INT)"], "HY000", [(0, 1, False), (1, 1, False)]),
    "rows go along with the change behind them": (
        ["UPDATE `t` SET a = 1", "=ALTER TABLE t ADD b INT"], "HY000", [(0, 2, True), (2, 2, True)]),
    "rows behind the last change wait for their commit": (
        ["=ALTER TABLE t ADD b INT", "UPDATE `t` SET a = 1"], "HY000", [(0, 1, False), (1, 1, False)]),
    "a change that is refused has committed the rows": (
        ["UPDATE `t` SET a = 1", "!=ALTER TABLE t DROP z"], "HY000", [(0, 2, True), (1, 1, True)]),
    "one that cannot be read has not": (
        ["UPDATE `t` SET a = 1", "!=ALTER TABLE t FROB"], NOT_PARSED, [(0, 2, True), (0, 0, False)]),
}
# fmt: on


@pytest.mark.parametrize(("happening", "state", "records"), MARIADB.values(), ids=MARIADB)
def test_what_is_put_on_record_on_mariadb(
    happening: list[str], state: str, records: list[tuple[int, int, bool]]
) -> None:
    written: list[dict[str, Any]] = []
    parts = Parts(lambda **fields: written.append(fields), "alembic_version", None, dialect=MariaDB())
    parts.begin("b")

    play(parts, happening, state)

    found = [(one["committed"]["count"], one["possible"]["count"], one["writes_rows"]) for one in written]
    assert found == records


BEGUN = ["CREATE TABLE t (a int)", "commit", "=UPDATE u SET a = a + 1"]
REST = ["=CREATE INDEX CONCURRENTLY i ON t (a)", "ALTER TABLE t ADD b int", VERSION, "commit"]


def resumed(happening: list[str]) -> tuple[list[Any], list[dict[str, Any]]]:
    written: list[dict[str, Any]] = []
    passed = Passed.of(["CREATE TABLE t (a int)", "UPDATE u SET a = a + 1"])
    parts = Parts(lambda **fields: written.append(fields), "alembic_version", passed, dialect=PostgreSQL())
    parts.begin("b")
    return play(parts, happening), written


def test_what_is_committed_is_passed_over_and_the_rest_runs() -> None:
    answers, written = resumed(BEGUN + REST)

    assert [bool(one) for one in answers] == [True, True, False, False, False]
    assert written[0]["committed"]["count"] == 2 and written[-1]["committed"]["count"] == 3


def test_what_only_reads_is_asked_again_as_the_project_wants_its_rows() -> None:
    passed = Passed.of(["SELECT a FROM t", "UPDATE t SET a = 1"])
    parts = Parts(lambda **_: None, "alembic_version", passed, dialect=PostgreSQL())
    parts.begin("b")

    assert [bool(one) for one in play(parts, ["SELECT a FROM t", "=UPDATE t SET a = 1"])] == [False, True]


# fmt: off
OTHERS = {
    "another statement":  (["CREATE TABLE t (a int)", "commit", "=UPDATE u SET a = 7", "ANALYZE t"], "not those"),
    "fewer statements":   (["CREATE TABLE t (a int)", VERSION, "commit"],                            "fewer"),
}
# fmt: on


@pytest.mark.parametrize(("happening", "why"), OTHERS.values(), ids=OTHERS)
def test_a_revision_that_runs_otherwise_than_before_is_stopped(happening: list[str], why: str) -> None:
    answers, written = resumed(happening)

    assert any(isinstance(one, str) and why in one for one in answers) and written == []


def test_the_next_revision_begins_at_nothing() -> None:
    written: list[dict[str, Any]] = []
    parts = Parts(
        lambda **fields: written.append(fields), "alembic_version", Passed.of(["SELECT mine(1)"]), dialect=PostgreSQL()
    )
    for name in ("a", "b"):
        parts.begin(name)
        play(parts, ["=SELECT mine(1)"])

    assert [(one["revision"], one["committed"]["count"]) for one in written] == [("b", 0), ("b", 1)]
    assert Passed.of([]) == NONE
