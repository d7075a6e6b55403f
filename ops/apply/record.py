"""What one run puts on record: its intent before, each revision as it is done, its outcome whatever happens."""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from ops.apply.progress import Progress
from ops.errors import OpsError
from ops.ledger import Ledger, whoami
from ops.plan.kept import KeptPlan
from ops.project import Event
from ops.project.visit import Visit
from ops.route import Route
from ops.secrets import redact
from ops.statement import brief
from ops.values import Verdict

KEPT_STATEMENTS = 1_000
"""How many statements of a revision are kept; a loop over rows may run any number."""

KEPT_CHARACTERS = 20_000
"""How much of each is kept. The hash covers all of it."""

KEPT_IN_ALL = 1_000_000
"""How many characters of a revision are kept, more or less."""

_GLANCE = 100
"""How much of a statement stands beside its estimate."""


@dataclass(slots=True)
class _Told:
    """The statements of the revision that runs now."""

    statements: list[dict[str, Any]] = field(default_factory=list)
    count: int = 0
    kept: int = 0
    lock_wait: float | None = None
    estimates: list[dict[str, Any]] = field(default_factory=list)
    digest: Any = field(default_factory=hashlib.sha256)

    def add(self, event: Event) -> None:
        # Before it is cut, and before the hash: that of a text with a password gives it away.
        sql = redact(event["sql"])
        wait = event.get("lock_wait")
        self.count += 1
        self.digest.update(f"{len(sql)}:{sql}".encode("utf-8", "surrogatepass"))
        if wait is not None:
            self.lock_wait = (self.lock_wait or 0.0) + wait
        if self.count <= KEPT_STATEMENTS and self.kept < KEPT_IN_ALL:
            self.kept += min(len(sql), KEPT_CHARACTERS)
            rows = event.get("rows")
            one = {
                "sql": _short(sql),
                "seconds": _rounded(event.get("seconds")),
                "rows": rows if rows is not None and rows >= 0 else None,  # drivers say -1 where there are none
            }
            self.statements.append(one if wait is None else {**one, "lock_wait": _rounded(wait)})


class Recorder:
    """The record of one run."""

    def __init__(
        self, here: Visit, route: Route, *, backup: str = "", case: str = "", plan: KeptPlan | None = None
    ) -> None:
        """`case` is what a repair mends, with the statements that its route has beside revisions.

        What the `plan` foretold of a statement is put on record beside what it took.
        """
        self.ledger = Ledger.of(here)
        self.run = secrets.token_hex(8)
        self._here = here
        self._route = route
        self._backup = backup
        self._case = case
        self._plan = plan
        self._running = ""
        self._started = time.monotonic()
        self._told = _Told()
        self._written = 0

    def intent(self) -> None:
        """Put on record what is wanted, before anything is changed.

        Raises
        ------
        OpsError
            It cannot be written: nothing may be changed then.
        """
        here, made = self._here, self._route
        who = {**whoami(here.settings.project.config.parent), "role": here.facts.role, "login": here.facts.login}
        try:
            self.ledger.write(
                "intent",
                self.run,
                target=made.target,
                direction=made.direction,
                **{"from": made.current, "to": made.heads},
                requested=made.requested,
                revisions=[
                    {"revision": one.revision.revision, "sha256": one.revision.sha256, "heads": one.heads}
                    for one in made.steps
                ],
                plan=made.fingerprint,
                catalog=made.catalog,
                backup=self._backup,
                who=who,
                **({"repair": {"case": self._case, "statements": made.also}} if self._case else {}),
                **({"passed": _passed(made)} if made.passed is not None else {}),
            )
        except BaseException:
            self.ledger.close()
            raise

    def saw(self, event: Event) -> None:
        """Take what the worker tells of the revision that runs."""
        if event["event"] == "revision":
            self._told = _Told()  # also where it starts again
            self._running = event["revision"]
        elif event["event"] == "statement-done":
            self._told.add(event)
            if (found := self._estimate(event)) is not None:
                self._told.estimates.append(found)

    def _estimate(self, event: Event) -> dict[str, Any] | None:
        """What was foretold of a statement, and what it took; None where nothing was."""
        plan, seconds = self._plan, event.get("seconds")
        if plan is None or not plan.seconds or seconds is None:
            return None
        planned = plan.statement(self._running, event["sql"])
        if planned is None or planned.number not in plan.seconds:
            return None
        low, high = plan.seconds[planned.number]
        took = max(0.0, seconds - (event.get("lock_wait") or 0.0))
        return {
            "sql": brief(redact(event["sql"]), limit=_GLANCE),
            "low": _rounded(low),
            "high": _rounded(high),
            "seconds": _rounded(took),
        }

    def part(self, **fields: Any) -> None:
        """Put on record how much of the running revision is committed.

        Raises
        ------
        OpsError
            It cannot be written: the statement must not run then.
        """
        self.ledger.write("part", self.run, direction=self._route.direction, **fields)

    def revision(self, progress: Progress) -> None:
        """Put the next revision that is done on record.

        Raises
        ------
        OpsError
            It cannot be written.
        """
        done, told = progress.applied[self._written], self._told
        self.ledger.write(
            "revision",
            self.run,
            revision=done.revision,
            direction=done.direction,
            seconds=_rounded(done.seconds),
            sha256=self._route.steps[self._written].revision.sha256,
            sql_sha256=told.digest.hexdigest(),
            count=told.count,
            lock_wait=_rounded(told.lock_wait),
            statements=told.statements,
            **({"estimates": told.estimates} if told.estimates else {}),
        )
        self._written += 1
        self._told = _Told()

    def outcome(self, progress: Progress, error: OpsError | None) -> None:
        """Put on record what came of it; where that cannot be done, whoever asked is told beside the rest.

        Raises
        ------
        OpsError
            All is done, and that could not be written.
        """
        verdict = error.verdict if error else Verdict.UNKNOWN if progress.unproved else Verdict.OK
        try:
            while self._written < len(progress.applied):
                self.revision(progress)  # one that could not be written, or that was found complete only afterwards
            self.ledger.write(
                "outcome",
                self.run,
                direction=self._route.direction,
                verdict=verdict.value,
                # Where nobody could read it back, nobody knows.
                current=None if error is not None and error.changed is None else progress.heads,
                seconds=_rounded(time.monotonic() - self._started),
                retried=progress.retried,
                catalog=progress.catalog or None,
                error=error.to_dict() if error else None,
            )
        except OpsError as unwritten:
            if error is None:
                raise OpsError(
                    f"All that was asked for is done, and its record could not be finished: {unwritten.problem}",
                    next_step="The run stays open in the ledger until a later one succeeds. Look at the state with "
                    "notebooks/10-inspect.ipynb.",
                    changed=bool(progress.applied) or progress.heads != self._route.current,
                    code="ledger",
                ) from None
            error.problem += f"\nThe outcome could not be put on record: {unwritten.problem}"
        finally:
            self.ledger.close()


def take_note(here: Visit, route: Route, progress: Progress) -> None:
    """Put on record that somebody stamped a database where it is, when the ledger knew otherwise.

    That is where it had a run open, or a part of a revision left.

    Raises
    ------
    OpsError
        It cannot be written.
    """
    if route.direction != "stamp":
        return
    recorder = Recorder(here, route)
    known = recorder.ledger.look()
    moved = known.left is not None and set(known.left) != set(route.current)
    if known.open_runs or known.part is not None or moved:
        recorder.intent()
        recorder.outcome(progress, None)


def _passed(made: Route) -> dict[str, Any]:
    assert made.passed is not None  # it is asked for where there is something
    return {
        "revision": made.steps[0].revision.revision,
        "direction": made.direction,
        "committed": {"count": made.passed.count, "digest": made.passed.digest},
        "writes_rows": True,
    }


def _short(sql: str) -> str:
    more = len(sql) - KEPT_CHARACTERS
    return sql if more <= 0 else f"{sql[:KEPT_CHARACTERS]} … [{more:,} more characters]"


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 4)
