"""What the models say, made a piece at a time: each piece is one message to the server, and committed.

In one transaction the server holds a lock on everything that it has made, and looks through all of them at each further
statement: that grows with the square, and ends where there is no room for more locks.
"""

from contextlib import contextmanager, nullcontext

from .below import state_of
from .refused import DUPLICATE, found_wrong
from .state import STATE

PIECE = 40
SEVERAL_AT_ONCE = ("psycopg2",)  # drivers that send several statements in one message

SETTINGS = """
    SELECT name, setting FROM pg_catalog.pg_settings
    WHERE context IN ('user', 'superuser') AND source = 'session' AND name NOT LIKE 'transaction%'
    UNION ALL SELECT 'role', pg_catalog.current_setting('role')
"""


def statements_of(connection, metadata):
    """What `create_all` would execute, in that order; None where that shows only while it is executed.

    Models may come with functions that are called meanwhile, and what those ask nobody answers here.
    """
    from sqlalchemy.engine.mock import MockConnection

    found = []

    def execute(element, *values, **more):
        if more or any(values):
            raise NotImplementedError("a statement with values")
        found.append(element)

    try:
        metadata.create_all(MockConnection(connection.dialect, execute), checkfirst=False)
    except Exception:
        return None
    return found


@contextmanager
def in_autocommit_mode(context):
    """Have the context's connection commit each message; what env.py has set for its transaction stays in force.

    Where env.py's transaction is not Alembic's to end, nothing changes.
    """
    if getattr(context, "_transaction", None) is None or STATE.dialect != "postgresql":
        yield  # what no lock is held for need not be committed piece by piece
        return
    before = in_force(context.connection)
    with context.autocommit_block():
        after = in_force(context.connection)
        for name in sorted(before):
            if after.get(name) != before[name]:
                set_for_the_session(context.connection, name, before[name])
        yield


def in_force(connection):
    """The settings of a session, and its role."""
    from sqlalchemy import text

    return {name: value for name, value in connection.execute(text(SETTINGS))}


def set_for_the_session(connection, name, value):
    """Set something beyond the end of a transaction."""
    from sqlalchemy import text

    connection.execute(text("SELECT pg_catalog.set_config(:name, :value, false)"), {"name": name, "value": value})


def create_piece_by_piece(connection, metadata, statements, failed):
    """All of it, or all but the elements that the server refuses: each is taken out, with all that needs it.

    An entry of `failed` whose `object` is None means that nothing of this metadata can be relied upon.
    """
    from sqlalchemy.exc import SQLAlchemyError

    for start in range(0, len(statements), PIECE):
        piece = statements[start : start + PIECE]
        if made_at_once(connection, metadata, piece):
            continue
        for element in piece:
            if is_gone(metadata, element):
                continue
            try:
                with savepoint(connection):
                    connection.execute(element)
            except SQLAlchemyError as error:
                if state_of(getattr(error, "orig", None) or error) == DUPLICATE and is_type(element):
                    continue  # another metadata has made it already
                failed.append(found_wrong(connection, metadata, element, error))
                if failed[-1]["object"] is None:
                    return


def made_at_once(connection, metadata, piece):
    """Whether the server has made all of a piece, in one message; it has made nothing else."""
    from sqlalchemy.exc import SQLAlchemyError

    is_plain = all(hasattr(one, "against") for one in piece)  # DDL, which holds no values
    if connection.dialect.driver not in SEVERAL_AT_ONCE or is_translated(connection) or not is_plain:
        return False
    try:
        texts = [str(one.compile(dialect=connection.dialect)).strip() for one in piece if not is_gone(metadata, one)]
        if texts:
            with savepoint(connection):
                connection.exec_driver_sql(";\n".join(texts))
    except SQLAlchemyError:
        return False
    return True


def is_translated(connection):
    """Whether names of schemas are to be replaced, which only SQLAlchemy's own way of executing does."""
    return bool(connection.get_execution_options().get("schema_translate_map"))


def savepoint(connection):
    """What a failure undoes: in autocommit mode the server does so by itself."""
    if STATE.dialect == "mariadb":
        return nullcontext()  # its DDL commits, and ends every savepoint
    is_alone = getattr(connection.connection, "autocommit", False)
    return nullcontext() if is_alone else connection.begin_nested()


def is_gone(metadata, element):
    """Whether an element belongs to something that was taken out."""
    thing = getattr(element, "element", None)
    if type(element).__name__ == "AddConstraint" and thing not in thing.table.constraints:
        return True
    table = thing if hasattr(thing, "foreign_key_constraints") else getattr(thing, "table", None)
    key = getattr(table, "key", None)
    return key is not None and metadata.tables.get(key) is not table


def is_type(element):
    """Whether an element makes a type."""
    return type(element).__name__ in ("CreateEnumType", "CreateDomainType")
