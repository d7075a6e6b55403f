"""The ledger as a file: one line of JSON per record under `.ops/ledger/`, one file per database.

It is only ever appended to and flushed to the disk, so that a crash leaves an intent without an outcome.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from ops.errors import OpsError
from ops.ledger.values import Record, known


class FileStore:
    """The file of one database."""

    def __init__(self, home: Path, identity: str) -> None:
        name = hashlib.sha256(identity.encode()).hexdigest()[:16]
        self.path = home / ".ops" / "ledger" / f"{name}.jsonl"

    @property
    def place(self) -> str:
        """Where it is, in words."""
        return str(self.path)

    def read(self, version_table: str, *, statements: bool = False) -> tuple[Record, ...]:
        """Return the records of one version table, oldest first; a line that a crash cut off is left out.

        Records of earlier versions do not name their table: they count for any.

        Raises
        ------
        OpsError
            The file cannot be read.
        """
        try:
            lines = self.path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise OpsError(
                f"The ledger {self.path} cannot be read: {error.strerror}.",
                next_step="Make the file readable: it says what was done to this database.",
                code="ledger",
            ) from None
        found = (_record(line) for line in lines)
        wanted = (one for one in found if one is not None and one.get("version_table", version_table) == version_table)
        return tuple(wanted if statements else map(_short, wanted))

    def append(self, record: dict[str, Any]) -> None:
        """Append one record, and flush it to the disk.

        Raises
        ------
        OpsError
            The file cannot be written.
        """
        line = json.dumps(record) + "\n"
        try:
            file = self._open()
            try:
                if _cut_off(file):
                    line = "\n" + line
                _write(file, line.encode())
                if record["kind"] != "revision":  # the version table proves a revision; its intent is on the disk
                    os.fsync(file)
            finally:
                os.close(file)
        except OSError as error:
            raise OpsError(
                f"The ledger {self.path} cannot be written: {error.strerror}.",
                next_step="Make the folder writable, and see that its disk has room: nothing more is changed without a "
                "record.",
                code="ledger",
            ) from None

    def obstacles(self) -> tuple[str, ...]:
        """Return nothing: whether a file can be written shows when it is."""
        return ()

    def close(self) -> None:
        """Do nothing: the file is closed after each record."""

    def _open(self) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
        try:
            return os.open(self.path, flags, 0o600)
        except FileNotFoundError:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            return os.open(self.path, flags, 0o600)


def _record(line: bytes) -> Record | None:
    """Return a line's record; None where a killed process has written half of one, or another version of this one."""
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if known(found) else None


def _short(record: Record) -> Record:
    return {name: value for name, value in record.items() if name != "statements"}


def _write(file: int, content: bytes) -> None:
    """Write all of it: where the disk gets full, the system writes a part, and says so at the next attempt only."""
    while content:
        content = content[os.write(file, content) :]


def _cut_off(file: int) -> bool:
    size = os.fstat(file).st_size
    return size > 0 and os.pread(file, 1, size - 1) != b"\n"
