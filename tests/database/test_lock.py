"""One run per database and version table: who holds the lock, and plain `alembic` that takes it, too."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from ops import database, lock, locking
from ops.errors import BusyError
from ops.values import Verdict
from tests import passwords
from tests.database.conftest import Bench, SetUp, until

guarded, make_role = passwords.guarded, passwords.make_role

ALEMBIC = Path(sys.executable).with_name("alembic")
BEGIN = "with context.begin_transaction():"
HELD = (
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
ADVISORY = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = %s"


# -- who holds it -----------------------------------------------------------------------------------


def test_who_holds_it_since_when_and_from_where(set_up: SetUp) -> None:
    settings = set_up("linear").target.settings
    with database.connect(settings, purpose="upgrade") as holding, database.connect(settings) as other:
        pid = holding.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        time.sleep(1.1)  # the session is older than the lock, and shown to the second
        with lock.run_lock(holding, "public", "alembic_version", wait=0):
            found = lock.holder(other, "public", "alembic_version")
            with pytest.raises(BusyError) as busy:
                lock.run_lock(other, "public", "alembic_version", wait=0).__enter__()
            elsewhere = lock.holder(other, "public", "another_table")
        left = holding.exec_driver_sql(ADVISORY.replace("%s", str(pid))).scalar_one()
        free = lock.holder(other, "public", "alembic_version")

    assert found is not None
    assert (found.pid, found.login, found.application) == (pid, "postgres", "alembic-ops upgrade")
    assert found.address == "a local socket"
    since = datetime.strptime(found.held_since, "%Y-%m-%d %H:%M:%S UTC").replace(tzinfo=UTC)
    assert timedelta(0) <= datetime.now(UTC) - since < timedelta(seconds=60)
    assert found.held_since > found.connected_since
    assert f"from a local socket, at work since {found.held_since})" in busy.value.problem
    assert (elsewhere, free, left) == (None, None, 0)


def psycopg2(url: str) -> str:
    return url.replace("postgresql:", "postgresql+psycopg2:")


def test_a_role_that_may_see_little_still_sees_who_and_since_when(make_role: Callable[..., passwords.Role]) -> None:
    owner, stranger = make_role(), make_role()
    owner.ask(f"GRANT CONNECT ON DATABASE {owner.database} TO {stranger.name}")
    with create_engine(psycopg2(owner.url()), poolclass=NullPool).connect() as holding:
        number = lock.key("public", "alembic_version")
        stamp = holding.exec_driver_sql(locking.attempt(number)).one()[1]
        holding.exec_driver_sql(locking.since(number, stamp))
        holding.exec_driver_sql("SET application_name = 'nightly'")
        holding.commit()
        url = psycopg2(stranger.url(database=owner.database))
        with create_engine(url, poolclass=NullPool).connect() as looking:
            row = looking.exec_driver_sql(locking.who(number)).one()

    assert (row[1], row[2]) == (owner.name, "nightly")
    assert locking.described(row).startswith(f"backend {row[0]} ({owner.name}, nightly, at work since 20")


def test_the_connection_that_holds_it_is_kept_alive(make_role: Callable[..., passwords.Role], set_up: SetUp) -> None:
    role = make_role()
    role.ask(f"ALTER ROLE {role.name} SET idle_session_timeout = '1s'")
    bench = set_up("linear", url=role.url())

    with database.connect(bench.target.settings) as connection:
        raw = connection.connection.dbapi_connection
        assert raw is not None
        with socket.socket(fileno=os.dup(raw.fileno())) as wire:  # type: ignore[attr-defined]
            kept = wire.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            idle = wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)
        found = connection.exec_driver_sql("SHOW idle_session_timeout").scalar_one()

    assert (kept, idle, found) == (1, 30, "0")


# -- plain alembic ----------------------------------------------------------------------------------


def with_lock(bench: Bench, wait: str = "0") -> None:
    """Have a project's env.py take the lock, by the line that the README shows."""
    env = bench.project / "migrations" / "env.py"
    text = env.read_text(encoding="utf-8")
    assert BEGIN in text
    text = text.replace(BEGIN, f"with run_lock(wait={wait}), context.begin_transaction():")
    imported = "from alembic import context"
    env.write_text(text.replace(imported, f"{imported}\nfrom ops.locking import run_lock"), encoding="utf-8")


def plain(bench: Bench, *arguments: str) -> subprocess.Popen[str]:
    """Plain `alembic`, as the project's own people call it: it knows nothing of targets."""
    ini = bench.project / "alembic.ini"
    url = bench.target.settings.project_url().replace("%", "%%")
    if "sqlalchemy.url" not in (text := ini.read_text(encoding="utf-8")):
        ini.write_text(text.replace("[alembic]", f"[alembic]\nsqlalchemy.url = {url}"), encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OPS_")}
    return subprocess.Popen(
        [ALEMBIC, *arguments], cwd=bench.project, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    output, errors = process.communicate(timeout=60)
    return process.returncode, output, errors


def test_plain_alembic_waits_its_turn(set_up: SetUp) -> None:
    bench = set_up("async_env")
    with_lock(bench)
    with database.connect(bench.target.settings, purpose="upgrade") as holding:
        with lock.run_lock(holding, "public", "alembic_version", wait=0):
            refused = ended(plain(bench, "upgrade", "head"))
            looked = ended(plain(bench, "current"))
            written = ended(plain(bench, "upgrade", "head", "--sql"))
        before = bench.tables

    assert refused[0] != 0 and "Traceback" not in refused[2]
    assert "Another run is at work on this database: backend " in refused[1] + refused[2]
    assert "alembic-ops upgrade" in refused[1] + refused[2]
    assert looked[0] == written[0] == 0, looked[2] + written[2]
    assert before == []

    done = ended(plain(bench, "upgrade", "head"))

    assert done[0] == 0, done[2]
    assert (bench.current, bench.tables) == (bench.case.expect["heads"], bench.case.expect["tables"])
    until(lambda: bench.ask(HELD) == [(0,)])


def test_a_notebook_waits_for_plain_alembic(set_up: SetUp) -> None:
    bench = set_up("slow")
    with_lock(bench)
    file = bench.version_file("b20000000002")
    text = file.read_text(encoding="utf-8")
    # As slow as this test wants it to be.
    file.write_text(text.replace("pg_sleep(600)", "pg_advisory_xact_lock(4242)"), encoding="utf-8")
    with closing(bench.connect()) as slow, slow.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(4242)")
        process = plain(bench, "upgrade", "head")
        until(lambda: bench.ask("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"))
        with pytest.raises(BusyError) as busy:
            bench.target.upgrade(dry_run=False)
        holder = bench.target.status().holder
        cursor.execute("SELECT pg_advisory_unlock(4242)")
        run = bench.target.upgrade(dry_run=False, wait=60)
    done = ended(process)

    assert f"alembic, run_lock of {locking._whoami()}"[:63] in busy.value.problem
    assert busy.value.exit_code == 5
    assert holder is not None and holder.held_since
    assert done[0] == 0, done[2]
    assert (run.route.changes_nothing, bench.current) == (True, bench.case.expect["heads"])


def test_in_our_own_worker_the_line_does_nothing(set_up: SetUp) -> None:
    bench = set_up("linear")
    with_lock(bench, wait="60")
    started = time.monotonic()

    run = bench.target.upgrade(dry_run=False)

    assert run.verdict is not Verdict.FAILED and bench.current == ["a10000000005"]
    assert time.monotonic() - started < 60


def test_several_plain_upgrades_at_once_all_succeed(set_up: SetUp) -> None:
    bench = set_up("linear")
    with_lock(bench, wait="60")
    plain(bench, "current").communicate(timeout=60)  # writes the URL down

    ends = [ended(one) for one in [plain(bench, "upgrade", "head") for _ in range(4)]]

    assert [code for code, _, _ in ends] == [0] * 4, ends
    assert (bench.current, bench.tables) == (["a10000000005"], ["customer", "purchase"])


def test_the_lock_needs_no_place_in_the_projects_pool(set_up: SetUp) -> None:
    bench = set_up("linear")
    with_lock(bench)
    env = bench.project / "migrations" / "env.py"
    # One connection for everybody: the lock's must not be the migrations' own, whose transaction it would end.
    env.write_text(env.read_text(encoding="utf-8").replace("pool.NullPool", "pool.StaticPool"), encoding="utf-8")

    done = ended(plain(bench, "upgrade", "head"))

    assert done[0] == 0, done[2]
    assert bench.current == ["a10000000005"]


def test_a_process_that_is_killed_gives_the_lock_back(set_up: SetUp) -> None:
    bench = set_up("slow")
    with_lock(bench)
    process = plain(bench, "upgrade", "head")
    until(lambda: bench.target.status().holder is not None)

    process.kill()
    process.communicate(timeout=60)

    until(lambda: bench.target.status().holder is None)


def test_a_lock_that_is_waited_for_holds_no_snapshot(set_up: SetUp) -> None:
    """A session blocked inside pg_advisory_lock() would make CREATE INDEX CONCURRENTLY wait for it for ever."""
    bench = set_up("per_migration")
    with_lock(bench, wait="60")
    bench.target.upgrade("ac0000000001", dry_run=False)
    ends: list[tuple[int, str, str]] = []
    with database.connect(bench.target.settings, purpose="upgrade") as holding:
        with lock.run_lock(holding, "public", "alembic_version", wait=0):
            waiting = plain(bench, "upgrade", "head")
            thread = threading.Thread(target=lambda: ends.append(ended(waiting)))
            thread.start()
            until(lambda: bench.ask("SELECT 1 FROM pg_stat_activity WHERE datname = current_database()"
                                    " AND application_name LIKE 'alembic, run_lock%%'"))  # fmt: skip
            bench.ask("CREATE INDEX CONCURRENTLY by_hand ON customer (name)")
        thread.join(60)

    assert [code for code, _, _ in ends] == [0], ends
    assert bench.current == bench.case.expect["heads"]
