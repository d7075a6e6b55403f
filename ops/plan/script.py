"""A plan as one SQL file: what a DBA reviews, and psql could run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING

from ops import limits
from ops.route import WORDS
from ops.statement import Statement
from ops.values import listed

if TYPE_CHECKING:
    from ops.plan.values import Plan

_ENDS = ("COMMIT", "END", "ROLLBACK")


def script(plan: Plan) -> str:
    """Return the statements in their order and their transactions, each with what is known of it as comments."""
    return "\n".join([*_head(plan), *_body(plan), ""])


def _head(plan: Plan) -> Iterator[str]:
    route = plan.route
    way = f"from {listed(route.current)} to {listed(route.heads)}"
    yield from _comment(f"{WORDS[route.direction]} of {route.target} {way}")
    yield from _comment(f"plan fingerprint {plan.fingerprint}; verdict {plan.verdict.value}")
    yield from _comment(
        "measured on a clone without rows: locks, rewrites, scans and index builds; no times"
        if not plan.offline
        else f"NOT MEASURED: {plan.offline}"
    )
    if plan.failed:
        yield from _comment(f"FAILS on the clone: {plan.failed}")
    for one in plan.unknown:
        yield from _comment(f"not known: {one}")
    yield r"\set ON_ERROR_STOP on"
    yield from _set(limits.short(plan.limits).items())


def _body(plan: Plan) -> Iterator[str]:
    if not plan.statements:
        yield "-- nothing to run"
        return
    pace = limits.Pace(plan.limits)
    in_force = pace.begin()
    messages = {one.revision: one.message for one in plan.route.revisions}
    revision = ""
    for (of, number), group in groupby(plan.statements, key=lambda one: (one.revision, one.transaction)):
        members = list(group)
        if of != revision:
            revision = of
            pace.begin()
            yield ""
            yield from _comment(f"===== {of}  {messages.get(of, '')}")
        alone = number == 0
        if not alone:
            yield "BEGIN;"
        for one in members:
            wanted, own = pace.before(one.sql, outside=alone, measured=one)
            changed = {name: value for name, value in wanted.items() if in_force.get(name) != value}
            in_force = {name: value for name, value in (in_force | changed).items() if name not in own}
            yield from _statement(plan, one, changed.items())
        pace.commit()
        if not alone and not _ends(members[-1]):
            yield "COMMIT;"


def _set(settings: Iterable[tuple[str, str]]) -> Iterator[str]:
    yield from (f"SET {name} = '{value}';" for name, value in settings)


def _statement(plan: Plan, one: Statement, settings: Iterable[tuple[str, str]]) -> Iterator[str]:
    yield ""
    if not one.bookkeeping:
        place = f", line {one.line} of the version file" if one.line else ""
        yield from _comment(f"{one.number}{place}")
        yield from _known(one)
        for hazard in plan.hazards:
            if hazard.statement == one.number:
                yield from _comment(f"{hazard.severity.word.upper()} {hazard.code}: {hazard.harm}")
            elif one.number in hazard.during:
                word = f"{hazard.severity.word.upper()} {hazard.code}"
                yield from _comment(f"{word}: it runs under the lock of statement {hazard.statement}")
        for probe in plan.probes:
            if probe.statement == one.number:
                yield from _comment(str(probe))
    yield from _set(settings)
    yield f"{one.sql};" if not one.sql.rstrip().endswith(";") else one.sql


def _known(one: Statement) -> Iterator[str]:
    if one.error:
        yield from _comment(f"FAILS: {one.error}")
    elif not one.measured:
        yield from _comment(f"not measured: {one.why}")
    for lock in sorted(one.waited_for, key=lambda lock: (-lock.mode, lock.relation)):
        waits = f": {lock.mode.waits} wait" if lock.mode.waits else ""
        yield from _comment(f"lock {lock.mode.sql} on {lock.relation}{waits}")
    for word, names in (("rewrites", one.rewrites), ("reads all of", one.scans), ("builds", one.index_builds)):
        if names:
            yield from _comment(f"{word} {', '.join(names)}")


def _comment(text: str) -> Iterator[str]:
    """Every line of a text as a comment: what came from a file or a database must not end one."""
    yield from (f"-- {line}".rstrip() for line in _lines(text))


def _lines(text: str) -> Iterable[str]:
    # psql ends a comment at these two only, and a name may hold anything
    return text.replace("\r", "\n").split("\n")


def _ends(one: Statement) -> bool:
    return one.sql.strip().upper().startswith(_ENDS)
