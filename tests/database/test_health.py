"""What `Target.health()` says of real sessions, and that what it foretells is so."""

from __future__ import annotations

import json
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from ops import database, embedded, health, scratch
from ops.catalog.names import literal
from ops.embedded import lease
from ops.errors import OpsError, RefusedError
from ops.health import Health, words
from ops.ledger import Ledger
from ops.ledger.in_database import DatabaseStore
from ops.settings import Limits
from ops.values import Verdict
from tests.database import busy
from tests.database.busy import Room, run
from tests.database.conftest import SetUp, until

busy_server, make_room, room = busy.busy_server, busy.make_room, busy.room
PLANTED = "pl4nted-S3cret"


@pytest.fixture(autouse=True)
def _counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No second count of the traffic, which has tests of its own."""
    monkeypatch.setattr(health, "SAMPLE_SECONDS", 0.0)


def check(url: str, lock_timeout: str = "1ms", **keys: Any) -> Health:
    """Return the health of a database for a change that waits so long."""
    return health.read(busy.target(url, limits=Limits(lock_timeout=lock_timeout), **keys))


def change(room: Room, sql: str = "ALTER TABLE shop.orders ADD COLUMN note text") -> str:
    """What a change comes to that waits for half a second."""
    with closing(room.session("change", options="-c lock_timeout=500ms")) as connection:
        connection.autocommit = True
        try:
            run(connection, sql)
        except psycopg2.errors.LockNotAvailable:
            return "blocked"
        return "done"


@pytest.fixture
def shop(room: Room) -> Room:
    """A room with a table in it."""
    room.ask("CREATE SCHEMA shop; CREATE TABLE shop.orders (id int PRIMARY KEY); INSERT INTO shop.orders VALUES (1)")
    return room


def end_as_told(room: Room, found: Health) -> None:
    """Do what the text says, as nothing of ours does."""
    for statement in words.last_resort([one for one in found.blockers if one.first]).split(";"):
        lines = [line for line in statement.splitlines() if line and not line.startswith("--")]
        if lines and not lines[0].startswith("COMMIT"):
            room.ask("\n".join(lines).replace("%", "%%"))


def test_who_is_idle_in_a_transaction_is_named_and_really_blocks_until_ended(shop: Room) -> None:
    web = shop.session("web")
    run(web, f"SELECT FROM shop.orders WHERE '{PLANTED}' <> ''")

    found = check(shop.url)

    assert found.verdict == Verdict.ATTENTION
    pid = web.info.backend_pid
    assert f"shop: a change would be blocked now: pid {pid} (postgres, web), idle in transaction for" in str(found)
    assert "holds AccessShareLock on shop.orders" in found.findings[0]
    assert "Its last query: SELECT FROM shop.orders WHERE ? <> ?. Next: ask whoever runs web" in found.findings[0]
    assert change(shop) == "blocked"
    end_as_told(shop, found)
    assert change(shop) == "done"
    with pytest.raises(psycopg2.OperationalError):
        run(web, "SELECT 1")


def test_what_ends_a_session_spares_its_next_transaction(shop: Room) -> None:
    web = shop.session("web")
    run(web, "SELECT FROM shop.orders")
    found = check(shop.url)
    web.commit()
    run(web, "SELECT FROM shop.orders")

    end_as_told(shop, found)

    assert run(web, "SELECT 1") == [(1,)]


def test_younger_transactions_are_ordinary_work(shop: Room) -> None:
    run(shop.session("web"), "SELECT FROM shop.orders")

    found = check(shop.url, "1h")

    assert (found.verdict, found.findings, found.blockers) == (Verdict.OK, (), ())
    assert "1 session with locks has been in a transaction for less than 1h" in found.notes[0]
    assert str(found) == "shop: nothing would block a change now"


def test_a_chain_of_three_is_told_as_a_tree(shop: Room) -> None:
    reader, deploy, queued = (shop.session(name) for name in ("reader", "deploy", "queued"))
    run(reader, "SELECT FROM shop.orders")
    shop.begin(deploy, "ALTER TABLE shop.orders ADD COLUMN note text")
    shop.begin(queued, f"SELECT '{PLANTED}' FROM shop.orders")

    found = check(shop.url)

    pids = [one.info.backend_pid for one in (reader, deploy, queued)]
    assert [one.session.pid for one in found.blockers] == pids
    assert f"2 sessions wait for it already: pid {pids[1]} and pid {pids[2]}." in found.findings[0]
    first, second, third = words.tree(found.live).splitlines()
    assert first.startswith(f"pid {pids[0]} (postgres, reader): idle in transaction")
    assert second.startswith(f"   └─ pid {pids[1]} (postgres, deploy): waiting for ")
    assert second.endswith(" for AccessExclusiveLock on shop.orders")
    assert third.startswith(f"      └─ pid {pids[2]} (postgres, queued): waiting for ")
    assert [one["behind"] for one in found.to_frame().to_dict("records")] == [
        (),
        (f"pid {pids[0]}",),
        (f"pid {pids[1]}",),
    ]


def test_a_prepared_transaction_blocks_until_it_is_rolled_back(shop: Room) -> None:
    gid = f"it's \\ {secrets.token_hex(4)}"
    manager = shop.session("manager")
    run(manager, "UPDATE shop.orders SET id = 2")
    run(manager, "PREPARE TRANSACTION %s", gid)
    manager.close()

    found = check(shop.url)

    assert found.blockers[0].session.gid == gid
    assert "prepared transaction E'it''s \\\\" in str(found)
    assert f"ROLLBACK PREPARED {literal(gid)};" in found._repr_mimebundle_()["text/plain"]
    assert change(shop) == "blocked"
    end_as_told(shop, found)
    assert change(shop) == "done"


def test_an_old_snapshot_blocks_an_index_that_is_built_concurrently(shop: Room) -> None:
    report = shop.session("report")
    run(report, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    run(report, "SELECT 1")

    found = check(shop.url)

    assert "CREATE INDEX CONCURRENTLY would be blocked now: pid" in str(found)
    assert change(shop) == "done"
    assert change(shop, "CREATE INDEX CONCURRENTLY by_id ON shop.orders (id)") == "blocked"


def test_an_invalid_index_is_made_good_as_told(shop: Room) -> None:
    shop.ask("CREATE TABLE shop.users (email text); INSERT INTO shop.users VALUES ('a'), ('a')")
    with pytest.raises(psycopg2.errors.UniqueViolation):
        shop.ask('CREATE UNIQUE INDEX CONCURRENTLY "by Email" ON shop.users (email)')

    found = check(shop.url)

    assert found.verdict == Verdict.ATTENTION
    assert found.findings[0].startswith('Invalid index shop."by Email" on shop.users is what a failed CREATE INDEX')
    assert str(found) == "shop: no session blocks a change now, but 1 thing needs attention"
    shop.ask("DELETE FROM shop.users WHERE ctid = '(0,1)'")
    for statement in words.index_sql(found.live.invalid).split(";\n"):
        if not statement.startswith("--"):
            shop.ask(statement)
    assert check(shop.url).verdict == Verdict.OK
    assert shop.ask("SELECT indisvalid FROM pg_index WHERE indexrelid = 'shop.\"by Email\"'::regclass") == [(True,)]


def test_a_role_with_few_rights_is_not_told_enough(shop: Room) -> None:
    name = f"poor_{secrets.token_hex(4)}"
    shop.ask(f"CREATE ROLE {name} LOGIN")
    url = shop.url.replace("postgres@", f"{name}@")
    try:
        calm = check(url)
        run(shop.session("web"), f"SELECT '{PLANTED}' FROM shop.orders")
        hidden = check(url)
        shop.ask(f"GRANT pg_read_all_stats TO {name}")
        seen = check(url)
    finally:
        shop.ask(f"DROP OWNED BY {name}; DROP ROLE {name}")

    assert calm.verdict == Verdict.OK, "locks are to be seen by everybody, and there was none"
    assert hidden.verdict == Verdict.UNKNOWN and hidden.blockers == ()
    assert "whether a change would be blocked now is not known" in str(hidden)
    assert f"GRANT pg_read_all_stats TO {name}" in " ".join(hidden._repr_mimebundle_()["text/plain"].split())
    assert hidden.to_dict()["unknown"] == list(hidden.live.unseen)
    assert any("may not alter what it does not own: shop.orders" in one for one in hidden.notes)
    assert seen.verdict == Verdict.ATTENTION and len(seen.blockers) == 1


def test_nothing_that_is_shown_or_written_has_a_literal_of_others(shop: Room) -> None:
    web, batch = shop.session("web"), shop.session("batch")
    run(web, f"SELECT '{PLANTED}', E'\\'{PLANTED}' /* {PLANTED} */ FROM shop.orders -- {PLANTED * 200}")
    run(batch, f"SELECT {', '.join(['id'] * 300)} FROM shop.orders WHERE '{PLANTED * 200}' <> ''")

    found = check(shop.url)

    views = [found.view(), found.waiting, found.tables, found.surroundings]
    shown = [part for view in views for part in view._repr_mimebundle_().values()]
    written = [str(found), repr(found.live), json.dumps(found.to_dict()), found.to_frame().to_csv()]
    assert "batch" in "".join(written) and "web" in "".join(shown)
    for text in (*shown, *written):
        assert PLANTED[:7] not in text


def test_every_commit_waits_for_a_replica_that_is_not_there(room: Room) -> None:
    [(name,)] = room.ask("SELECT current_database()")
    room.ask(f"ALTER DATABASE {name} SET synchronous_commit = 'on'")
    with closing(scratch.connect(room.server)) as admin, admin.cursor() as cursor:
        # Nobody else waits: the server is started with synchronous_commit = off.
        cursor.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        cursor.execute("SELECT pg_reload_conf()")
        try:
            until(lambda: run(room.session("x"), "SHOW synchronous_standby_names") == [("nobody",)])
            found = check(room.url)
        finally:
            cursor.execute("ALTER SYSTEM RESET synchronous_standby_names")
            cursor.execute("SELECT pg_reload_conf()")

    assert found.verdict == Verdict.ATTENTION
    assert found.findings[0].startswith("Every commit waits: synchronous_standby_names asks for 1 replica (nobody)")


# --- a standby -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def standby(busy_server: embedded.Server, home: Path) -> Iterator[embedded.Server]:
    """A physical replica of the busy server, with a slot of its own."""
    slot = f"standby_{secrets.token_hex(4)}"
    folder = home / ".ops" / slot
    folder.mkdir(mode=0o700)
    source = ["-h", str(busy_server.socket_dir), "-p", str(lease.PORT), "-U", "postgres"]
    command = [busy_server.bin_dir / "pg_basebackup", *source, "-D", folder / "data", "-R", "--checkpoint=fast"]
    done = subprocess.run([*command, "-C", "-S", slot, "--no-sync"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    yield lease.start(folder, major=busy_server.major, bin_dir=busy_server.bin_dir)
    lease._give_up(folder)
    with closing(scratch.connect(busy_server)) as connection, connection.cursor() as cursor:

        def unused() -> bool:
            cursor.execute("SELECT NOT active FROM pg_replication_slots WHERE slot_name = %s", (slot,))
            return cursor.fetchone() == (True,)

        until(unused)
        cursor.execute("SELECT pg_drop_replication_slot(%s)", (slot,))


def test_a_standby_with_its_lag(standby: embedded.Server, room: Room) -> None:
    slot = standby.folder.name
    with closing(scratch.connect(standby)) as replica:
        run(replica, "SELECT pg_wal_replay_pause()")
        room.ask("CREATE TABLE t AS SELECT generate_series(1, 5000) AS a")

        def found() -> Any:
            [one] = [one for one in check(room.url).live.replicas if one.slot == slot]
            return one

        until(lambda: (found().lag_bytes or 0) > 100_000)
        one = found()
        run(replica, "SELECT pg_wal_replay_resume()")
    assert (one.state, one.logical, one.synchronous, one.wal_status) == ("streaming", False, False, "reserved")


def test_a_replica_takes_no_change(standby: embedded.Server) -> None:
    found = check(standby.url())

    assert found.verdict == Verdict.ATTENTION
    assert found.findings[0].startswith("This is a replica")


def test_a_change_is_refused_on_a_replica(standby: embedded.Server, set_up: SetUp) -> None:
    bench = set_up("linear", url=standby.url(), protected="true", require="committed")

    shown = bench.target.upgrade()
    with pytest.raises(RefusedError, match="The server is a replica: changes go to its primary") as refused:
        bench.target.upgrade(dry_run=False, confirm=shown.fingerprint)

    assert shown.obstacles == ("The server is a replica: changes go to its primary.",)
    assert (refused.value.exit_code, refused.value.changed) == (4, False)


def test_a_replica_reads_the_ledger_of_its_primary(standby: embedded.Server, room: Room) -> None:
    name = room.url.partition("?")[0].rpartition("/")[2]
    with database.connect(room.settings) as primary:
        facts = database.facts(primary)
        ledger = Ledger(DatabaseStore(room.settings, primary, facts), identity=facts.identity, version_table="t")
        ledger.write("intent", "r1", direction="up", to=["a"], **{"from": []})
        ledger.close()
    there = busy.target(standby.url(name))
    until(lambda: reaches(standby, name))

    with database.connect(there) as replica:
        facts = database.facts(replica)
        ledger = Ledger(DatabaseStore(there, replica, facts), identity=facts.identity, version_table="t")
        until(lambda: len(ledger.records()) == 1)
        assert [(run.run, run.database) for run in ledger.open_runs()] == [("r1", "")]
        with pytest.raises(OpsError, match="another server") as refused:
            ledger.write("outcome", "r1", verdict="OK", current=["a"])
    assert (refused.value.code, refused.value.changed) == ("ledger", False)
    ledger.close()


def reaches(server: embedded.Server, name: str) -> bool:
    """Whether a database has arrived on a replica."""
    with closing(scratch.connect(server)) as connection:
        return run(connection, "SELECT 1 FROM pg_database WHERE datname = %s", name) == [(1,)]


def test_replicas_are_hidden_from_a_role_with_few_rights(standby: embedded.Server, room: Room) -> None:
    name = f"poor_{secrets.token_hex(4)}"
    room.ask(f"CREATE ROLE {name} LOGIN")
    try:
        found = check(room.url.replace("postgres@", f"{name}@"))
    finally:
        room.ask(f"DROP ROLE {name}")

    assert found.verdict == Verdict.OK, "nothing that it waits for depends on them"
    assert any("State and lag of replicas are hidden" in one for one in found.notes)
    assert standby.folder.name not in {one.slot for one in found.live.replicas}


# --- as a target -----------------------------------------------------------------------------------


def test_a_target_has_its_health_with_its_own_limit(set_up: SetUp) -> None:
    bench = set_up("linear", lock_timeout="1ms")
    bench.ask("CREATE TABLE orders (id int)")
    with closing(psycopg2.connect(bench.url.replace("+psycopg2", ""), application_name="web")) as web:
        run(web, "SELECT FROM orders")
        found = bench.target.health()

    assert (found.target, found.lock_timeout, found.lock_seconds) == ("case", "1ms", 0.001)
    assert [one.session.application for one in found.blockers] == ["web"]


def test_the_traffic_is_counted_twice(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    room.ask("CREATE TABLE orders (id int)")
    once = check(room.url)
    monkeypatch.setattr(health, "SAMPLE_SECONDS", 0.1)

    twice = check(room.url)

    assert [one.live.relations["public.orders"].reads_now for one in (once, twice)] == [None, 0.0]
