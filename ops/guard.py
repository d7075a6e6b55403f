"""Permission to change a database. All that is missing is said at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ops.errors import RefusedError, StalePlanError
from ops.ledger import Ledger
from ops.project.visit import Visit
from ops.route import WORDS, Route
from ops.settings import TargetSettings

if TYPE_CHECKING:
    from sqlalchemy import TextClause

_RIGHTS = ("INSERT", "UPDATE", "DELETE")


def check(visit: Visit, route: Route, *, confirm: str) -> None:
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
            f"Target {route.target!r} cannot be changed: {' '.join(reasons)}",
            next_step="Mend what is named, or use a target whose URL and role may change the schema.",
        )
    if confirm and confirm != route.fingerprint:
        raise StalePlanError(
            f"The confirmation {confirm[:40]!r} is not that of what would run now: "
            f"{WORDS[route.direction]} from {_list(route.current)} to {_list(route.heads)}. The database, the version "
            "files or the request changed since that dry run.",
            next_step="Do the dry run again, read it, and confirm its fingerprint.",
        )
    if visit.settings.protected and not confirm and not route.changes_nothing:
        raise StalePlanError(
            f"Target {route.target!r} is protected: a change needs confirm = the fingerprint of its dry run.",
            next_step="Do the dry run (dry_run = True), read what it would run, and pass its fingerprint as `confirm`.",
            code="unconfirmed",
        )


def obstacles(visit: Visit) -> tuple[str, ...]:
    """Return what stands in the way of any change, a sentence each."""
    if not visit.facts.primary:
        return ("The server is a replica: changes go to its primary.",)
    return (*_only_reads(visit), *_missing_rights(visit), *Ledger.of(visit).obstacles())


def needs_confirmation(settings: TargetSettings, route: Route) -> bool:
    """Return whether the dry run should tell which confirmation the real run wants."""
    return settings.protected and not route.changes_nothing


def _only_reads(visit: Visit) -> list[str]:
    # What the session began with: our own setting, which is "on" in any case, stands beside it.
    began = visit.connection.execute(
        _text("SELECT reset_val FROM pg_catalog.pg_settings WHERE name = 'default_transaction_read_only'")
    ).scalar()
    if began != "on":
        return []
    return [
        f"default_transaction_read_only is on for role {visit.facts.login}, this database or this server: "
        "somebody wants it only read."
    ]


def _missing_rights(visit: Visit) -> list[str]:
    setup = visit.setup
    schema, role = setup.version_table_schema, visit.facts.role
    quote = visit.connection.dialect.identifier_preparer.quote_identifier
    if setup.version_table_exists:
        name = f"{quote(schema)}.{quote(setup.version_table)}"
        asked = ", ".join(f"pg_catalog.has_table_privilege(:name, '{right}')" for right in _RIGHTS)
        row = visit.connection.execute(_text(f"SELECT {asked}"), {"name": name}).one()
        lacking = [right for right, has in zip(_RIGHTS, row, strict=True) if not has]
        return [f"Role {role} may not {', '.join(lacking)} on the version table {name}."] if lacking else []
    may = visit.connection.execute(
        _text(
            "SELECT pg_catalog.has_schema_privilege(oid, 'CREATE') FROM pg_catalog.pg_namespace WHERE nspname = :schema"
        ),
        {"schema": schema},
    ).scalar()
    # None: the project's own first revision makes the schema.
    return [f"Role {role} may not create the version table in schema {schema}."] if may is False else []


def _text(query: str) -> TextClause:
    from sqlalchemy import text

    return text(query)


def _list(ids: tuple[str, ...]) -> str:
    return ", ".join(ids) or "base"
