"""A target's two URLs: ours, and the one that the project's env.py expects.

Ours speaks psycopg2 to PostgreSQL, PyMySQL to MariaDB, and pysqlite to a file of SQLite's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from ops.errors import SettingsError
from ops.secrets import remember
from ops.settings import mariadb, mariadb_tls, sqlite

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

OURS = "postgresql+psycopg2"
PORT = 5432

Query = dict[str, str | tuple[str, ...]]

_DIALECTS = ("postgres", "postgresql")
# By what their URLs' options mean.
_LIBPQ_DRIVERS = ("psycopg2", "psycopg2cffi", "psycopg", "psycopg_async")
_DRIVERS = (*_LIBPQ_DRIVERS, "asyncpg", "pg8000")

_LIBPQ = {
    "application_name", "channel_binding", "client_encoding", "connect_timeout", "dbname",
    "fallback_application_name", "gssencmode", "gsslib", "host", "hostaddr", "keepalives", "keepalives_count",
    "keepalives_idle", "keepalives_interval", "krbsrvname", "load_balance_hosts", "options", "passfile",
    "password", "port", "require_auth", "requirepeer", "service", "sslcert", "sslcertmode", "sslcompression",
    "sslcrl", "sslcrldir", "sslkey", "sslmode", "sslnegotiation", "sslpassword", "sslrootcert", "sslsni",
    "ssl_max_protocol_version", "ssl_min_protocol_version", "target_session_attrs", "tcp_user_timeout", "user",
}  # fmt: skip
_ASYNCPG = {"host", "port", "user", "password", "passfile", "service", "target_session_attrs", "krbsrvname", "gsslib"}
_PG8000 = {"host", "port", "user", "password", "application_name"}
# What may be lost on the way to another driver, as no result depends on it.
_DISPENSABLE = {
    "application_name", "client_encoding", "connect_timeout", "fallback_application_name", "keepalives",
    "keepalives_count", "keepalives_idle", "keepalives_interval", "load_balance_hosts", "sslcompression", "sslsni",
    "tcp_user_timeout",
}  # fmt: skip
_SSL_WORDS = {"true": "require", "1": "require", "on": "require", "yes": "require",
              "false": "disable", "0": "disable", "off": "disable", "no": "disable"}  # fmt: skip
_SECRETS = ("password", "sslpassword", mariadb_tls.PASSWORD)
"""Options that hold a password."""

_SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# libpq's way of naming several servers, which SQLAlchemy cannot read.
_SEVERAL_HOSTS = re.compile(
    r"(?P<head>[\w+]+://(?:[^/?#]*@)?)(?P<hosts>[^/?@\[\]]+,[^/?@\[\]]+)(?P<path>/[^?]*)?(?P<query>\?.*)?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """Our URL of one database; never printed with its password."""

    url: URL
    untranslated: tuple[str, ...] = ()

    @property
    def dialect(self) -> str:
        """Which kind of database it is: `postgresql`, `mariadb` or `sqlite`."""
        return self.url.get_backend_name()

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

    text = text.strip()
    try:
        url = make_url(_one_host_each(text))
    except (ArgumentError, ValueError):  # ValueError: a port that is no number
        raise _malformed(source) from None
    public = (url.username, url.host, url.database)
    remember(url.password, public=public)
    for name in _SECRETS:
        for value in _all(url.query.get(name)):
            remember(value, public=public)
    options = (one for value in url.query.values() for one in _all(value))
    if any(_CONTROL.search(part or "") for part in (text, *public, url.password, *options)):
        raise _malformed(source, " It holds a control character, such as a line break.")
    if url.database and url.database != url.database.rstrip():
        # Without options behind it, such a URL ends in the blank, which is lost: it would lead to another database.
        raise _malformed(source, " The name of its database ends in a blank.")
    if url.port is not None and not 0 < url.port < 65536:
        raise _malformed(source, " Ports are numbers from 1 to 65535.")
    if (url.host or "").lower().startswith("%2f"):  # libpq's way of writing a socket's folder
        url = url.set(host="").update_query_dict({"host": unquote(url.host or "")})
    if "@" in (url.host or ""):
        raise _malformed(source, " There is more than one @: in a password it is written %40.")
    return url


def ours(text: str, *, source: str = "The URL") -> Database:
    """Return our own URL, translated from whatever driver it was written for.

    Raises
    ------
    SettingsError
        No URL, a database that nobody knows here, or a driver that nobody knows.
    """
    url = parse(text, source=source)
    if sqlite.is_one(text):
        sqlite.driver_of(url, source)
        file = sqlite.file_of(url, source)
        return Database(url=url.set(drivername=sqlite.OURS, database=str(file), query={}))
    if mariadb.is_one(text):
        url, lost = mariadb.ours(url, source)
        return Database(url=url, untranslated=lost)
    driver = _driver(url, source)
    query, untranslated = _to_libpq(url.query, driver, source)
    return Database(url=url.set(drivername=OURS, query=query), untranslated=tuple(sorted(untranslated)))


def project_url(text: str, *, driver: str | None = None, source: str = "The URL") -> str:
    """Return the URL for the project's env.py, with the password in it: for the worker's input only.

    It keeps the driver that it was written with, and that driver's options; `driver` puts another in its
    place, and has the options translated. A bare `postgresql://` becomes psycopg2's, as SQLAlchemy 2.1 reads
    it as psycopg 3.

    Raises
    ------
    SettingsError
        No URL, an unknown driver, or an option that the other driver's URL cannot express.
    """
    url = parse(text, source=source)
    written = driver_of(text, source=source)
    wanted = written if driver is None else driver
    if sqlite.is_one(text):
        named = url.set(drivername=f"{sqlite.DIALECT}+{wanted}")
        sqlite.driver_of(named, source)
        return named.render_as_string(hide_password=False)
    if mariadb.is_one(text):
        return mariadb.for_project(url, wanted, source).render_as_string(hide_password=False)
    if wanted not in _DRIVERS:
        raise _unknown_driver(wanted, source)
    query: Query = dict(url.query)
    if _family(wanted) != _family(written):
        query, lost = _to_libpq(url.query, written, source)
        if wanted == "asyncpg":
            query, refused = _to_asyncpg(query)
        elif wanted == "pg8000":
            query, refused = _to_pg8000(query)
        else:
            refused = []
        refused += [name for name in lost if name not in _PERFORMANCE]
        if refused:
            raise SettingsError(
                f"{source} has options that a URL for {wanted} cannot express: {', '.join(sorted(refused))}.",
                next_step=f"Write the URL for {wanted} itself, or give the project what it needs by `option.NAME` or "
                "`env.NAME` in the target's section.",
            )
    elif wanted == "asyncpg":
        query = {("ssl" if name == "sslmode" else name): value for name, value in query.items()}
        if "ssl" in query:
            query["ssl"] = _ssl_mode(_last(query["ssl"]), source)
    return url.set(drivername=f"postgresql+{wanted}", query=query).render_as_string(hide_password=False)


def driver_of(text: str, *, source: str) -> str:
    """Return the driver that a URL was written for; SQLAlchemy's usual one where it names none."""
    url = parse(text, source=source)
    if mariadb.is_one(text):
        return mariadb.driver_of(url, source)
    return sqlite.driver_of(url, source) if sqlite.is_one(text) else _driver(url, source)


def kind_of(text: str) -> str:
    """Return which kind of database a URL leads to: `postgresql`, `mariadb` or `sqlite`."""
    if mariadb.is_one(text):
        return mariadb.DIALECT
    return sqlite.DIALECT if sqlite.is_one(text) else "postgresql"


def port_of(url: URL) -> int | str:
    """Return the port of a server, which is the usual one where the URL names none."""
    usual = mariadb.PORT if kind_of(f"{url.drivername}:") == mariadb.DIALECT else PORT
    return url.port or _last(url.query.get("port") or str(usual))


def host_of(url: URL) -> str:
    """Return the host, or the folder of the socket; of several hosts all, separated by commas."""
    return url.host or ",".join(_all(url.query.get("host")))


def masked(url: URL) -> str:
    """Return the URL as it may be shown."""
    for name in _SECRETS:
        if url.query.get(name):
            url = url.update_query_dict({name: "***"})
    return url.render_as_string(hide_password=True).replace("%2A%2A%2A", "***")


# Options of asyncpg, pg8000 and psycopg that mean nothing to libpq, and nothing to what a migration does.
_PERFORMANCE = {
    "async_fallback", "command_timeout", "max_cached_statement_lifetime", "max_cacheable_statement_size",
    "prepare_threshold", "prepared_statement_cache_size", "prepared_statement_name_func",
    "statement_cache_size", "tcp_keepalive", "timeout",
}  # fmt: skip


def _to_libpq(given: Mapping[str, str | tuple[str, ...]], driver: str, source: str) -> tuple[Query, list[str]]:
    """Return the options as libpq calls them, and the names of those that it has no word for."""
    found: Query = {}
    lost: list[str] = []
    for name, value in given.items():
        word = _last(value)
        if name == "unix_sock":  # pg8000 names the socket itself, libpq its folder
            folder, _, socket = word.rpartition("/")
            if socket.startswith(".s.PGSQL."):
                found |= {"host": folder, "port": socket.removeprefix(".s.PGSQL.")}
            else:
                found["host"] = word
        elif name == "ssl":
            found["sslmode"] = _ssl_mode(word, source)
        elif name == "database":
            found["dbname"] = word
        elif name == "timeout" and re.fullmatch(r"\d+(\.\d*)?", word):
            found["connect_timeout"] = str(max(1, round(float(word))))
        elif name in _LIBPQ:
            found[name] = value
        else:
            lost.append(name)
    return found, lost


def _to_asyncpg(libpq: Query) -> tuple[Query, list[str]]:
    found: Query = {}
    refused: list[str] = []
    for name, value in libpq.items():
        if name == "sslmode":
            found["ssl"] = value
        elif name == "dbname":
            found["database"] = value
        elif name in _ASYNCPG:
            found[name] = value
        elif name not in _DISPENSABLE:
            refused.append(name)
    return found, refused


def _to_pg8000(libpq: Query) -> tuple[Query, list[str]]:
    found: Query = {}
    refused: list[str] = []
    for name, value in libpq.items():
        host = _last(value)
        if name == "host" and host.startswith("/"):
            found["unix_sock"] = f"{host}/.s.PGSQL.{_last(libpq.get('port', str(PORT)))}"
        elif name == "port" and "/" in _last(libpq.get("host", "")):
            continue  # a part of the socket's name
        elif name == "host" and (isinstance(value, tuple) or "," in host):
            refused.append("several hosts")
        elif name == "dbname":
            found["database"] = value
        elif name in _PG8000:
            found[name] = value
        elif name == "sslmode" and _last(value) in ("disable", "allow", "prefer"):
            continue  # pg8000 speaks no TLS unless it is given a context
        elif name not in _DISPENSABLE:
            refused.append(name)
    return found, refused


def _one_host_each(text: str) -> str:
    """Write `//a:1,b:2/db` as `///db?host=a:1&host=b:2`."""
    match = _SEVERAL_HOSTS.fullmatch(text)
    if match is None:
        return text
    hosts = [host if ":" in host else f"{host}:{PORT}" for host in match["hosts"].split(",")]
    for host in hosts:
        int(host.rpartition(":")[2])
    query = "&".join(
        [*((match["query"] or "?")[1:].split("&") if match["query"] else ()), *(f"host={h}" for h in hosts)]
    )
    return f"{match['head']}{match['path'] or '/'}?{query}"


def _driver(url: URL, source: str) -> str:
    dialect, _, driver = url.drivername.partition("+")
    if dialect not in _DIALECTS:
        raise SettingsError(
            f"{source} speaks {dialect[:40]!r}; targets are databases of PostgreSQL's and MariaDB's, and files of "
            "SQLite's.",
            next_step="Use a URL that begins with postgresql://, mariadb:// or sqlite:///.",
        )
    if (driver or "psycopg2") not in _DRIVERS:
        raise _unknown_driver(driver, source)
    return driver or "psycopg2"


def _family(driver: str) -> str:
    return "libpq" if driver in _LIBPQ_DRIVERS else driver


def _ssl_mode(word: str, source: str) -> str:
    mode = _SSL_WORDS.get(word.lower(), word.lower().replace("_", "-"))
    if mode not in _SSL_MODES:
        raise SettingsError(
            f"{source} has ssl={word[:40]!r}, which is none of {', '.join(_SSL_MODES)}.",
            next_step="Correct the word, for example ssl=require.",
        )
    return mode


def _all(value: str | tuple[str, ...] | None) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value or ())


def _last(value: str | tuple[str, ...]) -> str:
    return value if isinstance(value, str) else value[-1]


def _malformed(source: str, why: str = "") -> SettingsError:
    return SettingsError(
        f"{source} is not a database URL.{why}",
        next_step="Write it as postgresql://user:password@host:5432/database; "
        "percent-encode special characters in the password.",
    )


def _unknown_driver(driver: str, source: str) -> SettingsError:
    return SettingsError(
        f"{source} asks for the driver {driver[:40]!r}, which is not one of {', '.join(sorted(_DRIVERS))}.",
        next_step="Correct the part behind the plus sign, or leave it out.",
    )
