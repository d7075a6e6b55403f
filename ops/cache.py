"""Answers that took long, kept as long as nothing that they depended on has changed.

An entry holds, beside its payload, every file that the project's code read or looked for, every folder that it
listed and every environment variable that it asked for, as the worker saw them, each with a hash. It is used
only when all of them are still the same. Entries live under `.ops/cache/` of the home folder: at most `LARGEST` bytes,
of those that were used last. Whoever removes the folder empties the cache, at any time, and loses nothing but time.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from ops.errors import OpsError

LARGEST = 256 * 1024 * 1024
VERSION = 3

_JUST_NOW = 20_000_000  # nanoseconds: the clock of file systems lags behind ours by some milliseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependencies:
    """What an answer depended on: paths and names with the hash of what they held.

    `settled` is False where one of the files was written while the answer was made: which version of it the answer
    is about, nobody knows.
    """

    files: tuple[tuple[str, str | None, int, int], ...] = ()
    folders: tuple[tuple[str, str | None], ...] = ()
    variables: tuple[tuple[str, str | None], ...] = ()
    settled: bool = True

    @classmethod
    def of(cls, seen: Mapping[str, Iterable[str]], *, without: Iterable[str] = (), since: int = 0) -> Dependencies:
        """Return the present state of what a worker says that it saw.

        `without` names variables that we set; `since` is when the work began, in nanoseconds of `time.time_ns`.
        """
        skipped = set(without)
        files = tuple(_file(path) for path in seen["files"])
        return cls(
            files=files,
            folders=tuple((path, _listing(path)) for path in seen["folders"]),
            variables=tuple((name, _variable(name)) for name in seen["variables"] if name not in skipped),
            settled=not since or all(modified < since - _JUST_NOW for _, _, modified, _ in files),
        )

    def hold(self) -> bool:
        """Return whether everything is as it was."""
        return (
            all(_same_file(*one) for one in self.files)
            and all(_listing(path) == listing for path, listing in self.folders)
            and all(_variable(name) == value for name, value in self.variables)
        )


class ForgottenError(OpsError):
    """What was kept is not what was written, or does not hold any more: it is gone now, and is to be made anew."""

    code = "cache"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What was kept: a payload, and what is loaded only when it is needed."""

    payload: Any
    _file: IO[bytes] = field(repr=False)  # open: another process may make room meanwhile
    _path: Path
    _start: int
    _sha256: str

    def bulk(self) -> Any:
        """Return the larger part.

        Raises
        ------
        ForgottenError
            It is not what was written.
        """
        self._file.seek(self._start)
        content = self._file.read()
        if hashlib.sha256(content).hexdigest() != self._sha256:
            self._path.unlink(missing_ok=True)
            raise ForgottenError(f"The cache entry {self._path.name} is damaged.", next_step="Run this again.")
        return json.loads(content)


class Cache:
    """The cache of one home folder."""

    def __init__(self, home: Path) -> None:
        self.folder = home / ".ops" / "cache"

    def get(self, kind: str, inputs: object) -> Entry | None:
        """Return an entry that still holds, else None."""
        path = self._path(kind, inputs)
        try:
            file = path.open("rb")
        except OSError:
            return None
        try:
            head = json.loads(file.readline())
            dependencies = Dependencies(
                files=tuple(tuple(one) for one in head["files"]),
                folders=tuple(tuple(one) for one in head["folders"]),
                variables=tuple(tuple(one) for one in head["variables"]),
            )
            start = file.tell()
            whole = os.fstat(file.fileno()).st_size == start + head["bytes"] and head["version"] == VERSION
            if whole and dependencies.hold():
                os.utime(file.fileno())
                return Entry(payload=head["payload"], _file=file, _path=path, _start=start, _sha256=head["sha256"])
        except (OSError, ValueError, KeyError, TypeError):
            pass  # cut off, overwritten, or of another version: made anew
        file.close()
        return None

    def put(self, kind: str, inputs: object, payload: object, dependencies: Dependencies, bulk: object = None) -> None:
        """Keep a payload, and a larger part that is loaded only when it is needed; the oldest entries make room.

        Nothing is kept where a dependency was written meanwhile, or where the disk does not let us.
        """
        if not dependencies.settled:
            return
        content = json.dumps(bulk).encode()
        head = {
            "version": VERSION,
            "files": dependencies.files,
            "folders": dependencies.folders,
            "variables": dependencies.variables,
            "payload": payload,
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        # A cache that cannot be written costs time, and is no reason to withhold an answer.
        with contextlib.suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle, name = tempfile.mkstemp(dir=self.folder, suffix=".tmp")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(json.dumps(head).encode() + b"\n")
                    file.write(content)
                os.replace(name, self._path(kind, inputs))
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
            self._make_room()

    def drop(self, kind: str, inputs: object) -> None:
        """Forget an entry, if there is one."""
        self._path(kind, inputs).unlink(missing_ok=True)

    def clear(self) -> None:
        """Empty the cache."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, kind: str, inputs: object) -> Path:
        asked = json.dumps([program(), inputs], sort_keys=True, default=str)
        digest = hashlib.sha256(asked.encode("utf-8", "surrogatepass")).hexdigest()[:24]
        return self.folder / f"{kind}-{digest}.json"

    def _make_room(self) -> None:
        entries = []
        for path in self.folder.iterdir():
            try:
                found = path.stat()
            except FileNotFoundError:
                continue  # another process made room
            entries.append((found.st_mtime_ns, found.st_size, path))
        total = sum(size for _, size, _ in entries)
        for _, size, path in sorted(entries):
            if total <= LARGEST:
                break
            path.unlink(missing_ok=True)
            total -= size


@functools.cache
def program() -> str:
    """A hash of our own source: another version of it may read, or compare, in another way."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def now() -> int:
    """Return when work begins, for `Dependencies.of`."""
    return time.time_ns()


def _file(path: str) -> tuple[str, str | None, int, int]:
    try:
        # before it is read: what is written in between is then seen as a change
        found = os.stat(path)
        with open(path, "rb") as file:
            return path, hashlib.sha256(file.read()).hexdigest(), found.st_mtime_ns, found.st_size
    except OSError:
        return path, None, 0, 0


def _same_file(path: str, digest: str | None, modified: int, size: int) -> bool:
    try:
        found = os.stat(path)
    except OSError:
        return digest is None
    if (found.st_mtime_ns, found.st_size) == (modified, size):
        return True
    return _file(path)[1] == digest


def _listing(path: str) -> str | None:
    try:
        names = sorted(name for name in os.listdir(path) if name != "__pycache__" and not name.endswith(".pyc"))
    except OSError:
        return None
    return hashlib.sha256("\n".join(names).encode("utf-8", "surrogateescape")).hexdigest()


def _variable(name: str) -> str | None:
    value = os.environ.get(name)
    return None if value is None else hashlib.sha256(value.encode("utf-8", "surrogateescape")).hexdigest()
