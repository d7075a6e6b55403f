"""What one look behind a statement tells, beside the look before it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ops.catalog.names import quoted
from ops.observe.relations import HEAPS, INDEXES, KINDS, TABLES, Relation, Relations
from ops.statement import Lock, Mode


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """What one statement did to relations that existed before it, and what came and went.

    `looked_at` are the tables and views whose rows it read under a weak lock.
    """

    transaction: str = ""
    locks: tuple[Lock, ...] = ()
    rewrites: tuple[str, ...] = ()
    scans: tuple[str, ...] = ()
    index_builds: tuple[str, ...] = ()
    created: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    looked_at: tuple[str, ...] = ()


@dataclass(slots=True)
class Looks:
    """What is known so far; the only thing here that moves."""

    relations: Relations
    path: tuple[str, ...] = ()
    transaction: str = ""
    modes: dict[int, set[str]] = field(default_factory=dict)
    scans: dict[int, int] = field(default_factory=dict)
    files: dict[int, int] = field(default_factory=dict)
    known_files: set[int] = field(default_factory=set)
    names: dict[int, str] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.path = self.relations.path
        self.files = {oid: one.file for oid, one in self.relations.by_oid.items()}
        self.known_files = set(self.files.values())
        self.names = {oid: one.name for oid, one in self.relations.by_oid.items()}

    def of_relation(self, name: str) -> str:
        """Return the schema in which an unqualified name is found on the search path; empty where it is nowhere."""
        there = set(self.names.values())
        return next((schema for schema in self.path if f"{quoted(schema)}.{quoted(name)}" in there), "")

    def inside(self, answer: Mapping[str, Any]) -> Effects:
        """Return what happened since the last look, from an answer of the migration's own session."""
        if answer["transaction"] != self.transaction:
            self.transaction = answer["transaction"] or ""
            self.modes, self.scans = {}, {}
        self.path = tuple(answer["path"])
        rows = [
            _Row(oid, modes, KINDS[kind] if kind else "", f"{quoted(schema or '')}.{quoted(name or '')}", *numbers)
            for oid, modes, kind, schema, name, *numbers in answer["relations"] or ()
            if kind in (None, *KINDS) and schema != "pg_toast"
        ]
        return Effects(
            transaction=self.transaction,
            locks=tuple(lock for row in rows for lock in self._locks(row)),
            looked_at=tuple(sorted({name for row in rows for name in self._looked_at(row)})),
            scans=tuple(sorted({name for row in rows for name in self._scanned(row)})),
            **self._files(rows),
        )

    def outside(self, seen: Iterable[tuple[int, str]], now: Iterable[Relation]) -> Effects:
        """Return what a statement outside of a transaction did: the locks that another session saw, and what is now."""
        modes: dict[int, set[str]] = {}
        for oid, mode in seen:
            modes.setdefault(oid, set()).add(mode)
        self.modes, self.transaction = {}, ""
        rows = [_Row(one.oid, (), one.kind, one.name, one.file, one.parent) for one in now]
        there = {row.oid for row in rows}
        rows += [_Row(oid) for oid in self.names if oid not in there]
        locks = tuple(lock for oid, names in modes.items() for lock in self._locks(_Row(oid, sorted(names))))
        self.modes = {}
        files = self._files(rows)
        # counters reach other sessions late; but whoever builds an index reads its table
        read = sorted({name.rpartition(" on ")[2] for name in files["index_builds"]})
        return Effects(locks=locks, scans=tuple(read), **files)

    def _locks(self, row: _Row) -> Iterable[Lock]:
        known = self.modes.setdefault(row.oid, set())
        new = [mode for mode in row.modes if mode not in known]
        known.update(new)
        if row.oid in self.relations:
            one = self.relations.by_oid[row.oid]
            parent = self.names.get(one.parent, "") if one.parent else ""
            for mode in new:
                yield Lock(relation=one.name, kind=one.kind, mode=Mode.named(mode), parent=parent)

    def _looked_at(self, row: _Row) -> Iterable[str]:
        weak = {Mode.ACCESS_SHARE.pg_name, Mode.ROW_SHARE.pg_name}
        if row.oid in self.relations and self.relations.by_oid[row.oid].kind in TABLES and weak & set(row.modes):
            yield self.names[row.oid]

    def _scanned(self, row: _Row) -> Iterable[str]:
        """Tables that were read; on an empty table the planner may as well use an index to read all of it."""
        before = self.scans.get(row.oid, 0)
        self.scans[row.oid] = row.scans
        if row.scans > before:
            table = row.parent if row.parent else row.oid
            if table in self.relations and self.relations.by_oid[table].kind in HEAPS:
                yield self.names[table]

    def _files(self, rows: list[_Row]) -> dict[str, tuple[str, ...]]:
        rewrites, builds, created, dropped = [], [], [], []
        for row in sorted(rows, key=lambda row: row.parent):  # a new table before its indexes
            if not row.kind:
                if row.oid in self.names and row.oid not in self.gone:
                    self.gone.add(row.oid)
                    dropped.append(self.names[row.oid])
                continue
            if row.oid not in self.names and self.relations.ours not in (row.name, self.names.get(row.parent)):
                created.append(row.name)
            self.names[row.oid] = row.name
            new = row.file != 0 and row.file not in self.known_files
            self.files[row.oid] = row.file
            self.known_files.add(row.file)
            if new and row.kind in HEAPS and row.oid in self.relations:
                rewrites.append(self.relations.by_oid[row.oid].name)
            elif new and row.kind in INDEXES and row.parent in self.relations:
                builds.append(f"{row.name} on {self.relations.by_oid[row.parent].name}")
        again = set(created) & set(dropped)  # made anew under its own name, as the builds tell
        return {
            "rewrites": tuple(sorted(rewrites)),
            "index_builds": tuple(sorted(builds)),
            "created": tuple(sorted(set(created) - again)),
            "dropped": tuple(sorted(set(dropped) - again)),
        }


class _Row(NamedTuple):
    """One relation at a look; without a kind it is gone."""

    oid: int
    modes: Iterable[str] = ()
    kind: str = ""
    name: str = ""
    file: int = 0
    parent: int = 0
    scans: int = 0
