"""What the tables of a copy hold: rows counted, and for each column a checksum that does not mind the rows' order.

A value is hashed as the text that the server writes for it, by `hashtextextended` (64 bits), and a column's checksum is
the sum of these: a sum, as equal values would cancel each other out in an exclusive or. NULL has no hash, and is not
the empty text. Two columns that differ by accident have the same checksum once in 2^64 times; the hash is no defence
against somebody who wants that. Beside it stands a sum of hashes of whole rows; and of some rows, chosen by the hash of
their primary key so that they are the same ones each time, the key and each value: they tell values that changed places
from those that did not, and how many changed. Of a small table these are all rows.

A table is read whole, once, and only when its file, its counters of written rows or the types of its columns are not
those of the time before. Reading it costs about twice what COPY of it does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ops.catalog.names import quoted
from ops.catalog.snapshot import OWN_SCHEMA, STEADY
from ops.errors import first_line
from ops.rehearsal.values import Column, Contents, Counter, Name, Table

if TYPE_CHECKING:
    from sqlalchemy import Connection

EXACT_BYTES = 512 * 1024
"""Up to this size all rows of a table are noted, so that rows and values that differ can be counted."""

_AT_ONCE = 200
"""How many columns, or sequences, one query reads: a query gives 1,664 values at most."""

# No limit of time, as the copy is nobody's but ours.
_BEGIN = f"""
    BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
    {STEADY}
    SET LOCAL statement_timeout = 0;
    SET LOCAL row_security = off
"""

_OURS = """
    n.nspname NOT LIKE 'pg\\_%%' AND n.nspname NOT IN ('information_schema', %(own)s)
    AND c.relpersistence <> 't' AND (n.nspname, c.relname) <> (%(version_schema)s, %(version_table)s)
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::regclass
                    AND d.objid = c.oid AND d.deptype = 'e')
"""

# Large objects are rows of a catalog, which a superuser reads, as who makes copies mostly is.
_LARGE_OBJECTS = """
    c.oid = 'pg_catalog.pg_largeobject'::regclass AND EXISTS (SELECT FROM pg_catalog.pg_largeobject_metadata)
    AND pg_catalog.has_table_privilege(c.oid, 'SELECT')
"""

# A partitioned table is one table, whichever partition a row lies in: an extension of it or a partition that becomes a
# table of its own moves rows, and loses none. A materialized view is read as a table is.
_TABLES = f"""
    WITH heaps AS (
        SELECT oid AS whole, oid AS heap FROM pg_catalog.pg_class WHERE relkind IN ('r', 'm') AND NOT relispartition
        UNION ALL
        SELECT c.oid, t.relid FROM pg_catalog.pg_class c CROSS JOIN LATERAL pg_catalog.pg_partition_tree(c.oid) t
        WHERE c.relkind = 'p' AND NOT c.relispartition AND t.isleaf
    ), files AS (
        SELECT whole, pg_catalog.sum(pg_catalog.pg_relation_size(heap)) AS bytes,
               pg_catalog.string_agg(pg_catalog.concat_ws('/', heap, pg_catalog.pg_relation_filenode(heap),
                   pg_catalog.pg_stat_get_tuples_inserted(heap), pg_catalog.pg_stat_get_tuples_updated(heap),
                   pg_catalog.pg_stat_get_tuples_deleted(heap)), ' ' ORDER BY heap) AS state
        FROM heaps GROUP BY whole
    )
    SELECT c.oid::bigint, n.nspname, c.relname, c.relkind = 'p', coalesce(f.bytes, 0)::bigint, coalesce(f.state, ''),
           coalesce((SELECT i.indkey::int2[] FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisprimary),
                    ARRAY[]::int2[]), c.relkind = 'm', c.relispopulated
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN files f ON f.whole = c.oid
    WHERE c.relkind IN ('r', 'p', 'm') AND NOT c.relispartition AND ({_OURS} OR {_LARGE_OBJECTS})
"""

# How the server writes a value of a type that users made depends on that type's labels and attributes.
_COLUMNS = f"""
    WITH made AS (
        SELECT pg_catalog.md5(pg_catalog.concat(
            (SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', oid, enumlabel), ',' ORDER BY oid)
             FROM pg_catalog.pg_enum),
            (SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', a.attrelid, a.attnum, a.atttypid), ','
                                          ORDER BY a.attrelid, a.attnum)
             FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class r ON r.oid = a.attrelid AND r.relkind = 'c'
             WHERE NOT a.attisdropped))) AS types
    )
    SELECT c.oid::bigint, a.attnum, a.attname, t.oid < 16384,
           pg_catalog.concat_ws('/', a.atttypid, a.atttypmod, CASE WHEN t.oid >= 16384 THEN made.types END,
               CASE WHEN a.attgenerated <> '' THEN pg_catalog.pg_get_expr(d.adbin, d.adrelid) END)
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_catalog.pg_type t ON t.oid = a.atttypid CROSS JOIN made
    LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE c.relkind IN ('r', 'p', 'm') AND NOT c.relispartition AND ({_OURS} OR {_LARGE_OBJECTS})
    ORDER BY c.oid, a.attnum
"""

_SEQUENCES = f"""
    SELECT n.nspname, c.relname, s.seqincrement, tn.nspname, t.relname FROM pg_catalog.pg_sequence s
    JOIN pg_catalog.pg_class c ON c.oid = s.seqrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_depend o ON o.classid = 'pg_catalog.pg_class'::regclass AND o.objid = c.oid
         AND o.refclassid = 'pg_catalog.pg_class'::regclass AND o.deptype IN ('a', 'i')
    LEFT JOIN pg_catalog.pg_class t ON t.oid = o.refobjid
    LEFT JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
    WHERE {_OURS}
"""


def read(connection: Connection, *, version_table: tuple[str, str], before: Contents | None = None) -> Contents:
    """Return what all tables and sequences of a copy hold; what did not move since `before` is taken from there.

    Large objects are a table of the server's own, read where the role may. Left out are plain views, foreign and
    temporary tables, what extensions own, the version table and our own schema. Where the server does not count what is
    written, each table is read.

    Raises
    ------
    psycopg2.Error
        The server refuses. What only one table's reading met is a part of the answer.
    """
    import psycopg2

    driver: Any = connection.connection.driver_connection
    values = {"own": OWN_SCHEMA, "version_schema": version_table[0] or "public", "version_table": version_table[1]}
    with driver.cursor() as cursor:
        cursor.execute(_BEGIN)
        try:
            known = before.by_oid if before is not None and _counts(cursor) else {}
            tables: dict[Name, Table] = {}
            views: dict[Name, Table | None] = {}
            scanned: list[Name] = []
            for one in _present(cursor, values):
                if not one.populated:
                    views[one.name] = None
                    continue
                old = known.get(one.oid)
                carried = None if old is None else one.carried(old)
                if carried is None:
                    scanned.append(one.name)
                    cursor.execute("SAVEPOINT ops_table")
                    try:
                        carried = _scan(cursor, one)
                    except psycopg2.Error as error:
                        cursor.execute("ROLLBACK TO SAVEPOINT ops_table")
                        said = first_line(error)
                        carried = Table(name=one.name, oid=one.oid, rows=0, unread=said)
                if one.view:
                    views[one.name] = carried
                else:
                    tables[one.name] = carried
            return Contents(
                tables=tables, counters=dict(_counters(cursor, values)), views=views, scanned=tuple(scanned)
            )
        finally:
            if not driver.closed:
                cursor.execute("ROLLBACK")


def _counts(cursor: Any) -> bool:
    cursor.execute("SELECT pg_catalog.current_setting('track_counts') = 'on'")
    return bool(cursor.fetchone()[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attribute:
    """A column as it is now: `kind` changes with whatever decides how its values are written."""

    number: int
    name: str
    builtin: bool
    kind: str

    @property
    def hash(self) -> str:
        """The hash of its value as SQL; NULL where it is NULL.

        A cast of a type that somebody made may have a function of its own, and a row of NULLs is no NULL.
        """
        name = quoted(self.name)
        if self.builtin:
            return f'pg_catalog.hashtextextended({name}::text COLLATE "C", 0)'
        written = f"pg_catalog.hashtextextended(pg_catalog.format('%s', {name}) COLLATE \"C\", 0)"
        return f"CASE WHEN {name} IS DISTINCT FROM NULL THEN {written} END"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Present:
    """A table as it is now, before anything is read of it."""

    oid: int
    name: Name
    partitioned: bool
    size: int
    state: str
    key: tuple[int, ...]
    view: bool
    populated: bool
    attributes: list[_Attribute] = field(default_factory=list)

    def carried(self, old: Table) -> Table | None:
        """Return what it held the last time under its present names, where nothing of that can have changed."""
        known = {one.number: one for one in old.columns.values()}
        same = not old.unread and old.state == self.state and old.key_numbers == self.key
        if not same or any(one.number not in known or known[one.number].kind != one.kind for one in self.attributes):
            return None
        if not self.key and len(known) != len(self.attributes):
            return None  # a row without a key is known by all of its values
        columns = {one.name: known[one.number].renamed(one.name) for one in self.attributes}
        return old.carried(self.name, columns, self.key_names)

    @property
    def key_names(self) -> tuple[str, ...]:
        """The columns by which a row is known: all of them where there is no primary key."""
        names = {one.number: one.name for one in self.attributes}
        return tuple(names[number] for number in self.key) or tuple(sorted(names.values()))


def _present(cursor: Any, values: Mapping[str, str]) -> list[_Present]:
    cursor.execute(_TABLES, values)
    found = {
        oid: _Present(
            oid=oid, name=(schema, name), partitioned=whole, size=size, state=state, key=tuple(key), view=view,
            populated=populated,
        )
        for oid, schema, name, whole, size, state, key, view, populated in cursor.fetchall()
    }  # fmt: skip
    cursor.execute(_COLUMNS, values)
    for oid, number, name, builtin, kind in cursor.fetchall():
        found[oid].attributes.append(_Attribute(number=number, name=name, builtin=builtin, kind=kind))
    return sorted(found.values(), key=lambda one: one.name)


def _scan(cursor: Any, table: _Present) -> Table:
    """Read a table: one scan, but for the few that have more columns than one query can give sums of."""
    share = _share(table.size)
    rows, whole, noted = 0, 0, b""
    columns: dict[str, Column] = {}
    for some in _chunks(table.attributes):
        cursor.execute(_sums(table, some, share))
        (rows, whole, noted, *sums) = cursor.fetchone()
        for place, one in enumerate(some):
            filled, checksum, marks = sums[3 * place : 3 * place + 3]
            columns[one.name] = Column(
                name=one.name,
                number=one.number,
                kind=one.kind,
                filled=filled,
                checksum=int(checksum),
                marks=bytes(marks or b""),
            )
    return Table(
        name=table.name,
        oid=table.oid,
        rows=rows,
        columns=columns,
        key=table.key_names,
        key_numbers=table.key,
        whole=int(whole) if len(table.attributes) <= _AT_ONCE else None,
        noted=bytes(noted or b""),
        share=share,
        state=table.state,
    )


def _share(size: int) -> int:
    """One of how many rows is noted: all up to a size, and of larger tables about as many."""
    share = 1
    while size > EXACT_BYTES * share:
        share *= 2
    return share


def _chunks(attributes: Sequence[_Attribute]) -> Iterator[Sequence[_Attribute]]:
    for start in range(0, max(len(attributes), 1), _AT_ONCE):
        yield attributes[start : start + _AT_ONCE]


_APART = "pg_catalog.clock_timestamp()"


def _sums(table: _Present, some: Sequence[_Attribute], share: int) -> str:
    """The query that gives rows, their sum, the noted ones' keys, and for each column its sum and the noted values.

    The innermost query has a hash of each value, the next one those of the row and of its key. A volatile function has
    the planner leave them apart, so that each hash is computed once, and unlike OFFSET 0 it lets the server share the
    work among several processes. What is noted stands in the same order in each string, whichever that is.
    """
    key = set(table.key_names) if table.key else set()
    hashed = {one.name: f"h{one.number}" for one in table.attributes if one in some or one.name in key}
    cells = ", ".join(f"{one.hash} AS {hashed[one.name]}" for one in table.attributes if one.name in hashed)
    of_row = ", ".join(hashed.values())
    of_key = [hashed[name] for name in table.key_names] if table.key else ["NULL::bigint"]
    # the hash of an array is a linear mixture of its elements', in whose sum it does not show which stood together
    mixed = "pg_catalog.hashint8extended(pg_catalog.hash_array_extended(ARRAY[{}]::bigint[], 0), 0)"
    rows = (
        f"SELECT *, k & {share - 1} = 0 AS noted, {_APART} AS apart FROM (SELECT *, {mixed.format(of_row)} AS r,"
        f" {of_key[0] if len(of_key) == 1 else mixed.format(', '.join(of_key))} AS k"
        f" FROM (SELECT {cells or 'NULL AS nothing'}, {_APART} AS also FROM {_source(table)}) AS cells) AS mixed"
    )
    noted = "FILTER (WHERE noted)"
    sums = "".join(
        f", pg_catalog.count({one}), coalesce(pg_catalog.sum({one}), 0)::text,"
        f" pg_catalog.string_agg(pg_catalog.int4send(coalesce(({one} & 2147483647)::integer, -1)), ''::bytea) {noted}"
        for one in (hashed[one.name] for one in some)
    )
    return (
        "SELECT pg_catalog.count(*), coalesce(pg_catalog.sum(r), 0)::text,"
        f" pg_catalog.string_agg(pg_catalog.int8send(k), ''::bytea) {noted}{sums} FROM ({rows}) AS rows"
    )


def _source(table: _Present) -> str:
    return f"{'' if table.partitioned else 'ONLY '}{'.'.join(map(quoted, table.name))}"


def _counters(cursor: Any, values: Mapping[str, str]) -> Iterator[tuple[Name, Counter]]:
    cursor.execute(_SEQUENCES, values)
    found = cursor.fetchall()
    for start in range(0, len(found), _AT_ONCE):
        some = found[start : start + _AT_ONCE]
        cursor.execute(
            " UNION ALL ".join(
                f"SELECT {place}, last_value, is_called FROM {quoted(schema)}.{quoted(name)}"
                for place, (schema, name, *_) in enumerate(some)
            )
        )
        for place, last, called in cursor.fetchall():
            schema, name, step, *owner = some[place]
            yield (
                (schema, name),
                Counter(
                    next=last + step if called else last, step=step, owner=(owner[0], owner[1]) if owner[1] else None
                ),
            )
