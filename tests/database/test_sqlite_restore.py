"""A backup restored over a file of SQLite's, when that does not go well: what is said, and what stays."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from ops.backup import into_a_file
from ops.errors import BusyError, OpsError
from ops.sqlite import file
from tests.database.test_sqlite import Shop, written_by_somebody

ROW = "INSERT INTO customer (name, email) VALUES ('Ann', 'ann@example.org')"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setenv("OPS_HOME", str(tmp_path / "shop"))
    return Shop(tmp_path / "shop")


def _kept_beside(shop: Shop) -> list[str]:
    return sorted(one.name for one in shop.folder.glob("shop_before_*"))


def test_a_restore_over_a_file_that_is_locked_ends_in_time(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file, "BUSY_SECONDS", 0.2)
    shop.target.upgrade(dry_run=False)
    made = shop.target.backup()

    with written_by_somebody(shop.file), pytest.raises(BusyError, match="Somebody has the file locked") as caught:
        shop.target.restore(made.file, over=True, dry_run=False)

    assert caught.value.changed is False and _kept_beside(shop) == []
    assert shop.target.status().findings == ()


def test_a_restore_that_the_library_refuses_leaves_what_was_there(shop: Shop) -> None:
    shop.target.upgrade(dry_run=False)
    made = shop.target.backup()
    shop.run("PRAGMA page_size = 8192", "VACUUM", "PRAGMA journal_mode = WAL", ROW)

    with pytest.raises(OpsError, match="What was there is as it was") as caught:
        shop.target.restore(made.file, over=True, dry_run=False)

    assert caught.value.changed is False and _kept_beside(shop) == []
    assert shop.run("SELECT count(*) FROM customer") == [(1,)]
    assert shop.target.status().findings == ()


def test_a_restore_never_takes_the_copy_of_another_away(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(into_a_file, "_stamp", lambda: "20261129_120000")  # both in one second
    shop.target.upgrade(dry_run=False)
    made = shop.target.backup()
    first = shop.target.restore(made.file, over=True, dry_run=False)

    with pytest.raises(OpsError, match="File exists"):
        shop.target.restore(made.file, over=True, dry_run=False)

    assert _kept_beside(shop) == [first.replaced]


def test_a_restore_without_the_end_of_its_record_says_that_it_is_done(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.target.upgrade(dry_run=False)
    made = shop.target.backup()
    write, copies = file.write_over, []

    def full(source: sqlite3.Connection, target: sqlite3.Connection) -> None:
        write(source, target)
        copies.append(target)
        if len(copies) == 1:
            return  # of what was there
        for one in (shop.folder / ".ops/ledger").iterdir():
            one.unlink()
            one.mkdir()  # nothing more can be written there

    monkeypatch.setattr(into_a_file.file, "write_over", full)

    with pytest.raises(OpsError, match="The backup is restored, and what was there is kept as 'shop_before_") as caught:
        shop.target.restore(made.file, over=True, dry_run=False)

    assert caught.value.changed is True and len(_kept_beside(shop)) == 1
