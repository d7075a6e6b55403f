"""The parent's side of the conversation with a worker."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from ops.errors import InterruptedRunError, OpsError
from ops.project import failures
from ops.project.process import Process
from ops.project.protocol import ASKING, GO, Event, Listener, understood
from ops.settings import TargetSettings, cleaned, redact

WORKER = Path(__file__).parent / "worker" / "__main__.py"

READ_SECONDS = 300.0
"""A project that has not answered a reading request by then hangs; changes have no such limit."""


class Worker:
    """One child process that drives one project against one target. It boots at once, and waits to be greeted."""

    def __init__(self, settings: TargetSettings) -> None:
        self.settings = settings
        self.backend_pids: set[int] = set()  # of every connection that was proved to be at the target
        self._shown = False
        self._overdue = False  # it was ended because it did not answer
        self._ahead = ""  # the request whose answer nobody has asked for yet
        self._early: dict[str, dict[str, Any] | OpsError] = {}
        self.versions: dict[str, str] = {}
        self.warnings: list[str] = []
        self._printed: deque[str] = deque(maxlen=400)
        project = settings.project
        folder = project.cwd or project.config.parent
        try:
            self._process = Process(project.python or sys.executable, WORKER, folder=folder, environment=_environment())
        except OSError as error:
            raise failures.cannot_start(settings, error) from None
        threading.Thread(target=self._listen_to_prints, daemon=True).start()

    def greet(self, *, session: dict[str, str] | None = None, nowhere: bool = False) -> None:
        """Tell the worker what to drive; requests may follow, and a connection waits for the proof.

        `nowhere`: whatever the project does, no connection is opened.
        """
        settings, project = self.settings, self.settings.project
        self._say(
            {
                "config": str(project.config),
                "url": settings.project_url(),
                "dialect": settings.dialect,
                "sys_path": list(project.sys_path),
                "imports": list(project.imports),
                "setup": project.setup,
                "x": list(project.x),
                "environment": settings.variables(),
                "options": [list(pair) for pair in project.options],
                "section_options": [list(triple) for triple in project.section_options],
                "connection_attribute": project.connection_attribute,
                "host": project.host,
                "redirect": project.redirect,
                "nowhere": nowhere,
                "drafts": list(project.drafts),
                "part": project.part,
                "session": {
                    "application_name": "alembic-ops worker",
                    "client_connection_check_interval": "500",
                    **(session or {}),
                },
            }
        )

    def show(self, proof: object, *, others: Sequence[object] = ()) -> None:
        """Tell what each connection has to see of the target: see `take_proof` of its dialect.

        `others`: the same of each of the other databases that env.py opens.
        """
        self._shown = True
        self._say({"proof": proof, "others": list(others)})

    def begin(self, name: str) -> None:
        """Have the worker begin with a request that only reads; `request` of that name returns what it answers."""
        self._say({"request": name, "read_only": True})
        self._ahead = name

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def request(
        self, name: str, *, listener: Listener | None = None, read_only: bool = True, **fields: Any
    ) -> dict[str, Any]:
        """Return what the worker answers; `listener` sees every event and answers those that ask.

        Raises
        ------
        OpsError
            What the project, the database or the worker said, translated by `failures`.
        InterruptedRunError
            The worker died, or has not answered a request that only reads within `READ_SECONDS`.
        """
        if self._ahead:
            self._await_early()
        early = self._early.pop(name, None)
        if isinstance(early, OpsError):
            raise early
        if early is not None:
            return early
        self._say({"request": name, "read_only": read_only, **fields})
        if listener is not None:
            return self._converse(listener)
        with self._limited():
            return self._converse(None)

    def _await_early(self) -> None:
        name, self._ahead = self._ahead, ""
        with self._limited():
            try:
                self._early[name] = self._converse(None)
            except InterruptedRunError:
                raise  # there is nobody any more who could be asked for anything else
            except OpsError as error:
                self._early[name] = error

    @contextlib.contextmanager
    def _limited(self) -> Iterator[None]:
        watchdog = threading.Timer(READ_SECONDS, self._give_up)
        watchdog.daemon = True
        watchdog.start()
        try:
            yield
        finally:
            watchdog.cancel()

    def _give_up(self) -> None:
        self._overdue = True
        self.kill()

    def kill(self) -> None:
        """End the worker and whatever it started, at once."""
        if self._process.returncode is not None:
            return  # reaped: its number may be somebody else's by now
        pid = self._process.pid
        if not pid:
            return  # none was made, and the group of number 0 is our own
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)

    def close(self) -> None:
        """End the worker; one that does not go by itself is killed."""
        if self._process.returncode is not None:
            return
        if self._shown:
            with contextlib.suppress(OpsError):  # it is gone already
                self._say({"request": "quit"})
        else:
            self.kill()
        watchdog = threading.Timer(2, self.kill)
        watchdog.start()
        stdout, stdin = self._process.stdout, self._process.stdin
        assert stdout is not None and stdin is not None  # opened as pipes above
        with stdout:
            for _ in stdout:
                pass  # until the end of file: the worker is gone, and not reaped yet, so its group is still its own
        watchdog.cancel()
        self.kill()  # what the project may have left running in the worker's session
        self._process.wait()
        with contextlib.suppress(OSError):  # a last line that nobody read
            stdin.close()

    @property
    def pid(self) -> int:
        """The process id of the worker."""
        return self._process.pid

    def printed(self, lines: int = 20) -> str:
        """Return the last lines that the project printed, without secrets."""
        return redact("".join(list(self._printed)[-lines:])).strip()

    @property
    def _stdin(self) -> IO[bytes]:
        stream = self._process.stdin
        assert stream is not None  # opened as a pipe above
        return stream

    def _say(self, message: dict[str, Any]) -> None:
        try:
            self._stdin.write(json.dumps(message).encode() + b"\n")
            self._stdin.flush()
        except (OSError, ValueError):  # ValueError: closed by us
            raise self._died() from None

    def _converse(self, listener: Listener | None) -> dict[str, Any]:
        stdout = self._process.stdout
        assert stdout is not None  # opened as a pipe above
        while line := stdout.readline():
            said = understood(line)
            if said is None:
                raise self._not_understood(line)
            try:
                event = without_secrets(said)
            except RecursionError:  # JSON is read deeper than it can be gone through
                raise self._not_understood(line) from None
            kind = event["event"]
            if kind == "answer":
                value: dict[str, Any] = event["value"]
                return value
            if kind == "error":
                try:
                    error = failures.translate(event, settings=self.settings, printed=self.printed())
                except (LookupError, TypeError, AttributeError, ValueError, RecursionError):
                    error = self._not_understood(line)
                raise error
            if kind == "signal":
                raise failures.told_to_end(event["name"])
            if kind == "connected":
                self.backend_pids.add(event["pid"])
            elif kind == "ready":
                self.versions = {name: event[name] for name in ("python", "alembic", "sqlalchemy")}
            elif kind == "warning":
                self.warnings.append(event["message"])
            answer = listener(event) if listener else None
            if kind in ASKING:
                self._say(dict(answer or GO))
        raise self._died()

    def _not_understood(self, line: bytes) -> InterruptedRunError:
        self.kill()  # whatever it does now, nobody can follow it
        return failures.not_understood(redact(line[:2000].decode("utf-8", "replace")))

    def _died(self) -> OpsError:
        """The error of a worker that is gone."""
        if not self._process.pid:
            return failures.never_began(self.settings)
        try:
            code = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.kill()
            code = self._process.wait()
        if self._overdue:
            return failures.overdue(READ_SECONDS, self.printed(6))
        return failures.died(code, self.printed(6))

    def _listen_to_prints(self) -> None:
        stream = self._process.stderr
        assert stream is not None  # opened as a pipe above
        with stream, contextlib.suppress(ValueError):  # closed under us at the end
            for line in stream:
                text = line.decode("utf-8", "replace")
                # Half a secret would not be found later.
                self._printed.append(text if len(text) <= 2000 else redact(text)[:2000])


def _environment() -> dict[str, str]:
    """What the child inherits: not our own switches, which its env.py may read through `ops`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OPS_RUN", "JPY_"))}
    kept["PYTHONUNBUFFERED"] = "1"
    return kept


_AS_WRITTEN = frozenset({
    "path",  # a folder may be called as a password is, and the version file has to be found
    "sql", "executed", "observed",  # what is judged
    "version_table", "version_table_schema", "default_schema", "role",
    "revision", "down_revisions", "depends_on", "branch_labels", "heads",
})  # fmt: skip
"""What names things, or is judged. A word of it may be a password as well: it is taken out where it is shown."""


def without_secrets(event: Event) -> Event:
    """Return what a worker said without secrets, but for SQL and names: `***` is no table, and is judged otherwise.

    Whoever shows, records or sends those removes secrets from them. Of an error nothing is judged but of which kind it
    is: that is a word of ours, which somebody's password may be as well.
    """
    kept = frozenset({"kind"}) if event.get("event") == "error" else _AS_WRITTEN
    found: Event = cleaned(dict(event), but=kept)
    return found
