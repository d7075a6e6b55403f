"""`result.json`: written whole or not at all, and truthful at every moment of a run."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import math
import os
import re
import secrets
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any

from ops.errors import OpsError, UsageError
from ops.settings import redact, unwritable
from ops.values import Verdict

SCHEMA = "ops.result/1"
FILE = "result.json"
NO_TARGET = "no-target"
"""The folder under `runs/` of notebooks that take no target."""

_NAME = re.compile(r"(?!\.)[A-Za-z0-9_.-]{1,63}\Z")


def now() -> dt.datetime:
    """Return the current time in UTC."""
    return dt.datetime.now(dt.UTC)


def new_folder(home: Path, *, target: str, notebook: str, started: dt.datetime) -> Path:
    """Create and return `runs/<target>/<date>/<time>-<notebook>-<6 hex>` under a home folder.

    Raises
    ------
    UsageError
        The target's name is none that a folder may bear, or nothing can be written under the home folder.
    """
    if not _NAME.match(target):
        raise UsageError(
            f"{target[:80]!r} is no name of a target.",
            next_step="Names are letters, digits, '_', '.' and '-'. `ops targets` lists them.",
        )
    day = home / "runs" / target / started.strftime("%Y-%m-%d")
    try:
        day.mkdir(parents=True, exist_ok=True)
        while True:
            folder = day / f"{started:%H%M%S}-{notebook.rpartition('/')[2]}-{secrets.token_hex(3)}"
            with contextlib.suppress(FileExistsError):
                folder.mkdir()
                return folder
    except OSError as error:
        raise unwritable(home, error) from None


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a file so that a reader, or a crash, meets the old content or the new one."""
    raw = content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with open(temporary, "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


class UnwritableError(OpsError):
    """The run folder lets nothing be written any more; `reason` is the system's."""

    code = "unwritable"
    changed = None

    def __init__(self, folder: Path, reason: OSError) -> None:
        self.reason = reason
        super().__init__(
            f"Nothing more can be written in the run folder {str(folder)!r}: {reason.strerror}.",
            next_step="Make room there, then run notebooks/10-inspect.ipynb to see where the database is.",
        )


class Record:
    """The record of one run, on disk from its first moment."""

    def __init__(self, folder: Path, content: dict[str, Any]) -> None:
        self.folder = folder
        self.content = content

    @classmethod
    def begin(
        cls,
        folder: Path,
        *,
        notebook: str,
        target: str | None,
        parameters: Mapping[str, object],
        started: dt.datetime,
    ) -> Record:
        """Return a new record, written with the verdict that a killed run deserves: UNKNOWN.

        Raises
        ------
        SettingsError
            The folder lets nothing be written; it is gone then, where it was empty.
        """
        record = cls(
            folder,
            {
                "schema": SCHEMA,
                "notebook": notebook,
                "target": target,
                "database": None,
                "server_version": None,
                "parameters": dict(parameters),
                "started": started.isoformat(timespec="milliseconds"),
                "finished": None,
                "verdict": Verdict.UNKNOWN.value,
                "exit_code": Verdict.UNKNOWN.exit_code,
                "summary": "not finished",
                "data": {},
                "artifacts": [],
                "error": None,
            },
        )
        try:
            record.write()
        except UnwritableError as error:
            with contextlib.suppress(OSError):
                folder.rmdir()
            raise unwritable(folder, error.reason) from None
        return record

    @classmethod
    def load(cls, folder: Path) -> Record:
        """Return the record of a run folder.

        Raises
        ------
        OpsError
            The folder has no record that can be read.
        """
        try:
            return cls(folder, json.loads((folder / FILE).read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            raise OpsError(
                f"{folder / FILE} cannot be read: {type(error).__name__}.",
                next_step="Run the notebook again.",
                changed=None,
                code="record",
            ) from None

    @property
    def finished(self) -> bool:
        """Whether the run has come to a verdict or an error."""
        return self.content["finished"] is not None

    @property
    def verdict(self) -> Verdict:
        """The verdict so far."""
        return Verdict(self.content["verdict"])

    @property
    def exit_code(self) -> int:
        """The exit code that `ops run` gives this run."""
        return int(self.content["exit_code"])

    def note(self, **facts: object) -> None:
        """Write facts that became known while it runs."""
        self.content.update(facts)
        self.write()

    def conclude(
        self,
        *,
        verdict: Verdict,
        summary: str,
        data: Mapping[str, object],
        error: OpsError | None = None,
    ) -> None:
        """Write the verdict of a run that reached its end."""
        self.content |= {
            "finished": now().isoformat(timespec="milliseconds"),
            "verdict": verdict.value,
            "exit_code": error.exit_code if error is not None else verdict.exit_code,
            "summary": _line(summary),
            "data": dict(data),
            "error": error.to_dict() if error is not None else None,
        }
        self.write()

    def fail(self, error: OpsError) -> None:
        """Write the error that ended a run."""
        data = getattr(error, "data", None)
        self.conclude(
            verdict=error.verdict,
            summary=error.problem,
            data=data if isinstance(data, Mapping) else self.content["data"],
            error=error,
        )

    def add_artifact(self, name: str, content: str | bytes | None = None) -> None:
        """Put a file of the run on record; `content` is written first, None means that it is there.

        Raises
        ------
        OpsError
            The name leads out of the run folder.
        UnwritableError
            The disk is full, or does not let us.
        """
        path = (self.folder / name).resolve()
        if self.folder.resolve() not in path.parents:
            raise OpsError(
                f"{name!r} is no file of the run folder.",
                next_step="Use a relative name for an artifact.",
                code="artifact",
            )
        if content is not None:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                write_atomically(path, redact(content) if isinstance(content, str) else content)
            except OSError as error:
                raise UnwritableError(self.folder, error) from None
        if name not in self.content["artifacts"]:
            self.content["artifacts"].append(name)

    @property
    def text(self) -> str:
        """What the file says, or would say if it could be written."""
        return json.dumps(self.content, indent=2, ensure_ascii=False) + "\n"

    def write(self) -> None:
        """Write the file, without any secret.

        Raises
        ------
        UnwritableError
            The disk is full, or does not let us. The file says what it said before.
        """
        self.content = plain(self.content)
        try:
            write_atomically(self.folder / FILE, self.text)
        except OSError as error:
            raise UnwritableError(self.folder, error) from None


def plain(value: object) -> Any:
    """Return a value as JSON can hold it: no tuples, dates, NaN or enums, and no secret in any text."""
    if isinstance(value, Enum):
        return plain(value.value)
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {redact(str(key)): plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, (set, frozenset)):
        return sorted((plain(one) for one in value), key=str)
    if isinstance(value, (dt.datetime, dt.date, dt.time)):
        return value.isoformat()
    return redact(str(value))


def _line(text: str) -> str:
    """Return text as one line, in which what stood on lines of its own does not run into the next."""
    parts = [" ".join(line.split()) for line in text.splitlines()]
    parts = [one for one in parts if one]
    ended = [one if one[-1] in ".:;,!?…)" else f"{one}." for one in parts[:-1]]
    return " ".join((*ended, *parts[-1:]))
