"""Which time limits are to be in force before each statement of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ops import limits
from ops.project import Event
from ops.secrets import redact
from ops.settings import Limits
from ops.statement import Statement


class Pace:
    """Follows a run by the worker's events. `statements` are those of its plan: what was measured of them counts."""

    def __init__(self, allowed: Limits, statements: Iterable[Statement], report: Callable[[str], None]) -> None:
        self._pace = limits.Pace(allowed)
        self._report = report
        self._measured: dict[tuple[str, str], Statement | None] = {}
        for one in statements:
            key = one.revision, _kept(one.sql)
            self._measured[key] = None if key in self._measured else one  # the same text twice may be two matters
        self.asked = limits.short(allowed)
        """The settings that were asked for last."""

    def begin(self) -> dict[str, str]:
        """Return the settings with which a revision begins."""
        self.asked = self._pace.begin()
        return self.asked

    def before(self, event: Event) -> dict[str, str]:
        """Return the settings that a statement is to have, whether they are in force or not."""
        sql, revision = event["sql"], event["revision"]
        measured = self._measured.get((revision, _kept(sql)))
        wanted, own = self._pace.before(sql, outside=bool(event["autocommit"]), measured=measured)
        self.asked = self.asked | wanted
        line = f", line {event['line']} of its file" if event["line"] else ""
        for name in sorted(own):
            self._report(f"{revision}  sets {name} itself{line}: its own value holds, not the target's")
        return wanted

    def commit(self) -> None:
        """A transaction ends."""
        self._pace.commit()


def _kept(sql: str) -> str:
    """Return a statement as a plan that was kept has it."""
    return limits.plain(redact(sql))
