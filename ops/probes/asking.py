"""Puts the questions of a plan to the live database, each with its own time, in a transaction that can only read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ops.catalog import Catalog
from ops.commands import Command
from ops.errors import ConnectError, UsageError
from ops.probes import changes, constraints, deletes, dependants, effects, inserts, names, partitions, types
from ops.probes.known import Known, Name
from ops.probes.place import Place
from ops.probes.state import State
from ops.probes.values import Probe, Question
from ops.statement import Statement
from ops.values import Verdict

if TYPE_CHECKING:
    from sqlalchemy import Connection

_ASKED: dict[str, tuple[Callable[[Place, Command], Iterator[Question]], ...]] = {
    "SET NOT NULL": (constraints.not_null,),
    **{verb: (asked,) for verb, asked in constraints.ADDED.items()},
    "ADD COLUMN": (constraints.add_column,),
    "VALIDATE CONSTRAINT": (constraints.validate,),
    "ALTER CONSTRAINT": (constraints.alter_constraint,),
    "CREATE INDEX": (constraints.create_index,),
    "INSERT": (inserts.insert,),
    "UPDATE": (changes.update,),
    "DELETE": (deletes.delete,),
    "ALTER COLUMN TYPE": (types.alter_type,),
    "ALTER DOMAIN": (types.alter_domain,),
    **dict.fromkeys(("ADD VALUE", "RENAME VALUE"), (types.label,)),
    "CREATE PARTITION": (partitions.create_partition,),
    "ATTACH PARTITION": (partitions.attach,),
    "DROP COLUMN": (dependants.dropped_column,),
    "DROP CONSTRAINT": (dependants.dropped_constraint,),
    **{
        f"DROP {one}": (dependants.dropped,)
        for one in (
            *("TABLE", "VIEW", "MATERIALIZED VIEW", "SEQUENCE", "INDEX", "FOREIGN TABLE", "TYPE", "DOMAIN"),
            *("FUNCTION", "PROCEDURE", "AGGREGATE", "ROUTINE", "SCHEMA", "EXTENSION"),
        )
    },
}

# The passes of an ALTER TABLE: what it drops goes first, constraints come last, in whatever order they are written.
_FIRST = {"DROP COLUMN": 0, "DROP CONSTRAINT": 0, "ALTER COLUMN TYPE": 1, "ADD COLUMN": 2}
_COLUMN_ATTRIBUTES = frozenset({"SET NOT NULL", "DROP NOT NULL", "SET DEFAULT", "DROP DEFAULT"})


def ask(
    connection: Connection,
    statements: Sequence[Statement],
    commands: Mapping[int, tuple[Command, ...]],
    catalog: Catalog,
    *,
    timeout: str = "5s",
) -> tuple[Probe, ...]:
    """Return what the live database says about each statement of a plan that can fail on what is in it.

    `connection` is one of ours to the live database, `catalog` what that database held before the plan, `commands` what
    each statement does, by its number. Every question has `timeout`, as PostgreSQL writes a time. Nothing is locked
    that an ordinary query does not lock; nothing is written. The session is left as it was.

    Raises
    ------
    UsageError
        The timeout is none that limits anything.
    ConnectError
        The connection broke.
    """
    driver: Any = connection.connection.driver_connection
    session = _Session(driver, timeout)
    state = State(Known(catalog), session.path, session.harmless)
    questions = list(_questions(state, statements, commands, session.version))
    return tuple(session.answers(questions))


def _questions(
    state: State, statements: Sequence[Statement], commands: Mapping[int, tuple[Command, ...]], version: int
) -> Iterator[Question]:
    for statement in statements:
        if statement.bookkeeping:
            continue
        place = Place(state=state, number=statement.number, version=version)
        skipped: set[str] = set()
        for command in sorted(commands.get(statement.number, ()), key=_pass):
            if _already_there(state, command, skipped):
                continue
            if "IN TABLE" not in command.options:
                yield from names.questions(place, command)
                for asked in _ASKED.get(command.verb, ()):
                    yield from asked(place, command)
            filled = state.of(command) if command.verb in ("INSERT", "MERGE", "COPY") else None
            rows = inserts.poured(place, command, filled) if filled else ""
            given = [name for name, _ in names.wanted(place, command)]
            effects.apply(state, statement.number, command)
            if filled and rows:
                filled.poured.append(rows)
            elif filled:
                filled.unfollowed = filled.unfollowed or statement.number
            for name in given:
                for key in names.keys(name):
                    state.claim(*key)


def _pass(command: Command) -> int:
    if command.verb in _COLUMN_ATTRIBUTES:
        return 3
    return _FIRST.get(command.verb, 4 if command.verb in constraints.ADDED else 2)


def _already_there(state: State, command: Command, skipped: set[str]) -> bool:
    """Whether IF NOT EXISTS makes a command do nothing; so do the constraints then that stand inside of it."""
    if command.options & {"IN COLUMN", "IN TABLE"} and skipped & {command.column, "*"}:
        return True
    if "IF NOT EXISTS" not in command.options:
        return False
    table = state.of(command) if command.verb in ("ADD COLUMN", "CREATE TABLE", "CREATE PARTITION") else None
    if table and (command.verb != "ADD COLUMN" or command.column in table.columns):
        skipped.add(command.column if command.verb == "ADD COLUMN" else "*")
        return True
    return False


# The limit is read back as a number of seconds, whatever its unit.
_BEGIN = """
    BEGIN READ ONLY;
    SET LOCAL standard_conforming_strings = on;
    SET LOCAL row_security = off;
    SET LOCAL jit = off;
    SET LOCAL statement_timeout = %s;
    SELECT extract(epoch FROM current_setting('statement_timeout')::interval)::float8,
           extract(epoch FROM %s::interval)::float8
"""
_VOLATILE = """
    SELECT DISTINCT p.proname::text FROM pg_catalog.pg_proc p WHERE p.proname = ANY (%s) AND p.provolatile = 'v'
"""
# By name and not by regclass, which a role without USAGE of the schema may not have.
_RESTRICTED = """
    SELECT bool_or(row_security_active(c.oid)) FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE quote_ident(n.nspname) || '.' || quote_ident(c.relname) = ANY (%s)
"""


class _Session:
    """Our side of the connection: psycopg2, in autocommit mode."""

    def __init__(self, driver: Any, timeout: str) -> None:
        self.driver = driver
        # a number alone is milliseconds to the server, and would be seconds as an interval
        self.timeout = f"{timeout}ms" if timeout.isdigit() else timeout
        self._volatile: dict[str, bool] = {}
        version, path = self._one("SELECT current_setting('server_version_num')::int, current_schemas(false)::text[]")
        self.limit()
        self.version: int = version
        self.path: list[str] = path

    def _one(self, query: str, *values: object) -> tuple[Any, ...]:
        import psycopg2

        try:
            with self.driver.cursor() as cursor:
                cursor.execute(query, values or None)
                return tuple(cursor.fetchone())
        except psycopg2.Error as error:
            raise _lost(error) from None

    def harmless(self, functions: Iterable[Name]) -> bool:
        """Whether functions only compute: none of their names is that of a volatile one."""
        import psycopg2

        missing = sorted({name for _, name in functions} - self._volatile.keys())
        if missing:
            try:
                with self.driver.cursor() as cursor:
                    cursor.execute(_VOLATILE, (missing,))
                    volatile = {name for (name,) in cursor.fetchall()}
            except psycopg2.Error as error:
                raise _lost(error) from None
            self._volatile.update({name: name in volatile for name in missing})
        return not any(self._volatile[name] for _, name in functions)

    def answers(self, questions: Sequence[Question]) -> Iterator[Probe]:
        """Yield the answer to each question."""
        named = {id(one): one for one in questions if one.name}
        found, seconds = self._names([one.name for one in named.values() if one.name])
        positions = {key: number for number, key in enumerate(named, 1)}
        for one in questions:
            if one.doubt.settled:
                yield _probe(one, Verdict.UNKNOWN, why=one.doubt.none)
            elif one.known is not None:
                yield _judged(one, one.known, (), False, 0.0)
            elif one.name:
                count = names.taken(found.get(positions[id(one)], []), one.gone)
                yield _judged(one, count, (), False, seconds / len(named))
            else:
                yield self._answer(one)

    def _names(self, wanted: Sequence[tuple[str, str, str]]) -> tuple[dict[int, list[tuple[Any, Any]]], float]:
        import psycopg2

        found: dict[int, list[tuple[Any, Any]]] = {}
        if not wanted:
            return found, 0.0
        begun = time.monotonic()
        try:
            with self.driver.cursor() as cursor:
                cursor.execute(names.QUERY, tuple(list(column) for column in zip(*wanted, strict=True)))
                for position, schema, table in cursor.fetchall():
                    found.setdefault(position, []).append((schema, table))
        except psycopg2.Error as error:
            raise _lost(error) from None
        return found, time.monotonic() - begun

    def _answer(self, question: Question) -> Probe:
        """Ask one question; once more without keys, where the role may not read those."""
        import psycopg2

        begun = time.monotonic()
        for sql in dict.fromkeys(one for one in (question.sql, question.without_keys) if one):
            try:
                rows = self._run(question, sql)
            except psycopg2.Error as error:
                refused = error
                if self.driver.closed:
                    raise _lost(error) from None
                if error.pgcode != _NO_RIGHT:
                    break
                continue
            seconds = time.monotonic() - begun
            if question.dependants and dependants.is_missing(rows) and not question.made:
                return _probe(question, Verdict.UNKNOWN, seconds=seconds, why="it is not on live under this name")
            if question.dependants:
                left = dependants.remaining(rows, question.gone)
                return _judged(question, len(left), tuple(left[:5]), len(rows) > dependants.MOST, seconds)
            ((count, samples, more),) = rows
            return _judged(question, count, tuple(one for one in samples or () if one is not None), more, seconds)
        return self._refused(question, refused, time.monotonic() - begun)

    def limit(self) -> None:
        """See that the server takes the timeout for what it is."""
        import psycopg2

        try:
            with self._reading():
                pass
        except psycopg2.DataError as error:
            raise _no_time(self.timeout, str(error.diag.message_primary)) from None
        except psycopg2.Error as error:
            raise _lost(error) from None

    @contextmanager
    def _reading(self) -> Iterator[Any]:
        """A transaction that can only read, has the timeout, and leaves nothing."""
        with self.driver.cursor() as cursor:
            try:
                cursor.execute(_BEGIN, (self.timeout, self.timeout))
                is_set, wanted = cursor.fetchone()
                if not is_set or is_set != wanted:
                    raise _no_time(self.timeout, f"the server made {is_set:g} s of it")
                yield cursor
            finally:
                if not self.driver.closed:
                    cursor.execute("ROLLBACK")

    def _run(self, question: Question, sql: str) -> list[tuple[Any, ...]]:
        with self._reading() as cursor:
            if question.search_path:
                cursor.execute("SELECT set_config('search_path', %s, true)", (question.search_path,))
            cursor.execute(sql)
            return list(cursor.fetchall())

    def _refused(self, question: Question, error: Any, seconds: float) -> Probe:
        """What it means that the server refused: a violation where the query tried what the statement will do."""
        state = error.pgcode or ""
        if question.evaluates and state[:2] in _OF_VALUES:
            return _judged(question, 1, (), True, seconds, why=_named(state))
        if state == _NO_RIGHT:
            restricted = question.tables and self._one(_RESTRICTED, list(question.tables))[0]
            why = _HIDDEN if restricted else f"the role may not look: {_first_line(error)}"
        elif state == _CANCELED:
            why = f"it was not answered within {self.timeout}"
        elif state == _LOCKED:
            why = "another session holds a lock that even reading waits for"
        elif state[:2] == "42":
            why = f"the server cannot answer it: {_first_line(error)}"
        else:
            why = f"the server refused: {_named(state)}"  # what it says in full may hold a value
        return _probe(question, Verdict.UNKNOWN, seconds=seconds, why=why)


def _no_time(timeout: str, why: str) -> UsageError:
    return UsageError(f"A probe cannot have {timeout!r} as its time: {why}.", next_step="Give a time such as 5s.")


_NO_RIGHT, _CANCELED, _LOCKED = "42501", "57014", "55P03"
_OF_VALUES = ("22", "23")  # data exceptions, broken constraints
_HIDDEN = "row security may hide rows from this role"


def _judged(
    question: Question, count: int, samples: tuple[str, ...], more: bool, seconds: float, *, why: str = ""
) -> Probe:
    doubt = question.doubt.some if count else question.doubt.none
    verdict = Verdict.UNKNOWN if doubt else Verdict.ATTENTION if count else Verdict.OK
    return _probe(
        question,
        verdict,
        violations=count,
        at_least=more,
        samples=samples,
        seconds=seconds,
        why=doubt or why or (question.why if count else ""),
    )


def _probe(question: Question, verdict: Verdict, **values: Any) -> Probe:
    return Probe(
        statement=question.statement,
        question=question.words,
        verdict=verdict,
        breaks=question.breaks,
        sql="" if question.doubt.settled else question.sql,
        **values,
    )


def _first_line(error: Any) -> str:
    return str(error.diag.message_primary or type(error).__name__).rstrip(".")


def _named(state: str) -> str:
    """What an error is called, without what the server says of it."""
    from psycopg2 import errorcodes

    try:
        return errorcodes.lookup(state).lower().replace("_", " ")
    except KeyError:
        return f"SQLSTATE {state}"


def _lost(error: Any) -> ConnectError:
    said = " ".join(str(error).split()).rstrip(".")
    return ConnectError(
        f"The live database could not be asked: {said}.",
        next_step="See whether the server runs, then make the plan again.",
        code="connection-lost",
    )
