"""A schema as the statements that make it, in an order in which they run, written by the server itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ops.errors import LackingError
from ops.mariadb import server

if TYPE_CHECKING:
    from sqlalchemy import Connection

_DEFINER = re.compile(r"\bDEFINER\s*=\s*`(?:[^`]|``)*`@`(?:[^`]|``)*`\s*", re.IGNORECASE)
"""Whoever copies may not make something in another account's name."""

_NAMES = "SELECT TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() ORDER BY 1"
_ROUTINES = "SELECT ROUTINE_TYPE, ROUTINE_NAME FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = DATABASE()"
_TRIGGERS = (
    "SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE()"
    " ORDER BY EVENT_OBJECT_TABLE, ACTION_TIMING, EVENT_MANIPULATION, ACTION_ORDER"
)


def statements(connection: Connection) -> Iterator[str]:
    """Yield what makes everything that the connection's database has, without rows; events stay behind.

    A view that needs another finds it: each is made of constants first, and then as it is.

    Raises
    ------
    LackingError
        The account may not see what a routine is.
    """
    tables = connection.exec_driver_sql(_NAMES).all()
    yield "SET SESSION foreign_key_checks = 0"
    for name, kind in sorted(tables, key=lambda row: row[1] != "SEQUENCE"):  # a default may ask a sequence
        if kind != "VIEW":
            yield _shown(connection, "SEQUENCE" if kind == "SEQUENCE" else "TABLE", name, 1)
    views = [name for name, kind in tables if kind == "VIEW"]
    for name in views:
        columns = connection.exec_driver_sql(f"SHOW COLUMNS FROM {server.quoted(name)}").scalars()
        listed = ", ".join(f"1 AS {server.quoted(one)}" for one in columns)
        yield f"CREATE VIEW {server.quoted(name)} AS SELECT {listed}"
    for kind, name in connection.exec_driver_sql(_ROUTINES).all():
        yield _shown(connection, kind, name, 2)
    for name in views:
        yield re.sub(r"\ACREATE\b", "CREATE OR REPLACE", _shown(connection, "VIEW", name, 1))
    for name in connection.exec_driver_sql(_TRIGGERS).scalars().all():
        yield _shown(connection, "TRIGGER", name, 2)
    yield "SET SESSION foreign_key_checks = 1"


def _shown(connection: Connection, kind: str, name: str, place: int) -> str:
    text = connection.exec_driver_sql(f"SHOW CREATE {kind} {server.quoted(name)}").one()[place]
    if not text:
        raise LackingError(
            f"The account may not see what the {kind.lower()} {name} is, so the schema cannot be copied.",
            next_step="Grant it SELECT on mysql.proc, or SHOW CREATE ROUTINE where the server has that.",
        )
    return server.bare(_DEFINER.sub("", text, count=1), connection.exec_driver_sql("SELECT DATABASE()").scalar_one())
