"""Who has a file locked now, as the kernel tells: SQLite's locks are the operating system's, on bytes of the file.

Source
------
https://www.sqlite.org/lockingv3.html, and https://www.sqlite.org/walformat.html#wal_locks for the WAL mode.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LOCKS = Path("/proc/locks")

_PENDING, _RESERVED, _SHARED = 0x40000000, 0x40000001, 0x40000002
_WAL_WRITE, _WAL_READ = 120, 123
_LINE = re.compile(
    r"\d+: (?:POSIX|OFDLCK)\s+ADVISORY\s+(READ|WRITE)\s+(-?\d+) ([0-9a-f]+):([0-9a-f]+):(\d+) (\d+) (\d+|EOF)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A process that has the file locked; `does` is `writes` or `reads`. `command` is empty where nobody tells it."""

    pid: int
    does: str
    command: str = ""

    def __str__(self) -> str:
        return f"process {self.pid}{f' ({self.command})' if self.command else ''} {self.does}"


def holders(database: Path) -> tuple[Process, ...] | None:
    """Return who reads or writes a file now, the writers first; None where this machine does not tell.

    Processes of other machines, and of other containers, are not seen.
    """
    try:
        lines = LOCKS.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    found: dict[int, str] = {}
    for path, is_shared in ((database, False), (database.with_name(f"{database.name}-shm"), True)):
        for pid, does in _of(path, lines, is_shared=is_shared):
            if found.get(pid) != "writes":
                found[pid] = does
    everybody = (Process(pid=pid, does=does, command=_command(pid)) for pid, does in found.items())
    return tuple(sorted(everybody, key=lambda one: (one.does != "writes", one.pid)))


def _of(path: Path, lines: list[str], *, is_shared: bool) -> Iterator[tuple[int, str]]:
    try:
        about = path.stat()
    except OSError:
        return
    device = (os.major(about.st_dev), os.minor(about.st_dev), about.st_ino)
    for line in lines:
        match = _LINE.match(line)
        if match is None or (int(match[3], 16), int(match[4], 16), int(match[5])) != device:
            continue
        kind, pid, first = match[1], int(match[2]), int(match[6])
        last = first if match[7] == "EOF" else int(match[7])
        if is_shared:
            writes, reads = first <= _WAL_WRITE <= last and kind == "WRITE", last >= _WAL_READ
        else:
            writes = kind == "WRITE" and (first in (_PENDING, _RESERVED) or last >= _SHARED)
            reads = last >= _SHARED
        if writes or reads:
            yield pid, "writes" if writes else "reads"


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
