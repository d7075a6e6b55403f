"""Names in SQL: how they are quoted, and where they stand in a definition that the server wrote."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Mapping
from functools import lru_cache

Path = tuple[str, ...]

# What the server quotes when it is a name: every keyword of PostgreSQL 15 to 18 that is not unreserved.
# https://www.postgresql.org/docs/current/sql-keywords-appendix.html
_KEYWORDS = """
    all analyse analyze and any array as asc asymmetric authorization between bigint binary bit boolean both
    case cast char character check coalesce collate collation column concurrently constraint create cross
    current_catalog current_date current_role current_schema current_time current_timestamp current_user dec
    decimal default deferrable desc distinct do else end except exists extract false fetch float for foreign
    freeze from full grant greatest group grouping having ilike in initially inner inout int integer intersect
    interval into is isnull join json json_array json_arrayagg json_exists json_object json_objectagg json_query
    json_scalar json_serialize json_table json_value lateral leading least left like limit localtime
    localtimestamp merge_action national natural nchar none normalize not notnull null nullif numeric offset on
    only or order out outer overlaps overlay placing position precision primary real references returning right
    row select session_user setof similar smallint some substring symmetric system_user table tablesample then
    time timestamp to trailing treat trim true union unique user using values varchar variadic verbose when
    where window with xmlattributes xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi
    xmlroot xmlserialize xmltable
"""
KEYWORDS = frozenset(_KEYWORDS.split())
MARK = "\x00"  # no text of the server's can hold it

_PLAIN = re.compile(r"[a-z_][a-z0-9_]*\Z", re.ASCII)
_PART = r'(?:"(?:[^"]|"")+"|[^\W\d][\w$]*)'
_PARTS = re.compile(_PART)
_TOKENS = re.compile(
    rf"""
    (?P<body>\$(?P<tag>(?:[^\W\d]\w*)?)\$.*?\$(?P=tag)\$)
    | '(?P<string>(?:[^']|'')*)'(?P<cast>::reg(?:class|proc|procedure|type))?
    | (?P<path>{_PART}(?:\.{_PART})*)
    """,
    re.VERBOSE | re.DOTALL,
)
_CASTS = re.compile(
    rf"""'(?:[^']|'')*' | ::{_PART}(?:\.{_PART})*(?:\s(?:varying|precision|with(?:out)?\stime\szone))*
    (?:\(\d+(?:,\s?\d+)?\))?(?:\swith(?:out)?\stime\szone)?(?:\[\])* | [()\s]""",
    re.VERBOSE,
)
_ROUTINE = re.compile(r'(?P<name>.*)\((?P<arguments>(?:[^"()]|"(?:[^"]|"")*")*)\)\Z', re.DOTALL)


def quoted(name: str) -> str:
    """Return an identifier as the server's own `quote_ident` writes it."""
    return name if _PLAIN.match(name) and name not in KEYWORDS else '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    """Return a text as an SQL literal, whatever `standard_conforming_strings` says."""
    text = value.replace("'", "''")
    return "E'" + text.replace("\\", "\\\\") + "'" if "\\" in text else f"'{text}'"


def routine(name: str) -> tuple[str, str]:
    """Return a routine's bare name and its argument types, from `name(types)`.

    The name may itself hold parentheses and quotes; types hold parentheses inside of quotes only.
    """
    match = _ROUTINE.match(name)
    return (match["name"], match["arguments"]) if match else (name, "")


@lru_cache(maxsize=65536)
def path(text: str) -> Path:
    """Return the parts of a qualified name, as they are without their quotes.

    A word in capitals that is not in quotes is a keyword; no part of a path equals it.
    """
    return tuple(_bare(part) for part in _PARTS.findall(text))


def _bare(part: str) -> str:
    if part.startswith('"'):
        return part[1:-1].replace('""', '"')
    return part if part == part.lower() else MARK + part


def paths(text: str) -> Iterable[Path]:
    """Return the names in a definition, in their order."""
    for match in _TOKENS.finditer(text):
        if match["path"]:
            yield path(match["path"])
        elif match["cast"]:
            yield path(match["string"].replace("''", "'"))


def mentions(text: str, name: str) -> bool:
    """Return whether a definition speaks of a name: not in a literal, not as a part of another name."""
    return name in text.replace('""', '"') and any(name in one for one in paths(text))


def marked(text: str, replace: Callable[[Path], Path | None], *, once: bool = False) -> str:
    """Return a definition in which names were replaced.

    `replace` gets each qualified name and returns what stands for it, or None to leave it. Literals and the
    bodies of functions stay as they are, as the server never looks into them; but for names that it does look up
    (`'public.users_id_seq'::regclass`). `once`: only the first replacement is made.
    """
    done = False

    def one(match: re.Match[str]) -> str:
        nonlocal done
        found = match["path"] or (match["cast"] and match["string"].replace("''", "'"))
        if not found or (once and done):
            return match[0]
        new = replace(path(found))
        if new is None:
            return match[0]
        done = True
        return ".".join(part if MARK in part else quoted(part) for part in new) + (match["cast"] or "")

    return _TOKENS.sub(one, text)


_AS = (MARK + "AS",)


def aligned(
    one: str, other: str, is_same: Callable[[Path, Path], bool], aliases: Container[tuple[str, str]] = ()
) -> bool:
    """Return whether two definitions are the same but for names, and `is_same` says so of each pair of those.

    `aliases`: pairs of a column's old and new name. A view calls a renamed column by its old name: `t.new AS old`.
    """
    left, right = _without_aliases(one, aliases), _without_aliases(other, aliases)
    if len(left) != len(right):
        return False
    for old, new in zip(left, right, strict=True):
        if old == new:
            continue
        if isinstance(old, str) or isinstance(new, str) or not is_same(old, new):
            return False
    return True


def _without_aliases(text: str, aliases: Container[tuple[str, str]]) -> list[str | Path]:
    """A definition as a list, in which names are paths."""
    parts: list[str | Path] = []
    end = 0
    for match in _TOKENS.finditer(text):
        found = match["path"] or (match["cast"] and match["string"].replace("''", "'"))
        if not found:
            continue
        parts += [text[end : match.start()], path(found)]
        end = match.end()
        if parts[-4:-1] == [" ", _AS, " "] and len(parts) > 5 and len(parts[-1]) == 1:
            name, alias = parts[-5][-1], parts[-1][0]
            if (name, alias) in aliases or (alias, name) in aliases:
                del parts[-4:]
    return [*parts, text[end:]]


_LABEL = re.compile(rf"'(?P<label>(?:[^']|'')*)'::(?P<type>{_PART}(?:\.{_PART})*)")


def relabelled(text: str, enum: Path, labels: Mapping[str, str]) -> str:
    """Return a definition in which labels of an enum were replaced."""

    def one(match: re.Match[str]) -> str:
        label = match["label"].replace("''", "'")
        if path(match["type"]) != enum or label not in labels:
            return match[0]
        return "'" + labels[label].replace("'", "''") + "'::" + match["type"]

    return _LABEL.sub(one, text)


def without_casts(text: str) -> str:
    """Return an expression without casts, parentheses and spaces.

    What is left is the same when a column's type changes and the server writes what stands on it anew.
    """
    return _CASTS.sub(lambda match: match[0] if match[0].startswith("'") else "", text)
