"""Which rows a statement goes through, as far as its text tells: all of a table, or what an index finds. Pure."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from ops import commands
from ops.catalog.names import paths, quoted
from ops.catalog.values import Key
from ops.commands import Command

if TYPE_CHECKING:
    from ops.hazards.subject import Subject

_EQUALS = re.compile(r"<>|!=|=|>|<|\bIN\b|\bBETWEEN\b|\bLIKE\b", re.IGNORECASE)
_OR = re.compile(r"\bOR\b", re.IGNORECASE)
_QUERIES = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "COPY"})
_CATALOGS = frozenset({"pg_catalog", "information_schema"})


def read(subject: Subject) -> tuple[str, ...]:
    """Return the relations that were there before, and that the queries of a statement go through.

    An empty clone does not show that, as the planner reads a full table another way. So a query counts for all rows,
    unless it reads one table alone, where a column that an index finds is equal to something.
    """
    named, through = set[str](), []
    for one in subject.commands:
        if one.verb not in _QUERIES and not (one.verb == "EXPLAIN" and "ANALYZE" in one.options):
            continue
        sources = [source for source in one.sources if source[0] not in _CATALOGS]
        tables = [subject.named(*source) for source in sources]
        named.update(tables)
        if not (len(sources) == 1 and _picks(subject, one, *sources[0])):
            through += tables
    through += [one for one in subject.statement.reads if one not in named]  # as functions and blocks of code read
    return tuple(dict.fromkeys(one for one in through if not subject.is_new_relation(one)))


def _picks(subject: Subject, command: Command, schema: str, name: str) -> bool:
    """Whether a query of one table finds its rows there by an index."""
    found = (command,)
    if command.verb == "INSERT":
        found = commands.parse(command.expression) if command.expression else ()
    if len(found) != 1 or found[0].verb != "SELECT":
        return False
    condition = found[0].where
    columns = _indexed(replace(subject, command=Command(verb="SELECT", schema=schema, name=name)))
    return not _OR.search(condition) and any(
        re.search(rf"(?i)(?<!\w){re.escape(quoted(one))}\s*(=|IN\b)", condition) for one in columns
    )


def is_bounded(subject: Subject) -> bool:
    """Return whether a condition picks rows by a column that an index finds, or by their place in the table."""
    condition = subject.command.where
    if not condition:
        return False
    if subject.command.sources:
        return "LIMIT" in condition.upper()  # as many as the other table has
    columns = {path[-1] for path in paths(condition)}
    if "ctid" in columns:
        return True
    return any(_is_picked(condition, one) for one in columns & _indexed(subject))


def _indexed(subject: Subject) -> set[str]:
    """The columns with which indexes of the command's relation begin."""
    return {_first(subject, key) for key in subject.children("primary key", "unique", "index")} - {""}


def _first(subject: Subject, key: Key) -> str:
    """The first column of an index."""
    definition = str(subject.side.of(key).get("definition", ""))
    inside = definition.partition(" USING ")[2].partition("(")[2] or definition.partition("(")[2]
    found = next(iter(paths(inside)), ("",))
    return found[-1]


def _is_picked(condition: str, column: str) -> bool:
    """Whether a condition compares a column, other than with NULL."""
    text = re.sub(rf"(?i){re.escape(quoted(column))}\s+IS\s+(NOT\s+)?NULL", "", condition)
    return column in {path[-1] for path in paths(text)} and bool(_EQUALS.search(text))
