"""Where in a plan a question is asked, and the shapes that questions about rows have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ops.commands import Command
from ops.commands.expressions import mentioned
from ops.probes import source
from ops.probes.known import Known, Name, type_name
from ops.probes.state import State, Table
from ops.probes.updates import without_null_tests
from ops.probes.values import Doubt, Question


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One command of a plan, and the state in which it finds the tables."""

    state: State
    number: int
    version: int

    @property
    def known(self) -> Known:
        """The live catalog."""
        return self.state.known

    def ask(self, words: str, **values: object) -> Question:
        """Return a question of this statement."""
        return Question(statement=self.number, words=words, search_path=self.state.search_path, **values)  # type: ignore[arg-type]

    def table(self, command: Command, words: str) -> Iterator[Table | Question]:
        """Yield the table of a command; a question that cannot be asked where nothing is known of it; or nothing.

        Nothing: there is no row that could be in the way, as the plan made or emptied the table, or its rows are
        elsewhere and nobody checks them.
        """
        found = self.state.of(command)
        if found is None:
            name = ".".join(one for one in self.state.full(command.schema, command.name) if one)
            yield self.ask(words, doubt=Doubt.of(f"{name} is not in the live catalog"))
        elif not found.empty and found.kind != "foreign table":
            yield found

    def counting(
        self,
        words: str,
        table: Table,
        columns: Iterable[str] | None,
        where: str,
        *,
        only: bool = False,
        doubt: Doubt | None = None,
        why: str = "",
    ) -> Question:
        """Return a question that counts the rows of one table for which a condition on some columns holds."""
        names = None if columns is None else tuple(columns)
        doubt = self.state.doubt(table, names) if doubt is None else doubt
        if table.live is None or doubt.settled:
            return self.ask(words, doubt=doubt)
        with_key, without = (source.rows(table, names, key=key, only=only) for key in (True, False))
        return self.ask(
            words,
            sql=source.counted(with_key, where),
            without_keys=source.counted(without, where),
            tables=(table.on_live,),
            doubt=doubt,
            why=why,
        )

    def shared(
        self, words: str, table: Table, elements: Sequence[str], where: str = "", *, nulls_equal: bool = False
    ) -> Question:
        """Return a question that counts the rows that share some expressions with another row."""
        columns, doubt = self.mentioned(table, *elements, *([where] if where else ()))
        if table.live is None or doubt.settled:
            return self.ask(words, doubt=doubt)
        conditions = [] if nulls_equal else [source.present(f"({one})") for one in elements]
        condition = " AND ".join(conditions + ([f"({where})"] if where else []))
        with_key, without = (source.shared(table, columns, elements, condition, key=key) for key in (True, False))
        return self.ask(
            words,
            sql=with_key,
            without_keys=without,
            evaluates=True,
            tables=(table.on_live,),
            doubt=doubt,
        )

    def trying(self, words: str, table: Table, value: str, where: str = "", **values: object) -> Question:
        """Return a question that computes a value for every row of a table, to see whether that can be done."""
        columns, doubt = self.mentioned(table, value, *([where] if where else ()))
        if table.live is None or doubt.settled:
            return self.ask(words, doubt=doubt)
        sql = source.tried(source.rows(table, columns, key=False), value, where)
        return self.ask(words, sql=sql, evaluates=True, tables=(table.on_live,), doubt=doubt, **values)

    def of_domain(self, words: str, table: Table, column: str, where: str) -> Question:
        """Return a question that counts the rows whose value in one column, as `value`, meets a condition."""
        doubt = self.state.doubt(table, [column]) | self.calls(mentioned(where).functions)
        if table.live is None or doubt.settled:
            return self.ask(words, doubt=doubt)
        with_key, without = (source.valued(table, column, key=key) for key in (True, False))
        return self.ask(
            words,
            sql=source.counted(with_key, where),
            without_keys=source.counted(without, where),
            evaluates=True,
            tables=(table.on_live,),
            doubt=doubt,
        )

    def mentioned(self, table: Table, *texts: str) -> tuple[tuple[str, ...] | None, Doubt]:
        """Return the columns that expressions mention, all where None; and what stands against an answer about them."""
        found = mentioned(*texts)
        columns = None if found.columns is None else tuple(sorted(found.columns))
        if columns is not None and not set(columns) <= table.columns.keys():
            columns = None
        doubt = self._doubt(table, columns, texts) | self.calls(found.functions)
        for written in found.types:
            schema, name = type_name(written)
            for one in (schema,) if schema else self.state.path:
                if (one, name) in self.state.types:
                    doubt |= Doubt.of(f"the plan makes or renames the type {written} before")
        return columns, doubt

    def _doubt(self, table: Table, columns: tuple[str, ...] | None, texts: tuple[str, ...]) -> Doubt:
        """What stands against an answer about columns; of some of them it is only asked whether they are NULL."""
        told = None if columns is None else mentioned(*(without_null_tests(one, columns) for one in texts)).columns
        if columns is None or told is None:
            return self.state.doubt(table, columns)
        asked = tuple(one for one in columns if one in told)
        tested = tuple(one for one in columns if one not in told)
        return self.state.doubt(table, asked) | self.state.doubt(table, tested, nulls=True)

    def calls(self, functions: Iterable[Name]) -> Doubt:
        """Return what stands against calling functions: that they may do more than compute, or are not as now."""
        for _, name in functions:
            if name in self.state.redefined:
                return Doubt.of(f"statement {self.state.redefined[name]} defines the function {name} before")
        if not self.state.harmless(functions):
            return Doubt.of("it calls a function that may do more than compute, which is not tried on live")
        return Doubt()


def listed(names: Iterable[str]) -> str:
    """Return names as a question says them."""
    return ", ".join(names)
