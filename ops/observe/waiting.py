"""A second session's view of a statement that cannot run in a transaction, such as CREATE INDEX CONCURRENTLY.

Its locks come and go in transactions of its own, on an empty clone within an instant. So something is held that it has
to wait for, an older snapshot and a lock on its table, until its locks have been seen.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ops import database
from ops.observe.relations import FIRST_OID
from ops.settings import TargetSettings
from ops.statement import Mode

if TYPE_CHECKING:
    from sqlalchemy import Connection

PAUSE_SECONDS = 0.002

_SEEN = f"""
    SELECT coalesce(relation::bigint, 0), mode, granted FROM pg_catalog.pg_locks
    WHERE pid = ANY (%s) AND (NOT granted OR (locktype = 'relation' AND relation >= {FIRST_OID}))
"""


class Watch:
    """What was seen so far; ended by `end`, which returns it."""

    def __init__(self, settings: TargetSettings, pids: Iterable[int], held: tuple[str, ...], mode: Mode) -> None:
        """`held` are the relations that the statement is about, by their qualified names, to be locked in this mode."""
        self._settings = settings
        self._pids = list(pids)
        self._held = held
        self._mode = mode
        self._seen: set[tuple[int, str]] = set()
        self._error: Exception | None = None
        self._ready = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._ready.wait()

    def end(self) -> set[tuple[int, str]]:
        """Return the OIDs and modes that were seen.

        Raises
        ------
        OpsError
            The second session was refused or lost.
        """
        self._over.set()
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._seen

    def _run(self) -> None:
        try:
            with (
                database.connect(self._settings, purpose="observe") as eyes,
                database.connect(self._settings, purpose="observe") as hand,
                _holding(hand, self._held, self._mode) as release,
            ):
                self._ready.set()
                while not self._over.is_set():
                    rows = eyes.exec_driver_sql(_SEEN, (self._pids,)).all()
                    self._seen.update((oid, mode) for oid, mode, _ in rows if oid)
                    if any(not granted for _, _, granted in rows):
                        release()
                    self._over.wait(PAUSE_SECONDS)
        except Exception as error:  # told by `end`, in the thread that asked
            self._error = error
        finally:
            self._ready.set()


@contextmanager
def _holding(connection: Connection, relations: tuple[str, ...], mode: Mode) -> Iterator[Callable[[], None]]:
    """Hold a snapshot, and a lock on some relations, until `release` is called."""
    connection.exec_driver_sql("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    connection.exec_driver_sql("SELECT 1 FROM pg_catalog.pg_class LIMIT 1")
    for name in relations:
        connection.exec_driver_sql(f"LOCK TABLE {name} IN {mode.sql} MODE".replace("%", "%%"))
    held = [True]

    def release() -> None:
        if held:
            held.clear()
            connection.exec_driver_sql("ROLLBACK")

    try:
        yield release
    finally:
        release()
