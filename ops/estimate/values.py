"""What an estimate is made of, and what it says: ranges, never a single figure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from ops.statement import Mode

WIDTH = 4.0
"""The upper end of a range is so many times the lower one."""

LEAST = 0.65
LEAST_OF_READING = 0.8
"""Where a range begins, as a part of what a rate says. The rows of a trial lie in memory, and what it writes has a
checkpoint far ahead: a large table is slower, and most of all to read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Seconds, or bytes: at least `low`, at most `high`."""

    low: float
    high: float

    @classmethod
    def around(cls, figure: float, least: float = LEAST) -> Range:
        """Return the range round what a rate says."""
        return cls(low=figure * least, high=figure * least * WIDTH)

    @classmethod
    def near(cls, figure: float) -> Range:
        """Return the range round what was measured on the same rows: from half of it to twice."""
        return cls.around(figure, WIDTH**-0.5)

    def __add__(self, other: Range) -> Range:
        return Range(low=self.low + other.low, high=self.high + other.high)

    def __contains__(self, figure: float) -> bool:
        return self.low <= figure <= self.high

    @property
    def middle(self) -> float:
        """A figure as far from the one end as from the other, in proportion."""
        return float((self.low * self.high) ** 0.5)


ZERO = Range(low=0.0, high=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column as its synthetic values are to be: its type, and what the server's statistics say of the real ones.

    `width` is the average of bytes, `distinct` as in `pg_stats.n_distinct`, `sorted` whether rows lie in the order of
    its values. Where there are no statistics, `width` is the type's, and values are taken to be unique and unsorted.
    """

    name: str
    type: str
    width: int
    empty: float = 0.0
    distinct: float = -1.0
    sorted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A table as far as its size matters not: its columns, and the settings under which the target builds indexes."""

    columns: tuple[Column, ...]
    memory: str = "64MB"
    workers: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One piece of work on a table, to be tried on synthetic rows of its shape.

    `kind` is `scan`, `check`, `index`, `reference` (a foreign key), `alter` (a rewrite by these actions) or `rewrite`
    (by any). `detail` is the SQL that makes the difference: an expression, the columns of an index, actions of ALTER
    TABLE. `added` are columns, with their types, that come with the plan before it.
    """

    kind: str
    relation: str
    detail: str = ""
    added: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        words = {
            "scan": "read all of",
            "check": "check every row of",
            "index": "build an index on",
            "reference": "look up every row of",
            "alter": "write anew",
            "rewrite": "write anew",
        }
        return f"{words[self.kind]} {self.relation}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """What one trial took, per row; `rows` in `heap_bytes` were tried, on `server`, `when` (ISO 8601, UTC).

    `bytes` is what its result takes on the disk, `wal` what it wrote into the log.
    """

    seconds: float
    wal: float
    bytes: float
    rows: int
    heap_bytes: int
    server: str
    when: str

    @property
    def row_bytes(self) -> float:
        """What one of its rows takes in the table."""
        return self.heap_bytes / self.rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a statement has to do, as trials; none where it only writes to the catalog.

    `why` says why nobody can tell how long it takes. `is_small`: what it works on is so small that it takes less than
    a second anywhere.
    """

    trials: tuple[Trial, ...] = ()
    why: str = ""
    is_small: bool = False

    @property
    def is_brief(self) -> bool:
        """Whether it takes less than a second, whatever the rates."""
        return not self.why and (self.is_small or not self.trials)


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What one statement will take. `brief`: less than a second, which has no other figure.

    `seconds` is None where nobody can tell; `why` says why. `disk` and `wal` are bytes: what it puts on the disk beside
    what is there, and what it writes into the log. `measured` is when a rehearsal measured it on a copy with rows,
    empty where it is computed from rates.
    """

    statement: int
    seconds: Range | None = None
    disk: Range = ZERO
    wal: Range = ZERO
    brief: bool = False
    why: str = ""
    measured: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """Several statements together: `seconds` of those that have a figure, how many are brief, which have none."""

    seconds: Range = ZERO
    brief: int = 0
    unknown: tuple[int, ...] = ()

    @classmethod
    def of(cls, estimates: Iterable[Estimate]) -> Total:
        """Return their sum."""
        seconds, brief, unknown = ZERO, 0, []
        for one in estimates:
            if one.brief:
                brief += 1
            elif one.seconds is None:
                unknown.append(one.statement)
            else:
                seconds += one.seconds
        return cls(seconds=seconds, brief=brief, unknown=tuple(unknown))


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A lock that others wait for: from statement `first`, which takes it, to `last`, where its transaction ends."""

    relation: str
    mode: Mode
    first: int
    last: int
    total: Total


@dataclass(frozen=True, kw_only=True)
class Estimates:
    """What a plan will take, statement by statement and in all.

    `held` are the locks that others wait for, one for each table and transaction. `disk` is the most that is needed
    beside what is there, at any moment; `wal` what is written into the log in all. `rates` are what was tried, with
    the rate, None where it could not be. `distance` says where the rates are from, and what that leaves uncertain.
    """

    statements: tuple[Estimate, ...] = ()
    held: tuple[Held, ...] = ()
    disk: Range = ZERO
    wal: Range = ZERO
    rates: tuple[tuple[Trial, Rate | None], ...] = field(default=(), repr=False)
    distance: str = ""

    @property
    def total(self) -> Total:
        """All statements together."""
        return Total.of(self.statements)

    def of(self, statement: int) -> Estimate | None:
        """Return that of a statement, by its number."""
        return self._by_number.get(statement)

    @cached_property
    def _by_number(self) -> Mapping[int, Estimate]:
        return {one.statement: one for one in self.statements}
