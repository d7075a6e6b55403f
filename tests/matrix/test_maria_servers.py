"""A project on a MariaDB server, by every way to it, and on a file of SQLite's; and doors that stay shut."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ops.errors import ConnectError, OpsError, SettingsError
from ops.mariadb.server import connect
from ops.plan.maria_plan import NO_ROWS
from tests import maria as maria_server
from tests.database import test_sqlite
from tests.database.test_mariadb import Shop
from tests.maria import Account
from tests.matrix import life
from tests.matrix.certificates import KEY_PASSWORD
from tests.matrix.maria_drivers import STACKS, environment_of
from tests.matrix.maria_tls import Encrypted, encrypted
from tests.matrix.servers import ELSEWHERE, FILE, Way
from tests.matrix.test_maria_drivers import shop_of

maria, account = maria_server.maria, maria_server.account

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Encrypted]:
    with encrypted(tmp_path_factory.mktemp("tls")) as server:
        yield server


@contextmanager
def nothing_left(server: Encrypted) -> Iterator[None]:
    """The server's database is empty before, and afterwards."""
    anew = ("SET foreign_key_checks = 0", f"CREATE OR REPLACE DATABASE {server.database}")
    server.ask(*anew)
    yield
    server.ask(*anew)


def url_of(way: Way, account: Account, tls: Encrypted) -> str:
    """Return the URL of a way."""
    by_socket = account.url().replace(f"127.0.0.1:{account.maria.port}", "localhost")
    return {
        "its socket": lambda: f"{by_socket}?unix_socket={account.maria.socket}",
        "TCP, a password in the URL": account.url,
        "TLS, as the server wants it, and nothing is said of it": tls.url,
        "TLS by `ssl_ca`, certificate and name verified": lambda: tls.url(tls.verified()),
        "TLS by `ssl_ca`, over IPv6": lambda: tls.url(tls.verified(), host="[::1]"),
        "TLS by `ssl_ca`, the name not verified (`ssl_check_hostname=false`)": lambda: tls.url(
            tls.verified("ssl_check_hostname=false"), host="127.0.0.1"
        ),
        "TLS, a certificate in place of a password": lambda: tls.url(tls.verified_for_clerk("clerk.key"), user="clerk"),
    }[way.name]()


@pytest.mark.parametrize("way", ELSEWHERE, ids=[one.name for one in ELSEWHERE])
def test_a_project_by_this_way(
    way: Way, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPS_HOME", str(tmp_path / "shop"))
    if way.server == FILE:
        server = f"SQLite {sqlite3.sqlite_version}"
        outcome = life.lived(test_sqlite.Shop(tmp_path / "shop").target)
    else:
        account, tls = request.getfixturevalue("account"), request.getfixturevalue("tls")
        shop = Shop(tmp_path / "shop", account)
        encrypted = way.name.startswith("TLS")
        shop.name(
            SHOP_URL=url_of(way, account, tls), SHOP_SCRATCH=tls.scratch_url if encrypted else account.scratch_url
        )
        with nothing_left(tls):
            outcome = life.lived(shop.target, unknown=(NO_ROWS,))
            with connect(shop.target.settings) as connection:
                version = connection.exec_driver_sql("SELECT VERSION()").scalar_one().partition("-")[0]
                cipher = connection.exec_driver_sql("SHOW SESSION STATUS LIKE 'Ssl_cipher'").one()[1]
        server = f"MariaDB {version}"
        assert bool(cipher) == encrypted

    life.keep_or_compare(
        f"elsewhere {way.name}",
        {"kind": "elsewhere", "way": way.name, "server": server, "outcomes": {"outcome": outcome}},
    )
    assert outcome == life.WORKS


def test_a_key_with_a_password(
    tls: Encrypted, tmp_path: Path, account: Account, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Our own session understands it; a project's PyMySQL does as well, where it is not SQLAlchemy that is told."""
    monkeypatch.setenv("OPS_HOME", str(tmp_path / "shop"))
    shop = Shop(tmp_path / "shop", account)
    shop.name(SHOP_URL=tls.url(tls.verified_for_clerk("locked.key", f"ssl_key_password={KEY_PASSWORD}"), user="clerk"))
    shop.configure("url_env = SHOP_URL")

    with connect(shop.target.settings) as connection:
        found = connection.exec_driver_sql("SELECT CURRENT_USER()").scalar_one()

    assert found == "clerk@%" and KEY_PASSWORD not in f"{shop.target.settings.database}{capfd.readouterr()}"


Url = Callable[[Encrypted], str]

SHUT: dict[str, tuple[Url, type[OpsError], str, str]] = {
    "no TLS where the server wants it": (
        lambda tls: tls.url("ssl_disabled=true"), ConnectError, "Access denied", "wants TLS",
    ),
    "an authority that has not signed it": (
        lambda tls: tls.url(f"ssl_ca={tls.stranger}"), ConnectError, "certificate verify failed", "Check ssl_ca",
    ),
    "the same, in another driver's words": (
        lambda tls: tls.url(f"ssl_ca={tls.stranger}&ssl_mode=VERIFY_CA", driver="mysqldb"), ConnectError,
        "certificate verify failed", "Check ssl_ca",
    ),
    "the system's authorities have not signed it": (
        lambda tls: tls.url("ssl_verify_identity=true"), ConnectError, "certificate verify failed", "Check ssl_ca",
    ),
    "a name that is not in it": (
        lambda tls: tls.url(tls.verified(), host="127.0.0.1"), ConnectError, "not valid for '127.0.0.1'", "the host",
    ),
    "the same, in another driver's words ": (
        lambda tls: tls.url(tls.verified("ssl_verify_cert=true"), host="127.0.0.1", driver="mariadbconnector"),
        ConnectError, "not valid for '127.0.0.1'", "the host",
    ),
    "an authority that is not there": (
        lambda tls: tls.url("ssl_ca=/nowhere/root.crt"), ConnectError, "No such file", "ssl_ca is",
    ),
    "no certificate of one's own": (
        lambda tls: tls.url(tls.verified(), user="clerk"), ConnectError, "Access denied", "ssl_cert",
    ),
    "a key whose password is another": (
        lambda tls: tls.url(tls.verified_for_clerk("locked.key", "ssl_key_password=x"), user="clerk"), ConnectError,
        "cannot be used", "ssl_key",
    ),
    "both TLS and none": (
        lambda tls: tls.url(tls.verified("ssl_disabled=true")), SettingsError, "and for none", "ssl_disabled",
    ),
    "what PyMySQL takes for true": (
        lambda tls: tls.url("ssl_disabled=false"), SettingsError, "PyMySQL takes for true", "Leave ssl_disabled out",
    ),
    "what PyMySQL forgets the authority beside": (
        lambda tls: tls.url(tls.verified("ssl_verify_cert=true")), SettingsError, "PyMySQL forgets", "ssl_ca alone",
    ),
    "words that nobody knows": (
        lambda tls: tls.url("ssl_fp=00"), SettingsError, "asks for TLS by ssl_fp", "ssl_ca",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("url", "kind", "said", "step"), SHUT.values(), ids=SHUT)
def test_a_door_that_stays_shut(
    tls: Encrypted,
    account: Account,
    url: Url,
    kind: type[OpsError],
    said: str,
    step: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPS_HOME", str(tmp_path / "shop"))
    shop = Shop(tmp_path / "shop", account)
    shop.name(SHOP_URL=url(tls))
    shop.configure("url_env = SHOP_URL", "protected = false")

    for act in (lambda: shop.target.status(), lambda: shop.target.upgrade(dry_run=False)):
        with pytest.raises(kind) as refused:
            act()
        assert said in refused.value.problem and step in refused.value.next_step
        assert refused.value.changed is False and tls.password not in str(refused.value)
    assert tls.ask("SHOW TABLES") == []


def test_a_server_without_tls_is_refused_where_tls_is_asked_for(
    account: Account, tls: Encrypted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPS_HOME", str(tmp_path / "shop"))
    shop = Shop(tmp_path / "shop", account)
    for options in ("ssl=true", "ssl_mode=REQUIRED", tls.verified()):
        shop.name(SHOP_URL=f"{account.url(driver='mysql+mysqldb')}?{options}")
        shop.configure("url_env = SHOP_URL")

        with pytest.raises(ConnectError, match="doesn't support"):
            shop.target.status()


@pytest.mark.parametrize("driver", ["mysqldb", "mariadbconnector", "asyncmy"])
def test_a_project_s_own_driver_speaks_tls(
    driver: str, tls: Encrypted, account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPS_HOME", str(tmp_path / "shop"))
    shop = shop_of(tmp_path / "shop", account, driver, environment_of(STACKS[-1]))
    # to two of them `localhost` is the usual socket
    shop.name(SHOP_URL=tls.url(tls.verified(), driver=driver, host="[::1]"), SHOP_SCRATCH=tls.scratch_url)

    with nothing_left(tls):
        outcome = life.lived(shop.target, unknown=(NO_ROWS,))

    assert outcome == life.WORKS


def test_aiomysql_takes_no_tls_from_a_url(
    account: Account, tls: Encrypted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPS_HOME", str(tmp_path / "shop"))
    shop = Shop(tmp_path / "shop", account)
    shop.name(SHOP_URL=tls.url(tls.verified(), driver="aiomysql"))
    shop.configure("url_env = SHOP_URL")

    with pytest.raises(SettingsError, match="takes TLS from connect_args alone"):
        shop.target.status()


def test_a_driver_that_goes_on_without_tls_is_refused(
    account: Account, tls: Encrypted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Our own session is encrypted; that of env.py, which hands on nothing of it, is not."""
    monkeypatch.setenv("OPS_HOME", str(tmp_path / "shop"))
    shop = Shop(tmp_path / "shop", account)
    env = shop.folder / "migrations/env.py"
    plain = "config.set_main_option('sqlalchemy.url', config.get_main_option('sqlalchemy.url').partition('?')[0] + OFF)"
    lines = f"config = context.config\nOFF = '?ssl_disabled=true'\n{plain}"
    env.write_text(env.read_text(encoding="utf-8").replace("config = context.config", lines), encoding="utf-8")
    shop.name(SHOP_URL=tls.url(tls.verified()))
    shop.configure("url_env = SHOP_URL")
    tls.ask("SET GLOBAL require_secure_transport = OFF")

    try:
        with pytest.raises(ConnectError, match="own session is not encrypted"):
            shop.target.status()
    finally:
        tls.ask("SET GLOBAL require_secure_transport = ON")
