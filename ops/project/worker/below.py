"""The driver's own connection below SQLAlchemy's, and what is known of it."""

import re

from .state import STATE

UNITS = {"": 1, "ms": 1, "s": 1000, "min": 60000, "h": 3600000, "d": 86400000}


class Memory:
    """What is known of a physical connection, for as long as one run of env.py has it."""

    def __init__(self):
        self.run = STATE.run
        self.settings = {}  # what we put in force, and nothing has undone since
        self.armed = None  # the name of the event trigger that its transaction has made
        self.sure = False  # and that it is still there
        self.failed = False  # its transaction takes no statement any more


def memory(conn):
    """What is known of a connection of SQLAlchemy's; new in each run of env.py."""
    try:
        info = conn.connection.info
    except Exception:  # the connection is gone, and with it all that there was to know
        return Memory()
    found = info.get("ops_memory")
    if found is None or found.run != STATE.run:
        found = info["ops_memory"] = Memory()
    return found


def forget(conn):
    """What was set, or made, since the transaction or the savepoint began is gone."""
    known = memory(conn)
    known.settings, known.failed, known.sure = {}, False, False


def driver_of(conn):
    """The driver's own connection; None where it is gone, or where this SQLAlchemy does not show it."""
    try:
        return getattr(conn.connection, "dbapi_connection", None)
    except Exception:
        return None


def outside_of_a_transaction(driver):
    """Whether the next statement runs by itself: in autocommit mode, or behind a COMMIT that a migration wrote out."""
    if getattr(driver, "autocommit", False):
        return True
    if not hasattr(driver, "info") or not hasattr(driver.info, "transaction_status"):
        return False
    # psycopg2 believes that its transaction has begun, and the server knows of none
    return getattr(driver, "status", None) == 2 and driver.info.transaction_status == 0


def has_failed(conn, driver):
    """Whether the transaction takes nothing but its end any more."""
    if hasattr(driver, "info") and hasattr(driver.info, "transaction_status"):
        return driver.info.transaction_status == 3
    return memory(conn).failed


def below(conn, sql):
    """Execute something below SQLAlchemy, which sees neither it nor what it begins; returns the first row."""
    cursor = conn.connection.cursor()
    try:
        cursor.execute(sql)
        return cursor.fetchone() if cursor.description else None
    finally:
        cursor.close()


def literal(value):
    """A value as SQL text."""
    text = str(value)
    if "\\" in text or "\0" in text:
        raise ValueError("a session setting has a character that no setting needs")
    return "'" + text.replace("'", "''") + "'"


def milliseconds(text):
    """A duration as PostgreSQL writes it, in milliseconds; None for anything else."""
    match = re.match(r"(\d+)\s*([a-z]*)$", text.strip())
    return int(match.group(1)) * UNITS[match.group(2)] if match and match.group(2) in UNITS else None


def first_line(error):
    """What an exception says, in one line."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def state_of(error):
    """The SQLSTATE that a driver's exception carries, if any."""
    state = getattr(error, "pgcode", None) or getattr(error, "sqlstate", None)
    if state is None and getattr(error, "args", None) and isinstance(error.args[0], dict):
        state = error.args[0].get("C")  # pg8000
    return state


def commit(connection):
    """Commit what is open on a connection of SQLAlchemy's."""
    if hasattr(connection, "commit"):
        connection.commit()
    else:  # SQLAlchemy 1.4 without the 2.0 interface
        connection.get_transaction().commit()
