"""Statements that mend something: guard, lock, act one by one, read back, record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ops import guard, route
from ops.apply import aftermath, mending, signals
from ops.apply.parts import was_told
from ops.apply.progress import Progress
from ops.apply.record import Recorder
from ops.catalog import snapshot
from ops.errors import InterruptedRunError, MigrationError, OpsError, RefusedError, StalePlanError, first_line
from ops.lock import run_lock
from ops.project.visit import Visit, visit
from ops.route import Route
from ops.settings import TargetSettings
from ops.statement import brief
from ops.values import listed

_NEXT = "Look at what is left with notebooks/90-repair.ipynb."


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a repair would run, or has run: its fingerprint, and what stands in its way."""

    statements: tuple[str, ...]
    fingerprint: str
    protected: bool
    lacking: tuple[str, ...] = ()


def offer(settings: TargetSettings, statements: Sequence[str], *, stamp: str = "") -> Offer:
    """Return what running some statements, and setting the version table to `stamp`, would need. Nothing is changed.

    Raises
    ------
    ConnectError, ProjectError, RevisionError
        The target cannot be looked at, or nothing has the name `stamp`.
    """
    with visit(settings, purpose="repair") as here:
        made = _route(here, statements, stamp)
        return Offer(
            statements=tuple(statements),
            fingerprint=made.fingerprint,
            protected=guard.needs_confirmation(settings, made),
            lacking=guard.permission(here, made).lacking,
        )


def run(
    settings: TargetSettings,
    case: str,
    statements: Sequence[str],
    *,
    seen: str,
    stamp: str = "",
    confirm: str = "",
    left: Callable[[Visit], Sequence[str]],
) -> tuple[str, ...]:
    """Run statements, each by itself outside of a transaction, then set the version table; return its rows.

    `seen` is the fingerprint of the schema that they were made for. `stamp` is what it is to say; empty: what it says
    now. `left` is asked afterwards what is still broken, a sentence each. That a run of ours was open is settled by
    this.

    Raises
    ------
    RefusedError
        The guard said no, another run is at work, or the schema is not any more what the statements were made for.
    MigrationError
        A statement was refused by the server, or what was to be mended is still broken; it says what stays.
    InterruptedRunError
        It was stopped, or a process died.
    """
    with signals.heeded() as heard, visit(settings, purpose="repair") as here:
        setup = here.setup
        with run_lock(here.connection, setup.version_table_schema, setup.version_table, wait=0):
            made = _route(here, statements, stamp)
            guard.check(here, made, confirm=confirm)
            if made.catalog != seen:
                raise StalePlanError(
                    f"The schema of {settings.name!r} was changed since this repair was thought out.",
                    next_step="Look again with notebooks/90-repair.ipynb.",
                )
            work = _Work(here, made, Recorder(here, made, case=case))
            heard.begin()
            work.recorder.intent()
            error: OpsError | None = None
            cause: Exception | None = None
            try:
                try:
                    work.perform(left)
                finally:
                    heard.end()  # a signal just before it is caught below
            except KeyboardInterrupt:
                heard.end()
                error = InterruptedRunError(
                    f"The repair was stopped by {heard.name or 'hand'}.", next_step=_NEXT, changed=None
                )
            except OpsError as raised:
                error = raised
            except Exception as unforeseen:  # a question that the server refused, for one
                error = OpsError(
                    f"The repair was ended by {type(unforeseen).__name__}: {first_line(unforeseen)}.", next_step=_NEXT
                )
                cause = unforeseen
            if error is not None:
                work.explain(error)
            work.recorder.outcome(work.progress, error)
            if error is not None:
                raise error from cause
            return work.progress.heads


class _Work:
    """One repair under way."""

    def __init__(self, here: Visit, made: Route, recorder: Recorder) -> None:
        self.here = here
        self.route = made
        self.recorder = recorder
        self.progress = Progress(heads=made.current)
        self.done: list[str] = []
        self._running = ""
        self._stamping = False

    def perform(self, left: Callable[[Visit], Sequence[str]]) -> None:
        """Run all of it, and read back what came of it."""
        for sql in self.route.also:
            self._running = sql
            mending.execute(self.here, sql)
            self.done.append(sql)
            self._running = ""
        if self.route.current != self.route.heads:
            self._stamping = True
            self.here.worker.request(
                "stamp",
                listener=lambda event: None,
                read_only=False,
                revision=self.route.requested,
                purge=self.route.purge,
            )
        self.progress.heads = self.here.heads() or ()
        self._stamping = False
        setup = self.here.setup
        table = (setup.version_table_schema, setup.version_table)
        self.progress.catalog = snapshot.read(self.here.connection, version_table=table).fingerprint
        if self.progress.heads != self.route.heads:
            raise MigrationError(
                f"The version table should say {listed(self.route.heads)} and says {listed(self.progress.heads)}.",
                next_step=_NEXT,
            )
        if still := left(self.here):
            raise MigrationError(
                f"Everything was run, and it is not mended: {' '.join(still)}", next_step=_NEXT, code="not-mended"
            )

    def explain(self, error: OpsError) -> None:
        """Have an error say what stays, and whether anything was changed."""
        if isinstance(error, InterruptedRunError):
            aftermath.cancel(self.here)
        told = isinstance(error, MigrationError) and was_told(error.sqlstate)
        if error.changed is not None:
            error.changed = self._has_changed(told)
        if self.done:
            error.problem += f"\nDone before it, and stays: {'; '.join(map(brief, self.done))}."
        if self._running and not told:
            error.problem += f"\nNobody was told whether this took effect: {brief(self._running)}."
        elif not self.done and not self._running:
            error.problem += "\nNo statement was run."

    def _has_changed(self, told: bool) -> bool | None:
        """Whether the database was changed; `told`: the server itself refused what was under way last."""
        if self._stamping and not told:
            return None
        if self.done or self.progress.heads != self.route.current:
            return True
        if self._running and not told:
            return None
        return "CONCURRENTLY" in self._running.upper()  # which may leave an invalid index


def _route(here: Visit, statements: Sequence[str], stamp: str) -> Route:
    current = here.heads() or ()
    if stamp:
        return replace(route.make(here, "stamp", stamp), also=tuple(statements))
    setup = here.setup
    live = snapshot.read(here.connection, version_table=(setup.version_table_schema, setup.version_table))
    return Route(
        target=here.settings.name,
        identity=here.facts.identity,
        direction="stamp",
        requested=",".join(current) or "base",
        current=current,
        heads=current,
        steps=(),
        catalog=live.fingerprint,
        live=live,
        x=here.settings.project.x,
        also=tuple(statements),
    )


def refused(case: str, why: str, next_step: str) -> RefusedError:
    """A case of which nothing can be done here."""
    return RefusedError(f"Nothing is done for {case}: {why}", next_step=next_step, code="case")
