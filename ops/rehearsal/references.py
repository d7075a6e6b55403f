"""The rows that the rows of a sample refer to, and the foreign keys that it breaks nevertheless."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ops.catalog.names import quoted
from ops.dumps import Source

if TYPE_CHECKING:
    from ops.rehearsal.sample import Table

ROUNDS = 5
"""How far a chain of rows is followed, each of which refers to the next."""

_KEYS = """
    SELECT k.conname, k.conrelid::bigint, k.confrelid::bigint, k.convalidated,
           ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY AS u(attnum, at)
                 JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.attnum ORDER BY u.at),
           ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY AS u(attnum, at)
                 JOIN pg_catalog.pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.attnum ORDER BY u.at),
           ARRAY(SELECT pg_catalog.format_type(a.atttypid, -1) FROM unnest(k.confkey) WITH ORDINALITY AS u(attnum, at)
                 JOIN pg_catalog.pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.attnum ORDER BY u.at),
           ARRAY(SELECT format('OPERATOR(%I.%s)', n.nspname, o.oprname)
                 FROM unnest(k.{operators}) WITH ORDINALITY AS u(oid, at) JOIN pg_catalog.pg_operator o ON o.oid = u.oid
                 JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace ORDER BY u.at)
    FROM pg_catalog.pg_constraint k WHERE k.contype = 'f' AND k.conparentid = 0 ORDER BY k.conname, k.oid
"""
"""With the operators that compare a row with the one that it refers to; types with their schemas."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A foreign key, from `child` to `parent`. `equal` are the operators for a parent's and a child's value, `alike`
    those for two of parents.
    """

    name: str
    child: Table
    parent: Table
    validated: bool
    own: tuple[str, ...]
    others: tuple[str, ...]
    types: tuple[str, ...]
    equal: tuple[str, ...]
    alike: tuple[str, ...]

    @property
    def lacking(self) -> str:
        """From which rows of the copy refer to none, without the columns that are asked for."""
        given = " AND ".join(f"c.{quoted(one)} IS NOT NULL" for one in self.own)
        same = " AND ".join(
            f"p.{quoted(other)} {operator} c.{quoted(own)}"
            for own, other, operator in zip(self.own, self.others, self.equal, strict=True)
        )
        there = f"SELECT FROM {self.parent.only} AS p WHERE {same}"
        return f"FROM {self.child.only} AS c WHERE {given} AND NOT EXISTS ({there})"


class References:
    """What the rows in a copy refer to; the copy is asked, and the target for what it lacks."""

    def __init__(
        self, source: Source, cursor: Any, tables: Sequence[Table], without: Collection[tuple[str, str]]
    ) -> None:
        self._source = source
        self._cursor = cursor
        self._without = without
        known = {one.oid: one for one in tables}
        source.ask("SAVEPOINT ops_keys; SET LOCAL search_path = pg_catalog")
        found = source.ask(_KEYS.format(operators="conpfeqop"))
        alike = [row[-1] for row in source.ask(_KEYS.format(operators="conppeqop"))]
        source.ask("ROLLBACK TO SAVEPOINT ops_keys")
        self.keys = tuple(
            Key(
                name=name, child=known[child], parent=known[parent], validated=validated, own=tuple(own),
                others=tuple(others), types=tuple(types), equal=tuple(equal), alike=tuple(same),
            )
            for (name, child, parent, validated, own, others, types, equal), same in zip(found, alike, strict=True)
            if child in known and parent in known
        )  # fmt: skip

    def wanted(self, count: int) -> Iterator[tuple[Key, str]]:
        """Yield a key, and the query for the rows of its parent that its child's rows refer to and the copy lacks.

        What was found is to be in the copy before the next one is asked for: it may be what that would want as well.
        No more than `count` for each key at a time, and no further than `ROUNDS` rows on.
        """
        # Each by its key: however large the parent is, it is not read whole.
        self._source.ask(
            "SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off"
        )
        waiting = [one for one in self.keys if (one.parent.schema, one.parent.name) not in self._without]
        asked: dict[Key, set[tuple[str, ...]]] = {one: set() for one in waiting}
        for _ in range(ROUNDS):
            found = False
            for key in waiting:
                columns = ", ".join(f"c.{quoted(one)}::text" for one in key.own)
                self._cursor.execute(f"SELECT DISTINCT {columns} {key.lacking} LIMIT {count + len(asked[key])}")
                new = [row for row in self._cursor.fetchall() if row not in asked[key]][:count]
                if new:
                    found = True
                    asked[key].update(new)
                    yield key, self._query(key, new)
            if not found:
                return

    def broken(self) -> Iterator[str]:
        """Yield a sentence for each foreign key that does not hold in the copy, and is said to."""
        for key in self.keys:
            if not key.validated:
                continue
            self._cursor.execute(f"SELECT count(*) {key.lacking}")
            ((count,),) = self._cursor.fetchall()
            if count:
                rows = "row refers" if count == 1 else "rows refer"
                yield (
                    f"The foreign key {quoted(key.name)} of {key.child.sql} does not hold in the copy, where {count:,} "
                    f"{rows} to no row of {key.parent.sql}: a statement that checks it anew fails there, and need not "
                    "fail in the target."
                )

    def _query(self, key: Key, rows: Sequence[tuple[str, ...]]) -> str:
        columns = ", ".join(f"p.{quoted(one)}" for one in key.parent.columns)
        names = [f"k{number}" for number in range(len(key.others))]
        given = ", ".join(f"u.{name}::{type} AS {name}" for name, type in zip(names, key.types, strict=True))
        same = " AND ".join(
            f"p.{quoted(other)} {operator} w.{name}"
            for other, operator, name in zip(key.others, key.alike, names, strict=True)
        )
        values = ", ".join(["%s::text[]"] * len(names))
        lists = [list(one) for one in zip(*rows, strict=True)]
        unnested = self._cursor.mogrify(f"unnest({values}) AS u({', '.join(names)})", lists).decode()
        wanted = f"SELECT {given} FROM {unnested}"
        return f"SELECT {columns} FROM {key.parent.only} AS p JOIN ({wanted}) AS w ON {same}"
