"""Databases on a scratch server: named ones that stay, and throw-away ones that do not.

A throw-away database has a *claim*: a file of its name beside the server's files, locked by the process
that made it. The kernel gives the lock back however that process ends, so a claim that can be locked
belongs to nobody, whatever process has its number now. A folder of files that go with such databases has one, too.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ops import embedded
from ops.errors import ConnectError, OpsError, UsageError, first_line

if TYPE_CHECKING:
    from psycopg2.extensions import connection
    from sqlalchemy.engine import URL

NAME_BYTES = 63
CONNECT_SECONDS = 10
MARK = "made by alembic-ops; may be dropped"
"""How the comment begins on a database that is ours."""

_COMMENT = "pg_catalog.shobj_description(oid, 'pg_database')"


class Place(Protocol):
    """A server on which we may make databases."""

    @property
    def major(self) -> int:
        """The major version."""

    @property
    def folder(self) -> Path:
        """Where the claims on its databases lie."""

    @property
    def bin_dir(self) -> Path:
        """Programs that can speak with it, of its version or a newer one."""

    @property
    def label(self) -> str:
        """What it is called in a sentence."""

    @property
    def advice(self) -> str:
        """What to do when it does not answer."""

    @property
    def is_shared(self) -> bool:
        """Whether others have databases there."""

    def leases(self) -> tuple[int, ...]:
        """Return descriptors that a child must inherit, so that the server lives as long as the child."""

    def url(self, database: str | None = None) -> str:
        """Return the URL of one of its databases, by default of one that is always there; with its password."""


def ensure_database(server: Place, name: str) -> str:
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
            _create(server, connection, name)
    return server.url(name)


def drop_database(server: Place, name: str) -> None:
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
                f"The database {name!r} on {server.label} could not be dropped: {first_line(error)}.",
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
def database_on(server: Place, *, prefix: str = "scratch") -> Iterator[str]:
    """Yield the URL of a fresh, empty database on this server; it is dropped afterwards.

    What processes that were killed have left is dropped first.

    Raises
    ------
    UsageError
        The prefix is not a short lower-case word.
    OpsError
        The server refuses.
    """
    with throw_away(server, prefix) as name:
        yield server.url(name)


@contextmanager
def throw_away(
    server: Place,
    prefix: str,
    *,
    template: str = "template0",
    ready: str = "",
    encoding: str = "",
    tablespace: str = "",
) -> Iterator[str]:
    """Yield the name of a fresh copy of a template database; it is dropped afterwards. See `database_on`.

    `ready`: a copy that was made ahead, taken where it is still there. `encoding`: another one than the server's.
    `tablespace`: another one than the template's.

    Raises
    ------
    NoTemplateError
        There is no such template, or not any more.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,30}", prefix):
        raise UsageError(
            f"{prefix!r} cannot begin the name of a scratch database.",
            next_step="Use at most 31 lower-case letters, digits and underscores, a letter first.",
        )
    _drop_leftovers(server)
    with claim(server, prefix) as (name, _):
        with closing(connect(server)) as connection:
            if not (ready and _taken(connection, ready, name)):
                _create(server, connection, name, template, is_new=True, encoding=encoding, tablespace=tablespace)
        try:
            yield name
        finally:
            drop_database(server, name)
        (_claims(server) / name).unlink(missing_ok=True)


@contextmanager
def files(server: Place, prefix: str) -> Iterator[tuple[Path, int]]:
    """Yield a folder for files that belong to databases on this server, and the descriptor that holds its lock.

    Nobody but us can look into it. It is removed afterwards, or, where this process is killed, at the next use of the
    server; a child that writes into it is to inherit the descriptor.
    """
    _drop_leftovers(server)
    with claim(server, prefix) as (name, held):
        folder = _files(server) / name
        folder.mkdir(mode=0o700, parents=True)
        try:
            yield folder, held
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            if not os.path.lexists(folder):
                (_claims(server) / name).unlink(missing_ok=True)


@contextmanager
def claim(server: Place, prefix: str) -> Iterator[tuple[str, int]]:
    """Yield a name that is ours alone, and the descriptor that holds its lock; a child may inherit that.

    The claim stays: when nobody holds it any more, the database of that name is dropped at the next use.
    """
    name, held = _claimed(_claims(server), prefix)
    try:
        yield name, held
    finally:
        os.close(held)


def discard(server: Place, name: str) -> bool:
    """Drop a database that we have made, where it is there; return whether it is gone.

    On a server that is not ours alone, its comment must say that we made it, too.
    """
    if server.is_shared:
        with closing(connect(server)) as connection, connection.cursor() as cursor:
            cursor.execute(f"SELECT {_COMMENT} FROM pg_catalog.pg_database WHERE datname = %s", (name,))
            row = cursor.fetchone()
        if row is not None and not (row[0] or "").startswith(MARK):
            return False
    drop_database(server, name)
    return True


def note(server: Place, name: str) -> str | None:
    """Return what stands in the comment of a database of ours behind the mark; None where there is no such database."""
    with closing(connect(server)) as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT {_COMMENT} FROM pg_catalog.pg_database WHERE datname = %s", (name,))
        row = cursor.fetchone()
    return row[0].removeprefix(MARK) if row and (row[0] or "").startswith(MARK) else None


def _claims(server: Place) -> Path:
    folder = server.folder / "scratch"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _files(server: Place) -> Path:
    return server.folder / "files"


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


def _drop_leftovers(server: Place) -> None:
    for path in sorted(_claims(server).iterdir()):
        try:
            claim = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            continue  # its owner has ended just now
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue  # in use
        else:
            if os.path.lexists(_files(server) / path.name):
                shutil.rmtree(_files(server) / path.name)
            if discard(server, path.name):
                path.unlink(missing_ok=True)
        finally:
            os.close(claim)


class NoTemplateError(OpsError):
    """The template that was to be copied is not there."""

    code = "clone"


def _taken(connection: connection, ready: str, name: str) -> bool:
    """Give a database another name; return whether that could be done."""
    import psycopg2
    from psycopg2 import sql

    statement = sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(ready), sql.Identifier(name))
    with connection.cursor() as cursor:
        try:
            cursor.execute(statement)
        except psycopg2.Error:
            return False  # gone, or somebody is connected to it: a copy is made as ever
    return True


def _create(
    server: Place,
    connection: connection,
    name: str,
    template: str = "template0",
    *,
    is_new: bool = False,
    encoding: str = "",
    tablespace: str = "",
) -> None:
    """Create a database; unless it is to be new, that somebody else has just done so is as good."""
    import psycopg2
    from psycopg2 import errors, sql

    # Not template1: there somebody may be connected, which makes the server refuse. Copied through the log, as is
    # usual since 15: copied as files, every one of them is synchronised, which takes three times as long here.
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
    if encoding:  # the one locale that goes with all of them
        provider = sql.SQL(" LOCALE_PROVIDER libc" if server.major >= 15 else "")
        statement += sql.SQL(" ENCODING {}{} LC_COLLATE 'C' LC_CTYPE 'C'").format(sql.Literal(encoding), provider)
    if tablespace:
        statement += sql.SQL(" TABLESPACE {}").format(sql.Identifier(tablespace))
    with connection.cursor() as cursor:
        try:
            cursor.execute(statement)
            if is_new and server.is_shared:
                cursor.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(name), sql.Literal(MARK)))
        except (errors.DuplicateDatabase, errors.UniqueViolation):
            if is_new:
                raise _refused(server, name, "there is one already") from None
        except errors.InvalidCatalogName:
            raise NoTemplateError(
                f"There is no template {template!r} on {server.label} any more.", next_step="Run this again."
            ) from None
        except psycopg2.Error as error:
            raise _refused(server, name, first_line(error)) from error


def _refused(server: Place, name: str, why: str) -> OpsError:
    return OpsError(
        f"The database {name!r} could not be created on {server.label}: {why}.",
        next_step="Look at the free space on its disk, and try again.",
        code="clone" if server.is_shared else "embedded",
    )


def connect(server: Place, database: str | None = None) -> connection:
    """Return a connection to a scratch server, in autocommit mode: scratch is ours to change."""
    import psycopg2
    from sqlalchemy.engine import make_url

    try:
        given = {"connect_timeout": CONNECT_SECONDS, **options(make_url(server.url(database)))}
        connection = psycopg2.connect(**{**given, "application_name": "alembic-ops"})
    except psycopg2.OperationalError as error:
        raise ConnectError(
            f"{server.label[:1].upper()}{server.label[1:]} does not answer: {first_line(error)}.",
            next_step=server.advice,
        ) from error
    connection.autocommit = True
    return connection


def options(url: URL) -> dict[str, str]:
    """Return a URL as libpq's options, the password among them: as our own connections are made from it."""
    from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2

    found = PGDialect_psycopg2().create_connect_args(url)[1]
    found = {("dbname" if name == "database" else name): value for name, value in found.items()}
    return {name: str(value) for name, value in found.items() if value is not None}


def _check(name: str) -> None:
    # PostgreSQL would cut a longer name silently, and so make, or drop, another database.
    if not name or "\0" in name or len(name.encode("utf-8", "surrogateescape")) > NAME_BYTES:
        raise UsageError(
            f"PostgreSQL cannot have a database named {name!r}.",
            next_step=f"Use a name of 1 to {NAME_BYTES} bytes.",
        )
