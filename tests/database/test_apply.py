"""Changes under guard: dry runs, confirmations, locks, failures, and what is said of them."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from ops import database, lock
from ops.apply import Mending, Run, change
from ops.catalog import snapshot
from ops.errors import BusyError, MigrationError, OpsError, RevisionError, StalePlanError
from ops.ledger import NONE, Ledger
from ops.project.visit import visit
from ops.values import Verdict
from tests.database.conftest import Bench, SetUp, until

LINEAR = [f"a1000000000{number}" for number in range(1, 6)]


def fingerprint(bench: Bench) -> str:
    with database.connect(bench.target.settings) as connection:
        return snapshot.read(connection, version_table=("public", "alembic_version")).fingerprint


def records(bench: Bench, kind: str = "") -> list[dict[str, object]]:
    """The records of the bench's own ledger."""
    if bench.ask("SELECT to_regclass('alembic_ops.ledger')") == [(None,)]:
        return []
    found = bench.ask("SELECT kind, details FROM alembic_ops.ledger ORDER BY id")
    return [{"kind": one, **details} for one, details in found if one == kind or not kind]


def rewrite(bench: Bench, revision: str, old: str, new: str) -> None:
    file = bench.version_file(revision)
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


@contextmanager
def held(bench: Bench, statement: str) -> Iterator[None]:
    """What a statement locks, held by another session for as long as the block lasts."""
    with closing(bench.connect()) as connection:
        connection.autocommit = False
        with connection.cursor() as cursor:
            cursor.execute(statement)
        yield


@contextmanager
def at_work(bench: Bench) -> Iterator[int]:
    """Another run on the same database, for as long as the block lasts; yields its backend."""
    number = lock.key("public", "alembic_version")
    with closing(bench.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("SET application_name = 'somebody elses run'")
        cursor.execute("SELECT pg_advisory_lock(%s), pg_backend_pid()", (number,))
        ((_, pid),) = cursor.fetchall()
        yield pid


# -- permission -------------------------------------------------------------------------------------


def test_a_dry_run_changes_nothing(set_up: SetUp) -> None:
    bench = set_up("linear")
    before = fingerprint(bench)

    up = bench.target.upgrade()

    assert (up.verdict, up.dry_run, up.current, up.protected) == (Verdict.OK, True, (), False)
    assert [step.revision.revision for step in up.route.steps] == LINEAR
    assert up.sql.count("CREATE TABLE") == 3  # with the version table's
    assert (fingerprint(bench), bench.current, records(bench)) == (before, [], [])
    assert bench.ask("SELECT to_regclass('alembic_version')") == [(None,)]


def test_a_protected_target_wants_the_fingerprint_of_its_own_dry_run(set_up: SetUp) -> None:
    bench = set_up("linear", protected="true")
    shown = bench.target.upgrade("a10000000002")
    assert shown.protected and shown.fingerprint.startswith("plan-")

    with pytest.raises(StalePlanError) as unconfirmed:
        bench.target.upgrade("a10000000002", dry_run=False)
    refused = {
        "wrong": lambda: bench.target.upgrade("a10000000002", dry_run=False, confirm="plan-0123456789abcdef"),
        "of another revision": lambda: bench.target.upgrade("a10000000003", dry_run=False, confirm=shown.fingerprint),
        "of another direction": lambda: bench.target.stamp("a10000000002", dry_run=False, confirm=shown.fingerprint),
    }
    for act in refused.values():
        with pytest.raises(StalePlanError) as stale:
            act()
        assert (stale.value.code, stale.value.exit_code, stale.value.changed) == ("stale-plan", 4, False)

    assert (unconfirmed.value.code, unconfirmed.value.exit_code) == ("unconfirmed", 4)
    assert (bench.tables, bench.current, records(bench)) == ([], [], [])

    done = bench.target.upgrade("a10000000002", dry_run=False, confirm=shown.fingerprint)

    assert (done.verdict, bench.current) == (Verdict.OK, ["a10000000002"])


def test_a_fingerprint_stands_for_the_question_and_all_that_it_depends_on(set_up: SetUp) -> None:
    bench = set_up("linear")
    bench.target.upgrade("a10000000002", dry_run=False)
    asked: dict[str, Callable[[], object]] = {
        "the same question": lambda: None,
        "a table made by hand": lambda: bench.ask("CREATE TABLE by_hand (a int)"),
        "an edited file": lambda: rewrite(bench, "a10000000003", "create_table", "create_table  "),
        "a file that does not run": lambda: rewrite(bench, "a10000000005", "alter_column", "alter_column  "),
    }

    first = bench.target.upgrade("a10000000004").fingerprint
    found = {}
    for what, happens in asked.items():
        happens()
        now = bench.target.upgrade("a10000000004").fingerprint
        found[what] = now != first
        first = now

    assert found == {
        "the same question": False,
        "a table made by hand": True,
        "an edited file": True,
        "a file that does not run": False,
    }
    assert len({first, bench.target.upgrade("a10000000003").fingerprint, bench.target.downgrade().fingerprint}) == 3


# -- locks ------------------------------------------------------------------------------------------


def test_a_lock_that_is_given_back_in_time_costs_only_retries(set_up: SetUp) -> None:
    bench = set_up("linear", lock_timeout="100ms")
    bench.target.upgrade("a10000000001", dry_run=False)
    said: list[str] = []
    with closing(bench.connect()) as other, other.cursor() as cursor:
        other.autocommit = False
        cursor.execute("LOCK TABLE customer IN ACCESS SHARE MODE")

        def report(line: str) -> None:
            said.append(line)
            if "trying again" in line:
                other.rollback()

        run = bench.target.upgrade("a10000000002", dry_run=False, report=report)

    assert (run.verdict, run.retried) == (Verdict.OK, 1)
    assert "lock not granted within 100ms" in said[1]
    assert [one["kind"] for one in records(bench)] == ["intent", "revision", "outcome"] * 2


# fmt: off
KEPT_WAITING = {  # how far up, what is locked, the error, its exit code, what is applied first
    "before anything":  ("a10000000002", "LOCK TABLE customer IN ACCESS SHARE MODE", BusyError,      5, []),
    "after a revision": ("a10000000004", "LOCK TABLE customer IN SHARE MODE",        MigrationError, 1, [LINEAR[2]]),
}
# fmt: on


@pytest.mark.parametrize("when", KEPT_WAITING)
def test_a_lock_that_nobody_gives_back(when: str, set_up: SetUp) -> None:
    to, statement, error, exit_code, applied = KEPT_WAITING[when]
    bench = set_up("linear", lock_timeout="100ms")
    if applied:
        # The next one makes a table without touching the locked one; the one after it updates that.
        rewrite(bench, "a10000000003", 'sa.ForeignKey("customer.id"), ', "")
    bench.target.upgrade("a10000000002" if applied else "a10000000001", dry_run=False)
    before = bench.current

    with held(bench, statement), pytest.raises(OpsError) as raised:
        bench.target.upgrade(to, dry_run=False, retries=1)

    assert type(raised.value) is error
    assert (raised.value.exit_code, raised.value.changed) == (exit_code, bool(applied))
    assert "within 100ms, tried 2 times" in raised.value.problem
    assert bench.current == (applied or before)
    assert records(bench, "outcome")[-1]["current"] == bench.current


def test_a_stamp_does_not_wait_for_ever_either(set_up: SetUp) -> None:
    bench = set_up("linear", lock_timeout="100ms")
    bench.target.upgrade("a10000000001", dry_run=False)

    with held(bench, "LOCK TABLE alembic_version IN SHARE MODE"), pytest.raises(BusyError, match="The stamp did not"):
        bench.target.stamp("a10000000002", dry_run=False, retries=0)

    assert bench.current == ["a10000000001"]


def test_one_run_at_a_time(set_up: SetUp) -> None:
    bench = set_up("linear")

    with at_work(bench) as pid:
        with pytest.raises(BusyError) as busy:
            bench.target.upgrade(dry_run=False)
        bench.target.upgrade()
        status = bench.target.status()

    assert (busy.value.code, busy.value.exit_code, busy.value.changed) == ("busy", 5, False)
    assert f"backend {pid}" in busy.value.problem and "somebody elses run" in busy.value.problem
    assert status.holder is not None and status.holder.pid == pid
    assert (bench.current, records(bench)) == ([], [])

    file = bench.version_file("a10000000005")
    content = file.read_text(encoding="utf-8")
    file.unlink()
    runs: list[Run] = []
    with at_work(bench):
        waiting = threading.Thread(target=lambda: runs.append(bench.target.upgrade(dry_run=False, wait=60)))
        waiting.start()
        polls = "application_name = 'alembic-ops upgrade' AND query LIKE '%pg_try_advisory_lock%'"
        until(lambda: bench.ask(f"SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND {polls}"))
        file.write_text(content, encoding="utf-8")  # which comes while it waits, and is seen
    waiting.join()

    assert [one.revision for one in runs[0].applied] == LINEAR


# -- failures ---------------------------------------------------------------------------------------


def test_a_revision_that_fails_half_way_is_undone_alone(set_up: SetUp) -> None:
    bench = set_up("fails_half_way")
    expect = bench.case.expect

    with pytest.raises(MigrationError) as raised:
        bench.target.upgrade(dry_run=False)

    assert f"{expect['failing_file']}, line " in raised.value.problem
    assert (bench.current, bench.tables) == (expect["applied"], ["customer"])
    intent, applied, outcome = records(bench)
    assert (intent["from"], intent["to"]) == ([], expect["heads"])
    assert [one["revision"] for one in intent["revisions"]] == [*expect["applied"], expect["failing"], *expect["heads"]]
    assert [applied["revision"]] == expect["applied"]
    assert (outcome["verdict"], outcome["current"]) == ("FAILED", expect["applied"])
    assert outcome["error"]["changed"] is True

    status = bench.target.status()

    assert list(status.current) == expect["applied"]
    assert status.pending == (expect["failing"], *expect["heads"])
    assert (status.verdict, status.open_runs) == (Verdict.OK, ())


def test_what_ran_before_a_revision_that_failed_counts_as_a_change(set_up: SetUp) -> None:
    bench = set_up("fails_half_way")
    failing = bench.case.expect["failing"]
    with pytest.raises(MigrationError):
        bench.target.upgrade(dry_run=False)
    with visit(bench.target.settings) as here:
        seen = here.catalog().fingerprint
    before = Mending(passed=NONE, seen=seen, statements=("CREATE INDEX CONCURRENTLY beside ON customer (id)",))

    with pytest.raises(MigrationError) as raised:
        change(bench.target.settings, "up", failing, dry_run=False, unfinished=before)

    assert raised.value.changed is True and f"Revision {failing} was rolled back" in raised.value.problem


PARTLY = """
from alembic import op

revision = "ac0000000002"
down_revision = "ac0000000001"


def upgrade():
    op.execute("CREATE TABLE kept (a int)")
    {between}
    op.execute("CREATE TABLE lost (a int)")
    op.execute("SELECT 1/0")
"""

# fmt: off
STAYS = {  #                 what stands between two tables, and whether the first one stays
    "a block outside":       ("with op.get_context().autocommit_block(): op.execute('SELECT 1')",   True),
    "a block that fails":    ("with op.get_context().autocommit_block(): op.execute('SELECT 1/0')", True),
    "a COMMIT of its own":   ('op.execute("COMMIT")',                                               True),
    "nothing":               ("pass",                                                               False),
}
# fmt: on


@pytest.mark.parametrize("what", STAYS)
def test_what_a_failed_revision_committed_is_said(what: str, set_up: SetUp) -> None:
    between, stays = STAYS[what]
    bench = set_up("per_migration")
    bench.target.upgrade("ac0000000001", dry_run=False)
    bench.version_file("ac0000000002").write_text(PARTLY.format(between=between), encoding="utf-8")

    with pytest.raises(MigrationError) as raised:
        bench.target.upgrade(dry_run=False)

    problem = raised.value.problem
    assert ("kept" in bench.tables) == raised.value.changed == stays
    assert ("which stays: CREATE TABLE kept (a int)" in problem) == stays
    assert ("was rolled back" in problem) == (not stays)
    assert bench.current == ["ac0000000001"]


def test_an_invalid_index_counts_as_a_change(set_up: SetUp) -> None:
    bench = set_up("per_migration")
    bench.target.upgrade("ac0000000001", dry_run=False)
    bench.ask("INSERT INTO customer (name) VALUES ('twice'), ('twice')")
    rewrite(bench, "ac0000000002", '["name"], ', '["name"], unique=True, ')

    with pytest.raises(MigrationError) as raised:
        bench.target.upgrade(dry_run=False)

    assert bench.ask("SELECT indisvalid FROM pg_index WHERE indexrelid = 'ix_customer_name'::regclass") == [(False,)]
    assert raised.value.changed is True
    assert "such as an invalid index: CREATE UNIQUE INDEX CONCURRENTLY" in raised.value.problem


def test_our_own_connection_may_be_lost_in_the_middle(set_up: SetUp) -> None:
    bench = set_up("linear")

    def report(line: str) -> None:
        if line.startswith("a10000000002") and "…" in line:
            bench.ask(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name = 'alembic-ops upgrade'"
            )

    with pytest.raises(OpsError) as raised:
        bench.target.upgrade(dry_run=False, report=report)

    assert raised.value.changed is True
    assert "The database is at a10000000002. Revision a10000000002 was complete and stays." in raised.value.problem
    assert bench.current == ["a10000000002"]
    assert [one["revision"] for one in records(bench, "revision")] == LINEAR[:2]


def test_a_report_that_fails_ends_the_run_and_is_told(set_up: SetUp) -> None:
    bench = set_up("linear")

    def report(line: str) -> None:
        raise ZeroDivisionError("a button's fault")

    with pytest.raises(OpsError, match="a button's fault") as raised:
        bench.target.upgrade(dry_run=False, report=report)

    assert (raised.value.changed, bench.current, bench.tables) == (False, [], [])
    assert records(bench, "outcome")[-1]["verdict"] == "FAILED"


def test_a_role_of_the_target_owns_what_is_made(set_up: SetUp) -> None:
    role = f"owner_{os.getpid()}"
    bench = set_up("linear", role=role)
    bench.ask(f"CREATE ROLE {role}")
    try:
        bench.ask(f"GRANT CREATE ON SCHEMA public TO {role}")
        bench.ask(f"DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO {role}', current_database()); END $$")
        bench.target.upgrade(dry_run=False)
        owners = bench.ask("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'")
    finally:
        bench.ask(f"DROP OWNED BY {role}")
        bench.ask(f"DROP ROLE {role}")

    assert owners == [(role,)]


# -- what the state looks like ----------------------------------------------------------------------


def test_a_run_that_died_and_an_edited_file_are_findings(set_up: SetUp) -> None:
    bench = set_up("linear")
    bench.target.upgrade("a10000000002", dry_run=False)
    with visit(bench.target.settings) as here:
        ledger = Ledger.of(here)
        ledger.write("intent", "feed", direction="up", to=["a10000000005"], who={"os_user": "ann", "host": "desk"})
        ledger.close()
    rewrite(bench, "a10000000002", "upgrade():", "upgrade():\n    # changed my mind")

    status = bench.target.status()

    assert status.verdict == Verdict.ATTENTION
    assert status.edited == ("a10000000002",)
    assert any("a10000000002 was edited after it was applied" in one for one in status.findings)
    assert any("ann@desk (to a10000000005" in one for one in status.findings)


def test_an_unknown_revision_is_shown_refused_and_mended_by_a_stamp(set_up: SetUp) -> None:
    bench = set_up("linear")
    bench.target.upgrade("a10000000003", dry_run=False)
    bench.ask("UPDATE alembic_version SET version_num = 'feedfacefeed'")

    status = bench.target.status()

    assert (status.unknown, status.verdict) == (("feedfacefeed",), Verdict.ATTENTION)
    assert "feedfacefeed" in status.findings[0]
    for act in (bench.target.upgrade, bench.target.downgrade):
        with pytest.raises(RevisionError) as refused:
            act(dry_run=False)
        assert (refused.value.code, refused.value.changed) == ("unknown-revision", False)

    shown = bench.target.stamp("a10000000003")

    assert (shown.route.purge, shown.route.heads, bench.current) == (True, ("a10000000003",), ["feedfacefeed"])

    bench.target.stamp("a10000000003", dry_run=False)

    assert bench.current == ["a10000000003"]
    assert bench.target.status().verdict == Verdict.OK


def test_stamps_run_nothing(set_up: SetUp) -> None:
    bench = set_up("two_heads")

    shown = bench.target.stamp("heads")

    assert (shown.dry_run, shown.route.steps, bench.current) == (True, (), [])

    bench.target.stamp("heads", dry_run=False)

    assert (bench.current, bench.tables) == (["a8b000000003", "a8c000000003"], [])
    assert len(bench.target.status().current) == 2

    bench.target.stamp("base", dry_run=False)

    assert bench.current == []


# -- drafts -----------------------------------------------------------------------------------------


def versions(bench: Bench) -> list[str]:
    return sorted(path.name for path in bench.project.rglob("versions/*.py"))


def test_a_draft_is_shown_then_written(set_up: SetUp) -> None:
    bench = set_up("linear")
    bench.target.upgrade(dry_run=False)
    models = bench.project / "shop.py"
    note = "class Note(Base):\n    __tablename__ = 'note'\n    id = Column(Integer, primary_key=True)\n"
    models.write_text(models.read_text(encoding="utf-8") + note, encoding="utf-8")
    before = versions(bench)

    shown = bench.target.new_revision("thêm bảng ghi chú")

    assert (shown.written, shown.verdict, shown.empty) == (False, Verdict.OK, False)
    assert versions(bench) == before
    assert "CREATE TABLE note" in (shown.upgrade_sql or "") and "DROP TABLE note" in (shown.downgrade_sql or "")
    assert shown.plan is not None
    assert [one.created for one in shown.plan.own] == [("public.note", "public.note_id_seq", "public.note_pkey")]

    written = bench.target.new_revision("thêm bảng ghi chú", dry_run=False)

    (name,) = set(versions(bench)) - set(before)
    assert written.written and written.file.endswith(name)
    assert bench.target.history().by_id[written.revision].message == "thêm bảng ghi chú"
    assert bench.tables == ["customer", "purchase"]
    with pytest.raises(RevisionError) as behind:
        bench.target.new_revision("one more")
    assert (behind.value.code, behind.value.changed) == ("not-up-to-date", False)
    assert bench.target.new_revision("by hand", autogenerate=False).empty
    with pytest.raises(OpsError, match="needs a message"):
        bench.target.new_revision("  ")

    bench.target.upgrade(dry_run=False)

    assert bench.target.compare().changes == ()


def test_a_draft_is_judged_on_the_rows_that_there_are(set_up: SetUp) -> None:
    bench = set_up("linear")
    bench.target.upgrade(dry_run=False)
    bench.ask("INSERT INTO customer (id, name, email) VALUES (1, 'a', 'a@example.org')")
    models = bench.project / "shop.py"
    text = models.read_text(encoding="utf-8")
    model = "class Customer(Base):"
    assert model in text
    head, _, body = text.partition(model)
    first, _, rest = body.partition("\n    id = ")
    column = "\n    nick = Column(String(20), nullable=False)"
    models.write_text(f"{head}{model}{first}{column}\n    id = {rest}", encoding="utf-8")

    draft = bench.target.new_revision("a nick for everybody")

    assert draft.verdict is Verdict.ATTENTION
    assert draft.plan is not None
    assert [one.violations for one in draft.plan.broken] == [1]
    assert draft.to_dict()["plan"]["fingerprint"] == draft.plan.fingerprint
    assert set(draft.files) == {"plan.sql", "plan.json"}
    assert "which needs attention" in str(draft)


def test_a_draft_on_several_heads_wants_one(set_up: SetUp) -> None:
    bench = set_up("two_heads")
    before = versions(bench)

    with pytest.raises(RevisionError) as raised:
        bench.target.new_revision("which one", autogenerate=False)

    assert raised.value.code == "several-heads"
    draft = bench.target.new_revision("this one", autogenerate=False, head="shop@head")
    assert '"a8b000000003"' in draft.content or "'a8b000000003'" in draft.content
    assert versions(bench) == before
    assert Path(draft.file).name not in before
