"""A plan on MariaDB: what was run on a copy of the schema, and how the server carried each change of a table out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ops.mariadb.statements import COMMITS
from ops.mariadb.ways import Way
from ops.plan.copied import CopiedPlan
from ops.statement import Statement

DOCS = "https://mariadb.com/kb/en/"

WAITS = (
    "Each also waits until all transactions have ended that use the table, and whoever comes behind it waits, too, "
    "for as long as lock_timeout allows."
)
NO_ROWS = "The copy has no rows: whether today's rows make a statement fail, and how long it takes, is not known."


@dataclass(frozen=True, kw_only=True)
class MariaPlan(CopiedPlan):
    """What a route does to this schema now; `ways` are how its changes of tables were carried out, by statement."""

    ways: Mapping[int, Way] = field(default_factory=dict)

    @property
    def unknown(self) -> tuple[str, ...]:
        """Why the plan does not know all, a sentence each."""
        return (*super().unknown, NO_ROWS) if self.own and not self.failed else super().unknown

    @property
    def where(self) -> str:
        """On what it was run, in words."""
        return f"on a copy of the schema, without rows of its {self.tables} tables"

    @property
    def known(self) -> str:
        """What is to be known of transactions and locks there."""
        return f"{COMMITS} {WAITS}"

    @property
    def extent(self) -> str:
        """How many statements and revisions there are, and that each commits."""
        return f"{super().extent}, each committed by itself" if self.own else super().extent

    def did(self, one: Statement) -> list[str]:
        """What a statement did on the copy, and how."""
        way = self.ways.get(one.number)
        return [*super().did(one), *([str(way)] if way else [])]

    def _details(self) -> dict[str, Any]:
        found = super()._details()
        for one in found["statements"]:
            way = self.ways.get(one["number"])
            one["algorithm"], one["lock"] = (way.algorithm, way.lock) if way else (None, None)
        return found
