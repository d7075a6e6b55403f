"""Template databases that are kept on a scratch server, so that what took long is copied and not made again.

A template is made under a throw-away name, with its claim, and gets its own name last: one that was half made when
its maker was killed is dropped like any other throw-away database. Its comment says that it is ours, and holds what
its maker has noted. A file of its name says when it was used last, and is locked while it is made; the `MOST` that were
used last stay.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops import scratch, spares
from ops.cache import program
from ops.errors import OpsError

MOST = 4
"""How many templates are kept on one server."""

_ATTEMPTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One kept template: its database, what its maker noted, whether it was made just now, and its bytes."""

    database: str
    note: Mapping[str, Any]
    made: bool
    size: int

    @property
    def is_large(self) -> bool:
        """Whether a copy takes so long that one is made ahead."""
        return self.size >= spares.LARGE


def template(
    place: scratch.Place, inputs: object, fill: Callable[[str], Mapping[str, Any]], *, tablespace: str = ""
) -> Template:
    """Return the template for some inputs, made where there is none, in another tablespace than the usual one.

    `fill` gets the name of an empty database, fills it, leaves no connection to it behind, and returns what is to be
    noted with it: plain data.

    Raises
    ------
    OpsError
        The server refuses, or whatever `fill` raises.
    """
    asked = json.dumps([program(), os.uname().nodename, str(place.folder), inputs], sort_keys=True, default=str)
    name = f"clone_{hashlib.sha256(asked.encode('utf-8', 'surrogatepass')).hexdigest()[:24]}"
    folder = place.folder / "templates"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = _found(place, name)
    if found is not None:
        (folder / name).touch(mode=0o600)
        return found
    with _locked(folder / name):
        found = _found(place, name)  # somebody else may have made it while we waited
        if found is None:
            found = _made(place, name, fill, tablespace)
            _make_room(place, folder, name)
    return found


@contextmanager
def copy(
    place: scratch.Place,
    inputs: object,
    fill: Callable[[str], Mapping[str, Any]],
    *,
    prefix: str,
    tablespace: str = "",
) -> Iterator[tuple[str, Template]]:
    """Yield the name of a throw-away copy of a template, and the template: see `template`.

    Of a large one, another copy is made for the next time while nobody waits for it.
    """
    with ExitStack() as stack:
        for attempt in range(_ATTEMPTS):
            found = template(place, inputs, fill, tablespace=tablespace)
            try:
                ready = ""
                if found.is_large:
                    spares.wait(place, found.database)
                    ready = spares.name(found.database)
                name = stack.enter_context(scratch.throw_away(place, prefix, template=found.database, ready=ready))
                break
            except scratch.NoTemplateError:  # another process made room just now
                if attempt + 1 == _ATTEMPTS:
                    raise
        yield name, found
    if found.is_large:
        spares.order(place, found.database)


def _made(place: scratch.Place, name: str, fill: Callable[[str], Mapping[str, Any]], tablespace: str) -> Template:
    from psycopg2 import errors, sql

    with scratch.throw_away(place, "filling", tablespace=tablespace) as making:
        note = dict(fill(making))
        with closing(scratch.connect(place)) as connection, connection.cursor() as cursor:
            given, own = sql.Identifier(making), sql.Identifier(name)
            cursor.execute("SELECT pg_catalog.pg_database_size(%s)", (making,))
            (size,) = cursor.fetchone()
            comment = sql.Literal(scratch.MARK + json.dumps({"size": size, "note": note}))
            cursor.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(given, comment))
            cursor.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(given))
            try:
                cursor.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(given, own))
            except errors.DuplicateDatabase:
                raise OpsError(
                    f"There is a database {name} on {place.label} that is not ours.",
                    next_step="Rename it, or drop it.",
                    code="clone",
                ) from None
    return Template(database=name, note=note, made=True, size=size)


def _found(place: scratch.Place, name: str) -> Template | None:
    """Return a template that is there; None where there is none, or it is not ours."""
    try:
        said = json.loads(scratch.note(place, name) or "")
        return Template(database=name, note=said["note"], made=False, size=said["size"])
    except (ValueError, TypeError, KeyError):
        return None


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock of a template, which is its file."""
    while True:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if _is_still(path, lock):
                os.utime(lock)
                yield
                return
        finally:
            os.close(lock)


def _is_still(path: Path, lock: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(lock))
    except FileNotFoundError:
        return False  # somebody made room in the instant before it was locked


def _make_room(place: scratch.Place, folder: Path, keep: str) -> None:
    """Drop what was used least recently, beyond `MOST`."""
    used = []
    for path in folder.iterdir():
        try:
            used.append((path.stat().st_mtime_ns, path))
        except FileNotFoundError:
            continue  # another process makes room, too
    for _, path in sorted(used, reverse=True)[MOST:]:
        if path.name == keep:
            continue
        try:
            lock = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue  # it is being made
        else:
            spares.drop(place, path.name)
            if scratch.discard(place, path.name):
                path.unlink(missing_ok=True)
        finally:
            os.close(lock)
