"""A project on every server that this machine has, by every way to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg2
import pytest

from ops import embedded, scratch
from tests import passwords
from tests.database import test_pooler
from tests.matrix import life
from tests.matrix.certificates import PASSWORD, encrypted
from tests.matrix.servers import WAYS

guarded, make_role, pooler = passwords.guarded, passwords.make_role, test_pooler.pooler


@contextmanager
def a_database(request: pytest.FixtureRequest, fixture: str) -> Iterator[str]:
    server: embedded.Server = request.getfixturevalue(fixture)
    with scratch.database_on(server, prefix="matrix") as url:
        yield url


@contextmanager
def with_a_password(
    request: pytest.FixtureRequest, place: Path, patch: pytest.MonkeyPatch, where: str
) -> Iterator[str]:
    role: passwords.Role = request.getfixturevalue("make_role")()
    port, database = role.server.port, role.database
    if where == "url":
        yield role.url()
    elif where == "pgpass":
        file = place / "pgpass"
        file.write_text(f"127.0.0.1:{port}:*:{role.name}:{role.password}\n")
        file.chmod(0o600)
        patch.setenv("PGPASSFILE", str(file))
        yield role.url(password="")
    else:
        file = place / "services"
        lines = {"host": "127.0.0.1", "port": port, "dbname": database, "user": role.name, "password": role.password}
        file.write_text("[shop]\n" + "".join(f"{key}={value}\n" for key, value in lines.items()))
        patch.setenv("PGSERVICEFILE", str(file))
        yield "postgresql:///?service=shop"


@contextmanager
def by_tls(host: str) -> Iterator[str]:
    with encrypted() as server:
        yield server.url(f"sslmode=verify-full&sslrootcert={quote(str(server.authority))}", host=host)


@contextmanager
def through_a_pooler(request: pytest.FixtureRequest, mode: str) -> Iterator[str]:
    role: passwords.Role = request.getfixturevalue("make_role")()
    port = request.getfixturevalue("pooler")(role, mode)
    yield test_pooler.through(role, port)


def way_to(name: str, request: pytest.FixtureRequest, place: Path, patch: pytest.MonkeyPatch) -> Any:
    """Return the way of that name: a context that gives a URL."""
    return {
        "a socket": lambda: a_database(request, "server"),
        "a socket of the older one": lambda: a_database(request, "server16"),
        "a socket of the system's": lambda: a_database(request, "system_server"),
        "TCP, with a password": lambda: with_a_password(request, place, patch, "url"),
        "TCP, the password in `~/.pgpass`": lambda: with_a_password(request, place, patch, "pgpass"),
        "TCP, everything in `pg_service.conf`": lambda: with_a_password(request, place, patch, "service"),
        "TLS, certificate and name verified": lambda: by_tls("localhost"),
        "TLS over IPv6": lambda: by_tls("[::1]"),
        "PgBouncer in session mode": lambda: through_a_pooler(request, "session"),
        "PgBouncer in transaction mode": lambda: through_a_pooler(request, "transaction"),
    }[name]()


REFUSED = "PgBouncer in transaction mode"


@pytest.mark.heavy
@pytest.mark.timeout(900)
@pytest.mark.parametrize("way", WAYS, ids=[one.name for one in WAYS])
def test_a_project_by_this_way(
    way: Any, request: pytest.FixtureRequest, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPS_EMBEDDED_DIR", str(home / ".ops"))
    with way_to(way.name, request, tmp_path, monkeypatch) as url:
        target = life.target_of(tmp_path, "linear", url, monkeypatch)
        outcome = life.lived(target)
        found = version_of(url)

    if way.name == REFUSED:
        assert "shares sessions among its clients" in outcome
        outcome = "refused before anything is set; `direct_url_env` names the way round it"
    assert PASSWORD not in outcome
    server = f"PostgreSQL {found}{', embedded' if 'embedded' in way.server else ''}"
    kept = {"kind": "server", "way": way.name, "server": server, "outcomes": {"outcome": outcome}}
    life.keep_or_compare(way.name, kept)
    assert outcome == life.WORKS or way.name == REFUSED


def version_of(url: str) -> str:
    with closing(psycopg2.connect(url.replace("+psycopg2", ""))) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT split_part(current_setting('server_version'), ' ', 1)")
        (row,) = cursor.fetchall()
        return str(row[0])
