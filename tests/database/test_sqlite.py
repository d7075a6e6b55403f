"""A file of SQLite's as a target: where it is, changes under guard, and what is said when they go wrong."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from ops import targets
from ops.errors import BusyError, ConnectError, MigrationError, OpsError, SettingsError, WrongDatabaseError
from ops.sqlite import lock
from ops.values import Verdict
from tests.cases import PROJECTS

HALF_WAY = '''
"""makes a table, and fails"""
import sqlalchemy as sa
from alembic import op

revision, down_revision = "e1000000000f", "e10000000004"


def upgrade():
    op.create_table("note", sa.Column("id", sa.Integer, primary_key=True))
    op.execute("INSERT INTO customer (name, email) VALUES ('Cem', 'cem@example.org')")
    op.execute("INSERT INTO nowhere VALUES (1)")


def downgrade():
    op.drop_table("note")
'''

ROWS = (
    "INSERT INTO customer (id, name, fax, email) VALUES (1, 'Ann', '12', 'ann@example.org'), "
    "(2, 'Bob', NULL, 'bob@example.org')",
    "INSERT INTO purchase (customer_id, amount) VALUES (1, 10), (1, 20), (2, 30)",
)


class Shop:
    """The fixture project in a folder of its own, with a target `shop`."""

    def __init__(self, folder: Path) -> None:
        self.folder = shutil.copytree(PROJECTS / "file_shop", folder, ignore=shutil.ignore_patterns("__pycache__"))
        self.file = self.folder / "shop.db"
        self.configure("url = sqlite:///shop.db", "protected = false")
        self.file.touch()

    def configure(self, *lines: str) -> None:
        """Have the target's section say this."""
        (self.folder / "ops.ini").write_text("\n".join(["[ops:target:shop]", *lines]) + "\n", encoding="utf-8")

    @property
    def target(self) -> targets.Target:
        """The target."""
        return targets.target("shop")

    def run(self, *statements: str) -> list[tuple[object, ...]]:
        """Run statements as anybody else would; return the rows of the last."""
        with closing(sqlite3.connect(self.file)) as connection:
            for one in statements:
                rows = connection.execute(one).fetchall()
            connection.commit()
            return rows


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setenv("OPS_HOME", str(tmp_path / "shop"))
    return Shop(tmp_path / "shop")


def test_the_story_of_a_file(shop: Shop) -> None:
    """One file through all rooms: inspect, upgrade, compare, plan, rehearse, back up, roll back, restore."""
    db = shop.target
    status = db.status()
    assert (status.verdict, status.current, len(status.pending)) == (Verdict.OK, (), 4)
    assert "SQLite" in str(status.facts) and str(shop.file) in str(status.facts)
    dry = db.upgrade()
    assert dry.obstacles == () and "CREATE TABLE customer" in dry.sql
    done = db.upgrade("e10000000003", dry_run=False)
    assert (done.verdict, done.current) == (Verdict.OK, ("e10000000003",))
    shop.run(*ROWS)

    drift = db.compare()
    assert (drift.verdict, [one.cause.value for one in drift.changes]) == (Verdict.OK, ["pending"])
    catalog = db.catalog()
    assert (catalog.verdict, catalog.fingerprint) == (Verdict.OK, drift.fingerprints["live"])
    assert "customer" in {name for _, name, *_ in catalog.table().rows}
    assert "alembic_version" not in str(catalog.to_dict())

    plan = db.plan()
    assert (plan.verdict, [one.code for one in plan.hazards]) == (
        Verdict.ATTENTION,
        ["drop-column", "commits-in-parts"],
    )
    assert plan.hazards[0].harm == "It takes away the column customer.fax with 1 value."
    assert [one.rewrites for one in plan.own if one.rewrites] == [("customer",)]
    assert (plan.rows, plan.tables) == (5, 2)
    assert db.plan(allow="drop-column").verdict is Verdict.OK

    rehearsal = db.rehearse()
    assert [str(one) for one in rehearsal.revisions[0].lost] == ["1 value of customer.fax"]
    assert rehearsal.revisions[0].restored and rehearsal.revisions[0].up_again
    assert db.rehearse(accept="e10000000004").verdict is Verdict.OK

    made = db.backup(verify="restore")
    assert (made.verdict, len(made.checked), db.backups().kept[0].file) == (Verdict.OK, 2, made.file)

    up = db.upgrade(dry_run=False, backup="auto")
    assert up.proof is not None and up.proof.compared.startswith("The schema is what the plan foretold") and up.backup
    assert db.downgrade("-1", dry_run=False).current == ("e10000000003",)
    assert shop.run("SELECT fax FROM customer") == [(None,), (None,)]

    restored = db.restore(made.file, over=True, dry_run=False)
    assert (restored.verdict, shop.run("SELECT fax FROM customer")) == (Verdict.OK, [("12",), (None,)])
    assert (shop.folder / restored.replaced).exists()
    aside = db.restore(made.file, into="aside.db", dry_run=False)
    assert aside.verdict is Verdict.OK and (shop.folder / "aside.db").exists()

    assert db.stamp("e10000000004", dry_run=False).current == ("e10000000004",)
    assert db.stamp("e10000000003", dry_run=False).current == ("e10000000003",)
    status = db.status()
    assert (status.verdict, status.current, status.findings) == (Verdict.OK, ("e10000000003",), ())
    assert list((shop.folder / ".ops/sqlite").iterdir()) == []


def test_what_was_changed_by_hand_is_told(shop: Shop) -> None:
    shop.target.upgrade(dry_run=False)
    shop.run(
        "ALTER TABLE customer ADD COLUMN nick VARCHAR(20)",
        "DROP INDEX ix_purchase_customer",
        "CREATE INDEX large ON purchase (amount DESC) WHERE amount > 100",
        "CREATE INDEX lowered ON customer (lower(name))",
        "CREATE TABLE kv (k TEXT PRIMARY KEY, v) WITHOUT ROWID",
        "CREATE TRIGGER noticed AFTER INSERT ON customer BEGIN SELECT 1; END",
    )

    drift = shop.target.compare()

    assert {(one.action, one.kind, one.object, one.cause.value) for one in drift.changes} == {
        ("added", "column", "customer.nick", "changed-by-hand"),
        ("removed", "index", "purchase.ix_purchase_customer", "changed-by-hand"),
        ("added", "index", "purchase.large", "changed-by-hand"),
        ("added", "index", "customer.lowered", "changed-by-hand"),
        ("added", "table", "kv", "changed-by-hand"),
        ("added", "trigger", "customer.noticed", "unmanaged"),
    }
    assert drift.unknown == () and all(one.offers == () for one in drift.changes)


CASCADES = """
from sqlalchemy import event
from sqlalchemy.engine import Engine


@event.listens_for(Engine, "connect")
def enforce(connection, record):
    connection.execute("PRAGMA foreign_keys = ON")


"""


def test_rows_that_a_batch_operation_takes_along_are_told_before(shop: Shop) -> None:
    """SQLite deletes what refers to a table that is dropped, and batch mode drops the old one."""
    shop.target.upgrade("e10000000003", dry_run=False)
    shop.run(*ROWS)
    env = shop.folder / "migrations/env.py"
    env.write_text(CASCADES + env.read_text(encoding="utf-8"), encoding="utf-8")

    plan = shop.target.plan()

    worst = plan.hazards[0]
    assert (worst.code, worst.severity.word, worst.relation) == ("loses-rows", "critical", "purchase")
    assert worst.harm == "It takes away 3 rows of purchase."
    assert shop.run("SELECT count(*) FROM purchase") == [(3,)]


def test_a_plan_that_fails_on_the_copy_says_so(shop: Shop) -> None:
    (shop.folder / "migrations/versions/e1000000000f_half_way.py").write_text(HALF_WAY, encoding="utf-8")

    plan = shop.target.plan()

    assert plan.verdict is Verdict.ATTENTION and "no such table: nowhere" in plan.failed
    assert shop.target.status().current == ()


def test_what_a_failed_revision_leaves_is_told(shop: Shop) -> None:
    """The driver of the standard library commits what comes before the first row that is written."""
    (shop.folder / "migrations/versions/e1000000000f_half_way.py").write_text(HALF_WAY, encoding="utf-8")

    with pytest.raises(MigrationError) as caught:
        shop.target.upgrade(dry_run=False)

    said = str(caught.value)
    assert caught.value.changed is True
    assert "at e10000000004" in said and "committed a part of what it does, which stays: CREATE TABLE note" in said
    assert shop.run("SELECT count(*) FROM customer") == [(0,)]
    assert "INSERT" not in said.partition("which stays")[2].partition("\n")[0]
    assert shop.target.status().current == ("e10000000004",)

    broken = shop.target.repair().findings
    assert [one.case for one in broken] == ["open-run", "not-up-to-date"]
    assert "failed half-way" in broken[0].what and "differs from what that makes in 1 place" in broken[0].what
    assert "its first statement, which is committed, is passed over" in broken[0].offered

    mended = HALF_WAY.replace('    op.execute("INSERT INTO nowhere VALUES (1)")\n', "")
    (shop.folder / "migrations/versions/e1000000000f_half_way.py").write_text(mended, encoding="utf-8")
    done = shop.target.repair("open-run", dry_run=False)

    assert done.findings[0].done and shop.target.status().current == ("e1000000000f",)
    assert shop.run("SELECT name FROM customer") == [("Cem",)] and shop.run("SELECT count(*) FROM note") == [(0,)]
    assert shop.target.repair().findings == ()


def test_what_a_failed_revision_left_may_be_undone_by_hand(shop: Shop) -> None:
    (shop.folder / "migrations/versions/e1000000000f_half_way.py").write_text(HALF_WAY, encoding="utf-8")
    with pytest.raises(MigrationError):
        shop.target.upgrade(dry_run=False)

    shop.run("DROP TABLE note")
    found = shop.target.repair().findings[0]
    assert "or somebody has undone them: then 44-stamp of e10000000004 settles that run" in found.what
    assert found.ways == ("open-run:committed",)

    shop.target.stamp("e10000000004", dry_run=False)
    assert [one.case for one in shop.target.repair().findings] == ["not-up-to-date"]


@contextmanager
def written_by_somebody(file: Path) -> Iterator[None]:
    """Somebody has begun to write to a file."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


def test_who_waits_too_long_changes_nothing(shop: Shop) -> None:
    shop.configure("url = sqlite:///shop.db", "protected = false", "lock_timeout = 50ms")
    shop.target.upgrade(dry_run=False)

    with written_by_somebody(shop.file), pytest.raises(BusyError) as caught:
        shop.target.downgrade("-1", dry_run=False, retries=1)

    assert caught.value.changed is False and "database is locked" in str(caught.value)
    assert shop.target.status().current == ("e10000000004",)


def test_who_writes_now_is_told(shop: Shop) -> None:
    shop.target.upgrade(dry_run=False)
    shop.run("CREATE TABLE _alembic_tmp_customer (id INTEGER)")

    with written_by_somebody(shop.file):
        health = shop.target.health()
    assert health.verdict is Verdict.ATTENTION
    assert health.findings[0].startswith(f"A change would wait: process {os.getpid()}")
    assert "_alembic_tmp_customer was left by a batch operation" in health.findings[1]

    shop.run("DROP TABLE _alembic_tmp_customer")
    health = shop.target.health()
    assert (health.verdict, str(health)) == (Verdict.OK, "shop: nobody has the file locked")
    assert "no server" in str(health.to_dict()["notes"])


def test_an_unknown_revision_is_found_again(shop: Shop) -> None:
    shop.target.upgrade("e10000000003", dry_run=False)
    shop.run("UPDATE alembic_version SET version_num = 'gone'")

    found = shop.target.repair("unknown-revision").findings[0]
    assert "exactly what revision e10000000003 makes" in found.what

    done = shop.target.repair("unknown-revision", dry_run=False)
    assert done.findings[0].done and shop.target.status().current == ("e10000000003",)


def test_a_draft_is_judged_on_a_copy(shop: Shop) -> None:
    shop.target.upgrade(dry_run=False)
    models = shop.folder / "shop.py"
    text = models.read_text(encoding="utf-8")
    models.write_text(text.replace("String(100), nullable=False)", "String(100))"), encoding="utf-8")

    draft = shop.target.new_revision("names may be missing")

    assert "batch_alter_table('customer'" in draft.content and draft.plan is not None
    assert draft.plan.verdict is Verdict.OK and draft.plan.own[-1].rewrites == ("customer",)


def test_one_run_at_a_time(shop: Shop) -> None:
    with lock.run_lock(shop.file, wait=0, login="somebody"):
        assert "somebody" in str(shop.target.status().holder)
        with pytest.raises(BusyError, match=f"process {os.getpid()}"):
            shop.target.upgrade(dry_run=False)

    assert shop.target.status().holder is None


def test_a_copy_of_the_file_is_another_database(shop: Shop) -> None:
    other = shop.folder / "other.db"
    shutil.copyfile(shop.file, other)
    env = shop.folder / "migrations/env.py"
    text = env.read_text(encoding="utf-8")
    hard = "config = context.config\nconfig.set_main_option('sqlalchemy.url', 'sqlite:///other.db')"
    env.write_text(text.replace("config = context.config", hard), encoding="utf-8")

    with pytest.raises(WrongDatabaseError, match=r"other\.db"):
        shop.target.upgrade(dry_run=False)

    assert other.stat().st_size == 0 == shop.file.stat().st_size


def test_another_name_of_the_file_is_the_same(shop: Shop) -> None:
    shop.target.upgrade(dry_run=False)
    (shop.folder / "alias.db").symlink_to(shop.file)
    shop.configure("url = sqlite:///alias.db", "protected = false")

    assert shop.target.status().current == ("e10000000004",)
    assert shop.target.ledger().open_runs == ()


def test_a_ledger_that_cannot_be_read_is_no_ledger_without_an_open_run(shop: Shop) -> None:
    shop.target.upgrade(dry_run=False)
    (ledger,) = (shop.folder / ".ops/ledger").iterdir()
    ledger.unlink()
    ledger.mkdir()

    found = shop.target.repair()

    assert (found.verdict, [one.partition(":")[0] for one in found.unknown]) == (
        Verdict.UNKNOWN,
        ["open-run", "edited-file"],
    )


def test_looking_leaves_a_file_as_it_is(shop: Shop) -> None:
    before = shop.file.read_bytes(), sorted(one.name for one in shop.folder.iterdir())

    shop.target.status()

    after = shop.file.read_bytes(), sorted(one.name for one in shop.folder.iterdir() if one.name != "__pycache__")
    assert after == before


def test_a_question_does_not_give_up_the_locks_of_this_process(shop: Shop) -> None:
    """Closing any descriptor of the file would: https://www.sqlite.org/howtocorrupt.html, section 2.2."""
    shop.run("CREATE TABLE t (a)")

    with written_by_somebody(shop.file):
        shop.target.status()
        with (
            closing(sqlite3.connect(shop.file, timeout=0)) as other,
            pytest.raises(sqlite3.OperationalError, match="locked"),
        ):
            other.execute("INSERT INTO t VALUES (1)")


# fmt: off
WRONG = {
    "no such file":        ("url = sqlite:///nothing.db",                      "there is no file"),
    "a folder":            ("url = sqlite:///migrations",                      "it is a folder"),
    "another kind of file": ("url = sqlite:///shop.py",                        "file is not a database"),
}
REFUSED = {
    "in memory":           (("url = sqlite://",),                              "in memory"),
    "a URI of SQLite's":   (("url = sqlite:///file:shop.db?uri=true",),        "URI of SQLite's own"),
    "a role":              (("url = sqlite:///shop.db", "role = owner"),       "role means nothing"),
    "a ledger within":     (("url = sqlite:///shop.db", "ledger = database"),  "ledger = database means nothing"),
    "an encrypting driver": (("url = sqlite+pysqlcipher:///shop.db",),         "pysqlcipher"),
}
# fmt: on


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_read_is_said(case: str, shop: Shop) -> None:
    line, said = WRONG[case]
    shop.configure(line)

    with pytest.raises(ConnectError, match=said):
        shop.target.status()


@pytest.mark.parametrize("case", REFUSED)
def test_what_no_target_can_be_is_said(case: str, shop: Shop) -> None:
    lines, said = REFUSED[case]
    shop.configure(*lines)

    with pytest.raises(SettingsError, match=said):
        targets.target("shop")


def test_a_killed_worker_leaves_what_was_committed(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    file = shop.folder / "migrations/versions/e1000000000f_half_way.py"
    killed = HALF_WAY.replace(
        'op.execute("INSERT INTO nowhere VALUES (1)")', "__import__('os').kill(__import__('os').getpid(), 9)"
    )
    file.write_text(killed, encoding="utf-8")

    with pytest.raises(OpsError) as caught:
        shop.target.upgrade(dry_run=False)

    assert signal.SIGKILL.name in str(caught.value) and "CREATE TABLE note" in str(caught.value)
    assert shop.run("SELECT count(*) FROM customer") == [(0,)]
    assert shop.target.status().current == ("e10000000004",)
