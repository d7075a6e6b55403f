"""What expressions speak of. PostgreSQL's parser is loaded when it is first needed."""

from __future__ import annotations

from typing import NamedTuple


class Cast(NamedTuple):
    """An expression that is a cast: what is cast, the column that this is (empty where it is none), and the type."""

    inner: str
    column: str
    type: str


class Mentioned(NamedTuple):
    """The columns and functions that an expression mentions.

    `columns` is None where it speaks of a whole row, of other tables, or cannot be read: it may be any. A name of a
    row's table can stand among them. `functions` are (schema, name), `types` those that something is cast to, as
    `format_type` writes them.
    """

    columns: frozenset[str] | None
    functions: tuple[tuple[str, str], ...]
    types: tuple[str, ...]


def mentioned(*texts: str) -> Mentioned:
    """Return what the expressions of a statement mention."""
    from ops.commands import reading

    return Mentioned(*reading.mentioned(f"SELECT {', '.join(f'({one})' for one in texts)}"))


def cast(text: str) -> Cast | None:
    """Return what is cast to what, where the whole expression is a cast."""
    from ops.commands import reading

    found = reading.cast(text)
    return Cast(*found) if found else None
