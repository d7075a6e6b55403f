"""HTML of a view, for JupyterLab (also when it does not trust the notebook), offline reports, and paper.

JupyterLab's sanitizer drops <style>, <svg>, and every inline declaration that is not on its list: no
`color: inherit`, no `font-variant-numeric`, no `overflow-wrap: anywhere`. Hence monospace for figures that
must line up, <wbr> for names that must break, and a picture that is an <img> with its own data.
Text keeps the theme's colour; only marks bring their own, dark on light, as printers leave backgrounds out.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from html import escape

from ops.display.blocks import Code, Facts, Link, Mark, Note, Table, View
from ops.display.cells import (
    NOTE_LIMIT,
    ROW_LIMIT,
    kind,
    numeric,
    rows_left_out,
    shown,
    shown_code,
    tone_word,
    words,
)
from ops.display.graph import Graph
from ops.display.lanes import HEAD, ROW_HEIGHT
from ops.display.picture import TONES, lanes_only
from ops.display.timeline import Timeline

_LINE = "1px solid rgba(127,127,127,0.35)"
_MONO = "font-family:ui-monospace,Menlo,Consolas,monospace;font-size:12.5px"
_CELL = f"padding:5px 14px 5px 0;vertical-align:top;border:0;border-bottom:{_LINE};"
_HEADER = (
    "padding:5px 14px 5px 0;vertical-align:bottom;border:0;border-bottom:2px solid rgba(127,127,127,0.6);"
    "font-weight:600;white-space:nowrap;"
)
_CAPTION = "caption-side:top;padding:0 0 4px 0;text-align:left;font-weight:600;white-space:nowrap;"
_TABLE = "border-collapse:collapse;border:0;margin:0;table-layout:auto;font-size:13px;line-height:1.45"
_SCROLL = "overflow-x:auto;margin:0 0 16px 0;max-width:100%"
_TOKEN = re.compile(r"[^\s<>&;]{29,}")
_BREAK = re.compile(r"(?<=[_./:,@=\\-])(?=\w)")
_SHORT = 28
_ON_ONE_LINE = 23  # a time with its seconds and its zone
_LINK = "text-decoration:underline"


def to_html(view: View) -> str:
    """Return one element: the title with its mark, then every block in order. All text is escaped."""
    title = f'<span style="font-size:17px;font-weight:600">{_breakable(shown(view.title))}</span>'
    mark = f"{badge(view.mark)}&ensp;" if view.mark else ""
    blocks = "".join(map(_block, view.blocks))
    head = f'<div style="margin:0 0 12px 0;line-height:1.6">{mark}{title}</div>' if view.title or mark else ""
    return f'<div style="margin:8px 0;font-size:14px;line-height:1.5">{head}{blocks}</div>'


def badge(mark: Mark) -> str:
    """Return a mark as a word in its tone's colours."""
    foreground, background, edge = TONES[mark.tone]
    return (
        f'<span style="display:inline-block;padding:0 7px;border:1px solid {edge};border-radius:4px;'
        f"background:{background};color:{foreground};font-size:12px;font-weight:600;line-height:1.6;"
        f'white-space:nowrap">{_escape(shown(mark.text, limit=80))}</span>'
    )


def _block(block: Table | Facts | Code | Note | Graph | Timeline) -> str:
    if isinstance(block, Table):
        return _table(block)
    if isinstance(block, Facts):
        return _facts(block)
    if isinstance(block, Code):
        return _code(block)
    if isinstance(block, Graph):
        return _graph(block)
    if isinstance(block, Timeline):
        return _timeline(block)
    return _note(block)


def _table(table: Table) -> str:
    rows = table.rows[:ROW_LIMIT]
    right = [numeric(row[i] for row in rows if i < len(row)) for i in range(len(table.columns))]
    head = "".join(
        f'<th scope="col" style="{_HEADER}{_side(r)}">{_inline(shown(column))}</th>'
        for column, r in zip(table.columns, right, strict=True)
    )
    body = "".join(
        f"<tr>{''.join(_cell(value, right=r) for value, r in zip(row, right, strict=False))}</tr>" for row in rows
    )
    if not rows:
        # Names of columns that hold nothing are only in the way.
        return _scrolling(table.caption, f"<tbody>{_row_across(table.empty, columns=1)}</tbody>")
    if len(table.rows) > ROW_LIMIT:
        body += _row_across(rows_left_out(table), columns=len(table.columns))
    return _scrolling(table.caption, f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>")


def _facts(facts: Facts) -> str:
    rows = "".join(
        f'<tr><th scope="row" style="{_CELL}text-align:left;font-weight:400;opacity:0.8;white-space:nowrap">'
        f"{_inline(shown(name))}</th>{_cell(value, right=False)}</tr>"
        for name, value in facts.items
    )
    return _scrolling(facts.caption, f"<tbody>{rows}</tbody>") if rows else ""


def _code(code: Code) -> str:
    caption = f'<div style="font-weight:600;font-size:13px">{_inline(shown(code.caption))}</div>'
    text = _escape(shown_code(code))
    before, after = (caption if code.caption else ""), ""
    if code.folded:
        summary = f'<summary style="cursor:pointer;font-weight:600;font-size:13px">{_inline(shown(code.caption))}'
        before, after = f"<details>{summary}</summary>", "</details>"
    return (
        f'<div style="margin:0 0 16px 0">{before}'
        f'<pre tabindex="0" style="margin:4px 0 0 0;padding:8px 12px;border:{_LINE};border-radius:4px;'
        f'background:rgba(127,127,127,0.1);{_MONO};line-height:1.5;overflow-x:auto;white-space:pre">'
        f"{text}</pre>{after}</div>"
    )


def _note(note: Note) -> str:
    text = shown(note.text, limit=NOTE_LIMIT)
    word = tone_word(text, note.tone)
    strong = f'<span style="font-weight:600">{_escape(word)}</span> ' if word else ""
    return (
        f'<div style="margin:0 0 14px 0;padding:4px 12px;border-left:4px solid {TONES[note.tone][2]};'
        f'max-width:60em">{strong}{_inline(text)}</div>'
    )


def _graph(graph: Graph) -> str:
    """Return the history as a table with a picture in it: words stay words, in the theme's colours."""
    layout = graph.lanes()
    if not layout.rows:
        return _scrolling(graph.caption, f"<tbody>{_row_across('no revisions', columns=1)}</tbody>")
    columns = graph.columns()
    head = "".join(
        f'<th scope="col" style="{_HEADER}height:{HEAD}px;box-sizing:border-box;text-align:left">{name}</th>'
        for name in ("", *columns)
    )
    picture = b64encode(lanes_only(layout).encode()).decode()
    said = "each follows as its last column says" if "follows" in columns else "each follows the one below it"
    alt = f"{len(layout.rows)} rows; {said}"
    size = (
        f"padding:0 18px 0 0;height:{ROW_HEIGHT}px;box-sizing:border-box;border:0;white-space:nowrap;"
        "vertical-align:middle;text-align:left"
    )
    image = (
        f'<td rowspan="{len(layout.rows)}" style="padding:0 8px 0 0;border:0;vertical-align:top">'
        f'<img alt="{alt}" src="data:image/svg+xml;base64,{picture}" '
        'style="display:block;margin:0;max-width:none">'
        "</td>"
    )
    body = []
    for number, (row, values) in enumerate(zip(layout.rows, graph.cells(), strict=True)):
        shade = ";background:rgba(127,127,127,0.18)" if row.node.id == graph.chosen else ""
        cells = "".join(f'<td style="{size}{shade}">{_unbroken(value)}</td>' for value in values)
        body.append(f'<tr style="height:{ROW_HEIGHT}px">{image if number == 0 else ""}{cells}</tr>')
    return _scrolling(graph.caption, f"<thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody>")


def _timeline(timeline: Timeline) -> str:
    """Return the picture, and below it the table that says the same."""
    caption = f'<div style="font-weight:600;font-size:13px">{_inline(shown(timeline.caption))}</div>'
    return (
        f"{caption if timeline.caption else ''}"
        f'<div style="{_SCROLL}"><img alt="{_escape(timeline.alt())}" src="{timeline.data_url()}" '
        'style="display:block;margin:4px 0 0 0;max-width:100%"></div>'
        f"{_table(timeline.table())}"
    )


def _scrolling(caption: str, rows: str) -> str:
    title = f'<caption style="{_CAPTION}">{_inline(shown(caption))}</caption>' if caption else ""
    # What scrolls must be within reach of the keyboard.
    return f'<div tabindex="0" style="{_SCROLL}"><table style="{_TABLE}">{title}{rows}</table></div>'


def _row_across(text: str, *, columns: int) -> str:
    style = f"{_CELL}text-align:left;opacity:0.8"
    return f'<tr><td colspan="{columns}" style="{style}">{_inline(shown(text))}</td></tr>'


def _cell(value: object, *, right: bool) -> str:
    text = words(value)
    style = f"{_CELL}{_side(right)}"
    if len(text) <= _ON_ONE_LINE and "\n" not in text:
        style += ";white-space:nowrap"
    else:
        style += ";min-width:9em;max-width:42em;white-space:normal"
    if right:
        style += f";{_MONO}"
    return f'<td style="{style}">{_value(value)}</td>'


def _side(right: bool) -> str:
    return "text-align:right" if right else "text-align:left"


def _value(value: object) -> str:
    how = kind(value)
    if how == "mark":
        return badge(value)
    if isinstance(value, Link):
        return _link(value)
    if isinstance(value, tuple | list) and any(isinstance(item, Mark | Link) for item in value):
        return " ".join(_value(item) for item in value)
    text = _inline(words(value))
    return f'<span style="{_MONO}">{text}</span>' if how == "name" else text


def _unbroken(value: object) -> str:
    """Return a value on one line: a row of a picture is as high as the picture has it."""
    if isinstance(value, Mark):
        return badge(value)
    text = _escape(words(value))
    return f'<span style="{_MONO}">{text}</span>' if kind(value) == "name" else text


def _link(link: Link) -> str:
    text = _inline(words(link))
    if not link.href.startswith("/") or link.href.startswith("//"):
        return text
    if not link.path:
        return f'<a href="{_escape(link.href)}" target="_blank" rel="noopener" style="{_LINK}">{text}</a>'
    # JupyterLab listens to clicks on what names one of its commands; elsewhere it is a link like others.
    arguments = _escape(json.dumps({"path": link.path}))
    return (
        f'<a href="{_escape(link.href)}" data-commandlinker-command="docmanager:open" '
        f'data-commandlinker-args="{arguments}" style="{_LINK}">{text}</a>'
    )


def _inline(text: str) -> str:
    return _breakable(text).replace("\n", "<br>")


def _breakable(text: str) -> str:
    """Return escaped text in which long names may break: after their punctuation, or anywhere at last."""
    if len(text) <= _SHORT:
        return _escape(text)
    parts = []
    end = 0
    for match in _TOKEN.finditer(text):
        parts.append(_escape(text[end : match.start()]))
        end = match.end()
        for piece in _BREAK.split(match.group()):
            chunks = [piece[i : i + 20] for i in range(0, len(piece), 20)]
            parts.append("<wbr>".join(map(_escape, chunks)))
            parts.append("<wbr>")
    parts.append(_escape(text[end:]))
    return "".join(parts)


def _escape(text: str) -> str:
    return escape(text, quote=True)
