"""Indexes and statistics objects."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ops.catalog.values import Key
from ops.remedy import options, words
from ops.remedy.constraints import clustered, validity
from ops.remedy.side import Side, sql_name
from ops.remedy.steps import Change, Phase, Step

_WITH = re.compile(r" WITH \(([^()]*)\)")


def create(key: Key, side: Side) -> list[Step]:
    """Return what creates an index, on all partitions where there are any."""
    own = side.of(key)
    sql = str(own["definition"]) if own.get("state") else whole(key, own)
    if tablespace := own.get("tablespace"):
        head, where, condition = _parted(sql)
        sql = f"{head} TABLESPACE {words.identifier(tablespace)}{where}{condition}"
    name = words.qualified(key.schema, key.name)
    op = "" if own.get("tablespace") or side.relation(key).kind != "table" else _op(key, sql)
    step = Step(phase=Phase.INDEX, sql=sql, op=op, provides=(name,))
    return [step, *_statistics(key, {}, own), *clustered(key, False, bool(own.get("clustered")), side)]


def _statistics(key: Key, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Step]:
    old, new = before.get("statistics") or {}, after.get("statistics") or {}
    index = f"ALTER INDEX {words.qualified(key.schema, key.name)} ALTER COLUMN"
    return [
        Step(phase=Phase.INDEX_STATE, sql=f"{index} {number} SET STATISTICS {new.get(number, -1)}")
        for number in dict.fromkeys((*old, *new))
        if old.get(number) != new.get(number)
    ]


def whole(key: Key, own: Mapping[str, Any]) -> str:
    """Return the definition for a partitioned table and its partitions, not for the parent alone."""
    definition = str(own["definition"])
    for start in ("CREATE INDEX ", "CREATE UNIQUE INDEX "):
        only = f"{start}{words.identifier(key.name)} ON ONLY "
        if definition.startswith(only):
            return f"{only.removesuffix('ONLY ')}{definition[len(only) :]}"
    return definition


def _parted(definition: str) -> tuple[str, str, str]:
    parts = words.split(definition, " WHERE ")
    return (parts[0], " WHERE ", " WHERE ".join(parts[1:])) if len(parts) > 1 else (definition, "", "")


def _op(key: Key, sql: str) -> str:
    """Return `op.create_index`; nothing where something in the definition is unusual."""
    found: dict[str, str | None] = {}
    head, _, condition = _parted(sql)
    unique = head.startswith("CREATE UNIQUE INDEX ")
    start = f"CREATE {'UNIQUE ' if unique else ''}INDEX {words.identifier(key.name)} ON"
    start += f" {words.qualified(key.schema, key.parent)} USING "
    if not head.startswith(start) or "%" in key.name + key.parent + key.schema:
        return ""
    method, _, rest = head[len(start) :].partition(" ")
    split = words.inside(rest)
    if split is None:
        return ""
    elements, rest = words.split(split[0]), split[1]
    if rest.startswith("INCLUDE ") and (more := words.inside(rest[len("INCLUDE ") :])) is not None:
        included = words.names_list(more[0])
        if included is None:
            return ""
        found["postgresql_include"], rest = words.python(included), more[1]
    if rest.startswith("NULLS NOT DISTINCT"):
        found["postgresql_nulls_not_distinct"], rest = "True", rest.removeprefix("NULLS NOT DISTINCT").strip()
    if rest:
        return ""
    given = []
    for one in elements:
        name = words.names_list(one)
        given.append(words.python(name[0]) if name is not None and len(name) == 1 else words.as_text(one))
    if method != "btree":
        found["postgresql_using"] = words.python(method)
    if condition:
        found["postgresql_where"] = words.as_text(condition)
    arguments = (f"op.f({words.python(key.name)})", words.python(key.parent), f"[{', '.join(given)}]")
    return words.call("op.create_index", *arguments, unique=str(unique), schema=words.python(key.schema), **found)


def drop(key: Key, side: Side) -> Step:
    """Return what drops an index."""
    op = ""
    if side.relation(key).kind == "table":
        names = (f"op.f({words.python(key.name)})", words.python(key.parent))
        op = words.call("op.drop_index", names[0], table_name=names[1], schema=words.python(key.schema))
    name = words.qualified(key.schema, key.name)
    return Step(phase=Phase.DROP_INDEX, sql=f"DROP INDEX {name}", op=op, frees=(name,), uses=side.spoken(key))


def change(key: Key, first: Side, second: Side) -> Change:
    """Return what makes an index that is in both what it is in the second."""
    before, after = first.of(key), second.of(key)
    name = words.qualified(key.schema, key.name)
    steps: list[Step] = []
    if before["definition"] != after["definition"]:
        old, new = (_WITH.search(one["definition"]) for one in (before, after))
        if _WITH.sub("", before["definition"]) != _WITH.sub("", after["definition"]):
            return Change(anew=True)
        given = [[one.strip().replace("'", "") for one in found[1].split(",")] if found else [] for found in (old, new)]
        for what in options.settings(*given):
            steps.append(Step(phase=Phase.INDEX_STATE, sql=f"ALTER INDEX {name} {what}"))
    if before.get("state") != after.get("state"):
        valid = validity(key, after.get("state"))
        if valid.why:
            return valid
        steps += valid.steps
    if before.get("tablespace") != after.get("tablespace"):
        space = words.identifier(after.get("tablespace", "pg_default"))
        steps.append(Step(phase=Phase.INDEX_STATE, sql=f"ALTER INDEX {name} SET TABLESPACE {space}"))
    steps += _statistics(key, before, after)
    steps += clustered(key, bool(before.get("clustered")), bool(after.get("clustered")), second)
    return Change(steps=tuple(steps))


# -- statistics -------------------------------------------------------------------------------------------


def create_statistics(key: Key, side: Side) -> list[Step]:
    """Return what creates a statistics object."""
    own = side.of(key)
    step = Step(phase=Phase.STATISTICS, sql=str(own["definition"]), provides=(sql_name(key),))
    return [step, *_target(key, {}, own)]


def _target(key: Key, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Step]:
    if before.get("target") == after.get("target"):
        return []
    sql = f"ALTER STATISTICS {sql_name(key)} SET STATISTICS {after.get('target', -1)}"
    return [Step(phase=Phase.TABLE_SETTING, sql=sql)]


def drop_statistics(key: Key, side: Side) -> Step:
    """Return what drops a statistics object."""
    name = sql_name(key)
    return Step(phase=Phase.DROP_STATISTICS, sql=f"DROP STATISTICS {name}", frees=(name,), uses=side.spoken(key))


def change_statistics(key: Key, first: Side, second: Side) -> Change:
    """Return what makes a statistics object that is in both what it is in the second."""
    before, after = first.of(key), second.of(key)
    if before["definition"] != after["definition"]:
        return Change(anew=True)
    return Change(steps=tuple(_target(key, before, after)))


def columns_of(key: Key, own: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Return the columns of an index that is nothing but columns; None where one cannot tell."""
    _, using, rest = whole(key, own).partition(f" ON {words.qualified(key.schema, key.parent)} USING ")
    split = words.inside(rest.partition(" ")[2]) if using else None
    return words.names_list(split[0]) if split is not None and not split[1] else None
