"""The folder of a target's backups: `<home>/backups/<target>/<time>-<6 hex>/`, for its owner alone, unseen by git.

One in the making lies in a folder whose name begins with a dot, which its process holds locked: what nobody holds any
more was never finished, and goes at the next use. `backup.json` beside a dump says what was found of it.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ops.backup.values import Backup
from ops.dumps import Dump
from ops.errors import OpsError, UsageError
from ops.guard import evidence
from ops.values import Verdict

RECORD = "backup.json"
_MAKING = ".making-"
_OURS = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}\Z")
_TARGET = re.compile(r"(?!\.)[A-Za-z0-9_.-]{1,63}\Z")


class Shelf:
    """Where the backups of one target lie."""

    def __init__(self, home: Path, target: str) -> None:
        if not _TARGET.match(target):
            raise UsageError(
                f"{target[:80]!r} is no name that a folder of backups may bear.",
                next_step="Name the target with letters, digits, '_', '.' and '-'.",
            )
        self.home = home
        self.folder = home / "backups" / target

    @contextmanager
    def making(self) -> Iterator[tuple[Path, int]]:
        """Yield a folder for one in the making, and the descriptor that holds it; what is left in it goes.

        Raises
        ------
        OpsError
            The folder cannot be made.
        """
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.folder.parent.chmod(0o700)
            ignored = self.folder.parent / ".gitignore"
            if not ignored.exists():  # whatever else git is told: rows of a database do not belong there
                ignored.write_text("*\n", encoding="ascii")
            self._tidy()
            place = self.folder / f"{_MAKING}{secrets.token_hex(6)}"
            place.mkdir(mode=0o700)
            held = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
            fcntl.flock(held, fcntl.LOCK_EX)
        except OSError as error:
            raise _unusable(f"The folder {self.folder} for backups cannot be used", error) from None
        try:
            yield place, held
        finally:
            shutil.rmtree(place, ignore_errors=True)
            os.close(held)

    def finished(self) -> tuple[Path, ...]:
        """Return the folders of backups that were finished, whatever was found of them."""
        if not self.folder.is_dir():
            return ()
        return tuple(path for path in sorted(self.folder.iterdir()) if _OURS.match(path.name))

    def put(self, dump: Dump) -> Dump:
        """Give a dump that was made its place, and return it there."""
        final = self.folder / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
        os.rename(dump.folder, final)
        return replace(dump, folder=final)

    def record(self, made: Backup) -> None:
        """Write down what was found of a backup; a full one that is good counts for the guard.

        Raises
        ------
        OpsError
            It cannot be written. The backup itself is there.
        """
        said = {
            "sha256": made.dump.sha256,
            "identity": made.dump.identity,
            "verdict": made.verdict.value,
            "finished": made.dump.finished,
            "data": made.dump.data,
            "verified": made.verified,
        }
        try:
            _write(made.dump.folder / RECORD, said)
            if made.dump.data == "full" and made.verdict is Verdict.OK:
                path = evidence.record_of(self.home, made.dump.identity)
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                _write(
                    path,
                    {
                        "database": made.dump.identity,
                        "finished": made.dump.started,  # what came after its snapshot is not in it
                        "verdict": made.verdict.value,
                        "file": made.file,
                    },
                )
        except OSError as error:
            raise _unusable(f"The backup {made.file} is made, and its record cannot be written", error) from None

    def prune(self, keep: int, newest: Dump) -> tuple[str, ...]:
        """Remove what is older than the `keep` newest good backups with the same data of the same database.

        Return their names. What is not finished, of another database, or unknown is left alone; so is the newest.

        Raises
        ------
        OpsError
            One cannot be removed.
        """
        same = [
            (str(said["finished"]), path.name, said.get("verdict") == Verdict.OK.value)
            for path in self.finished()
            if (said := record(path))
            if said.get("identity") == newest.identity and said.get("data") == newest.data
        ]
        same.sort(reverse=True)
        good = [name for _, name, fine in same if fine][:keep]
        if not keep or len(good) < keep:
            return ()
        names = [name for _, name, _ in same]
        behind = tuple(name for name in names[names.index(good[-1]) + 1 :] if name != newest.folder.name)
        for name in behind:
            try:
                shutil.rmtree(self.folder / name)
            except OSError as error:
                raise _unusable(f"The old backup {name} cannot be removed, and may be damaged now", error) from None
        return behind

    def _tidy(self) -> None:
        for path in self.folder.glob(f"{_MAKING}*"):
            try:
                held = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            except FileNotFoundError:
                continue
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue  # in the making
            else:
                shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(held)


def _unusable(problem: str, error: OSError) -> OpsError:
    return OpsError(
        f"{problem}: {error.strerror}.",
        next_step="Look at that path, its owner, its permissions and its disk.",
        code="backup",
    )


def record(folder: Path) -> Mapping[str, Any]:
    """Return what was written down of the backup in a folder; nothing where there is no such record."""
    try:
        found = json.loads((folder / RECORD).read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and {"sha256", "finished", "identity"} <= found.keys() else {}


def _write(path: Path, said: Mapping[str, Any]) -> None:
    making = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with open(os.open(making, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(said, file, indent=1, ensure_ascii=False)
        file.flush()
        os.fsync(file.fileno())
    os.replace(making, path)
