"""SQL as text, before it is parsed: its tokens, what a driver is yet to fill in, and what must not be shown."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ops.catalog.names import KEYWORDS

_NUMBER = r"(?:0[xX][\da-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d+)?)"
_TOKENS = re.compile(
    rf"""
    (?P<comment>--[^\n]*|/\*)
    | (?P<escaped>[eE]'(?:[^'\\]|''|\\.)*(?:'|\Z))
    | (?P<string>(?:[uU]&|[bBxXnN])?'(?:[^']|'')*(?:'|\Z))
    | (?P<name>(?:[uU]&)?"(?:[^"]|"")*(?:"|\Z))
    | (?P<dollar>\$(?P<tag>(?:[^\W\d]\w*)?)\$.*?(?:\$(?P=tag)\$|\Z))
    | (?P<parameter>\$\d+)
    | (?P<filled>%\([^)]*\)s)
    | (?P<cast>::)
    | (?P<bound>(?<![\w:\[\])]):[^\W\d]\w*)
    | (?P<word>[^\W\d][\w$]*)
    | (?P<number>{_NUMBER})
    | (?P<space>\s+)
    | (?P<percent>%%|%s(?!\w)|%)
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT_ENDS = re.compile(r"/\*|\*/")
_AFTER_NAME = re.compile(r"[\w)\]\"']\Z")
# Words behind which a value may come, beside those that are keywords wherever they stand.
_BEFORE_VALUE = frozenset({"by", "values", "set", "escape", "between", "returning", "if", "start", "increment"})


def _tokens(sql: str) -> Iterator[tuple[str, str]]:
    """Each token's kind and text; together they are the whole text."""
    at = 0
    while at < len(sql):
        match = _TOKENS.match(sql, at)
        assert match is not None  # the last alternative takes anything
        end = _comment_end(sql, match.end()) if match[0] == "/*" else match.end()
        yield match.lastgroup or "", sql[at:end]
        at = end


def _comment_end(sql: str, at: int) -> int:
    """Where a comment ends that is open at this place: comments nest."""
    depth = 1
    for match in _COMMENT_ENDS.finditer(sql, at):
        depth += 1 if match[0] == "/*" else -1
        if not depth:
            return match.end()
    return len(sql)


def placeholders(sql: str) -> str:
    """Return SQL that PostgreSQL's parser understands from one that a driver is yet to fill in.

    `%(name)s`, `%s` and `:name` become `$1`, `$2`, …, each name the same number; `$1` stays. `%%` becomes `%`. What is
    in quotes and comments stays.
    """
    if "%" not in sql and ":" not in sql:
        return sql
    parts: list[str] = []
    known: dict[str, int] = {}
    before = ""  # the last token that is neither space nor comment
    for kind, text in _tokens(sql):
        new = text
        if kind in ("filled", "bound"):
            new = f"${known.setdefault(text, len(known) + 1)}"
        elif text == "%%":
            new = "%"
        elif text == "%s" and _wants_value(before):
            new = f"${known.setdefault(f'{len(known)} %s', len(known) + 1)}"
        parts.append(new)
        if kind not in ("space", "comment"):
            before = text
    return "".join(parts)


def _wants_value(before: str) -> bool:
    """Whether `%s` behind this token is a value, and not the remainder of a division by a column `s`."""
    word = before.lower()
    return not _AFTER_NAME.search(before) or word in KEYWORDS or word in _BEFORE_VALUE


# A setting's value needs no quotes.
_SET = re.compile(
    r"(\A|;)(\s*(?:ALTER\s+SYSTEM\s+)?SET\s+(?:SESSION\s+|LOCAL\s+)?[\w.]+\s*(?:=|\sTO\s))[^;]*", re.IGNORECASE
)


def normalised(sql: str) -> str:
    """Return a statement without its literals and comments, fit to be shown to others: `?` stands for each.

    In a text that the parser refuses, such as one that was cut off, quoted names go as well: they may be anything.
    """
    from ops.commands import reading

    whole = reading.is_whole(placeholders(sql))
    parts: list[str] = []
    for kind, text in _tokens(sql):
        if kind == "comment" or kind == "space":
            parts.append(" ")
        elif kind in ("escaped", "string", "dollar", "number") or (kind == "name" and not whole):
            parts.append("?")
            if kind == "string" and "\\'" in text:
                # with standard_conforming_strings off this is no end: the rest may be the literal's
                parts.append(" ...")
                break
        else:
            parts.append(text)
    return " ".join(_SET.sub(r"\1\2 ?", "".join(parts)).split())
