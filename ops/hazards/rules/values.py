"""Labels of enums, and sequences."""

from __future__ import annotations

from ops.catalog.names import literal
from ops.hazards.fixes import timing
from ops.hazards.fixes.code import clean, execute, noted, outside
from ops.hazards.rule import DOCS, LOCKS, Finding, Rule
from ops.hazards.subject import Subject
from ops.hazards.values import Severity
from ops.statement import Mode, Statement


def _enum_value(subject: Subject) -> Finding | None:
    command = subject.command
    if command.verb != "ADD VALUE":
        return None
    name = subject.named(command.schema, command.name)
    if not any(_does(subject, one) for one in (*subject.earlier, *subject.later)):
        return None
    used = [one.number for one in subject.later if literal(command.value) in one.sql]
    told = (
        f"The label {command.value!r} of {name} cannot be used before its transaction has ended, nor taken away again"
    )
    told += f"; statement {used[0]} uses it, which the server refuses" if used else ""
    return Finding(
        relation=name,
        harm=f"{told}.",
        severity=Severity.HIGH if used else Severity.INFO,
        fix=noted("It can be used once this has committed.", outside(execute(clean(subject.statement.sql)))),
    )


def _does(subject: Subject, other: Statement) -> bool:
    """Whether a statement does more than to set how long others may wait."""
    return any(one.verb not in ("SET", "RESET") for one in subject.scene.of(other))


ENUM_VALUE = Rule(
    code="enum-value",
    harm="A label of an enum stays for ever, and cannot be used in the transaction that adds it.",
    advice="Add it in a revision of its own, before the one that uses it; no downgrade can promise to remove it.",
    source=f"{DOCS}sql-altertype.html#SQL-ALTERTYPE",
    spot=_enum_value,
    since=12,
    rows=(54,),
)


def _alter_sequence(subject: Subject) -> Finding | None:
    command = subject.command
    if command.verb != "ALTER SEQUENCE" or subject.is_new:
        return None
    if not subject.later and subject.has_lock_timeout:
        return None
    behind = f", {len(subject.later)} statements on" if len(subject.later) > 1 else ""
    return Finding(
        relation=subject.relation,
        harm=f"nextval() of {subject.relation} waits in all other sessions until this transaction ends{behind}: "
        "inserts stop.",
        mode=Mode.SHARE_ROW_EXCLUSIVE,
        most=Severity.MEDIUM,
        explains=LOCKS,
        fix=timing.alone(subject),
    )


ALTER_SEQUENCE = Rule(
    code="alter-sequence",
    harm="ALTER SEQUENCE makes nextval() wait in all other sessions until its transaction ends.",
    advice="Give it a transaction of its own, and commit at once.",
    source=f"{DOCS}sql-altersequence.html#SQL-ALTERSEQUENCE",
    spot=_alter_sequence,
    lock=Mode.SHARE_ROW_EXCLUSIVE,
    since=10,
    rows=(57,),
)

RULES = (ENUM_VALUE, ALTER_SEQUENCE)
