"""Our connections to a MariaDB server: read-only, with limits that were read back; and where they are."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ops.errors import ConnectError
from ops.mariadb import tls
from ops.mariadb.unanswered import broken, cannot_connect
from ops.settings import TargetSettings
from ops.settings.urls import host_of, port_of

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine
    from sqlalchemy.engine import URL

CONNECT_SECONDS = 10
STATEMENT_SECONDS = 60
"""No question of ours takes longer; one that does is given up rather than left on a busy server."""

_SESSION = {
    "lock_wait_timeout": 5,
    "innodb_lock_wait_timeout": 5,
    "max_statement_time": STATEMENT_SECONDS,
    # The session waits, with a lock that others count on, for as long as a migration takes.
    "wait_timeout": 31_536_000,
    "time_zone": "+00:00",
}
_READ_ONLY = ("tx_read_only", "transaction_read_only")
"""What tells whether a session may write, under its name of before 11.1 and of since then."""

_SEVERAL = 1 << 16
"""The protocol's flag CLIENT_MULTI_STATEMENTS."""

ALL = "ALL PRIVILEGES"
"""The word for every right."""

_GRANT = re.compile(r"GRANT (.+) ON (\*|`(?:[^`]|``)+`)\.\* TO ")


@dataclass(frozen=True, slots=True, kw_only=True)
class MariaFacts:
    """Where a connection is. `place` is the server's address as the URL has it."""

    version: str
    version_number: int
    database: str
    role: str
    login: str
    primary: bool
    place: str
    collation: str

    @property
    def identity(self) -> str:
        """What makes this database this one: its address and name, as a server has nothing that stays with it."""
        return f"mariadb/{self.place}/{self.database}"

    @property
    def major(self) -> int:
        """The series: 1011 for 10.11."""
        return self.version_number // 10000

    @property
    def server(self) -> str:
        """What answers there, in a few words."""
        return f"MariaDB {self.version} at {self.place}, {'primary' if self.primary else 'read only'}"

    @property
    def rows(self) -> tuple[tuple[str, str], ...]:
        """What a person compares at a glance."""
        return ("database", self.database), ("server", self.server), ("account", self.role)

    def __str__(self) -> str:
        kind = "" if self.primary else " read-only server"
        return f"MariaDB {self.version}{kind} at {self.place} · database {self.database} · account {self.role}"


@contextmanager
def connect(settings: TargetSettings, *, purpose: str = "read") -> Iterator[Connection]:
    """Yield an autocommit connection to a target that cannot write.

    `purpose` is told by nothing there: MariaDB shows no name of a session.

    Raises
    ------
    ConnectError
        The server is down, does not let us in, has no such database, or is no MariaDB.
    """
    from sqlalchemy.exc import DBAPIError

    with opened(settings, settings.database.url) as connection:
        try:
            _set_up(connection, settings)
            yield connection
        except DBAPIError as error:
            raise broken(error, f"Target {settings.name!r}") from None


@contextmanager
def opened(settings: TargetSettings, url: URL, *, several: bool = False) -> Iterator[Connection]:
    """Yield a connection in autocommit mode of which nothing is set yet; `several` statements may be one text there.

    Raises
    ------
    ConnectError
        As `connect`.
    """
    from sqlalchemy.exc import DBAPIError, InvalidRequestError

    engine = _engine(url, several=several)
    try:
        connection = engine.connect()
    except DBAPIError as error:
        raise cannot_connect(settings, error) from None
    except InvalidRequestError:
        raise ConnectError(
            f"Target {settings.name!r} ({settings.database}) is MySQL, and no MariaDB: their locks, catalogs and "
            "versions differ, and nobody has tried this there.",
            next_step="Go on with plain alembic and mysqldump there.",
            code="mysql",
        ) from None
    with connection:
        tls.require(connection, url)
        connection.info["ops_tls"] = tls.is_wanted(url)
        yield connection


def _engine(url: URL, *, several: bool) -> Engine:
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    limits = {} if "connect_timeout" in url.query else {"connect_timeout": CONNECT_SECONDS}
    limits |= {"client_flag": _SEVERAL} if several else {}
    bare, encryption = tls.arguments(url)
    try:
        return create_engine(
            bare,
            poolclass=NullPool,
            isolation_level="AUTOCOMMIT",
            hide_parameters=True,
            connect_args=limits | encryption,
        )
    except ModuleNotFoundError:
        raise ConnectError(
            "MariaDB is reached by PyMySQL, which is not installed here.",
            next_step="Install it: pip install 'alembic-ops[mariadb]'.",
            code="missing-driver",
        ) from None


def _set_up(connection: Connection, settings: TargetSettings) -> None:
    """Set the session up, and read back what the server made of it."""
    words = ", ".join(f"{name} = '{value}'" if isinstance(value, str) else f"{name} = {value}"
                      for name, value in _SESSION.items())  # fmt: skip
    connection.exec_driver_sql("SET SESSION TRANSACTION READ ONLY")
    connection.exec_driver_sql(f"SET SESSION {words}")
    names = "', '".join((*_SESSION, *_READ_ONLY))
    rows = connection.exec_driver_sql(f"SHOW SESSION VARIABLES WHERE Variable_name IN ('{names}')").all()
    found = {name: value for name, value in rows}
    wrong = [f"{name} is {found.get(name)!r}" for name, value in _SESSION.items() if not _same(found.get(name), value)]
    if "ON" not in (found.get(name) for name in _READ_ONLY):
        wrong.append("the session can write")
    if wrong:
        raise ConnectError(
            f"Target {settings.name!r}: the server did not keep the session's settings: {', '.join(wrong)}.",
            next_step="Look for a proxy between here and the server that shares connections, and go round it.",
            code="session",
        )


def _same(found: str | None, wanted: str | int) -> bool:
    if isinstance(wanted, str) or found is None:
        return found == wanted
    return float(found) == wanted


# -- where it is -----------------------------------------------------------------------------------


def facts(connection: Connection) -> MariaFacts:
    """Return where a connection is."""
    version, database, role, login, read_only, collation = connection.exec_driver_sql(
        "SELECT VERSION(), DATABASE(), CURRENT_USER(), USER(), @@global.read_only OR @@global.innodb_read_only,"
        " @@collation_database"
    ).one()
    return MariaFacts(
        version=re.split(r"-MariaDB", version)[0],
        version_number=number(version),
        database=database,
        role=role,
        login=login,
        primary=not read_only,
        place=place_of(connection.engine.url),
        collation=collation,
    )


def place_of(url: URL) -> str:
    """Return the address of a server: host and port, or the socket."""
    socket = url.query.get("unix_socket")
    return str(socket) if socket else f"{host_of(url) or 'localhost'}:{port_of(url)}"


def number(version: str) -> int:
    """Return a version as a number of which the last four digits are the patch: 10110019 for 10.11.19."""
    major, minor, patch = (int(one) for one in (*re.findall(r"\d+", version)[:3], "0", "0", "0")[:3])
    return (major * 100 + minor) * 10000 + patch


def heads(connection: Connection, schema: str | None, table: str) -> tuple[str, ...] | None:
    """Return the rows of a version table, sorted; None where the table does not exist."""
    there = connection.exec_driver_sql(
        "SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.TABLES"
        " WHERE TABLE_SCHEMA = COALESCE(%s, DATABASE()) AND TABLE_NAME = %s",
        (schema or None, table),
    ).first()
    if there is None:
        return None
    name = ".".join(map(quoted, there))
    return tuple(sorted(connection.exec_driver_sql(f"SELECT version_num FROM {name}").scalars()))


def tables(connection: Connection, version_table: str) -> int:
    """Return how many tables the database has beside the version table."""
    asked = (
        "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()"
        " AND TABLE_TYPE = 'BASE TABLE' AND TABLE_NAME <> %s"
    )
    return int(connection.exec_driver_sql(asked, (version_table,)).scalar_one())


def take_proof(connection: Connection) -> tuple[str, str, bool]:
    """Take a lock whose name nobody can guess, and return it with the database's name: a worker has to see both.

    The third says whether the worker's session has to be encrypted. A copy on another server does not show the lock,
    and another database of this one has another name.
    https://mariadb.com/kb/en/get_lock/
    """
    name = f"alembic_ops.{secrets.token_hex(16)}"
    taken, database = connection.exec_driver_sql("SELECT GET_LOCK(%s, 0), DATABASE()", (name,)).one()
    if taken != 1:
        raise ConnectError(
            "The server gives no locks by name (GET_LOCK), by which a worker proves where it is.",
            next_step="Look for a proxy between here and the server, and go round it.",
            code="session",
        )
    return name, database, bool(connection.info["ops_tls"])


def rights(connection: Connection, *, everywhere: bool = False) -> frozenset[str]:
    """Return what whoever asks may do in the whole database, by grants and by the role in force, in the server's words.

    `ALL` stands for all of them. Rights on single tables are not among them. `everywhere`: on the whole server.
    """
    database = connection.exec_driver_sql("SELECT DATABASE()").scalar_one()
    found: set[str] = set()
    for text in connection.exec_driver_sql("SHOW GRANTS").scalars():
        grant = _GRANT.match(text)
        if grant is not None and (grant[2] == "*" if everywhere else _covers(grant[2], database)):
            found.update(re.sub(r"\(.*\)", "", one).strip() for one in grant[1].split(","))
    return frozenset(found)


def _covers(where: str, database: str) -> bool:
    """Whether a grant's object is a database: all of them, its name, or a pattern."""
    if where == "*":
        return True
    text = where[1:-1].replace("``", "`")
    pattern = "".join(
        re.escape(one[1]) if one.startswith("\\") and len(one) > 1 else {"%": ".*", "_": "."}.get(one, re.escape(one))
        for one in re.findall(r"\\.|.", text, re.DOTALL)
    )
    return re.fullmatch(pattern, database, re.DOTALL) is not None


def obstacles(connection: Connection) -> tuple[str, ...]:
    """Return why whoever asks could not change the schema, a sentence each.

    Only who may neither make nor alter anything in the whole database is told: what else is needed depends on the
    revision.
    """
    if rights(connection) & {"CREATE", "ALTER", ALL}:
        return ()
    account, database = connection.exec_driver_sql("SELECT CURRENT_USER(), DATABASE()").one()
    return (f"{account} may neither CREATE nor ALTER tables in {database}.",)


def clock(connection: Connection) -> datetime:
    """Return the server's time."""
    found: datetime = connection.exec_driver_sql("SELECT UTC_TIMESTAMP(6)").scalar_one()
    return found.replace(tzinfo=UTC)


# -- sessions of others ----------------------------------------------------------------------------


def end(connection: Connection, ids: Iterable[int]) -> None:
    """End connections with whatever they run: a server goes on with a statement whose client has gone."""
    from sqlalchemy.exc import DBAPIError

    for one in ids:
        with suppress(DBAPIError):  # it has ended by itself
            connection.exec_driver_sql(f"KILL {int(one)}")


def are_there(connection: Connection, ids: Iterable[int]) -> bool:
    """Return whether one of some connections still is there."""
    listed = ", ".join(str(int(one)) for one in ids)
    if not listed:
        return False
    asked = f"SELECT EXISTS (SELECT 1 FROM information_schema.PROCESSLIST WHERE ID IN ({listed}))"
    return bool(connection.exec_driver_sql(asked).scalar_one())


def quoted(name: str) -> str:
    """Return a name as SQL wants it."""
    return "`" + name.replace("`", "``") + "`"


def bare(text: str, database: str) -> str:
    """Return SQL of the server's own writing without the name of a database before what is in it."""
    return re.sub(rf"(?<![.`\w])`{re.escape(database.replace('`', '``'))}`\.(?=`)", "", text)
