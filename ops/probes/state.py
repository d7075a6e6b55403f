"""What is known of the tables at one place of a plan: what they are called on live, and what was done to their rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from ops.catalog.names import quoted
from ops.commands import Command
from ops.probes.known import Known, Name
from ops.probes.values import Doubt

TEMPORARY = "pg_temp"


@dataclass(slots=True, kw_only=True)
class Column:
    """A column: on live it is called `live`, or the plan added it and each row has `value`.

    `unknown` says why nobody can say what it holds; `own`: each row has a value of its own, never NULL; `generated`: it
    follows other columns. `retyped` is the statement that gave it another type without saying how. `computed` is what
    the plan's updates make of it, from what is on live, after so many `updates`; `guessed` the first of them that gives
    rows values of their own, in whose place something stands there that is no more than not NULL.
    """

    name: str
    type: str
    live: str | None = None
    value: str = ""
    unknown: str = ""
    own: bool = False
    not_null: bool = False
    generated: bool = False
    retyped: int = 0
    computed: str = ""
    updates: int = 0
    guessed: int = 0

    @property
    def sql(self) -> str:
        """The expression that gives it, on live."""
        if self.computed:
            return self.computed
        if self.live is not None:
            return quoted(self.live)
        return f"CAST(({self.value or 'NULL'}) AS {self.type})"


@dataclass(slots=True, kw_only=True)
class Table:
    """A table at one place of a plan.

    `live` is what it is called on live, None for one that the plan made; `empty`: it has no rows but those that the
    plan put there: `poured` are queries for them, `unfollowed` is the first statement whose rows have none. `removed`
    are conditions, in the names of live, of rows that the plan has deleted. The numbers are those of the statements
    that put rows in, took rows out in a way that is not followed, or changed a column.
    """

    name: Name
    live: Name | None
    kind: str = "table"
    columns: dict[str, Column] = field(default_factory=dict)
    key: tuple[str, ...] = ()
    partition_key: Command | None = None
    inherited: bool = False
    empty: bool = False
    triggers: bool = False
    inserted: int = 0
    deleted: int = 0
    updated: dict[str, int] = field(default_factory=dict)
    constraints: dict[str, Command | None] = field(default_factory=dict)
    poured: list[str] = field(default_factory=list)
    unfollowed: int = 0
    removed: list[str] = field(default_factory=list)

    @property
    def sql(self) -> str:
        """The name as SQL."""
        return ".".join(quoted(one) for one in self.name if one)

    @property
    def on_live(self) -> str:
        """Its name on live as SQL."""
        return ".".join(quoted(one) for one in self.live or ())


class State:
    """The tables of a plan as its statements go by; see `effects` for what those do."""

    def __init__(self, known: Known, path: Iterable[str], harmless: Callable[[Iterable[Name]], bool]) -> None:
        self.known = known
        self.path = tuple(path)
        self.harmless = harmless
        self.search_path = ""
        self.anything = 0
        self.cascaded = 0
        self.made: set[str] = set()
        self.renamed: dict[tuple[str, ...], Name] = {}
        self.detached: set[Name] = set()
        self.indexes: dict[Name, Command | None] = {}
        self.types: dict[Name, tuple[str, ...] | None] = {}
        self.gone: set[tuple[str, ...]] = set()
        self.free: set[tuple[str, ...]] = set()
        self.taken: set[tuple[str, ...]] = set()
        self.redefined: dict[str, int] = {}
        self._tables: dict[Name, Table | None] = {}

    def full(self, schema: str, name: str) -> Name:
        """Return the name of a table, with the schema in which it is where the text has none."""
        if schema:
            return schema, name
        for one in ("", TEMPORARY, *self.path):
            if self.find((one, name)):
                return one, name
        return (self.path[0] if self.path else "", name)

    def find(self, name: Name) -> Table | None:
        """Return a table as it is now; None where there is none, or nothing is known of it."""
        if name not in self._tables:
            self._tables[name] = self._from_live(name)
        return self._tables[name]

    def drop(self, kind: str, *live: str) -> None:
        """Say that an object of live is gone, and its name free."""
        self.gone.add((kind, *live))
        self.release(kind, *live)

    def release(self, kind: str, *name: str) -> None:
        """Say that a name is free."""
        self.free.add((kind, *name))
        self.taken.discard((kind, *name))
        if kind == "relation":
            self.taken.discard(("type", *name))  # that of its rows

    def claim(self, kind: str, *name: str) -> None:
        """Say that the plan has given a name."""
        self.taken.add((kind, *name))

    def of(self, command: Command) -> Table | None:
        """Return the table that a command is about."""
        return self.find(self.full(command.schema, command.name))

    def put(self, name: Name, table: Table | None) -> None:
        """Say what a name stands for from now on."""
        self._tables[name] = table

    def _from_live(self, name: Name) -> Table | None:
        found = self.known.table(name)
        if found is None:
            return None
        table = Table(name=name, live=name, kind=str(found["kind"]))
        table.key = self.known.primary_key(name)
        table.inherited = name in self.known.children
        table.triggers = any(True for kind in ("trigger", "rule") for _ in self.known.parts(kind, name))
        if found.get("partition key"):
            (table.partition_key, *_) = _partitioned(str(found["partition key"]))
        not_null = {column for column, one in self.known.parts("not null", name) if one.get("validated")}
        for column, one in self.known.parts("column", name):
            table.columns[column] = Column(name=column, type=str(one["type"]), live=column, not_null=column in not_null)
            table.columns[column].generated = "generated" in one
        for column in found.get("columns", ()):  # type: ignore[attr-defined]
            table.columns[column] = Column(name=column, type="", live=column)
        return table

    def constraint(self, table: Table, name: str) -> Command | None:
        """Return a table's constraint as it is now."""
        if name in table.constraints:
            return table.constraints[name]
        return self.known.constraint(table.live, name) if table.live else None

    def labels(self, name: Name) -> tuple[str, ...] | None:
        """Return an enum's labels as they are now; None where it is none, or they are not known."""
        return self.types[name] if name in self.types else self.known.labels(name)

    def family(self, table: Table) -> Iterator[Table]:
        """Yield a table, and all whose rows are also its own or its parents'."""
        seen: set[Name] = set()
        for links in (self.known.parents, self.known.children):
            waiting = [table.live] if table.live else []
            while waiting:
                one = waiting.pop()
                waiting += links.get(one, ())
                seen.add(one)
        found = [one for name in seen if (one := self.by_live(name))]
        yield from [table, *(one for one in found if one is not table)]

    def kept(self) -> Doubt:
        """Return what stands against saying that something is still there: it may have gone before."""
        if self.anything:
            return Doubt(some=f"statement {self.anything} may have taken it away before")
        return Doubt(some=f"statement {self.cascaded} drops more with CASCADE before" if self.cascaded else "")

    def by_live(self, name: Name) -> Table | None:
        """Return the table that is called so on live, whatever the plan calls it now."""
        for one in self._tables.values():
            if one and one.live == name:
                return one
        return self.find(name)

    def doubt(self, table: Table, columns: Iterable[str] | None, *, growing: bool = True, nulls: bool = False) -> Doubt:
        """Return what earlier statements do to an answer about some columns, all of them where None.

        More rows can only make for more violations where it is `growing`; and for fewer where it is not. `nulls`: the
        question is only which values are NULL; a new type without USING changes nothing in that.
        """
        name = table.sql
        if self.anything:
            return Doubt.of(f"statement {self.anything} may write rows of any table before")
        if table.live is None and not table.empty:
            return Doubt.of(f"the plan fills {name} before")
        if columns is None or not set(columns) <= table.columns.keys():
            columns = table.columns
        for column in columns:
            if table.columns[column].unknown:
                return Doubt.of(table.columns[column].unknown)
            found = table.columns[column]
            changed = table.updated.get(column, 0) or (0 if nulls else found.retyped or found.guessed)
            if changed:
                return Doubt.of(f"statement {changed} changes {quoted(column)} of {name} before")
        more = f"statement {table.inserted} puts rows into {name} before" if table.inserted else ""
        less = f"statement {table.deleted} takes rows out of {name} before" if table.deleted else ""
        return Doubt(none=more, some=less) if growing else Doubt(none=less, some=more)


def _partitioned(key: str) -> tuple[Command, ...]:
    from ops import commands

    return commands.parse(f"CREATE TABLE x () PARTITION BY {key}")
