"""The picture of a timeline, drawn by matplotlib; loaded when one is drawn, as that costs about a second.

The same values give the same bytes. It has a white ground of its own, as a picture inside a page cannot know whether
that page is dark; what is wrong is hatched as well as red, for paper and for eyes that do not tell the two apart.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from ops.display.blocks import Tone
from ops.display.cells import shown
from ops.display.picture import TONES
from ops.display.timeline import Lane, Timeline

_WIDTH, _LANE_HEIGHT, _AROUND = 9.4, 0.5, 0.62  # inches
_BAR_HEIGHT = 0.62
_NAME_LIMIT = 36
_THINNEST = 0.0016
"""Of the width: a bar that is shorter could not be seen."""

_APART = 0.025
"""Of the width: numbers that are nearer to each other could not be read."""

_COLOURS: dict[Tone, str] = {"plain": "#4c78a8", **{tone: parts[2] for tone, parts in TONES.items() if tone != "plain"}}
_HATCHES: dict[Tone, str] = {"bad": "////", "attention": "...."}
_LOOK = {
    "svg.fonttype": "none",  # words stay words
    "svg.hashsalt": "timeline",
    "font.family": "sans-serif",
    "font.size": 10.0,
    "hatch.linewidth": 0.6,
}


def svg(timeline: Timeline) -> str:
    """Return the picture as an SVG document, without script, font or anything from elsewhere."""
    with matplotlib.rc_context(_LOOK), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a letter that the font has not is the reader's browser's to find
        figure = Figure(figsize=(_WIDTH, _AROUND + _LANE_HEIGHT * max(1, len(timeline.lanes))), layout="constrained")
        axes = figure.add_subplot()
        for place, lane in enumerate(timeline.lanes):
            _draw(axes, place, lane, timeline.end)
        _dress(axes, timeline)
        canvas = FigureCanvasSVG(figure)
        written = io.StringIO()
        canvas.print_svg(written, metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = written.getvalue()
    return text[text.index("<svg") :]


def _draw(axes: Axes, place: int, lane: Lane, end: float) -> None:
    for bar in lane.bars:
        width = max(bar.seconds, end * _THINNEST)
        axes.barh(
            place, width, left=min(bar.begin, end - width), height=_BAR_HEIGHT, color=_COLOURS[bar.tone],
            hatch=_HATCHES.get(bar.tone), edgecolor="white" if bar.tone in _HATCHES else _COLOURS[bar.tone],
            linewidth=0.0,
        )  # fmt: skip
    if lane.is_listed and len(lane.bars) > 1:
        for middle, text in _numbers(lane, end):
            axes.text(
                middle, place - _BAR_HEIGHT / 2, text, ha="center", va="bottom", fontsize=8, color="#24292f"
            )  # fmt: skip


def _numbers(lane: Lane, end: float) -> Iterator[tuple[float, str]]:
    """Return where the numbers of bars stand; those that would stand on each other are one, `9–12`."""
    groups: list[list[tuple[float, int]]] = []
    for number, bar in enumerate(lane.bars, 1):
        middle = bar.begin + max(bar.seconds, end * _THINNEST) / 2
        if groups and middle - groups[-1][-1][0] < end * _APART:
            groups[-1].append((middle, number))
        else:
            groups.append([(middle, number)])
    for group in groups:
        first, last = group[0], group[-1]
        yield (first[0] + last[0]) / 2, f"{first[1]}–{last[1]}" if last != first else str(first[1])


def _dress(axes: Axes, timeline: Timeline) -> None:
    names = [shown(lane.name, limit=_NAME_LIMIT) for lane in timeline.lanes]
    axes.set_yticks(range(len(names)), names)
    for label in axes.get_yticklabels():
        label.set_parse_math(False)  # a name may hold what would be a formula
    axes.set_ylim(max(1, len(names)) - 0.5, -0.72)
    axes.set_xlim(0, timeline.end)
    axes.set_xlabel("seconds")
    axes.grid(axis="x", color="#d0d7de", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
