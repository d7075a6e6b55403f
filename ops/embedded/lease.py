"""How a process comes to an embedded server: it takes a lease, and starts the server where none runs."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from ops.embedded import binaries, folders, keeper
from ops.errors import OpsError

WAIT_SECONDS = 150.0
LOG_LINES = 12
PORT = keeper.PORT

THROW_AWAY = {"fsync": "off", "full_page_writes": "off", "max_locks_per_transaction": "512"}
"""Settings of a server whose databases are thrown away: what it writes is not safe from a loss of power.

Models are made there in one transaction, which locks all that it makes: some eight relations for each table.
"""

_mutex = threading.RLock()
_leases: dict[Path, int] = {}
_servers: dict[Path, Server] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running server, leased by this process until it ends."""

    major: int
    folder: Path
    socket_dir: Path
    bin_dir: Path

    @property
    def label(self) -> str:
        """What it is called in a sentence."""
        return f"the embedded PostgreSQL in {self.folder}"

    @property
    def advice(self) -> str:
        """What to do when it does not answer."""
        return f"Read {self.folder / 'server.log'} and try again: it is started anew if it ended."

    @property
    def is_shared(self) -> bool:
        """Whether others have databases there."""
        return False

    def leases(self) -> tuple[int, ...]:
        """Return descriptors that a child must inherit, so that the server lives as long as the child."""
        held = _leases.get(self.folder)
        return () if held is None else (held,)

    def url(self, database: str | None = None) -> str:
        """Return the URL of one of its databases; there is no password."""
        database = "postgres" if database is None else database
        host = quote(os.fsencode(self.socket_dir), safe="")
        return f"postgresql+psycopg2://postgres@/{quote(database, safe='')}?host={host}&port={PORT}"


def server(home: Path, *, major: int = 18) -> Server:
    """Return the embedded server of this home, started where it does not run yet.

    It runs at least until this process ends. Calling again is cheap, and starts it anew where it has
    ended meanwhile. Its files lie in `.ops/postgres-<major>` under `home`, or under `OPS_EMBEDDED_DIR`.

    Raises
    ------
    OpsError
        It cannot be started (code `embedded`).
    UsageError
        There is no such major version.
    """
    bin_dir = binaries.folder_of(major)
    return start(folders.of_server(home, major), major=major, bin_dir=bin_dir)


def scratch_server(home: Path, *, major: int = 18) -> Server:
    """Return the embedded server of this home for databases that are thrown away, started where it does not run.

    It synchronises nothing: what was on it is gone when the machine has been started anew, and it takes a fraction of
    the time. Its files lie in `scratch-<major>`, beside those of `server`, which raises the same.
    """
    bin_dir = binaries.folder_of(major)
    folder = folders.of_server(home, major, kind="scratch")
    return start(folder, major=major, bin_dir=bin_dir, durable=not _boot())


def start(folder: Path, *, major: int, bin_dir: Path, namespaces: bool = True, durable: bool = True) -> Server:
    """Return the server whose files lie in `folder`, run by the binaries in `bin_dir`.

    `namespaces`: whether a user namespace may be tried where this process runs as root, which PostgreSQL
    refuses; without one, an account that exists already runs it. `durable`: whether it is to outlive a loss of power.
    """
    folder = Path(os.path.abspath(folder))
    with _mutex:
        known = _servers.get(folder)
        if not _is_leased(folder):
            _give_up(folder)
        elif known is not None and _running(folder) == known.socket_dir:
            return known
        try:
            folders.prepare(folder)
            deadline = time.monotonic() + WAIT_SECONDS
            if folder not in _leases:
                _leases[folder] = _locked(folder, "users.lock", fcntl.LOCK_SH, deadline)
            socket_dir = _started(folder, major, bin_dir, namespaces, durable, deadline)
        except OSError as error:
            _give_up(folder)
            raise _failure(
                f"The embedded PostgreSQL cannot use {folder}: {error}.",
                "Look at that path: its owner, its permissions, and the free space on its disk; "
                "or set OPS_EMBEDDED_DIR to another folder.",
            ) from error
        except BaseException:
            _give_up(folder)
            raise
        _servers[folder] = Server(major=major, folder=folder, socket_dir=socket_dir, bin_dir=Path(bin_dir))
        return _servers[folder]


def _give_up(folder: Path) -> None:
    _servers.pop(folder, None)
    if folder in _leases:
        os.close(_leases.pop(folder))


def _is_leased(folder: Path) -> bool:
    """Return whether we hold the lease that a keeper of this folder looks at."""
    if folder not in _leases:
        return False
    try:
        there = os.stat(folder / "users.lock")
    except OSError:
        return False  # somebody has removed the folder, and our lease with it
    return os.path.samestat(there, os.fstat(_leases[folder]))


def _locked(folder: Path, name: str, kind: int, deadline: float) -> int:
    lock = keeper.open_lock(os.fspath(folder / name))
    try:
        while True:
            try:
                fcntl.flock(lock, kind | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise _failure(
                        f"The embedded PostgreSQL in {folder} is being started or stopped by another "
                        f"process, and was not done within {WAIT_SECONDS:.0f} seconds.",
                        f"Look for processes that use {folder}, then try again.",
                    ) from None
                time.sleep(0.01)
            else:
                return lock
    except BaseException:
        os.close(lock)
        raise


@contextmanager
def _starting(folder: Path, deadline: float) -> Iterator[None]:
    lock = _locked(folder, "start.lock", fcntl.LOCK_EX, deadline)
    try:
        yield
    finally:
        os.close(lock)


def _running(folder: Path) -> Path | None:
    """Return the socket's folder of a server that is ready and looked after, or None."""
    # A server whose keeper was killed is about to end, even while it still says that it is ready.
    if not keeper.is_locked(os.fspath(folder / "keeper.lock")):
        return None
    said, socket_dir = keeper.status(os.fspath(folder))
    return Path(socket_dir) if said == "ready" else None


def _started(folder: Path, major: int, bin_dir: Path, namespaces: bool, durable: bool, deadline: float) -> Path:
    """Return the socket's folder of the running server; we hold a lease already, so it will not end."""
    with _starting(folder, deadline):
        while time.monotonic() < deadline:
            socket_dir = _running(folder)
            if socket_dir is not None:
                return socket_dir
            held = (keeper.is_locked(os.fspath(folder / name)) for name in ("keeper.lock", "server.lock"))
            if any(held):
                time.sleep(0.01)  # it is starting for somebody who died meanwhile, or still ending
            else:
                if not durable:
                    _forget_another_boot(folder)
                _spawn(folder, major, bin_dir, namespaces, durable)
    raise _failure(
        f"The embedded PostgreSQL in {folder} neither got ready nor ended within {WAIT_SECONDS:.0f} seconds.",
        f"Look for processes that use {folder}, end them, and try again.",
        log=_log_tail(folder),
    )


def _forget_another_boot(folder: Path) -> None:
    """Remove files that nobody synchronised where the machine was started anew since: they may be torn."""
    mark, now = folder / "boot", _boot()
    if not (mark.is_file() and mark.read_bytes() == now):
        if os.path.lexists(folder / "data"):
            shutil.rmtree(folder / "data")
        mark.write_bytes(now)


def _boot() -> bytes:
    """Return what is another one each time that the machine is started; nothing where nobody knows."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_bytes()
    except OSError:
        return b""


def _spawn(folder: Path, major: int, bin_dir: Path, namespaces: bool, durable: bool) -> None:
    """Start a keeper, and return when its server is ready, or when another keeper was quicker."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    log = os.open(folder / "server.log", flags, 0o600)
    # Our environment may hold passwords, and settings for PostgreSQL that were meant for another one.
    environment = {"LC_ALL": "C", "TZ": "UTC", "PATH": os.environ.get("PATH", os.defpath)}
    if "LD_LIBRARY_PATH" in os.environ:
        environment["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
    more = json.dumps({} if durable else THROW_AWAY)
    arguments = [folder, bin_dir, str(major), folders.for_socket(folder), "yes" if namespaces else "no", more]
    try:
        done = subprocess.run(
            [sys.executable or "python3", "-I", "-S", "-X", "utf8", keeper.__file__, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            env=environment,
            cwd="/",
            start_new_session=True,
            timeout=WAIT_SECONDS,
            check=False,
        )
        said = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError) as error:
        raise _failure(
            f"The embedded PostgreSQL in {folder} did not start; its keeper ended without a word.",
            "Read the lines above, and try again.",
            log=_log_tail(folder),
        ) from error
    finally:
        os.close(log)
    if "state" not in said:
        raise _failure(said["problem"], said["next_step"], log=_log_tail(folder))


def _log_tail(folder: Path) -> str:
    try:
        lines = (folder / "server.log").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        return f"(server.log cannot be read: {error})"
    return "\n".join(lines[-LOG_LINES:])


def _failure(problem: str, next_step: str, *, log: str = "") -> OpsError:
    if log:
        problem = f"{problem}\nLast lines of server.log:\n{log}"
    return OpsError(problem, next_step=next_step, code="embedded")


def _after_fork_in_child() -> None:
    # The parent's other threads, one of which may hold the mutex, do not exist here.
    global _mutex
    _mutex = threading.RLock()


os.register_at_fork(after_in_child=_after_fork_in_child)
