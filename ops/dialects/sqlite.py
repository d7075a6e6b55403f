"""SQLite's answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ops import commands
from ops.catalog import Catalog
from ops.commands import Command
from ops.sqlite import catalog, file, lock

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from ops.settings import TargetSettings


class SQLite:
    """A file. What a method does is said in `dialects.Dialect`, and more of it where it is done."""

    name = "SQLite"
    is_postgresql = False
    is_file = True
    fails_whole = True
    commits_ahead = False
    caveat = ""
    lacks: Mapping[str, str] = {}
    passed_over = "PRAGMA alembic_ops_passed_over"  # which SQLite does not know, and then does nothing

    def connect(self, settings: TargetSettings, *, purpose: str = "read") -> AbstractContextManager[Connection]:
        """Yield a connection of ours that cannot write."""
        return file.connect(settings, purpose=purpose)

    def facts(self, connection: Connection) -> file.FileFacts:
        """Return where it is."""
        return file.facts(connection)

    def heads(self, connection: Connection, schema: str | None, table: str) -> tuple[str, ...] | None:
        """Return the rows of a version table, sorted."""
        return file.heads(connection, schema, table)

    def take_proof(self, connection: Connection) -> list[int]:
        """Return what a worker has to see of the database."""
        return file.take_proof(connection)

    def catalog(self, connection: Connection, table: tuple[str, str], *, plans: object = None) -> Catalog:
        """Return everything that the schema contains."""
        return catalog.read(connection, version_table=table)

    def tables(self, connection: Connection, table: tuple[str, str]) -> int:
        """Return how many tables there are beside the version table."""
        return file.tables(connection, table[1])

    def run_lock(self, connection: Connection, table: tuple[str, str], *, wait: int) -> AbstractContextManager[None]:
        """Let one run at a time be at work."""
        return lock.run_lock(file.path_of(connection), wait=wait, login=file.facts(connection).login)

    def holder(self, connection: Connection, table: tuple[str, str]) -> lock.Holder | None:
        """Return who has the run lock now."""
        return lock.holder(file.path_of(connection))

    def obstacles(self, connection: Connection) -> tuple[str, ...]:
        """Return why nothing could be changed there."""
        return file.obstacles(connection)

    def clock(self, connection: Connection) -> datetime:
        """Return the database's time."""
        return datetime.now(UTC)  # a file has no clock of its own

    def lagging(self, connection: Connection, tables: Iterable[str]) -> tuple[()]:
        """Return sequences that would give a number twice."""
        return ()  # what AUTOINCREMENT has given is kept by SQLite itself

    def parse(self, sql: str) -> tuple[Command, ...]:
        """Return what a statement does, where it is written as PostgreSQL writes it."""
        return commands.parse(sql)

    def end(self, connection: Connection, sessions: Iterable[int]) -> None:
        """Do nothing: whoever opened the file ends with its process."""

    def are_at_work(self, connection: Connection, sessions: Iterable[int]) -> bool:
        """Return False: there are no sessions."""
        return False
