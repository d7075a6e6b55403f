"""Rows that are written all at once."""

from __future__ import annotations

from ops.hazards.fixes import batches
from ops.hazards.reading import is_bounded
from ops.hazards.rule import DOCS, Finding, Rule
from ops.hazards.subject import Subject
from ops.hazards.values import Severity
from ops.hazards.weight import Cost, weigh
from ops.statement import Mode


def _whole_table_write(subject: Subject) -> Finding | None:
    command = subject.command
    if command.verb not in ("UPDATE", "DELETE") or subject.is_new or is_bounded(subject):
        return None
    what = "written" if command.verb == "UPDATE" else "deleted"
    return Finding(
        relation=subject.relation,
        harm=f"Rows all over {subject.relation} are {what} in one transaction: each is locked until that ends, and the "
        "old versions stay in the table and in its indexes.",
        mode=Mode.ROW_EXCLUSIVE,
        severity=_written(subject),
        fix=batches.instead(subject),
    )


def _written(subject: Subject) -> Severity:
    """As if writers had to wait, and then milder: those of the same rows only do."""
    load = subject.load()
    weight = weigh(cost=Cost.REWRITE, mode=Mode.SHARE, work=load)
    return Severity(max(weight - 1, Severity.INFO)) if weight < Severity.CRITICAL else Severity.HIGH


WHOLE_TABLE_WRITE = Rule(
    code="whole-table-write",
    harm="One UPDATE or DELETE over a whole table locks every row until it commits, and leaves as many dead ones.",
    advice="Write in batches that commit each, outside of the transaction that changes the schema.",
    source=f"{DOCS}routine-vacuuming.html#VACUUM-FOR-SPACE-RECOVERY",
    spot=_whole_table_write,
    lock=Mode.ROW_EXCLUSIVE,
    rows=(60,),
)

RULES = (WHOLE_TABLE_WRITE,)
