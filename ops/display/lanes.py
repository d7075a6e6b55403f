"""The layout of a revision graph as plain values: which row, which lane, which lines.

Lanes are those of `git log --graph`: a revision's first parent goes on in its lane, further parents get lanes
of their own, and a child whose parent is awaited in a lane on its left joins that one.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ops.display.blocks import Tone

ROW_HEIGHT = 30
HEAD = 32
LANE_WIDTH = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One revision: what it is called, what it follows, and how it stands."""

    id: str
    parents: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    label: str = ""
    state: str = ""
    tone: Tone = "plain"
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of the picture: a revision, or in its place a number of revisions that are left out."""

    node: Node
    lane: int
    left_out: int = 0
    in_cycle: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """A line from the row of a child down to the row of its parent; `lane` is where it runs between them."""

    child: int
    parent: int
    lane: int
    dashed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Rows from top to bottom, the lines between them, and how many lanes they need."""

    rows: tuple[Row, ...] = ()
    edges: tuple[Edge, ...] = ()
    width: int = 0

    def gaps(self) -> tuple[tuple[tuple[int, int, bool], ...], ...]:
        """Return, for the space below each row, its lines as (lane above, lane below, dashed), each once."""
        gaps: list[set[tuple[int, int, bool]]] = [set() for _ in self.rows]
        drawn: set[tuple[int, int, bool]] = set()
        for edge in self.edges:
            top, bottom = self.rows[edge.child].lane, self.rows[edge.parent].lane
            if edge.parent == edge.child + 1:
                gaps[edge.child].add((top, bottom, edge.dashed))
                continue
            gaps[edge.child].add((top, edge.lane, edge.dashed))
            # Children of one parent share a lane: the topmost has drawn what the others need.
            if (edge.parent, edge.lane, edge.dashed) in drawn:
                continue
            drawn.add((edge.parent, edge.lane, edge.dashed))
            for row in range(edge.child + 1, edge.parent - 1):
                gaps[row].add((edge.lane, edge.lane, edge.dashed))
            gaps[edge.parent - 1].add((edge.lane, bottom, edge.dashed))
        return tuple(tuple(sorted(gap)) for gap in gaps)


def arrange(nodes: Sequence[Node], *, limit: int, keep: str = "") -> Layout:
    """Return where everything goes: children above parents, in the order given where that leaves a choice.

    Parents that nobody has are added in the state "missing". In a cycle one line has to point upwards: it is
    not drawn, and the rows at its ends say so. Beyond `limit` revisions, those far from the current ones and from
    the one to `keep` are left out, each stretch of them shown as one row.
    """
    complete = _complete(nodes)
    number_of = {node.id: number for number, node in enumerate(complete)}
    links = [_links(node, number_of) for node in complete]
    order = _topological(links)
    row_of = {number: row for row, number in enumerate(order)}
    lines = [(row_of[n], row_of[p], dashed) for n in order for p, dashed in links[n].items()]
    cyclic = {row for child, parent, _ in lines if parent <= child for row in (child, parent)}
    lines = [line for line in lines if line[0] < line[1]]
    rows, seat = _shortened([complete[number] for number in order], lines, cyclic, max(1, limit), keep)
    below: list[dict[int, bool]] = [{} for _ in rows]
    for child, parent, dashed in lines:
        if seat[child] != seat[parent]:
            ends = below[seat[child]]
            ends[seat[parent]] = dashed and ends.get(seat[parent], True)
    return _in_lanes(rows, below)


def _complete(nodes: Sequence[Node]) -> list[Node]:
    """Return the nodes, of each id the first, in the direction newest first, with those that are missing."""
    known: dict[str, int] = {}
    unique: list[Node] = []
    for node in nodes:
        if node.id not in known:
            known[node.id] = len(unique)
            unique.append(node)
    ends = [(known[n.id], known[p]) for n in unique for p in (*n.parents, *n.depends_on) if p in known]
    if sum(child > parent for child, parent in ends) > sum(child < parent for child, parent in ends):
        unique.reverse()
    complete: dict[str, Node] = {}
    for node in unique:
        complete[node.id] = node
        for parent in (*node.parents, *node.depends_on):
            if parent not in known and parent not in complete:
                complete[parent] = Node(id=parent, state="missing", tone="bad", label="no file has this revision")
    return list(complete.values())


def _links(node: Node, number_of: Mapping[str, int]) -> dict[int, bool]:
    """Return the numbers of what a node follows, in order, each with whether its line is dashed."""
    ends = {number_of[parent]: False for parent in node.parents}
    for other in node.depends_on:
        ends.setdefault(number_of[other], True)
    return ends


def _topological(links: Sequence[Mapping[int, bool]]) -> list[int]:
    """Return the numbers, children before parents, and the smaller one first where that leaves a choice."""
    waiting = [0] * len(links)
    for ends in links:
        for parent in ends:
            waiting[parent] += 1
    ready = [number for number, count in enumerate(waiting) if not count]
    placed = [False] * len(links)
    order: list[int] = []
    unplaced = 0
    while len(order) < len(links):
        if not ready:
            # Only cycles are left, and what hangs below them: break one open at its first node.
            while placed[unplaced]:
                unplaced += 1
            ready.append(unplaced)
        number = heapq.heappop(ready)
        if placed[number]:
            continue
        placed[number] = True
        order.append(number)
        for parent in links[number]:
            waiting[parent] -= 1
            if not waiting[parent] and not placed[parent]:
                heapq.heappush(ready, parent)
    return order


def _shortened(
    ordered: Sequence[Node], lines: Sequence[tuple[int, int, bool]], cyclic: set[int], limit: int, keep: str
) -> tuple[list[Row], list[int]]:
    """Return the rows to draw (lanes not given yet), and for each node the row that it is in."""
    kept = _kept(ordered, lines, limit, keep)
    rows: list[Row] = []
    seat: list[int] = []
    for number, node in enumerate(ordered):
        if number in kept:
            rows.append(Row(node=node, lane=0, in_cycle=number in cyclic))
        elif rows and rows[-1].left_out:
            rows[-1] = _stub(rows[-1].left_out + 1)
        else:
            rows.append(_stub(1))
        seat.append(len(rows) - 1)
    return rows, seat


def _stub(count: int) -> Row:
    noun = "revision" if count == 1 else "revisions"
    return Row(node=Node(id="…", label=f"{count:,} {noun} left out"), lane=0, left_out=count)


def _kept(ordered: Sequence[Node], lines: Sequence[tuple[int, int, bool]], limit: int, keep: str) -> set[int]:
    """Return which rows are drawn: the current ones, then heads and what is wrong, then what is nearest."""
    if len(ordered) <= limit:
        return set(range(len(ordered)))
    pending = [row for row, node in enumerate(ordered) if node.state == "pending"]
    current = [row for row, node in enumerate(ordered) if node.state == "current"]
    anchors = sorted({*(current or pending[-1:] or [0]), *(row for row, node in enumerate(ordered) if node.id == keep)})

    def distance(row: int) -> tuple[int, int]:
        at = bisect_left(anchors, row)
        return min(abs(row - anchor) for anchor in anchors[max(0, at - 1) : at + 1]), row

    parents = {parent for _, parent, _ in lines}
    telling = {
        row
        for row, node in enumerate(ordered)
        if row not in parents or node.state in ("unknown", "missing") or node.tone == "bad"
    }
    kept = {row for row in anchors if ordered[row].id == keep}
    kept.update(anchors[: limit - len(kept)])
    kept.update(sorted(telling - kept, key=distance)[: min(limit // 3, limit - len(kept))])
    rest = sorted((row for row in range(len(ordered)) if row not in kept), key=distance)
    kept.update(rest[: limit - len(kept)])
    return kept


def _in_lanes(rows: Sequence[Row], below: Sequence[Mapping[int, bool]]) -> Layout:
    """Return the rows with their lanes; `below` says for each row which rows it follows, and which dashed."""
    lanes: list[tuple[int, bool] | None] = []
    placed: list[Row] = []
    edges: list[Edge] = []
    for number, row in enumerate(rows):
        arriving = [lane for lane, wanted in enumerate(lanes) if wanted and wanted[0] == number]
        solid = [lane for lane in arriving if lanes[lane] == (number, False)]
        for lane in arriving:
            lanes[lane] = None
        own = (solid or arriving or [_free(lanes, start=0)])[0]
        placed.append(replace(row, lane=own))
        for parent, dashed in sorted(below[number].items(), key=lambda end: end[1]):
            lane = lanes.index((parent, dashed)) if (parent, dashed) in lanes else len(lanes)
            # A line joins another one on its left, never on its right: there both meet at the parent.
            if lane > own:
                lane = _free(lanes, start=own)
                lanes[lane] = (parent, dashed)
            edges.append(Edge(child=number, parent=parent, lane=lane, dashed=dashed))
    return Layout(rows=tuple(placed), edges=tuple(edges), width=len(lanes))


def _free(lanes: list[tuple[int, bool] | None], *, start: int) -> int:
    """Return the first free lane from `start` on, made if there is none."""
    for lane in range(start, len(lanes)):
        if lanes[lane] is None:
            return lane
    lanes.extend([None] * (max(start, len(lanes)) + 1 - len(lanes)))
    return len(lanes) - 1
