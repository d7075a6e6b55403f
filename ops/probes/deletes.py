"""Will a plan delete rows that others refer to, by foreign keys that do not let them go."""

from __future__ import annotations

from collections.abc import Iterator

from ops.catalog.names import quoted
from ops.commands import Command
from ops.commands.expressions import mentioned
from ops.probes import source
from ops.probes.demands import is_as_on_live
from ops.probes.known import Name
from ops.probes.place import Place
from ops.probes.state import Table
from ops.probes.updates import has_parameter
from ops.probes.values import Doubt, Question

_AT, _GONE = "alembic_ops_at", "alembic_ops_gone"
_DEEPEST = 8
"""So many foreign keys that delete in turn are followed, one behind the other."""


def delete(place: Place, command: Command) -> Iterator[Question]:
    """Whether rows are left that refer to those that are deleted; nothing is asked where none may."""
    for table in place.table(command, "") if place.state.of(command) else ():
        if isinstance(table, Question) or table.live is None or table.kind != "table":
            return
        deleted = _Deleted(place, command, table)
        held = deleted.held(table, _GONE, (table.name,))
        if not held:
            return
        words = f"Do rows still refer to those that are deleted from {table.sql}?"
        doubt = deleted.doubt()
        if doubt.settled:
            yield place.ask(words, doubt=doubt)
            return
        queries = [deleted.counted(held, key=key) for key in (True, False)]
        on_live = tuple(dict.fromkeys(one.on_live for one in deleted.read))
        yield place.ask(words, sql=queries[0], without_keys=queries[1], tables=on_live, doubt=doubt)


class _Deleted:
    """The rows of one DELETE, and what holds them."""

    def __init__(self, place: Place, command: Command, table: Table) -> None:
        self.place, self.command, self.table = place, command, table
        self.read = [table]
        self.needed: set[str] = set()
        self.of_others = Doubt()
        self.of_condition, self.unclear = self._condition()

    def _condition(self) -> tuple[Doubt, str]:
        """What stands against believing which rows are deleted, and why that cannot be told at all, or nothing."""
        command, place = self.command, self.place
        if "WITH" in command.options:
            return Doubt(), "which rows go cannot be read from its text"
        if has_parameter(command.where, command.expression):
            return Doubt(), "the values that say which rows go are not in its text"
        found = place.calls(command.functions)
        for schema, name in command.sources:
            one = place.state.find(place.state.full(schema, name))
            if one is None or not is_as_on_live(one):
                return found, f"{name}, which says which rows go, is not on live as it will be"
            told = place.state.doubt(one, None)
            found |= Doubt.of(told.none or told.some)
        if command.where and not command.expression:
            told = place.mentioned(self.table, command.where)[1]
            found |= told if told.settled else Doubt(some=told.some)  # rows that the plan has put in are held by none
        return found, found.some if found.settled else ""

    def doubt(self) -> Doubt:
        """What stands against an answer. Nothing refers to any row: that is one, whichever rows go."""
        state = self.place.state
        if state.anything:
            return Doubt.of(f"statement {state.anything} may write rows of any table before")
        found = state.doubt(self.table, self.needed)
        if not found.settled:
            found = Doubt(some=found.some)
        found |= self.of_others
        found |= Doubt(some=self.unclear) if self.unclear else self.of_condition
        if self.table.triggers:
            found |= Doubt(some="a trigger or a rule of the table may see to it")
        return found

    def counted(self, held: str, *, key: bool) -> str:
        """The query that counts the rows that are deleted and that something holds, with the keys of some."""
        command, table = self.command, self.table
        condition = command.where or "true"
        if command.expression:
            condition = f"EXISTS (SELECT FROM {command.expression} WHERE {condition})"
        if self.unclear:
            condition = "true"
        columns = mentioned(condition).columns
        known = columns is not None and columns <= table.columns.keys()
        read = {*(columns or ()), *self.needed} if known else None
        # nothing can refer to rows of tables that inherit
        only, name = table.partition_key is None, command.value or table.name[1]
        rows = source.rows(table, read, key=key, only=only, name=name, place=True)
        wanted = ", ".join([source.KEY, _AT, *map(quoted, sorted(self.needed))])
        gone = f"WITH {_GONE} AS MATERIALIZED (SELECT {wanted} FROM {rows} WHERE {condition})"
        return f"{gone}\n{source.counted(_GONE, f'({held})')}"

    def held(self, table: Table, name: str, seen: tuple[Name, ...]) -> str:
        """The condition that a row of a table, called so, is held by another; empty where none may hold it."""
        known, state = self.place.known, self.place.state
        parts = []
        above = (table.live, *known.parents.get(table.live, ())) if table.live else ()
        for key in (key for one in above for key in known.referring(one)):
            assert key.references is not None  # a foreign key has them
            child = state.by_live((key.schema, key.name))
            if child is None or child.empty or key.constraint in child.constraints or "NOT ENFORCED" in key.options:
                continue
            to = key.references[2] or table.key
            if not {*to} <= table.columns.keys() or not {*key.columns} <= child.columns.keys():
                self.of_others |= Doubt.of(f"{key.constraint} is not on live as it will be")
                continue
            alias = f"alembic_ops_child_{len(seen)}"
            below = self._below(key, child, alias, seen)
            if below:
                self.read.append(child)
                self.of_others |= state.doubt(child, key.columns)
                if table.inserted and any(child.columns[one].computed for one in key.columns):
                    self.of_others |= Doubt(none=f"statement {table.inserted} puts rows into {table.sql} before")
                self.needed |= {*to} if len(seen) == 1 else set()
                rows = source.rows(child, None, key=False, only=child.partition_key is None, name=alias, place=True)
                pairs = zip(key.columns, to, strict=True)
                refers = " AND ".join(f"{alias}.{quoted(own)} = {name}.{quoted(its)}" for own, its in pairs)
                parts.append(f"EXISTS (SELECT FROM {rows} WHERE {refers} AND {below})")
        return " OR ".join(parts)

    def _below(self, key: Command, child: Table, alias: str, seen: tuple[Name, ...]) -> str:
        """The condition under which a row that refers holds what it refers to; empty where it never does."""
        if "ON DELETE SET NULL" in key.options:
            return "true" if any(child.columns[one].not_null for one in key.columns) else ""
        if "ON DELETE SET DEFAULT" in key.options:
            self.of_others |= Doubt(some=f"what {key.constraint} sets is not followed")
            return "true"
        if "ON DELETE CASCADE" in key.options:
            if child.name in seen or len(seen) >= _DEEPEST:
                return ""
            below = self.held(child, alias, (*seen, child.name))
            return f"({below})" if below else ""
        if child is self.table and "ON DELETE RESTRICT" not in key.options:
            return f"NOT EXISTS (SELECT FROM {_GONE} AS too WHERE too.{_AT} = {alias}.{_AT})"
        return "true"
