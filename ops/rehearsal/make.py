"""How a rehearsal is made: a route, a copy with rows, the walks that it takes, judgement; and the record of it."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ops import dialects, plan, route
from ops.catalog import Catalog
from ops.errors import UsageError
from ops.ground import Ground
from ops.plan import kept
from ops.plan.file_plan import NO_LOCKS
from ops.project.visit import visit
from ops.rehearsal import copy, of_a_file, record, smoke, traffic
from ops.rehearsal.copy import Copy
from ops.rehearsal.course import Itinerary, Report
from ops.rehearsal.of_a_file import FileCopy
from ops.rehearsal.result import Rehearsal, Tested
from ops.rehearsal.smoke import Smoke
from ops.rehearsal.values import written
from ops.rehearsal.walks import Walks
from ops.settings import TargetSettings
from ops.statement import Statement
from ops.versionfile import Body, bodies

_NO_ROWS = {
    "none": "The copy has no rows: what a rollback would lose of them, and whether they make a revision fail, is not "
    "known.",
    "sample": "The copy has only some of the rows: what a rollback would lose of the others, and whether they make a "
    "revision fail, is not known.",
}


def rehearse(
    settings: TargetSettings,
    revision: str = "head",
    *,
    data: str = "all",
    rows_per_table: int = 1000,
    exclude_data: str = "",
    smoke_test: str = "",
    traffic_sql: str = "",
    accept: str = "",
    report: Report = lambda line: None,
) -> Rehearsal:
    """Return what happens when a target goes up to a revision, back and up again; a copy does, the target is only read.

    `data`, `rows_per_table` and `exclude_data` say which rows the copy gets: see `copy.made`. `smoke_test` is run after
    each way: see `smoke.read`. `traffic_sql` is repeated beside the first way up: see `traffic.read`. `accept`: ids of
    revisions, or beginnings of them, comma-separated, whose loss or missing way back is known and does not count.

    Raises
    ------
    UsageError
        There is no such choice of rows, test, or revision to accept.
    RevisionError, ProjectError, ConnectError
        The request cannot be resolved, the project does not load, or the server cannot be reached.
    OpsError
        There can be no copy: see `copy.made`.
    """
    clock = _Clock()
    copy.check(data, rows_per_table)
    dialects.require(settings, "rehearsal")
    if dialects.of(settings).is_file:
        of_a_file.check(data=data, exclude_data=exclude_data, traffic_sql=traffic_sql)
    test, statements = smoke.read(smoke_test, settings), traffic.read(traffic_sql, settings)
    with visit(settings, purpose="rehearse") as here:
        made = route.make(here, "up", revision)
        accepted = _accepted(accept, made)
        if not made.steps:
            return Rehearsal(route=made, data=data)
        table = here.version_table
        ground = None if here.dialect.is_file else Ground.of(settings, here.connection, table)
    foreseen = _foreseen(settings, made, revision)
    live = made.live
    assert live is not None  # a route that has just been made has it
    clock.lap("look and plan")
    copied = of_a_file.copied(settings) if ground is None else copy.made(
        settings, ground, live, table, made.current,
        data=data, rows_per_table=rows_per_table, exclude_data=exclude_data, report=report,
    )  # fmt: skip
    with copied as there:
        clock.lap("copy")
        walks = Walks(
            route=_way(made, table),
            timed=data != "none",
            report=report,
            smoke=None if test is None else lambda at: test.run(at, settings),
            traffic=statements,
            excluded=frozenset(written(name) for name in there.without),
        )
        walks.run(there, clock.lap)
    clock.lap("cleaning up")
    revisions = walks.rehearsed(made.revisions)
    found = Rehearsal(
        route=made,
        revisions=tuple(replace(one, accepted=one.revision in accepted) for one in revisions),
        statements=walks.up,
        down=walks.down,
        foreseen=foreseen,
        tests=tuple(_tested(where, one) for where, one in walks.tests.items()),
        waits=walks.waits,
        traffic_errors=walks.traffic_errors,
        data=data,
        server=f"SQLite {sqlite3.sqlite_version}" if isinstance(there, FileCopy) else f"PostgreSQL {there.major}",
        copies=walks.copies,
        phases=clock.laps,
        uncertain=() if isinstance(there, FileCopy) else tuple(_uncertain(there, live, data)),
        notes=(NO_LOCKS,) if isinstance(there, FileCopy) else there.differences,
    )
    return _recorded(settings, found)


class _Clock:
    """How long each phase took."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._mark = time.monotonic()

    def lap(self, phase: str) -> None:
        """Say that a phase is over, and the next one begins."""
        now = time.monotonic()
        self.laps[phase] = now - self._mark
        self._mark = now


def _way(made: route.Route, table: tuple[str, str]) -> Itinerary:
    ways_back = tuple(_way_back(one.path, one.can_downgrade) for one in made.revisions)
    return Itinerary(steps=made.steps, ways_back=ways_back, version_table=table)


def _uncertain(there: Copy, live: Catalog, data: str) -> Iterator[str]:
    """Why not everything is known, whatever the walks say."""
    yield from there.missing
    yield from live.doubts
    if live.unread:
        yield f"The role may not read: {', '.join(live.unread)}; a copy lacks them."
    if data in _NO_ROWS:
        yield _NO_ROWS[data]


def _recorded(settings: TargetSettings, found: Rehearsal) -> Rehearsal:
    try:
        record.write(settings.home, found)
    except OSError as error:  # what came out is worth more than its record
        why = f"The rehearsal is not on record, as {settings.home} cannot be written to: {error.strerror}."
        return replace(found, notes=(*found.notes, why))
    return found


def _accepted(text: str, made: route.Route) -> frozenset[str]:
    """The revisions that somebody accepts as they are.

    Raises
    ------
    UsageError
        One of them is none of the route's, or is the beginning of several.
    """
    known = [one.revision for one in made.revisions]
    found = set()
    for part in (part.strip() for part in text.split(",") if part.strip()):
        fits = [one for one in known if one == part] or [one for one in known if one.startswith(part)]
        if len(fits) != 1:
            several = f"the beginning of {', '.join(fits)}" if fits else "none of the revisions that are rehearsed"
            raise UsageError(
                f"{part[:60]!r} is {several}, so it cannot be accepted.",
                next_step=f"Write ids of these: {', '.join(known[:20]) or 'there is none'}.",
            )
        found.add(fits[0])
    return frozenset(found)


def _foreseen(settings: TargetSettings, made: route.Route, revision: str) -> tuple[Statement, ...]:
    """The statements of the plan, made now where nobody has made it."""
    known = kept.find(settings.home, made.fingerprint)
    if known is None:
        planned = plan.plan(settings, "up", revision)
        if planned.fingerprint != made.fingerprint:
            return ()  # something has changed in this moment
        return planned.statements
    return known.statements


def _way_back(path: str, can_downgrade: bool) -> tuple[Body, str]:
    if not can_downgrade:
        return Body.MISSING, ""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return Body.CODE, ""  # a compiled file: it is tried
    _, body, reason = bodies(text)
    return body, reason


def _tested(where: str, one: Smoke) -> Tested:
    return Tested(where=where, passed=one.passed, exit_code=one.exit_code, seconds=one.seconds, output=one.output)
