"""One `ops run` as a process of its own: the panel's kernel stays free, and may even die without harm to the run."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ops.runbook import notify
from ops.runbook.record import FILE
from ops.settings import redact

_CELL = re.compile(r"\s*[\d.]+ s  \S+: ")


class Running:
    """A run that was started. Its progress is read from a file: a pipe would break, and the run with it, if we died.

    `folder` is where its record is written, `heard` what it has printed, each line with when it was read.
    """

    def __init__(self, notebook: str, parameters: Mapping[str, object], *, folder: Path) -> None:
        self.notebook = notebook
        self.folder = folder
        self._began = time.monotonic()
        self._ended: float | None = None
        self._read = 0
        self._rest = b""
        self.heard: list[tuple[float, str]] = []
        self._log = tempfile.TemporaryFile(prefix="ops-panel-")  # noqa: SIM115  it lives as long as the run
        command = [sys.executable, "-m", "ops", "run", notebook, "--out", str(folder)]
        for name, value in parameters.items():
            command += ["-p", f"{name}={str(value).lower() if isinstance(value, bool) else value}"]
        env = {name: value for name, value in os.environ.items() if name != "JPY_SESSION_NAME"}
        env[notify.VARIABLE] = ""  # whoever presses a button sees what came of it: nobody else needs to be told
        # A session of its own: what ends the kernel does not end a change of a database half-way.
        self._process = subprocess.Popen(
            command,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._log,
            start_new_session=True,
        )

    @property
    def seconds(self) -> float:
        """How long it has been at work, or was."""
        return (self._ended or time.monotonic()) - self._began

    @property
    def ended(self) -> bool:
        """Whether the process has ended; its last lines are read then."""
        over = self._process.poll() is not None
        self._follow()
        if over and self._ended is None:
            self._ended = time.monotonic()
        return over

    @property
    def over(self) -> bool:
        """Whether it was seen to have ended."""
        return self._ended is not None

    @property
    def lines(self) -> list[str]:
        """What it has printed."""
        return [line for _, line in self.heard]

    @property
    def cells(self) -> int:
        """How many cells were begun."""
        return sum(1 for line in self.lines if _CELL.match(line))

    def cancel(self) -> None:
        """Ask it to stop: the running statement is cancelled and rolled back, and the state is read back.

        Asked a third time, the kernel is ended at once.
        """
        if self._process.poll() is None:
            # An idle kernel is deaf to SIGINT, and so is whatever it starts then.
            self._process.send_signal(signal.SIGTERM)

    def wait(self) -> None:
        """Return when it has ended."""
        self._process.wait()

    def result(self) -> Mapping[str, Any]:
        """Return its `result.json`; where it ended without one, a failure with what it said last."""
        try:
            return json.loads((self.folder / FILE).read_bytes())
        except (OSError, ValueError):
            said = next((line for line in reversed(self.lines) if line.strip()), "")
            summary = said or f"It ended with exit code {self._process.returncode}, and said nothing."
            return {"verdict": "FAILED", "summary": summary, "data": {}, "error": None}

    def _follow(self) -> None:
        chunk = os.pread(self._log.fileno(), 1 << 20, self._read)
        self._read += len(chunk)
        *whole, self._rest = (self._rest + chunk).split(b"\n")
        when = time.monotonic()
        self.heard += [(when, redact(line.decode("utf-8", "replace"))) for line in whole]
