"""Upgrade, downgrade, stamp: guard, lock, act, verify, record."""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ops import database, display, guard, plan
from ops.errors import BusyError, InterruptedRunError, MigrationError, OpsError
from ops.ledger import Ledger, whoami
from ops.lock import run_lock
from ops.plan import WORDS, Plan
from ops.project import Answer, Event, go, stop
from ops.project.visit import Step, Visit, visit
from ops.settings import TargetSettings
from ops.values import Result, Verdict

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedRevision:
    """One revision that ran, and how long it took by the clock of this machine."""

    revision: str
    direction: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Run(Result):
    """What a change did, or, as a dry run, what it would do."""

    plan: Plan
    dry_run: bool
    current: tuple[str, ...]
    applied: tuple[AppliedRevision, ...] = ()
    protected: bool = False
    obstacles: tuple[str, ...] = ()
    retried: int = 0
    shown_before: bool = False

    @property
    def verdict(self) -> Verdict:
        """OK when the version table was read back and says what was wanted; a dry run judges nothing."""
        if self.dry_run or self.current == self.plan.heads:
            return Verdict.OK
        return Verdict.FAILED

    @property
    def fingerprint(self) -> str:
        """The plan's fingerprint: what a protected target wants as `confirm`."""
        return self.plan.fingerprint

    def __str__(self) -> str:
        word = WORDS[self.plan.direction]
        way = f"from {_list(self.plan.current)} to {_list(self.plan.heads)}"
        if self.plan.changes_nothing:
            return f"{self.plan.target}: nothing to {word}, already at {_list(self.plan.heads)}"
        if self.dry_run:
            return f"{self.plan.target}: dry run, would {word} {way}, {_revisions(len(self.plan.steps))}"
        seconds = sum(one.seconds for one in self.applied)
        return f"{self.plan.target}: {word} {way} done, {_revisions(len(self.applied))} in {seconds:.2f} s"

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
            for number, step in enumerate(self.plan.steps, 1)
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
                    ("asked for", f"{WORDS[self.plan.direction]} to {self.plan.requested}"),
                    ("from", self.plan.current or ("base",)),
                    ("to", self.plan.heads or ("base",)),
                    ("plan fingerprint", self.fingerprint),
                    *((("the database is now at", self.current or ("base",)),) if not self.dry_run else ()),
                )
            )
        ]
        blocks.extend(display.Note(one, "bad") for one in self.obstacles)
        if self.plan.purge:
            blocks.append(
                display.Note("The version table names a revision that no file has: its rows are replaced.", "attention")
            )
        blocks.append(self.table())
        if self.dry_run:
            blocks.extend(self._sql())
            blocks.append(display.Note(self._what_next()))
        return display.View(title=str(self), mark=display.Mark(self.verdict, self.verdict.tone), blocks=tuple(blocks))

    def _sql(self) -> Iterator[display.Note | display.Code]:
        written = {one.revision: one for one in self.plan.sql}
        for step in self.plan.steps:
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
        if self.plan.changes_nothing:
            return "There is nothing to do."
        confirm = f" and confirm = {self.fingerprint!r}" if self.protected else ""
        return f"Nothing was changed. To do it, run this notebook again with dry_run = False{confirm}."

    def to_dict(self) -> dict[str, Any]:
        """Return the `data` of `40-upgrade`, `42-downgrade` and `44-stamp`."""
        return {
            "from": list(self.plan.current),
            "to": list(self.plan.heads),
            "dry_run": self.dry_run,
            "applied": [
                {"revision": one.revision, "direction": one.direction, "seconds": round(one.seconds, 4)}
                for one in self.applied
            ],
            "planned": [step.revision.revision for step in self.plan.steps],
            "fingerprint": self.fingerprint,
            "current": list(self.current),
        }

    @property
    def sql(self) -> str:
        """The offline SQL of the whole plan, as far as it could be written."""
        parts = []
        for one in self.plan.sql:
            parts.append(
                f"-- {one.revision}\n{one.sql if one.sql is not None else '-- not available: ' + str(one.why)}"
            )
        return "\n\n".join(parts) + "\n" if parts else ""


def change(
    settings: TargetSettings,
    direction: str,
    revision: str,
    *,
    dry_run: bool = True,
    confirm: str = "",
    wait: int = 0,
    retries: int = 5,
    report: Report | None = None,
) -> Run:
    """Upgrade, downgrade or stamp a target; by default only say what that would be.

    `wait`: seconds to wait for another run to end. `retries`: how often a revision that could not get its
    locks in time is tried again. `report` is called with a line of progress.

    Raises
    ------
    RevisionError, ProjectError, ConnectError
        Before anything is changed.
    RefusedError
        The guard said no, or (BusyError) another run is at work.
    MigrationError
        A revision failed; it says which ones stay applied.
    InterruptedRunError
        The run was stopped, or a process died.
    """
    with visit(settings, purpose=WORDS[direction]) as here:
        if dry_run:
            made = plan.make(here, direction, revision, with_sql=direction != "stamp")
            return Run(
                plan=made,
                dry_run=True,
                current=made.current,
                protected=guard.needs_confirmation(settings, made),
                obstacles=guard.obstacles(here),
            )
        setup = here.setup
        with run_lock(here.connection, setup.version_table_schema, setup.version_table, wait=wait):
            made = plan.make(here, direction, revision)
            guard.check(here, made, confirm=confirm)
            if made.changes_nothing:
                return Run(plan=made, dry_run=False, current=made.current)
            return _Change(here, made, retries=retries, report=report or _silent).perform()


@dataclass(slots=True)
class _Progress:
    """What is known of the run so far; the only thing here that moves."""

    applied: list[AppliedRevision] = field(default_factory=list)
    heads: tuple[str, ...] = ()
    running: Step | None = None
    autocommitted: list[str] = field(default_factory=list)
    retried: int = 0


class _Change:
    """One change under lock, from the intent in the ledger to its outcome."""

    def __init__(self, here: Visit, made: Plan, *, retries: int, report: Report) -> None:
        self.here = here
        self.plan = made
        self.retries = retries
        self.report = report
        self.ledger = Ledger(here.settings.home, here.facts.identity)
        self.run = secrets.token_hex(8)
        self.progress = _Progress(heads=made.current)
        self.limits = {
            "lock_timeout": here.settings.limits.lock_timeout,
            "statement_timeout": here.settings.limits.statement_timeout,
        }

    def perform(self) -> Run:
        made = self.plan
        self.ledger.write(
            "intent",
            self.run,
            target=made.target,
            direction=made.direction,
            **{"from": made.current, "to": made.heads},
            revisions=[{"revision": one.revision, "sha256": one.sha256} for one in made.revisions],
            plan=made.fingerprint,
            who={**whoami(), "role": self.here.facts.role},
        )
        with self._recorded():
            if made.direction == "stamp":
                self._stamp()
            else:
                self._migrate()
            self._require(made.heads)
        return Run(
            plan=made,
            dry_run=False,
            current=self.progress.heads,
            applied=tuple(self.progress.applied),
            retried=self.progress.retried,
        )

    @contextmanager
    def _recorded(self) -> Iterator[None]:
        """Write the outcome whatever happens, and let every error say what was changed."""
        try:
            yield
        except KeyboardInterrupt:
            self._cancel()
            error = self._explain(
                InterruptedRunError(
                    "The run was stopped by hand; the running statement was cancelled.",
                    next_step="Look at the state with notebooks/10-inspect.ipynb before anything else.",
                )
            )
            self._record_outcome(error)
            raise error from None
        except OpsError as raised:
            error = self._explain(raised)
            self._record_outcome(error)
            raise error from None
        self._record_outcome(None)

    def _record_outcome(self, error: OpsError | None) -> None:
        self.ledger.write(
            "outcome",
            self.run,
            verdict=(error.verdict if error else Verdict.OK).value,
            current=self.progress.heads,
            error=error.to_dict() if error else None,
        )

    # -- acting -------------------------------------------------------------------------------------

    def _migrate(self) -> None:
        steps = list(self.plan.steps)
        attempts = 0
        while len(self.progress.applied) < len(steps):
            waiting = [step.revision.revision for step in steps[len(self.progress.applied) :]]
            before = len(self.progress.applied)
            try:
                self.here.worker.request(
                    "migrate",
                    listener=self._listen,
                    read_only=False,
                    revisions=waiting,
                    direction=self.plan.direction,
                )
            except MigrationError as error:
                attempts = 0 if len(self.progress.applied) > before else attempts
                if error.code != "lock-timeout" or self.progress.autocommitted or self._heads() != self.progress.heads:
                    raise
                if attempts >= self.retries:
                    raise self._out_of_patience(error) from None
                attempts += 1
                self.progress.retried += 1
                pause = min(0.2 * 2**attempts, 10.0) * random.uniform(0.5, 1.5)
                self.report(f"lock not granted within {self.limits['lock_timeout']}; trying again in {pause:.1f} s")
                time.sleep(pause)

    def _stamp(self) -> None:
        self.here.worker.request(
            "stamp",
            listener=self._listen,
            read_only=False,
            revision=self.plan.requested,
            purge=self.plan.purge,
        )
        self.progress.heads = self._heads()

    def _listen(self, event: Event) -> Answer | None:
        match event["event"]:
            case "revision":
                return self._before_revision(event)
            case "statement":
                if event["autocommit"]:
                    self.progress.autocommitted.append(event["sql"])
            case "revision-done":
                return self._after_revision(event)
        return None

    def _before_revision(self, event: Event) -> Answer:
        if self.plan.direction == "stamp":
            return go()
        self.progress.running = self.plan.steps[len(self.progress.applied)]
        self.progress.autocommitted.clear()
        if tuple(event["heads"]) != self.progress.heads:
            return stop(
                f"env.py sees the database at {_list(tuple(event['heads']))}, we see {_list(self.progress.heads)}"
            )
        self.report(f"{event['revision']}  {WORDS[self.plan.direction]} …")
        return go(**self.limits)

    def _after_revision(self, event: Event) -> Answer:
        step = self.progress.running
        assert step is not None  # a revision cannot end before it began
        found = self._heads()
        if found != step.heads:
            return stop(
                f"after {event['revision']} the version table should say {_list(step.heads)} and says {_list(found)}"
            )
        done = AppliedRevision(revision=event["revision"], direction=self.plan.direction, seconds=event["seconds"])
        self.progress.applied.append(done)
        self.progress.heads = found
        self.progress.running = None
        self.ledger.write(
            "revision",
            self.run,
            revision=done.revision,
            direction=done.direction,
            seconds=round(done.seconds, 4),
            sha256=step.revision.sha256,
        )
        self.report(f"{done.revision}  done in {done.seconds:.2f} s")
        return go()

    # -- proving ------------------------------------------------------------------------------------

    def _heads(self) -> tuple[str, ...]:
        return self.here.heads() or ()

    def _require(self, wanted: tuple[str, ...]) -> None:
        found = self._heads()
        self.progress.heads = found
        if found != wanted:
            raise MigrationError(
                f"The version table should say {_list(wanted)} and says {_list(found)}.",
                next_step="Look at env.py: it may roll back, or swallow errors.",
            )

    def _cancel(self) -> None:
        """Cancel the statement on the server, so that it is rolled back now and not when it ends."""
        worker = self.here.worker
        if worker.backend_pid is not None:
            database.cancel(self.here.connection, worker.backend_pid)
        worker.kill()

    def _explain(self, error: OpsError) -> OpsError:
        """Say what stays applied, as read back over a new connection of our own."""
        before = self.plan.current
        try:
            with database.connect(self.here.settings, purpose="verify") as connection:
                _wait_until_gone(connection, self.here.worker.backend_pid)
                setup = self.here.setup
                found = database.heads(connection, setup.version_table_schema, setup.version_table) or ()
        except OpsError as unreachable:
            error.changed = None
            error.problem += f"\nThe state could not be read back: {unreachable.problem}"
            return error
        self.progress.heads = found
        autocommitted = self.progress.autocommitted
        error.changed = bool(self.progress.applied) or found != before or bool(autocommitted)
        state = f"The database is at {_list(found)}"
        state += "." if error.changed and found != before else ", where it was."
        running = self.progress.running
        if running is not None:
            name = running.revision.revision
            if autocommitted:
                state += (
                    f" Revision {name} runs statements outside a transaction; these were committed and stay: "
                    + "; ".join(" ".join(one.split())[:200] for one in autocommitted)
                    + "."
                )
            else:
                state += f" Revision {name} was rolled back."
        if self.progress.applied:
            state += f" Applied before it: {', '.join(one.revision for one in self.progress.applied)}."
        error.problem = f"{error.problem}\n{state}"
        return error

    def _out_of_patience(self, error: OpsError) -> OpsError:
        step = self.progress.running
        name = step.revision.revision if step else "the revision"
        tried = f"{self.progress.retried + 1} attempts"
        kind = MigrationError if self.progress.applied else BusyError
        return kind(
            f"{name} did not get its locks within {self.limits['lock_timeout']} in {tried}: {error.problem}",
            next_step="See who holds the table (pg_stat_activity), wait, and run this again.",
        )


def _wait_until_gone(connection: Any, pid: int | None) -> None:
    """Wait, a few seconds at most, until a cancelled or killed backend has rolled back."""
    from sqlalchemy import text

    deadline = time.monotonic() + 10
    while pid is not None and time.monotonic() < deadline:
        busy = text(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = :pid"
            " AND application_name LIKE 'alembic-ops%' AND (xact_start IS NOT NULL OR state = 'active'))"
        )
        if not connection.execute(busy, {"pid": pid}).scalar():
            return
        time.sleep(0.05)


def _silent(line: str) -> None:
    return None


def _list(ids: tuple[str, ...]) -> str:
    return ", ".join(ids) or "base"


def _revisions(count: int) -> str:
    return f"{count} revision{'' if count == 1 else 's'}"
