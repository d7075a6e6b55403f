"""A revision history, as a picture, as mermaid, and as text; each of them says the same."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ops.display.blocks import Mark, Name
from ops.display.cells import columns_of, shown, words
from ops.display.lanes import Layout, Node, Row, arrange
from ops.display.picture import full_picture

__all__ = ["Graph", "Node"]

_LABEL_LIMIT = 72
_ID_LIMIT = 40
_WIDTH = 98
_MERMAID_CLASSES = """\
  classDef plain fill:#eceff2,stroke:#7d8590,color:#24292f
  classDef ok fill:#d3f4dc,stroke:#2c974b,color:#0b4a1e
  classDef attention fill:#ffecb8,stroke:#b97a00,color:#5c3b00
  classDef bad fill:#ffdcd9,stroke:#e5484d,color:#86061d
  classDef unknown fill:#e6e0fb,stroke:#8a73d6,color:#3b2a7a"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """Revisions and what they follow, children above parents; at most `limit` of them are drawn, `chosen` always."""

    nodes: tuple[Node, ...]
    caption: str = ""
    limit: int = 60
    chosen: str = ""

    def lanes(self) -> Layout:
        """Return where every row and line goes."""
        nodes = [replace(one, note=_chosen(one)) if one.id == self.chosen else one for one in self.nodes]
        return arrange(nodes, limit=self.limit, keep=self.chosen)

    def columns(self) -> tuple[str, ...]:
        """Return the names of what is said beside each row; those that no row fills are left out."""
        return _columns(self.lanes())

    def cells(self) -> tuple[tuple[object, ...], ...]:
        """Return what is said beside each row, under `columns`."""
        return _cells(self.lanes())

    def to_svg(self) -> str:
        """Return a picture that needs nothing else; its description says in words what it shows."""
        layout = self.lanes()
        return full_picture(
            layout, caption=_line(self.caption, 200), columns=_columns(layout), cells=list(_cells(layout))
        )

    def to_mermaid(self) -> str:
        """Return a mermaid flowchart, children on top."""
        layout = self.lanes()
        lines = ["flowchart BT"]
        for number, row in enumerate(layout.rows):
            said = [str(value) for value in _said(row).values() if words(value)]
            tone = "plain" if row.left_out else row.node.tone
            lines.append(f'  n{number}["{"<br/>".join(map(_mermaid, said))}"]:::{tone}')
        for edge in layout.edges:
            lines.append(f"  n{edge.parent} {'-.->' if edge.dashed else '-->'} n{edge.child}")
        return "\n".join([*lines, _MERMAID_CLASSES])

    def to_text(self) -> str:
        """Return lines like those of `git log --graph`, with each state in words."""
        layout = self.lanes()
        if not layout.rows:
            return "no revisions"
        longest = max(columns_of(str(_said(row)["revision"])) for row in layout.rows)
        gutter = 2 * layout.width if layout.width <= 8 else 0
        lines: list[str] = []
        passing: set[tuple[int, bool]] = set()
        for row, gap, needs in zip(layout.rows, layout.gaps(), _needs(layout), strict=True):
            sign = "." if row.left_out else "*"
            marks = {2 * lane: ":" if dashed else "|" for lane, dashed in passing} | {2 * row.lane: sign}
            first, *others = _wrapped(row, needs, longest, width=_WIDTH - max(gutter, max(marks) + 2))
            lines.append(f"{_art(marks):<{max(gutter, max(marks) + 2)}}{first}".rstrip())
            below = {2 * above: ":" if dashed else "|" for above, _, dashed in gap}
            lines += [f"{_art(below):<{max(gutter, max(marks) + 2)}}{other}".rstrip() for other in others]
            if any(above != beneath for above, beneath, _ in gap):
                lines.append(_bend(gap))
            if not gap and row is not layout.rows[-1]:
                lines.append("")
            passing = {(beneath, dashed) for _, beneath, dashed in gap}
        return "\n".join(lines)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {
            "image/svg+xml": self.to_svg(),
            "text/vnd.mermaid": self.to_mermaid(),
            "text/plain": f"{self.caption}\n{self.to_text()}" if self.caption else self.to_text(),
        }


def _chosen(node: Node) -> str:
    """Words beside the shade: never colour alone."""
    return f"◀ chosen, {node.note}" if node.note else "◀ chosen"


def _said(row: Row) -> dict[str, object]:
    """Return what is said of one row, by column."""
    node = row.node
    note = _line(node.note, _LABEL_LIMIT)
    if row.in_cycle:
        note = f"{note}, part of a cycle" if note else "part of a cycle"
    return {
        "revision": Name(_line(node.id, _ID_LIMIT)),
        "state": Mark(_line(node.state, 24), node.tone) if node.state else "",
        "message": _line(node.label, _LABEL_LIMIT),
        "note": note,
    }


def _columns(layout: Layout) -> tuple[str, ...]:
    filled = [name for name in ("state", "message", "note") if any(words(_said(row)[name]) for row in layout.rows)]
    # Where each row follows the next one, the order of the rows has said it already.
    steps = [(edge.child, edge.parent) for edge in layout.edges if not edge.dashed]
    forks = steps != [(row, row + 1) for row in range(len(layout.rows) - 1)] or len(steps) < len(layout.edges)
    return ("revision", *filled, *(("follows",) if forks else ()))


def _cells(layout: Layout) -> tuple[tuple[object, ...], ...]:
    columns = _columns(layout)
    follows: list[list[str]] = [[] for _ in layout.rows]
    for edge in layout.edges:
        parent = _line(layout.rows[edge.parent].node.id, _ID_LIMIT)
        follows[edge.child].append(f"{parent} (depends on)" if edge.dashed else parent)
    cells = []
    for row, parents in zip(layout.rows, follows, strict=True):
        said = _said(row) | {"follows": Name(", ".join(parents))}
        cells.append(tuple(said[name] for name in columns))
    return tuple(cells)


def _needs(layout: Layout) -> list[str]:
    """Return for each row, in words, what it depends on beside its parents."""
    needs: list[list[str]] = [[] for _ in layout.rows]
    for edge in layout.edges:
        if edge.dashed:
            needs[edge.child].append(_line(layout.rows[edge.parent].node.id, _ID_LIMIT))
    return [", ".join(names) for names in needs]


def _line(text: str, limit: int) -> str:
    """Return a text on one line, cut to what a picture has room for."""
    line = " ".join(text[: 4 * limit].split())
    return shown(line if len(line) <= limit else f"{line[: limit - 1]}…", limit=limit)


def _wrapped(row: Row, needs: str, longest: int, *, width: int) -> list[str]:
    from ops.display.text import wrapped

    said = _said(row)
    if row.left_out:
        return wrapped(f"{said['message']}", max(20, width))
    name = str(said["revision"])
    state = f"[{said['state']}]" if said["state"] else ""
    head = name + " " * (longest - columns_of(name))
    note = f"({said['note']})" if said["note"] else ""
    needs = f"(depends on {needs})" if needs else ""
    first, *others = wrapped("  ".join(filter(None, (head, state, str(said["message"]), note, needs))), max(40, width))
    return [first, *(f"  {other}" for other in others)]


def _art(marks: dict[int, str]) -> str:
    return "".join(marks.get(column, " ") for column in range(max(marks, default=-1) + 1))


def _bend(gap: tuple[tuple[int, int, bool], ...]) -> str:
    """Return the line between two rows on which lines change their lane."""
    marks: dict[int, str] = {}
    for above, below, _ in gap:
        if below < above:
            marks = {column: "_" for column in range(2 * below + 1, 2 * above - 1)} | marks
            marks[2 * above - 1] = "/"
        elif above < below:
            marks = {column: "_" for column in range(2 * above + 2, 2 * below)} | marks
            marks[2 * above + 1] = "\\"
    for above, below, dashed in gap:
        if above == below:
            marks[2 * above] = ":" if dashed else "|"
    return _art(marks)


def _mermaid(text: str) -> str:
    """Return a text in which nothing but letters, digits and spaces is left unescaped.

    Mermaid takes quotes, brackets, markdown and the like for syntax even inside quoted labels.
    """
    return "".join(c if c.isalnum() or c == " " else f"#{ord(c)};" for c in text)
