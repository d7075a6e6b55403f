"""Fixtures that need a server. All workers of one test session share the embedded ones, by their leases."""

from __future__ import annotations

import fnmatch
import os
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from ops import embedded, scratch
from ops.embedded import lease
from ops.runbook.libraries import without_formats

with without_formats():
    import nbformat  # noqa: F401 - by whichever test imports it first, it would take seconds of each process

CHECKOUT = Path(__file__).resolve().parents[1]

# A shell starts what runs in its background deaf to Ctrl-C, and so would be all that the tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


# Before the first draw, hypothesis reads every module of ours: on a busy machine longer than it takes for healthy.
settings.register_profile("patient", suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

HEAVY = Path(__file__).with_name("heavy.txt")

IN_MEMORY = Path("/dev/shm")
ROOM = 12 * 2**30
"""Bytes that must be free there; all tests together have at most a third of it at any time."""

LIMITS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)


STALE = pytest.StashKey[list[str]]()
"""The patterns of `heavy.txt` that match no test; only where all tests were collected."""


LATE = ("database", "hazards", "unit")
"""Folders behind all others, as their tests are short: so no core is left with a test of a minute at the end."""


def pytest_configure(config: pytest.Config) -> None:
    """Have temporary folders in memory where there is plenty.

    To make and drop a database is to make and remove three hundred files, which takes a disk four times the CPU; the
    tests do it thousands of times.
    """
    is_settled = config.option.basetemp or "PYTEST_DEBUG_TEMPROOT" in os.environ
    if not is_settled and free_memory() >= ROOM:
        os.environ["PYTEST_DEBUG_TEMPROOT"] = str(IN_MEMORY)


def free_memory() -> int:
    """How many bytes may be written there: as the file system says, the machine, and whatever limits this process."""
    try:
        there = os.statvfs(IN_MEMORY)
        known = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    except OSError:
        return 0  # not Linux
    room = [there.f_bavail * there.f_frsize, int(known["MemAvailable"].split()[0]) * 1024]
    for limit, used in LIMITS:
        with suppress(OSError, ValueError):  # another version of cgroups, or `max`
            room.append(int(Path(limit).read_text()) - int(Path(used).read_text()))
    return min(room)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what `heavy.txt` names, and put what takes longest in front."""
    place = {folder: number for number, folder in enumerate(LATE, 1)}
    items.sort(key=lambda item: place.get(item.nodeid.split("/")[1], 0))
    patterns: dict[str, list[str]] = {}
    for line in HEAVY.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            patterns.setdefault(line.partition("::")[0], []).append(line)
    matched = set()
    for item in items:
        name = item.nodeid
        for pattern in patterns.get(name.partition("::")[0], ()):
            if fnmatch.fnmatchcase(name, pattern):
                matched.add(pattern)
                item.add_marker(pytest.mark.heavy)
    if config.args in ([], ["tests"], [str(CHECKOUT / "tests")]):
        config.stash[STALE] = [one for some in patterns.values() for one in some if one not in matched]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Tell who died, and where, in the tests that passed: each says so by `record_property("died", (who, where))`."""
    passed = [one for one in terminalreporter.getreports("passed") if one.when == "call"]
    died = sorted(tuple(value) for one in passed for name, value in one.user_properties if name == "died")
    if not died:
        return
    terminalreporter.section("who died on the way, and was recovered from")
    for who, count in Counter(who for who, _ in died).items():
        terminalreporter.write_line(f"{who}: {count}")
        for where in sorted({where for other, where in died if other == who}):
            terminalreporter.write_line(f"    {where}")


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home folder of the whole session, shared by all workers."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    os.environ.pop("OPS_EMBEDDED_DIR", None)  # it would lead to the developer's own databases
    home = base / "home"
    home.mkdir(exist_ok=True)
    return home


@pytest.fixture(scope="session")
def server(home: Path) -> embedded.Server:
    """The embedded PostgreSQL 18."""
    return hurried(embedded.server(home))


@pytest.fixture(scope="session")
def server16(home: Path) -> embedded.Server:
    """The embedded PostgreSQL 16."""
    return hurried(embedded.server(home, major=16))


@pytest.fixture(scope="session")
def scratch_server(home: Path) -> embedded.Server:
    """The embedded PostgreSQL 18 where copies are made."""
    return embedded.scratch_server(home)


@pytest.fixture
def database(server: embedded.Server) -> Iterator[str]:
    """The URL of a fresh, empty database on the embedded PostgreSQL 18."""
    with scratch.database_on(server, prefix="test") as url:
        yield url


@pytest.fixture(scope="session")
def system_server(home: Path) -> embedded.Server:
    """The newest PostgreSQL that the system brings, on files of its own."""
    found = {int(path.parents[1].name): path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")}
    if not found:
        missing = "no PostgreSQL of the system under /usr/lib/postgresql"
        # what .ci/run installs itself must be there
        pytest.fail(missing) if os.environ.get("OPS_CI") else pytest.skip(missing)
    major = max(found)
    return hurried(lease.start(home / ".ops" / f"system-{major}", major=major, bin_dir=found[major]))


def hurried(server: embedded.Server) -> embedded.Server:
    """Return a server that does not wait for the disk: of what tests wrote, nothing has to survive the machine.

    Its log says who said what, as several tests may look at once.
    """
    with closing(scratch.connect(server)) as connection, connection.cursor() as cursor:
        cursor.execute("SHOW fsync")
        if cursor.fetchone() == ("on",):
            cursor.execute("ALTER SYSTEM SET fsync = off")
            cursor.execute("ALTER SYSTEM SET log_line_prefix = '%m [%p] %q%u@%d '")
            cursor.execute("SELECT pg_reload_conf()")
    return server
