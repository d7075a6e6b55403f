"""Limits of a change on a real server: what is in force when, who is named, what is tried again, what stays."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg2
import pytest

from ops.apply import act
from ops.errors import BusyError, MigrationError
from ops.project import Answer, Event
from ops.values import Verdict
from tests.database.conftest import Bench, SetUp, until
from tests.database.written import write

CUSTOMER = """
op.execute("CREATE TABLE customer (id int PRIMARY KEY, name text)")
op.execute("INSERT INTO customer SELECT n, 'name ' || n FROM generate_series(1, 50) AS n")
op.execute("ALTER TABLE customer ADD CONSTRAINT named CHECK (name <> '') NOT VALID")
"""


def outside(*statements: str) -> str:
    """A migration whose statements run outside of a transaction."""
    return "\n    ".join(["with op.get_context().autocommit_block():", *(f"op.execute({one!r})" for one in statements)])


BUILD = "CREATE INDEX CONCURRENTLY ix_customer_name ON customer (name)"
INDEX = outside(BUILD)
VALIDATE = 'op.execute("ALTER TABLE customer VALIDATE CONSTRAINT named")'


@contextmanager
def busy(bench: Bench, *statements: str, application: str = "till") -> Iterator[psycopg2.extensions.connection]:
    """An application's transaction that stays open as long as the block lasts."""
    with closing(bench.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT set_config('application_name', %s, false)", (application,))
        connection.autocommit = False
        for one in statements:
            cursor.execute(one)
        yield connection


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    """Every event of the runs that follow."""
    events: list[Event] = []
    listen = act._Change._listen

    def listening(self: Any, event: Event) -> Answer | None:
        events.append(event)
        return listen(self, event)

    monkeypatch.setattr(act._Change, "_listen", listening)
    return events


def in_force(said: list[Event]) -> list[tuple[str, str, str]]:
    """The statements of migrations, each with the limits that the server had confirmed before it."""
    now: dict[str, str] = {}
    found = []
    waiting = ""
    for event in said:
        if event["event"] == "statement":
            waiting = " ".join(event["sql"].split()[:3])
        elif event["event"] == "settings":
            now |= event["found"]
        elif event["event"] == "statement-done":
            found.append((waiting, now["lock_timeout"], now["statement_timeout"]))
    return [one for one in found if "alembic_version" not in one[0]]


def test_each_statement_has_its_own_limits_read_back(set_up: SetUp, said: list[Event]) -> None:
    bench = set_up("per_migration", lock_timeout="1500ms", statement_timeout="77s", lock_timeout_long="20s")
    write(bench, CUSTOMER, VALIDATE, INDEX, f'op.add_column("customer", sa.Column("b", sa.Text))\n{VALIDATE}')
    bench.target.upgrade("b00000000001", dry_run=False)
    said.clear()

    bench.target.upgrade(dry_run=False)

    short, build = ("1500ms", "77s"), "0"
    assert in_force(said) == [
        ("ALTER TABLE customer", "20s", build),
        ("CREATE INDEX CONCURRENTLY", "20s", build),
        ("ALTER TABLE customer", *short),
        ("ALTER TABLE customer", "1500ms", build),  # readers wait for the lock before it: so it waits for nobody long
    ]
    assert bench.ask("SELECT convalidated FROM pg_constraint WHERE conname = 'named'") == [(True,)]


def test_settings_cost_a_round_trip_only_where_they_change(set_up: SetUp, said: list[Event]) -> None:
    bench = set_up("linear")

    bench.target.upgrade(dry_run=False)

    assert len([one for one in said if one["event"] == "settings"]) == 5  # one for each revision
    assert len([one for one in said if one["event"] == "statement"]) > 10


def test_what_a_plan_measured_counts(set_up: SetUp, said: list[Event]) -> None:
    bench = set_up("linear", lock_timeout_long="20s")
    write(bench, CUSTOMER, 'op.execute("ALTER TABLE customer SET (fillfactor = 70)")')
    bench.target.upgrade("b00000000001", dry_run=False)
    said.clear()

    script = bench.target.plan().sql
    bench.target.upgrade(dry_run=False)

    assert in_force(said) == [("ALTER TABLE customer", "20s", "0")]
    lines = script.splitlines()
    place = lines.index("ALTER TABLE customer SET (fillfactor = 70);")
    assert lines[place - 1] == "SET lock_timeout = '20s';"
    assert "SET lock_timeout = '2s';" in lines[:place] and "SET lock_timeout = '2s';" in lines[place:]


def test_what_a_savepoint_takes_back_is_set_again(set_up: SetUp, said: list[Event]) -> None:
    bench = set_up("linear", lock_timeout_long="20s")
    body = """
    nested = op.get_bind().begin_nested()
    op.execute("ANALYZE customer")
    nested.rollback()
    op.execute("ANALYZE customer")
    try:
        with op.get_bind().begin_nested():
            op.execute("ALTER TABLE customer VALIDATE CONSTRAINT nowhere")
    except sa.exc.ProgrammingError:
        pass
    op.execute("CREATE TABLE seen AS SELECT current_setting('lock_timeout') AS value")
    """
    write(bench, CUSTOMER, body)
    bench.target.upgrade("b00000000001", dry_run=False)
    said.clear()

    bench.target.upgrade(dry_run=False)

    found = [one for one in in_force(said) if one[0].startswith("ANALYZE")]
    assert found == [("ANALYZE customer", "20s", "0")] * 2
    asked = [one["asked"] for one in said if one["event"] == "settings"]
    assert len([one for one in asked if one.get("lock_timeout") == "20s"]) == 2
    assert bench.ask("SELECT value FROM seen") == [("2s",)]


def test_what_a_migration_sets_itself_holds_and_is_told(set_up: SetUp) -> None:
    bench = set_up("linear")
    note = "op.execute(\"INSERT INTO seen SELECT current_setting('lock_timeout')\")"
    write(
        bench,
        f"op.execute('CREATE TABLE seen (value text)')\nop.execute(\"SET lock_timeout = '9s'\")\n{note}",
        note,
    )
    lines: list[str] = []

    bench.target.upgrade(dry_run=False, report=lines.append)

    assert bench.ask("SELECT value FROM seen") == [("9s",), ("2s",)]
    (told,) = [one for one in lines if "itself" in one]
    assert told == "b00000000001  sets lock_timeout itself, line 13 of its file: its own value holds, not the target's"


# -- who is in the way ------------------------------------------------------------------------------


def test_whoever_is_in_the_way_is_named_without_what_the_query_holds(set_up: SetUp) -> None:
    bench = set_up("linear", lock_timeout="300ms")
    write(bench, CUSTOMER, 'op.drop_column("customer", "name")')
    bench.target.upgrade("b00000000001", dry_run=False)
    lines: list[str] = []

    with busy(bench, "SELECT * FROM customer WHERE name = 'hunter2'") as other, pytest.raises(BusyError) as raised:
        pid = other.info.backend_pid
        bench.target.upgrade(dry_run=False, retries=1, report=lines.append)

    problem = raised.value.problem
    assert "b00000000002 did not get its locks within 300ms, tried 2 times" in problem
    (where,) = [line for line in problem.splitlines() if "In the way" in line]
    assert f"In the way: pid {pid} (postgres, till), idle in transaction for" in where
    assert "holds AccessShareLock on public.customer, ran: SELECT * FROM customer WHERE name = ?." in where
    assert "hunter2" not in problem
    assert any(f"In the way: pid {pid}" in line and "trying again in" in line for line in lines)
    assert (raised.value.changed, bench.current) == (False, ["b00000000001"])


def test_how_long_a_statement_waited_is_on_record(set_up: SetUp) -> None:
    bench = set_up("linear", lock_timeout="20s")
    write(bench, CUSTOMER, 'op.drop_column("customer", "name")')
    bench.target.upgrade("b00000000001", dry_run=False)
    with busy(bench, "LOCK TABLE customer IN ACCESS SHARE MODE") as other:
        waiting = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'customer'::regclass"

        def release() -> None:
            until(lambda: bench.ask(waiting))
            time.sleep(0.6)
            other.rollback()

        thread = threading.Thread(target=release)
        thread.start()
        run = bench.target.upgrade(dry_run=False)
        thread.join()

    (done,) = run.applied
    assert 0.4 < done.waited <= done.seconds
    assert run.to_dict()["applied"][0]["waited"] == done.waited
    ((statements,),) = bench.ask("SELECT statements FROM alembic_ops.ledger WHERE revision = 'b00000000002'")
    assert [one["sql"][:23] for one in statements if one["lock_wait"] > 0.4] == ["ALTER TABLE customer DR"]


# -- trying again -----------------------------------------------------------------------------------


def indexes(bench: Bench) -> list[tuple[str, bool]]:
    return bench.ask(
        "SELECT c.relname, i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
        " WHERE i.indrelid = 'customer'::regclass AND NOT i.indisprimary ORDER BY 1"
    )


def customer_with(set_up: SetUp, *bodies: str, **keys: str) -> Bench:
    bench = set_up("per_migration", **{"lock_timeout": "300ms", "lock_timeout_long": "300ms", **keys})
    write(bench, CUSTOMER, *bodies)
    bench.target.upgrade("b00000000001", dry_run=False)
    return bench


def test_an_invalid_index_that_a_build_left_is_removed_before_the_next_attempt(set_up: SetUp) -> None:
    bench = customer_with(set_up, INDEX)
    lines: list[str] = []
    with busy(bench, "INSERT INTO customer VALUES (1000, 'late')") as writer:

        def report(line: str) -> None:
            lines.append(line)
            if len([one for one in lines if "trying again" in one]) == 2:
                writer.commit()

        run = bench.target.upgrade(dry_run=False, report=report)

    assert (run.verdict, run.retried) == (Verdict.OK, 2)  # the first time even the drop had to wait
    assert "removed the invalid index public.ix_customer_name, which the failed attempt left" in lines
    assert any("In the way: pid" in one and "till" in one for one in lines)
    assert indexes(bench) == [("ix_customer_name", True)]


def test_a_rebuild_that_failed_leaves_nothing_behind(set_up: SetUp) -> None:
    bench = customer_with(set_up, outside("REINDEX INDEX CONCURRENTLY ix_other"))
    bench.ask("CREATE INDEX ix_other ON customer (name)")
    with busy(bench, "INSERT INTO customer VALUES (1000, 'late')") as writer:

        def report(line: str) -> None:
            if "trying again" in line:
                assert ("ix_other_ccnew", False) in indexes(bench)
                writer.commit()

        run = bench.target.upgrade(dry_run=False, report=report)

    assert (run.verdict, run.retried) == (Verdict.OK, 1)
    assert indexes(bench) == [("ix_other", True)]


def test_an_index_that_was_invalid_before_is_not_touched(set_up: SetUp) -> None:
    bench = customer_with(set_up, INDEX)
    bench.ask("INSERT INTO customer VALUES (1001, 'twice'), (1002, 'twice')")
    with pytest.raises(psycopg2.errors.UniqueViolation):
        bench.ask("CREATE UNIQUE INDEX CONCURRENTLY ix_by_hand ON customer (name)")

    with busy(bench, "INSERT INTO customer VALUES (1000, 'late')") as writer:
        run = bench.target.upgrade(dry_run=False, report=lambda line: writer.commit() if "trying" in line else None)

    assert run.verdict is Verdict.OK
    assert indexes(bench) == [("ix_by_hand", False), ("ix_customer_name", True)]


def test_an_index_that_stays_is_said(set_up: SetUp) -> None:
    bench = customer_with(set_up, INDEX)

    with busy(bench, "INSERT INTO customer VALUES (1000, 'late')"), pytest.raises(MigrationError) as raised:
        bench.target.upgrade(dry_run=False, retries=1)

    assert "The invalid index public.ix_customer_name stays: drop it." in raised.value.problem
    assert (raised.value.changed, indexes(bench)) == (True, [("ix_customer_name", False)])


# fmt: off
NOT_AGAIN = {  #               what runs                                           why it is not run again
    "after what is committed": (outside("COMMENT ON TABLE customer IS 'x'", BUILD), "a part of it is committed"),
    "code, which may commit":  (outside("DO $$ BEGIN LOCK TABLE customer; END $$"), "what it did may be committed"),
}
# fmt: on


@pytest.mark.parametrize(("body", "why"), NOT_AGAIN.values(), ids=NOT_AGAIN)
def test_what_cannot_be_run_again_safely_is_not(body: str, why: str, set_up: SetUp) -> None:
    # long enough that whoever is in the way is seen on a busy machine
    bench = customer_with(set_up, body, lock_timeout="2s", lock_timeout_long="2s")

    with busy(bench, "INSERT INTO customer VALUES (1000, 'late')"), pytest.raises(MigrationError) as raised:
        bench.target.upgrade(dry_run=False)

    assert "It was not tried again: " in raised.value.problem and why in raised.value.problem
    assert "In the way: pid" in raised.value.problem


def test_a_statement_outside_of_a_transaction_that_left_nothing_is_tried_again(set_up: SetUp) -> None:
    bench = customer_with(set_up, outside("ALTER TABLE customer VALIDATE CONSTRAINT named"))
    with busy(bench, "LOCK TABLE customer IN SHARE MODE") as other:
        run = bench.target.upgrade(dry_run=False, report=lambda line: other.rollback() if "trying" in line else None)

    assert (run.verdict, run.retried) == (Verdict.OK, 1)


def test_a_deadlock_is_tried_again(set_up: SetUp) -> None:
    bench = set_up("linear", lock_timeout="20s")
    body = """
    op.execute("SET LOCAL deadlock_timeout = '300ms'")
    op.execute("LOCK TABLE customer")
    op.execute("LOCK TABLE purchase")
    op.execute("ALTER TABLE customer DROP COLUMN name")
    """
    write(bench, CUSTOMER + 'op.execute("CREATE TABLE purchase (a int)")', body)
    bench.target.upgrade("b00000000001", dry_run=False)
    lines: list[str] = []

    with busy(bench, "LOCK TABLE purchase IN ACCESS SHARE MODE") as other:
        other_waits = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'purchase'::regclass"

        def cross() -> None:
            until(lambda: bench.ask(other_waits))
            with other.cursor() as cursor:
                cursor.execute("SET LOCAL deadlock_timeout = '30s'")
                cursor.execute("LOCK TABLE customer IN ACCESS SHARE MODE")
            other.rollback()

        thread = threading.Thread(target=cross)
        thread.start()
        began = time.monotonic()
        run = bench.target.upgrade(dry_run=False, report=lines.append)
        thread.join()

    assert (run.verdict, run.retried) == (Verdict.OK, 1)
    assert any("deadlock with another session; trying again" in one for one in lines)
    assert time.monotonic() - began < 20
