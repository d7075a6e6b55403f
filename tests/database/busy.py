"""Servers on which there is something to see: prepared transactions, replication; and sessions that do it."""

from __future__ import annotations

import fcntl
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from psycopg2 import extensions

from ops import database, embedded, scratch
from ops.embedded import binaries, lease
from ops.live import Live
from ops.settings import TargetSettings
from ops.settings.sections import ProjectSettings
from tests.database.conftest import until

OPTIONS = {
    "max_prepared_transactions": "20",
    "wal_level": "logical",
    "autovacuum": "off",
    "deadlock_timeout": "1h",
    "fsync": "off",  # of what tests wrote, nothing has to survive the machine
}


def start(folder: Path, *, major: int, bin_dir: Path, options: dict[str, str]) -> embedded.Server:
    """Return a server with options that it is started with; the workers of a test session share it."""
    server = lease.start(folder, major=major, bin_dir=bin_dir)
    with open(folder / "options.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with closing(scratch.connect(server)) as connection, connection.cursor() as cursor:
            wrong = []
            for name, value in options.items():
                cursor.execute(f"SHOW {name}")
                if cursor.fetchone() != (value,):
                    wrong.append(name)
                    cursor.execute(f"ALTER SYSTEM SET {name} = {value!r}")
        if wrong:
            pid = int((folder / "data" / "postmaster.pid").read_text().splitlines()[0])
            os.kill(pid, signal.SIGINT)
            until(lambda: not Path(f"/proc/{pid}").exists())
            server = lease.start(folder, major=major, bin_dir=bin_dir)
    return server


@pytest.fixture(scope="session")
def busy_server(home: Path) -> embedded.Server:
    """An embedded PostgreSQL 18 that keeps prepared transactions and replication slots."""
    return start(home / ".ops" / "busy", major=18, bin_dir=binaries.folder_of(18), options=OPTIONS)


@pytest.fixture(scope="session")
def busy_system_server(home: Path, system_server: embedded.Server) -> embedded.Server:
    """The system's PostgreSQL with the same options."""
    folder = home / ".ops" / "busy-system"
    return start(folder, major=system_server.major, bin_dir=system_server.bin_dir, options=OPTIONS)


@dataclass(frozen=True, kw_only=True)
class Room:
    """One database, and whoever is busy in it."""

    server: embedded.Server
    url: str
    stack: ExitStack = field(repr=False)

    @property
    def settings(self) -> TargetSettings:
        """The database as a target."""
        return target(self.url)

    def session(self, application: str = "web", **keys: Any) -> extensions.connection:
        """Return a session of an application, in no transaction yet; it is closed in the end."""
        connection = psycopg2.connect(self.url.replace("+psycopg2", ""), application_name=application, **keys)
        self.stack.callback(connection.close)
        return connection

    def ask(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Return the rows of a query, or nothing for a command; committed."""
        with closing(self.session("test")) as connection:
            connection.autocommit = True
            return run(connection, query, *values)

    def look(self, **options: Any) -> Live:
        """Return one look, as a target of ours takes it."""
        return look(self.settings, **options)

    def begin(self, connection: extensions.connection, query: str) -> threading.Thread:
        """Let a session run what will wait; it ends with its session, whatever becomes of it."""

        def work() -> None:
            try:
                run(connection, query)
            except psycopg2.Error:
                connection.close()  # whoever stood in its way has ended it, or we have

        thread = threading.Thread(target=work)
        thread.start()
        pid = connection.info.backend_pid
        self.stack.callback(thread.join)
        self.stack.callback(self.ask, "SELECT pg_terminate_backend(%s)", pid)
        until(lambda: self.ask("SELECT 1 FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'", pid))
        return thread


def target(url: str, **keys: Any) -> TargetSettings:
    """Return a target that has a URL and not much else."""
    project = ProjectSettings(config=Path("alembic.ini"))
    return TargetSettings(name="shop", source="url", protected=False, project=project, home=Path(), raw_url=url, **keys)


def look(of: TargetSettings, **options: Any) -> Live:
    """Return one look at a target."""
    from ops import activity

    with database.connect(of, purpose="health") as connection:
        return activity.look(connection, **options)


def run(connection: extensions.connection, query: str, *values: object) -> list[tuple[Any, ...]]:
    """Return the rows of a query in the session's transaction."""
    with connection.cursor() as cursor:
        cursor.execute(query, values or None)
        return cursor.fetchall() if cursor.description else []


MakeRoom = Callable[..., Room]


@pytest.fixture
def make_room(request: pytest.FixtureRequest) -> Iterator[MakeRoom]:
    """Make a fresh database on a busy server; what is prepared there is rolled back, and then it is dropped."""
    with ExitStack() as stack:

        def make(fixture: str = "busy_server") -> Room:
            server = request.getfixturevalue(fixture)
            url = stack.enter_context(scratch.database_on(server, prefix="busy"))
            room = Room(server=server, url=url, stack=stack)
            stack.callback(_settle, room)
            return room

        yield make


def _settle(room: Room) -> None:
    for (gid,) in room.ask("SELECT gid FROM pg_prepared_xacts WHERE database = current_database()"):
        room.ask("ROLLBACK PREPARED %s", gid)
    for (slot,) in room.ask("SELECT slot_name FROM pg_replication_slots WHERE database = current_database()"):
        room.ask("SELECT pg_drop_replication_slot(%s)", slot)


@pytest.fixture
def room(make_room: MakeRoom) -> Room:
    """A fresh database on the busy server."""
    return make_room()


@pytest.fixture(params=["busy_server", "busy_system_server"])
def any_room(request: pytest.FixtureRequest, make_room: MakeRoom) -> Room:
    """A fresh database on the newest and on the oldest server that there is."""
    return make_room(request.param)
