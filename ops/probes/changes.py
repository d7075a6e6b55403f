"""Will rows that a plan changes break what their table demands, or leave rows behind that refer to what they were.

One question for each UPDATE: its rows are computed as they would be now, and those that something is against are
counted. What stands for them in a report are the names of what they break, never their values.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ops.catalog.names import quoted
from ops.commands import Command
from ops.commands.expressions import mentioned
from ops.probes import source
from ops.probes.demands import NUMBER, Demand, Written, own_values, same, written_as
from ops.probes.place import Place
from ops.probes.state import Column, Table
from ops.probes.updates import OWN, has_parameter, label_for, stand_in
from ops.probes.values import Doubt, Question

_AT = "alembic_ops_at"


def update(place: Place, command: Command) -> Iterator[Question]:
    """Whether rows that are changed break something; nothing is asked where nothing is demanded of what is set."""
    for table in place.table(command, "") if place.state.of(command) else ():
        if isinstance(table, Question) or table.live is None or table.kind != "table":
            return
        rows = _Changed(place, command, table)
        demands = [one for one in rows.demands() if not (rows.is_filled_in_later and one.alone)]
        if not demands:
            return
        words = f"Do rows of {table.sql} that are changed break what it demands?"
        doubt = rows.doubt(demands)
        if doubt.settled:
            yield place.ask(words, doubt=doubt)
            return
        rows.needed = {name for one in demands for name in one.columns}
        on_live = tuple(one.on_live for one in rows.read)
        yield place.ask(words, sql=rows.counted(demands), evaluates=True, tables=on_live, doubt=doubt)
        yield from rows.uncertain(on_live)


class _Changed(Written):
    """The rows of one UPDATE as they will be."""

    adds = False

    def __init__(self, place: Place, command: Command, table: Table) -> None:
        super().__init__(place, command, table, command.columns)
        self.values = {
            name: stand_in(text) or ("", False) for name, text in zip(command.columns, command.elements, strict=True)
        }
        self.labelled = {
            name: label
            for name, text in zip(command.columns, command.elements, strict=True)
            if (label := label_for(place.state, table, name, text))
        }
        self.values |= {name: (label, False) for name, label in self.labelled.items()}
        self.needed: set[str] = set()
        self.keys: list[Command] = []
        self.follows = frozenset(one.name for one in table.columns.values() if one.generated and self._moves(one))

    def _moves(self, column: Column) -> bool:
        """Whether a generated column is computed from one that is set."""
        assert self.table.live is not None
        found = self.place.known.get("column", *self.table.live, column.live) if column.live else None
        text = str((found or {}).get("generated", "")).partition(" ")[2] or column.value
        columns = mentioned(text).columns if text else None
        return columns is None or bool(columns & {*self.given})

    @property
    def is_filled_in_later(self) -> bool:
        """Whether its values are handed to the driver beside its text."""
        return has_parameter(self.command.where, self.command.expression, *self.command.elements)

    # -- the rows ----------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """What its table is called in its text."""
        return self.command.value or self.table.name[1]

    @property
    def sql(self) -> str:
        """The changed rows under the names of the table's columns, each with a number and its place."""
        values = ", ".join(f"{self._value(one)} AS {quoted(one)}" for one in sorted(self.needed))
        found = f"SELECT {quoted(self.name)}.{_AT}{f', {values}' if values else ''} FROM {self._matched}"
        if self.command.expression:
            found = f"SELECT DISTINCT ON ({_AT}) * FROM ({found}) AS alembic_ops_found"
        return f"(SELECT row_number() OVER () AS {NUMBER}, * FROM ({found}) AS alembic_ops_changed)"

    def _value(self, name: str) -> str:
        if name not in self.values:
            return f"{quoted(self.name)}.{quoted(name)}"
        return written_as(self.table.columns[name], f"({self.values[name][0]})")

    @property
    def _matched(self) -> str:
        """What stands behind FROM: the rows of the table, of its other tables, and its condition."""
        command = self.command
        held = source.rows(self.table, self._read_columns(), key=False, only=True, name=self.name, place=True)
        others = f", {command.expression}" if command.expression else ""
        return f"{held}{others}{f' WHERE {command.where}' if command.where else ''}"

    def _read_columns(self) -> set[str] | None:
        """The columns that have to be read; all where that cannot be told, as where a query stands inside."""
        texts = [value for value, _ in self.values.values()] + [self.command.where or "true"]
        found = mentioned(*texts).columns
        if found is None or self.command.expression or not found <= self.table.columns.keys():
            return None
        return {*found, *self.needed}

    # -- what is demanded --------------------------------------------------------------------------

    def own(self, column: Column) -> bool:
        """Whether each row gets a value of its own, as from a function that gives unique ones."""
        return self.values.get(column.name, ("", False))[1]

    def decides(self, columns: Iterable[str] | None) -> bool:
        """What mentions a column that is set, or one that follows it."""
        return columns is None or any(one in self.given or one in self.follows for one in columns)

    def moving(self, to: Iterable[str]) -> Doubt:
        """Rows that refer to each other, and are given other keys."""
        return Doubt.of("it changes both what refers and what is referred to") if self.decides(to) else Doubt()

    def beside(self, columns: Iterable[str], elements: str, condition: str) -> list[str]:
        """The rows that stay as they are."""
        held = source.rows(self.table, columns, key=False, only=True, place=True)
        stays = f"NOT EXISTS (SELECT FROM new WHERE new.{_AT} = {self.alias}.{_AT})"
        return [f"(SELECT {elements} FROM {held}{condition or ' WHERE true'} AND {stays})"]

    def demands(self) -> Iterator[Demand]:
        """What the table demands of what is set, and what those demand that refer to it."""
        yield from super().demands()
        assert self.table.live is not None
        for key in self.place.known.referring(self.table.live):
            assert key.references is not None  # a foreign key has them
            child = self.place.state.by_live((key.schema, key.name))
            to = key.references[2] or self.table.key
            if child is not None and key.constraint not in child.constraints and self.decides(to):
                yield self._left_behind(key, child, to)

    def _left_behind(self, key: Command, child: Table, to: tuple[str, ...]) -> Demand:
        """The rows whose old key others refer to, where nobody has it any more."""
        if any(one.startswith("ON UPDATE") and "RESTRICT" not in one for one in key.options) or child is self.table:
            return Demand(key.constraint, "", to, Doubt.of(f"the foreign key {key.constraint} writes rows as well"))
        self.read.append(child)
        old = source.rows(self.table, to, key=False, only=True, name="alembic_ops_old", place=True)
        held = source.rows(child, key.columns, key=False, only=child.partition_key is None, name="alembic_ops_child")
        changed = f"NOT ({_equal(self.alias, to, 'alembic_ops_old', to)})"
        refers = _equal("alembic_ops_child", key.columns, "alembic_ops_old", to)
        has = _equal("alembic_ops_new", to, "alembic_ops_old", to)
        broken = (
            f"SELECT {self.alias}.{NUMBER} FROM new AS {self.alias} JOIN {old} ON alembic_ops_old.{_AT} = "
            f"{self.alias}.{_AT} WHERE {changed} AND EXISTS (SELECT FROM {held} WHERE {refers}) "
            f"AND NOT EXISTS (SELECT FROM new AS alembic_ops_new WHERE {has})"
        )
        return Demand(key.constraint, broken, to, self.place.state.doubt(child, key.columns))

    def leaves_to_others(self, one: Command, name: str) -> None:
        """Remember what must be unique at every moment, and not only at the end."""
        if "DEFERRABLE" not in one.options:
            self.keys.append(one)

    # -- asking ------------------------------------------------------------------------------------

    def doubt(self, demands: Iterable[Demand]) -> Doubt:
        """What stands against an answer."""
        state, command, table = self.place.state, self.command, self.table
        texts = [value for value, _ in self.values.values()] + ([command.where] if command.where else [])
        if state.anything:
            return Doubt.of(f"statement {state.anything} may write rows of any table before")
        if table.triggers:
            return Doubt.of("a trigger or a rule of the table may change them")
        if len([*state.family(table)]) > 1 or table.partition_key is not None:
            return Doubt.of("rows of partitions, and of tables that inherit, are not followed")
        if self.is_filled_in_later:
            return Doubt.of("its values are not in its text")
        if "WITH" in command.options or not all(command.elements):
            return Doubt.of("what it sets cannot be read from its text")
        if not {*self.given} <= table.columns.keys():
            return Doubt.of("it names a column that is not known")
        if own_values(mentioned(*texts).functions):
            return Doubt.of("it calls what gives another value each time")
        found = self.sources() | self.place.calls([one for one in command.functions if one[1] not in OWN])
        if not command.expression:
            found |= self.place.mentioned(table, *texts)[1]
        for one in demands:
            found |= one.doubt | state.doubt(table, [name for name in one.columns if name not in self.given])
            for name in one.columns:
                if name in self.follows:
                    found |= Doubt.of(f"{name} is computed, and that is not followed")
                elif self.own(table.columns[name]):
                    found |= Doubt.of(f"{name} gets a value of its own")
                elif name in self.labelled and not one.alone:
                    found |= Doubt.of(f"{name} gets a label that the plan adds")
        return found

    def uncertain(self, on_live: tuple[str, ...]) -> Iterator[Question]:
        """What no look at the rows decides: which of several values one takes, and which row is written first."""
        new = f"WITH new AS MATERIALIZED {self.sql}"
        if self.command.expression and self.needed & {*self.given}:
            values = ", ".join(self._value(one) for one in sorted(self.needed & {*self.given}))
            several = (
                f"SELECT {quoted(self.name)}.{_AT} FROM {self._matched} GROUP BY 1 "
                f"HAVING count(DISTINCT ROW({values})::text) > 1"
            )
            yield self.place.ask(
                f"Do rows of {self.table.sql} find several values?",
                sql=f"SELECT count(*), NULL::text[], false FROM ({several}) AS several",
                tables=on_live,
                doubt=Doubt(some="which of them they take is not certain"),
            )
        for one in self.keys:
            columns, _ = self.mentioned(*one.elements, *([one.where] if one.where else ()))
            elements = ", ".join(f"({text}) AS e{number}" for number, text in enumerate(one.elements, 1))
            condition = f" WHERE {one.where}" if one.where else ""
            held = source.rows(self.table, columns, key=False, only=True, place=True)
            pairs = same(one, "taker", "giver")[0]
            kept = same(one, "giver", "later")[0]
            yield self.place.ask(
                f"Do rows of {self.table.sql} take a value of {one.constraint or one.index} that others give up?",
                sql=f"{new},\nmine AS (SELECT {_AT}, {elements} FROM new AS {self.alias}{condition}),\n"
                f"held AS (SELECT {_AT}, {elements} FROM {held}{condition})\n"
                "SELECT count(*), NULL::text[], false FROM mine AS taker\n"
                f"JOIN held AS giver ON {pairs} AND taker.{_AT} <> giver.{_AT}\n"
                f"JOIN new AS changed ON changed.{_AT} = giver.{_AT}\n"
                f"WHERE NOT EXISTS (SELECT FROM mine AS later WHERE later.{_AT} = giver.{_AT} AND {kept})",
                tables=on_live,
                doubt=Doubt(some="the server compares row by row, and which it writes first decides"),
            )


def _equal(one: str, its: Iterable[str], other: str, others: Iterable[str]) -> str:
    pairs = zip(its, others, strict=True)
    return " AND ".join(f"{one}.{quoted(mine)} = {other}.{quoted(theirs)}" for mine, theirs in pairs)
