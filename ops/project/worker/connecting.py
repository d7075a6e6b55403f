"""How connections come to be: moved to the target where that is asked for, kept between two runs of env.py."""

from .state import STATE


def on_do_connect(dialect, record, cargs, cparams):
    """Connect in SQLAlchemy's place where something is to be different; None leaves it to SQLAlchemy."""
    if record is not None:
        record.info["ops_dialect"] = dialect.name
    if STATE.redirect:
        from sqlalchemy.engine import make_url

        url = make_url(STATE.redirect)
        driver = "%s+%s" % (dialect.name, dialect.driver)
        args, keywords = dialect.create_connect_args(url.set(drivername=driver))
        cargs[:] = args
        cparams.clear()
        cparams.update(keywords)

    if record is not None:
        record.info["ops_again"] = lambda: dialect.connect(*cargs, **cparams)

    if STATE.kept is not None and dialect.driver == "psycopg2" and "connection_factory" not in cparams:
        return kept_connection(cargs, cparams)
    return None


def on_checkout(connection, record, proxy):
    """Have a pool that outlives a run of env.py connect anew.

    The application's own engine does, where env.py imports it: its connection may be read-only, from a run that
    only looked, or belong to an event loop that has ended.
    """
    if record.info.get("ops_run") != STATE.run:
        from sqlalchemy.exc import DisconnectionError

        raise DisconnectionError("made in an earlier run of env.py")


def kept_connection(cargs, cparams):
    """A psycopg2 connection that, when it is closed, is made as good as new and waits for the next run of env.py.

    Most of the price of one run per revision is the new backend with its cold caches. `DISCARD ALL` gives a
    session everything that a new one has (settings, temporary objects, prepared statements, advisory locks), and the
    proof of being at the target is demanded again at the next use.
    """
    import psycopg2

    key = repr((cargs, sorted(cparams.items())))
    waiting = STATE.kept.pop(key, None)
    if waiting is not None and not waiting.closed:
        return waiting

    class Kept(psycopg2.extensions.connection):
        def close(self):
            if STATE.kept is None or STATE.aborted or self.closed or key in STATE.kept or not as_new(self):
                super().close()
            else:
                STATE.kept[key] = self

    connection = psycopg2.connect(*cargs, connection_factory=Kept, **cparams)
    connection.ops_encoding = connection.encoding
    return connection


def is_kept(connection):
    """Whether a driver's connection is one that outlives a run of env.py."""
    return hasattr(connection, "ops_encoding")


def as_new(connection):
    """Whether the session could be put back to what it was when it began."""
    import psycopg2

    try:
        if connection.encoding != connection.ops_encoding:
            return False
        connection.rollback()
        if (connection.isolation_level, connection.readonly, connection.deferrable) != (None, None, None):
            connection.set_session(isolation_level="DEFAULT", readonly="DEFAULT", deferrable="DEFAULT")
        connection.autocommit = True
        connection.cursor_factory = psycopg2.extensions.cursor
        with connection.cursor() as cursor:
            cursor.execute("DISCARD ALL")
        connection.autocommit = False
        return True
    except psycopg2.Error:
        return False  # a connection in doubt is closed, and the next run opens its own


def let_go():
    """Close what is kept, and keep nothing from now on."""
    kept, STATE.kept = STATE.kept or {}, None
    for connection in kept.values():
        connection.close()
