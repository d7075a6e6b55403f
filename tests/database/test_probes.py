"""What probes say of a plan beforehand, and what then happens when it runs on that very database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from sqlalchemy import Connection

from ops import commands, embedded, scratch
from ops import database as connections
from ops.catalog import snapshot
from ops.probes import Probe, ask
from ops.settings import TargetSettings
from ops.settings.sections import ProjectSettings
from ops.statement import Statement
from ops.values import Verdict
from tests.database import probe_cases
from tests.database.probe_cases import Case

RESET = """
    SELECT 'DROP SCHEMA ' || quote_ident(nspname) || ' CASCADE' FROM pg_namespace
    WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
    UNION ALL SELECT 'CREATE SCHEMA public'
"""


@dataclass(frozen=True, kw_only=True)
class Bench:
    """One database, a connection of ours to it that can only read, and one of the test's own."""

    url: str
    ours: Connection
    own: Any

    def run(self, sql: str) -> list[Any]:
        """Run statements one by one, each for itself; return the rows of the last."""
        rows: list[Any] = []
        with self.own.cursor() as cursor:
            for statement in commands.split(sql):
                cursor.execute(statement)
                rows = cursor.fetchall() if cursor.description else []
        return rows

    def reset(self) -> None:
        """Empty the database."""
        self.run("; ".join(sql for (sql,) in self.run(RESET)))

    def ask(self, plan: str, *, ours: Connection | None = None, **options: str) -> tuple[Probe, ...]:
        """Return what the probes say of a plan."""
        texts = commands.split(plan)
        statements = [Statement(number=number, revision="r", sql=sql) for number, sql in enumerate(texts, 1)]
        parsed = {one.number: commands.parse(one.sql) for one in statements}
        return ask(ours or self.ours, statements, parsed, snapshot.of_driver(self.own), **options)


def settings(url: str) -> TargetSettings:
    """A target that has a URL and not much else."""
    project = ProjectSettings(config=Path("alembic.ini"))
    return TargetSettings(name="case", source="url", protected=False, project=project, home=Path(), raw_url=url)


@contextmanager
def bench_on(server: embedded.Server) -> Iterator[Bench]:
    with scratch.database_on(server, prefix="probes") as url:
        with closing(psycopg2.connect(url.replace("+psycopg2", ""))) as own:
            own.autocommit = True
            with connections.connect(settings(url), purpose="probes") as ours:
                yield Bench(url=url, ours=ours, own=own)


@pytest.fixture(scope="module")
def database18(server: embedded.Server) -> Iterator[Bench]:
    with bench_on(server) as bench:
        yield bench


@pytest.fixture(scope="module")
def database16(server16: embedded.Server) -> Iterator[Bench]:
    with bench_on(server16) as bench:
        yield bench


@pytest.fixture(scope="module")
def database15(system_server: embedded.Server) -> Iterator[Bench]:
    with bench_on(system_server) as bench:
        yield bench


@pytest.fixture
def bench(database18: Bench) -> Bench:
    """An empty database on PostgreSQL 18."""
    database18.reset()
    return database18


def told_and_done(bench: Bench, case: Case, major: int) -> None:
    """Ask about a plan, then run it, and see that what was said comes to be."""
    bench.reset()
    bench.run(case.before)

    probes = bench.ask(case.plan)
    *first, last = commands.split(case.plan)
    for statement in first:
        bench.run(statement)
    failure = None
    try:
        bench.run(last)
    except psycopg2.Error as error:
        failure = error

    assert (failure is not None) == case.must_fail, failure
    of_last = [one for one in probes if one.statement == len(first) + 1]
    found = [one for one in of_last if one.verdict == Verdict.ATTENTION]
    doubted = [one for one in of_last if one.verdict == Verdict.UNKNOWN]
    shown = "\n".join(f"{one}\n{one.sql}" for one in of_last)
    if case.unknown:
        assert doubted and not found, shown
        assert all(one.why for one in doubted)
    elif case.violations:
        exact = major >= case.counted_since
        assert not doubted, shown
        assert len(found) == 1, shown
        assert found[0].violations == (case.violations if exact else 1), shown
        assert found[0].at_least == (case.at_least or not exact), shown
        if case.samples is not None and exact:
            assert found[0].samples == case.samples
    else:
        assert not doubted and not found, shown


@pytest.mark.parametrize("case", probe_cases.ALL.values(), ids=probe_cases.ALL)
def test_what_is_said_comes_to_be(case: Case, database18: Bench) -> None:
    told_and_done(database18, case, 18)


def test_every_kind_has_both_rows() -> None:
    for kind, cases in probe_cases.KINDS.items():
        assert any(one.must_fail for one in cases.values()), kind
        assert any(not one.must_fail and not one.unknown for one in cases.values()), kind


# Servers differ in how they convert, in what a table's child must have, and in what they know.
OLDER = {
    name: case
    for name, case in probe_cases.ALL.items()
    if case.since < 18 and name.startswith(("null", "conversion", "partition", "duplicate"))
}


@pytest.mark.parametrize("case", OLDER.values(), ids=OLDER)
def test_on_16(case: Case, database16: Bench) -> None:
    told_and_done(database16, case, 16)


@pytest.mark.parametrize("case", OLDER.values(), ids=OLDER)
def test_on_15(case: Case, database15: Bench) -> None:
    told_and_done(database15, case, 15)
