"""What a person sees of a plan: first what stops it or others, then the ways round, then every statement."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ops import display, estimate
from ops.hazards import Hazard, Severity
from ops.probes import Probe
from ops.statement import Lock, Mode, Statement, brief
from ops.values import Verdict

if TYPE_CHECKING:
    from ops.plan.values import Plan

"""How much of a statement a row shows; the whole of it stands in plan.sql below."""

FIXES = 20
UNFOLDED = 3
"""How many ways round stand open; of more, each is opened by whoever wants it."""

_TONES: dict[Severity, display.Tone] = {
    Severity.INFO: "plain",
    Severity.LOW: "plain",
    Severity.MEDIUM: "attention",
    Severity.HIGH: "bad",
    Severity.CRITICAL: "bad",
}


def view(plan: Plan) -> display.View:
    """Return what a DBA asks, in that order: does it fail, whom does it stop, what runs, what is not known."""
    blocks: list[Any] = []
    if plan.route.changes_nothing:
        blocks.append(display.Note("There is nothing to do."))
    if plan.failed:
        blocks.append(display.Note(f"It fails on a clone of this schema: {plan.failed}", "bad"))
    for one in plan.broken:
        such = f", such as {', '.join(one.samples)}" if one.samples else ""
        blocks.append(display.Note(f"{breaks(one)}{such}{f' ({one.why})' if one.why else ''}", "bad"))
    blocks += [display.Note(one, "unknown") for one in plan.unknown]
    blocks += [display.Note(one) for one in plan.notes]
    if plan.hazards:
        blocks.append(hazards(plan))
    if plan.statements:
        blocks.append(statements(plan))
        blocks += estimate.blocks(plan.estimates, plan.own)
    if plan.probes:
        blocks.append(probes(plan))
    blocks.append(_touched(plan))
    blocks += _fixes(plan.hazards)
    if plan.hazards:
        sources = {one.code: display.Name(one.source) for one in plan.hazards}
        blocks.append(display.Facts(tuple(sources.items()), caption="Where it is written"))
    blocks.append(
        display.Facts(
            (
                ("from", plan.route.current or ("base",)),
                ("to", plan.route.heads or ("base",)),
                ("measured", "no" if plan.offline else "on a clone without rows: locks, rewrites, scans, builds"),
                ("limit", f"{plan.fail_on.word} and above count"),
                ("plan fingerprint", display.Name(plan.fingerprint)),
            )
        )
    )
    return display.View(
        title=str(plan),
        mark=display.Mark(plan.verdict, plan.verdict.tone),
        blocks=tuple(one for one in blocks if one is not None),
    )


def breaks(one: Probe) -> str:
    """Return what a probe has found that breaks its statement, without anything of the rows."""
    found = f"{'at least ' if one.at_least else ''}{one.violations}" if one.violations is not None else "some"
    return f"Statement {one.statement} will fail on today's data. {one.question} Found: {found}"


def hazards(plan: Plan) -> display.Table:
    """Return one row per hazard, the worst first."""
    rows = tuple(
        (
            display.Mark("allowed", "plain")
            if one.allowed
            else display.Mark(one.severity.word, _TONES[one.severity] if one in plan.counted else "plain"),
            display.Name(one.code),
            one.statement or None,
            one.harm,
            " · ".join(part for part in (one.waits, one.held) if part) or None,
            one.advice,
        )
        for one in plan.hazards
    )
    columns = ("severity", "hazard", "#", "what happens", "who waits, until when", "instead")
    return display.Table(columns=columns, rows=rows, caption="Hazards on this database, now")


def statements(plan: Plan) -> display.Table:
    """Return one row per statement of the migrations."""
    rows = tuple(
        (
            one.number,
            f"{one.revision}{f':{one.line}' if one.line else ''}",
            display.Name(brief(one.sql)),
            one.transaction or display.Mark("autocommit", "plain"),
            tuple(_locks(one, plan.own)) or None,
            tuple(_costs(one)) or None,
            estimate.words(plan.estimates.of(one.number)),
        )
        for one in plan.own
    )
    columns = ("#", "revision:line", "SQL", "transaction", "locks, and who waits", "cost", "takes about")
    return display.Table(columns=columns, rows=rows, caption="What runs", empty="no statement runs")


def probes(plan: Plan) -> display.Table:
    """Return one row per question that was put to the live data."""
    rows = tuple(
        (
            display.Mark(_answer(one), "bad" if one in plan.broken else one.verdict.tone),
            one.statement,
            one.question,
            None if one.violations is None else f"{'at least ' if one.at_least else ''}{one.violations}",
            one.samples or None,
            one.why or None,
            round(one.seconds, 3),
        )
        for one in sorted(plan.probes, key=lambda one: (one.verdict is Verdict.OK, one.statement))
    )
    columns = ("answer", "#", "asked of today's data", "found", "for example", "why", "seconds")
    return display.Table(columns=columns, rows=rows, caption="Will it fail on today's data?")


def _answer(one: Probe) -> str:
    if one.verdict is Verdict.ATTENTION and not one.breaks:
        return "takes along"
    return _ANSWERS[one.verdict]


_ANSWERS = {Verdict.OK: "passes", Verdict.ATTENTION: "will fail", Verdict.UNKNOWN: "not decided"}


def _fixes(found: Iterable[Hazard]) -> Iterator[display.Code | display.Note]:
    with_fix = [one for one in found if one.fix and not one.allowed]
    for one in with_fix[:FIXES]:
        since = f", from PostgreSQL {one.since} on" if one.since else ""
        yield display.Code(
            text=one.fix,
            language="python",
            caption=f"Instead of statement {one.statement} ({one.code}){since}",
            folded=len(with_fix) > UNFOLDED,
        )
    if len(with_fix) > FIXES:
        yield display.Note(f"{len(with_fix) - FIXES} more are in plan.json.")


def _touched(plan: Plan) -> display.Table | None:
    """The live size and traffic of what is locked: the same statement is nothing on an empty table."""
    names: dict[str, Mode] = {}
    for one in plan.own:
        for lock in one.waited_for:
            if lock.kind != "sequence":
                names[lock.relation] = max(lock.mode, names.get(lock.relation, lock.mode))
    rows = []
    for name, mode in sorted(names.items(), key=lambda item: (-item[1], item[0])):
        known = plan.live.of(name)
        if known is not None:
            rows.append(
                (
                    display.Name(name),
                    mode.sql,
                    known.rows,
                    _bytes(known.heap_bytes),
                    _bytes(known.index_bytes),
                    round(known.reads_per_second, 2),
                    round(known.writes_per_second, 2),
                )
            )
    if not rows:
        return None
    columns = ("relation", "strongest lock", "rows, about", "heap", "indexes", "reads/s", "writes/s")
    return display.Table(columns=columns, rows=tuple(rows), caption="What is locked, as it is now")


def same(one: Statement, other: Statement) -> bool:
    """Whether two statements run in one transaction."""
    return one.transaction != 0 and one.transaction == other.transaction


def strongest(locks: Iterable[Lock]) -> tuple[Lock, ...]:
    """Return the strongest lock on each relation; that on an index only where its table has a weaker one."""
    best: dict[str, Lock] = {}
    for lock in locks:
        if lock.relation not in best or best[lock.relation].mode < lock.mode:
            best[lock.relation] = lock
    return tuple(
        lock
        for lock in sorted(best.values(), key=lambda lock: (-lock.mode, lock.relation))
        if not lock.parent or lock.parent not in best or best[lock.parent].mode < lock.mode
    )


def _locks(one: Statement, all_of_them: Iterable[Statement]) -> Iterator[str]:
    for lock in strongest(one.locks):
        waits = f": {lock.mode.waits} wait" if lock.mode.waits else ""
        held = [
            (other.lock_on(lock.relation), other.number)
            for other in all_of_them
            if other.number < one.number and same(one, other) and (other.lock_on(lock.relation) or 0) > lock.mode
        ]
        # a weaker lock means nothing where a stronger one is held already
        still = f" (and still {held[-1][0].sql}, from {held[-1][1]})" if held and held[-1][0] else ""
        yield f"{lock.mode.sql} on {lock.relation}{waits}{still}"
    if not one.locks:
        # what it needs it has already: whoever reads its row alone takes it for harmless
        earlier = [
            lock for other in all_of_them if other.number < one.number and same(one, other) for lock in other.locks
        ]
        kept = [f"{lock.mode.sql} on {lock.relation}" for lock in strongest(earlier) if lock.mode.waits]
        if kept:
            yield f"none new; still {', '.join(kept)}"


def _costs(one: Statement) -> Iterator[object]:
    if one.error:
        yield display.Mark("fails", "bad")
    elif not one.measured:
        yield display.Mark("not measured", "unknown")
    for word, names in (("rewrites", one.rewrites), ("reads all of", one.scans), ("builds", one.index_builds)):
        if names:
            yield display.Mark(word, "attention")
            yield ", ".join(names)


def _bytes(count: int) -> str:
    size = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 10 else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"
