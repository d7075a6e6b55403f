"""The same statement, but not waiting for long, and not with others."""

from __future__ import annotations

from ops.hazards.fixes.code import body, briefly, clean, execute, noted, one_by_one
from ops.hazards.subject import Subject


def in_time(subject: Subject) -> str:
    """Return the statement as it is, with a limit on how long it waits for its lock."""
    statement = execute(clean(subject.statement.sql))
    if not subject.statement.autocommit:
        return noted("If the lock is not free within that time, nothing has happened: try again.", briefly(statement))
    return one_by_one(statement)


def alone(subject: Subject) -> str:
    """Return the statement as the only one of its revision, so that its lock goes as soon as it can."""
    return noted("A revision of its own, so that the lock goes at once.", body(in_time(subject)))
