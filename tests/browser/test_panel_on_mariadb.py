"""The control panel on a MariaDB target: from the plan to a change that fails half-way, and to its end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import maria as maria_server
from tests.browser.lab import Desk, Lab, Sheet, page_of
from tests.database.test_mariadb import IN_PARTS, Shop
from tests.maria import Account

if TYPE_CHECKING:
    from playwright.sync_api import Browser

maria, account = maria_server.maria, maria_server.account

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(900)]


@pytest.fixture
def shop(tmp_path: Path, account: Account) -> Shop:
    found = Shop(tmp_path / "shop", account)
    found.write(*IN_PARTS, "INSERT INTO note (id) VALUES (IF(LEFT(DATABASE(), 4) = 'shop', NULL, 1))")
    return found


@pytest.fixture
def lab(shop: Shop, tmp_path: Path) -> Iterator[Lab]:
    dropped = ("JUPYTER", "IPYTHON", "JPY_", "OPS_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    running = Lab(shop.folder, {**kept, "HOME": str(tmp_path / "user"), "DATABASE_URL": shop.account.url()})
    yield running
    running.stop()


def test_a_change_that_fails_half_way_is_led_to_its_end(
    lab: Lab, shop: Shop, chromium: Browser, pictures: Path
) -> None:
    name = shop.account.database
    with page_of(chromium, viewport={"width": 1280, "height": 1000}) as page:
        sheet = Sheet(page, "00-start-here.ipynb").open(lab)
        sheet.run_all()
        desk = Desk(page)
        desk.aim("shop")
        assert "MariaDB" in desk.text and "at base" in desk.text
        desk.picture(pictures / "maria-panel-begin.png")

        desk.plan("d1000000000f")
        desk.picture(pictures / "maria-panel-planned.png")
        desk.type_name(name)
        desk.press("Upgrade")

        assert desk.result.startswith("FAILED") and "which stays: CREATE TABLE note" in desk.result
        desk.picture(pictures / "maria-panel-failed.png")
        assert "Next: Find what to repair" in desk.text, desk.text

        shop.write(*IN_PARTS)
        desk.press("Find what to repair")
        desk.picture(pictures / "maria-panel-found.png")
        desk.type_name(name)
        desk.press("Repair")

        assert desk.result.startswith("OK")
        assert "at d1000000000f" in desk.text and "nothing pending" in desk.text
        desk.picture(pictures / "maria-panel-end.png")
        assert sheet.errors == []
    assert shop.ask("SELECT name FROM customer ORDER BY id") == [("Cem",), ("Dan",)]
