"""What a statement outside of a transaction leaves when it fails, and whether it may be run again."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ops import commands
from ops.catalog.names import quoted
from ops.commands import Command
from ops.errors import ProjectError
from ops.project.visit import Visit

_INVALID = """
    SELECT i.indexrelid::bigint AS oid, n.nspname::text AS schema, c.relname::text AS name,
           tn.nspname::text AS table_schema, t.relname::text AS table_name
    FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_class t ON t.oid = i.indrelid JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
    WHERE NOT i.indisvalid AND c.relkind = 'i'
"""
_REINDEXED = re.compile(r"_cc(new|old)\d*\Z")
_ENDS_TRANSACTIONS = frozenset({"?", "DO", "CALL", "COMMIT", "ROLLBACK", "BEGIN", "PREPARE TRANSACTION"})


WAITED_TOO_LONG = ("55P03", "40P01")
"""The SQLSTATEs of a lock timeout and of a deadlock."""


class NotAgainError(Exception):
    """Why a statement must not be run again. It never leaves this room."""


@dataclass(frozen=True, slots=True)
class Invalid:
    """An index that no query may use."""

    oid: int
    schema: str
    name: str
    table_schema: str
    table_name: str

    def __str__(self) -> str:
        return f"{quoted(self.schema)}.{quoted(self.name)}"


class Leftovers:
    """Remembers what was invalid before a statement, so that what is new can be told, and removed."""

    def __init__(self, here: Visit) -> None:
        self._here = here
        self._before: dict[int, Invalid] | None = None

    def before(self, sql: str, *, outside: bool) -> None:
        """A statement is about to run: note what is invalid now, where it could leave more."""
        self._before = None
        if outside and "CONCURRENTLY" in sql.upper():
            self._before = self._invalid()

    def of(self, sql: str) -> tuple[Invalid, ...]:
        """Return the invalid indexes that a failed statement outside of a transaction left: without them, it may be run
        again.

        Raises
        ------
        NotAgainError
            It must not be run again.
        """
        found = commands.parse(sql)
        if any(one.verb in _ENDS_TRANSACTIONS for one in found):
            raise NotAgainError("what it did may be committed in part")
        if any(one.verb == "DETACH PARTITION" and "CONCURRENTLY" in one.options for one in found):
            raise NotAgainError("a partition may be half detached: ALTER TABLE … DETACH PARTITION … FINALIZE ends that")
        builds = [one for one in found if one.verb in ("CREATE INDEX", "REINDEX") and "CONCURRENTLY" in one.options]
        if not builds:
            return ()
        if self._before is None:
            raise NotAgainError("what was there before it is not known")
        new = [one for oid, one in self._invalid().items() if oid not in self._before]
        mine = [one for one in new if _made_by(one, builds)]
        doubtful = sorted(str(one) for one in new if one not in mine)
        if doubtful and not all(one.verb == "CREATE INDEX" and one.index for one in builds):
            raise NotAgainError(f"who made the invalid index {', '.join(doubtful)} is not certain")
        return tuple(sorted(mine, key=str))

    def drop(self, one: Invalid, lock_timeout: str) -> bool:
        """Drop an invalid index through the worker, which may; return whether that got its locks in time.

        Raises
        ------
        NotAgainError
            The server refuses for another reason.
        """
        try:
            answer = self._here.worker.request(
                "execute",
                listener=lambda event: None,
                read_only=False,
                statements=[f"DROP INDEX CONCURRENTLY {one}"],
                settings={"lock_timeout": lock_timeout, "statement_timeout": "0"},
            )
        except ProjectError as error:
            answer = {"why": error.problem, "sqlstate": None}
        if answer["why"] and answer["sqlstate"] not in WAITED_TOO_LONG:
            raise NotAgainError(f"the invalid index {one}, which it left, could not be removed: {answer['why']}")
        return not answer["why"]

    def _invalid(self) -> dict[int, Invalid]:
        rows = self._here.connection.exec_driver_sql(_INVALID).all()
        return {row.oid: Invalid(*row) for row in rows}


def _made_by(one: Invalid, builds: Sequence[Command]) -> bool:
    """Whether an index is certainly what one of these statements has begun to build."""
    base = _REINDEXED.sub("", one.name)
    for build in builds:
        if build.verb == "CREATE INDEX":
            there = build.schema in ("", one.table_schema) and build.name == one.table_name
            if there and build.index == one.name:
                return True
        elif base == one.name:
            continue
        elif build.kind == "index":
            # the server cuts a name that would be too long with its ending
            if build.schema in ("", one.schema) and build.index.startswith(base):
                return True
        elif build.kind == "table" and build.schema in ("", one.table_schema) and build.name == one.table_name:
            return True
    return False
