"""The points at which a target's database is asked what each kind of database answers in its own way.

`postgresql.py`  a server: sessions, roles, locks on tables
`sqlite.py`      a file

What is shared by all kinds (where a database is, a change under guard, its proof) asks here. What only a server has,
such as locks that wait in line, has rooms of its own, and nobody asks for it where there is none.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from ops.dialects.postgresql import PostgreSQL
from ops.dialects.sqlite import SQLite

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from ops.catalog import Catalog
    from ops.catalog.snapshot import Plans
    from ops.settings import TargetSettings

__all__ = ["Dialect", "Facts", "of"]

Table = tuple[str, str]
"""Schema and name of a version table."""


class Facts(Protocol):
    """Where a connection is."""

    version: str
    version_number: int

    @property
    def database(self) -> str:
        """The database's name."""

    @property
    def role(self) -> str:
        """Whose rights count."""

    @property
    def login(self) -> str:
        """Who is connected."""

    @property
    def primary(self) -> bool:
        """Whether it may be written to at all."""

    @property
    def identity(self) -> str:
        """What makes this database this one."""

    @property
    def server(self) -> str:
        """What answers there, in a few words."""

    @property
    def rows(self) -> tuple[tuple[str, str], ...]:
        """What a person compares at a glance."""


class Dialect(Protocol):
    """One kind of database.

    `has_sessions`: there is a server with roles, locks on tables, and sessions that wait. `fails_whole`: a statement
    that fails leaves nothing behind, outside of a transaction, too.
    """

    name: str
    has_sessions: bool
    fails_whole: bool

    def connect(self, settings: TargetSettings, *, purpose: str = "read") -> AbstractContextManager[Connection]:
        """A connection of ours that cannot write."""

    def facts(self, connection: Connection) -> Facts:
        """Where it is."""

    def heads(self, connection: Connection, schema: str | None, table: str) -> tuple[str, ...] | None:
        """The rows of a version table, sorted; None where there is none."""

    def take_proof(self, connection: Connection) -> Any:
        """What a worker has to see of the database before its connection is let through."""

    def catalog(self, connection: Connection, table: Table, *, plans: Plans | None = None) -> Catalog:
        """Everything that the schema contains. `plans`: what a server remembers of earlier looks on this connection."""

    def tables(self, connection: Connection, table: Table) -> int:
        """How many tables there are beside the version table, and those that are nobody's work."""

    def run_lock(self, connection: Connection, table: Table, *, wait: int) -> AbstractContextManager[None]:
        """One run at a time."""

    def holder(self, connection: Connection, table: Table) -> object | None:
        """Who has the run lock now; its text says it."""

    def obstacles(self, connection: Connection) -> tuple[str, ...]:
        """Why whoever asks could not change anything there, as far as it is no matter of roles; a sentence each."""

    def clock(self, connection: Connection) -> datetime:
        """The database's time, which decides whether a window is open."""

    def lagging(self, connection: Connection, tables: Iterable[str]) -> Any:
        """Sequences that would give numbers which their tables have already."""


_ALL: dict[str, Dialect] = {"postgresql": PostgreSQL(), "sqlite": SQLite()}


def of(settings: TargetSettings) -> Dialect:
    """Return the dialect of a target."""
    return _ALL[settings.dialect]
