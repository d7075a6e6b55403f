"""Physical connections that outlive a run of env.py, while revisions run.

Most of the price of one run per revision is a new backend with its cold caches. So one that is closed waits for the
next run. `DISCARD ALL` gives its session everything that a new one has (settings, temporary objects, prepared
statements, advisory locks), and the proof of being at the target is demanded again behind that.
"""

from .state import STATE


def kept_connection(cargs, cparams):
    """A psycopg2 connection that waits for the next run of env.py when it is closed; one that waits, where there is."""
    import psycopg2

    key = repr((cargs, sorted(cparams.items())))
    waiting = STATE.kept.pop(key, None)
    if waiting is not None and not waiting.closed:
        return waiting

    class Kept(psycopg2.extensions.connection):
        ops_used = ops_proved = ops_sibling = False

        def close(self):
            if STATE.kept is None or STATE.aborted or self.closed or key in STATE.kept or not rolled_back(self):
                self.end()
                return
            self.ops_used, self.ops_proved = True, False
            STATE.kept[key] = self
            if not STATE.finished:
                renew()

        def end(self):
            super().close()

    connection = psycopg2.connect(*cargs, connection_factory=Kept, **cparams)
    connection.ops_encoding = connection.encoding
    return connection


def is_kept(connection):
    """Whether a driver's connection is one that outlives a run of env.py."""
    return hasattr(connection, "ops_encoding")


def renew():
    """Put the sessions that wait back to what they were when they began; returns their connections.

    It is done at once, as what a closed connection held, an advisory lock say, must be in nobody's way. Only behind a
    revision it is left until the parent has been told of that, and reads the version table back meanwhile.
    """
    kept = STATE.kept or {}
    for key, connection in list(kept.items()):
        if connection.ops_used and not as_new(connection):
            # a connection in doubt is closed, and the next run opens its own
            del kept[key]
            connection.end()
    return list(kept.values())


def rolled_back(connection):
    """Whether nothing of a last transaction is left."""
    import psycopg2

    try:
        connection.rollback()
    except psycopg2.Error:
        return False
    return True


def as_new(connection):
    """Whether a session could be put back to what it was when it began."""
    import psycopg2

    try:
        if connection.encoding != connection.ops_encoding:
            return False
        if (connection.isolation_level, connection.readonly, connection.deferrable) != (None, None, None):
            connection.set_session(isolation_level="DEFAULT", readonly="DEFAULT", deferrable="DEFAULT")
        connection.autocommit = True
        connection.cursor_factory = psycopg2.extensions.cursor
        with connection.cursor() as cursor:
            cursor.execute("DISCARD ALL")
        connection.autocommit = False
    except psycopg2.Error:
        return False
    connection.ops_used = False
    return True


def let_go():
    """Close what is kept, and keep nothing from now on."""
    kept, STATE.kept = STATE.kept or {}, None
    for connection in kept.values():
        connection.close()
