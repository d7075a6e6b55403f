"""From a difference between two catalogs to the statements that make it go away: pure text, nothing is run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ops.catalog.diff import Difference
from ops.catalog.names import literal
from ops.catalog.values import Catalog
from ops.remedy import words
from ops.remedy.alembic_types import IMPORT
from ops.remedy.steps import Step, ordered
from ops.remedy.work import Work

__all__ = ["Remedy", "remedy", "script"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """What makes differences go away.

    `sql` are the statements in order, without semicolons, with every name qualified and quoted. `alembic` is the body
    of an `upgrade()` that does the same with `op` and `sa`. `complete` is false where no statement can do all of it;
    `why` then says what is left, and else what should be known before it is run. `loses` says, in words, which data
    it destroys.
    """

    sql: tuple[str, ...]
    alembic: str
    complete: bool = True
    why: str = ""
    loses: str = ""


def remedy(difference: Difference, first: Catalog, second: Catalog) -> Remedy:
    """Return what turns the first catalog into the second for one difference and its consequences."""
    return script((difference,), first, second)


def script(differences: Sequence[Difference], first: Catalog, second: Catalog) -> Remedy:
    """Return what turns the first catalog into the second for these differences, in an order that works."""
    work = Work(differences, first, second)
    steps = ordered(work.steps)
    statements = [step for step in steps if step.sql]
    notes = [*work.reasons, *(step.note for step in steps if step.note)]
    notes += [
        f"Commit after {step.sql}: the new label is used." for step in statements if _needs_commit(step, statements)
    ]
    return Remedy(
        sql=tuple(step.sql for step in statements),
        alembic=_body(statements),
        complete=not work.reasons,
        why="\n".join(dict.fromkeys(notes)),
        loses="; ".join(dict.fromkeys(step.loses for step in steps if step.loses)),
    )


def _body(steps: Sequence[Step]) -> str:
    lines = [_operation(step, steps) for step in steps if not step.quiet]
    if any("postgresql." in line for line in lines):
        lines.insert(0, IMPORT)
    return "\n".join(lines) if lines else "pass"


def _operation(step: Step, steps: Sequence[Step]) -> str:
    if _needs_commit(step, steps):
        return "with op.get_context().autocommit_block():\n" + words.indented(step.python)
    return step.python


def _needs_commit(step: Step, steps: Sequence[Step]) -> bool:
    """Whether a later statement uses a new label of an enum: it can only after a commit."""
    label = literal(step.new_label) if step.new_label and "ADD VALUE" in step.sql else ""
    return bool(label) and any(label in one.sql for one in steps if one is not step)
