"""What a person sees of an estimate: beside each statement, and in all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ops import display
from ops.estimate.values import Estimate, Estimates, Held, Range, Rate, Total, Trial
from ops.locktimes import in_turn, timeline
from ops.statement import Statement

_MILLION = 1_000_000
_MIB = 1024 * 1024


def words(one: Estimate | None) -> object:
    """Return what one statement takes, as a cell."""
    if one is None:
        return None
    if one.brief:
        return "less than 1 s"
    if one.seconds is None:
        return display.Mark("not known", "unknown")
    return (seconds(one.seconds), "as rehearsed") if one.measured else seconds(one.seconds)


def seconds(found: Range) -> str:
    """Return a range of seconds as people say it."""
    if found.high < 1:
        return "less than 1 s"
    if found.low < 0.1:
        return f"up to {display.duration(found.high)}"
    return f"{display.duration(found.low)} to {display.duration(found.high)}"


def size(found: Range) -> str:
    """Return a range of bytes as people say it."""
    if not found.high:
        return "nothing to speak of"
    return f"{display.size(round(found.low))} to {display.size(round(found.high))}"


def total(found: Total) -> str:
    """Return what several statements take together; those without a figure are named."""
    parts = [seconds(found.seconds)] if found.seconds.high else []
    if found.brief:
        word = "one statement" if found.brief == 1 else f"{found.brief} statements"
        parts.append(f"{word} of less than 1 s{' each' if found.brief > 1 else ''}")
    if found.unknown:
        parts.append(f"nobody can tell of {_numbers(found.unknown)}")
    return "; ".join(parts) or "nothing"


def blocks(found: Estimates, statements: Sequence[Statement]) -> Iterator[Any]:
    """Return the locks with how long they are held, the sums, a picture of both, and the rates that they rest on."""
    if not found.statements:
        return
    if held := [one for one in found.held if one.last > one.first or not _is_brief(one)]:
        yield _locks(held)
    yield display.Facts(
        (
            ("takes about", total(found.total)),
            ("room on the disk meanwhile", size(found.disk) + _without(found)),
            ("written into the log (WAL)", size(found.wal) + _without(found)),
            *((f"statement {one.statement} has no figure", one.why) for one in found.statements if one.why),
        ),
        caption="In all, beside what it waits for locks",
    )
    if picture := _picture(found, statements):
        yield picture
    if found.rates:
        yield _rates(found)
    if found.distance:
        yield display.Note(found.distance)


def plain(found: Estimates) -> dict[str, Any]:
    """Return all of it as lists, numbers and text."""
    return {
        "statements": [
            {
                "statement": one.statement,
                "seconds": _plain(one.seconds),
                "brief": one.brief,
                "disk_bytes": _plain(one.disk),
                "wal_bytes": _plain(one.wal),
                "why": one.why or None,
                "rehearsed": one.measured or None,
            }
            for one in found.statements
        ],
        "locks": [
            {"relation": one.relation, "mode": one.mode.pg_name, "first": one.first, "last": one.last}
            | _plain_total(one.total)
            for one in found.held
        ],
        "total": _plain_total(found.total),
        "disk_bytes": _plain(found.disk),
        "wal_bytes": _plain(found.wal),
        "rates": [
            {
                "trial": str(trial),
                "detail": trial.detail or None,
                "seconds_per_row": rate.seconds,
                "rows": rate.rows,
                "heap_bytes": rate.heap_bytes,
                "server": rate.server,
                "when": rate.when,
            }
            for trial, rate in found.rates
            if rate is not None
        ],
        "distance": found.distance or None,
    }


def _without(found: Estimates) -> str:
    """What a sum of bytes leaves out."""
    missing = found.total.unknown
    return f", and what {_numbers(missing)} take{'s' if len(missing) == 1 else ''}" if missing else ""


def _is_brief(one: Held) -> bool:
    return not one.total.seconds.high and not one.total.unknown


def _locks(held: Sequence[Held]) -> display.Table:
    rows = tuple(
        (
            one.first,
            one.mode.sql,
            display.Name(one.relation),
            one.mode.waits,
            tuple(range(one.first + 1, one.last + 1)) or None,
            total(one.total),
        )
        for one in held
    )
    columns = ("#", "lock", "on", "who waits", "held across statements", "for about")
    return display.Table(columns=columns, rows=rows, caption="Held to the end of the transaction")


def _rates(found: Estimates) -> display.Table:
    rows = tuple(_rate(trial, rate) for trial, rate in found.rates)
    columns = ("tried on synthetic rows", "how", "s per million rows", "rows", "MiB", "by", "on (UTC)")
    return display.Table(columns=columns, rows=rows, caption="Where the estimates come from")


def _rate(trial: Trial, rate: Rate | None) -> tuple[object, ...]:
    how = display.Name(trial.detail) if trial.detail else None
    if rate is None:
        return (str(trial), how, display.Mark("could not be tried", "unknown"), None, None, None, None)
    per_million = f"{rate.seconds * _MILLION:.2f}"
    return (
        str(trial), how, per_million, rate.rows, round(rate.heap_bytes / _MIB, 1), rate.server,
        rate.when[:16].replace("T", " "),
    )  # fmt: skip


def _picture(found: Estimates, statements: Sequence[Statement]) -> display.Timeline | None:
    """Each statement behind the one before it; one without a figure takes no time there, and the caption says so."""
    took: list[tuple[Statement, float | None]] = []
    for one in statements:
        own = found.of(one.number)
        if own is not None:
            took.append((one, own.seconds.middle if own.seconds is not None else 0.0 if own.brief else None))
    missing = [one.number for one, seconds in took if seconds is None]
    caption = "Who is locked out, and until when, by the middle of each range" + (
        f"; later by what {_numbers(missing)} take{'s' if len(missing) == 1 else ''}, which nobody can tell"
        if missing
        else ""
    )
    return timeline(in_turn(took), caption=caption)


def _plain(found: Range | None) -> dict[str, float] | None:
    return None if found is None else {"low": round(found.low, 6), "high": round(found.high, 6)}


def _plain_total(found: Total) -> dict[str, Any]:
    return {"seconds": _plain(found.seconds), "brief": found.brief, "unknown": list(found.unknown)}


def _numbers(numbers: Sequence[int]) -> str:
    return f"statement{'' if len(numbers) == 1 else 's'} {', '.join(map(str, numbers))}"
