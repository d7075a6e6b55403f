"""Where the worker listens: SQLAlchemy's events, of every engine that anything in this process makes."""

from . import connecting, place, statements


def install():
    """Begin to listen, before the project has an engine."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine
    from sqlalchemy.pool import Pool

    event.listen(Engine, "do_connect", connecting.on_do_connect)
    event.listen(Pool, "connect", place.on_connect)
    event.listen(Pool, "checkout", connecting.on_checkout)
    event.listen(Engine, "before_cursor_execute", statements.on_before, retval=True)
    event.listen(Engine, "after_cursor_execute", statements.on_after)
    event.listen(Engine, "commit", statements.on_commit)
    event.listen(Engine, "rollback", statements.on_rollback)
    event.listen(Engine, "rollback_savepoint", statements.on_rollback)
    event.listen(Engine, "handle_error", statements.on_error)
