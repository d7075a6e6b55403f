"""Will rows break a constraint: NOT NULL, UNIQUE, PRIMARY KEY, FOREIGN KEY, CHECK, EXCLUDE, and unique indexes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from ops.catalog.names import quoted
from ops.commands import Command
from ops.probes import references, source
from ops.probes.known import type_name
from ops.probes.place import Place, listed
from ops.probes.state import Column, Table
from ops.probes.values import Doubt, Question


def not_null(place: Place, command: Command) -> Iterator[Question]:
    """Whether a column that may not be NULL any more is."""
    if "NOT VALID" in command.options:
        return
    yield from nulls(place, command, command.columns)


def nulls(place: Place, command: Command, columns: tuple[str, ...]) -> Iterator[Question]:
    """Whether one of some columns of a command's table is NULL somewhere."""
    for table in place.table(command, f"Is {listed(columns)} NULL in a row?"):
        if isinstance(table, Question):
            yield table
            continue
        for name in columns:
            column = table.columns.get(name)
            words = f"Is {name} NULL in a row of {table.sql}?"
            if column is None:
                yield place.ask(words, doubt=Doubt.of(f"{name} is not in the live catalog"))
            elif not column.not_null and not column.own:
                doubt = place.state.doubt(table, [name], nulls=True)
                yield place.counting(
                    words, table, [name], source.absent(quoted(name)), only="ONLY" in command.options, doubt=doubt
                )


def add_column(place: Place, command: Command) -> Iterator[Question]:
    """Whether a new column can have what it must have in the rows that are there."""
    default = command.default not in (None, "NULL")
    if command.options & {"SERIAL", "IDENTITY"} or (default and not command.expression):
        return
    name = command.column
    for table in place.table(command, f"Has the table of {name} any row?"):
        if isinstance(table, Question):
            yield table
        elif name in table.columns:
            continue
        elif command.expression:
            yield from _generated(place, command, table)
        elif _has_default(place, command.type):
            continue
        elif command.options & {"NOT NULL", "PRIMARY KEY"}:
            words = f"Has {table.sql} any row? It would have no {name}"
            yield place.counting(f"{words}.", table, (), "true", only="ONLY" in command.options)
        elif domain(place, command.type):
            words = f"Can {name} be NULL in the rows of {table.sql}, as a {command.type}?"
            yield place.trying(words, table, f"CAST(NULL AS {command.type})")


def _generated(place: Place, command: Command, table: Table) -> Iterator[Question]:
    value = f"CAST(({command.expression}) AS {command.type})"
    if "STORED" in command.options:
        words = f"Can {command.column} be computed for every row of {table.sql}?"
        yield place.trying(words, table, value)
    if "NOT NULL" in command.options:
        columns, doubt = place.mentioned(table, command.expression)
        words = f"Is {command.column} NULL when it is computed for a row of {table.sql}?"
        yield place.counting(words, table, columns, source.absent(value), doubt=doubt)


def domain(place: Place, written: str) -> dict[str, object] | None:
    """Return the properties of a domain on live; None where a type is none."""
    schema, name = type_name(written)
    for one in (schema,) if schema else place.state.path:
        found = place.known.get("domain", one, "", name)
        if found is not None:
            return found
    return None


def _has_default(place: Place, written: str) -> bool:
    found = domain(place, written)
    return bool(found and found.get("default"))


def unique(place: Place, command: Command) -> Iterator[Question]:
    """Whether rows share what must be unique; and whether a primary key would have NULLs."""
    index = command
    if "USING INDEX" in command.options:
        schema = place.state.full(command.schema, command.name)[0]
        key = (schema, command.index)
        found = place.state.indexes[key] if key in place.state.indexes else place.known.index(*key)
        if found is None:
            if command.verb == "ADD PRIMARY KEY":
                why = Doubt.of(f"the index {command.index} is not in the live catalog")
                yield place.ask(f"Has the index {command.index} NULLs?", doubt=why)
            return
        index = replace(command, columns=found.columns)
    if command.verb == "ADD PRIMARY KEY":
        yield from nulls(place, command, index.columns)
    if "USING INDEX" not in command.options:
        yield from duplicates(place, command)


def create_index(place: Place, command: Command) -> Iterator[Question]:
    """Whether rows share what a unique index holds; and whether its expressions can be computed."""
    name = (place.state.full(command.schema, command.name)[0], command.index)
    if "IF NOT EXISTS" in command.options and (place.known.index(*name) or place.state.indexes.get(name)):
        return
    if "UNIQUE" in command.options:
        table = place.state.of(command)
        if not ("ONLY" in command.options and table and table.partition_key):
            yield from duplicates(place, command)
        return
    plain = {quoted(one) for one in command.columns}
    computed = [one for one in command.elements if one not in plain]
    if computed:
        for table in place.table(command, "Can the index's expressions be computed?"):
            if isinstance(table, Question):
                yield table
            else:
                words = f"Can {listed(computed)} be computed for every row of {table.sql}?"
                yield place.trying(words, table, f"ROW({', '.join(computed)})::text", command.where)


def duplicates(place: Place, command: Command) -> Iterator[Question]:
    """Whether rows of a command's table share all of its elements."""
    elements = command.elements
    what = f"the same {listed(elements)}" + (f" where {command.where}" if command.where else "")
    for table in place.table(command, f"Do rows share {what}?"):
        if isinstance(table, Question):
            yield table
        elif "WITHOUT OVERLAPS" in command.options:
            words = f"Do rows of {table.sql} overlap in {listed(elements)}?"
            yield from _overlaps(place, command, table, words)
        elif not any(_own(table.columns.get(one)) for one in command.columns):
            nulls_equal = "NULLS NOT DISTINCT" in command.options
            words = f"Do rows of {table.sql} share {what}?"
            yield place.shared(words, table, elements, command.where, nulls_equal=nulls_equal)


def _own(column: Column | None) -> bool:
    return column is not None and column.own


def _overlaps(place: Place, command: Command, table: Table, words: str) -> Iterator[Question]:
    operators = ("=",) * (len(command.elements) - 1) + ("&&",)
    yield from _excluded(place, replace(command, operators=operators), table, words)


def exclude(place: Place, command: Command) -> Iterator[Question]:
    """Whether two rows exclude each other."""
    pairs = zip(command.elements, command.operators, strict=True)
    what = listed(f"{element} {operator}" for element, operator in pairs)
    for table in place.table(command, f"Do two rows exclude each other by {what}?"):
        if isinstance(table, Question):
            yield table
        else:
            yield from _excluded(place, command, table, f"Do two rows of {table.sql} exclude each other by {what}?")


def _excluded(place: Place, command: Command, table: Table, words: str) -> Iterator[Question]:
    where = [command.where] if command.where else []
    columns, doubt = place.mentioned(table, *command.elements, *where)
    if table.live is None or doubt.settled:
        yield place.ask(words, doubt=doubt)
        return
    queries = [source.excluding(table, columns, command, key=key) for key in (True, False)]
    yield place.ask(words, sql=queries[0], without_keys=queries[1], tables=(table.on_live,), doubt=doubt)


def check(place: Place, command: Command) -> Iterator[Question]:
    """Whether rows break a check."""
    if command.options & {"NOT VALID", "NOT ENFORCED"}:
        return
    name = command.constraint or command.expression
    for table in place.table(command, f"Do rows break the check {name}?"):
        if isinstance(table, Question):
            yield table
            continue
        columns, doubt = place.mentioned(table, command.expression)
        words = f"Do rows of {table.sql} break the check {name}?"
        only = bool(command.options & {"ONLY", "NO INHERIT"}) and table.partition_key is None
        found = place.counting(words, table, columns, f"({command.expression}) IS FALSE", only=only, doubt=doubt)
        yield replace(found, evaluates=bool(found.sql))


def validate(place: Place, command: Command) -> Iterator[Question]:
    """Whether rows break a constraint that was not valid, or not enforced."""
    for table in place.table(command, f"Do rows break {command.constraint}?"):
        if isinstance(table, Question):
            yield table
            continue
        found = place.state.constraint(table, command.constraint)
        column = _of_not_null(place, table, command.constraint)
        if found is not None:
            valid = {"NOT VALID", "NOT ENFORCED"}
            added = replace(found, schema=table.name[0], name=table.name[1], options=found.options - valid)
            yield from ADDED.get(found.verb, _nothing)(place, added)
        elif column:
            yield from nulls(place, command, (column,))
        else:
            words = f"Do rows of {table.sql} break {command.constraint}?"
            yield place.ask(words, doubt=Doubt.of(f"{command.constraint} is not in the live catalog"))


def _of_not_null(place: Place, table: Table, constraint: str) -> str:
    """The column of a NOT NULL with this name. The catalog leaves out names that the server chose."""
    for column, one in place.known.parts("not null", table.live or ("", "")):
        chosen = re.fullmatch(rf"{re.escape(table.name[1])}_{re.escape(column)}_not_null\d*", constraint)
        if one.get("name") == constraint or (chosen and not one.get("name")):
            return column
    return ""


def alter_constraint(place: Place, command: Command) -> Iterator[Question]:
    """Whether rows break a foreign key that is enforced from now on."""
    if "ENFORCED" in command.options:
        yield from validate(place, command)


def _nothing(place: Place, command: Command) -> Iterator[Question]:
    yield from ()


ADDED = {
    "ADD NOT NULL": not_null,
    "ADD UNIQUE": unique,
    "ADD PRIMARY KEY": unique,
    "ADD EXCLUDE": exclude,
    "ADD CHECK": check,
    "ADD FOREIGN KEY": references.orphans,
}
"""What is asked about each constraint that is added."""
