"""Version tables on PostgreSQL: which there are, what they say, and what env.py's answers depend on besides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ops.errors import ConnectError, first_line
from ops.unanswered import NO_RIGHT, broken, state

if TYPE_CHECKING:
    from sqlalchemy import Connection

_NO_SUCH_TABLE = ("42P01", "3F000")  # undefined table, undefined schema

# What Alembic's own look like, whatever they are called: no env.py has to be run, and a broken one is in nobody's way.
_VERSION_TABLES = """
    SELECT n.nspname::text, c.relname::text
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND n.nspname NOT LIKE 'pg\\_%%' AND n.nspname <> 'information_schema'
      AND ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute a
                WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) = ARRAY['version_num']
    ORDER BY 1, 2
"""


def every(connection: Connection) -> list[tuple[str, str]]:
    """Return schema and name of every table that looks like Alembic's own."""
    return [(schema, name) for schema, name in connection.exec_driver_sql(_VERSION_TABLES)]


def surroundings(connection: Connection) -> list[object]:
    """Return what env.py's answers depend on, of the database: who asks, where names lead, and its version tables."""
    asked = f"""
        SELECT current_user::text, pg_catalog.current_setting('search_path'), pg_catalog.current_schema()::text,
            (SELECT pg_catalog.json_agg(one) FROM ({_VERSION_TABLES}) AS one)::text
    """
    return list(connection.exec_driver_sql(asked).one())


def heads(connection: Connection, schema: str | None, table: str) -> tuple[str, ...] | None:
    """Return the rows of a version table, sorted; None where the table does not exist.

    Raises
    ------
    ConnectError
        The role may not read the table.
    """
    from sqlalchemy.exc import DBAPIError

    quote = connection.dialect.identifier_preparer.quote_identifier
    name = quote(table) if schema is None else f"{quote(schema)}.{quote(table)}"
    try:
        return tuple(sorted(connection.exec_driver_sql(f"SELECT version_num FROM {name}").scalars()))
    except DBAPIError as error:
        if state(error) in _NO_SUCH_TABLE:
            return None
        if state(error) != NO_RIGHT:
            raise broken(error, f"Version table {name}") from None
        raise ConnectError(
            f"The version table {name} cannot be read: {first_line(error)}.",
            next_step=f"Grant the role SELECT on {name}, and USAGE on its schema.",
            code="version-table",
        ) from None
