"""Definitions as the server writes them once they have been dumped and restored.

PostgreSQL prints some expressions otherwise when it has read its own print of them. `s IN ('a', 'b')` of a varchar
becomes another cast, and `a BETWEEN 1 AND 5 AND b > 0` loses a pair of parentheses; from then on they stay as they
are. A schema that went through a dump would differ from one that did not, in every such check, index and view.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_ROUTINES = frozenset({"function", "procedure", "aggregate"})  # whose text is somebody's own

_LITERAL = r"(?:E?'(?:[^']|'')*'|NULL)::character varying"
_CAST_AS_A_LIST = re.compile(rf"\(ARRAY\[({_LITERAL}(?:, {_LITERAL})*)\]\)::text\[\]")
_ELEMENT = re.compile(_LITERAL)

# In JSON, where a quoted name stands between \" and \".
_TOKENS = re.compile(r"""'(?:[^']|'')*' | \\"(?:[^"\\]|\\[^"]|\\"\\")*\\" | [()] | \ (?:AND|OR)\ """, re.VERBOSE)
_COMMENTS = re.compile(r'("(?:index )?comment" : "(?:[^"\\]|\\.)*")')


def as_restored(kind: str, text: str) -> str:
    """Return the properties of an object, as JSON text, with their expressions as a restored dump has them."""
    listed = "])::text[]" in text
    nested = "(((" in text and (" AND " in text or " OR " in text)
    if kind in _ROUTINES or not (listed or nested):
        return text
    parts = _COMMENTS.split(text)
    for place in range(0, len(parts), 2):  # between them are comments, which nobody reads as SQL
        if listed:
            parts[place] = _CAST_AS_A_LIST.sub(_cast_one_by_one, parts[place])
        if nested:
            parts[place] = _without_nesting(parts[place])
    return "".join(parts)


def _cast_one_by_one(match: re.Match[str]) -> str:
    return "ARRAY[" + _ELEMENT.sub(r"(\g<0>)::text", match[1]) + "]"


@dataclass(slots=True)
class _Group:
    """What stands between two parentheses; `first` is the group that it begins with, `word` joins its parts."""

    start: int
    end: int = 0
    word: str = ""
    first: _Group | None = None


def _without_nesting(text: str) -> str:
    """`((a AND b) AND c)` is `(a AND b AND c)` when it is read again; `(a AND (b AND c))` stays."""
    gone = sorted(place for group in _nested(text) for place in (group.start, group.end))
    return "".join(text[start + 1 : end] for start, end in zip([-1, *gone], [*gone, len(text)], strict=True))


def _nested(text: str) -> Iterator[_Group]:
    """Groups that begin another one of the same word."""
    stack: list[_Group] = []
    for token in _TOKENS.finditer(text):
        match token[0]:
            case "(":
                stack.append(_Group(start=token.start()))
            case ")" if stack:
                group = stack.pop()
                group.end = token.start()
                if group.word and group.first is not None and group.first.word == group.word:
                    yield group.first
                if stack and stack[-1].start == group.start - 1:
                    stack[-1].first = group
            case " AND " | " OR " if stack:
                stack[-1].word = token[0]
