"""One run of revisions on a clone: the worker's events, made into statements with what each of them did."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ops import commands
from ops.catalog.names import quoted
from ops.commands import Command
from ops.errors import MigrationError, OpsError, ProjectError
from ops.observe import relations
from ops.observe.changes import Effects, Looks
from ops.observe.waiting import Watch
from ops.project import Answer, Event, go
from ops.project.visit import Step, Visit
from ops.statement import Mode, Statement

_ALONE = frozenset({"VACUUM", "CREATE DATABASE", "DROP DATABASE", "CREATE TABLESPACE", "DROP TABLESPACE"})
_CONTROL = frozenset({"BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "CALL", "?"})
_DATA = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "COPY"})
_CATALOGS = frozenset({"pg_catalog", "information_schema"})
_RUNS_CODE = frozenset({"DO", "CALL"})

_FOREIGN_KEY = "23503"
_UNDEFINED_OBJECT = "42704"
_OF_VALUES = ("21", "22", "23", "P0")
"""Classes of SQLSTATE that depend on values: cardinality, data, constraints, and what PL/pgSQL raises."""

NOT_SEEN = "it runs outside of a transaction, and no lock of it was seen from a second session"


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What a run on a clone showed.

    `commands` has the parsed actions of each statement by its number; Alembic's own statements have the number 0. Of
    questions that only read the server's catalog, as SQLAlchemy's inspector asks them, `questions` is the number: the
    clone's answers are the target's, and they lock nothing that anybody waits for. `failed` is what ended the run
    early, and `unreached` are the revisions behind it, of which nothing was seen. `excused` says why a failure may be
    owed to what the clone has not and the target has: rows, or a tablespace. `periods` says, where it was asked for,
    when each statement began and ended, on the clock of `time.monotonic`.
    """

    statements: tuple[Statement, ...] = ()
    commands: Mapping[int, tuple[Command, ...]] = field(default_factory=dict)
    questions: int = 0
    failed: OpsError | None = None
    unreached: tuple[str, ...] = ()
    excused: str = ""
    periods: Mapping[int, tuple[float, float]] = field(default_factory=dict)


def observe(
    here: Visit,
    steps: Sequence[Step],
    direction: str,
    *,
    version_table: tuple[str, str] | None = None,
    timed: bool = False,
    behind: Callable[[str], None] = lambda revision: None,
    lacking: Collection[str] = (),
) -> Observed:
    """Run revisions on a clone, and return their statements with what each locked, rewrote, scanned and built.

    `version_table` is schema and name, where they are known already. `timed`: the clone has rows, so that seconds and
    bytes of WAL mean something, too. `behind` is called behind each revision, while the worker waits. `lacking` are
    tablespaces that the target has, and the clone's server has not.

    Raises
    ------
    OpsError
        The clone cannot be looked at, or env.py does not go there. What the migration itself does wrong is a part of
        the answer.
    """
    if version_table is None:
        version_table = (here.setup.version_table_schema, here.setup.version_table)
    course = _Course(here, version_table, timed=timed, behind=behind, lacking=lacking)
    wanted = [step.revision.revision for step in steps]
    failed = None
    try:
        here.worker.request(
            "migrate",
            listener=course.listen,
            read_only=False,
            revisions=wanted,
            direction=direction,
            observe=relations.BEHIND,
        )
    except (MigrationError, ProjectError) as error:
        failed = error
        course.fail(error)
    finally:
        course.end()
    done = len(course.done)
    return Observed(
        statements=tuple(course.statements),
        commands=course.commands,
        questions=course.questions,
        failed=failed,
        unreached=tuple(wanted[done + 1 :]) if failed else (),
        excused=course.excused,
        periods=course.periods,
    )


class _Course:
    """What is known of the run so far."""

    def __init__(
        self,
        here: Visit,
        version_table: tuple[str, str],
        *,
        timed: bool,
        behind: Callable[[str], None],
        lacking: Collection[str],
    ) -> None:
        self.here = here
        self.version_table = version_table
        self.clock = _Clock(here) if timed else None
        self.behind = behind
        self.lacking = lacking
        self.periods: dict[int, tuple[float, float]] = {}
        self.statements: list[Statement] = []
        self.commands: dict[int, tuple[Command, ...]] = {}
        self.done: list[str] = []
        self.questions = 0
        self.revision = ""
        self.excused = ""
        self.looks = Looks(relations=relations.before(here.connection, self.version_table))
        self._waiting: list[_Waiting] = []
        self._watch: Watch | None = None
        self._transactions: dict[str, int] = {}

    def listen(self, event: Event) -> Answer | None:
        match event["event"]:
            case "revision":
                self.revision = event["revision"]
            case "statement":
                return self._before(event)
            case "observed":
                self._behind(self._waiting.pop(0), event["observed"], None)
            case "statement-done":
                self._last(event)
            case "revision-done":
                self.done.append(event["revision"])
                self.behind(event["revision"])
        return None

    def fail(self, error: OpsError) -> None:
        """The statement that was under way when the run ended is the one that failed."""
        for one in self._waiting[:1]:
            self.excused = self._excuse(error, one.commands)
            if self.excused:
                self._add(replace(one.statement, measured=False, why=self.excused), one.commands)
            else:
                self._add(replace(one.statement, measured=False, why="it failed", error=error.problem), one.commands)
        for one in self._waiting[1:]:
            why = "the statement before it failed"
            self._add(replace(one.statement, measured=False, why=why), one.commands)
        self._waiting = []

    def _excuse(self, error: OpsError, found: Sequence[Command]) -> str:
        """Why a statement may do in the target what it could not do here; empty where nothing excuses it."""
        if self.clock is None and _may_want_rows(error, found):
            return f"it may fail for want of rows alone, of which a clone has none. {error.problem}"
        if _state(error) == _UNDEFINED_OBJECT:  # the server names it, in whatever language
            for name in self.lacking:
                if f'"{name}"' in error.problem or name in {one.value for one in found}:
                    return f"its tablespace {quoted(name)} is one that the clone's server has not. {error.problem}"
        return ""

    def end(self) -> None:
        if self._watch is not None:
            watch, self._watch = self._watch, None
            watch.end()

    def _before(self, event: Event) -> Answer:
        text = event.get("executed") or event["sql"]
        parts = commands.split(text)
        # Only what the driver has filled in can be run in parts; the others take one statement at a time anyway.
        parts = parts if event.get("executed") and len(parts) > 1 else (text,)
        self._waiting = [self._parsed(part, event) for part in parts]
        answer: dict[str, Any] = dict(go())
        if len(parts) > 1:
            answer["parts"] = list(parts)
        if event["autocommit"]:
            verbs = [one for waiting in self._waiting for one in waiting.commands]
            if any(one.verb in _ALONE or "CONCURRENTLY" in one.options for one in verbs) and len(parts) == 1:
                if not any(one.verb == "REFRESH MATERIALIZED VIEW" for one in verbs):
                    self._watch = self._watching(verbs)
                else:
                    answer["wrap"] = True
            elif not any(one.verb in _CONTROL for one in verbs):
                answer["wrap"] = True
        if self.clock is not None:
            self.clock.start()
        return answer

    def _watching(self, verbs: Sequence[Command]) -> Watch:
        named = {f"{quoted(one.schema)}.{quoted(one.name)}" for one in verbs if one.name}
        for one in verbs:
            named |= {f"{quoted(schema)}.{quoted(name)}" for schema, name in one.objects}
        known = {one.name: one for one in self.looks.relations.by_oid.values()}
        held = []
        for name in sorted(named):
            relation = known.get(name)
            if relation is None:
                continue
            table = self.looks.relations.by_oid.get(relation.parent, relation)
            if table.kind in ("table", "partitioned table"):  # the server locks nothing else by hand
                held.append(table.name)
        return Watch(self.here.settings, self.here.worker.backend_pids, tuple(held))

    def _parsed(self, text: str, event: Event) -> _Waiting:
        found = commands.parse(text, resolve=self.looks.of_relation)
        statement = Statement(
            number=0,
            revision=self.revision,
            sql=text.strip().rstrip(";").rstrip() if found and found[0].verb != "?" else text.strip(),
            line=event["line"],
            bookkeeping=event["line"] is None and self._is_bookkeeping(found),
        )
        return _Waiting(statement=statement, commands=found, outside=bool(event["autocommit"]))

    def _is_bookkeeping(self, found: Sequence[Command]) -> bool:
        return bool(found) and all(one.verb in _DATA and one.name == self.version_table[1] for one in found)

    def _last(self, event: Event) -> None:
        waiting = self._waiting.pop(0)
        if self._watch is None:
            self._behind(waiting, event["observed"], event["seconds"], rows=bool(event.get("returns_rows")))
            return
        watch, self._watch = self._watch, None
        seen = watch.end()
        self._read_clock(event["observed"], event["seconds"])
        effects = self.looks.outside(seen, relations.read(self.here.connection))
        measured = bool(effects.locks) or not self._needs_locks(waiting.commands)
        self._put(waiting, effects, measured=measured, why="" if measured else NOT_SEEN)

    def _needs_locks(self, found: Sequence[Command]) -> bool:
        """Whether a statement is about a relation that existed before, so that it must have locked something."""
        there = {one.name for one in self.looks.relations.by_oid.values()}
        named = {f"{quoted(one.schema)}.{quoted(one.name)}" for one in found if one.name}
        named |= {f"{quoted(schema)}.{quoted(name)}" for one in found for schema, name in one.objects}
        return bool(named & there)

    def _behind(
        self, waiting: _Waiting, answer: Mapping[str, Any], seconds: float | None, *, rows: bool = False
    ) -> None:
        self._read_clock(answer, seconds)
        self._put(waiting, self.looks.inside(answer), rows=rows)

    def _read_clock(self, answer: Mapping[str, Any], seconds: float | None) -> None:
        if self.clock is not None:
            self.clock.stop(answer["wal"], seconds)

    def _put(
        self, waiting: _Waiting, effects: Effects, *, rows: bool = False, measured: bool = True, why: str = ""
    ) -> None:
        verbs = {one.verb for one in waiting.commands}
        emptied = verbs == {"TRUNCATE"}  # new files, and nothing to read or to write
        statement = replace(
            waiting.statement,
            transaction=0 if waiting.outside else self._number(effects.transaction),
            locks=effects.locks,
            rewrites=() if emptied else effects.rewrites,
            # which way the planner reads an empty table tells nothing about a full one
            scans=() if emptied or _has_choice(waiting.commands) else self._scans(effects),
            index_builds=() if emptied else effects.index_builds,
            created=effects.created,
            dropped=effects.dropped,
            reads=self._reads(waiting.commands, effects, rows=rows),
            measured=measured,
            why=why,
            seconds=self.clock.seconds if self.clock else None,
            wal_bytes=self.clock.wal_bytes if self.clock else None,
        )
        self._add(statement, waiting.commands)

    def _scans(self, effects: Effects) -> tuple[str, ...]:
        """What was read whole; with a foreign key also what it refers to, which no empty table is looked up in.

        Of filled tables both sides are read: RI_Initial_Check in ri_triggers.c joins them, and opens both to read.
        """
        if not effects.scans:
            return ()
        opened = {Mode.ACCESS_SHARE, Mode.ROW_SHARE}
        beside = {lock.relation for lock in effects.locks if lock.kind == "table" and lock.mode in opened}
        return tuple(sorted(beside | set(effects.scans)))

    def _reads(self, found: Sequence[Command], effects: Effects, *, rows: bool) -> tuple[str, ...]:
        """Tables whose rows decide what the migration does next."""
        if any(one.verb in _RUNS_CODE for one in found):
            return tuple(sorted({lock.relation for lock in effects.locks} & set(effects.looked_at)))
        if not rows or not any(one.verb in _DATA for one in found):
            return ()
        there = {one.name for oid, one in self.looks.relations.by_oid.items() if oid in self.looks.relations}
        named = {f"{quoted(schema)}.{quoted(name)}" for one in found for schema, name in one.sources}
        new = {lock.relation for lock in effects.locks if lock.kind in relations.TABLES}
        return tuple(sorted((named | (new & set(effects.looked_at))) & there))

    def _number(self, transaction: str) -> int:
        return self._transactions.setdefault(transaction, len(self._transactions) + 1)

    def _add(self, statement: Statement, found: tuple[Command, ...]) -> None:
        if not statement.error and _only_reads_the_catalog(found):
            self.questions += 1
            return
        if not statement.bookkeeping:
            statement = replace(statement, number=len(self.commands) + 1)
            self.commands[statement.number] = found
            if self.clock is not None:
                self.periods[statement.number] = self.clock.period
        self.statements.append(statement)


class _Clock:
    """Seconds and bytes of WAL of one statement after the other; others on that server add to the bytes."""

    def __init__(self, here: Visit) -> None:
        self.connection = here.connection
        self.period = (0.0, 0.0)
        self.seconds = 0.0
        self.wal_bytes = 0
        self._began, self._position = 0.0, 0

    def start(self) -> None:
        """A statement is about to run."""
        written = self.connection.exec_driver_sql("SELECT pg_catalog.pg_current_wal_insert_lsn()::text").scalar_one()
        self._began, self._position = time.monotonic(), _bytes(written)

    def stop(self, written: str, seconds: float | None) -> None:
        """It has run, in `seconds` by the worker's clock where that is known. The next one follows at once."""
        now = time.monotonic()
        self.period = (self._began, now)
        self.seconds = now - self._began if seconds is None else seconds
        self.wal_bytes = max(0, _bytes(written) - self._position)
        self._began, self._position = now, _bytes(written)


def _bytes(position: str) -> int:
    high, _, low = position.partition("/")
    return (int(high, 16) << 32) + int(low, 16)


def _only_reads_the_catalog(found: Sequence[Command]) -> bool:
    return bool(found) and all(
        one.verb == "SELECT" and one.sources and {schema for schema, _ in one.sources} <= _CATALOGS for one in found
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waiting:
    """A statement that is about to run."""

    statement: Statement
    commands: tuple[Command, ...]
    outside: bool


def _has_choice(found: Sequence[Command]) -> bool:
    """Whether the planner decides how rows are found; COPY of a table reads all of them."""
    return all(one.verb in _DATA and not (one.verb == "COPY" and one.name) for one in found)


def _state(error: OpsError) -> str:
    """The SQLSTATE of what the server refused; empty where it was not the server."""
    return getattr(error, "sqlstate", None) or ""


def _may_want_rows(error: OpsError, found: Sequence[Command]) -> bool:
    """Whether a statement may do on a table with rows what it could not do on an empty one."""
    state = _state(error)
    if state == _FOREIGN_KEY:
        return any(one.verb in _DATA for one in found)
    reads = any(one.verb in _RUNS_CODE or one.sources or (one.verb == "SELECT" and one.functions) for one in found)
    return reads and state.startswith(_OF_VALUES)
