"""A plan's hazards as remarks at lines of the version files: for a terminal, an editor, GitHub, a scanner."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ops.display.cells import visible
from ops.hazards import Hazard, Severity
from ops.hazards.rules import STATEMENT_FAILS
from ops.plan.show import breaks
from ops.secrets import redact

if TYPE_CHECKING:
    from ops.plan.values import Plan

GITHUB, SARIF = "github", "sarif"
FORMS = (GITHUB, SARIF)
"""In which forms annotations can be had, beside plain lines."""

Level = Literal["error", "warning", "note"]
_GITHUB_WORDS = {"error": "error", "warning": "warning", "note": "notice"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """One remark, without secrets and with every hidden character made visible.

    `level` is `error` for what makes the plan's verdict. `path` is relative to the top of the repository, or absolute
    where the file is outside of it; empty where the remark is about no file, and then `line` is 0. `allowed`: somebody
    has allowed it by name. `beside` are paths and lines of other statements that are part of it.
    """

    level: Level
    severity: str
    code: str
    message: str
    path: str = ""
    line: int = 0
    more: tuple[str, ...] = ()
    advice: str = ""
    source: str = ""
    allowed: bool = False
    beside: tuple[tuple[str, int], ...] = ()


def of(plan: Plan) -> tuple[Annotation, ...]:
    """Return what there is to remark on a plan: what will fail, the hazards, the worst first, and what is not known."""
    place = _Places(plan)
    return (*_failures(plan, place), *(_hazard(plan, place, one) for one in plan.hazards), *_doubts(plan, place))


def line(one: Annotation) -> str:
    """Return one line: `path:line: severity code message`, which editors and the logs of CI make a link of."""
    place = f"{one.path}:{one.line}: " if one.path else ""
    return " ".join(f"{place}{one.severity} {one.code} {one.message}".split())


def github(one: Annotation) -> str:
    """Return the workflow command that has GitHub show it at its line.

    Source
    ------
    https://docs.github.com/actions/reference/workflow-commands-for-github-actions
    """
    where = {"file": one.path, "line": str(one.line)} if one.path else {}
    properties = {**where, "title": f"{one.severity} {one.code}"}
    given = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    text = "\n".join((one.message, *one.more))
    return f"::{_GITHUB_WORDS[one.level]} {given}::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


class _Places:
    """Where statements and revisions stand."""

    def __init__(self, plan: Plan) -> None:
        self._files = {one.revision: _relative(one.path, plan.root) for one in plan.route.revisions}
        self._lines = {one.number: (one.revision, one.line or 1) for one in plan.statements}

    def of(self, statement: int, revision: str = "") -> tuple[str, int]:
        revision, number = self._lines.get(statement, (revision, 1))
        path = self._files.get(revision, "")
        return path, number if path else 0


def _relative(path: str, root: Path) -> str:
    # both as they really are: git resolves links, Alembic does not
    real = Path(os.path.realpath(path))
    top = os.path.realpath(root)
    return _shown(real.relative_to(top).as_posix() if real.is_relative_to(top) else str(real))


def _failures(plan: Plan, places: _Places) -> Iterator[Annotation]:
    for probe in plan.broken:
        path, number = places.of(probe.statement)
        yield Annotation(
            level="error",
            severity=Severity.CRITICAL.word,
            code="will-fail",
            message=_shown(breaks(probe)),
            path=path,
            line=number,
            source=STATEMENT_FAILS.source,
        )
    if plan.failed and not any(one.error for one in plan.statements):
        reached = len(plan.route.revisions) - len(plan.unreached)
        path, number = places.of(0, plan.route.revisions[reached - 1].revision)
        message = _shown(f"It fails on a clone of this schema: {plan.failed}")
        yield Annotation(
            level="error",
            severity=Severity.CRITICAL.word,
            code=STATEMENT_FAILS.code,
            message=message,
            path=path,
            line=number,
            source=STATEMENT_FAILS.source,
        )


def _hazard(plan: Plan, places: _Places, one: Hazard) -> Annotation:
    path, number = places.of(one.statement, one.revision)
    since = f" (from PostgreSQL {one.since} on)" if one.since else ""
    waits = " · ".join(part for part in (one.waits, one.held) if part)
    more = (waits, f"Instead{since}: {one.advice}", one.fix)
    return Annotation(
        level=_level(plan, one),
        severity=one.severity.word,
        code=one.code,
        message=_shown(one.harm),
        path=path,
        line=number,
        more=tuple(_shown(text) for text in more if text),
        advice=_shown(one.advice),
        source=one.source,
        allowed=one.allowed,
        beside=tuple(places.of(number) for number in one.during),
    )


def _level(plan: Plan, one: Hazard) -> Level:
    if one in plan.counted:
        return "error"
    return "warning" if one.severity >= Severity.MEDIUM else "note"


def _doubts(plan: Plan, places: _Places) -> Iterator[Annotation]:
    for statement, said in plan.doubts:
        path, number = places.of(statement)
        yield Annotation(
            level="warning", severity="unknown", code="not-known", message=_shown(said), path=path, line=number
        )


def _shown(text: str) -> str:
    return visible(redact(text))
