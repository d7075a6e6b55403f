"""What surrounds a change: prepared statements, replicas, disk, limits of names and tables, missing indexes."""

from __future__ import annotations

import re

from ops.catalog.values import Key
from ops.hazards.fixes.code import chosen, either, named, outside, python, taken_in
from ops.hazards.rule import DOCS, Finding, Rule
from ops.hazards.rules.general import strong
from ops.hazards.subject import Subject
from ops.hazards.values import Severity
from ops.hazards.weight import MIB, Cost, is_long
from ops.remedy import words
from ops.remedy.constraints import columns_of
from ops.remedy.indexes import columns_of as columns_of_index
from ops.statement import Mode

GIB = 1024 * MIB
_NAME_BYTES = 63
_MOST_COLUMNS = 1600
"""MaxHeapAttributeNumber in access/htup_details.h. Dropped ones count, which neither the catalog nor a clone has."""
_MANY_COLUMNS = 1200


def _cached_plan(subject: Subject) -> Finding | None:
    command = subject.command
    if command.verb not in ("ADD COLUMN", "ALTER COLUMN TYPE") or subject.is_new:
        return None
    if subject.load().traffic(Mode.ACCESS_EXCLUSIVE) == 0:
        return None
    return Finding(
        relation=subject.relation,
        harm=f'Sessions that have prepared SELECT * on {subject.relation} get the error "cached plan must not change '
        'result type" the next time that they use it.',
        severity=Severity.INFO,
    )


CACHED_PLAN = Rule(
    code="cached-plan",
    harm="A prepared SELECT * fails once its table has another column, or a column another type.",
    advice="Name the columns in queries; else have the application connect anew, or retry, after the change.",
    source=f"{DOCS}sql-prepare.html#SQL-PREPARE",
    spot=_cached_plan,
)


def _replicas(subject: Subject) -> Finding | None:
    found = [one for one in subject.scene.live.replicas if not one.logical]
    locks = [one for one, mode in strong(subject).items() if mode is Mode.ACCESS_EXCLUSIVE]
    if not found or not locks:
        return None
    work = subject.load(*subject.rewrites) if subject.rewrites else None
    long = work is not None and is_long(Cost.REWRITE, work)
    waits = any(one.synchronous for one in found)
    names = ", ".join(one.name or one.client for one in found[:4])
    more = "; what is written anew is sent to them as well, and they fall behind" if long else ""
    return Finding(
        relation=locks[0],
        harm=f"The lock on {locks[0]} is taken on the replicas ({names}) too, where it waits for queries or cancels "
        f"them{more}.",
        severity=(Severity.MEDIUM if waits else Severity.LOW) if long else Severity.INFO,
    )


REPLICAS = Rule(
    code="replicas",
    harm="A replica takes the strongest locks as well: they stall its queries, or cancel them; rewrites make it lag.",
    advice="Look at the lag, and do it when the replicas are quiet; keep the lock short.",
    source=f"{DOCS}hot-standby.html#HOT-STANDBY-CONFLICT",
    spot=_replicas,
    whole=True,
)


_SHAPES = {
    "ADD COLUMN": "rows that have it stop there until they have it, too: change the subscribers first.",
    "DROP COLUMN": "rows stop there where they cannot do without it: change the subscribers last.",
    "ALTER COLUMN TYPE": "rows stop there once a value does not fit: change the subscribers first.",
    "RENAME COLUMN": "rows stop there until it is called so, too: change all of them together.",
    "RENAME TABLE": "rows stop there until it is called so, too: change all of them together.",
}


def _logical_replicas(subject: Subject) -> Finding | None:
    found = [one for one in subject.scene.live.replicas if one.logical]
    verb = subject.command.verb
    if not found or verb not in _SHAPES or subject.is_new or subject.indexed:
        return None
    names = ", ".join(one.name or one.client for one in found[:4])
    return Finding(
        relation=subject.relation,
        harm=f"Logical replicas ({names}) do not get this change. Where {subject.relation} is published to them, "
        f"{_SHAPES[verb]}",
        severity=Severity.LOW,
    )


LOGICAL_REPLICAS = Rule(
    code="logical-replicas",
    harm="Logical replication carries rows and no DDL: a table whose columns differ on both sides stops being copied.",
    advice="Give the subscribers what is added before, and take from them what is dropped afterwards.",
    source=f"{DOCS}logical-replication-restrictions.html#LOGICAL-REPLICATION-RESTRICTIONS",
    spot=_logical_replicas,
)


def _disk(subject: Subject) -> Finding | None:
    if not subject.rewrites:
        return None
    size = subject.load(*subject.rewrites).total_bytes
    if size == 0:
        return None
    told = "an unknown amount" if size is None else _bytes(size)
    severity = Severity.MEDIUM if size is None or size >= 10 * GIB else Severity.LOW if size >= GIB else Severity.INFO
    return Finding(
        relation=subject.rewrites[0],
        harm=f"Writing {', '.join(subject.rewrites[:4])} anew takes {told} more on disk until the transaction commits, "
        "and as much WAL.",
        severity=severity,
    )


def _bytes(size: int) -> str:
    unit, name = (GIB, "GiB") if size >= GIB else (MIB, "MiB")
    return f"about {size / unit:,.1f} {name}"


DISK = Rule(
    code="disk",
    harm="A rewrite needs the table and its indexes a second time until it commits, and as much WAL.",
    advice="See that there is room for that, on the replicas and in the archive as well.",
    source=f"{DOCS}sql-altertable.html#SQL-ALTERTABLE-NOTES",
    spot=_disk,
    whole=True,
)

_NAMES = re.compile(r"'(?:[^']|'')*'|\$(\w*)\$.*?\$\1\$|--[^\n]*|\"((?:[^\"]|\"\")+)\"|([^\W\d][\w$]*)", re.DOTALL)


def _long_name(subject: Subject) -> Finding | None:
    # The parser has cut the names already, so this is read from the text.
    names = (match[2].replace('""', '"') if match[2] else match[3] for match in _NAMES.finditer(subject.statement.sql))
    long = [one for one in names if one and len(one.encode()) > _NAME_BYTES]
    if not long:
        return None
    cut = long[0].encode()[:_NAME_BYTES].decode(errors="ignore")
    return Finding(
        relation=subject.relation if subject.command.name else "",
        harm=f"The name {long[0]} is longer than {_NAME_BYTES} bytes: the server cuts it to {cut}, and says "
        "so in a notice only.",
        severity=Severity.LOW,
    )


LONG_NAME = Rule(
    code="long-name",
    harm="Names over 63 bytes are cut: two that begin alike collide, and who asks for the whole name does not find it.",
    advice="Choose a shorter name.",
    source=f"{DOCS}sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS",
    spot=_long_name,
    whole=True,
)


def _many_columns(subject: Subject) -> Finding | None:
    if subject.command.verb != "ADD COLUMN" or subject.is_new:
        return None
    mine = subject.within((subject.relation, *map(_name, subject.leaves)))
    count, relation = max((_columns_of(subject, one), one) for one in mine)
    if count < _MANY_COLUMNS:
        return None
    fails = count >= _MOST_COLUMNS
    then = "no column can be added to it" if fails else f"at {_MOST_COLUMNS:,} none can be added any more"
    return Finding(
        relation=relation,
        harm=f"{relation} has had {count:,} columns until then, with those that were dropped, which keep their "
        f"numbers: {then}.",
        severity=Severity.CRITICAL if fails else Severity.MEDIUM,
    )


def _name(key: Key) -> str:
    return words.qualified(key.schema, key.name)


def _columns_of(subject: Subject, relation: str) -> int:
    """How many columns a table has had when a command of a plan adds one: live ones, dropped ones, and those before."""
    origin = subject.scene.origin(subject.statement, relation)
    known = subject.scene.live.of(origin)
    key = subject.scene.table(origin)
    own = max(known.columns if known else 0, len(subject.side.children(key, "column")))
    added = 0
    for one, command in subject.scene.by_verb["ADD COLUMN"]:
        if one is subject.statement and command is subject.command:
            break
        added += subject.named(command.schema, command.name) == subject.relation
    return own + added


MANY_COLUMNS = Rule(
    code="many-columns",
    harm="A table has at most 1,600 columns, dropped ones included, which a copy of the schema does not have.",
    advice="Put new columns into a table of their own, or into one of type jsonb; a table that is made anew, and "
    "filled from the old one, is rid of what was dropped.",
    source=f"{DOCS}limits.html#LIMITS-TABLE",
    spot=_many_columns,
)


def _unindexed(subject: Subject) -> Finding | None:
    command = subject.command
    if command.verb != "ADD FOREIGN KEY" or subject.is_new or "IN TABLE" in command.options or not command.columns:
        return None
    if _is_indexed(subject):
        return None
    columns = ", ".join(command.columns)
    other = subject.named(*command.references[:2]) if command.references else ""
    load = subject.load()
    return Finding(
        relation=subject.relation,
        harm=f"No index begins with {columns}: each DELETE in {other}, and each change of its key, reads all of "
        f"{subject.relation}.",
        severity=Severity.INFO if load.is_empty else Severity.MEDIUM if is_long(Cost.SCAN, load) else Severity.LOW,
        fix=_index(subject),
    )


def _is_indexed(subject: Subject) -> bool:
    """Whether an index of the catalog, or one that the plan creates, begins with the columns of the key."""
    wanted = set(subject.command.columns)
    known = [_columns(subject, key) for key in subject.children("primary key", "unique", "index")]
    for statement in subject.scene.statements:
        for one in subject.scene.of(statement):
            creates = one.verb in ("CREATE INDEX", "ADD UNIQUE", "ADD PRIMARY KEY") and not one.where
            if creates and subject.named(one.schema, one.name) == subject.relation:
                known.append(one.columns)
    return any(set(one[: len(wanted)]) == wanted for one in known)


def _columns(subject: Subject, key: Key) -> tuple[str, ...]:
    own = subject.side.of(key)
    found = columns_of_index(key, own) if key.kind == "index" else columns_of(key.kind, str(own["definition"]))
    return found or ()


def _index(subject: Subject) -> str:
    command = subject.command
    name = chosen(command.name, command.columns, "idx", taken_in(subject.side, subject.schema))
    operation = words.call(
        "op.create_index",
        named(name),
        python(command.name),
        python(command.columns),
        schema=python(subject.schema),
        postgresql_concurrently="True",
    )
    columns = ", ".join(map(words.identifier, command.columns))
    sql = f"CREATE INDEX CONCURRENTLY {words.identifier(name)} ON {subject.relation} ({columns})"
    return outside(either(operation, sql, name, command.name, subject.schema, *command.columns))


UNINDEXED = Rule(
    code="unindexed-foreign-key",
    harm="A foreign key makes no index: each delete in the other table reads the referencing one whole.",
    advice="Build an index that begins with the referencing columns, concurrently.",
    source=f"{DOCS}ddl-constraints.html#DDL-CONSTRAINTS-FK",
    spot=_unindexed,
)

RULES = (CACHED_PLAN, REPLICAS, LOGICAL_REPLICAS, DISK, LONG_NAME, MANY_COLUMNS, UNINDEXED)
