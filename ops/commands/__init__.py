"""What statements do, as values: `parse` turns SQL into commands. Pure: no connection, no project.

PostgreSQL's own parser is loaded when it is first needed.
"""

from __future__ import annotations

from collections.abc import Callable

from ops.commands.questions import is_data_only, may_write_rows, reads_only, returns_rows
from ops.commands.text import normalised, placeholders
from ops.commands.values import Command

__all__ = [
    "Command",
    "is_data_only",
    "may_write_rows",
    "normalised",
    "parse",
    "placeholders",
    "reads_only",
    "returns_rows",
    "split",
]


def parse(sql: str, *, resolve: Callable[[str], str] | None = None) -> tuple[Command, ...]:
    """Return what a text of one or more statements does, a command for each action.

    `resolve` gives the schema of a relation or type that is named without one, empty where it knows none. What a driver
    is yet to fill in may stand in the text. Nothing is raised: what the parser refuses is one command `?`.
    """
    from ops.commands import reading

    return reading.commands(sql, resolve)


def split(sql: str) -> tuple[str, ...]:
    """Return the statements of a text, without the semicolons between them; all of it where it cannot be parted."""
    from ops.commands import reading

    return reading.statements(sql)
