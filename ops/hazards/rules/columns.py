"""Columns that come and go."""

from __future__ import annotations

import re
from dataclasses import replace

from ops.catalog.names import mentions
from ops.catalog.values import Key
from ops.hazards.fixes import columns as fixes
from ops.hazards.rule import BUILDS, DOCS, LOCKS, REACHES, READS, REWRITES, Fact, Finding, Rule
from ops.hazards.subject import Subject
from ops.hazards.values import Severity
from ops.hazards.weight import Cost
from ops.statement import Mode

_NOTES = f"{DOCS}sql-altertable.html#SQL-ALTERTABLE-NOTES"
_ADD = f"{DOCS}sql-altertable.html#SQL-ALTERTABLE-DESC-ADD-COLUMN"
# One value for the whole statement; all other functions are taken for volatile where nothing was measured.
_STABLE_NAMES = """
    now statement_timestamp transaction_timestamp current_user session_user current_schema current_database current_date
    current_time current_timestamp localtime localtimestamp user current_role current_setting txid_current date_trunc
    timezone to_char lower upper coalesce
"""
_STABLE = frozenset(_STABLE_NAMES.split())
_LITERAL = re.compile(r"'(?:[^']|'')*'")
_CALL = re.compile(r"([^\W\d][\w$.]*)\s*\(")
_KEYWORDS = re.compile(
    r"\b(current_(?:date|time|timestamp|user|role|schema|catalog)|localtime(?:stamp)?|session_user|user)\b",
    re.IGNORECASE,
)


def _calls(default: str) -> set[str]:
    """The functions that an expression calls, and the words that stand for one."""
    text = _LITERAL.sub("", default)
    text = re.sub(r"::[\w. ]+(?:\([\d, ]*\))?", "", text)
    found = {one.rpartition(".")[2].lower() for one in _CALL.findall(text)} - {"array", "row"}
    return found | {one.lower() for one in _KEYWORDS.findall(text)}


def _is_volatile(default: str) -> bool:
    return not _calls(default) <= _STABLE


def _rewritten(subject: Subject, *, otherwise: bool) -> bool:
    return subject.measured(bool(subject.within(subject.rewrites)), otherwise=otherwise)


def _adds(subject: Subject) -> bool:
    return subject.command.verb == "ADD COLUMN" and not subject.is_new


def _shared_default(subject: Subject) -> Finding | None:
    default = subject.command.default
    if not _adds(subject) or default is None or not _calls(default):
        return None
    if _rewritten(subject, otherwise=_is_volatile(default)):
        return None
    return Finding(
        relation=subject.relation,
        harm=f"{default} is computed once, and all rows that {subject.relation} has already show that one value in "
        f"{subject.command.column}.",
        severity=Severity.INFO,
        fix=fixes.shared_default(subject),
    )


SHARED_DEFAULT = Rule(
    code="shared-default",
    harm="The default of a new column is computed once: all old rows show the same time, or the same user.",
    advice="See that this is meant; else add the column first, and set its default in a statement of its own.",
    source=_NOTES,
    spot=_shared_default,
    lock=Mode.ACCESS_EXCLUSIVE,
    since=11,
    rows=(2,),
)


def _volatile_default(subject: Subject) -> Finding | None:
    command = subject.command
    if not _adds(subject) or command.default is None or command.options & {"IDENTITY", "SERIAL"}:
        return None
    if not _rewritten(subject, otherwise=_is_volatile(command.default)) or not _calls(command.default):
        return None
    return Finding(
        relation=subject.relation,
        harm=f"{command.default} differs from row to row, so all of {subject.relation} is written anew, with every "
        f"index, to fill {command.column}.",
        mode=Mode.ACCESS_EXCLUSIVE,
        cost=Cost.REWRITE,
        explains=REWRITES,
        fix=fixes.add(subject, command, late_default=True),
    )


VOLATILE_DEFAULT = Rule(
    code="volatile-default",
    harm="A default that differs from row to row writes the whole table anew, while nobody may use it.",
    advice="Add the column without a default, set the default, fill old rows in batches, then make it NOT NULL.",
    source=_NOTES,
    spot=_volatile_default,
    lock=Mode.ACCESS_EXCLUSIVE,
    rows=(3,),
)


def _identity(subject: Subject) -> Finding | None:
    command = subject.command
    if not _adds(subject) or not command.options & {"IDENTITY", "SERIAL"} or not _rewritten(subject, otherwise=True):
        return None
    return Finding(
        relation=subject.relation,
        harm=f"Every row of {subject.relation} gets a number in {command.column}, so the table is written anew, with "
        "every index.",
        mode=Mode.ACCESS_EXCLUSIVE,
        cost=Cost.REWRITE,
        explains=REWRITES,
        fix=fixes.add(subject, command, late_default=True),
    )


IDENTITY = Rule(
    code="identity-rewrite",
    harm="A new serial or identity column numbers every row: the whole table is written anew, while nobody may use it.",
    advice="Add a plain column and a sequence, number old rows in batches, then attach the identity.",
    source=_NOTES,
    spot=_identity,
    lock=Mode.ACCESS_EXCLUSIVE,
    since=10,
    rows=(4,),
)


def _stored(subject: Subject) -> Finding | None:
    command = subject.command
    if not _adds(subject) or "STORED" not in command.options or not _rewritten(subject, otherwise=True):
        return None
    return Finding(
        relation=subject.relation,
        harm=f"{command.column} is computed for every row of {subject.relation}, and the table is written anew, with "
        "every index.",
        mode=Mode.ACCESS_EXCLUSIVE,
        cost=Cost.REWRITE,
        explains=REWRITES,
        fix=fixes.generated(subject),
        since=18 if subject.major >= 18 else None,
    )


STORED = Rule(
    code="stored-generated",
    harm="A new stored generated column writes the whole table anew, while nobody may use it.",
    advice="Use a virtual column (18), or a plain one that a trigger keeps, filled in batches.",
    source=f"{DOCS}ddl-generated-columns.html#DDL-GENERATED-COLUMNS",
    spot=_stored,
    lock=Mode.ACCESS_EXCLUSIVE,
    since=12,
    rows=(5,),
)


def _inner(subject: Subject, verbs: tuple[str, ...]) -> bool:
    command = subject.command
    return command.verb in verbs and "IN COLUMN" in command.options and not subject.is_new


def _whole(subject: Subject) -> str:
    """The column of a constraint in steps, with all that stands in its definition."""
    column = fixes.column_command(subject)
    if column is None or column.options & {"STORED", "VIRTUAL"}:
        return ""
    late = column.default is not None and _rewritten(
        replace(subject, command=column), otherwise=_is_volatile(column.default)
    )
    return fixes.add(subject, column, late_default=late)


def _column_check(subject: Subject) -> Finding | None:
    read = subject.measured(bool(subject.within(subject.scans)), otherwise=True)
    if not _inner(subject, ("ADD CHECK",)) or not read:
        return None
    return Finding(
        relation=subject.relation,
        harm=f"Every row of {subject.relation} is checked as the column comes, while nobody may use the table.",
        mode=Mode.ACCESS_EXCLUSIVE,
        cost=Cost.SCAN,
        explains=READS,
        fix=_whole(subject),
    )


COLUMN_CHECK = Rule(
    code="column-check",
    harm="A CHECK in a new column's definition reads the whole table under a lock that stops reads and writes.",
    advice="Add the column, add the CHECK NOT VALID, and validate it in a later transaction.",
    source=_ADD,
    spot=_column_check,
    lock=Mode.ACCESS_EXCLUSIVE,
    rows=(8,),
)


def _column_unique(subject: Subject) -> Finding | None:
    built = subject.measured(bool(subject.within(subject.builds)), otherwise=True)
    if not _inner(subject, ("ADD UNIQUE", "ADD PRIMARY KEY")) or not built:
        return None
    return Finding(
        relation=subject.relation,
        harm=f"An index on all of {subject.relation} is built as the column comes, while nobody may use the table.",
        mode=Mode.ACCESS_EXCLUSIVE,
        cost=Cost.BUILD,
        explains=BUILDS,
        fix=_whole(subject),
    )


COLUMN_UNIQUE = Rule(
    code="column-unique",
    harm="UNIQUE or PRIMARY KEY in a new column's definition builds its index under a lock that stops everybody.",
    advice="Add the column, build a unique index concurrently, then make it the constraint with USING INDEX.",
    source=_ADD,
    spot=_column_unique,
    lock=Mode.ACCESS_EXCLUSIVE,
    rows=(9,),
)


def _column_references(subject: Subject) -> Finding | None:
    column = fixes.column_command(subject)
    if not _inner(subject, ("ADD FOREIGN KEY",)) or column is None or subject.command.references is None:
        return None
    other = subject.named(*subject.command.references[:2])
    read = (*subject.within(subject.scans), *subject.within(subject.scans, other))
    if not subject.measured(bool(read), otherwise=column.default is not None):
        return None
    both = tuple(one for one in (subject.relation, other) if not subject.is_new_relation(one))
    return Finding(
        relation=subject.relation,
        harm=f"Every row of {subject.relation} is looked up in {other} as the column comes: nobody may use the one, "
        "nor write to the other.",
        mode=Mode.ACCESS_EXCLUSIVE,
        cost=Cost.SCAN,
        work=subject.load(*both),
        explains=READS | {Fact.REACH},
        fix=_whole(subject),
    )


COLUMN_REFERENCES = Rule(
    code="column-references",
    harm="REFERENCES in the definition of a new column with a default reads both tables under strong locks.",
    advice="Add the column, add the foreign key NOT VALID, and validate it in a later transaction.",
    source=_ADD,
    spot=_column_references,
    lock=Mode.ACCESS_EXCLUSIVE,
    rows=(10,),
)


def _drop_column(subject: Subject) -> Finding | None:
    command = subject.command
    if command.verb != "DROP COLUMN" or subject.is_new:
        return None
    users = _users(subject, command.column)
    if not users:
        return None
    taken = ", ".join(f"{one.kind} {one.name}" for one in users)
    foreign = [one for one in users if one.kind == "foreign key"]
    return Finding(
        relation=subject.relation,
        harm=f"With {command.column} of {subject.relation} goes what stands on it, without being named: {taken}.",
        mode=Mode.ACCESS_EXCLUSIVE,
        least=Severity.INFO if subject.load().is_empty else Severity.LOW,
        explains=REACHES if foreign else LOCKS,
        fix=fixes.drop_apart(subject, users),
    )


def _users(subject: Subject, column: str) -> list[Key]:
    """What goes with a column without being asked: indexes and constraints, also those of several columns."""
    kinds = ("primary key", "unique", "foreign key", "check", "exclusion", "index", "statistics")
    found = []
    for key in subject.children(*kinds):
        definition = str(subject.side.of(key).get("definition", ""))
        head = definition.partition(" REFERENCES ")[0].partition(" USING ")
        if mentions(head[2] or head[0], column):
            found.append(key)
    return found


DROP_COLUMN = Rule(
    code="drop-column",
    harm="With a column goes every index and constraint that uses it, also those over several columns; a foreign key's "
    "other table is locked as well.",
    advice="Take it out of the code first, and drop its foreign keys and indexes by name before it.",
    source=f"{DOCS}sql-altertable.html#SQL-ALTERTABLE-DESC-DROP-COLUMN",
    spot=_drop_column,
    lock=Mode.ACCESS_EXCLUSIVE,
    rows=(12,),
)


def _drop_not_null(subject: Subject) -> Finding | None:
    command = subject.command
    if command.verb != "DROP NOT NULL" or subject.is_new or not subject.is_not_null(command.column):
        return None
    return Finding(
        relation=subject.relation,
        harm=f"From now on {command.column} of {subject.relation} may be null, which readers do not expect.",
        severity=Severity.INFO if subject.load().is_empty else Severity.LOW,
    )


DROP_NOT_NULL = Rule(
    code="drop-not-null",
    harm="What was never null may be null: readers that do not expect it fail on the first such row.",
    advice="Make all that reads the column ready for nulls before writers may store them.",
    source=f"{DOCS}sql-altertable.html#SQL-ALTERTABLE-DESC-SET-DROP-NOT-NULL",
    spot=_drop_not_null,
    lock=Mode.ACCESS_EXCLUSIVE,
    rows=(13,),
)

RULES = (
    SHARED_DEFAULT,
    VOLATILE_DEFAULT,
    IDENTITY,
    STORED,
    COLUMN_CHECK,
    COLUMN_UNIQUE,
    COLUMN_REFERENCES,
    DROP_COLUMN,
    DROP_NOT_NULL,
)
