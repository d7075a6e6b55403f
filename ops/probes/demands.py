"""What a table demands of rows that a plan writes: NOT NULL, a length, a check, a key, a reference."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator

from ops.catalog.names import literal, quoted
from ops.commands import Command
from ops.commands.expressions import mentioned
from ops.probes import source
from ops.probes.place import Place
from ops.probes.state import Column, Table
from ops.probes.updates import OWN
from ops.probes.values import Doubt

NUMBER = "alembic_ops_number"
_LENGTH = re.compile(r"(?P<base>character varying|character|bpchar|bit varying|bit)\((?P<length>\d+)\)\Z")


class Demand:
    """One thing that a table demands: its name, the rows that break it, and the columns that decide."""

    def __init__(
        self,
        name: str,
        broken: str,
        columns: Iterable[str],
        doubt: Doubt | None = None,
        *,
        alone: bool = False,
        with_others: bool = False,
    ) -> None:
        """`alone`: it is about one value, whatever else is there.

        `with_others`: it is about a row beside others of its table, so that a clone without rows proves nothing.
        """
        self.alone = alone
        self.with_others = with_others
        self.name = name
        self.broken = broken
        self.columns = tuple(columns)
        self.doubt = doubt or Doubt()


class Written(ABC):
    """The rows that one statement writes, as a query over what is on live now: `new`, under the table's names."""

    adds = True
    """Whether they come to those that are there, and do not take their place."""

    def __init__(self, place: Place, command: Command, table: Table, given: tuple[str, ...]) -> None:
        """`given` are the columns that the statement sets."""
        self.place, self.command, self.table, self.given = place, command, table, given
        self.read = [table] if table.live else []
        self.alias = quoted(table.name[1])

    @property
    @abstractmethod
    def sql(self) -> str:
        """The rows, each with a number."""

    @abstractmethod
    def own(self, column: Column) -> bool:
        """Whether each row gets a value of its own, as from a sequence."""

    @abstractmethod
    def decides(self, columns: Iterable[str] | None) -> bool:
        """Whether the statement has a say in what some columns hold, all of them where None."""

    @abstractmethod
    def beside(self, columns: Iterable[str], elements: str, condition: str) -> list[str]:
        """What other rows hold, as queries: of the table on live, and of those that the plan put there before."""

    # -- what is demanded --------------------------------------------------------------------------

    def demands(self) -> Iterator[Demand]:
        """Everything that the table demands of its rows and that these may break."""
        new = f"new AS {self.alias}"
        for column in self.table.columns.values():
            name = quoted(column.name)
            if column.generated or self.own(column) or not self.decides([column.name]):
                continue
            if column.not_null:
                yield Demand(f"NOT NULL {column.name}", where(new, source.absent(name)), [column.name], alone=True)
            length = _LENGTH.match(column.type)
            if length and column.name in self.given:
                broken = where(new, _too_long(name, length))
                yield Demand(f"{column.name} {column.type}", broken, [column.name], alone=True)
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

    def _demanded(self, one: Command, new: str) -> Iterator[Demand]:
        name = one.constraint or one.index or one.verb.removeprefix("ADD ").lower()
        if "NOT ENFORCED" in one.options:
            return
        if one.verb == "ADD CHECK":
            columns, doubt = self.mentioned(one.expression)
            if self.decides(columns or None):
                yield Demand(name, where(new, f"({one.expression}) IS FALSE"), columns, doubt)
        elif one.verb == "ADD FOREIGN KEY" and one.references and self.decides(one.columns):
            yield from self._referring(one, name, new)
        elif one.verb in ("ADD UNIQUE", "ADD PRIMARY KEY") or (one.verb == "CREATE INDEX" and "UNIQUE" in one.options):
            yield from self._unique(one, name, new)
            if one.verb == "ADD PRIMARY KEY" and self.table.live is None:
                for column in one.columns:
                    if not self.own(self.table.columns[column]):
                        yield Demand(f"NOT NULL {column}", where(new, source.absent(quoted(column))), [column])
        elif one.verb == "ADD EXCLUDE" and self.decides(self.mentioned(*one.elements, one.where or "true")[0] or None):
            why = Doubt.of(f"no query is known for the exclusion {name}")
            yield Demand(name, "", one.columns, why, with_others=True)

    def refers(self, one: Command) -> bool:
        """Whether rows that are written refer to anything by a foreign key."""
        return True

    def moving(self, to: Iterable[str]) -> Doubt:
        """What stands against looking up among the rows of the table itself what they refer to."""
        return Doubt()

    def _referring(self, one: Command, name: str, new: str) -> Iterator[Demand]:
        assert one.references is not None
        if not self.refers(one):
            return
        parent = self.place.state.find(self.place.state.full(*one.references[:2]))
        to = one.references[2] or (parent.key if parent else ())
        if parent is None or parent.live is None or "PERIOD" in one.options or len(to) != len(one.columns):
            why = Doubt.of(f"what {name} refers to is not on live as it will be")
            yield Demand(name, "", one.columns, why)
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
        if itself and self.adds:
            lacks.append(f"NOT EXISTS (SELECT FROM new AS alembic_ops_parent WHERE {pairs})")
        doubt = self.place.state.doubt(parent, to, growing=False) if not itself else self.moving(to)
        yield Demand(name, where(new, " AND ".join(lacks)), one.columns, doubt)

    def leaves_to_others(self, one: Command, name: str) -> Iterator[Demand] | None:
        """What is demanded instead of a unique value, where the statement says what is done then; None otherwise."""
        return None

    def _unique(self, one: Command, name: str, new: str) -> Iterator[Demand]:
        columns, doubt = self.mentioned(*one.elements, *([one.where] if one.where else ()))
        if not self.decides(columns or None) or any(self.own(self.table.columns[column]) for column in columns):
            return
        instead = self.leaves_to_others(one, name)
        if instead is not None:
            yield from instead
            return
        table, condition = self.table, f" WHERE {one.where}" if one.where else ""
        elements = ", ".join(f"({text}) AS e{number}" for number, text in enumerate(one.elements, 1))
        mine = f"(SELECT {NUMBER}, {elements} FROM {new}{condition})"
        there = self.beside(columns, elements, condition)
        if table.live and not table.empty:
            found = self.place.state.doubt(table, columns)
            doubt |= found if found.settled else Doubt(some=found.some)
        if table.unfollowed:
            doubt |= Doubt(none=f"statement {table.unfollowed} puts rows into {table.sql} before")
        pairs, filled, alike = same(one, "mine", "theirs")
        # each by itself, so that the server can hash: one OR of them would compare every row with every other
        taken = [f"SELECT {NUMBER} FROM {mine} AS mine WHERE EXISTS (SELECT FROM {held} AS theirs WHERE {pairs})"
                 for held in there]  # fmt: skip
        sizes = f"SELECT {NUMBER}, count(*) OVER (PARTITION BY {alike}) AS size FROM {mine} AS mine WHERE {filled}"
        broken = " UNION ALL ".join([*taken, f"SELECT {NUMBER} FROM ({sizes}) AS sized WHERE size > 1"])
        yield Demand(name, broken, columns, doubt, with_others=True)

    def mentioned(self, *texts: str) -> tuple[tuple[str, ...], Doubt]:
        """The columns that expressions mention, and what stands against computing them for new rows."""
        found = mentioned(*texts)
        doubt = self.place.calls(found.functions)
        if found.columns is None or not found.columns <= self.table.columns.keys():
            return (), doubt | Doubt.of("what it demands of the whole row is not followed")
        return tuple(sorted(found.columns)), doubt

    # -- asking ------------------------------------------------------------------------------------

    def sources(self) -> Doubt:
        """What stands against reading the tables of the statement's query now."""
        found = Doubt()
        for schema, name in self.command.sources:
            one = self.place.state.find(self.place.state.full(schema, name))
            if one is None or not is_as_on_live(one):
                return Doubt.of(f"{name}, which its rows come from, is not on live as it will be")
            told = self.place.state.doubt(one, None)
            if told.none or told.some:
                return Doubt.of(told.none or told.some)
            self.read.append(one)
        return found

    def counted(self, demands: Iterable[Demand]) -> str:
        """The query that counts the rows that break something, with the names of what they break."""
        parts = "\n    UNION ALL ".join(
            f"SELECT {literal(one.name)} AS what, broken.{NUMBER} AS number FROM ({one.broken}) AS broken"
            for one in demands
        )
        # They are computed in any case: what cannot be computed fails here as it will then.
        return (
            f"WITH new AS MATERIALIZED {self.sql},\nbroken AS (\n    {parts})\n"
            "SELECT (SELECT count(DISTINCT number) FROM broken),\n"
            f"       ARRAY(SELECT DISTINCT what FROM broken ORDER BY what LIMIT {source.SAMPLES}),\n"
            "       (SELECT count(*) FROM new) < 0"
        )


def same(one: Command, mine: str, theirs: str) -> tuple[str, str, str]:
    """Return when two rows share what must be unique, when a row has it at all, and the elements, as SQL."""
    nulls_equal = "NULLS NOT DISTINCT" in one.options
    numbers = range(1, len(one.elements) + 1)
    equal = "IS NOT DISTINCT FROM" if nulls_equal else "="
    pairs = " AND ".join(f"{mine}.e{number} {equal} {theirs}.e{number}" for number in numbers)
    filled = "true" if nulls_equal else " AND ".join(source.present(f"e{number}") for number in numbers)
    return pairs, filled, ", ".join(f"e{number}" for number in numbers)


def written_as(column: Column, text: str) -> str:
    """Return a value as a column takes it, but for its length: a cast would cut to that."""
    type_ = _LENGTH.sub(lambda found: found["base"], column.type)
    type_ = "bpchar" if type_ == "character" else "bit varying" if type_ == "bit" else type_
    return f"CAST({text} AS {type_})" if type_ else text


def own_values(functions: Iterable[tuple[str, str]]) -> bool:
    """Return whether one of some functions gives each row a value of its own."""
    return any(name in OWN for _, name in functions)


def where(table: str, condition: str) -> str:
    """Return the query for the numbers of rows that meet a condition."""
    return f"SELECT {NUMBER} FROM {table} WHERE {condition}"


def is_as_on_live(table: Table) -> bool:
    """Return whether a query of a plan that reads a table finds there what it would find now."""
    same = all(one.live == name and not one.computed for name, one in table.columns.items())
    return table.live == table.name and same and not table.removed


def _too_long(name: str, length: re.Match[str]) -> str:
    most = int(length["length"])
    if length["base"].startswith("bit"):
        return f"length({name}) {'<>' if length['base'] == 'bit' else '>'} {most}"
    return f"btrim(substr({name}::text, {most + 1}), ' ') <> ''"
