"""What a database's schema contains, as the server's information_schema tells it, in a fixed number of questions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ops.catalog import Catalog, Key
from ops.mariadb import queries, server, unanswered

if TYPE_CHECKING:
    from sqlalchemy import Connection

KINDS = (
    "table", "sequence", "column", "not null", "primary key", "unique", "index", "foreign key", "check", "view",
    "trigger", "function", "procedure", "event",
)  # fmt: skip

_SEEN_BY = {
    "trigger": frozenset({server.ALL, "TRIGGER"}),
    "event": frozenset({server.ALL, "EVENT"}),
    "function": frozenset({server.ALL, "EXECUTE", "CREATE ROUTINE", "ALTER ROUTINE"}),
    "procedure": frozenset({server.ALL, "EXECUTE", "CREATE ROUTINE", "ALTER ROUTINE"}),
}
"""Kinds of which the server shows nothing to those who have none of these rights."""

Objects = Iterator[tuple[Key, dict[str, object]]]


def read(connection: Connection, *, version_table: tuple[str, str] = ("", "alembic_version")) -> Catalog:
    """Return the catalog of the connection's database, without its version table. Rights are not in it.

    What names a database of its own by name is written without that name, so that copies are equal.

    Raises
    ------
    ConnectError
        It cannot be read.
    """
    from sqlalchemy.exc import DBAPIError

    try:
        facts = server.facts(connection)
        held = server.rights(connection)
        connection.exec_driver_sql(queries.LONGEST)
        found = dict(_objects(connection, version_table[1], facts.database))
        for key, properties in _code(connection, facts.database):
            found[key] = properties
    except DBAPIError as error:
        raise unanswered.broken(error, "The catalog") from None
    hidden = {key.kind for key, one in found.items() if one.get("definition", "") is None}
    hidden.update(kind for kind, needed in _SEEN_BY.items() if not held & needed)
    return Catalog(
        database=facts.database,
        server_version=facts.version_number,
        texts={key: _json(one) for key, one in found.items()},
        unread=tuple(sorted(hidden)),
    )


def _objects(connection: Connection, version_table: str, database: str) -> Objects:
    """Tables with what belongs to them."""
    partitions = {
        row[0]: " ".join(str(one) for one in row[1:] if one is not None)
        for row in connection.exec_driver_sql(queries.PARTITIONS)
    }
    collations: dict[str, str | None] = {}
    for table, kind, engine, collation, options, comment in connection.exec_driver_sql(queries.TABLES):
        if kind == "VIEW" or table == version_table:
            continue
        if kind == "SEQUENCE":
            text = connection.exec_driver_sql(f"SHOW CREATE SEQUENCE {server.quoted(table)}").one()[1]
            yield Key("sequence", "", "", table), {"definition": re.sub(r"^CREATE SEQUENCE `(?:[^`]|``)*` ", "", text)}
            continue
        collations[table] = collation
        yield (
            Key("table", "", "", table),
            {
                "engine": engine,
                "collation": collation,
                "options": options or None,
                "versioned": True if kind == "SYSTEM VERSIONED" else None,
                "partitions": partitions.get(table),
                "comment": comment or None,
            },
        )
    for row in connection.exec_driver_sql(queries.COLUMNS):
        if row[0] in collations:
            yield from _column(row, collations[row[0]], database)
    for table, name, non_unique, kind, comment, columns in connection.exec_driver_sql(queries.INDEXES):
        if table in collations:
            usual = kind if kind != "BTREE" else None
            what = "primary key" if name == "PRIMARY" else "index" if non_unique else "unique"
            yield Key(what, "", table, name), {"definition": f"({columns})", "kind": usual, "comment": comment or None}
    for table, name, schema, other, delete, update, own, theirs in connection.exec_driver_sql(queries.FOREIGN_KEYS):
        if table in collations:
            whole = ".".join(server.quoted(one) for one in (schema, other) if one)
            text = f"FOREIGN KEY ({own}) REFERENCES {whole} ({theirs}) ON DELETE {delete} ON UPDATE {update}"
            # who may only read sees that there is one, and not what it does
            yield Key("foreign key", "", table, name), {"definition": text if delete else None}
    for table, name, clause in connection.exec_driver_sql(queries.CHECKS):
        if table in collations:
            yield Key("check", "", table, name), {"definition": f"CHECK ({clause})"}


def _column(row: tuple[str, ...], usual: str | None, database: str) -> Objects:
    table, name, kind, nullable, default, extra, generated, collation, comment = row
    yield (
        Key("column", "", table, name),
        {
            "type": kind,
            # `NULL` is what a column has that says nothing
            "default": None if default in (None, "NULL") else server.bare(default, database),
            "generated": generated or None,
            "extra": extra or None,
            "collation": collation if collation != usual else None,
            "comment": comment or None,
        },
    )
    if nullable == "NO":
        yield Key("not null", "", table, name), {"validated": True}


def _code(connection: Connection, database: str) -> Objects:
    """Views, triggers, routines and events. A definition of None is one that the account may not see."""

    def bare(text: str | None) -> str | None:
        return None if text is None else server.bare(text, database)

    for name, text, check, security, algorithm in connection.exec_driver_sql(queries.VIEWS):
        yield (
            Key("view", "", "", name),
            {
                "definition": bare(text) or None,  # empty where it may not be seen
                "check option": None if check == "NONE" else check,
                "security": security,
                "algorithm": None if algorithm == "UNDEFINED" else algorithm,
            },
        )
    for table, name, timing, what, order, text in connection.exec_driver_sql(queries.TRIGGERS):
        yield (
            Key("trigger", "", table, name),
            {
                "definition": f"{timing} {what} FOR EACH ROW {bare(text)}",
                "order": order if order > 1 else None,
            },
        )
    for row in connection.exec_driver_sql(queries.ROUTINES):
        kind, name, gives, text, deterministic, access, security, comment, arguments = row
        yield (
            Key(kind.lower(), "", "", name),
            {  # there is one of a name, whatever its arguments
                "definition": bare(text),
                "arguments": arguments or None,
                "returns": gives or None,
                "deterministic": True if deterministic == "YES" else None,
                "access": access,
                "security": security,
                "comment": comment or None,
            },
        )
    for name, text, *when, comment in connection.exec_driver_sql(queries.EVENTS):
        yield (
            Key("event", "", "", name),
            {
                "definition": bare(text),
                "when": " ".join(str(one) for one in when if one is not None),
                "comment": comment or None,
            },
        )


def _json(properties: dict[str, object]) -> str:
    # spelled as PostgreSQL spells it, so that what looks into texts finds the same there
    found = {name: value for name, value in properties.items() if value is not None}
    return json.dumps(found, default=str, separators=(", ", " : "))
