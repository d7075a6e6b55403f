"""The run lock for plain `alembic`: one line in a project's env.py, and no second run comes in between.

    from ops.locking import run_lock
    ...
    context.configure(connection=connection, target_metadata=target_metadata)
    with run_lock(), context.begin_transaction():
        context.run_migrations()

It is the lock that the notebooks take, so they and plain `alembic upgrade` exclude each other, whatever host they run
on. It stands on the standard library, Alembic and SQLAlchemy alone: where an application's environment shall not have
this package, a copy of this file beside env.py does the same.
"""

from __future__ import annotations

import getpass
import hashlib
import socket
import sys
import time
from contextlib import contextmanager, suppress

POLL_SECONDS = 0.1
WORKER_MARK = "_alembic_ops_worker"
"""An attribute of `sys` in the process that runs a project for the notebooks: its parent holds the lock."""

_HALF = 2**31
# Server-side keepalives, so that a lost network is noticed; and no end for a session that waits for a long statement.
_SESSION = {"tcp_keepalives_idle": "30", "tcp_keepalives_interval": "10", "tcp_keepalives_count": "3"}


@contextmanager
def run_lock(*, wait=60, version_table_schema=None):
    """Hold the lock of this database and version table while migrations run; for env.py, behind `configure()`.

    It has a connection of its own, from the same engine as the migrations': theirs, and its transaction, are not
    touched. It does nothing for other databases than PostgreSQL, for `--sql`, for `alembic current`, and where
    a notebook runs the project, which has the lock already.

    Parameters
    ----------
    wait
        Seconds to wait for another run to end. Whoever has waited finds its revisions applied.
    version_table_schema
        Where the version table is, for an env.py that sets the search path of its connection only.

    Raises
    ------
    alembic.util.CommandError
        Another run was at work for all that time; or a pooler, between here and the server, shares sessions among its
        clients, so that a lock would be nobody's.
    """
    from alembic import context
    from alembic.util import CommandError

    if getattr(sys, WORKER_MARK, False):
        yield
        return
    try:
        migration = context.get_context()
    except Exception:  # a bare one is Alembic's word for it
        raise CommandError("run_lock() comes behind context.configure().") from None
    connection = migration.connection
    if (
        migration.as_sql
        or connection is None
        or connection.dialect.name != "postgresql"
        or migration.opts.get("dont_mutate")
    ):
        yield
        return
    with _session(connection.engine) as ask:
        with _session(connection.engine) as other:
            _refuse_pooler(ask, other)
        ask(_settings())
        schema = version_table_schema or migration.version_table_schema
        number = key(schema or _schema(ask, migration), migration.version_table)
        _take(ask, number, wait)
        yield  # closing the session gives the lock back


def key(schema, table):
    """Return the number of the advisory lock that stands for one version table; 64 bits, signed."""
    digest = hashlib.sha256(f"alembic-ops:{schema}.{table}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def attempt(number):
    """Return a query that tries to take the lock: whether that went well, and the server's time as `since` wants it."""
    stamp = f"(pg_catalog.floor(extract(epoch FROM pg_catalog.clock_timestamp())) - {_HALF})::int"
    return f"SELECT pg_catalog.pg_try_advisory_lock({int(number)}), {stamp}"


def since(number, stamp, *, unlock=False):
    """Return a query that leaves a mark which says since when the lock is held, or takes it away.

    The server does not tell when a lock was taken. So a second lock goes with it, whose number is the time; anybody
    may see both.
    """
    verb = "pg_advisory_unlock" if unlock else "pg_try_advisory_lock"
    return f"SELECT pg_catalog.{verb}('{_mark(number)}'::int, '{int(stamp)}'::int)"


def who(number):
    """Return a query for the session that holds the lock; `described` puts its row into words."""
    unsigned = number & 0xFFFFFFFFFFFFFFFF
    here = "(SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())"
    written = "'YYYY-MM-DD HH24:MI:SS TZ'"
    return f"""
        SELECT l.pid, coalesce(a.usename::text, '?'), coalesce(a.application_name, ''),
               CASE WHEN a.client_port = -1 THEN 'a local socket'
                    ELSE coalesce(pg_catalog.host(a.client_addr), '') END,
               coalesce(pg_catalog.to_char(
                   pg_catalog.to_timestamp(pg_catalog.mod(s.objid::bigint + {_HALF}, {2 * _HALF})), {written}), ''),
               coalesce(pg_catalog.to_char(a.backend_start, {written}), '')
        FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a USING (pid)
             LEFT JOIN pg_catalog.pg_locks s ON s.pid = l.pid AND s.locktype = 'advisory' AND s.granted
                  AND s.objsubid = 2 AND s.classid::bigint = {_mark(number) & 0xFFFFFFFF} AND s.database = l.database
        WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.database = {here}
          AND l.classid::bigint = {unsigned >> 32} AND l.objid::bigint = {unsigned & 0xFFFFFFFF}
    """


def described(row):
    """Return the session that `who` found, in words."""
    pid, login, application, address, held, connected = row
    parts = [login, application or "no application name"]
    # the server hides addresses and times of connections from other roles
    parts += [f"from {address}"] if address else []
    parts += [f"at work since {held}"] if held else [f"connected since {connected}"] if connected else []
    return f"backend {pid} ({', '.join(parts)})"


def shares_sessions(first, second, rounds=4):
    """Return whether two clients that ask for their server process are given each other's, or another one each time.

    `first` and `second` ask on a connection each, outside of a transaction. Behind a pooler in transaction mode whoever
    asks next gets the process that was used last, or whichever is next; sessions of one's own never differ.
    """
    mine, others = first(), second()
    if mine == others:
        return True
    return any(second() != others or first() != mine for _ in range(rounds))


def _mark(number):
    """The first half of the second lock's number: 32 bits, signed."""
    return ((number >> 32) ^ number ^ _HALF) % (2 * _HALF) - _HALF


@contextmanager
def _session(engine):
    """A function that asks a query and returns its first row, on a connection that nobody else has.

    A new pool makes it, with all that the project's own engine was given; the project's pool may have one connection.
    """
    pool = engine.pool.recreate()
    try:
        fairy = pool.connect()
        try:
            engine.dialect.set_isolation_level(fairy.dbapi_connection, "AUTOCOMMIT")

            def ask(query):
                cursor = fairy.cursor()
                try:
                    cursor.execute(query)
                    return cursor.fetchone()
                finally:
                    cursor.close()

            yield ask
        finally:
            # not given back to the pool, which would keep the session, and with it the lock
            fairy.invalidate()
    finally:
        pool.dispose()


def _settings():
    wanted = {**_SESSION, "application_name": f"alembic, run_lock of {_whoami()}"}
    quote = chr(39)
    parts = [f"pg_catalog.set_config('{n}', '{v.replace(quote, quote * 2)}', false)" for n, v in wanted.items()]
    newer = "pg_catalog.current_setting('server_version_num')::int >= 140000"
    parts.append(f"CASE WHEN {newer} THEN pg_catalog.set_config('idle_session_timeout', '0', false) END")
    return f"SELECT {', '.join(parts)}"


def _whoami():
    name = "?"
    with suppress(KeyError, OSError):  # a container's user id without a name
        name = getpass.getuser()
    return f"{name}@{socket.gethostname()}".replace("\\", "/").replace("%", "")


def _schema(ask, migration):
    """The schema of the version table: where it is, else where it would be made."""
    quote = migration.dialect.identifier_preparer.quote_identifier
    name = quote(migration.version_table).replace("'", "''")
    found, first = ask(
        "SELECT (SELECT n.nspname::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n"
        f" ON n.oid = c.relnamespace WHERE c.oid = pg_catalog.to_regclass('{name}')),"
        " pg_catalog.current_schema()::text"
    )
    return found or first or "public"


def _refuse_pooler(ask, other):
    from alembic.util import CommandError

    query = "SELECT pg_catalog.pg_backend_pid()"
    if shares_sessions(lambda: ask(query)[0], lambda: other(query)[0]):
        raise CommandError(
            "A pooler that shares sessions among its clients stands between here and the server, so the run lock would "
            "be void. Nothing was changed. Use a URL that goes to the server itself, or a pooler in session mode."
        )


def _take(ask, number, wait):
    from alembic.util import CommandError

    deadline = time.monotonic() + wait
    while True:
        taken, stamp = ask(attempt(number))
        if taken:
            ask(since(number, stamp))
            return
        if time.monotonic() >= deadline:
            break
        time.sleep(POLL_SECONDS)
    row = ask(who(number))
    raise CommandError(
        f"Another run is at work on this database: {described(row) if row else 'it has just ended'}. "
        f"Waited {wait} seconds. Nothing was changed. Run this again when it has ended."
    )
