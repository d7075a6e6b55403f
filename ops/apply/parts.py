"""How much of the running revision is committed, put on record as it comes about; what an earlier run committed of it
is passed over.

A revision that commits in parts, by statements outside of a transaction, can die between two of them. What changes
the schema shows afterwards; what changes rows does not, and nobody could tell whether it may be run again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ops import commands
from ops.apply.progress import COMMITS
from ops.commands import Command
from ops.dialects import Dialect
from ops.errors import MigrationError
from ops.ledger import NONE, Passed
from ops.project import Answer, Event

_SESSION = frozenset({"SET", "RESET", "BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "LOCK TABLE"})
_COMMITS_INSIDE = frozenset({"DO", "CALL", "?"})
_LOST = ("08", "57P", "40003")
"""How the SQLSTATEs begin of a connection that was lost, whatever became of its statement."""

NOT_PARSED = "42601"
"""The server did not begin with a statement: it is not written as it should be."""

_SHORT = 2_000
_UNREAD = 100
"""So many statements are kept at most before they are looked into: a migration may have millions."""


class Parts:
    """Follows the statements of one revision after the other."""

    def __init__(
        self, write: Callable[..., None], version_table: str, passed: Passed | None, *, dialect: Dialect
    ) -> None:
        """`write` puts a part on record. `passed` are the statements of the first revision that are committed."""
        self._commits_inside = frozenset() if dialect.is_file else _COMMITS_INSIDE
        self._commits_ahead = dialect.commits_ahead
        self._passed_over: Answer = {"go": True, "parts": [dialect.passed_over]}
        self._parse = dialect.parse
        self._write = write
        self._table = version_table
        self._passed = passed
        self._begun = 0
        self.running = ""
        """The text of the last statement, as the project has it."""
        self._revision = ""
        self._reset()

    def _reset(self) -> None:
        self._here = self._committed = NONE
        self._open = False  # what is on record says that it is not certain
        self._committing = False
        self._changed = False  # the transaction changes something
        self._rows = self._rows_before = False
        self._doing = ""
        self._ahead = False  # what ran before the last statement is committed when the server begins with that
        self._unread: list[str] = []  # statements of the transaction whose text nobody has looked into yet
        self._old: list[str] = []  # of one that is committed

    def begin(self, revision: str) -> None:
        """A revision starts, or starts again."""
        self._begun += revision != self._revision
        self._revision = revision
        self._reset()

    def before(self, event: Event) -> Answer | str | None:
        """A statement is about to run: return an answer that passes it over, why it must not run, or nothing."""
        if self._committing:
            self._commit()  # it goes on, so that went well
        sql = self.running = self._doing = event["sql"]
        self._ahead = self._commits_ahead and bool(event["autocommit"])
        passed = self._passed if self._begun == 1 else None
        # A revision in one transaction needs no parts, and so nobody has to understand its statements.
        if passed is None and not event["autocommit"] and not COMMITS.match(sql):
            self._unread.append(sql)
            if len(self._unread) > _UNREAD:
                self._read()
            if self._open:
                self._put(self._committed)
            return None
        found = self._parse(sql)
        changes = _changes(found)
        self._rows = self._rows or commands.may_write_rows(found)
        if passed is not None and self._here.count < passed.count:
            if self._table in sql and event.get("line") is None:
                return "it has fewer statements than are committed of it"
            return self._passed_over if changes else None
        if passed is not None and self._here.count == passed.count and self._here != passed:
            return "its statements are not those that are committed of it"
        if event["autocommit"] and changes:
            self._put(self._here.then(sql), sql)
        elif COMMITS.match(sql):
            self._will_commit()
        elif self._open:
            self._put(self._committed)
        self._changed = self._changed or (changes and not event["autocommit"])
        return None

    def done(self, *, outside: bool) -> None:
        """The statement was run, or passed over; `outside`: it is committed by itself."""
        self._here = self._here.then(self.running)
        if outside or COMMITS.match(self.running):
            self._commit()
            if self._open:
                self._put(self._committed)
        self._doing = ""

    def committing(self) -> None:
        """A transaction is about to be committed; the one that has the version table's row ends the revision."""
        if self._table not in self.running:
            self._will_commit()
        self._committing = True

    def failed(self, error: MigrationError) -> bool:
        """A statement failed, or a commit: return whether it is certain that nothing of that is committed.

        That is on record then: it is where the server itself said why.
        """
        found = self._parse(self._doing) if self._doing else ()
        told = was_told(error.sqlstate) and not any(one.verb in self._commits_inside for one in found)
        if told and self._ahead and error.sqlstate != NOT_PARSED:
            self._commit()
        if told and self._open:
            self._put(self._committed)
        return told

    def _will_commit(self) -> None:
        """Of a transaction that passes statements over, nothing has to be said."""
        self._read()
        if self._changed:
            self._put(self._here)

    def _commit(self) -> None:
        self._committing = False
        self._committed = self._here
        self._rows_before = self._rows
        self._changed = False
        self._old += self._unread
        self._unread = []

    def _read(self) -> None:
        """Look into the statements that were left for when it matters."""
        for sql in self._old:
            self._rows_before = self._rows_before or commands.may_write_rows(self._parse(sql))
        self._rows = self._rows or self._rows_before
        for sql in self._unread:
            found = self._parse(sql)
            self._rows = self._rows or commands.may_write_rows(found)
            self._changed = self._changed or _changes(found)
        self._old, self._unread = [], []

    def _put(self, possible: Passed, running: str = "") -> None:
        self._read()
        self._open = self._committed != possible
        self._write(
            revision=self._revision,
            committed={"count": self._committed.count, "digest": self._committed.digest},
            possible={"count": possible.count, "digest": possible.digest},
            running=running[:_SHORT],
            writes_rows=self._rows if self._open else self._rows_before,
        )


def was_told(sqlstate: str | None) -> bool:
    """Return whether the server itself said that it refused a statement; where the connection was lost, it did not."""
    return sqlstate is not None and not sqlstate.startswith(_LOST)


def _changes(found: Sequence[Command]) -> bool:
    return not commands.reads_only(found) and any(one.verb not in _SESSION for one in found)
