"""One run per database and version table."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ops import locking
from ops.errors import BusyError
from ops.locking import POLL_SECONDS, key

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["Holder", "holder", "key", "run_lock"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """The session that holds the lock.

    `address` and `connected_since` are empty where the server hides them from this role. `held_since` is when the lock
    was taken, by the server's clock; empty where whoever took it left no mark.
    """

    pid: int
    login: str
    application: str
    address: str
    held_since: str
    connected_since: str

    def __str__(self) -> str:
        return locking.described(
            (self.pid, self.login, self.application, self.address, self.held_since, self.connected_since)
        )


@contextmanager
def run_lock(connection: Connection, schema: str, table: str, *, wait: int) -> Iterator[None]:
    """Hold the lock, on a connection on which no transaction is open meanwhile.

    It is polled: a session blocked inside pg_advisory_lock() holds a snapshot, which the owner's CREATE INDEX
    CONCURRENTLY would wait for until the server calls it a deadlock.

    Raises
    ------
    BusyError
        Somebody else held it for `wait` seconds.
    """
    from sqlalchemy.exc import DBAPIError

    number = key(schema, table)
    deadline = time.monotonic() + wait
    while True:
        taken, stamp = connection.exec_driver_sql(locking.attempt(number)).one()
        if taken:
            break
        if time.monotonic() >= deadline:
            found = holder(connection, schema, table)
            raise BusyError(
                f"Another run is at work on this database: {found or 'it has just ended'}.",
                next_step="Wait for it to end and run this again, or set `wait` to the seconds to wait.",
            )
        time.sleep(POLL_SECONDS)
    try:
        connection.exec_driver_sql(locking.since(number, stamp))
        yield
    finally:
        # A lock ends with its session: where that is lost there is nothing to give back, and what is under way
        # here, an error perhaps that says what was changed, must not be replaced.
        with suppress(DBAPIError):
            if not connection.closed and not connection.invalidated:
                connection.exec_driver_sql(locking.since(number, stamp, unlock=True))
                connection.exec_driver_sql(f"SELECT pg_catalog.pg_advisory_unlock({number})")


def holder(connection: Connection, schema: str, table: str) -> Holder | None:
    """Return who holds the lock now, if anybody."""
    row = connection.exec_driver_sql(locking.who(key(schema, table))).first()
    if row is None:
        return None
    pid, login, application, address, held, connected = row
    return Holder(
        pid=pid, login=login, application=application, address=address, held_since=held, connected_since=connected
    )
