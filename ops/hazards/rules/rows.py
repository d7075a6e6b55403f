"""Rows that are written all at once."""

from __future__ import annotations

import re

from ops.catalog.names import paths, quoted
from ops.catalog.values import Key
from ops.hazards.fixes import batches
from ops.hazards.rule import DOCS, Finding, Rule
from ops.hazards.subject import Subject
from ops.hazards.values import Severity
from ops.hazards.weight import Cost, weigh
from ops.statement import Mode

_EQUALS = re.compile(r"<>|!=|=|>|<|\bIN\b|\bBETWEEN\b|\bLIKE\b", re.IGNORECASE)


def _whole_table_write(subject: Subject) -> Finding | None:
    command = subject.command
    if command.verb not in ("UPDATE", "DELETE") or subject.is_new or _is_bounded(subject):
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


def _is_bounded(subject: Subject) -> bool:
    """Whether a condition picks rows by a column that an index finds, or by their place in the table."""
    condition = subject.command.where
    if not condition:
        return False
    if subject.command.sources:
        return "LIMIT" in condition.upper()  # as many as the other table has
    columns = {path[-1] for path in paths(condition)}
    if "ctid" in columns:
        return True
    indexed = {_first(subject, key) for key in subject.children("primary key", "unique", "index")}
    found = columns & indexed
    return any(_is_picked(condition, one) for one in found)


def _first(subject: Subject, key: Key) -> str:
    """The first column of an index."""
    definition = str(subject.side.of(key).get("definition", ""))
    inside = definition.partition(" USING ")[2].partition("(")[2] or definition.partition("(")[2]
    found = next(iter(paths(inside)), ("",))
    return found[-1]


def _is_picked(condition: str, column: str) -> bool:
    """Whether a condition compares a column, other than with NULL."""
    text = re.sub(rf"(?i){re.escape(quoted(column))}\s+IS\s+(NOT\s+)?NULL", "", condition)
    return column in {path[-1] for path in paths(text)} and bool(_EQUALS.search(text))


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
