"""What a table looks like to whoever has to write it anew: its columns, how wide, how often the same, in what order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ops.estimate.values import Column, Shape

if TYPE_CHECKING:
    from sqlalchemy import Connection

# Of a domain the type below it: the same bytes. Where a role may not read a column it has no statistics of it.
_COLUMNS = """
    SELECT asked.name AS relation, a.attname::text AS column,
           pg_catalog.format_type(coalesce(nullif(t.typbasetype, 0), a.atttypid),
                                  CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END) AS type,
           a.attlen AS length, s.avg_width AS width, s.null_frac AS empty, s.n_distinct AS distinct, s.correlation
    FROM unnest(CAST(:names AS text[])) AS asked (name)
         JOIN pg_catalog.pg_class c ON c.oid = pg_catalog.to_regclass(asked.name)
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
         JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
         LEFT JOIN pg_catalog.pg_stats s ON s.schemaname = n.nspname AND s.tablename = c.relname
                                            AND s.attname = a.attname AND s.inherited = (c.relkind = 'p')
    ORDER BY asked.name, a.attnum
"""
_SETTINGS = """
    SELECT pg_catalog.current_setting('maintenance_work_mem'),
           pg_catalog.current_setting('max_parallel_maintenance_workers')::int
"""

_UNKNOWN_WIDTH = 32
_SORTED = 0.9
_EXACT = 16


def shapes(connection: Connection, relations: Iterable[str]) -> Mapping[str, Shape]:
    """Return the shapes of tables by their qualified names; of one that is not there, none.

    Figures are rounded, so that a table has the same shape tomorrow.
    """
    from sqlalchemy import text

    memory, workers = connection.exec_driver_sql(_SETTINGS).one()
    columns: dict[str, list[Column]] = {}
    for row in connection.execute(text(_COLUMNS), {"names": sorted(set(relations))}).mappings():
        columns.setdefault(row["relation"], []).append(_column(row))
    return {name: Shape(columns=tuple(found), memory=memory, workers=workers) for name, found in columns.items()}


def _column(row: Mapping[str, Any]) -> Column:
    own = row["length"] if row["length"] > 0 else _UNKNOWN_WIDTH
    if row["width"] is None:
        return Column(name=row["column"], type=row["type"], width=own)
    return Column(
        name=row["column"],
        type=row["type"],
        width=_rounded(row["width"]),
        empty=round(row["empty"], 1),
        distinct=_distinct(row["distinct"]),
        sorted=abs(row["correlation"] or 0.0) > _SORTED,
    )


def _rounded(width: int) -> int:
    """A width to about an eighth."""
    if width <= _EXACT:
        return max(width, 1)
    step = 1 << (width.bit_length() - 4)
    return (width + step // 2) // step * step


def _distinct(figure: float) -> float:
    """A share to a tenth, a number to its power of ten."""
    if figure <= 0:
        return round(figure, 1) or -0.1
    return float(10 ** max(1, len(str(int(figure))) - 1)) if figure >= 10 else float(int(figure) or 1)
