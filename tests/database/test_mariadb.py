"""MariaDB as a target: where it is, changes under guard, and what stays of them, as its DDL commits by itself."""

from __future__ import annotations

import json
import shutil
import signal
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError

from ops import dialects, targets
from ops.errors import (
    BusyError,
    ConnectError,
    LackingError,
    MigrationError,
    OpsError,
    ProjectError,
    RefusedError,
    SettingsError,
    UsageError,
    WrongDatabaseError,
)
from ops.mariadb import copies, server, ways
from ops.project.visit import visit
from ops.values import Verdict
from tests import maria as maria_server
from tests.cases import PROJECTS
from tests.maria import Account

maria, account = maria_server.maria, maria_server.account

HALF_WAY = '''
"""writes rows between changes of the schema, and fails"""
from alembic import op

revision, down_revision = "d1000000000f", "d10000000004"


def upgrade():
    for one in {statements!r}:
        op.execute(one)


def downgrade():
    op.drop_table("note")
'''

CEM = "INSERT INTO customer (name, email) VALUES ('Cem', 'cem@example.org')"
DAN = "INSERT INTO customer (name, email) VALUES ('Dan', 'dan@example.org')"
IN_PARTS = ("CREATE TABLE note (id INT PRIMARY KEY)", CEM, "ALTER TABLE note ADD COLUMN text VARCHAR(20)", DAN)

ROWS = (
    "INSERT INTO customer (id, name, fax, email) VALUES (1, 'Ann', '12', 'ann@example.org'), "
    "(2, 'Bob', NULL, 'bob@example.org')",
    "INSERT INTO purchase (customer_id, amount) VALUES (1, 10), (1, 20), (2, 30)",
)


class Shop:
    """The fixture project in a folder of its own, with a target `shop` on a database of its own."""

    def __init__(self, folder: Path, account: Account) -> None:
        ignored = shutil.ignore_patterns("__pycache__")
        self.folder = shutil.copytree(PROJECTS / "maria_shop", folder, ignore=ignored)
        self.account = account
        self.name(SHOP_URL=account.url(), SHOP_SCRATCH=account.scratch_url)
        self.configure("url_env = SHOP_URL", "scratch_url_env = SHOP_SCRATCH", "protected = false")

    def configure(self, *lines: str) -> None:
        """Have the target's section say this."""
        (self.folder / "ops.ini").write_text("\n".join(["[ops:target:shop]", *lines]) + "\n", encoding="utf-8")

    def name(self, **variables: str) -> None:
        """Have .env say this."""
        lines = [f"{name}='{value}'" for name, value in variables.items()]
        (self.folder / ".env").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def write(self, *statements: str) -> None:
        """Have a further revision that executes these."""
        file = self.folder / "migrations/versions/d1000000000f_half_way.py"
        file.write_text(HALF_WAY.format(statements=statements), encoding="utf-8")

    @property
    def target(self) -> targets.Target:
        """The target."""
        return targets.target("shop")

    def ask(self, *statements: str) -> list[tuple[object, ...]]:
        """Run statements as anybody else would; return the rows of the last."""
        return self.account.ask(*statements)


@pytest.fixture
def shop(tmp_path: Path, account: Account, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setenv("OPS_HOME", str(tmp_path / "shop"))
    return Shop(tmp_path / "shop", account)


def test_the_story_on_mariadb(shop: Shop) -> None:
    """Inspect, upgrade, compare, plan, upgrade as planned, roll back, stamp; no password is left anywhere."""
    db = shop.target
    status = db.status()
    assert (status.verdict, status.current, len(status.pending)) == (Verdict.OK, (), 4)
    assert str(status.facts).startswith("MariaDB 1") and f"database {shop.account.database}" in str(status.facts)
    dry = db.upgrade()
    assert dry.obstacles == () and "CREATE TABLE customer" in dry.sql
    assert "nothing rolls it back" in " ".join(dry._repr_mimebundle_()["text/plain"].split())
    done = db.upgrade("d10000000002", dry_run=False)
    assert (done.verdict, done.current) == (Verdict.OK, ("d10000000002",))
    shop.ask(*ROWS, "ANALYZE TABLE customer, purchase")

    drift = db.compare()
    assert (drift.verdict, {one.cause.value for one in drift.changes}, drift.unknown) == (Verdict.OK, {"pending"}, ())
    assert db.catalog().fingerprint == drift.fingerprints["live"]

    plan = db.plan()
    assert (plan.verdict, plan.counted[0].code) == (Verdict.ATTENTION, "drop-column")
    assert "each committed by itself" in str(plan) and "nothing rolls it back" in str(plan.to_dict()["notes"])
    assert [(one["algorithm"], one["lock"]) for one in plan.to_dict()["statements"]] == [
        ("COPY", "SHARED"),
        ("COPY", "SHARED"),
        ("INSTANT", "NONE"),
    ]
    assert {(one.code, one.waits) for one in plan.hazards if one.relation == "purchase"} == {("writes-wait", "writes")}
    assert db.plan(allow="drop-column").verdict is Verdict.UNKNOWN

    up = db.upgrade(dry_run=False)
    assert up.proof is not None and up.proof.compared.startswith("The schema is what the plan foretold")
    assert db.downgrade("-1", dry_run=False).current == ("d10000000003",)
    assert shop.ask("SELECT name, fax FROM customer ORDER BY id") == [("Ann", None), ("Bob", None)]

    assert db.stamp("d10000000004", dry_run=False).current == ("d10000000004",)
    assert db.stamp("d10000000003", dry_run=False).current == ("d10000000003",)
    status = db.status()
    assert (status.verdict, status.findings, [one.direction for one in status.ledger.runs]) == (
        Verdict.OK,
        (),
        ["stamp", "stamp", "down", "up", "up"],
    )
    assert shop.ask("SHOW DATABASES LIKE 'alembic\\_ops\\_%'") == []
    told = [one for one in shop.folder.rglob("*") if one.is_file() and one.name != ".env"]
    secret = {form.encode() for form in (shop.account.password, shop.account.password.replace(" ", "%20"))}
    secret.add(shop.account.scratch_password.encode())
    assert [one for one in told if any(form in one.read_bytes() for form in secret)] == []
    log = shop.account.maria.log.read_bytes()
    assert b"ADD COLUMN email" in log and not any(form in log for form in secret)


def test_what_was_changed_by_hand_is_told(shop: Shop) -> None:
    shop.target.upgrade(dry_run=False)
    shop.ask(
        "ALTER TABLE customer ADD COLUMN nick VARCHAR(20) COLLATE utf8mb4_bin",
        "ALTER TABLE customer ALTER COLUMN name SET DEFAULT 'x'",
        "ALTER TABLE purchase DROP CONSTRAINT ck_purchase_positive",
        "ALTER TABLE purchase DROP FOREIGN KEY fk_purchase_customer_id",
        "CREATE INDEX shortened ON customer (name(10) DESC)",
        "CREATE TABLE kv (k INT PRIMARY KEY, v INT AS (k + 1) STORED) COMMENT 'by hand'",
        "CREATE VIEW seen AS SELECT name FROM customer",
        "CREATE TRIGGER noticed BEFORE INSERT ON customer FOR EACH ROW SET NEW.name = 'x'",
        f"CREATE DEFINER={shop.account.database}@localhost FUNCTION plus(a INT) RETURNS INT DETERMINISTIC RETURN a + 1",
        "CREATE SEQUENCE numbers START WITH 5",
    )

    drift = shop.target.compare()

    assert {(one.action, one.kind, one.object, one.cause.value) for one in drift.changes} == {
        ("added", "column", "customer.nick", "changed-by-hand"),
        ("changed", "column", "customer.name", "changed-by-hand"),
        ("removed", "check", "purchase.ck_purchase_positive", "changed-by-hand"),
        ("removed", "foreign key", "purchase.fk_purchase_customer_id", "changed-by-hand"),
        ("added", "index", "customer.shortened", "changed-by-hand"),
        ("added", "table", "kv", "changed-by-hand"),
        ("added", "view", "seen", "unmanaged"),
        ("added", "trigger", "customer.noticed", "unmanaged"),
        ("added", "function", "plus()", "unmanaged"),
        ("added", "sequence", "numbers", "changed-by-hand"),
    }
    assert drift.unknown == () and all(one.offers == () for one in drift.changes)
    assert any("No SQL is offered" in one for one in drift.notes)


# -- what stays of a revision that fails -----------------------------------------------------------


def test_a_half_applied_revision_is_told_and_led_to_its_end(shop: Shop) -> None:
    """Rows that a transaction wrote before the last change of the schema are committed with it; later ones are not."""
    shop.write(*IN_PARTS, "INSERT INTO nowhere VALUES (1)")

    with pytest.raises(MigrationError) as caught:
        shop.target.upgrade(dry_run=False)

    stays = str(caught.value).partition("which stays: ")[2].partition(". Applied")[0]
    assert caught.value.changed is True and "at d10000000004" in str(caught.value)
    assert [one.split()[:3] for one in stays.split("; ")] == [
        ["CREATE", "TABLE", "note"],
        ["INSERT", "INTO", "customer"],
        ["ALTER", "TABLE", "note"],
    ]
    assert shop.ask("SELECT name FROM customer") == [("Cem",)]
    assert "90-repair.ipynb run the rest" in caught.value.next_step

    status = shop.target.status()
    assert (status.verdict, status.current) == (Verdict.ATTENTION, ("d10000000004",))
    assert "d1000000000f is half applied: 3 statements of it are committed" in status.findings[0]
    with pytest.raises(RefusedError, match="3 statements of it are committed"):
        shop.target.upgrade(dry_run=False)

    found = shop.target.repair().findings[0]
    assert (found.case, "differs from what that makes in 1 place" in found.what) == ("open-run", True)
    assert "its first 3 statements, which are committed, are passed over" in found.offered

    shop.write(*IN_PARTS, "UPDATE customer SET name = 'Eve' WHERE name = 'nobody'")
    done = shop.target.repair("open-run", dry_run=False)

    status = shop.target.status()
    assert done.findings[0].done and (status.verdict, status.current) == (Verdict.OK, ("d1000000000f",))
    assert shop.ask("SELECT name FROM customer ORDER BY id") == [("Cem",), ("Dan",)]
    assert shop.target.ledger().open_runs == ()


def test_what_was_undone_by_hand_is_run_from_its_beginning(shop: Shop) -> None:
    shop.write(*IN_PARTS, "INSERT INTO nowhere VALUES (1)")
    with pytest.raises(MigrationError):
        shop.target.upgrade(dry_run=False)
    shop.ask("DROP TABLE note", "DELETE FROM customer")

    found = shop.target.repair().findings[0]
    assert "44-stamp of d10000000004 settles that run" in found.what and found.ways == ("open-run:committed",)
    shop.target.stamp("d10000000004", dry_run=False)

    shop.write(*IN_PARTS)
    assert shop.target.upgrade(dry_run=False).current == ("d1000000000f",)
    assert shop.ask("SELECT name FROM customer ORDER BY id") == [("Cem",), ("Dan",)]


def test_a_statement_that_cannot_be_read_commits_nothing(shop: Shop) -> None:
    """The server commits ahead of a change of the schema only when it has understood it."""
    shop.write(CEM, DAN, "ALTER TABLE customer FROBNICATE")
    shop.target.upgrade("d10000000004", dry_run=False)

    with pytest.raises(MigrationError) as caught:
        shop.target.upgrade(dry_run=False)

    assert caught.value.changed is False and "Revision d1000000000f was rolled back" in str(caught.value)
    assert shop.ask("SELECT COUNT(*) FROM customer") == [(0,)]


def test_a_change_that_is_refused_has_committed_the_rows_before_it(shop: Shop) -> None:
    shop.write(CEM, DAN, "ALTER TABLE customer DROP COLUMN nothing")
    shop.target.upgrade("d10000000004", dry_run=False)

    with pytest.raises(MigrationError) as caught:
        shop.target.upgrade(dry_run=False)

    assert caught.value.changed is True and "committed a part of what it does" in str(caught.value)
    assert shop.ask("SELECT COUNT(*) FROM customer") == [(2,)]
    found = shop.target.repair().findings[0]
    assert "2 statements are committed for certain. Either they wrote rows only, or" in found.what
    assert found.ways == ("open-run:committed",)
    assert "its first 2 statements, which are committed" in shop.target.repair("open-run:committed").findings[0].offered


def test_a_stopped_run_ends_what_the_server_does(shop: Shop) -> None:
    """A server goes on with a statement whose client is gone: it is told to stop."""
    slow = "SELECT SLEEP(IF(LEFT(DATABASE(), 4) = ''shop'', 300, 0))"  # and not where it is replayed
    shop.write(*IN_PARTS, slow.replace("''", "'"))
    shop.target.upgrade("d10000000004", dry_run=False)

    def stop_when_slow() -> None:
        while not shop.ask(f"SELECT 1 FROM information_schema.PROCESSLIST WHERE INFO = '{slow}'"):
            time.sleep(0.05)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    threading.Thread(target=stop_when_slow, daemon=True).start()
    with pytest.raises(OpsError) as caught:
        shop.target.upgrade(dry_run=False)

    assert caught.value.changed is True and "committed a part of what it does" in str(caught.value)
    assert shop.ask(f"SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE INFO = '{slow}'") == [(0,)]
    assert shop.ask("SELECT name FROM customer") == [("Cem",)]
    assert shop.target.repair().findings[0].case == "open-run"


def test_who_waits_too_long_changes_nothing(shop: Shop) -> None:
    shop.configure("url_env = SHOP_URL", "protected = false", "lock_timeout = 1s")
    shop.target.upgrade(dry_run=False)

    with closing(shop.account.maria.connect(shop.account.database)) as reader:
        reader.begin()
        reader.cursor().execute("SELECT * FROM customer")
        with pytest.raises(BusyError) as caught:
            shop.target.downgrade("-1", dry_run=False, retries=1)

    assert caught.value.changed is False and "Lock wait timeout exceeded" in str(caught.value)
    assert shop.target.status().current == ("d10000000004",)


# -- where it is -----------------------------------------------------------------------------------


def test_one_run_at_a_time(shop: Shop) -> None:
    with visit(shop.target.settings) as here, here.dialect.run_lock(here.connection, here.version_table, wait=0):
        assert shop.account.database in str(shop.target.status().holder)
        with pytest.raises(BusyError, match="Another run is at work"):
            shop.target.upgrade(dry_run=False)

    assert shop.target.status().holder is None


def test_another_database_of_the_server_is_refused(shop: Shop) -> None:
    other = f"{shop.account.database}_other"
    shop.ask(f"CREATE DATABASE {other}", f"GRANT ALL ON {other}.* TO {shop.account.database}@localhost")
    env = shop.folder / "migrations/env.py"
    hard = f"config = context.config\nconfig.set_main_option('sqlalchemy.url', '{shop.account.url(database=other)}')"
    env.write_text(
        env.read_text(encoding="utf-8").replace("config = context.config", hard.replace("%", "%%")), encoding="utf-8"
    )

    try:
        with pytest.raises(WrongDatabaseError, match=other):
            shop.target.upgrade(dry_run=False)
        assert shop.ask(f"SHOW TABLES FROM {other}") == [] == shop.ask("SHOW TABLES")
    finally:
        shop.ask(f"DROP DATABASE {other}")


def test_who_looks_cannot_write(shop: Shop) -> None:
    env = shop.folder / "migrations/env.py"
    text = env.read_text(encoding="utf-8")
    env.write_text(
        text.replace(
            "context.configure(connection",
            'connection.exec_driver_sql("CREATE TABLE early (a INT)")\n        context.configure(connection',
        ),
        encoding="utf-8",
    )

    status = shop.target.status()

    assert shop.ask("SHOW TABLES") == [] and len(status.setup.left_out) == 1


def test_our_own_session_cannot_write(shop: Shop) -> None:
    with server.connect(shop.target.settings) as connection, pytest.raises(DBAPIError, match="READ ONLY"):
        connection.exec_driver_sql("CREATE TABLE t (a INT)")


def test_a_copy_is_dropped_and_so_is_what_a_killed_process_left(shop: Shop) -> None:
    left, somebodys = f"{copies.PREFIX}0123456789abcdef", f"{copies.PREFIX}production"
    shop.ask(f"CREATE DATABASE {left}", f"CREATE DATABASE {somebodys}")

    with copies.empty(shop.target.settings, "utf8mb4_general_ci") as at:
        here = str(at.database.url.database)
        there = {one for (one,) in shop.ask("SHOW DATABASES LIKE 'alembic\\_ops\\_%'")}
        assert there >= {here, somebodys} and left not in there

    assert here not in {one for (one,) in shop.ask("SHOW DATABASES")}
    shop.ask(f"DROP DATABASE {somebodys}")


def test_a_copy_has_the_whole_schema(shop: Shop) -> None:
    shop.target.upgrade(dry_run=False)
    shop.ask(
        "CREATE SEQUENCE numbers START WITH 5",
        "CREATE TABLE part (a INT DEFAULT (NEXT VALUE FOR numbers), b JSON, FULLTEXT (c), c TEXT)"
        " PARTITION BY RANGE (a) (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN MAXVALUE)",
        "CREATE VIEW b_first AS SELECT * FROM customer",
        "CREATE VIEW a_second AS SELECT id FROM b_first",
        "CREATE TRIGGER noticed BEFORE INSERT ON customer FOR EACH ROW SET NEW.name = '100%'",
        f"CREATE DEFINER={shop.account.database}@localhost PROCEDURE nothing(IN a INT) SELECT '%s'",
    )
    dialect = dialects.of(shop.target.settings)

    with dialect.connect(shop.target.settings) as source:
        before = dialect.catalog(source, ("", "alembic_version"))
        versions = {"alembic_version": ("d10000000004",)}
        with copies.like(shop.target.settings, source, versions) as at, dialect.connect(at) as there:
            copy = dialect.catalog(there, ("", "alembic_version"))
            heads = dialect.heads(there, None, "alembic_version")

    assert {key: text for key, text in copy.texts.items() if before.texts.get(key) != text} == {}
    assert (copy.fingerprint, heads) == (before.fingerprint, ("d10000000004",))


# fmt: off
WAYS = {  #                    statement                                                     algorithm  lock
    "a column":               ("ALTER TABLE customer ADD COLUMN a INT",                      "INSTANT", "NONE"),
    "a longer text":          ("ALTER TABLE customer MODIFY name VARCHAR(300) NOT NULL",     "INSTANT", "NONE"),
    "an index":               ("CREATE INDEX i ON customer (name)",                          "NOCOPY",  "NONE"),
    "an index, by ALTER":     ("ALTER TABLE `customer` ADD INDEX i (name)",                  "NOCOPY",  "NONE"),
    "a full text index":      ("CREATE FULLTEXT INDEX i ON customer (name)",                 "INPLACE", "SHARED"),
    "NOT NULL":               ("ALTER TABLE customer MODIFY fax VARCHAR(30) NOT NULL",       "INPLACE", "NONE"),
    "a larger number":        ("ALTER TABLE purchase MODIFY amount BIGINT NOT NULL",         "COPY",    "SHARED"),
    "a foreign key":          ("ALTER TABLE purchase ADD FOREIGN KEY (amount) REFERENCES customer (id)",
                               "COPY",    "SHARED"),
    "a check":                ("ALTER TABLE purchase ADD CHECK (amount > 0);",               "COPY",    "SHARED"),
    "it says how itself":     ("ALTER TABLE customer ADD COLUMN a INT, ALGORITHM=COPY",      None,      None),
    "no table is changed":    ("UPDATE customer SET name = 'x'",                             None,      None),
    "a table is made":        ("CREATE TABLE t (a INT)",                                     None,      None),
    "it is refused":          ("ALTER TABLE customer DROP COLUMN nothing",                   None,      None),
}
# fmt: on


def test_how_the_server_carries_changes_out_is_tried_out(shop: Shop) -> None:
    shop.target.upgrade("d10000000001", dry_run=False)
    dialect = dialects.of(shop.target.settings)
    found = {}

    with dialect.connect(shop.target.settings) as source:
        for name, (sql, *_) in WAYS.items():
            with copies.like(shop.target.settings, source, {}) as at, server.opened(at, at.database.url) as there:
                way = ways.run(there, sql)
                found[name] = (sql, way and way.algorithm, way and way.lock)

    assert found == WAYS


def test_who_is_in_the_way_of_a_change_is_told(shop: Shop) -> None:
    shop.configure("url_env = SHOP_URL", "protected = false", "lock_timeout = 1s")
    shop.target.upgrade("d10000000003", dry_run=False)
    health = shop.target.health()
    assert (health.verdict, str(health)) == (Verdict.UNKNOWN, "shop: not known who is in the way")
    assert "GRANT PROCESS" in health.unknown[0] and {one[0] for one in health.relations} >= {"customer", "purchase"}

    shop.ask(f"GRANT PROCESS ON *.* TO {shop.account.database}@localhost")
    assert (shop.target.health().verdict, shop.target.health().findings) == (Verdict.OK, ())
    with closing(shop.account.maria.connect(shop.account.database)) as writer:
        writer.begin()
        writer.cursor().execute(ROWS[0])
        while not shop.target.health().findings:
            time.sleep(0.1)
        health = shop.target.health()

    assert health.verdict is Verdict.ATTENTION and len(health.findings) == 1
    assert f"and wrote 2 rows, of connection {writer.thread_id()} (root@" in health.findings[0]
    assert json.loads(json.dumps(health.to_dict()))["blockers"][0]["rows_written"] == 2


# -- what there is not, and what goes wrong --------------------------------------------------------


def test_what_there_is_not_is_said(shop: Shop) -> None:
    db = shop.target
    with pytest.raises(LackingError, match="no rehearsal for a target on MariaDB") as caught:
        db.rehearse()
    assert caught.value.verdict is Verdict.UNKNOWN and caught.value.next_step
    for ask, word in ((db.backup, "backup"), (lambda: db.restore("x"), "restore")):
        with pytest.raises(OpsError, match=f"no {word} for a target on MariaDB"):
            ask()
    with pytest.raises(UsageError, match="cannot be enforced on MariaDB"):
        db.upgrade(max_rewrite="1GB")
    with pytest.raises(UsageError, match="no case of MariaDB's"):
        db.repair("invalid-index")


def test_without_a_server_to_try_things_on_the_rest_still_works(shop: Shop) -> None:
    shop.configure("url_env = SHOP_URL", "protected = true")
    db = shop.target

    for ask in (db.compare, db.plan):
        with pytest.raises(LackingError, match="names no server to try its revisions on"):
            ask()
    done = db.upgrade(dry_run=False, confirm=db.upgrade().fingerprint)

    assert (done.current, db.status().verdict, db.repair().verdict) == (("d10000000004",), Verdict.OK, Verdict.OK)


# fmt: off
HERE = "mysql://a@127.0.0.1"
WRONG = {  #              lines of the section                                             what is said
    "wrong password":     (("url_env = WRONG",),                          ConnectError,  "Access denied"),
    "unknown database":   (("url_env = NOWHERE",),                        ConnectError,  "nowhere"),
    "server down":        ((f"url = {HERE}:1/shop",),                     ConnectError,  "refused"),
    "no database":        ((f"url = {HERE}",),                            SettingsError, "names no database"),
    "unknown driver":     (("url = mysql+oursql://a@127.0.0.1/shop",),    SettingsError, "the driver 'oursql'"),
    "TLS in other words": ((f"url = {HERE}/shop?tls_version=1",),         SettingsError, "asks for TLS by tls_ver"),
    "a role":             (("url_env = SHOP_URL", "role = boss"),         SettingsError, "role means nothing"),
    "a ledger there":     (("url_env = SHOP_URL", "ledger = database"),   SettingsError, "ledger = database means"),
    "half a second":      (("url_env = SHOP_URL", "lock_timeout = 500ms"), SettingsError, "whole number of seconds"),
    "scratch elsewhere":  (("url_env = SHOP_URL", "scratch_url = postgresql://a@127.0.0.1/x"),
                           SettingsError, "another kind of database"),
}
# fmt: on


@pytest.mark.parametrize(("lines", "kind", "said"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said(shop: Shop, lines: tuple[str, ...], kind: type[OpsError], said: str) -> None:
    account = shop.account
    wrong, nowhere = account.url(password="wrong"), account.url(database=f"{account.database}_nowhere")
    shop.name(SHOP_URL=account.url(), SHOP_SCRATCH=account.scratch_url, WRONG=wrong, NOWHERE=nowhere)
    shop.configure(*lines)

    with pytest.raises(kind) as caught:
        shop.target.status()

    assert said in str(caught.value) and caught.value.changed is False and caught.value.next_step
    assert account.password not in str(caught.value)


def test_an_account_that_may_only_read_looks_and_is_refused(shop: Shop) -> None:
    shop.target.upgrade("d10000000001", dry_run=False)
    reader = f"{shop.account.database}_r"
    shop.ask(
        f"CREATE USER {reader}@localhost IDENTIFIED BY 'r'",
        f"GRANT SELECT ON {shop.account.database}.* TO {reader}@localhost",
    )
    url = shop.account.url(password="r").replace(f"//{shop.account.database}:", f"//{reader}:")
    shop.name(SHOP_URL=url, SHOP_SCRATCH=shop.account.scratch_url)
    try:
        drift = shop.target.compare()
        assert (drift.verdict, {one.cause.value for one in drift.changes}) == (Verdict.UNKNOWN, {"pending"})
        assert "event, foreign key, function, procedure, trigger" in drift.unknown[0]
        assert any("neither CREATE nor ALTER" in one for one in shop.target.upgrade().obstacles)
        with pytest.raises(RefusedError, match="neither CREATE nor ALTER"):
            shop.target.upgrade(dry_run=False)
    finally:
        shop.ask(f"DROP USER {reader}@localhost")


def test_an_unknown_revision_is_found_again(shop: Shop) -> None:
    shop.target.upgrade("d10000000003", dry_run=False)
    shop.ask("UPDATE alembic_version SET version_num = 'gone'")

    found = shop.target.repair("unknown-revision").findings[0]
    assert "exactly what revision d10000000003 makes" in found.what

    done = shop.target.repair("unknown-revision", dry_run=False)
    assert done.findings[0].done and shop.target.status().current == ("d10000000003",)


def test_a_draft_is_judged_on_a_copy(shop: Shop) -> None:
    shop.target.upgrade(dry_run=False)
    models = shop.folder / "shop.py"
    name = "    name = Column(String(100), nullable=False, server_default=text(\"'nobody'\"))\n"
    text = models.read_text(encoding="utf-8")
    models.write_text(text.replace(name, f"{name}    nick = Column(String(20))\n"), encoding="utf-8")

    draft = shop.target.new_revision("nicknames")

    assert "nick" in draft.content and draft.plan is not None
    assert any("ADD COLUMN nick" in one.sql for one in draft.plan.own)


def test_a_driver_that_is_missing_is_named(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymysql", None)

    with pytest.raises(ConnectError, match=r"PyMySQL, which is not installed") as caught:
        shop.target.status()

    assert "alembic-ops[mariadb]" in caught.value.next_step


def test_a_project_whose_driver_is_missing_says_so(shop: Shop) -> None:
    shop.name(SHOP_URL=shop.account.url(driver="mysql+aiomysql"), SHOP_SCRATCH=shop.account.scratch_url)

    with pytest.raises(ProjectError, match="aiomysql"):
        shop.target.status()
