"""What a target demands and is not there: a function from facts to what is missing, all of it at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from ops.hazards import Hazard, Severity
from ops.require import Require

SKEW = timedelta(minutes=1)
"""A difference of clocks that is told."""

_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """What a kept plan says: its hazards, and how many statements were not measured, or failed there."""

    hazards: tuple[Hazard, ...] = ()
    unmeasured: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """Under which circumstances a change would be made now.

    `runs` says whether it runs any revision: a stamp does not. `uncommitted` are the version files that the last commit
    does not hold as they are; None where git cannot tell. `foreseen` is None where nobody planned this very change.
    `now` is the server's clock, `ahead` by how much the clock of this machine is ahead of it.
    """

    runs: bool
    now: datetime
    ahead: timedelta = timedelta(0)
    uncommitted: tuple[str, ...] | None = ()
    foreseen: Foreseen | None = None
    rehearsed: datetime | None = None
    backed_up: datetime | None = None


def missing(require: Require, found: Circumstances) -> tuple[str, ...]:
    """Return what is demanded and not there, a sentence each, with what provides it; nothing where all is."""
    return tuple(
        sentence for demand in (_commit, _hazards, _rehearsal, _backup, _window) for sentence in demand(require, found)
    )


def skew(ahead: timedelta) -> str:
    """Return, as a sentence, how much this machine's clock differs from the server's; empty for less than a minute."""
    if abs(ahead) < SKEW:
        return ""
    way = "ahead of" if ahead > timedelta(0) else "behind"
    return f"The clock of this machine is {_length(abs(ahead))} {way} the server's, which is the one that counts."


def _commit(require: Require, found: Circumstances) -> Iterator[str]:
    if not (require.committed and found.runs):
        return
    if found.uncommitted is None:
        yield "committed: there is no git here that could tell whether the version files are committed (git commit)."
    elif found.uncommitted:
        yield f"committed: not in the last commit as it is: {_few(found.uncommitted)} (git commit)."


def _hazards(require: Require, found: Circumstances) -> Iterator[str]:
    if not (require.hazards_below and found.runs):
        return
    demand = f"hazards < {require.hazards_below}"
    if found.foreseen is None:
        yield f"{demand}: nobody has planned this very change, or something has changed since (notebook 20-plan)."
        return
    limit = Severity[require.hazards_below.upper()]
    above = [one for one in found.foreseen.hazards if one.severity >= limit and not one.allowed]
    if above:
        told = [f"{one.code} ({one.severity.word}{', ' + one.relation if one.relation else ''})" for one in above]
        yield (
            f"{demand}: its plan has {_few(told)} (mend the revision, or name what is meant as `allow` in notebook "
            "20-plan)."
        )
    if found.foreseen.unmeasured:
        yield (
            f"{demand}: its plan could not measure {found.foreseen.unmeasured} of its statements, so nobody knows "
            "(notebook 20-plan says why)."
        )


def _rehearsal(require: Require, found: Circumstances) -> Iterator[str]:
    if require.rehearsal and found.runs and found.rehearsed is None:
        yield "rehearsal: none of this very change is on record with the verdict OK (notebook 30-rehearse)."


def _backup(require: Require, found: Circumstances) -> Iterator[str]:
    if require.backup_hours is None:
        return
    demand = f"backup < {require.backup_hours} hours"
    provider = "(notebook 46-backup makes one; of schema and rows, and good)"
    if found.backed_up is None:
        yield f"{demand}: none is on record {provider}."
        return
    age = found.now - found.backed_up
    if age >= timedelta(hours=require.backup_hours):
        yield f"{demand}: the newest one is {_length(age)} old {provider}."
    elif age < -SKEW:
        yield f"{demand}: the newest one is of a time that is yet to come, {_length(-age)} from now {provider}."


def _window(require: Require, found: Circumstances) -> Iterator[str]:
    if not require.windows or any(one.is_open(found.now) for one in require.windows):
        return
    openings = [moment for one in require.windows if (moment := one.next_opening(found.now)) is not None]
    opens = f"the next one opens {_moment(min(openings))}" if openings else "none opens within a week"
    zone = require.windows[0].zone
    demand = " or ".join(str(one) for one in require.windows)
    yield f"window {demand}: closed at {_moment(found.now.astimezone(zone))}; {opens} (wait for it)."


def _moment(moment: datetime) -> str:
    return moment.strftime("%a %Y-%m-%d %H:%M %Z")


def _length(span: timedelta) -> str:
    minutes = round(span.total_seconds() / 60)
    days, hours = minutes // 1440, minutes % 1440 // 60
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"


def _few(items: tuple[str, ...] | list[str]) -> str:
    more = f" and {len(items) - _SHOWN} more" if len(items) > _SHOWN else ""
    return ", ".join(items[:_SHOWN]) + more
