"""Databases on an embedded server: named ones that stay, and throw-away ones that do not.

A throw-away database has a *claim*: a file of its name beside the server's files, locked by the process
that made it. The kernel gives the lock back however that process ends, so a claim that can be locked
belongs to nobody, whatever process has its number now.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ops import embedded
from ops.embedded import lease
from ops.errors import ConnectError, OpsError, UsageError

if TYPE_CHECKING:
    from psycopg2.extensions import connection

NAME_BYTES = 63


def ensure_database(server: embedded.Server, name: str) -> str:
    """Return the URL of the database of this name, created where it is missing.

    Raises
    ------
    UsageError
        PostgreSQL cannot have a database of that name.
    OpsError
        The server refuses.
    """
    _check(name)
    with closing(connect(server)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
        if cursor.fetchone() is None:
            _create(connection, name)
    return server.url(name)


def drop_database(server: embedded.Server, name: str) -> None:
    """Drop the database of this name, and end who is connected to it. It may be missing.

    Raises
    ------
    OpsError
        The server refuses.
    """
    import psycopg2
    from psycopg2 import sql

    _check(name)
    with closing(connect(server)) as connection, connection.cursor() as cursor:
        try:
            cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        except psycopg2.Error as error:
            raise OpsError(
                f"The database {name!r} on the embedded PostgreSQL could not be dropped: {_text(error)}",
                next_step="Look for replication slots and prepared transactions in it.",
                code="embedded",
            ) from error


@contextmanager
def database(home: Path, *, major: int = 18, prefix: str = "scratch") -> Iterator[str]:
    """Yield the URL of a fresh, empty database on the embedded server of this home; it is dropped afterwards.

    Raises
    ------
    OpsError
        The server cannot be started, or refuses.
    """
    with database_on(embedded.server(home, major=major), prefix=prefix) as url:
        yield url


@contextmanager
def database_on(server: embedded.Server, *, prefix: str = "scratch") -> Iterator[str]:
    """Yield the URL of a fresh, empty database on this server; it is dropped afterwards.

    What processes that were killed have left is dropped first.

    Raises
    ------
    UsageError
        The prefix is not a short lower-case word.
    OpsError
        The server refuses.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,30}", prefix):
        raise UsageError(
            f"{prefix!r} cannot begin the name of a scratch database.",
            next_step="Use at most 31 lower-case letters, digits and underscores, a letter first.",
        )
    claims = server.folder / "scratch"
    claims.mkdir(mode=0o700, exist_ok=True)
    _drop_leftovers(server, claims)
    name, claim = _claimed(claims, prefix)
    try:
        with closing(connect(server)) as connection:
            _create(connection, name)
        try:
            yield server.url(name)
        finally:
            drop_database(server, name)
        (claims / name).unlink(missing_ok=True)
    finally:
        os.close(claim)


def _claimed(claims: Path, prefix: str) -> tuple[str, int]:
    """Return a name that is ours alone, and the descriptor that holds its lock."""
    while True:
        name = f"{prefix}_{os.getpid()}_{secrets.token_hex(6)}"
        path = claims / name
        claim = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(claim, fcntl.LOCK_EX)
        if path.exists():
            return name, claim
        os.close(claim)  # taken for a leftover, in the instant before it was locked


def _drop_leftovers(server: embedded.Server, claims: Path) -> None:
    for path in sorted(claims.iterdir()):
        try:
            claim = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            continue  # its owner has ended just now
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue  # in use
        else:
            drop_database(server, path.name)
            path.unlink(missing_ok=True)
        finally:
            os.close(claim)


def _create(connection: connection, name: str) -> None:
    """Create a database; that somebody else has just done so is as good."""
    import psycopg2
    from psycopg2 import errors, sql

    # Not template1: there somebody may be connected, which makes the server refuse.
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name))
    with connection.cursor() as cursor:
        try:
            cursor.execute(statement)
        except (errors.DuplicateDatabase, errors.UniqueViolation):
            return
        except psycopg2.Error as error:
            raise OpsError(
                f"The database {name!r} could not be created on the embedded PostgreSQL: {_text(error)}",
                next_step="Look at the free space on its disk, and try again.",
                code="embedded",
            ) from error


def connect(server: embedded.Server, database: str = "postgres") -> connection:
    """Return a connection as the superuser of an embedded server, in autocommit mode: scratch is ours to change."""
    import psycopg2

    try:
        connection = psycopg2.connect(
            host=os.fspath(server.socket_dir),
            port=lease.PORT,
            user="postgres",
            dbname=database,
            application_name="alembic-ops",
        )
    except psycopg2.OperationalError as error:
        raise ConnectError(
            f"The embedded PostgreSQL in {server.folder} does not answer: {_text(error)}",
            next_step=f"Read {server.folder / 'server.log'} and try again: it is started anew if it ended.",
        ) from error
    connection.autocommit = True
    return connection


def _check(name: str) -> None:
    # PostgreSQL would cut a longer name silently, and so make, or drop, another database.
    if not name or "\0" in name or len(name.encode("utf-8", "surrogateescape")) > NAME_BYTES:
        raise UsageError(
            f"PostgreSQL cannot have a database named {name!r}.",
            next_step=f"Use a name of 1 to {NAME_BYTES} bytes.",
        )


def _text(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
