"""A project on MariaDB by every driver that SQLAlchemy has for it: what it does, and what it must not do."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ops.errors import MigrationError, WrongDatabaseError
from ops.values import Verdict
from tests import maria as maria_server
from tests.applications.environment import ask
from tests.cases import PROJECTS
from tests.database.test_mariadb import IN_PARTS, ROWS, Shop
from tests.maria import Account
from tests.matrix import life
from tests.matrix.maria_drivers import ASYNCHRONOUS, DRIVERS, STACKS, Stack, environment_of
from tests.matrix.test_stacks import VERSIONS

maria = maria_server.maria

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(1800)]

EARLY = 'connection.exec_driver_sql("CREATE TABLE early (a INT)"); context.configure(connection'


@pytest.mark.parametrize("stack", STACKS, ids=map(str, STACKS))
def test_a_project_on_mariadb_with_these_libraries(
    stack: Stack, maria: maria_server.Maria, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = environment_of(stack)
    outcomes = {}
    for driver in DRIVERS:
        with maria_server.account_on(maria) as account:
            monkeypatch.setenv("OPS_HOME", str(tmp_path / driver))
            shop = shop_of(tmp_path / driver, account, driver, python)
            outcomes[driver] = life.said_of(lambda shop=shop: lived(shop))

    life.keep_or_compare(str(stack), {
        "kind": "maria-driver", "sqlalchemy": stack.sqlalchemy, "alembic": stack.alembic,
        "versions": json.loads(ask(python, VERSIONS)), "outcomes": outcomes,
    })  # fmt: skip
    assert set(outcomes.values()) == {life.WORKS}


def shop_of(folder: Path, account: Account, driver: str, python: Path) -> Shop:
    """Return the fixture project, its env.py synchronous or not, whose URL names a driver."""
    shop = Shop(folder, account)
    if driver in ASYNCHRONOUS:
        shutil.copy(PROJECTS / "async_env" / "migrations" / "env.py", folder / "migrations" / "env.py")
    # SQLAlchemy 1.4 hands no option of a URL, such as a socket, to mariadbconnector
    shop.name(SHOP_URL=account.url(driver=f"mariadb+{driver}"), SHOP_SCRATCH=account.scratch_url_over_tcp)
    keys = ("url_env = SHOP_URL", "scratch_url_env = SHOP_SCRATCH", "protected = false", f"python = {python}")
    shop.configure(*keys)
    return shop


def lived(shop: Shop) -> None:
    """Go through all that a target does; what is not as it should be is an AssertionError."""
    _goes_up_and_down(shop)
    _writes_nothing_where_it_only_looks(shop)
    _is_refused_elsewhere(shop)
    _is_told_half_applied(shop)


@contextmanager
def _env(shop: Shop, changed: Callable[[str], str]) -> Iterator[None]:
    file = shop.folder / "migrations" / "env.py"
    text = file.read_text(encoding="utf-8")
    assert changed(text) != text
    file.write_text(changed(text), encoding="utf-8")
    yield
    file.write_text(text, encoding="utf-8")


def _goes_up_and_down(shop: Shop) -> None:
    db = shop.target
    status = db.status()
    assert (status.verdict, status.current, len(status.pending)) == (Verdict.OK, (), 4), status.findings
    assert db.upgrade("d10000000002", dry_run=False).current == ("d10000000002",)
    shop.ask(*ROWS, "ANALYZE TABLE customer, purchase")

    drift = db.compare()
    assert (drift.verdict, {one.cause.value for one in drift.changes}, drift.unknown) == (Verdict.OK, {"pending"}, ())
    plan = db.plan()
    assert not plan.failed, plan.failed
    assert (plan.verdict, plan.counted[0].code, plan.failed) == (Verdict.ATTENTION, "drop-column", "")
    assert [one["algorithm"] for one in plan.to_dict()["statements"]] == ["COPY", "COPY", "INSTANT"]

    done = db.upgrade(dry_run=False)
    assert done.proof is not None and done.proof.compared.startswith("The schema is what the plan foretold")
    assert db.downgrade("d10000000001", dry_run=False).current == ("d10000000001",)
    assert shop.ask("SELECT name FROM customer ORDER BY id") == [("Ann",), ("Bob",)]
    assert db.upgrade(dry_run=False).current == ("d10000000004",)


def _writes_nothing_where_it_only_looks(shop: Shop) -> None:
    with _env(shop, lambda text: text.replace("context.configure(connection", EARLY)):
        left_out = shop.target.status().setup.left_out

    assert len(left_out) == 1 and ("early",) not in shop.ask("SHOW TABLES")


def _is_refused_elsewhere(shop: Shop) -> None:
    other = f"{shop.account.database}_other"
    shop.ask(f"CREATE DATABASE {other}", f"GRANT ALL ON {other}.* TO {shop.account.database}@localhost")
    driver = shop.target.settings.project_url().partition(":")[0]
    url = shop.account.url(driver=driver, database=other).replace("%", "%%")
    hard = f"config = context.config\nconfig.set_main_option('sqlalchemy.url', '{url}')"
    try:
        with (
            _env(shop, lambda text: text.replace("config = context.config", hard)),
            pytest.raises(WrongDatabaseError, match=other),
        ):
            shop.target.downgrade("-1", dry_run=False)
        assert shop.ask(f"SHOW TABLES FROM {other}") == []
    finally:
        shop.ask(f"DROP DATABASE {other}")


def _is_told_half_applied(shop: Shop) -> None:
    """What stays of it is told by whether a statement commits by itself, and each driver shows that in its own way."""
    shop.write(*IN_PARTS, "INSERT INTO nowhere VALUES (1)")
    with pytest.raises(MigrationError) as caught:
        shop.target.upgrade(dry_run=False)

    stays = caught.value.problem.partition("which stays: ")[2]
    assert [one.split()[0] for one in stays.split("; ")] == ["CREATE", "INSERT", "ALTER"]
    assert "doesn't exist" in str(caught.value) and "error 1146" in str(caught.value), str(caught.value)
    assert shop.ask("SELECT name FROM customer WHERE name IN ('Cem', 'Dan')") == [("Cem",)]

    shop.write(*IN_PARTS)
    assert shop.target.repair("open-run", dry_run=False).findings[0].done
    assert shop.target.status().current == ("d1000000000f",)
    assert shop.ask("SELECT name FROM customer WHERE name IN ('Cem', 'Dan') ORDER BY id") == [("Cem",), ("Dan",)]
