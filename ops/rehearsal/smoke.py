"""The user's own test of an application, run against a copy: an SQL file, or a command."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from ops import programs
from ops.embedded import binaries
from ops.errors import UsageError
from ops.rehearsal import variables
from ops.settings import TargetSettings, redact

SECONDS = 600.0
"""How long one may take, unless somebody says otherwise."""

_RUN_SQL = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).executescript(open(sys.argv[2], encoding='utf-8').read())"
"""What stands for psql where the copy is a file."""

_READ = 64 * 1024
_LINES, _CHARACTERS = 40, 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class Smoke:
    """How a smoke test ended. `output` is the end of what it said, without secrets.

    `exit_code` is None where it was ended because its time was over; one that a signal ended has the signal's number
    below zero.
    """

    exit_code: int | None
    output: str = field(repr=False)
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether its exit code was 0."""
        return self.exit_code == 0

    def __str__(self) -> str:
        if self.exit_code is None:
            return f"was ended after {self.seconds:.0f} s"
        return "passed" if self.passed else f"failed with exit code {self.exit_code}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SmokeTest:
    """A test that can be run: words of a command, in a folder. `file` is the SQL file that psql is to read."""

    text: str
    folder: Path
    command: tuple[str, ...] = ()
    file: Path | None = None

    def run(self, there: TargetSettings, live: TargetSettings, *, seconds: float = SECONDS) -> Smoke:
        """Return how the test ends at a copy, which `there` leads to. It learns nothing of `live` from us.

        See `variables.of_copy` for its environment. What it has started is ended with it.
        """
        command, environment = self.command, variables.of_copy(there, live)
        if self.file is not None and there.dialect == "sqlite":
            command = (sys.executable, "-c", _RUN_SQL, str(there.database.url.database), str(self.file))
        elif self.file is not None:
            address, secret = programs.public(there.database.url)
            psql = str(binaries.folder_of(max(binaries.majors())) / "psql")
            command = (psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", "--no-password", "-f", str(self.file), address)
            environment |= secret
        began = time.monotonic()
        with tempfile.TemporaryFile() as said:
            code = _run(command, self.folder, environment, said, seconds)
            return Smoke(exit_code=code, output=_end_of(said), seconds=time.monotonic() - began)


def read(text: str, settings: TargetSettings) -> SmokeTest | None:
    """Return the test that a text describes; None where it is empty.

    One word that ends in `.sql` is a file for psql, or for SQLite, and anything else a command, in words as a shell
    parts them; no shell is run. Paths begin at the folder that the project's env.py runs in.

    Raises
    ------
    UsageError
        There is no such file, or no such program.
    """
    folder = settings.project.cwd or settings.project.config.parent
    try:
        words = tuple(shlex.split(text))
    except ValueError as error:
        raise UsageError(f"The smoke test cannot be read: {error}.", next_step="Close the quotes.") from None
    if not words:
        return None
    if len(words) == 1 and words[0].endswith(".sql"):
        file = folder / words[0]
        if not file.is_file():
            raise UsageError(f"There is no smoke test {file}.", next_step=f"Write its path as seen from {folder}.")
        return SmokeTest(text=text, folder=folder, file=file.resolve())
    program = shutil.which(folder / words[0] if "/" in words[0] else words[0])
    if program is None:
        raise UsageError(
            f"There is no program {words[0][:80]!r} that the smoke test could run.",
            next_step="Name one that is on the PATH, or its path; a shell's own words need sh -c '…'.",
        )
    return SmokeTest(text=text, folder=folder, command=(program, *words[1:]))


def _run(
    command: tuple[str, ...], folder: Path, environment: dict[str, str], said: IO[bytes], seconds: float
) -> int | None:
    try:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that all of it can be ended, and Ctrl-C is ours
        )
    except OSError as error:
        raise UsageError(
            f"The smoke test cannot be started: {error.strerror}.", next_step="Try that command by itself."
        ) from None
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        return None
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _end_of(said: IO[bytes]) -> str:
    """The last lines, without secrets: half a secret would not be found, so they go before anything is cut."""
    length = said.seek(0, os.SEEK_END)
    said.seek(max(0, length - _READ))
    text = said.read().decode("utf-8", "replace")
    if length > _READ:
        text = text.partition("\n")[2]
    lines = redact(text).strip().splitlines()[-_LINES:]
    return "\n".join(lines)[-_CHARACTERS:]
