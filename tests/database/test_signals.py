"""What becomes of a change whose processes are told to end: cancelled on the server, rolled back, on record."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ops.apply.signals import SAME_WISH_SECONDS, Signals
from tests.database.conftest import Bench, SetUp, until

SLOW = """
import os, sys
os.environ["OPS_HOME"] = sys.argv[1]
from ops import targets
from ops.errors import OpsError
try:
    targets.target("case").upgrade(dry_run=False)
except OpsError as error:
    print(error.exit_code, error.code, error.changed, error, flush=True)
"""
LONG = 600
"""So many seconds the statement sleeps, which nobody waits for."""

ASLEEP = (
    "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%pg_sleep%'"
    " AND wait_event = 'PgSleep' AND pid <> pg_backend_pid()"
)
WORKERS = (
    "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'alembic-ops worker'"
)


WORKER = b"project/worker"  # of its command line


def below(pid: int, word: bytes) -> int:
    """The last process under another one whose command line has this word: a worker has its server's, too."""
    found = []
    waiting = [pid]
    while waiting:
        for task in Path(f"/proc/{waiting.pop()}/task").iterdir():
            children = [int(one) for one in (task / "children").read_text().split()]
            found += [one for one in children if word in Path(f"/proc/{one}/cmdline").read_bytes()]
            waiting += children
    return found[-1]


@pytest.fixture
def slow(set_up: SetUp) -> Iterator[tuple[subprocess.Popen[str], Bench]]:
    """A process in the midst of a long statement, and its bench."""
    bench = set_up("slow")
    process = subprocess.Popen([sys.executable, "-c", SLOW, bench.home], stdout=subprocess.PIPE, text=True)
    with process:
        until(lambda: bench.ask(ASLEEP))
        yield process, bench
        process.kill()


def _both(process: int, number: int) -> None:
    """As systemd does: every process of the service at once."""
    worker = below(process, WORKER)
    os.kill(worker, number)
    os.kill(process, number)


def _twice(process: int, number: int) -> None:
    os.kill(process, number)
    time.sleep(0.02)
    os.kill(process, number)


TOLD: dict[str, tuple[Callable[[int, int], None], signal.Signals, str]] = {
    "the program, by Ctrl-C": (os.kill, signal.SIGINT, "stopped by SIGINT; the running statement was cancelled"),
    "the program, by an impatient one": (
        _twice,
        signal.SIGINT,
        "stopped by SIGINT; the running statement was cancelled",
    ),
    "the program, by a scheduler": (os.kill, signal.SIGTERM, "stopped by SIGTERM; the running statement was cancelled"),
    "the program, by a lost terminal": (os.kill, signal.SIGHUP, "stopped by SIGHUP; the running statement was"),
    "program and worker": (_both, signal.SIGTERM, "SIGTERM"),
    "the worker": (lambda pid, number: os.kill(below(pid, WORKER), number), signal.SIGTERM, "was sent SIGTERM"),
    "the worker, by force": (
        lambda pid, number: os.kill(below(pid, WORKER), number),
        signal.SIGKILL,
        "was killed by SIGKILL",
    ),
}


@pytest.mark.parametrize(("tell", "number", "words"), TOLD.values(), ids=TOLD)
def test_whoever_is_told_to_end_the_statement_is_cancelled_and_the_outcome_on_record(
    tell: Callable[[int, int], None], number: signal.Signals, words: str, slow: tuple[subprocess.Popen[str], Bench]
) -> None:
    process, bench = slow

    tell(process.pid, number)
    said, _ = process.communicate(timeout=LONG / 4)

    assert said.startswith("6 interrupted True ") and words in said
    assert "The database is at b20000000001. Revision b20000000002 was rolled back." in said
    assert (bench.ask(WORKERS), bench.current) == ([], ["b20000000001"])
    assert bench.target.status().open_runs == ()  # its end is on record


EARLY = """
import os, signal, sys
os.environ["OPS_HOME"] = sys.argv[1]
from ops import route, targets
from ops.errors import OpsError
route.make = lambda *rest, **more: os.kill(os.getpid(), signal.SIGTERM)
try:
    targets.target("case").upgrade(dry_run=False)
except OpsError as error:
    handlers = signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    print(error.exit_code, error.code, error.changed, error.problem, handlers, flush=True)
"""


def test_a_run_that_had_not_begun_says_so(set_up: SetUp) -> None:
    bench = set_up("slow")

    done = subprocess.run([sys.executable, "-c", EARLY, bench.home], capture_output=True, text=True, timeout=60)

    said = "6 interrupted False The run was stopped by SIGTERM, before it had begun to change anything."
    assert (done.stdout.strip(), done.stderr) == (f"{said} True", "")  # and the handlers are as before
    assert (bench.current, bench.target.status().open_runs) == ([], ())


def test_a_second_signal_at_once_is_the_same_wish() -> None:
    heard = Signals()

    with pytest.raises(KeyboardInterrupt, match="SIGINT"):
        heard(signal.SIGINT, None)
    heard(signal.SIGTERM, None)
    heard._raised -= 2 * SAME_WISH_SECONDS  # later, where nobody has dealt with the first one

    with pytest.raises(KeyboardInterrupt, match="SIGINT"):
        heard(signal.SIGTERM, None)


def _kernel(process: int, number: int) -> None:
    os.kill(below(process, b"ipykernel"), number)


def _all(process: int, number: int) -> None:
    kernel, worker = below(process, b"ipykernel"), below(process, WORKER)
    for one in (worker, kernel, process):
        os.kill(one, number)


# fmt: off
NOTEBOOK = {  #            who is told
    "its process":         os.kill,
    "its kernel":          _kernel,
    "all of its processes": _all,
}
# fmt: on


@pytest.mark.parametrize(
    "who", ["its process", pytest.param("its kernel", marks=pytest.mark.heavy), "all of its processes"]
)
def test_a_notebook_that_is_told_to_end_leaves_a_truthful_result(who: str, set_up: SetUp, tmp_path: Path) -> None:
    bench = set_up("slow")
    command = [sys.executable, "-m", "ops", "run", "40", "--json", "--target", "case", "-p", "dry_run=false"]
    process = subprocess.Popen(
        [*command, "--out", str(tmp_path / "out")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        until(lambda: bench.ask(ASLEEP), seconds=60)
        NOTEBOOK[who](process.pid, signal.SIGTERM)
        stdout, stderr = process.communicate(timeout=LONG / 4)
    finally:
        process.kill()

    result = json.loads(stdout)
    error = result["error"]
    assert process.returncode == result["exit_code"] == 6, stderr
    assert (result["verdict"], error["code"], error["changed"]) == ("UNKNOWN", "interrupted", True), error["problem"]
    assert "The database is at b20000000001. Revision b20000000002 was rolled back." in error["problem"]
    assert "Traceback" not in stderr
    assert (bench.ask(WORKERS), bench.current) == ([], ["b20000000001"])
    assert bench.target.status().open_runs == ()
