"""How far a run has come."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field

from ops.apply.run import AppliedRevision
from ops.project.visit import Step

COMMITS = re.compile(r"\s*(COMMIT|END)\b", re.IGNORECASE)
"""How a statement begins that a migration ends its transaction with."""


@dataclass(slots=True)
class Progress:
    """What is known of the run so far; the only thing in this room that moves."""

    heads: tuple[str, ...]
    applied: list[AppliedRevision] = field(default_factory=list)
    retried: int = 0
    running: Step | None = None
    started: float = 0.0
    done: list[str] = field(default_factory=list)
    """Statements of the running revision whose fate its transaction decides."""
    committing: list[str] = field(default_factory=list)
    """Statements whose transaction is being committed: whether it was, the next event tells."""
    committed: list[str] = field(default_factory=list)
    """Statements of the running revision that stay, whatever becomes of it."""
    outside: str = ""
    """The statement that runs outside of any transaction now."""
    refused: bool = False
    """What was under way last was certainly not done: the server said so, or it was not let through."""
    catalog: str = ""
    """The fingerprint of the schema afterwards, where it was read."""
    unproved: str = ""
    """Why it is not known whether the schema is as it should be."""
    waited: float = 0.0
    """Seconds that the running revision waited for locks, in all attempts."""

    def begin(self, step: Step | None) -> None:
        """A revision starts, or starts again."""
        if step is None or step is not self.running:
            self.waited = 0.0
        self.running = step
        self.started = time.monotonic()
        for one in (self.done, self.committing, self.committed):
            one.clear()
        self.outside = ""
        self.refused = False

    def starts(self, sql: str, *, outside: bool, commits_ahead: bool = False) -> None:
        """A statement is about to run, so what was being committed is.

        `commits_ahead`: before it runs, the server commits what the transaction has done.
        """
        self._stays()
        self.outside = sql if outside else ""
        if commits_ahead or COMMITS.match(sql):
            self.commits()

    def failed(self, *, began: bool) -> None:
        """The statement before which the server was to commit failed; it did so where it had begun with it."""
        if not self.outside:
            return
        if began:
            self._stays()
        else:
            self.done, self.committing = self.committing, []

    def stopped(self) -> None:
        """The statement that was about to run does not."""
        self.outside = ""
        self.refused = True

    def ended(self, sql: str) -> None:
        """The statement has run."""
        self.done.append(sql)
        if self.outside or COMMITS.match(sql):
            self.commits()
            self._stays()
        self.outside = ""

    def commits(self) -> None:
        """What the revision did so far is about to be committed."""
        self.committing += self.done
        self.done.clear()

    def in_doubt(self, version_table: str) -> tuple[str, ...]:
        """Return the statements of which nobody was told whether they are committed.

        Where the version table's row is among them, that tells it of all.
        """
        if self.refused or any(version_table in one for one in self.committing):
            return ()
        return (*self.committing, *((self.outside,) if self.outside else ()))

    def _stays(self) -> None:
        self.committed += self.committing
        self.committing.clear()
