"""Which walks a rehearsal takes, one after the other, and what is known of each revision by then."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ops.errors import OpsError
from ops.history import Revision
from ops.rehearsal import judge, traffic
from ops.rehearsal.course import MOST_COPIES, Copied, Itinerary, Report, SmokeTest, Walked, no_way_back, walk
from ops.rehearsal.result import Rehearsed, Waited
from ops.rehearsal.smoke import Smoke
from ops.rehearsal.traffic import Traffic
from ops.statement import Mode, Statement


@dataclass(slots=True)
class Walks:
    """The walks, and what is known so far.

    `smoke` is run after each way, `traffic` repeated beside the first way up. `excluded` are tables, by their qualified
    names, whose rows the copies have not.
    """

    route: Itinerary
    timed: bool
    report: Report
    smoke: SmokeTest | None = None
    traffic: tuple[str, ...] = ()
    excluded: frozenset[str] = frozenset()
    copies: int = 0
    up: tuple[Statement, ...] = ()
    down: tuple[Statement, ...] = ()
    waits: tuple[Waited, ...] = ()
    traffic_errors: tuple[str, ...] = ()
    tests: dict[str, Smoke] = field(default_factory=dict)
    _met: Traffic | None = None
    _known: dict[int, dict[str, Any]] = field(default_factory=dict)
    _waiting: deque[tuple[int, int]] = field(default_factory=deque)
    _asked: set[tuple[int, int]] = field(default_factory=set)

    def run(self, there: Copied, lap: Callable[[str], None]) -> None:
        """Walk the whole route on the copy, and on others what has to be walked anew; `lap` is called behind each."""
        self.copies = 1
        beside = self._beside(there) if self.traffic else None
        whole = walk(
            there, self.route, 0, self.route.length,
            timed=self.timed, smoke=self.smoke, beside=beside, report=self.report,
        )  # fmt: skip
        lap("up, down, up")
        self.up = whole.up.statements
        self._hear(whole)
        self._take(whole)
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
            lap("further copies")

    def rehearsed(self, revisions: Iterable[Revision]) -> Iterator[Rehearsed]:
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
    def _beside(self, there: Copied) -> Iterator[None]:
        with traffic.running(self.traffic, there.settings) as self._met:
            yield

    def _hear(self, whole: Walked) -> None:
        """The longest wait of the traffic during each statement, which may have begun just before it."""
        if self._met is None:
            return
        found = []
        before = -math.inf
        for number, (began, ended) in sorted(whole.up.periods.items(), key=lambda one: one[1]):
            longest = self._met.longest(began, ended, since=before)
            before = ended
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
            self._again(way.floor, self._next_with_a_way_back(way, number - 1))
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

    def _next_with_a_way_back(self, way: judge.Walk, number: int) -> int:
        """The next revision below that has a downgrade: to find none, no copy is needed."""
        while number > way.floor:
            why = no_way_back(way, number, *self.route.ways_back[number - 1])
            if not why:
                break
            self._note(number, down=False, no_way_back=why)
            number -= 1
        return number

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
