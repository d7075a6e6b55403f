"""Where replays of a target's migrations happen, whatever kind of database it is."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ops import dialects
from ops.catalog import Catalog
from ops.errors import OpsError
from ops.ground import Ground
from ops.mariadb import copies as databases
from ops.mariadb import server
from ops.project.visit import Visit
from ops.project.visit import visit as visit_target
from ops.settings import TargetSettings
from ops.sqlite import copies

if TYPE_CHECKING:
    from sqlalchemy import Connection


def of(settings: TargetSettings, connection: Connection, table: tuple[str, str]) -> AnyGround:
    """Return where replays and copies of a target happen; see `Ground.of` for what it raises.

    Raises
    ------
    LackingError
        The target is on MariaDB, and names no server for that.
    """
    dialect = dialects.of(settings)
    if dialect.is_postgresql:
        return Ground.of(settings, connection, table)
    if dialect.is_file:
        return FileGround(home=settings.home)
    return MariaGround.of(settings, connection)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ownerless:
    """As much of a `Ground` as is needed where nobody owns anything."""

    home: Path
    role: str = ""
    owner: str = ""
    has_roles: bool = True

    def as_owned(self, made: Catalog) -> Catalog:
        """Return a catalog as it is."""
        return made

    def prepare(self, name: str, needed: object) -> None:
        """Do nothing: there are neither schemas nor extensions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileGround(_Ownerless):
    """Empty files."""

    @property
    def major(self) -> int:
        """The major version of the library."""
        return sqlite3.sqlite_version_info[0]

    @property
    def key(self) -> list[object]:
        """What a replay depends on, of all this."""
        return ["sqlite", sqlite3.sqlite_version]

    @contextmanager
    def visit(self, settings: TargetSettings, *, baseline: bool = True) -> Iterator[Visit]:
        """A visit to an empty file, with the target's baseline where it has one.

        Raises
        ------
        OpsError
            The baseline does not run.
        """
        with copies.empty(settings) as at:
            if baseline and settings.project.baseline is not None:
                _run(settings.project.baseline, Path(str(at.database.url.database)))
            with visit_target(at, purpose="replay") as here:
                yield here


def _run(script: Path, database: Path) -> None:
    try:
        with closing(sqlite3.connect(database)) as connection:
            connection.executescript(script.read_text(encoding="utf-8"))
    except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
        raise OpsError(
            f"The baseline {script} does not run on an empty database: {error}.",
            next_step="Make it plain SQL that runs by itself, for example with .schema of the program sqlite3.",
            code="baseline",
        ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class MariaGround(_Ownerless):
    """Empty databases on the server that the target names; `collation` is that of the target's own."""

    major: int
    place: str
    collation: str

    @classmethod
    def of(cls, settings: TargetSettings, connection: Connection) -> MariaGround:
        """Return where replays of a target happen.

        Raises
        ------
        LackingError, ConnectError
            The target names no server for that, or it cannot be reached.
        """
        collation = server.facts(connection).collation
        with databases.session(settings) as there:
            facts = server.facts(there)
        return cls(home=settings.home, major=facts.major, place=facts.place, collation=collation)

    @property
    def key(self) -> list[object]:
        """What a replay depends on, of all this."""
        return ["mariadb", self.place, self.major, self.collation]

    @contextmanager
    def visit(self, settings: TargetSettings, *, baseline: bool = True) -> Iterator[Visit]:
        """A visit to an empty database, with the target's baseline where it has one.

        Raises
        ------
        OpsError
            The baseline does not run.
        """
        with databases.empty(settings, self.collation) as at:
            if baseline and settings.project.baseline is not None:
                databases.run(at, settings.project.baseline)
            with visit_target(at, purpose="replay") as here:
                yield here


AnyGround = Ground | FileGround | MariaGround
