"""A plan for a file: what was run on a copy of it with all its rows, and what became of these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ops import display
from ops.hazards import Severity
from ops.plan.judged import Judged, plain_hazard, plain_statement
from ops.route import WORDS
from ops.secrets import redact
from ops.statement import Statement
from ops.values import Verdict, listed

DOCS = "https://www.sqlite.org/"
HAZARDS = ("loses-rows", "drop-table", "drop-column", "broken-reference", "commits-in-parts")
"""What is looked for on the copy."""

NO_LOCKS = (
    "SQLite has no locks on tables: while a transaction of the migration writes, nobody else can write to the file; "
    "and while it commits, nobody can read, unless the file is in WAL mode."
)

_TONES: Mapping[Severity, display.Tone] = {Severity.MEDIUM: "attention", Severity.HIGH: "bad", Severity.CRITICAL: "bad"}


@dataclass(frozen=True, kw_only=True)
class FilePlan(Judged):
    """What a route does to this file now: `rows` is how many rows the copy had, `tables` how many tables."""

    tables: int = 0
    rows: int = 0

    @property
    def unknown(self) -> tuple[str, ...]:
        """Why the plan does not know all, a sentence each."""
        return (f"Not reached on the copy: {', '.join(self.unreached)}.",) if self.unreached else ()

    @property
    def verdict(self) -> Verdict:
        """ATTENTION for a hazard over the limit, or a run that failed; OK where all ran on a copy with all rows."""
        return Verdict.ATTENTION if self.counted or self.failed else Verdict.OK

    @property
    def where(self) -> str:
        """On what it was run, in words."""
        return f"on a copy of the file, with all {self.rows:,} rows of its {self.tables} tables"

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
            lines += ["", f"-- {one.number} {one.revision}{line}", *(f"-- {what}" for what in _did(one)), f"{one.sql};"]
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
                display.Name(" ".join(one.sql.split())[:160]),
                one.transaction or display.Mark("by itself", "attention"),
                tuple(_did(one)) or None,
                None if one.seconds is None else round(one.seconds, 3),
            )
            for one in self.own
        )
        columns = ("#", "revision:line", "SQL", "transaction", "did", "seconds on the copy")
        return display.Table(columns=columns, rows=rows, caption="What runs", empty="no statement runs")

    def view(self) -> display.View:
        """Return what stops it or loses something, then every statement, and what SQLite has no word for."""
        blocks: list[Any] = []
        if self.failed:
            blocks.append(display.Note(f"It fails on a copy of this file: {self.failed}", "bad"))
        blocks += [display.Note(one, "unknown") for one in self.unknown]
        if self.statements and not self.failed:
            blocks.append(display.Note(f"All of it ran {self.where}.", "ok"))
        if self.hazards:
            blocks.append(self._hazards())
        if self.statements:
            blocks.append(self.table())
        blocks += [display.Note(one) for one in (*self.notes, NO_LOCKS)]
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
        return display.Table(columns=columns, rows=rows, caption="Hazards on this file, now")

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
            "notes": [*self.notes, NO_LOCKS],
        }


def _did(one: Statement) -> list[str]:
    words = (
        ("writes anew", one.rewrites),
        ("makes", one.created),
        ("drops", one.dropped),
        ("builds", one.index_builds),
    )
    found = [f"{word} {', '.join(names)}" for word, names in words if names]
    return [f"FAILS: {one.error}"] if one.error else found
