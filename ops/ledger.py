"""The record of what was done to a database: intents, applied revisions, outcomes.

One line of JSON per record under `.ops/ledger/`, one file per database, only ever appended to and flushed to
the disk, so that a crash leaves an intent without an outcome: an open run.
"""

from __future__ import annotations

import getpass
import hashlib
import json
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ops.errors import OpsError
from ops.settings import cleaned, redact


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """One revision that was applied or undone through this toolkit."""

    revision: str
    direction: str
    when: str
    by: str
    sha256: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRun:
    """A run whose outcome was never recorded: it is still going on, or it died."""

    run: str
    when: str
    by: str
    direction: str
    wanted: tuple[str, ...]


_FIELDS = {
    "intent": {"run", "when", "direction", "to"},
    "revision": {"run", "when", "revision", "direction", "sha256", "seconds"},
    "outcome": {"run", "verdict"},
}
"""What is read of each kind of record."""


class Ledger:
    """The ledger of one database, in a file."""

    def __init__(self, home: Path, identity: str) -> None:
        name = hashlib.sha256(identity.encode()).hexdigest()[:16]
        self.path = home / ".ops" / "ledger" / f"{name}.jsonl"
        self.identity = identity

    def records(self) -> tuple[Mapping[str, Any], ...]:
        """Return every record, oldest first; a line that a crash cut off is left out.

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
        return tuple(one for one in map(_record, lines) if one is not None)

    def applied(self) -> Mapping[str, Applied]:
        """Return the last record of each revision."""
        intents = {one["run"]: one for one in self.records() if one["kind"] == "intent"}
        return {
            one["revision"]: Applied(
                revision=one["revision"],
                direction=one["direction"],
                when=one["when"],
                by=_who(intents.get(one["run"], {})),
                sha256=one["sha256"],
                seconds=one["seconds"],
            )
            for one in self.records()
            if one["kind"] == "revision"
        }

    def edited(self, now: Mapping[str, str]) -> tuple[str, ...]:
        """Return which of some revisions are not the files any more that were applied; `now` has the hash of each."""
        applied = self.applied()
        return tuple(
            name
            for name in sorted(now)
            if name in applied and applied[name].direction == "up" and applied[name].sha256 != now[name]
        )

    def open_runs(self) -> tuple[OpenRun, ...]:
        """Return the runs without an outcome, oldest first.

        A later run that succeeded has read the state back and gone on from it, so it closes earlier ones.
        """
        open_now: dict[str, OpenRun] = {}
        for one in self.records():
            if one["kind"] == "intent":
                open_now[one["run"]] = OpenRun(
                    run=one["run"],
                    when=one["when"],
                    by=_who(one),
                    direction=one["direction"],
                    wanted=tuple(one["to"]),
                )
            elif one["kind"] == "outcome":
                open_now.pop(one["run"], None)
                if one["verdict"] == "OK":
                    open_now.clear()
        return tuple(open_now.values())

    def write(self, kind: str, run: str, **fields: Any) -> None:
        """Append one record, and flush it to the disk. For the action layer only.

        Raises
        ------
        OpsError
            The file cannot be written: without a record nothing is changed.
        """
        record = {"kind": kind, "run": run, "when": _now(), "database": self.identity, **fields}
        line = json.dumps(cleaned(record), default=lambda value: redact(str(value))) + "\n"
        try:
            file = self._open()
            try:
                if _cut_off(file):
                    line = "\n" + line
                os.write(file, line.encode())
                if kind != "revision":  # the version table itself proves a revision; its intent is on the disk
                    os.fsync(file)
            finally:
                os.close(file)
        except OSError as error:
            raise OpsError(
                f"The ledger {self.path} cannot be written: {error.strerror}.",
                next_step="Make the folder writable: nothing is changed without a record.",
                code="ledger",
            ) from None

    def _open(self) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
        try:
            return os.open(self.path, flags, 0o600)
        except FileNotFoundError:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            return os.open(self.path, flags, 0o600)


def _record(line: bytes) -> Mapping[str, Any] | None:
    """Return a line's record; None where a killed process has written half of one, or another version of this one."""
    try:
        found = json.loads(line)
    except ValueError:
        return None
    known = _FIELDS.get(found.get("kind")) if isinstance(found, dict) else None
    return found if known is not None and known <= found.keys() else None


def _cut_off(file: int) -> bool:
    size = os.fstat(file).st_size
    return size > 0 and os.pread(file, 1, size - 1) != b"\n"


def whoami() -> dict[str, str]:
    """Return who is at work here: operating-system user, host, process, notebook."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user id without a name
        user = str(os.getuid())
    return {
        "os_user": user,
        "host": socket.gethostname(),
        "process": str(os.getpid()),
        "notebook": os.environ.get("OPS_NOTEBOOK", ""),
    }


def _who(intent: Mapping[str, Any]) -> str:
    who = intent.get("who", {})
    return f"{who.get('os_user', '?')}@{who.get('host', '?')}"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
