"""A server that checks passwords, reached over TCP, and roles and databases on it.

The embedded server has neither passwords nor a TCP port. So this is another one on files of its own, whose
pg_hba.conf asks everybody but its superuser for a password; a forwarder gives it a port on the loopback interface.
"""

from __future__ import annotations

import contextlib
import fcntl
import secrets
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg2
import pytest
from psycopg2 import sql

from ops import embedded, scratch
from ops.embedded import binaries, lease

MAJOR = 16
HBA = "local all postgres trust\nlocal all all scram-sha-256\n"


@dataclass(frozen=True, kw_only=True)
class Role:
    """A login with a password, and a database that it owns."""

    server: Guarded
    name: str
    password: str
    database: str

    def url(self, *, password: str | None = None, name: str | None = None, database: str | None = None) -> str:
        """Return the URL over TCP, as an application would have it; a part may be another one."""
        secret = quote(self.password if password is None else password, safe="")
        where = f"127.0.0.1:{self.server.port}/{database or self.database}"
        return f"postgresql://{name or self.name}{':' if secret else ''}{secret}@{where}"

    def ask(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Return the rows of a query in its database, asked as superuser; nothing for a command."""
        return ask(self.server.server, query, *values, database=self.database)


@dataclass(frozen=True, kw_only=True)
class Guarded:
    """The server, and the port under which the forwarder reaches it."""

    server: embedded.Server
    port: int

    @property
    def log(self) -> Path:
        """What the server wrote."""
        return self.server.folder / "server.log"


def ask(server: embedded.Server, query: str, *values: object, database: str = "postgres") -> list[tuple[Any, ...]]:
    """Return the rows of a query, asked as superuser; nothing for a command."""
    with closing(psycopg2.connect(server.url(database).replace("+psycopg2", ""))) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(query, values or None)
            return cursor.fetchall() if cursor.description else []


@pytest.fixture(scope="session")
def guarded(home: Path) -> Iterator[Guarded]:
    """The server that checks passwords; all workers of a test session share it, each with a forwarder of its own."""
    server = lease.start(home / ".ops" / "guarded", major=MAJOR, bin_dir=binaries.folder_of(MAJOR))
    rules = server.folder / "data" / "pg_hba.conf"
    with open(server.folder / "rules.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if rules.read_text() != HBA:
            rules.write_text(HBA)  # in place: it belongs to the account that runs the server
    ask(server, "SELECT pg_reload_conf()")
    with forwarder(server.socket_dir / f".s.PGSQL.{lease.PORT}") as port:
        yield Guarded(server=server, port=port)


@pytest.fixture
def make_role(guarded: Guarded) -> Iterator[Callable[..., Role]]:
    """Make a role with this password and a database that it owns; both are dropped afterwards."""
    with ExitStack() as roles, ExitStack() as databases:  # a role goes last: others' databases may name it

        def make(password: str = "", *, options: str = "LOGIN") -> Role:
            name = f"role_{secrets.token_hex(4)}"
            password = password or secrets.token_hex(8)
            role = sql.Identifier(name)
            with closing(psycopg2.connect(guarded.server.url().replace("+psycopg2", ""))) as connection:
                connection.autocommit = True
                statement = sql.SQL("CREATE ROLE {} {} PASSWORD %s").format(role, sql.SQL(options))
                connection.cursor().execute(statement, (password,))
            roles.callback(ask, guarded.server, f"DROP ROLE {name}")
            url = databases.enter_context(scratch.database_on(guarded.server, prefix="guarded"))
            database = url.partition("?")[0].rpartition("/")[2]
            ask(guarded.server, f"ALTER DATABASE {database} OWNER TO {name}")
            return Role(server=guarded, name=name, password=password, database=database)

        yield make


@contextlib.contextmanager
def forwarder(path: Path | None) -> Iterator[int]:
    """Yield a loopback port that leads to a socket; to nowhere, without an answer, where there is none."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        kept: list[socket.socket] = []

        def accept() -> None:
            with contextlib.suppress(OSError):  # the listener is closed at the end
                while True:
                    client, _ = listener.accept()
                    kept.append(client)
                    if path is not None:
                        server = socket.socket(socket.AF_UNIX)
                        server.connect(str(path))
                        for source, drain in ((client, server), (server, client)):
                            threading.Thread(target=_pump, args=(source, drain), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        for client in kept:
            client.close()


def _pump(source: socket.socket, drain: socket.socket) -> None:
    with contextlib.suppress(OSError):  # one side has hung up
        while data := source.recv(65536):
            drain.sendall(data)
    with contextlib.suppress(OSError):
        drain.shutdown(socket.SHUT_WR)
