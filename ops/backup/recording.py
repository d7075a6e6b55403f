"""The record of a restore, in the ledger of the database that comes out of it.

Its intent is written before that database takes anybody's place, so that a crash behind that leaves an open run.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ops import database, versiontables
from ops.catalog.names import quoted
from ops.ledger import Ledger, whoami
from ops.settings import TargetSettings

if TYPE_CHECKING:
    from sqlalchemy import Connection

Rows = tuple[str, ...] | None

_USUAL = ("public", "alembic_version")


@dataclass(slots=True)
class Recording:
    """One restore on record, once for each version table: each has its own history."""

    settings: TargetSettings
    what: dict[str, Any]
    run: str = field(default_factory=lambda: secrets.token_hex(8))

    def intent(self, at: TargetSettings, name: str) -> None:
        """Write what is wanted into the database at `at`, which is to be called `name`.

        Raises
        ------
        OpsError
            The role may not write there.
        """
        project = self.settings.project.config.parent
        with database.connect(at, purpose="restore") as connection:
            facts = database.facts(connection)
            who = {**whoami(project), "role": facts.role, "login": facts.login}
            identity = replace(facts, database=name).identity
            for table, heads in _tables(connection):
                ledger = Ledger.at(at, connection, facts, table, target=self.settings.name, identity=identity)
                try:
                    ledger.write(
                        "intent",
                        self.run + _suffix(table),
                        target=self.settings.name,
                        direction="stamp",  # the version table has moved, and no revision has run
                        **{"from": heads, "to": heads or ()},
                        requested="",
                        revisions=[],
                        restore=self.what,
                        who=who,
                    )
                finally:
                    ledger.close()

    def outcome(self, at: TargetSettings, *, verdict: str, seconds: float, replaced: str) -> None:
        """Write what came of it.

        Raises
        ------
        OpsError
            It cannot be written.
        """
        with database.connect(at, purpose="restore") as connection:
            facts = database.facts(connection)
            for table, heads in _tables(connection):
                ledger = Ledger.at(at, connection, facts, table, target=self.settings.name)
                try:
                    ledger.write(
                        "outcome",
                        self.run + _suffix(table),
                        direction="stamp",
                        verdict=verdict,
                        current=heads or (),
                        seconds=round(seconds, 3),
                        restore={**self.what, "replaced": replaced or None},
                    )
                finally:
                    ledger.close()


def _tables(connection: Connection) -> list[tuple[tuple[str, str], Rows]]:
    found = versiontables.every(connection) or [_USUAL]
    return [(one, versiontables.heads(connection, *one)) for one in found]


def _suffix(table: tuple[str, str]) -> str:
    """A run has its records once: the same restore of another version table is another run."""
    return "" if table == _USUAL else f" {'.'.join(map(quoted, table))}"
