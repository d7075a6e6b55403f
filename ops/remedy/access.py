"""Owners, grants, comments and default privileges."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ops.catalog.names import literal
from ops.catalog.values import Key
from ops.remedy import words
from ops.remedy.side import ROUTINES, Side, spec, sql_name, word
from ops.remedy.steps import Phase, Step

_OPTION = " with grant option"
_RIGHTS = {
    "tables": ("DELETE", "INSERT", "MAINTAIN", "REFERENCES", "SELECT", "TRIGGER", "TRUNCATE", "UPDATE"),
    "sequences": ("SELECT", "UPDATE", "USAGE"),
    "functions": ("EXECUTE",),
    "types": ("USAGE",),
    "schemas": ("CREATE", "USAGE"),
    "large objects": ("SELECT", "UPDATE"),
}
_PUBLIC = {"functions": ["EXECUTE"], "types": ["USAGE"]}
_COVERED = {
    "table": "tables",
    "view": "tables",
    "materialized view": "tables",
    "foreign table": "tables",
    "sequence": "sequences",
    "function": "functions",
    "procedure": "functions",
    "aggregate": "functions",
    "enum": "types",
    "domain": "types",
    "composite type": "types",
    "range type": "types",
    "schema": "schemas",
}
_OWNED = frozenset({*_COVERED, "statistics", "event trigger", "publication", "foreign server", "foreign data wrapper"})


def of_new(key: Key, first: Side, second: Side) -> list[Step]:
    """Return what gives a new object its owner, its grants and its comment, whatever default privileges added."""
    given: dict[str, list[str]] = {}
    covered = _COVERED.get(key.kind)
    for one in first.catalog.texts if covered else ():
        if one.kind == "default privileges" and one.name == covered and one.schema in ("", key.schema):
            rights = first.of(one).get("rights") or {}
            for who, granted in rights.items():
                if who != one.parent:
                    given.setdefault(who, []).extend(granted)
            if not one.schema and "PUBLIC" not in rights and covered in _PUBLIC:
                given.setdefault("PUBLIC", []).extend("no " + right for right in _PUBLIC[covered])
    default = _PUBLIC.get(covered or "", ())
    if "PUBLIC" in given:
        given["PUBLIC"] = [right for right in given["PUBLIC"] if right not in default]
    after = second.of(key)
    steps = owner(key, None, second, quiet=len(first.owners | second.owners) == 1)
    new = after.get("grants") or {}
    for who in dict.fromkeys((*given, *new)):
        steps += grants(key, who, given.get(who, ()), new.get(who, ()), after)
    return steps + (comment(key, after["comment"], after, second) if "comment" in after else [])


def owner(key: Key, before: str | None, second: Side, *, quiet: bool = False) -> list[Step]:
    """Return what gives an object its owner. Sequences that a column owns have the table's."""
    after = second.of(key)
    if key.kind not in _OWNED or after.get("owner") in (None, before) or after.get("owned by"):
        return []
    sql = f"ALTER {spec(key)} OWNER TO {words.identifier(after['owner'])}"
    return [Step(phase=Phase.OWNER, sql=sql, needs=(handle(key),), quiet=quiet)]


def comment(key: Key, value: str | None, own: Mapping[str, Any], side: Side) -> list[Step]:
    """Return what makes this the object's comment; None takes it away."""
    if key.kind == "not null":
        return [_not_null_comment(key, value)]
    sql = f"COMMENT ON {spec(key)} IS {'NULL' if value is None else literal(value)}"
    op = ""
    schema = words.python(key.schema)
    if key.kind == "table" and "." not in key.name:
        if value is None:
            op = words.call("op.drop_table_comment", words.python(key.name), schema=schema)
        else:
            op = words.call("op.create_table_comment", *map(words.python, (key.name, value)), schema=schema)
    elif key.kind == "column" and side.relation(key).kind == "table":
        names = map(words.python, (key.parent, key.name))
        op = words.call("op.alter_column", *names, comment=words.python(value), schema=schema)
    return [Step(phase=Phase.COMMENT, sql=sql, op=op, needs=(handle(key),))]


def _not_null_comment(key: Key, value: str | None) -> Step:
    """A NOT NULL mostly has a name of the server's choice, which only the server knows."""
    table = words.qualified(key.schema, key.parent)
    said = "NULL" if value is None else literal(value)
    sql = (
        f"BEGIN EXECUTE (SELECT pg_catalog.format({literal('COMMENT ON CONSTRAINT %I ON %s IS %s')},"
        f" c.conname, {literal(table)}, {literal(said)}) FROM pg_catalog.pg_constraint c"
        " JOIN pg_catalog.pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]"
        f" WHERE c.contype = 'n' AND c.conrelid = {literal(table)}::pg_catalog.regclass"
        f" AND a.attname = {literal(key.name)}); END"
    )
    return Step(phase=Phase.COMMENT, sql=words.block(sql), needs=(table,))


def handle(key: Key) -> str:
    """Return the name by which steps know an object that has no schema; else its qualified name."""
    if key.schema:
        return sql_name(key)
    kinds = {"foreign server": "server", "foreign data wrapper": "wrapper"}
    return f"{kinds.get(key.kind, key.kind)} {key.name}"


def grants(key: Key, who: str, before: Iterable[str], after: Iterable[str], own: Mapping[str, Any]) -> list[Step]:
    """Return what gives a role these rights on an object, from those that it has."""
    column = ""
    if key.kind == "column":
        column = f" ({words.identifier(key.name)})"
        on = f"TABLE {words.qualified(key.schema, key.parent)}"
    elif key.kind in ("view", "materialized view", "foreign table"):
        on = f"TABLE {words.qualified(key.schema, key.name)}"
    elif key.kind == "aggregate":
        on = "FUNCTION " + spec(key).partition(" ")[2]
    elif key.kind in ROUTINES or key.kind == "domain":
        on = spec(key)
    elif key.kind == "foreign server":
        on = f"FOREIGN SERVER {words.identifier(key.name)}"
    else:
        on = f"{word(key)} {words.qualified(key.schema, key.name)}"
    return [
        Step(phase=Phase.GRANT, sql=sql, needs=(handle(key),))
        for sql in _transition(on, who, list(before), list(after), column)
    ]


def handed_over(
    granted: Mapping[str, Sequence[str]], before: str | None, after: str | None, *, of_column: bool = False
) -> Mapping[str, Sequence[str]]:
    """Return an object's grants as the server leaves them when it, or the table of a column, gets another owner.

    The new owner takes the place of the old one in every entry, and an entry of his own is merged into it. Of a whole
    object an owner has all rights anyway, and only those that he lacks are said; of a column every entry is.

    Source
    ------
    https://www.postgresql.org/docs/current/ddl-priv.html ; `aclnewowner` in src/backend/utils/adt/acl.c
    """
    if before is None or after is None or before == after:
        return granted
    left = {who: rights for who, rights in granted.items() if who not in (before, after)}
    his, theirs = granted.get(after, ()), granted.get(before, ())
    if of_column:
        merged = [*dict.fromkeys((*theirs, *his))]
    else:
        had = {right.removesuffix(_OPTION) for right in his}
        merged = [right for right in theirs if right.startswith("no ") and right[3:] not in had]
    return {**left, after: merged} if merged else left


def _transition(on: str, who: str, before: Sequence[str], after: Sequence[str], column: str = "") -> list[str]:
    """Return the statements from some rights to others. A right is `X`, `X with grant option` or `no X`."""
    take, untie, give, give_on = [], [], [], []
    for right in before:
        name = right.removeprefix("no ").removesuffix(_OPTION)
        if right in after:
            continue
        if right.startswith("no "):
            give.append(name)
        elif right.endswith(_OPTION) and name in after:
            untie.append(name)
        elif name + _OPTION not in after:
            take.append(name)
    for right in after:
        name = right.removeprefix("no ").removesuffix(_OPTION)
        if right in before:
            continue
        if right.startswith("no "):
            take.append(name)
        elif right.endswith(_OPTION):
            give_on.append(name)
        elif name + _OPTION not in before:
            give.append(name)
    to = words.role(who)

    def listed(rights: list[str]) -> str:
        return ", ".join(one + column for one in dict.fromkeys(rights))

    return [
        *([f"REVOKE {listed(take)} ON {on} FROM {to}"] if take else []),
        *([f"REVOKE GRANT OPTION FOR {listed(untie)} ON {on} FROM {to}"] if untie else []),
        *([f"GRANT {listed(give)} ON {on} TO {to}"] if give else []),
        *([f"GRANT {listed(give_on)} ON {on} TO {to} WITH GRANT OPTION"] if give_on else []),
    ]


def default_privileges(key: Key, first: Side, second: Side) -> list[Step]:
    """Return what turns a role's default privileges from the first catalog's into the second's."""
    before, after = _rights(key, first), _rights(key, second)
    scope = f"ALTER DEFAULT PRIVILEGES FOR ROLE {words.identifier(key.parent)}"
    if key.schema:
        scope += f" IN SCHEMA {words.identifier(key.schema)}"
    steps = []
    for who in dict.fromkeys((*before, *after)):
        for sql in _transition(key.name.upper(), who, before.get(who, ()), after.get(who, ())):
            needs = (f"schema {key.schema}",) if key.schema else ()
            steps.append(Step(phase=Phase.DEFAULT_PRIVILEGES, sql=f"{scope} {sql}", needs=needs))
    return steps


def _rights(key: Key, side: Side) -> Mapping[str, Sequence[str]]:
    if key in side:
        return side.of(key).get("rights") or {}
    if key.schema:
        return {}
    own = [right for right in _RIGHTS[key.name] if right != "MAINTAIN" or side.major >= 17]
    given = {key.parent: own}
    if key.name in _PUBLIC:
        given["PUBLIC"] = list(_PUBLIC[key.name])
    return given
