"""Reads one database's catalog in one read-only snapshot, in a fixed number of round trips."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ops.catalog import queries
from ops.catalog.values import Catalog, Key
from ops.errors import ConnectError

if TYPE_CHECKING:
    from sqlalchemy import Connection

OWN_SCHEMA = "alembic_ops"
_IGNORED_SCHEMAS = ("information_schema", OWN_SCHEMA)
_GONE_UNDER_US = ("XX000", "42P01", "42704", "42883")  # "cache lookup failed", and what became undefined


def read(connection: Connection, *, version_table: tuple[str, str] = ("public", "alembic_version")) -> Catalog:
    """Return the catalog of the database behind a connection of ours.

    Objects that an extension owns, temporary ones, the version table and our own schema are left out. What the
    role may not read is named in the result. A server newer than what is known here, or older, is read as
    its nearest known neighbour, and every kind is named as unread, as nobody has checked that.

    Raises
    ------
    ConnectError
        The server refuses, or the connection broke.
    """
    import psycopg2

    driver: Any = connection.connection.driver_connection
    for attempt in (1, 2):
        try:
            return _read(driver, version_table)
        except psycopg2.Error as error:
            # Definitions are printed with the newest state, not the snapshot's: under concurrent DDL they can fail.
            if attempt == 1 and error.pgcode in _GONE_UNDER_US:
                continue
            raise ConnectError(
                f"The catalog cannot be read: {str(error).strip().splitlines()[0]}.",
                next_step="Check that the server is up, and what the role may read.",
                code="catalog",
            ) from None
    raise AssertionError("unreachable")


def _read(driver: Any, version_table: tuple[str, str]) -> Catalog:
    autocommit = driver.autocommit
    driver.autocommit = True
    with driver.cursor() as cursor:
        cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL search_path = ''")
        try:
            cursor.execute(
                "SELECT current_setting('server_version_num')::int, current_database()::text, ARRAY(SELECT c FROM"
                " unnest(%s) AS c WHERE NOT has_table_privilege('pg_catalog.' || c, 'SELECT'))",
                (sorted(_catalogs()),),
            )
            number, database, closed = cursor.fetchone()
            major = number // 10000
            texts: dict[Key, str] = {}
            unread: list[str] = [] if queries.OLDEST <= major <= queries.NEWEST else list(queries.KINDS)
            values = {
                "ignored_schemas": list(_IGNORED_SCHEMAS),
                "version_schema": version_table[0],
                "version_table": version_table[1],
            }
            for group in queries.ALL:
                readable = []
                for query in group:
                    if not _is_for(query, major):
                        continue
                    if set(query.reads) & set(closed):
                        unread.extend(query.kinds)
                    else:
                        readable.append(query.sql)
                if readable:
                    cursor.execute("\nUNION ALL\n".join(readable), values)
                    texts.update((Key._make(row[:4]), row[4]) for row in cursor.fetchall())
        finally:
            cursor.execute("ROLLBACK")
            driver.autocommit = autocommit
    return Catalog(database=database, server_version=number, texts=texts, unread=tuple(dict.fromkeys(unread)))


def _is_for(query: queries.Query, major: int) -> bool:
    known = min(max(major, queries.OLDEST), queries.NEWEST)
    return query.since <= known <= query.until


def _catalogs() -> set[str]:
    every: Sequence[queries.Query] = [query for group in queries.ALL for query in group]
    return {name for query in every for name in query.reads}
