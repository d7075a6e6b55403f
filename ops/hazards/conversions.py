"""Which changes of a type leave the rows as they are: for what could not be measured. Pure."""

from __future__ import annotations

import re

from ops.catalog.names import quoted
from ops.commands.expressions import cast

_TYPE = re.compile(r"(?P<base>[^(\[]+)(?:\((?P<sizes>[\d, -]+)\))?(?P<rest>[^(\[]*)(?P<arrays>(?:\[\])*)\Z")
_TIMES = ("timestamp without time zone", "timestamp with time zone", "time without time zone", "time with time zone",
          "interval")  # fmt: skip
_SAME = frozenset(
    {
        ("character varying", "text"),
        ("text", "character varying"),
        ("character varying", "citext"),
        ("citext", "character varying"),
        ("text", "citext"),
        ("citext", "text"),
        ("cidr", "inet"),
        ("integer", "oid"),
        ("xml", "text"),
    }
)


def keeps_rows(before: str, after: str, column: str, using: str) -> bool:
    """Return whether the rows of a table stay as they are when a column's type changes; what is not known to does not.

    Types are as `format_type` writes them.

    Source
    ------
    https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-NOTES
    """
    if using not in ("", quoted(column)):
        told = cast(using)
        if told is None or (told.column, told.type) != (column, after):
            return False
    if before == after:
        return True
    old, new = _TYPE.match(before), _TYPE.match(after)
    if not before or old is None or new is None or old["arrays"] or new["arrays"]:
        return False
    one, other = (_bare(match["base"] + match["rest"]) for match in (old, new))
    sizes, wanted = _numbers(old["sizes"]), _numbers(new["sizes"])
    if (one, other) in _SAME:
        return not wanted
    if one != other:
        return False
    if one in ("character varying", "bit varying"):
        return not wanted or (bool(sizes) and wanted[0] >= sizes[0])
    if one == "numeric":
        scales = (*sizes, 0)[1:2] == (*wanted, 0)[1:2]
        return not wanted or (bool(sizes) and scales and wanted[0] >= sizes[0])
    if one in _TIMES:
        return not wanted or (bool(sizes) and wanted[0] >= sizes[0])
    return False


def _bare(name: str) -> str:
    """An extension's type, wherever that was put."""
    return "citext" if name.endswith(".citext") else name


def _numbers(sizes: str | None) -> tuple[int, ...]:
    return tuple(int(one) for one in sizes.split(",")) if sizes else ()
