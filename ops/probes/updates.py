"""What an UPDATE of a plan makes of a column, as an expression over the rows that are on live now.

A backfill in batches, and the NOT NULL behind it, can so be asked about before the first row is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ops.catalog.names import quoted
from ops.commands import Command
from ops.commands.expressions import Mentioned, mentioned
from ops.probes.known import type_name
from ops.probes.state import Column, State, Table

MOST = 64
"""After so many updates of one column nobody follows any more: every one is an expression round the one before."""

OWN = frozenset({"gen_random_uuid", "uuid_generate_v4", "uuidv4", "uuidv7", "nextval"})
"""Functions that give each row a value of its own."""

_CALL = re.compile(r"(?:\w+\.)?(?P<name>\w+)\((?:'[^']*'(?:::\w+)?)?\)\Z")
_PARAMETER = re.compile(r"\$\d")
_CONSTANT = re.compile(r"'(?P<text>(?:[^']|'')*)'(?:::[\w.\"]+)?\Z")
_LITERAL = re.compile(r"'(?:[^']|'')*'")


def follow(state: State, number: int, table: Table, command: Command) -> bool:
    """Note what an UPDATE makes of the columns that it sets; return whether that could be told.

    It cannot where other tables, triggers, several tables of the same rows, or values that nobody knows have a say.
    """
    if command.sources or state.search_path or state.anything or table.live is None or table.triggers:
        return False
    if len([*state.family(table)]) > 1 or _is_followed(state, table, command.columns):
        return False
    values = {
        name: (label, True) if (label := label_for(state, table, name, text)) else stand_in(text)
        for name, text in zip(command.columns, command.elements, strict=True)
    }
    if not all(values.values()) or not values.keys() <= table.columns.keys():
        return False
    texts = [*(value for value, _ in values.values()), command.where or "true"]
    if has_parameter(*texts):
        return False
    found = mentioned(*texts)
    if found.columns is None or not found.columns <= table.columns.keys() or not is_pure(state, found):
        return False
    told = mentioned(*(without_null_tests(one, table.columns) for one in texts)).columns
    if told is None or not all(_is_known(table, name, told) for name in found.columns | values.keys()):
        return False
    if any(table.columns[name].updates == MOST or table.columns[name].generated for name in values):
        return False
    before = {name: one.sql for name, one in table.columns.items()}
    alias = quoted(command.value or table.name[1])
    for name, one in table.columns.items():
        if one.generated:
            table.updated.setdefault(name, number)
    for name, (value, is_guess) in values.items():
        column = table.columns[name]
        needed = sorted(found.columns | {name})
        rows = ", ".join(f"{before[one]} AS {quoted(one)}" for one in needed)
        value = f"CAST(({value}) AS {column.type})" if column.type else value
        if command.where:
            value = f"CASE WHEN {command.where} THEN {value} ELSE {quoted(name)} END"
        column.computed = f"(SELECT {value} FROM (SELECT {rows}) AS {alias})"
        column.updates += 1
        if is_guess:
            column.guessed = column.guessed or number
    return True


def _is_followed(state: State, table: Table, columns: Iterable[str]) -> bool:
    """Whether a foreign key writes other rows when one of some columns is written."""
    assert table.live is not None
    for key in state.known.followers.get(table.live, ()):
        assert key.references is not None  # a foreign key has them
        acts = any(one.startswith("ON UPDATE ") for one in key.options)
        to = key.references[2] or state.known.primary_key(table.live)
        if acts and {*to} & {*columns}:
            return True
    return False


def stand_in(value: str) -> tuple[str, bool] | None:
    """Return an expression that can be asked in a value's place, and whether it is no more than not NULL like it."""
    if not value:
        return None
    call = _CALL.match(value)
    if call is None or call["name"] not in OWN:
        return value, False
    return ("1" if call["name"] == "nextval" else "'00000000-0000-0000-0000-000000000000'::uuid"), True


def label_for(state: State, table: Table, column: str, value: str) -> str:
    """Return a label that live has, where the value of an enum's column is one that the plan adds; else empty.

    Live does not know the plan's label, and would refuse it; what stands in its place is not NULL either, no more.
    """
    constant = _CONSTANT.match(value)
    if constant is None or column not in table.columns:
        return ""
    schema, name = type_name(table.columns[column].type)
    for one in (schema,) if schema else state.path:
        there = state.known.labels((one, name))
        if there:
            label = constant["text"].replace("''", "'")
            is_new = label not in there and label in (state.labels((one, name)) or ())
            return f"'{there[0].replace(chr(39), chr(39) * 2)}'" if is_new else ""
    return ""


def has_parameter(*texts: str) -> bool:
    """Return whether values of a statement are handed to the driver beside its text."""
    return any(_PARAMETER.search(_LITERAL.sub("''", one)) for one in texts)


def is_pure(state: State, found: Mentioned) -> bool:
    """Return whether expressions only compute, by functions and types that are on live."""
    if any(name in state.redefined for _, name in found.functions) or not state.harmless(found.functions):
        return False
    for written in found.types:
        schema, name = type_name(written)
        if any((one, name) in state.types for one in ((schema,) if schema else state.path)):
            return False
    return True


def _is_known(table: Table, name: str, told: frozenset[str]) -> bool:
    """Whether what a column holds can be asked; of one that is guessed, only whether it is NULL."""
    column: Column = table.columns[name]
    if column.unknown or column.retyped or name in table.updated or column.own:
        return False
    return not column.guessed or name not in told


def without_null_tests(text: str, columns: Iterable[str]) -> str:
    """Return an expression in which nothing asks any more whether one of some columns is NULL."""
    for name in columns:
        text = re.sub(rf'(?<![\w."])(?:\w+\.)?{re.escape(quoted(name))} IS (?:NOT )?NULL', "true", text)
    return text
