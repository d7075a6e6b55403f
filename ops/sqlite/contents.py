"""What the tables of a file hold: rows, and for each column how many values and a checksum of them, in any order.

Every row is read and hashed here, in this process: about a million values in a few seconds.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ops.rehearsal.values import Column, Contents, Name, Table

if TYPE_CHECKING:
    from sqlalchemy import Connection

NOTED = 200_000
"""Up to this number all rows of a table are noted, so that rows and values that differ can be counted."""

_NULL = b"\xff\xff\xff\xff"
_MASK = 2**64 - 1


def read(connection: Connection, *, version_table: str, before: Contents | None = None) -> Contents:
    """Return what all tables hold but the version table, and those behind virtual ones. `before` saves nothing here."""
    rows = connection.exec_driver_sql(
        "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        " AND lower(name) <> lower(?) ORDER BY name",
        (version_table,),
    ).all()
    virtual = tuple(f"{name}_" for name, sql in rows if sql.upper().startswith("CREATE VIRTUAL"))
    names = [name for name, sql in rows if not sql.upper().startswith("CREATE VIRTUAL")]
    tables = [_table(connection, name) for name in names if not name.startswith(virtual or ("\0",))]
    return Contents(tables={one.name: one for one in tables}, scanned=tuple(one.name for one in tables))


def references(connection: Connection) -> Mapping[str, int]:
    """Return how many rows refer to none, by their tables: foreign keys need not be enforced."""
    found: dict[str, int] = {}
    for table, *_ in connection.exec_driver_sql("PRAGMA foreign_key_check"):
        found[table] = found.get(table, 0) + 1
    return found


def _table(connection: Connection, table: str) -> Table:
    info = connection.exec_driver_sql(
        "SELECT name, type, pk FROM pragma_table_xinfo(?) WHERE hidden <> 1", (table,)
    ).all()
    key = tuple(name for name, _, place in sorted(info, key=lambda one: one[2]) if place)
    columns = [_Sum() for _ in info]
    places = [place for place, (_, _, number) in enumerate(info) if number]
    noted, whole, count = bytearray(), 0, 0
    listed = ", ".join(_quoted(name) for name, _, _ in info)
    for row in connection.exec_driver_sql(f"SELECT {listed} FROM {_quoted(table)}"):
        count += 1
        hashes = [None if value is None else _hash(value) for value in row]
        whole = (whole + _hash(repr(hashes))) & _MASK
        for one, found in zip(columns, hashes, strict=True):
            one.add(found, noted=bool(places) and count <= NOTED)
        if places and count <= NOTED:
            noted += _hash(repr([hashes[place] for place in places])).to_bytes(8, "big")
    counted = bool(places) and count <= NOTED
    name: Name = ("", table)
    return Table(
        name=name,
        oid=zlib.crc32(table.encode()),  # a table that is written anew under its name is still the same
        rows=count,
        columns={
            column: Column(
                name=column,
                number=zlib.crc32(column.encode()),
                kind=kind,
                filled=one.filled,
                checksum=one.checksum,
                marks=bytes(one.marks) if counted else b"",
            )
            for (column, kind, _), one in zip(info, columns, strict=True)
        },
        key=key,
        key_numbers=tuple(zlib.crc32(one.encode()) for one in key) if counted else (),
        whole=whole,
        noted=bytes(noted) if counted else b"",
    )


class _Sum:
    """What is known of a column so far."""

    def __init__(self) -> None:
        self.filled = self.checksum = 0
        self.marks = bytearray()

    def add(self, value: int | None, *, noted: bool) -> None:
        if value is not None:
            self.filled += 1
            self.checksum = (self.checksum + value) & _MASK
        if noted:
            self.marks += _NULL if value is None else (value & 0x7FFFFFFF).to_bytes(4, "big")


def _hash(value: object) -> int:
    """The same for 1, 1.0 and '1': another type of the column is not another value."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = b"b" + value if isinstance(value, bytes) else b"t" + str(value).encode("utf-8", "surrogateescape")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
