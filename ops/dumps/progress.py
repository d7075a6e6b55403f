"""How far a dump or a restore is, in bytes of the tables as they lay in the database that was dumped."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from ops import display

Report = Callable[[str], None]

SECONDS = 2.0
"""How long nothing is said at least."""

_BEGINS = ('dumping contents of table "', 'processing data for table "')

COPIES = """
    SELECT n.nspname || '.' || c.relname, p.bytes_processed
    FROM pg_catalog.pg_stat_progress_copy p
    JOIN pg_catalog.pg_stat_activity a ON a.pid = p.pid
    JOIN pg_catalog.pg_class c ON c.oid = p.relid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE p.datname = pg_catalog.current_database() AND a.application_name = %s
"""
"""Which tables are being copied by a program of ours, and how many bytes of each are through."""


class Progress:
    """What was begun, what is through. `tables` are the bytes of each, by `schema.name`, as programs call it."""

    def __init__(self, word: str, tables: Mapping[str, int], jobs: int, report: Report | None) -> None:
        self._word = word
        self._tables = tables
        self._jobs = jobs
        self._report = report or _silent
        self._expected = sum(tables.values())
        self._begun: dict[str, None] = {}
        self._began = self._said = time.monotonic()

    def line(self, text: str) -> None:
        """Take a line of a program's: it says of which table it begins to copy the rows."""
        for words in _BEGINS:
            _, found, name = text.partition(words)
            if found and name.endswith('"'):
                self._begun[name[:-1]] = None

    def done(self, copying: Mapping[str, int] | None) -> int:
        """Return how many bytes are through; `copying` are those of the tables in the midst of it, None if unknown."""
        self._begun.update(dict.fromkeys(copying or ()))
        running = copying if copying is not None else dict.fromkeys(list(self._begun)[-self._jobs :], 0)
        through = sum(self._tables.get(one, 0) for one in self._begun if one not in running)
        return through + sum(min(size, self._tables.get(one, 0)) for one, size in running.items())

    def tell(self, copying: Mapping[str, int] | None, written: int | None = None) -> None:
        """Report how far it is, unless that was said just now. `written`: bytes on disk so far."""
        if time.monotonic() - self._said < SECONDS:
            return
        self._said = time.monotonic()
        done = self.done(copying)
        share = f", {100 * done // self._expected} %" if self._expected else ""
        disk = f"; {display.size(written)} on disk" if written is not None else ""
        self._report(f"{self._word}: {display.size(done)} of {display.size(self._expected)}{share}{disk}")

    def begin(self) -> None:
        """Say what is to be done."""
        count = len(self._tables)
        of = f"{display.size(self._expected)} in {display.many(count, 'table')}"
        self._report(f"{self._word}: {of}" if count else f"{self._word}: the schema, no rows")

    def end(self, what: str) -> None:
        """Say that it is done."""
        self._report(f"{self._word}: done in {display.duration(time.monotonic() - self._began)}, {what}")


def copies(cursor: Any, application: str) -> dict[str, int] | None:
    """Return the bytes that are through of each table in the midst of it; None where nobody tells."""
    import psycopg2

    try:
        cursor.execute(COPIES, (application,))
        return {name: size for name, size in cursor.fetchall() if size is not None}
    except psycopg2.Error:
        return None


def _silent(line: str) -> None:
    return None
