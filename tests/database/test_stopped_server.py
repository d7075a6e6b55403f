"""A server that is stopped in the midst of a statement, in each of its ways: told, and true."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from ops import scratch
from ops.embedded import binaries, lease
from ops.errors import OpsError
from tests.database.conftest import SetUp
from tests.database.test_signals import ASLEEP

MODES = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}
pytestmark = pytest.mark.heavy


@pytest.mark.timeout(300)
@pytest.mark.parametrize("number", MODES.values(), ids=MODES)
def test_a_server_that_is_stopped_meanwhile(number: int, set_up: SetUp, tmp_path: Path) -> None:
    server = lease.start(tmp_path / "stopped", major=18, bin_dir=binaries.folder_of(18))
    scratch.ensure_database(server, "shop")
    bench = set_up("slow", url=server.url("shop"))
    bench.ask("ALTER DATABASE shop SET synchronous_commit = on")  # as a server has it that nobody throws away
    postmaster = int((server.folder / "data" / "postmaster.pid").read_text().split()[0])

    def stop() -> None:
        while not bench.ask(ASLEEP):
            time.sleep(0.1)
        os.kill(postmaster, number)

    threading.Thread(target=stop, daemon=True).start()
    with pytest.raises(OpsError) as raised:
        bench.target.upgrade(dry_run=False, retries=0)

    assert raised.value.changed in (True, None) and raised.value.next_step  # None where nobody could look
    assert "connection" in raised.value.problem
    lease.start(tmp_path / "stopped", major=18, bin_dir=binaries.folder_of(18))
    assert bench.current == ["b20000000001"]
