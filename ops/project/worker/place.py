"""The proof that a connection is at the target, demanded before anybody uses it."""

from .below import literal
from .channel import emit, hear
from .keeping import is_kept
from .pooler import refuse_shared_session
from .state import STATE, abort, stop_if_aborted

SIBLING = "ops_sibling"
NEWER = {"client_connection_check_interval": 140000}  # settings that older servers do not know


def on_connect(connection, record):
    """Prove that this physical connection is at the target, and make it what the request asks for."""
    stop_if_aborted()
    dialect = record.info.get("ops_dialect", "postgresql")
    if dialect != "postgresql":
        abort("wrong-database", "the project opened a %s database" % dialect, found=dialect)
    refuse_shared_session(connection, record)
    if getattr(connection, "ops_proved", False):
        record.info[SIBLING] = connection.ops_sibling
    else:
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
    STATE.connected = True
    record.info["ops_run"] = STATE.run


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
