"""MariaDB's answers to what the worker asks of its target's kind; `postgresql.py` has the same functions."""

import re

from .below import below, milliseconds
from .channel import emit
from .postgresql import the_proof
from .state import STATE, abort

NOTHING = "SET @alembic_ops_left_out = 1"  # a command without rows, in place of one that is not run

# What ends the transaction that is open, and is committed by itself; the tables of a session are no part of the schema.
# https://mariadb.com/kb/en/sql-statements-that-cause-an-implicit-commit/
COMMITS = re.compile(
    r"(?:\s+|--\s[^\n]*\n|#[^\n]*\n|/\*(?!!).*?\*/)*"
    r"(?:ALTER|ANALYZE|BACKUP|CACHE\s+INDEX|CHANGE\s+MASTER|CHECK\s+TABLE|(?:CREATE|DROP)(?!\s+TEMPORARY)|FLUSH|GRANT"
    r"|INSTALL|LOAD\s+INDEX|LOCK\s+TABLES?|OPTIMIZE|RENAME|REPAIR|RESET|REVOKE|SET\s+PASSWORD|TRUNCATE|UNINSTALL)\b",
    re.IGNORECASE | re.DOTALL,
)

STATES = {
    1045: "28000",
    1044: "42501",
    1142: "42501",
    1143: "42501",
    1227: "42501",
    1064: "42601",
    1149: "42601",
    1205: "55P03",
    1213: "40P01",
    1317: "57014",
    1969: "57014",
    1792: "25006",
    1290: "25006",
}
"""The SQLSTATEs by which the parent knows what the server says by number."""

LIMITS = {
    "lock_timeout": ("lock_wait_timeout", "innodb_lock_wait_timeout"),
    "statement_timeout": ("max_statement_time",),
}


def prove(connection, record):
    """End the run where this physical connection is not at the target; have it write only where that is asked for."""
    name, database, encrypted = the_proof()[0]
    cursor = connection.cursor()
    try:
        cursor.execute(
            "SELECT IS_USED_LOCK('%s'), DATABASE(), CONNECTION_ID(), @@lower_case_table_names" % name.replace("'", "")
        )
        held, found, number, folded = cursor.fetchone()
        same = found == database or (folded and str(found).lower() == str(database).lower())
        if held is None or not same:
            abort("wrong-database", "the project connected to the database %r" % (found,), found=found)
        if encrypted:
            cursor.execute("SHOW SESSION STATUS LIKE 'Ssl_cipher'")
            if not cursor.fetchone()[1]:
                abort("unencrypted", "the project's session is not encrypted")
        cursor.execute("SET SESSION TRANSACTION READ %s" % ("ONLY" if STATE.read_only else "WRITE"))
    finally:
        cursor.close()
    if number not in STATE.backends:
        STATE.backends.add(number)
        emit("connected", pid=number)


def where_is(connection, name):
    """The schema of a table, None where there is none; the schema of what has no name of one, and the account."""
    schema, _, table = name.rpartition(".")
    here, role = connection.exec_driver_sql("SELECT DATABASE(), CURRENT_USER()").fetchone()
    row = connection.exec_driver_sql(
        "SELECT TABLE_SCHEMA FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s",
        (schema.strip("`") or here, table.strip("`")),
    ).fetchone()
    return (row[0] if row else None), here, role


def set_and_read(conn, settings):
    """What the server says that the settings are, once they are set: in whole seconds, and under other names."""
    found = {}
    for name, value in settings.items():
        if name not in LIMITS:
            continue  # the parent sees that it was not taken
        seconds = (milliseconds(str(value)) or 0) // 1000
        if name == "lock_timeout" and not seconds:
            seconds = 1
        for one in LIMITS[name]:
            below(conn, "SET SESSION %s = %d" % (one, seconds))
        read = [int(below(conn, "SELECT @@SESSION.%s" % one)[0]) for one in LIMITS[name]]
        found[name] = "%ds" % read[0] if len(set(read)) == 1 else str(read)
        if found[name] == "0s":
            found[name] = "0"
    return {name: found.get(name, "") for name in settings}


def is_outside(driver, statement):
    """Whether a statement is committed by itself, and what its transaction did before with it."""
    return COMMITS.match(statement) is not None or commits_each(driver)


def commits_each(driver):
    """Whether the driver's connection is in autocommit mode; asyncmy and aiomysql show that one level below."""
    for one in (driver, getattr(driver, "driver_connection", None), getattr(driver, "_connection", None)):
        get = getattr(one, "get_autocommit", None)
        if get is not None:
            return bool(get())
        if isinstance(getattr(one, "autocommit", None), bool):  # mariadbconnector has an attribute
            return one.autocommit
    return False


def state_of(error):
    """The SQLSTATE that stands for the number that the server or the driver says; None where there is none."""
    number = number_of(error)
    if number is None or number in (2006, 2013, 2055, 1053, 1927):
        return None
    return STATES.get(number, "HY000")


def words_of(error):
    """What the server says, and the number by which its manual knows it."""
    number = number_of(error)
    args = getattr(error, "args", None) or ("",)
    return str(error).strip() if number is None else "%s (error %d)" % (str(args[-1]).strip(), number)


def number_of(error):
    """The number by which the server or the driver knows an error; None where it has none."""
    args = getattr(error, "args", None) or (None,)
    for number in (args[0], getattr(error, "errno", None)):  # mariadbconnector has it beside the text
        if isinstance(number, int) and number:
            return number
    return None


def is_a_question(statement):
    """Whether the parent need not be told: it is what SQLAlchemy and Alembic ask of the catalog."""
    return QUESTION.match(statement) is not None


QUESTION = re.compile(r"\s*(SHOW|DESCRIBE|SELECT\b.*\binformation_schema\b)", re.IGNORECASE | re.DOTALL)
