"""A server that is stopped in the midst of a statement, in each of its ways: told, and true."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import psycopg2
import pytest

from ops import embedded, scratch
from ops.embedded import binaries, lease
from ops.errors import OpsError
from ops.values import Verdict
from tests.database.conftest import Bench, SetUp, until
from tests.database.test_signals import ASLEEP

MODES = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}
pytestmark = pytest.mark.heavy


@pytest.mark.timeout(300)
@pytest.mark.parametrize("number", MODES.values(), ids=MODES)
def test_a_server_that_is_stopped_meanwhile(number: int, set_up: SetUp, tmp_path: Path) -> None:
    bench, _ = on_a_server_that_stops(number, set_up, tmp_path)

    with pytest.raises(OpsError) as raised:
        bench.target.upgrade(dry_run=False, retries=0)

    assert raised.value.changed in (True, None) and raised.value.next_step  # None where nobody could look
    assert "connection" in raised.value.problem
    started(tmp_path)
    assert bench.current == ["b20000000001"]


@pytest.mark.timeout(300)
def test_a_server_that_waits_for_its_sessions_is_changed_to_the_end(set_up: SetUp, tmp_path: Path) -> None:
    bench, stopping = on_a_server_that_stops(signal.SIGTERM, set_up, tmp_path, sleeps=10)

    done = bench.target.upgrade(dry_run=False, retries=0)

    assert "shutting down" in stopping.result(timeout=60)
    assert (done.verdict, done.current) == (Verdict.OK, ("b20000000003",))
    until(lambda: not (tmp_path / "stopped" / "data" / "postmaster.pid").exists(), seconds=120)
    started(tmp_path)
    status = bench.target.status()
    assert (status.verdict, status.current, status.open_runs) == (Verdict.OK, ("b20000000003",), ())


def started(folder: Path) -> embedded.Server:
    return lease.start(folder / "stopped", major=18, bin_dir=binaries.folder_of(18))


def on_a_server_that_stops(number: int, set_up: SetUp, folder: Path, *, sleeps: int = 600) -> tuple[Bench, Future[str]]:
    """Return a project whose second revision sleeps for some seconds, on a server that gets a signal meanwhile.

    Of the signal, there is what a new connection is told behind it.
    """
    server = started(folder)
    scratch.ensure_database(server, "shop")
    bench = set_up("slow", url=server.url("shop"))
    file = bench.version_file("b20000000002")
    file.write_text(file.read_text(encoding="utf-8").replace("600", str(sleeps)), encoding="utf-8")
    bench.ask("ALTER DATABASE shop SET synchronous_commit = on")  # as a server has it that nobody throws away
    postmaster = int((server.folder / "data" / "postmaster.pid").read_text().split()[0])

    def stop() -> str:
        until(lambda: bench.ask(ASLEEP), seconds=120)
        os.kill(postmaster, number)
        while True:
            try:
                bench.connect().close()
            except psycopg2.OperationalError as error:
                return str(error)
            time.sleep(0.05)

    pool = ThreadPoolExecutor(max_workers=1)
    stopping = pool.submit(stop)
    pool.shutdown(wait=False)
    return bench, stopping
