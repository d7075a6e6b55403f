"""Will rows lie outside of a partition's bounds, or in the default partition where they may stay no longer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ops import commands
from ops.catalog.names import literal
from ops.commands import Command
from ops.probes import constraints, references, source
from ops.probes.known import Name
from ops.probes.place import Place
from ops.probes.state import Table
from ops.probes.values import Doubt, Question

_UNBOUNDED = frozenset({"MINVALUE", "MAXVALUE"})


def create_partition(place: Place, command: Command) -> Iterator[Question]:
    """Whether the default partition has rows for a new one."""
    if command.parent is None:
        return
    parent = place.state.find(place.state.full(*command.parent))
    if parent and parent.partition_key and not ("IF NOT EXISTS" in command.options and place.state.of(command)):
        yield from _in_default(place, parent, command.value)


def attach(place: Place, command: Command) -> Iterator[Question]:
    """Whether all rows of a table may be in the partition that it becomes."""
    parent = place.state.of(command)
    name = place.state.full(*command.objects[0])
    as_child = replace(command, schema=name[0], name=name[1])
    bounds = "the default" if command.value == "DEFAULT" else command.value
    for child in place.table(as_child, f"Has {'.'.join(name)} rows outside of {bounds}?"):
        if isinstance(child, Question):
            yield child
            continue
        words = f"Has {child.sql} rows outside of {bounds}?"
        if parent is None or parent.partition_key is None:
            yield place.ask(words, doubt=Doubt.of(f"{command.name} is not in the live catalog as a partitioned table"))
            continue
        yield _outside(place, parent, child, command.value, words)
        yield from _inherited(place, parent, as_child)
    if parent and parent.partition_key and command.value != "DEFAULT":
        yield from _in_default(place, parent, command.value)


def _outside(place: Place, parent: Table, child: Table, bounds: str, words: str) -> Question:
    assert parent.partition_key is not None
    if bounds != "DEFAULT":
        inside = within(parent, bounds)
        where = f"({inside}) IS NOT TRUE" if inside else ""
    else:
        others = [within(parent, str(one["bounds"])) for _, one in _siblings(place, parent) if one["bounds"] != bounds]
        where = " OR ".join(f"({one})" for one in others if one) or "false"
        where = "" if None in others else where
    columns, doubt = place.mentioned(child, *parent.partition_key.elements)
    if not where:
        return place.ask(words, doubt=doubt | Doubt.of("no query is known for these bounds"))
    return place.counting(words, child, columns, where, doubt=doubt)


def _siblings(place: Place, parent: Table) -> Iterator[tuple[Name, dict[str, object]]]:
    """The partitions that a table has on live, and has still."""
    for name in place.known.children.get(parent.live or ("", ""), ()):
        found = place.known.table(name)
        if found and "bounds" in found and name not in place.state.detached and place.state.by_live(name):
            yield name, found


def _in_default(place: Place, parent: Table, bounds: str) -> Iterator[Question]:
    """Whether the default partition has rows that belong into one with these bounds."""
    assert parent.partition_key is not None
    default = next((name for name, one in _siblings(place, parent) if one["bounds"] == "DEFAULT"), None)
    table = place.state.by_live(default) if default else None
    if table is None or table.empty:
        return
    words = f"Has the default partition {table.sql} rows for {bounds}?"
    inside = within(parent, bounds)
    columns, doubt = place.mentioned(table, *parent.partition_key.elements)
    if inside:
        yield place.counting(words, table, columns, f"({inside})", doubt=doubt)
    else:
        yield place.ask(words, doubt=doubt | Doubt.of("no query is known for these bounds"))


def _inherited(place: Place, parent: Table, child: Command) -> Iterator[Question]:
    """Whether rows of a table break what its parent demands, and it has not promised yet."""
    if parent.live is None:
        return
    has = {(one.verb, one.columns, one.references) for one in place.known.constraints((child.schema, child.name))}
    for one in place.known.constraints(parent.live, "primary key", "unique", "foreign key"):
        alike = (one.verb, one.columns, one.references) in has
        if alike or (one.verb == "ADD UNIQUE" and ("ADD PRIMARY KEY", one.columns, None) in has):
            continue
        added = replace(one, schema=child.schema, name=child.name)
        if one.verb == "ADD FOREIGN KEY":
            yield from references.orphans(place, added)
        else:
            yield from constraints.duplicates(place, added)


def within(parent: Table, bounds: str) -> str | None:
    """Return the condition that a row is within bounds; None where none can be written.

    It is true or not: NULL lies in no range, and in a list only where the list says so.

    Source
    ------
    https://www.postgresql.org/docs/current/ddl-partitioning.html
    """
    key = parent.partition_key
    found = commands.parse(f"CREATE TABLE x PARTITION OF y {bounds}")
    if key is None or found[0].verb == "?":
        return None
    parts = found[0].bounds
    if key.method == "hash" and parent.live is not None:
        values = ", ".join(key.elements)
        return f"satisfies_hash_partition({literal(parent.on_live)}::regclass, {parts[0][0]}, {parts[0][1]}, {values})"
    if key.method == "list":
        (element,) = key.elements
        values = [one for one in parts[0] if one.upper() != "NULL"]
        either = [f"({element}) IN ({', '.join(values)})"] if values else []
        either += [f"({element}) IS NULL"] if len(values) < len(parts[0]) else []
        return f"({' OR '.join(either)}) IS TRUE" if either else None
    if key.method == "range":
        present = [source.present(f"({one})") for one in key.elements]
        return " AND ".join([*present, _beyond(key.elements, parts[0], ">="), _beyond(key.elements, parts[1], "<")])
    return None


def _beyond(elements: Sequence[str], bound: Sequence[str], operator: str) -> str:
    """The condition that a key is not below a bound (`>=`), or is below it (`<`): one column after the other."""
    if not elements:
        return "true" if operator == ">=" else "false"
    value = bound[0].upper()
    if value in _UNBOUNDED:
        return "true" if (value == "MINVALUE") == (operator == ">=") else "false"
    strict = operator[0]
    rest = _beyond(elements[1:], bound[1:], operator)
    return f"(({elements[0]}) {strict} ({bound[0]}) OR (({elements[0]}) = ({bound[0]}) AND {rest}))"
