"""What a target demands before it is changed, as its section writes it under `require`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from ops import window
from ops.window import Window

SEVERITIES = ("low", "medium", "high", "critical")
"""From which severity on hazards may be forbidden."""

_BACKUP = re.compile(r"backup\s*<\s*(\d{1,5})\s*(h|hours?|d|days?)\Z", re.IGNORECASE)
_HAZARDS = re.compile(r"hazards\s*<\s*(\w+)\Z", re.IGNORECASE)
_WINDOW = re.compile(r"window\s+(.+)\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Require:
    """What must be there before a target is changed; by default nothing.

    `backup_hours` is the age that a backup may have at most, in hours; `hazards_below` the severity that no hazard of
    the plan may have or exceed; one of `windows` must be open.
    """

    committed: bool = False
    rehearsal: bool = False
    backup_hours: int | None = None
    hazards_below: str = ""
    windows: tuple[Window, ...] = ()

    @property
    def demands(self) -> tuple[str, ...]:
        """Each demand as a section writes it."""
        found = ["committed"] if self.committed else []
        if self.hazards_below:
            found.append(f"hazards < {self.hazards_below}")
        if self.rehearsal:
            found.append("rehearsal")
        if self.backup_hours is not None:
            found.append(f"backup < {self.backup_hours} hours")
        return (*found, *(f"window {one}" for one in self.windows))


def parse(lines: Iterable[str]) -> Require:
    """Return what some lines demand, each one thing; words without spaces may stand on one line with commas.

    Raises
    ------
    ValueError
        A line is not understood; the message says which, and what to write.
    """
    found = Require()
    for line in lines:
        # the days of a window may have commas of their own
        for part in [line] if _WINDOW.match(line.strip()) else line.split(","):
            if part.strip():
                found = _with(found, part.strip())
    return found


def _with(found: Require, part: str) -> Require:
    if part.lower() in ("committed", "rehearsal"):
        return replace(found, **{part.lower(): True})
    if match := _WINDOW.match(part):
        return replace(found, windows=(*found.windows, window.parse(match[1])))
    if match := _BACKUP.match(part):
        hours = int(match[1]) * (24 if match[2].lower().startswith("d") else 1)
        if not hours:
            raise ValueError(f"{part!r} can never be met: no backup is younger than that")
        return replace(found, backup_hours=hours)
    if match := _HAZARDS.match(part):
        if match[1].lower() not in SEVERITIES:
            raise ValueError(f"{part!r} names no severity: write one of {', '.join(SEVERITIES)}")
        return replace(found, hazards_below=match[1].lower())
    raise ValueError(
        f"{part!r} is not understood: write committed, hazards < high, window Mon-Thu 22:00-04:00 Europe/Berlin, "
        "backup < 24 hours or rehearsal, each on a line of its own"
    )
