"""What is done to a copy of a schema: it stands where its original stands, and leads nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from ops import scratch
from ops.catalog.names import quoted
from ops.errors import OpsError, first_line

SECONDS = 60
"""No statement of ours takes longer in a copy without rows."""

_SECRET = ("pass", "secret", "token", "key")


def set_heads(place: scratch.Place, name: str, table: tuple[str, str], heads: tuple[str, ...]) -> None:
    """Have the version table of a copy say that it is at some revisions.

    Raises
    ------
    OpsError
        There is no such table, and some revision is to be in it.
    """
    from psycopg2 import sql

    there = sql.Identifier(*(part for part in table if part))
    with _session(place, name) as cursor:
        cursor.execute("SELECT pg_catalog.to_regclass(%s)", (there.as_string(cursor),))
        if cursor.fetchone() == (None,):
            if heads:
                raise OpsError(
                    f"The copy has no version table {'.'.join(quoted(part) for part in table if part)}.",
                    next_step="Try again: it was created, or dropped, in this moment.",
                    code="clone",
                )
            return
        statement = sql.SQL("DELETE FROM {0}; INSERT INTO {0} (version_num) SELECT pg_catalog.unnest({1}::text[])")
        cursor.execute(statement.format(there, sql.Literal(list(heads))))


def finish(place: scratch.Place, name: str, *, patient: bool = False) -> list[str]:
    """Cut what leads out of a fresh copy, and fill its materialized views; return what differs then.

    `patient`: whether they may take as long as they need.
    """
    with _session(place, name, 0 if patient else SECONDS) as cursor:
        return [*_without_foreign_servers(cursor), *_with_filled_views(cursor)]


def refill(place: scratch.Place, name: str) -> list[str]:
    """Fill all materialized views anew, from rows that have come since; return what differs then."""
    with _session(place, name, 0) as cursor:
        return list(_with_filled_views(cursor, anew=True))


def has_lz4(place: scratch.Place) -> bool:
    """Return whether a server can compress with lz4."""
    query = "SELECT 'lz4' = ANY (enumvals) FROM pg_catalog.pg_settings WHERE name = 'default_toast_compression'"
    with closing(scratch.connect(place)) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchone() == (True,)


def locale(place: scratch.Place, name: str) -> tuple[str, str]:
    """Return the encoding and the collation of a database."""
    query = "SELECT pg_catalog.pg_encoding_to_char(encoding), datcollate FROM pg_catalog.pg_database WHERE datname = %s"
    with closing(scratch.connect(place)) as connection, connection.cursor() as cursor:
        cursor.execute(query, (name,))
        encoding, collation = cursor.fetchone()
        return encoding, collation


@contextmanager
def _session(place: scratch.Place, name: str, seconds: int = SECONDS) -> Iterator[Any]:
    """A cursor in a session in which no trigger of the schema's fires, where that may be had."""
    with closing(scratch.connect(place, name)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_catalog.set_config('statement_timeout', %s, false), CASE WHEN"
            " pg_catalog.current_setting('is_superuser') = 'on'"
            " THEN pg_catalog.set_config('session_replication_role', 'replica', false) END",
            (f"{seconds}s",),
        )
        yield cursor


def _without_foreign_servers(cursor: Any) -> Iterator[str]:
    """Take away what a foreign table is reached by: a migration on a copy must not change another database."""
    from psycopg2 import sql

    cursor.execute("SELECT fdwname FROM pg_catalog.pg_foreign_data_wrapper WHERE fdwhandler <> 0")
    wrappers = [name for (name,) in cursor.fetchall()]
    for wrapper in wrappers:
        cursor.execute(sql.SQL("ALTER FOREIGN DATA WRAPPER {} NO HANDLER").format(sql.Identifier(wrapper)))
    cursor.execute(
        "SELECT srvname, CASE WHEN umuser <> 0 THEN usename END, split_part(option, '=', 1)"
        " FROM pg_catalog.pg_user_mappings CROSS JOIN unnest(umoptions) AS option"
    )
    for server, user, option in cursor.fetchall():
        if any(word in option.lower() for word in _SECRET):
            statement = sql.SQL("ALTER USER MAPPING FOR {} SERVER {} OPTIONS (SET {} '***')").format(
                sql.Identifier(user) if user else sql.SQL("PUBLIC"), sql.Identifier(server), sql.Identifier(option)
            )
            cursor.execute(statement)
    if wrappers:
        yield "Foreign servers lead nowhere in the copy: a statement that reads or writes a foreign table fails there."


def _with_filled_views(cursor: Any, *, anew: bool = False) -> Iterator[str]:
    """Fill materialized views: a dump of the schema leaves them unfit to be read, or refreshed concurrently."""
    import psycopg2
    from psycopg2 import sql

    cursor.execute(
        "SELECT n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n"
        " ON n.oid = c.relnamespace WHERE c.relkind = 'm' AND (%s OR NOT c.relispopulated) ORDER BY c.oid",
        (anew,),
    )
    waiting = cursor.fetchall()
    said: dict[tuple[str, str], str] = {}
    while waiting:
        left = []
        for view in waiting:  # one may read another
            try:
                cursor.execute(sql.SQL("REFRESH MATERIALIZED VIEW {}").format(sql.Identifier(*view)))
            except psycopg2.Error as error:
                said[view] = first_line(error)
                left.append(view)
        if left == waiting:
            break
        waiting = left
    for view in waiting:
        yield (
            f"The materialized view {'.'.join(map(quoted, view))} cannot be filled in the copy ({said[view]}): a "
            "statement that reads it fails there."
        )
