"""Every fix, pasted into revisions and run by Alembic, ends where the unsafe statement does, without its hazard."""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from alembic import command
from alembic.config import Config

from ops import embedded, hazards, scratch
from ops.catalog import Catalog, diff, snapshot
from ops.commands import parse
from ops.embedded import lease
from ops.hazards import Hazard, bodies
from ops.live import Live
from ops.statement import Statement
from tests.database import fix_cases
from tests.database.fix_cases import CASES, Case
from tests.hazards.copies import put_up_shelf

ENV = """
import json, os
from alembic import context
from sqlalchemy import create_engine, event

engine = create_engine(os.environ["FIX_DATABASE_URL"])
log = open(os.environ["FIX_LOG"], "a")
number = 0


def told(**what):
    log.write(json.dumps(what) + "\\n")


with engine.connect() as connection:
    @event.listens_for(engine, "begin")
    def begin(_):
        told(event="begin")

    @event.listens_for(engine, "before_cursor_execute")
    def execute(connection, cursor, statement, parameters, *_):
        sql = cursor.mogrify(statement, parameters).decode()
        told(event="execute", sql=sql, autocommit=cursor.connection.autocommit)

    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
log.close()
engine.dispose()
"""
HEAD = 'import sqlalchemy as sa\nfrom alembic import op\n\nrevision = "{}"\ndown_revision = {}\n\n\ndef upgrade():\n'


NOTHING = """
    SET LOCAL client_min_messages = error;
    DROP SCHEMA IF EXISTS shop CASCADE;
    DROP SCHEMA IF EXISTS "odd.schema" CASCADE;
    DROP TABLE IF EXISTS public.alembic_version
"""


class Shops:
    """One shop without rows in which everybody undoes what he does, and one that is made anew for each case."""

    def __init__(self, server: embedded.Server) -> None:
        self.server = server
        self.major = server.major
        self.names = [f"fixes_{os.getpid()}_{word}" for word in ("base", "work")]
        self.base, self.work = self.names
        self._connections: dict[str, Any] = {}
        for name in self.names:
            self.run("postgres", f"CREATE DATABASE {name} TEMPLATE template0 STRATEGY WAL_LOG")
            self.run("postgres", f"ALTER DATABASE {name} SET synchronous_commit = off")
        with self.connection("postgres").cursor() as cursor:
            put_up_shelf(cursor)
        self.run(self.base, fix_cases.SHOP)
        self.catalog = self.read(self.base)

    def anew(self, *, filled: bool) -> str:
        """Return the name of the shop in which things may be committed, as it was at first."""
        self.run(self.work, f"BEGIN; {NOTHING}; {fix_cases.SHOP}; {fix_cases.ROWS if filled else ''}; COMMIT")
        return self.work

    def connection(self, name: str) -> Any:
        """The one connection to a database, in autocommit mode: a new one is slow at first."""
        if name not in self._connections:
            self._connections[name] = psycopg2.connect(
                host=os.fspath(self.server.socket_dir), port=lease.PORT, dbname=name, user="postgres"
            )
            self._connections[name].autocommit = True
        return self._connections[name]

    def run(self, name: str, *statements: str) -> list[tuple[Any, ...]]:
        with self.connection(name).cursor() as cursor:
            for one in statements:
                cursor.execute(one)
            return cursor.fetchall() if cursor.description else []

    def read(self, name: str) -> Catalog:
        return snapshot.of_driver(self.connection(name))

    def ends(self, case: Case) -> tuple[Catalog, Catalog]:
        """The catalog before and behind the statements; all of it is undone again."""
        with self.connection(self.base).cursor() as cursor:
            try:
                cursor.execute(f"BEGIN; {case.before}")
                before = snapshot.within(cursor) if case.before else self.catalog
                cursor.execute("RESET search_path")
                for one in case.sql:
                    cursor.execute(one.replace(" CONCURRENTLY", ""))
                return before, snapshot.within(cursor)
            finally:
                cursor.execute("ROLLBACK")

    def end(self) -> None:
        for connection in self._connections.values():
            connection.close()
        for name in self.names:
            scratch.drop_database(self.server, name)


def statements(case: Case) -> list[Statement]:
    """The statements of a case, which nobody has measured."""
    outside = any("CONCURRENTLY" in one for one in case.sql)
    return [
        Statement(number=number, revision="unsafe", sql=one, transaction=0 if outside else 1, measured=False)
        for number, one in enumerate(case.sql, 1)
    ]


def write(folder: Path, fix: str) -> Path:
    """Write a fix as an Alembic project; return its `alembic.ini`."""
    versions = folder / "migrations" / "versions"
    versions.mkdir(parents=True)
    (folder / "migrations" / "env.py").write_text(ENV, encoding="utf-8")
    down = "None"
    for number, body in enumerate(bodies(fix), 1):
        indented = "".join(f"    {line}\n" if line else "\n" for line in body.split("\n"))
        text = HEAD.format(f"f{number:011}", down) + indented
        ast.parse(text)
        (versions / f"f{number:011}.py").write_text(text, encoding="utf-8")
        down = f'"f{number:011}"'
    ini = folder / "alembic.ini"
    ini.write_text("[alembic]\nscript_location = %(here)s/migrations\npath_separator = os\n", encoding="utf-8")
    return ini


def executed(log: Path) -> list[Statement]:
    """What Alembic has executed, transaction by transaction, without its own bookkeeping."""
    found: list[Statement] = []
    transaction = 0
    for line in log.read_text(encoding="utf-8").splitlines():
        told = json.loads(line)
        if told["event"] == "begin":
            transaction += 1
        elif "alembic_version" not in told["sql"] and "pg_catalog.version()" not in told["sql"]:
            number = 0 if told["autocommit"] else transaction
            found.append(
                Statement(
                    number=len(found) + 1,
                    revision=str(transaction),
                    sql=told["sql"],
                    transaction=number,
                    measured=False,
                )
            )
    return found


def apply(shops: Shops, name: str, fix: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[Statement]:
    """Run the revisions of a fix with Alembic; return what was executed."""
    log = folder / "log"
    monkeypatch.setenv("FIX_DATABASE_URL", shops.server.url(name))
    monkeypatch.setenv("FIX_LOG", str(log))
    command.upgrade(Config(write(folder, fix)), "head")
    return executed(log)


def judge(statements: Sequence[Statement], catalog: Catalog) -> tuple[Hazard, ...]:
    """Judge statements by their text."""
    return hazards.judge(
        statements,
        commands={one.number: parse(one.sql) for one in statements},
        live=Live(),
        catalog=catalog,
        server_version=catalog.server_version,
    )


def is_gone(code: str, found: Sequence[Hazard]) -> bool:
    """Whether no statement of a plan has a hazard any more."""
    return code not in {one.code for one in found}


def check(shops: Shops, case: Case, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, wanted = shops.ends(case)
    fix = next(one.fix for one in judge(statements(case), before) if one.code == case.code)
    name = shops.anew(filled=bool(case.holds))
    shops.run(name, case.before or "SELECT")

    done = apply(shops, name, fix, folder, monkeypatch)

    ended = shops.read(name)
    differences = [(one.action, one.kind, one.object, one.details) for one in diff(ended, wanted)]
    assert bodies(fix)
    assert (differences == []) == (case.same_end and shops.major not in case.other_end), f"{differences}\n{fix}"
    if case.holds:
        assert shops.run(name, case.holds) == [(True,)], fix
    assert is_gone(case.code, judge(done, before)), fix


@pytest.fixture(scope="module")
def shops(server: embedded.Server) -> Iterator[Shops]:
    made = Shops(server)
    yield made
    made.end()


@pytest.fixture(scope="module")
def shops16(server16: embedded.Server) -> Iterator[Shops]:
    made = Shops(server16)
    yield made
    made.end()


@pytest.fixture(scope="module")
def system_shops(system_server: embedded.Server) -> Iterator[Shops]:
    made = Shops(system_server)
    yield made
    made.end()


# Each is a project of its own; a part of them quickly, all of them with the heavy tests.
SOME = [
    pytest.param(case, id=name, marks=pytest.mark.heavy if number % 4 else ())
    for number, (name, case) in enumerate(CASES.items())
]


@pytest.mark.parametrize("case", SOME)
def test_a_fix_ends_where_the_statement_does(
    shops: Shops, case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check(shops, case, tmp_path, monkeypatch)


@pytest.mark.heavy
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_it_does_so_on_16(shops16: Shops, case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check(shops16, case, tmp_path, monkeypatch)


@pytest.mark.heavy
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_it_does_so_on_the_systems_server(
    system_shops: Shops, case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check(system_shops, case, tmp_path, monkeypatch)
