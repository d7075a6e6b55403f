"""What stands outside of schemas: schemas themselves, extensions, publications, foreign servers and wrappers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ops.catalog.names import literal
from ops.catalog.values import Key
from ops.remedy import options, words
from ops.remedy.side import Side, spec
from ops.remedy.steps import Change, Phase, Step

_ACTIONS = ("insert", "update", "delete", "truncate")


# -- schemas and extensions -------------------------------------------------------------------------------


def create_schema(key: Key, side: Side) -> list[Step]:
    """Return what creates a schema."""
    name = words.identifier(key.name)
    return [Step(phase=Phase.SCHEMA, sql=f"CREATE SCHEMA {name}", provides=(name, f"schema {key.name}"))]


def drop_schema(key: Key, side: Side) -> Step:
    """Return what drops a schema."""
    name = words.identifier(key.name)
    return Step(phase=Phase.DROP_SCHEMA, sql=f"DROP SCHEMA {name}", frees=(name, f"schema {key.name}"))


def create_extension(key: Key, side: Side) -> list[Step]:
    """Return what creates an extension, in the schema and the version that it has."""
    own = side.of(key)
    sql = f"CREATE EXTENSION {words.identifier(key.name)} SCHEMA {words.identifier(own['schema'])}"
    sql += f" VERSION {literal(own['version'])}"
    needs = (f"schema {own['schema']}",)
    return [Step(phase=Phase.EXTENSION, sql=sql, provides=(f"extension {key.name}",), needs=needs)]


def drop_extension(key: Key, side: Side) -> Step:
    """Return what drops an extension."""
    schema = words.identifier(side.of(key)["schema"])
    return Step(
        phase=Phase.DROP_EXTENSION,
        sql=f"DROP EXTENSION {words.identifier(key.name)}",
        frees=(f"extension {key.name}",),
        uses=frozenset((schema, f"schema {side.of(key)['schema']}")),
    )


def change_extension(key: Key, first: Side, second: Side) -> Change:
    """Return what updates an extension, or moves it."""
    before, after, name = first.of(key), second.of(key), words.identifier(key.name)
    steps = []
    if before["version"] != after["version"]:
        sql = f"ALTER EXTENSION {name} UPDATE TO {literal(after['version'])}"
        steps.append(Step(phase=Phase.EXTENSION, sql=sql))
    if before["schema"] != after["schema"]:
        sql = f"ALTER EXTENSION {name} SET SCHEMA {words.identifier(after['schema'])}"
        steps.append(Step(phase=Phase.EXTENSION, sql=sql, needs=(f"schema {after['schema']}",)))
    return Change(steps=tuple(steps))


# -- publications -----------------------------------------------------------------------------------------


def create_publication(key: Key, side: Side) -> list[Step]:
    """Return what creates a publication."""
    own = side.of(key)
    if own.get("all tables"):
        what = "FOR ALL TABLES"
    else:
        members = [_member(table, text) for table, text in (own.get("tables") or {}).items()]
        members += [f"TABLES IN SCHEMA {words.identifier(schema)}" for schema in own.get("schemas") or ()]
        what = f"FOR {', '.join(members)}" if members else ""
    sql = words.joined((f"CREATE {spec(key)}", what, f"WITH ({_published(own)})"))
    return [Step(phase=Phase.PUBLICATION, sql=sql, provides=(f"publication {key.name}",))]


def _published(own: Mapping[str, Any]) -> str:
    actions = ", ".join(action for action in _ACTIONS if own.get(action))
    parts = [
        f"publish = '{actions}'",
        f"publish_via_partition_root = {str(bool(own.get('via root'))).lower()}",
    ]
    if own.get("generated columns"):
        parts.append(f"publish_generated_columns = {own['generated columns']}")
    return ", ".join(parts)


def _member(table: str, text: str) -> str:
    columns, condition = "", text
    if text.startswith("(") and (split := words.inside(text)) is not None:
        columns, condition = f" ({split[0]})", split[1]
    condition = condition.removeprefix("where ")
    return f"TABLE ONLY {table}{columns}" + (f" WHERE ({condition})" if condition else "")


def drop_publication(key: Key, side: Side) -> Step:
    """Return what drops a publication."""
    return Step(
        phase=Phase.DROP_PUBLICATION,
        sql=f"DROP PUBLICATION {words.identifier(key.name)}",
        frees=(f"publication {key.name}",),
    )


def change_publication(key: Key, first: Side, second: Side) -> Change:
    """Return what makes a publication that is in both what it is in the second."""
    before, after, name = first.of(key), second.of(key), spec(key)
    if bool(before.get("all tables")) != bool(after.get("all tables")):
        return Change(anew=True)
    steps = []
    if _published(before) != _published(after):
        none = ", publish_generated_columns = none" if before.get("generated columns") else ""
        more = "" if after.get("generated columns") else none
        steps.append(Step(phase=Phase.PUBLICATION, sql=f"ALTER {name} SET ({_published(after)}{more})"))
    old, new = before.get("tables") or {}, after.get("tables") or {}
    for table, text in old.items():
        if new.get(table) != text and table in first.tables and first.tables[table] in second:
            steps.append(Step(phase=Phase.DROP_PUBLICATION, sql=f"ALTER {name} DROP TABLE ONLY {table}"))
    for table, text in new.items():
        if old.get(table) != text:
            steps.append(Step(phase=Phase.PUBLICATION, sql=f"ALTER {name} ADD {_member(table, text)}"))
    gone = [schema for schema in before.get("schemas") or () if schema not in (after.get("schemas") or ())]
    come = [schema for schema in after.get("schemas") or () if schema not in (before.get("schemas") or ())]
    for schema in gone:
        if Key("schema", "", "", schema) in second:
            sql = f"ALTER {name} DROP TABLES IN SCHEMA {words.identifier(schema)}"
            steps.append(Step(phase=Phase.DROP_PUBLICATION, sql=sql))
    for schema in come:
        sql = f"ALTER {name} ADD TABLES IN SCHEMA {words.identifier(schema)}"
        steps.append(Step(phase=Phase.PUBLICATION, sql=sql))
    return Change(steps=tuple(steps))


# -- foreign data wrappers and servers --------------------------------------------------------------------


def create_wrapper(key: Key, side: Side) -> list[Step]:
    """Return what creates a foreign data wrapper."""
    own = side.of(key)
    sql = words.joined((f"CREATE {spec(key)}", *_functions(own), options.foreign_clause(own.get("options"))))
    return [Step(phase=Phase.WRAPPER, sql=sql, provides=(f"wrapper {key.name}",))]


def _functions(own: Mapping[str, Any], before: Mapping[str, Any] | None = None) -> list[str]:
    found = []
    for name in ("handler", "validator"):
        old = None if before is None else before.get(name)
        if own.get(name) == old:
            continue
        found.append(f"{name.upper()} {own[name].rpartition('(')[0]}" if name in own else f"NO {name.upper()}")
    return found


def drop_wrapper(key: Key, side: Side) -> Step:
    """Return what drops a foreign data wrapper."""
    sql, frees = f"DROP {spec(key)}", (f"wrapper {key.name}",)
    return Step(phase=Phase.DROP_WRAPPER, sql=sql, frees=frees, uses=side.spoken(key))


def change_wrapper(key: Key, first: Side, second: Side) -> Change:
    """Return what makes a wrapper that is in both what it is in the second."""
    before, after = first.of(key), second.of(key)
    parts = (*_functions(after, before), options.foreign(before.get("options"), after.get("options")))
    sql = words.joined((f"ALTER {spec(key)}", *parts))
    return Change(steps=(Step(phase=Phase.WRAPPER, sql=sql),))


def create_server(key: Key, side: Side) -> list[Step]:
    """Return what creates a foreign server."""
    own = side.of(key)
    sql = words.joined(
        (
            f"CREATE SERVER {words.identifier(key.name)}",
            f"TYPE {literal(own['type'])}" if "type" in own else "",
            f"VERSION {literal(own['version'])}" if "version" in own else "",
            f"FOREIGN DATA WRAPPER {words.identifier(own['wrapper'])}",
            options.foreign_clause(own.get("options")),
        )
    )
    provides, needs = (f"server {key.name}",), (f"wrapper {own['wrapper']}",)
    return [Step(phase=Phase.SERVER, sql=sql, provides=provides, needs=needs)]


def drop_server(key: Key, side: Side) -> Step:
    """Return what drops a foreign server."""
    return Step(
        phase=Phase.DROP_SERVER,
        sql=f"DROP SERVER {words.identifier(key.name)}",
        frees=(f"server {key.name}",),
        uses=frozenset((f"wrapper {side.of(key)['wrapper']}",)),
        loses=f"the user mappings of the foreign server {key}, which have to be dropped first",
    )


def change_server(key: Key, first: Side, second: Side) -> Change:
    """Return what makes a foreign server that is in both what it is in the second."""
    before, after = first.of(key), second.of(key)
    if (before["wrapper"], before.get("type")) != (after["wrapper"], after.get("type")):
        return Change(anew=True)
    version = ""
    if before.get("version") != after.get("version"):
        version = f"VERSION {literal(after['version']) if 'version' in after else 'NULL'}"
    parts = (version, options.foreign(before.get("options"), after.get("options")))
    sql = words.joined((f"ALTER {spec(key)}", *parts))
    return Change(steps=(Step(phase=Phase.SERVER, sql=sql),))
