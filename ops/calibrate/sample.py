"""Synthetic rows of a table's shape in a throw-away database, and what a trial on them takes. No real row is read."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from ops import scratch
from ops.calibrate import synthetic
from ops.catalog.names import quoted
from ops.errors import first_line
from ops.estimate.values import Column, Shape, Trial

ROWS = 100_000
BYTES = 16 * 1024 * 1024
"""The rows of a sample are as many as that, or take as much as that, whichever is less."""

_SHARE = 10
"""Of a sample, one row in so many is in a small one, too, on which a trial is run first."""

_LONG = 0.25
"""Seconds after which the trial of the small sample is enough: the whole one would take some seconds."""

_AGAIN = 3
_SHORT = 0.3
"""A trial that takes less than that is run that many times, and the one in the middle counts."""

_TIMEOUT = "20s"
_ROW = 28  # header and line pointer
_LEAST_ROWS = 2_000

_REWRITE = "ADD COLUMN ops_trial real DEFAULT random()"
_DATA_CLASSES = ("22", "23")


class Took(NamedTuple):
    """Seconds, bytes of WAL, bytes of the result, and of how many rows in how many bytes."""

    seconds: float
    wal: int
    bytes: int
    rows: int
    heap_bytes: int


class Untried(Exception):
    """A trial cannot be run on synthetic rows; its text says why."""


@contextmanager
def sample(place: scratch.Place, shape: Shape, added: Sequence[tuple[str, str]]) -> Iterator[Sample]:
    """Yield a sample of a shape, with some more columns; it is gone afterwards.

    Raises
    ------
    Untried
        Rows of that shape cannot be made.
    OpsError
        The scratch server refuses.
    """
    import psycopg2

    columns = (*shape.columns, *(Column(name=name, type=type, width=8) for name, type in added))
    with (
        scratch.throw_away(place, "rates") as database,
        closing(scratch.connect(place, database)) as connection,
        connection.cursor() as cursor,
    ):
        try:
            _fill(cursor, shape, columns)
        except psycopg2.Error as error:
            raise Untried(f"no synthetic rows of its shape can be made ({first_line(error)})") from None
        yield Sample(cursor=cursor, columns=columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Two tables of one shape: all synthetic rows, and a few of them."""

    cursor: Any
    columns: tuple[Column, ...]

    def run(self, trial: Trial) -> Took:
        """Return what a trial took; nothing of it stays.

        Raises
        ------
        Untried
            The server refuses it, or it takes too long.
        """
        import psycopg2

        try:
            return self._measured(trial)
        except psycopg2.Error as error:
            self.cursor.execute("ROLLBACK")
            if trial.kind == "alter" and (error.pgcode or "")[:2] in _DATA_CLASSES:
                return self.run(Trial(kind="rewrite", relation=trial.relation))  # of made-up values, a cast may fail
            raise Untried(f"it cannot be tried on synthetic rows ({first_line(error)})") from None

    def _measured(self, trial: Trial) -> Took:
        few = self._once("few", trial)
        if few.seconds > _LONG:
            return few
        took = [self._once("whole", trial)]
        while len(took) < _AGAIN and took[0].seconds < _SHORT:
            took.append(self._once("whole", trial))
        return sorted(took)[len(took) // 2]

    def _once(self, table: str, trial: Trial) -> Took:
        cursor = self.cursor
        rows, heap = self._ask(f"SELECT count(*), pg_catalog.pg_relation_size('{table}') FROM {table}")
        cursor.execute("BEGIN")
        statement, result = self._prepared(table, trial)
        file, before = self._ask(
            f"SELECT pg_catalog.pg_relation_filenode('{table}'), pg_catalog.pg_current_wal_insert_lsn()::text"
        )
        began = time.perf_counter()
        cursor.execute(statement)
        seconds = time.perf_counter() - began
        new_file, wal, size = self._ask(
            f"SELECT pg_catalog.pg_relation_filenode('{table}'),"
            f" (pg_catalog.pg_current_wal_insert_lsn() - '{before}'::pg_lsn)::bigint, {result}"
        )
        cursor.execute("ROLLBACK")
        if trial.kind == "alter" and new_file == file:  # a type that stands for another need not be written anew
            return self._once(table, Trial(kind="rewrite", relation=trial.relation))
        return Took(seconds=seconds, wal=wal, bytes=size, rows=rows, heap_bytes=heap)

    def _prepared(self, table: str, trial: Trial) -> tuple[str, str]:
        """The statement of a trial, and an expression for the size of what it makes."""
        match trial.kind:
            case "scan":
                return f"ALTER TABLE {table} {self._not_null()}", "0"
            case "check":
                either = f"({trial.detail}) IS NOT NULL OR ({trial.detail}) IS NULL"
                return f"ALTER TABLE {table} ADD CONSTRAINT ops_trial CHECK ({either})", "0"
            case "index":
                size = "pg_catalog.pg_relation_size('ops_trial')"
                return f"CREATE INDEX ops_trial ON {table} {trial.detail}", size
            case "reference":
                self._make_referenced(table, trial.detail)
                key = f"FOREIGN KEY ({trial.detail}) REFERENCES ops_referenced ({trial.detail})"
                return f"ALTER TABLE {table} ADD CONSTRAINT ops_trial {key}", "0"
        actions = trial.detail if trial.kind == "alter" else _REWRITE
        return f"ALTER TABLE {table} {actions}", f"pg_catalog.pg_relation_size('{table}')"

    def _not_null(self) -> str:
        filled = [one for one in self.columns if not one.empty] or list(self.columns)
        name = quoted(filled[-1].name)
        if filled[-1].empty:
            return f"ADD CONSTRAINT ops_trial CHECK ({name} IS NULL OR {name} IS NOT NULL)"
        return f"ALTER COLUMN {name} SET NOT NULL"

    def _make_referenced(self, table: str, columns: str) -> None:
        filled = " AND ".join(f"{one} IS NOT NULL" for one in columns.split(", "))
        self.cursor.execute(
            f"CREATE TABLE ops_referenced AS SELECT DISTINCT {columns} FROM {table} WHERE {filled};"
            f"ALTER TABLE ops_referenced ADD UNIQUE ({columns}); ANALYZE ops_referenced"
        )

    def _ask(self, query: str) -> tuple[Any, ...]:
        self.cursor.execute(query)
        row: tuple[Any, ...] = self.cursor.fetchone()
        return row


def _fill(cursor: Any, shape: Shape, columns: Sequence[Column]) -> None:
    count = max(_LEAST_ROWS, min(ROWS, BYTES // (_ROW + sum(one.width for one in columns))))
    definitions, values = synthetic.rows(columns, count)
    cursor.execute(
        f"SET statement_timeout = '{_TIMEOUT}'; SET maintenance_work_mem = '{shape.memory}';"
        f"SET max_parallel_maintenance_workers = {shape.workers}; SET max_parallel_workers_per_gather = 0;"
        "SET min_parallel_table_scan_size = 0;"  # as many workers as a large table has
        f"CREATE TABLE whole ({definitions});"
        f"INSERT INTO whole SELECT {values} FROM generate_series(1, {count}) AS s (n);"
        f"CREATE TABLE few (LIKE whole); INSERT INTO few SELECT * FROM whole LIMIT {count // _SHARE}"
    )
    cursor.execute("VACUUM (ANALYZE) whole")
    cursor.execute("VACUUM (ANALYZE) few")
