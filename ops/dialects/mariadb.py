"""MariaDB's answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from typing import TYPE_CHECKING

from ops.catalog import Catalog
from ops.commands import Command
from ops.mariadb import catalog, lock, server, statements

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from ops.settings import TargetSettings


class MariaDB:
    """A server whose DDL commits. What a method does is said in `dialects.Dialect`, and more of it where it is done."""

    name = "MariaDB"
    is_file = False
    is_postgresql = False
    fails_whole = True
    commits_ahead = True
    caveat = statements.COMMITS
    lacks: Mapping[str, str] = {
        "backup": "Make one with mariadb-dump --single-transaction --routines --events --triggers, and try it out.",
        "restore": "Restore what mariadb-dump wrote with the program mariadb, into a database of another name first.",
        "rehearsal": "Make the plan (notebooks/20-plan.ipynb), which runs every statement on a copy without rows; try "
        "the way back on a restored backup.",
    }
    passed_over = "SET @alembic_ops_passed_over = 1"

    def connect(self, settings: TargetSettings, *, purpose: str = "read") -> AbstractContextManager[Connection]:
        """Yield a connection of ours that cannot write."""
        return server.connect(settings, purpose=purpose)

    def facts(self, connection: Connection) -> server.MariaFacts:
        """Return where it is."""
        return server.facts(connection)

    def heads(self, connection: Connection, schema: str | None, table: str) -> tuple[str, ...] | None:
        """Return the rows of a version table, sorted."""
        return server.heads(connection, schema, table)

    def take_proof(self, connection: Connection) -> tuple[str, str, bool]:
        """Return what a worker has to see of the database."""
        return server.take_proof(connection)

    def catalog(self, connection: Connection, table: tuple[str, str], *, plans: object = None) -> Catalog:
        """Return everything that the schema contains."""
        return catalog.read(connection, version_table=table)

    def tables(self, connection: Connection, table: tuple[str, str]) -> int:
        """Return how many tables there are beside the version table."""
        return server.tables(connection, table[1])

    def run_lock(self, connection: Connection, table: tuple[str, str], *, wait: int) -> AbstractContextManager[None]:
        """Let one run at a time be at work."""
        return lock.run_lock(connection, *table, wait=wait)

    def holder(self, connection: Connection, table: tuple[str, str]) -> lock.Holder | None:
        """Return who has the run lock now."""
        return lock.holder(connection, *table)

    def obstacles(self, connection: Connection) -> tuple[str, ...]:
        """Return why nothing could be changed there."""
        return server.obstacles(connection)

    def clock(self, connection: Connection) -> datetime:
        """Return the database's time."""
        return server.clock(connection)

    def lagging(self, connection: Connection, tables: Iterable[str]) -> tuple[()]:
        """Return sequences that would give a number twice."""
        return ()  # AUTO_INCREMENT is moved on by the server itself

    def parse(self, sql: str) -> tuple[Command, ...]:
        """Return what a statement does."""
        return statements.parse(sql)

    def end(self, connection: Connection, sessions: Iterable[int]) -> None:
        """End sessions with what they run."""
        server.end(connection, sessions)

    def are_at_work(self, connection: Connection, sessions: Iterable[int]) -> bool:
        """Return whether one of some sessions is still there."""
        return server.are_there(connection, sessions)
