"""Copies of live schemas on scratch: what they are like, how often they are made, and what they leave behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from typing import Any

import psycopg2
import pytest
from psycopg2 import sql

from ops import clone, database, embedded, scratch, spares, templates, versiontables
from ops.catalog import properties, snapshot
from ops.clone import Clone
from ops.errors import OpsError
from ops.ground import Ground
from ops.project.visit import visit
from ops.settings import TargetSettings
from tests.database.conftest import Bench, SetUp, until
from tests.database.test_scratch import ask, name_of, names
from tests.database.written import write
from tests.hazards.copies import put_up_shelf

TABLE = ("public", "alembic_version")

OTHER = """
import json, sys
from contextlib import ExitStack
from pathlib import Path
from ops import clone, database
from ops.catalog import properties, snapshot
from ops.ground import Ground
from ops.settings import resolve

if "halt" in sys.argv:
    def halt(*arguments):
        print("filling", flush=True)
        sys.stdin.read()
    clone.programs.run = halt
settings = resolve("case", Path(sys.argv[1]))
table = ("public", "alembic_version")
print("ready", flush=True)
sys.stdin.readline()
with database.connect(settings) as connection:
    live = snapshot.read(connection, version_table=table)
    ground = Ground.of(settings, connection, table)
with clone.cloned(settings, ground, live, table, ()) as made:
    print(json.dumps({"made": made.made, "template": made.template}), flush=True)
    sys.stdin.read()
"""


def cloned(
    settings: TargetSettings, *, table: tuple[str, str] = TABLE, heads: tuple[str, ...] | None = None
) -> AbstractContextManager[Clone]:
    """Return a clone of what a target is now."""
    with database.connect(settings) as connection:
        live = snapshot.read(connection, version_table=table)
        ground = Ground.of(settings, connection, table)
        there = versiontables.heads(connection, *table) or ()
    return clone.cloned(settings, ground, live, table, there if heads is None else heads)


def fingerprint(settings: TargetSettings, table: tuple[str, str] = TABLE) -> str:
    with database.connect(settings) as connection:
        return snapshot.read(connection, version_table=table).fingerprint


def url_of(made: Clone) -> str:
    return made.settings.database.url.render_as_string(hide_password=False)


@pytest.fixture
def shop(set_up: SetUp) -> Bench:
    """A project at its head, with a table that no other test's has: templates are shared."""
    bench = set_up("linear")
    bench.target.upgrade("head", dry_run=False)
    bench.ask(f"CREATE TABLE {name_of(bench.url)} (id int)")
    return bench


@pytest.fixture
def other(shop: Bench) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start processes that clone the project's schema when they are told to."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", OTHER, shop.home, *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    yield start
    for process in started:
        with process:
            process.kill()


def forbidden(*_: object) -> bytes:
    raise AssertionError("dumped")


# -- what a clone is ------------------------------------------------------------------------------------


def test_it_is_what_is_live_without_rows_and_gone_afterwards(set_up: SetUp, scratch_server: embedded.Server) -> None:
    bench = set_up("rich")
    bench.target.upgrade("head", dry_run=False)

    with cloned(bench.target.settings) as made:
        there = url_of(made)

        assert made.made
        assert made.differences == ()
        assert made.major == scratch_server.major
        assert made.database in names(scratch_server)
        assert fingerprint(made.settings) == fingerprint(bench.target.settings)
        assert ask(there, "SELECT version_num FROM alembic_version") == [(bench.current[0],)]
        assert ask(there, "SELECT count(*) FROM person") == [(0,)]
        assert ask(there, "SELECT relispopulated FROM pg_class WHERE relkind = 'm'") == [(True,)]

    assert made.database not in names(scratch_server)


def test_it_is_dumped_once_and_anew_when_the_schema_has_changed(shop: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = shop.target.settings
    with cloned(settings) as first:
        pass
    with monkeypatch.context() as patch:
        patch.setattr(clone, "dump", forbidden)
        with cloned(settings, heads=("a10000000001",)) as second:
            heads = ask(url_of(second), "SELECT version_num FROM alembic_version")
    shop.ask("ALTER TABLE customer ADD COLUMN more text")
    with cloned(settings) as third:
        columns = ask(url_of(third), "SELECT count(*) FROM pg_attribute WHERE attname = 'more'")

    assert (first.made, second.made, third.made) == (True, False, True)
    assert first.template == second.template != third.template
    assert heads == [("a10000000001",)]
    assert columns == [(1,)]


def test_a_version_table_that_came_later_is_not_missed(set_up: SetUp) -> None:
    bench = set_up("linear")
    with cloned(bench.target.settings) as before:
        pass
    bench.target.stamp("head", dry_run=False)

    with cloned(bench.target.settings) as after:
        heads = ask(url_of(after), "SELECT version_num FROM alembic_version")

    assert before.template != after.template
    assert heads == [(bench.current[0],)]


def test_every_run_on_a_clone_begins_with_the_same(shop: Bench) -> None:
    with cloned(shop.target.settings) as first:
        scratch_of_first = url_of(first)
        with closing(psycopg2.connect(scratch_of_first.replace("+psycopg2", ""))) as connection:
            connection.cursor().execute("DROP TABLE purchase")
            connection.commit()

    with cloned(shop.target.settings) as second:
        assert fingerprint(second.settings) == fingerprint(shop.target.settings)


def test_a_schema_that_lacks_what_every_database_has(shop: Bench) -> None:
    shop.ask("CREATE SCHEMA app; ALTER TABLE alembic_version SET SCHEMA app; DROP SCHEMA public CASCADE")
    table = ("app", "alembic_version")

    with cloned(shop.target.settings, table=table) as made:
        assert made.differences == ()
        assert fingerprint(made.settings, table) == fingerprint(shop.target.settings, table)


HOSTILE = 'a "b" Ệ; DROP %s $$'


def test_names_that_break_what_does_not_quote_them(shop: Bench, server: embedded.Server) -> None:
    quoted = '"' + HOSTILE.replace('"', '""') + '"'
    url = scratch.ensure_database(server, HOSTILE)
    with closing(scratch.connect(server, HOSTILE)) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA {quoted}; CREATE TABLE {quoted}.{quoted} (version_num text)")
        cursor.execute(f"CREATE MATERIALIZED VIEW {quoted}.v AS SELECT 1")
    table = (HOSTILE, HOSTILE)
    settings = shop.target.settings.with_url(url)

    try:
        with cloned(settings, table=table, heads=("it's",)) as made:
            found = ask(url_of(made), f"SELECT version_num FROM {quoted}.{quoted}")
            same = fingerprint(made.settings, table) == fingerprint(settings, table)
    finally:
        scratch.drop_database(server, HOSTILE)

    assert found == [("it's",)]
    assert same
    assert made.differences == ()


# -- what a session there begins with ---------------------------------------------------------------------

SEEN = """
from alembic import op
revision = "b00000000001"
down_revision = "a10000000005"
def upgrade():
    op.execute("CREATE TABLE seen AS SELECT name, setting FROM pg_settings")
    op.execute("INSERT INTO seen VALUES ('shop.tenant', current_setting('shop.tenant', true))")
    op.execute("INSERT INTO seen SELECT 'current_user', current_user")
def downgrade():
    pass
"""


def seen_by_a_worker(shop: Bench, made: Clone) -> dict[str, str]:
    """Run a revision there, and return what it wrote down of its session."""
    folder = shop.project / "migrations" / "versions"
    (folder / "b00000000001_seen.py").write_text(SEEN, encoding="utf-8")
    with visit(made.settings, purpose="plan") as here:
        here.worker.request(
            "migrate", listener=lambda event: None, read_only=False, direction="up", revisions=["b00000000001"]
        )
        where = here.connection.exec_driver_sql(
            "SELECT relnamespace::regnamespace FROM pg_class WHERE relname = 'seen'"
        )
        schema = where.scalar_one()
        return {"schema": schema, **dict(tuple(row) for row in here.connection.exec_driver_sql(f"TABLE {schema}.seen"))}


def test_sessions_begin_as_they_do_there(shop: Bench) -> None:
    name = shop.ask("SELECT quote_ident(current_database())")[0][0]
    shop.ask(
        f"""
        CREATE SCHEMA app;
        ALTER DATABASE {name} SET search_path = app, "$user", public;
        ALTER DATABASE {name} SET timezone = 'Asia/Ho_Chi_Minh';
        ALTER DATABASE {name} SET datestyle = 'SQL, DMY';
        ALTER DATABASE {name} SET default_transaction_deferrable = on;
        ALTER DATABASE {name} SET shop.tenant = 'it''s "acme"';
        ALTER DATABASE {name} SET lock_timeout = '77s';
        ALTER ROLE postgres IN DATABASE {name} SET datestyle = 'German, DMY';
        ALTER ROLE postgres IN DATABASE {name} SET check_function_bodies = off
        """
    )

    with cloned(shop.target.settings) as made:
        found = seen_by_a_worker(shop, made)

    assert made.differences == ()
    # fmt: off
    assert {key: found[key] for key in (
        "schema", "search_path", "TimeZone", "DateStyle", "default_transaction_deferrable", "check_function_bodies",
        "shop.tenant",
    )} == {
        "schema": "app", "search_path": 'app, "$user", public', "TimeZone": "Asia/Ho_Chi_Minh",
        "DateStyle": "ISO, DMY",  # the style is the driver's: it cannot read another one
        "default_transaction_deferrable": "on", "check_function_bodies": "off",
        "shop.tenant": 'it\'s "acme"',
    }
    # fmt: on
    assert found["lock_timeout"] != "77000"


def test_tablespaces_are_there_in_name(set_up: SetUp, server: embedded.Server, scratch_server: embedded.Server) -> None:
    with closing(scratch.connect(server)) as connection, connection.cursor() as cursor:
        put_up_shelf(cursor)
    shop = set_up("linear")
    shop.ask("CREATE TABLE on_shelf (id int PRIMARY KEY USING INDEX TABLESPACE shelf, x int) TABLESPACE shelf")
    shop.ask("CREATE INDEX on_shelf_x ON on_shelf (x) TABLESPACE shelf")
    shop.ask("CREATE TABLE on_the_floor (id int)")
    write(shop, "op.execute('ALTER TABLE on_the_floor SET TABLESPACE shelf')")

    plan, again = shop.target.plan(), shop.target.plan()
    with cloned(shop.target.settings) as copy:
        assert (copy.differences, copy.missing) == ((), ())
        assert fingerprint(copy.settings) == fingerprint(shop.target.settings)

    assert [one.rewrites for one in plan.statements if one.rewrites] == [("public.on_the_floor",)]
    assert (plan.unknown, plan.failed, plan.fingerprint) == ((), "", again.fingerprint)
    assert ask(scratch_server.url(), "SELECT count(*) FROM pg_tablespace WHERE spcname = 'shelf'") == [(1,)]


def test_a_copy_lies_where_its_database_lies(set_up: SetUp, server: embedded.Server) -> None:
    with closing(scratch.connect(server)) as connection, connection.cursor() as cursor:
        put_up_shelf(cursor)
    with scratch.throw_away(server, "shelved", tablespace="shelf") as name:
        bench = set_up("linear", url=server.url(name))
        bench.ask("CREATE TABLE on_shelf (id int); CREATE TABLE on_the_floor (id int) TABLESPACE pg_default")
        write(
            bench,
            "op.execute('ALTER TABLE on_shelf SET TABLESPACE pg_default')\n"
            "op.execute('ALTER TABLE on_the_floor SET TABLESPACE pg_default')",
        )

        plan = bench.target.plan()

    assert [one.rewrites for one in plan.statements if "SET TABLESPACE" in one.sql] == [("public.on_shelf",), ()]


def test_the_url_may_give_sessions_something_too(shop: Bench) -> None:
    url = f"{shop.url}&options=-c%20TimeZone%3DAsia/Tokyo%20-c%20search_path%3Dpg_catalog"

    with cloned(shop.target.settings.with_url(url)) as made:
        found = ask(url_of(made), "SELECT name, setting FROM pg_settings WHERE name IN ('TimeZone', 'search_path')")

    assert sorted(found) == [("TimeZone", "Asia/Tokyo"), ("search_path", "pg_catalog")]


def test_what_cannot_be_taken_over_is_said(shop: Bench) -> None:
    name = shop.ask("SELECT quote_ident(current_database())")[0][0]
    shop.ask(f"ALTER ROLE postgres IN DATABASE {name} SET session_preload_libraries = plpgsql")

    with cloned(shop.target.settings) as made:
        pass

    assert [one.split(" loads")[0] for one in made.differences] == ["What session_preload_libraries"]


def test_a_database_that_only_reads_is_cloned_as_one(shop: Bench) -> None:
    name = shop.ask("SELECT quote_ident(current_database())")[0][0]
    shop.ask(f"ALTER DATABASE {name} SET default_transaction_read_only = on")

    with cloned(shop.target.settings) as made:
        assert ask(url_of(made), "SHOW default_transaction_read_only") == [("on",)]
    assert made.differences == ()


# -- what stands against it ---------------------------------------------------------------------------------


def test_a_role_that_may_not_read_a_table_is_told_which(shop: Bench, server: embedded.Server) -> None:
    shop.ask(
        "DO $$ BEGIN CREATE ROLE clone_reader LOGIN; EXCEPTION WHEN duplicate_object THEN END $$;"
        f"GRANT SELECT ON alembic_version, customer, {name_of(shop.url)} TO clone_reader"
    )
    settings = shop.target.settings.with_url(shop.url.replace("postgres@", "clone_reader@"))

    with pytest.raises(OpsError) as caught, cloned(settings):
        pass
    shop.ask("GRANT SELECT ON purchase TO clone_reader")
    with cloned(settings) as made:
        same = fingerprint(made.settings) == fingerprint(shop.target.settings)

    assert caught.value.code == "clone"
    assert "permission denied for table purchase" in caught.value.problem
    assert "pg_read_all_data" in caught.value.next_step
    assert same
    assert made.settings.role == "postgres"  # whose the version table is


def test_a_schema_that_is_changed_meanwhile_is_not_taken(shop: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = clone.dump

    def dump(*arguments: Any) -> bytes:
        shop.ask("CREATE TABLE late (id int)")
        return usual(*arguments)

    monkeypatch.setattr(clone, "dump", dump)

    with pytest.raises(OpsError) as caught, cloned(shop.target.settings):
        pass

    assert caught.value.code == "busy"
    monkeypatch.setattr(clone, "dump", usual)
    with cloned(shop.target.settings) as made:
        assert made.made


def test_an_invalid_index_is_carried_over(shop: Bench, scratch_server: embedded.Server) -> None:
    """No dump has it; a statement that drops it, or wants its name, must meet it all the same."""
    shop.ask("INSERT INTO customer (name, email) VALUES ('a', 'x'), ('b', 'y')")
    with pytest.raises(psycopg2.errors.UniqueViolation):
        shop.ask("CREATE UNIQUE INDEX CONCURRENTLY half_made ON customer ((1))")
    shop.ask("COMMENT ON INDEX half_made IS 'it''s 100%'")

    with cloned(shop.target.settings) as made, closing(scratch.connect(scratch_server, made.database)) as connection:
        there = snapshot.of_driver(connection)

    assert made.missing == ()
    (key,) = (one for one in there.texts if one.name == "half_made")
    assert properties(there.texts[key])["state"] == "invalid"


def test_extensions_that_the_scratch_server_lacks_are_named(shop: Bench, system_server: embedded.Server) -> None:
    with scratch.database_on(system_server, prefix="extended") as url:
        with closing(scratch.connect(system_server, name_of(url))) as connection:
            connection.cursor().execute("CREATE EXTENSION citext; CREATE EXTENSION hstore")

        with pytest.raises(OpsError) as caught, cloned(shop.target.settings.with_url(url), heads=()):
            pass

    assert caught.value.code == "clone"
    assert "has no extensions citext, hstore, and the schema needs them" in caught.value.problem
    assert "scratch_url" in caught.value.next_step
    assert f"PostgreSQL {system_server.major}" in caught.value.next_step


def test_another_major_version_is_said(shop: Bench, system_server: embedded.Server) -> None:
    with scratch.database_on(system_server, prefix="older") as url:
        with closing(scratch.connect(system_server, name_of(url))) as connection:
            connection.cursor().execute("CREATE TABLE one (id int)")

        with cloned(shop.target.settings.with_url(url)) as made:
            first = made.differences[0]

    assert f"PostgreSQL {system_server.major}, the copy {made.major}" in first


# -- templates --------------------------------------------------------------------------------------------


def test_a_template_that_was_half_made_is_never_used(shop: Bench, scratch_server: embedded.Server, other) -> None:
    maker = other("halt")
    maker.stdin.write("\n")
    maker.stdin.flush()
    assert maker.stdout.readline() == "filling\n"
    (half,) = (name for name in names(scratch_server) if name.startswith(f"filling_{maker.pid}_"))
    maker.kill()
    maker.wait()

    with cloned(shop.target.settings) as made:
        assert fingerprint(made.settings) == fingerprint(shop.target.settings)

    assert made.made
    assert half not in names(scratch_server)


def test_two_processes_at_once_make_one_template(shop: Bench, other) -> None:
    both = [other(), other()]

    for process in both:
        process.stdin.write("\n")
        process.stdin.flush()
    said = [json.loads(process.stdout.readline()) for process in both]

    assert sorted(one["made"] for one in said) == [False, True]
    assert said[0]["template"] == said[1]["template"]


def test_the_templates_used_last_are_kept(scratch_server: embedded.Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def use(number: int) -> templates.Template:
        return templates.template(scratch_server, ["kept", number, os.getpid()], lambda name: {"number": number})

    monkeypatch.setattr(templates, "MOST", 2)
    first, second = use(1), use(2)
    use(1)

    third = use(3)

    there = names(scratch_server)
    assert {first.database, third.database} <= there
    assert second.database not in there
    assert use(1).note == {"number": 1}
    assert len([name for name in there if name.startswith("clone_") and name.count("_") == 1]) == 2
    assert use(2).made


def test_nobody_gets_into_a_template(scratch_server: embedded.Server) -> None:
    made = templates.template(scratch_server, ["closed", os.getpid()], lambda name: {})

    with pytest.raises(OpsError, match="not currently accepting connections"):
        scratch.connect(scratch_server, made.database)


def test_a_database_of_a_templates_name_that_is_not_ours_is_left_alone(scratch_server: embedded.Server) -> None:
    inputs = ["strange", os.getpid()]
    own = templates.template(scratch_server, inputs, lambda name: {})
    with closing(scratch.connect(scratch_server)) as connection, connection.cursor() as cursor:
        name = sql.Identifier(own.database)
        cursor.execute(sql.SQL("COMMENT ON DATABASE {} IS 'mine'").format(name))

    with pytest.raises(OpsError) as caught:
        templates.template(scratch_server, inputs, lambda name: {})

    assert caught.value.code == "clone"
    assert own.database in names(scratch_server)
    scratch.drop_database(scratch_server, own.database)


# -- spare copies -----------------------------------------------------------------------------------------


def oid(server: embedded.Server, name: str) -> int:
    return ask(server.url(), f"SELECT coalesce((SELECT oid FROM pg_database WHERE datname = '{name}'), 0)")[0][0]


def test_the_next_copy_of_a_large_schema_is_there_already(
    shop: Bench, scratch_server: embedded.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spares, "LARGE", 1)
    with cloned(shop.target.settings) as first:
        spare = spares.name(first.template)
        before = oid(scratch_server, spare)
    until(lambda: oid(scratch_server, spare))
    made_ahead = oid(scratch_server, spare)

    with cloned(shop.target.settings) as second:
        taken = oid(scratch_server, second.database)
        gone = oid(scratch_server, spare)
        same = fingerprint(second.settings) == fingerprint(shop.target.settings)
    until(lambda: oid(scratch_server, spare))

    assert (before, gone) == (0, 0)
    assert taken == made_ahead
    assert same
    assert oid(scratch_server, second.database) == 0
    assert oid(scratch_server, spare) != made_ahead


def test_who_comes_while_it_is_made_waits_for_it(
    shop: Bench, scratch_server: embedded.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spares, "LARGE", 1)
    with cloned(shop.target.settings):
        pass

    with cloned(shop.target.settings) as second:
        there = names(scratch_server)

    assert second.database in there
    assert not [name for name in there if name.startswith(("sparing_", spares.name(second.template)))]


def test_of_a_small_schema_no_copy_is_made_ahead(shop: Bench, scratch_server: embedded.Server) -> None:
    with cloned(shop.target.settings) as made:
        pass

    assert not (scratch_server.folder / "spares" / spares.name(made.template)).exists()


def test_a_spare_copy_goes_with_its_template(scratch_server: embedded.Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def use(number: int) -> str:
        with templates.copy(scratch_server, ["spare", number, os.getpid()], lambda name: {}, prefix="copy") as (
            _,
            found,
        ):
            return found.database

    monkeypatch.setattr(spares, "LARGE", 1)
    monkeypatch.setattr(templates, "MOST", 1)
    first = use(1)

    second = use(2)

    spares.wait(scratch_server, second)
    there = names(scratch_server)
    assert {second, spares.name(second)} <= there
    assert not {first, spares.name(first)} & there


def test_a_spare_copy_whose_maker_was_killed_is_made_in_the_foreground(
    shop: Bench, scratch_server: embedded.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kill(command: list[str], **more: Any) -> subprocess.Popen[bytes]:
        child = usual(["sleep", "600"], **more)
        child.kill()
        return child

    usual = subprocess.Popen
    with monkeypatch.context() as patch:
        patch.setattr(spares, "LARGE", 1)
        with cloned(shop.target.settings):
            patch.setattr(spares.subprocess, "Popen", kill)
    claims = scratch_server.folder / "scratch"
    assert [path for path in claims.iterdir() if path.name.startswith(f"sparing_{os.getpid()}_")]

    with cloned(shop.target.settings) as made:
        assert fingerprint(made.settings) == fingerprint(shop.target.settings)

    assert not [path for path in claims.iterdir() if path.name.startswith(f"sparing_{os.getpid()}_")]
