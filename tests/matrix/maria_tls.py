"""A MariaDB server that speaks TLS, over IPv4 and IPv6, and lets nobody in over TCP without."""

from __future__ import annotations

import secrets
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from tests import maria
from tests.matrix.certificates import clients_in, signed


@dataclass(frozen=True, kw_only=True)
class Encrypted:
    """The server: its port, the authority that signed its certificate, and one that did not.

    Whoever is in `clerk` is let in with the certificate `clerk.crt` of the folder `clients` alone.
    """

    socket: Path
    port: int
    authority: Path
    stranger: Path
    clients: Path
    database: str
    password: str

    def url(self, options: str = "", *, host: str = "localhost", driver: str = "pymysql", user: str = "") -> str:
        """Return a URL to it, with some options."""
        secret = f":{self.password}" if not user else ""
        who = user or self.database
        return f"mariadb+{driver}://{who}{secret}@{host}:{self.port}/{self.database}?{options}"

    @property
    def scratch_url(self) -> str:
        """The URL of the server to try things on: the same, by its socket."""
        return f"mariadb://root@localhost/?unix_socket={self.socket}"

    def verified(self, *more: str) -> str:
        """The options that have its certificate verified, and more."""
        return "&".join((f"ssl_ca={quote(str(self.authority))}", *more))

    def verified_for_clerk(self, key: str, *more: str) -> str:
        """The same, with a certificate of one's own."""
        return self.verified(f"ssl_cert={self.clients}/clerk.crt", f"ssl_key={self.clients / key}", *more)

    def ask(self, *statements: str) -> list[tuple[object, ...]]:
        """Run statements as root, by the socket; return the rows of the last."""
        found = maria.Maria(socket=self.socket, port=self.port, log=self.socket)
        return found.ask(*statements, database=self.database)


@contextmanager
def encrypted(base: Path) -> Iterator[Encrypted]:
    """Yield the server, in a folder; the test skips where there is none, or no openssl."""
    maria.program()
    if shutil.which("openssl") is None:
        pytest.skip("no openssl on this machine")
    authority, stranger = signed(base, "authority", "server"), signed(base, "stranger", "other")
    clients = clients_in(base)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    options = (
        "--bind-address=127.0.0.1,::1", f"--port={port}", f"--ssl-ca={authority}", f"--ssl-cert={base / 'server.crt'}",
        f"--ssl-key={base / 'server.key'}", "--require-secure-transport=ON", "--skip-name-resolve",
    )  # fmt: skip
    name, password = f"shop_{secrets.token_hex(4)}", secrets.token_hex(12)
    with maria.running(base, *options) as path:
        server = Encrypted(
            socket=path, port=port, authority=authority, stranger=stranger, clients=clients, database=name,
            password=password,
        )  # fmt: skip
        maria.Maria(socket=path, port=port, log=path).ask(
            "DELETE FROM mysql.global_priv WHERE User = ''", "FLUSH PRIVILEGES",
            f"CREATE DATABASE {name}",
            f"CREATE USER {name}@'%' IDENTIFIED BY '{password}'", f"GRANT ALL ON {name}.* TO {name}@'%'",
            "CREATE USER clerk@'%' REQUIRE SUBJECT '/CN=clerk'", f"GRANT ALL ON {name}.* TO clerk@'%'",
        )  # fmt: skip
        yield server
