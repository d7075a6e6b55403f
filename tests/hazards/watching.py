"""One session that runs the statements of a case, one that watches it, and what they saw as lines of `expected.txt`."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import psycopg2

from tests.hazards import corpus

Connect = Callable[[], Any]

WAIT_SECONDS = 60.0
KINDS = {
    "r": "table",
    "p": "partitioned table",
    "i": "index",
    "I": "index",
    "S": "sequence",
    "v": "view",
    "m": "materialized view",
    "f": "foreign table",
}
_ALONE = re.compile(r"\bCONCURRENTLY\b|^VACUUM\b", re.IGNORECASE)

# A worker of a parallel build reads rows that our session's counters never see. What a change of type costs depends on
# the time zone.
_SETTINGS = """
    SET max_parallel_maintenance_workers = 0;
    SET max_parallel_workers_per_gather = 0;
    SET stats_fetch_consistency = 'none';
    SET TimeZone = 'UTC';
"""
_RELATIONS = """
    SELECT c.oid, format('%I.%I', n.nspname, c.relname), c.relkind::text, coalesce(pg_relation_filenode(c.oid), 0),
           CASE WHEN t.oid IS NULL THEN '' ELSE format('%I.%I', tn.nspname, t.relname) END,
           coalesce(t.oid, 0), coalesce(i.indisvalid, true)
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    LEFT JOIN pg_index AS i ON i.indexrelid = c.oid
    LEFT JOIN pg_class AS t ON t.oid = i.indrelid LEFT JOIN pg_namespace AS tn ON tn.oid = t.relnamespace
    WHERE c.relkind IN ('r', 'p', 'i', 'I', 'S', 'v', 'm', 'f')
      AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
"""
# The NOT NULL that 18 keeps as constraints are columns' properties elsewhere.
_CONSTRAINTS = """
    SELECT k.oid, k.conname, c.oid, format('%I on %I.%I', k.conname, n.nspname, c.relname)
    FROM pg_constraint AS k JOIN pg_class AS c ON c.oid = k.conrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE k.contype <> 'n' AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
"""
_LOCKS = """
    SELECT relation, mode FROM pg_locks
    WHERE locktype = 'relation' AND granted AND pid = %s
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
_FLUSH = "SELECT pg_stat_force_next_flush()"
_COUNTERS = """
    SELECT relid, seq_tup_read, n_tup_ins + n_tup_upd + n_tup_del FROM {}
    WHERE schemaname NOT LIKE 'pg\\_%' AND schemaname <> 'information_schema'
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """A relation at one moment; `file` is 0 where it has none, `table` the table of an index."""

    oid: int
    name: str
    kind: str
    file: int
    table: str
    table_oid: int
    valid: bool


@dataclass(slots=True, kw_only=True)
class State:
    """What the database holds between two statements, as the session that runs them sees it."""

    relations: dict[int, Relation]
    constraints: dict[int, tuple[str, int, str]]
    locks: set[tuple[int, str]]
    counters: dict[int, tuple[int, int]]


class Watch:
    """Runs one file on one database, and looks between its statements."""

    def __init__(self, connect: Connect) -> None:
        self.connect = connect
        self.session = connect()
        self.watcher = connect()
        for one in (self.session, self.watcher):
            one.autocommit = True
            self.ask(one, _SETTINGS)
        self.pid = self.session.info.backend_pid
        self.transaction = 0
        self.before: dict[int, Relation] = {}
        self.rows: dict[int, int] = {}

    def close(self) -> None:
        self.session.close()
        self.watcher.close()

    @staticmethod
    def ask(connection: Any, query: str, *values: object) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(query, values or None)
            return cursor.fetchall() if cursor.description else []

    def prepare(self, case: corpus.Case) -> list[str]:
        """Bring the database to where a case begins; return what went otherwise than the file says."""
        if case.needs:
            self.ask(self.session, f"CREATE EXTENSION IF NOT EXISTS {case.needs}")
        return self.play(case.setup)

    def play(self, steps: Sequence[corpus.Step]) -> list[str]:
        """Run statements without looking; return what went otherwise than the file says."""
        surprises: list[str] = []
        for step in steps:
            self._enter(step.transaction)
            self._execute(step, surprises)
        self._enter(0)
        return surprises

    def run(self, steps: Sequence[corpus.Step], surprises: list[str], *, undo: bool = False) -> list[str]:
        """Return what was seen, as lines of `expected.txt`; add to `surprises` what the file does not say.

        `undo`: the last transaction is rolled back.
        """
        self.before = self._relations(self.watcher)
        self.rows = {oid: self._count(one) for oid, one in self.before.items() if one.kind in "rm"}
        self.ask(self.watcher, _FLUSH)  # else our own counting would show up later, as a statement's reading
        lines: list[str] = []
        for step in steps:
            self._enter(step.transaction)
            where = f"transaction {step.transaction}" if step.transaction else "autocommit"
            lines.append(f"{step.number}. {where}: {corpus.one_line(step.sql)}")
            facts = self._alone(step, surprises) if self._is_alone(step) else self._within(step, surprises)
            lines += [f"   {fact}" for fact in facts]
        if undo:
            self.ask(self.session, "ROLLBACK")
            self.transaction = 0
        self._enter(0)
        return lines

    def _enter(self, transaction: int) -> None:
        """End the transaction that the statement before was in, and begin the next one's."""
        if transaction == self.transaction:
            return
        if self.transaction:
            self.ask(self.session, "COMMIT")
        if transaction:
            self.ask(self.session, "BEGIN")
        self.transaction = transaction

    def _within(self, step: corpus.Step, surprises: list[str]) -> list[str]:
        """Run a statement between two looks in one transaction; its own, where the file gives it none."""
        if not step.transaction:
            self.ask(self.session, "BEGIN")
        before = self._state("pg_stat_xact_user_tables")
        error = self._execute(step, surprises)
        if error:
            self.ask(self.session, "ROLLBACK")
            self.ask(self.session, "BEGIN")
        after = self._state("pg_stat_xact_user_tables")
        if not step.transaction:
            self.ask(self.session, "COMMIT")
        if error:
            return [f"error {error}"]
        return self._facts(before, after, after.locks - before.locks)

    def _alone(self, step: corpus.Step, surprises: list[str]) -> list[str]:
        """Run a statement outside of a transaction, held back by an older snapshot until its locks were seen."""
        before = self._flushed()
        seen: set[tuple[int, str]] = set()
        errors: list[str] = []
        with closing(self.connect()) as holder:
            # A build waits for the snapshot at its end, a drop at its beginning for whoever reads the table.
            tables = ", ".join(one.name for one in self.before.values() if one.kind == "r")
            self.ask(holder, "BEGIN ISOLATION LEVEL REPEATABLE READ")
            self.ask(holder, f"SELECT 1; LOCK TABLE {tables} IN ACCESS SHARE MODE")
            worker = threading.Thread(target=lambda: errors.append(self._execute(step, surprises)))
            worker.start()
            deadline = time.monotonic() + WAIT_SECONDS
            while worker.is_alive() and not self._waits_for(holder.info.backend_pid):
                if time.monotonic() > deadline:
                    raise TimeoutError(f"never held back: {step.sql}")
                time.sleep(0.005)
            if worker.is_alive():
                seen = set(self.ask(self.watcher, _LOCKS, self.pid))
        worker.join(WAIT_SECONDS)
        after = self._flushed()
        facts = self._facts(before, after, seen)
        return facts + [f"error {error}" for error in errors if error]

    @staticmethod
    def _is_alone(step: corpus.Step) -> bool:
        return not step.transaction and bool(_ALONE.search(step.sql))

    def _waits_for(self, holder: int) -> bool:
        return bool(self.ask(self.watcher, "SELECT 1 WHERE %s = ANY (pg_blocking_pids(%s))", holder, self.pid))

    def _execute(self, step: corpus.Step, surprises: list[str]) -> str:
        """Run a statement; return SQLSTATE and message of the server's refusal, or nothing."""
        error = ""
        try:
            self.ask(self.session, step.sql)
        except psycopg2.Error as refusal:
            error = f"{refusal.pgcode} {refusal.diag.message_primary}"
        if error.partition(" ")[0] != step.fails:
            surprises.append(f"{corpus.one_line(step.sql)}: {error or 'did not fail'}")
        return error

    def _state(self, view: str) -> State:
        return State(
            relations=self._relations(self.session),
            constraints={oid: (*rest,) for oid, *rest in self.ask(self.session, _CONSTRAINTS)},
            locks=set(self.ask(self.session, _LOCKS, self.pid)),
            counters={oid: (read, written) for oid, read, written in self.ask(self.session, _COUNTERS.format(view))},
        )

    def _flushed(self) -> State:
        self.ask(self.session, _FLUSH)
        return self._state("pg_stat_user_tables")

    def _relations(self, connection: Any) -> dict[int, Relation]:
        names = ("oid", "name", "kind", "file", "table", "table_oid", "valid")
        found = [Relation(**dict(zip(names, row, strict=True))) for row in self.ask(connection, _RELATIONS)]
        return {one.oid: one for one in found}

    def _count(self, relation: Relation) -> int:
        return self.ask(self.watcher, f"SELECT count(*) FROM ONLY {relation.name}")[0][0]

    def _facts(self, before: State, after: State, locks: set[tuple[int, str]]) -> list[str]:
        """Return what a statement did, as lines in an order of their own."""
        facts = [f"lock {line}" for line in self._locks(locks)]
        files = {one.file for one in before.relations.values()}
        new = [one for one in after.relations.values() if one.file and one.file not in files]
        changed = [one for one in new if one.oid in self.before]
        emptied = {one.oid for one in changed if one.kind == "r" and self._is_empty(one)}
        facts += _sorted("rewrite", (one.name for one in changed if one.kind in "rm" and one.oid not in emptied))
        facts += _sorted("empty", (self.before[oid].name for oid in emptied))
        facts += _sorted("restart", (one.name for one in changed if one.kind == "S"))
        facts += _sorted("scan", self._passes(before, after))
        old_tables = self.before.keys() - emptied
        facts += _sorted("build", (f"{one.name} on {one.table}" for one in new if one.table_oid in old_tables))
        facts += _sorted("write", self._written(before, after))
        was, now = ({one.name: one for one in state.relations.values()} for state in (before, after))
        renamed = {one.oid for one in before.relations.values()} & {one.oid for one in after.relations.values()}
        facts += _sorted("create", (name for name, one in now.items() if name not in was and one.oid not in renamed))
        facts += _sorted("invalid", (n for n, one in now.items() if not one.valid and (n not in was or was[n].valid)))
        facts += _sorted("drop", (name for name, one in was.items() if name not in now and one.oid not in renamed))
        return facts + _sorted("drop", self._lost(before, after))

    @staticmethod
    def _lost(before: State, after: State) -> Iterable[str]:
        """The constraints that are gone: neither renamed, nor made again as a change of type does."""
        there = {(name, table) for name, table, _ in after.constraints.values()}
        for oid, (name, table, label) in before.constraints.items():
            if oid not in after.constraints and (name, table) not in there:
                yield label

    def _locks(self, locks: set[tuple[int, str]]) -> list[str]:
        """The strongest new mode on each relation that was there before."""
        strongest: dict[int, str] = {}
        for oid, mode in locks:
            if oid in self.before and (oid not in strongest or _STRENGTH[mode] > _STRENGTH[strongest[oid]]):
                strongest[oid] = mode
        lines = []
        for oid, mode in strongest.items():
            one = self.before[oid]
            of = f" on {one.table}" if one.table else ""
            lines.append(f"{one.name} {mode} ({KINDS[one.kind]}{of})")
        return sorted(lines)

    def _passes(self, before: State, after: State) -> Iterable[str]:
        for oid, (read, _) in after.counters.items():
            rows = self.rows.get(oid, 0)
            passes = (read - before.counters.get(oid, (0, 0))[0]) // rows if rows else 0
            if passes:
                yield f"{self.before[oid].name} {passes}"

    def _written(self, before: State, after: State) -> Iterable[str]:
        for oid, (_, written) in after.counters.items():
            rows = written - before.counters.get(oid, (0, 0))[1]
            if rows and oid in self.before:
                yield f"{self.before[oid].name} {rows}"

    def _is_empty(self, relation: Relation) -> bool:
        size = self.ask(self.session, "SELECT pg_relation_size(%s)", relation.oid)[0][0]
        return size == 0 and self.rows[relation.oid] > 0


_STRENGTH = {
    mode: number
    for number, mode in enumerate(
        (
            "AccessShareLock",
            "RowShareLock",
            "RowExclusiveLock",
            "ShareUpdateExclusiveLock",
            "ShareLock",
            "ShareRowExclusiveLock",
            "ExclusiveLock",
            "AccessExclusiveLock",
        )
    )
}


def _sorted(word: str, names: Iterable[str]) -> list[str]:
    return [f"{word} {name}" for name in sorted(names)]
