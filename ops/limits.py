"""Time limits of one statement, by the lock that it waits for. Pure.

Whoever waits for a lock that reads or writes clash with makes everybody wait who comes after: that is cut short. What
only other schema changes and VACUUM clash with may be waited for longer, as nobody queues behind it. What is not
certain gets the short limit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Protocol

from ops.commands import Command, parse, reads_only
from ops.statement import Mode, Statement

LOCK, STATEMENT = "lock_timeout", "statement_timeout"
"""The settings that are put in force before a statement."""

_CONCURRENT = frozenset({"CREATE INDEX", "DROP INDEX", "REINDEX", "DETACH PARTITION"})
_SHARE_UPDATE_EXCLUSIVE = frozenset(
    {"VALIDATE CONSTRAINT", "ANALYZE", "SET STATISTICS", "CREATE STATISTICS", "CLUSTER ON", "COMMENT"}
)
_BUILDS = frozenset({"CREATE INDEX", "REINDEX", "VALIDATE CONSTRAINT"})
_CONTROL = frozenset(
    {"BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE SAVEPOINT", "ROLLBACK TO SAVEPOINT", "PREPARE TRANSACTION"}
)
_ANYTHING = frozenset({"?", "DO", "CALL", "SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "COPY"})
"""Verbs whose locks are another matter with each run, so that what one run on a clone took proves nothing."""

# Without one of these words a text is short, sets nothing and is no word to the transaction: it need not be parsed.
_TELLING = re.compile(
    r"\b(VALIDATE|CONCURRENTLY|ANALY[SZ]E|VACUUM|STATISTICS|CLUSTER|COMMENT|INDEX|REINDEX|ATTACH|RESET|DISCARD|SELECT"
    r"|SHOW|SAVEPOINT|RELEASE|ROLLBACK|ABORT|BEGIN|START|COMMIT|END|PREPARE|\w*_timeout)\b|\A\s*SET\b|;\s*SET\b",
    re.IGNORECASE,
)


class Limits(Protocol):
    """What a target allows: times as PostgreSQL writes them, such as `2s`; 0 is none at all."""

    @property
    def lock_timeout(self) -> str:
        """For locks that readers or writers queue behind."""
        ...

    @property
    def lock_timeout_long(self) -> str:
        """For those that only other schema changes and VACUUM queue behind."""
        ...

    @property
    def statement_timeout(self) -> str:
        """For a statement as a whole."""
        ...

    @property
    def statement_timeout_long(self) -> str:
        """For one that builds an index or validates a constraint."""
        ...


def short(limits: Limits) -> dict[str, str]:
    """Return the settings of whatever nothing else is known of."""
    return {LOCK: limits.lock_timeout, STATEMENT: limits.statement_timeout}


def read(sql: str, measured: Statement | None = None) -> tuple[Command, ...]:
    """Return what a text does, as far as its limits depend on it: none where it is plainly one of the short kind."""
    telling = _TELLING.search(sql) or _strongest(measured) is Mode.SHARE_UPDATE_EXCLUSIVE
    return parse(sql) if telling else ()


def settings(
    found: Sequence[Command], limits: Limits, *, measured: Statement | None = None, held: bool = False
) -> dict[str, str]:
    """Return what is to be in force while a statement runs.

    A text of several statements has the most careful limits of its parts. `measured` is the same statement as it ran on
    a clone. `held`: its transaction has locks already that others wait for, so that nothing in it may wait for long.
    """
    patient = not held and is_long(found, measured)
    builds = bool(found) and all(one.verb in _BUILDS for one in found)
    return {
        LOCK: limits.lock_timeout_long if patient else limits.lock_timeout,
        STATEMENT: limits.statement_timeout_long if builds else limits.statement_timeout,
    }


def is_long(found: Sequence[Command], measured: Statement | None = None) -> bool:
    """Return whether nobody but other schema changes and VACUUM queues behind a statement that waits for its locks.

    Source
    ------
    https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-TABLES
    """
    if not found or any(one.verb in _ANYTHING for one in found):
        return False
    if all(one.verb in _CONCURRENT and "CONCURRENTLY" in one.options for one in found):
        return True
    strongest = _strongest(measured)
    if strongest is not None:
        return strongest is Mode.SHARE_UPDATE_EXCLUSIVE
    return all(_asks_little(one) for one in found)


def keeps_out(found: Sequence[Command], measured: Statement | None = None) -> bool:
    """Return whether, once a statement has run, its transaction may hold something that others wait for."""
    if found and all(one.verb in _CONTROL or one.verb in ("SET", "RESET", "SHOW") for one in found):
        return False
    if reads_only(found):
        return False
    if measured is not None and measured.measured:
        return any(lock.mode > Mode.ROW_SHARE for lock in measured.locks) and not is_long(found, measured)
    return not is_long(found, measured)


def is_control(found: Sequence[Command]) -> bool:
    """Return whether a statement only begins or ends a transaction, or a part of one: nothing can be set before it."""
    return bool(found) and all(one.verb in _CONTROL for one in found)


def own_settings(found: Sequence[Command], sql: str) -> Mapping[str, bool]:
    """Return the limits that a statement sets itself, each with whether only its transaction has them."""
    own: dict[str, bool] = {}
    for one in found:
        if one.verb in ("SET", "RESET"):
            names = (LOCK, STATEMENT) if one.name.upper() == "ALL" else (one.name.lower(),)
            own.update((name, "LOCAL" in one.options) for name in names if name in (LOCK, STATEMENT))
        elif any(name == "set_config" for _, name in one.functions):
            own.update((name, False) for name in (LOCK, STATEMENT) if name in sql.lower())
    return own


class Pace:
    """Follows the statements of a run: what each may wait for, what its transaction holds, what it sets itself."""

    def __init__(self, allowed: Limits) -> None:
        self._allowed = allowed
        self._held = False
        self._own: dict[str, bool] = {}

    def begin(self) -> dict[str, str]:
        """Return the settings with which a revision begins."""
        self._held = False
        self._own.clear()
        return short(self._allowed)

    def before(
        self, sql: str, *, outside: bool, measured: Statement | None = None
    ) -> tuple[dict[str, str], frozenset[str]]:
        """Return the settings that a statement is to have, and the names of those that it is the first to set itself.

        No settings, where it only ends a transaction; what the migration has set itself is left as it is. `outside`: it
        runs outside of a transaction.
        """
        found = read(sql, measured)
        if is_control(found):
            return {}, frozenset()
        self._held = self._held and not outside
        wanted = settings(found, self._allowed, measured=measured, held=self._held)
        wanted = {name: value for name, value in wanted.items() if name not in self._own}
        self._held = not outside and (self._held or keeps_out(found, measured))
        own = own_settings(found, sql)
        new = frozenset(own) - self._own.keys()
        self._own.update(own)
        return wanted, new

    def commit(self) -> None:
        """A transaction ends: it holds nothing any more, and what it set for itself is gone."""
        self._held = False
        self._own = {name: local for name, local in self._own.items() if not local}


def _asks_little(one: Command) -> bool:
    if one.verb == "VACUUM":
        return "FULL" not in one.options
    if one.verb in _CONCURRENT:
        return "CONCURRENTLY" in one.options
    # A view or an index of that name may be meant as well: the lock is the same, or none.
    return one.verb in _SHARE_UPDATE_EXCLUSIVE


def _strongest(measured: Statement | None) -> Mode | None:
    if measured is None or not measured.measured:
        return None
    return max((one.mode for one in measured.locks), default=None)
