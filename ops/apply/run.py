"""What a change did to a database, or, as a dry run, what it would do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ops import display
from ops.apply.verify import Proof
from ops.guard import Permission
from ops.locktimes import Passage, timeline
from ops.route import WORDS, Route
from ops.secrets import redact
from ops.values import Result, Verdict, listed


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedRevision:
    """One revision that ran, and how long it took by the clock of this machine.

    `waited`: for locks, in seconds, in attempts that were given up, too. Less than a twentieth of a second is not seen.
    """

    revision: str
    direction: str
    seconds: float
    waited: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Run(Result):
    """What a change did, or, as a dry run, what it would do.

    `passages` are the statements that its plan had measured, with when each began and ended. `takes` is how long it
    takes, in words, where a dry run finds a plan that has told; `foreseen` is the verdict of that plan, and what it
    says of itself, and `rehearsed` the verdict of its rehearsal; each is empty where there is none, and `rehearsed` is
    None where there are no rehearsals.
    """

    route: Route
    dry_run: bool
    current: tuple[str, ...]
    applied: tuple[AppliedRevision, ...] = ()
    protected: bool = False
    permission: Permission = field(default_factory=Permission)
    retried: int = 0
    shown_before: bool = False
    proof: Proof | None = None
    backup: str = ""
    passages: tuple[Passage, ...] = field(default=(), repr=False)
    takes: str = ""
    foreseen: tuple[str, str] = ("", "")
    rehearsed: str | None = None

    @property
    def verdict(self) -> Verdict:
        """OK when what was read back is as it should be, UNKNOWN where that could not be told.

        A dry run judges nothing.
        """
        if self.dry_run:
            return Verdict.OK
        if self.current != self.route.heads or (self.proof and self.proof.wrong):
            return Verdict.FAILED
        return Verdict.UNKNOWN if self.proof and self.proof.unknown else Verdict.OK

    @property
    def obstacles(self) -> tuple[str, ...]:
        """All that a real run would be refused for, a sentence each; the confirmation is not among it."""
        return self.permission.lacking

    @property
    def fingerprint(self) -> str:
        """The plan's fingerprint: what a protected target wants as `confirm`."""
        return self.route.fingerprint

    def __str__(self) -> str:
        word = WORDS[self.route.direction]
        way = f"from {listed(self.route.current)} to {listed(self.route.heads)}"
        if self.route.changes_nothing:
            return f"{self.route.target}: nothing to {word}, already at {listed(self.route.heads)}"
        if self.dry_run:
            what = _revisions(len(self.route.steps)) if self.route.steps else "the version table only"
            return f"{self.route.target}: dry run, would {word} {way}, {what}, {self.fingerprint}"
        if not self.route.steps:
            return f"{self.route.target}: {word} {way} done"
        seconds = sum(one.seconds for one in self.applied)
        return f"{self.route.target}: {word} {way} done, {_revisions(len(self.applied))} in {seconds:.2f} s"

    def table(self) -> display.Table:
        """Return one row per revision: what it is, and how long it took."""
        took = {one.revision: one.seconds for one in self.applied}
        rows = tuple(
            (
                number,
                step.revision.revision,
                step.revision.message,
                None if self.dry_run else round(took.get(step.revision.revision, 0.0), 3),
                step.heads or ("base",),
            )
            for number, step in enumerate(self.route.steps, 1)
        )
        columns = ("#", "revision", "message", "seconds", "then at")
        return display.Table(columns=columns, rows=rows, empty="no revision runs")

    def view(self) -> display.View:
        """Return the way, each revision with its own words and SQL, and the fingerprint."""
        if self.shown_before:
            what_next = display.Note(self._what_next())
            return display.View(
                title=str(self), mark=display.Mark(self.verdict, self.verdict.tone), blocks=(what_next,)
            )
        blocks: list[Any] = [
            display.Facts(
                (
                    ("asked for", f"{WORDS[self.route.direction]} to {self.route.requested}"),
                    ("from", self.route.current or ("base",)),
                    ("to", self.route.heads or ("base",)),
                    ("plan fingerprint", self.fingerprint),
                    *self._judged(),
                    *((("takes about, as its plan said", self.takes),) if self.takes else ()),
                    *((("the database is now at", self.current or ("base",)),) if not self.dry_run else ()),
                    *((("backup before it", display.Name(self.backup)),) if self.backup else ()),
                )
            )
        ]
        if self.obstacles:
            blocks.append(display.Note("A real run would be refused now. It lacks:", "bad"))
        blocks.extend(display.Note(one, "bad") for one in self.obstacles)
        blocks.extend(display.Note(one, "attention") for one in self.permission.notes)
        if self.permission.caveat:
            blocks.append(display.Note(self.permission.caveat, "attention"))
        if self.route.purge:
            blocks.append(
                display.Note("The version table names what cannot be so: all of its rows are replaced.", "attention")
            )
        if self.proof is not None:
            blocks.extend(self.proof.blocks())
        blocks.append(self.table())
        if picture := timeline(self.passages, caption="Who was locked out, and until when, waits for locks included"):
            blocks.append(picture)
        if self.dry_run:
            blocks.extend(self._sql())
            blocks.append(display.Note(self._what_next()))
        return display.View(title=str(self), mark=display.Mark(self.verdict, self.verdict.tone), blocks=tuple(blocks))

    def _judged(self) -> Iterator[tuple[str, object]]:
        """What is known of it by others: a dry run judges nothing, and must not be taken for one that does."""
        if not self.dry_run or not self.route.steps:
            return
        verdict, found = self.foreseen
        nobody = "nobody has planned this very change: notebook 20-plan does"
        yield "its plan found", (_mark(verdict), found) if verdict else nobody
        if self.rehearsed is not None:
            nobody = "none is on record: notebook 30-rehearse"
            yield "its rehearsal", _mark(self.rehearsed) if self.rehearsed else nobody

    def _sql(self) -> Iterator[display.Note | display.Code]:
        written = {one.revision: one for one in self.route.sql}
        for step in self.route.steps:
            revision = step.revision
            own_words = revision.text.removeprefix(revision.message).strip()
            if own_words:
                yield display.Note(f"{revision.revision} says of itself: {own_words}", "attention")
            sql = written.get(revision.revision)
            if sql is None:
                continue
            if sql.sql is None:
                yield display.Note(
                    f"The SQL of {revision.revision} cannot be written without a database: {sql.why}.",
                    "unknown",
                )
            else:
                yield display.Code(
                    text=sql.sql or "-- nothing but the version table",
                    caption=f"{revision.revision} as offline SQL",
                )

    def _what_next(self) -> str:
        if self.route.changes_nothing:
            return "There is nothing to do."
        confirm = f" and confirm = {self.fingerprint!r}" if self.protected else ""
        if self.obstacles:
            return f"Nothing was changed. Provide what is missing; then run this with dry_run = False{confirm}."
        if not self.shown_before:  # above a cell that may do it at once
            return f"Nothing is changed by looking. dry_run = False{confirm} does it."
        return f"Nothing was changed. To do it, run this notebook again with dry_run = False{confirm}."

    def to_dict(self) -> dict[str, Any]:
        """Return the `data` of `40-upgrade`, `42-downgrade` and `44-stamp`."""
        return {
            "from": list(self.route.current),
            "to": list(self.route.heads),
            "dry_run": self.dry_run,
            "applied": [
                {
                    "revision": one.revision,
                    "direction": one.direction,
                    "seconds": round(one.seconds, 4),
                    "waited": one.waited,
                }
                for one in self.applied
            ],
            "planned": [step.revision.revision for step in self.route.steps],
            "fingerprint": self.fingerprint,
            "current": list(self.current),
            "lacking": list(self.obstacles),
            "backup": self.backup or None,
            "verification": self.proof.to_dict() if self.proof else None,
        }

    @property
    def sql(self) -> str:
        """The offline SQL of the whole plan, as far as it could be written."""
        parts = []
        for one in self.route.sql:
            parts.append(
                f"-- {one.revision}\n{one.sql if one.sql is not None else '-- not available: ' + str(one.why)}"
            )
        return redact("\n\n".join(parts) + "\n") if parts else ""


def _mark(verdict: str) -> display.Mark:
    return display.Mark(verdict, Verdict(verdict).tone if verdict in Verdict.__members__ else "unknown")


def _revisions(count: int) -> str:
    return display.many(count, "revision")
