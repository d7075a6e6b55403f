"""What tables and sequences hold at one stop of a rehearsal, and what one revision takes away on its way back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from ops.catalog.names import quoted
from ops.display import many

Name = tuple[str, str]
"""Schema and name, as they are: without quotes."""


def written(name: Name, column: str = "") -> str:
    """Return a name in full, each part quoted as SQL wants it."""
    return ".".join(quoted(part) for part in (*name, column) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """What a column holds: how many values that are not NULL, and a checksum of them, whatever their order.

    `marks` has four bytes for each row that is noted in its table: a short hash of the value. `number` is the column's
    in its table, which a new name leaves; `kind` is how its values are written.
    """

    name: str
    number: int
    kind: str
    filled: int
    checksum: int
    marks: bytes = field(default=b"", repr=False)

    @property
    def values(self) -> tuple[int, int]:
        """What is equal where the values are, wherever they stand."""
        return self.filled, self.checksum

    def renamed(self, name: str) -> Column:
        """Return the column under another name."""
        return self if name == self.name else replace(self, name=name)


@dataclass(frozen=True, kw_only=True)
class Table:
    """What a table holds. `key` are the columns by which a row is known: its primary key, else all of them.

    `whole` is a checksum of its rows, None where that is not known. `noted` has eight bytes for each row that is noted,
    a hash of its key; that is one in `share`, and none where there is no primary key. `state` are its files and
    counters, `unread` says why nothing could be read.
    """

    name: Name
    oid: int
    rows: int
    columns: Mapping[str, Column] = field(default_factory=dict)
    key: tuple[str, ...] = ()
    key_numbers: tuple[int, ...] = ()
    whole: int | None = None
    noted: bytes = field(default=b"", repr=False)
    share: int = 1
    state: str = field(default="", repr=False)
    unread: str = ""

    def carried(self, name: Name, columns: Mapping[str, Column], key: tuple[str, ...]) -> Table:
        """Return the same content under the names that it has now. Without a column that is gone, rows are others.

        It is this very value where nothing has another name: what compares stops with each other need not look into it.
        """
        if (self.name, self.key, self.columns) == (name, key, columns):
            return self
        whole = self.whole if len(columns) == len(self.columns) else None
        return replace(self, name=name, columns=columns, key=key, whole=whole)

    @cached_property
    def signature(self) -> tuple[object, ...]:
        """What is equal where another table holds the same values, whatever it and its columns are called."""
        return self.rows, tuple(sorted(one.values for one in self.columns.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """Where a sequence stands: the next number that it gives, and its step; `owner` is the table that it counts for."""

    next: int
    step: int
    owner: Name | None = None

    def is_behind(self, other: Counter) -> bool:
        """Whether it would give numbers that the other has given already."""
        return self.next < other.next if other.step > 0 else self.next > other.next


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What all tables and sequences hold at one stop; `scanned` are the tables that were read for it.

    `views` are the materialized ones, each None where it is not populated.
    """

    tables: Mapping[Name, Table] = field(default_factory=dict)
    counters: Mapping[Name, Counter] = field(default_factory=dict)
    views: Mapping[Name, Table | None] = field(default_factory=dict)
    scanned: tuple[Name, ...] = ()

    @cached_property
    def by_oid(self) -> Mapping[int, Table]:
        """The tables and materialized views by their OIDs, which a new name leaves as they are."""
        return {one.oid: one for one in (*self.tables.values(), *self.views.values()) if one is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A table, or a sequence, or a column of one, and how much of it; `amount` is None where nobody counted."""

    kind: str
    table: Name
    column: str = ""
    amount: int | None = None

    @property
    def object(self) -> str:
        """The name in full, as SQL has it."""
        return written(self.table, self.column)

    @property
    def part(self) -> tuple[Name, str]:
        """What it is about: a table and a column of it, without one all of the table."""
        return self.table, self.column


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss(Part):
    """Something that was there before a revision, and is not there when it has gone up and down.

    `kind` is `table` (with `amount` rows), `column` (values), `rows`, `values` or `sequence` (numbers that it will give
    again). `at_least`: so many, or more; `about`: as far as the rows that were noted tell. `of` is how many there were.
    `why` says what is special about it.
    """

    of: int | None = None
    at_least: bool = False
    about: bool = False
    why: str = ""

    def __str__(self) -> str:
        nearly = "at least " if self.at_least else "about " if self.about else ""
        some = "some" if self.amount is None else f"{nearly}{self.amount:,}"
        of = f" of {self.of:,}" if self.of is not None and self.of != self.amount else ""
        match self.kind:
            case "table":
                text = f"the table {self.object} with {many(self.amount or 0, 'row')}"
            case "column":
                text = f"the column {self.object} with {many(self.amount or 0, 'value')}"
            case "rows":
                text = f"{some}{of} row{'' if self.amount == 1 and not of else 's'} of {self.object}"
            case "values":
                text = f"{some}{of} value{'' if self.amount == 1 and not of else 's'} of {self.object}"
            case _:
                text = f"the place of the sequence {self.object}"
        return f"{text} ({self.why})" if self.why else text


@dataclass(frozen=True, slots=True, kw_only=True)
class Extra(Part):
    """Something that was not there before a revision, and is left when it has gone up and down: rows, or values."""

    def __str__(self) -> str:
        if self.amount is None:
            return f"another content of {self.object}"
        return f"{many(self.amount, self.kind.removesuffix('s'))} more in {self.object}"
