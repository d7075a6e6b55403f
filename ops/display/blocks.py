"""The few shapes that everything shown is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ops.display.graph import Graph
    from ops.display.timeline import Timeline

Tone = Literal["plain", "ok", "attention", "bad", "unknown"]


@dataclass(frozen=True, slots=True)
class Mark:
    """A short word that deserves colour; the word says everything that the colour says."""

    text: str
    tone: Tone = "plain"

    def __str__(self) -> str:
        return self.text


class Name(str):
    """An identifier, revision id, path or fingerprint: plain text that is shown in monospace, as written."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Link:
    """Words that lead to a page of the same server; where there is none, they are words.

    `href` begins with a slash. `path` is a file that JupyterLab opens beside what is open, relative to its root.
    """

    text: str
    href: str
    path: str = ""

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows under column names.

    Cells are text, names, numbers, truth values (yes, no), times, None (shown as a dash), tuples
    (comma-separated), marks or links. Only the first 500 rows are shown; `empty` is shown when there is none.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...] = ()
    caption: str = ""
    empty: str = "none"


@dataclass(frozen=True, slots=True)
class Facts:
    """Names with values, in order: what a person compares at a glance."""

    items: tuple[tuple[str, object], ...]
    caption: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """Text to read or to paste, shown as written: SQL, Python, shell.

    `folded` is for what its caption is enough of, until somebody wants it; plain text and paper show it all the same.
    """

    text: str
    language: str = "sql"
    caption: str = ""
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """One remark in words."""

    text: str
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A headline with a tone, then blocks in the order in which they are read."""

    title: str
    mark: Mark | None = None
    blocks: tuple[Table | Facts | Code | Note | Graph | Timeline, ...] = ()

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        from ops.display import mimebundle

        return mimebundle(self)
