"""A MariaDB target: its URL, and which keys of a section mean nothing there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ops.errors import SettingsError
from ops.settings import mariadb_tls, words

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

DIALECT = "mariadb"
OURS = "mariadb+pymysql"
PORT = 3306
DRIVERS = ("mysqldb", "pymysql", "mariadbconnector", "asyncmy", "aiomysql")
"""The first is what SQLAlchemy takes where a URL names none."""

_NAMES = ("mariadb", "mysql")
_OPTIONS = {"charset", "unix_socket", "connect_timeout", "read_timeout", "write_timeout"}
_COMMON = {"unix_socket", "connect_timeout", "ssl_ca", "ssl_capath", "ssl_cert", "ssl_key", "ssl_cipher"}
"""What all drivers call by the same name."""

_DISPENSABLE = {"use_unicode", "binary_prefix", "autocommit", "local_infile", "init_command", "client_flag"}
"""Options that mean nothing to what we ask."""

_OF_OTHERS = (
    "role", "direct_url", "direct_url_env", "max_rewrite", "lock_timeout_long", "statement_timeout_long", "bootstrap",
)  # fmt: skip
_TIMES = ("lock_timeout", "statement_timeout")
_PART_OF_A_SECOND = re.compile(r"[0-9]*[0-9](?<!000)ms\Z")


def is_one(text: str) -> bool:
    """Return whether a URL leads to MariaDB, by whatever driver."""
    return re.match(rf"\s*({'|'.join(_NAMES)})[:+]", text, re.IGNORECASE) is not None


def driver_of(url: URL, source: str) -> str:
    """Return the driver that a URL was written for.

    Raises
    ------
    SettingsError
        A driver that nobody knows here.
    """
    return words.driver(url, DRIVERS, source)


def ours(url: URL, source: str) -> tuple[URL, tuple[str, ...]]:
    """Return the URL as our own driver wants it, and the names of the options that it has no word for.

    Raises
    ------
    SettingsError
        It asks for TLS in words that would be lost.
    """
    tls = mariadb_tls.options(url.query, driver_of(url, source), source)
    lost = sorted(name for name in url.query if name not in _OPTIONS | _DISPENSABLE | mariadb_tls.WORDS)
    query = {name: value for name, value in url.query.items() if name in _OPTIONS}
    return url.set(drivername=OURS, query=query | tls), tuple(lost)


def require_database(url: URL, source: str) -> None:
    """Return where a URL names a database, as that of a target must. Raises SettingsError where it does not."""
    if not url.database:
        raise SettingsError(
            f"{source} names no database.",
            next_step="Write it as mariadb+pymysql://user:password@host:3306/database.",
        )


def for_project(url: URL, driver: str, source: str) -> URL:
    """Return the URL with a driver named; whether it says mysql or mariadb stays as it is written.

    Raises
    ------
    SettingsError
        A driver that nobody knows here, or another than that of the URL, whose options it may not understand.
    """
    named = url.set(drivername=f"{url.drivername.partition('+')[0]}+{driver}")
    driver_of(named, source)
    if driver == "aiomysql" and (tls := sorted(url.query.keys() & mariadb_tls.WORDS)):
        raise SettingsError(
            f"{source} asks for TLS by {', '.join(tls)}, and aiomysql takes TLS from connect_args alone.",
            next_step="Use asyncmy, which takes it from the URL; or have env.py hand it an SSLContext, and the URL say "
            "nothing of it.",
        )
    written = driver_of(url, source)
    if written != driver and (strange := sorted(url.query.keys() - _COMMON - _shared(written, driver))):
        raise SettingsError(
            f"{source} has options that a URL for {driver} may not express: {', '.join(strange)}.",
            next_step=f"Write the URL for {driver} itself, behind the plus sign.",
        )
    return named


def _shared(written: str, driver: str) -> set[str]:
    """What every driver calls by the same name but for mariadbconnector, which is no child of the others."""
    is_apart = "mariadbconnector" in (written, driver)
    return _DISPENSABLE if is_apart else {"charset", "ssl_check_hostname", *_DISPENSABLE}


def check_keys(values: Mapping[str, str], section: object) -> None:
    """Return where a section has no key that could not be heeded: silence would be taken for a promise.

    Raises
    ------
    SettingsError
        It has one.
    """
    found = [key for key in _OF_OTHERS if values.get(key)]
    found += [key for key in values if key.startswith(("url.", "url_env."))]
    found += ["ledger = database"] if values.get("ledger") == "database" else []
    if found:
        raise SettingsError(
            f"{section} leads to MariaDB, for which {', '.join(found)} means nothing.",
            next_step="Remove that line. A MariaDB target has lock_timeout and statement_timeout, its ledger is a "
            "file, and scratch_url names a server to try things on.",
        )
    if parts := [key for key in _TIMES if _PART_OF_A_SECOND.match(values.get(key, ""))]:
        raise SettingsError(
            f"{section}: {parts[0]} = {values[parts[0]]} is no whole number of seconds, as MariaDB wants it.",
            next_step="Write it as 2s, 5min or 1h.",
        )


def refuse_sibling(text: str, section: object) -> None:
    """Raise SettingsError where one of several databases behind one env.py is MariaDB's."""
    if is_one(text):
        raise SettingsError(
            f"{section}: of several databases behind one env.py none may be MariaDB's.",
            next_step="Give it a target and an env.py of its own.",
        )
