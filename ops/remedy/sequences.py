"""Sequences, on their own or behind a column."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ops.catalog.names import literal
from ops.catalog.values import Key
from ops.remedy import words
from ops.remedy.side import Side, sql_name
from ops.remedy.steps import Change, Phase, Step

_BITS = {"smallint": 16, "integer": 32, "bigint": 64}
_CLAUSES = {
    "start": "START WITH",
    "increment": "INCREMENT BY",
    "minimum": "MINVALUE",
    "maximum": "MAXVALUE",
    "cache": "CACHE",
}
_PYTHON = {
    "start": "start",
    "increment": "increment",
    "minimum": "minvalue",
    "maximum": "maxvalue",
    "cache": "cache",
}


def next_value(key: Key) -> str:
    """Return the default of a column that takes its values from a sequence, as the server writes it."""
    return f"nextval({literal(sql_name(key))}::regclass)"


def parameters(key: Key, side: Side, type_: str = "bigint") -> list[str]:
    """Return the clauses of all parameters that are not what a new sequence of this type has."""
    own = side.of(key)
    usual = _usual(own, type_)
    clauses = [f"AS {own['type']}"] if own["type"] != type_ else []
    clauses += [f"{clause} {own[name]}" for name, clause in _CLAUSES.items() if own[name] != usual[name]]
    return [*clauses, "CYCLE"] if own.get("cycle") else clauses


def _usual(own: Mapping[str, Any], type_: str) -> dict[str, int]:
    high = 2 ** (_BITS.get(own["type"], 64) - 1)
    low, top = (1, high - 1) if own["increment"] > 0 else (-high, -1)
    start = own["minimum"] if own["increment"] > 0 else own["maximum"]
    return {"start": start, "increment": 1, "minimum": low, "maximum": top, "cache": 1}


def named_unusually(key: Key, column: Key) -> bool:
    """Return whether a column's sequence has another name than the server would give it."""
    return (key.schema, key.name) != (column.schema, f"{column.parent}_{column.name}_seq")


def python_identity(key: Key, side: Side, column: Mapping[str, Any]) -> str:
    """Return the `sa.Identity` of a column."""
    own = side.of(key)
    usual = _usual(own, column["type"])
    more = {word: str(own[name]) for name, word in _PYTHON.items() if own[name] != usual[name]}
    if own.get("cycle"):
        more["cycle"] = "True"
    return words.call("sa.Identity", always=str(column["identity"] == "always"), **more)


def create(key: Key, side: Side) -> list[Step]:
    """Return what creates a sequence, owned by nobody yet."""
    unlogged = "UNLOGGED " if side.of(key).get("persistence") == "unlogged" else ""
    sql = words.joined((f"CREATE {unlogged}SEQUENCE {sql_name(key)}", *parameters(key, side)))
    return [Step(phase=Phase.SEQUENCE, sql=sql, provides=(sql_name(key),))]


def owned_by(key: Key, side: Side) -> list[Step]:
    """Return what gives a sequence to the column that owns it."""
    owner = side.of(key).get("owned by", "NONE")
    return [Step(phase=Phase.OWNED_BY, sql=f"ALTER SEQUENCE {sql_name(key)} OWNED BY {owner}")]


def released(key: Key) -> list[Step]:
    """Return what has a sequence outlive the column that owns it; whoever owns it next says so later."""
    return [Step(phase=Phase.RELEASE, sql=f"ALTER SEQUENCE {sql_name(key)} OWNED BY NONE")]


def position(key: Key, column: Key, side: Side) -> list[Step]:
    """Return what moves a new sequence past the values that its column holds already."""
    if side.of(key)["increment"] <= 0 or column.name == "":
        return []
    table, name = words.qualified(column.schema, column.parent), words.identifier(column.name)
    sql = (
        f"SELECT pg_catalog.setval({literal(sql_name(key))}, taken.most) FROM (SELECT max({name}) AS most"
        f" FROM {table}) AS taken WHERE taken.most >= {side.of(key)['minimum']}"
    )
    return [Step(phase=Phase.POSITION, sql=sql)]


def drop(key: Key, side: Side) -> Step:
    """Return what drops a sequence."""
    return Step(
        phase=Phase.DROP_SEQUENCE,
        sql=f"DROP SEQUENCE {sql_name(key)}",
        frees=(sql_name(key),),
        loses=f"the position of {key}",
    )


def change(key: Key, first: Side, second: Side) -> Change:
    """Return what makes a sequence that is in both what it is in the second."""
    before, after = first.of(key), second.of(key)
    clauses = [f"AS {after['type']}"] if before["type"] != after["type"] else []
    clauses += [f"{clause} {after[name]}" for name, clause in _CLAUSES.items() if before[name] != after[name]]
    if before.get("cycle") != after.get("cycle"):
        clauses.append("CYCLE" if after.get("cycle") else "NO CYCLE")
    if before["type"] != after["type"]:
        # the server moves the limits along with the type: they are said again
        clauses += [f"{_CLAUSES[name]} {after[name]}" for name in ("minimum", "maximum") if before[name] == after[name]]
    steps = []
    if clauses:
        sql = f"ALTER SEQUENCE {sql_name(key)} {' '.join(clauses)}"
        steps.append(Step(phase=Phase.TABLE_SETTING, sql=sql))
    if before.get("persistence") != after.get("persistence"):
        logged = "UNLOGGED" if after.get("persistence") == "unlogged" else "LOGGED"
        steps.append(Step(phase=Phase.TABLE_SETTING, sql=f"ALTER SEQUENCE {sql_name(key)} SET {logged}"))
    if before.get("owned by") != after.get("owned by"):
        steps += owned_by(key, second)
    return Change(steps=tuple(steps))
