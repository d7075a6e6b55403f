"""Databases to try things on: empty ones, on the server that the target names as scratch_url.

MariaDB has no server of ours, as PostgreSQL has. Each has a name that says whose it is, and goes with whoever made it;
what a process that was killed has left is dropped at the next use, once nobody holds its lock.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ops.errors import ConnectError, LackingError, OpsError
from ops.mariadb import dump, server, unanswered
from ops.settings import TargetSettings, ours, redact
from ops.settings.urls import parse

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.engine import URL

PREFIX = "alembic_ops_"
SOURCE = "scratch_url"

_OURS = re.compile(rf"{PREFIX}[0-9a-f]{{16}}")
"""Another name that begins so is somebody else's."""


def where(settings: TargetSettings) -> URL:
    """Return our URL of the server to try things on.

    Raises
    ------
    LackingError
        The target names none.
    """
    if settings.scratch_url is None:
        raise LackingError(
            f"Target {settings.name!r} names no server to try its revisions on, so nobody knows what they make.",
            next_step="Name a MariaDB server as scratch_url in the target's section, or scratch_url_env: an account "
            f"there makes and drops databases whose names begin with {PREFIX}, and never touches another.",
        )
    return ours(settings.scratch_url, source=SOURCE).url


@contextmanager
def session(settings: TargetSettings) -> Iterator[Connection]:
    """Yield a connection to that server that may make and drop databases.

    Raises
    ------
    LackingError, ConnectError
        The target names none, or it cannot be reached.
    """
    from sqlalchemy.exc import DBAPIError

    url = where(settings)
    try:
        with server.opened(settings, url) as connection:
            yield connection
    except DBAPIError as error:
        raise unanswered.broken(error, "The server to try things on") from None
    except ConnectError as error:
        if error.code in ("connection-lost", "no-right", "timeout", "question-refused", "missing-driver"):
            raise
        raise ConnectError(
            f"The server to try things on ({SOURCE}) cannot be used: {error.problem}",
            next_step=error.next_step,
            code="scratch",
        ) from None


@contextmanager
def empty(settings: TargetSettings, collation: str) -> Iterator[TargetSettings]:
    """Yield what leads to an empty database, as the target's project wants to be told of it.

    `collation` is that of the target's database, which its tables get where a revision does not say another.

    Raises
    ------
    LackingError, ConnectError, OpsError
        The target names no such server, it cannot be reached, or it does not let us make a database.
    """
    from sqlalchemy.exc import DBAPIError

    name = f"{PREFIX}{secrets.token_hex(8)}"
    with session(settings) as connection:
        _tidy(connection)
        try:
            _hold(connection, name)
            connection.exec_driver_sql(f"CREATE DATABASE {server.quoted(name)} COLLATE {collation}")
        except DBAPIError as error:
            raise OpsError(
                f"No database can be made to try things on: {unanswered.said(error)}.",
                next_step=f"Grant the account of {SOURCE} all rights on `{PREFIX}%`.*.",
                code="scratch",
            ) from None
        try:
            yield _at(settings, name)
        finally:
            with suppress(DBAPIError):  # the next use tidies up
                connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {server.quoted(name)}")


def _hold(connection: Connection, name: str) -> None:
    """Hold a lock of the database's name for as long as the session lives: whoever tidies up leaves it alone."""
    connection.exec_driver_sql("SELECT GET_LOCK(%s, 0)", (name,))


def _tidy(connection: Connection) -> None:
    names = connection.exec_driver_sql("SELECT SCHEMA_NAME FROM information_schema.SCHEMATA").scalars().all()
    for name in filter(_OURS.fullmatch, names):
        if connection.exec_driver_sql("SELECT GET_LOCK(%s, 0)", (name,)).scalar_one() == 1:
            connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {server.quoted(name)}")
            connection.exec_driver_sql("SELECT RELEASE_LOCK(%s)", (name,))


def _at(settings: TargetSettings, name: str) -> TargetSettings:
    """The same project at a database of that server; it says mysql or mariadb as the target's own URL does."""
    from sqlalchemy.engine import make_url

    url = parse(str(settings.scratch_url), source=SOURCE)  # as it is written: ours has words that are ours
    spoken = make_url(str(settings.raw_url).strip()).drivername.partition("+")[0]
    _, plus, driver = url.drivername.partition("+")
    at = url.set(drivername=f"{spoken}{plus}{driver}", database=name)
    return settings.with_url(at.render_as_string(hide_password=False))


@contextmanager
def like(settings: TargetSettings, source: Connection, heads: Mapping[str, Sequence[str]]) -> Iterator[TargetSettings]:
    """Yield what leads to a database with the schema that `source` has now, without rows.

    `heads` are the version tables with the rows that they get: the copy stands where its original stands.

    Raises
    ------
    LackingError, ConnectError, OpsError
        As `empty`; or something of the schema cannot be made there.
    """
    from sqlalchemy.exc import DBAPIError

    script = list(dump.statements(source))
    with empty(settings, server.facts(source).collation) as at, server.opened(at, at.database.url) as connection:
        cursor = connection.connection.cursor()
        try:
            for sql in script:
                cursor.execute(sql)
            for table, rows in heads.items():
                for row in rows:
                    cursor.execute(f"INSERT INTO {server.quoted(table)} (version_num) VALUES (%s)", (row,))
        except (DBAPIError, connection.dialect.loaded_dbapi.Error) as error:
            raise OpsError(
                f"The schema cannot be copied to {SOURCE}: {redact(str(error.args[-1]))}.",
                next_step="See whether that server has the version, the engines and the plugins of the target's, and "
                "its account all rights there.",
                code="copy",
            ) from None
        yield at


def run(settings: TargetSettings, script: Path) -> None:
    """Run a script on a database of that server: plain SQL, as mariadb-dump --no-data writes it.

    Raises
    ------
    OpsError
        It does not run.
    """
    from sqlalchemy.exc import DBAPIError

    try:
        text = script.read_text(encoding="utf-8")
        with server.opened(settings, settings.database.url, several=True) as connection:
            cursor = connection.exec_driver_sql(text.replace("%", "%%")).cursor
            while cursor is not None and cursor.nextset():
                pass
    except (DBAPIError, OSError, UnicodeDecodeError) as error:
        why = unanswered.said(error) if isinstance(error, DBAPIError) else str(error)
        raise OpsError(
            f"The baseline {script} does not run on an empty database: {why}.",
            next_step="Make it plain SQL that runs by itself, for example with mariadb-dump --no-data.",
            code="baseline",
        ) from None
