"""A pooler between here and the server that shares sessions among its clients is refused."""

from .keeping import is_kept
from .state import abort


def refuse_shared_session(connection, record):
    """Look for a pooler in transaction mode, before anything is set that it would hand on to the application."""
    known = process_by_driver(connection)
    if known is None or getattr(connection, "ops_own", False):
        return
    # A pooler makes the number up that it gives to its client.
    if known != process(connection) and "ops_again" in record.info:
        other = record.info["ops_again"]()
        try:
            shared = shares_sessions(connection, other)
        finally:
            other.close()
        if shared:
            abort("pooler", "env.py connects through a pooler that shares sessions among its clients")
    if is_kept(connection):
        connection.ops_own = True  # kept, and asked once


def shares_sessions(mine, other):
    """Whether two connections are given each other's server process, or another one each time: see ops.locking."""
    first, second = process(mine), process(other)
    return first == second or any(process(other) != second or process(mine) != first for _ in range(4))


def process(connection):
    """The server's process, as itself says, and no transaction open behind the question."""
    cursor = connection.cursor()
    try:
        cursor.execute("SELECT pg_catalog.pg_backend_pid()")
        return cursor.fetchone()[0]
    finally:
        cursor.close()
        connection.rollback()


def process_by_driver(connection):
    """The server's process as the driver was told when it connected; None where the driver does not say."""
    number = getattr(getattr(connection, "info", None), "backend_pid", None)  # psycopg2, psycopg
    if number is None:
        ask = getattr(getattr(connection, "driver_connection", None), "get_server_pid", None)  # asyncpg
        number = ask() if ask is not None else None
    return number if isinstance(number, int) else None
