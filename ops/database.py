"""The one place that opens our connections: read-only, named, with limits that were read back."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ops.errors import ConnectError, OpsError
from ops.settings import TargetSettings, redact

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.exc import DBAPIError

CONNECT_SECONDS = 10
STATEMENT_TIMEOUT = "60s"
"""No question of ours takes longer; one that does is given up rather than left on a busy server."""

_KEEPALIVES = {"keepalives": 1, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}


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
    """
    from sqlalchemy import create_engine
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.pool import NullPool

    engine = create_engine(
        settings.database.url,
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",
        hide_parameters=True,
        connect_args={"connect_timeout": CONNECT_SECONDS, **_KEEPALIVES},
    )
    try:
        connection = engine.connect()
    except DBAPIError as error:
        raise _cannot_connect(settings, error) from None
    with connection:
        _set_up(connection, settings, purpose)
        yield connection


def _set_up(connection: Connection, settings: TargetSettings, purpose: str) -> None:
    from sqlalchemy import text
    from sqlalchemy.exc import DBAPIError

    wanted = {
        "application_name": f"alembic-ops {purpose}",
        "default_transaction_read_only": "on",
        "statement_timeout": STATEMENT_TIMEOUT,
        "lock_timeout": "5s",
        "timezone": "UTC",
    }
    if settings.role:
        wanted["role"] = settings.role
    setters = ", ".join(f"set_config('{name}', :{name}, false)" for name in wanted)
    try:
        connection.execute(text(f"SELECT {setters}"), wanted)
    except DBAPIError as error:
        raise ConnectError(
            f"Target {settings.name!r}: the session cannot be set up: {first_line(error)}.",
            next_step="Grant the login the role that the target names, or correct `role` in its section.",
        ) from None
    getters = ", ".join(f"current_setting('{name}')" for name in wanted)
    found = dict(zip(wanted, connection.execute(text(f"SELECT {getters}")).one(), strict=True))
    # PostgreSQL writes durations its own way (60s becomes 1min), so compare what must not be off.
    if found["default_transaction_read_only"] != "on" or "0" in (
        found["statement_timeout"],
        found["lock_timeout"],
    ):
        raise OpsError(
            f"Target {settings.name!r}: the server did not take our session settings: {found}.",
            next_step="Look for a pooler between here and the server that drops SET, and go round it.",
        )


def facts(connection: Connection) -> ServerFacts:
    """Return where a connection is, in one round trip."""
    from sqlalchemy import text

    row = connection.execute(
        text(
            """
            SELECT current_setting('server_version') AS version,
                   current_setting('server_version_num')::int AS version_number,
                   current_database() AS database, current_user AS role, session_user AS login,
                   NOT pg_is_in_recovery() AS primary,
                   (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS superuser,
                   coalesce(host(inet_server_addr()) || ':' || inet_server_port(), 'a local socket') AS address,
                   (SELECT system_identifier::text FROM pg_control_system()) AS system_identifier,
                   (SELECT oid::bigint FROM pg_database WHERE datname = current_database()) AS database_oid,
                   current_setting('server_encoding') AS encoding
            """
        )
    ).one()
    return ServerFacts(**row._mapping)


_NO_SUCH_TABLE = ("42P01", "3F000")  # undefined table, undefined schema


def heads(connection: Connection, schema: str | None, table: str) -> tuple[str, ...] | None:
    """Return the rows of a version table, sorted; None where the table does not exist.

    Raises
    ------
    ConnectError
        The role may not read the table.
    """
    from sqlalchemy.exc import DBAPIError

    quote = connection.dialect.identifier_preparer.quote_identifier
    name = quote(table) if schema is None else f"{quote(schema)}.{quote(table)}"
    try:
        return tuple(sorted(connection.exec_driver_sql(f"SELECT version_num FROM {name}").scalars()))
    except DBAPIError as error:
        if getattr(error.orig, "pgcode", None) in _NO_SUCH_TABLE:
            return None
        raise ConnectError(
            f"The version table {name} cannot be read: {first_line(error)}.",
            next_step=f"Grant the role SELECT on {name}.",
            code="version-table",
        ) from None


def take_proof(connection: Connection) -> int:
    """Take an advisory lock under a random number, for as long as the connection lives, and return the number.

    A session that sees this lock in its own database is in the same database: a sibling database, or a
    physical copy of the whole cluster, does not show it.
    """
    from sqlalchemy import text

    number = secrets.randbits(62)
    connection.execute(text("SELECT pg_advisory_lock(:number)"), {"number": number})
    return number


def cancel(connection: Connection, pid: int) -> None:
    """Cancel the running statement of another backend of the same login; the connection's role is given up for that."""
    from sqlalchemy import text

    connection.execute(text("RESET ROLE"))
    connection.execute(text("SELECT pg_cancel_backend(:pid)"), {"pid": pid})


def first_line(error: DBAPIError) -> str:
    """Return what the server said, in one line, without secrets."""
    lines = str(error.orig).strip().splitlines() or [type(error.orig).__name__]
    return redact(lines[0]).rstrip(".")


# What libpq says, and what helps. The text is libpq's own and is not translated (lc_messages is the server's,
# so the server's part is matched in English only; anything else falls through to the general advice).
_ADVICE = (
    (
        "password authentication failed",
        "Check user and password in the environment variable that holds the URL.",
    ),
    ("no password supplied", "Put the password into the URL, or into ~/.pgpass."),
    (
        "no pg_hba.conf entry",
        "Ask the server's administrator to let this host, user and database in (pg_hba.conf).",
    ),
    ("does not exist", "Check the name in the URL, or create it."),
    ("Connection refused", "Start the server, or check host and port."),
    ("No such file or directory", "Start the server, or check the socket folder in the URL."),
    ("could not translate host name", "Check the host name in the URL."),
    ("timeout expired", "Check host, port and firewall: nobody answered in time."),
    ("too many clients", "Wait, or raise max_connections: the server has no connection left."),
    ("starting up", "Wait until the server has started, and run this again."),
    ("shutting down", "The server is being stopped; run this again when it is up."),
    ("SSL", "Check sslmode and certificates in the URL."),
    ("invalid connection option", "Remove that option from the URL."),
)


def _cannot_connect(settings: TargetSettings, error: Any) -> ConnectError:
    said = redact(" ".join(str(error.orig).split())).rstrip(".")
    general = "Check the URL, and whether the server runs and accepts connections from here."
    advice = next((advice for words, advice in _ADVICE if words in said), general)
    return ConnectError(f"Target {settings.name!r} ({settings.database}) cannot be reached: {said}.", next_step=advice)
