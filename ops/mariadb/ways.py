"""How the server carries a change of a table out: at once, beside those who write, or while they wait. It is tried out.

The server refuses an ALGORITHM or a LOCK that it cannot keep, before it begins; so a statement is offered the lightest
first. What it takes in the end is what it takes by itself, where a statement names neither.

Source
------
https://mariadb.com/kb/en/innodb-online-ddl-overview/
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ops.mariadb import unanswered

if TYPE_CHECKING:
    from sqlalchemy import Connection

ALGORITHMS = ("INSTANT", "NOCOPY", "INPLACE", "COPY")
LOCKS = ("NONE", "SHARED", "EXCLUSIVE")
_REFUSED = (1845, 1846)
"""The numbers of `… is not supported. Try …`."""

_NAME = r"(?:`(?:[^`]|``)+`|[\w$]+)"
_CHANGES = re.compile(
    rf"\s*(?:(ALTER)\s+(?:ONLINE\s+)?(?:IGNORE\s+)?TABLE\s+(?:IF\s+EXISTS\s+)?({_NAME})\s"
    rf"|CREATE\s+(?:\w+\s+)?INDEX\s+(?:IF\s+NOT\s+EXISTS\s+)?{_NAME}\s.*?\bON\s+({_NAME})\s*\("
    rf"|DROP\s+INDEX\s+(?:IF\s+EXISTS\s+)?{_NAME}\s+ON\s+({_NAME})\s*\Z)",
    re.IGNORECASE | re.DOTALL,
)
_OWN = re.compile(r"\b(?:ALGORITHM|LOCK)\s*=", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """What the server took: the first algorithm and the first lock that it did not refuse."""

    algorithm: str
    lock: str

    @property
    def is_instant(self) -> bool:
        """Whether nothing of the table is read or written, so that its lock is held for a moment only."""
        return self.algorithm == "INSTANT"

    @property
    def rebuilds(self) -> bool:
        """Whether the whole table is written anew."""
        return self.algorithm in ("INPLACE", "COPY")

    @property
    def waits(self) -> str:
        """Who waits for all the time that it takes, as words; empty where nobody does."""
        if self.is_instant or self.lock == "NONE":
            return ""
        return "reads and writes" if self.lock == "EXCLUSIVE" else "writes"

    def __str__(self) -> str:
        if self.is_instant:
            return "at once"
        how = {"NOCOPY": "without writing the table anew", "INPLACE": "writing the table anew"}
        waits = f"{self.waits} wait" if self.waits else "nobody waits"
        return f"{how.get(self.algorithm, 'copying the table')}; {waits} meanwhile"


def table_of(sql: str) -> str | None:
    """Return the table that a statement alters, or on which it makes or drops an index; None for any other."""
    found = _CHANGES.match(_bare(sql))
    if found is None:
        return None
    name = found[2] or found[3] or found[4]
    return name[1:-1].replace("``", "`") if name.startswith("`") else name


def _bare(sql: str) -> str:
    return sql.strip().rstrip(";").rstrip()


def _is_alter(sql: str) -> bool:
    return re.match(r"\s*ALTER\b", sql, re.IGNORECASE) is not None


def run(connection: Connection, sql: str) -> Way | None:
    """Run a statement in the lightest way that the server can, and return that.

    None, with nothing done: it is none of a table's, it names its own way, or the server refuses it in any.
    """
    if table_of(sql) is None or _OWN.search(sql):
        return None
    text = _bare(sql)
    between = ", " if _is_alter(text) else " "
    cursor = connection.connection.cursor()
    try:
        for algorithm in ALGORITHMS:
            for lock in LOCKS:
                try:
                    cursor.execute(f"{text}{between}ALGORITHM={algorithm}{between}LOCK={lock}")
                except connection.dialect.loaded_dbapi.Error as error:
                    if unanswered.number_of(error) not in _REFUSED:
                        return None  # whoever runs it as it is gets to know why
                else:
                    return Way(algorithm=algorithm, lock=lock)
    finally:
        cursor.close()
    return None
