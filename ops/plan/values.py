"""A plan: the ordered statements from the live state to a revision, with what was measured, asked and judged."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ops import display, estimate
from ops.estimate.values import Estimates
from ops.hazards import Hazard, Severity
from ops.live import Live
from ops.plan.kept import Foretold
from ops.probes import Probe
from ops.route import WORDS, Route
from ops.secrets import cleaned, redact
from ops.settings import Limits
from ops.statement import Lock, Statement
from ops.values import Result, Verdict

_LOSES = frozenset({"data-loss", "truncate"})


@dataclass(frozen=True, kw_only=True)
class Plan(Result):
    """What a route does to this database now.

    `limits` are those of the target: which of them a run puts in force depends on each statement. `foretold` is how
    the schema will differ afterwards, where the clone could tell, `estimates` how long it takes. `offline` says why
    nothing could be measured: the statements are then what Alembic writes without a database. `failed` is what ended
    the run on the clone, `unreached` the revisions behind that. `uncertain` are reasons why even what was measured may
    be otherwise on the live server, `notes` what else is worth knowing of the measurement. `root` is the top of the
    repository that has the version files, `annotate` in which forms their hazards are written beside that of `lines`.
    """

    route: Route
    statements: tuple[Statement, ...] = ()
    hazards: tuple[Hazard, ...] = ()
    probes: tuple[Probe, ...] = ()
    live: Live = field(default_factory=Live, repr=False)
    fail_on: Severity = Severity.HIGH
    limits: Limits = field(default_factory=Limits)
    foretold: Foretold | None = field(default=None, repr=False)
    estimates: Estimates = field(default_factory=Estimates, repr=False)
    server: str = ""
    offline: str = ""
    failed: str = ""
    unreached: tuple[str, ...] = ()
    uncertain: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    root: Path = Path()
    annotate: frozenset[str] = frozenset()

    @property
    def fingerprint(self) -> str:
        """The route's: what a protected target wants as `confirm`."""
        return self.route.fingerprint

    @cached_property
    def counted(self) -> tuple[Hazard, ...]:
        """The hazards that make the verdict: as severe as `fail_on`, and not allowed by name."""
        return tuple(one for one in self.hazards if one.severity >= self.fail_on and not one.allowed)

    @cached_property
    def broken(self) -> tuple[Probe, ...]:
        """The probes that found rows, or objects, on which a statement will fail."""
        return tuple(one for one in self.probes if one.verdict is Verdict.ATTENTION and one.breaks)

    @cached_property
    def doubts(self) -> tuple[tuple[int, str], ...]:
        """What the plan does not know: the number of the statement, or 0, and a sentence."""
        found = [(0, one) for one in self.uncertain]
        if self.offline:
            found.append((0, f"Nothing was measured: {self.offline}"))
        elif self.unreached:
            found.append((0, f"Not reached on the clone, so nothing is known of: {', '.join(self.unreached)}."))
        unmeasured = [one for one in self.statements if not one.measured and not one.error]
        if unmeasured and not self.offline:
            numbers = _numbers(one.number for one in unmeasured)
            found.append((unmeasured[0].number, f"Not measured: {numbers} ({unmeasured[0].why})."))
        for one in self.statements:
            if one.reads:
                said = (
                    f"Statement {one.number} reads rows of {', '.join(one.reads)}, and the clone has none: on real "
                    f"rows {one.revision} may do something else. Try it on a copy with rows."
                )
                found.append((one.number, said))
        found += [
            (one.statement, f"Statement {one.statement}: {one.question} Not decided: {one.why}")
            for one in self.probes
            if one.verdict is Verdict.UNKNOWN
        ]
        return tuple(found)

    @property
    def unknown(self) -> tuple[str, ...]:
        """Why the plan does not know all, a sentence each."""
        return tuple(said for _, said in self.doubts)

    @cached_property
    def losing(self) -> tuple[str, ...]:
        """The relations that lose values or rows which no way back restores.

        To drop what nobody uses any more is the last step of many a change, so it is told in every summary, and stops
        nobody: what one has to allow each time is soon allowed for ever.
        """
        found = (one.relation for one in self.hazards if one.code in _LOSES and one.severity > Severity.INFO)
        return tuple(dict.fromkeys(found))

    @property
    def verdict(self) -> Verdict:
        """ATTENTION for a hazard over the limit or a statement that will fail; UNKNOWN where something is not known."""
        if self.counted or self.broken or self.failed:
            return Verdict.ATTENTION
        return Verdict.UNKNOWN if self.unknown else Verdict.OK

    @property
    def own(self) -> tuple[Statement, ...]:
        """The migrations' statements, without Alembic's own on the version table."""
        return tuple(one for one in self.statements if not one.bookkeeping)

    @property
    def sql(self) -> str:
        """The whole plan as one SQL file: commented, and ready to be run by psql."""
        from ops.plan.script import script

        return redact(script(self))

    @property
    def script(self) -> display.View:
        """The SQL file as something to look at."""
        return display.View(title="", blocks=(display.Code(text=self.sql, caption="plan.sql"),))

    @property
    def lines(self) -> tuple[str, ...]:
        """One line for each hazard, worst first, with the place in its version file: for a terminal, an editor, CI."""
        from ops.plan import annotations

        write = annotations.github if annotations.GITHUB in self.annotate else annotations.line
        return tuple(write(one) for one in annotations.of(self) if not one.allowed)

    @property
    def files(self) -> Mapping[str, str]:
        """What belongs into the folder of a run: `plan.sql`, `plan.json`, and `plan.sarif` where it is wanted."""
        from ops.plan import annotations

        found = {"plan.sql": self.sql, "plan.json": _json(self.to_dict())}
        if annotations.SARIF in self.annotate:
            from ops.plan.sarif import sarif

            found["plan.sarif"] = _json(sarif(self))
        return found

    def __str__(self) -> str:
        route = self.route
        word, to = WORDS[route.direction], ", ".join(route.heads) or "base"
        if route.changes_nothing:
            return f"{route.target}: nothing to {word}, already at {to}"
        parts = [f"{len(self.own)} statement{_s(len(self.own))} in {len(route.steps)} revision{_s(len(route.steps))}"]
        if self.failed:
            parts.append("FAILS on a clone")
        if self.broken:
            parts.append(f"{len(self.broken)} will fail on today's data")
        for severity in sorted({one.severity for one in self.counted}, reverse=True):
            count = sum(1 for one in self.counted if one.severity is severity)
            parts.append(f"{count} {severity.word} hazard{_s(count)}")
        rest = len(self.hazards) - len(self.counted)
        if rest:
            parts.append(f"{rest} not counted" if self.counted else f"{rest} hazard{_s(rest)} under the limit")
        if self.losing:
            names = ", ".join(self.losing[:3]) + (" …" if len(self.losing) > 3 else "")
            parts.append(f"data of {names} are lost for good")
        if self.unknown:
            parts.append("not everything is known")
        way = f"{word} from {', '.join(route.current) or 'base'} to {to}"
        return f"{route.target}: {way}, {', '.join(parts)}, {self.fingerprint}"

    def table(self) -> display.Table:
        """Return one row per statement of the migrations."""
        from ops.plan.show import statements

        return statements(self)

    def view(self) -> display.View:
        """Return what a DBA asks, in that order: does it fail, whom does it stop, what runs, what is not known."""
        from ops.plan.show import view

        return view(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the `data` of `20-plan`, which is `plan.json`."""
        data: dict[str, Any] = cleaned(self._data())
        return data

    def _data(self) -> dict[str, Any]:
        return {
            "fingerprint": self.fingerprint,
            "direction": self.route.direction,
            "from": list(self.route.current),
            "to": list(self.route.heads),
            "revisions": [one.revision for one in self.route.revisions],
            "fail_on": self.fail_on.word,
            "measured": not self.offline,
            "statements": [_statement(one) for one in self.own],
            "hazards": [_hazard(one) for one in self.hazards],
            "lines": list(self.lines),
            "probes": [_probe(one) for one in self.probes],
            "estimates": estimate.plain(self.estimates),
            "unknown": list(self.unknown),
            "failed": self.failed or None,
            "notes": list(self.notes),
        }


def _statement(one: Statement) -> dict[str, Any]:
    return {
        "number": one.number,
        "revision": one.revision,
        "line": one.line,
        "sql": one.sql,
        "transaction": one.transaction or "autocommit",
        "locks": [_lock(lock) for lock in one.locks],
        "rewrites": list(one.rewrites),
        "scans": list(one.scans),
        "index_builds": list(one.index_builds),
        "creates": list(one.created),
        "drops": list(one.dropped),
        "reads": list(one.reads),
        "measured": one.measured,
        "why": one.why or None,
        "error": one.error or None,
    }


def _lock(one: Lock) -> dict[str, Any]:
    return {"relation": one.relation, "kind": one.kind, "mode": one.mode.pg_name, "waits": one.mode.waits or None}


def _hazard(one: Hazard) -> dict[str, Any]:
    return {
        "code": one.code,
        "severity": one.severity.word,
        "statement": one.statement or None,
        "revision": one.revision or None,
        "relation": one.relation or None,
        "harm": one.harm,
        "waits": one.waits or None,
        "held": one.held or None,
        "advice": one.advice,
        "fix": one.fix or None,
        "since": one.since or None,
        "source": one.source,
        "allowed": one.allowed,
    }


def _probe(one: Probe) -> dict[str, Any]:
    return {
        "statement": one.statement,
        "question": one.question,
        "violations": one.violations,
        "at_least": one.at_least,
        "samples": list(one.samples),
        "verdict": one.verdict.value,
        "breaks": one.breaks,
        "why": one.why or None,
        "seconds": round(one.seconds, 4),
        "sql": one.sql or None,
    }


def _json(data: Mapping[str, Any]) -> str:
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def _numbers(numbers: Any) -> str:
    found = [str(number) for number in numbers]
    return f"statement{_s(len(found))} {', '.join(found)}"


def _s(count: int) -> str:
    return "" if count == 1 else "s"
