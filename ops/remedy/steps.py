"""One statement of a remedy, and the order in which statements work."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from ops.remedy import words


class Phase(IntEnum):
    """When a statement runs, where nothing else decides: what others stand on comes first and goes last."""

    SETTINGS = 0
    DROP_EVENT_TRIGGER = 1
    DROP_PUBLICATION = 2
    DROP_POLICY = 3
    DROP_TRIGGER = 4
    DROP_VIEW = 5
    DROP_STATISTICS = 6
    DROP_FOREIGN_KEY = 7
    DROP_INDEX = 8
    RELEASE = 9
    DETACH = 10
    DROP_COLUMN = 11
    NULLABLE = 12
    RENAME = 20
    SCHEMA = 30
    EXTENSION = 31
    WRAPPER = 32
    SERVER = 33
    TYPE = 34
    SEQUENCE = 35
    ROUTINE = 36
    TABLE = 40
    COLUMN = 42
    COLUMN_TYPE = 43
    GENERATED = 44
    DEFAULT = 45
    NOT_NULL = 46
    IDENTITY = 47
    CONSTRAINT = 48
    ATTACH = 49
    INDEX = 50
    INDEX_STATE = 51
    FOREIGN_KEY = 52
    STATISTICS = 53
    VIEW = 54
    TRIGGER = 55
    POLICY = 56
    TABLE_SETTING = 57
    PARTITION_SETTING = 60
    OWNED_BY = 61
    POSITION = 62
    DROP_TABLE = 80
    DROP_SEQUENCE = 81
    DROP_ROUTINE = 82
    DROP_TYPE = 83
    DROP_SERVER = 84
    DROP_WRAPPER = 85
    DROP_EXTENSION = 86
    DROP_SCHEMA = 87
    OWNER = 90
    GRANT = 91
    COMMENT = 92
    DEFAULT_PRIVILEGES = 93
    PUBLICATION = 94
    EVENT_TRIGGER = 95


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One statement.

    `op` is the Alembic operation that says the same, where there is one. `provides` are the names that exist after it,
    `frees` the names that do not any more, `uses` what the object that it drops depended on. `soft` is what it
    speaks of without needing it: the body of a function, which nobody checks before it runs. `quiet` steps go without
    saying for the role that owns everything, as the one that runs migrations does.
    """

    phase: Phase
    sql: str
    op: str = ""
    provides: tuple[str, ...] = ()
    frees: tuple[str, ...] = ()
    uses: frozenset[str] = frozenset()
    needs: tuple[str, ...] = ()
    soft: bool = False
    loses: str = ""
    note: str = ""
    new_label: str = ""
    quiet: bool = False

    @property
    def python(self) -> str:
        """The Alembic operation."""
        return self.op or words.execute(self.sql)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What makes one changed object right: steps, or dropping it and making it anew, or nothing, and then why.

    Both `anew` and `why`: it can only be made anew, which works as long as nothing stands on it. Both `steps` and
    `why`: the steps do a part of it.
    """

    steps: tuple[Step, ...] = ()
    anew: bool = False
    why: str = ""
    loses: str = ""


def ordered(steps: Sequence[Step]) -> list[Step]:
    """Return the steps in an order that works.

    By phase, but what provides a name runs before what speaks of it, what frees a name before what takes it,
    and what drops an object after what drops its users. In a circle, the soft bonds give way first.
    """
    steps = list(dict.fromkeys(steps))
    providers, takers, droppers = defaultdict(list), defaultdict(list), defaultdict(list)
    for number, step in enumerate(steps):
        for name in step.provides:
            providers[name].append(number)
        for name in step.frees:
            droppers[name].append(number)
        if step.phase in _DROPS:
            for name in step.uses:
                takers[name].append(number)
    hard: list[set[int]] = [set() for _ in steps]
    soft: list[set[int]] = [set() for _ in steps]
    for number, step in enumerate(steps):
        head = _head(step)
        spoken = words.names_in(head) | set(step.needs)
        if step.phase not in _DROPS:
            for name in spoken:
                hard[number].update(providers.get(name, ()))
            if step.soft:
                for name in words.names_in_bodies(step.sql) - spoken:
                    soft[number].update(providers.get(name, ()))
        for name in step.provides:
            hard[number].update(droppers.get(name, ()))
        for name in step.frees:
            if step.phase in _DROPS:
                hard[number].update(takers.get(name, ()))
        hard[number].discard(number)
        soft[number].discard(number)
    return [steps[number] for number in _sorted(steps, hard, soft)]


def _sorted(steps: Sequence[Step], hard: list[set[int]], soft: list[set[int]]) -> Iterable[int]:
    waiting = {number: hard[number] | soft[number] for number in range(len(steps))}
    followers: dict[int, list[int]] = defaultdict(list)
    for number, before in waiting.items():
        for one in before:
            followers[one].append(number)
    ready = [(steps[number].phase, number) for number, before in waiting.items() if not before]
    heapq.heapify(ready)
    while waiting:
        if not ready:
            open_ones = {number: hard[number] & waiting.keys() for number in waiting}
            free = [number for number, before in open_ones.items() if not before] or list(waiting)
            ready.append(min((steps[number].phase, number) for number in free))
        _, number = heapq.heappop(ready)
        if number not in waiting:
            continue
        del waiting[number]
        yield number
        for follower in followers[number]:
            if follower in waiting:
                waiting[follower].discard(number)
                if not waiting[follower]:
                    heapq.heappush(ready, (steps[follower].phase, follower))


def _head(step: Step) -> str:
    """What of a statement has to exist when it runs."""
    return step.sql.partition("\nAS $")[0] if step.soft else step.sql


_DROPS = frozenset(phase for phase in Phase if phase.name.startswith("DROP_"))
