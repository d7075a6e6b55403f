"""One run per database and version table: a lock by name, of our own session; it ends with it.

Source
------
https://mariadb.com/kb/en/get_lock/
"""

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
    """The session that holds the lock; of another account's a login without the right PROCESS sees the number only."""

    connection_id: int
    account: str = ""

    def __str__(self) -> str:
        return f"connection {self.connection_id}{f' ({self.account})' if self.account else ''}"


def name_of(connection: Connection, schema: str, table: str) -> str:
    """Return the name of the lock: such names are the server's, and not longer than 64 characters on every version."""
    database = connection.exec_driver_sql("SELECT DATABASE()").scalar_one()
    meant = "\0".join((database, schema or database, table))
    return f"alembic_ops.{hashlib.sha256(meant.encode()).hexdigest()[:40]}"


@contextmanager
def run_lock(connection: Connection, schema: str, table: str, *, wait: int) -> Iterator[None]:
    """Hold the lock.

    Raises
    ------
    BusyError
        Somebody else held it for `wait` seconds.
    """
    from sqlalchemy.exc import DBAPIError

    name = name_of(connection, schema, table)
    deadline = time.monotonic() + wait
    while connection.exec_driver_sql("SELECT GET_LOCK(%s, 0)", (name,)).scalar_one() != 1:
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
                connection.exec_driver_sql("SELECT RELEASE_LOCK(%s)", (name,))


def holder(connection: Connection, schema: str, table: str) -> Holder | None:
    """Return who holds the lock now, if anybody."""
    name = name_of(connection, schema, table)
    found = connection.exec_driver_sql("SELECT IS_USED_LOCK(%s)", (name,)).scalar_one()
    if found is None:
        return None
    row = connection.exec_driver_sql(
        "SELECT CONCAT(USER, '@', HOST) FROM information_schema.PROCESSLIST WHERE ID = %s", (found,)
    ).first()
    return Holder(connection_id=found, account=row[0] if row else "")
