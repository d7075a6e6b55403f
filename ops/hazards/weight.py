"""How bad a statement is for this database now: what it costs, who waits for it, and how many those are. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from ops.hazards.values import Severity
from ops.live import LiveRelation
from ops.statement import Mode

MIB = 1024 * 1024

# Below this, even a slow disk reads a table in a tenth of a second: who has to wait does not notice.
PAUSE_BYTES = 16 * MIB
# About a second at 200 MiB/s: requests pile up, and clients with an impatient timeout see errors.
DELAY_BYTES = 256 * MIB
# More than half a minute at that speed: pools run out of connections, and what should have waited has failed.
OUTAGE_BYTES = 8 * 1024 * MIB

# Rows so short that a table holds more of them in a byte do not exist: a header is 24 bytes, a line pointer 4.
_LEAST_ROW_BYTES = 28

# Less than one query a second: most of the time, nobody is there to wait.
QUIET = 1.0
# From here on somebody always waits, and a second of waiting is a queue that fills a usual pool of connections.
BUSY = 50.0
# Here even a lock of some milliseconds stops tens of queries, and those that a waiting lock stops are far more.
CROWDED = 1000.0


class Cost(Enum):
    """What a statement does while it holds its lock, and how many times that takes what one reading takes.

    A build reads, sorts and writes; a rewrite reads and writes everything, logs it, and builds every index.
    """

    CATALOG = 0
    SCAN = 1
    BUILD = 3
    REWRITE = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What weighs on a relation: size in bytes, and reads and writes per second. None is unknown, and never light."""

    heap_bytes: int | None = None
    total_bytes: int | None = None
    reads: float | None = None
    writes: float | None = None

    @property
    def is_empty(self) -> bool:
        """Whether it certainly holds no rows."""
        return self.heap_bytes == 0

    def traffic(self, mode: Mode) -> float | None:
        """Return how many queries a second have to wait for a lock of this mode; None where nobody knows."""
        if not mode.blocks_writes:
            return 0.0
        if self.writes is None or self.reads is None:
            return None
        return self.writes + self.reads if mode.blocks_reads else self.writes

    def bytes_for(self, cost: Cost) -> int | None:
        """Return how many bytes this work goes through: a rewrite takes the indexes along."""
        return self.total_bytes if cost is Cost.REWRITE else self.heap_bytes


UNKNOWN = Load()


def load(relation: LiveRelation | None, *, counted: bool) -> Load:
    """Return what weighs on a live relation; `counted`: its traffic is known per second.

    Of the estimate of rows and the size of the heap, the larger counts, as either may be out of date; of the traffic on
    average and now, too.
    """
    if relation is None:
        return UNKNOWN
    heap = max(relation.heap_bytes, (relation.rows or 0) * _LEAST_ROW_BYTES)
    unknown = relation.estimated and heap == 0  # nobody has looked since it was made
    idle = relation.reads == relation.writes == 0
    known = counted or idle or relation.reads_per_second > 0 or relation.writes_per_second > 0
    reads, writes = relation.reads_per_second, relation.writes_per_second
    if relation.reads_now is not None and relation.writes_now is not None:
        known, reads, writes = True, max(reads, relation.reads_now), max(writes, relation.writes_now)
    return Load(
        heap_bytes=None if unknown else heap,
        total_bytes=None if unknown else max(relation.total_bytes, heap + relation.index_bytes),
        reads=reads if known else None,
        writes=writes if known else None,
    )


def together(loads: Iterable[Load]) -> Load:
    """Return the sum: of partitions, or of all that one statement locks. Unknown as soon as one of them is."""
    every = list(loads)
    return Load(
        heap_bytes=_total([one.heap_bytes for one in every]),
        total_bytes=_total([one.total_bytes for one in every]),
        reads=_total([one.reads for one in every]),
        writes=_total([one.writes for one in every]),
    )


def larger(one: Load, other: Load) -> Load:
    """Return the larger of two figures of one relation; unknown where one is unknown."""
    return Load(
        heap_bytes=_most(one.heap_bytes, other.heap_bytes),
        total_bytes=_most(one.total_bytes, other.total_bytes),
        reads=_most(one.reads, other.reads),
        writes=_most(one.writes, other.writes),
    )


_Number = TypeVar("_Number", int, float)


def _total(values: Sequence[_Number | None]) -> _Number | None:
    known = [one for one in values if one is not None]
    return sum(known[1:], known[0]) if known and len(known) == len(values) else None


def _most(one: _Number | None, other: _Number | None) -> _Number | None:
    return None if one is None or other is None else max(one, other)


# Rows: how long it lasts (a pause, a delay, long, an outage); columns: nobody waits, quiet, in use, busy.
_S = Severity
_WEIGHTS = (
    (_S.INFO, _S.INFO, _S.LOW, _S.MEDIUM),
    (_S.INFO, _S.LOW, _S.MEDIUM, _S.HIGH),
    (_S.LOW, _S.MEDIUM, _S.HIGH, _S.CRITICAL),
    (_S.LOW, _S.HIGH, _S.CRITICAL, _S.CRITICAL),
)
_BRIEF = (_S.INFO, _S.INFO, _S.LOW, _S.LOW)


def weigh(*, cost: Cost, mode: Mode, work: Load, waiting: Load | None = None) -> Severity:
    """Return how bad it is to hold a lock of this mode for as long as this work takes.

    `work` is the load of what is read or written meanwhile, `waiting` that of the locked relation where it is another
    one. On an empty table everything is INFO. Where nothing is read or written, it is at most LOW, or MEDIUM on a
    crowded table: short, but everybody queues behind a lock that is itself waiting. A mode that lets readers and
    writers in is at most LOW: only vacuum and other changes wait. An unknown size counts as the largest, unknown
    traffic as busy.

    Source
    ------
    https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-TABLES
    """
    if work.is_empty and (waiting is None or waiting.is_empty):
        return Severity.INFO
    traffic = (waiting or work).traffic(mode)
    if cost is Cost.CATALOG:
        if traffic is not None and traffic >= CROWDED:
            return Severity.MEDIUM
        return _BRIEF[_crowd(traffic)]
    span = _span(cost, work)
    if not mode.blocks_writes:
        return Severity.LOW if span >= 2 and mode is Mode.SHARE_UPDATE_EXCLUSIVE else Severity.INFO
    return _WEIGHTS[span][_crowd(traffic)]


def is_long(cost: Cost, work: Load) -> bool:
    """Return whether work lasts for more than about a second; unknown is long."""
    return _span(cost, work) >= 2


def _span(cost: Cost, work: Load) -> int:
    """How long it lasts, from 0 to 3."""
    size = work.bytes_for(cost)
    if size is None:
        return 3
    weighted = size * cost.value
    return sum(weighted > limit for limit in (PAUSE_BYTES, DELAY_BYTES, OUTAGE_BYTES))


def _crowd(traffic: float | None) -> int:
    """How many wait, from 0 to 3."""
    if traffic is None:
        return 3
    return 0 if traffic <= 0 else 1 if traffic < QUIET else 2 if traffic < BUSY else 3
