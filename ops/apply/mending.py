"""A revision that an earlier run left half done, led to its end: what is committed of it is passed over."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ops import commands, limits, route
from ops.errors import MigrationError, StalePlanError
from ops.ledger import Passed
from ops.project.visit import Visit
from ops.route import Route
from ops.statement import brief


@dataclass(frozen=True, slots=True, kw_only=True)
class Mending:
    """How that is done: `statements` are run first; then what is `passed` of the revision is not run again.

    `seen` is the fingerprint of the schema that this was thought out for.
    """

    passed: Passed
    seen: str
    statements: tuple[str, ...] = ()


def route_of(
    here: Visit, direction: str, revision: str, unfinished: Mending | None, *, with_sql: bool = False
) -> Route:
    """Return the route of a request; see `route.make` for what it raises.

    Raises
    ------
    StalePlanError
        The rest of a revision was asked for, and the database is not any more where that was thought out.
    """
    if unfinished is None:
        return route.make(here, direction, revision, with_sql=with_sql)
    made = route.make(here, direction, revision)
    if made.catalog != unfinished.seen or len(made.steps) != 1:
        raise StalePlanError(
            f"The database of {here.settings.name!r} was changed since this repair was thought out.",
            next_step="Look again with notebooks/90-repair.ipynb.",
        )
    return replace(made, passed=unfinished.passed, also=unfinished.statements)


def before(here: Visit, made: Route) -> None:
    """Run what a route has beside its revision, each statement by itself.

    Raises
    ------
    MigrationError
        The server refused one.
    """
    for sql in made.also:
        execute(here, sql)


def execute(here: Visit, sql: str) -> None:
    """Run one statement of ours on a connection like env.py's own, under the limits that it needs.

    Raises
    ------
    MigrationError
        The server refused it, or (where `sqlstate` says no more) the connection was lost.
    """
    allowed = here.settings.limits
    answer = here.worker.request(
        "execute",
        listener=lambda event: None,
        read_only=False,
        statements=[sql],
        settings={**limits.short(allowed), **limits.settings(commands.parse(sql), allowed)},
    )
    if answer["why"]:
        refused = MigrationError(
            f"The server refused {brief(sql, limit=200)}: {answer['why'].rstrip('.')}.",
            next_step="Mend what the server names; then look again with notebooks/90-repair.ipynb.",
        )
        refused.sqlstate = answer["sqlstate"]
        raise refused
