"""What a statement of a migration is, by its first words: as much as a run has to know of it. Pure.

PostgreSQL's parser, which `ops.commands` asks, does not understand MariaDB's words.
"""

from __future__ import annotations

import re

from ops.commands import Command, normalised

COMMITS = (
    "On MariaDB every statement that changes the schema commits by itself, and what its transaction did before it. "
    "A revision that fails half-way stays half applied: nothing rolls it back."
)
"""What to know before a revision runs."""

_NOISE = re.compile(r"(?:\s+|--\s[^\n]*\n?|#[^\n]*\n?|/\*(?!!).*?\*/)*", re.DOTALL)
_WORD = re.compile(r"[A-Za-z]+")
_CALLS = re.compile(r"\bINTO\b|\bFOR\s+UPDATE\b|\bLOCK\s+IN\b|\(", re.IGNORECASE)

_ROWS = {"INSERT": "INSERT", "REPLACE": "INSERT", "UPDATE": "UPDATE", "DELETE": "DELETE", "LOAD": "INSERT",
         "CALL": "CALL", "DO": "DO", "TRUNCATE": "TRUNCATE", "WITH": "?"}  # fmt: skip
_SESSION = {"SET": "SET", "USE": "SET", "BEGIN": "BEGIN", "START": "BEGIN", "COMMIT": "COMMIT", "ROLLBACK": "ROLLBACK",
            "SAVEPOINT": "SAVEPOINT", "LOCK": "LOCK TABLE", "UNLOCK": "LOCK TABLE"}  # fmt: skip
_READS = {"SELECT": "SELECT", "SHOW": "SHOW", "EXPLAIN": "EXPLAIN", "DESCRIBE": "SHOW", "DESC": "SHOW"}
_DDL = frozenset({"CREATE", "ALTER", "DROP", "RENAME", "GRANT", "REVOKE", "ANALYZE", "OPTIMIZE"})


_STRING = re.compile(
    r"""'(?:\\.|''|[^'\\])*(?:'|\Z)|"(?:\\.|""|[^"\\])*(?:"|\Z)""", re.DOTALL
)  # what stands in double quotes is a text there, and a name elsewhere


def discreet(sql: str) -> str:
    """Return a statement of somebody else's on one line, without its values and comments: `?` stands for each."""
    return normalised(_STRING.sub("?", sql))


def parse(sql: str) -> tuple[Command, ...]:
    """Return the one command that a statement is; `?` where its first word is not known, or it may do anything."""
    begin = _NOISE.match(sql)
    found = _WORD.match(sql, begin.end() if begin else 0)
    word = found[0].upper() if found else ""
    if word in _READS:
        return (Command(verb="?" if word == "SELECT" and _CALLS.search(sql) else _READS[word]),)
    if word in _DDL:
        return (Command(verb=word),)
    return (Command(verb=_ROWS.get(word) or _SESSION.get(word) or "?"),)
