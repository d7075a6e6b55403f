"""The lock beside a file of SQLite's."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import pytest

from ops.errors import BusyError, OpsError
from ops.sqlite import lock


def test_whoever_holds_it_is_named(tmp_path: Path) -> None:
    database = tmp_path / "shop.db"
    assert lock.holder(database) is None

    with lock.run_lock(database, wait=0, login="ann"):
        assert str(lock.holder(database)).startswith(f"process {os.getpid()} (ann@")
        with pytest.raises(BusyError, match="Another run is at work"), lock.run_lock(database, wait=0, login="bob"):
            pass
    assert lock.holder(database) is None


def test_a_file_system_without_locks_is_not_taken_for_a_run_that_is_at_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = tmp_path / "shop.db"

    def none(file: int, kind: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", none)

    with (
        pytest.raises(OpsError, match="cannot be taken: No locks available") as refused,
        lock.run_lock(database, wait=0, login="ann"),
    ):
        pass
    assert refused.value.code == "lock" and lock.holder(database) is None
