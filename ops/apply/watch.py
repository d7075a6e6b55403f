"""What a statement that takes its time waits for, seen over a connection of our own while it waits."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from ops import activity, database
from ops.errors import OpsError
from ops.health.words import doing, locks, who
from ops.live import Session
from ops.settings import TargetSettings, seconds
from ops.statement import brief

if TYPE_CHECKING:
    from sqlalchemy import Connection

TICK_SECONDS = 0.05
"""How often one looks, and so how exact a waiting time is. What ends sooner is never looked at."""

SHOWN = 3
QUERY_CHARACTERS = 200

_WAITING = """
    SELECT pg_catalog.pg_blocking_pids(pid) AS blocked_by FROM pg_catalog.pg_locks
    WHERE pid = ANY (%s) AND NOT granted GROUP BY pid
"""


class Watch:
    """Looks on while statements run; `close` ends it. The connection is opened when it is first needed."""

    def __init__(self, settings: TargetSettings, pids: set[int]) -> None:
        """`pids`: the server's processes of the worker; it grows as the worker connects."""
        self._settings = settings
        self._pids = pids
        shortest = min(seconds(settings.limits.lock_timeout), seconds(settings.limits.lock_timeout_long))
        self._tick = min(TICK_SECONDS, max(shortest / 4, 0.005))
        self._guard = threading.Lock()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._began: float | None = None
        self._since: float | None = None
        self._waited = 0.0
        self._held_by: frozenset[int] = frozenset()
        self._blockers: tuple[Session, ...] = ()
        self._trouble = ""

    def begin(self) -> None:
        """A statement starts."""
        with self._guard:
            self._began = time.monotonic()
            self._since, self._waited, self._held_by, self._blockers = None, 0.0, frozenset(), ()
        if self._thread is None:
            self._thread = threading.Thread(target=self._look, daemon=True)
            self._thread.start()

    def end(self) -> float:
        """A statement has ended: return for how long it waited for locks, in seconds, about."""
        with self._guard:
            self._settle()
            self._began = None
            waited, self._waited = self._waited, 0.0
            return round(waited, 3)

    def close(self) -> None:
        """End the thread and its connection."""
        self._over.set()
        if self._thread is not None:
            self._thread.join(timeout=10)

    @property
    def blockers(self) -> str:
        """Who stood in the way of the last statement, a sentence each; empty where nobody was seen."""
        with self._guard:
            found, trouble = self._blockers, self._trouble
        if not found:
            return f"Who held it could not be seen: {trouble}" if trouble else ""
        more = f" And {len(found) - SHOWN} more." if len(found) > SHOWN else ""
        return " ".join(f"In the way: {described(one)}." for one in found[:SHOWN]) + more

    def _look(self) -> None:
        try:
            while not self._over.wait(self._tick):
                if self._is_slow() and self._pids:
                    with database.connect(self._settings, purpose="watch") as connection:
                        while not self._over.wait(self._tick):
                            self._ask(connection)
        except OpsError as error:  # the run goes on; whoever asks for the blockers is told why there are none
            with self._guard:
                self._trouble = error.problem
                self._settle()

    def _is_slow(self) -> bool:
        began = self._began
        return began is not None and time.monotonic() - began >= self._tick

    def _ask(self, connection: Connection) -> None:
        if not self._is_slow():
            return
        began = self._began
        rows = connection.exec_driver_sql(_WAITING, (list(self._pids),)).scalars().all()
        held_by = frozenset(pid for pids in rows for pid in pids)
        seen: tuple[Session, ...] = ()
        if held_by and held_by != self._held_by:
            seen = standing_in_the_way(activity.sessions_now(connection), held_by, self._pids)
        with self._guard:
            if began is None or self._began != began:
                return  # another statement meanwhile
            if rows and self._since is None:
                self._since = time.monotonic() - self._tick / 2
            elif not rows:
                self._settle()
            if seen:
                self._held_by, self._blockers = held_by, seen

    def _settle(self) -> None:
        """Add a wait that has ended."""
        if self._since is not None:
            self._waited += time.monotonic() - self._since
            self._since = None


def standing_in_the_way(
    sessions: Iterable[Session], held_by: frozenset[int], waiting: Iterable[int]
) -> tuple[Session, ...]:
    """Return the sessions that the server names, those that wait for nobody first; prepared ones by what they hold.

    Of the locks of each only those on what is waited for are kept, where that is a relation.
    """
    sessions, waiting = tuple(sessions), frozenset(waiting)
    wanted = {name for one in sessions if one.pid in waiting for name, _ in one.waits_for}
    found = []
    for one in sessions:
        holds = tuple(lock for lock in one.holds if lock[0] in wanted)
        if one.pid in held_by - {0} or (one.pid == 0 and 0 in held_by and holds):
            found.append(replace(one, holds=holds or one.holds))
    return tuple(sorted(found, key=lambda one: (bool(one.blocked_by), -(one.transaction_seconds or 0.0))))


def described(one: Session) -> str:
    """Return who a session is, what it does since when, what it holds, and its query without the values in it."""
    text = f"{who(one)}, {doing(one)}"
    if one.holds:
        text += f", holds {locks(one.holds)}"
    if one.query:
        query = brief(one.query.rstrip(".; \n"), limit=QUERY_CHARACTERS)
        text += f", {'runs' if one.state == 'active' else 'ran'}: {query}"
    return text
