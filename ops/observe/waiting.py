"""A second session's view of a statement that cannot run in a transaction, such as CREATE INDEX CONCURRENTLY.

Its locks come and go in transactions of its own, on an empty clone within an instant. So it is made to wait twice: for
its first lock, which shows what it asks for; and then, where it waits for others to be done with the table, for a
weaker lock and an older snapshot, which shows what it holds meanwhile.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from ops import database
from ops.observe.relations import FIRST_OID
from ops.settings import TargetSettings
from ops.statement import Mode

PAUSE_SECONDS = 0.002

_SEEN = f"""
    SELECT coalesce(relation::bigint, 0), mode, granted FROM pg_catalog.pg_locks
    WHERE pid = ANY (%s) AND (NOT granted OR (locktype = 'relation' AND relation >= {FIRST_OID}))
"""


class Watch:
    """What was seen so far; ended by `end`, which returns it."""

    def __init__(self, settings: TargetSettings, pids: Iterable[int], tables: tuple[str, ...]) -> None:
        """`tables` are those that the statement is about, by their qualified names."""
        self._settings = settings
        self._pids = list(pids)
        self._tables = tables
        self._seen: set[tuple[int, str]] = set()
        self._error: Exception | None = None
        self._ready = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._ready.wait()

    def end(self) -> set[tuple[int, str]]:
        """Return the OIDs and modes that were seen, asked for or held.

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
                self._holding(Mode.ACCESS_SHARE) as last,
                self._holding(Mode.SHARE_UPDATE_EXCLUSIVE) as first,
            ):
                releases = [last, first]
                self._ready.set()
                while not self._over.is_set():
                    rows = eyes.exec_driver_sql(_SEEN, (self._pids,)).all()
                    self._seen.update((oid, mode) for oid, mode, _ in rows if oid)
                    if releases and any(not granted for _, _, granted in rows):
                        releases.pop()()
                    self._over.wait(PAUSE_SECONDS)
        except Exception as error:  # told by `end`, in the thread that asked
            self._error = error
        finally:
            self._ready.set()

    @contextmanager
    def _holding(self, mode: Mode) -> Iterator[Callable[[], None]]:
        """Hold a lock on each table, and a snapshot with the weaker one, until what is yielded is called."""
        with database.connect(self._settings, purpose="observe") as connection:
            begin = "BEGIN"
            if mode is Mode.ACCESS_SHARE:
                begin = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM pg_catalog.pg_class LIMIT 1"
            connection.exec_driver_sql(begin)
            for name in self._tables:
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
