"""The points at which a target's database is asked what each kind of database answers in its own way.

`postgresql.py`  a server: sessions, roles, locks on tables
`mariadb.py`     a server whose DDL commits by itself
`sqlite.py`      a file

What is shared by all kinds (where a database is, a change under guard, its proof) asks here. What only PostgreSQL has,
such as dumps and locks that can be measured, has rooms of its own, and nobody asks for it where there is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from ops.commands import Command
from ops.dialects.mariadb import MariaDB
from ops.dialects.postgresql import PostgreSQL
from ops.dialects.sqlite import SQLite
from ops.errors import LackingError, OpsError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from ops.catalog import Catalog
    from ops.catalog.snapshot import Plans
    from ops.settings import TargetSettings

__all__ = ["Dialect", "Facts", "of", "require"]

_MADE = ("backup", "restore")

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

    `is_postgresql`: locks on tables can be measured, a schema can be dumped and cloned, and rights be asked for. With
    `is_file` the whole database is a file, which can be copied. `fails_whole`: a statement that fails leaves nothing
    behind, outside of a transaction, too. `commits_ahead`: one that is committed by itself commits before it runs what
    its transaction has done. `passed_over` is what is run in place of a statement that an earlier run has committed.
    `caveat` is what to know before any revision runs. `lacks`: what there is no such thing of, and what to do instead.
    """

    name: str
    is_postgresql: bool
    is_file: bool
    fails_whole: bool
    commits_ahead: bool
    passed_over: str
    caveat: str
    lacks: Mapping[str, str]

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

    def parse(self, sql: str) -> tuple[Command, ...]:
        """What a statement does, a command for each action; `?` where that is not understood."""

    def end(self, connection: Connection, sessions: Iterable[int]) -> None:
        """End what some sessions of a worker run, so that the server does not go on with it when the worker is gone."""

    def are_at_work(self, connection: Connection, sessions: Iterable[int]) -> bool:
        """Whether one of some sessions still does something that it may roll back, or commit."""


_ALL: dict[str, Dialect] = {"postgresql": PostgreSQL(), "mariadb": MariaDB(), "sqlite": SQLite()}


def require(settings: TargetSettings, what: str) -> None:
    """Return where there is such a thing as a `backup`, say, of a target.

    Raises
    ------
    LackingError
        There is none on its kind of database, so what it would have told is not known.
    OpsError
        The same of what would have been made.
    """
    dialect = of(settings)
    if what in dialect.lacks:
        problem = f"There is no {what} for a target on {dialect.name} here."
        if what in _MADE:
            raise OpsError(problem, next_step=dialect.lacks[what], code="lacking")
        raise LackingError(problem, next_step=dialect.lacks[what])


def of(settings: TargetSettings) -> Dialect:
    """Return the dialect of a target."""
    return _ALL[settings.dialect]
