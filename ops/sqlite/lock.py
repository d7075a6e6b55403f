"""One run per file: a lock of the operating system's, on a file beside the database.

It lies beside it, and not on it: locks of the database itself are SQLite's own, and closing any descriptor of it would
give up those of this process (https://www.sqlite.org/howtocorrupt.html, section 2.2). It holds among all processes that
see the same folder; on a network file system as far as its locks do, as SQLite's own. It ends with its process.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ops.errors import BusyError, OpsError

SUFFIX = "-ops-lock"
POLL_SECONDS = 0.1
_LOOKS = 3
"""How often at least is tried: somebody who only looks holds the lock for a moment, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """The process that holds the lock, as it wrote itself; empty where it has not written yet."""

    pid: int = 0
    login: str = "?"
    host: str = ""
    held_since: str = ""

    def __str__(self) -> str:
        return f"process {self.pid} ({self.login}@{self.host}, at work since {self.held_since})"


@contextmanager
def run_lock(database: Path, *, wait: int, login: str) -> Iterator[None]:
    """Hold the lock.

    Raises
    ------
    BusyError
        Somebody else held it for `wait` seconds.
    OpsError
        The folder cannot be written to, or its file system has no locks.
    """
    file = _opened(database)
    try:
        deadline = time.monotonic() + max(wait, _LOOKS * POLL_SECONDS)
        while not _is_taken(database, file):
            if time.monotonic() >= deadline:
                found = holder(database)
                raise BusyError(
                    f"Another run is at work on this database: {found or 'it has just ended'}.",
                    next_step="Wait for it to end and run this again, or set `wait` to the seconds to wait.",
                )
            time.sleep(POLL_SECONDS)
        _write(file, login)
        yield
    finally:
        os.close(file)  # and with it the lock; the file stays, as somebody may be waiting at it


def holder(database: Path) -> Holder | None:
    """Return who holds the lock now, if anybody."""
    try:
        file = os.open(_beside(database), os.O_RDONLY)
    except OSError:
        return None
    try:
        if _taken(file, fcntl.LOCK_SH):
            return None
        with suppress(ValueError, TypeError):
            return Holder(**json.loads(os.pread(file, 4096, 0)))
        return Holder()
    except OSError:
        return None  # a file system without locks: nobody holds one, and no run begins there
    finally:
        os.close(file)


def _beside(database: Path) -> Path:
    return database.with_name(database.name + SUFFIX)


def _opened(database: Path) -> int:
    try:
        return os.open(_beside(database), os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise OpsError(
            f"The lock {_beside(database)} cannot be made: {error.strerror}.",
            next_step="Make the folder writable: SQLite needs that for its journal as well.",
            code="lock",
        ) from None


def _is_taken(database: Path, file: int) -> bool:
    try:
        return _taken(file, fcntl.LOCK_EX)
    except OSError as error:
        raise OpsError(
            f"The lock {_beside(database)} cannot be taken: {error.strerror}.",
            next_step="Move the database to a file system that has locks: SQLite needs them as well.",
            code="lock",
        ) from None


def _taken(file: int, kind: int) -> bool:
    """Whether the lock could be taken; False where somebody else has it. Raises OSError where there are no locks."""
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write(file: int, login: str) -> None:
    who = {
        "pid": os.getpid(),
        "login": login,
        "host": socket.gethostname(),
        "held_since": datetime.now(UTC).isoformat(sep=" ", timespec="seconds"),
    }
    os.ftruncate(file, 0)
    os.pwrite(file, json.dumps(who).encode(), 0)
