"""Who was at what from when to when, as bars on a common clock: a picture, and a table that says the same."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass

from ops.display.blocks import Table, Tone
from ops.display.cells import shown

LISTED = 12
"""Of a lane with more bars than this, the table tells the longest ones and how many there were."""

_LONGEST = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One thing that took its time: from when to when, in seconds, and what it was.

    `length` are words in place of its seconds, for what nobody has measured.
    """

    begin: float
    end: float
    text: str = ""
    tone: Tone = "plain"
    length: str = ""

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.end - self.begin


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """Bars that stand beside one name. They may overlap, and are drawn over each other then."""

    name: str
    bars: tuple[Bar, ...] = ()

    @property
    def is_listed(self) -> bool:
        """Whether the table has every bar; those are numbered in the picture, too."""
        return len(self.bars) <= LISTED


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Lanes over a common clock, which begins at 0 seconds and ends at `until`, or with the last bar.

    Two timelines with the same `until` can be compared by the eye. The picture is drawn by matplotlib when it is asked
    for; nothing in it goes beyond what the table says.
    """

    lanes: tuple[Lane, ...]
    until: float = 0.0
    caption: str = ""

    @property
    def end(self) -> float:
        """Where the clock ends, in seconds; never at 0, as nothing can be drawn on that."""
        return max([self.until, *(bar.end for lane in self.lanes for bar in lane.bars)], default=0.0) or 1.0

    def table(self) -> Table:
        """Return what the picture shows: each bar, or the longest ones of a lane that has many."""
        return Table(
            columns=("who", "#", "what", "from, s", "to, s", "seconds"),
            rows=tuple(row for lane in self.lanes for row in _rows(lane)),
        )

    def alt(self) -> str:
        """Return the picture in one sentence, for those who cannot see it."""
        lanes = "; ".join(_in_words(lane) for lane in self.lanes)
        return f"Bars over {self.end:.2f} seconds. {lanes}. The table below has the figures."

    def data_url(self) -> str:
        """Return the picture, an SVG, as an address that an <img> can show by itself."""
        from ops.display.chart import svg

        return f"data:image/svg+xml;base64,{b64encode(svg(self).encode()).decode()}"


def _rows(lane: Lane) -> Iterator[tuple[object, ...]]:
    if not lane.bars:
        yield (lane.name, None, "nothing that took long", None, None, None)
        return
    if lane.is_listed:
        for number, bar in enumerate(lane.bars, 1):
            yield (lane.name, number, *_row(bar))
        return
    longest = sorted(lane.bars, key=lambda bar: bar.seconds, reverse=True)
    for bar in longest[:_LONGEST]:
        yield (lane.name, None, *_row(bar))
    rest = longest[_LONGEST:]
    yield (lane.name, None, f"{len(rest)} more, none of them longer", None, None, f"{rest[0].seconds:.2f}")


def _row(bar: Bar) -> tuple[object, ...]:
    return (bar.text, f"{bar.begin:.2f}", f"{bar.end:.2f}", bar.length or f"{bar.seconds:.2f}")


def _in_words(lane: Lane) -> str:
    if not lane.bars:
        return f"{shown(lane.name)}: no bar"
    longest = max(lane.bars, key=lambda bar: bar.seconds)
    bars = "1 bar" if len(lane.bars) == 1 else f"{len(lane.bars)} bars"
    return f"{shown(lane.name)}: {bars}, the longest from {longest.begin:.2f} to {longest.end:.2f} seconds"
