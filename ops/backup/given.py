"""The settings that somebody gave a database, and roles in it: a dump has none of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ops.errors import first_line

if TYPE_CHECKING:
    from ops.backup.server import Server

_GIVEN = """
    SELECT CASE WHEN s.setrole <> 0 THEN pg_catalog.pg_get_userbyid(s.setrole)::text END AS role, one
    FROM pg_catalog.pg_db_role_setting s CROSS JOIN unnest(s.setconfig) AS one
    WHERE s.setdatabase = (SELECT oid FROM pg_catalog.pg_database WHERE datname = %(name)s) ORDER BY 1 NULLS FIRST, 2
"""
_LIMIT = "SELECT datconnlimit FROM pg_catalog.pg_database WHERE datname = %(name)s"
_NAMES = frozenset({"search_path", "temp_tablespaces"})
_LIBRARIES = frozenset({"local_preload_libraries", "session_preload_libraries"})
"""Both hold lists: written as one text, they would be one name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """One setting: of every session in the database, or of a role's."""

    role: str | None
    name: str
    value: str

    def __str__(self) -> str:
        return f"{self.name}{f' of role {self.role}' if self.role else ''}"


def given(place: Server, database: str) -> tuple[Given, ...]:
    """Return what `ALTER DATABASE … SET` and `ALTER ROLE … IN DATABASE … SET` have given."""
    rows = place.ask(_GIVEN, {"name": database})
    return tuple(Given(role=role, name=one.partition("=")[0], value=one.partition("=")[2]) for role, one in rows)


def take_over(place: Server, database: str, other: str) -> tuple[str, ...]:
    """Give a database the settings, and the limit of connections, of another; return what was refused."""
    import psycopg2
    from psycopg2 import sql

    refused = []
    [[limit]] = place.ask(_LIMIT, {"name": other})
    with place.session() as cursor:
        if limit != -1:
            change = sql.SQL("ALTER DATABASE {} CONNECTION LIMIT {}")
            cursor.execute(change.format(sql.Identifier(database), sql.Literal(limit)))
        for one in given(place, other):
            try:
                for statement, values in _statements(one, database):
                    cursor.execute(statement, values)
            except psycopg2.Error as error:
                why = first_line(error)
                refused.append(f"The setting {one} could not be taken over: {why}.")
    return tuple(refused)


def _statements(one: Given, database: str) -> Iterator[tuple[Any, Any]]:
    from psycopg2 import sql

    whose = sql.SQL("ALTER DATABASE {}").format(sql.Identifier(database))
    if one.role is not None:
        whose = sql.SQL("ALTER ROLE {} IN DATABASE {}").format(sql.Identifier(one.role), sql.Identifier(database))
    change = whose + sql.SQL(" SET ") + sql.SQL(".").join(map(sql.Identifier, one.name.split(".")))
    if one.name in _NAMES:
        yield "SELECT pg_catalog.set_config(%s, %s, false)", (one.name, one.value)
        yield change + sql.SQL(" FROM CURRENT"), None
        yield sql.SQL("RESET {}").format(sql.Identifier(one.name)), None
    elif one.name in _LIBRARIES:
        libraries = [sql.Literal(each.strip().strip('"')) for each in one.value.split(",")]
        yield change + sql.SQL(" TO ") + sql.SQL(", ").join(libraries), None
    else:
        yield change + sql.SQL(" TO {}").format(sql.Literal(one.value)), None
