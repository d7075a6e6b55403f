"""One run per database and version table."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ops.errors import BusyError

if TYPE_CHECKING:
    from sqlalchemy import Connection

POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """The session that holds the lock."""

    pid: int
    login: str
    application: str
    address: str
    since: str

    def __str__(self) -> str:
        return (
            f"backend {self.pid} ({self.login}, {self.application or 'no application name'}, "
            f"from {self.address}, connected since {self.since})"
        )


def key(schema: str, table: str) -> int:
    """Return the number of the advisory lock that stands for one version table; 64 bits, signed."""
    digest = hashlib.sha256(f"alembic-ops:{schema}.{table}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


@contextmanager
def run_lock(connection: Connection, schema: str, table: str, *, wait: int) -> Iterator[None]:
    """Hold the lock, on a connection that does nothing else meanwhile.

    It is polled: a session blocked inside pg_advisory_lock() holds a snapshot, which the owner's CREATE INDEX
    CONCURRENTLY would wait for until the server calls it a deadlock.

    Raises
    ------
    BusyError
        Somebody else held it for `wait` seconds.
    """
    from sqlalchemy import text
    from sqlalchemy.exc import DBAPIError

    number = key(schema, table)
    deadline = time.monotonic() + wait
    while not connection.execute(text("SELECT pg_catalog.pg_try_advisory_lock(:key)"), {"key": number}).scalar():
        if time.monotonic() >= deadline:
            found = holder(connection, schema, table)
            raise BusyError(
                f"Another run is at work on this database: {found or 'it has just ended'}.",
                next_step="Wait for it to end and run this again, or set `wait` to the seconds to wait.",
            )
        time.sleep(POLL_SECONDS)
    try:
        yield
    finally:
        # A lock ends with its session: where that is lost there is nothing to give back, and what is under way
        # here, an error perhaps that says what was changed, must not be replaced.
        with suppress(DBAPIError):
            if not connection.closed and not connection.invalidated:
                connection.execute(text("SELECT pg_catalog.pg_advisory_unlock(:key)"), {"key": number})


def holder(connection: Connection, schema: str, table: str) -> Holder | None:
    """Return who holds the lock now, if anybody."""
    from sqlalchemy import text

    number = key(schema, table) & 0xFFFFFFFFFFFFFFFF
    row = connection.execute(
        text(
            """
            SELECT l.pid, coalesce(a.usename, '?') AS login, coalesce(a.application_name, '') AS application,
                   coalesce(host(a.client_addr), 'a local socket') AS address,
                   coalesce(to_char(a.backend_start, 'YYYY-MM-DD HH24:MI:SS TZ'), '?') AS since
            FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a USING (pid)
            WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
              AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
              AND l.classid::bigint = :high AND l.objid::bigint = :low
            """
        ),
        {"high": number >> 32, "low": number & 0xFFFFFFFF},
    ).first()
    return None if row is None else Holder(**row._mapping)
