"""What each command of a plan does to the state in which the next one finds the tables."""

from __future__ import annotations

import re
from collections.abc import Callable

from ops.catalog.names import quoted
from ops.commands import Command
from ops.commands.expressions import mentioned
from ops.probes import updates, writes
from ops.probes.known import Name
from ops.probes.state import TEMPORARY, Column, State, Table

# Words of code without which it changes no row, and no table that is there already.
_TELLING = frozenset(
    {"insert", "update", "delete", "merge", "copy", "truncate", "execute", "perform", "call", "select", "alter", "drop"}
)
_ANYTHING = frozenset({"?", "CALL", "EXECUTE", "CREATE RULE", "CREATE EVENT TRIGGER", "IMPORT FOREIGN SCHEMA"})

Effect = Callable[[State, int, Command], None]


def apply(state: State, number: int, command: Command) -> None:
    """Let a command of the statement with this number have its effect on the state."""
    if command.verb.startswith("CREATE"):
        state.made.add(command.index or command.name)
    if "CASCADE" in command.options and command.verb.startswith("DROP"):
        state.cascaded = state.cascaded or number
    effect = _EFFECTS.get(command.verb)
    if effect:
        effect(state, number, command)
    elif command.verb in _ANYTHING or (command.verb == "DO" and _words(command.expression) & _TELLING):
        state.anything = state.anything or number


def _words(code: str) -> set[str]:
    return {one.lower() for one in re.findall(r"[A-Za-z]+", code)}


def _create(state: State, number: int, command: Command) -> None:
    name = state.full(command.schema, command.name)
    if "IF NOT EXISTS" in command.options and state.find(name):
        return
    if "TEMPORARY" in command.options:
        name = (TEMPORARY, command.name)
    table = Table(name=name, live=None, empty=command.verb != "CREATE TABLE AS")
    table.partition_key = command if command.method else None
    table.columns = {
        one: Column(name=one, type="", value="NULL", own=one in command.numbered) for one in command.columns
    }
    if command.verb == "CREATE TABLE AS":
        table.inserted = table.unfollowed = number
        writes.calls(state, number, command)
    state.put(name, table)


def _drop(state: State, number: int, command: Command) -> None:
    for one in command.objects:
        name = state.full(*one)
        table = state.find(name)
        live = table.live if table else state.renamed.get(("relation", *name), name)
        if live:
            state.drop("relation", *live)
        state.release("relation", *name)
        state.put(name, None)


def _drop_routine(state: State, number: int, command: Command) -> None:
    for schema, name in command.objects:
        for one in (schema,) if schema else state.path:
            state.drop("routine", one, name)


def _rename(state: State, number: int, command: Command) -> None:
    name = state.full(command.schema, command.name)
    new = (name[0], command.new_name) if command.verb.startswith("RENAME") else (command.value, name[1])
    table = state.find(name)
    state.release("relation", *name)
    state.renamed["relation", *new] = state.renamed.pop(("relation", *name), name)
    if table:
        state.put(name, None)
        table.name = new
        state.put(new, table)


def _add_column(state: State, number: int, command: Command) -> None:
    table = state.of(command)
    if table is None or command.column in table.columns:
        return
    column = Column(name=command.column, type=command.type, value=command.default or "NULL")
    column.not_null = bool({"NOT NULL", "SERIAL", "IDENTITY", "PRIMARY KEY"} & command.options)
    called = mentioned(command.default).functions if command.default else ()
    by = f"statement {number} adds {column.name} before, with values that nobody knows yet"
    if command.options & {"SERIAL", "IDENTITY"} or any(name in updates.OWN for _, name in called):
        column.own = True
    elif command.expression:
        column.generated = True
        column.value = command.expression
        column.unknown = "" if _is_on_live(table, command.expression) else by
    elif not state.harmless(called):
        column.unknown = by
    table.columns[column.name] = column


def _is_on_live(table: Table, expression: str) -> bool:
    """Whether an expression can be asked on live as it is: its columns are there, and are called so."""
    names = mentioned(expression).columns
    return names is not None and all(
        name in table.columns
        and table.columns[name].live == name
        and not table.columns[name].computed
        and name not in table.updated
        for name in names
    )


def _drop_column(state: State, number: int, command: Command) -> None:
    table = state.of(command)
    if table:
        for name in command.columns:
            column = table.columns.pop(name, None)
            table.updated.pop(name, None)
            if column and column.live and table.live:
                state.drop("column", *table.live, column.live)
                _drop_with_column(state, table, column.live)


def _drop_with_column(state: State, table: Table, column: str) -> None:
    """A table's own constraints and indexes go with each of their columns."""
    assert table.live is not None
    for one in state.known.constraints(table.live):
        if column in one.columns or (one.expression and column in (mentioned(one.expression).columns or ())):
            table.constraints[one.constraint] = None
            state.drop("constraint", *table.live, one.constraint)
            state.release("relation", table.live[0], one.constraint)
    for one in state.known.indexes(table.live):
        if column in (mentioned(*one.elements).columns or ()) or column in one.including:
            state.drop("relation", table.live[0], one.index)


def _rename_column(state: State, number: int, command: Command) -> None:
    table = state.of(command)
    column = table.columns.pop(command.column, None) if table else None
    if table and column:
        for name in [name for name, one in table.constraints.items() if one and command.column in one.columns]:
            table.constraints[name] = None
        if column.name in table.updated:
            table.updated[command.new_name] = table.updated.pop(column.name)
        column.name = command.new_name
        table.columns[command.new_name] = column


def _change_type(state: State, number: int, command: Command) -> None:
    table = state.of(command)
    if table:
        for name in command.columns:
            if command.using:
                table.updated.setdefault(name, number)
            column = table.columns.get(name)
            if column:
                if not _same_text(column.type, command.type):
                    column.retyped = column.retyped or number
                column.type = command.type
                if table.live and column.live:
                    state.drop("type of", *table.live, column.live)


_VARYING = re.compile(r"character varying(?:\((?P<length>\d+)\))?\Z")


def _same_text(old: str, new: str) -> bool:
    """Whether a new type leaves every value, and what is computed from it, as it is: text that may only be longer."""
    before, after = _VARYING.match(old), _VARYING.match(new)
    if before is None or (after is None and new != "text"):
        return False
    longest = after and after["length"]
    return not longest or bool(before["length"] and int(before["length"]) <= int(longest))


def _not_null(state: State, number: int, command: Command) -> None:
    table = state.of(command)
    if table and "NOT VALID" not in command.options:
        for name in command.columns:
            if name in table.columns:
                table.columns[name].not_null = command.verb != "DROP NOT NULL"
    _constraint(state, number, command)


def _default(state: State, number: int, command: Command) -> None:
    table = state.of(command)
    column = table.columns.get(command.column) if table else None
    if table and table.live and column and column.live:
        state.drop("default", *table.live, column.live)


def _expression(state: State, number: int, command: Command) -> None:
    table = state.of(command)
    if table:
        table.updated.setdefault(command.column, number)


def _constraint(state: State, number: int, command: Command) -> None:
    table = state.of(command)
    if table:
        table.constraints[command.constraint or f"{command.verb} {command.columns}"] = command
    if table and command.verb == "ADD PRIMARY KEY":
        for name in command.columns:
            if name in table.columns:
                table.columns[name].not_null = True


def _rename_constraint(state: State, number: int, command: Command) -> None:
    table = state.of(command)
    if table:
        found = state.constraint(table, command.constraint)
        table.constraints[command.constraint] = None
        table.constraints[command.new_name] = found
        state.release("relation", table.name[0], command.constraint)
        if table.live:
            live = state.renamed.pop(("constraint", *table.live, command.constraint), ("", command.constraint))
            state.renamed["constraint", *table.live, command.new_name] = live


def _drop_constraint(state: State, number: int, command: Command) -> None:
    table = state.of(command)
    if table:
        table.constraints[command.constraint] = None
        state.release("relation", table.name[0], command.constraint)
        if table.live:
            state.drop("constraint", *table.live, live_constraint(state, table, command.constraint))


def live_constraint(state: State, table: Table, name: str) -> str:
    """Return what a table's constraint is called on live."""
    return state.renamed.get(("constraint", *(table.live or ()), name), ("", name))[1]


def _index(state: State, number: int, command: Command) -> None:
    if command.index:
        state.indexes[state.full(command.schema, command.name)[0], command.index] = command


def _drop_index(state: State, number: int, command: Command) -> None:
    for schema, name in command.objects or ((command.schema, command.index),):
        for one in (schema,) if schema else state.path:
            state.release("relation", one, name)
            found = state.indexes[one, name] if (one, name) in state.indexes else state.known.index(one, name)
            state.indexes[one, name] = None
            if command.new_name:
                state.indexes[one, command.new_name] = found
                old = state.renamed.pop(("relation", one, name), (one, name))
                state.renamed["relation", one, command.new_name] = old


def _create_type(state: State, number: int, command: Command) -> None:
    name = state.full(command.schema, command.name)
    state.types[name] = command.elements or None


def _rename_type(state: State, number: int, command: Command) -> None:
    name = _type_name(state, command)
    if name[1] in state.made:
        state.made.add(command.new_name)
    state.types[name[0], command.new_name] = state.labels(name)
    state.types[name] = None
    state.release("type", *name)
    state.renamed["type", name[0], command.new_name] = state.renamed.pop(("type", *name), name)


def _drop_type(state: State, number: int, command: Command) -> None:
    for one in command.objects:
        for schema in (one[0],) if one[0] else state.path:
            state.types[schema, one[1]] = None
            state.drop("type", *state.renamed.get(("type", schema, one[1]), (schema, one[1])))
            state.release("type", schema, one[1])


def _label(state: State, number: int, command: Command) -> None:
    name = _type_name(state, command)
    labels = state.labels(name)
    if labels is not None and command.verb == "ADD VALUE":
        state.types[name] = tuple(dict.fromkeys((*labels, command.value)))
    elif labels is not None:
        state.types[name] = tuple(command.new_name if one == command.value else one for one in labels)


def _type_name(state: State, command: Command) -> Name:
    if command.schema:
        return command.schema, command.name
    for schema in state.path:
        if state.labels((schema, command.name)) is not None:
            return schema, command.name
    return (state.path[0] if state.path else "", command.name)


def _drop_part(state: State, number: int, command: Command) -> None:
    """A trigger or a policy goes. What a trigger may have done it may have done: the table keeps its mark."""
    owner = state.full(command.schema, command.name)
    table = state.find(owner)
    state.release(command.kind, *owner, command.value)
    if table and table.live and command.verb.startswith("DROP"):
        state.gone.add((command.kind, *table.live, command.value))


def _gone(state: State, number: int, command: Command) -> None:
    for _, name in command.objects:
        state.drop(command.kind, name)
    if command.verb == "DROP SCHEMA":
        _schema(state, number, command)


def _function(state: State, number: int, command: Command) -> None:
    state.redefined[command.name] = number


def _schema(state: State, number: int, command: Command) -> None:
    """Tables of a schema that goes, or is called otherwise, are not found any more under their names."""
    for schema in {command.name, *(name for _, name in command.objects)}:
        state.release("schema", schema)
        for name in [one for one in state.known.tables if one[0] == schema]:
            table = state.find(name)
            state.put(name, None)
            state.release("relation", *name)
            if table and command.new_name:
                table.name = (command.new_name, name[1])
                state.put(table.name, table)


def _set(state: State, number: int, command: Command) -> None:
    if command.name == "search_path":
        parts = [one.strip() for one in command.value.split(",")] if command.verb == "SET" else []
        if parts and parts != ["DEFAULT"]:
            state.search_path = ", ".join(map(quoted, parts))
            state.path = tuple(one for one in parts if one != "$user")


_EFFECTS: dict[str, Effect] = {
    **dict.fromkeys(("CREATE TABLE", "CREATE TABLE AS", "CREATE PARTITION"), _create),
    **dict.fromkeys(("DROP TABLE", "DROP VIEW", "DROP MATERIALIZED VIEW", "DROP SEQUENCE"), _drop),
    **dict.fromkeys(("DROP FUNCTION", "DROP PROCEDURE", "DROP AGGREGATE", "DROP ROUTINE"), _drop_routine),
    **dict.fromkeys(
        ("RENAME TABLE", "RENAME VIEW", "RENAME MATERIALIZED VIEW", "RENAME SEQUENCE", "SET SCHEMA"), _rename
    ),
    "ADD COLUMN": _add_column,
    "DROP COLUMN": _drop_column,
    "RENAME COLUMN": _rename_column,
    "ALTER COLUMN TYPE": _change_type,
    **dict.fromkeys(("SET NOT NULL", "DROP NOT NULL", "ADD NOT NULL"), _not_null),
    **dict.fromkeys(("SET DEFAULT", "DROP DEFAULT"), _default),
    "SET EXPRESSION": _expression,
    **dict.fromkeys(("ADD CHECK", "ADD FOREIGN KEY", "ADD UNIQUE", "ADD PRIMARY KEY", "ADD EXCLUDE"), _constraint),
    "DROP CONSTRAINT": _drop_constraint,
    "RENAME CONSTRAINT": _rename_constraint,
    "REFRESH MATERIALIZED VIEW": writes.refresh,
    "CREATE INDEX": _index,
    **dict.fromkeys(("DROP INDEX", "RENAME INDEX"), _drop_index),
    **dict.fromkeys(("ATTACH PARTITION", "DETACH PARTITION", "INHERIT", "NO INHERIT"), writes.attach),
    "CREATE TYPE": _create_type,
    "RENAME TYPE": _rename_type,
    **dict.fromkeys(("DROP TYPE", "DROP DOMAIN"), _drop_type),
    **dict.fromkeys(("ADD VALUE", "RENAME VALUE"), _label),
    **dict.fromkeys(("INSERT", "UPDATE", "DELETE", "MERGE", "COPY"), writes.write),
    "TRUNCATE": writes.truncate,
    **dict.fromkeys(("SELECT", "EXPLAIN", "CREATE MATERIALIZED VIEW"), writes.select),
    "CREATE TRIGGER": writes.trigger,
    **dict.fromkeys(("CREATE FUNCTION", "CREATE PROCEDURE"), _function),
    **dict.fromkeys(("DROP TRIGGER", "DROP POLICY", "RENAME TRIGGER", "RENAME POLICY"), _drop_part),
    **dict.fromkeys(("DROP SCHEMA", "DROP EXTENSION"), _gone),
    "RENAME SCHEMA": _schema,
    **dict.fromkeys(("SET", "RESET"), _set),
}
