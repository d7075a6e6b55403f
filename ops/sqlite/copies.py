"""Files to try things on: copies of a database, and empty ones. They go with whoever made them.

Each lies in a folder of its own under `.ops/sqlite/`, for its owner's eyes only, which its process holds locked: what
nobody holds any more was left by one that was killed, and goes at the next use.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ops.errors import OpsError
from ops.settings import TargetSettings
from ops.sqlite import file

NAME = "copy.db"


@contextmanager
def folder(home: Path) -> Iterator[Path]:
    """Yield an empty folder, which is gone afterwards with all that lies in it.

    Raises
    ------
    OpsError
        It cannot be made.
    """
    base = home / ".ops" / "sqlite"
    try:
        base.mkdir(mode=0o700, parents=True, exist_ok=True)
        _tidy(base)
        place = base / secrets.token_hex(8)
        place.mkdir(mode=0o700)
        held = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
        fcntl.flock(held, fcntl.LOCK_EX)
    except OSError as error:
        raise OpsError(
            f"No file can be made in {base} to try things on: {error.strerror}.",
            next_step="Make the folder writable, and see whether its disk has room.",
            code="copy",
        ) from None
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)
        os.close(held)


def _tidy(base: Path) -> None:
    for one in base.iterdir():
        with suppress(OSError):
            held = os.open(one, os.O_RDONLY)
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(one, ignore_errors=True)
            finally:
                os.close(held)


@contextmanager
def empty(settings: TargetSettings) -> Iterator[TargetSettings]:
    """Yield what leads to an empty database, as the target's project wants to be told of it."""
    with folder(settings.home) as place:
        (place / NAME).touch(mode=0o600)
        yield _at(settings, place / NAME)


@contextmanager
def copy(settings: TargetSettings, source: Path) -> Iterator[TargetSettings]:
    """Yield what leads to a copy of a database with all its rows, as of one moment.

    Raises
    ------
    OpsError
        It cannot be copied: somebody has it locked, or the disk is full.
    """
    with folder(settings.home) as place:
        try:
            file.backed_up(source, place / NAME)
        except (sqlite3.Error, OSError) as error:
            raise OpsError(
                f"{source} cannot be copied: {error}.",
                next_step=f"See whether somebody has it locked, and whether the disk of {settings.home} has room.",
                code="copy",
            ) from None
        yield _at(settings, place / NAME)


def _at(settings: TargetSettings, path: Path) -> TargetSettings:
    return settings.with_url(f"sqlite:///{path}")
