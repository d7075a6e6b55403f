"""What probes say of a plan beforehand, and what then happens when it runs on that very database."""

from __future__ import annotations

import os
import threading
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
from ops.errors import ConnectError, UsageError
from ops.probes import Probe, ask, source
from ops.settings import TargetSettings
from ops.settings.sections import ProjectSettings
from ops.statement import Statement
from ops.values import Verdict
from tests.database import probe_cases
from tests.database.conftest import until
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
    with (
        scratch.database_on(server, prefix="probes") as url,
        closing(psycopg2.connect(url.replace("+psycopg2", ""))) as own,
        connections.connect(settings(url), purpose="probes") as ours,
    ):
        own.autocommit = True
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


@pytest.mark.parametrize(
    "case",
    [  # of two neighbours, which are of one kind, one is heavy
        pytest.param(case, id=name, marks=pytest.mark.heavy if number % 2 else ())
        for number, (name, case) in enumerate(probe_cases.ALL.items())
    ],
)
def test_what_is_said_comes_to_be(case: Case, database18: Bench) -> None:
    told_and_done(database18, case, 18)


def test_every_kind_has_both_rows() -> None:
    for kind, cases in probe_cases.KINDS.items():
        assert any(one.must_fail for one in cases.values()), kind
        assert any(not one.must_fail and not one.unknown for one in cases.values()), kind


# Servers differ in how they convert, and the oldest in what they say of a value without an error.
OF_16 = {name: case for name, case in probe_cases.ALL.items() if case.since <= 16 and name.startswith("conversion")}
OF_15 = {
    name: case
    for name, case in probe_cases.ALL.items()
    if case.since <= 15 and name.startswith(("null", "conversion", "partition", "duplicate", "change", "delete"))
}


@pytest.mark.heavy
@pytest.mark.parametrize("case", OF_16.values(), ids=OF_16)
def test_on_16(case: Case, database16: Bench) -> None:
    told_and_done(database16, case, 16)


@pytest.mark.heavy
@pytest.mark.parametrize("case", OF_15.values(), ids=OF_15)
def test_on_15(case: Case, database15: Bench) -> None:
    told_and_done(database15, case, 15)


SECRET = "hunter2"
PEOPLE = f"""
    CREATE TABLE people (id int PRIMARY KEY, email text, age int, team int);
    CREATE TABLE teams (id int PRIMARY KEY);
    INSERT INTO people VALUES (1, '{SECRET}', 5, 1), (2, '{SECRET}', NULL, 2), (3, NULL, 7, NULL);
    CREATE VIEW adults AS SELECT id FROM people;
"""
EVERYTHING = """
    ALTER TABLE people ALTER age SET NOT NULL;
    ALTER TABLE people ADD CONSTRAINT one UNIQUE (email);
    ALTER TABLE people ADD CONSTRAINT no_other EXCLUDE (email WITH =);
    ALTER TABLE people ADD CONSTRAINT young CHECK (email <> age::text AND length(email) < 5);
    ALTER TABLE people ADD CONSTRAINT team FOREIGN KEY (team) REFERENCES teams;
    ALTER TABLE people ALTER email TYPE varchar(3);
    ALTER TABLE people ALTER email TYPE int USING email::int;
    ALTER TABLE people ALTER email TYPE int USING (email || '')::int;
    CREATE INDEX i ON people ((email::int));
    ALTER TABLE people ADD rank int NOT NULL;
    DROP TABLE people
"""


def told(probes: tuple[Probe, ...]) -> list[tuple[int, str, str, int | None]]:
    """What matters of some probes."""
    return [(one.statement, one.question, one.verdict.value, one.violations) for one in probes]


@contextmanager
def role(bench: Bench, *grants: str) -> Iterator[Connection]:
    """A connection of ours as a role that may do what is granted."""
    name = f"probes_reader_{os.getpid()}"  # roles are the server's, which others use as well
    bench.run(f"CREATE ROLE {name} LOGIN; GRANT USAGE ON SCHEMA public TO {name}")
    try:
        for one in grants:
            bench.run(f"GRANT {one} TO {name}")
        url = bench.url.replace("postgres@", f"{name}@")
        with connections.connect(settings(url), purpose="probes") as ours:
            yield ours
    finally:
        bench.run(f"DROP OWNED BY {name}; DROP ROLE {name}")


def test_a_role_that_may_only_select_is_told_the_same(bench: Bench) -> None:
    bench.run(PEOPLE)
    plan = ";".join(EVERYTHING.split(";")[:-2])

    with role(bench, "SELECT ON ALL TABLES IN SCHEMA public") as ours:
        mine, its = bench.ask(plan), bench.ask(plan, ours=ours)

    assert told(mine) == told(its)
    assert {one.verdict for one in its} == {Verdict.OK, Verdict.ATTENTION, Verdict.UNKNOWN}
    assert len({one.statement for one in its if one.verdict == Verdict.ATTENTION}) > 5


def test_a_role_that_may_not_look_is_told_so(bench: Bench) -> None:
    bench.run(PEOPLE)

    with role(bench, "SELECT ON teams") as ours:
        (refused,) = bench.ask("ALTER TABLE people ALTER age SET NOT NULL", ours=ours)
        parents = bench.ask("ALTER TABLE teams ALTER id DROP NOT NULL; ALTER TABLE teams ADD CHECK (id > 0)", ours=ours)

    assert (refused.verdict, refused.violations) == (Verdict.UNKNOWN, None)
    assert refused.why == "the role may not look: permission denied for table people"
    assert [one.verdict for one in parents] == [Verdict.OK]


def test_a_role_that_may_not_even_enter_the_schema_is_told_so(bench: Bench) -> None:
    bench.run('CREATE SCHEMA "S"; CREATE TABLE "S".p (k int) PARTITION BY HASH (k); CREATE TABLE "S".n (k int)')
    plan = """
        ALTER TABLE "S".n ALTER k SET NOT NULL;
        ALTER TABLE "S".p ATTACH PARTITION "S".n FOR VALUES WITH (MODULUS 2, REMAINDER 0);
        ALTER TABLE "S".n DROP CONSTRAINT k
    """

    with role(bench) as ours:
        probes = bench.ask(plan, ours=ours)

    assert {one.statement: one.why for one in probes} == dict.fromkeys(
        (1, 2, 3), "the role may not look: permission denied for schema S"
    )
    assert {one.verdict for one in probes} == {Verdict.UNKNOWN}


def test_a_role_that_may_not_see_the_keys_is_told_without(bench: Bench) -> None:
    bench.run(PEOPLE)

    with role(bench, "SELECT (age) ON people") as ours:
        (found,) = bench.ask("ALTER TABLE people ALTER age SET NOT NULL", ours=ours)

    assert (found.verdict, found.violations, found.samples) == (Verdict.ATTENTION, 1, ())


def test_row_security_may_hide_what_is_in_the_way(bench: Bench) -> None:
    bench.run(PEOPLE + "; ALTER TABLE people ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON people USING (id = 1)")
    plan = "ALTER TABLE people ALTER age SET NOT NULL"

    with role(bench, "SELECT ON people") as ours:
        (hidden,) = bench.ask(plan, ours=ours)
    (seen,) = bench.ask(plan)

    assert (hidden.verdict, hidden.violations) == (Verdict.UNKNOWN, None)
    assert hidden.why == "row security may hide rows from this role"
    assert (seen.verdict, seen.violations) == (Verdict.ATTENTION, 1)


SLOW = """
    CREATE TABLE t (a int); INSERT INTO t VALUES (1);
    CREATE FUNCTION slow(int) RETURNS bool IMMUTABLE LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(60); RETURN true; END'
"""


def test_a_probe_has_its_time(bench: Bench) -> None:
    bench.run(SLOW)

    slow, quick = bench.ask("ALTER TABLE t ADD CHECK (slow(a)); ALTER TABLE t ALTER a SET NOT NULL", timeout="200ms")

    assert (slow.verdict, slow.violations) == (Verdict.UNKNOWN, None)
    assert slow.why == "it was not answered within 200ms"
    assert 0.2 <= slow.seconds < 30
    assert quick.verdict == Verdict.OK


@pytest.mark.parametrize("timeout", ["0", "-1", "soon", "", "0s", "5 parsecs"])
def test_a_time_that_limits_nothing_is_none(timeout: str, bench: Bench) -> None:
    with pytest.raises(UsageError, match=r"cannot have .* as its time"):
        bench.ask("SELECT 1", timeout=timeout)

    assert bench.ours.exec_driver_sql("SHOW statement_timeout").scalar_one() == "1min"


@pytest.mark.parametrize("timeout", ["5s", "5000", "2min", "1500ms"])
def test_a_time_is_one_as_the_server_writes_it(timeout: str, bench: Bench) -> None:
    bench.run("CREATE TABLE t (a int)")

    (found,) = bench.ask("ALTER TABLE t ALTER a SET NOT NULL", timeout=timeout)

    assert found.verdict == Verdict.OK


def test_the_session_is_left_as_it_was(bench: Bench) -> None:
    bench.run(PEOPLE)
    names = ("statement_timeout", "search_path", "row_security", "jit", "transaction_isolation", "lock_timeout")
    query = "SELECT " + ", ".join(f"current_setting('{one}')" for one in names)
    before = bench.ours.exec_driver_sql(query).one()

    bench.ask("SET search_path = pg_catalog; " + EVERYTHING)

    assert bench.ours.exec_driver_sql(query).one() == before
    assert not bench.ours.connection.driver_connection.info.transaction_status


def test_nothing_is_locked_that_reading_does_not_lock(bench: Bench) -> None:
    bench.run(SLOW + "; CREATE TABLE p (id int PRIMARY KEY)")
    pid = bench.ours.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
    held: set[str] = set()
    running = f"SELECT 1 FROM pg_stat_activity WHERE pid = {pid} AND wait_event = 'PgSleep'"

    def look() -> None:
        until(lambda: bench.run(running))
        locks = f"SELECT mode FROM pg_locks WHERE pid = {pid} AND relation IS NOT NULL"
        held.update(mode for (mode,) in bench.run(locks))
        bench.run(f"SELECT pg_cancel_backend({pid})")

    sql = "ALTER TABLE t ADD CHECK (slow(a))"
    statements, parsed = [Statement(number=1, revision="r", sql=sql)], {1: commands.parse(sql)}
    catalog = snapshot.of_driver(bench.own)
    looking = threading.Thread(target=look)
    looking.start()
    (found,) = ask(bench.ours, statements, parsed, catalog, timeout="1min")
    looking.join()

    assert held == {"AccessShareLock"}
    assert found.verdict == Verdict.UNKNOWN


def test_a_table_that_is_locked_is_not_waited_for(bench: Bench) -> None:
    bench.run(PEOPLE)
    bench.ours.exec_driver_sql("SET lock_timeout = '100ms'")
    with closing(psycopg2.connect(bench.url.replace("+psycopg2", ""))) as other, other.cursor() as cursor:
        catalog = snapshot.of_driver(bench.own)
        cursor.execute("LOCK TABLE people")

        sql = "ALTER TABLE people ALTER age SET NOT NULL"
        (found,) = ask(bench.ours, [Statement(number=1, revision="r", sql=sql)], {1: commands.parse(sql)}, catalog)

    bench.ours.exec_driver_sql("SET lock_timeout = '5s'")
    assert found.verdict == Verdict.UNKNOWN
    assert found.why == "another session holds a lock that even reading waits for"


def test_a_function_that_lies_cannot_write(bench: Bench) -> None:
    bench.run(
        "CREATE TABLE t (a int); INSERT INTO t VALUES (1);"
        "CREATE FUNCTION w() RETURNS void LANGUAGE sql AS 'INSERT INTO t VALUES (2)';"
        "CREATE FUNCTION f(int) RETURNS bool IMMUTABLE LANGUAGE plpgsql AS 'BEGIN PERFORM w(); RETURN true; END'"
    )

    (found,) = bench.ask("ALTER TABLE t ADD CHECK (f(a))")

    assert found.verdict == Verdict.UNKNOWN
    assert found.why == "the server refused: read only sql transaction"
    assert bench.run("SELECT a FROM t") == [(1,)]


@pytest.mark.parametrize("server_database", ["database18", "database16", "database15"])
def test_samples_hold_keys_and_nothing_else(server_database: str, request: pytest.FixtureRequest) -> None:
    bench: Bench = request.getfixturevalue(server_database)
    bench.reset()
    bench.run(PEOPLE)

    each = [probe for one in commands.split(EVERYTHING) for probe in bench.ask(one)]

    assert [one for one in each if SECRET in repr(one)] == []
    assert len([one for one in each if one.verdict == Verdict.ATTENTION]) == 11
    rows = [one for one in each if one.samples and "view" not in one.samples[0]]
    assert len(rows) >= 7
    assert {key for one in rows for key in one.samples} <= {"1", "2", "3"}


def test_counting_ends_somewhere(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "ENOUGH", 10)
    bench.run(
        "CREATE TABLE t (id int PRIMARY KEY, a int, b int);"
        "INSERT INTO t SELECT n, NULL, n / 2 FROM generate_series(1, 30) n"
    )

    nulls, shared, check = bench.ask(
        "ALTER TABLE t ALTER a SET NOT NULL; CREATE UNIQUE INDEX ON t (b); ALTER TABLE t ADD CHECK (id < 25)"
    )

    assert (nulls.violations, nulls.at_least, len(nulls.samples)) == (10, True, 5)
    assert (shared.violations, shared.at_least, len(shared.samples)) == (22, True, 5)
    assert (check.violations, check.at_least, len(check.samples)) == (6, False, 5)
    assert str(nulls) == "ATTENTION: Is a NULL in a row of public.t? at least 10"


def test_what_nobody_knows_is_unknown(bench: Bench) -> None:
    (found,) = bench.ask("ALTER TABLE nowhere ALTER a SET NOT NULL")

    assert (found.verdict, found.why) == (Verdict.UNKNOWN, "public.nowhere is not in the live catalog")


def test_alembics_own_bookkeeping_is_not_asked_about(bench: Bench) -> None:
    bench.run("CREATE TABLE t (a int)")
    statements = [
        Statement(number=1, revision="r", sql="UPDATE alembic_version SET version_num = 'r'", bookkeeping=True),
        Statement(number=2, revision="r", sql="ALTER TABLE t ALTER a SET NOT NULL"),
    ]
    parsed = {one.number: commands.parse(one.sql) for one in statements}

    (found,) = ask(bench.ours, statements, parsed, snapshot.of_driver(bench.own))

    assert (found.statement, found.verdict) == (2, Verdict.OK)


def test_names_are_looked_up_where_the_plan_looks(bench: Bench) -> None:
    bench.run('CREATE SCHEMA "S"; CREATE TABLE "S".t (a int); INSERT INTO "S".t VALUES (NULL); CREATE TABLE t (a int)')

    here, there = bench.ask(
        'ALTER TABLE t ALTER a SET NOT NULL; SET search_path TO "S", public; ALTER TABLE t ALTER a SET NOT NULL'
    )

    assert (here.verdict, there.verdict) == (Verdict.OK, Verdict.ATTENTION)
    assert there.question == 'Is a NULL in a row of "S".t?'


def test_a_connection_that_breaks_is_an_error_of_ours(bench: Bench) -> None:
    bench.run(SLOW)
    with connections.connect(settings(bench.url), purpose="probes") as ours:
        pid = ours.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        bench.run(f"SELECT pg_terminate_backend({pid}, 5000)")

        with pytest.raises(ConnectError, match="could not be asked"):
            bench.ask("ALTER TABLE t ALTER a SET NOT NULL", ours=ours)

        ours.invalidate()
