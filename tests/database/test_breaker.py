"""`max_rewrite` on real servers: what it stops before the copy starts, what it lets pass, and that nothing stays."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import psycopg2
import pytest
from sqlalchemy import make_url

from ops import embedded, scratch
from ops.apply.breaker import Breaker
from ops.errors import MigrationError, OpsError, RefusedError, UsageError
from ops.project import Answer, Event, go
from ops.project.visit import visit
from ops.values import Verdict
from tests.database.conftest import Bench, SetUp, _maker, until
from tests.database.written import write

SETUP = """
op.execute('''
    CREATE DOMAIN positive AS int CHECK (VALUE > 0);
    CREATE SEQUENCE numbers;
    CREATE TABLE big (id int PRIMARY KEY, a int, t text, made int GENERATED ALWAYS AS (id * 2) STORED);
    INSERT INTO big (id, a, t) SELECT n, n, repeat('x', 100) FROM generate_series(1, 3000) AS n;
    CREATE UNLOGGED TABLE fleeting AS SELECT id, t FROM big;
    CREATE INDEX ON fleeting (id);
    CREATE TABLE parts (id int, t text) PARTITION BY RANGE (id);
    CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (1500);
    CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (1500) TO (4000);
    INSERT INTO parts SELECT id, t FROM big;
    CREATE TABLE small (a int);
    INSERT INTO small VALUES (1);
    CREATE TYPE pair AS (x int, y int);
    CREATE TABLE typed OF pair;
    INSERT INTO typed SELECT id, a FROM big;
    CREATE MATERIALIZED VIEW seen AS SELECT id, t FROM big;
    CREATE FUNCTION by_hand() RETURNS void LANGUAGE plpgsql AS
        $$BEGIN EXECUTE 'ALTER TABLE big ADD COLUMN b uuid DEFAULT gen_random_uuid()'; END$$;
''')
"""
READ = (
    "SELECT relname, seq_tup_read FROM pg_stat_user_tables WHERE schemaname = 'public'"
    " AND relname NOT IN ('alembic_version', 'small')"
    " ORDER BY 1"
)
FILES = "SELECT relname, pg_relation_filenode(oid) FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1"
LEFT = (
    "SELECT (SELECT count(*) FROM pg_event_trigger)::int, (SELECT count(*) FROM pg_proc"
    " WHERE proname LIKE 'alembic\\_ops%')::int, (SELECT count(*) FROM pg_class WHERE relname = 'ops_breaker')::int"
)
NOTHING = [(0, 0, 0)]
BIGINT = "ALTER TABLE big ALTER a TYPE bigint"


def outside(*statements: str) -> str:
    return "\n    ".join(["with op.get_context().autocommit_block():", *(f"op.execute({one!r})" for one in statements)])


def inside(*statements: str) -> str:
    return "\n".join(f"op.execute({one!r})" for one in statements)


@pytest.fixture(scope="module")
def bench(make_bench: SetUp) -> Bench:
    """Tables of some 500 kB, and a limit of 100 kB."""
    found = make_bench("per_migration", max_rewrite="100kB")
    write(found, SETUP, "pass")
    found.target.upgrade("b00000000001", dry_run=False)
    return found


@pytest.fixture(autouse=True)
def nothing_unfinished(bench: Bench) -> Iterator[None]:
    """What a test left half-done would keep the next one from running."""
    yield
    bench.ask("TRUNCATE alembic_ops.ledger")


# fmt: off
STOPPED = {  #                            what writes a table anew
    "3, a volatile default":            inside("ALTER TABLE big ADD COLUMN b uuid DEFAULT gen_random_uuid()"),
    "3, a sequence":                    inside("ALTER TABLE big ADD COLUMN b int DEFAULT nextval('numbers')"),
    "4, a serial":                      inside("ALTER TABLE big ADD COLUMN b bigserial"),
    "4, an identity":                   inside("ALTER TABLE big ADD COLUMN b int GENERATED ALWAYS AS IDENTITY"),
    "5, a column that is computed":     inside("ALTER TABLE big ADD COLUMN b int GENERATED ALWAYS AS (a + 1) STORED"),
    "7, a domain that checks":          inside("ALTER TABLE big ADD COLUMN b positive"),
    "26, another type":                 inside(BIGINT),
    "26, an expression":                inside("ALTER TABLE big ALTER a TYPE text USING a::text || '!'"),
    "29, with something else":          inside("ALTER TABLE big ADD COLUMN c int, ALTER a TYPE bigint"),
    "31, another expression":           inside("ALTER TABLE big ALTER made SET EXPRESSION AS (id * 3)"),
    "42, partition by partition":       inside("ALTER TABLE parts ALTER t TYPE int USING length(t)"),
    "49, with WAL from now on":         inside("ALTER TABLE fleeting SET LOGGED"),
    "49, without":                      inside("ALTER TABLE big SET UNLOGGED"),
    "a type that a table is of":        inside("ALTER TYPE pair ALTER ATTRIBUTE x TYPE bigint CASCADE"),
    "a function that does it":          inside("SELECT by_hand()"),
    "code that does it":                inside("DO $$BEGIN EXECUTE 'ALTER TABLE big ALTER a TYPE bigint'; END$$"),
    "behind something small":           inside("ALTER TABLE small ALTER a TYPE bigint", BIGINT),
    "behind a savepoint that is left":  "with op.get_bind().begin_nested() as nested:\n    nested.rollback()\n"
                                        + inside(BIGINT),
    "26, outside of a transaction":     outside(BIGINT),
    "there, by a function":             outside("SELECT by_hand()"),
    "48, a vacuum":                     outside("VACUUM FULL big"),
    "48, a vacuum of everything":       outside("VACUUM FULL"),
    "48, in the order of an index":     inside("CLUSTER big USING big_pkey"),
    "50, to another disk":              inside("ALTER TABLE big SET TABLESPACE pg_default"),
    "58, a view that is filled anew":   inside("REFRESH MATERIALIZED VIEW seen"),
    "when it says to be replicating":   inside("SET session_replication_role = replica", BIGINT),
}
PASSES = {
    "1, a column":                      inside("ALTER TABLE big ADD COLUMN ok1 int"),
    "2, a default that all rows share": inside("ALTER TABLE big ADD COLUMN ok2 timestamptz DEFAULT now()"),
    "27, a type that is stored alike":  inside("ALTER TABLE parts ALTER t TYPE varchar"),
    "an index":                         inside("CREATE INDEX ok3 ON big (a)"),
    "a small table":                    inside("ALTER TABLE small ALTER a TYPE bigint"),
    "a table that is new":              inside("CREATE TABLE ok4 (a int)", "ALTER TABLE ok4 ALTER a TYPE text"),
    "outside of a transaction":         outside("CREATE INDEX CONCURRENTLY ok5 ON big (a)", "VACUUM big"),
    "a vacuum of a small table":        outside("VACUUM FULL small"),
    "a commit that is written out":     inside("ALTER TABLE small ADD ok6 int", "COMMIT", "ANALYZE small"),
}
# fmt: on


@pytest.fixture(scope="module")
def run(bench: Bench) -> Iterator[Callable[[str], None]]:
    """Run a case as a change does, all of them in one worker: each has a revision behind that of the tables."""
    write(bench, SETUP, *STOPPED.values(), *PASSES.values())
    names = {}
    for number, what in enumerate([*STOPPED, *PASSES], 2):
        names[what] = f"b{number:011d}"
        file = bench.version_file(names[what])
        before = f"down_revision = 'b{number - 1:011d}'"
        text = file.read_text(encoding="utf-8").replace(before, "down_revision = 'b00000000001'")
        file.write_text(text, encoding="utf-8")
    with visit(bench.target.settings, purpose="upgrade") as here:
        guard = Breaker(here, 100 * 1024, "0123abcd")
        assert guard.prove(None) == ""

        def listen(event: Event) -> Answer | None:
            return {**go(), **guard.before(event)} if event["event"] == "statement" else None  # type: ignore[dict-item]

        def run(what: str) -> None:
            here.worker.request(
                "migrate",
                listener=listen,
                read_only=False,
                revisions=[names[what]],
                direction="up",
                breaker=guard.request,
            )

        yield run


@pytest.mark.parametrize("what", STOPPED)
def test_a_large_table_is_not_written_anew(what: str, bench: Bench, run: Callable[[str], None]) -> None:
    before = bench.ask(READ), bench.ask(FILES)

    with pytest.raises(MigrationError) as raised:
        run(what)

    assert raised.value.code == "max-rewrite", raised.value.problem
    assert "max_rewrite is" in raised.value.problem
    assert (bench.ask(READ), bench.ask(FILES)) == before  # not a row was read: the copy had not begun
    assert bench.ask(LEFT) == NOTHING
    assert bench.current == ["b00000000001"]


@pytest.mark.parametrize("what", PASSES)
def test_what_writes_little_passes(what: str, bench: Bench, run: Callable[[str], None]) -> None:
    run(what)

    left, current = bench.ask(LEFT), bench.current
    bench.ask("DELETE FROM alembic_version")
    bench.ask("INSERT INTO alembic_version VALUES ('b00000000001')")
    assert left == NOTHING
    assert current != ["b00000000001"]


# fmt: off
UNSEEN = {  #                          what runs
    "code outside of a transaction":  outside("DO $$BEGIN ALTER TABLE big ALTER a TYPE bigint; END$$"),
    "a commit in the midst":          inside(f"ALTER TABLE small ADD b int; COMMIT; {BIGINT}"),
}
# fmt: on


@pytest.mark.parametrize("what", UNSEEN)
def test_what_cannot_be_watched_does_not_run(what: str, bench: Bench) -> None:
    write(bench, SETUP, UNSEEN[what])
    before = bench.ask(FILES)

    with pytest.raises(MigrationError, match="max_rewrite cannot be enforced for a statement") as raised:
        bench.target.upgrade(dry_run=False)

    assert (raised.value.changed, bench.ask(FILES), bench.ask(LEFT)) == (False, before, NOTHING)


def test_what_the_plan_foretells_is_refused_before_anything_runs(bench: Bench) -> None:
    write(bench, SETUP, inside("ALTER TABLE small ADD COLUMN never int"), inside(BIGINT))
    bench.target.plan()

    with pytest.raises(RefusedError, match=r"b00000000003 writes public\.big anew, .* KiB with indexes") as raised:
        bench.target.upgrade(dry_run=False)

    assert (raised.value.code, raised.value.exit_code, raised.value.changed) == ("max-rewrite", 4, False)
    assert bench.current == ["b00000000001"]


def test_other_sessions_never_see_it(bench: Bench) -> None:
    write(bench, SETUP, inside("ALTER TABLE small ADD COLUMN slow int", "SELECT pg_sleep(1.5)"))
    bench.ask("CREATE TABLE other AS SELECT * FROM big")
    thread = threading.Thread(target=lambda: bench.target.upgrade(dry_run=False))
    thread.start()
    until(lambda: bench.ask("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"))

    seen = bench.ask(LEFT)
    bench.ask("ALTER TABLE other ALTER a TYPE bigint")  # far over the limit of somebody else's run

    thread.join()
    assert seen == bench.ask(LEFT) == NOTHING
    assert bench.current == ["b00000000002"]
    bench.ask("DROP TABLE other")
    bench.target.stamp("b00000000001", dry_run=False)


def test_the_limit_of_a_run_beats_that_of_the_target(bench: Bench) -> None:
    write(bench, SETUP, inside("ALTER TABLE small ADD COLUMN again int DEFAULT nextval('numbers')"))

    with pytest.raises(MigrationError, match="max_rewrite is 0 bytes"):
        bench.target.upgrade(dry_run=False, max_rewrite="0")
    with pytest.raises(UsageError, match="is no size"):
        bench.target.upgrade(dry_run=False, max_rewrite="a lot")
    shown = bench.target.upgrade()
    with pytest.raises(UsageError, match="is no size"):
        bench.target.perform(shown, max_rewrite="a lot")
    write(bench, SETUP, inside("ALTER TABLE big ADD COLUMN again int DEFAULT nextval('numbers')"))

    before = bench.ask(READ)

    run = bench.target.upgrade(dry_run=False, max_rewrite="none")

    assert run.verdict is Verdict.OK
    until(lambda: bench.ask(READ) != before)  # a copy that does begin is seen
    bench.target.stamp("b00000000001", dry_run=False)


def test_a_trigger_that_a_migration_commits_behind_our_back_does_not_stay(bench: Bench) -> None:
    write(bench, SETUP, inside("ALTER TABLE small ADD COLUMN raw int") + "\nop.get_bind().connection.commit()")

    run = bench.target.upgrade(dry_run=False)

    assert run.verdict is Verdict.OK
    until(lambda: bench.ask(LEFT) == NOTHING, seconds=5)
    bench.target.stamp("b00000000001", dry_run=False)


# -- who may ----------------------------------------------------------------------------------------


@pytest.fixture
def owner(server: embedded.Server, database: str) -> Iterator[str]:
    """A role that may create tables, and no event triggers."""
    role = f"plain_owner_{os.getpid()}"
    with closing(psycopg2.connect(database.replace("+psycopg2", ""))) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(f"CREATE ROLE {role} LOGIN")
        cursor.execute(f"GRANT CREATE ON SCHEMA public TO {role}")
        cursor.execute(f"GRANT CREATE ON DATABASE {make_url(database).database} TO {role}")  # for the ledger
        yield role
        cursor.execute(f"DROP OWNED BY {role}")
        cursor.execute(f"DROP ROLE {role}")


def test_a_login_that_may_lends_its_right_to_the_role_of_the_target(set_up: SetUp, owner: str) -> None:
    bench = set_up("per_migration", max_rewrite="100kB", role=owner)
    write(
        bench,
        inside("CREATE TABLE big (a int)", "INSERT INTO big SELECT generate_series(1, 9000)"),
        inside(BIGINT),
    )

    with pytest.raises(MigrationError) as raised:
        bench.target.upgrade(dry_run=False)

    assert (raised.value.code, bench.current) == ("max-rewrite", ["b00000000001"])
    assert bench.ask("SELECT tableowner FROM pg_tables WHERE tablename = 'big'") == [(owner,)]
    assert bench.ask(LEFT) == NOTHING


def test_a_limit_that_cannot_be_enforced_is_refused_unless_nothing_is_rewritten(
    set_up: SetUp, owner: str, database: str
) -> None:
    url = make_url(database).set(username=owner).render_as_string()
    bench = set_up("per_migration", max_rewrite="100kB", url=url)
    write(bench, inside("CREATE TABLE big (a int)"), inside(BIGINT))
    lines: list[str] = []

    with pytest.raises(RefusedError, match="permission denied to create event trigger") as raised:
        bench.target.upgrade(dry_run=False)

    assert (raised.value.code, raised.value.exit_code, bench.tables) == ("max-rewrite", 4, [])
    bench.target.plan("b00000000001")
    run = bench.target.upgrade("b00000000001", dry_run=False, report=lines.append)
    assert run.verdict is Verdict.OK
    assert lines[0].startswith("max_rewrite is not enforced (") and "none rewrites a table" in lines[0]

    bench.target.plan()
    with pytest.raises(RefusedError):
        bench.target.upgrade(dry_run=False)
    assert bench.current == ["b00000000001"]


@pytest.mark.parametrize("fixture", [pytest.param("server16", marks=pytest.mark.heavy), "system_server"])
def test_older_servers_stop_it_too(
    fixture: str, request: pytest.FixtureRequest, tmp_path: Any, home: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = request.getfixturevalue(fixture)
    with scratch.database_on(server, prefix="test") as url:
        bench = _maker(tmp_path, url, home, monkeypatch)("per_migration", max_rewrite="100kB")
        write(bench, SETUP, inside("ALTER TABLE big ADD COLUMN b int DEFAULT nextval('numbers')"))
        bench.target.upgrade("b00000000001", dry_run=False)
        with pytest.raises(OpsError) as raised:
            bench.target.upgrade(dry_run=False)
        assert raised.value.code == "max-rewrite"
        write(bench, SETUP, PASSES["a commit that is written out"])
        assert bench.target.upgrade(dry_run=False).verdict is Verdict.OK
        assert bench.ask(LEFT) == NOTHING
        assert bench.ask("SELECT last_value, is_called FROM numbers") == [(1, False)]


@pytest.mark.parametrize("project", ["async_env", "connection_attribute"])
def test_whatever_env_py_connects_with(project: str, set_up: SetUp) -> None:
    bench = set_up(project, max_rewrite="100kB")
    write(bench, inside("CREATE TABLE big AS SELECT generate_series(1, 9000) AS a"), inside(BIGINT))

    with pytest.raises(MigrationError) as raised:
        bench.target.upgrade(dry_run=False)

    assert raised.value.code == "max-rewrite", raised.value.problem
    assert (bench.current, bench.ask(LEFT)) == (["b00000000001"], NOTHING)
