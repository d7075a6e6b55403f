"""The three-way comparison on other servers, as other roles, and on projects of other shapes."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import psycopg2
import pytest
from psycopg2 import sql

from ops import embedded, scratch
from ops.errors import OpsError
from ops.values import Verdict
from tests.database.conftest import SetUp
from tests.database.drifting import Shop, of_fixture, rows

HAND, AHEAD = "changed-by-hand", "ahead-by-hand"
MODEL, PENDING, UNMANAGED = "model-without-migration", "pending", "unmanaged"

Make = Callable[..., Shop]


@pytest.fixture
def make(home: Path, server: embedded.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Make a fixture project with its database; `upgrade` says how far."""
    made: list[Shop] = []
    monkeypatch.setenv("OPS_EMBEDDED_DIR", str(home / ".ops"))

    def one(
        name: str, *, on: embedded.Server = server, upgrade: str = "heads", login: str | None = None,
        owner: str = "postgres", **keys: str,
    ) -> Shop:  # fmt: skip
        shop = of_fixture(name, tmp_path / name, on, f"{name}_{os.getpid()}", role=login, owner=owner)
        made.append(shop)
        monkeypatch.setenv("OPS_HOME", str(shop.home))
        shop.write_section(**keys)
        shop.renew(None)
        if upgrade:
            shop.target.upgrade(upgrade, dry_run=False)
        return shop

    yield one
    for shop in made:
        scratch.drop_database(shop.server, shop.database)


@pytest.fixture(scope="module")
def kept(home: Path, server: embedded.Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Make]:
    """Make a fixture project once, with a template of its database at the head."""
    made: dict[tuple[object, ...], Shop] = {}
    folder = tmp_path_factory.mktemp("kept")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPS_EMBEDDED_DIR", str(home / ".ops"))

        def one(name: str, **keys: str) -> Shop:
            wanted = (name, *sorted(keys.items()))
            if wanted not in made:
                number = len(made)
                database = f"{name}_kept_{number}_{os.getpid()}"
                shop = made[wanted] = of_fixture(name, folder / str(number), server, database)
                shop.section.update(keys)
                patch.setenv("OPS_HOME", str(shop.home))
                shop.write_section()
                shop.prepare()
            return made[wanted]

        yield one
    for shop in made.values():
        shop.drop()


@pytest.fixture
def prepared(kept: Make, home: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Have a fixture project with its database anew, at the head; what was replayed for it before is kept."""
    monkeypatch.setenv("OPS_EMBEDDED_DIR", str(home / ".ops"))

    def one(name: str, **keys: str) -> Shop:
        shop = kept(name, **keys)
        monkeypatch.setenv("OPS_HOME", str(shop.home))
        shop.renew()
        return shop

    return one


def have_role(server: embedded.Server, name: str) -> None:
    """Have an ordinary role on a server; it stays, as the server does not."""
    statement = sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(name))
    there_already = contextlib.suppress(psycopg2.errors.DuplicateObject, psycopg2.errors.UniqueViolation)
    with there_already, closing(scratch.connect(server)) as connection, connection.cursor() as cursor:
        cursor.execute(statement)


# -- what models cannot say -------------------------------------------------------------------------

# fmt: off
RICH = {  # by hand; what is reported; the last digit of the revision that is blamed
    "a view dropped":
        ("DROP VIEW glad", ("removed", "view", "public.glad"), 4),
    "a view anew":
        ("CREATE OR REPLACE VIEW glad AS SELECT id, name FROM person", ("changed", "view", "public.glad"), 4),
    "a materialized view":
        ("DROP MATERIALIZED VIEW per_day", ("removed", "materialized view", "public.per_day"), 3),
    "its index":
        ("DROP INDEX per_day_day", ("removed", "index", "public.per_day.per_day_day"), 3),
    "a trigger":
        ("DROP TRIGGER person_tidy ON person", ("removed", "trigger", "public.person.person_tidy"), 3),
    "a trigger disabled":
        ("ALTER TABLE person DISABLE TRIGGER person_tidy", ("changed", "trigger", "public.person.person_tidy"), 3),
    "a function":
        ("CREATE OR REPLACE FUNCTION tidy() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$",
         ("changed", "function", "public.tidy()"), 3),
    "a policy":
        ("DROP POLICY person_glad ON person", ("removed", "policy", "public.person.person_glad"), 4),
    "row security":
        ("ALTER TABLE person DISABLE ROW LEVEL SECURITY", ("changed", "table", "public.person"), 4),
    "a grant":
        ("REVOKE SELECT ON person FROM rich_reader", ("removed", "grant", "table public.person to rich_reader"), 4),
    "a grant more":
        ("GRANT INSERT ON person TO pg_monitor", ("added", "grant", "table public.person to pg_monitor"), 4),
    "a comment":
        ("COMMENT ON VIEW glad IS NULL", ("removed", "comment", "view public.glad"), 4),
    "a label more":
        ("ALTER TYPE mood ADD VALUE 'so so'", ("changed", "enum", "public.mood"), 1),
    "a domain's check":
        ("ALTER DOMAIN amount DROP CONSTRAINT amount_check", ("changed", "domain", "public.amount"), 1),
    "a partition":
        ("DROP TABLE visit_2025", ("removed", "table", "public.visit_2025"), 2),
    "a partition more":
        ("CREATE TABLE visit_2027 PARTITION OF visit DEFAULT", ("added", "table", "public.visit_2027"), None),
    "a partition detached":
        ("ALTER TABLE visit DETACH PARTITION visit_2025", ("changed", "table", "public.visit_2025"), 2),
}
# fmt: on


@pytest.mark.parametrize("case", RICH)
def test_what_only_migrations_can_say(case: str, prepared: Make) -> None:
    statement, expected, blamed = RICH[case]
    shop = prepared("rich")
    shop.run(statement)

    found = shop.target.compare()

    assert rows(found) == [(HAND, *expected)]
    blame = found.changes[0].blame
    assert (blame and blame["revision"]) == (f"d2000000000{blamed}" if blamed else None)
    assert found.unknown == ()


# -- heads, schemas, filters, starts ----------------------------------------------------------------

# fmt: off
PARTIAL = {  #     upgraded to                       live tables that are pending, by revision
    "nothing":     ("",                              {"customer": "a8b000000001", "purchase": "a8b000000002",
                                                      "payment": "a8c000000001", "invoice": "a8c000000003"}),
    "one branch":  ("shop@head",                     {"payment": "a8c000000001", "invoice": "a8c000000003"}),
    "the other":   ("a8c000000002",                  {"customer": "a8b000000001", "purchase": "a8b000000002",
                                                      "invoice": "a8c000000003"}),
    "the one that drags": ("billing@head",           {}),
    "both":        ("heads",                         {}),
}
# fmt: on


@pytest.mark.parametrize("case", PARTIAL)
def test_two_heads_at_partial_states(case: str, make: Make) -> None:
    upgrade, pending = PARTIAL[case]
    shop = make("two_heads", upgrade=upgrade)

    found = shop.target.compare()

    tables = {
        one.object.removeprefix("public."): one.blame["revision"]
        for one in found.changes
        if one.kind == "table" and one.blame
    }
    assert tables == pending
    assert {one.cause.value for one in found.changes} <= {PENDING}
    assert (found.verdict, found.unknown) == (Verdict.OK, ())


def test_a_version_table_that_names_a_revision_beside_one_above_it(make: Make) -> None:
    shop = make("two_heads")
    shop.run("INSERT INTO alembic_version VALUES ('a8b000000002')", "ALTER TABLE customer DROP phone")

    found = shop.target.compare()

    assert rows(found) == [(HAND, "removed", "column", "public.customer.phone")]
    assert found.unknown == ()


# fmt: off
SCHEMAS = {  #                    by hand                                            include_schemas: with, without
    "in the second schema":      ("ALTER TABLE sales.purchase ADD note text",            [HAND], [HAND]),
    "a schema of somebody else": ("CREATE SCHEMA theirs CREATE TABLE stock (id int)",    [HAND], [UNMANAGED]),
    "the second schema gone":    ("DROP SCHEMA sales CASCADE",                           [HAND], [HAND]),
    "in the third schema":       ("DROP INDEX stock.ix_stock_purchase_customer_id",      [HAND], [HAND]),
    "its index":                 ("DROP INDEX sales.ix_sales_purchase_customer_id",      [HAND], [HAND]),
    "nothing":                   ("SELECT 1",                                            [], []),
}
# fmt: on


@pytest.mark.parametrize("case", SCHEMAS)
@pytest.mark.parametrize("include", [True, pytest.param(False, marks=pytest.mark.heavy)])
def test_several_schemas(case: str, include: bool, prepared: Make) -> None:
    statement, *causes = SCHEMAS[case]
    shop = prepared("schemas", **({} if include else {"x": "schemas=one"}))
    shop.run(statement)

    found = shop.target.compare()

    assert [one.cause.value for one in found.changes] == causes[0 if include else 1]


# fmt: off
FILTERED = {  #                        by hand                                               what is seen of it
    "a table that is theirs":         ("CREATE TABLE report (id int)",                       0),
    "a table by its name":            ("CREATE TABLE tmp_x (id int)",                        0),
    "another table":                  ("CREATE TABLE x (id int)",                            1),
    "a column by its name":           ("ALTER TABLE customer ADD x_y int",                   0),
    "another column":                 ("ALTER TABLE customer ADD y int",                     1),
    "an index by its name":           ("CREATE INDEX dba_i ON customer (name)",              0),
    "another index":                  ("CREATE INDEX i ON customer (name)",                  1),
    "a constraint by its columns":    ("ALTER TABLE customer ADD UNIQUE (name, id)",         0),
    "another constraint":             ("ALTER TABLE customer ADD UNIQUE (name)",             1),
    "a schema by its name":           ("CREATE SCHEMA theirs CREATE TABLE stock (id int)",   0),
    "a schema that is let in":        ("CREATE SCHEMA sales CREATE TABLE stock (id int)",    1),
    "something on a table of theirs": ("CREATE TABLE report (id int); CREATE INDEX r ON report (id)", 0),
}
# fmt: on


@pytest.mark.parametrize("case", FILTERED)
def test_what_the_project_leaves_out(case: str, prepared: Make) -> None:
    statement, count = FILTERED[case]
    shop = prepared("filters")
    shop.run(statement)

    first, again = shop.target.compare(), shop.target.compare()

    assert (len(first.changes), first.unknown) == (count, ())
    assert first.to_dict() == again.to_dict()


def test_a_history_that_does_not_start_empty(make: Make) -> None:
    shop = make("no_start", upgrade="")
    start = (shop.home / "no_start" / "start.sql").read_text(encoding="utf-8")
    shop.run("\n".join(line for line in start.splitlines() if not line.startswith("\\")))  # as psql takes it
    shop.write_section(baseline="no_start/start.sql")

    pending = shop.target.compare()

    assert rows(pending) == [(PENDING, "added", "column", "public.customer.email")]
    assert pending.unknown == ()  # the models make the first tables themselves

    shop.target.upgrade(dry_run=False)

    found = shop.target.compare()

    assert (rows(found), found.unknown) == ([], ())

    shop.write_section()

    without = shop.target.compare()

    assert (rows(without), without.verdict) == ([], Verdict.UNKNOWN)
    assert "d40000000001" in without.unknown[0]


def test_a_baseline_that_does_not_run(make: Make) -> None:
    shop = make("no_start", upgrade="")
    (shop.home / "broken.sql").write_text("SELECT 1 / 0;", encoding="utf-8")
    shop.write_section(baseline="broken.sql")

    with pytest.raises(OpsError, match="division by zero"):
        shop.target.compare()


BOOTSTRAP = {"bootstrap": "python -m create", "env.SHOP_DB": "{url}"}


def test_an_application_that_makes_its_first_tables_itself(make: Make) -> None:
    shop = make("no_start", upgrade="", **BOOTSTRAP)
    shop.run("CREATE TABLE customer (id serial PRIMARY KEY, name varchar(100) NOT NULL)")

    pending = shop.target.compare()

    assert (rows(pending), pending.unknown) == ([(PENDING, "added", "column", "public.customer.email")], ())

    shop.target.upgrade(dry_run=False)

    found = shop.target.compare()

    assert (rows(found), found.unknown) == ([], ())

    program = shop.home / "no_start" / "create.py"  # what it reads is known, so an answer that was kept is not used
    program.write_text(program.read_text(encoding="utf-8").replace("(100)", "(90)"), encoding="utf-8")

    assert {one[2:] for one in rows(shop.target.compare())} == {("column", "public.customer.name")}


STAMPS = "CREATE TABLE alembic_version (version_num text); INSERT INTO alembic_version VALUES ('d40000000001')"

# fmt: off
BOOTSTRAPS = {  #              command, environment, and why nothing is made of it
    "it fails":              ('python -m create "SELECT 1 / 0"', "{url}", "division by zero"),
    "another database":      ("python -m create", "the target", "connected to another database"),
    "no program of Python":  ("psql -f start.sql", "{url}", "psql is no program of the project's Python"),
    "a path that leads out": ("../bin/create", "{url}", "../bin/create is no program of the project's Python"),
    "no such module":        ("python -m crete", "{url}", "No module named crete"),
    "it makes nothing":      ("python shop.py", "{url}", "there is no table"),
    "it stamps":             (f'python -m create "{STAMPS}"', "{url}", "sets the version table, to d40000000001"),
}
# fmt: on


@pytest.mark.parametrize("case", BOOTSTRAPS)
def test_a_bootstrap_that_does_not_make_the_first_tables(case: str, make: Make) -> None:
    command, url, said = BOOTSTRAPS[case]
    shop = make("no_start", upgrade="")
    shop.write_section(**{"bootstrap": command, "env.SHOP_DB": shop.url if url == "the target" else url})

    with pytest.raises(OpsError, match=re.escape(said)) as raised:
        shop.target.compare()

    assert raised.value.code == "bootstrap"
    shop.run("CREATE TABLE customer ()")  # the target has none


# -- other servers ----------------------------------------------------------------------------------


@pytest.fixture(params=[15, 16])
def older(request: pytest.FixtureRequest) -> embedded.Server:
    """A server older than the newest scratch server."""
    found: embedded.Server = request.getfixturevalue("system_server" if request.param == 15 else "server16")
    if found.major >= 18:
        pytest.skip("the system's PostgreSQL is as new as the embedded one")
    return found


def test_an_older_server_spells_definitions_in_its_own_way(older: embedded.Server, make: Make) -> None:
    shop = make("rich", on=older)

    found = shop.target.compare(strict=True)

    assert (rows(found), found.unknown, found.verdict) == ([], (), Verdict.OK)
    assert len(found.notes) == (older.major != 16)

    shop.run("DROP VIEW glad", "ALTER TABLE person ALTER name TYPE varchar(90)")

    assert rows(shop.target.compare()) == [
        (HAND, "removed", "view", "public.glad"),
        (HAND, "changed", "column", "public.person.name"),
    ]


def test_a_server_newer_than_any_scratch_server(
    make: Make, server16: embedded.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = make("two_heads")
    monkeypatch.setattr(embedded, "majors", lambda: (16,))

    found = shop.target.compare()

    assert found.verdict in (Verdict.UNKNOWN, Verdict.ATTENTION)
    assert "newer than any scratch server" in found.unknown[0]


# -- roles ------------------------------------------------------------------------------------------


OWNERS = ("shop_owner", 'Owner of "the" shop\'s <b>')


@pytest.mark.parametrize("owner", OWNERS)
@pytest.mark.parametrize("way", ["login", pytest.param("role", marks=pytest.mark.heavy)])
def test_an_ordinary_owner(owner: str, way: str, make: Make, server: embedded.Server) -> None:
    have_role(server, owner)
    shop = make("two_heads", **{way: quote(owner) if way == "login" else owner}, owner=owner)

    assert rows(shop.target.compare()) == []

    shop.run("ALTER TABLE customer OWNER TO postgres")

    assert rows(shop.target.compare()) == [(HAND, "changed", "owner", "table public.customer")]
    with closing(scratch.connect(server)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = %s", (owner,))
        assert cursor.fetchall() == [(False,)]  # what replays may do is given on a server of their own


def test_a_role_that_may_hardly_read_compares_all_the_same(make: Make, server: embedded.Server) -> None:
    have_role(server, "shop_reader")
    shop = make("rich")
    shop.run("GRANT SELECT ON alembic_version TO shop_reader")
    shop.role = "shop_reader"
    shop.write_section()

    assert rows(shop.target.compare(strict=True)) == []

    shop.run("REVOKE SELECT ON pg_policy FROM PUBLIC")

    found = shop.target.compare()

    assert (rows(found), found.verdict) == ([], Verdict.UNKNOWN)
    assert "policy" in found.unknown[0]


def test_a_version_table_that_moved_since_the_project_was_asked(set_up: SetUp) -> None:
    bench = set_up("linear")
    for _ in range(2):  # what is found the first time is not kept where a file was written just before
        assert bench.target.compare().pending
        time.sleep(1)
    name = bench.ask("SELECT current_database()")[0][0]
    bench.ask("CREATE SCHEMA app")
    bench.ask(f"ALTER DATABASE {name} SET search_path = app")
    bench.target.upgrade(dry_run=False)

    found = bench.target.compare()

    assert not found.pending and found.verdict is Verdict.OK
    assert bench.ask("SELECT relnamespace::regnamespace::text FROM pg_class WHERE relname = 'alembic_version'") == [
        ("app",)
    ]
