"""How a rehearsal is made: a route, a copy with rows, the walks that it takes, judgement; and the record of it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ops import plan, route
from ops.errors import OpsError, UsageError
from ops.ground import Ground
from ops.plan import kept
from ops.project.visit import visit
from ops.rehearsal import copy, judge, record, smoke, traffic
from ops.rehearsal.copy import Copy
from ops.rehearsal.course import MOST_COPIES, Report, Route, Walked, walk
from ops.rehearsal.result import Rehearsal, Rehearsed, Tested, Waited
from ops.rehearsal.smoke import Smoke
from ops.rehearsal.values import written
from ops.settings import TargetSettings
from ops.statement import Mode, Statement
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
    began = time.monotonic()
    if data not in copy.DATA:
        raise UsageError(f"{data!r} is no choice of rows.", next_step=f"Write one of: {', '.join(copy.DATA)}.")
    test, statements = smoke.read(smoke_test, settings), traffic.read(traffic_sql, settings)
    with visit(settings, purpose="rehearse") as here:
        made = route.make(here, "up", revision)
        accepted = _accepted(accept, made)
        setup, heads = here.setup, made.current
        table = (setup.version_table_schema, setup.version_table)
        if not made.steps:
            return Rehearsal(route=made, data=data)
        ground = Ground.of(settings, here.connection, table)
    foreseen = _foreseen(settings, made, revision)
    way = Route(
        steps=made.steps,
        ways_back=tuple(_way_back(step.revision.path, step.revision.can_downgrade) for step in made.steps),
        version_table=table,
    )
    phases = {"look and plan": time.monotonic() - began}
    mark = time.monotonic()
    assert made.live is not None  # a route that has just been made has it
    with copy.made(
        settings, ground, made.live, table, heads,
        data=data, rows_per_table=rows_per_table, exclude_data=exclude_data, report=report,
    ) as there:  # fmt: skip
        phases["copy"] = time.monotonic() - mark
        course = _Course(way, timed=data != "none", report=report)
        if test is not None:
            course.smoke = lambda at: test.run(at, settings)
        course.traffic = statements
        course.excluded = frozenset(written(name) for name in there.without)
        course.run(there)
        phases |= course.phases
        uncertain = [*there.missing, *made.live.doubts, *course.unknown]
        notes = there.differences
        version = there.server_version
    if made.live.unread:
        uncertain.append(f"The role may not read: {', '.join(made.live.unread)}; a copy lacks them.")
    if data in _NO_ROWS:
        uncertain.append(_NO_ROWS[data])
    found = Rehearsal(
        route=made,
        revisions=tuple(
            replace(one, accepted=one.revision in accepted)
            for one in course.rehearsed(step.revision for step in made.steps)
        ),
        statements=course.up,
        down=course.down,
        foreseen=foreseen,
        tests=tuple(_tested(where, one) for where, one in course.tests.items()),
        waits=course.waits,
        traffic=traffic_sql,
        traffic_errors=course.traffic_errors,
        data=data,
        server=f"PostgreSQL {version // 10000}",
        copies=course.copies,
        seconds=time.monotonic() - began,
        phases=phases,
        uncertain=tuple(dict.fromkeys(uncertain)),
        notes=notes,
    )
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


@dataclass(slots=True)
class _Course:
    """The walks, one after the other, and what is known so far."""

    route: Route
    timed: bool
    report: Report
    smoke: Any = None
    traffic: tuple[str, ...] = ()
    excluded: frozenset[str] = frozenset()
    copies: int = 0
    up: tuple[Statement, ...] = ()
    down: tuple[Statement, ...] = ()
    waits: tuple[Waited, ...] = ()
    traffic_errors: tuple[str, ...] = ()
    unknown: list[str] = field(default_factory=list)
    tests: dict[str, Smoke] = field(default_factory=dict)
    phases: dict[str, float] = field(default_factory=dict)
    _met: Any = None
    _known: dict[int, dict[str, Any]] = field(default_factory=dict)
    _waiting: deque[tuple[int, int]] = field(default_factory=deque)
    _asked: set[tuple[int, int]] = field(default_factory=set)

    def run(self, there: Copy) -> None:
        """Walk the whole route on the copy, and on others what has to be walked anew."""
        mark = time.monotonic()
        self.copies = 1
        beside = self._beside(there) if self.traffic else None
        whole = walk(
            there, self.route, 0, self.route.length,
            timed=self.timed, smoke=self.smoke, beside=beside, report=self.report,
        )  # fmt: skip
        self.phases["up, down, up"] = time.monotonic() - mark
        self.up = whole.up.statements
        self._hear(whole)
        self._take(whole)
        mark = time.monotonic()
        while self._waiting:
            floor, top = self._waiting.popleft()
            if self.copies >= MOST_COPIES:
                self._leave(
                    floor, top, f"more than {MOST_COPIES} copies would be needed; rehearse fewer revisions at once"
                )
                continue
            self.copies += 1
            names = self.route.name(floor + 1), self.route.name(top)
            self.report(f"another copy, for {names[0] if names[0] == names[1] else ' to '.join(names)}")
            try:
                with there.again() as other:
                    smoke_test = self.smoke if floor == 0 and not self._is_tested else None
                    self._take(
                        walk(other, self.route, floor, top, timed=self.timed, smoke=smoke_test, report=self.report)
                    )
            except OpsError as error:
                self._leave(floor, top, error.problem)
        if self.copies > 1:
            self.phases["further copies"] = time.monotonic() - mark

    def rehearsed(self, revisions: Iterable[Any]) -> Iterator[Rehearsed]:
        """Yield what came of each revision."""
        for number, one in enumerate(revisions, 1):
            known = dict(self._known.get(number, {}))
            known["unknown"] = (*known.get("unknown", ()), *self._without_rows(one.revision))
            yield Rehearsed(revision=one.revision, message=one.message, path=one.path, **known)

    def _without_rows(self, revision: str) -> Iterator[str]:
        """What a revision would do to rows that were not to leave the target."""
        locked = {
            lock.relation
            for one in (*self.up, *self.down)
            if one.revision == revision
            for lock in one.locks
            if lock.mode >= Mode.ROW_EXCLUSIVE
        }
        names = sorted(locked & self.excluded)
        if names:
            yield f"The rows of {', '.join(names)} were not copied: what it does to them is not known."

    @property
    def _is_tested(self) -> bool:
        return any(where != "after the way up" for where in self.tests)

    @contextmanager
    def _beside(self, there: Copy) -> Iterator[None]:
        with traffic.running(self.traffic, there.settings) as self._met:
            yield

    def _hear(self, whole: Walked) -> None:
        """The longest wait of the traffic that began during each statement."""
        if self._met is None:
            return
        found = []
        for number, (began, ended) in whole.up.periods.items():
            longest = self._met.longest(began, ended)
            if longest is not None:
                found.append(Waited(statement=number, sql=longest.sql, seconds=longest.seconds, error=longest.error))
        self.waits, self.traffic_errors = tuple(found), self._met.errors

    # -- what a walk tells ---------------------------------------------------------------------------

    def _note(self, number: int, **what: Any) -> None:
        """What was known before stays."""
        known = self._known.setdefault(number, {})
        for name, value in what.items():
            known.setdefault(name, value)

    def _leave(self, floor: int, top: int, why: str) -> None:
        for number in range(floor + 1, top + 1):
            known = self._known.setdefault(number, {})
            if known.get("down") is None or known.get("up_again") is None:
                known["unknown"] = (*known.get("unknown", ()), f"Not everything was tried: {why}.".replace("..", "."))

    def _again(self, floor: int, top: int) -> None:
        """Have some revisions walked in another copy; each stretch once, as the same would come out."""
        if floor < top and (floor, top) not in self._asked:
            self._asked.add((floor, top))
            self._waiting.append((floor, top))

    def _take(self, walked: Walked) -> None:
        way = walked.walk
        self.tests = {**walked.smoke, **self.tests}
        news = {one.revision for one in walked.down.statements} - {one.revision for one in self.down}
        self.down += tuple(one for one in walked.down.statements if one.revision in news)
        for number in range(way.floor + 1, way.top + 1):
            self._note(number, up=True, brings=judge.brings(way, number))
        if walked.failed_up is not None:
            number, error = walked.failed_up
            self._note(number, up=False, error=error.problem)
            if walked.spoiled:
                self._again(way.floor, number - 1)
        self._come_back(walked)
        if walked.spoiled and walked.failed_down is not None:
            self._again(way.lowest, way.top)
        elif not walked.spoiled:
            self._repeat(walked)

    def _come_back(self, walked: Walked) -> None:
        way = walked.walk
        ended = walked.failed_down or walked.refused
        if ended is not None:
            number, why = ended
            if walked.refused is not None:
                self._note(number, down=False, no_way_back=why)
            else:
                self._note(number, down=False, error=walked.failed_down[1].problem)  # type: ignore[index]
            self._again(way.floor, number - 1)
        for number in range(way.lowest + 1, way.top + 1):
            back = judge.returned(way, number)
            if back.doubtful:
                self._again(number - 1, number)
                continue
            self._note(
                number,
                down=True,
                restored=not back.differences,
                differences=back.differences,
                lost=back.lost,
                left=back.left,
                unknown=back.unknown,
            )

    def _repeat(self, walked: Walked) -> None:
        way = walked.walk
        reached = way.top
        if walked.failed_again is not None:
            number, error = walked.failed_again
            reached = number - 1
            self._note(number, up_again=False, error=error.problem)
            self._again(number, way.top)
        for number in range(way.lowest + 1, reached + 1):
            back = judge.returned(way, number)
            again = judge.repeated(way, number, back)
            if back.doubtful or again.doubtful:
                self._again(number - 1, number)
                continue
            self._note(number, up_again=again.same, repeats=again.differences, unlike=again.unlike)
