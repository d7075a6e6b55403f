"""A plan for a file: what was run on a copy of it with all its rows, and what became of these."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ops import display
from ops.estimate.values import Estimates
from ops.hazards import Hazard, Severity
from ops.plan.kept import Foretold
from ops.route import WORDS, Route
from ops.secrets import cleaned, redact
from ops.statement import Statement
from ops.values import Result, Verdict

DOCS = "https://www.sqlite.org/"
HAZARDS = ("loses-rows", "drop-table", "drop-column", "broken-reference", "commits-in-parts")
"""What is looked for on the copy."""

NO_LOCKS = (
    "SQLite has no locks on tables: while a transaction of the migration writes, nobody else can write to the file; "
    "and while it commits, nobody can read, unless the file is in WAL mode."
)

_TONES: Mapping[Severity, display.Tone] = {Severity.MEDIUM: "attention", Severity.HIGH: "bad", Severity.CRITICAL: "bad"}


@dataclass(frozen=True, kw_only=True)
class FilePlan(Result):
    """What a route does to this file now, as it was run on a copy with all rows.

    `rows` is how many rows the copy had, `tables` how many tables. `failed` is what ended the run on the copy,
    `unreached` the revisions behind that.
    """

    route: Route
    statements: tuple[Statement, ...] = ()
    hazards: tuple[Hazard, ...] = ()
    fail_on: Severity = Severity.HIGH
    foretold: Foretold | None = field(default=None, repr=False)
    server: str = ""
    tables: int = 0
    rows: int = 0
    failed: str = ""
    unreached: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    estimates: Estimates = field(default_factory=Estimates, repr=False)

    @property
    def fingerprint(self) -> str:
        """The route's: what a protected target wants as `confirm`."""
        return self.route.fingerprint

    @cached_property
    def counted(self) -> tuple[Hazard, ...]:
        """The hazards that make the verdict: as severe as `fail_on`, and not allowed by name."""
        return tuple(one for one in self.hazards if one.severity >= self.fail_on and not one.allowed)

    @property
    def unknown(self) -> tuple[str, ...]:
        """Why the plan does not know all, a sentence each."""
        return (f"Not reached on the copy: {', '.join(self.unreached)}.",) if self.unreached else ()

    @property
    def verdict(self) -> Verdict:
        """ATTENTION for a hazard over the limit, or a run that failed; OK where all ran on a copy with all rows."""
        return Verdict.ATTENTION if self.counted or self.failed else Verdict.OK

    @property
    def own(self) -> tuple[Statement, ...]:
        """The migrations' statements, without Alembic's own on the version table."""
        return tuple(one for one in self.statements if not one.bookkeeping)

    @property
    def where(self) -> str:
        """On what it was run, in words."""
        return f"on a copy of the file, with all {self.rows:,} rows of its {self.tables} tables"

    @property
    def sql(self) -> str:
        """The statements as they were executed, with what each did."""
        route = self.route
        lines = [
            f"-- {WORDS[route.direction]} of {route.target} from {_list(route.current)} to {_list(route.heads)}",
            f"-- plan fingerprint {self.fingerprint}; verdict {self.verdict.value}",
            f"-- run {self.where}",
        ]
        for one in self.own:
            line = f", line {one.line}" if one.line else ""
            lines += ["", f"-- {one.number} {one.revision}{line}", *(f"-- {what}" for what in _did(one)), f"{one.sql};"]
        return redact("\n".join([*lines, ""]))

    @property
    def script(self) -> display.View:
        """The SQL as something to look at."""
        return display.View(title="", blocks=(display.Code(text=self.sql, caption="plan.sql"),))

    @property
    def lines(self) -> tuple[str, ...]:
        """One line for each hazard, the worst first."""
        return tuple(
            redact(f"{one.severity.word} {one.code}: {one.harm} [{one.revision}]")
            for one in self.hazards
            if not one.allowed
        )

    @property
    def files(self) -> Mapping[str, str]:
        """What belongs into the folder of a run: `plan.sql` and `plan.json`."""
        return {"plan.sql": self.sql, "plan.json": json.dumps(self.to_dict(), indent=1, ensure_ascii=False) + "\n"}

    def __str__(self) -> str:
        route = self.route
        if route.changes_nothing:
            return f"{route.target}: nothing to {WORDS[route.direction]}, already at {_list(route.heads)}"
        parts = [f"{len(self.own)} statement{_s(len(self.own))} in {len(route.steps)} revision{_s(len(route.steps))}"]
        parts.append("FAILS on a copy" if self.failed else f"ran {self.where}")
        parts += [f"{one.severity.word} hazard {one.code}" for one in self.counted]
        way = f"from {_list(route.current)} to {_list(route.heads)}"
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
            "measured": True,
            "copied": {"tables": self.tables, "rows": self.rows},
            "statements": [_statement(one) for one in self.own],
            "hazards": [_hazard(one) for one in self.hazards],
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


def _statement(one: Statement) -> dict[str, Any]:
    return {
        "number": one.number,
        "revision": one.revision,
        "line": one.line,
        "sql": one.sql,
        "transaction": one.transaction or "autocommit",
        "locks": [],
        "rewrites": list(one.rewrites),
        "scans": [],
        "index_builds": list(one.index_builds),
        "creates": list(one.created),
        "drops": list(one.dropped),
        "seconds": one.seconds,
        "error": one.error or None,
    }


def _hazard(one: Hazard) -> dict[str, Any]:
    return {
        "code": one.code,
        "severity": one.severity.word,
        "statement": None,
        "revision": one.revision,
        "relation": one.relation or None,
        "harm": one.harm,
        "advice": one.advice,
        "fix": None,
        "source": one.source,
        "allowed": one.allowed,
    }


def _list(ids: tuple[str, ...]) -> str:
    return ", ".join(ids) or "base"


def _s(count: int) -> str:
    return "" if count == 1 else "s"
