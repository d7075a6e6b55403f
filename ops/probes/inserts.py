"""Will rows that a plan puts in break what their table demands: NOT NULL, a length, a check, a key, a reference.

One question for each INSERT: its rows are computed as they would be now, and those that something is against are
counted. What stands for them in a report are the names of what they break, never their values.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ops.catalog.names import quoted
from ops.commands import Command
from ops.commands.expressions import mentioned
from ops.probes import source
from ops.probes.demands import NUMBER, Demand, Written, own_values, written_as
from ops.probes.place import Place
from ops.probes.state import Column, Table
from ops.probes.updates import OWN, has_parameter
from ops.probes.values import Doubt, Question

MOST = 64
"""After so many INSERTs into one table nobody follows what they have put in any more."""


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


class _Rows(Written):
    """The rows of one INSERT."""

    def __init__(self, place: Place, command: Command, table: Table) -> None:
        given = command.columns or (tuple(table.columns) if table.live is None else ())
        super().__init__(place, command, table, given)

    # -- the rows ----------------------------------------------------------------------------------

    @property
    def sql(self) -> str:
        """The new rows under the names of the table's columns, each with a number."""
        names = ", ".join(f"n{number}" for number in range(1, len(self.given) + 1))
        inputs = {name: f"n{number}" for number, name in enumerate(self.given, 1)}
        values = ", ".join(f"{self._value(one, inputs)} AS {quoted(one.name)}" for one in self.table.columns.values())
        query = f"({self.command.expression})" if self.given else "(SELECT)"
        put = f"{query} AS alembic_ops_put{f' ({names})' if names else ''}"
        return f"(SELECT row_number() OVER () AS {NUMBER}, {values} FROM {put})"

    def _value(self, column: Column, inputs: dict[str, str]) -> str:
        text = inputs.get(column.name) or ("" if self.own(column) else self._default(column)) or "NULL"
        return written_as(column, text)

    def _default(self, column: Column) -> str:
        return column.value if column.live is None else str(self._on_live(column).get("default") or "")

    def _on_live(self, column: Column) -> dict[str, object]:
        if column.live is None or self.table.live is None:
            return {}
        return self.place.known.get("column", *self.table.live, column.live) or {}

    def own(self, column: Column) -> bool:
        """Whether each new row gets a value of its own, as from a sequence."""
        if column.name in self.given:
            return False
        called = mentioned(self._default(column)).functions if self._default(column) else ()
        return bool(column.own or self._on_live(column).get("identity") or own_values(called))

    # -- what is demanded --------------------------------------------------------------------------

    def decides(self, columns: Iterable[str] | None) -> bool:
        """All columns of a new row are its INSERT's."""
        return True

    def refers(self, one: Command) -> bool:
        """Whether the rows refer to anything by a foreign key."""
        return bool({*one.columns} & {*self.given}) or any(self._default(self.table.columns[n]) for n in one.columns)

    def leaves_to_others(self, one: Command, name: str) -> Iterator[Demand] | None:
        """What ON CONFLICT makes of rows that are there already."""
        if "ON CONFLICT" not in self.command.options:
            return None
        if "DO NOTHING" in self.command.options:
            return iter(())
        why = Doubt.of("what ON CONFLICT makes of other rows is not followed")
        return iter([Demand(name, "", (), why, with_others=True)])

    def beside(self, columns: Iterable[str], elements: str, condition: str) -> list[str]:
        """All rows that are there, and those that the plan has put there."""
        table = self.table
        there = [f"(SELECT {elements} FROM {poured} AS {self.alias}{condition})" for poured in table.poured]
        if table.live and not table.empty:
            held = source.rows(table, columns, key=False, only=table.partition_key is None)
            there.append(f"(SELECT {elements} FROM {held}{condition})")
        return there

    # -- asking ------------------------------------------------------------------------------------

    @property
    def is_filled_in_later(self) -> bool:
        """Whether its values are handed to the driver beside its text."""
        return has_parameter(self.command.expression)

    def doubt(self, demands: Iterable[Demand]) -> Doubt:
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
        found |= self.sources()
        calls = [one for one in command.functions if one[1] not in OWN]
        found |= self.place.calls(calls)
        if own_values(command.functions):
            found |= Doubt.of("it calls what gives another value each time")
        for one in demands:
            found |= one.doubt
        needed = {name for one in demands for name in one.columns} - {*self.given}
        for name in sorted(needed & self.table.columns.keys()):
            column = self.table.columns[name]
            default = self._default(column)
            if column.generated:
                found |= Doubt.of(f"{name} is computed, and that is not followed")
            elif self.own(column):
                found |= Doubt.of(f"{name} gets a value of its own")
            elif default:
                found |= self.place.calls(mentioned(default).functions)
        return found


def poured(place: Place, command: Command, table: Table) -> str:
    """Return the rows of an INSERT as a query, for the questions behind it; empty where they cannot be told."""
    if command.verb != "INSERT":
        return ""
    rows = _Rows(place, command, table)
    return "" if rows.doubt(()).settled else rows.sql
