"""What notebooks show: escaped HTML, and plain text that says the same.

Knows rows, facts and graphs, and no type of the domain. Everything that comes in is data and is escaped
on the way out; nothing here trusts a table name, a comment or an error message.
"""

from __future__ import annotations

from ops.display.amounts import duration, many, moment, size
from ops.display.blocks import Code, Facts, Link, Mark, Name, Note, Table, Tone, View
from ops.display.graph import Graph, Node
from ops.display.html import to_html
from ops.display.text import to_text
from ops.display.timeline import Bar, Lane, Timeline

__all__ = [
    "Bar",
    "Code",
    "Facts",
    "Graph",
    "Lane",
    "Link",
    "Mark",
    "Name",
    "Node",
    "Note",
    "Table",
    "Timeline",
    "Tone",
    "View",
    "duration",
    "many",
    "mimebundle",
    "moment",
    "size",
]


def mimebundle(view: View) -> dict[str, str]:
    """Return the HTML and the plain text of one view, as IPython's display protocol wants them."""
    return {"text/html": to_html(view), "text/plain": to_text(view)}
