"""The backup that a change wants before its first revision runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ops import database, dialects
from ops.backup.making import backup
from ops.backup.values import Backup
from ops.backup.verifying import Name, Report
from ops.errors import BusyError, OpsError, RefusedError, UsageError
from ops.plan.kept import KeptPlan
from ops.settings import TargetSettings
from ops.statement import Mode, Statement
from ops.values import Verdict

CHOICES = ("none", "schema", "full", "auto")

_CHANGING = (Mode.ROW_EXCLUSIVE, Mode.EXCLUSIVE, Mode.ACCESS_EXCLUSIVE)
"""What a statement takes that writes rows, drops something or writes a table anew; an index is built under others."""

_NAMES = """
    WITH RECURSIVE named AS (
        SELECT pg_catalog.to_regclass(one) AS oid FROM unnest(%(names)s::text[]) AS one
    ), family AS (
        SELECT oid::oid FROM named WHERE oid IS NOT NULL
        UNION SELECT e.child FROM family f JOIN (
            SELECT inhrelid AS child, inhparent AS parent FROM pg_catalog.pg_inherits
            UNION ALL SELECT conrelid, confrelid FROM pg_catalog.pg_constraint
            WHERE contype = 'f' AND (confdeltype IN ('c', 'n', 'd') OR confupdtype IN ('c', 'n', 'd'))
        ) e ON e.parent = f.oid
    )
    SELECT n.nspname::text, c.relname::text FROM family f JOIN pg_catalog.pg_class c ON c.oid = f.oid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') ORDER BY 1, 2
"""


def check_choice(choice: str) -> None:
    """Return when there is such a choice.

    Raises
    ------
    UsageError
        There is not.
    """
    if choice not in CHOICES:
        raise UsageError(f"backup = {choice[:40]!r} is not known.", next_step=f"Write one of {', '.join(CHOICES)}.")


def before(
    settings: TargetSettings, choice: str, plan: KeptPlan | None, note: Mapping[str, Any], report: Report | None
) -> Backup | None:
    """Make the backup that somebody wants before a change, and return it; None where none is wanted.

    `full` and `schema` are what they say; `auto` is the schema, and rows of the tables that the plan changes, with
    those that change along by foreign keys. It is verified by its list.

    Raises
    ------
    RefusedError
        It cannot be made, or is not good; or nobody planned what `auto` has to know. Nothing was changed.
    """
    check_choice(choice)
    if choice == "none":
        return None
    is_file = dialects.of(settings).is_file  # it is copied whole, which is no less than was asked for
    try:
        only = _changed(settings, plan) if choice == "auto" and not is_file else None
        data = "schema" if choice == "schema" and not is_file else "full"
        made = backup(settings, data=data, only=only, note=note, report=report)
    except BusyError:
        raise
    except OpsError as error:
        raise RefusedError(
            f"The backup that has to be there first cannot be made: {error.problem}",
            next_step=error.next_step,
            code="backup",
        ) from None
    if made.verdict is not Verdict.OK:
        raise RefusedError(
            f"The backup that has to be there first is not good: {' '.join((*made.differences, *made.unknown))}",
            next_step=f"Look at {made.file}.",
            code="backup",
        )
    return made


def changed(statements: Iterable[Statement]) -> frozenset[str]:
    """Return the tables that statements change, by their qualified names."""
    found: set[str] = set()
    for one in statements:
        tables = [lock for lock in one.locks if lock.kind != "index"]
        found |= {lock.relation for lock in tables if lock.mode in _CHANGING}
        found |= {*one.rewrites, *one.dropped}
    return frozenset(found)


def _changed(settings: TargetSettings, plan: KeptPlan | None) -> tuple[Name, ...]:
    if plan is None:
        raise RefusedError(
            "backup = auto is of the tables that the plan changes, and nobody has planned this very change.",
            next_step="Run notebooks/20-plan.ipynb first, or use backup = full.",
            code="backup",
        )
    if [one for one in plan.statements if not one.measured or one.error]:
        raise RefusedError(
            "backup = auto is of the tables that the plan changes, and the plan could not measure all of it.",
            next_step="Use backup = full.",
            code="backup",
        )
    with database.connect(settings, purpose="backup") as connection:
        rows = connection.exec_driver_sql(_NAMES, {"names": sorted(changed(plan.statements))}).all()
    return tuple((schema, name) for schema, name in rows)
