"""A plan: the ordered statements from the live state to a revision, with what was measured, asked and judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ops import display, estimate
from ops.hazards import Severity
from ops.live import Live
from ops.plan.judged import Judged, as_json, plain_hazard, plain_statement
from ops.probes import Probe
from ops.route import WORDS
from ops.secrets import redact
from ops.settings import Limits
from ops.statement import Statement
from ops.values import Verdict, listed

_LOSES = frozenset({"data-loss", "truncate"})


@dataclass(frozen=True, kw_only=True)
class Plan(Judged):
    """What a route does to this database now, measured on a clone without rows.

    `limits` are those of the target: which of them a run puts in force depends on each statement. `offline` says why
    nothing could be measured: the statements are then what Alembic writes without a database. `uncertain` are reasons
    why even what was measured may be otherwise on the live server. `root` is the top of the repository that has the
    version files, `annotate` in which forms their hazards are written beside that of `lines`.
    """

    probes: tuple[Probe, ...] = ()
    live: Live = field(default_factory=Live, repr=False)
    limits: Limits = field(default_factory=Limits)
    offline: str = ""
    uncertain: tuple[str, ...] = ()
    root: Path = Path()
    annotate: frozenset[str] = frozenset()

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
    def sql(self) -> str:
        """The whole plan as one SQL file: commented, and ready to be run by psql."""
        from ops.plan.script import script

        return redact(script(self))

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

        found = super().files
        if annotations.SARIF in self.annotate:
            from ops.plan.sarif import sarif

            found = {**found, "plan.sarif": as_json(sarif(self))}
        return found

    def __str__(self) -> str:
        route = self.route
        word, to = WORDS[route.direction], listed(route.heads)
        if route.changes_nothing:
            return f"{route.target}: nothing to {word}, already at {to}"
        parts = [self.extent]
        if self.failed:
            parts.append("FAILS on a clone")
        if self.broken:
            parts.append(f"{len(self.broken)} will fail on today's data")
        for severity in sorted({one.severity for one in self.counted}, reverse=True):
            count = sum(1 for one in self.counted if one.severity is severity)
            parts.append(display.many(count, f"{severity.word} hazard"))
        allowed = sum(1 for one in self.hazards if one.allowed)
        lesser = len(self.hazards) - len(self.counted) - allowed
        if lesser:
            parts.append(f"{lesser if self.counted else display.many(lesser, 'hazard')} under the limit")
        if allowed:
            parts.append(f"{allowed if self.counted or lesser else display.many(allowed, 'hazard')} allowed")
        if self.losing:
            names = ", ".join(self.losing[:3]) + (" …" if len(self.losing) > 3 else "")
            parts.append(f"data of {names} are lost for good")
        if self.unknown:
            parts.append("not everything is known")
        way = f"{word} from {listed(route.current)} to {to}"
        return f"{route.target}: {way}, {', '.join(parts)}, {self.fingerprint}"

    def table(self) -> display.Table:
        """Return one row per statement of the migrations."""
        from ops.plan.show import statements

        return statements(self)

    def view(self) -> display.View:
        """Return what a DBA asks, in that order: does it fail, whom does it stop, what runs, what is not known."""
        from ops.plan.show import view

        return view(self)

    def _details(self) -> dict[str, Any]:
        return {
            "measured": not self.offline,
            "statements": [_statement(one) for one in self.own],
            "hazards": [plain_hazard(one) for one in self.hazards],
            "lines": list(self.lines),
            "probes": [_probe(one) for one in self.probes],
            "estimates": estimate.plain(self.estimates),
            "unknown": list(self.unknown),
            "failed": self.failed or None,
            "notes": list(self.notes),
        }


def _statement(one: Statement) -> dict[str, Any]:
    return {
        **plain_statement(one),
        "reads": list(one.reads),
        "measured": one.measured,
        "why": one.why or None,
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


def _numbers(numbers: Any) -> str:
    found = [str(number) for number in numbers]
    return f"statement{'' if len(found) == 1 else 's'} {', '.join(found)}"
