"""Indexes: who waits while they are built, and while they go."""

from __future__ import annotations

from ops.catalog.names import quoted
from ops.hazards.fixes import indexes as fixes
from ops.hazards.fixes.code import execute
from ops.hazards.fixes.timing import in_time
from ops.hazards.rule import BUILDS, DOCS, LOCKS, REACHES, Finding, Rule
from ops.hazards.subject import Subject
from ops.hazards.values import Severity
from ops.hazards.weight import Cost, is_long
from ops.live import Session
from ops.remedy.words import qualified
from ops.statement import Mode


def _blocking(subject: Subject) -> bool:
    command = subject.command
    refused = subject.is_partitioned and "CONCURRENTLY" in command.options
    if command.verb != "CREATE INDEX" or subject.is_new or ("CONCURRENTLY" in command.options and not refused):
        return False
    otherwise = "ONLY" not in command.options or not subject.is_partitioned
    return subject.measured(bool(subject.within(subject.builds)), otherwise=otherwise)


def _index_blocks_writes(subject: Subject) -> Finding | None:
    if not _blocking(subject) or subject.is_partitioned:
        return None
    name = fixes.index_name(subject, subject.command)
    return Finding(
        relation=subject.relation,
        harm=f"Every INSERT, UPDATE and DELETE on {subject.relation} waits until the whole index {name} is built.",
        mode=Mode.SHARE,
        cost=Cost.BUILD,
        work=subject.load(),
        explains=BUILDS,
        fix=fixes.concurrently(subject),
    )


INDEX_BLOCKS_WRITES = Rule(
    code="index-blocks-writes",
    harm="CREATE INDEX stops writes to the table until the index is built.",
    advice="Build it CONCURRENTLY, outside of a transaction, in a revision of its own.",
    source=f"{DOCS}sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY",
    spot=_index_blocks_writes,
    lock=Mode.SHARE,
    rows=(33,),
)


def _partitioned_index(subject: Subject) -> Finding | None:
    if not _blocking(subject) or not subject.is_partitioned:
        return None
    count = len(subject.leaves)
    return Finding(
        relation=subject.relation,
        harm=f"The index is built on all {count} partitions of {subject.relation} in one transaction, and writes to "
        "every one of them wait until the last is done.",
        mode=Mode.SHARE,
        cost=Cost.BUILD,
        work=subject.load(),
        explains=BUILDS | REACHES,
        fix=fixes.by_partition(subject),
    )


PARTITIONED_INDEX = Rule(
    code="partitioned-index",
    harm="CREATE INDEX on a partitioned table builds on all partitions at once, and stops writes to all of them.",
    advice="Create it ON ONLY the parent, build each partition's CONCURRENTLY, and attach those.",
    source=f"{DOCS}ddl-partitioning.html#DDL-PARTITIONING-DECLARATIVE-MAINTENANCE",
    spot=_partitioned_index,
    lock=Mode.SHARE,
    since=11,
    rows=(35,),
)

# What has lasted that long will probably last on: a build that waits for it holds up the migration.
_LONG_SECONDS = 60.0


def _concurrent_index(subject: Subject) -> Finding | None:
    command = subject.command
    if command.verb != "CREATE INDEX" or "CONCURRENTLY" not in command.options or subject.is_new:
        return None
    if subject.is_partitioned:
        return None  # refused: another rule says how
    name = qualified(subject.schema, command.index) if command.index else ""
    invalid = bool(name) and name in subject.scene.live.invalid_indexes
    skips = "IF NOT EXISTS" in command.options
    awaited = [one for one in subject.scene.live.sessions if _is_awaited(one, subject.origin)]
    timeout = subject.scene.setting(subject.statement, "statement_timeout")
    told, severity = [], Severity.INFO
    if not subject.statement.autocommit:
        told.append("the server refuses it inside of a transaction")
        severity = Severity.HIGH
    if skips:
        told.append(
            f"{name} is there already and invalid, and IF NOT EXISTS skips it"
            if invalid
            else "IF NOT EXISTS also skips an invalid index that a failed attempt has left"
        )
        severity = max(severity, Severity.HIGH if invalid else Severity.LOW)
    if awaited:
        told.append(f"it waits for transactions that are open now ({', '.join(map(_who, awaited))})")
        oldest = max(one.transaction_seconds or 0 for one in awaited)
        severity = max(severity, Severity.MEDIUM if oldest > _LONG_SECONDS else Severity.LOW)
    if timeout:
        told.append(f"statement_timeout is {timeout}: the time that it waits counts, and an invalid index is left")
        severity = max(severity, Severity.MEDIUM if is_long(Cost.BUILD, subject.load()) else Severity.LOW)
    if not told:
        return None
    text = "; ".join(told)
    return Finding(
        relation=subject.relation,
        harm=f"The index {command.index} on {subject.relation} may not come to be, or late: {text}.",
        mode=Mode.SHARE_UPDATE_EXCLUSIVE,
        severity=Severity.INFO if subject.load().is_empty and severity < Severity.HIGH else severity,
        fix=fixes.again(subject, name)
        if skips and name
        else fixes.concurrently(subject)
        if severity is Severity.HIGH
        else "",
    )


def _is_awaited(session: Session, relation: str) -> bool:
    """Whether a concurrent build waits for it: a snapshot, or a lock for writing on the table."""
    writes = any(name == relation and Mode.named(mode) >= Mode.ROW_EXCLUSIVE for name, mode in session.holds)
    return not session.ours and (session.snapshot or writes)


def _who(session: Session) -> str:
    since = f", {session.transaction_seconds:.0f} s" if session.transaction_seconds is not None else ""
    name = f"prepared {session.gid}" if session.gid else f"pid {session.pid} of {session.user}"
    return f"{name}{since}"


CONCURRENT_INDEX = Rule(
    code="concurrent-index",
    harm="CREATE INDEX CONCURRENTLY waits for every older snapshot; when it fails, an invalid index stays, which "
    "IF NOT EXISTS then skips.",
    advice="Drop an invalid index before trying again, end long transactions first, and set no statement_timeout.",
    source=f"{DOCS}sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY",
    spot=_concurrent_index,
    lock=Mode.SHARE_UPDATE_EXCLUSIVE,
    rows=(34,),
)


def _drop_index(subject: Subject) -> Finding | None:
    command = subject.command
    if command.verb != "DROP INDEX" or "CONCURRENTLY" in command.options:
        return None
    found = [key for pair in command.objects if (key := subject.scene.index(*pair)) is not None]
    tables = {qualified(one.schema, one.parent): one for one in found}
    tables = {name: one for name, one in tables.items() if not subject.is_new_relation(name)}
    if not tables or (subject.statement.measured and not any(subject.mode(one) for one in tables)):
        return None
    relation = max(tables, key=lambda one: (subject.load(one).traffic(Mode.ACCESS_EXCLUSIVE) or 0.0, one))
    partitioned = "partition key" in subject.side.of(subject.scene.table(relation))
    if partitioned and subject.has_lock_timeout:
        return None
    return Finding(
        relation=relation,
        harm=f"Dropping {', '.join(one.name for one in found)} waits for every open reader of {relation}, and all "
        "others wait behind it.",
        mode=Mode.ACCESS_EXCLUSIVE,
        explains=LOCKS if len(tables) == 1 else REACHES,
        advice="Set a short lock_timeout: an index of a partitioned table cannot be dropped CONCURRENTLY."
        if partitioned
        else "",
        fix=in_time(subject) if partitioned else fixes.drop(found),
    )


DROP_INDEX = Rule(
    code="drop-index",
    harm="DROP INDEX takes the strongest lock on the table: it queues behind every reader, and all others behind it.",
    advice="Drop it CONCURRENTLY, outside of a transaction.",
    source=f"{DOCS}sql-dropindex.html#SQL-DROPINDEX",
    spot=_drop_index,
    lock=Mode.ACCESS_EXCLUSIVE,
    rows=(36,),
)


def _rename_index(subject: Subject) -> Finding | None:
    command, table = subject.command, subject.indexed
    if command.verb != "RENAME TABLE" or not table or subject.is_new_relation(table):
        return None
    return Finding(
        relation=table,
        harm=f"{command.name} is an index of {table}: ALTER TABLE locks it so that every query that plans with {table} "
        "waits.",
        mode=Mode.ACCESS_EXCLUSIVE,
        most=Severity.MEDIUM,
        explains=REACHES,
        fix=execute(f"ALTER INDEX {subject.relation} RENAME TO {quoted(command.new_name)}"),
    )


RENAME_INDEX = Rule(
    code="rename-index",
    harm="ALTER TABLE, and with it op.rename_table, renames an index as well, but under a lock that stops its table.",
    advice="Rename it by ALTER INDEX, for which only other changes of it wait.",
    source=f"{DOCS}sql-alterindex.html#SQL-ALTERINDEX",
    spot=_rename_index,
    since=12,
    rows=(38,),
)

RULES = (INDEX_BLOCKS_WRITES, PARTITIONED_INDEX, CONCURRENT_INDEX, DROP_INDEX, RENAME_INDEX)
