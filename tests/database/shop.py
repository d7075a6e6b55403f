"""A mixed project on a database with rows: revisions in one transaction, in parts, CONCURRENTLY, and over rows."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
import pytest

import ops
from ops.errors import RefusedError
from ops.values import Verdict
from tests.conftest import CHECKOUT
from tests.projects.make_linear import ENV, INI

ROWS = 300

REVISIONS = {  # the way up, and down
    "m1": ("""
    op.execute("CREATE TABLE customer (id integer PRIMARY KEY, name text NOT NULL, email text)")
    op.execute("CREATE TYPE rank AS ENUM ('new')")
""", """
    raise NotImplementedError("it has rows")
"""),
    "m2": ("""
    op.execute("ALTER TABLE customer ADD COLUMN rank rank")
    with op.get_context().autocommit_block():
        op.execute("CREATE INDEX CONCURRENTLY customer_name ON customer (name)")
        op.execute("ALTER TYPE rank ADD VALUE 'old'")
        op.execute("CREATE UNIQUE INDEX CONCURRENTLY customer_email ON customer (email)")
    op.execute("ALTER TABLE customer ADD CONSTRAINT named CHECK (name <> '')")
""", """
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY customer_email")
        op.execute("DROP INDEX CONCURRENTLY customer_name")
    op.execute("ALTER TABLE customer DROP CONSTRAINT named, DROP COLUMN rank")
    op.execute("DROP TYPE rank")
    op.execute("CREATE TYPE rank AS ENUM ('new')")
"""),
    "m3": ("""
    op.execute("ALTER TABLE customer ADD COLUMN score integer")
    rows = op.get_bind().exec_driver_sql("SELECT id FROM customer ORDER BY id").scalars().all()
    for one in rows[:3]:
        op.execute(f"UPDATE customer SET score = {one} WHERE id = {one}")
    op.execute("UPDATE customer SET score = id WHERE score IS NULL")
    op.execute("ALTER TABLE customer ALTER COLUMN score SET NOT NULL")
""", """
    op.execute("ALTER TABLE customer DROP COLUMN score")
"""),
    "m4": ("""
    op.execute("CREATE TABLE purchase (id integer PRIMARY KEY, customer_id integer)")
    op.execute("INSERT INTO purchase SELECT id, id FROM customer")
    with op.get_context().autocommit_block():
        op.execute("UPDATE customer SET name = name || '!'")  # twice would be seen
        op.execute("CREATE INDEX CONCURRENTLY purchase_customer ON purchase (customer_id)")
    op.execute("UPDATE customer SET score = score + 1")  # so would this, and the next line commits it
    with op.get_context().autocommit_block():
        op.execute("CREATE INDEX CONCURRENTLY purchase_pair ON purchase (customer_id, id)")
    op.execute("ALTER TABLE purchase ADD FOREIGN KEY (customer_id) REFERENCES customer NOT VALID")
    op.execute("ALTER TABLE purchase VALIDATE CONSTRAINT purchase_customer_id_fkey")
""", """
    with op.get_context().autocommit_block():
        op.execute("UPDATE customer SET name = left(name, -1)")
    op.execute("UPDATE customer SET score = score - 1")
    op.execute("DROP TABLE purchase")
"""),
}  # fmt: skip

DROPS_FIRST = """
    op.execute("ALTER TABLE customer DROP COLUMN score")  # the next line commits it, and nothing brings it back
    with op.get_context().autocommit_block():
        op.execute("REINDEX INDEX CONCURRENTLY customer_name")
    op.execute("ALTER TABLE customer ALTER COLUMN name SET STATISTICS -1")
"""
"""Another way down from `m3`, in parts."""

_FILE = (
    '"""{name}"""\n\nfrom alembic import op\n\nrevision = {name!r}\ndown_revision = {below!r}\n\n\n'
    "def upgrade():{up}\n\ndef downgrade():{down}"
)


@dataclass(frozen=True, kw_only=True)
class Shop:
    """The project, and its database, at its first revision to begin with."""

    folder: Path
    url: str
    target: ops.targets.Target

    def ask(self, sql: str) -> list[tuple[object, ...]]:
        with closing(psycopg2.connect(self.url)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return cursor.fetchall() if cursor.description else []

    def begin(self) -> None:
        """Have the first revision, and rows."""
        self.ask("CREATE TABLE customer (id integer PRIMARY KEY, name text NOT NULL, email text)")
        self.ask("CREATE TYPE rank AS ENUM ('new')")
        self.ask("CREATE TABLE alembic_version (version_num varchar(32) CONSTRAINT alembic_version_pkc PRIMARY KEY)")
        self.ask("INSERT INTO alembic_version VALUES ('m1')")
        self.ask(f"INSERT INTO customer SELECT n, 'name ' || n, n || '@x' FROM generate_series(1, {ROWS}) AS n")

    def die(self, who: str, point: int, what: str = "up", **environment: str) -> str:
        """Go up or down, or mend a case, in a process of its own, with death in it; return what it printed."""
        command = [sys.executable, "-m", "tests.database.dying", "shop", who, str(point), what]
        done = subprocess.run(
            command, cwd=CHECKOUT, env={**os.environ, **environment}, capture_output=True, text=True, timeout=300
        )
        if who == "nobody":
            assert done.returncode == 0, done.stderr
        else:
            assert done.stdout.startswith("killed"), done.stdout + done.stderr
            assert done.returncode == (-signal.SIGKILL if who == "parent" else 1), done.stderr
            assert not is_alive(int(done.stdout.split()[1]))
        return done.stdout

    @property
    def current(self) -> tuple[str, ...]:
        """The rows of the version table."""
        return tuple(str(one) for (one,) in self.ask("SELECT version_num FROM alembic_version ORDER BY 1"))

    @property
    def facts(self) -> tuple[object, ...]:
        """All that has to be the same at head, whatever happened on the way."""
        customers = self.ask("SELECT sum(score) FROM customer")
        purchases = self.ask("SELECT count(*), sum(customer_id) FROM purchase")
        return *self.facts_below, customers, purchases

    @property
    def facts_below(self) -> tuple[object, ...]:
        """All that has to be the same at any other revision."""
        customers = self.ask("SELECT count(*), min(name), max(name), count(DISTINCT email) FROM customer")
        status = self.target.status()
        return self.current, customers, status.verdict, status.ledger.runs[0].catalogs[1]


def is_alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in ("Z", "X")
    except FileNotFoundError:
        return False


def make(
    folder: Path, url: str, patch: pytest.MonkeyPatch, *, by_way_of: str = "", down: Mapping[str, str] | None = None
) -> Shop:
    """Make the shop on an empty database; its target goes `by_way_of` another URL, where one is given.

    `down` are other ways down from some of its revisions.
    """
    versions = folder / "migrations" / "versions"
    versions.mkdir(parents=True)
    (folder / "alembic.ini").write_text(INI, encoding="utf-8")
    (folder / "migrations" / "env.py").write_text(ENV, encoding="utf-8")
    below = None
    for name, (up, usual) in REVISIONS.items():
        text = _FILE.format(name=name, below=below, up=up, down=(down or {}).get(name, usual))
        (versions / f"{name}.py").write_text(text, encoding="utf-8")
        below = name
    (folder / "ops.ini").write_text(
        f"[ops:target:shop]\nurl = {by_way_of or url}\nprotected = false\nlock_timeout_long = 10min\n", encoding="utf-8"
    )
    patch.setenv("OPS_HOME", str(folder))
    shop = Shop(folder=folder, url=url.replace("+psycopg2", ""), target=ops.target("shop"))
    shop.begin()
    return shop


def lead_to_head(shop: Shop, wanted: tuple[object, ...]) -> None:
    """Do what a person does: look, mend what is found, upgrade."""
    mend(shop)
    shop.target.upgrade("head", dry_run=False)
    assert shop.facts == wanted


def lead_down(shop: Shop, wanted: tuple[object, ...]) -> None:
    """The same, for one who wants to go down."""
    mend(shop)
    shop.target.downgrade("m1", dry_run=False)
    assert shop.facts_below == wanted


def mend(shop: Shop) -> None:
    """Look, and mend what is found."""
    assert shop.target.status().current == shop.current
    cases = []
    for finding in shop.target.repair().findings:
        if finding.counts:
            assert finding.case in ("open-run", "invalid-index") and finding.offered, finding.what
            cases.append(finding.case)
    if "open-run" in cases:
        assert shop.target.repair(f"open-run{answer(shop)}", dry_run=False).verdict is Verdict.OK
    if "invalid-index" in cases:  # unless it was undone with the rest of its revision
        shop.target.repair("invalid-index", dry_run=False)


def answer(shop: Shop) -> str:
    """What somebody says who has looked at the rows, where that is asked."""
    [finding] = shop.target.repair("open-run").findings
    if not finding.choices:
        return ""
    assert set(finding.choices) == {"committed", "not-committed"}
    with pytest.raises(RefusedError, match="say which"):
        shop.target.repair("open-run", dry_run=False)
    way, revision = ("upgrade", "head") if "(upgrade " in finding.what else ("downgrade", "m1")
    with pytest.raises(RefusedError, match="would write them again"):
        getattr(shop.target, way)(revision, dry_run=False)
    if "the transaction with its statement 5 " in finding.what:
        is_up = shop.ask("SELECT sum(score) > sum(id) FROM customer") == [(True,)]
    else:
        assert "UPDATE customer SET name" in finding.what
        is_up = shop.ask("SELECT bool_or(name LIKE '%!') FROM customer") == [(True,)]
    return ":committed" if is_up == (way == "upgrade") else ":not-committed"


def run(shop: Shop, notebook: str, *parameters: str) -> tuple[int, dict[str, Any]]:
    """Run a notebook as a scheduler does; return the exit code and `result.json`."""
    command = [sys.executable, "-m", "ops", "run", notebook, "--target", "shop", "--json"]
    for one in parameters:
        command += ["-p", one]
    done = subprocess.run(command, env=dict(os.environ), capture_output=True, text=True, timeout=600)
    return done.returncode, json.loads(done.stdout)
