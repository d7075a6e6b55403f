"""What a person sees of a rehearsal: does it go up, does it come back, what is lost; then the evidence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ops import display
from ops.catalog.diff import CHANGED, Difference
from ops.locktimes import in_turn, timeline
from ops.plan.show import strongest
from ops.rehearsal.values import Loss
from ops.secrets import redact
from ops.statement import Statement, brief

if TYPE_CHECKING:
    from ops.rehearsal.result import Rehearsal

DIFFERENCES = 100
"""How many differences are shown; `rehearsal.json` has all."""


def view(rehearsal: Rehearsal) -> display.View:
    """Return what a person asks, in that order, and then what it rests on."""
    blocks: list[Any] = []
    if not rehearsal.revisions:
        blocks.append(display.Note("There is nothing to rehearse."))
    blocks += _bad(rehearsal)
    blocks += [display.Note(one, "unknown") for one in rehearsal.unknown]
    if rehearsal.revisions:
        blocks.append(revisions(rehearsal))
    blocks += _losses(rehearsal)
    blocks += _differences(rehearsal)
    blocks += _later(rehearsal)
    if rehearsal.tests:
        blocks += _tests(rehearsal)
    if rehearsal.own:
        blocks.append(statements(rehearsal))
    if picture := locked_out(rehearsal):
        blocks.append(picture)
    blocks += [display.Note(f"The traffic met an error: {one}", "attention") for one in rehearsal.traffic_errors]
    blocks += [display.Note(one) for one in rehearsal.notes]
    blocks.append(_facts(rehearsal))
    return display.View(
        title=str(rehearsal),
        mark=display.Mark(rehearsal.verdict, rehearsal.verdict.tone),
        blocks=tuple(blocks),
    )


def _bad(rehearsal: Rehearsal) -> Iterator[display.Note]:
    for one in rehearsal.revisions:
        name = f"{one.revision} ({one.message})" if one.message else one.revision
        for text in one.wrong:
            if one.counts:
                yield display.Note(f"{name}: {text}", "bad")
            else:
                yield display.Note(f"Accepted: {name}: {text}")
    for test in rehearsal.tests:
        if not test.passed:
            how = "took too long" if test.exit_code is None else f"ended with exit code {test.exit_code}"
            yield display.Note(f"The smoke test {test.where} {how}.", "bad")


def revisions(rehearsal: Rehearsal) -> display.Table:
    """Return one row per revision, in the order in which they are applied."""
    rows = tuple(
        (
            number,
            display.Name(one.revision),
            one.message or None,
            _answer(one.up, good="goes up", bad="fails"),
            _answer(
                one.down, good="goes down", bad="no way back" if one.no_way_back else "fails", accepted=one.accepted
            ),
            _answer(one.restored, good="as it was", bad="differs", accepted=one.accepted),
            _answer(one.up_again, good="the same", bad="differs", accepted=one.accepted),
            tuple(map(str, one.lost)) or (display.Mark("nothing", "ok") if one.down else None),
        )
        for number, one in enumerate(rehearsal.revisions, 1)
    )
    columns = (
        "#", "revision", "message", "up", "down", "schema then", "up again", "a rollback loses",
    )  # fmt: skip
    return display.Table(columns=columns, rows=rows, caption="Each revision", empty="no revision is pending")


def _answer(value: bool | None, *, good: str, bad: str, accepted: bool = False) -> display.Mark:
    if value is None:
        return display.Mark("not tried", "unknown")
    if value:
        return display.Mark(good, "ok")
    return display.Mark(f"{bad}, accepted", "plain") if accepted else display.Mark(bad, "bad")


def _losses(rehearsal: Rehearsal) -> Iterator[display.Table]:
    rows = tuple(
        (
            display.Name(one.revision),
            loss.kind,
            display.Name(loss.object),
            _amount(loss),
            loss.of,
            loss.why or None,
        )
        for one in rehearsal.revisions
        for loss in one.lost
    )
    if rows:
        columns = ("revision", "what", "of", "lost", "there were", "note")
        yield display.Table(columns=columns, rows=rows, caption="What a rollback loses")


def _amount(loss: Loss) -> str | None:
    if loss.amount is None:
        return None
    return f"{'at least ' if loss.at_least else 'about ' if loss.about else ''}{loss.amount:,}"


def _differences(rehearsal: Rehearsal) -> Iterator[display.Table]:
    rows = [
        (
            display.Name(one.revision),
            when,
            found.action,
            found.kind,
            display.Name(found.object),
            _details(found),
        )
        for one in rehearsal.revisions
        for when, some in (("down again", one.differences), ("up again", one.repeats))
        for found in some
    ]
    if rows:
        columns = ("revision", "when", "is", "kind", "object", "details")
        yield display.Table(
            columns=columns, rows=tuple(rows[:DIFFERENCES]), caption="What of the schema is not as it was"
        )


def _details(difference: Difference) -> tuple[str, ...] | None:
    found = []
    for name, value in difference.details.items():
        if difference.action == CHANGED:
            before, after = ("–" if one is None else one for one in value)
            found.append(f"{name}: {before} → {after}")
        else:
            found.append(f"{name}: {value}")
    return tuple(found[:6]) or None


def _later(rehearsal: Rehearsal) -> Iterator[display.Table]:
    """What no copy of today can show: the application writes to what is new, and a rollback takes that away."""
    rows = tuple(
        (display.Name(one.revision), tuple(map(display.Name, one.brings))) for one in rehearsal.revisions if one.brings
    )
    if rows:
        columns = ("revision", "whatever is written there meanwhile")
        yield display.Table(columns=columns, rows=rows, caption="What a later rollback takes away as well")


def _tests(rehearsal: Rehearsal) -> Iterator[display.Table | display.Code]:
    rows = tuple(
        (
            one.where,
            display.Mark("passed", "ok") if one.passed else display.Mark("failed", "bad"),
            one.exit_code,
            round(one.seconds, 2),
        )
        for one in rehearsal.tests
    )
    yield display.Table(columns=("when", "smoke test", "exit code", "seconds"), rows=rows, caption="Smoke test")
    for one in rehearsal.tests:
        if not one.passed and one.output:
            yield display.Code(text=one.output, language="text", caption=f"What it said {one.where}")


def statements(rehearsal: Rehearsal) -> display.Table:
    """Return one row per statement of the way up: what was foreseen, beside what was measured with rows."""
    waits = {one.statement: one for one in rehearsal.waits}
    foreseen = _by_place(tuple(one for one in rehearsal.foreseen if not one.bookkeeping))
    rows = []
    places: dict[str, int] = {}
    for one in rehearsal.own:
        place = places[one.revision] = places.get(one.revision, 0) + 1
        plan = foreseen.get((one.revision, place))
        wait = waits.get(one.number)
        rows.append(
            (
                one.number,
                f"{one.revision}{f':{one.line}' if one.line else ''}",
                display.Name(brief(one.sql)),
                _planned(plan, one) if rehearsal.foreseen else None,
                tuple(_effects(one)) or None,
                None if one.seconds is None else round(one.seconds, 3),
                None if one.wal_bytes is None else display.size(one.wal_bytes),
                None if wait is None else round(wait.seconds, 3),
            )
        )
    columns = ("#", "revision:line", "SQL", "foreseen", "measured", "seconds", "WAL", "traffic waited, s")
    return display.Table(columns=columns, rows=tuple(rows), caption="Foreseen, and measured with rows")


def locked_out(rehearsal: Rehearsal) -> display.Timeline | None:
    """Return who was locked out, and until when, on the first way up, beside how long the traffic waited.

    None where nobody was, or for less than a second in all.
    """
    passages = in_turn((one, one.seconds) for one in rehearsal.own if one.seconds is not None)
    begin = {one.statement.number: one.begin for one in passages}
    waits = tuple(
        display.Bar(begin=begin[one.statement], end=begin[one.statement] + one.seconds, text=one.sql, tone="attention")
        for one in rehearsal.waits
        if one.statement in begin
    )
    more = [display.Lane(name="traffic waited", bars=waits)] if waits else []
    return timeline(passages, caption="Who was locked out, and until when, on the way up", more=more)


def _by_place(found: tuple[Statement, ...]) -> dict[tuple[str, int], Statement]:
    places: dict[str, int] = {}
    by_place = {}
    for one in found:
        place = places[one.revision] = places.get(one.revision, 0) + 1
        by_place[one.revision, place] = one
    return by_place


def _planned(plan: Statement | None, one: Statement) -> object:
    # one that was kept has no secrets in it
    if plan is None or " ".join(redact(plan.sql).split()) != " ".join(redact(one.sql).split()):
        return display.Mark("another statement", "attention")
    if not plan.measured:
        return display.Mark("not measured", "unknown")
    if tuple(_effects(plan)) == tuple(_effects(one)):
        return display.Mark("the same", "ok")
    return (display.Mark("otherwise", "attention"), *_effects(plan))


def _effects(one: Statement) -> Iterator[str]:
    if one.error:
        yield "fails"
    for lock in strongest(one.locks):
        if lock.mode.waits:
            yield f"{lock.mode.sql} on {lock.relation}"
    for word, names in (("rewrites", one.rewrites), ("reads all of", one.scans), ("builds", one.index_builds)):
        if names:
            yield f"{word} {', '.join(names)}"


def _facts(rehearsal: Rehearsal) -> display.Facts:
    route = rehearsal.route
    rows = {"all": "all rows", "sample": "a sample of the rows", "none": "no rows"}[rehearsal.data]
    took = ", ".join(f"{name} {display.duration(seconds)}" for name, seconds in rehearsal.phases.items())
    items: list[tuple[str, object]] = [
        ("from", route.current or ("base",)),
        ("to", route.heads or ("base",)),
    ]
    if rehearsal.copies:
        made = "one copy" if rehearsal.copies == 1 else f"{rehearsal.copies} copies, one after the other"
        items.append(("rehearsed on", f"{made}, {rows}, {rehearsal.server}"))
        items.append(("took", took))
    items.append(("plan fingerprint", display.Name(rehearsal.fingerprint)))
    return display.Facts(tuple(items))
