"""What the server does for a run right now: the statement, for how long, and who stands in its way."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from ops import activity, database, dialects, display
from ops.errors import OpsError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from ops.settings import TargetSettings

EVERY_SECONDS = 1.0
WORKER = "alembic-ops worker"
_QUERY = 160


class Pulse:
    """Asks now and then, over one connection that is opened when it is first needed. It never disturbs a run."""

    def __init__(self, settings: TargetSettings) -> None:
        self._settings = settings
        self._stack = ExitStack()
        self._connection: Connection | None = None
        self._asked = 0.0
        self._said = ""

    def said(self) -> str:
        """Return one sentence; nothing where no statement runs, where the server does not tell, or there is none."""
        if not dialects.of(self._settings).is_postgresql:
            return ""
        if time.monotonic() - self._asked >= EVERY_SECONDS:
            self._asked = time.monotonic()
            try:
                self._said = self._ask()
            except OpsError:
                self._said = ""
        return self._said

    def close(self) -> None:
        """Give the connection back."""
        self._stack.close()

    def _ask(self) -> str:
        if self._connection is None:
            self._connection = self._stack.enter_context(database.connect(self._settings, purpose="panel"))
        sessions = activity.sessions_now(self._connection)
        at_work = next((one for one in sessions if one.application == WORKER and one.state == "active"), None)
        if at_work is None:
            return ""
        query = at_work.query if len(at_work.query) <= _QUERY else at_work.query[:_QUERY] + "…"
        said = f"for {display.duration(at_work.state_seconds or 0.0)}: {query}"
        if at_work.progress:
            said += f" ({at_work.progress})"
        blockers = [one for one in sessions if one.pid in at_work.blocked_by]
        if at_work.blocked_by:
            who = ", ".join(f"{one.user} in session {one.pid} ({one.application or 'unnamed'})" for one in blockers)
            said += f" · waits for a lock that is held by {who or 'somebody whom this role may not see'}"
        return said
