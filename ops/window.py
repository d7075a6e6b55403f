"""Maintenance windows: on which days, and between which hours, a database may be changed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_LONG = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MINUTES_OF_A_DAY = 24 * 60
_TEXT = re.compile(r"(?P<days>[A-Za-z,\s-]+?)\s+(?P<opens>\d\d:\d\d)\s*-\s*(?P<closes>\d\d:\d\d)\s+(?P<zone>\S+)\Z")
_HINT = "write days, hours and a time zone, such as Mon-Thu 22:00-04:00 Europe/Berlin, or daily 00:00-24:00 UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Hours of some days of every week, by the clocks of a time zone, daylight saving time and all.

    `days` are numbers, Monday is 0. `opens` and `closes` are minutes after midnight; a window that closes at or before
    the minute at which it opens goes on over midnight, and belongs to the day on which it opens.
    """

    days: frozenset[int]
    opens: int
    closes: int
    zone: ZoneInfo

    def is_open(self, moment: datetime) -> bool:
        """Return whether a moment, which knows its offset from UTC, is in the window; its last minute is not."""
        local = moment.astimezone(self.zone)
        day, minute = local.weekday(), local.hour * 60 + local.minute
        if self.opens < self.closes:
            return day in self.days and self.opens <= minute < self.closes
        begun_yesterday = (day - 1) % 7 in self.days and minute < self.closes
        return begun_yesterday or (day in self.days and minute >= self.opens)

    def next_opening(self, moment: datetime) -> datetime | None:
        """Return the first minute from a moment on at which the window is open, in its zone.

        None where that does not happen within eight days: the hour that clocks skip once a year may be all of it.
        """
        # By the minute, so that a jump of the clocks needs no thought: ten thousand steps at most.
        minute = moment.replace(second=0, microsecond=0)
        if minute < moment:
            minute += timedelta(minutes=1)
        for step in range(8 * _MINUTES_OF_A_DAY):
            found = minute + timedelta(minutes=step)
            if self.is_open(found):
                return found.astimezone(self.zone)
        return None

    def __str__(self) -> str:
        days = "daily" if len(self.days) == 7 else ",".join(_runs(self.days))
        return f"{days} {_clock(self.opens)}-{_clock(self.closes)} {self.zone.key}"


def _runs(days: frozenset[int]) -> list[str]:
    """Days as a person writes them: `Mon-Thu`, `Sat`."""
    found = []
    for first in (one for one in sorted(days) if one - 1 not in days):
        last = first
        while last + 1 in days:
            last += 1
        found += [DAYS[first]] if last == first else [f"{DAYS[first]}-{DAYS[last]}"]
    return found


def parse(text: str) -> Window:
    """Return the window that a text describes: `Mon-Fri 22:00-04:00 Europe/Berlin`, `Sat,Sun …`, `daily …`.

    Raises
    ------
    ValueError
        It describes none; the message says why, and what to write.
    """
    match = _TEXT.match(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no maintenance window: {_HINT}")
    opens, closes = _minutes(match["opens"], text), _minutes(match["closes"], text)
    if opens in (closes, _MINUTES_OF_A_DAY):
        raise ValueError(f"{text!r} is no maintenance window: it has no length; a whole day is 00:00-24:00")
    return Window(days=_days(match["days"], text), opens=opens, closes=closes, zone=_zone(match["zone"], text))


def _days(written: str, text: str) -> frozenset[int]:
    if written.strip().lower() == "daily":
        return frozenset(range(7))
    found: set[int] = set()
    for part in written.split(","):
        first, _, last = (one.strip() for one in part.partition("-"))
        start = _day(first, text)
        length = (_day(last, text) - start) % 7 if last else 0
        found.update((start + step) % 7 for step in range(length + 1))
    return frozenset(found)


def _day(word: str, text: str) -> int:
    name = word.lower()
    for number, (short, long) in enumerate(zip(DAYS, _LONG, strict=True)):
        if name in (short.lower(), long):
            return number
    raise ValueError(f"{text!r} is no maintenance window: {word!r} is no day; {_HINT}")


def _minutes(clock: str, text: str) -> int:
    hours, minutes = (int(part) for part in clock.split(":"))
    if minutes > 59 or hours * 60 + minutes > _MINUTES_OF_A_DAY:
        raise ValueError(f"{text!r} is no maintenance window: {clock} is no time of a day")
    return hours * 60 + minutes


def _zone(name: str, text: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown; not a name at all; a folder of the time zone database
        raise ValueError(
            f"{text!r} is no maintenance window: {name!r} is no time zone that is known here; "
            "write a name of the IANA database, such as Europe/Berlin or UTC"
        ) from None


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
