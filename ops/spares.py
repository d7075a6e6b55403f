"""A copy of a large template that is made ahead, behind the back of whoever has just used one up.

A file system takes seconds for the thousands of files of a large schema; a spare copy only has to be given its name.
A child process orders it from the server: it holds the claim on the unfinished copy, a lock that tells others to wait
for it rather than to begin another one, and our lease of an embedded server.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import time
from contextlib import closing
from pathlib import Path

from ops import programs, scratch
from ops.errors import OpsError

LARGE = 24 * 1024 * 1024
"""From how many bytes on a template has a spare copy; an empty database has 7 MiB."""

WAIT_SECONDS = 120.0

_children: list[subprocess.Popen[bytes]] = []


def name(template: str) -> str:
    """Return what the spare copy of a template is called."""
    return f"spare_{template.removeprefix('clone_')}"


def wait(place: scratch.Place, template: str) -> None:
    """Return when nobody makes a spare copy of this template, or it takes too long."""
    path = _path(place, template)
    if not path.exists():
        return
    give_up = time.monotonic() + WAIT_SECONDS
    lock = _open(path)
    try:
        while time.monotonic() < give_up:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(0.01)
            else:
                return
    finally:
        os.close(lock)


def order(place: scratch.Place, template: str) -> None:
    """Have a spare copy made, where there is none and nobody makes one. Nobody waits for it here.

    If it comes to nothing, the next copy is made as the first was.
    """
    from sqlalchemy.engine import make_url

    _children[:] = [child for child in _children if child.poll() is None]
    path = _path(place, template)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    lock = _open(path)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _exists(place, name(template)):
            return
        with scratch.claim(place, "sparing") as (making, held):
            address, environment = programs.public(make_url(place.url()))
            command = [place.bin_dir / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "--no-password", "-d", address]
            for statement in (
                f"CREATE DATABASE {making} TEMPLATE {template}",
                f"COMMENT ON DATABASE {making} IS '{scratch.MARK}'",
                f"ALTER DATABASE {making} RENAME TO {name(template)}",
            ):
                command += ["-c", statement]
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=programs.variables(environment),
                pass_fds=(lock, held, *place.leases()),
                start_new_session=True,
            )
        _children.append(child)
    except (OSError, OpsError):
        return  # mostly, as somebody is at it already
    finally:
        os.close(lock)


def drop(place: scratch.Place, template: str) -> None:
    """Drop the spare copy of a template, where there is one."""
    wait(place, template)
    scratch.discard(place, name(template))
    _path(place, template).unlink(missing_ok=True)


def _exists(place: scratch.Place, database: str) -> bool:
    with closing(scratch.connect(place)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_catalog.pg_database WHERE datname = %s", (database,))
        return cursor.fetchone() is not None


def _path(place: scratch.Place, template: str) -> Path:
    return place.folder / "spares" / name(template)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
