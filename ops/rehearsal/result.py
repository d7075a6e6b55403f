"""A rehearsal: what came of each revision on a copy, up, down and up again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ops import display
from ops.catalog import Difference
from ops.plan.judged import as_json, plain_statement
from ops.rehearsal.values import Extra, Loss
from ops.route import Route
from ops.secrets import cleaned
from ops.statement import Statement
from ops.values import Result, Verdict, listed


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """What came of one revision. True, False, or None where it was not tried.

    `restored`: the catalog was as before when it had come down, else `differences` has what is not. `up_again`: its
    second way up ended as the first, else `repeats` and `unlike` have what did not. `brings` are tables and columns
    that it adds: what is written there later goes with its downgrade. `no_way_back` says why its downgrade was not run,
    `error` what went wrong. `accepted`: somebody knows, and it does not count. `unknown` is what could not be told.
    """

    revision: str
    message: str = ""
    path: str = ""
    up: bool | None = None
    down: bool | None = None
    restored: bool | None = None
    up_again: bool | None = None
    differences: tuple[Difference, ...] = ()
    lost: tuple[Loss, ...] = ()
    left: tuple[Extra, ...] = ()
    repeats: tuple[Difference, ...] = ()
    unlike: tuple[str, ...] = ()
    brings: tuple[str, ...] = ()
    no_way_back: str = ""
    error: str = ""
    accepted: bool = False
    unknown: tuple[str, ...] = ()

    @property
    def wrong(self) -> tuple[str, ...]:
        """What a person has to know before this is applied, a sentence each, the worst first."""
        found = []
        if self.up is False:
            found.append(f"It does not go up: {self.error}")
        elif self.down is False:
            found.append(f"It does not come back: {self.no_way_back + '.' if self.no_way_back else self.error}")
        if self.lost:
            found.append(f"A rollback loses {'; '.join(map(str, self.lost))}.")
        if self.restored is False:
            found.append(f"Its downgrade does not restore the schema: {_few(self.differences)}.")
        if self.left:
            found.append(f"Its downgrade leaves {'; '.join(map(str, self.left))}.")
        if self.up_again is False:
            why = self.error or " ".join((*self.unlike, *([f"{_few(self.repeats)}."] if self.repeats else [])))
            found.append(f"It does not go up again as it did: {why}")
        return tuple(found)

    @property
    def counts(self) -> bool:
        """Whether it makes the verdict ATTENTION. That it goes up has to be; nobody can accept that it does not."""
        return self.up is False or (bool(self.wrong) and not self.accepted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """How the smoke test ended at one place; `exit_code` is None where its time was over."""

    where: str
    passed: bool
    exit_code: int | None
    seconds: float
    output: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waited:
    """The longest wait of the traffic during one statement."""

    statement: int
    sql: str
    seconds: float
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class Rehearsal(Result):
    """A route, walked up, down and up again on a copy.

    `statements` are those of the first way up, `down` those of the way back; `foreseen` those of the plan of the same
    fingerprint, where it could measure. `data` is `all`, `sample` or `none`; `copies` how many were made; `phases` how
    many seconds each part of it took. `uncertain` are reasons why not everything is known, `notes` what else is worth
    knowing of the copy.
    """

    route: Route
    revisions: tuple[Rehearsed, ...] = ()
    statements: tuple[Statement, ...] = field(default=(), repr=False)
    down: tuple[Statement, ...] = field(default=(), repr=False)
    foreseen: tuple[Statement, ...] = field(default=(), repr=False)
    tests: tuple[Tested, ...] = ()
    waits: tuple[Waited, ...] = ()
    traffic_errors: tuple[str, ...] = ()
    data: str = "all"
    server: str = ""
    copies: int = 0
    phases: Mapping[str, float] = field(default_factory=dict, repr=False)
    uncertain: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """The plan fingerprint of what was rehearsed: a change of the same one may count on this."""
        return self.route.fingerprint

    @cached_property
    def unknown(self) -> tuple[str, ...]:
        """Why not everything is known, a sentence each."""
        return (*self.uncertain, *(f"{one.revision}: {text}" for one in self.revisions for text in one.unknown))

    @property
    def verdict(self) -> Verdict:
        """ATTENTION where something does not go up, not come back, or is lost; UNKNOWN where something is not known."""
        if any(one.counts for one in self.revisions) or any(not one.passed for one in self.tests):
            return Verdict.ATTENTION
        return Verdict.UNKNOWN if self.unknown else Verdict.OK

    @property
    def own(self) -> tuple[Statement, ...]:
        """The migrations' statements of the first way up, without Alembic's own on the version table."""
        return tuple(one for one in self.statements if not one.bookkeeping)

    @property
    def files(self) -> Mapping[str, str]:
        """What belongs into the folder of a run: `rehearsal.json`."""
        return {"rehearsal.json": as_json(self.to_dict())}

    def __str__(self) -> str:
        route = self.route
        if not self.revisions:
            return f"{route.target}: nothing to rehearse, already at {listed(route.heads)}"
        count = len(self.revisions)
        rows = {"all": "all rows", "sample": "a sample of the rows", "none": "no rows"}[self.data]
        parts = [f"{display.many(count, 'revision')} rehearsed on a copy with {rows}"]
        parts += _counted(
            ("does not go up", "do not go up", sum(1 for one in self.revisions if one.up is False)),
            ("does not come back", "do not come back", sum(1 for one in self.revisions if _stays(one))),
            ("loses something", "lose something", sum(1 for one in self.revisions if one.lost)),
            ("is accepted", "are accepted", sum(1 for one in self.revisions if one.accepted and one.wrong)),
        )
        failed = [one.where for one in self.tests if not one.passed]
        if failed:
            parts.append(f"the smoke test fails {' and '.join(failed)}")
        if self.unknown:
            parts.append("not everything is known")
        if len(parts) == 1:
            parts.append("all come back, and nothing is lost" if count > 1 else "it comes back, and nothing is lost")
        way = f"from {listed(route.current)} to {listed(route.heads)}"
        return f"{route.target}: {way}, {', '.join(parts)}, {self.fingerprint}"

    def table(self) -> display.Table:
        """Return one row per revision."""
        from ops.rehearsal.show import revisions

        return revisions(self)

    def view(self) -> display.View:
        """Return what a person asks, in that order: does it go up, does it come back, what is lost; then evidence."""
        from ops.rehearsal.show import view

        return view(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the `data` of `30-rehearse`, which is `rehearsal.json`."""
        data: dict[str, Any] = cleaned(self._data())
        return data

    def _data(self) -> dict[str, Any]:
        return {
            "fingerprint": self.fingerprint,
            "from": list(self.route.current),
            "to": list(self.route.heads),
            "rows": self.data,
            "revisions": [_revision(one) for one in self.revisions],
            "smoke_tests": [
                {"where": one.where, "passed": one.passed, "exit_code": one.exit_code, "seconds": round(one.seconds, 3)}
                for one in self.tests
            ],
            "statements": [_statement(one, "up") for one in self.own]
            + [_statement(one, "down") for one in self.down if not one.bookkeeping],
            "waits": [
                {
                    "statement": one.statement,
                    "sql": one.sql,
                    "seconds": round(one.seconds, 3),
                    "error": one.error or None,
                }
                for one in self.waits
            ],
            "copies": self.copies,
            "seconds": round(sum(self.phases.values()), 3),
            "phases": {name: round(one, 3) for name, one in self.phases.items()},
            "unknown": list(self.unknown),
            "notes": list(self.notes),
        }


def _stays(one: Rehearsed) -> bool:
    return one.down is False or one.restored is False or bool(one.left)


def _revision(one: Rehearsed) -> dict[str, Any]:
    return {
        "revision": one.revision,
        "message": one.message,
        "up": one.up,
        "down": one.down,
        "restored": one.restored,
        "up_again": one.up_again,
        "lost": [
            {
                "kind": loss.kind,
                "object": loss.object,
                "amount": loss.amount,
                "of": loss.of,
                "at_least": loss.at_least,
                "about": loss.about,
                "why": loss.why or None,
            }
            for loss in one.lost
        ],
        "left": [{"kind": extra.kind, "object": extra.object, "amount": extra.amount} for extra in one.left],
        "differences": [_difference(found) for found in one.differences],
        "repeats": [_difference(found) for found in one.repeats],
        "unlike": list(one.unlike),
        "brings": list(one.brings),
        "no_way_back": one.no_way_back or None,
        "error": one.error or None,
        "accepted": one.accepted,
        "unknown": list(one.unknown),
    }


def _difference(one: Difference) -> dict[str, Any]:
    return {"action": one.action, "kind": one.kind, "object": one.object, "details": dict(one.details)}


def _statement(one: Statement, direction: str) -> dict[str, Any]:
    seconds = None if one.seconds is None else round(one.seconds, 6)
    return {"direction": direction, **plain_statement(one), "seconds": seconds, "wal_bytes": one.wal_bytes}


def _few(found: tuple[Difference, ...]) -> str:
    shown = [f"{one.kind} {one.object} {one.action}" for one in found[:3]]
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""
    return ", ".join(shown) + more


def _counted(*words: tuple[str, str, int]) -> list[str]:
    return [f"{count} {one if count == 1 else several}" for one, several, count in words if count]
