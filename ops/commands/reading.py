"""From SQL to commands: PostgreSQL's parser, and what each kind of statement means."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import postgast
from google.protobuf.message import DecodeError

from ops.commands import queries, rest, tables, types
from ops.commands.nodes import Names, Node, expression, inner, is_row, kind, strings, type_text, words
from ops.commands.text import placeholders
from ops.commands.values import Command

# Not SQL, not UTF-8, or nested deeper than the parser's own format or this interpreter goes.
_REFUSED = (postgast.PgQueryError, DecodeError, UnicodeError, RecursionError)

_WORDS = {
    "ALTER OBJECT DEPENDS": "ALTER DEPENDS",
    "CREATE STATS": "CREATE STATISTICS",
    "CREATEDB": "CREATE DATABASE",
    "DROPDB": "DROP DATABASE",
    "VARIABLE SHOW": "SHOW",
}
_UNKNOWN = Command(verb="?")
_READERS: dict[str, Callable[[Node, Names], Iterable[Command]]] = {
    **tables.READERS,
    **queries.READERS,
    **types.READERS,
    **rest.READERS,
}


def commands(sql: str, resolve: Callable[[str], str] | None) -> tuple[Command, ...]:
    """Return the commands of a text; see `ops.commands.parse`."""
    if "\0" in sql:  # the parser would stop there and not say so
        return (_UNKNOWN,)
    try:
        tree = postgast.parse(placeholders(sql))
        names = Names(resolve)
        return tuple(one for raw in tree.stmts for one in read(inner(raw.stmt), names))
    except _REFUSED:
        return (_UNKNOWN,)


def read(message: Node, names: Names) -> Iterable[Command]:
    """Return the commands of one statement."""
    reader = _READERS.get(kind(message))
    if reader:
        return reader(message, names)
    verb = words(kind(message).removesuffix("Stmt"))
    return (Command(verb=_WORDS.get(verb, verb), sources=queries.sources(message, names)),)


def statements(sql: str) -> tuple[str, ...]:
    """Return the statements of a text; see `ops.commands.split`."""
    whole = sql.strip()
    if "\0" in sql:
        return (whole,)
    try:
        found = postgast.split(sql)
    except _REFUSED:
        found = _scanned(sql) or [whole]
    return tuple(one.strip() for one in found if one.strip())


def mentioned(sql: str) -> tuple[frozenset[str] | None, tuple[tuple[str, str], ...], tuple[str, ...]]:
    """Return the columns, functions and types in a query without FROM; see `ops.commands.expressions`."""
    try:
        (raw,) = postgast.parse(sql).stmts
        select = inner(raw.stmt)
        found = [one for _, one in postgast.walk(select)]
        columns: frozenset[str] | None = frozenset(
            strings(one.fields)[-1] for one in found if kind(one) == "ColumnRef" and not is_row(one)
        )
        if any(kind(one) == "SubLink" or (kind(one) == "ColumnRef" and is_row(one)) for one in found):
            columns = None
        types = dict.fromkeys(type_text(one) for one in found if kind(one) == "TypeName")
        return columns, queries.functions(select), tuple(types)
    except (*_REFUSED, ValueError):
        return None, (), ()


def cast(text: str) -> tuple[str, str, str] | None:
    """Return the parts of a cast; see `ops.commands.expressions`."""
    try:
        (raw,) = postgast.parse(f"SELECT ({text})").stmts
        (target,) = inner(raw.stmt).target_list
        value = inner(inner(target).val)
        if kind(value) != "TypeCast":
            return None
        column = inner(value.arg)
        plain = kind(column) == "ColumnRef" and not is_row(column)
        return expression(value.arg), strings(column.fields)[-1] if plain else "", type_text(value.type_name)
    except (*_REFUSED, ValueError):
        return None


def _scanned(sql: str) -> list[str]:
    """The statements of a text as its semicolons part it, whether it can be parsed or not."""
    try:
        return postgast.split(sql, method="scanner")
    except _REFUSED:
        return []


def is_whole(sql: str) -> bool:
    """Return whether the parser takes a text as it is."""
    return commands(sql, None) != (_UNKNOWN,)
