"""The server's words for a type as SQLAlchemy's."""

from __future__ import annotations

import re

from ops.remedy import words
from ops.remedy.side import Side

_FIXED = {
    "bigint": "sa.BigInteger()",
    "boolean": "sa.Boolean()",
    "bytea": "sa.LargeBinary()",
    "date": "sa.Date()",
    "double precision": "sa.Double()",
    "integer": "sa.Integer()",
    "json": "sa.JSON()",
    "numeric": "sa.Numeric()",
    "real": "sa.REAL()",
    "smallint": "sa.SmallInteger()",
    "text": "sa.Text()",
    "time with time zone": "sa.Time(timezone=True)",
    "time without time zone": "sa.Time()",
    "timestamp with time zone": "sa.DateTime(timezone=True)",
    "timestamp without time zone": "sa.DateTime()",
    "uuid": "sa.Uuid()",
    "character varying": "sa.String()",
}
_OWN_TEXT = """
    cidr inet int4range int8range interval jsonb macaddr macaddr8 money numrange oid daterange tsquery tsrange
    tstzrange tsvector
"""
_OWN = frozenset(_OWN_TEXT.split())
_SIZED = (
    (re.compile(r"character varying\((\d+)\)"), "sa.String(length={0})"),
    (re.compile(r"character\((\d+)\)"), "sa.CHAR(length={0})"),
    (re.compile(r"numeric\((\d+),(-?\d+)\)"), "sa.Numeric(precision={0}, scale={1})"),
    (re.compile(r"timestamp\((\d)\) with time zone"), "postgresql.TIMESTAMP(timezone=True, precision={0})"),
    (re.compile(r"timestamp\((\d)\) without time zone"), "postgresql.TIMESTAMP(precision={0})"),
    (re.compile(r"bit varying\((\d+)\)"), "postgresql.BIT(length={0}, varying=True)"),
)
IMPORT = "from sqlalchemy.dialects import postgresql"
_SERIAL = {"integer": "serial", "bigint": "bigserial", "smallint": "smallserial"}


def sqlalchemy_type(text: str, side: Side) -> str | None:
    """Return the Python of a type; None where SQLAlchemy has no word for exactly that."""
    if text in _FIXED:
        return _FIXED[text]
    if text in _OWN:
        return f"postgresql.{text.upper()}()"
    for pattern, form in _SIZED:
        if match := pattern.fullmatch(text):
            return form.format(*match.groups())
    if text.endswith("[]") and (inner := sqlalchemy_type(text[:-2], side)):
        return f"postgresql.ARRAY({inner})"
    if (enum := side.enums.get(text)) is not None and not {"%", "."} & {*enum.name, *enum.schema}:
        name, schema = words.python(enum.name), words.python(enum.schema)
        return f"postgresql.ENUM(name={name}, schema={schema}, create_type=False)"
    return None


def serial(text: str) -> str | None:
    """Return the pseudo-type that makes a column of this type with a sequence of its own."""
    return _SERIAL.get(text)


def is_integer(text: str) -> bool:
    """Return whether SQLAlchemy would make a sequence for a primary key of this type if one let it."""
    return text in _SERIAL


_STRINGS = ("character varying", "character", "text", "name", '"char"', "bpchar")
_NUMBERS = ("smallint", "integer", "bigint", "numeric", "real", "double precision", "money")
_TIMES = ("date", "timestamp without time zone", "timestamp with time zone")
# An assignment cast leads from the type on the left to those on the right; https://www.postgresql.org/docs/current/sql-createcast.html
_CASTS: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (_NUMBERS[:-1], _NUMBERS[:-1]),
    (("smallint", "integer", "bigint", "numeric"), ("money",)),
    (("money",), ("numeric",)),
    (_TIMES, _TIMES),
    (_TIMES[1:], ("time without time zone",)),
    (_TIMES[2:], ("time with time zone",)),
    (("time without time zone",), ("time with time zone", "interval")),
    (("time with time zone",), ("time without time zone",)),
    (("json",), ("jsonb",)),
    (("jsonb",), ("json",)),
    (("inet",), ("cidr",)),
    (("cidr",), ("inet",)),
    (("bit",), ("bit varying",)),
    (("bit varying",), ("bit",)),
)


def needs_using(before: str, after: str) -> bool:
    """Return whether the server has no cast that ALTER COLUMN TYPE takes by itself."""
    one, other = _base(before), _base(after)
    if one == other:
        return False
    if one.endswith("[]") and other.endswith("[]"):
        return needs_using(one[:-2], other[:-2])
    if other in _STRINGS:
        return False
    return not any(one in sources and other in results for sources, results in _CASTS)


_EXPLICIT = (
    (("integer",), ("boolean",)),
    (("boolean",), ("integer",)),
    (("integer", "bigint"), ("bit",)),
    (("bit",), ("integer", "bigint")),
    (("jsonb",), ("boolean", "smallint", "integer", "bigint", "numeric", "real", "double precision")),
)


def conversion(value: str, before: str, after: str) -> str:
    """Return a value of one type as another one: by a cast, or by its text where the server has no cast at all."""
    one, other = _base(before), _base(after)
    direct = one in _STRINGS or any(one in sources and other in results for sources, results in _EXPLICIT)
    return f"{value}::{after}" if direct else f"{value}::text::{after}"


def same_base(before: str, after: str) -> bool:
    """Return whether two types differ in their modifiers only."""
    return _base(before) == _base(after)


def _base(text: str) -> str:
    return re.sub(r"\(\d+(,-?\d+)?\)", "", text)
