"""Settings that the parent wants in force before a statement: set on its very connection, and read back."""

import re

from .below import literal, memory
from .channel import emit
from .state import STATE, abort

UNITS = {"": 1, "ms": 1, "s": 1000, "min": 60000, "h": 3600000, "d": 86400000}


def put_in_force(conn):
    """Set what the parent asked for on this very connection, and say what the server made of it."""
    settings, STATE.settings = STATE.settings, {}
    known = memory(conn).settings
    settings = {name: value for name, value in settings.items() if known.get(name) != value}
    if not settings:
        return
    found = set_and_read(conn, settings)
    emit("settings", asked=settings, found=found)
    wrong = [name for name in settings if not same_setting(str(settings[name]), str(found[name]))]
    if wrong:
        abort("settings", "the server did not take %s, and says %s" % (settings, found))
    known.update(settings)


def set_and_read(conn, settings):
    """What the server says that the settings are, once they are set."""
    names = sorted(settings)
    put = ", ".join("pg_catalog.set_config(%s, %s, false)" % (literal(n), literal(settings[n])) for n in names)
    get = ", ".join("pg_catalog.current_setting(%s)" % literal(n) for n in names)
    # Below SQLAlchemy, so that it neither begins a transaction of its own nor sees the statement.
    cursor = conn.connection.cursor()
    try:
        if conn.dialect.driver == "psycopg2":  # sends both at once, and has the rows of the last
            cursor.execute("SELECT %s; SELECT %s" % (put, get))
        else:
            cursor.execute("SELECT " + put)
            cursor.fetchone()
            cursor.execute("SELECT " + get)
        return dict(zip(names, cursor.fetchone()))
    finally:
        cursor.close()


def same_setting(asked, found):
    """Whether two spellings mean the same: PostgreSQL writes 2000ms as 2s."""
    return asked == found or (milliseconds(asked) is not None and milliseconds(asked) == milliseconds(found))


def milliseconds(text):
    """A duration as PostgreSQL writes it, in milliseconds; None for anything else."""
    match = re.match(r"(\d+)\s*([a-z]*)$", text.strip())
    return int(match.group(1)) * UNITS[match.group(2)] if match and match.group(2) in UNITS else None
