"""Will rows that a plan puts in break what their table demands: NOT NULL, a length, a check, a key, a reference.

One question for each INSERT: its rows are computed as they would be now, and those that something is against are
counted. What stands for them in a report are the names of what they break, never their values.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ops.catalog.names import quoted
from ops.commands import Command
from ops.commands.expressions import mentioned
from ops.probes import source
from ops.probes.place import Place
from ops.probes.state import Column, Table
from ops.probes.updates import OWN
from ops.probes.values import Doubt, Question

MOST = 64
"""After so many INSERTs into one table nobody follows what they have put in any more."""

_NUMBER = "alembic_ops_number"
_PARAMETER = re.compile(r"\$\d")
_LENGTH = re.compile(r"(?P<base>character varying|character|bpchar|bit varying|bit)\((?P<length>\d+)\)\Z")
_CUT = re.compile(r"(?:character varying|character|bpchar|bit varying|bit)\(\d+\)")


def insert(place: Place, command: Command) -> Iterator[Question]:
    """Whether rows that are put in break something; nothing is asked where nothing is demanded."""
    table = place.state.of(command)
    if table is None or table.name[0] == "pg_temp" or table.kind != "table":
        return
    rows = _Rows(place, command, table)
    demands = [*rows.demands()]
    if rows.is_filled_in_later and not command.sources:
        # whatever needs no other rows is proved by running it on the clone
        demands = [one for one in demands if one.with_others and table.live is not None]
    if not demands:
        return
    words = f"Do rows that are put into {table.sql} break what it demands?"
    doubt = rows.doubt(demands)
    if doubt.settled:
        yield place.ask(words, doubt=doubt)
        return
    yield place.ask(
        words,
        sql=rows.counted(demands),
        evaluates=True,
        tables=tuple(one.on_live for one in rows.read),
        doubt=doubt,
    )


class _Demand:
    """One thing that a table demands: its name, the rows that break it, and the columns that decide."""

    def __init__(
        self, name: str, broken: str, columns: Iterable[str], doubt: Doubt | None = None, *, with_others: bool = False
    ) -> None:
        """`with_others`: it is about a row beside others, so that a clone without rows proves nothing."""
        self.with_others = with_others
        self.name = name
        self.broken = broken
        self.columns = tuple(columns)
        self.doubt = doubt or Doubt()


class _Rows:
    """The rows of one INSERT, as a query over what is on live now."""

    def __init__(self, place: Place, command: Command, table: Table) -> None:
        self.place, self.command, self.table = place, command, table
        self.given = command.columns or (tuple(table.columns) if table.live is None else ())
        self.read = [table] if table.live else []
        self.alias = quoted(table.name[1])

    # -- the rows ----------------------------------------------------------------------------------

    def sql(self) -> str:
        """The new rows under the names of the table's columns, each with a number."""
        names = ", ".join(f"n{number}" for number in range(1, len(self.given) + 1))
        inputs = {name: f"n{number}" for number, name in enumerate(self.given, 1)}
        values = ", ".join(f"{self._value(one, inputs)} AS {quoted(one.name)}" for one in self.table.columns.values())
        query = f"({self.command.expression})" if self.given else "(SELECT)"
        put = f"{query} AS alembic_ops_put{f' ({names})' if names else ''}"
        return f"(SELECT row_number() OVER () AS {_NUMBER}, {values} FROM {put})"

    def _value(self, column: Column, inputs: dict[str, str]) -> str:
        text = inputs.get(column.name) or ("" if self._own(column) else self._default(column)) or "NULL"
        type_ = _LENGTH.sub(lambda found: found["base"], column.type)  # a cast would cut to a length
        type_ = "bpchar" if type_ == "character" else "bit varying" if type_ == "bit" else type_
        return f"CAST({text} AS {type_})" if type_ else text

    def _default(self, column: Column) -> str:
        return column.value if column.live is None else str(self._on_live(column).get("default") or "")

    def _on_live(self, column: Column) -> dict[str, object]:
        if column.live is None or self.table.live is None:
            return {}
        return self.place.known.get("column", *self.table.live, column.live) or {}

    def _own(self, column: Column) -> bool:
        """Whether each new row gets a value of its own, as from a sequence."""
        if column.name in self.given:
            return False
        called = mentioned(self._default(column)).functions if self._default(column) else ()
        return bool(column.own or self._on_live(column).get("identity") or any(name in OWN for _, name in called))

    # -- what is demanded --------------------------------------------------------------------------

    def demands(self) -> Iterator[_Demand]:
        """Everything that the table demands of its rows and that these may break."""
        new = f"new AS {self.alias}"
        for column in self.table.columns.values():
            name = quoted(column.name)
            if column.generated or self._own(column):
                continue
            if column.not_null:
                yield _Demand(f"NOT NULL {column.name}", _where(new, source.absent(name)), [column.name])
            length = _LENGTH.match(column.type)
            if length and column.name in self.given:
                yield _Demand(f"{column.name} {column.type}", _where(new, _too_long(name, length)), [column.name])
        for one in self._constraints():
            yield from self._demanded(one, new)

    def _constraints(self) -> Iterator[Command]:
        state, table = self.place.state, self.table
        if table.live:
            for one in (*self.place.known.constraints(table.live), *self.place.known.indexes(table.live)):
                name = one.constraint
                gone = name in table.constraints if name else (table.live[0], one.index) in state.indexes
                if not gone:
                    yield one
        yield from (one for one in table.constraints.values() if one)
        for (schema, _), index in state.indexes.items():
            if index and schema == table.name[0] and index.name == table.name[1]:
                yield index

    def _demanded(self, one: Command, new: str) -> Iterator[_Demand]:
        name = one.constraint or one.index or one.verb.removeprefix("ADD ").lower()
        if "NOT ENFORCED" in one.options:
            return
        if one.verb == "ADD CHECK":
            columns, doubt = self._mentioned(one.expression)
            yield _Demand(name, _where(new, f"({one.expression}) IS FALSE"), columns, doubt)
        elif one.verb == "ADD FOREIGN KEY" and one.references:
            yield from self._referring(one, name, new)
        elif one.verb in ("ADD UNIQUE", "ADD PRIMARY KEY") or (one.verb == "CREATE INDEX" and "UNIQUE" in one.options):
            yield from self._unique(one, name, new)
            if one.verb == "ADD PRIMARY KEY" and self.table.live is None:
                for column in one.columns:
                    if not self._own(self.table.columns[column]):
                        yield _Demand(f"NOT NULL {column}", _where(new, source.absent(quoted(column))), [column])
        elif one.verb == "ADD EXCLUDE":
            why = Doubt.of(f"no query is known for the exclusion {name}")
            yield _Demand(name, "", one.columns, why, with_others=True)

    def _referring(self, one: Command, name: str, new: str) -> Iterator[_Demand]:
        assert one.references is not None
        if not {*one.columns} & {*self.given} and not any(self._default(self.table.columns[n]) for n in one.columns):
            return  # it refers to nothing
        parent = self.place.state.find(self.place.state.full(*one.references[:2]))
        to = one.references[2] or (parent.key if parent else ())
        if parent is None or parent.live is None or "PERIOD" in one.options or len(to) != len(one.columns):
            yield _Demand(name, "", one.columns, Doubt.of(f"what {name} refers to is not on live as it will be"))
            return
        self.read.append(parent)
        itself = parent is self.table
        there = source.rows(parent, to, key=False, only=parent.partition_key is None, name="alembic_ops_parent")
        pairs = " AND ".join(
            f"alembic_ops_parent.{quoted(its)} = {self.alias}.{quoted(own)}"
            for own, its in zip(one.columns, to, strict=True)
        )
        lacks = [source.present(f"{self.alias}.{quoted(column)}") for column in one.columns]
        lacks.append(f"NOT EXISTS (SELECT FROM {there} WHERE {pairs})")
        if itself:
            lacks.append(f"NOT EXISTS (SELECT FROM new AS alembic_ops_parent WHERE {pairs})")
        doubt = self.place.state.doubt(parent, to, growing=False) if not itself else Doubt()
        yield _Demand(name, _where(new, " AND ".join(lacks)), one.columns, doubt)

    def _unique(self, one: Command, name: str, new: str) -> Iterator[_Demand]:
        columns, doubt = self._mentioned(*one.elements, *([one.where] if one.where else ()))
        if any(self._own(self.table.columns[column]) for column in columns):
            return
        if "ON CONFLICT" in self.command.options:
            if "DO NOTHING" not in self.command.options:
                why = Doubt.of("what ON CONFLICT makes of other rows is not followed")
                yield _Demand(name, "", (), why, with_others=True)
            return
        table, condition = self.table, f" WHERE {one.where}" if one.where else ""
        elements = ", ".join(f"({text}) AS e{number}" for number, text in enumerate(one.elements, 1))
        mine = f"(SELECT {_NUMBER}, {elements} FROM {new}{condition})"
        there = [f"(SELECT {elements} FROM {poured} AS {self.alias}{condition})" for poured in table.poured]
        if table.live and not table.empty:
            held = source.rows(table, columns, key=False, only=table.partition_key is None)
            there.append(f"(SELECT {elements} FROM {held}{condition})")
            found = self.place.state.doubt(table, columns)
            doubt |= found if found.settled else Doubt(some=found.some)
        if table.unfollowed:
            doubt |= Doubt(none=f"statement {table.unfollowed} puts rows into {table.sql} before")
        nulls_equal = "NULLS NOT DISTINCT" in one.options
        numbers = range(1, len(one.elements) + 1)
        equal = "IS NOT DISTINCT FROM" if nulls_equal else "="
        pairs = " AND ".join(f"mine.e{number} {equal} theirs.e{number}" for number in numbers)
        filled = "true" if nulls_equal else " AND ".join(source.present(f"e{number}") for number in numbers)
        alike = ", ".join(f"e{number}" for number in numbers)
        # each by itself, so that the server can hash: one OR of them would compare every row with every other
        taken = [f"SELECT {_NUMBER} FROM {mine} AS mine WHERE EXISTS (SELECT FROM {held} AS theirs WHERE {pairs})"
                 for held in there]  # fmt: skip
        sizes = f"SELECT {_NUMBER}, count(*) OVER (PARTITION BY {alike}) AS size FROM {mine} AS mine WHERE {filled}"
        broken = " UNION ALL ".join([*taken, f"SELECT {_NUMBER} FROM ({sizes}) AS sized WHERE size > 1"])
        yield _Demand(name, broken, columns, doubt, with_others=True)

    def _mentioned(self, *texts: str) -> tuple[tuple[str, ...], Doubt]:
        """The columns that expressions mention, and what stands against computing them for new rows."""
        found = mentioned(*texts)
        doubt = self.place.calls(found.functions)
        if found.columns is None or not found.columns <= self.table.columns.keys():
            return (), doubt | Doubt.of("what it demands of the whole row is not followed")
        return tuple(sorted(found.columns)), doubt

    # -- asking ------------------------------------------------------------------------------------

    @property
    def is_filled_in_later(self) -> bool:
        """Whether its values are handed to the driver beside its text."""
        return _PARAMETER.search(re.sub(r"'(?:[^']|'')*'", "''", self.command.expression)) is not None

    def doubt(self, demands: Iterable[_Demand]) -> Doubt:
        """What stands against an answer."""
        state, command = self.place.state, self.command
        found = Doubt()
        if state.anything:
            return Doubt.of(f"statement {state.anything} may write rows of any table before")
        if self.table.triggers:
            return Doubt.of("a trigger or a rule of the table may change them")
        if not command.columns and self.table.live is not None:
            return Doubt.of("it does not name its columns")
        if not command.expression and command.columns:
            return Doubt.of("its rows cannot be read from its text")
        if self.is_filled_in_later:
            return Doubt.of("its values are not in its text")
        if len([*state.family(self.table)]) > 1 or self.table.partition_key is not None:
            return Doubt.of("rows of partitions, and of tables that inherit, are not followed")
        if not {*self.given} <= self.table.columns.keys():
            return Doubt.of("it names a column that is not known")
        if len(self.table.poured) >= MOST:
            return Doubt.of(f"more than {MOST} statements put rows into it before")
        found |= self._sources()
        calls = [one for one in command.functions if one[1] not in OWN]
        found |= self.place.calls(calls)
        if any(name in OWN for _, name in command.functions):
            found |= Doubt.of("it calls what gives another value each time")
        for one in demands:
            found |= one.doubt
        needed = {name for one in demands for name in one.columns} - {*self.given}
        for name in sorted(needed & self.table.columns.keys()):
            column = self.table.columns[name]
            default = self._default(column)
            if column.generated:
                found |= Doubt.of(f"{name} is computed, and that is not followed")
            elif self._own(column):
                found |= Doubt.of(f"{name} gets a value of its own")
            elif default:
                found |= self.place.calls(mentioned(default).functions)
        return found

    def _sources(self) -> Doubt:
        """What stands against reading the query's tables now."""
        found = Doubt()
        for schema, name in self.command.sources:
            one = self.place.state.find(self.place.state.full(schema, name))
            if one is None or one.live != one.name or any(map(_differs, one.columns.values())):
                return Doubt.of(f"{name}, which its rows come from, is not on live as it will be")
            told = self.place.state.doubt(one, None)
            if told.none or told.some:
                return Doubt.of(told.none or told.some)
            self.read.append(one)
        return found

    def counted(self, demands: Iterable[_Demand]) -> str:
        """The query that counts the rows that break something, with the names of what they break."""
        parts = "\n    UNION ALL ".join(
            f"SELECT {_literal(one.name)} AS what, broken.{_NUMBER} AS number FROM ({one.broken}) AS broken"
            for one in demands
        )
        # They are computed in any case: what cannot be computed fails here as it will then.
        return (
            f"WITH new AS MATERIALIZED {self.sql()},\nbroken AS (\n    {parts})\n"
            "SELECT (SELECT count(DISTINCT number) FROM broken),\n"
            f"       ARRAY(SELECT DISTINCT what FROM broken ORDER BY what LIMIT {source.SAMPLES}),\n"
            "       (SELECT count(*) FROM new) < 0"
        )


def poured(place: Place, command: Command, table: Table) -> str:
    """Return the rows of an INSERT as a query, for the questions behind it; empty where they cannot be told."""
    if command.verb != "INSERT":
        return ""
    rows = _Rows(place, command, table)
    return "" if rows.doubt(()).settled else rows.sql()


def _differs(column: Column) -> bool:
    return column.live != column.name or bool(column.computed)


def _where(table: str, condition: str) -> str:
    return f"SELECT {_NUMBER} FROM {table} WHERE {condition}"


def _too_long(name: str, length: re.Match[str]) -> str:
    most = int(length["length"])
    if length["base"].startswith("bit"):
        return f"length({name}) {'<>' if length['base'] == 'bit' else '>'} {most}"
    return f"btrim(substr({name}::text, {most + 1}), ' ') <> ''"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
