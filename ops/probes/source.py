"""The rows of a table as a query: under the names that a statement will find, and with a key to show."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ops.catalog.names import quoted
from ops.commands import Command
from ops.probes.state import Table

KEY = "alembic_ops_key"
SAMPLES = 5
ENOUGH = 10_000
"""Where counting ends: more violations than anybody repairs by hand."""
ENOUGH_PAIRS = 100
_LONGEST_KEY = 200


def rows(
    table: Table,
    columns: Iterable[str] | None,
    *,
    key: bool,
    only: bool = False,
    name: str = "",
    place: bool = False,
) -> str:
    """Return a table as it will be, as an item of FROM: some of its columns, all where None, and the key of each row.

    Where a role may read some columns only, a query must not name others. `place`: where each row lies as well.
    """
    names = list(table.columns) if columns is None else [one for one in table.columns if one in set(columns)]
    wanted = [f"{_key(table, only)} AS {KEY}"] if key else [f"NULL::text AS {KEY}"]
    wanted += [f"{table.columns[one].sql} AS {quoted(one)}" for one in names]
    wanted += ["tableoid AS alembic_ops_part, ctid AS alembic_ops_at"] if place else []
    of = f"ONLY {table.on_live}" if only else table.on_live
    return f"(SELECT {', '.join(wanted)} FROM {of}{_left(table)}) AS {quoted(name or table.name[1])}"


def _left(table: Table) -> str:
    """The condition that the plan has not deleted a row before."""
    gone = " AND ".join(f"({one}) IS NOT TRUE" for one in table.removed)
    return f" WHERE {gone}" if gone else ""


def _key(table: Table, only: bool) -> str:
    """A row's key as text: of its primary key, and without one, where it lies."""
    if len(table.key) == 1:
        text = f"{quoted(table.key[0])}::text"
    elif table.key:
        text = f"ROW({', '.join(quoted(one) for one in table.key)})::text"
    elif table.partition_key is None and (only or not table.inherited):
        text = "ctid::text"
    else:
        text = "tableoid::regclass::text || ' ' || ctid::text"
    return f"left({text}, {_LONGEST_KEY})"


def absent(value: str) -> str:
    """Return the condition that a value is NULL; one of several fields is not, even if all of them are."""
    return f"{value} IS NOT DISTINCT FROM NULL"


def present(value: str) -> str:
    """Return the condition that a value is not NULL."""
    return f"{value} IS DISTINCT FROM NULL"


def valued(table: Table, column: str, *, key: bool) -> str:
    """Return a table as an item of FROM in which one column is called `value`, as checks of domains call it."""
    shown = _key(table, only=False) if key else "NULL::text"
    return f"(SELECT {shown} AS {KEY}, {table.columns[column].sql} AS value FROM {table.on_live}{_left(table)}) AS held"


def counted(source: str, where: str) -> str:
    """Return the query that counts rows for which a condition holds, with some of their keys."""
    return (
        f"SELECT least(count(*), {ENOUGH}), array_agg({KEY}) FILTER (WHERE n <= {SAMPLES}), count(*) > {ENOUGH}\n"
        f"FROM (SELECT row_number() OVER () AS n, {KEY}\n"
        f"      FROM (SELECT {KEY} FROM {source}\n"
        f"            WHERE {where} LIMIT {ENOUGH + 1}) AS found) AS numbered"
    )


def shared(table: Table, columns: Iterable[str] | None, elements: Sequence[str], where: str, *, key: bool) -> str:
    """Return the query that counts rows that share something with another row, with the keys of some.

    NULLs are equal in it: a condition leaves them out where they are not.
    """
    only = table.partition_key is None
    if only:
        # where a row lies is found and compared much faster than its key; keys are looked up for the few that are shown
        held, row = rows(table, columns, key=False, only=True, place=True), "alembic_ops_at"
        few = f"SELECT unnest(ARRAY[one, other]) FROM (SELECT one, other FROM groups LIMIT {SAMPLES}) AS few"
        keys = f"SELECT {_key(table, only)} FROM ONLY {table.on_live} WHERE ctid = ANY (ARRAY({few}))"
    else:
        held, row = rows(table, columns, key=key), f'{KEY} COLLATE "C"'
        keys = f"SELECT unnest(ARRAY[one, other]) FROM (SELECT one, other FROM groups LIMIT {SAMPLES}) AS few"
    grouped = ", ".join(f"({one})" for one in elements)
    shown = f"ARRAY({keys} LIMIT {SAMPLES})" if key else "NULL::text[]"
    return (
        "WITH groups AS (\n"
        f"    SELECT count(*) AS size, min({row}) AS one, max({row}) AS other\n"
        f"    FROM {held} WHERE {where or 'true'}\n"
        f"    GROUP BY {grouped} HAVING count(*) > 1 LIMIT {ENOUGH + 1})\n"
        f"SELECT coalesce(sum(size), 0)::bigint,\n       {shown}, count(*) > {ENOUGH}\nFROM groups"
    )


def tried(source: str, value: str, where: str = "") -> str:
    """Return the query that computes a value for every row, and counts nothing: it fails, or it does not."""
    condition = f" WHERE {where}" if where else ""
    return (
        "SELECT 0 * count(computed), NULL::text[], false\n"
        f"FROM (SELECT {value} AS computed FROM {source}{condition}) AS tried"
    )


def excluding(table: Table, columns: Iterable[str] | None, command: Command, *, key: bool) -> str:
    """Return the query that counts pairs of rows that exclude each other, by an exclusion's elements and operators."""
    held = rows(table, columns, key=key, only=table.partition_key is None, place=True)
    values = ", ".join(f"({one}) AS e{number}" for number, one in enumerate(command.elements))
    pairs = " AND ".join(
        f"one.e{number} {_operator(one)} other.e{number}" for number, one in enumerate(command.operators)
    )
    return (
        f"WITH held AS NOT MATERIALIZED (SELECT {KEY}, alembic_ops_part AS part, alembic_ops_at AS at, {values}\n"
        f"    FROM {held}{f' WHERE {command.where}' if command.where else ''}),\n"
        f"pairs AS (SELECT one.{KEY} AS one, other.{KEY} AS other FROM held AS one JOIN held AS other\n"
        f"    ON {pairs} AND (one.part, one.at) < (other.part, other.at) LIMIT {ENOUGH_PAIRS + 1})\n"
        f"SELECT least(count(*), {ENOUGH_PAIRS}),\n"
        f"       ARRAY(SELECT key FROM (SELECT one, other FROM pairs LIMIT {SAMPLES}) AS few,\n"
        f"             unnest(ARRAY[one, other]) AS key WHERE key IS NOT NULL LIMIT {SAMPLES}),\n"
        f"       count(*) > {ENOUGH_PAIRS}\n"
        "FROM pairs"
    )


def _operator(name: str) -> str:
    schema, _, operator = name.rpartition(".")
    return f"OPERATOR({quoted(schema)}.{operator})" if schema else operator
