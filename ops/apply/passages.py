"""When each statement of a run began and ended, beside the locks that its plan has seen it take."""

from __future__ import annotations

import time

from ops.locktimes import Passage
from ops.plan.kept import KeptPlan


class Passages:
    """Follows a run by the worker's events."""

    def __init__(self, plan: KeptPlan | None) -> None:
        self._plan = plan
        self._first: float | None = None
        self._began = 0.0
        self._revision = ""
        self._found: list[Passage] = []

    @property
    def found(self) -> tuple[Passage, ...]:
        """The statements so far that the plan knows, in seconds from the beginning of the first."""
        return tuple(self._found)

    def revision(self, revision: str) -> None:
        """A revision starts; where it starts again, what was rolled back is forgotten."""
        self._revision = revision
        self._found = [one for one in self._found if one.statement.revision != revision]

    def begin(self) -> None:
        """A statement starts."""
        self._began = time.monotonic()
        self._first = self._began if self._first is None else self._first

    def end(self, sql: str) -> None:
        """It has run."""
        known = self._plan.statement(self._revision, sql) if self._plan else None
        if known is None or known.bookkeeping or self._first is None:
            return
        begin, end = self._began - self._first, time.monotonic() - self._first
        self._found.append(Passage(statement=known, begin=begin, end=end))
