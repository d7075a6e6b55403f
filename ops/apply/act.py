"""One change under lock, from the intent in the ledger to its outcome."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from ops import backup as backups
from ops import guard
from ops.apply import aftermath, breaker, mending, signals, verify
from ops.apply.leftovers import Leftovers
from ops.apply.mending import Mending
from ops.apply.pace import Pace
from ops.apply.parts import NOT_PARSED, Parts
from ops.apply.passages import Passages
from ops.apply.patience import Patience
from ops.apply.progress import Progress
from ops.apply.record import Recorder, take_note
from ops.apply.run import AppliedRevision, Run
from ops.apply.watch import Watch
from ops.errors import InterruptedRunError, MigrationError, OpsError, first_line
from ops.guard import evidence
from ops.plan import kept
from ops.project import Answer, Event, Worker, go, stop
from ops.project.visit import Visit, visit
from ops.route import WORDS, Route
from ops.secrets import redact
from ops.settings import TargetSettings
from ops.values import listed

Report = Callable[[str], None]


def change(
    settings: TargetSettings,
    direction: str,
    revision: str,
    *,
    dry_run: bool = True,
    confirm: str = "",
    wait: int = 0,
    retries: int = 5,
    backup: str = "none",
    max_rewrite: str = "",
    report: Report | None = None,
    booted: Worker | None = None,
    unfinished: Mending | None = None,
) -> Run:
    """Upgrade, downgrade or stamp a target; by default only say what that would be.

    `wait`: seconds to wait for another run to end. `retries`: how often a revision that could not get its
    locks in time is tried again. `backup` is made before anything else: `none`, `schema`, `full`, or `auto`, which is
    the schema, and the rows of the tables that the plan changes. `max_rewrite`: what a transaction may write anew of
    existing tables, such as `1GB`; the target's own limit where it is empty, no limit at all where it is `none`.
    `report` is called with a line of progress. `booted`: see `visit`. `unfinished`: a part of the revision is
    committed, and only the rest is to be run.

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
    limit = check(settings, backup=backup, max_rewrite=max_rewrite)
    saves = backup == "full"
    with (
        signals.heeded() as heard,
        # Whoever waits reads the version files when its turn has come.
        visit(settings, purpose=WORDS[direction], booted=booted, read_files=not wait) as here,
    ):
        if dry_run:
            made = mending.route_of(here, direction, revision, unfinished, with_sql=direction != "stamp")
            known = kept.find(settings.home, made.fingerprint) if made.steps else None
            return Run(
                route=made,
                dry_run=True,
                current=made.current,
                protected=guard.needs_confirmation(settings, made),
                permission=guard.permission(here, made, saves=saves),
                takes=known.takes if known else "",
                foreseen=(known.verdict, known.found) if known else ("", ""),
                rehearsed=_rehearsed(here, made.fingerprint),
            )
        with here.dialect.run_lock(here.connection, here.version_table, wait=wait):
            made = mending.route_of(here, direction, revision, unfinished)
            permission = guard.check(here, made, confirm=confirm, saves=saves)
            if made.changes_nothing:
                take_note(here, made, Progress(heads=made.current, catalog=made.catalog))
                return Run(route=made, dry_run=False, current=made.current)
            plan = kept.find(settings.home, made.fingerprint)
            note = {"plan": made.fingerprint, "heads": list(made.current)}
            # A stamp runs nothing: what it writes is in the note.
            wanted = "schema" if backup == "auto" and not made.steps else backup
            saved = backups.before(settings, wanted, plan, note, report)
            file = saved.file if saved is not None else ""
            done = _Change(here, made, heard, retries, limit, file, report or _silent).perform()
            return replace(done, permission=permission, backup=file)


def check(settings: TargetSettings, *, backup: str = "none", max_rewrite: str = "", **_: object) -> int | None:
    """Return the limit in bytes that options of a change ask for, where they can be done as they are.

    Raises
    ------
    UsageError
        One of them says nothing, or is not to be had of this kind of database.
    """
    backups.check_choice(backup)
    return breaker.limit_of(settings, max_rewrite)


def _rehearsed(here: Visit, fingerprint: str) -> str | None:
    lacking = "rehearsal" in here.dialect.lacks
    return None if lacking else evidence.rehearsal_verdict(here.settings.home, fingerprint)


class _Change:
    def __init__(
        self,
        here: Visit,
        made: Route,
        heard: signals.Signals,
        retries: int,
        max_rewrite: int | None,
        backup: str,
        report: Report,
    ) -> None:
        self.here = here
        self.route = made
        self.heard = heard
        self.report: Report = lambda line: report(redact(line))
        self.plan = kept.find(here.settings.home, made.fingerprint)
        self.record = Recorder(here, made, backup=backup, case="open-run" if made.passed else "", plan=self.plan)
        self.passages = Passages(self.plan)
        self.progress = Progress(heads=made.current)
        self.parts = Parts(self.record.part, here.setup.version_table, made.passed, dialect=here.dialect)
        self.written = verify.Written(version_table=here.setup.version_table)
        self.disproved: MigrationError | None = None
        self.pace = Pace(here.settings.limits, self.plan, self.report)
        # elsewhere nobody can be asked who waits for whom
        self.watch = Watch(here.settings, here.worker.backend_pids if here.dialect.is_postgresql else set())
        self.leftovers = Leftovers(here)
        self.patience = Patience(here, self.progress, retries, self.report)
        self.breaker = breaker.Breaker(here, None if made.direction == "stamp" else max_rewrite, self.record.run)

    def perform(self) -> Run:
        made = self.route
        wanted = verify.expectation(self.here, made, self.plan)
        if told := self.breaker.prove(self.plan):
            self.report(told)
        self.heard.begin()
        self.record.intent()
        with self._recorded():
            mending.before(self.here, made)
            self._act()
            if stays := self.breaker.remove():
                raise MigrationError(stays, next_step="Drop it: it ends rewrites of large tables.", code="breaker")
            self._require(made.heads)
            proof = self._prove(wanted)
        return Run(
            route=made,
            dry_run=False,
            current=self.progress.heads,
            applied=tuple(self.progress.applied),
            retried=self.progress.retried,
            proof=proof,
            passages=self.passages.found,
        )

    @contextmanager
    def _recorded(self) -> Iterator[None]:
        """Write the outcome whatever happens, and let every error say what was changed."""
        error: OpsError | None = None
        cause: BaseException | None = None
        try:
            try:
                yield
            finally:
                self.heard.end()  # a signal just before it is caught below
        except KeyboardInterrupt:
            self.heard.end()
            error = InterruptedRunError(
                f"The run was stopped by {self.heard.name or 'hand'}; the running statement was cancelled.",
                next_step="Look at the state with notebooks/10-inspect.ipynb before anything else.",
            )
        except OpsError as raised:
            error = raised
        except Exception as unforeseen:
            aftermath.cancel(self.here)
            error = OpsError(
                f"The run was ended by {type(unforeseen).__name__}: {first_line(unforeseen)}.",
                next_step="Look at the state with notebooks/10-inspect.ipynb before anything else.",
            )
            cause = unforeseen
        self.watch.close()
        if error is not None:
            aftermath.explain(error, self.here, self.route, self.progress)
        self.record.outcome(self.progress, error)
        if error is not None:
            raise error from cause

    # -- acting -------------------------------------------------------------------------------------

    def _act(self) -> None:
        """Ask for what is left to do until it is done; revisions that waited too long for a lock are tried again."""
        while True:
            try:
                self._request()
                return
            except InterruptedRunError as stopped:
                raise self.disproved or stopped from None
            except MigrationError as error:
                if self.here.dialect.commits_ahead:
                    self.progress.failed(began=error.sqlstate not in (None, NOT_PARSED))
                self.progress.refused = self.parts.failed(error)
                if self.progress.refused and self.here.dialect.fails_whole:
                    self.progress.outside = ""
                self.patience.spend(error, self.pace, self.watch, self.leftovers)

    def _request(self) -> None:
        worker, made = self.here.worker, self.route
        if made.direction == "stamp":
            worker.request("stamp", listener=self._listen, read_only=False, revision=made.requested, purge=made.purge)
            return
        waiting = [step.revision.revision for step in made.steps[len(self.progress.applied) :]]
        worker.request(
            "migrate",
            listener=self._listen,
            read_only=False,
            revisions=waiting,
            direction=made.direction,
            breaker=self.breaker.request,
        )

    def _listen(self, event: Event) -> Answer | None:
        progress = self.progress
        if event["event"] == "statement-done":
            event = {**event, "sql": self.parts.running or event["sql"], "lock_wait": self.watch.end()}
            self.passages.end(event["sql"])
        self.record.saw(event)
        match event["event"]:
            case "revision":
                return self._before_revision(event)
            case "statement":
                return self._before_statement(event)
            case "statement-done":
                self.parts.done(outside=bool(progress.outside))
                progress.waited += event["lock_wait"]
                self.written.note(event["sql"])
                progress.ended(event["sql"])
            case "commit":
                self.parts.committing()
                progress.commits()
                self.pace.commit()
            case "revision-done":
                with self.heard.deferred():
                    return self._after_revision(event)
            case "onward":
                with self.heard.deferred():
                    self.record.revision(progress)
                done = progress.applied[-1]
                self.report(f"{done.revision}  done in {done.seconds:.2f} s")
        return None

    def _before_revision(self, event: Event) -> Answer:
        stamping = self.route.direction == "stamp"
        step = None if stamping else self.route.steps[len(self.progress.applied)]
        seen = tuple(event["heads"])
        if seen != (() if self.route.purge else self.progress.heads):
            return self._disprove(
                f"env.py sees the database at {listed(seen)}, we see {listed(self.progress.heads)}",
                "Look at env.py: it may use another version table, schema or search path when it migrates.",
            )
        self.progress.begin(step)
        self.parts.begin(event["revision"])
        self.passages.revision(event["revision"])
        self.report(f"{event['revision']}  {WORDS[self.route.direction]} …")
        return go(**self.pace.begin())

    def _before_statement(self, event: Event) -> Answer:
        outside = bool(event["autocommit"])
        self.progress.starts(event["sql"], outside=outside, commits_ahead=outside and self.here.dialect.commits_ahead)
        found = self.parts.before(event)
        if isinstance(found, str):
            self.progress.stopped()
            return self._disprove(
                f"{event['revision']} cannot be led to its end: {found}; nothing of it was run",
                "Look at what its file reads: run the rest of it by hand, then set the version table with 44-stamp.",
            )
        if found is not None:
            return found
        settings = self.pace.before(event)
        more = self.breaker.before(event)
        if isinstance(more, str):
            self.progress.stopped()
            return self._disprove(
                f"the limit max_rewrite cannot be enforced for a statement of {event['revision']}: {more}",
                "Write the statement otherwise, or leave max_rewrite empty.",
            )
        self.leftovers.before(event["sql"], outside=outside)
        self.watch.begin()
        self.passages.begin()
        return {**go(**settings), **more}

    def _after_revision(self, event: Event) -> Answer:
        step = self.progress.running
        assert step is not None  # a revision cannot end before it began
        found = self._heads()
        if found != step.heads:
            return self._disprove(
                f"after {event['revision']} the version table should say {listed(step.heads)}, and says "
                f"{listed(found)}",
                "Look at env.py: it may roll back, or swallow errors.",
            )
        done = AppliedRevision(
            revision=event["revision"],
            direction=self.route.direction,
            seconds=event["seconds"],
            waited=round(self.progress.waited, 3),
        )
        self.progress.applied.append(done)
        self.progress.heads = found
        self.progress.begin(None)
        return go()

    # -- proving ------------------------------------------------------------------------------------

    def _disprove(self, why: str, next_step: str) -> Answer:
        self.disproved = MigrationError(f"{why[0].upper()}{why[1:]}.", next_step=next_step)
        return stop(why)

    def _heads(self) -> tuple[str, ...]:
        return self.here.heads() or ()

    def _require(self, wanted: tuple[str, ...]) -> None:
        found = self._heads()
        self.progress.heads = found
        if found != wanted:
            raise MigrationError(
                f"The version table should say {listed(wanted)} and says {listed(found)}.",
                next_step="Look at env.py: it may roll back, or swallow errors.",
            )

    def _prove(self, wanted: verify.Expectation) -> verify.Proof:
        proof = verify.prove(self.here, wanted, self.written)
        self.progress.catalog, self.progress.unproved = proof.catalog, proof.unknown
        if proof.wrong:
            raise MigrationError(
                "Every revision ran, and the database is not as it should be:\n" + "\n".join(proof.wrong),
                next_step="Nothing was undone. See what notebooks/50-verify.ipynb says of it, and mend what is named.",
                code="not-as-planned",
            )
        return proof


def _silent(line: str) -> None:
    return None
