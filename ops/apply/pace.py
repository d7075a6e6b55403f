"""Which time limits are to be in force before each statement of a run."""

from __future__ import annotations

from collections.abc import Callable

from ops import limits
from ops.plan.kept import KeptPlan
from ops.project import Event
from ops.settings import Limits


class Pace:
    """Follows a run by the worker's events; what its `plan` has measured of a statement counts."""

    def __init__(self, allowed: Limits, plan: KeptPlan | None, report: Callable[[str], None]) -> None:
        self._pace = limits.Pace(allowed)
        self._plan = plan
        self._report = report
        self.asked = limits.short(allowed)
        """The settings that were asked for last."""

    def begin(self) -> dict[str, str]:
        """Return the settings with which a revision begins."""
        self.asked = self._pace.begin()
        return self.asked

    def before(self, event: Event) -> dict[str, str]:
        """Return the settings that a statement is to have, whether they are in force or not."""
        sql, revision = event["sql"], event["revision"]
        measured = self._plan.statement(revision, sql) if self._plan is not None else None
        wanted, own = self._pace.before(sql, outside=bool(event["autocommit"]), measured=measured)
        self.asked = self.asked | wanted
        line = f", line {event['line']} of its file" if event["line"] else ""
        for name in sorted(own):
            self._report(f"{revision}  sets {name} itself{line}: its own value holds, not the target's")
        return wanted

    def commit(self) -> None:
        """A transaction ends."""
        self._pace.commit()
