"""The route: the revisions from where the database is to where it is wanted, and their fingerprint."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field

from ops.catalog import Catalog
from ops.errors import RevisionError
from ops.history import Revision
from ops.ledger import Passed
from ops.project.visit import Step, Visit
from ops.secrets import Discreet

WORDS = {"up": "upgrade", "down": "downgrade", "stamp": "stamp"}


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class RevisionSQL(Discreet):
    """The SQL of one revision as Alembic writes it without a database, or why it could not be written."""

    revision: str
    sql: str | None
    why: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """An ordered list of revisions, and everything that its fingerprint stands for.

    `catalog` is the fingerprint of the live catalog, which is `live` itself while the route is new. `also` are
    statements of ours that are run beside the revisions: a repair has some. `passed` are the statements of the first
    revision that an earlier run has committed, and that are not run again.
    """

    target: str
    identity: str
    direction: str
    requested: str
    current: tuple[str, ...]
    heads: tuple[str, ...]
    steps: tuple[Step, ...]
    catalog: str
    x: tuple[str, ...] = ()
    purge: bool = False
    also: tuple[str, ...] = ()
    passed: Passed | None = None
    sql: tuple[RevisionSQL, ...] = field(default=(), compare=False)
    live: Catalog | None = field(default=None, compare=False, repr=False)

    @property
    def revisions(self) -> tuple[Revision, ...]:
        """The revisions, in the order in which they run."""
        return tuple(step.revision for step in self.steps)

    @property
    def changes_nothing(self) -> bool:
        """Whether the database already is where it is wanted."""
        return not self.steps and not self.also and self.current == self.heads

    @property
    def fingerprint(self) -> str:
        """A hash of inputs: the same question in the same situation gives the same answer.

        Statements stay out, as they may hold random values. The prefix keeps papermill from reading an
        all-digit hash as a number.
        """
        inputs = {
            "database": self.identity,
            "catalog": self.catalog,
            "current": self.current,
            "wanted": self.heads,
            "direction": self.direction,
            "revisions": [(one.revision, one.sha256) for one in self.revisions],
            "x": self.x,
            "purge": self.purge,
            **({"also": self.also} if self.also else {}),
            **({"passed": [self.passed.count, self.passed.digest]} if self.passed is not None else {}),
        }
        return "plan-" + hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()[:16]


def make(visit: Visit, direction: str, requested: str, *, with_sql: bool = False) -> Route:
    """Return the route for a request, from the state that the database is in now.

    Raises
    ------
    RevisionError
        The revision cannot be resolved, or a file in the way has no function for this direction.
    """
    if not requested:
        raise RevisionError(
            f"No revision was named to {WORDS[direction]} to.",
            next_step="Set the parameter `revision`, for example to an id that notebooks/10-inspect.ipynb shows.",
        )
    history = visit.history
    if history.problems and direction != "stamp":
        raise RevisionError(
            f"The version files do not fit together: {' '.join(history.problems)}",
            next_step="Correct the files; notebooks/10-inspect.ipynb shows the history.",
            code="broken-history",
        )
    resolution = visit.resolve(direction, requested)
    missing = [
        step.revision
        for step in resolution.steps
        if not (step.revision.can_upgrade if direction == "up" else step.revision.can_downgrade)
    ]
    if missing:
        raise RevisionError(
            f"Revision {missing[0].revision} has no {WORDS[direction]} function ({missing[0].path}).",
            next_step="Write one, or restore a backup: this revision cannot be undone by Alembic."
            if direction == "down"
            else "Write one; an empty one says `pass`.",
            code="no-downgrade" if direction == "down" else "no-upgrade",
        )
    live = visit.catalog()
    return Route(
        target=visit.settings.name,
        identity=visit.facts.identity,
        direction=direction,
        requested=requested,
        current=visit.heads() or (),
        heads=resolution.heads,
        steps=resolution.steps,
        catalog=live.fingerprint,
        live=live,
        x=visit.settings.project.x,
        purge=resolution.purge,
        sql=offline_sql(visit, direction, resolution.steps) if with_sql and resolution.steps else (),
    )


def offline_sql(visit: Visit, direction: str, steps: tuple[Step, ...]) -> tuple[RevisionSQL, ...]:
    """Return the SQL of some steps as Alembic writes it without a database."""
    before = [visit.heads() or (), *(step.heads for step in steps)]
    answer = visit.worker.request(
        "sql",
        direction=direction,
        steps=[
            {"revision": step.revision.revision, "heads": list(heads)}
            for step, heads in zip(steps, before, strict=False)
        ],
    )
    return tuple(RevisionSQL(**one) for one in answer["sql"])
