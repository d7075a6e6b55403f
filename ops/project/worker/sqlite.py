"""SQLite's answers to what the worker asks of its target's kind; `postgresql.py` has the same functions."""

import os
import re

from .below import below, milliseconds
from .postgresql import the_proof
from .state import STATE, abort

NOTHING = "PRAGMA alembic_ops_left_out"  # unknown to SQLite, which then does nothing, and gives no rows
QUESTION = re.compile(
    r"\s*(PRAGMA\s+([\w\"]+\.)?(table_x?info|table_list|index_list|index_x?info|foreign_key_list)\b"
    r"|SELECT\b.*\bsqlite_(temp_)?(master|schema)\b)",
    re.IGNORECASE | re.DOTALL,
)
READS = re.compile(r"\s*(SELECT|PRAGMA|EXPLAIN)\b", re.IGNORECASE)
WRITES = re.compile(r"\s*(INSERT|UPDATE|DELETE|REPLACE)\b", re.IGNORECASE)


def prove(connection, record):
    """End the run where this connection's file is not the target's; have it write only where that is asked for."""
    cursor = connection.cursor()
    try:
        cursor.execute("PRAGMA database_list")
        file = next(row[2] for row in cursor.fetchall() if row[1] == "main")
        cursor.execute("PRAGMA query_only = %s" % ("ON" if STATE.read_only else "OFF"))
    finally:
        cursor.close()
    if not file or not is_the_target(file):
        found = file or "a database in memory"
        abort("wrong-database", "the project opened %s" % found, found=found)


def is_the_target(file):
    """A copy has another inode, and another name for the same file has the same."""
    try:
        found = os.stat(file)
    except OSError:
        return False
    return [found.st_dev, found.st_ino] == list(the_proof()[0])


def where_is(connection, name):
    """The schema of a table, None where there is none; the schema of what has no name of one, and no role."""
    schema, _, table = name.rpartition(".")
    schema = schema.strip('"') or "main"
    row = connection.exec_driver_sql(
        "SELECT 1 FROM \"%s\".sqlite_master WHERE type = 'table' AND lower(name) = lower(?)" % schema,
        (table.strip('"'),),
    ).fetchone()
    return (schema if row else None), "main", ""


def set_and_read(conn, settings):
    """What SQLite says that the settings are: it knows how long to wait for whoever has the file locked, no other."""
    found = dict(settings)
    if "lock_timeout" in settings:
        below(conn, "PRAGMA busy_timeout = %d" % milliseconds(str(settings["lock_timeout"])))
        found["lock_timeout"] = "%dms" % below(conn, "PRAGMA busy_timeout")[0]
    return found


def is_outside(driver, statement):
    """Whether a statement is committed by itself.

    The driver of the standard library, in its usual mode, begins a transaction before rows are written, and not before
    anything else: what changes the schema ahead of that stays, whatever becomes of the revision.
    https://docs.python.org/3/library/sqlite3.html#transaction-control
    """
    if in_transaction(driver) or READS.match(statement):
        return False
    mode = getattr(driver, "autocommit", -1)  # from Python 3.12 on
    if mode in (True, False):
        return bool(mode)
    return getattr(driver, "isolation_level", "") is None or WRITES.match(statement) is None


def in_transaction(driver):
    """Whether a transaction is open, as the library says; aiosqlite shows that one level below."""
    found = getattr(driver, "in_transaction", None)
    if found is None:
        found = getattr(getattr(driver, "driver_connection", None), "in_transaction", False)
    return bool(found)


def state_of(error):
    """The SQLSTATE that stands for what SQLite says; it has none of its own."""
    said = str(error)
    if "database is locked" in said or "database table is locked" in said:
        return "55P03"  # lock not available
    return "25006" if "attempt to write a readonly database" in said else "HY000"  # a refusal like any other


def words_of(error):
    """What the library says."""
    return str(error).strip()


def is_a_question(statement):
    """Whether this is what Alembic asks of the catalog to rebuild a table, and nothing that a revision does."""
    return QUESTION.match(statement) is not None
