"""The servers that are tried, and the ways to them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way to one server."""

    name: str
    server: str


EMBEDDED, OLDER, SYSTEM = "PostgreSQL 18, embedded", "PostgreSQL 16, embedded", "PostgreSQL of the system"

WAYS = (
    Way(name="a socket", server=EMBEDDED),
    Way(name="a socket of the older one", server=OLDER),
    Way(name="a socket of the system's", server=SYSTEM),
    Way(name="TCP, with a password", server=OLDER),
    Way(name="TCP, the password in `~/.pgpass`", server=OLDER),
    Way(name="TCP, everything in `pg_service.conf`", server=OLDER),
    Way(name="TLS, certificate and name verified", server=SYSTEM),
    Way(name="TLS over IPv6", server=SYSTEM),
    Way(name="PgBouncer in session mode", server=OLDER),
    Way(name="PgBouncer in transaction mode", server=OLDER),
)
UNTRIED = ("PostgreSQL 14 and before", "PostgreSQL 17", "servers of cloud providers")
"""What nobody has tried here: rows that say so."""

MARIADB, FILE = "MariaDB of the system", "a file of SQLite's"

ELSEWHERE = (
    Way(name="its socket", server=MARIADB),
    Way(name="TCP, a password in the URL", server=MARIADB),
    Way(name="TLS, as the server wants it, and nothing is said of it", server=MARIADB),
    Way(name="TLS by `ssl_ca`, certificate and name verified", server=MARIADB),
    Way(name="TLS by `ssl_ca`, over IPv6", server=MARIADB),
    Way(name="TLS by `ssl_ca`, the name not verified (`ssl_check_hostname=false`)", server=MARIADB),
    Way(name="TLS, a certificate in place of a password", server=MARIADB),
    Way(name="the file", server=FILE),
)
"""What is no PostgreSQL."""

UNTRIED_ELSEWHERE = ("MariaDB before 10.11, and from 11 on",)
