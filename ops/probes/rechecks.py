"""Will rows still meet the checks and references of a column once it has another type, which has them checked anew."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ops.catalog.names import quoted
from ops.commands import Command
from ops.commands.expressions import mentioned
from ops.probes.constraints import ADDED
from ops.probes.place import Place
from ops.probes.state import Table
from ops.probes.values import Question


def constraints(place: Place, command: Command, table: Table) -> Iterator[Question]:
    """Ask about each check and foreign key of a column, and each foreign key to it, of the values that it will hold."""
    if table.live is None:
        return
    held = [one for one in _checked_again(place, command.column, table) if one.verb in ("ADD CHECK", "ADD FOREIGN KEY")]
    found = mentioned(command.using or quoted(command.column))
    if not held or place.calls(found.functions).settled:
        return  # whether it can be converted is not known, either, and that is said already
    name = command.column
    needed = sorted((found.columns or table.columns.keys()) | {name})
    rows = ", ".join(f"{table.columns[one].sql} AS {quoted(one)}" for one in needed if one in table.columns)
    value = f"CAST(({command.using or quoted(name)}) AS {command.type})"
    computed = f"(SELECT {value} FROM (SELECT {rows}) AS {quoted(table.name[1])})"
    column = replace(table.columns[name], computed=computed, type=command.type)
    place.state.put(table.name, replace(table, columns={**table.columns, name: column}))
    try:
        questions = [question for one in held for question in ADDED[one.verb](place, one)]
    finally:
        place.state.put(table.name, table)
    yield from (replace(one, evaluates=bool(one.sql)) for one in questions)


def _checked_again(place: Place, column: str, table: Table) -> Iterator[Command]:
    assert table.live is not None
    own = [one for one in place.known.constraints(table.live) if one.constraint not in table.constraints]
    own += [one for one in table.constraints.values() if one]
    for one in own:
        of = mentioned(one.expression).columns if one.verb == "ADD CHECK" else frozenset(one.columns)
        if (of is None or column in of) and not one.options & {"NOT VALID", "NOT ENFORCED"}:
            yield replace(one, schema=table.name[0], name=table.name[1])
    for one in place.known.referring(table.live):
        child = place.state.by_live((one.schema, one.name))
        gone = child is None or one.constraint in child.constraints
        assert one.references is not None  # a foreign key has them
        if not gone and child is not table and column in (one.references[2] or table.key):
            assert child is not None
            yield replace(one, schema=child.name[0], name=child.name[1], references=(*table.name, one.references[2]))
