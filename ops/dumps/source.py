"""One snapshot of a target, which a dump and whatever it is compared with share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ops import database
from ops.catalog import Catalog, snapshot
from ops.catalog.names import quoted
from ops.dumps import patterns
from ops.dumps.values import ForeignKey
from ops.errors import BusyError, ConnectError, UsageError, first_line
from ops.settings import TargetSettings

if TYPE_CHECKING:
    from sqlalchemy import Connection

Name = tuple[str, str]
"""Schema and name of a table."""

_BEGIN = """
    BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
    SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL row_security = off;
    SELECT set_config(name, '0', true) FROM pg_catalog.pg_settings WHERE name = 'transaction_timeout'
"""
_USERS = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
_TABLES = f"""
    SELECT n.nspname, c.relname, c.relkind, pg_catalog.pg_table_size(c.oid), c.oid::bigint,
           ARRAY(SELECT inhrelid::bigint FROM pg_catalog.pg_inherits WHERE inhparent = c.oid)
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND {_USERS}
    ORDER BY 1, 2
"""
_MATCHING = f"""
    SELECT n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND {_USERS}
    AND c.relname ~ %(name)s COLLATE pg_catalog."default"
    AND CASE WHEN %(schema)s::text IS NULL THEN pg_catalog.pg_table_is_visible(c.oid)
        ELSE n.nspname ~ %(schema)s COLLATE pg_catalog."default" END
"""
_FOREIGN_KEYS = """
    SELECT k.oid::bigint, n.nspname, c.relname, k.conname, pg_catalog.pg_get_constraintdef(k.oid),
           k.conrelid::bigint, k.confrelid::bigint
    FROM pg_catalog.pg_constraint k
    JOIN pg_catalog.pg_class c ON c.oid = k.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE k.contype = 'f' AND k.convalidated AND k.conparentid = 0
    ORDER BY n.nspname, c.relname, k.conname
"""
_FACTS = """
    SELECT pg_catalog.pg_export_snapshot(), pg_catalog.clock_timestamp(), pg_catalog.pg_database_size(d.oid),
           (SELECT coalesce(pg_catalog.pg_total_relation_size('pg_catalog.pg_largeobject'), 0)),
           (SELECT count(*) FROM pg_catalog.pg_largeobject_metadata),
           pg_catalog.to_jsonb(d) - 'datacl' - 'datfrozenxid' - 'datminmxid',
           ARRAY(SELECT one FROM unnest(ARRAY['schema', 'extension']) AS one WHERE NOT CASE one
                 WHEN 'schema' THEN EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = 'public')
                 ELSE EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'plpgsql') END)
    FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()
"""
_ABSENT = {"schema": "public", "extension": "plpgsql"}
_LOCKED = "55P03"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table that holds rows, or that is partitioned; `bytes` are its heap and TOAST, `children` OIDs."""

    oid: int
    name: Name
    partitioned: bool
    bytes: int
    children: tuple[int, ...] = ()


class Source:
    """A target as one snapshot shows it, for as long as its connection lives; each fact is asked for once."""

    def __init__(self, settings: TargetSettings, connection: Connection, facts: database.ServerFacts) -> None:
        self.settings = settings
        self.connection = connection
        self.facts = facts
        # Kept, as a connection that is lost is followed by another one, which has not the snapshot.
        self._driver: Any = connection.connection.driver_connection
        found = self.ask(_FACTS)[0]
        self.snapshot, taken, self.database_bytes, self.large_object_bytes = found[:4]
        self.large_objects, self.locale, absent = found[4:]
        self.taken: str = taken.isoformat(timespec="seconds")
        self.absent = tuple((kind, _ABSENT[kind]) for kind in absent)

    @cached_property
    def tables(self) -> tuple[Table, ...]:
        """The tables of users, those of extensions and of this toolkit among them."""
        return tuple(
            Table(oid=oid, name=(schema, name), partitioned=kind == "p", bytes=size, children=tuple(children))
            for schema, name, kind, size, oid, children in self.ask(_TABLES)
        )

    def matching(self, wanted: Iterable[str]) -> tuple[Name, ...]:
        """Return the tables that some patterns mean, with all their partitions and children.

        Raises
        ------
        UsageError
            A pattern means no table: what it was to keep back would leave.
        """
        found: set[Name] = set()
        for text in wanted:
            one = patterns.parse(text)
            here = self._matching(one)
            if not here:
                hint = "" if one.schema else " on the search path: write its schema, too"
                raise UsageError(
                    f"The pattern {text[:80]!r} means no table{hint}.", next_step="Correct it, or leave it out."
                )
            found |= here
        return tuple(sorted(self._with_children(found)))

    def broken(self, without: Iterable[Name]) -> tuple[ForeignKey, ...]:
        """Return the foreign keys of rows that are there to rows that are not, when those of some tables are left out.

        A definition has the schema of every name in it.
        """
        gone = set(without)
        empty = {one.oid for one in self.tables if one.name in gone or (not one.partitioned and not one.bytes)}
        left_out = {one.oid for one in self.tables if one.name in gone and one.bytes}
        if not left_out:
            return ()
        self.ask("SAVEPOINT ops_keys; SET LOCAL search_path = pg_catalog")
        rows = self.ask(_FOREIGN_KEYS)
        self.ask("ROLLBACK TO SAVEPOINT ops_keys")
        return tuple(
            ForeignKey(oid=oid, schema=schema, table=table, name=name, definition=definition)
            for oid, schema, table, name, definition, source, goal in rows
            if self._leaves(source) - empty and self._leaves(goal) & left_out
        )

    def catalog(self, version_table: Name) -> Catalog:
        """Return the catalog as this snapshot shows it. What was dropped since is left out."""
        with self._cursor() as cursor:
            cursor.execute("SAVEPOINT ops_catalog")
            found = snapshot.within(cursor, version_table=version_table, strict=False)
            cursor.execute("ROLLBACK TO SAVEPOINT ops_catalog")
        return found

    def counts(self, names: Iterable[Name]) -> dict[Name, int]:
        """Return how many rows some tables have; of one with children, its own rows. This reads all of them.

        Nobody can change or empty these tables from then on, until the snapshot is given up.

        Raises
        ------
        BusyError
            One of them is locked.
        """
        return {one: self.ask(f"SELECT count(*) FROM ONLY {qualified(one)}")[0][0] for one in names}

    def copying(self, application: str) -> dict[str, int] | None:
        """Return which tables a program of ours copies now, and how far it is with each; None where nobody tells."""
        from ops.dumps.progress import copies

        with self._cursor() as cursor:
            cursor.execute("SAVEPOINT ops_progress; SELECT pg_catalog.pg_stat_clear_snapshot()")
            found = copies(cursor, application)
            cursor.execute("ROLLBACK TO SAVEPOINT ops_progress")
        return found

    def ask(self, query: str, values: Mapping[str, object] | None = None) -> list[tuple[Any, ...]]:
        """Return the rows of a query of ours within the snapshot, or none for a command.

        Raises
        ------
        BusyError
            A table is locked, for longer than we wait.
        ConnectError
            The server refused, or the connection was lost.
        """
        with self._cursor() as cursor:
            cursor.execute(query, values)
            return cursor.fetchall() if cursor.description else []

    @contextmanager
    def _cursor(self) -> Iterator[Any]:
        """A cursor of the driver's within the snapshot; raises as `ask` does."""
        with _asking(self.connection, self._driver) as cursor:
            yield cursor

    def _matching(self, one: patterns.Pattern) -> set[Name]:
        import psycopg2

        with self._cursor() as cursor:
            cursor.execute("SAVEPOINT ops_pattern")
            try:
                cursor.execute(_MATCHING, {"schema": one.schema, "name": one.name})
                return set(cursor.fetchall())
            except psycopg2.DataError as error:  # it has parts of a regular expression, and they are wrong
                cursor.execute("ROLLBACK TO SAVEPOINT ops_pattern")
                raise UsageError(
                    f"{one.text[:80]!r} is no pattern of tables: {first_line(error)}.",
                    next_step="Write table, schema.table or schema.*.",
                ) from None

    def _with_children(self, names: set[Name]) -> set[Name]:
        known = {one.oid: one for one in self.tables}
        found, waiting = set(names), [one for one in self.tables if one.name in names]
        while waiting:
            below = [known[oid] for one in waiting for oid in one.children if oid in known]
            waiting = [one for one in below if one.name not in found]
            found |= {one.name for one in waiting}
        return found

    def _leaves(self, oid: int) -> set[int]:
        """A table with its partitions and children, down to the last."""
        known = {one.oid: one for one in self.tables}
        found, waiting = {oid}, [oid]
        while waiting:
            one = known.get(waiting.pop())
            below = [child for child in (one.children if one else ()) if child not in found]
            found.update(below)
            waiting += below
        return {one for one in found if one in known and not known[one].partitioned}


@contextmanager
def reading(settings: TargetSettings, *, purpose: str = "dump") -> Iterator[Source]:
    """Yield one snapshot of a target; it lasts, and keeps the server from tidying up behind it, until the block ends.

    Raises
    ------
    ConnectError
        The target cannot be reached, or does not let the role read.
    """
    import psycopg2

    with database.connect(settings, purpose=purpose) as connection:
        driver: Any = connection.connection.driver_connection
        driver.set_client_encoding("UTF8")
        facts = database.facts(connection)
        try:
            with _asking(connection, driver) as cursor:
                cursor.execute(_BEGIN)
            yield Source(settings, connection, facts)
        finally:
            # A snapshot ends with its session: where that is lost, what is under way here must not be replaced.
            with suppress(psycopg2.Error):
                if not driver.closed:
                    with driver.cursor() as cursor:
                        cursor.execute("ROLLBACK")


@contextmanager
def _asking(connection: Connection, driver: Any) -> Iterator[Any]:
    """Yield a cursor of the driver's connection behind one of ours; what goes wrong with it is an error of ours."""
    import psycopg2

    try:
        with driver.cursor() as cursor:
            yield cursor
    except psycopg2.Error as error:
        said = first_line(error)
        if driver.closed:
            connection.invalidate()  # it would fail once more when it is given back
        if error.pgcode == _LOCKED:
            raise BusyError(
                f"A table could not be read in time, as somebody keeps it locked: {said}.",
                next_step="See who it is with notebooks/14-check-health.ipynb, and try again.",
            ) from None
        raise ConnectError(
            f"The database cannot be read as a dump has to: {said}.",
            next_step="Give the role the right to read every table (pg_read_all_data), and see that the server is up.",
            code="dump",
        ) from None


def qualified(name: Name) -> str:
    """Return a table's name as SQL has it, with its schema."""
    return ".".join(map(quoted, name))


def listed(names: Sequence[Name], shown: int = 5) -> str:
    """Return some tables in words."""
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(qualified(one) for one in names[:shown]) + more
