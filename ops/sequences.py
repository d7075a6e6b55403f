"""Whether the sequences behind columns are ahead of what the columns hold: one that is not gives a number twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from ops.catalog.names import quoted

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """A sequence whose next number its column already has, or is past. Names are qualified, and quoted."""

    sequence: str
    table: str
    column: str
    next_number: int
    largest: int

    def __str__(self) -> str:
        return (
            f"The next number of {self.sequence} is {self.next_number}, and {self.table}.{self.column} goes up to "
            f"{self.largest}: an INSERT that relies on it fails, or gives a number twice."
        )

    @property
    def remedy(self) -> str:
        """The statement that moves the sequence on."""
        name = self.sequence.replace("'", "''")
        return f"SELECT setval('{name}', (SELECT max({self.column}) FROM {self.table}))"


# Only sequences that count upwards, and columns at whose end an index leads at once: no table is read whole.
_OWNED = """
    SELECT n.nspname, t.relname, a.attname, sn.nspname, s.relname, q.seqincrement
    FROM pg_catalog.pg_depend d
    JOIN pg_catalog.pg_class s ON s.oid = d.objid AND s.relkind = 'S'
    JOIN pg_catalog.pg_namespace sn ON sn.oid = s.relnamespace
    JOIN pg_catalog.pg_sequence q ON q.seqrelid = s.oid AND q.seqincrement > 0 AND NOT q.seqcycle
    JOIN pg_catalog.pg_class t ON t.oid = d.refobjid
    JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
    JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
    WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass
      AND d.deptype IN ('a', 'i') AND a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)
      AND t.oid IN (SELECT pg_catalog.to_regclass(name) FROM unnest(CAST(:tables AS text[])) AS name)
      AND has_table_privilege(t.oid, 'SELECT')
      AND CASE WHEN s.relkind = 'S' THEN has_sequence_privilege(s.oid, 'SELECT') END
      AND EXISTS (SELECT FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
                  WHERE i.indrelid = t.oid AND i.indkey[0] = a.attnum AND i.indisvalid AND i.indpred IS NULL
                    AND c.relam = 403)
    ORDER BY 1, 2, 3
"""


def behind(connection: Connection, tables: Iterable[str]) -> tuple[Behind, ...]:
    """Return the sequences that are behind a column of some tables, which are named as SQL names them.

    Columns without an index, and what the role may not read, are left out.
    """
    from sqlalchemy import text

    named = sorted(set(tables))
    if not named:
        return ()
    rows = connection.execute(text(_OWNED), {"tables": named}).all()
    if not rows:
        return ()
    found: list[Behind] = []
    for start in range(0, len(rows), _AT_ONCE):
        found += _asked(connection, [_Counted(*row) for row in rows[start : start + _AT_ONCE]])
    return tuple(found)


_AT_ONCE = 100
"""How many sequences one query asks about: a round trip each would take long, and one plan for all longer."""


class _Counted(NamedTuple):
    schema: str
    table: str
    column: str
    sequence_schema: str
    sequence: str
    increment: int

    @property
    def of(self) -> str:
        return f"{quoted(self.schema)}.{quoted(self.table)}"

    @property
    def name(self) -> str:
        return f"{quoted(self.sequence_schema)}.{quoted(self.sequence)}"


def _asked(connection: Connection, some: Sequence[_Counted]) -> Iterator[Behind]:
    queries = (
        f"SELECT {place}, (SELECT max({quoted(one.column)}) FROM {one.of}), last_value, is_called FROM {one.name}"
        for place, one in enumerate(some)
    )
    sql = " UNION ALL ".join(queries).replace("%", "%%")
    for place, largest, last, called in connection.exec_driver_sql(sql).all():
        one = some[place]
        following = last + one.increment if called else last
        if largest is not None and following <= largest:
            yield Behind(
                sequence=one.name, table=one.of, column=quoted(one.column), next_number=following, largest=largest
            )
