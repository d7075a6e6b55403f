"""What has another name, and else is the same."""

from __future__ import annotations

from collections import defaultdict

from ops.catalog.roots import RELATIONS, name_pattern
from ops.catalog.values import Key
from ops.remedy import tables, words
from ops.remedy.side import CONSTRAINTS, Side, altering, spec, sql_name
from ops.remedy.steps import Phase, Step

# These have no name that could be altered: another one means another object.
NEVER = ("extension", "default privileges", "not null")


def renamed(before: Key, key: Key, first: Side, second: Side) -> list[Step]:
    """Return what renames an object."""
    if key.kind in RELATIONS:
        return tables.renamed(before, key, first, second) + _children(before, key, first, second)
    return [_one(before, key, first)]


def _one(before: Key, key: Key, first: Side) -> Step:
    old, new = words.identifier(before.name), words.identifier(key.name)
    op, frees, provides = "", (sql_name(before),), (sql_name(key),)
    table = altering(first.relation(before)) if before.parent else ""
    if key.kind == "column":
        sql = f"{table} RENAME COLUMN {old} TO {new}"
        if table.startswith("ALTER TABLE "):
            names = map(words.python, (before.parent, before.name))
            schema = words.python(key.schema)
            op = words.call("op.alter_column", *names, new_column_name=words.python(key.name), schema=schema)
    elif key.kind in CONSTRAINTS:
        sql = f"{table} RENAME CONSTRAINT {old} TO {new}"
        frees, provides = _index(before), _index(key)
    elif key.kind in ("function", "procedure", "aggregate"):
        name = words.bare(sql_name(key).rpartition(".")[2])
        sql = f"ALTER {spec(before, first.of(before))} RENAME TO {words.identifier(name)}"
    else:
        sql = f"ALTER {spec(before, first.of(before))} RENAME TO {new}"
        if key.kind == "index":
            frees, provides = _index(before), _index(key)
        elif not key.schema:
            short = {"foreign server": "server", "foreign data wrapper": "wrapper"}.get(key.kind, key.kind)
            frees, provides = (old, f"{short} {before.name}"), (new, f"{short} {key.name}")
    return Step(phase=Phase.RENAME, sql=sql, op=op, frees=frees, provides=provides)


def _index(key: Key) -> tuple[str, ...]:
    return (words.qualified(key.schema, key.name),) if key.kind not in ("foreign key", "check") else ()


def _children(before: Key, key: Key, first: Side, second: Side) -> list[Step]:
    """Rename what belongs to a renamed table and has, in the second catalog, another name as well."""
    kinds = (*CONSTRAINTS, "index", "trigger", "policy", "rule")
    now = {(one.kind, one.name) for one in second.children(key, *kinds)}
    then = {(one.kind, one.name) for one in first.children(before, *kinds)}
    old: dict[object, list[Key]] = defaultdict(list)
    for one in first.children(before, *kinds):
        if (one.kind, one.name) not in now:
            old[_signature(one, before, first)].append(one)
    steps = []
    for one in second.children(key, *kinds):
        if (one.kind, one.name) not in then and (same := old.get(_signature(one, key, second))):
            here = same.pop(0)._replace(schema=key.schema, parent=key.name)
            steps.append(_child(here, one, second))
    return steps


def _child(here: Key, one: Key, second: Side) -> Step:
    """Rename a child that already belongs to the table of the new name."""
    old, new = words.identifier(here.name), words.identifier(one.name)
    if here.kind in CONSTRAINTS:
        sql = f"{altering(second.relation(one))} RENAME CONSTRAINT {old} TO {new}"
    else:
        sql = f"ALTER {spec(here, {})} RENAME TO {new}"
    return Step(
        phase=Phase.RENAME,
        sql=sql,
        frees=_index(here),
        provides=_index(one),
        needs=(sql_name(second.relation(one)),),
    )


def _signature(key: Key, table: Key, side: Side) -> tuple[str, str]:
    text = side.catalog.texts[key]
    for name in (sql_name(table), words.identifier(key.name)):
        text = name_pattern(name).sub("\x00", text)
    return key.kind, text
