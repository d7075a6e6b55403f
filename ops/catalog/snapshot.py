"""Reads one database's catalog in one read-only snapshot, in a fixed number of round trips."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ops.catalog import queries
from ops.catalog.spelling import as_restored
from ops.catalog.values import Catalog, Key
from ops.errors import ConnectError, first_line

if TYPE_CHECKING:
    from sqlalchemy import Connection

OWN_SCHEMA = "alembic_ops"
ATTEMPTS = 12
_PAUSE_SECONDS = 0.02
_IGNORED_SCHEMAS = ("information_schema", OWN_SCHEMA)

# Definitions are printed with the newest state, not the snapshot's. What was dropped meanwhile gives one of these
# ("cache lookup failed", and what became undefined), or a definition that is missing, or is found by _VANISHED.
# After some attempts on a schema that never rests, what has just been dropped is left out.
_STRICT_ATTEMPTS = 4
_GONE_UNDER_US = frozenset({"XX000", "42P01", "42703", "42704", "42883", "3F000"})
_DEFINED = frozenset(
    {
        *("view", "materialized view", "index", "primary key", "unique", "foreign key", "check", "exclusion", "rule"),
        *("function", "procedure", "statistics"),
    }
)

_ENCODING = "UTF8"
_BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

STEADY = """
    SET LOCAL search_path = '';
    SET LOCAL quote_all_identifiers = off;
    SET LOCAL standard_conforming_strings = on;
    SET LOCAL datestyle = 'ISO, YMD';
    SET LOCAL intervalstyle = 'postgres';
    SET LOCAL timezone = 'UTC';
    SET LOCAL extra_float_digits = 1;
    SET LOCAL bytea_output = 'hex';
    SET LOCAL lc_monetary = 'C';
    SET LOCAL xmlbinary = 'base64';
    SET LOCAL jit = off;
"""
"""What decides how the server writes names, values and expressions, which a role or a database may have changed."""

# How it plans: it takes the number of our relations for far too small, and nested loops over all of them grow with the
# square; hash joins grow with the number, as long as they need no files.
_SETTINGS = f"""
    {STEADY}
    SET LOCAL max_parallel_workers_per_gather = 0;
    SET LOCAL enable_nestloop = off;
    SET LOCAL enable_mergejoin = off;
    SET LOCAL work_mem = '32MB'
"""

# Whether anything was written since; on a replica, whether anything arrived.
_POSITION = "CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_insert_lsn() END"

# What the snapshot shows, and the server does not know any more; the first objects that are no system's have this OID.
_VANISHED = f"""
    SELECT CASE WHEN {_POSITION} <> %s THEN
        EXISTS (SELECT FROM pg_class WHERE oid >= 16384 AND relkind IN ('r', 'p', 'f', 'v', 'm', 'S', 'c')
                AND pg_table_is_visible(oid) IS NULL)
        OR EXISTS (SELECT FROM pg_proc WHERE oid >= 16384 AND pg_function_is_visible(oid) IS NULL)
        OR EXISTS (SELECT FROM pg_type WHERE oid >= 16384 AND typtype IN ('d', 'e', 'r')
                   AND pg_type_is_visible(oid) IS NULL)
    ELSE false END
"""

_FACTS = f"""
    SELECT current_setting('server_version_num')::int, current_database()::text, {_POSITION}, ARRAY(
        SELECT c FROM unnest(%s) AS c WHERE has_table_privilege(to_regclass('pg_catalog.' || c), 'SELECT') IS NOT TRUE)
"""


class Plans:
    """What a server remembers for one connection that reads again and again: planning takes longer than a small schema.

    Each query is prepared once. Only for a connection that leads to one session of the server, past any pooler.
    """

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._count = 0

    def execute(self, cursor: Any, before: str, sql: str, values: dict[str, Any]) -> None:
        """Execute a statement and, in the same round trip, a query."""
        text = cursor.mogrify(sql, values).decode()
        prepare = ""
        if text not in self._names:
            self._count += 1
            self._names[text] = f"ops_catalog_{self._count}"
            prepare = f"PREPARE {self._names[text]} AS {text}; "
        try:
            cursor.execute(f"{before}; {prepare}EXECUTE {self._names[text]}")
        except BaseException:
            del self._names[text]  # whether it is prepared now, nobody knows: the next time it gets another name
            raise


def read(
    connection: Connection,
    *,
    version_table: tuple[str, str] = ("public", "alembic_version"),
    plans: Plans | None = None,
) -> Catalog:
    """Return the catalog of the database behind a connection of ours.

    Objects that an extension owns, temporary ones, the version table and our own schema are left out. What the
    role may not read is named in the result. A server newer than what is known here, or older, is read as
    its nearest known neighbour, and the result says that nobody has checked that. `plans` are for a connection on which
    this is done often.

    Raises
    ------
    ConnectError
        The server refuses, the connection broke, or the schema is being changed all the time.
    """
    driver: Any = connection.connection.driver_connection
    try:
        return of_driver(driver, version_table=version_table, plans=plans)
    except ConnectError:
        if driver.closed:
            connection.invalidate()  # it would fail once more when it is given back
        raise


def of_driver(
    driver: Any, *, version_table: tuple[str, str] = ("public", "alembic_version"), plans: Plans | None = None
) -> Catalog:
    """Return the catalog of the database behind a psycopg2 connection that is in no transaction: see `read`."""
    import psycopg2

    autocommit, encoding = driver.autocommit, driver.encoding
    driver.autocommit = True
    try:
        if encoding != _ENCODING:
            driver.set_client_encoding(_ENCODING)
        for attempt in range(ATTEMPTS):
            try:
                return _snapshot(driver, version_table, plans, strict=attempt < _STRICT_ATTEMPTS)
            except _ChangedMeanwhile:
                time.sleep(_PAUSE_SECONDS)
        raise ConnectError(
            f"The catalog cannot be read: the schema was changed while it was read, {ATTEMPTS} times in a row.",
            next_step="Wait until nobody changes the schema any more, and try again.",
            code="catalog",
        )
    except psycopg2.Error as error:
        raise ConnectError(
            f"The catalog cannot be read: {first_line(error)}.",
            next_step="Check that the server is up, and what the role may read.",
            code="catalog",
        ) from None
    except UnicodeDecodeError as error:
        raise ConnectError(
            f"The catalog cannot be read: a name or a text in it is not {_ENCODING}, and its database says of no "
            f"encoding that it is its own: {error.object[max(error.start - 20, 0) : error.end]!r}.",
            next_step="Rename the object, or correct its comment, so that it is valid in one encoding.",
            code="catalog",
        ) from None
    finally:
        if not driver.closed:
            if driver.encoding != encoding:
                driver.set_client_encoding(encoding)
            driver.autocommit = autocommit


def within(
    cursor: Any,
    *,
    version_table: tuple[str, str] = ("public", "alembic_version"),
    begin: str = "",
    strict: bool = True,
    plans: Plans | None = None,
) -> Catalog:
    """Return the catalog as the open transaction of a psycopg2 cursor sees it.

    The settings of the transaction are changed for as long as it lasts. `strict`: nothing may have been dropped
    meanwhile; else that is left out.
    """
    reads = sorted({name for group in queries.ALL for query in group for name in query.reads})
    cursor.execute(f"{begin}{_SETTINGS}; {_FACTS}", (reads,))
    number, database, position, closed = cursor.fetchone()
    major = number // 10000
    known = min(max(major, queries.OLDEST), queries.NEWEST)
    values = {
        "ignored_schemas": list(_IGNORED_SCHEMAS),
        "version_schema": version_table[0],
        "version_table": version_table[1],
        "strict": strict,
    }
    texts: dict[Key, str] = {}
    unread: list[str] = []
    for group in queries.ALL:
        wanted = [query for query in group if query.since <= known <= query.until]
        readable = [query for query in wanted if query.reads.isdisjoint(closed)]
        unread.extend(kind for query in wanted if query not in readable for kind in query.kinds)
        if readable and not _fetch(cursor, readable, values, texts, plans, forgiving=major != known):
            unread.extend(kind for query in readable for kind in query.kinds)
    if strict and {"pg_class", "pg_proc", "pg_type"}.isdisjoint(closed):
        cursor.execute(_VANISHED, (position,))
        if cursor.fetchone() != (False,):
            raise _ChangedMeanwhile
    return Catalog(
        database=database,
        server_version=number,
        texts=texts,
        unread=tuple(dict.fromkeys(unread)),
        doubts=() if major == known else (_doubt(major),),
        notes=(f"PostgreSQL {major} is read as its neighbours are; none was there to test that on.",)
        if major in queries.UNTRIED
        else (),
    )


class _ChangedMeanwhile(Exception):
    """Something that the snapshot shows is not there any more."""


def _snapshot(driver: Any, version_table: tuple[str, str], plans: Plans | None, *, strict: bool) -> Catalog:
    import psycopg2

    with driver.cursor() as cursor:
        try:
            return within(cursor, version_table=version_table, begin=f"{_BEGIN};", strict=strict, plans=plans)
        except psycopg2.Error as error:
            if error.pgcode in _GONE_UNDER_US:
                raise _ChangedMeanwhile from error
            raise
        finally:
            if not driver.closed:
                cursor.execute("ROLLBACK")


def _fetch(
    cursor: Any,
    group: list[queries.Query],
    values: dict[str, Any],
    texts: dict[Key, str],
    plans: Plans | None,
    *,
    forgiving: bool,
) -> bool:
    """Read a group of queries into `texts`, in one round trip; return whether the server could answer.

    What only a right to call a function, or a catalog that looks different, stands against, is given up without
    giving up the rest.
    """
    import psycopg2

    sql = "\nUNION ALL\n".join(query.sql for query in group)
    try:
        if plans is None:
            cursor.execute(f"SAVEPOINT ops_group; {sql}", values)
        else:
            plans.execute(cursor, "SAVEPOINT ops_group", sql, values)
    except psycopg2.errors.InsufficientPrivilege:
        cursor.execute("ROLLBACK TO SAVEPOINT ops_group")
        return False
    except psycopg2.ProgrammingError:
        if not forgiving:
            raise
        cursor.execute("ROLLBACK TO SAVEPOINT ops_group")
        return False
    for kind, schema, parent, name, text, not_null in cursor.fetchall():
        if text == "{}" and kind == "column":
            continue  # of a view: what made it worth a row was the default after all
        if '"definition" : ' not in text and kind in _DEFINED:
            if values["strict"]:
                raise _ChangedMeanwhile
            continue
        texts[Key(kind, schema, parent, name)] = as_restored(kind, text)
        if not_null is not None:
            texts[Key("not null", schema, parent, name)] = not_null
    return True


def _doubt(major: int) -> str:
    age = "newer" if major > queries.NEWEST else "older"
    return (
        f"PostgreSQL {major} is {age} than what is known here ({queries.OLDEST} to {queries.NEWEST}): "
        "it may have kinds of objects, or properties, that were not looked for."
    )
