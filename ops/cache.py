"""Answers that took long, kept as long as nothing that they depended on has changed.

An entry holds, beside its payload, every file that the project's code read, every folder that it listed and every
environment variable that it asked for, as the worker saw them, each with a hash. It is used only when all of
them are still the same. Entries live under `.ops/cache/`, at most `LARGEST` bytes of them; removing the folder
empties the cache, and nothing is lost but time.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LARGEST = 256 * 1024 * 1024
VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependencies:
    """What an answer depended on: paths and names with the hash of what they held."""

    files: tuple[tuple[str, str | None, int, int], ...] = ()
    folders: tuple[tuple[str, str | None], ...] = ()
    variables: tuple[tuple[str, str | None], ...] = ()

    @classmethod
    def of(cls, seen: Mapping[str, Iterable[str]], *, without: Iterable[str] = ()) -> Dependencies:
        """Return the present state of what a worker says that it saw; `without` names variables that we set."""
        skipped = set(without)
        return cls(
            files=tuple(_file(path) for path in seen["files"]),
            folders=tuple((path, _listing(path)) for path in seen["folders"]),
            variables=tuple((name, _variable(name)) for name in seen["variables"] if name not in skipped),
        )

    def hold(self) -> bool:
        """Return whether everything is as it was."""
        return (
            all(_same_file(*one) for one in self.files)
            and all(_listing(path) == listing for path, listing in self.folders)
            and all(_variable(name) == value for name, value in self.variables)
        )


class Cache:
    """The cache of one home folder."""

    def __init__(self, home: Path) -> None:
        self.folder = home / ".ops" / "cache"

    def get(self, kind: str, inputs: object) -> Any:
        """Return the payload of an entry that still holds, else None."""
        path = self._path(kind, inputs)
        try:
            entry = json.loads(path.read_bytes())
            dependencies = Dependencies(
                files=tuple(tuple(one) for one in entry["files"]),
                folders=tuple(tuple(one) for one in entry["folders"]),
                variables=tuple(tuple(one) for one in entry["variables"]),
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None  # missing, cut off by a crash, or of another version: made anew
        if entry.get("version") != VERSION or not dependencies.hold():
            return None
        os.utime(path)
        return entry["payload"]

    def put(self, kind: str, inputs: object, payload: object, dependencies: Dependencies) -> None:
        """Keep a payload; the oldest entries make room."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        entry = {
            "version": VERSION,
            "files": dependencies.files,
            "folders": dependencies.folders,
            "variables": dependencies.variables,
            "payload": payload,
        }
        handle, name = tempfile.mkstemp(dir=self.folder, suffix=".tmp")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(entry, file)
        os.replace(name, self._path(kind, inputs))
        self._make_room()

    def clear(self) -> None:
        """Empty the cache."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, kind: str, inputs: object) -> Path:
        digest = hashlib.sha256(json.dumps(inputs, sort_keys=True, default=str).encode()).hexdigest()[:24]
        return self.folder / f"{kind}-{digest}.json"

    def _make_room(self) -> None:
        entries = []
        for path in self.folder.iterdir():
            try:
                found = path.stat()
            except FileNotFoundError:
                continue  # another process made room
            entries.append((found.st_mtime, found.st_size, path))
        total = sum(size for _, size, _ in entries)
        for _, size, path in sorted(entries):
            if total <= LARGEST:
                break
            path.unlink(missing_ok=True)
            total -= size


def _file(path: str) -> tuple[str, str | None, int, int]:
    try:
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
