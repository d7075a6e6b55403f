"""A private MariaDB server on files of its own, for the tests; Debian's `mariadb-server-core` has the program.

Each process of a test session that needs one has its own: it takes a second to be made.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pymysql
import pytest

from tests.passwords import forwarder

SHARE = Path("/usr/share/mysql")
TABLES = ("mysql_system_tables.sql", "mysql_performance_tables.sql", "mysql_system_tables_data.sql")
SMALL = ("--innodb-buffer-pool-size=32M", "--innodb-log-file-size=8M", "--innodb-flush-log-at-trx-commit=0")
SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class Maria:
    """The server: its socket, the port that leads there, and where it writes its log."""

    socket: Path
    port: int
    log: Path

    def connect(self, database: str | None = None) -> pymysql.Connection:
        """Return a connection of nobody's but the test's, as root, in autocommit mode."""
        return pymysql.connect(unix_socket=str(self.socket), user="root", database=database, autocommit=True)

    def ask(self, *statements: str, database: str | None = None) -> list[tuple[Any, ...]]:
        """Run statements as root; return the rows of the last."""
        with closing(self.connect(database)) as connection, connection.cursor() as cursor:
            for one in statements:
                cursor.execute(one)
            return list(cursor.fetchall())


@dataclass(frozen=True, kw_only=True)
class Account:
    """A database of its own, who may change it, and who may make databases to try things on."""

    maria: Maria
    database: str
    password: str
    scratch_password: str

    def url(self, *, driver: str = "mysql+pymysql", password: str | None = None, database: str | None = None) -> str:
        """Return the URL over TCP, as an application has it; a part may be another one."""
        secret = quote(self.password if password is None else password, safe="")
        return f"{driver}://{self.database}:{secret}@127.0.0.1:{self.maria.port}/{database or self.database}"

    @property
    def scratch_url(self) -> str:
        """The URL of the server to try things on, over its socket."""
        return f"mariadb://{self.database}_s:{self.scratch_password}@localhost/?unix_socket={self.maria.socket}"

    @property
    def scratch_url_over_tcp(self) -> str:
        """The same, over TCP."""
        return f"mariadb://{self.database}_s:{self.scratch_password}@127.0.0.1:{self.maria.port}/"

    def ask(self, *statements: str) -> list[tuple[Any, ...]]:
        """Run statements in the database as anybody else would; return the rows of the last."""
        return self.maria.ask(*statements, database=self.database)


_ENDING_WITH_US = ("setpriv", "--pdeathsig", "KILL") if shutil.which("setpriv") else ()
"""Where tests are killed, nobody tidies up; the server ends all the same."""


def program() -> str:
    """Return the server's program; skip where there is none, which is a failure where `.ci/run` installs it."""
    found = shutil.which("mariadbd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None or not (SHARE / TABLES[0]).exists():
        missing = "no mariadbd on this machine"
        pytest.fail(missing) if os.environ.get("OPS_CI") else pytest.skip(missing)
    return found


@pytest.fixture(scope="session")
def maria(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Maria]:
    """A running server, without a port of its own."""
    base = tmp_path_factory.mktemp("maria")
    options = ("--skip-networking", "--general-log", f"--general-log-file={base / 'general.log'}")
    with running(base, *options) as socket, forwarder(socket) as port:
        yield Maria(socket=socket, port=port, log=base / "general.log")


@contextmanager
def running(base: Path, *options: str) -> Iterator[Path]:
    """Make a server in a folder, and run it with some options; yield its socket."""
    found = program()
    (base / "data").mkdir()
    (base / "tmp").mkdir()  # of its own: a server that starts clears away what others have in a shared one
    account = ["--user=root"] if os.getuid() == 0 else []
    command = [found, "--no-defaults", *account, f"--datadir={base / 'data'}", f"--tmpdir={base / 'tmp'}", *SMALL]
    script = ["create database mysql;", "use mysql;", *((SHARE / one).read_text() for one in TABLES)]
    made = subprocess.run(
        [*command, "--bootstrap"], input="\n".join(script), text=True, capture_output=True, timeout=SECONDS
    )
    assert made.returncode == 0, made.stderr[-2000:]
    log = base / "server.log"
    with tempfile.TemporaryDirectory(prefix="ops-maria-") as short, open(log, "wb") as written:
        socket = Path(short) / "s"  # the path of a socket may not be long
        server = subprocess.Popen(
            [*_ENDING_WITH_US, *command, f"--socket={socket}", f"--pid-file={base / 'pid'}", *options],
            stdin=subprocess.DEVNULL, stdout=written, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            _wait_for(socket, server, log)
            yield socket
        finally:
            server.kill()
            server.wait()


def _wait_for(socket: Path, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        with suppress(pymysql.Error):
            pymysql.connect(unix_socket=str(socket), user="root").close()
            return
        time.sleep(0.05)
    pytest.fail(f"mariadbd does not answer: {log.read_text(errors='replace')[-500:]}")


@pytest.fixture
def account(maria: Maria) -> Iterator[Account]:
    """An empty database, with passwords that nobody else has."""
    with account_on(maria) as found:
        yield found


@contextmanager
def account_on(maria: Maria) -> Iterator[Account]:
    """Yield an empty database of its own on a server."""
    name = f"shop_{secrets.token_hex(4)}"
    found = Account(
        maria=maria, database=name, password=f"p@ss {secrets.token_hex(8)}", scratch_password=secrets.token_hex(12)
    )
    maria.ask(
        "SET SESSION sql_log_off = 1",  # what the log holds is searched for passwords
        f"CREATE DATABASE {name} CHARACTER SET utf8mb4",
        f"CREATE USER {name}@localhost IDENTIFIED BY '{found.password}'",
        f"GRANT ALL ON {name}.* TO {name}@localhost",
        f"CREATE USER {name}_s@localhost IDENTIFIED BY '{found.scratch_password}'",
        rf"GRANT ALL ON `alembic\_ops\_%`.* TO {name}_s@localhost",
    )
    yield found
    maria.ask(f"DROP DATABASE {name}", f"DROP USER {name}@localhost", f"DROP USER {name}_s@localhost")
