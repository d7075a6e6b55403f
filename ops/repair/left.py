"""What became of a run that died, as a value, and in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ops import display
from ops.ledger import OpenRun
from ops.repair.course import Fate, sentences
from ops.repair.onward import AGAIN, COMMITTED, NOT_COMMITTED, Onward
from ops.repair.scene import Scene
from ops.repair.values import Block
from ops.statement import brief
from ops.values import listed

CASE = "open-run"


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What became of an open run. `running` is the revision that was under way, None where none was.

    `statements` lead back to the beginning of that revision, `stamp` is what the version table has to say then, empty
    where it says it. `half_undone`: a repair has begun with that. `onward` leads to its end instead, `choices` are what
    somebody has to find out first. `stuck` is why nothing is offered.
    """

    took: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    running: str | None = None
    found: Fate | None = None
    statements: tuple[str, ...] = ()
    stamp: str = ""
    said: str = ""
    doubt: str = ""
    loses: str = ""
    half_undone: bool = False
    onward: Onward | None = None
    choices: tuple[str, ...] = ()
    stuck: str = ""


def what(scene: Scene, state: State) -> str:
    """Return in words what became of it."""
    took = f"Applied: {', '.join(state.took)}." if state.took else ""
    waiting = f"Not begun: {', '.join(state.waiting)}." if state.waiting else ""
    where = f"The database is at {listed(scene.history.current)}."
    return " ".join(one for one in (where, took, state.said, state.doubt, waiting) if one)


def offered(scene: Scene, state: State) -> str:
    """Return in words what leads back to the beginning of the revision, or settles the run."""
    if state.statements:
        loses = f" It loses what the revision brought: {state.loses}." if state.loses else ""
        count = len(state.statements)
        return (
            f"undo that part by {display.many(count, 'statement')}, read back that the schema is as before "
            f"{state.running}, and settle the run; 40-upgrade then runs it from its beginning.{loses}"
        )
    if state.stamp:
        return f"set the version table to {state.stamp}, and settle the run; nothing is run."
    return f"settle the run where the database is, at {listed(scene.history.current)}; nothing is run."


def evidence(state: State) -> Iterator[Block]:
    """Yield the statements, each with whether it is committed, and what undoes them."""
    if state.found is not None:
        rows = tuple(
            (
                number,
                told,
                brief(one.sql, limit=300),
                "by itself" if one.outside else "in a transaction",
                one.line,
            )
            for number, (one, told) in enumerate(sentences(state.found), 1)
        )
        yield display.Table(
            columns=("#", "committed", "statement", "runs", "line"),
            rows=rows,
            caption=f"The statements of {state.running}, as they ran on scratch",
            empty="it has no statement",
        )
    if state.statements:
        yield display.Code(text=";\n".join(state.statements) + ";", caption="What undoes the part that stays")


def details(run: OpenRun, state: State) -> dict[str, Any]:
    """Return what `result.json` has of it."""
    return {
        "run": run.run,
        "took": list(state.took),
        "running": state.running,
        "waiting": list(state.waiting),
        "statements": [
            {"sql": one.sql, "committed": told} for one, told in (sentences(state.found) if state.found else ())
        ],
        "undo": list(state.statements),
        "stamp": state.stamp or None,
        "passed": state.onward.mending.passed.count if state.onward else None,
        "half_built": [str(key) for key in (state.found.half_built if state.found else ())],
    }


def to_choose(state: State) -> str:
    """Return in words what somebody has to find out, and say."""
    if state.choices == (AGAIN,):
        return (
            "undo what the schema shows of it, if anything, and settle the run; 40-upgrade then runs it from its "
            "beginning, those statements once more. Choose that where they may run twice."
        )
    return f"say which it is, by `{CASE}:{COMMITTED}` or `{CASE}:{NOT_COMMITTED}`; then the rest of it is offered."
