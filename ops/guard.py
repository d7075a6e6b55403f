"""Permission to change a database. All that is missing is said at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ops.errors import RefusedError, StalePlanError
from ops.plan import WORDS, Plan
from ops.project.visit import Visit
from ops.settings import TargetSettings

if TYPE_CHECKING:
    from sqlalchemy import Connection


def check(visit: Visit, plan: Plan, *, confirm: str) -> None:
    """Return when the change may be made.

    Raises
    ------
    RefusedError
        The server is a replica, or the role lacks a right that every change needs.
    StalePlanError
        The target is protected, and the confirmation is missing or belongs to another plan.
    """
    reasons = obstacles(visit)
    if reasons:
        raise RefusedError(
            f"Target {plan.target!r} cannot be changed: {' '.join(reasons)}",
            next_step="Mend what is named, or use a target whose URL and role may change the schema.",
        )
    if confirm and confirm != plan.fingerprint:
        raise StalePlanError(
            f"The confirmation {confirm[:40]!r} is not that of what would run now, which is {plan.fingerprint}: "
            f"{WORDS[plan.direction]} from {_list(plan.current)} to {_list(plan.heads)}. The database, the version "
            "files or the request changed since that dry run.",
            next_step="Do the dry run again, read it, and confirm its fingerprint.",
        )
    if visit.settings.protected and not confirm and not plan.changes_nothing:
        raise StalePlanError(
            f"Target {plan.target!r} is protected: a change needs confirm = the fingerprint of its dry run.",
            next_step="Do the dry run (dry_run = True), read what it would run, and pass its fingerprint as `confirm`.",
            code="unconfirmed",
        )


def obstacles(visit: Visit) -> tuple[str, ...]:
    """Return what stands in the way of any change, a sentence each."""
    facts = visit.facts
    found = []
    if not facts.primary:
        found.append("The server is a replica: changes go to its primary.")
    else:
        found.extend(_missing_rights(visit.connection, visit))
    return tuple(found)


def needs_confirmation(settings: TargetSettings, plan: Plan) -> bool:
    """Return whether the dry run should tell which confirmation the real run wants."""
    return settings.protected and not plan.changes_nothing


def _missing_rights(connection: Connection, visit: Visit) -> list[str]:
    from sqlalchemy import text

    setup = visit.setup
    quote = connection.dialect.identifier_preparer.quote_identifier
    name = f"{quote(setup.version_table_schema)}.{quote(setup.version_table)}"
    role = visit.facts.role
    if setup.version_table_exists:
        row = connection.execute(
            text(
                "SELECT "
                + ", ".join(f"has_table_privilege(:name, '{right}')" for right in ("INSERT", "UPDATE", "DELETE"))
            ),
            {"name": name},
        ).one()
        lacking = [right for right, has in zip(("INSERT", "UPDATE", "DELETE"), row, strict=True) if not has]
        if lacking:
            return [f"Role {role} may not {', '.join(lacking)} on the version table {name}."]
        return []
    known = connection.execute(
        text("SELECT to_regnamespace(:schema) IS NOT NULL"), {"schema": quote(setup.version_table_schema)}
    ).scalar()
    if known:
        may = connection.execute(
            text("SELECT has_schema_privilege(:schema, 'CREATE')"), {"schema": setup.version_table_schema}
        ).scalar()
        if not may:
            return [f"Role {role} may not create the version table in schema {setup.version_table_schema}."]
    return []


def _list(ids: tuple[str, ...]) -> str:
    return ", ".join(ids) or "base"
