"""What every plan says, whatever it was made of: the route, its statements, and the hazards that count."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ops import display
from ops.estimate.values import Estimates
from ops.hazards import Hazard, Severity
from ops.secrets import cleaned
from ops.values import Result

if TYPE_CHECKING:
    from ops.plan.kept import Foretold
    from ops.route import Route
    from ops.statement import Statement


@dataclass(frozen=True, kw_only=True)
class Judged(Result):
    """Statements on the way from the live state to a revision, as they were executed on a copy, and their hazards.

    Hazards from `fail_on` on make the verdict. `foretold` is how the schema will differ afterwards, where the copy
    could tell, `estimates` how long it takes, `server` what the copy was made of. `failed` is what ended the run on
    the copy, `unreached` the revisions behind that, `notes` what else is worth knowing of the measurement.
    """

    route: Route
    statements: tuple[Statement, ...] = ()
    hazards: tuple[Hazard, ...] = ()
    fail_on: Severity = Severity.HIGH
    foretold: Foretold | None = field(default=None, repr=False)
    estimates: Estimates = field(default_factory=Estimates, repr=False)
    server: str = ""
    failed: str = ""
    unreached: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def sql(self) -> str:
        """The whole plan as one commented SQL file."""
        raise TypeError(f"{type(self).__name__} has no SQL.")

    def _details(self) -> dict[str, Any]:
        """Return what else `data` has of this kind of plan."""
        raise TypeError(f"{type(self).__name__} has no details.")

    @property
    def fingerprint(self) -> str:
        """The route's: what a protected target wants as `confirm`."""
        return self.route.fingerprint

    @cached_property
    def counted(self) -> tuple[Hazard, ...]:
        """The hazards that make the verdict: as severe as `fail_on`, and not allowed by name."""
        return tuple(one for one in self.hazards if one.severity >= self.fail_on and not one.allowed)

    @property
    def own(self) -> tuple[Statement, ...]:
        """The migrations' statements, without Alembic's own on the version table."""
        return tuple(one for one in self.statements if not one.bookkeeping)

    @property
    def extent(self) -> str:
        """How many statements and revisions there are, in words."""
        return f"{display.many(len(self.own), 'statement')} in {display.many(len(self.route.steps), 'revision')}"

    @property
    def script(self) -> display.View:
        """The SQL file as something to look at."""
        return display.View(title="", blocks=(display.Code(text=self.sql, caption="plan.sql"),))

    @property
    def files(self) -> Mapping[str, str]:
        """What belongs into the folder of a run: `plan.sql` and `plan.json`."""
        return {"plan.sql": self.sql, "plan.json": as_json(self.to_dict())}

    def to_dict(self) -> dict[str, Any]:
        """Return the `data` of `20-plan`, which is `plan.json`."""
        data: dict[str, Any] = cleaned(
            {
                "fingerprint": self.fingerprint,
                "direction": self.route.direction,
                "from": list(self.route.current),
                "to": list(self.route.heads),
                "revisions": [one.revision for one in self.route.revisions],
                "fail_on": self.fail_on.word,
                **self._details(),
            }
        )
        return data


def as_json(data: Mapping[str, Any]) -> str:
    """Return what a file of a run's folder says, readable for people as well."""
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def plain_hazard(one: Hazard) -> dict[str, Any]:
    """Return a hazard as `data` has it."""
    return {
        "code": one.code,
        "severity": one.severity.word,
        "statement": one.statement or None,
        "revision": one.revision or None,
        "relation": one.relation or None,
        "harm": one.harm,
        "waits": one.waits or None,
        "held": one.held or None,
        "advice": one.advice,
        "fix": one.fix or None,
        "since": one.since or None,
        "source": one.source,
        "allowed": one.allowed,
    }


def plain_statement(one: Statement) -> dict[str, Any]:
    """Return a statement as `data` has it, whatever it was run on."""
    return {
        "number": one.number,
        "revision": one.revision,
        "line": one.line,
        "sql": one.sql,
        "transaction": one.transaction or "autocommit",
        "locks": [
            {"relation": lock.relation, "kind": lock.kind, "mode": lock.mode.pg_name, "waits": lock.mode.waits or None}
            for lock in one.locks
        ],
        "rewrites": list(one.rewrites),
        "scans": list(one.scans),
        "index_builds": list(one.index_builds),
        "creates": list(one.created),
        "drops": list(one.dropped),
        "error": one.error or None,
    }
