"""What is built, filled or moved anew while others wait: indexes, materialized views, partitions, whole tables."""

from __future__ import annotations

import re

from ops.catalog.names import quoted
from ops.catalog.values import Key
from ops.hazards.fixes.code import clean, execute, outside
from ops.hazards.fixes.timing import in_time
from ops.hazards.rule import BUILDS, DOCS, REACHES, REWRITES, Fact, Finding, Rule
from ops.hazards.subject import Subject
from ops.hazards.values import Severity
from ops.hazards.weight import Cost
from ops.remedy.words import qualified
from ops.statement import Mode

_REINDEX = re.compile(r"\s*REINDEX\s+(?:\([^)]*\)\s*)?(?:INDEX|TABLE|SCHEMA)\s+", re.IGNORECASE)


def _reindex(subject: Subject) -> Finding | None:
    command = subject.command
    if command.verb != "REINDEX" or "CONCURRENTLY" in command.options:
        return None
    tables = subject.builds if subject.statement.measured else _named(subject)
    if not tables:
        return None
    return Finding(
        relation=tables[0],
        harm=f"Writes to {', '.join(tables[:4])} wait until the index is built anew, and so does every query that "
        "could use it.",
        mode=Mode.SHARE,
        cost=Cost.BUILD,
        work=subject.load(*tables),
        explains=BUILDS | {Fact.REACH},
        fix=_rebuilt(subject),
    )


def _named(subject: Subject) -> tuple[str, ...]:
    """The table that the text leads to."""
    command = subject.command
    index = subject.scene.index(command.schema, command.index) if command.index else None
    if index is not None:
        return (qualified(index.schema, index.parent),)
    return (subject.relation,) if command.name else ()


def _rebuilt(subject: Subject) -> str:
    sql = clean(subject.statement.sql)
    head = _REINDEX.match(sql)
    return outside(execute(f"{head[0]}CONCURRENTLY {sql[head.end() :]}")) if head else ""


REINDEX = Rule(
    code="reindex",
    harm="REINDEX stops writes to the table, and every query that plans with the index, until it is built.",
    advice="REINDEX CONCURRENTLY, outside of a transaction; drop what is left behind (*_ccnew) where that fails.",
    source=f"{DOCS}sql-reindex.html#SQL-REINDEX-CONCURRENTLY",
    spot=_reindex,
    since=12,
    rows=(37,),
)


def _refresh(subject: Subject) -> Finding | None:
    command = subject.command
    if command.verb != "REFRESH MATERIALIZED VIEW" or "CONCURRENTLY" in command.options or subject.is_new:
        return None
    unique = any(_is_whole(str(subject.side.of(one).get("definition", ""))) for one in subject.children("index"))
    view = subject.relation
    first = f"A unique index over whole rows of {view} comes first: without one it cannot be refreshed CONCURRENTLY."
    return Finding(
        relation=view,
        harm=f"Nobody can read {view} until it has been computed anew.",
        mode=Mode.ACCESS_EXCLUSIVE,
        cost=Cost.REWRITE,
        work=subject.load(view),
        explains=REWRITES | {Fact.REACH},
        advice="" if unique else first,
        fix=execute(f"REFRESH MATERIALIZED VIEW CONCURRENTLY {view}") if unique else "",
    )


def _is_whole(definition: str) -> bool:
    """Whether an index lets its view be refreshed concurrently: unique, over columns only, for every row."""
    return definition.startswith("CREATE UNIQUE") and " WHERE " not in definition and "((" not in definition


REFRESH = Rule(
    code="refresh",
    harm="REFRESH MATERIALIZED VIEW keeps its readers out for as long as its query takes.",
    advice="Refresh it CONCURRENTLY, outside of a long transaction.",
    source=f"{DOCS}sql-refreshmaterializedview.html#SQL-REFRESHMATERIALIZEDVIEW",
    spot=_refresh,
    lock=Mode.ACCESS_EXCLUSIVE,
    rows=(58,),
)


def _detach(subject: Subject) -> Finding | None:
    command = subject.command
    if command.verb != "DETACH PARTITION" or "CONCURRENTLY" in command.options or subject.is_new:
        return None
    if not command.objects or subject.has_lock_timeout:
        return None
    default = any(subject.side.of(one).get("bounds") == "DEFAULT" for one in _partitions(subject))
    partition = subject.named(*command.objects[0])
    sql = f"ALTER TABLE {subject.relation} DETACH PARTITION {partition} CONCURRENTLY"
    return Finding(
        relation=subject.relation,
        harm=f"Detaching {partition} waits for everybody who uses {subject.relation}, and all others wait behind it.",
        mode=Mode.ACCESS_EXCLUSIVE,
        most=Severity.MEDIUM,
        explains=REACHES,
        advice="Set a short lock_timeout: beside a default partition it cannot be detached CONCURRENTLY."
        if default
        else "",
        fix=in_time(subject) if default else outside(execute(sql)),
    )


def _partitions(subject: Subject) -> list[Key]:
    return subject.scene.children(subject.origin)


DETACH_PARTITION = Rule(
    code="detach-partition",
    harm="DETACH PARTITION takes the strongest lock on the partitioned table: all of its readers and writers wait.",
    advice="Detach it CONCURRENTLY, outside of a transaction.",
    source=f"{DOCS}sql-altertable.html#SQL-ALTERTABLE-DETACH-PARTITION",
    spot=_detach,
    lock=Mode.ACCESS_EXCLUSIVE,
    since=14,
    rows=(41,),
)


def _unlogged(subject: Subject) -> Finding | None:
    if subject.command.verb != "SET UNLOGGED" or subject.is_new:
        return None
    return Finding(
        relation=subject.relation,
        harm=f"{subject.relation} is empty after the next crash of the server, and on every replica at once.",
        severity=Severity.INFO if subject.load().is_empty else Severity.MEDIUM,
    )


UNLOGGED = Rule(
    code="unlogged",
    harm="An unlogged table loses all of its rows when the server crashes, and has none on replicas.",
    advice="Keep it logged; only what can be computed anew belongs into an unlogged table, from its creation on.",
    source=f"{DOCS}sql-createtable.html#SQL-CREATETABLE-UNLOGGED",
    spot=_unlogged,
    lock=Mode.ACCESS_EXCLUSIVE,
    rows=(49,),
)


def _set_tablespace(subject: Subject) -> Finding | None:
    command = subject.command
    if command.verb != "SET TABLESPACE" or subject.is_new:
        return None
    is_index = bool(subject.indexed)
    if not subject.measured(bool(subject.builds if is_index else subject.rewrites), otherwise=True):
        return None
    table = subject.indexed or subject.relation
    what, harm = (f"The index {command.name}", "query that plans with") if is_index else ("Every block", "use of")
    return Finding(
        relation=table,
        harm=f"{what} of {table} is copied to {command.value}, and every {harm} {table} waits until that is done.",
        mode=Mode.ACCESS_EXCLUSIVE,
        cost=Cost.BUILD,
        work=subject.load(table),
        explains=REWRITES | {Fact.REACH},
        advice="" if is_index else _NOT_IN_PLACE,
        fix=_rebuilt_there(subject) if is_index else "",
    )


_NOT_IN_PLACE = (
    "Move it when nobody uses it; or put new partitions there and let the old ones age; or have pg_repack move it."
)


def _rebuilt_there(subject: Subject) -> str:
    space = quoted(subject.command.value)
    return outside(execute(f"REINDEX (TABLESPACE {space}) INDEX CONCURRENTLY {subject.relation}"))


SET_TABLESPACE = Rule(
    code="set-tablespace",
    harm="SET TABLESPACE copies a table or an index whole, under a lock that stops reads and writes.",
    advice="Build the index there CONCURRENTLY: REINDEX takes a tablespace.",
    source=f"{DOCS}sql-altertable.html#SQL-ALTERTABLE-DESC-SET-TABLESPACE",
    spot=_set_tablespace,
    lock=Mode.ACCESS_EXCLUSIVE,
    since=14,
    rows=(50,),
)

RULES = (REINDEX, REFRESH, DETACH_PARTITION, UNLOGGED, SET_TABLESPACE)
