"""A target's two URLs: ours, which always speaks psycopg2, and the one that the project's env.py expects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ops.errors import SettingsError
from ops.settings.secrets import remember

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

OURS = "postgresql+psycopg2"

_POSTGRESQL = {"postgres", "postgresql"}
_DRIVERS = {None, "psycopg2", "psycopg", "psycopg2cffi", "asyncpg", "pg8000", "psycopg_async"}

# asyncpg's spelling of options that libpq knows under another name.
_RENAMED = {"ssl": "sslmode", "timeout": "connect_timeout", "user": "user", "database": "dbname"}
_SSL_WORDS = {"true": "require", "1": "require", "on": "require", "false": "disable", "0": "disable"}
# Options of drivers that mean nothing to libpq and nothing to what we do over our own connection.
_DRIVER_ONLY = {
    "command_timeout",
    "statement_cache_size",
    "max_cached_statement_lifetime",
    "max_cacheable_statement_size",
    "prepared_statement_cache_size",
    "prepared_statement_name_func",
    "prepare_threshold",
    "ssl_context",
    "tcp_keepalive",
    "async_fallback",
}
_LIBPQ = {
    "application_name", "channel_binding", "client_encoding", "connect_timeout", "fallback_application_name",
    "gssencmode", "gsslib", "host", "hostaddr", "keepalives", "keepalives_count", "keepalives_idle",
    "keepalives_interval", "krbsrvname", "load_balance_hosts", "options", "passfile", "port", "require_auth",
    "requirepeer", "service", "sslcert", "sslcertmode", "sslcompression", "sslcrl", "sslcrldir", "sslkey",
    "ssl_max_protocol_version", "ssl_min_protocol_version", "sslmode", "sslnegotiation", "sslpassword",
    "sslrootcert", "sslsni", "target_session_attrs", "tcp_user_timeout", "user", "dbname", "password",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """Our URL of one database; never printed with its password."""

    url: URL
    untranslated: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Database({masked(self.url)!r})"

    def __str__(self) -> str:
        return masked(self.url)


def parse(text: str, *, source: str) -> URL:
    """Return the parsed URL; `source` says, in the error, where it came from.

    Raises
    ------
    SettingsError
        The text is no database URL. The text itself is not repeated, as it may hold a password.
    """
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(text.strip())
    except (ArgumentError, ValueError):  # ValueError: a port that is no number
        raise SettingsError(
            f"{source} is not a database URL.",
            next_step="Write it as postgresql://user:password@host:5432/database; "
            "percent-encode special characters in the password.",
        ) from None
    remember(url.password)
    if url.query.get("password"):
        remember(str(url.query["password"]))
    return url


def ours(text: str, *, source: str = "The URL") -> Database:
    """Return our own URL, which speaks psycopg2, translated from whatever driver it was written for.

    Raises
    ------
    SettingsError
        No URL, another database than PostgreSQL, or a driver that nobody knows.
    """
    url = parse(text, source=source)
    _check_driver(url, source)
    query: dict[str, str | tuple[str, ...]] = {}
    untranslated: list[str] = []
    for name, value in url.query.items():
        if name == "server_settings" or name in _DRIVER_ONLY:
            untranslated.append(name)
        elif name in _RENAMED and name not in _LIBPQ:
            word = value if isinstance(value, str) else value[-1]
            query[_RENAMED[name]] = _SSL_WORDS.get(word.lower(), word) if name == "ssl" else word
        elif name in _LIBPQ:
            query[name] = value
        elif name == "unix_sock":
            query["host"] = value if isinstance(value, str) else value[-1]
        else:
            untranslated.append(name)
    return Database(url=url.set(drivername=OURS, query=query), untranslated=tuple(sorted(untranslated)))


def project_url(text: str, *, driver: str | None = None, source: str = "The URL") -> str:
    """Return the URL for the project's env.py, with the password in it: for the worker's input only.

    It keeps the driver that it was written with; `driver` puts another in its place. A bare
    `postgresql://` becomes psycopg2's, as SQLAlchemy 2.1 reads it as psycopg 3.
    """
    url = parse(text, source=source)
    _check_driver(url, source)
    if driver and driver not in _DRIVERS:
        raise _unknown_driver(driver, source)
    name = f"postgresql+{driver}" if driver else url.drivername
    if name in _POSTGRESQL:
        name = OURS
    query = dict(url.query)
    if name.endswith("+asyncpg"):
        query = {("ssl" if key == "sslmode" else key): value for key, value in query.items()}
    elif not name.endswith("+pg8000") and url.drivername.endswith("+asyncpg"):
        query = dict(ours(text, source=source).url.query)
    return url.set(drivername=name, query=query).render_as_string(hide_password=False)


def masked(url: URL) -> str:
    """Return the URL as it may be shown."""
    if url.query.get("password"):
        url = url.update_query_dict({"password": "***"})
    return url.render_as_string(hide_password=True)


def _check_driver(url: URL, source: str) -> None:
    dialect, _, driver = url.drivername.partition("+")
    if dialect not in _POSTGRESQL:
        raise SettingsError(
            f"{source} speaks {dialect!r}; targets are PostgreSQL databases.",
            next_step="Use a URL that begins with postgresql://.",
        )
    if (driver or None) not in _DRIVERS:
        raise _unknown_driver(driver, source)


def _unknown_driver(driver: str, source: str) -> SettingsError:
    known = ", ".join(sorted(name for name in _DRIVERS if name))
    return SettingsError(
        f"{source} asks for the driver {driver!r}, which is not one of {known}.",
        next_step="Correct the part behind the plus sign, or leave it out.",
    )
