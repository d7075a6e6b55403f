"""Which table is locked from when to when, and who waits for it: the same of a plan, a rehearsal and a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from ops.display import Bar, Lane, Timeline, Tone
from ops.statement import Mode, Statement, brief

_SQL_CHARACTERS = 70
_TABLES = 12
"""How many tables have a lane: those that are locked longest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A statement in time: seconds from the beginning of the first one.

    `length` are words in place of its seconds, where there is no figure. `is_open`: it may take any time, so that what
    is locked meanwhile is locked longer than the picture can show.
    """

    statement: Statement
    begin: float
    end: float
    length: str = ""
    is_open: bool = False


SHORTEST = 1.0
"""Seconds in all below which nobody needs a picture."""


def in_turn(took: Iterable[tuple[Statement, float | None]]) -> tuple[Passage, ...]:
    """Return statements one behind the other, each with its seconds: 0 is too short for a figure, None is not known."""
    found: list[Passage] = []
    now = 0.0
    for statement, seconds in took:
        end = now + (seconds or 0.0)
        length = "not known" if seconds is None else "" if seconds else "less than 1"
        found.append(Passage(statement=statement, begin=now, end=end, length=length, is_open=seconds is None))
        now = end
    return tuple(found)


def timeline(passages: Sequence[Passage], *, caption: str, more: Iterable[Lane] = ()) -> Timeline | None:
    """Return a lane of the statements, and one for each table that others wait for.

    None where there is no such table, or where all of it takes less than `SHORTEST`.
    A lock lasts from the statement that takes it to the end of its transaction. `more` are lanes below.
    """
    locks: dict[str, list[Bar]] = {}
    for _, group in groupby(passages, key=lambda one: one.statement.transaction or -one.statement.number):
        for relation, bar in _held(list(group)):
            locks.setdefault(relation, []).append(bar)
    if not locks or passages[-1].end - passages[0].begin < SHORTEST:
        return None
    longest = sorted(locks.items(), key=lambda item: -sum(bar.seconds for bar in item[1]))[:_TABLES]
    lanes = [Lane(name=relation, bars=tuple(bars)) for relation, bars in longest]
    work = Lane(name="statements", bars=tuple(map(_work, passages)))
    return Timeline(lanes=(work, *lanes, *more), caption=caption)


def _work(one: Passage) -> Bar:
    return Bar(begin=one.begin, end=one.end, text=brief(one.statement.sql, limit=_SQL_CHARACTERS), length=one.length)


def _held(group: Sequence[Passage]) -> Iterator[tuple[str, Bar]]:
    """The locks of one transaction that readers or writers wait for; where one is made stronger, the stronger one."""
    end = group[-1].end
    strongest: dict[str, tuple[Mode, int]] = {}
    for place, one in enumerate(group):
        for lock in one.statement.waited_for:
            known = strongest.get(lock.relation)
            if lock.mode.blocks_writes and (known is None or known[0] < lock.mode):
                strongest[lock.relation] = (lock.mode, place if known is None else known[1])
    for relation, (mode, place) in strongest.items():
        tone: Tone = "bad" if mode.blocks_reads else "attention"
        begin = group[place].begin
        meanwhile = group[place:]
        length = f"{end - begin:.2f} and more" if any(one.is_open for one in meanwhile) else ""
        if all(one.length and not one.is_open for one in meanwhile):
            length = meanwhile[0].length
        yield relation, Bar(begin=begin, end=end, text=f"{mode.sql}: {mode.waits} wait", tone=tone, length=length)
