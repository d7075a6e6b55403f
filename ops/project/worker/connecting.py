"""How connections come to be: moved to the target where that is asked for, or one that was kept."""

from .keeping import kept_connection, renew
from .state import STATE, abort


def on_do_connect(dialect, record, cargs, cparams):
    """Connect in SQLAlchemy's place where something is to be different; None leaves it to SQLAlchemy."""
    if STATE.nowhere:
        abort("connects", "the project connects although it is asked offline")
    renew()
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
