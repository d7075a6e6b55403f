"""PostgreSQL's answers to what the worker asks of its target's kind; `sqlite.py` has the same functions."""

from .below import literal, outside_of_a_transaction, state_of  # noqa: F401  state_of is one of the answers
from .channel import emit, hear
from .keeping import is_kept
from .pooler import refuse_shared_session
from .state import STATE, abort

SIBLING = "ops_sibling"
NEWER = {"client_connection_check_interval": 140000}  # settings that older servers do not know

NOTHING = "SET alembic_ops.left_out = 'on'"  # a command without rows, in place of one that is not run


def prove(connection, record):
    """End the run where this physical connection is not at the target; make it what the request asks for.

    One at another database that env.py opens is let through, and may only read.
    """
    refuse_shared_session(connection, record)
    if getattr(connection, "ops_proved", False):
        record.info[SIBLING] = connection.ops_sibling
        return
    own, pid, database, others = asked(connection)
    if own and others:
        abort("same-database", "two of the databases that env.py opens are %r" % (database,), found=database)
    if not own and not others:
        abort("wrong-database", "the project connected to the database %r" % (database,), found=database)
    record.info[SIBLING] = not own
    if is_kept(connection):
        connection.ops_sibling = not own
    if own and pid not in STATE.backends:
        STATE.backends.add(pid)
        emit("connected", pid=pid)


def is_siblings(connection):
    """Whether a SQLAlchemy connection is at another of the databases that env.py opens, and not at the target."""
    return bool(getattr(connection, "info", {}).get(SIBLING))  # offline there is none, or none that has anything


def prove_ahead(connection):
    """Ask a connection that waits for the next run of env.py now; one that does not prove itself is asked again."""
    try:
        own, _, _, others = asked(connection)
        connection.ops_sibling = bool(others)
        connection.ops_proved = bool(own) != bool(others)
    except Exception:
        connection.end()  # the next run opens its own


def asked(connection):
    """Whether the parent's lock shows here, which process serves us, and in which database; sets the session, too.

    Last, how many of the locks show that the parent holds on the other databases of the project's env.py: in one of
    those nothing may be written, as it has a target of its own.
    """
    kept = is_kept(connection)
    if kept:
        connection.autocommit = True  # the driver would send a BEGIN and a COMMIT at each run of env.py
    cursor = connection.cursor()
    try:
        cursor.execute(question(*the_proof()))
        row = cursor.fetchone()
        if row[3] and not row[0]:
            cursor.execute("SET default_transaction_read_only = 'on'")
    finally:
        cursor.close()
    connection.commit()
    if kept:
        connection.autocommit = False
    return row[:4]


def the_proof():
    """The numbers of the parent's locks; they may still be on their way, as the files are read while it connects."""
    if STATE.proof is None:
        STATE.shown(hear())
    return STATE.proof, STATE.others


def question(key, others):
    """A copy of the database, or a sibling on the same server, does not show the parent's advisory lock."""
    settings = dict(STATE.session)
    settings["default_transaction_read_only"] = "on" if STATE.read_only else "off"
    configured = "".join(", " + setter(name, value) for name, value in sorted(settings.items()))
    return "SELECT %s, pg_catalog.pg_backend_pid(), pg_catalog.current_database(), %s%s" % (
        shows(key),
        " + ".join(map(shows, others)) or "0",
        configured,
    )


def shows(key):
    """The SQL that counts the locks under a number in the database at hand."""
    return (
        "(SELECT count(*) FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND granted"
        " AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())"
        " AND classid = '%d'::oid AND objid = '%d'::oid AND objsubid = 1)" % (key >> 32, key & 0xFFFFFFFF)
    )


def setter(name, value):
    """The SQL that sets something for the session, where the server knows it."""
    call = "pg_catalog.set_config(%s, %s, false)" % (literal(name), literal(value))
    if name not in NEWER:
        return call
    known = "pg_catalog.current_setting('server_version_num')::int >= %d" % NEWER[name]
    return "CASE WHEN %s THEN %s END" % (known, call)


def where_is(connection, name):
    """The schema of a table, None where there is none; the schema of what has no name of one, and the role."""
    from sqlalchemy import text

    return connection.execute(
        text(
            "SELECT (SELECT n.nspname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n"
            " ON n.oid = c.relnamespace WHERE c.oid = pg_catalog.to_regclass(:name)),"
            " pg_catalog.current_schema(), current_user::text"
        ),
        {"name": name},
    ).fetchone()


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


def words_of(error):
    """What the server says."""
    return str(error).strip()


def is_a_question(statement):
    """Whether the parent need not be told: it can tell questions to a server's catalog apart itself."""
    return False


def is_outside(driver, statement):
    """Whether a statement is committed by itself."""
    return outside_of_a_transaction(driver)
