"""TLS on our own connections to MariaDB: as the URL asks for it, and never less."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ops.errors import ConnectError
from ops.settings import mariadb_tls as words

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.engine import URL

ENCRYPTED = "SHOW SESSION STATUS LIKE 'Ssl_cipher'"
_AT_LEAST = (words.REQUIRED, words.VERIFY_CA, words.VERIFY_IDENTITY)


def is_wanted(url: URL) -> bool:
    """Return whether our URL asks for TLS, so that a session without it is none."""
    return url.query.get(words.MODE) in _AT_LEAST


def arguments(url: URL) -> tuple[URL, dict[str, Any]]:
    """Return our URL without its words about TLS, and what PyMySQL is told in their place.

    Raises
    ------
    ConnectError
        A file that the URL names cannot be read, or is none of that kind.
    """
    query = {name: str(value) for name, value in url.query.items() if name in words.WORDS}
    bare = url.difference_update_query(query.keys())
    mode = query.get(words.MODE)
    if mode == words.DISABLED:
        return bare, {"ssl_disabled": True}
    return bare, {"ssl": _context(mode, query)} if mode in _AT_LEAST else {}


def _context(mode: str | None, query: Mapping[str, str]) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=query.get("ssl_ca"), capath=query.get("ssl_capath"))
        # a server's own authority, as it makes one for itself, lacks what RFC 5280 wants
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        context.check_hostname = mode == words.VERIFY_IDENTITY
        context.verify_mode = ssl.CERT_NONE if mode == words.REQUIRED else ssl.CERT_REQUIRED
        if "ssl_cert" in query or "ssl_key" in query:
            own = query.get("ssl_cert") or query["ssl_key"]
            # without a password nobody is asked for one at a terminal
            context.load_cert_chain(own, query.get("ssl_key"), password=query.get(words.PASSWORD, ""))
        if "ssl_cipher" in query:
            context.set_ciphers(query["ssl_cipher"])
    except (OSError, ValueError) as error:
        named = ", ".join(f"{name}={query[name]}" for name in words.FILES if name in query and name != words.PASSWORD)
        why = error.strerror if isinstance(error, OSError) and not isinstance(error, ssl.SSLError) else str(error)
        raise ConnectError(
            f"What the URL says of TLS cannot be used ({named}): {why}.",
            next_step="Check these files: ssl_ca is the authority's certificate, ssl_cert and ssl_key are your own.",
            code="tls",
        ) from None
    return context


def require(connection: Connection, url: URL) -> None:
    """Return where a session is encrypted, or need not be.

    Raises
    ------
    ConnectError
        It is not: some drivers go on without TLS where a server has none.
    """
    if not is_wanted(url):
        return
    found = connection.exec_driver_sql(ENCRYPTED).one()[1]
    if not found:
        raise ConnectError(
            "The session is not encrypted, although the URL asks for TLS.",
            next_step="Have the server speak TLS (ssl_cert and ssl_key in its configuration).",
            code="tls",
        )
