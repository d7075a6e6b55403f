"""Timelines: the picture, and the table that says the same."""

from __future__ import annotations

import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from base64 import b64decode

import pytest

from ops.display import Bar, Lane, Timeline, View
from ops.display.html import to_html
from ops.display.text import to_text
from ops.display.timeline import LISTED

WORK = Lane(name="migration", bars=(Bar(begin=0.5, end=1.25, text="ALTER TABLE t"), Bar(begin=1.25, end=3, text="X")))
LOCK = Lane(name="locked", bars=(Bar(begin=0.5, end=3, text="ACCESS EXCLUSIVE on t", tone="bad"),))
MANY = Lane(name="reads", bars=tuple(Bar(begin=n, end=n + 0.1 + n / 100, text="read") for n in range(LISTED + 4)))
NOBODY = Lane(name="writes")
HOSTILE = Lane(name='<script>"&$x^2$\x00\u202e', bars=(Bar(begin=0, end=1, text="<b>$\\frac{1}{2}$</b>"),))


def picture(timeline: Timeline) -> str:
    head, _, data = timeline.data_url().partition(",")
    assert head == "data:image/svg+xml;base64"
    return b64decode(data).decode()


# fmt: off
ROWS = {  #                  lane      its rows in the table
    "each bar":             (WORK,   (("migration", 1, "ALTER TABLE t", "0.50", "1.25", "0.75"),
                                      ("migration", 2, "X", "1.25", "3.00", "1.75"))),
    "none":                 (NOBODY, (("writes", None, "nothing that took long", None, None, None),)),
    "the longest of many":  (MANY,   (("reads", None, "read", "15.00", "15.25", "0.25"),
                                      ("reads", None, "read", "14.00", "14.24", "0.24"),
                                      ("reads", None, "read", "13.00", "13.23", "0.23"),
                                      ("reads", None, "13 more, none of them longer", None, None, "0.22"))),
}
ENDS = {  #                          lanes           until  the clock ends at
    "with the last bar":            ((WORK, LOCK),   0.0,   3.0),
    "where it was told to":         ((WORK,),        10.0,  10.0),
    "never before the last bar":    ((WORK,),        1.0,   3.0),
    "never at nothing":             ((NOBODY,),      0.0,   1.0),
    "without a lane":               ((),             0.0,   1.0),
}
# fmt: on


@pytest.mark.parametrize(("lane", "rows"), ROWS.values(), ids=ROWS)
def test_the_table_has_what_the_picture_shows(lane: Lane, rows: tuple[tuple[object, ...], ...]) -> None:
    assert Timeline(lanes=(lane,)).table().rows == rows


@pytest.mark.parametrize(("lanes", "until", "end"), ENDS.values(), ids=ENDS)
def test_where_the_clock_ends(lanes: tuple[Lane, ...], until: float, end: float) -> None:
    timeline = Timeline(lanes=lanes, until=until)

    assert timeline.end == end
    ET.fromstring(picture(timeline))


def test_text_and_html_have_every_figure() -> None:
    timeline = Timeline(lanes=(WORK, LOCK, MANY, NOBODY), caption="What waited")
    html, text = to_html(View(title="t", blocks=(timeline,))), to_text(View(title="t", blocks=(timeline,)))

    assert "What waited" in html and "What waited" in text
    for row in timeline.table().rows:
        for value in filter(None, row):
            assert str(value) in html and str(value) in text
    assert 'alt="Bars over 15.25 seconds. migration: 2 bars, the longest from 1.25 to 3.00 seconds; ' in html
    assert "writes: no bar" in html


def test_names_are_words_and_neither_markup_nor_formulas() -> None:
    timeline = Timeline(lanes=(HOSTILE,))
    svg, html = picture(timeline), to_html(View(title="", blocks=(timeline,)))

    texts = [found for one in ET.fromstring(svg).iter() if (found := (one.text or "").strip())]
    assert '<script>"&$x^2$⟨U+0000⟩⟨U+202E⟩' in texts
    assert "<script" not in svg and "<script" not in html and "<b>" not in html


def test_the_picture_stands_alone_and_is_the_same_each_time() -> None:
    timeline = Timeline(lanes=(WORK, LOCK, MANY))
    svg = picture(timeline)

    assert svg == picture(timeline)
    assert [one for one in ('href="http', "url(http", "@import", "<script", "<image") if one in svg] == []
    assert "////" not in svg and svg.count("<pattern") == 1, "what is bad is hatched, too"


def test_numbers_that_would_stand_on_each_other_are_one() -> None:
    ends = (0.01, 0.02, 5.0, 10.0, 10.01, 10.02)
    bars = tuple(Bar(begin=begin, end=end) for begin, end in zip((0.0, *ends), ends, strict=False))

    svg = picture(Timeline(lanes=(Lane(name="statements", bars=bars),)))

    shown = [found for one in ET.fromstring(svg).iter() if (found := (one.text or "").strip())]
    assert [one for one in ("1–2", "3", "4", "5–6") if one not in shown] == []


def test_what_takes_no_time_at_the_end_can_be_seen() -> None:
    shortest = Lane(name="last", bars=(Bar(begin=3, end=3),))

    alone, beside = (picture(Timeline(lanes=lanes)) for lanes in ((WORK, NOBODY), (WORK, shortest)))
    ends, with_it = (sorted(re.findall(r"\bL ([\d.]+) ", one), key=float) for one in (alone, beside))
    right = max(set(ends) - {ends[-1]}, key=float)  # the last is the ground's

    assert with_it.count(right) > ends.count(right)
    assert max(set(with_it) - {ends[-1]}, key=float) == right


def test_matplotlib_is_loaded_by_a_picture_alone() -> None:
    code = (
        "import sys, ops, ops.targets\n"
        "from ops.display import Timeline, View\n"
        "from ops.display.text import to_text\n"
        "to_text(View(title='t', blocks=(Timeline(lanes=()),)))\n"
        "sys.exit('matplotlib' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
