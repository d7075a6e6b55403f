"""What a look at a live database sees: real sessions that hold and wait, on the newest and the system's server."""

from __future__ import annotations

import secrets
import threading
from contextlib import closing
from typing import Any

import psycopg2
import pytest
from psycopg2 import extensions, sql

from ops import activity, embedded, scratch
from ops.activity import queries
from ops.errors import ConnectError
from ops.hazards import weight
from ops.live import Live, Replica, Session
from tests.database import busy
from tests.database.busy import Room, run
from tests.database.conftest import until
from tests.database.hostile import NAMES

busy_server, busy_system_server = busy.busy_server, busy.busy_system_server
make_room, room, any_room = busy.make_room, busy.room, busy.any_room
PLANTED = "pl4nted-S3cret"


def only(live: Live, application: str) -> Session:
    """The one session of an application."""
    [found] = [one for one in live.sessions if one.application == application]
    return found


# --- sessions --------------------------------------------------------------------------------------


def test_idle_in_a_transaction_with_a_lock(any_room: Room) -> None:
    any_room.ask("CREATE SCHEMA shop; CREATE TABLE shop.orders (id int)")
    web, idle = any_room.session("web"), any_room.session("at rest")
    run(web, "SELECT id FROM shop.orders WHERE id = 42")
    idle.autocommit = True
    run(idle, "SELECT 1")

    live = any_room.look()

    found = only(live, "web")
    assert (found.pid, found.user, found.state) == (web.info.backend_pid, "postgres", "idle in transaction")
    assert (found.client, found.kind, found.seen, found.ours) == ("a local socket", "client backend", True, False)
    assert found.holds == (("shop.orders", "AccessShareLock"),)
    assert found.query == "SELECT id FROM shop.orders WHERE id = ?"
    assert found.transaction_seconds is not None and found.transaction_seconds >= found.state_seconds >= 0
    assert (found.waits_for, found.blocked_by, found.snapshot) == ((), (), False)
    assert len(found.since) == len("2026-11-25T14:00:32.123456Z")
    assert {one.application for one in live.sessions} == {"web"}, "who is in no transaction holds up nobody"
    assert live.unseen == ()


def test_a_chain_of_three(any_room: Room) -> None:
    any_room.ask("CREATE TABLE orders (id int)")
    reader, change, queued = (any_room.session(name) for name in ("reader", "change", "queued"))
    run(reader, "SELECT FROM orders")
    any_room.begin(change, "ALTER TABLE orders ADD COLUMN note text")
    any_room.begin(queued, "SELECT FROM orders")

    live = any_room.look()

    first, second, third = (only(live, name) for name in ("reader", "change", "queued"))
    assert (first.blocked_by, second.blocked_by, third.blocked_by) == ((), (first.pid,), (second.pid,))
    assert second.waits_for == (("public.orders", "AccessExclusiveLock"),)
    assert third.waits_for == (("public.orders", "AccessShareLock"),)
    assert (second.wait, third.wait) == ("Lock: relation", "Lock: relation")
    assert [one.application for one in live.sessions] == ["reader", "change", "queued"], "the oldest first"


def test_a_row_that_somebody_else_has(room: Room) -> None:
    room.ask("CREATE TABLE orders (id int); INSERT INTO orders VALUES (1)")
    one, other = room.session("one"), room.session("other")
    run(one, "UPDATE orders SET id = 2")
    room.begin(other, "UPDATE orders SET id = 3")

    waiting = only(room.look(), "other")

    assert waiting.blocked_by == (one.info.backend_pid,)
    assert (waiting.wait, waiting.waits_for) == ("Lock: transactionid", ())


def test_a_prepared_transaction(any_room: Room) -> None:
    any_room.ask("CREATE TABLE orders (id int)")
    gid = f"it's \\ {secrets.token_hex(4)}"
    manager, waiting = any_room.session("manager"), any_room.session("waiting")
    run(manager, "INSERT INTO orders VALUES (1)")
    run(manager, "PREPARE TRANSACTION %s", gid)
    manager.close()
    any_room.begin(waiting, "LOCK TABLE orders")

    live = any_room.look()

    [found] = [one for one in live.sessions if one.pid == 0]
    assert (found.gid, found.user, found.kind) == (gid, "postgres", "prepared transaction")
    assert found.holds == (("public.orders", "RowExclusiveLock"),)
    assert found.transaction_seconds is not None and found.transaction_seconds >= 0 and found.seen
    assert only(live, "waiting").blocked_by == (0,)


def test_locks_of_serializable_transactions_make_nobody_wait(any_room: Room) -> None:
    any_room.ask("CREATE TABLE orders (id int)")
    web = any_room.session("web")
    run(web, "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
    run(web, "SELECT FROM orders")
    assert ("SIReadLock",) in any_room.ask("SELECT mode FROM pg_locks WHERE pid = %s", web.info.backend_pid)

    assert only(any_room.look(), "web").holds == (("public.orders", "AccessShareLock"),)


SNAPSHOTS = {
    "repeatable read keeps it, though it touched nothing": ("REPEATABLE READ", True),
    "read committed at rest keeps none": ("READ COMMITTED", False),
}


@pytest.mark.parametrize(("level", "kept"), SNAPSHOTS.values(), ids=SNAPSHOTS)
def test_an_old_snapshot(any_room: Room, level: str, kept: bool) -> None:
    report = any_room.session("report")
    run(report, f"SET TRANSACTION ISOLATION LEVEL {level}")
    run(report, "SELECT 1")

    found = only(any_room.look(), "report")

    assert (found.snapshot, found.holds) == (kept, ())


def test_sessions_of_ours_are_marked_and_the_one_that_looks_is_left_out(room: Room) -> None:
    room.ask("CREATE TABLE orders (id int)")
    for application in ("alembic-ops", "alembic-ops upgrade", "alembic-opsx"):
        run(room.session(application), "SELECT FROM orders")

    live = room.look()

    assert {one.application: one.ours for one in live.sessions} == {
        "alembic-ops": True,
        "alembic-ops upgrade": True,
        "alembic-opsx": False,
    }


def test_other_databases_are_none_of_our_business(make_room: busy.MakeRoom) -> None:
    room, other = make_room(), make_room()
    other.ask("CREATE TABLE orders (id int)")
    run(other.session("elsewhere"), "SELECT FROM orders")

    assert room.look().sessions == ()


def test_what_is_of_the_system_is_left_out(room: Room) -> None:
    room.ask("CREATE SCHEMA alembic_ops; CREATE TABLE alembic_ops.runs (id int)")
    web = room.session("web")
    run(web, "CREATE TEMPORARY TABLE t (id int, a text)")
    run(web, "SELECT FROM pg_class, information_schema.tables, alembic_ops.runs LIMIT 1")

    live = room.look()

    assert only(live, "web").holds == ()
    assert live.relations == {}


# --- what must not be shown ------------------------------------------------------------------------

QUERIES = {
    "a string": f"SELECT '{PLANTED}'",
    "a string with backslashes": f"SELECT E'\\'{PLANTED}'",
    "in dollars": f"SELECT $a${PLANTED}$a$",
    "a comment": f"SELECT 1 -- {PLANTED}",
    "a password": f"CREATE ROLE nobody_{secrets.token_hex(4)} PASSWORD '{PLANTED}'",
    "a block of code": f"DO $$ BEGIN PERFORM '{PLANTED}'; END $$",
    "cut off by the server inside of the literal": f"SELECT '{PLANTED * 100}'",
    "cut off by the server behind it": f"SELECT '{PLANTED}', {', '.join(['1'] * 1000)}",
    "a setting": f"SET application_name = '{PLANTED}'; SET application_name = 'web'",
    "a function's body": f"CREATE FUNCTION pg_temp.f() RETURNS text LANGUAGE sql AS 'SELECT ''{PLANTED}'''",
}


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_no_literal_of_others_is_seen(room: Room, query: str) -> None:
    run(room.session("web"), query)

    live = room.look()

    assert only(live, "web").query.split()[0] == query.split()[0]
    assert PLANTED[:6] not in repr(live)


def test_bytes_of_no_encoding(busy_server: embedded.Server) -> None:
    name = f"ascii_{secrets.token_hex(4)}"
    with closing(scratch.connect(busy_server)) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'")
    try:
        url = busy_server.url(name)
        with closing(psycopg2.connect(url.replace("+psycopg2", ""), application_name="web")) as web:
            web.cursor().execute(b'SELECT 1 AS "caf\xe9"')

            found = only(busy.look(busy.target(url)), "web")
            web.cursor().execute(b'CREATE TABLE "caf\xe9" ()')
            web.commit()
        with pytest.raises(ConnectError) as refused:
            busy.look(busy.target(url))
    finally:
        scratch.drop_database(busy_server, name)

    assert refused.value.code == "activity" and "encoding" in refused.value.problem
    assert found.query == 'SELECT ? AS "caf�"'


# --- relations -------------------------------------------------------------------------------------


def test_rows_and_bytes_of_tables_and_indexes(any_room: Room) -> None:
    any_room.ask(
        """
        CREATE TABLE orders (id int PRIMARY KEY, note text, picture text);
        ALTER TABLE orders ALTER picture SET STORAGE EXTERNAL;
        INSERT INTO orders SELECT g, 'note', repeat('x', 5000) FROM generate_series(1, 500) g;
        CREATE INDEX "by Note" ON orders (note);
        CREATE MATERIALIZED VIEW stock AS SELECT * FROM orders;
        CREATE TABLE never (id int);
        CREATE VIEW v AS SELECT 1 AS a; CREATE SEQUENCE s;
        """
    )
    any_room.ask("VACUUM ANALYZE orders")
    [(heap, indexes, toast)] = any_room.ask(
        "SELECT pg_relation_size('orders'), pg_indexes_size('orders'), pg_relation_size(reltoastrelid)"
        " FROM pg_class WHERE oid = 'orders'::regclass"
    )

    live = any_room.look()

    assert set(live.relations) == {
        *("public.orders", "public.orders_pkey", 'public."by Note"', "public.stock", "public.never"),
    }
    orders, index = live.relations["public.orders"], live.relations['public."by Note"']
    assert (orders.kind, orders.rows, orders.owner, orders.estimated) == ("table", 500, "postgres", False)
    assert abs(orders.index_bytes - indexes) <= 64 * 1024, "pg_indexes_size counts the small forks as well"
    assert orders.heap_bytes == heap
    assert orders.total_bytes == orders.heap_bytes + orders.index_bytes + toast > 2_000_000
    assert (index.kind, index.parent, index.index_bytes) == ("index", "public.orders", 0)
    assert index.heap_bytes == index.total_bytes > 0
    assert live.relations["public.stock"].kind == "materialized view"
    assert (live.relations["public.never"].rows, live.relations["public.never"].total_bytes) == (None, 0)
    assert live.of("public.nothing") is None


def test_a_partitioned_table_is_the_sum_of_its_partitions(any_room: Room) -> None:
    any_room.ask(
        """
        CREATE TABLE log (at int PRIMARY KEY, what text) PARTITION BY RANGE (at);
        CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM (0) TO (100);
        CREATE TABLE log_2 PARTITION OF log FOR VALUES FROM (100) TO (300) PARTITION BY RANGE (at);
        CREATE TABLE log_21 PARTITION OF log_2 FOR VALUES FROM (100) TO (200);
        CREATE TABLE log_22 PARTITION OF log_2 FOR VALUES FROM (200) TO (300);
        INSERT INTO log SELECT g, 'x' FROM generate_series(0, 299) g;
        SELECT pg_stat_force_next_flush();
        """
    )
    any_room.ask("ANALYZE")

    live = any_room.look()

    log, below = live.relations["public.log"], live.relations["public.log_2"]
    parts = [live.relations[f"public.log_{name}"] for name in ("1", "21", "22")]
    assert (log.kind, log.rows, below.rows, below.parent) == ("partitioned table", 300, 200, "public.log")
    assert log.total_bytes == sum(one.total_bytes for one in parts) > 0
    assert log.index_bytes == sum(one.index_bytes for one in parts) > 0
    assert log.writes == sum(one.writes for one in parts) == 300
    assert live.relations["public.log_pkey"].kind == "partitioned index"


def test_traffic_as_averages_and_while_we_look(any_room: Room) -> None:
    any_room.ask("CREATE TABLE hot (id int); CREATE TABLE cold (id int); INSERT INTO cold VALUES (1)")
    stop = threading.Event()

    def work() -> None:
        with closing(any_room.session("web")) as web:
            web.autocommit = True
            while not stop.is_set():
                run(web, "INSERT INTO hot VALUES (1); SELECT FROM hot LIMIT 1; SELECT pg_stat_force_next_flush()")

    thread = threading.Thread(target=work)
    thread.start()
    try:
        count = "SELECT pg_stat_get_tuples_inserted('hot'::regclass) > 0"
        until(lambda: any_room.ask(count) == [(True,)])
        live = any_room.look(sample_seconds=0.3)
    finally:
        stop.set()
        thread.join()

    hot, cold = live.relations["public.hot"], live.relations["public.cold"]
    assert hot.reads_now > 0 and hot.writes_now > 0
    assert hot.writes_now > hot.writes_per_second > 0, "an average since the server started is less than now"
    assert (cold.reads_now, cold.writes_now) == (0, 0)
    assert live.counted_since and live.counted_since <= live.taken
    assert any_room.look().relations["public.hot"].reads_now is None


def test_a_table_that_somebody_locks_is_looked_at_without_waiting(any_room: Room) -> None:
    any_room.ask("CREATE TABLE orders (id int PRIMARY KEY); CREATE TABLE free (id int); INSERT INTO free VALUES (1)")
    run(any_room.session("change"), "LOCK TABLE orders")

    live = any_room.look()

    locked = live.relations["public.orders"]
    assert locked.estimated and not live.relations["public.free"].estimated
    assert weight.load(locked, counted=True).heap_bytes is None, "nobody knows, which is not the same as empty"
    assert live.relations["public.free"].heap_bytes > 0
    assert any("estimates" in one for one in live.notes)


def test_a_lock_that_is_taken_while_we_look(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    room.ask("CREATE TABLE orders (id int PRIMARY KEY); CREATE TABLE free (id int)")
    run(room.session("change"), "LOCK TABLE orders")
    monkeypatch.setattr(queries, "RELATIONS", queries.RELATIONS.replace("'AccessExclusiveLock'", "'not seen yet'"))

    live = room.look()

    assert live.relations["public.orders"].estimated
    assert only(live, "change").holds[0] == ("public.orders", "AccessExclusiveLock")


def test_only_so_many_tables_are_opened(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, rows in {"large": 9000, "small": 1, "empty": 0, "never": 500}.items():
        room.ask(f"CREATE TABLE {name} (id int PRIMARY KEY); INSERT INTO {name} SELECT generate_series(1, {rows})")
        room.ask(f"VACUUM ANALYZE {name}" if name != "never" else "SELECT 1")
    monkeypatch.setattr(queries, "MEASURED_TABLES", 1)

    live = room.look()

    tables = {name: one for name, one in live.relations.items() if one.kind == "table"}
    assert {name for name, one in tables.items() if one.estimated} == {"public.small"}
    assert tables["public.never"].heap_bytes > 0, "never counted, and so measured, whatever their number"
    assert tables["public.small"].heap_bytes == 8192, "as VACUUM found it"


class Counting(extensions.cursor):
    """A cursor that counts round trips."""

    trips = 0

    def execute(self, query: Any, values: Any = None) -> None:
        type(self).trips += 1
        super().execute(query, values)


@pytest.mark.parametrize("tables", [0, 60])
def test_the_number_of_round_trips_does_not_depend_on_the_number_of_tables(room: Room, tables: int) -> None:
    room.ask("; ".join(f"CREATE TABLE t{number} (id int PRIMARY KEY)" for number in range(tables)) or "SELECT 1")
    connection = room.session("look")
    connection.cursor_factory, Counting.trips = Counting, 0

    live = activity.of_driver(connection)

    assert len(live.relations) == 2 * tables
    assert Counting.trips <= 6


def test_names_that_break_what_does_not_quote_them(room: Room) -> None:
    for name in NAMES.values():
        quoted = sql.Identifier(name).as_string(room.session("x"))
        room.ask(f"CREATE SCHEMA {quoted}; CREATE TABLE {quoted}.{quoted} (id int)".replace("%", "%%"), None)
    web = room.session("web")
    wanted = {
        name for (name,) in room.ask("SELECT format('%%I.%%I', schemaname, relname) FROM pg_stat_user_tables", None)
    }
    for name in wanted:
        web.cursor().execute(f"LOCK TABLE {name} IN SHARE MODE")

    live = room.look()

    assert set(live.relations) == wanted and len(wanted) == len(set(NAMES.values()))
    assert {name for name, _ in only(live, "web").holds} == wanted


# --- invalid indexes -------------------------------------------------------------------------------


def test_what_a_failed_build_leaves(any_room: Room) -> None:
    any_room.ask("CREATE TABLE users (email text); INSERT INTO users VALUES ('a'), ('a')")
    with pytest.raises(psycopg2.errors.UniqueViolation):
        any_room.ask('CREATE UNIQUE INDEX CONCURRENTLY "by Email" ON users (email)')

    live = any_room.look()

    [found] = live.invalid
    assert live.invalid_indexes == ('public."by Email"',)
    assert (found.table, found.constraint, found.building_pid) == ("public.users", "", 0)
    assert found.definition == 'CREATE UNIQUE INDEX "by Email" ON public.users USING btree (email)'


def test_an_index_that_is_being_built_is_no_leftover(any_room: Room) -> None:
    any_room.ask("CREATE TABLE users (email text)")
    writer, builder = any_room.session("writer"), any_room.session("builder")
    run(writer, "INSERT INTO users VALUES ('a')")
    builder.autocommit = True
    any_room.begin(builder, "CREATE INDEX CONCURRENTLY by_email ON users (email)")

    live = any_room.look()

    [found] = live.invalid
    assert found.building_pid == builder.info.backend_pid
    assert only(live, "builder").progress.startswith("waiting for writers")


def test_an_index_of_a_partitioned_table_that_is_not_on_every_partition(room: Room) -> None:
    room.ask("CREATE TABLE log (at int) PARTITION BY RANGE (at)")
    room.ask("CREATE TABLE log_1 PARTITION OF log DEFAULT; CREATE INDEX by_at ON ONLY log (at)")

    [found] = room.look().invalid

    assert (found.name, found.table, found.partitioned) == ("public.by_at", "public.log", True)


# --- rights ----------------------------------------------------------------------------------------


@pytest.fixture
def poor(any_room: Room) -> Any:
    """A role that may log in and not much else; it owns one table, and one as a member of its owner."""
    name, owner = f"poor_{secrets.token_hex(4)}", f"owner_{secrets.token_hex(4)}"
    any_room.ask(f"CREATE ROLE {name} LOGIN; CREATE ROLE {owner}; GRANT {owner} TO {name}")
    any_room.ask(f"CREATE SCHEMA theirs AUTHORIZATION {owner}; CREATE SCHEMA closed")
    any_room.ask(
        "CREATE TABLE closed.orders (id int); CREATE TABLE theirs.users (id int); CREATE VIEW closed.v AS SELECT"
    )
    any_room.ask(f"ALTER TABLE theirs.users OWNER TO {owner}")
    yield any_room, name, any_room.url.replace("postgres@", f"{name}@")
    any_room.ask(f"DROP OWNED BY {name}, {owner}; DROP ROLE {name}, {owner}")


def test_a_role_with_few_rights_is_told_what_it_may_not_see(poor: Any) -> None:
    room, name, url = poor
    web = room.session("web")
    run(web, f"SELECT '{PLANTED}' FROM closed.orders")
    idle = room.session("idle")
    idle.autocommit = True
    run(idle, "SELECT 1")

    live = busy.look(busy.target(url))

    found = only(live, "web")
    assert (found.pid, found.user, found.seen) == (web.info.backend_pid, "postgres", False)
    assert (found.state, found.transaction_seconds, found.query, found.kind) == ("", None, "", "")
    assert found.holds == (("closed.orders", "AccessShareLock"),)
    [said] = live.unseen
    assert f"session {found.pid} is in a transaction" in said and f"GRANT pg_read_all_stats TO {name}" in said
    assert [one.application for one in live.sessions] == ["web"], "who is in no transaction needs no right to be known"
    assert live.rights is not None
    assert (live.rights.role, live.rights.superuser) == (name, False)
    assert live.rights.not_owned == {"closed.orders", "closed.v"}
    assert live.rights.closed_schemas == (("closed", "public") if room.server.major >= 15 else ("closed",))


def test_a_role_that_may_see_everything(poor: Any) -> None:
    room, name, url = poor
    run(room.session("web"), "SELECT FROM closed.orders")
    room.ask(f"GRANT pg_read_all_stats TO {name}")

    live = busy.look(busy.target(url))

    assert live.unseen == ()
    assert only(live, "web").state == "idle in transaction"


def test_the_role_of_the_target_counts(poor: Any) -> None:
    room, name, _ = poor

    live = busy.look(busy.target(room.url, role=name))

    assert live.rights is not None
    assert (live.rights.role, live.rights.superuser, "closed.orders" in live.rights.not_owned) == (name, False, True)


DENIED = {
    "locks": ("pg_locks", "who holds or waits for locks"),
    "sessions": ("pg_stat_activity", "who holds or waits for locks"),
    "replicas": ("pg_replication_slots", "replicas"),
}


@pytest.mark.parametrize(("view", "said"), DENIED.values(), ids=DENIED)
def test_a_right_that_somebody_took_away_from_everybody(poor: Any, view: str, said: str) -> None:
    room, _, url = poor
    room.ask(f"REVOKE SELECT ON pg_catalog.{view} FROM PUBLIC")

    live = busy.look(busy.target(url))

    assert any(said in one and view in one for one in live.unseen)
    assert "theirs.users" in live.relations or view == "pg_locks"


def test_a_session_that_does_not_say_what_it_does(room: Room) -> None:
    room.ask("CREATE TABLE orders (id int)")
    silent = room.session("silent", options="-c track_activities=off")
    run(silent, "SELECT FROM orders")

    live = room.look()

    assert only(live, "silent").holds == (("public.orders", "AccessShareLock"),)
    [said] = live.unseen
    assert f"session {silent.info.backend_pid} is in a transaction is not known: track_activities is off" in said


# --- replicas --------------------------------------------------------------------------------------


def test_a_slot_that_nobody_uses(room: Room) -> None:
    slot = f"slot_{secrets.token_hex(4)}"
    room.ask("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", slot)
    room.ask("CREATE TABLE t AS SELECT generate_series(1, 5000) AS a")

    def found() -> Replica:
        [one] = [one for one in room.look().replicas if one.slot == slot]
        return one

    until(lambda: (found().lag_bytes or 0) > 100_000)  # commits are not waited for here
    one = found()
    assert (one.name, one.state, one.logical, one.synchronous) == (slot, "inactive", True, False)
    assert (one.lag_seconds, one.wal_status) == (None, "reserved")
