"""Plain text of a view: the same facts as the HTML, for a terminal of 100 columns."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ops.display.blocks import Code, Facts, Note, Table, View
from ops.display.cells import (
    NOTE_LIMIT,
    ROW_LIMIT,
    columns_of,
    fitting,
    numeric,
    rows_left_out,
    shown,
    shown_code,
    tone_word,
    words,
)
from ops.display.graph import Graph
from ops.display.timeline import Timeline

WIDTH = 100
_GAP = 2
_INDENT = 2
_LEAST = 8


def to_text(view: View) -> str:
    """Return lines of at most 100 columns; code keeps its own line breaks, however long its lines are."""
    mark = f"  [{shown(view.mark.text, limit=80)}]" if view.mark else ""
    title = wrapped(shown(view.title) + mark, WIDTH)
    rule = "=" * min(WIDTH, max(map(columns_of, title), default=0))
    parts = ["\n".join([*title, rule])] if view.title or mark else []
    parts += [text for text in map(_block, view.blocks) if text]
    return "\n\n".join(parts)


def wrapped(text: str, width: int) -> list[str]:
    """Return the text as lines of at most `width` columns, broken at spaces where that is possible."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        lines += _wrapped_line(paragraph, width)
    return lines


def _wrapped_line(text: str, width: int) -> list[str]:
    if columns_of(text) <= width:
        return [text.rstrip(" ")]
    lines: list[str] = []
    line = ""
    for word in re.findall(r"\S+\s*|\s+", text):
        while columns_of(line) + columns_of(word.rstrip()) > width:
            if line and (columns_of(word.rstrip()) <= width or columns_of(line) > width // 2):
                lines.append(line.rstrip())
                line = ""
                continue
            take = fitting(word, width - columns_of(line))
            lines.append(line + word[:take])
            line, word = "", word[take:]
        line += word
    if line.strip():
        lines.append(line.rstrip())
    return lines or [""]


def _block(block: Table | Facts | Code | Note | Graph | Timeline) -> str:
    if isinstance(block, Table):
        return _table(block)
    if isinstance(block, Facts):
        return _facts(block)
    if isinstance(block, Code):
        return _captioned(block.caption, [f"    {line}".rstrip() for line in shown_code(block).split("\n")])
    if isinstance(block, Graph):
        return _captioned(block.caption, [f"  {line}".rstrip() for line in block.to_text().split("\n")])
    if isinstance(block, Timeline):
        return _captioned(block.caption, [_table(block.table())])
    return _note(block)


def _note(note: Note) -> str:
    text = shown(note.text, limit=NOTE_LIMIT)
    word = tone_word(text, note.tone)
    first, *others = wrapped(f"{word} {text}" if word else text, WIDTH - _INDENT)
    return "\n".join([first, *(f"  {line}".rstrip() for line in others)])


def _facts(facts: Facts) -> str:
    if not facts.items:
        return ""
    rows = [(shown(name), words(value)) for name, value in facts.items]
    return _captioned(facts.caption, _lines(rows, right=[False, False]))


def _table(table: Table) -> str:
    if not table.rows or not table.columns:
        return _captioned(table.caption, [f"  {line}" for line in wrapped(shown(table.empty), WIDTH - _INDENT)])
    kept = table.rows[:ROW_LIMIT]
    right = [numeric(row[i] for row in kept if i < len(row)) for i in range(len(table.columns))]
    header = tuple(map(shown, table.columns))
    rows = [tuple(map(words, row[: len(header)])) for row in kept]
    rows = [row + ("",) * (len(header) - len(row)) for row in rows]
    if len(header) * (_LEAST + _GAP) > WIDTH - _INDENT:
        lines = _records(header, rows)
    else:
        lines = _lines([header, *rows], right=right, ruled=True)
    if len(table.rows) > ROW_LIMIT:
        lines.append(f"  {rows_left_out(table)}")
    return _captioned(table.caption, lines)


def _records(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Return a table that is too wide for columns as one name-and-value list a row."""
    lines: list[str] = []
    for number, row in enumerate(rows, start=1):
        lines.append(f"  {number}.")
        lines += _lines(list(zip(header, row, strict=True)), right=[False, False])
    return lines


def _lines(rows: Sequence[tuple[str, ...]], *, right: Sequence[bool], ruled: bool = False) -> list[str]:
    widths = _widths(rows)
    lines: list[str] = []
    for number, row in enumerate(rows):
        cells = [wrapped(text, width) for text, width in zip(row, widths, strict=True)]
        for height in range(max(map(len, cells), default=0)):
            pieces = [
                _padded(cell[height] if height < len(cell) else "", width, right=r)
                for cell, width, r in zip(cells, widths, right, strict=True)
            ]
            lines.append((" " * _INDENT + (" " * _GAP).join(pieces)).rstrip())
        if ruled and number == 0:
            lines.append(" " * _INDENT + (" " * _GAP).join("-" * width for width in widths))
    return lines


def _widths(rows: Sequence[tuple[str, ...]]) -> list[int]:
    """Return the columns' widths: as wide as they want, then the widest give way until all fit."""
    widths = [
        max(1, *(columns_of(line) for text in column for line in text.split("\n")))
        for column in zip(*rows, strict=True)
    ]
    room = WIDTH - _INDENT - _GAP * (len(widths) - 1)
    while sum(widths) > room and max(widths) > 1:
        widest = max(widths)
        second = max((width for width in widths if width < widest), default=1)
        several = widths.count(widest)
        target = max(second, widest - max(1, (sum(widths) - room) // several))
        widths = [min(width, target) for width in widths]
    return widths


def _padded(text: str, width: int, *, right: bool) -> str:
    space = " " * (width - columns_of(text))
    return space + text if right else text + space


def _captioned(caption: str, lines: list[str]) -> str:
    return "\n".join([*(wrapped(shown(caption), WIDTH) if caption else []), *lines])
