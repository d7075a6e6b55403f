"""The ledger of one version table, wherever it is kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from ops import dialects
from ops.catalog.names import quoted
from ops.errors import OpsError
from ops.ledger.in_database import DatabaseStore
from ops.ledger.in_file import FileStore
from ops.ledger.records import Records
from ops.ledger.values import Applied, OpenRun, Record
from ops.settings import TargetSettings, cleaned, redact

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from ops.database import ServerFacts
    from ops.project.visit import Visit


_IDS = frozenset({"from", "to", "current", "revision", "heads"})
"""What names revisions, and is looked up again. It stands in the version table as well, whatever words it has."""


class Store(Protocol):
    """Where records are kept. Nothing is ever changed or removed there."""

    @property
    def place(self) -> str:
        """Where it is, in words."""

    def read(self, version_table: str, *, statements: bool = False) -> tuple[Record, ...]:
        """Return the records of one version table, oldest first."""

    def append(self, record: dict[str, Any]) -> None:
        """Add one record, which is JSON-ready and without secrets."""

    def obstacles(self) -> tuple[str, ...]:
        """Return why no record could be written, a sentence each."""

    def close(self) -> None:
        """Close what was opened to write."""


class Ledger:
    """What was done to one version table: records, what follows from them, and the one way to add another.

    `older` is where records were kept before; they are only read. `beside` is where others keep theirs, which count for
    nothing here.
    """

    def __init__(
        self,
        store: Store,
        *,
        target: str = "",
        identity: str = "",
        version_table: str = "",
        older: Store | None = None,
        beside: DatabaseStore | None = None,
    ) -> None:
        self.store = store
        self.target = target
        self.identity = identity
        self.version_table = version_table
        self._older = older
        self._beside = beside
        self._numbers: dict[str, int] = {}

    @classmethod
    def of(cls, here: Visit) -> Ledger:
        """Return the ledger that a visit's target keeps."""
        setup, settings = here.setup, here.settings
        table = (setup.version_table_schema, setup.version_table)
        return cls.at(settings, here.connection, here.facts, table, target=settings.name)

    @classmethod
    def at(
        cls,
        settings: TargetSettings,
        connection: Connection,
        facts: ServerFacts,
        version_table: tuple[str, str],
        *,
        target: str,
        identity: str = "",
    ) -> Ledger:
        """Return the ledger of one database; `identity` is what it will be by, where its name is to be another one."""
        file = FileStore(settings.home, identity or facts.identity)
        in_file = settings.ledger == "file"
        if in_file and not dialects.of(settings).is_postgresql:
            return cls(
                file,
                target=target,
                identity=identity or facts.identity,
                version_table=".".join(map(quoted, version_table)),
            )
        database = DatabaseStore(settings, connection, facts)
        return cls(
            file if in_file else database,
            target=target,
            identity=identity or facts.identity,
            version_table=".".join(map(quoted, version_table)),
            older=None if in_file else file,
            beside=database if in_file else None,
        )

    def read(self, *, statements: bool = False) -> Records:
        """Return everything that is on record; `statements` also has the SQL that ran, which may be much.

        Raises
        ------
        OpsError
            It cannot be read.
        """
        older = self._older.read(self.version_table, statements=statements) if self._older else ()
        entries = (*older, *self.store.read(self.version_table, statements=statements))
        return Records(target=self.target, place=self.store.place, entries=entries, notes=self._others())

    def look(self, *, statements: bool = False) -> Records:
        """Return everything that is on record, or why that cannot be read."""
        try:
            return self.read(statements=statements)
        except OpsError as error:
            if error.code != "ledger":
                raise
            return Records(
                target=self.target, place=self.store.place, unreadable=error.problem, next_step=error.next_step
            )

    def _others(self) -> tuple[str, ...]:
        if self._beside is None or not self._beside.is_made():
            return ()
        return (
            f"There is {self._beside.place} as well. This target has `ledger = file`: what others did and put on "
            "record there is not known here.",
        )

    def records(self) -> tuple[Record, ...]:
        """Return every record, oldest first. Raises as `read` does, and so do the next three."""
        return self.read().entries

    def applied(self) -> Mapping[str, Applied]:
        """Return the last record of each revision."""
        return self.read().applied

    def edited(self, now: Mapping[str, str]) -> tuple[str, ...]:
        """Return which of some revisions are not the files any more that were applied; `now` has the hash of each."""
        return self.read().edited(now)

    def open_runs(self) -> tuple[OpenRun, ...]:
        """Return the runs of which nobody knows how they ended, oldest first."""
        return self.read().open_runs

    def obstacles(self) -> tuple[str, ...]:
        """Return why no record could be written, a sentence each, asked before anything is changed."""
        return self.store.obstacles()

    def write(self, kind: str, run: str, **fields: Any) -> None:
        """Append one record: an `intent`, a `revision` or an `outcome`. For the action layer only.

        Raises
        ------
        OpsError
            It cannot be written: without a record nothing is changed.
        """
        number = 0 if kind == "intent" else self._numbers.get(run, 0) + 1
        clean = cleaned(fields, but=_IDS)
        # Once more for the words of what is no text itself, a path or an error.
        plain = json.loads(json.dumps(clean, default=lambda value: redact(str(value))))
        self.store.append(
            {
                "kind": kind,
                "run": run,
                "number": number,
                "when": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "database": self.identity,
                "version_table": self.version_table,
                **plain,
            }
        )
        self._numbers[run] = number

    def close(self) -> None:
        """Close what was opened to write; the next record opens it again."""
        self.store.close()
