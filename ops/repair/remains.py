"""Cases `invalid-index`, `not-validated`, `half-detached`: what statements outside of transactions leave behind."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ops import activity, database, display
from ops.live import InvalidIndex
from ops.project.visit import Visit
from ops.repair import act
from ops.repair.scene import Scene
from ops.repair.values import Finding

if TYPE_CHECKING:
    from sqlalchemy import Connection

INVALID, NOT_VALIDATED, DETACHED = "invalid-index", "not-validated", "half-detached"

_REINDEXED = re.compile(r"_cc(new|old)\d*\"?\Z")
_KINDS = {"f": "foreign key", "c": "check", "n": "not null"}
# Only since 18 there are constraints that are not enforced, and never checked on purpose.
_NOT_VALIDATED = """
    SELECT pg_catalog.quote_ident(k.conname) AS name, k.contype::text AS contype,
           CASE WHEN k.conrelid <> 0 THEN 'TABLE' ELSE 'DOMAIN' END AS kind,
           pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(coalesce(c.relname, t.typname)) AS owner
    FROM pg_catalog.pg_constraint k
    LEFT JOIN pg_catalog.pg_class c ON c.oid = k.conrelid LEFT JOIN pg_catalog.pg_type t ON t.oid = k.contypid
    JOIN pg_catalog.pg_namespace n ON n.oid = coalesce(c.relnamespace, t.typnamespace)
    WHERE NOT k.convalidated AND k.contype IN ('f', 'c', 'n') AND k.conparentid = 0 AND n.nspname !~ '^pg_'
      AND coalesce((pg_catalog.to_jsonb(k) ->> 'conenforced')::boolean, true)
    ORDER BY 4, 1
"""
_DETACHED = """
    SELECT pg_catalog.quote_ident(pn.nspname) || '.' || pg_catalog.quote_ident(p.relname) AS parent,
           pg_catalog.quote_ident(cn.nspname) || '.' || pg_catalog.quote_ident(c.relname) AS partition
    FROM pg_catalog.pg_inherits i
    JOIN pg_catalog.pg_class p ON p.oid = i.inhparent JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
    JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid JOIN pg_catalog.pg_namespace cn ON cn.oid = c.relnamespace
    WHERE i.inhdetachpending ORDER BY 1, 2
"""
_WORDS = {
    INVALID: ("index is invalid", "indexes are invalid", "No query uses it, and writes may pay for it."),
    NOT_VALIDATED: (
        "constraint was never checked",
        "constraints were never checked",
        "It holds for new rows; the older ones may break it.",
    ),
    DETACHED: (
        "partition is half detached",
        "partitions are half detached",
        "Nothing else can be attached or detached meanwhile.",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Remain:
    """One thing that was left half done, and the statement that mends it; `why_not` where none can be offered.

    `doubt` is what may make that statement fail, and was not looked at.
    """

    name: str
    table: str
    what: str
    sql: str = ""
    why_not: str = ""
    doubt: str = ""


def look(scene: Scene, case: str) -> Finding | None:
    """Return what is left over of one kind, with the statements that mend it; else None."""
    with database.connect(scene.settings, purpose="repair") as connection:
        found = _found(connection, case)
    if not found:
        return None
    one, several, harm = _WORDS[case]
    names = ", ".join(each.name for each in found[:5]) + (", …" if len(found) > 5 else "")
    finding = Finding(
        case=case,
        what=f"{len(found)} {one if len(found) == 1 else several}: {names}. {harm}",
        evidence=(
            *(display.Note(each.doubt, "attention") for each in found if each.doubt),
            display.Table(
                columns=("name", "table", "what it is", "what mends it"),
                rows=tuple(
                    (display.Name(each.name), display.Name(each.table), each.what, each.sql or each.why_not)
                    for each in found
                ),
            ),
        ),
        details={"objects": [{"name": each.name, "table": each.table, "sql": each.sql or None} for each in found]},
    )
    statements = _statements(found)
    if not statements:
        return finding
    shown = act.offer(scene.settings, statements)
    return replace(
        finding,
        offered=f"run {display.many(len(statements), 'statement')} outside of a transaction, with "
        "the target's limits, and read back.",
        fingerprint=shown.fingerprint,
        protected=shown.protected,
        lacking=shown.lacking,
    )


def mend(scene: Scene, finding: Finding, confirm: str) -> Finding:
    """Run what mends it; see `act.run` for what it raises."""
    seen = scene.live.fingerprint
    with database.connect(scene.settings, purpose="repair") as connection:
        found = _found(connection, finding.case)
    statements = _statements(found)
    if not statements:
        raise act.refused(finding.case, finding.what, "See the last column of the table: it is for a person to do.")
    mended = {one.name for one in found if one.sql}

    def left(here: Visit) -> Sequence[str]:
        still = _found(here.connection, finding.case)
        return [f"{one.name} {one.what}." for one in still if one.name in mended]

    act.run(scene.settings, finding.case, statements, seen=seen, confirm=confirm, left=left)
    return replace(finding, done=f"{'; '.join(statements)}. Read back: none of it is left.")


def _statements(found: Sequence[Remain]) -> tuple[str, ...]:
    return tuple(one.sql for one in found if one.sql)


def _found(connection: Connection, case: str) -> tuple[Remain, ...]:
    return tuple({INVALID: _invalid, NOT_VALIDATED: _not_validated, DETACHED: _detached}[case](connection))


def _invalid(connection: Connection) -> Iterator[Remain]:
    for one in activity.look(connection).invalid:
        if one.building_pid:
            yield Remain(name=one.name, table=one.table, what="is being built", why_not=f"wait for {one.building_pid}")
        elif one.partitioned:
            yield Remain(
                name=one.name,
                table=one.table,
                what="is not on every partition",
                why_not="build the missing ones concurrently, and attach each: ALTER INDEX … ATTACH PARTITION",
            )
        elif _REINDEXED.search(one.name) and not one.constraint:
            sql = f"DROP INDEX CONCURRENTLY {one.name}"
            yield Remain(name=one.name, table=one.table, what="is what a REINDEX CONCURRENTLY left", sql=sql)
        else:
            sql = f"REINDEX INDEX CONCURRENTLY {one.name}"
            doubt = _doubt(one) if one.definition.startswith("CREATE UNIQUE ") else ""
            yield Remain(name=one.name, table=one.table, what="was never finished", sql=sql, doubt=doubt)


def _doubt(one: InvalidIndex) -> str:
    return (
        f"{one.name} is unique, and whether rows share a key was not looked at: while some do, REINDEX fails again. "
        f"Find them first: GROUP BY what the index holds, HAVING count(*) > 1. It is: {one.definition}"
    )


def _not_validated(connection: Connection) -> Iterator[Remain]:
    for row in connection.exec_driver_sql(_NOT_VALIDATED):
        yield Remain(
            name=row.name,
            table=row.owner,
            what=f"is a {_KINDS[row.contype]} constraint that is NOT VALID",
            sql=f"ALTER {row.kind} {row.owner} VALIDATE CONSTRAINT {row.name}",
        )


def _detached(connection: Connection) -> Iterator[Remain]:
    for row in connection.exec_driver_sql(_DETACHED):
        sql = f"ALTER TABLE {row.parent} DETACH PARTITION {row.partition} FINALIZE"
        yield Remain(name=row.partition, table=row.parent, what="waits for the end of DETACH CONCURRENTLY", sql=sql)
