"""Revision graphs: the layout, and picture, mermaid and text made from it."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from ops.display import Graph, Node
from ops.display.lanes import Layout

SVG = "{http://www.w3.org/2000/svg}"


def history(*lines: str, **states: str) -> tuple[Node, ...]:
    """Return nodes from lines such as `c: a b + x`: c follows a and b, and depends on x."""
    nodes = []
    for line in lines:
        name, _, rest = line.partition(":")
        parents, _, depends = rest.partition("+")
        nodes.append(
            Node(
                id=name,
                parents=tuple(parents.split()),
                depends_on=tuple(depends.split()),
                state=states.get(name, ""),
            )
        )
    return tuple(nodes)


def lines_of(layout: Layout) -> set[str]:
    names = [row.node.id for row in layout.rows]
    return {f"{names[e.child]}{'~' if e.dashed else '-'}{names[e.parent]}" for e in layout.edges}


# fmt: off
LAYOUTS = {
    "nothing":                 ((),                                   "",                {}),
    "one":                     (("a",),                               "a0",              set()),
    "linear, newest first":    (("c:b", "b:a", "a"),                  "c0 b0 a0",        {"c-b", "b-a"}),
    "linear, oldest first":    (("a", "b:a", "c:b"),                  "c0 b0 a0",        {"c-b", "b-a"}),
    "linear, shuffled":        (("b:a", "c:b", "a"),                  "c0 b0 a0",        {"c-b", "b-a"}),
    "two heads":               (("c:a", "b:a", "a"),                  "c0 b1 a0",        {"c-a", "b-a"}),
    "branches side by side":   (("d:c", "z:y", "c:a", "y:a", "a"),    "d0 z1 c0 y1 a0",  {"d-c", "z-y", "c-a", "y-a"}),
    "merge":                   (("m:c b", "c:a", "b:a", "a"),         "m0 c0 b1 a0",     {"m-c", "m-b", "c-a", "b-a"}),
    "two bases":               (("b:a", "a", "y:x", "x"),             "b0 a0 y0 x0",     {"b-a", "y-x"}),
    "two bases, interleaved":  (("b:a", "y:x", "a", "x"),             "b0 y1 a0 x1",     {"b-a", "y-x"}),
    "depends on":              (("b:a + x", "a", "x"),                "b0 a0 x1",        {"b-a", "b~x"}),
    "parent and dependency":   (("b:a + a", "a"),                     "b0 a0",           {"b-a"}),
    "missing parent":          (("b:gone", "a"),                      "b0 gone0 a0",     {"b-gone"}),
    "missing dependency":      (("b: + gone",),                       "b0 gone0",        {"b~gone"}),
    "missing, wanted twice":   (("c:gone", "b:gone"),                 "c0 b1 gone0",     {"c-gone", "b-gone"}),
    "same id twice":           (("b:a", "b:x", "a"),                  "b0 a0",           {"b-a"}),
    "its own parent":          (("a:a",),                             "a0",              set()),
    "cycle":                   (("a:b", "b:a"),                       "a0 b0",           {"a-b"}),
    "cycle below a head":      (("h:a", "a:b", "b:c", "c:a"),         "h0 a0 b0 c0",     {"h-a", "a-b", "b-c"}),
}
# fmt: on


@pytest.mark.parametrize(("given", "rows", "edges"), LAYOUTS.values(), ids=LAYOUTS)
def test_layout(given: tuple[str, ...], rows: str, edges: set[str]) -> None:
    graph = Graph(nodes=history(*given))

    layout = graph.lanes()

    assert " ".join(f"{row.node.id}{row.lane}" for row in layout.rows) == rows
    assert lines_of(layout) == (edges or set())
    assert all(edge.child < edge.parent for edge in layout.edges)
    assert graph.lanes() == layout


def test_what_is_wrong_is_said_in_words() -> None:
    text = Graph(nodes=history("h:a", "a:b", "b:a + gone")).to_text()

    assert "gone  [missing]  no file has this revision" in text
    assert text.count("part of a cycle") == 2
    assert "(depends on gone)" in text


def test_text_is_like_the_log_of_git() -> None:
    nodes = history("m:c b", "c:a", "b:a + x", "a", "x", m="pending", c="current", b="current", a="applied")

    text = Graph(nodes=nodes).to_text()

    assert text.split("\n") == [
        "*   m  [pending]",
        "|\\",
        "* | c  [current]",
        "| * b  [current]  (depends on x)",
        "|/:",
        "* : a  [applied]",
        "  * x",
    ]


def test_no_line_passes_through_another_revision() -> None:
    nodes = [f"m{i}:m{i - 1} s{i}" for i in range(40, 0, -1)]
    nodes += [f"s{i}:m{max(0, i - 3)}" for i in range(40, 0, -1)]
    layout = Graph(nodes=history(*nodes, "m0"), limit=500).lanes()

    for edge in layout.edges:
        between = layout.rows[edge.child + 1 : edge.parent]
        assert all(row.lane != edge.lane for row in between), edge


# fmt: off
LIMITS = {  #                           current   limit  first    last     left out
    "current in the middle":           ("r100",  10,    "r199",  "r096",  {94, 96}),
    "current is the newest":           ("r199",  10,    "r199",  "r190",  {190}),
    "current is the oldest":           ("r000",  10,    "r199",  "r000",  {190}),
    "nothing applied: next is shown":  ("",      10,    "r199",  "r000",  {190}),
    "room for all":                    ("r100",  200,   "r199",  "r000",  set()),
    "room for one":                    ("r100",  1,     "r100",  "r100",  {99, 100}),
    "no room is room for one":         ("r100",  0,     "r100",  "r100",  {99, 100}),
}
# fmt: on


@pytest.mark.parametrize(("current", "limit", "first", "last", "left_out"), LIMITS.values(), ids=LIMITS)
def test_limit(current: str, limit: int, first: str, last: str, left_out: set[int]) -> None:
    lines = [f"r{i:03}:r{i - 1:03}" if i else "r000" for i in range(199, -1, -1)]
    states = {f"r{i:03}": "applied" if f"r{i:03}" < current else "pending" for i in range(200)}
    graph = Graph(nodes=history(*lines, **(states | ({current: "current"} if current else {}))), limit=limit)

    layout = graph.lanes()

    drawn = [row.node.id for row in layout.rows if not row.left_out]
    assert len(drawn) == max(1, min(limit, 200))
    assert sum(row.left_out for row in layout.rows) + len(drawn) == 200
    assert {row.left_out for row in layout.rows if row.left_out} == left_out
    assert not current or current in drawn
    assert (drawn[0], drawn[-1]) == (first, last)
    for count in left_out:
        assert f"{count} revisions left out" in graph.to_text()
        assert f"{count} revisions left out" in graph.to_svg()
        assert f"{count} revisions left out" in graph.to_mermaid()


# fmt: off
LARGE = {
    "linear":             [f"r{i}:r{i - 1}" for i in range(1_999, 0, -1)] + ["r0"],
    "one parent for all": [f"r{i}:r0" for i in range(1_999, 0, -1)] + ["r0"],
    "fifty in parallel":  [f"a{k}b{i}:a{k}b{i + 1}" for i in range(39) for k in range(50)],
    "a thousand merges":  [line for i in range(999, 0, -1) for line in (f"m{i}:m{i - 1} s{i}", f"s{i}:m{i - 1}")],
    "one great cycle":    [f"r{i}:r{(i + 1) % 2_000}" for i in range(2_000)],
    "a thousand cycles":  [line for i in range(1_000) for line in (f"a{i}:b{i}", f"b{i}:a{i}")],
    "all are missing":    [f"r{i}:x{i} y{i}" for i in range(1_000)],
}
# fmt: on


@pytest.mark.parametrize("lines", LARGE.values(), ids=LARGE)
def test_two_thousand_revisions(lines: list[str]) -> None:
    graph = Graph(nodes=history(*lines))

    shown = graph._repr_mimebundle_()

    assert len([row for row in graph.lanes().rows if not row.left_out]) == 60
    assert "left out" in shown["text/plain"]


HOSTILE = {
    "script": "<script>alert(1)</script>",
    "quotes": "\"'`",
    "brackets": "]})>[({<",
    "line break": 'a\nb\r\n"] --> n9\nclick n0 href "javascript:x"',
    "mermaid words": "end",
    "mermaid comment": "%%{init: {}}%%",
    "entities": "&lt;#quot;#60;",
    "markdown": "`**a**` 1. x",
    "null and escape": "\x00\x1b[1m",
    "bidi": "\u202eabc",
    "surrogate and noncharacter": "\ud800\uffff",
    "other scripts": "Thêm cột 表 🚀",
    "end of the description": "]]></desc></svg><script>",
    "long": "x" * 10_000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_stays_text(text: str) -> None:
    graph = Graph(
        caption=text,
        nodes=(Node(id=text, parents=(f"p{text}",), depends_on=(f"d{text}",), label=text, state=text, note=text),),
    )

    svg = ElementTree.fromstring(graph.to_svg())
    mermaid = graph.to_mermaid()

    assert {element.tag.removeprefix(SVG) for element in svg.iter()} <= {
        *("svg", "title", "desc", "style", "g", "path", "circle", "rect", "text"),
    }
    assert not any(name.startswith("on") or "href" in name for element in svg.iter() for name in element.attrib)
    for line in mermaid.split("\n"):
        assert re.fullmatch(
            r"flowchart BT"
            r'|  n\d+\["(?:[^\W_]| |#\d+;|<br/>)*"\]:::(plain|ok|attention|bad|unknown)'
            r"|  n\d+ (-->|-\.->) n\d+|  classDef \w+ [\w:#,]+",
            line,
        ), line
    graph.to_text().encode()
    assert len(graph.to_text()) < 3_000


def test_picture_says_in_words_what_it_shows() -> None:
    nodes = history("c:b", "b:a", "a", c="pending", b="current", a="applied")

    svg = ElementTree.fromstring(Graph(nodes=nodes, caption="History").to_svg())

    assert svg.attrib["role"] == "img"
    assert svg[0].tag == f"{SVG}title"
    assert svg[0].text == "History"
    assert svg[1].tag == f"{SVG}desc"
    for word in ("c, state pending", "b, state current", "a, state applied"):
        assert word in (svg[1].text or "")
    assert {"pending", "current", "applied"} <= {element.text for element in svg.iter(f"{SVG}text")}
    assert "viewBox" in svg.attrib


def test_follows_is_said_where_the_rows_do_not_say_it() -> None:
    assert "follows" not in Graph(nodes=history("b:a", "a")).columns()
    assert "follows" in Graph(nodes=history("b", "a")).columns()

    graph = Graph(nodes=history("c:a + b", "b:a", "a"))
    follows = {str(row[0]): str(row[-1]) for row in graph.cells()}

    assert follows == {"c": "a, b (depends on)", "b": "a", "a": ""}


def test_mimebundle() -> None:
    shown = Graph(nodes=history("b:a", "a"), caption="History")._repr_mimebundle_()

    assert set(shown) == {"image/svg+xml", "text/vnd.mermaid", "text/plain"}
    assert shown["text/plain"].startswith("History\n* b")
    assert Graph(nodes=()).to_text() == "no revisions"
    ElementTree.fromstring(Graph(nodes=()).to_svg())
