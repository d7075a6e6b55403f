"""The way itself: a copy goes up one revision at a time, back to where it was, and up again; looked at after each.

A revision that has no way back, or whose way back fails, ends the way back there. What is above it goes up again in the
same copy, and what is below it is walked in a fresh one; so is, by itself, a revision of which nobody can tell whether
what is wrong is its fault. Each walk needs another copy, so there is a limit to that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, field
from itertools import count
from typing import Protocol

from ops.catalog import Catalog, snapshot
from ops.errors import ConnectError, InterruptedRunError, OpsError, first_line
from ops.observe import Observed, observe
from ops.project.visit import Step, Visit, visit
from ops.rehearsal import contents, losses
from ops.rehearsal.judge import Stop, Walk, changes_nothing
from ops.rehearsal.smoke import Smoke
from ops.rehearsal.values import Contents
from ops.settings import TargetSettings
from ops.versionfile import Body

MOST_COPIES = 12
"""How many copies one rehearsal makes at most, one after the other: each is as large as the target."""

Report = Callable[[str], None]


class Eyes(Protocol):
    """How a copy is looked at, and run on, in one visit."""

    def catalog(self, here: Visit) -> Catalog:
        """Everything that the schema contains."""

    def contents(self, here: Visit, before: Contents | None) -> Contents:
        """What the tables hold; of those that are as they were `before` nothing is read again."""

    def observe(
        self, here: Visit, steps: Sequence[Step], direction: str, *, timed: bool, behind: Callable[[str], None]
    ) -> Observed:
        """Run revisions, with a look behind each statement."""


class ServerEyes:
    """How a copy on a server is looked at."""

    def __init__(self) -> None:
        self._plans = snapshot.Plans()

    def catalog(self, here: Visit) -> Catalog:
        """Everything that the schema contains."""
        return here.catalog(plans=self._plans)

    def contents(self, here: Visit, before: Contents | None) -> Contents:
        """What the tables hold.

        Raises
        ------
        ConnectError
            They cannot be read.
        """
        import psycopg2

        try:
            return contents.read(here.connection, version_table=here.version_table, before=before)
        except psycopg2.Error as error:
            raise ConnectError(
                f"What the copy holds cannot be read: {first_line(error)}.",
                next_step="See whether the scratch server runs and has room on its disk, and rehearse again.",
                code="copy",
            ) from None

    def observe(
        self, here: Visit, steps: Sequence[Step], direction: str, *, timed: bool, behind: Callable[[str], None]
    ) -> Observed:
        """Run revisions, with a look behind each statement."""
        return observe(here, steps, direction, version_table=here.version_table, timed=timed, behind=behind)


class Copied(Protocol):
    """What is needed of a copy."""

    @property
    def settings(self) -> TargetSettings:
        """What leads there."""

    def eyes(self) -> Eyes:
        """How it is looked at, in one visit."""

    def again(self) -> AbstractContextManager[Copied]:
        """Another one of the same starting state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Itinerary:
    """What is to be walked: the revisions, what their downgrades hold, and where the versions are kept.

    `ways_back` has for each revision the kind of its downgrade, and with which words it refuses.
    """

    steps: tuple[Step, ...]
    ways_back: tuple[tuple[Body, str], ...]
    version_table: tuple[str, str]

    @property
    def length(self) -> int:
        """How many revisions there are."""
        return len(self.steps)

    def name(self, revision: int) -> str:
        """The id of a revision by its number."""
        return self.steps[revision - 1].revision.revision


@dataclass(frozen=True, slots=True, kw_only=True)
class Walked:
    """What one walk showed. `stopped` are the numbers of revisions at which it could not go on, and why.

    `refused`: the revision that has no way back. `spoiled`: a failure has left something of itself in the copy, so
    that nothing could be tried there any more. `smoke` has how the smoke tests ended, by where.
    """

    walk: Walk
    up: Observed = field(default_factory=Observed, repr=False)
    down: Observed = field(default_factory=Observed, repr=False)
    failed_up: tuple[int, OpsError] | None = None
    failed_down: tuple[int, OpsError] | None = None
    failed_again: tuple[int, OpsError] | None = None
    refused: tuple[int, str] | None = None
    spoiled: bool = False
    smoke: Mapping[str, Smoke] = field(default_factory=dict)


SmokeTest = Callable[[TargetSettings], Smoke]
AFTER_UP, AFTER_DOWN, AFTER_AGAIN = "after the way up", "after the way back", "after the second way up"


def walk(
    copy: Copied,
    route: Itinerary,
    floor: int,
    top: int,
    *,
    timed: bool,
    smoke: SmokeTest | None = None,
    beside: AbstractContextManager[object] | None = None,
    report: Report = lambda line: None,
) -> Walked:
    """Walk a copy from place `floor` up to `top`, back, and up again. `beside` is entered for the first way up.

    Raises
    ------
    OpsError
        The copy cannot be looked at, or env.py does not go there. What the revisions do wrong is a part of the answer.
    """
    with _Site(copy, route, report) as site:
        return _Way(site, floor, top, timed=timed, smoke=smoke, beside=beside).walked()


class _Site:
    """A visit to a copy, made anew behind a failure: what that left in the worker's session is nobody's to guess."""

    def __init__(self, copy: Copied, route: Itinerary, report: Report) -> None:
        self.copy = copy
        self.route = route
        self.report = report
        self._stack = ExitStack()
        self.eyes = copy.eyes()
        self._last: Stop | None = None

    def __enter__(self) -> _Site:
        self.here: Visit = self._stack.enter_context(visit(self.copy.settings, purpose="rehearse"))
        return self

    def __exit__(self, *problem: object) -> None:
        self._stack.close()

    def again(self) -> None:
        """Leave, and come back."""
        self._stack.close()
        self.eyes = self.copy.eyes()
        self.here = self._stack.enter_context(visit(self.copy.settings, purpose="rehearse"))

    def look(self) -> Stop:
        """Return what there is now."""
        last = self._last
        found = self.eyes.catalog(self.here)
        if last is not None and found.fingerprint == last.catalog.fingerprint:
            found = last.catalog  # there are two looks for each revision, and most leave most as it is
        held = self.eyes.contents(self.here, None if last is None else last.contents)
        self._last = Stop(catalog=found, contents=held)
        return self._last


class _Way:
    """One walk while it goes on."""

    def __init__(
        self,
        site: _Site,
        floor: int,
        top: int,
        *,
        timed: bool,
        smoke: SmokeTest | None,
        beside: AbstractContextManager[object] | None,
    ) -> None:
        self.site = site
        self.route = site.route
        self.floor = floor
        self.top = self.lowest = top
        self.timed = timed
        self.smoke = smoke
        self.beside = beside
        self.first: dict[int, Stop] = {}
        self.down: dict[int, Stop] = {}
        self.again: dict[int, Stop] = {}
        self.tests: dict[str, Smoke] = {}

    def walked(self) -> Walked:
        self._quietly(self.route.steps[: self.floor])
        self.first[self.floor] = self.site.look()
        up, failed_up = self._up()
        if failed_up is not None:
            self.top = failed_up[0] - 1
            spoiled = self._is_spoiled(self.first[self.top])
            if spoiled:
                return self._answer(up, Observed(), failed_up=failed_up, spoiled=True)
        if self.top == self.route.length:
            self._test(AFTER_UP)
        down, failed_down, refused = self._back()
        if failed_down is not None and self._is_spoiled(self.down.get(self.lowest, self.first[self.lowest])):
            return self._answer(up, down, failed_up=failed_up, failed_down=failed_down, spoiled=True)
        whole = self.lowest == 0
        if whole:
            self._test(AFTER_DOWN)
        failed_again = self._again()
        if whole and failed_again is None and self._rest():
            self._test(AFTER_AGAIN)
        return self._answer(
            up, down, failed_up=failed_up, failed_down=failed_down, failed_again=failed_again, refused=refused
        )

    def _answer(self, up: Observed, down: Observed, **details: object) -> Walked:
        way = Walk(
            floor=self.floor,
            top=self.top,
            lowest=self.lowest,
            first=self.first,
            down=self.down,
            again=self.again,
        )
        return Walked(walk=way, up=up, down=down, smoke=self.tests, **details)  # type: ignore[arg-type]

    def _up(self) -> tuple[Observed, tuple[int, OpsError] | None]:
        steps = self.route.steps[self.floor : self.top]
        with self.beside or nullcontext():
            seen = self._run(steps, "up", self.floor, self.first)
        return seen, None if seen.failed is None else (max(self.first) + 1, seen.failed)

    def _back(self) -> tuple[Observed, tuple[int, OpsError] | None, tuple[int, str] | None]:
        """Go back as far as it goes: to the floor, or to a revision that has no way back or whose way back fails."""
        way = Walk(floor=self.floor, top=self.top, lowest=self.top, first=self.first, down={}, again={})
        bottom, refused = self.floor, None
        for number in range(self.top, self.floor, -1):
            why = no_way_back(way, number, *self.route.ways_back[number - 1])
            if why:
                bottom, refused = number, (number, why)
                break
        steps = self.route.steps[bottom : self.top]
        seen = self._run(tuple(reversed(steps)), "down", self.top, self.down)
        self.lowest = min(self.down, default=self.top)
        if seen.failed is not None:
            return seen, (self.lowest, seen.failed), None
        return seen, None, refused

    def _again(self) -> tuple[int, OpsError] | None:
        seen = self._run(self.route.steps[self.lowest : self.top], "up", self.lowest, self.again)
        return None if seen.failed is None else (max(self.again, default=self.lowest) + 1, seen.failed)

    def _rest(self) -> bool:
        """Go on to the head, for the last smoke test; return whether it is reached."""
        if self.smoke is None:
            return False
        try:
            self._quietly(self.route.steps[self.top :])
        except OpsError:
            return False
        return True

    def _run(self, steps: Sequence[Step], direction: str, place: int, stops: dict[int, Stop]) -> Observed:
        """Run revisions with a look behind each; a failure ends it, and the site is left and entered anew."""
        if not steps:
            return Observed()
        places = count(place + 1) if direction == "up" else count(place - 1, -1)

        def behind(revision: str) -> None:
            number = next(places)
            stops[number] = self.site.look()
            arrow = "up to" if direction == "up" else "down from"
            self.site.report(f"{arrow} {revision}")

        try:
            seen = self.site.eyes.observe(self.site.here, steps, direction, timed=self.timed, behind=behind)
        except InterruptedRunError as error:  # the revision has ended its own process
            seen = Observed(failed=error)
        if seen.failed is not None:
            self.site.again()
        return seen

    def _quietly(self, steps: Sequence[Step]) -> None:
        if steps:
            self.site.here.worker.request(
                "migrate",
                listener=lambda event: None,
                read_only=False,
                revisions=[one.revision.revision for one in steps],
                direction="up",
            )

    def _is_spoiled(self, wanted: Stop) -> bool:
        """Whether a failure has left something of itself behind."""
        found = self.site.look()
        if found.catalog.fingerprint != wanted.catalog.fingerprint:
            return True
        # a number that a sequence has given does not come back
        numbers = found.contents.counters.keys() | wanted.contents.counters.keys()
        return any(table not in numbers for table, _ in losses.touched(wanted.contents, found.contents))

    def _test(self, where: str) -> None:
        if self.smoke is not None:
            self.tests[where] = self.smoke(self.site.copy.settings)


def no_way_back(walk: Walk, number: int, body: Body, reason: str) -> str:
    """Why a revision has no downgrade that could be run; empty where it has one, or there is nothing to undo."""
    if body is Body.MISSING:
        return "it has no downgrade function"
    if body is Body.REFUSES:
        return f"its downgrade refuses: {reason}" if reason else "its downgrade refuses"
    if body is Body.EMPTY and not changes_nothing(walk, number):
        return "its downgrade is empty"
    return ""
