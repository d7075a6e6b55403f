"""Maintenance windows: days, hours, time zones, midnight, and the two nights on which clocks jump."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ops import window


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# 2026-11-28 is a Saturday; in Berlin clocks go forward on 2026-03-29 at 02:00, and back on 2026-10-25 at 03:00.
# fmt: off
OPEN = {  #                                     window                                   UTC                 open
    "before":                                  ("Sat 10:00-12:00 UTC",                   "2026-11-28 09:59", False),
    "its first minute":                        ("Sat 10:00-12:00 UTC",                   "2026-11-28 10:00", True),
    "its last minute":                         ("Sat 10:00-12:00 UTC",                   "2026-11-28 11:59", True),
    "its end is outside":                      ("Sat 10:00-12:00 UTC",                   "2026-11-28 12:00", False),
    "another day":                             ("Sat 10:00-12:00 UTC",                   "2026-11-27 11:00", False),
    "several days":                            ("Tue,Sat 10:00-12:00 UTC",               "2026-11-24 11:00", True),
    "a range of days":                         ("Mon-Thu,Sat 10:00-12:00 UTC",           "2026-11-26 11:00", True),
    "a range over the week's end":             ("Sat-Mon 10:00-12:00 UTC",               "2026-11-30 11:00", True),
    "not in a range over the week's end":      ("Sat-Mon 10:00-12:00 UTC",               "2026-12-01 11:00", False),
    "days in full":                            ("Saturday-sunday 10:00-12:00 UTC",       "2026-11-28 11:00", True),
    "daily":                                   ("daily 10:00-12:00 UTC",                 "2026-11-26 11:00", True),
    "the whole day":                           ("Sat 00:00-24:00 UTC",                   "2026-11-28 23:59", True),
    "the day after the whole day":             ("Sat 00:00-24:00 UTC",                   "2026-11-29 00:00", False),
    "over midnight, before it":                ("Fri 22:00-04:00 UTC",                   "2026-11-27 23:00", True),
    "over midnight, behind it":                ("Fri 22:00-04:00 UTC",                   "2026-11-28 03:59", True),
    "over midnight, too late":                 ("Fri 22:00-04:00 UTC",                   "2026-11-28 04:00", False),
    "over midnight, the morning before":       ("Fri 22:00-04:00 UTC",                   "2026-11-27 03:00", False),
    "over midnight, the evening after":        ("Fri 22:00-04:00 UTC",                   "2026-11-28 22:30", False),
    "over midnight and the week's end":        ("Sun 22:00-04:00 UTC",                   "2026-11-30 01:00", True),
    "until midnight":                          ("Fri 22:00-24:00 UTC",                   "2026-11-28 00:00", False),
    "another zone, winter":                    ("Sat 10:00-12:00 Europe/Berlin",         "2026-11-28 09:30", True),
    "another zone, winter, too late":          ("Sat 10:00-12:00 Europe/Berlin",         "2026-11-28 11:00", False),
    "another zone, summer":                    ("Sat 10:00-12:00 Europe/Berlin",         "2026-07-25 08:30", True),
    "another zone, summer, too late":          ("Sat 10:00-12:00 Europe/Berlin",         "2026-07-25 10:00", False),
    "another zone, already the next day there": ("Sun 01:00-03:00 Asia/Ho_Chi_Minh",     "2026-11-28 19:00", True),
    "another zone, still the day before there": ("Fri 22:00-23:00 America/Los_Angeles",  "2026-11-28 06:30", True),
    "clocks go forward: behind the gap":       ("Sun 01:00-04:00 Europe/Berlin",         "2026-03-29 01:00", True),
    "clocks go forward: an hour shorter":      ("Sun 01:00-04:00 Europe/Berlin",         "2026-03-29 02:00", False),
    "clocks go forward: all of it is skipped": ("Sun 02:00-03:00 Europe/Berlin",         "2026-03-29 01:00", False),
    "clocks go back: first time":              ("Sun 02:00-03:00 Europe/Berlin",         "2026-10-25 00:30", True),
    "clocks go back: second time":             ("Sun 02:00-03:00 Europe/Berlin",         "2026-10-25 01:30", True),
    "clocks go back: over":                    ("Sun 02:00-03:00 Europe/Berlin",         "2026-10-25 02:00", False),
}

NEXT = {  #                       window                           UTC                    opens, by the window's clocks
    "later that day":           ("Sat 10:00-12:00 UTC",           "2026-11-28 09:59:30", "2026-11-28T10:00:00+00:00"),
    "next week":                ("Sat 10:00-12:00 UTC",           "2026-11-28 12:00:00", "2026-12-05T10:00:00+00:00"),
    "now":                      ("Sat 10:00-12:00 UTC",           "2026-11-28 11:00:00", "2026-11-28T11:00:00+00:00"),
    "in its own zone":          ("Mon 06:00-08:00 Europe/Berlin", "2026-11-28 12:00:00", "2026-11-30T06:00:00+01:00"),
    "clocks jump into it":      ("Sun 02:30-04:00 Europe/Berlin", "2026-03-28 12:00:00", "2026-03-29T03:00:00+02:00"),
    "skipped once, a week later": ("Sun 02:00-03:00 Europe/Berlin", "2026-03-28 12:00:00", "2026-04-05T02:00:00+02:00"),
}

WRONG = {
    "nothing":                 ("",                                 "write days, hours and a time zone"),
    "no zone":                 ("Sat 10:00-12:00",                  "write days, hours and a time zone"),
    "no days":                 ("10:00-12:00 UTC",                  "write days, hours and a time zone"),
    "hours in short":          ("Sat 10-12 UTC",                    "write days, hours and a time zone"),
    "a day that is none":      ("Sat,Sum 10:00-12:00 UTC",          "'Sum' is no day"),
    "a hole among days":       ("Sat,,Sun 10:00-12:00 UTC",         "'' is no day"),
    "an hour that is none":    ("Sat 25:00-26:00 UTC",              "25:00 is no time of a day"),
    "a minute that is none":   ("Sat 10:00-12:60 UTC",              "12:60 is no time of a day"),
    "no length":               ("Sat 10:00-10:00 UTC",              "it has no length"),
    "opens at the day's end":  ("Sat 24:00-02:00 UTC",              "it has no length"),
    "a zone that is none":     ("Sat 10:00-12:00 Europe/Atlantis",  "'Europe/Atlantis' is no time zone"),
    "a folder of zones":       ("Sat 10:00-12:00 Europe",           "'Europe' is no time zone"),
    "a path":                  ("Sat 10:00-12:00 ../../etc/passwd", "is no time zone"),
    "two zones":               ("Sat 10:00-12:00 UTC UTC",          "write days, hours and a time zone"),
}
# fmt: on


@pytest.mark.parametrize(("text", "moment", "is_open"), OPEN.values(), ids=OPEN)
def test_open(text: str, moment: str, is_open: bool) -> None:
    assert window.parse(text).is_open(utc(moment)) is is_open


@pytest.mark.parametrize(("text", "moment", "opens"), NEXT.values(), ids=NEXT)
def test_next_opening(text: str, moment: str, opens: str) -> None:
    found = window.parse(text).next_opening(utc(moment))

    assert found is not None and found.isoformat() == opens


@pytest.mark.parametrize(("text", "said"), WRONG.values(), ids=WRONG)
def test_what_is_no_window_is_said(text: str, said: str) -> None:
    with pytest.raises(ValueError, match="is no maintenance window") as refused:
        window.parse(text)

    assert said in str(refused.value)


@pytest.mark.parametrize(
    "text", ["Mon-Tue,Thu,Sat-Sun 22:00-04:00 Europe/Berlin", "Wed 01:00-02:00 UTC", "daily 00:00-24:00 UTC"]
)
def test_a_window_is_written_as_it_is_read(text: str) -> None:
    assert str(window.parse(text)) == text
    assert window.parse(str(window.parse(text))) == window.parse(text)
