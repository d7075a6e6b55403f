"""What stands against rows that a target holds already: it is silent in a copy while they are put there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ops.catalog.names import quoted

# Rows that were there before may break what nobody has checked; the definition says NOT VALID again.
_UNCHECKED = """
    SELECT n.nspname, coalesce(c.relname, t.typname), k.conname, k.conrelid <> 0,
           pg_catalog.pg_get_constraintdef(k.oid), pg_catalog.obj_description(k.oid, 'pg_constraint')
    FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_namespace n ON n.oid = k.connamespace
    LEFT JOIN pg_catalog.pg_class c ON c.oid = k.conrelid LEFT JOIN pg_catalog.pg_type t ON t.oid = k.contypid
    WHERE k.contype IN ('c', 'n') AND NOT k.convalidated AND k.coninhcount = 0 ORDER BY k.oid
"""
# Those that fire for a replica, too.
_TRIGGERS = """
    SELECT n.nspname, c.relname, t.tgname, CASE t.tgenabled WHEN 'A' THEN 'ALWAYS' ELSE 'REPLICA' END
    FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE t.tgenabled IN ('A', 'R') AND NOT t.tgisinternal AND t.tgparentid = 0 AND c.relkind IN ('r', 'p')
    ORDER BY t.oid
"""
# Where its building failed at rows that are not unique, it must not refuse them.
_UNREADY = (
    "UPDATE pg_catalog.pg_index SET indisready = false WHERE NOT indisvalid AND indisready RETURNING indexrelid::bigint"
)
_READY = "UPDATE pg_catalog.pg_index SET indisready = true WHERE indexrelid = ANY (%s::bigint[]::oid[])"


@contextmanager
def kept(cursor: Any) -> Iterator[None]:
    """Keep silent what does not hold for rows that are there: unchecked constraints, invalid indexes, some triggers.

    The cursor is a superuser's, in the copy. Afterwards all is as it was, unless an error ended it.
    """
    cursor.execute(_UNCHECKED)
    unchecked = cursor.fetchall()
    cursor.execute(_TRIGGERS)
    triggers = cursor.fetchall()
    for schema, owner, name, of_table, _, _ in unchecked:
        cursor.execute(f"{_alter(schema, owner, of_table)} DROP CONSTRAINT {quoted(name)}")
    for schema, table, name, _ in triggers:
        cursor.execute(f"{_alter(schema, table, True)} DISABLE TRIGGER {quoted(name)}")
    cursor.execute(_UNREADY)
    unready = [oid for (oid,) in cursor.fetchall()]
    yield
    cursor.execute(_READY, (unready,))
    for schema, table, name, when in triggers:
        cursor.execute(f"{_alter(schema, table, True)} ENABLE {when} TRIGGER {quoted(name)}")
    for schema, owner, name, of_table, definition, comment in unchecked:
        cursor.execute(f"{_alter(schema, owner, of_table)} ADD CONSTRAINT {quoted(name)} {definition}")
        if comment is not None:
            domain = "" if of_table else "DOMAIN "
            on = f"{quoted(name)} ON {domain}{quoted(schema)}.{quoted(owner)}".replace("%", "%%")
            cursor.execute(f"COMMENT ON CONSTRAINT {on} IS %s", (comment,))


def _alter(schema: str, name: str, of_table: bool) -> str:
    return f"ALTER {'TABLE' if of_table else 'DOMAIN'} {quoted(schema)}.{quoted(name)}"
