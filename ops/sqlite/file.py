"""Our connections to a file of SQLite's: they read, and what they may not do was read back."""

from __future__ import annotations

import getpass
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from ops.errors import ConnectError
from ops.settings import TargetSettings

if TYPE_CHECKING:
    from sqlalchemy import Connection

BUSY_SECONDS = 5.0
"""How long a question of ours waits for whoever has the file locked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """Where a connection is. A file has neither roles nor sessions: `role` and `login` are who asks."""

    version: str
    version_number: int
    file: Path
    journal_mode: str
    role: str
    encoding: str

    @property
    def login(self) -> str:
        """Who asks, by the operating system."""
        return self.role

    @property
    def database(self) -> str:
        """The name of the file."""
        return self.file.name

    @property
    def primary(self) -> bool:
        """True: a file is no replica."""
        return True

    @property
    def identity(self) -> str:
        """What makes this database this one: where it is. A restored file stands in its place."""
        return f"sqlite/{self.file}"

    @property
    def major(self) -> int:
        """The major version of the library."""
        return self.version_number // 10000

    @property
    def server(self) -> str:
        """What answers there, in a few words."""
        return f"SQLite {self.version}, file {self.file}"

    @property
    def rows(self) -> tuple[tuple[str, str], ...]:
        """What a person compares at a glance."""
        return (
            ("database", self.database),
            ("file", str(self.file)),
            ("library", f"SQLite {self.version}, journal mode {self.journal_mode}"),
        )

    def __str__(self) -> str:
        return f"SQLite {self.version} · file {self.file} · journal mode {self.journal_mode}"


@contextmanager
def connect(settings: TargetSettings, *, purpose: str = "read") -> Iterator[Connection]:
    """Yield an autocommit connection to a target's file that cannot write.

    Raises
    ------
    ConnectError
        There is no such file, it is no database of SQLite's, or may not be read.
    """
    from sqlalchemy.exc import DBAPIError

    path = Path(str(settings.database.url.database))
    _require(path, settings)
    engine = _engine(path)
    try:
        connection = engine.connect()
    except DBAPIError as error:
        raise _cannot(settings, path, str(error.orig)) from None
    with connection:
        try:
            connection.exec_driver_sql("PRAGMA query_only = ON")
            if connection.exec_driver_sql("PRAGMA query_only").scalar() != 1:
                raise _cannot(settings, path, "the library did not make the connection read-only")
            connection.exec_driver_sql("PRAGMA schema_version").scalar()  # reads the file for the first time
            yield connection
        except DBAPIError as error:
            raise _cannot(settings, path, str(error.orig)) from None


def _engine(path: Path):  # type: ignore[no-untyped-def]
    from sqlalchemy import create_engine
    from sqlalchemy.engine import URL
    from sqlalchemy.pool import NullPool

    def opened() -> sqlite3.Connection:
        # Not mode=ro: a journal that a killed process left has to be rolled back before anybody can read.
        return sqlite3.connect(uri(path), uri=True, isolation_level=None, timeout=BUSY_SECONDS, check_same_thread=False)

    return create_engine(
        URL.create("sqlite+pysqlite", database=str(path)),
        creator=opened,
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",
        hide_parameters=True,
    )


def uri(path: Path, *, mode: str = "rw") -> str:
    """Return a path as SQLite's URI: the file is opened, and never made."""
    return f"file:{quote(os.path.abspath(path))}?mode={mode}"


def _require(path: Path, settings: TargetSettings) -> None:
    """Return where there is a file. It is not opened: closing it would give up SQLite's locks of this process.

    Source
    ------
    https://www.sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_
    """
    if path.is_dir():
        raise _cannot(settings, path, "it is a folder")
    if not path.exists():
        raise ConnectError(
            f"Target {settings.name!r}: there is no file {path}.",
            next_step="Correct the path in the URL: it is relative to the folder in which env.py runs. A new database "
            "begins as an empty file: touch makes one.",
            code="no-file",
        )


def _cannot(settings: TargetSettings, path: Path, why: str) -> ConnectError:
    step = "Check the path in the URL, and who may read the file."
    if "not a database" in why:
        step = "Check the path in the URL: it is another kind of file, or an encrypted database."
    if "locked" in why:
        step = "Somebody has it locked: see who with notebooks/14-check-health.ipynb, and run this again."
    return ConnectError(f"Target {settings.name!r}: {path} cannot be read: {why.rstrip('.')}.", next_step=step)


def facts(connection: Connection) -> FileFacts:
    """Return where a connection is."""
    return FileFacts(
        version=sqlite3.sqlite_version,
        version_number=_number(sqlite3.sqlite_version_info),
        file=path_of(connection),
        journal_mode=str(connection.exec_driver_sql("PRAGMA journal_mode").scalar()),
        role=_whoami(),
        encoding=str(connection.exec_driver_sql("PRAGMA encoding").scalar()),
    )


def _number(version: tuple[int, ...]) -> int:
    """The version as servers write theirs: 3.40.1 is 34001."""
    major, minor, patch = version[:3]
    return major * 10000 + minor * 100 + patch


def _whoami() -> str:
    with suppress(KeyError, OSError):  # a container's user id without a name
        return getpass.getuser()
    return str(os.getuid())


def path_of(connection: Connection) -> Path:
    """Return the file behind a connection, with no symbolic link in its path."""
    rows = connection.exec_driver_sql("PRAGMA database_list").all()
    return Path(os.path.realpath(next(row[2] for row in rows if row[1] == "main")))


def heads(connection: Connection, schema: str | None, table: str) -> tuple[str, ...] | None:
    """Return the rows of a version table, sorted; None where the table does not exist."""
    quoted = connection.dialect.identifier_preparer.quote_identifier
    where = quoted(schema or "main")
    there = connection.exec_driver_sql(
        f"SELECT 1 FROM {where}.sqlite_master WHERE type = 'table' AND lower(name) = lower(?)", (table,)
    ).first()
    if there is None:
        return None
    return tuple(sorted(connection.exec_driver_sql(f"SELECT version_num FROM {where}.{quoted(table)}").scalars()))


def tables(connection: Connection, version_table: str) -> int:
    """Return how many tables there are beside the version table and SQLite's own."""
    asked = (
        "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        " AND lower(name) <> lower(?)"
    )
    return int(connection.exec_driver_sql(asked, (version_table,)).scalar_one())


def take_proof(connection: Connection) -> list[int]:
    """Return device and inode of the file, which no copy of it has. It stays open, so nobody else can get them."""
    found = os.stat(path_of(connection))
    return [found.st_dev, found.st_ino]


def obstacles(connection: Connection) -> tuple[str, ...]:
    """Return why whoever asks could not change the file, a sentence each."""
    path = path_of(connection)
    found = []
    if not os.access(path, os.W_OK):
        found.append(f"{_whoami()} may not write {path}.")
    if not os.access(path.parent, os.W_OK):
        found.append(f"{_whoami()} may not write the folder {path.parent}, where SQLite keeps its journal.")
    return tuple(found)


def backed_up(source: Path, copy: Path) -> None:
    """Copy a database as of one moment, whoever writes meanwhile, by SQLite's backup API; for the owner's eyes only.

    Raises
    ------
    FileExistsError
        There is a file where the copy is to be. It is left as it is.
    sqlite3.Error
        It cannot be read, somebody has it locked, or the copy cannot be written. There is no copy then.

    Source
    ------
    https://www.sqlite.org/backup.html
    """
    os.close(os.open(copy, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        with (
            closing(sqlite3.connect(uri(source), uri=True, timeout=BUSY_SECONDS)) as one,
            closing(sqlite3.connect(uri(copy), uri=True)) as other,
        ):
            write_over(one, other)
    except BaseException:
        copy.unlink(missing_ok=True)
        raise


def write_over(source: sqlite3.Connection, target: sqlite3.Connection) -> None:
    """Write all pages of a database over another's, in one transaction: whoever is killed leaves what was there.

    Raises
    ------
    sqlite3.Error
        Somebody had one of the two locked for `BUSY_SECONDS`, one cannot be read, or the other not be written.
    """
    give_up = time.monotonic() + BUSY_SECONDS

    def step(status: int, left: int, total: int) -> None:
        # Where a lock is not given, Python's loop round the steps tries again for ever.
        if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) and time.monotonic() > give_up:
            raise sqlite3.OperationalError("database is locked")

    source.backup(target, pages=-1, progress=step)


def damage(path: Path) -> str:
    """Return what SQLite finds wrong with a file that nobody writes to; empty where that is nothing."""
    try:
        with closing(sqlite3.connect(f"{uri(path, mode='ro')}&immutable=1", uri=True)) as connection:
            found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(5)")]
    except sqlite3.Error as error:
        return str(error)
    return "" if found == ["ok"] else f"PRAGMA integrity_check says: {'; '.join(found)}"
