"""Rates times sizes: what each statement takes, how long each lock is held, how much room is needed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from ops.estimate.values import (
    LEAST,
    LEAST_OF_READING,
    ZERO,
    Estimate,
    Estimates,
    Held,
    Range,
    Rate,
    Total,
    Trial,
    Work,
)
from ops.live import Live
from ops.statement import Lock, Mode, Statement

Measured = Mapping[int, tuple[float, int | None, str]]
"""Seconds, bytes of WAL, and when: what a rehearsal measured of statements, by their number."""

SHORTEST = 1.0
"""Seconds below which there is no figure: what else the machine does decides there."""

_NOT_TRIED = "it could not be tried on synthetic rows"
_READS = ("scan", "check", "reference")
_INDEXES = ("index", "partitioned index")


def estimate(
    statements: Sequence[Statement],
    works: Mapping[int, Work],
    live: Live,
    rates: Mapping[Trial, Rate | str],
    measured: Measured,
    *,
    distance: str = "",
) -> Estimates:
    """Return what a plan takes.

    `works` are what each statement has to do; `rates` have the rate of each trial, or why there is none. Where a
    rehearsal has `measured` a statement on a copy with all rows, that counts, and not the rates.
    """
    own = [one for one in statements if one.number in works]
    found = tuple(_estimate(one, works[one.number], live, rates, measured) for one in own)
    by_number = {one.statement: one for one in found}
    return Estimates(
        statements=found,
        held=tuple(_held(own, by_number)),
        disk=_disk(own, by_number),
        wal=sum((one.wal for one in found), ZERO),
        rates=tuple((trial, rate if isinstance(rate, Rate) else None) for trial, rate in rates.items()),
        distance=distance if any(isinstance(one, Rate) for one in rates.values()) else "",
    )


def _estimate(
    one: Statement, work: Work, live: Live, rates: Mapping[Trial, Rate | str], measured: Measured
) -> Estimate:
    known = measured.get(one.number)
    if work.is_brief:
        return Estimate(statement=one.number, brief=True)
    missing = [str(rates.get(trial, _NOT_TRIED)) for trial in work.trials if not isinstance(rates.get(trial), Rate)]
    why = work.why or (missing[0] if missing else "")
    pairs = [] if why else [_scaled(trial, rates[trial], live) for trial in work.trials]
    disk, wal = sum((pair[1] for pair in pairs), ZERO), sum((pair[2] for pair in pairs), ZERO)
    if known is not None:
        seconds, written, when = known
        log = wal if written is None else Range.near(written)
        return _figure(Estimate(statement=one.number, seconds=Range.near(seconds), disk=disk, wal=log, measured=when))
    if why:
        return Estimate(statement=one.number, why=why)
    seconds_in_all = sum((pair[0] for pair in pairs), ZERO)
    return _figure(Estimate(statement=one.number, seconds=seconds_in_all, disk=disk, wal=wal))


def _figure(found: Estimate) -> Estimate:
    """Without its seconds where it is brief."""
    if found.seconds is not None and found.seconds.high < SHORTEST:
        return replace(found, seconds=None, brief=True)
    return found


def _scaled(trial: Trial, rate: Rate | str, live: Live) -> tuple[Range, Range, Range]:
    """Seconds, bytes on the disk and bytes of WAL of a trial on the live table."""
    assert isinstance(rate, Rate)  # whoever asks has looked
    rows = _rows(trial.relation, rate, live)
    least = LEAST_OF_READING if trial.kind in _READS else LEAST
    return Range.around(rows * rate.seconds, least), Range.near(rows * rate.bytes), Range.near(rows * rate.wal)


def _rows(relation: str, rate: Rate, live: Live) -> float:
    """How many rows a table has: as counted, unless the heap tells that the count is out of date."""
    known = live.of(relation)
    if known is None:
        return 0.0
    by_size = known.heap_bytes / rate.row_bytes
    rows = known.rows or 0
    return float(rows) if rows * 4 >= by_size else by_size


def _held(own: Sequence[Statement], estimates: Mapping[int, Estimate]) -> Iterator[Held]:
    """For each transaction the locks that others wait for, each from the statement that takes it to its last one.

    A table that is locked twice, the second time more strongly, has two.
    """
    for _, group in groupby(own, key=lambda one: one.transaction or -one.number):
        together = list(group)
        modes: dict[str, Mode] = {}
        for place, one in enumerate(together):
            for lock in _counted(one):
                if modes.get(lock.relation, 0) < lock.mode:
                    modes[lock.relation] = lock.mode
                    yield Held(
                        relation=lock.relation,
                        mode=lock.mode,
                        first=one.number,
                        last=together[-1].number,
                        total=Total.of(estimates[other.number] for other in together[place:]),
                    )


def _counted(one: Statement) -> Iterator[Lock]:
    """The locks of a statement that readers or writers wait for, the strongest first; not those on indexes."""
    strong = [lock for lock in one.locks if lock.mode.blocks_writes and lock.kind not in _INDEXES]
    yield from sorted(strong, key=lambda lock: (-lock.mode, lock.relation))


def _disk(own: Sequence[Statement], estimates: Mapping[int, Estimate]) -> Range:
    """The most that is there at once beside the old: what a rewrite replaces goes when its transaction ends."""
    stays, most = ZERO, ZERO
    for _, group in groupby(own, key=lambda one: one.transaction or -one.number):
        together = [(one, estimates[one.number]) for one in group]
        now = sum((found.disk for _, found in together), stays)
        most = Range(low=max(most.low, now.low), high=max(most.high, now.high))
        stays = sum((found.disk for one, found in together if not one.rewrites), stays)
    return most
