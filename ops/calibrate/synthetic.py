"""Made-up rows, as SQL: of the types, widths and orders that real ones have, and nothing else of them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ops.catalog.names import quoted
from ops.estimate.values import Column

_OF_NUMBER = {
    "smallint": "{k} % 32000",
    "integer": "{k}",
    "bigint": "{k}",
    "numeric": "{k}",
    "real": "{k}",
    "double precision": "{k}",
    "oid": "{k}",
    "boolean": "{k} % 2 = 0",
    "date": "DATE '2020-01-01' + ({k} % 3000)::integer",
    "timestamp without time zone": "TIMESTAMP '2020-01-01' + {k} * INTERVAL '1 second'",
    "timestamp with time zone": "TIMESTAMPTZ '2020-01-01 00:00Z' + {k} * INTERVAL '1 second'",
    "interval": "{k} * INTERVAL '1 second'",
    "uuid": "md5(({k})::text)",
    "integer[]": "ARRAY[{k}]",
}
_OF_TEXT = {
    "text": "{text}",
    "character varying": "{text}",
    "character": "{text}",
    "bytea": "convert_to({text}, 'UTF8')",
    "text[]": "ARRAY[{text}]",
    "json": "'{{\"k\": \"' || {text} || '\"}}'",
    "jsonb": "'{{\"k\": \"' || {text} || '\"}}'",
}
_OF_LENGTH = {1: '"char"', 2: "smallint", 4: "integer", 8: "bigint"}
_DIGEST = 32
_AROUND = {"json": 9, "jsonb": 13, "text[]": 24}
_SHORT = 127
"""Up to here a value has a header of one byte, beyond one of four."""
_LIMITED = re.compile(r"numeric\((\d+),(-?\d+)\)\Z")
_DIGITS = 7
"""Before the point, with which each of the numbers that are made up has room."""


def rows(columns: Sequence[Column], count: int) -> tuple[str, str]:
    """Return the definitions of columns, and the expressions that make up row `n` of `count`."""
    types = [_type(one) for one in columns]
    definitions = ", ".join(f"{quoted(one.name)} {type}" for one, type in zip(columns, types, strict=True))
    return definitions, ", ".join(_value(one, type, count) for one, type in zip(columns, types, strict=True))


def _type(one: Column) -> str:
    """Its own type; where values of that cannot be made up, or it is not known here, one of the same size."""
    base = _base(one.type)
    return one.type if base in _OF_NUMBER or base in _OF_TEXT else _OF_LENGTH.get(one.width, "text")


def _value(one: Column, type: str, count: int) -> str:
    """As often the same, in such an order and as often missing as the real ones."""
    number = round(-one.distinct * count) if one.distinct < 0 else int(one.distinct)
    number = max(1, min(number, count))
    spread = f"n::bigint * {number} / {count}" if one.sorted else f"abs(hashint8(n)::bigint) % {number}"
    base = _base(type)
    template = _within(type) or _OF_NUMBER.get(base) or _OF_TEXT.get(base, "{text}")
    value = template.format(k=f"({spread})", text=_text(f"({spread})", one.width - _AROUND.get(base, 0)))
    value = f"CAST({value} AS {type})"
    return f"CASE WHEN n % 10 >= {round(one.empty * 10)} THEN {value} END" if one.empty else value


def _text(number: str, width: int) -> str:
    """Characters that tell numbers apart: what a compressing server cannot make shorter, but for its repetition."""
    length = max(1, width - 1 if width <= _SHORT else width - 4)
    digests = [f"md5(({number} + {place})::text)" for place in range(-(-length // _DIGEST))]
    if len(digests) > 8:  # wide as it is: enough that differs
        return f"left(repeat({' || '.join(digests[:8])}, {-(-length // (_DIGEST * 8))}), {length})"
    return f"left({' || '.join(digests)}, {length})"


def _within(type: str) -> str:
    """What numbers become that would overflow `numeric(5,2)`: of as many digits as it has."""
    limited = _LIMITED.match(type)
    if limited is None:
        return ""
    precision, scale = map(int, limited.groups())
    return f"{{k}} % {10**precision} * 1e{-scale}" if precision - scale < _DIGITS else ""


def _base(type: str) -> str:
    """A type without its length: `character varying(50)` is `character varying`."""
    before, bracket, rest = type.partition("(")
    return before + rest.partition(")")[2] if bracket else before
