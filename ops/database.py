"""The one place that opens our connections: named, with limits that were read back, read-only but for the ledger's."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ops.errors import ConnectError, SettingsError, SharedSessionError, first_line
from ops.locking import shares_sessions
from ops.settings import TargetSettings, ours
from ops.settings.urls import PORT, host_of
from ops.unanswered import NO_RIGHT, STATEMENT_TIMEOUT, broken, cannot_connect, state

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.engine import ExceptionContext

CONNECT_SECONDS = 10
_SESSION = {
    "default_transaction_read_only": "on",
    "statement_timeout": STATEMENT_TIMEOUT,
    "lock_timeout": "5s",
    # The session waits, with a lock that others count on, for as long as a migration takes.
    "idle_session_timeout": "0",
    "timezone": "UTC",
}
"""As PostgreSQL itself writes these values, so that what is read back can be compared."""

_LEDGER_SESSION = {**_SESSION, "default_transaction_read_only": "off", "search_path": "pg_catalog"}

_KEEPALIVES = {"keepalives": 1, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
_CONNECT = {"connect_timeout": CONNECT_SECONDS, **_KEEPALIVES}


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFacts:
    """Where a connection is."""

    version: str
    version_number: int
    database: str
    role: str
    login: str
    primary: bool
    superuser: bool
    address: str
    system_identifier: str
    database_oid: int
    encoding: str

    @property
    def identity(self) -> str:
        """What makes this database this one: the cluster and the database in it."""
        return f"{self.system_identifier}/{self.database_oid}/{self.database}"

    @property
    def major(self) -> int:
        """The major version."""
        return self.version_number // 10000

    @property
    def server(self) -> str:
        """What answers there."""
        return f"PostgreSQL {self.version} at {self.address}, {'primary' if self.primary else 'replica: read only'}"

    @property
    def rows(self) -> tuple[tuple[str, str], ...]:
        """What a person compares at a glance."""
        return ("database", self.database), ("server", self.server), ("role", self.role)

    def __str__(self) -> str:
        role = self.role if self.role == self.login else f"{self.role} (as {self.login})"
        kind = "primary" if self.primary else "replica"
        return f"PostgreSQL {self.version} {kind} at {self.address} · database {self.database} · role {role}"


@contextmanager
def connect(settings: TargetSettings, *, purpose: str = "read") -> Iterator[Connection]:
    """Yield a read-only autocommit connection to a target, as the role that it names.

    Everything that we ask ourselves goes through here; what changes a database is the project's own code in
    its worker. Statements of ours end after `STATEMENT_TIMEOUT`.

    Raises
    ------
    ConnectError
        The server is down, does not let us in, or has no such database or role.
    SharedSessionError
        A pooler stands between, and shares sessions among its clients.
    """
    from sqlalchemy.exc import DBAPIError

    with _connected(settings, purpose, _SESSION) as connection:
        try:
            yield connection
        except DBAPIError as error:
            raise broken(error, f"Target {settings.name!r}") from None


@contextmanager
def connect_for_ledger(settings: TargetSettings) -> Iterator[Connection]:
    """Yield the one connection of ours that may write, for `ops.ledger` only; otherwise as `connect`.

    Raises
    ------
    ConnectError
        As there. What goes wrong afterwards is the driver's own error: what it means depends on what was written.
    """
    with _connected(settings, "ledger", _LEDGER_SESSION) as connection:
        # What is recorded may come in letters that the encoding of this machine lacks.
        connection.connection.driver_connection.set_client_encoding("UTF8")  # type: ignore[union-attr]
        yield connection


@contextmanager
def _connected(settings: TargetSettings, purpose: str, session: Mapping[str, str]) -> Iterator[Connection]:
    from sqlalchemy.exc import DBAPIError

    with _opened(settings) as connection:
        try:
            _refuse_shared_session(connection, settings)
            _set_up(connection, settings, purpose, session)
        except DBAPIError as error:
            raise broken(error, f"Target {settings.name!r}") from None
        yield connection


@contextmanager
def _opened(settings: TargetSettings) -> Iterator[Connection]:
    """Yield a connection in autocommit mode of which nothing is set yet."""
    from sqlalchemy import create_engine
    from sqlalchemy.exc import ArgumentError, DBAPIError
    from sqlalchemy.pool import NullPool

    url = settings.database.url
    try:
        engine = create_engine(
            url,
            poolclass=NullPool,
            isolation_level="AUTOCOMMIT",
            hide_parameters=True,
            use_native_hstore=False,  # the driver would look for that type in every database: three round trips
            connect_args={name: value for name, value in _CONNECT.items() if name not in url.query},
        )
        connection = engine.connect()
    except DBAPIError as error:
        raise cannot_connect(settings, error) from None
    except ArgumentError as error:  # several hosts, and ports that do not fit them
        raise SettingsError(
            f"{settings.source} is not a database URL: {error}.", next_step="Give each host its port."
        ) from None
    with connection:
        yield connection


@contextmanager
def connect_through_pooler(settings: TargetSettings) -> Iterator[Connection]:
    """Yield a connection on which every statement is a read-only transaction of its own, for a look through a pooler.

    A pooler that shares sessions keeps a transaction together, and nothing beyond it: what is set here ends with its
    statement, and the next one may be answered by another process of the server. So no lock can be held.

    Raises
    ------
    ConnectError
        As `connect`; or the server does not keep what is set for a transaction.
    """
    from sqlalchemy import event
    from sqlalchemy.exc import DBAPIError

    with _opened(settings) as connection:
        quote = connection.dialect.identifier_preparer.quote_identifier
        limits = {name: _SESSION[name] for name in ("statement_timeout", "lock_timeout", "timezone")}
        begin = "BEGIN READ ONLY; " + "; ".join(f"SET LOCAL {name} = '{value}'" for name, value in limits.items())
        if settings.role:
            begin += f"; SET LOCAL ROLE {quote(settings.role)}"

        def below(sql: str) -> None:
            with connection.connection.cursor() as cursor:
                cursor.execute(sql)

        def before(*_: object) -> None:
            try:
                below(begin)
            except connection.dialect.loaded_dbapi.Error as error:
                said = first_line(error)
                raise ConnectError(
                    f"Target {settings.name!r}: a transaction cannot be set up: {said}.",
                    next_step="Grant the login the role that the target names, or correct `role` in its section.",
                    code="session",
                ) from None

        def failed(context: ExceptionContext) -> None:
            if not context.is_disconnect:
                below("ROLLBACK")

        event.listen(connection, "before_cursor_execute", before)
        event.listen(connection, "after_cursor_execute", lambda *_: below("COMMIT"))
        event.listen(connection.engine, "handle_error", failed)
        kept = {"transaction_read_only": "on", **limits}
        getters = ", ".join(f"pg_catalog.current_setting('{name}')" for name in kept)
        try:
            found = connection.exec_driver_sql(f"SELECT {getters}").one()
            if wrong := [name for name, value in zip(kept, found, strict=True) if value != kept[name]]:
                raise ConnectError(
                    f"Target {settings.name!r}: the server did not keep what was set for a transaction: "
                    f"{', '.join(wrong)}.",
                    next_step="Name a URL that goes to the server itself as direct_url_env in the target's section.",
                    code="session",
                )
            yield connection
        except DBAPIError as error:
            raise broken(error, f"Target {settings.name!r}") from None


def _refuse_shared_session(connection: Connection, settings: TargetSettings) -> None:
    """Look for a pooler in transaction mode, before anything is set: it would hand our settings on to others.

    Those others are the application, which could not write any more: a pooler leaves what a client has set.
    """
    driver = connection.connection.dbapi_connection
    assert driver is not None  # it is open
    # A pooler makes the number up that it gives to its client; the server's own is the process.
    if driver.info.backend_pid == _backend(connection):  # type: ignore[attr-defined]
        return
    with connection.engine.connect() as other:
        if not shares_sessions(lambda: _backend(connection), lambda: _backend(other)):
            return
    raise SharedSessionError(
        f"Target {settings.name!r} ({settings.database}) is reached through a pooler that shares sessions among its "
        "clients (transaction mode): no lock would be ours, and what is set for our session would stay behind for the "
        "application's.",
        next_step="Name a URL that goes to the server itself as direct_url_env in the target's section, or use a "
        "pooler in session mode.",
    )


def _backend(connection: Connection) -> int:
    pid: int = connection.exec_driver_sql("SELECT pg_catalog.pg_backend_pid()").scalar_one()
    return pid


def _set_up(connection: Connection, settings: TargetSettings, purpose: str, session: Mapping[str, str]) -> None:
    """Set the session up, and read back what the server made of it."""
    from sqlalchemy import text
    from sqlalchemy.exc import DBAPIError

    wanted = {"application_name": f"alembic-ops {purpose}", **session}
    if settings.role:
        wanted["role"] = settings.role
    setters = ", ".join(f"pg_catalog.set_config('{name}', :{name}, false)" for name in wanted)
    getters = ", ".join(f"pg_catalog.current_setting('{name}')" for name in wanted)
    try:
        backend = connection.execute(text(f"SELECT pg_catalog.pg_backend_pid(), {setters}"), wanted).one()[0]
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        raise ConnectError(
            f"Target {settings.name!r}: the session cannot be set up: {first_line(error)}.",
            next_step="Grant the login the role that the target names, or correct `role` in its section.",
            code="session",
        ) from None
    # A statement of its own: a pooler that shares connections may send it to another backend.
    now_at, *values = connection.execute(text(f"SELECT pg_catalog.pg_backend_pid(), {getters}")).one()
    found = dict(zip(wanted, values, strict=True))
    wrong = [f"{name} is {found[name]!r}" for name in wanted if found[name] != wanted[name]]
    if now_at != backend:
        wrong.append("the next statement went to another server process")
    if wrong:
        raise ConnectError(
            f"Target {settings.name!r}: the server did not keep the session's settings: {', '.join(wrong)}.",
            next_step="Look for a pooler between here and the server that shares connections, and go round it.",
            code="session",
        )


_FACTS = """
    SELECT current_setting('server_version') AS version,
           current_setting('server_version_num')::int AS version_number,
           current_database() AS database, current_user AS role, session_user AS login,
           NOT pg_is_in_recovery() AS primary,
           (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) AS superuser,
           coalesce(CASE family(inet_server_addr()) WHEN 6 THEN '[' || host(inet_server_addr()) || ']'
                    ELSE host(inet_server_addr()) END || ':' || inet_server_port(), 'a local socket') AS address,
           {system_identifier} AS system_identifier,
           (SELECT oid::bigint FROM pg_catalog.pg_database WHERE datname = current_database()) AS database_oid,
           current_setting('server_encoding') AS encoding
"""


def facts(connection: Connection) -> ServerFacts:
    """Return where a connection is, in one round trip.

    Where the role may not ask for the cluster's identifier, the host and port of the URL stand in its place.
    """
    from sqlalchemy import text
    from sqlalchemy.exc import DBAPIError

    identifier = "(SELECT system_identifier::text FROM pg_catalog.pg_control_system())"
    try:
        row = connection.execute(text(_FACTS.format(system_identifier=identifier))).one()
    except DBAPIError as error:
        if state(error) != NO_RIGHT:
            raise
        url = connection.engine.url
        place = f"{host_of(url)}:{url.port or url.query.get('port') or PORT}"
        row = connection.execute(text(_FACTS.format(system_identifier=":place")), {"place": place}).one()
    return ServerFacts(**row._mapping)


def leads_elsewhere(connection: Connection, settings: TargetSettings) -> str:
    """Return the database that a target's pooled URL leads to, where that is certainly another one than the direct's.

    Empty where it is the same, where there is none, and where it cannot be asked from here. Nothing is set there.
    """
    from sqlalchemy import create_engine
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.pool import NullPool

    if settings.pooled_url is None:
        return ""
    url = ours(settings.pooled_url, source="url").url
    engine = create_engine(
        url, poolclass=NullPool, isolation_level="AUTOCOMMIT", connect_args={"connect_timeout": CONNECT_SECONDS}
    )
    try:
        with engine.connect() as pooled:
            there, here = facts(pooled), facts(connection)
    except DBAPIError:
        return ""
    known = there.system_identifier.isdigit() and here.system_identifier.isdigit()
    same = there.database == here.database and (not known or there.identity == here.identity)
    return "" if same else f"{there.database} at {there.address}"


def take_proof(connection: Connection) -> int:
    """Take an advisory lock under a random number, for as long as the connection lives, and return the number.

    A session that sees this lock in its own database is in the same database: a sibling database, or a
    physical copy of the whole cluster, does not show it.
    """
    from sqlalchemy import text

    number = secrets.randbits(62)
    connection.execute(text("SELECT pg_catalog.pg_advisory_lock(:number)"), {"number": number})
    return number


def cancel(connection: Connection, pid: int) -> bool:
    """Cancel the running statement of another backend of the same login; return whether the server was told.

    That is the login's right, and not that of the role which it may have taken on.
    """
    from sqlalchemy import text
    from sqlalchemy.exc import DBAPIError

    role = text("SELECT pg_catalog.set_config('role', :role, false)")
    try:
        taken_on = connection.execute(text("SELECT pg_catalog.current_setting('role')")).scalar_one()
        connection.execute(role, {"role": "none"})
        told = connection.execute(text("SELECT pg_catalog.pg_cancel_backend(:pid)"), {"pid": pid}).scalar_one()
        connection.execute(role, {"role": taken_on})
    except DBAPIError:
        return False  # without a connection nobody can be told, and whoever asks reads the state back
    return bool(told)
