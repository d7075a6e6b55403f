"""Plans where locks cannot be measured: what was run on a copy, and what it did there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ops import display
from ops.hazards import Severity
from ops.plan.judged import Judged, plain_hazard, plain_statement
from ops.route import WORDS
from ops.secrets import redact
from ops.statement import Statement, brief
from ops.values import Verdict, listed

HAZARDS = ("loses-rows", "drop-table", "drop-column", "broken-reference", "commits-in-parts", "writes-wait", "rebuilds")
"""What is looked for on such copies."""

_TONES: Mapping[Severity, display.Tone] = {Severity.MEDIUM: "attention", Severity.HIGH: "bad", Severity.CRITICAL: "bad"}


@dataclass(frozen=True, kw_only=True)
class CopiedPlan(Judged):
    """What a route does to a copy: `tables` is how many tables the copy had, `rows` how many rows."""

    tables: int = 0
    rows: int = 0

    @property
    def unknown(self) -> tuple[str, ...]:
        """Why the plan does not know all, a sentence each."""
        return (f"Not reached on the copy: {', '.join(self.unreached)}.",) if self.unreached else ()

    @property
    def verdict(self) -> Verdict:
        """ATTENTION for a hazard over the limit, or a run that failed; UNKNOWN where not all is known."""
        if self.counted or self.failed:
            return Verdict.ATTENTION
        return Verdict.UNKNOWN if self.unknown else Verdict.OK

    @property
    def where(self) -> str:
        """On what it was run, in words."""
        raise TypeError(f"{type(self).__name__} says not where.")

    @property
    def known(self) -> str:
        """What is to be known of locks and transactions there, whatever the plan."""
        raise TypeError(f"{type(self).__name__} knows nothing.")

    def did(self, one: Statement) -> list[str]:
        """What a statement did on the copy, in words."""
        words = (
            ("writes anew", one.rewrites),
            ("makes", one.created),
            ("drops", one.dropped),
            ("builds", one.index_builds),
        )
        found = [f"{word} {', '.join(names)}" for word, names in words if names]
        return [f"FAILS: {one.error}"] if one.error else found

    @property
    def sql(self) -> str:
        """The statements as they were executed, with what each did."""
        route = self.route
        lines = [
            f"-- {WORDS[route.direction]} of {route.target} from {listed(route.current)} to {listed(route.heads)}",
            f"-- plan fingerprint {self.fingerprint}; verdict {self.verdict.value}",
            f"-- run {self.where}",
        ]
        for one in self.own:
            line = f", line {one.line}" if one.line else ""
            did = (f"-- {what}" for what in self.did(one))
            lines += ["", f"-- {one.number} {one.revision}{line}", *did, f"{one.sql};"]
        return redact("\n".join([*lines, ""]))

    @property
    def lines(self) -> tuple[str, ...]:
        """One line for each hazard, the worst first."""
        return tuple(
            redact(f"{one.severity.word} {one.code}: {one.harm} [{one.revision}]")
            for one in self.hazards
            if not one.allowed
        )

    def __str__(self) -> str:
        route = self.route
        if route.changes_nothing:
            return f"{route.target}: nothing to {WORDS[route.direction]}, already at {listed(route.heads)}"
        parts = [self.extent, "FAILS on a copy" if self.failed else f"ran {self.where}"]
        parts += [f"{one.severity.word} hazard {one.code}" for one in self.counted]
        way = f"from {listed(route.current)} to {listed(route.heads)}"
        return f"{route.target}: {WORDS[route.direction]} {way}, {', '.join(parts)}, {self.fingerprint}"

    def table(self) -> display.Table:
        """Return one row per statement of the migrations."""
        rows = tuple(
            (
                one.number,
                f"{one.revision}{f':{one.line}' if one.line else ''}",
                display.Name(brief(one.sql)),
                one.transaction or display.Mark("by itself", "attention"),
                tuple(self.did(one)) or None,
                None if one.seconds is None else round(one.seconds, 3),
            )
            for one in self.own
        )
        columns = ("#", "revision:line", "SQL", "transaction", "did", "seconds on the copy")
        return display.Table(columns=columns, rows=rows, caption="What runs", empty="no statement runs")

    def view(self) -> display.View:
        """Return what stops it or loses something, then every statement, and what is to be known of its locks."""
        blocks: list[Any] = []
        if self.failed:
            blocks.append(display.Note(f"It fails on the copy: {self.failed}", "bad"))
        blocks += [display.Note(one, "unknown") for one in self.unknown]
        if self.statements and not self.failed:
            blocks.append(display.Note(f"All of it ran {self.where}.", "ok"))
        if self.hazards:
            blocks.append(self._hazards())
        if self.statements:
            blocks.append(self.table())
        blocks += [display.Note(one) for one in (*self.notes, self.known)]
        blocks.append(
            display.Facts(
                (
                    ("from", self.route.current or ("base",)),
                    ("to", self.route.heads or ("base",)),
                    ("measured", self.where),
                    ("limit", f"{self.fail_on.word} and above count"),
                    ("plan fingerprint", display.Name(self.fingerprint)),
                )
            )
        )
        return display.View(title=str(self), mark=display.Mark(self.verdict, self.verdict.tone), blocks=tuple(blocks))

    def _hazards(self) -> display.Table:
        rows = tuple(
            (
                display.Mark("allowed", "plain")
                if one.allowed
                else display.Mark(
                    one.severity.word, _TONES.get(one.severity, "plain") if one in self.counted else "plain"
                ),
                display.Name(one.code),
                display.Name(one.revision),
                one.harm,
                one.advice,
            )
            for one in self.hazards
        )
        columns = ("severity", "hazard", "revision", "what happened on the copy", "instead")
        return display.Table(columns=columns, rows=rows, caption="Hazards, now")

    def _details(self) -> dict[str, Any]:
        return {
            "measured": True,
            "copied": {"tables": self.tables, "rows": self.rows},
            "statements": [{**plain_statement(one), "seconds": one.seconds} for one in self.own],
            "hazards": [plain_hazard(one) for one in self.hazards],
            "lines": list(self.lines),
            "probes": [],
            "estimates": None,
            "unknown": list(self.unknown),
            "failed": self.failed or None,
            "notes": [*self.notes, self.known],
        }
