"""Migrations on a busy table: revisions run while two sessions read and write beside them, and wait for them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from ops import display
from ops.display import Bar, Lane, Timeline
from ops.errors import OpsError
from ops.observe import Observed, observe
from ops.project.visit import visit
from ops.rehearsal import traffic
from ops.rehearsal.traffic import Traffic
from ops.route import make
from ops.settings import TargetSettings
from ops.statement import Mode, Statement, brief
from ops.values import Result, Verdict

READ = "SELECT username FROM users WHERE id = (SELECT 1 + floor(random() * 100000)::int)"
WRITE = "UPDATE users SET visits = visits + 1 WHERE id = (SELECT 1 + floor(random() * 100000)::int)"
"""What the application does, over and over; each is a transaction of its own."""

_FILL = """
    INSERT INTO users (username, hashed_password, email, visits)
    SELECT 'user' || n, md5(n::text) || md5('salt' || n), 'user' || n || '@example.com', mod(n, 1000)
    FROM generate_series(1, %(rows)s) AS n
"""
_CALM = 0.4
"""Seconds of ordinary work before and after, so that there is something to compare with."""

_LONGEST_SQL = 70


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing(Result):
    """What reads and writes of a table met while revisions ran beside them.

    Bars are in seconds since the traffic began. `locks` are those that reads or writes wait for, each until its
    transaction ends. `answered` is how many reads and writes ended in all.
    """

    name: str
    work: tuple[Bar, ...]
    locks: tuple[Bar, ...]
    reads: tuple[Bar, ...]
    writes: tuple[Bar, ...]
    answered: int

    @property
    def verdict(self) -> Verdict:
        """OK: the revisions ran. Whether the waits can be borne is for the reader to say."""
        return Verdict.OK

    def __str__(self) -> str:
        return (
            f"{self.name}: {self.seconds:.2f} s of work; the longest wait was {self.longest_read:.2f} s for a read, "
            f"{self.longest_write:.2f} s for a write"
        )

    @property
    def seconds(self) -> float:
        """From the beginning of the first statement to the end of the last one."""
        return max(bar.end for bar in self.work) - min(bar.begin for bar in self.work)

    @property
    def longest_read(self) -> float:
        """The longest time, in seconds, that a read took."""
        return max((bar.seconds for bar in self.reads), default=0.0)

    @property
    def longest_write(self) -> float:
        """The longest time, in seconds, that a write took."""
        return max((bar.seconds for bar in self.writes), default=0.0)

    @property
    def end(self) -> float:
        """When the last bar ends."""
        return max(bar.end for bar in (*self.work, *self.reads, *self.writes))

    def timeline(self, until: float = 0.0) -> Timeline:
        """Return the bars: the migration, its locks, and what waited."""
        lanes = (
            Lane(name="migration", bars=self.work),
            Lane(name="locked by it", bars=self.locks),
            Lane(name="a read of the application", bars=self.reads),
            Lane(name="a write of the application", bars=self.writes),
        )
        return Timeline(lanes=lanes, until=until, caption=str(self))

    def table(self) -> display.Table:
        """Return what the picture shows."""
        return self.timeline().table()

    def view(self) -> display.View:
        """Return the picture with its table."""
        return display.View(title=f"{self.name}, under load", blocks=(self.timeline(), _remark(self.answered)))

    def to_dict(self) -> dict[str, Any]:
        """Return the longest waits."""
        waits = {"longest_read": round(self.longest_read, 3), "longest_write": round(self.longest_write, 3)}
        return {"name": self.name, "seconds": round(self.seconds, 3), **waits}


def side_by_side(*crossings: Crossing) -> display.View:
    """Return several on clocks of the same length, one below the other, with what matters in a table above them."""
    columns = ("way", "work, s", "longest read, s", "longest write, s")
    rows = tuple(
        (one.name, f"{one.seconds:.2f}", f"{one.longest_read:.2f}", f"{one.longest_write:.2f}") for one in crossings
    )
    until = max(one.end for one in crossings)
    lines = tuple(one.timeline(until) for one in crossings)
    return display.View(title="The same change, both ways", blocks=(display.Table(columns=columns, rows=rows), *lines))


def fill(settings: TargetSettings, rows: int) -> None:
    """Give the table `users` that many rows, and tell the planner."""
    from contextlib import closing

    import psycopg2

    from ops import scratch

    with closing(psycopg2.connect(**scratch.options(settings.database.url))) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(_FILL, {"rows": rows})
            cursor.execute("VACUUM ANALYZE users")


def cross(settings: TargetSettings, name: str, revision: str = "head") -> Crossing:
    """Upgrade a throw-away database while its table `users` is read and written, and return what that met.

    Raises
    ------
    OpsError
        A revision fails, or the traffic meets an error.
    """
    with visit(settings, purpose="walkthrough") as here:
        steps = make(here, "up", revision).steps
        with traffic.running((READ,), settings) as reads, traffic.running((WRITE,), settings) as writes:
            begin = time.monotonic()
            time.sleep(_CALM)
            seen = observe(here, steps, "up", timed=True)
            time.sleep(_CALM)
    if seen.failed is not None:
        raise seen.failed
    if problems := (*reads.errors, *writes.errors):
        raise OpsError(f"The traffic met an error: {problems[0]}", next_step="Run all cells again, from the top.")
    locks = tuple(_locks(seen, begin))
    return Crossing(
        name=name,
        work=tuple(_work(seen, begin)),
        locks=locks,
        reads=tuple(_waits(reads, begin, locks)),
        writes=tuple(_waits(writes, begin, locks)),
        answered=reads.count + writes.count,
    )


def _work(seen: Observed, begin: float) -> Iterable[Bar]:
    for one in _own(seen):
        began, ended = seen.periods[one.number]
        yield Bar(begin=began - begin, end=ended - begin, text=brief(one.sql, limit=_LONGEST_SQL))


def _locks(seen: Observed, begin: float) -> Iterable[Bar]:
    """The strongest lock that each transaction held on a table, from the statement that took it to its last one."""
    for _, group in groupby(_own(seen), key=lambda one: one.transaction or -one.number):
        yield from _held(tuple(group), seen, begin)


def _held(group: Sequence[Statement], seen: Observed, begin: float) -> Iterable[Bar]:
    taken = [(one, lock) for one in group for lock in one.locks if lock.kind == "table" and lock.mode.blocks_writes]
    if not taken:
        return
    first, strongest = max(taken, key=lambda pair: (pair[1].mode, -pair[0].number))
    yield Bar(
        begin=seen.periods[first.number][0] - begin,
        end=seen.periods[group[-1].number][1] - begin,
        text=f"{strongest.mode.sql} on {strongest.relation}: {strongest.mode.waits} wait",
        tone="bad" if strongest.mode is Mode.ACCESS_EXCLUSIVE else "attention",
    )


def _own(seen: Observed) -> tuple[Statement, ...]:
    return tuple(one for one in seen.statements if one.number in seen.periods)


def _waits(met: Traffic, begin: float, locks: Sequence[Bar]) -> Iterable[Bar]:
    """What took long; where there was no lock of the table beside it, it waited for a row, or for the machine."""
    for one in met.waits:
        began, ended = one.began - begin, one.began + one.seconds - begin
        if began < 0:
            continue
        if any(lock.begin < ended and began < lock.end for lock in locks):
            yield Bar(begin=began, end=ended, text="waited for the table", tone="attention")
        else:
            yield Bar(begin=began, end=ended, text="beside no lock of the table")


def _remark(answered: int) -> display.Note:
    least = round(traffic.LEAST * 1000)
    return display.Note(
        f"The application got {answered} answers meanwhile. "
        f"One that came within {least} ms has no bar: nobody notices. "
        "What is dotted waited for a lock of the table."
    )
