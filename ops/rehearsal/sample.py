"""A sample of a target's rows, in a copy of its schema: so many of each table, and the rows that they refer to.

What a sample may break is named: a foreign key whose other row was not taken along is counted, by asking the copy.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ops import display, scratch
from ops.catalog.names import quoted
from ops.dumps import Source
from ops.errors import OpsError, first_line
from ops.rehearsal import silence
from ops.rehearsal.references import References

_SPILL = 8 * 1024 * 1024
_SECONDS = 2.0
_SMALL_PAGES = 1000
_LEAST_PAGES = 10
_SHOWN = 3

_SETTINGS = "SET intervalstyle = postgres; SET extra_float_digits = 3; SET bytea_output = hex; SET datestyle = ISO"
"""Both sides write, and read, values alike, whatever their sessions begin with."""

# Tables of an extension hold what CREATE EXTENSION puts there; the ledger's are ours.
_TABLES = """
    SELECT c.oid::bigint, n.nspname, c.relname, c.relkind = 'p',
           GREATEST(c.reltuples, 0)::bigint, CASE c.relkind WHEN 'p' THEN 0 ELSE pg_catalog.pg_relation_size(c.oid) END
               / pg_catalog.current_setting('block_size')::bigint,
           ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute a
                 WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
                 ORDER BY a.attnum)
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND n.nspname !~ '^pg_'
      AND n.nspname NOT IN ('information_schema', 'alembic_ops')
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::regclass
                      AND d.objid = c.oid AND d.deptype = 'e')
    ORDER BY n.nspname, c.relname
"""
_SEQUENCES = """
    SELECT n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'S' AND c.relpersistence <> 't' AND n.nspname !~ '^pg_'
      AND n.nspname NOT IN ('information_schema', 'alembic_ops')
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::regclass
                      AND d.objid = c.oid AND d.deptype = 'e')
    ORDER BY 1, 2
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of the target's: `rows` as statistics have them, 0 where nobody knows; `columns` that can be written."""

    oid: int
    schema: str
    name: str
    partitioned: bool
    rows: int
    pages: int
    columns: tuple[str, ...]

    @property
    def sql(self) -> str:
        """Its name in SQL."""
        return f"{quoted(self.schema)}.{quoted(self.name)}"

    @property
    def only(self) -> str:
        """Its name in a query for its own rows; those of a partitioned table are its partitions'."""
        return self.sql if self.partitioned else f"ONLY {self.sql}"

    @property
    def list(self) -> str:
        """The columns, in SQL."""
        return ", ".join(map(quoted, self.columns))


def fill(
    source: Source,
    place: scratch.Place,
    name: str,
    *,
    rows_per_table: int,
    without: Collection[tuple[str, str]] = (),
    report: Callable[[str], None],
) -> tuple[str, ...]:
    """Fill a copy of a target's schema with a sample of its rows; return what that leaves uncertain, a sentence each.

    At most `rows_per_table` of each table, partitions being tables of their own, and rows that they refer to. The same
    rows as long as the target's stay the same. Of the tables `without`, none. Sequences stand where they stand there.

    Raises
    ------
    OpsError
        The copy takes no rows (code `clone`), or the target does not let them be read.
    """
    tables = tuple(
        Table(oid=oid, schema=schema, name=one, partitioned=parted, rows=rows, pages=pages, columns=tuple(columns))
        for oid, schema, one, parted, rows, pages, columns in source.ask(_TABLES)
    )
    source.ask(_SETTINGS.replace("SET ", "SET LOCAL "))
    with _writing(place, name) as cursor, silence.kept(cursor):
        work = _Work(source, cursor, place.folder, report)
        taken = {
            one: work.copy(one, _some(one, rows_per_table))
            for one in tables
            if not one.partitioned and (one.schema, one.name) not in without
        }
        keys = References(source, cursor, tables, without)
        for key, query in keys.wanted(rows_per_table):
            work.copy(key.parent, query)
        _set_sequences(source, cursor)
        report(f"sample: {sum(taken.values()):,} rows of {len(taken)} tables, {display.size(work.bytes)}")
        cursor.execute("ANALYZE")
        return (*_sampled(taken, rows_per_table), *keys.broken(), *_of_large_objects(source))


class _Work:
    """Rows on their way from one database to the other."""

    def __init__(self, source: Source, cursor: Any, folder: Path, report: Callable[[str], None]) -> None:
        self.source = source
        self.cursor = cursor
        self.folder = folder
        self.report = report
        self.bytes = 0
        self._said = time.monotonic()

    def copy(self, table: Table, query: str) -> int:
        """Return how many rows of a table a query has found, which are in the copy then."""
        if not table.columns:
            return 0
        with tempfile.SpooledTemporaryFile(_SPILL, dir=self.folder) as between:
            self._out(table, query, between)
            self.bytes += between.tell()
            between.seek(0)
            self._into(table, between)
        if time.monotonic() - self._said >= _SECONDS:
            self._said = time.monotonic()
            self.report(f"sample: {display.size(self.bytes)}, now {table.sql}")
        return int(self.cursor.rowcount)

    def _out(self, table: Table, query: str, between: IO[bytes]) -> None:
        import psycopg2

        driver: Any = self.source.connection.connection.driver_connection
        try:
            with driver.cursor() as cursor:
                cursor.copy_expert(f"COPY ({query}) TO STDOUT", between)
        except psycopg2.Error as error:
            raise OpsError(
                f"Rows of {table.sql} cannot be read: {first_line(error)}.",
                next_step="Give the role the right to read every table (pg_read_all_data), and BYPASSRLS where a "
                "policy hides rows.",
                code="clone",
            ) from None

    def _into(self, table: Table, between: IO[bytes]) -> None:
        import psycopg2

        try:
            self.cursor.copy_expert(f"COPY {table.sql} ({table.list}) FROM STDIN", between)
        except psycopg2.Error as error:
            raise OpsError(
                f"Rows of {table.sql} cannot be copied: {first_line(error)}.",
                next_step="Rehearse with data = all, or leave them out with exclude_data.",
                code="clone",
            ) from None


def _some(table: Table, count: int) -> str:
    """A query for so many rows: all of a small table, else some from all over it, the same each time."""
    columns = ", ".join(f"t.{quoted(one)}" for one in table.columns)
    if table.rows <= count:
        return f"SELECT {columns} FROM ONLY {table.sql} AS t LIMIT {count}"
    share = 150 * count / table.rows
    method = "BERNOULLI" if table.pages < _SMALL_PAGES else "SYSTEM"
    if method == "SYSTEM":
        share = max(share, 100 * _LEAST_PAGES / table.pages)
    return (
        f"SELECT {columns} FROM ONLY {table.sql} AS t TABLESAMPLE {method} ({min(share, 100):.6f}) REPEATABLE (1)"
        f" ORDER BY pg_catalog.md5(t.ctid::text) LIMIT {count}"
    )


@contextmanager
def _writing(place: scratch.Place, name: str) -> Iterator[Any]:
    """A cursor in a session in which no trigger fires, foreign keys among them."""
    import psycopg2

    with closing(scratch.connect(place, name)) as connection, connection.cursor() as cursor:
        connection.set_client_encoding("UTF8")
        cursor.execute(f"{_SETTINGS}; SET statement_timeout = 0; SET search_path = pg_catalog")
        try:
            cursor.execute("SET session_replication_role = replica")
        except psycopg2.errors.InsufficientPrivilege:
            raise OpsError(
                f"A sample needs a superuser on {place.label}: its foreign keys stand against rows without those that "
                "they refer to.",
                next_step="Rehearse with data = all or none, or name another login in scratch_url.",
                code="clone",
            ) from None
        yield cursor


def _set_sequences(source: Source, cursor: Any) -> None:
    names = [f"{quoted(schema)}.{quoted(name)}" for schema, name in source.ask(_SEQUENCES)]
    for one in names:
        ((last, is_called),) = source.ask(f"SELECT last_value, is_called FROM {one}")
        cursor.execute("SELECT pg_catalog.setval(%s, %s, %s)", (one, last, is_called))


def _sampled(taken: dict[Table, int], count: int) -> Iterator[str]:
    some = [one for one, rows in taken.items() if one.rows > count or (rows == count and one.rows != rows)]
    if not some:
        return
    largest = sorted(some, key=lambda one: -one.rows)
    shown = ", ".join(f"{taken[one]:,} of about {max(one.rows, taken[one]):,} of {one.sql}" for one in largest[:_SHOWN])
    yield (
        f"Of {len(some)} of {len(taken)} tables the copy has only some rows ({shown}): whether a statement fails at "
        "another one, and how long it takes, is not seen."
    )


def _of_large_objects(source: Source) -> Iterator[str]:
    if source.large_objects:
        yield "Large objects are not in a sample: what reads one fails in the copy."
