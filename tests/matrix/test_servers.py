"""A project on every server that this machine has, by every way to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg2
import pytest

from ops import embedded, scratch
from ops.errors import ConnectError
from ops.values import Verdict
from tests import passwords
from tests.database import test_pooler
from tests.matrix import life
from tests.matrix.certificates import KEY_PASSWORD, PASSWORD, Encrypted, encrypted
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


@pytest.mark.heavy
@pytest.mark.timeout(900)
@pytest.mark.parametrize("options", ["", "sslmode=require"], ids=["whatever the server wants", "require"])
def test_a_backup_of_rows_goes_through_tls(
    options: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPS_EMBEDDED_DIR", str(home / ".ops"))
    with encrypted() as server:
        target = life.target_of(tmp_path, "linear", server.url(options), monkeypatch)
        target.upgrade("a10000000001", dry_run=False)

        backup = target.backup(data="full", verify="restore")

    assert backup.verdict is Verdict.OK


WITH_A_CERTIFICATE = {
    "its key in a file": ("clerk.key", ""),
    "its key with a password": ("locked.key", f"&sslpassword={KEY_PASSWORD}"),
}


@pytest.mark.heavy
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("key", "options"), WITH_A_CERTIFICATE.values(), ids=WITH_A_CERTIFICATE)
def test_a_certificate_in_place_of_a_password(
    key: str,
    options: str,
    tls: Encrypted,
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("OPS_EMBEDDED_DIR", str(home / ".ops"))
    url = tls.url_of_clerk(f"sslmode=verify-full&sslrootcert={tls.authority}{options}", key=key)
    target = life.target_of(tmp_path, "linear", url, monkeypatch)

    assert life.lived(target) == life.WORKS
    backup = target.backup(data="full", verify="restore")

    assert backup.verdict is Verdict.OK
    target.downgrade("base", dry_run=False)
    written = b"".join(one.read_bytes() for one in tmp_path.rglob("*") if one.is_file() and one.name != "ops.ini")
    assert KEY_PASSWORD.encode() not in written and KEY_PASSWORD not in "".join(capfd.readouterr())


@pytest.fixture(scope="module")
def tls() -> Iterator[Encrypted]:
    with encrypted() as server:
        with closing(psycopg2.connect(server.url("sslmode=require"))) as connection:
            connection.autocommit = True
            connection.cursor().execute(f"CREATE ROLE guest LOGIN PASSWORD '{PASSWORD}' CONNECTION LIMIT 0")
        yield server


SHUT: dict[str, tuple[Callable[[Encrypted], str], str, str]] = {
    "no TLS where it is wanted": (lambda tls: tls.url("sslmode=disable"), "no encryption", "pg_hba.conf"),
    "an authority that has not signed it": (
        lambda tls: tls.url(f"sslmode=verify-ca&sslrootcert={tls.stranger}"),
        "certificate verify failed",
        "Check sslmode and certificates",
    ),
    "a name that is not in it": (
        lambda tls: tls.url(f"sslmode=verify-full&sslrootcert={tls.authority}", host="127.0.0.1"),
        "does not match host name",
        "Check sslmode and certificates",
    ),
    "an authority that is not there": (
        lambda tls: tls.url("sslmode=verify-full&sslrootcert=/nowhere/root.crt"),
        "does not exist",
        "Check sslrootcert",
    ),
    "no certificate of one's own": (
        lambda tls: f"postgresql://clerk@localhost:{tls.port}/postgres?sslmode=require",
        "requires a valid client certificate",
        "Check sslmode and certificates",
    ),
    "a key whose password is another": (
        lambda tls: tls.url_of_clerk(f"sslmode=require&sslpassword={PASSWORD}", key="locked.key"),
        "could not load private key file",
        "sslpassword",
    ),
    "no connection left": (
        lambda tls: tls.url("sslmode=require").replace("keeper:", "guest:"),
        "too many connections for role",
        "no connection is left",
    ),
}


@pytest.mark.heavy
@pytest.mark.parametrize(("url", "said", "step"), SHUT.values(), ids=SHUT)
def test_a_door_that_stays_shut(
    tls: Encrypted,
    url: Callable[[Encrypted], str],
    said: str,
    step: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    target = life.target_of(tmp_path, "linear", url(tls), monkeypatch)

    for act in (target.status, lambda: target.upgrade(dry_run=False)):
        with pytest.raises(ConnectError) as refused:
            act()
        assert said in refused.value.problem and step in refused.value.next_step
        assert refused.value.changed is False and PASSWORD not in str(refused.value)
