"""The SVG of a laid-out graph: no script, no font, no reference to anything outside itself.

Text is in currentColor, so that it follows the page that it is set in; where the picture is a document of its
own, `svg:root` matches and the reader's preferred colour scheme decides.
"""

from __future__ import annotations

from html import escape

from ops.display.blocks import Mark, Tone
from ops.display.cells import columns_of, words
from ops.display.lanes import HEAD, LANE_WIDTH, ROW_HEIGHT, Layout, Row

# Foreground, background, edge: dark on light, as such a mark reads well on a light page, on a dark one, and
# on paper, where backgrounds may be left out. The edges have a contrast of 3 to 1 with white and with black.
TONES: dict[Tone, tuple[str, str, str]] = {
    "plain": ("#24292f", "#eceff2", "#7d8590"),
    "ok": ("#0b4a1e", "#d3f4dc", "#2c974b"),
    "attention": ("#5c3b00", "#ffecb8", "#b97a00"),
    "bad": ("#86061d", "#ffdcd9", "#e5484d"),
    "unknown": ("#3b2a7a", "#e6e0fb", "#8a73d6"),
}
_LANES = ("#4c8fd6", "#c77d2e", "#3a9d63", "#b565c9", "#c8524f", "#3f9a9e", "#8c8c3a")
_MARGIN = 14
_PALETTE = "svg:root{color:#1f2328}@media (prefers-color-scheme: dark){svg:root{color:#e6e6e6}}"
_MONO = 'font-family="ui-monospace, Menlo, Consolas, monospace"'
_SANS = 'font-family="system-ui, sans-serif"'


def lanes_only(layout: Layout) -> str:
    """Return the lines and dots without words, in colours for any background; row n is `ROW_HEIGHT` high."""
    width = 2 * _MARGIN + LANE_WIDTH * max(0, layout.width - 1)
    return _svg(width, ROW_HEIGHT * len(layout.rows), _lines(layout, top=0) + _dots(layout, top=0))


def full_picture(layout: Layout, *, caption: str, columns: tuple[str, ...], cells: list[tuple[object, ...]]) -> str:
    """Return lines, dots, and beside each row its words, the state as a mark."""
    texts = [[words(value) for value in row] for row in cells]
    left = 2 * _MARGIN + LANE_WIDTH * max(0, layout.width - 1)
    starts = []
    for number, name in enumerate(columns):
        starts.append(left)
        left += int(max(map(columns_of, (name, *(row[number] for row in texts)))) * 7.6) + 26
    top = HEAD
    parts = [
        f"<title>{escape(caption or 'Revision history')}</title>",
        f"<desc>{escape(_in_words(columns, texts))}</desc>",
        f"<style>{_PALETTE}</style>",
        *(
            f'<text x="{x}" y="{top - 12}" {_SANS} font-size="12.5" font-weight="600" fill="currentColor">'
            f"{escape(name)}</text>"
            for x, name in zip(starts, columns, strict=True)
        ),
        f'<path d="M0 {top - 1}H{left}" stroke="currentColor" stroke-opacity="0.4"/>',
        _lines(layout, top=top),
        _dots(layout, top=top),
    ]
    for number, row in enumerate(cells):
        middle = top + ROW_HEIGHT * number + ROW_HEIGHT // 2
        parts += [
            _word(x, middle, value, text, mono=column in ("revision", "follows"))
            for x, column, value, text in zip(starts, columns, row, texts[number], strict=True)
            if text
        ]
    return _svg(left, top + ROW_HEIGHT * len(layout.rows) + 4, "".join(parts), extra=' role="img"')


def _svg(width: int, height: int, content: str, *, extra: str = "") -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" style="max-width:100%;height:auto"{extra}>{content}</svg>'
    )


def _in_words(columns: tuple[str, ...], texts: list[list[str]]) -> str:
    rows = (", ".join(f"{name} {text}" for name, text in zip(columns, row, strict=True) if text) for row in texts)
    return "Newest first. " + "; ".join(rows) + "."


def _lines(layout: Layout, *, top: int) -> str:
    paths = []
    for number, gap in enumerate(layout.gaps()):
        y = top + ROW_HEIGHT * number + ROW_HEIGHT // 2
        for above, below, dashed in gap:
            a, b = _x(above), _x(below)
            half = ROW_HEIGHT // 2
            shape = f"V{y + ROW_HEIGHT}" if a == b else f"C{a} {y + half} {b} {y + half} {b} {y + ROW_HEIGHT}"
            dash = ' stroke-dasharray="3 4"' if dashed else ""
            paths.append(f'<path d="M{a} {y}{shape}" stroke="{_colour(max(above, below))}"{dash}/>')
    return f'<g fill="none" stroke-width="2">{"".join(paths)}</g>'


def _dots(layout: Layout, *, top: int) -> str:
    return "".join(
        _dot(row, _x(row.lane), top + ROW_HEIGHT * number + ROW_HEIGHT // 2) for number, row in enumerate(layout.rows)
    )


def _dot(row: Row, x: int, y: int) -> str:
    """Return the sign of a row: ringed where current, hollow where pending, a cross where it is wrong."""
    colour = _colour(row.lane)
    if row.left_out:
        return "".join(f'<circle cx="{x}" cy="{y + d}" r="1.8" fill="{colour}"/>' for d in (-6, 0, 6))
    if row.node.state in ("missing", "unknown") or row.in_cycle:
        return f'<path d="M{x - 5} {y - 5}l10 10m0 -10l-10 10" stroke="{TONES["bad"][2]}" stroke-width="3"/>'
    if row.node.state == "current":
        return (
            f'<circle cx="{x}" cy="{y}" r="8" fill="none" stroke="{colour}" stroke-width="2"/>'
            f'<circle cx="{x}" cy="{y}" r="4.5" fill="{colour}"/>'
        )
    if row.node.state == "pending":
        return f'<circle cx="{x}" cy="{y}" r="4.5" fill="#ffffff" stroke="{colour}" stroke-width="2"/>'
    return f'<circle cx="{x}" cy="{y}" r="5" fill="{colour}"/>'


def _word(x: int, y: int, value: object, text: str, *, mono: bool) -> str:
    if isinstance(value, Mark):
        foreground, background, edge = TONES[value.tone]
        width = int(columns_of(text) * 7.4) + 14
        return (
            f'<rect x="{x}" y="{y - 10}" width="{width}" height="20" rx="4" '
            f'fill="{background}" stroke="{edge}"/>'
            f'<text x="{x + width // 2}" y="{y + 4}" text-anchor="middle" {_SANS} font-size="12" '
            f'font-weight="600" fill="{foreground}">{escape(text)}</text>'
        )
    font = _MONO if mono else _SANS
    return f'<text x="{x}" y="{y + 4}" {font} font-size="12.5" fill="currentColor">{escape(text)}</text>'


def _x(lane: int) -> int:
    return _MARGIN + LANE_WIDTH * lane


def _colour(lane: int) -> str:
    return _LANES[lane % len(_LANES)]
