"""How a catalog is read: by whom, of what server, in how many round trips, and while others change it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import psycopg2
import psycopg2.extensions
import pytest
import sqlalchemy as sa

from ops import embedded
from ops.catalog import Catalog, diff, queries, snapshot
from ops.catalog.queries.constraints import CONSTRAINTS, INDEXES, PLAIN_CONSTRAINT, PLAIN_INDEX
from ops.errors import ConnectError
from ops.values import Verdict
from tests.database import catalogs, hostile
from tests.database.mutations import BASE, PATH

READER = "catalog_reader"
MAKE_READER = f"""
DO $$ BEGIN CREATE ROLE {READER} LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$
"""
CATALOGS = sorted({name for group in queries.ALL for query in group for name in query.reads})


@pytest.fixture(scope="module")
def shop(server: embedded.Server) -> Iterator[str]:
    """A database with all kinds of objects."""
    with catalogs.database(server, MAKE_READER, BASE) as name:
        yield name


@pytest.fixture
def cursor(server: embedded.Server, shop: str) -> Iterator[Any]:
    """A cursor in a transaction that is undone."""
    with closing(catalogs.connect(server, shop)) as connection:
        yield connection.cursor()


def as_reader(cursor: Any, *before: str) -> Catalog:
    for statement in before:
        cursor.execute(statement)
    cursor.execute(f"SET LOCAL ROLE {READER}")
    return snapshot.within(cursor)


# -- few rights --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["server", "server16", "system_server"])
def test_a_role_without_any_right_reads_the_same(request: pytest.FixtureRequest, name: str) -> None:
    server = request.getfixturevalue(name)
    with catalogs.database(server, MAKE_READER, BASE, *hostile.statements(hostile.NAMES["double quotes"])) as database:
        owners = catalogs.read(server, database)

        readers = catalogs.read(server, database, user=READER)

    assert diff(owners, readers) == ()
    assert (readers.unread, readers.verdict) == ((), Verdict.OK)


@pytest.mark.parametrize("catalog", CATALOGS)
def test_what_may_not_be_read_is_said_and_the_rest_is_there(cursor: Any, catalog: str) -> None:
    whole = snapshot.within(cursor)

    found = as_reader(cursor, f"REVOKE SELECT ON pg_catalog.{catalog} FROM PUBLIC")

    closed = {kind for group in queries.ALL for query in group if catalog in query.reads for kind in query.kinds}
    assert set(found.unread) == closed
    assert found.verdict is Verdict.UNKNOWN
    assert found.texts == {key: text for key, text in whole.texts.items() if key.kind not in closed}
    assert diff(whole, found) == diff(found, whole) == ()
    assert found.fingerprint != whole.fingerprint


@pytest.mark.parametrize(
    "function", ["pg_get_viewdef(oid)", "pg_get_indexdef(oid)", "pg_get_functiondef(oid)", "pg_get_triggerdef(oid)"]
)
def test_a_function_that_may_not_be_called_is_no_crash(cursor: Any, function: str) -> None:
    found = as_reader(cursor, f"REVOKE EXECUTE ON FUNCTION pg_catalog.{function} FROM PUBLIC")

    assert found.unread
    assert found.verdict is Verdict.UNKNOWN
    assert len({key.kind for key in found.texts} | set(found.unread)) == len(queries.KINDS)


# -- what is written without the server's help -------------------------------------------------------

FORMS = """
SET search_path = public;
CREATE DOMAIN d AS text; CREATE TYPE e AS ENUM ('a'); CREATE TYPE c AS (x integer);
CREATE TABLE "T t" (id integer, v varchar(9), b char(3), t text, x text COLLATE "C", n numeric, a integer[], d d, e e,
    c c,
  r int4range, "Q""q" bigint, u uuid, i inet, o oid, j jsonb, ts timestamptz, f float8, bo boolean, na name, by bytea,
  bi bit(3), ci cidr, iv interval, f2 integer, mo money, tz timetz, ch "char");
CREATE TABLE "Up" (a integer, b integer, PRIMARY KEY (a, b), UNIQUE (a), UNIQUE (b) DEFERRABLE,
    UNIQUE NULLS NOT DISTINCT (b, a),
  UNIQUE (b) INCLUDE (a), UNIQUE (a) WITH (fillfactor = 50));
ALTER TABLE "T t" ADD FOREIGN KEY (id) REFERENCES "Up" (a), ADD FOREIGN KEY (id) REFERENCES "Up" (a) ON DELETE CASCADE,
  ADD FOREIGN KEY (id) REFERENCES "Up" (a) ON DELETE SET NULL,
      ADD FOREIGN KEY (id) REFERENCES "Up" (a) ON UPDATE CASCADE,
  ADD FOREIGN KEY (id) REFERENCES "Up" (a) MATCH FULL, ADD FOREIGN KEY (id) REFERENCES "Up" (a) DEFERRABLE,
  ADD FOREIGN KEY (id) REFERENCES "Up" (a) NOT VALID,
  ADD FOREIGN KEY (id, f2) REFERENCES "Up" (a, b) ON DELETE RESTRICT,
  ADD FOREIGN KEY (id) REFERENCES "Up" (a) ON DELETE SET DEFAULT, ADD EXCLUDE USING gist (r WITH &&),
      ADD UNIQUE ("Q""q", t),
  ADD CHECK ("Q""q" > 0), ADD PRIMARY KEY (u), ADD EXCLUDE (id WITH =), ADD UNIQUE (id, t, x)
"""
KEYS = """
id; v; b; t; x; n; a; d; e; c; r; u; i; o; j; ts; f; bo; na; by; bi; ci; iv; mo; tz; ch
"Q""q"; id, v; v, id; id, v, t; id DESC; id NULLS FIRST; id ASC NULLS LAST; id, v DESC; lower(t); (id + 1), t
t COLLATE "C"; x COLLATE "default"; x COLLATE "POSIX"; t text_pattern_ops; v varchar_pattern_ops; v text_ops
v varchar_ops; b text_ops; b bpchar_ops; b bpchar_pattern_ops; d text_ops; ci inet_ops; i inet_ops; ci cidr_ops
na name_ops; o int4_ops; id oid_ops; t name_ops
"""
AROUND = (
    ("", ""), ("UNIQUE", ""), ("", "INCLUDE (f)"), ("", "WHERE id > 0"), ("UNIQUE", "NULLS NOT DISTINCT"),
    ("", "WITH (fillfactor = 70)"),
)  # fmt: skip
INDEXES_MADE = [
    f'CREATE {before} INDEX ON public."T t" ({key}) {after}'
    for line in KEYS.strip().splitlines()
    for key in line.split("; ")
    for before, after in AROUND
]


@pytest.mark.parametrize("name", ["server", "server16", "system_server"])
def test_plain_definitions_are_the_servers_own(request: pytest.FixtureRequest, name: str) -> None:
    server = request.getfixturevalue(name)
    with (
        catalogs.database(server, BASE, FORMS, *hostile.BASE) as database,
        closing(catalogs.connect(server, database)) as connection,
    ):
        connection.autocommit = True
        cursor = connection.cursor()
        for statement in INDEXES_MADE:
            with contextlib.suppress(psycopg2.Error):  # not every operator class takes every type
                cursor.execute(statement)
        cursor.execute('CREATE INDEX ON public."T t" USING hash (id); CREATE INDEX ON public."T t" USING gin (j)')
        cursor.execute("SET search_path = ''")
        for query, plain, function in (
            (INDEXES, PLAIN_INDEX, "pg_get_indexdef(i.indexrelid)"),
            (CONSTRAINTS, PLAIN_CONSTRAINT, "pg_get_constraintdef(k.oid)"),
        ):
            rest = query.sql[query.sql.rindex("\n    FROM pg_") :]
            values = {"ignored_schemas": [""], "version_schema": "", "version_table": "", "strict": True}
            cursor.execute(f"SELECT {plain}, {function} {rest}", values)
            found = cursor.fetchall()

            assert [(ours, theirs) for ours, theirs in found if ours not in (None, theirs)] == []
            assert len([ours for ours, _ in found if ours is not None]) > 50
            assert len([ours for ours, _ in found if ours is None]) > 10


# -- other servers -----------------------------------------------------------------------------------


def test_a_newer_server_is_read_and_nothing_is_certain(cursor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    known = snapshot.within(cursor)
    monkeypatch.setattr(queries, "NEWEST", 17)

    found = snapshot.within(cursor)

    assert found.verdict is Verdict.UNKNOWN
    assert found.doubts and "PostgreSQL 18 is newer" in found.doubts[0]
    assert "18" in str(found)
    assert {key for key in found.texts if key.kind == "table"} == {key for key in known.texts if key.kind == "table"}


def test_a_server_that_nobody_tested_is_said(cursor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert snapshot.within(cursor).notes == ()
    monkeypatch.setattr(queries, "UNTRIED", (18,))

    found = snapshot.within(cursor)

    assert found.verdict is Verdict.OK
    assert "PostgreSQL 18" in found.notes[0]
    assert found.notes[0] in found._repr_mimebundle_()["text/plain"]


def test_a_newer_server_that_lacks_what_is_read(cursor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    known = snapshot.within(cursor)
    broken = tuple(
        tuple(
            replace(query, sql=query.sql.replace("pg_policy", "pg_no_policy"))
            if query.kinds == ("policy",)
            else replace(query, sql=query.sql.replace("x.evtevent", "e.no_event").replace("e.evtevent", "e.no_event"))
            for query in group
        )
        for group in queries.ALL
    )
    monkeypatch.setattr(queries, "ALL", broken)
    monkeypatch.setattr(queries, "NEWEST", 17)

    found = snapshot.within(cursor)

    assert {"policy", "event trigger"} <= set(found.unread)
    assert {key for key in known.texts if key.kind == "index"} == {key for key in found.texts if key.kind == "index"}
    assert found.verdict is Verdict.UNKNOWN


def test_an_older_server(cursor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "OLDEST", 19)
    monkeypatch.setattr(queries, "NEWEST", 20)

    found = snapshot.within(cursor)

    assert found.doubts and "PostgreSQL 18 is older" in found.doubts[0]
    assert found.verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(("encoding", "name"), [("LATIN1", "café"), ("SQL_ASCII", "Tên lạ"), ("UTF8", "Tên lạ")])
def test_databases_in_other_encodings(server: embedded.Server, encoding: str, name: str) -> None:
    database = f"catalog_{encoding.lower()}"
    catalogs.run(server, "postgres", f"DROP DATABASE IF EXISTS {database}", f"CREATE DATABASE {database} ENCODING "
                 f"{encoding} LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0")  # fmt: skip
    try:
        with closing(catalogs.connect(server, database)) as connection, connection.cursor() as cursor:
            if encoding == "LATIN1":
                connection.set_client_encoding("UTF8")
            else:
                cursor.execute("SET client_encoding = 'SQL_ASCII'" if encoding == "SQL_ASCII" else "SELECT 1")
            cursor.execute(f"CREATE TABLE \"{name}\" (a text DEFAULT '{name}')".encode())
            connection.commit()

        found = catalogs.read(server, database)

        assert [key.name for key in found.texts if key.kind == "table"] == [name]
        assert [one.properties["default"] for one in found if one.key.kind == "column"] == [f"'{name}'::text"]
    finally:
        catalogs.run(server, "postgres", f"DROP DATABASE {database}")


def test_what_is_valid_in_no_encoding_is_told(server: embedded.Server) -> None:
    create = "CREATE DATABASE catalog_bytes ENCODING SQL_ASCII LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0"
    catalogs.run(server, "postgres", "DROP DATABASE IF EXISTS catalog_bytes", create)
    try:
        with closing(catalogs.connect(server, "catalog_bytes")) as connection:
            connection.cursor().execute(b'CREATE TABLE "\xff\xfe" (a integer)')
            connection.commit()
            with pytest.raises(ConnectError) as error:
                snapshot.of_driver(connection)
            assert (error.value.code, connection.autocommit, connection.encoding) == ("catalog", False, "SQLASCII")
    finally:
        catalogs.run(server, "postgres", "DROP DATABASE catalog_bytes")


# -- round trips and connections ---------------------------------------------------------------------


class Counting(psycopg2.extensions.cursor):
    """A cursor that counts what it sends."""

    sent = 0

    def execute(self, query: Any, values: Any = None) -> None:
        type(self).sent += 1
        super().execute(query, values)


@pytest.mark.parametrize("tables", [0, 300])
def test_round_trips_are_few_whatever_the_size(server: embedded.Server, tables: int) -> None:
    made = "; ".join(f"CREATE TABLE t{number} (id serial PRIMARY KEY)" for number in range(tables))
    with (
        catalogs.database(server, BASE, made or "SELECT 1") as name,
        closing(catalogs.connect(server, name)) as connection,
    ):
        connection.autocommit = True
        connection.cursor_factory = Counting
        Counting.sent = 0

        found = snapshot.of_driver(connection)

    assert Counting.sent <= 8
    assert len([key for key in found.texts if key.kind == "table"]) == tables + 6


def test_the_connection_is_as_it_was(server: embedded.Server, shop: str) -> None:
    engine = sa.create_engine(server.url(shop), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        first = snapshot.read(connection)
        settings = connection.exec_driver_sql(
            "SELECT current_setting('search_path'), current_setting('transaction_read_only'),"
            " current_setting('transaction_isolation'), current_setting('timezone')"
        ).one()
        again = snapshot.read(connection)

    assert first.fingerprint == again.fingerprint
    assert tuple(settings)[:3] == ('"$user", public', "off", "read committed")


def test_what_the_server_remembers_of_one_reading_is_no_part_of_the_next(server: embedded.Server) -> None:
    plans = snapshot.Plans()
    with catalogs.database(server, BASE) as name, closing(catalogs.connect(server, name)) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        first = snapshot.of_driver(connection, plans=plans)
        cursor.execute("ALTER TABLE shop.item ADD COLUMN x integer; CREATE INDEX ON shop.item (x)")

        second = snapshot.of_driver(connection, plans=plans)

        assert second.texts == catalogs.read(server, name).texts
        assert len(second) == len(first) + 2
        cursor.execute("SELECT count(*), min(generic_plans) FROM pg_prepared_statements")
        assert cursor.fetchone() == (len(queries.ALL), 2)

        with pytest.raises(psycopg2.errors.DivisionByZero):  # and what fails is prepared under another name
            plans.execute(cursor, "SELECT 1", "SELECT 1 / %(by)s", {"by": 0})
        with pytest.raises(psycopg2.errors.DivisionByZero):
            plans.execute(cursor, "SELECT 1", "SELECT 1 / %(by)s", {"by": 0})


def test_nothing_can_be_written_while_it_is_read(server: embedded.Server, shop: str) -> None:
    with closing(catalogs.connect(server, shop)) as connection, connection.cursor() as cursor:
        snapshot.within(cursor, begin="BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;")
        with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction):
            cursor.execute("CREATE TABLE t (a integer)")


def test_a_connection_that_breaks(server: embedded.Server, shop: str) -> None:
    engine = sa.create_engine(server.url(shop), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        catalogs.run(server, "postgres", f"SELECT pg_terminate_backend({pid})")
        with pytest.raises(ConnectError) as error:
            snapshot.read(connection)

    assert error.value.code == "catalog"
    assert error.value.changed is False


def test_the_version_table_may_be_anywhere(server: embedded.Server) -> None:
    made = "CREATE SCHEMA ops; CREATE TABLE ops.at (version_num varchar(32) PRIMARY KEY)"
    other = "CREATE TABLE public.at (a integer)"
    with catalogs.database(server, made, other) as name, closing(catalogs.connect(server, name)) as connection:
        found = snapshot.of_driver(connection, version_table=("ops", "at"))

    assert [str(key) for key in found.texts if key.kind == "table"] == ["public.at"]
    assert not [key for key in found.texts if key.parent == "at" and key.schema == "ops"]


# -- while others change it --------------------------------------------------------------------------

CHANGES = (
    "CREATE VIEW v AS SELECT 1 AS a; CREATE FUNCTION f() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    "CREATE TABLE t (a integer PRIMARY KEY, b text UNIQUE CHECK (b <> '')); CREATE INDEX ON t (lower(b)); "
    "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION touch(); CREATE TYPE e AS ENUM ('a'); "
    "CREATE RULE r AS ON DELETE TO t DO INSTEAD NOTHING; CREATE POLICY p ON t; CREATE STATISTICS s ON a, b FROM t",
    "DROP VIEW v; DROP FUNCTION f",
    "DROP TABLE t; DROP TYPE e",
)


def test_changes_by_others_are_no_crash(server: embedded.Server) -> None:
    with catalogs.database(server, BASE) as name:
        quiet = catalogs.read(server, name)
        over = threading.Event()
        failed: list[BaseException] = []

        def change() -> None:
            try:
                with closing(catalogs.connect(server, name)) as connection, connection.cursor() as cursor:
                    connection.autocommit = True
                    cursor.execute(PATH)
                    while not over.is_set():
                        for statement in CHANGES:
                            cursor.execute(statement)
            except BaseException as error:
                failed.append(error)

        thread = threading.Thread(target=change)
        thread.start()
        found = []
        try:
            until = time.monotonic() + 2
            while thread.is_alive() and (len(found) < 4 or time.monotonic() < until):
                found.append(catalogs.read(server, name))
        finally:
            over.set()
            thread.join()
        after = catalogs.read(server, name)

    assert failed == []
    assert after.fingerprint == quiet.fingerprint
    for one in found:
        touched = {(key.name, key.parent) for key in one.texts.keys() - quiet.texts.keys()}
        assert all(name in "vtefgrps" or parent == "t" or name == "f()" for name, parent in touched)
        assert quiet.texts.keys() <= one.texts.keys()


def test_a_schema_that_never_rests_is_told(server: embedded.Server, shop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = []

    def gone(*_: object, **__: object) -> None:
        sent.append(1)
        raise psycopg2.errors.lookup("42704")("type with OID 1 does not exist")

    monkeypatch.setattr(snapshot, "_PAUSE_SECONDS", 0)
    monkeypatch.setattr(snapshot, "_fetch", gone)
    monkeypatch.setattr(snapshot, "_GONE_UNDER_US", frozenset({None}))
    with closing(catalogs.connect(server, shop)) as connection, pytest.raises(ConnectError) as error:
        snapshot.of_driver(connection)

    assert "12 times" in error.value.problem
    assert len(sent) == snapshot.ATTEMPTS == 12
