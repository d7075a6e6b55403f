"""A server of the system that speaks TLS, over IPv4 and IPv6, and lets nobody in without."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PASSWORD = "tls-0nly-pw"
KEY_PASSWORD = "key-0nly-pw"
HBA = "local all all trust\nhostssl all clerk all cert\nhostssl all all all scram-sha-256\n"


@dataclass(frozen=True, kw_only=True)
class Encrypted:
    """The server: its port, and the certificate that its own was signed with.

    The role `clerk` is let in by a certificate alone: `clerk.crt` in the folder `clients`, whose key is in `clerk.key`,
    and once more, with a password, in `locked.key`.
    """

    port: int
    authority: Path
    stranger: Path
    clients: Path

    def url(self, options: str, *, host: str = "localhost", database: str = "postgres") -> str:
        """Return a URL to it, with some options."""
        return f"postgresql://keeper:{PASSWORD}@{host}:{self.port}/{database}?{options}"

    def url_of_clerk(self, options: str, *, key: str = "clerk.key") -> str:
        """Return a URL to it, with a certificate for a password."""
        own = f"sslcert={self.clients}/clerk.crt&sslkey={self.clients / key}"
        return f"postgresql://clerk@localhost:{self.port}/postgres?{own}&{options}"


@contextlib.contextmanager
def encrypted() -> Iterator[Encrypted]:
    """Yield the server; the test skips where the system has no PostgreSQL, or no openssl."""
    found = {int(one.parents[1].name): one.parent for one in Path("/usr/lib/postgresql").glob("*/bin/postgres")}
    if not found or shutil.which("openssl") is None:
        missing = "no PostgreSQL of the system, or no openssl"
        pytest.fail(missing) if os.environ.get("OPS_CI") else pytest.skip(missing)
    programs = found[max(found)]
    # Not below pytest's own folder, which only we may enter: as root, it runs as somebody else.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        authority = signed(folder, "authority", "server")
        stranger = signed(folder, "stranger", "other")
        clients = clients_in(folder)
        _as_server(
            folder, programs / "initdb", "-D", folder / "data", "-U", "keeper", "--auth=trust", "-N", "-E", "UTF8"
        )
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        settings = {
            "listen_addresses": "127.0.0.1, ::1", "port": str(port), "ssl": "on", "fsync": "off",
            "unix_socket_directories": str(folder), "max_connections": "40",
            "ssl_cert_file": str(folder / "server.crt"), "ssl_key_file": str(folder / "server.key"),
            "ssl_ca_file": str(authority),
        }  # fmt: skip
        lines = "".join(f"{key} = '{value}'\n" for key, value in settings.items())
        with open(folder / "data" / "postgresql.conf", "a", encoding="utf-8") as file:
            file.write(lines)
        (folder / "data" / "pg_hba.conf").write_text(HBA, encoding="utf-8")
        control = [programs / "pg_ctl", "-D", folder / "data", "-l", folder / "data" / "log"]
        _as_server(folder, *control, "-w", "-t", "120", "start")
        try:
            sql = f"ALTER ROLE keeper PASSWORD '{PASSWORD}'; CREATE ROLE clerk SUPERUSER LOGIN"
            _as_server(
                folder, programs / "psql", "-h", folder, "-p", str(port), "-U", "keeper", "-d", "postgres", "-c", sql
            )
            yield Encrypted(port=port, authority=authority, stranger=stranger, clients=clients)
        finally:
            _as_server(folder, *control, "-m", "immediate", "stop")


_NEW = ("openssl", "req", "-x509", "-nodes", "-newkey", "rsa:2048", "-days", "2")
_RUN = {"check": True, "capture_output": True}


def clients_in(folder: Path) -> Path:
    """Make the certificate of a role, signed by the authority, and return its folder."""
    made = folder / "clients"
    made.mkdir()
    signed = ["-CA", folder / "authority.crt", "-CAkey", folder / "authority.key"]
    own = ["-addext", "basicConstraints=CA:FALSE", "-out", made / "clerk.crt", "-keyout", made / "clerk.key"]
    subprocess.run([*_NEW, "-subj", "/CN=clerk", *signed, *own], **_RUN)
    locked = ["-aes256", "-passout", f"pass:{KEY_PASSWORD}", "-out", made / "locked.key"]
    subprocess.run(["openssl", "rsa", "-in", made / "clerk.key", *locked], **_RUN)
    for key in made.glob("*.key"):
        key.chmod(0o600)
    return made


def signed(folder: Path, authority: str, name: str) -> Path:
    """Make a certificate authority and a certificate for localhost, not for 127.0.0.1; return the authority's."""
    made = [folder / f"{authority}.crt", folder / f"{authority}.key"]
    subprocess.run([*_NEW, "-subj", f"/CN={authority}", "-out", made[0], "-keyout", made[1]], **_RUN)
    names = ["-addext", "subjectAltName=DNS:localhost,IP:::1", "-addext", "basicConstraints=CA:FALSE"]
    parts = ["-CA", made[0], "-CAkey", made[1], "-out", folder / f"{name}.crt", "-keyout", folder / f"{name}.key"]
    subprocess.run([*_NEW, "-subj", "/CN=localhost", *names, *parts], **_RUN)
    return made[0]


def _as_server(folder: Path, program: Path, *arguments: object) -> None:
    """Run a program of the server's, as root by the account that Debian makes for it, which owns the folder then."""
    command = [str(program), *map(str, arguments)]
    if os.getuid() == 0:
        for path in (folder, *folder.glob("*")):
            shutil.chown(path, "postgres")
        command = ["runuser", "-u", "postgres", "--", *command]
    for key in folder.glob("*.key"):
        key.chmod(0o600)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/", timeout=300)
