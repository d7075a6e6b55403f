"""Permission to change a database. All that is missing is said at once."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from ops import display, git
from ops.database import ServerFacts, leads_elsewhere
from ops.errors import RefusedError, StalePlanError
from ops.guard import evidence, rights
from ops.guard.missing import Circumstances, Foreseen, missing, skew
from ops.ledger import Ledger
from ops.plan import kept
from ops.project.visit import Visit
from ops.route import WORDS, Route
from ops.settings import TargetSettings
from ops.values import listed

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """What stands in the way of a change, a sentence each.

    `obstacles` are the server's and the role's, `missing` what the target's section demands. `notes` stand in nobody's
    way, and should be known; `caveat` is what holds for every change of this kind of database.
    """

    obstacles: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    caveat: str = ""

    @property
    def lacking(self) -> tuple[str, ...]:
        """All that a real run would be refused for."""
        return self.obstacles + self.missing


def permission(visit: Visit, route: Route, *, saves: bool = False) -> Permission:
    """Return what a change would be refused for now; nothing is asked twice of whoever changes nothing.

    `saves`: it makes a full backup itself, before anything else.
    """
    if not visit.facts.primary:
        return Permission(obstacles=("The server is a replica: changes go to its primary.",))
    setup, connection = visit.setup, visit.connection
    role = setup.role or visit.facts.role
    obstacles = visit.dialect.obstacles(connection)
    if visit.dialect.is_postgresql:
        obstacles += rights.only_reads(connection, visit.facts.login) + rights.on_version_table(
            connection, role, setup.version_table_schema, setup.version_table, exists=setup.version_table_exists
        )
    unwritable = Ledger.of(visit).obstacles()
    obstacles += unwritable
    if route.changes_nothing:
        return Permission(obstacles=obstacles)
    elsewhere = leads_elsewhere(connection, visit.settings)
    if elsewhere:
        obstacles += (f"direct_url leads to another database than url, which leads to {elsewhere}.",)
    plan = kept.find(visit.settings.home, route.fingerprint)
    if plan is not None and visit.dialect.is_postgresql and not _is_superuser(connection, role):
        # with another search path, what it creates would go elsewhere
        wanted = plan.needs if plan.default_schema == setup.default_schema else ()
        obstacles += rights.lacking(connection, role, wanted)
    if not unwritable:
        obstacles += _half_done(visit, route)
    found = _circumstances(visit, route, plan)
    if saves:
        found = replace(found, backed_up=found.now)
    told = skew(found.ahead)
    return Permission(
        obstacles=obstacles,
        missing=missing(visit.settings.require, found),
        notes=(told,) if told else (),
        caveat=visit.dialect.caveat if route.steps else "",
    )


def check(visit: Visit, route: Route, *, confirm: str, saves: bool = False) -> Permission:
    """Return when the change may be made; `saves` as in `permission`.

    Raises
    ------
    RefusedError
        The server is a replica, the role lacks a right, or something is missing that the target's section demands.
    StalePlanError
        The target is protected, and the confirmation is missing or belongs to another plan; nothing else is missing.
    """
    found = permission(visit, route, saves=saves)
    unconfirmed = _confirmation(visit.settings, route, confirm)
    if not found.lacking:
        if unconfirmed is not None:
            raise unconfirmed
        return found
    reasons = [*found.lacking, *([unconfirmed.problem] if unconfirmed else []), *found.notes]
    said = reasons[0] if len(reasons) == 1 else "".join(f"\n- {one}" for one in reasons)
    raise RefusedError(
        f"Target {route.target!r} cannot be changed{' now' if found.missing else ''}: {said}",
        next_step="Provide what is named, each as the line says, and run this again."
        if found.missing
        else "Mend what is named, or use a target whose URL and role may change the schema.",
    )


def needs_confirmation(settings: TargetSettings, route: Route) -> bool:
    """Return whether the dry run should tell which confirmation the real run wants."""
    return settings.protected and not route.changes_nothing


def check_typed_name(facts: ServerFacts, typed: str) -> None:
    """Return when what a person typed is the name of the database that would be changed.

    For a person at a panel, who would not copy a fingerprint that is on the screen anyway.

    Raises
    ------
    RefusedError
        It is another name, or none.
    """
    if typed.strip() == facts.database:
        return
    raise RefusedError(
        f"{typed.strip()[:63]!r} was typed, and the database that would be changed is {facts.database!r}.",
        next_step="Look which target was chosen; type the name of its database to go on.",
        code="wrong-name",
    )


def _confirmation(settings: TargetSettings, route: Route, confirm: str) -> StalePlanError | None:
    if route.changes_nothing:
        return None  # somebody else has done it already, which made the fingerprint another one
    if confirm and confirm != route.fingerprint:
        return StalePlanError(
            f"The confirmation {confirm[:40]!r} is not that of what would run now: "
            f"{WORDS[route.direction]} from {listed(route.current)} to {listed(route.heads)}. The database, the "
            "version files or the request changed since that dry run, or it was another target's.",
            next_step="Do the dry run again, read it, and confirm its fingerprint.",
        )
    if settings.protected and not confirm:
        return StalePlanError(
            f"Target {route.target!r} is protected: a change needs confirm = the fingerprint of its dry run.",
            next_step="Do the dry run (dry_run = True), read what it would run, and pass its fingerprint as `confirm`.",
            code="unconfirmed",
        )
    return None


def _circumstances(visit: Visit, route: Route, plan: kept.KeptPlan | None) -> Circumstances:
    now, ahead = _clocks(visit)
    demanded = visit.settings.require
    home = visit.settings.home
    foreseen = None
    if plan is not None:
        unmeasured = sum(1 for one in plan.statements if one.error or not one.measured)
        foreseen = Foreseen(hazards=plan.hazards, unmeasured=unmeasured)
    return Circumstances(
        runs=bool(route.steps),
        now=now,
        ahead=ahead,
        uncommitted=_uncommitted(route) if demanded.committed else (),
        foreseen=foreseen,
        rehearsed=evidence.rehearsed(home, route.fingerprint) if demanded.rehearsal else None,
        backed_up=evidence.backed_up(home, route.identity) if demanded.backup_hours is not None else None,
    )


def _half_done(visit: Visit, route: Route) -> tuple[str, ...]:
    """Why a revision must not be run from its beginning: a part of it that wrote rows is committed, or may be.

    Where the schema's changes commit by themselves, any part: the same can seldom be made twice.
    """
    if not route.steps:
        return ()
    known = Ledger.of(visit).look()
    part, first = known.part, route.steps[0].revision.revision
    if known.unreadable:
        return (f"{known.unreadable} So it is not known whether a part of {first} is done already. {known.next_step}",)
    if part is None or (part.revision, part.direction) != (first, route.direction):
        return ()
    if not part.writes_rows and not (visit.dialect.commits_ahead and part.possible.count):
        return ()
    if route.passed is not None and route.passed in (part.committed, part.possible):
        return ()
    count = part.possible.count
    what = f"{display.many(count, 'statement')} of it {'is' if count == 1 else 'are'} committed"
    wrote, again = ("wrote rows", "write them") if part.writes_rows else ("changed the schema", "change it")
    return (
        f"Of {first} an earlier run has left a part that {wrote}: {what}{'' if part.is_certain else ', or may be'}. "
        f"Run from its beginning, it would {again} again. 90-repair leads on (case open-run).",
    )


def _clocks(visit: Visit) -> tuple[datetime, timedelta]:
    """The server's time, and how much ours is ahead of it, to about the time that a question takes."""
    before = _our_clock()
    now = visit.dialect.clock(visit.connection)
    middle = before + (_our_clock() - before) / 2
    return now, middle - now


def _our_clock() -> datetime:
    return datetime.now(UTC)


def _uncommitted(route: Route) -> tuple[str, ...] | None:
    """The version files of a route that the last commit does not hold as they are; None where git cannot tell."""
    changed: set[Path] = set()
    for folder in {Path(step.revision.path).parent for step in route.steps}:
        found = git.uncommitted(folder)
        if found is None:
            return None
        changed |= found
    files = [Path(os.path.realpath(step.revision.path)) for step in route.steps]
    return tuple(file.name for file in files if file in changed)


def _is_superuser(connection: Connection, role: str) -> bool:
    from sqlalchemy import text

    query = text("SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = :role")
    return bool(connection.execute(query, {"role": role}).scalar())
