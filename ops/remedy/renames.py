"""What has another name, or is in another schema, and else is the same."""

from __future__ import annotations

from ops.catalog.roots import RELATIONS
from ops.catalog.values import Key
from ops.remedy import words
from ops.remedy.access import handle
from ops.remedy.side import CONSTRAINTS, Side, altering, spec, sql_name
from ops.remedy.steps import Phase, Step

# These have no name that could be altered: another one means another object.
NEVER = ("extension", "default privileges", "not null")


def renamed(before: Key, key: Key, first: Side, second: Side) -> list[Step]:
    """Return what renames and moves an object; what it belongs to has its new name by then."""
    if before.parent:
        return [_child(before, key, second)] if before.name != key.name else []
    steps, here = [], before
    if before.schema != key.schema and not first.of(before).get("owned by"):
        there = before._replace(schema=key.schema)
        sql = f"ALTER {_spec(before, key)} SET SCHEMA {words.identifier(key.schema)}"
        needs = (f"schema {key.schema}",)
        steps.append(Step(phase=Phase.RENAME, sql=sql, frees=_names(before), provides=_names(there), needs=needs))
    here = before._replace(schema=key.schema)
    if _bare(before) != _bare(key):
        op = ""
        if key.kind == "table":
            names = map(words.python, (before.name, key.name))
            op = words.call("op.rename_table", *names, schema=words.python(key.schema))
        sql = f"ALTER {_spec(here, key)} RENAME TO {words.identifier(_bare(key))}"
        needs = _owner(key, second)
        steps.append(Step(phase=Phase.RENAME, sql=sql, op=op, frees=_names(here), provides=_names(key), needs=needs))
    return steps


def _bare(key: Key) -> str:
    return key.path[-1] if key.schema else key.name


def _spec(before: Key, key: Key) -> str:
    """The object under its old name; the types of a routine's arguments have their new ones by then."""
    if key.kind in RELATIONS:
        return altering(before).partition(" ")[2]
    _, parenthesis, arguments = spec(key).partition(sql_name(key) + "(")
    return f"{spec(before).partition('(')[0]}({arguments}" if parenthesis else spec(before)


def _names(key: Key) -> tuple[str, ...]:
    return (handle(key), words.identifier(key.name)) if key.kind == "schema" else (handle(key),)


def _owner(key: Key, second: Side) -> tuple[str, ...]:
    """The sequence of a column moves with the column's table."""
    owner = second.of(key).get("owned by")
    return tuple(words.names_in(owner)) if owner else ()


def _child(before: Key, key: Key, second: Side) -> Step:
    old, new = words.identifier(before.name), words.identifier(key.name)
    here = before._replace(schema=key.schema, parent=key.parent)
    relation = second.relation(key)
    table, op = altering(relation), ""
    frees: tuple[str, ...] = (sql_name(here),)
    provides: tuple[str, ...] = (sql_name(key),)
    if key.kind == "column":
        what = "ATTRIBUTE" if relation.kind == "composite type" else "COLUMN"
        sql = f"{table} RENAME {what} {old} TO {new}"
        if relation.kind == "table":
            names = map(words.python, (here.parent, here.name))
            schema = words.python(key.schema)
            op = words.call("op.alter_column", *names, new_column_name=words.python(key.name), schema=schema)
    elif key.kind in CONSTRAINTS:
        sql = f"{table} RENAME CONSTRAINT {old} TO {new}"
    else:
        sql = f"ALTER {spec(here)} RENAME TO {new}"
    if key.kind in ("index", "primary key", "unique", "exclusion"):
        frees = (words.qualified(here.schema, here.name),)
        provides = (words.qualified(key.schema, key.name),)
    return Step(phase=Phase.RENAME, sql=sql, op=op, frees=frees, provides=provides, needs=(sql_name(relation),))
