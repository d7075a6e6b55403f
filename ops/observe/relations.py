"""The relations of a database, and the query that tells what a session did to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from ops.catalog.names import quoted

if TYPE_CHECKING:
    from sqlalchemy import Connection

KINDS = {
    "r": "table",
    "p": "partitioned table",
    "i": "index",
    "I": "partitioned index",
    "S": "sequence",
    "v": "view",
    "m": "materialized view",
    "f": "foreign table",
}
"""What `pg_class.relkind` means; TOAST tables and composite types are nobody's business here."""

HEAPS = frozenset({"table", "materialized view"})
TABLES = frozenset({*HEAPS, "partitioned table", "foreign table", "view"})
INDEXES = frozenset({"index", "partitioned index"})

FIRST_OID = 16384
"""Every object that a user made has at least this OID (FirstNormalObjectId in access/transam.h)."""

_BEFORE = f"""
    SELECT c.oid::bigint, c.relkind::text, n.nspname::text, c.relname::text,
           coalesce(pg_catalog.pg_relation_filenode(c.oid)::bigint, 0), coalesce(i.indrelid::bigint, 0)
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
    WHERE c.oid >= {FIRST_OID} AND c.relkind IN ('r', 'p', 'i', 'I', 'S', 'v', 'm', 'f') AND n.nspname <> 'pg_toast'
"""

BEHIND = f"""
    SELECT pg_catalog.json_build_object(
        'flushed', pg_catalog.pg_stat_force_next_flush() IS NULL,
        'wal', pg_catalog.pg_current_wal_insert_lsn(),
        'transaction', (SELECT l.virtualtransaction FROM pg_catalog.pg_locks l
                        WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'virtualxid' LIMIT 1),
        'path', pg_catalog.current_schemas(false)::text[],
        'relations', (
            SELECT pg_catalog.json_agg(pg_catalog.json_build_array(
                l.relation::bigint, l.modes, c.relkind, n.nspname, c.relname,
                coalesce(pg_catalog.pg_relation_filenode(c.oid)::bigint, 0), coalesce(i.indrelid::bigint, 0),
                pg_catalog.pg_stat_get_xact_numscans(l.relation)))
            FROM (SELECT relation, pg_catalog.array_agg(mode) AS modes FROM pg_catalog.pg_locks
                  WHERE pid = pg_catalog.pg_backend_pid() AND locktype = 'relation' AND granted
                    AND relation >= {FIRST_OID}
                    AND database = (SELECT oid FROM pg_catalog.pg_database
                                    WHERE datname = pg_catalog.current_database())
                  GROUP BY relation) l
            LEFT JOIN pg_catalog.pg_class c ON c.oid = l.relation
            LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = l.relation)
    )::text
"""
"""Asked on the migration's own connection, in its transaction: only there does an uncommitted change show.

Whatever a statement rewrites, scans or builds, it has locked, and a lock stays until the transaction ends; so only the
locked relations need be looked at, however large the schema is. Counters are of the transaction only when those of the
one before it have been handed over, which the server else does once a second at most.
"""


class Relation(NamedTuple):
    """One relation; `file` is the number of its file, 0 where it has none; `parent` is an index's table."""

    oid: int
    kind: str
    name: str
    file: int
    parent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Relations:
    """What exists before a run; `left_out` are OIDs that do not count: the version table (`ours`) and its index."""

    by_oid: Mapping[int, Relation]
    path: tuple[str, ...]
    ours: str = ""
    left_out: frozenset[int] = field(default_factory=frozenset)

    def __contains__(self, oid: object) -> bool:
        return oid in self.by_oid and oid not in self.left_out


def before(connection: Connection, version_table: tuple[str, str]) -> Relations:
    """Return what exists now, in two round trips."""
    found = {relation.oid: relation for relation in read(connection)}
    (path,) = connection.exec_driver_sql("SELECT pg_catalog.current_schemas(false)::text[]").one()
    ours = ".".join(map(quoted, version_table))
    table = next((one.oid for one in found.values() if one.name == ours), None)
    left_out = frozenset(one.oid for one in found.values() if table is not None and table in (one.oid, one.parent))
    return Relations(by_oid=found, path=tuple(path), ours=ours, left_out=left_out)


def read(connection: Connection) -> list[Relation]:
    """Return every relation that a user made, as it is now."""
    return [
        Relation(oid, KINDS[kind], f"{quoted(schema)}.{quoted(name)}", file, parent)
        for oid, kind, schema, name, file, parent in connection.exec_driver_sql(_BEFORE)
    ]
