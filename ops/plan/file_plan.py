"""A plan for a file: what was run on a copy of it with all its rows, and what became of these."""

from __future__ import annotations

from dataclasses import dataclass

from ops.plan.copied import CopiedPlan

DOCS = "https://www.sqlite.org/"

NO_LOCKS = (
    "SQLite has no locks on tables: while a transaction of the migration writes, nobody else can write to the file; "
    "and while it commits, nobody can read, unless the file is in WAL mode."
)


@dataclass(frozen=True, kw_only=True)
class FilePlan(CopiedPlan):
    """What a route does to this file now."""

    @property
    def where(self) -> str:
        """On what it was run, in words."""
        return f"on a copy of the file, with all {self.rows:,} rows of its {self.tables} tables"

    @property
    def known(self) -> str:
        """What SQLite has no word for."""
        return NO_LOCKS
