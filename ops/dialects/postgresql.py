"""PostgreSQL's answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ops import commands, database, lock, sequences, versiontables
from ops.catalog import Catalog, snapshot
from ops.commands import Command

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from ops.settings import TargetSettings

_TABLES = r"""
    SELECT count(*) FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('information_schema', 'alembic_ops')
       AND n.nspname !~ '^pg_' AND (n.nspname, c.relname) <> (%(schema)s, %(table)s)
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d WHERE d.classid = 'pg_catalog.pg_class'::regclass
                          AND d.objid = c.oid AND d.deptype = 'e')
"""


_OPEN = """
    SELECT EXISTS (SELECT FROM pg_catalog.pg_locks
                   WHERE locktype = 'virtualxid' AND granted AND pid = ANY (%(pids)s))
"""


class PostgreSQL:
    """A server. What a method does is said in `dialects.Dialect`, and more of it where it is done."""

    name = "PostgreSQL"
    is_postgresql = True
    is_file = False
    fails_whole = False
    commits_ahead = False
    caveat = ""
    lacks: Mapping[str, str] = {}
    passed_over = "SET alembic_ops.passed_over = 'on'"

    def connect(self, settings: TargetSettings, *, purpose: str = "read") -> AbstractContextManager[Connection]:
        """Yield a connection of ours that cannot write."""
        return database.connect(settings, purpose=purpose)

    def facts(self, connection: Connection) -> database.ServerFacts:
        """Return where it is."""
        return database.facts(connection)

    def heads(self, connection: Connection, schema: str | None, table: str) -> tuple[str, ...] | None:
        """Return the rows of a version table, sorted."""
        return versiontables.heads(connection, schema, table)

    def take_proof(self, connection: Connection) -> int:
        """Return what a worker has to see of the database."""
        return database.take_proof(connection)

    def catalog(
        self, connection: Connection, table: tuple[str, str], *, plans: snapshot.Plans | None = None
    ) -> Catalog:
        """Return everything that the schema contains."""
        return snapshot.read(connection, version_table=table, plans=plans)

    def tables(self, connection: Connection, table: tuple[str, str]) -> int:
        """Return how many tables there are beside the version table, the ledger's, and those of extensions."""
        named = {"schema": table[0], "table": table[1]}
        return int(connection.exec_driver_sql(_TABLES, named).scalar_one())

    def run_lock(self, connection: Connection, table: tuple[str, str], *, wait: int) -> AbstractContextManager[None]:
        """Let one run at a time be at work."""
        return lock.run_lock(connection, *table, wait=wait)

    def holder(self, connection: Connection, table: tuple[str, str]) -> lock.Holder | None:
        """Return who has the run lock now."""
        return lock.holder(connection, *table)

    def obstacles(self, connection: Connection) -> tuple[str, ...]:
        """Return why nothing could be changed there."""
        return ()

    def clock(self, connection: Connection) -> datetime:
        """Return the database's time."""
        asked = "SELECT extract(epoch FROM pg_catalog.clock_timestamp())::float8"
        return datetime.fromtimestamp(connection.exec_driver_sql(asked).scalar_one(), UTC)

    def lagging(self, connection: Connection, tables: Iterable[str]) -> tuple[sequences.Behind, ...]:
        """Return sequences that would give a number twice."""
        return tuple(sequences.behind(connection, tables))

    def parse(self, sql: str) -> tuple[Command, ...]:
        """Return what a statement does."""
        return commands.parse(sql)

    def end(self, connection: Connection, sessions: Iterable[int]) -> None:
        """Cancel what sessions run, so that it is rolled back now and not when their client is missed."""
        for pid in sessions:
            database.cancel(connection, pid)

    def are_at_work(self, connection: Connection, sessions: Iterable[int]) -> bool:
        """Return whether one has a transaction open: it holds a lock on its own virtual id, which any role may see."""
        return bool(connection.exec_driver_sql(_OPEN, {"pids": list(sessions)}).scalar_one())
