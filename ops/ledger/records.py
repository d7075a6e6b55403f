"""Everything that a ledger says of one version table, and what follows from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from ops import display
from ops.ledger import foretold
from ops.ledger.values import (
    Applied,
    Gap,
    OpenRun,
    Part,
    PastRun,
    Record,
    applied,
    part,
    past_revision,
    past_run,
    person,
)
from ops.values import Result, Verdict, listed

SKEW_SECONDS = 30.0
"""Clocks that differ by more are told of."""

_WORDS = {"up": "upgrade", "down": "downgrade", "stamp": "stamp"}
NEWEST = 100
"""How many runs go into `result.json`."""


@dataclass(slots=True)
class _Told:
    """What the records, read in order, come to."""

    applied: dict[str, Applied] = field(default_factory=dict)
    open: dict[str, OpenRun] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)
    gaps_before: dict[str, int] = field(default_factory=dict)
    """How many gaps there were when a revision was put on record last."""
    standing: set[str] = field(default_factory=set)
    left: tuple[str, ...] | None = None
    part: Part | None = None
    intents: dict[str, Record] = field(default_factory=dict)
    revisions: dict[str, list[Record]] = field(default_factory=dict)
    outcomes: dict[str, Record] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Records(Result):
    """What was done to one version table through this toolkit, as its ledger has it.

    `place` says where the ledger is. Where it cannot be read, `unreadable` says why, `next_step` what to do, and
    nothing else here means anything. `entries` are the records, oldest first; `at_work` says that somebody holds the
    run's lock, so that the newest open run is theirs.
    """

    target: str
    place: str
    entries: tuple[Record, ...] = field(default=(), repr=False)
    unreadable: str = ""
    next_step: str = ""
    notes: tuple[str, ...] = ()
    at_work: bool = False

    @cached_property
    def _told(self) -> _Told:
        told = _Told()
        for one in self.entries:
            {"intent": _intent, "part": _part, "revision": _revision, "outcome": _outcome}[one["kind"]](told, one)
        return told

    @property
    def applied(self) -> Mapping[str, Applied]:
        """The last record of each revision."""
        return self._told.applied

    def edited(self, now: Mapping[str, str]) -> tuple[str, ...]:
        """Return which of some revisions are not the files any more that were applied; `now` has the hash of each."""
        last = self.applied
        return tuple(
            name
            for name in sorted(now)
            if name in last and last[name].direction == "up" and last[name].sha256 != now[name]
        )

    def outside(self, below: Callable[[Iterable[str]], set[str]], current: Iterable[str]) -> frozenset[str]:
        """Return the revisions that were applied without a record, and not with one later.

        `below` gives some revisions with everything below them, as far as files know them; `current` is where the
        version table is now. Past a revision that no file has nobody can tell.
        """
        told = self._told
        jumps = [(gap.left, gap.found) for gap in told.gaps]
        if told.left is not None:
            jumps.append((told.left, tuple(current)))
        found: set[str] = set()
        for number, (left, arrived) in enumerate(jumps):
            before = below(left)
            between = below(arrived) - before if before.issuperset(left) else set()
            found |= {name for name in between if told.gaps_before.get(name, 0) <= number}
        return frozenset(found)

    @property
    def open_runs(self) -> tuple[OpenRun, ...]:
        """The runs of which nobody knows how they ended, oldest first, without the one that is at work now.

        A later run that succeeded has read the state back and gone on from it, so it closes earlier ones.
        """
        return tuple(self._told.open.values())[: -1 if self.at_work else None]

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """Where the version table moved between two runs without a record, oldest first."""
        return tuple(self._told.gaps)

    @property
    def left(self) -> tuple[str, ...] | None:
        """Where the last run left the version table; None where there is none, or where nobody knows."""
        return self._told.left

    @property
    def part(self) -> Part | None:
        """What is committed of the revision that ran last and did not come to its end; None where nothing is.

        A later run that succeeded has settled that.
        """
        return self._told.part

    @property
    def standing(self) -> frozenset[str]:
        """Revisions that were applied, and not undone, since the version table was last moved by other means."""
        return frozenset(self._told.standing)

    @cached_property
    def runs(self) -> tuple[PastRun, ...]:
        """Every run, newest first."""
        told = self._told
        return tuple(
            past_run(
                intent,
                tuple(past_revision(one) for one in told.revisions.get(run, ())),
                told.outcomes.get(run, {}),
            )
            for run, intent in reversed(told.intents.items())
        )

    @property
    def skew(self) -> str:
        """One sentence where the clocks of the last run's machine and the server differ; else empty."""
        last = self.runs[0] if self.runs else None
        if last is None or last.ahead is None or abs(last.ahead) < SKEW_SECONDS:
            return ""
        way = "ahead of" if last.ahead > 0 else "behind"
        return (
            f"The clock of the last run's machine ({last.by}) was {display.duration(abs(last.ahead))} {way} the "
            "server's; times here are the server's."
        )

    @property
    def verdict(self) -> Verdict:
        """UNKNOWN where it cannot be read, ATTENTION where a run is open."""
        if self.unreadable:
            return Verdict.UNKNOWN
        return Verdict.ATTENTION if self.open_runs else Verdict.OK

    def __str__(self) -> str:
        if self.unreadable:
            return f"{self.target}: the ledger could not be read"
        if not self.runs:
            return f"{self.target}: no run on record"
        last, count = self.runs[0], len(self.runs)
        what = f"{_word(last)} to {listed(last.wanted)}"
        return (
            f"{self.target}: {display.many(count, 'run')} on record, the last {minute(last.when)} "
            f"by {last.by}: {what}, {self._outcome(last)}"
        )

    def table(self) -> display.Table:
        """Return one row per run, newest first."""
        columns = ("when", "what", "from", "to", "ran", "seconds", "outcome", "by", "role", "with", "plan", "commit")
        return display.Table(columns=columns, rows=tuple(map(self._row, self.runs)), empty="no run on record")

    def _glance(self) -> display.Table:
        """As much of it as fits beside each other."""
        wide = self.table()
        keep = [wide.columns.index(name) for name in ("when", "what", "from", "to", "seconds", "outcome", "by")]
        rows = tuple(tuple(row[place] for place in keep) for row in wide.rows)
        return display.Table(columns=tuple(wide.columns[place] for place in keep), rows=rows, empty=wide.empty)

    def _row(self, run: PastRun) -> tuple[object, ...]:
        tone: display.Tone = "ok" if run.verdict == "OK" else "bad" if run.verdict else "attention"
        return (
            minute(run.when),
            _word(run),
            None if run.came_from is None else run.came_from or ("base",),
            run.wanted or ("base",),
            len(run.revisions),
            _rounded(run.seconds),
            display.Mark(self._outcome(run), tone),
            run.by,
            run.role or None,
            run.notebook or None,
            display.Name(run.plan) if run.plan else None,
            display.Name(run.commit[:12]) if run.commit else None,
        )

    def _outcome(self, run: PastRun) -> str:
        if run.verdict:
            return run.verdict
        if self.at_work and run is self.runs[0]:
            return "at work"
        return "open" if run.run in self._told.open else "not known"

    def statements(self) -> display.Table:
        """Return one row per statement, newest run first; none where they were not asked for."""
        rows = tuple(
            (
                minute(done.when),
                display.Name(done.revision),
                done.direction,
                one.get("sql", ""),
                _rounded(one.get("seconds")),
                _rounded(one.get("lock_wait")),
                one.get("rows"),
            )
            for run in self.runs
            for done in run.revisions
            for one in done.statements
        )
        columns = ("when", "revision", "direction", "statement", "seconds", "lock wait", "rows")
        return display.Table(columns=columns, rows=rows, empty="no statement on record")

    def view(self) -> display.View:
        """Return the runs, and above them what deserves to be known."""
        said = [display.Note(one, "attention") for one in map(sentence, self.open_runs)]
        if self.unreadable:
            said.append(display.Note(f"{self.unreadable} {self.next_step}", "unknown"))
        said += [display.Note(one) for one in (self.skew, *self.notes) if one]
        errors = [one.error for one in self.runs[:1] if one.error]
        said += [display.Note(f"The last run's error: {one.get('problem', '')}", "bad") for one in errors]
        where = display.Note(f"Kept in {self.place}. Times are UTC.")
        more = tuple(one for one in (foretold.table(self.runs), self.statements()) if one.rows)
        blocks = (*said, *(() if self.unreadable else (self._glance(), where)), *more)
        return display.View(title=str(self), mark=display.Mark(self.verdict, self.verdict.tone), blocks=blocks)

    def to_dict(self) -> dict[str, Any]:
        """Return the newest runs as lists and text, and how many there are."""
        return {
            "place": self.place,
            "unreadable": self.unreadable or None,
            "number": len(self.runs),
            "runs": [_plain(one) for one in self.runs[:NEWEST]],
        }


def sentence(run: OpenRun) -> str:
    """Return what a person should know of an open run."""
    what = f"A run of {run.by} (to {listed(run.wanted)}, begun {minute(run.when)} UTC"
    what += " on the database that this one is a copy of)" if run.database else ")"
    if run.ended:
        return f"{what} could not read back where it left the database. 90-repair tells what stays of it."
    return f"{what} never reported its end: it died. 90-repair tells what stays of it, and leads on."


def minute(when: str) -> str:
    """Return a time of a record to the minute, as tables show it."""
    return when[:16].replace("T", " ")


# -- reading the records in order -------------------------------------------------------------------


def _intent(told: _Told, one: Record) -> None:
    found = one.get("from")
    if found is not None and told.left is not None and set(found) != set(told.left):
        told.gaps.append(Gap(left=told.left, found=tuple(found), when=one["when"]))
        told.standing.clear()
    told.left = None  # under way: it is somewhere between two places
    told.intents[one["run"]] = one
    if one.get("passed"):  # it goes on behind what an earlier run committed
        told.part = part(one["passed"] | {"run": one["run"]})
    told.open[one["run"]] = OpenRun(
        run=one["run"],
        when=one["when"],
        by=person(one),
        direction=one["direction"],
        wanted=tuple(one["to"]),
        database=one.get("elsewhere", ""),
    )


def _part(told: _Told, one: Record) -> None:
    told.part = part(one)


def _revision(told: _Told, one: Record) -> None:
    told.part = None
    name = one["revision"]
    told.revisions.setdefault(one["run"], []).append(one)
    told.applied[name] = applied(one, told.intents.get(one["run"], {}))
    told.gaps_before[name] = len(told.gaps)
    (told.standing.add if one["direction"] == "up" else told.standing.discard)(name)


def _outcome(told: _Told, one: Record) -> None:
    run, current = one["run"], one.get("current")
    told.outcomes[run] = one
    if current is None:
        begun = told.open.get(run)
        if begun is not None:
            told.open[run] = replace(begun, ended=True)
        return
    told.left = tuple(current)
    told.open.pop(run, None)
    if one["verdict"] == "OK":
        told.open.clear()
        told.part = None
        if told.intents.get(run, {}).get("direction") == "stamp":
            told.standing.clear()  # somebody said where the schema is: what ran before proves no more than that


# -- showing ----------------------------------------------------------------------------------------


def _plain(run: PastRun) -> dict[str, Any]:
    return {
        "run": run.run,
        "when": run.when,
        "direction": run.direction,
        "from": None if run.came_from is None else list(run.came_from),
        "to": list(run.wanted),
        "by": run.by,
        "role": run.role,
        "login": run.login,
        "process": run.process,
        "notebook": run.notebook,
        "commit": run.commit,
        "tool": run.tool,
        "plan": run.plan,
        "backup": run.backup,
        "restored": run.restored,
        "verdict": run.verdict or None,
        "current": None if run.left is None else list(run.left),
        "seconds": run.seconds,
        "error": None if run.error is None else dict(run.error),
        "catalogs": {"before": run.catalogs[0], "after": run.catalogs[1]},
        "clock_ahead_seconds": run.ahead,
        "revisions": [
            {
                "revision": one.revision,
                "direction": one.direction,
                "when": one.when,
                "seconds": one.seconds,
                "sha256": one.sha256,
                "sql_sha256": one.sql_sha256,
                "statements": one.count,
                "lock_wait": one.lock_wait,
                "estimates": [
                    {"sql": each.sql, "low": each.low, "high": each.high, "seconds": each.seconds}
                    for each in one.estimates
                ],
            }
            for one in run.revisions
        ],
    }


def _word(run: PastRun) -> str:
    return "restore" if run.restored else _WORDS.get(run.direction, run.direction)


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
