"""Patterns of tables, as pg_dump and psql understand them: `secret.*`, `audit_??`, `"Odd.Name"`.

https://www.postgresql.org/docs/current/app-psql.html#APP-PSQL-PATTERNS
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ops.errors import UsageError

_TOKENS = re.compile(r'"(?P<quoted>(?:[^"]|"")*)"|(?P<open>")|(?P<one>.)', re.DOTALL)
_SPECIAL = set("|*+?()[]{}.^$\\")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """A pattern as regular expressions of the server's; `schema` is None for any that the search path leads to."""

    text: str
    schema: str | None
    name: str


def split(text: str) -> tuple[str, ...]:
    """Return the patterns of a comma-separated list; a comma within double quotes belongs to a name."""
    found, part = [], ""
    for token in _TOKENS.finditer(text):
        if token["one"] == ",":
            found.append(part)
            part = ""
        else:
            part += token[0]
    return tuple(one.strip() for one in (*found, part) if one.strip())


def parse(text: str) -> Pattern:
    """Return what a pattern means.

    Raises
    ------
    UsageError
        It is empty, has a quote that is not closed, or names a database.
    """
    parts = [""]
    for token in _TOKENS.finditer(text):
        if token["open"]:
            raise _wrong(text, "it has a double quote that is not closed")
        if token["quoted"] is not None:
            parts[-1] += "".join(_literal(one) for one in token["quoted"].replace('""', '"'))
        elif token["one"] == ".":
            parts.append("")
        else:
            parts[-1] += {"*": ".*", "?": ".", "$": r"\$"}.get(token["one"], token["one"].lower())
    if len(parts) > 2 or not all(parts):
        raise _wrong(text, "it is not a table, and not a schema and a table")
    schema = f"^({parts[0]})$" if len(parts) == 2 else None
    return Pattern(text=text, schema=schema, name=f"^({parts[-1]})$")


def _literal(character: str) -> str:
    return f"\\{character}" if character in _SPECIAL else character


def _wrong(text: str, why: str) -> UsageError:
    return UsageError(
        f"{text[:80]!r} is no pattern of tables: {why}.",
        next_step='Write table, schema.table or schema.*, names with capitals in double quotes: shop."Orders".',
    )
